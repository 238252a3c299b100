"""Who is at the page: asked anew in every rerun, callback and fragment, and once in each.

Streamlit runs callbacks before the script and fragments without it, so a check at the top of a page is not enough; and what
lies in `st.session_state` says nothing about who is there now. The truth is the session in the store, by the id that our
middleware put into `st.user`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeAlias, TypeVar

import streamlit as st

from apom.errors import NotFound, NotSignedIn
from apom.models import Actor
from apom.words import _, language, preferred

P = ParamSpec("P")
R = TypeVar("R")
ResolveSession: TypeAlias = Callable[[str], Actor | None]

OWNER = "_apom_owner"  # whose this session_state is


def _nobody(_ref: str) -> Actor | None:
    return None


_resolve: ResolveSession = _nobody
_here: ContextVar[Actor | None] = ContextVar("apom_here", default=None)  # while a page, callback or fragment is run


def connect(resolve_session: ResolveSession) -> None:
    """Says how a session's id becomes an actor, None once it has ended. The server calls it, once."""
    global _resolve
    _resolve = resolve_session


def current_user() -> Actor | None:
    """Who is signed in at this very moment, None for nobody."""
    ref, user_id = st.user.get("session_ref"), st.user.get("user_id")
    actor = _resolve(ref) if isinstance(ref, str) else None
    return actor if actor is not None and str(actor.user_id) == user_id else None


def require_user() -> Actor:
    """Who is signed in. Raises NotSignedIn."""
    actor = _here.get() or current_user()
    if actor is None:
        raise NotSignedIn("You are signed out. Sign in to go on.")
    return actor


def guarded(act: Callable[P, R]) -> Callable[P, R]:
    """For every callback and every fragment (inside `@st.fragment`): when nobody is signed in any more, nothing of `act`
    runs and the page is drawn anew, which shows the sign-in.
    """

    @wraps(act)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        actor = _arrive()
        if actor is None:
            st.rerun()
        with _as(actor):
            return act(*args, **kwargs)

    return checked


@dataclass(frozen=True, kw_only=True, eq=False)
class Screen:
    """A page: its path without slashes ("" for the first), its title (marked by `N_`), and what draws it."""

    path: str
    title: str
    show: Callable[[], None]


_screens: dict[str, Screen] = {}  # the same for everybody: what an address means, not who may see it


def run(screens: Sequence[Screen], *, sign_in: Callable[[str], None]) -> None:
    """Draws the screen of this address, or `sign_in(path)` in its place while nobody is signed in.

    Every page is known to Streamlit, so that a deep link keeps its address, but only the chosen one is run.
    """
    actor = _arrive()
    _screens.update({screen.path: screen for screen in screens})
    pages = {page(screen.path): screen for screen in screens}
    chosen = st.navigation(list(pages), position="hidden")
    screen = pages[chosen]
    if actor is None:
        sign_in("/" + screen.path)
    else:
        with _as(actor):
            chosen.run()


def page(path: str) -> st.Page:
    """The page at a path, for st.page_link and st.switch_page. Raises NotFound for one that is not registered."""
    screen = _screens.get(path)
    if screen is None:
        raise NotFound
    return st.Page(screen.show, title=_(screen.title), url_path=path or "home", default=path == "", visibility="hidden")


@contextmanager
def _as(actor: Actor) -> Iterator[None]:
    """Whoever was found to be here stays so until this is left: a page asks for its person many times (a third of its
    cost), and one that was begun is drawn to its end.
    """
    token = _here.set(actor)
    try:
        yield
    finally:
        _here.reset(token)


def _arrive() -> Actor | None:
    """Who is here, in their language; what another left in the session's state is gone."""
    actor = current_user()
    owner = str(actor.session_id) if actor else ""
    if st.session_state.get(OWNER, owner) != owner:
        st.session_state.clear()
    st.session_state[OWNER] = owner
    language.set(actor.language if actor else preferred(st.context.locale or ""))
    return actor
