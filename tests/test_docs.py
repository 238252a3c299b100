"""What the documents say can be done is done here: every fenced bash and python block runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apom import testing
from apom.config import SYSTEM, Settings

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    (path.relative_to(ROOT).as_posix(), kind, code)
    for path in DOCS
    for kind, code in FENCE.findall(path.read_text("utf-8"))
]
SERVES = ("make run\n", "python -m apom serve\n")


def names() -> list[str]:
    return [f"{path}: {code.splitlines()[0]}" for path, _, code in BLOCKS]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a running server, on which one command after the other is used."""
    folder = tmp_path_factory.mktemp("docs") / "data"
    with testing.server(folder):
        yield folder


@pytest.mark.parametrize(("path", "kind", "code"), BLOCKS, ids=names())
def test_a_block_of_the_documents_runs(
    path: str, kind: str, code: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "python":
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)
    elif code in SERVES:
        serves(code, tmp_path)
    elif code == "make test\n":
        dry = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, check=True, capture_output=True, text=True)
        assert "pytest" in dry.stdout, "it is what runs this very test"
    else:
        bash(code, request.getfixturevalue("data"))


def environment(data: Path) -> dict[str, str]:
    """As in a shell with the environment active."""
    python = Path(sys.executable).parent
    return {**os.environ, "APOM_DATA_DIR": str(data), "PATH": f"{python}:{os.environ['PATH']}"}


def bash(code: str, data: Path) -> None:
    subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=ROOT, env=environment(data), check=True, timeout=120)


def serves(code: str, tmp_path: Path) -> None:
    """The command starts a server that is well, and ends on SIGTERM."""
    env = {**environment(tmp_path / "data"), "APOM_PORT": str(free_port())}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(["bash", "-c", f"exec {code}"], cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 90
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{env['APOM_PORT']}/api/health").is_success:
                    break
            except httpx.TransportError:
                assert time.monotonic() < end and server.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.2)
    finally:
        server.terminate()
        server.wait(timeout=20)


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_between_the_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_settings_and_keys_are_declared_with_help() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    assert all(key.help.endswith(".") and isinstance(key.default, key.type) for key in SYSTEM.values())
