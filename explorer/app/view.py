"""What a view of the page consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explorer.bundle.bundle import Bundle


@dataclass(frozen=True)
class Option:
    """A setting that the address carries, whatever the model; the session keeps it by ``name``."""

    name: str
    default: Any
    choices: tuple[Any, ...]


@dataclass(frozen=True)
class Detail:
    """What the address carries about one model while its view is open.

    Attributes:
        name: its name in the address.
        apply: applies its text; raises ValueError with a sentence if the model has no such thing.
        write: returns its text; None if there is nothing to write.
        clear: called when an address opens the view without this detail.
    """

    name: str
    apply: Callable[[str, Bundle], Any]
    write: Callable[[Bundle], str | None]
    clear: Callable[[Bundle], Any] = lambda bundle: None


@dataclass(frozen=True)
class View:
    """A tab of the page.

    Attributes:
        name: its name on the tab and in the address.
        render: draws the view of a model.
        options, details: what the address carries for this view.
        needs_decoder: whether there is nothing to draw for a bundle without graphs.
    """

    name: str
    render: Callable[[Bundle], None]
    options: tuple[Option, ...] = ()
    details: tuple[Detail, ...] = ()
    needs_decoder: bool = False
