"""What a view of the page consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explorer.bundle.store import Bundle


@dataclass(frozen=True)
class Option:
    """A setting that the address carries, whatever the model; the session keeps it by ``name``."""

    name: str
    default: Any
    choices: tuple[Any, ...]


@dataclass(frozen=True)
class Detail:
    """What the address carries of one model, while its view is open.

    Attributes:
        name: in the address.
        take: uses its text; raises ValueError with a sentence if the model has no such thing.
        tell: the text; None if there is nothing to tell.
        drop: is called when an address opens the view without this detail.
    """

    name: str
    take: Callable[[str, Bundle], Any]
    tell: Callable[[Bundle], str | None]
    drop: Callable[[Bundle], Any] = lambda bundle: None


@dataclass(frozen=True)
class View:
    """A tab of the page.

    Attributes:
        name: on the tab and in the address.
        render: draws the view of a model.
        options, details: of this view in the address.
        needs_decoder: whether there is nothing to draw for a bundle without graphs.
    """

    name: str
    render: Callable[[Bundle], None]
    options: tuple[Option, ...] = ()
    details: tuple[Detail, ...] = ()
    needs_decoder: bool = False
