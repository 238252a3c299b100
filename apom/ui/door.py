"""How pages reach the workspace, act through it, and say how it went."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from uuid import UUID

import streamlit as st

from apom.errors import ApomError, NotFound
from apom.studio import Workspace, current
from apom.ui import guard
from apom.words import say

P = ParamSpec("P")
R = TypeVar("R")
MARKS = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:])")


def mine() -> Workspace:
    """The door of who is here at this very moment. Raises NotSignedIn."""
    return current().workspace(guard.require_user())


def plain(text: str) -> str:
    """A text somebody wrote, for calls that render Markdown: every sign means itself."""
    return MARKS.sub(r"\\\1", text)


def did(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Acts, and says whether it went well; a refusal becomes a toast with its sentence."""
    try:
        act(*args, **kwargs)
    except ApomError as error:
        st.toast(plain(say(error)), icon=":material/error:")
        return False
    return True


def attempt(act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Acts; a refusal becomes a toast with its sentence, and the answer is None."""
    try:
        return act(*args, **kwargs)
    except ApomError as error:
        st.toast(plain(say(error)), icon=":material/error:")
        return None


def asked_for(name: str) -> UUID:
    """The id that the address asks for. Raises NotFound."""
    try:
        return UUID(st.query_params.get(name, ""))
    except ValueError:
        raise NotFound from None


def go(path: str, **query: str) -> None:
    """To another page, now, out of a page, a fragment or a callback: what would have come after it does not run.

    A callback is the safest place: it runs even when the fragment it came from goes while it waits for its turn.
    """
    st.switch_page(guard.page(path), query_params=query)
