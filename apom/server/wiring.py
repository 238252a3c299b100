"""What stands behind the edge: the studio with its REST interface and media; replaced by tests."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import streamlit as st
from anyio import to_thread
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

from apom import runfile
from apom.api import create_api, hooks, media, review_routes, upload_routes
from apom.config import Settings
from apom.errors import Misconfigured, NotFound, Unavailable
from apom.models import Actor
from apom.server import review_page
from apom.server.identity import Remembered, Sessions
from apom.studio import Studio, current, set_current

log = logging.getLogger("apom.server")

Lifespan: TypeAlias = Callable[[st.App], AbstractAsyncContextManager[Mapping[str, Any] | None]]

DASHBOARD = Path(__file__).with_name("dashboard.py")


def nothing() -> None:
    """Nothing to be told."""


def nobody(_: str) -> Actor | None:
    """Knows no one."""
    return None


def no_link(_: str) -> UUID | None:
    """Knows no review link."""
    return None


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the edge is given.

    `sessions`: the actor behind a token; a route that ends a session calls its `forget`. `links`: the live review link
    behind a token. `resolve_session`: the actor
    behind a session's id, for pages; it may block and answers None once the session has ended. `lifespan` opens and
    closes what they need; `wind_down` tells them, while the last answers go out, that it is about to. `routes` go before
    Streamlit's. `uploads`: the paths at `/api` that take files.
    `media_origins`: where media may be redirected to.
    """

    sessions: Sessions = field(default_factory=lambda: Sessions(nobody))
    links: Remembered[UUID] = field(default_factory=lambda: Remembered(no_link))
    resolve_session: Callable[[str], Actor | None] = nobody
    lifespan: Lifespan | None = None
    wind_down: Callable[[], None] = nothing
    routes: Sequence[BaseRoute] = ()
    uploads: re.Pattern[str] | None = None
    media_origins: tuple[str, ...] = ()
    script: Path = DASHBOARD


def wiring(settings: Settings) -> Wiring:
    """The application's own. `settings` name the address and the port that the process really listens on."""
    sessions = Sessions(lambda token: current().resolve(token=token))
    api = create_api()
    api.state.sessions = sessions
    return Wiring(
        sessions=sessions,
        links=Remembered(_live_link),
        resolve_session=_of_session,
        lifespan=lambda _: _studio(settings, api),
        wind_down=_wind_down,
        routes=[Mount("/api", app=api), media.ROUTE, review_routes.MEDIA, *review_page.routes(), *hooks.ROUTES],
        uploads=upload_routes.PATHS,
        media_origins=_media_origins(settings),
    )


def _media_origins(settings: Settings) -> tuple[str, ...]:
    if not settings.bucket or not settings.s3_redirect:
        return ()
    from apom.media.s3 import S3Storage

    try:
        return (S3Storage(settings.s3, settings.data_dir / "media-copies").asked(lambda to: to.origin()),)
    except Misconfigured as error:
        log.warning("media cannot be fetched from the bucket: %s", error)
        return ()


def _of_session(session_id: str) -> Actor | None:
    try:
        return current().resolve(session_id=UUID(session_id))
    except ValueError:
        return None


def _live_link(token: str) -> UUID | None:
    try:
        return current().review(token).id()
    except NotFound:
        return None


def _wind_down() -> None:
    with suppress(Unavailable):  # it has not begun, or has ended
        current().wind_down()


@asynccontextmanager
async def _studio(settings: Settings, api: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
    """Opens the studio for this process, says where it is served, and tidies up in reverse."""
    studio = await to_thread.run_sync(Studio.open, settings)
    run = runfile.write(settings.data_dir, settings.local_url)
    api.state.operator_token = run.token
    set_current(studio)
    for notice in studio.notices:
        log.warning(notice)
    try:
        yield None
    finally:
        set_current(None)
        runfile.remove(settings.data_dir, run)
        await to_thread.run_sync(studio.close)
