"""What stands behind the edge: filled in by the studio, replaced by tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import streamlit as st
from starlette.routing import BaseRoute

from apom.models import Actor
from apom.server.identity import Sessions

Lifespan: TypeAlias = Callable[[st.App], AbstractAsyncContextManager[Mapping[str, Any] | None]]

DASHBOARD = Path(__file__).with_name("dashboard.py")


def nobody(_: str) -> Actor | None:
    """Knows no one."""
    return None


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the edge is given.

    `sessions`: the actor behind a token; a route that ends a session calls its `forget`. `resolve_session`: the actor
    behind a session's id, for pages; it may block and answers None once the session has ended. `lifespan` opens and
    closes what they need. `routes` go before Streamlit's. `uploads`: path prefixes at `/api` that take files. `media_origins`: where media may
    be redirected to.
    """

    sessions: Sessions = field(default_factory=lambda: Sessions(nobody))
    resolve_session: Callable[[str], Actor | None] = nobody
    lifespan: Lifespan | None = None
    routes: Sequence[BaseRoute] = ()
    uploads: tuple[str, ...] = ()
    media_origins: tuple[str, ...] = ()
    script: Path = DASHBOARD


def wiring() -> Wiring:
    """The application's own."""
    return Wiring()
