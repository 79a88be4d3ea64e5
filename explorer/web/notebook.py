"""A single-file page in a notebook, which reports the point, the groups and the pins."""

from __future__ import annotations

import html
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from explorer.bundle.store import Bundle, load
from explorer.web.code import FOLDER
from explorer.web.document import VIEWS, Look, write_page


class Space(anywidget.AnyWidget):
    """A latent space in a notebook.

    Without a kernel, as in an exported notebook, the page works but reports nothing.
    """

    _esm = FOLDER / "page" / "widget.js"
    page = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(760).tag(sync=True)
    _address = traitlets.Unicode().tag(sync=True)
    _point = traitlets.Dict().tag(sync=True)
    _groups = traitlets.Dict().tag(sync=True)
    _pins = traitlets.Dict().tag(sync=True)

    @property
    def point(self) -> np.ndarray | None:
        """The latent that was reached, ``(latent_dim,)`` float32; None before one is reached."""
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

    def _repr_html_(self) -> str:
        """The page alone, for viewers without widgets."""
        return (
            f'<iframe title="Latent space" srcdoc="{html.escape(self.page)}" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )


def show(
    model: str | Path | Bundle,
    *,
    height: int = 760,
    images: int | None = None,
    views: tuple[str, ...] = VIEWS,
) -> Space:
    """Show a latent space in a notebook, with all its live parts.

    Args:
        model: a bundle, its name, or its folder, as `explorer.adopt` returns it.
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
    return Space(page=page.decode("utf-16"), height=height)
