"""The page's address: ``?model=…&view=…&z=…`` and a few options reproduce a view.

It is read when a visit begins and when the visitor goes back or forward, and written after
every other run. Parameters that the page sets without the server (``static/live/address.js``)
are left untouched; ``static/live/shared/settings.js`` says which of them do not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.app import directions, internals, pins, session
from explorer.app.view import Detail, Option, View
from explorer.bundle.bundle import Bundle
from explorer.bundle.spelling import parse_class
from explorer.notation import parse_latent


@dataclass(frozen=True)
class Address:
    """The address of a page with these views."""

    views: tuple[View, ...]

    @property
    def options(self) -> tuple[Option, ...]:
        """The options that the address may carry, whichever view is open."""
        return tuple(option for view in self.views for option in view.options)

    @property
    def details(self) -> tuple[Detail, ...]:
        """The details that the address may carry about a model, one for each name.

        Views that share a name read it in the same way.
        """
        of_views = {detail.name: detail for view in self.views for detail in view.details}
        return *ALWAYS, *of_views.values()

    def read(self, models: Iterable[str], first: str | None) -> None:
        """Read the address, if it is new; if it names no model, the visit begins with ``first``."""
        state = st.session_state
        state.setdefault("points", {})
        if "begun" in state and not internals.is_history_navigation():
            self.hold_options()
            return
        if internals.is_history_navigation() is None:
            session.notify(
                "With this version of Streamlit the browser's back and forward buttons do not "
                "work here; use the tabs."
            )
        state["begun"] = True
        address = st.query_params.to_dict()
        names = [view.name for view in self.views]
        state["view"] = _one_of("view", address, names, names[0])
        state["model"] = _one_of("model", address, list(models), first)
        for option in self.options:
            state[option.name] = _one_of(option.name, address, option.choices, option.default)
        state["held"] = {option.name: state[option.name] for option in self.options}
        state["here"] = state["model"], state["view"]
        state["pending"] = address
        if "z" not in address:
            state["points"].pop(state["model"], None)

    def read_details(self, bundle: Bundle) -> None:
        """Take what the address says about the model, now that it is loaded."""
        address = st.session_state.pop("pending", None)
        if address is None:
            return
        view = self._open_view()
        for detail in self.details:
            text = address.get(detail.name)
            try:
                if text is not None:
                    detail.apply(text, bundle)
                elif detail in view.details:
                    detail.clear(bundle)
            except ValueError as error:
                session.notify(f"The address's {detail.name} {_quote(text)} was left out: {error}.")

    def hold_options(self) -> None:
        """Keep the chosen options, whatever the controls report, unless the user changed some.

        After quick clicks on models and tabs, Streamlit's controls lose their state and report
        their first choice, or none: several of them at once, or along with a click.
        """
        state = st.session_state
        here = state["model"], state["view"]
        held = state["held"]
        said = {option.name: state.get(option.name) for option in self.options}
        changed = [option for option in self.options if said[option.name] != held[option.name]]
        first = {option.name: option.choices[0] for option in changed}
        is_a_persons = here == state["here"] and all(
            said[option.name] in option.choices
            and (len(changed) == 1 or said[option.name] != first[option.name])
            for option in changed
        )
        for option in changed:
            if is_a_persons:
                held[option.name] = said[option.name]
            else:
                state[option.name] = held[option.name]
        state["here"] = here

    def write(self, bundle: Bundle) -> None:
        """Write the state of the page to the address."""
        if not internals.is_history_navigation():  # a new entry would break going back
            self._write(bundle)
        session.address().clear()
        session.address().update(st.query_params.to_dict())

    def _open_view(self) -> View:
        (view,) = (view for view in self.views if view.name == st.session_state["view"])
        return view

    def _write(self, bundle: Bundle) -> None:
        state = st.session_state
        view = self._open_view()
        address = {"model": bundle.card.name, "view": view.name}
        address |= {
            option.name: str(state[option.name])
            for option in self.options
            if state[option.name] != option.default
        }
        for detail in (*ALWAYS, *view.details):
            if (text := detail.write(bundle)) is not None:
                address[detail.name] = text
        now = st.query_params.to_dict()
        ours = {"model", "view", *(option.name for option in self.options)}
        ours |= {detail.name for detail in self.details}
        sent = session.address() or now  # newer than ``now`` if the request left before it arrived
        if any({name: one[name] for name in one if name in ours} != address for one in (now, sent)):
            others = {name: text for name, text in now.items() if name not in ours}
            st.query_params.from_dict(address | others)


def _apply_point(text: str, bundle: Bundle) -> None:
    session.move_to(bundle, parse_latent(text, bundle.card.model.latent_dim))


def _apply_class(text: str, bundle: Bundle) -> None:
    session.choose_label(bundle, parse_class(text, bundle))


def _write_class(bundle: Bundle) -> str | None:
    is_conditional = bundle.card.model.is_conditional
    return bundle.card.data.classes[bundle.label] if is_conditional else None


ALWAYS = (
    Detail("z", _apply_point, lambda bundle: session.format_latent(session.point(bundle))),
    Detail("class", _apply_class, _write_class),
    pins.DETAIL,
    directions.KEPT,
)
"""The details that the address carries in every view."""


def _one_of(name: str, address: dict[str, str], choices: Iterable[Any], default: Any) -> Any:
    text = address.get(name)
    if text is None:
        return default
    for choice in choices:
        if str(choice).lower() == text.lower() or _is_number(choice, text):
            return choice
    session.notify(
        f"The address asks for {name} {_quote(text)}, which does not exist; showing {default}."
    )
    return default


def _is_number(choice: Any, text: str) -> bool:
    """Whether the text is another way to write the number: 3 for 3.0."""
    try:
        return type(choice) in (int, float) and choice == float(text)
    except ValueError:
        return False


def _quote(text: str) -> str:
    """Untrusted text, shortened, as Markdown code, so that it is shown but not interpreted."""
    shown = " ".join(text[:60].replace("`", "").split())
    return f"`{shown}`" if shown else "“”"
