"""Starting and stopping the real application, from a folder that is not its own."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from served import HERE, running
from ws_client import Tab

from apom.config import Settings
from apom.errors import Misconfigured
from apom.server import launch

APP = HERE.parent / "app.py"
STREAMLIT = [sys.executable, "-m", "streamlit", "run", str(APP)]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
    return port


def check_serves(url: str) -> None:
    """Headers, the sign-in in the place of every page, and no page that fails."""
    answer = httpx.get(url, trust_env=False)
    assert "sha256-" in answer.headers["content-security-policy"]
    with Tab(url) as tab:
        first = tab.run()
        assert first.end == "finished"
        assert not {"exception", "alert"} & set(first.kinds)
        for page in tab.pages:
            assert "exception" not in tab.run(page=page).kinds


def refused(command: list[str], folder: Path, **environment: str) -> tuple[int, str]:
    """The exit code and the last words of a process that does not start."""
    env = {"PATH": "", "APOM_DATA_DIR": str(folder / "data"), **environment}
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stderr.strip().splitlines()[-1]


def test_python_app_py_from_anywhere(tmp_path: Path) -> None:
    with running([sys.executable, str(APP)], tmp_path, APOM_PORT="0") as server:
        check_serves(server.url)
        assert "server" not in httpx.get(server.url, trust_env=False).headers
        with Tab(server.url):  # an open tab does not hold it up
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(12) == 0


def test_streamlit_run_app_py_from_anywhere(tmp_path: Path, free: int) -> None:
    command = [*STREAMLIT, "--server.port", str(free)]
    with running(command, tmp_path) as server:
        assert server.url == f"http://127.0.0.1:{free}"
        check_serves(server.url)


def test_a_taken_port_is_said_in_a_sentence(tmp_path: Path, taken: int) -> None:
    code, words = refused([sys.executable, str(APP)], tmp_path, APOM_PORT=str(taken))
    assert code == 2
    assert words.startswith(f"apom: Cannot listen on 127.0.0.1:{taken}")
    assert words.endswith("Choose another port with APOM_PORT.")


def test_an_open_address_is_refused_however_it_is_started(tmp_path: Path) -> None:
    code, words = refused([sys.executable, str(APP)], tmp_path, APOM_HOST="0.0.0.0", APOM_PORT="0")
    assert code == 2
    assert "Listening on 0.0.0.0 lets others in" in words
    code, words = refused([*STREAMLIT, "--server.address", "0.0.0.0", "--server.port", "0"], tmp_path)
    assert code == 3


@pytest.mark.parametrize("option", ["--server.enableCORS=false", "--client.showErrorDetails=full"])
def test_an_unsafe_option_is_refused_under_streamlit_run(tmp_path: Path, option: str) -> None:
    code, _ = refused([*STREAMLIT, "--server.port", "0", option], tmp_path)
    assert code == 3


def test_what_keeps_it_from_starting_reaches_the_caller(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from contextlib import asynccontextmanager
from apom.config import Settings
from apom.errors import StoreBusy
from apom.server.launch import serve
from apom.server.wiring import Wiring

@asynccontextmanager
async def lifespan(app):
    raise StoreBusy("Process {{pid}} holds the store.", pid=7)
    yield

try:
    serve(Settings(port=0, data_dir=Path({str(tmp_path)!r})), lambda settings: Wiring(lifespan=lifespan))
except StoreBusy as error:
    raise SystemExit(str(error))
"""
    assert refused([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(HERE.parent)) == (
        1,
        "Process 7 holds the store.",
    )


def test_the_options_that_ship_come_with_our_address_and_the_theme() -> None:
    options = launch.options(Settings(host="127.0.0.1", port=9))
    assert options["server.port"] == 9
    assert options["server.trustedUserHeaders"] == {"x-apom-user": "user_id", "x-apom-session": "session_ref"}
    assert all(re.fullmatch(r"[a-z]+(\.[A-Za-z]+)+", name) for name in options)


def test_sections_of_the_theme_are_flattened() -> None:
    theme = {"base": "dark", "light": {"primaryColor": "#000", "sidebar": {"font": "x"}}, "fontFaces": [{"url": "u"}]}
    assert dict(launch.flat("theme", theme)) == {
        "theme.base": "dark",
        "theme.light.primaryColor": "#000",
        "theme.light.sidebar.font": "x",
        "theme.fontFaces": [{"url": "u"}],
    }


@pytest.mark.parametrize("text", ["[server", None])
def test_options_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "config.toml").write_text(text)
    with pytest.raises(Misconfigured, match=r"config\.toml"):
        launch.options(Settings(), tmp_path / "config.toml")


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(Misconfigured, match="APOM_PORT"):
        launch.listen("192.0.2.1", 0)


def test_answers_do_not_wait_for_an_acknowledgement() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted: socket.socket = writer.get_extra_info("socket")
        without_delay.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def once(listener: socket.socket) -> None:
        async with await asyncio.start_server(answer, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()

    without_delay: list[int] = []
    asyncio.run(once(launch.listen("127.0.0.1", 0)))
    assert without_delay == [1]
