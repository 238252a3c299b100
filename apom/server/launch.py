"""Starting the process: from any folder, with the options that ship, on the port that was asked for."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from streamlit import config
from streamlit.web import bootstrap

from apom.config import MB, Settings, shipped
from apom.errors import ApomError, Misconfigured
from apom.server.app import create_app, streamlit_options
from apom.server.selfcheck import check
from apom.server.wiring import Wiring, wiring

ANSWER_WITHIN_S = 4  # what is being answered when the server is to end; a long download is resumed by who wants it


def flat(section: str, options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A section of config.toml as dotted names; only the theme has sections in sections."""
    for name, value in options.items():
        if isinstance(value, Mapping) and section.startswith("theme"):
            yield from flat(f"{section}.{name}", value)
        else:
            yield f"{section}.{name}", value


def options(settings: Settings, file: Path | None = None) -> dict[str, Any]:
    """Streamlit's options: those that ship, and our address. Raises Misconfigured when the file cannot be read."""
    path = file or shipped(".streamlit") / "config.toml"
    try:
        sections = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured("The file {path} cannot be read: {reason}", path=path, reason=error) from error
    shipping = {name: value for section, values in sections.items() for name, value in flat(section, values)}
    return shipping | {"server.address": settings.host, "server.port": settings.port}


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, before anything heavy starts. Raises Misconfigured when the address is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: asyncio turns Nagle's algorithm off on no other, and every answer would wait 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":  # there SO_REUSEADDR would share the port with whoever has it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise Misconfigured(
            "Cannot listen on {host}:{port} ({reason}). Is apom running already? Choose another port with APOM_PORT.",
            host=host,
            port=port,
            reason=error.strerror,
        ) from error
    return listener


def serve(settings: Settings, wire: Callable[[Settings], Wiring] = wiring) -> None:
    """Serves until SIGINT or SIGTERM, then ends within ten seconds. `wire` gets the settings with the real port (0: any).

    Raises Misconfigured, or what kept it from starting.
    """
    with closing(listen(settings.host, settings.port)) as listener, suppress(KeyboardInterrupt):
        _stop_on_sigterm()
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        bootstrap.load_config_options(options(settings))
        wired = wire(settings)
        check(settings, streamlit_options(), wired.script)
        app = create_app(settings, wired)
        server = Server(_uvicorn(app, settings), wired.wind_down)
        with suppress(SystemExit):  # its way to say that it did not start
            server.run(sockets=[listener])
        if not server.started:
            raise app.state.get("failed") or ApomError("The server did not start. The log says why.")
    gc.freeze()  # all is closed: the interpreter need not look through what is left (3 s after a busy day)


class Server(uvicorn.Server):
    """Ends in ten seconds: while the last answers go out, what stands behind comes to its end, too. Told twice, at once."""

    def __init__(self, config: uvicorn.Config, wind_down: Callable[[], None]) -> None:
        super().__init__(config)
        self._wind_down = wind_down

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tells the rest, and goes on as uvicorn does."""
        self._wind_down()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends in order; the second as SIGKILL would, which loses nothing that was saved."""
        if self.should_exit:
            os.write(2, b"apom: ended at once; the next start goes on with what was under way\n")
            os._exit(128 + sig)
        super().handle_exit(sig, frame)


def as_streamlit_runs(settings: Settings) -> Settings:
    """The settings with the address and port that `streamlit run` chose; as they are when something else runs us."""
    if config._server_mode != "starlette-app":
        return settings
    host = config.get_option("server.address") or "0.0.0.0"  # noqa: S104  (Streamlit's default, which the self-check refuses)
    return settings.model_copy(update={"host": host, "port": config.get_option("server.port")})


def _uvicorn(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_max_size=2 * MB,  # Streamlit's own limit (server.maxWidgetStateSize) answers first
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.public_url),  # without a proxy nobody may say who they are
        timeout_graceful_shutdown=ANSWER_WITHIN_S,
    )


def _stop_on_sigterm() -> None:
    """Makes SIGTERM end like Ctrl+C: uvicorn repeats the signal once it has stopped, and the exit code stays 0."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
