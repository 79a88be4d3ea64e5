"""A single-file page in a notebook, which reports the point, the groups and the pins.

The page is an output in HTML, which a saved notebook keeps; a widget below it takes no room and
brings what happens in the page to the kernel. Without a kernel the page works, but reports nothing,
which a sentence below it says until the widget is there.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any
from uuid import uuid4

import anywidget
import numpy as np
import traitlets
from IPython.display import display

from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load
from explorer.web.code import FOLDER
from explorer.web.document import VIEWS, Look, write_page

UNHEARD = "Not connected to Python: run the cell again to read this page's point, groups and pins."
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Space(anywidget.AnyWidget):
    """A latent space in a notebook.

    Attributes:
        page: the page, which is not synchronised, since it has megabytes.
        height: its height in pixels.
    """

    _esm = FOLDER / "page" / "widget.js"
    height = traitlets.Int(760).tag(sync=True)
    _frame = traitlets.Unicode().tag(sync=True)
    _address = traitlets.Unicode().tag(sync=True)
    _point = traitlets.Dict().tag(sync=True)
    _groups = traitlets.Dict().tag(sync=True)
    _pins = traitlets.Dict().tag(sync=True)

    def __init__(self, page: str, **traits: Any) -> None:
        """Hold a page; ``traits`` are the widget's."""
        super().__init__(_frame=f"space-{uuid4().hex}", **traits)
        self.page = page
        self.on_msg(self._send_page)

    @property
    def point(self) -> np.ndarray | None:
        """The latent that is shown, ``(latent_dim,)`` float32; None before the page is shown."""
        return np.array(self._point["z"], np.float32) if self._point else None

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """Rows of the test images in group ``"A"`` and ``"B"`` of the map, ``(k,)`` each."""
        return {name: np.array(self._groups.get(name, []), np.int64) for name in "AB"}

    @property
    def pins(self) -> dict[str, np.ndarray]:
        """The pinned latents by their names, ``(latent_dim,)`` float32 each."""
        pins = self._pins.get("pins", [])
        return {pin["name"]: np.array(pin["z"], np.float32) for pin in pins}

    def _ipython_display_(self) -> None:
        """Show the page, and below it the widget."""
        page = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        for output in (page, {WIDGET_VIEW: self.get_view_spec(), "text/plain": ""}):
            display(output, raw=True)  # type: ignore[no-untyped-call]

    def _repr_html_(self) -> str:
        """The page, as it was last left, and a sentence that the widget removes."""
        return (
            f'<iframe class="{self._frame}" name="{html.escape(self._address)}" '
            f'title="Latent space" allowfullscreen srcdoc="{html.escape(self.page)}" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
            f'<p class="{self._frame}">{UNHEARD}</p>'
        )

    def _send_page(self, *_: object) -> None:
        """Send the page's HTML to a widget that stands alone, as in a box of widgets."""
        self.send({}, buffers=[self._repr_html_().encode()])


def show(
    model: str | Path | Bundle,
    *,
    height: int = 760,
    images: int | None = None,
    views: tuple[str, ...] = VIEWS,
) -> Space:
    """Show a latent space in a notebook, with all its live parts.

    Args:
        model: a bundle, its name, or its folder, as ``explorer.adopt`` returns it.
        height: height in pixels.
        images: largest number of test images in the page; by default all that may be passed on.
        views: the page's views, as ``("Map", "Sliders")``.

    Returns:
        The widget; ``point``, ``groups`` and ``pins`` are what was reached and chosen in it.

    Raises:
        BundleError: if there is no such bundle, or it is broken.
        PageError: if the requested pictures may not be passed on.

    Example:
        >>> space = explorer.show("mnist-2d")
        >>> space
        >>> space.point
    """
    bundle = model if isinstance(model, Bundle) else load(model)
    page = write_page([bundle], Look(bundle.card.title, views=views, images=images))
    return Space(page.decode("utf-16"), height=height)
