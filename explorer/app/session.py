"""What one visitor looks at: the model, the point and the plane, kept in the page's address.

``?model=…&view=…&z=…`` and a few options reproduce a view. The address is read when
a visit begins and when the visitor goes back or forward, and written after every other run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.app import cache
from explorer.bundle.store import Bundle
from explorer.core.geometry import Plane, axis_plane, line_plane
from explorer.notation import LIMIT, parse_latent

VIEWS = ("Map", "Manifold", "Sliders", "Interpolate", "Reconstruct", "Model")


@dataclass(frozen=True)
class Option:
    """A setting that the address carries; it stands in the session under ``name``."""

    name: str
    default: Any
    choices: tuple[Any, ...]


OPTIONS = (
    Option("background", "None", ("None", "Density", "Manifold")),
    Option("plane", "Dimensions", ("Dimensions", "Principal")),
    Option("size", 20, tuple(range(5, 41))),
    Option("spacing", "Normal", ("Normal", "Linear")),
    Option("extent", 2.5, tuple(round(0.5 * step, 1) for step in range(2, 13))),
    Option("holes", False, (False, True)),
    Option("path", "Straight line", ("Straight line", "Great arc")),
    Option("steps", 12, tuple(range(3, 41))),
)
CHOICES = {option.name: option.choices for option in OPTIONS}


def choose(name: str, label: str, **further: Any) -> str:
    """A control of segments for an option of few choices; what is chosen."""
    return st.segmented_control(
        label, CHOICES[name], key=name, required=True, persist_state="session", **further
    )


def begin(names: Iterable[str], first: str | None) -> None:
    """Read the address, if it says something new; a visit begins with the model ``first``."""
    state = st.session_state
    state.setdefault("points", {})
    state.setdefault("axes", {})
    state.setdefault("notices", [])
    if "begun" in state and not _goes_back():
        _hold_options()
        return
    state["begun"] = True
    address = st.query_params.to_dict()
    state["view"] = _one_of("view", address, VIEWS, VIEWS[0])
    state["model"] = _one_of("model", address, list(names), first)
    for option in OPTIONS:
        state[option.name] = _one_of(option.name, address, option.choices, option.default)
    state["held"] = {option.name: state[option.name] for option in OPTIONS}
    state["here"] = state["model"], state["view"]
    state["pending"] = {key: address[key] for key in ("z", "axes", "a", "b") if key in address}
    if "z" not in address:
        state["points"].pop(state["model"], None)


def _hold_options() -> None:
    """Keep what was chosen, whatever the controls say, unless a person changed one of them.

    Under quick clicks on models and tabs Streamlit's controls forget what they showed and
    report their first choice, or none: several of them at once, or along with a click.
    """
    state = st.session_state
    here = state["model"], state["view"]
    said = {option.name: state.get(option.name) for option in OPTIONS}
    changed = [option for option in OPTIONS if said[option.name] != state["held"][option.name]]
    is_a_persons = (
        here == state["here"] and len(changed) == 1 and said[changed[0].name] in changed[0].choices
    )
    for option in changed:
        if is_a_persons:
            state["held"][option.name] = said[option.name]
        else:
            state[option.name] = state["held"][option.name]
    state["here"] = here


def arrive(bundle: Bundle) -> None:
    """Take what the address says about the point, now that its model is known."""
    latent_dim = bundle.card.model.latent_dim
    pending = st.session_state.pop("pending", {})
    for key, use in {
        "z": lambda text: move_to(bundle, parse_latent(text, latent_dim)),
        "axes": lambda text: choose_axes(bundle, _parse_axes(text, latent_dim)),
        "a": lambda text: st.session_state.update(a=parse_endpoint(text, bundle)),
        "b": lambda text: st.session_state.update(b=parse_endpoint(text, bundle)),
    }.items():
        if key in pending:
            _try(use, pending[key], key)


def write_address(bundle: Bundle) -> None:
    """Let the address say what is on the page."""
    if _goes_back():
        return  # a new entry in the browser's history would be the end of going back
    state = st.session_state
    address = {"model": bundle.card.name, "view": state["view"], "z": format_latent(point(bundle))}
    for option in OPTIONS:
        if state[option.name] != option.default:
            address[option.name] = str(state[option.name])
    if bundle.card.model.latent_dim > 2 and state["plane"] == "Dimensions":
        address["axes"] = ",".join(str(dimension + 1) for dimension in axes(bundle))
    if state["view"] == "Interpolate":
        address.update({key: state[key] for key in ("a", "b") if state.get(key)})
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def point(bundle: Bundle) -> np.ndarray:
    """The current latent point, ``(latent_dim,)`` float32; the origin at first."""
    origin = np.zeros(bundle.card.model.latent_dim, np.float32)
    found = st.session_state["points"].get(bundle.card.name, origin)
    return found if found.shape == origin.shape else origin


def move_to(bundle: Bundle, z: np.ndarray) -> None:
    """Make ``z`` the current point."""
    st.session_state["points"][bundle.card.name] = rounded(z)


def rounded(z: np.ndarray) -> np.ndarray:
    """The latent to the three decimals that the address keeps, and within its limits."""
    return (np.round(np.clip(z, -LIMIT, LIMIT).astype(np.float64), 3) + 0.0).astype(np.float32)


def choose_axes(bundle: Bundle, chosen: tuple[int, int]) -> None:
    """Let these two dimensions of a model span the plane."""
    st.session_state["axes"][bundle.card.name] = chosen


def axes(bundle: Bundle) -> tuple[int, int]:
    """The two dimensions of three or more that span the plane; those of largest KL at first."""
    if chosen := st.session_state["axes"].get(bundle.card.name):
        return chosen
    first, second = bundle.main_dimensions
    return first, second


def plane(bundle: Bundle) -> Plane:
    """The plane that every two-dimensional picture shows."""
    latent_dim = bundle.card.model.latent_dim
    if latent_dim == 1:
        return line_plane()
    if latent_dim == 2:
        return axis_plane(0, 1, point(bundle))
    if st.session_state["plane"] == "Principal":
        return cache.principal_plane_of(bundle)
    return axis_plane(*axes(bundle), point(bundle))


def notice(sentence: str) -> None:
    """Keep a sentence to be shown at the top of the page in this run."""
    st.session_state["notices"].append(sentence)


def notices() -> list[str]:
    """The sentences that wait to be shown."""
    waiting, st.session_state["notices"] = st.session_state["notices"], []
    return waiting


def format_latent(z: np.ndarray) -> str:
    """A latent as the address carries it: ``0.5,-1.25``."""
    return ",".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in z.tolist())


def parse_endpoint(text: str, bundle: Bundle) -> str:
    """Check an end of an interpolation: ``test-17`` or a latent; returns it unchanged.

    Raises:
        ValueError: with a sentence for a person.
    """
    if text.startswith("test-"):
        row = _number(text.removeprefix("test-"))
        if row is None or row >= bundle.card.data.test_images:
            raise ValueError(f"there are test images 0 to {bundle.card.data.test_images - 1}")
    else:
        parse_latent(text, bundle.card.model.latent_dim)
    return text


def _goes_back() -> bool:
    """Whether this run is due to the browser's back or forward button."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _parse_axes(text: str, latent_dim: int) -> tuple[int, int]:
    if latent_dim < 3:
        raise ValueError("only a model of three dimensions or more has axes to choose")
    chosen = [(_number(part) or 0) - 1 for part in text.split(",")]
    if len(chosen) != 2 or len(set(chosen)) != 2 or not all(0 <= c < latent_dim for c in chosen):
        raise ValueError(f"the axes are two different dimensions from 1 to {latent_dim}")
    return chosen[0], chosen[1]


def _number(text: str) -> int | None:
    """The number that is written with up to nine digits; else None."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _one_of(name: str, address: dict[str, str], choices: Iterable[Any], default: Any) -> Any:
    text = address.get(name)
    if text is None:
        return default
    for choice in choices:
        if str(choice).lower() == text.lower() or _is_number(choice, text):
            return choice
    notice(f"The address asks for {name} {_quote(text)}, which there is not; showing {default}.")
    return default


def _is_number(choice: Any, text: str) -> bool:
    """Whether the text is another way to write the number: 3 for 3.0."""
    try:
        return type(choice) in (int, float) and choice == float(text)
    except ValueError:
        return False


def _try(use: Callable[[str], Any], text: str, name: str) -> None:
    try:
        use(text)
    except ValueError as error:
        notice(f"The address's {name} {_quote(text)} was left out: {error}.")


def _quote(text: str) -> str:
    """A stranger's text, cut, as Markdown that shows it and does nothing else."""
    shown = " ".join(text[:60].replace("`", "").split())
    return f"`{shown}`" if shown else "“”"
