"""The application: the edge around Streamlit, our routes beside it."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from apom.config import LIMITS, Settings
from apom.errors import ApomError
from apom.server import logs, selfcheck
from apom.server.body import BodyLimit
from apom.server.closed import Closed
from apom.server.guests import Exchange, Guests
from apom.server.headers import SecurityHeaders, content_policy, script_hashes, security_headers, streamlit_index
from apom.server.identity import Identity
from apom.server.mishap import Mishap
from apom.server.origin import Origin
from apom.server.throttle import Throttle
from apom.server.wiring import Wiring
from apom.ui import fault, guard

_log = logging.getLogger("apom.server")


class Parts(TypedDict):
    """What `st.App` is made of."""

    script_path: Path
    lifespan: Callable[[st.App], AbstractAsyncContextManager[dict[str, Any] | None]]
    routes: Sequence[BaseRoute]
    middleware: Sequence[Middleware]
    on_script_error: Callable[[Exception], bool | None]


def parts(settings: Settings, wiring: Wiring) -> Parts:
    """The arguments of `st.App`: `streamlit run` finds the application only where they are spread in the launcher."""
    logs.install()
    guard.connect(wiring.resolve_session)
    policy = content_policy(script_hashes(streamlit_index()), wiring.media_origins)
    headers = security_headers(policy, is_https=settings.is_https)
    guests = Guests(wiring.links, settings)
    return {
        "script_path": wiring.script,
        "lifespan": _lifespan(settings, wiring),
        "routes": wiring.routes,
        "middleware": [
            Middleware(SecurityHeaders, headers=headers),
            Middleware(Mishap),
            Middleware(Origin, public_url=settings.public_url, uploads=wiring.uploads),
            Middleware(Exchange, guests=guests, settings=settings),
            Middleware(Identity, sessions=wiring.sessions, cookie=settings.cookie),
            Middleware(Closed),
            Middleware(Throttle, guests=guests, orders_a_minute=settings.orders_a_minute),
            Middleware(BodyLimit, max_body_size=LIMITS.body_bytes),
        ],
        "on_script_error": fault.show,
    }


def create_app(settings: Settings, wiring: Wiring) -> st.App:
    """The application. Streamlit knows one per process."""
    return st.App(**parts(settings, wiring))


def _lifespan(
    settings: Settings, wiring: Wiring
) -> Callable[[st.App], AbstractAsyncContextManager[dict[str, Any] | None]]:
    @asynccontextmanager
    async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any] | None]:
        logs.to_stderr()
        async with AsyncExitStack() as stack:
            try:
                for warning in selfcheck.check(settings, streamlit_options(), wiring.script):
                    _log.warning(warning)
                opened = await stack.enter_async_context(wiring.lifespan(app)) if wiring.lifespan else None
            except ApomError as error:
                app.state["failed"] = error  # for whoever started us: the server only says that it did not start
                raise
            gc.collect()
            gc.freeze()  # what lives as long as the process need not be looked through (an empty rerun: 8.0 -> 5.1 ms)
            _log.info("apom is at %s (Ctrl+C stops it)", settings.url)
            try:
                yield dict(opened or {})
            finally:
                gc.unfreeze()

    return lifespan


def streamlit_options() -> dict[str, object]:
    """Streamlit's options as they are now, by dotted name."""
    from streamlit import config

    return {rule.option: config.get_option(rule.option) for rule in selfcheck.RULES} | {
        "server.fileWatcherType": config.get_option("server.fileWatcherType")
    }
