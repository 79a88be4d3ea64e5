"""The parts of the page that run in the browser, from ``static/live/``.

The browser gets a model's weights and latents once, from an address that it may cache
(``mount_model``); after that the parts talk to each other in the page, and to the server only
when the point has settled.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.app import cache, drawings, session
from explorer.app.server import address_of
from explorer.bundle.bundle import Bundle
from explorer.core.pixels import to_pixels, to_unit_range
from explorer.drawing import raster
from explorer.web import contents
from explorer.web.code import ENTRY, STYLE, VERSION
from explorer.web.payload import encode_images

_NOT_LOADED = "This part of the page could not be loaded; reload the page."


def _part(name: str) -> Callable[..., None]:
    """Return a function that mounts a part of the page; ``streamlit.js`` lists the parts."""
    component = st.components.v2.component(
        f"live_{name}",
        css=STYLE,
        js=f"""
const adapter = import(new URL("live/{VERSION}/{ENTRY}", document.baseURI).href);
export default function (component) {{
  let isOver = false, end;
  const data = Array.isArray(component.data) ? component.data[0] : component.data;
  adapter.then(
    ({{ render }}) => {{ if (!isOver) end = render("{name}", {{ ...component, data }}); }},
    () => {{ component.parentElement.innerHTML = `<p role="alert">{_NOT_LOADED}</p>`; }},
  );
  return () => {{ isOver = true; end?.(); }};
}}
""",
    )

    def mount(*, data: bytes | dict[str, Any] | None, **further: Any) -> None:
        # In a list: in a dictionary Streamlit looks for data frames, and imports pandas for that
        component(data=[data] if isinstance(data, dict) else data, **further)

    return mount


_frame = _part("frame")
_store = _part("store")
_sprite = _part("sprite")
_lens = _part("lens")
_map = _part("map")
_sliders = _part("sliders")
_grid = _part("grid")
_scrubber = _part("scrubber")
_picker = _part("picker")
_draw = _part("draw")
_drag = _part("drag")
_refine = _part("refine")
_shown = _part("shown")


def mount_frame(bundle: Bundle, view: str, axes: list[dict[str, Any]]) -> None:
    """Mount the tour, the keyboard shortcuts and what else belongs to no view.

    Args:
        bundle: the model.
        view: name of the open view.
        axes: name and unit vector of the user's own directions, for planes of map and manifold.
    """
    point = session.format_latent(session.point(bundle))
    choice = f"{bundle.content} {bundle.label} {point}"
    _frame(
        key="frame",
        data={
            "view": view,
            "choice": choice,
            "model": bundle.content,
            "label": bundle.label,
            "directions": axes,
        },
    )


def mount_model(bundle: Bundle) -> None:
    """Tell the browser the address of the model, which it keeps for later visits."""
    data = {"address": address_of("model", bundle.content)}
    _store(key=f"store-{bundle.content}", data=data)


def mount_images(bundle: Bundle) -> None:
    """Tell the browser the test images' address, or that there are none; last: may take seconds."""
    is_there = cache.originals_of(bundle) is not None
    nothing = encode_images(bundle, None)
    data = {"address": address_of("images", bundle.content)} if is_there else nothing
    _sprite(key=f"sprite-{bundle.content}", data=data)


def lens(bundle: Bundle) -> None:
    """Mount the image at the latent that is looked at, its neighbour and its trust reading."""
    _lens(
        key="lens",
        data={"content": bundle.content, "z": session.point(bundle).tolist()},
    )


def live_map(
    bundle: Bundle,
    *,
    key: str,
    z: np.ndarray | None = None,
    on_click: Callable[[np.ndarray, int | None], None] | None = None,
    on_groups: Callable[[np.ndarray, np.ndarray], None] | None = None,
    picks: bool = True,
    path: np.ndarray | None = None,
    has_lens: bool = False,
    linked: Bundle | None = None,
) -> None:
    """Mount the map of the test images; the page decides what it shows of them.

    Args:
        bundle: the model.
        key: key of the widget.
        z: the latent whose place is marked, by default the point.
        on_click: called with the latent, and the row of the test image if a dot was hit;
            by default the latent becomes the point.
        on_groups: called with the rows of groups A and B, ``(k,)`` each, when the user asks for
            the direction between them.
        picks: whether the mark stays where it is when ``on_click`` is called.
        path: latents to join by a line, ``(k, latent_dim)``.
        has_lens: whether the picture at the latent that is looked at is shown beside the map.
        linked: another model on the page, whose map follows what is looked at here.
    """
    count = bundle.card.data.test_images

    def take_groups() -> None:
        groups = _reported(key, "groups")
        try:
            rows = [np.unique(np.asarray(groups[name], np.int64)) for name in ("A", "B")]
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        if on_groups and all(some.size and 0 <= some[0] <= some[-1] < count for some in rows):
            on_groups(*rows)

    _map(
        key=key,
        data={
            "content": bundle.content,
            "z": (session.point(bundle) if z is None else z).tolist(),
            "label": contents.map_label(bundle),
            "path": None if path is None else _written(path),
            "picks": on_click is not None and picks,
            "directs": on_groups is not None,
            "hasLens": has_lens,
            "given": bundle.label,
            **({} if linked is None else {"linked": linked.content}),
        },
        on_settled_change=_mover(bundle, key, on_click),
        on_groups_change=take_groups,
    )


def sliders(bundle: Bundle, rows: Sequence[dict[str, Any]], *, key: str) -> None:
    """Mount sliders with strips, for rows made by ``contents``."""
    _sliders(
        key=key,
        data={
            "content": bundle.content,
            "z": session.point(bundle).tolist(),
            **contents.sliders(rows),
        },
        on_settled_change=_mover(bundle, key),
    )


def grid(bundle: Bundle, rows: Sequence[dict[str, Any]], *, key: str) -> None:
    """Mount images decoded over the map that the page shows, and sliders that move a plane."""
    _grid(
        key=key,
        data={
            "content": bundle.content,
            "name": bundle.card.name,
            "z": session.point(bundle).tolist(),
            **contents.sliders(rows),
        },
        on_settled_change=_mover(bundle, key),
    )


def scrubber(
    bundle: Bundle,
    path: np.ndarray,
    *,
    key: str,
    density: np.ndarray | None = None,
    beside: tuple[Bundle, np.ndarray] | None = None,
) -> None:
    """Mount a slider with play and pause along a path.

    It moves the point, unless the path of another model is beside it.

    Args:
        bundle: the model.
        path: latents, ``(k, latent_dim)``.
        key: key of the widget.
        density: the percentage of test images in thinner places, for each latent, ``(k,)``; drawn.
        beside: another model, and its path.
    """
    data: dict[str, Any] = {"content": bundle.content, "path": _written(path)}
    if density is not None:
        data["density"] = density.round(1).tolist()
    if beside is not None:
        other, along = beside
        data["beside"] = {"content": other.content, "path": _written(along)}
    _scrubber(key=key, data=data, on_settled_change=_mover(bundle, key))


def draw(
    bundle: Bundle,
    *,
    key: str,
    sheet: str = "",
    moves: bool = False,
    refines: bool = False,
) -> np.ndarray | None:
    """Mount a canvas to draw on, beside the model's live reconstruction of the drawing.

    Args:
        bundle: the model.
        key: key of the widget.
        sheet: name of the drawing: canvases with the same name show the same drawing.
        moves: whether the point moves to where the encoder puts a new drawing.
        refines: whether its latent can be refined, and the refined latent become the point.

    Returns:
        What the model sees of the drawing, as ``drawings.drawing``.
    """

    def take() -> None:
        settled = _reported(key, "settled")
        uri = settled.get("picture") if isinstance(settled, dict) else None
        drawn = raster.read_data_uri(uri, bundle.card.data.image_shape)
        if drawn is None:
            return
        drawings.keep(bundle, sheet, drawn)
        if moves and drawings.reach(bundle, sheet):
            session.move_to(bundle, bundle.codec.encode(to_unit_range(drawn[np.newaxis]))[0][0])

    _draw(
        key=key,
        data={
            "content": bundle.content,
            "z": session.point(bundle).tolist(),
            "sheet": sheet,
            "moves": moves,
            "refines": refines,
            **contents.drawing(bundle, cache.object_fill(bundle)),
        },
        on_settled_change=take,
        on_point_change=_mover(bundle, key, event="point"),
    )
    return drawings.drawing(bundle, sheet)


def refine(bundle: Bundle, image: np.ndarray) -> None:
    """Mount the search for a better latent of an image than the encoder's; it can become the point.

    Args:
        bundle: the model.
        image: ``(height, width, channels)`` in [0, 1].
    """
    key = f"refine-{bundle.card.name}"
    _refine(
        key=key,
        data={
            "content": bundle.content,
            "z": session.point(bundle).tolist(),
            "image": base64.b64encode(to_pixels(image).tobytes()).decode(),
        },
        on_point_change=_mover(bundle, key, event="point"),
    )


def follow_drawing(bundle: Bundle, other: Bundle, *, key: str) -> None:
    """Mount another model's live reconstruction of the drawing on the first model's canvas."""
    given = contents.drawing(bundle, cache.object_fill(bundle))
    _draw(key=key, data={"content": other.content, "follows": True, "moves": True, **given})


def pick_tile(
    tiles: np.ndarray,
    on_pick: Callable[[int], None],
    *,
    columns: int,
    labels: Sequence[str],
    key: str,
    title: str,
    selected: int | None = None,
    tile_size: int | None = None,
    on_move: Callable[[int, int], None] | None = None,
) -> None:
    """Mount tiles of which one can be chosen by click or key.

    Args:
        tiles: ``(n, height, width, channels)`` uint8.
        on_pick: called with the index of a chosen tile, before the page is drawn again.
        columns: tiles in a row.
        labels: description of each tile, for screen readers and under the pointer.
        key: key of the widget.
        title: title of the whole picture, for screen readers.
        selected: the tile to mark.
        tile_size: side of a tile in CSS pixels; None fills the width.
        on_move: called with two indices when a tile is dragged to the place of another.
    """

    if len(tiles) % columns:  # the rest of the last row is transparent
        tiles = raster.with_alpha(tiles)

    def take() -> None:
        tile = _reported(key, "picked")
        if is_tile(tile):
            on_pick(tile)

    def move() -> None:
        moved = _reported(key, "moved")
        if on_move and isinstance(moved, list) and len(moved) == 2 and all(map(is_tile, moved)):
            on_move(*moved)

    def is_tile(number: object) -> bool:
        return type(number) is int and 0 <= number < len(tiles)

    _picker(
        key=key,
        data={
            "image": cache.data_uri(raster.tile(tiles, columns, blank=0)),
            "columns": columns,
            "rows": -(-len(tiles) // columns),
            "aspect": tiles.shape[2] / tiles.shape[1],
            "labels": list(labels),
            "title": title,
            "selected": selected,
            "tileSize": tile_size,
            "canMove": on_move is not None,
        },
        on_picked_change=take,
        on_moved_change=move,
    )


def ask_settings(on_told: Callable[[dict[str, str]], None], *, key: str) -> None:
    """Ask the page for the settings that it applies by itself, such as the kind of map.

    Args:
        on_told: called once with those that differ from the default, as the address writes them.
        key: key of the widget.
    """

    def take() -> None:
        told = _reported(key, "told")
        if isinstance(told, dict):
            on_told({str(name): str(text) for name, text in told.items()})

    _shown(key=key, data={}, on_told_change=take)


def draggable(prefix: str, count: int, on_drop: Callable[[int, int | str], None]) -> None:
    """Make the widgets with the keys ``prefix0``, ``prefix1`` … draggable.

    Args:
        prefix: what their keys start with.
        count: number of widgets.
        on_drop: called with a widget's number and what it was dropped on: the number of another
            widget, or the name of a tab.
    """
    key = f"drag-{prefix}"

    def take() -> None:
        dropped = _reported(key, "dropped")
        try:
            held, onto = dropped["held"], str(dropped["onto"])
        except (KeyError, TypeError):
            return
        if type(held) is int and 0 <= held < count:
            places = {str(number): number for number in range(count)}
            on_drop(held, places.get(onto, onto))

    _drag(key=key, data={"prefix": f"st-key-{prefix}"}, on_dropped_change=take)


def _written(path: np.ndarray) -> list[list[float]]:
    """Latents of a path with six decimals, three more than the point has: much shorter JSON."""
    rounded: list[list[float]] = path.astype(np.float64).round(6).tolist()
    return rounded


def _reported(key: str, event: str) -> Any:
    """What a part reports; None if it is already gone, as after a change of the model."""
    return getattr(st.session_state.get(key), event, None)


def _mover(
    bundle: Bundle,
    key: str,
    use: Callable[[np.ndarray, int | None], None] | None = None,
    *,
    event: str = "settled",
) -> Callable[[], None]:
    """Return a callback for where the pointer settled; it checks what the browser reports."""

    def move() -> None:
        settled = _reported(key, event)
        try:
            z = np.asarray(settled["z"], np.float64)
            row = settled["row"]
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        if z.shape != (bundle.card.model.latent_dim,) or not np.isfinite(z).all():
            return
        if use is None:
            session.move_to(bundle, z)
        else:
            is_row = type(row) is int and 0 <= row < bundle.card.data.test_images
            use(z, row if is_row else None)

    return move
