"""Registers components, and brings what people do in them to Python: each action once, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import streamlit as st
from pydantic import JsonValue, TypeAdapter, ValidationError
from streamlit.components.v2.types import ComponentRenderer
from streamlit.runtime.scriptrunner import RerunException

from apom.models import Record

HERE = Path(__file__).parent


class Action(Record):
    """What a person did to the item `id`. `n` rises from action to action."""

    n: int
    action: str
    id: UUID


OnAction: TypeAlias = Callable[[Action], None]
_ACTIONS = TypeAdapter(tuple[Action, ...])


def assemble(name: str, html: str, *, parts: Sequence[str] = (), isolated: bool = True) -> ComponentRenderer:
    """Registers the component of the folder `name`. `isolated`: in a shadow root; else its html has the class `apom`.

    `parts`: what it stands on beside dom.js and base.css, as paths here without an ending. Scripts and looks go in as text:
    Streamlit would look for files in an installed package only.
    """
    script, look = pieces(name, parts)
    if not isolated:
        look = f"@scope (.apom) {{\n{look}}}\n"
    return st.components.v2.component(f"apom.{name}", html=html, css=look, js=script, isolate_styles=isolated)


def pieces(name: str, parts: Sequence[str]) -> tuple[str, str]:
    """The script and the look of the component `name`."""
    whole = [*parts, f"{name}/{name}"]
    return _texts(["dom", *whole], ".js"), _texts(["base", *whole], ".css")


def _texts(names: Sequence[str], ending: str) -> str:
    paths = (HERE / (name + ending) for name in names)
    return "".join(path.read_text("utf-8") for path in paths if path.exists())


def mount(
    component: ComponentRenderer,
    *,
    key: str,
    data: Mapping[str, object],
    allow: Collection[str],
    on_action: OnAction,
) -> None:
    """Draws a component whose actions go to `on_action`, before the page or fragment is drawn again.

    Streamlit keeps only the newest trigger while a script runs, so the browser sends every action it has no answer to,
    and `done` in the data is the answer. What is not in `allow` is dropped: the browser is not to be trusted. An action is
    carried out once; one that ends in `go` or st.rerun again, when it is sent again.
    """
    memory = f"{key}:done"

    def act() -> None:
        here = st.session_state.get(key)  # gone when it was sent from a page that has been left
        before = st.session_state.get(memory, 0)
        for action in read_actions(here and here.get("action"), after=before):
            st.session_state[memory] = action.n
            try:
                if action.action in allow:
                    on_action(action)
            except RerunException:  # it leads away; sent again, by who is still here, it does so again
                st.session_state[memory] = before
                raise
            before = action.n

    done = st.session_state.get(memory, 0)
    component(key=key, data={**data, "allow": sorted(allow), "done": done}, on_action_change=act)


def read_actions(payload: JsonValue, *, after: int) -> tuple[Action, ...]:
    """The actions of a payload that are newer than `after`, oldest first; none when it is not what our script sends."""
    try:
        actions = _ACTIONS.validate_python(payload)
    except ValidationError:
        return ()
    return tuple(sorted((action for action in actions if action.n > after), key=lambda action: action.n))
