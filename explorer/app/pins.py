"""Pins: places of a model that the user keeps, in a filmstrip along the bottom of the page."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from urllib.parse import urlencode
from uuid import uuid4

import numpy as np
import streamlit as st

from explorer.app import cache, directions, parts, session
from explorer.app.exports import download
from explorer.app.latent_files import csv_table, npz
from explorer.app.pair import row_at
from explorer.app.view import Detail
from explorer.app.words import describe_test_image, literal
from explorer.bundle.bundle import Bundle
from explorer.bundle.spelling import parse_place
from explorer.drawing import raster
from explorer.notation import MAX_LIST_LENGTH, parse_count, parse_list, write_list

MOST = 12
ZOOM = 4
"""Factor by which images are enlarged in the strip that is downloaded."""


@dataclass(frozen=True)
class Pin:
    """A place that the user keeps.

    Attributes:
        name: the name shown to the user.
        place: the place, written as ``parse_place`` reads it.
        label: the class that a conditional model decodes there.
        is_chosen: whether it is selected for use in another tool.
        id: what the keys of its widgets end in, wherever it lies in the list.
    """

    name: str
    place: str
    label: int = 0
    is_chosen: bool = True
    id: str = field(default_factory=lambda: uuid4().hex, compare=False)

    def z(self, bundle: Bundle) -> np.ndarray:
        """The latent, ``(latent_dim,)``."""
        return parse_place(self.place, bundle)

    def picture(self, bundle: Bundle) -> np.ndarray:
        """The image decoded there, ``(height, width, channels)`` uint8."""
        given = replace(bundle, label=self.label)
        picture: np.ndarray = cache.decoded(given, self.z(bundle)[np.newaxis])[0]
        return picture


def pins_of(bundle: Bundle) -> list[Pin]:
    """The pins of a model, as a list that is changed in place."""
    shelves: dict[str, list[Pin]] = st.session_state.setdefault("pins", {})
    return shelves.setdefault(bundle.content, [])


def _apply(text: str, bundle: Bundle) -> None:
    """Take the pins of a link, unless the visit has some: going back must not remove them."""
    found = [_read(fields, bundle) for fields in parse_list(text)[:MOST]]
    if not (pins := pins_of(bundle)):
        pins.extend(found)


def _read(fields: list[str], bundle: Bundle) -> Pin:
    name, place, number = [*fields, "", ""][:3]
    parse_place(place, bundle)
    label = parse_count(number or "0")
    if label is None or label >= len(bundle.card.data.classes):
        raise ValueError(f"there are classes 0 to {len(bundle.card.data.classes) - 1}")
    return Pin(name, place.replace(" ", ","), label)


def _write(bundle: Bundle) -> str | None:
    """All pins, with fewer decimals if the text would be long."""
    pins, text = pins_of(bundle), ""
    for digits in (3, 2, 1):
        text = write_list([_fields(pin, bundle, digits) for pin in pins])
        if len(text) <= MAX_LIST_LENGTH:
            break
    return text or None


def _fields(pin: Pin, bundle: Bundle, digits: int) -> list[str]:
    place = pin.place
    if not place.startswith("test-"):  # an address writes a space as one character, a comma as 3
        place = session.format_latent(pin.z(bundle), digits).replace(",", " ")
    return [pin.name, place, *([str(pin.label)] if bundle.card.model.is_conditional else [])]


DETAIL = Detail("pins", _apply, _write)


def render_pins(bundle: Bundle) -> None:
    """Draw the strip: a button that keeps the point, a menu of uses, and the pins."""
    pins = pins_of(bundle)
    with st.container(key="pins", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button(
            "Pin the point", key="pin", icon=":material/push_pin:", on_click=_add, args=(bundle,),
            disabled=len(pins) >= MOST, width="content",
            help=f"Keep the point here for the visit, and in the address; up to {MOST} (key K)",
        )  # fmt: skip
        if pins:
            with st.popover("Use pins", key="use-pins", width="content"):
                _render_uses(bundle, [pin for pin in pins if pin.is_chosen])
                _render_list(pins)
        for number, pin in enumerate(pins):
            picture = raster.data_uri(pin.picture(bundle))
            st.button(
                f"![]({picture}) {literal(pin.name)}",
                key=f"pin-{number}", on_click=_go, args=(bundle, pin), width="content",
            )  # fmt: skip
    if pins:
        parts.draggable("pin-", len(pins), partial(_drop, bundle))


def _add(bundle: Bundle) -> None:
    pins, z = pins_of(bundle), session.point(bundle)
    row = row_at(bundle, z)
    names = {pin.name for pin in pins}
    name = next(name for n in count(1) if (name := f"Pin {n}") not in names)
    place = session.format_latent(z)
    if row is not None:
        name, place = describe_test_image(bundle, row), f"test-{row}"
    pins.append(Pin(name, place, bundle.label))


def _go(bundle: Bundle, pin: Pin) -> None:
    session.choose_label(bundle, pin.label)
    session.move_to(bundle, pin.z(bundle))


def _drop(bundle: Bundle, held: int, onto: int | str) -> None:
    """Move a pin to the place of another, or use it with the chosen ones in another view."""
    pins = pins_of(bundle)
    chosen = [pin for pin in pins if pin.is_chosen or pin is pins[held]]
    if isinstance(onto, int):
        pins.insert(onto, pins.pop(held))
    elif onto == "Interpolate" and len(chosen) > 1:
        _interpolate(chosen)
    elif onto == "Sliders" and len(chosen) > 1:
        _direct(bundle, chosen[0], chosen[-1])


def _interpolate(chosen: list[Pin]) -> None:
    """Open a path through pins."""
    state = st.session_state
    state["a"], *state["via"], state["b"] = (pin.place for pin in chosen)
    state["view"] = "Interpolate"


def _direct(bundle: Bundle, first: Pin, second: Pin) -> None:
    """Open the direction from one pin to another."""
    directions.show(bundle, f"ends:{first.place}:{second.place}", f"{first.name} → {second.name}")


def _render_list(pins: list[Pin]) -> None:
    """Draw the controls that choose, rename, reorder and remove pins."""
    state = st.session_state

    def change(pin: Pin) -> None:
        name, is_chosen = state[f"pin-name-{pin.id}"], state[f"pin-use-{pin.id}"]
        for number in places_of(pin):
            pins[number] = replace(pin, name=name, is_chosen=is_chosen)

    def move(pin: Pin, by: int) -> None:
        for number in places_of(pin):
            pins.insert(max(number + by, 0), pins.pop(number))

    def remove(pin: Pin) -> None:
        for number in places_of(pin):
            del pins[number]

    def places_of(pin: Pin) -> list[int]:
        """Its place now; none if the press before this one removed it."""
        return [number for number, other in enumerate(pins) if other.id == pin.id]

    for number, pin in enumerate(pins):
        state[f"pin-use-{pin.id}"], state[f"pin-name-{pin.id}"] = pin.is_chosen, pin.name
        row = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
        row.checkbox(
            f"Use {pin.name}", key=f"pin-use-{pin.id}", on_change=change, args=(pin,),
            label_visibility="collapsed", width="content",
        )  # fmt: skip
        row.text_input(
            f"Name of pin {number + 1}", key=f"pin-name-{pin.id}", on_change=change,
            args=(pin,), max_chars=40, label_visibility="collapsed",
        )  # fmt: skip
        for label, action, is_possible in (
            ("Earlier", partial(move, by=-1), number > 0),
            ("Later", partial(move, by=1), number < len(pins) - 1),
            ("Remove", remove, True),
        ):
            row.button(
                label, key=f"pin-{label.lower()}-{pin.id}", on_click=action, args=(pin,),
                disabled=not is_possible, width="content",
            )  # fmt: skip


def _render_uses(bundle: Bundle, chosen: list[Pin]) -> None:
    """Draw the buttons that use the chosen pins in other tools, or save them."""
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Interpolate", on_click=_interpolate, args=(chosen,), disabled=len(chosen) < 2,
            help="A path through the chosen pins, in this order; or drag one onto its tab",
        )  # fmt: skip
        st.button(
            "Direction", on_click=_direct, args=(bundle, *chosen), disabled=len(chosen) != 2,
            help="The direction from the first to the second of two chosen pins; or drag one "
            "onto the Sliders tab",
        )  # fmt: skip
    if not chosen:
        return
    images = np.stack([pin.picture(bundle) for pin in chosen])
    latents = np.stack([pin.z(bundle) for pin in chosen])
    names, labels = np.array([pin.name for pin in chosen]), [pin.label for pin in chosen]

    def table() -> str:
        data, is_conditional = bundle.card.data, bundle.card.model.is_conditional
        given = [data.classes[label] if is_conditional else "" for label in labels]
        titles = ["name", "class", *(f"z_{d + 1}" for d in range(latents.shape[1]))]
        return csv_table(titles, zip(names.tolist(), given, strict=True), latents)

    def strip() -> bytes:
        return raster.png(raster.enlarge(raster.tile(images, len(images)), ZOOM))

    def arrays() -> bytes:
        decoded_as = {"labels": np.array(labels, np.int64)}
        is_conditional = bundle.card.model.is_conditional
        return npz(z=latents, images=images, names=names, **(decoded_as if is_conditional else {}))

    file = f"{bundle.card.name}-pins"
    with st.container(horizontal=True, gap="xsmall"):
        download("PNG", strip, f"{file}.png", mime="image/png")
        download("NPZ", arrays, f"{file}.npz")
        download("CSV", table, f"{file}.csv", mime="text/csv")
    address = {
        "model": bundle.card.name,
        "view": st.session_state["view"],
        "pins": _write(bundle) or "",
    }
    st.caption("This link brings all pins back, and so does the page's own address:")
    st.code(f"{st.context.url}?{urlencode(address)}", language=None, wrap_lines=True)
