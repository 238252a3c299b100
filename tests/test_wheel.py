"""The wheel, installed in an environment of its own, serves and generates in a folder that is not the checkout's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import running
from ws_client import Tab

from apom import __version__

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("pages", "providers", "locale", ".streamlit")
PASSWORD = "seven tall ships at dawn"
WHERE = """
import json, sys, apom
from apom.config import shipped
print(json.dumps([apom.__file__, *(str(shipped(name)) for name in sys.argv[1:]), *sys.path]))
"""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What was built, and the environment the wheel was installed in, with a folder to work in beside it."""

    sdist: Path
    wheel: Path
    bin: Path
    folder: Path

    def run(self, *command: str) -> str:
        """Standard output of a program of the environment."""
        return _run([str(self.bin / command[0]), *command[1:]], self.folder)


def _run(command: list[str], folder: Path) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("APOM_", "PYTHON"))}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel is built from the source archive, so that one is whole too; the packages are those of this environment."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv, "it installs everything here: make test brings it"
    top = tmp_path_factory.mktemp("wheel")
    folder, bin_ = top / "elsewhere", top / "venv" / ("Scripts" if os.name == "nt" else "bin")
    folder.mkdir()
    _run([uv, "build", "--quiet", "--out-dir", str(top / "dist"), str(ROOT)], folder)
    (sdist,), (wheel,) = (top / "dist").glob("*.tar.gz"), (top / "dist").glob("*.whl")
    frozen = _run([uv, "pip", "freeze", "--quiet", "--python", sys.executable], folder)
    (top / "constraints.txt").write_text("".join(line for line in frozen.splitlines(True) if "==" in line), "utf-8")
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(top / "venv")], folder)
    packages = ["--constraint", str(top / "constraints.txt"), str(wheel)]
    _run([uv, "pip", "install", "--quiet", "--python", str(bin_ / "python"), *packages], folder)
    return Installed(sdist=sdist, wheel=wheel, bin=bin_, folder=folder)


def test_what_is_built_holds_the_application_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        wheel = set(archive.namelist())
    info = f"apom-{__version__}.dist-info/"
    assert {name.partition("/")[0] + "/" for name in wheel} == {"apom/", info}
    for name in SHIPPED:
        there = {path.relative_to(ROOT).as_posix() for path in (ROOT / name).rglob("*") if path.is_file()}
        there = {path for path in there if "__pycache__" not in path}
        assert {f"apom/_bundle/{path}" for path in there} <= wheel
        assert there
    assert {"apom/py.typed", "apom/store/migrations/0001_ground.sql", "apom/ui/components/base.css"} <= wheel
    with tarfile.open(installed.sdist) as archive:
        sdist = {name.split("/")[1] for name in archive.getnames()}
    made = {"PKG-INFO", ".gitignore"}  # by the build backend
    assert sdist - made == {"apom", *SHIPPED, "pyproject.toml", "requirements.txt", "README.md"}
    assert not [name for name in wheel if name.endswith((".pyc", ".duckdb", ".db", ".log"))]


def test_nothing_comes_from_the_checkout(installed: Installed) -> None:
    found = json.loads(installed.run("python", "-c", WHERE, *SHIPPED))
    assert not [path for path in found if Path(path).is_relative_to(ROOT)]
    site = installed.bin.parent
    assert all(Path(path).is_relative_to(site) for path in found[: 1 + len(SHIPPED)])
    assert installed.run("apom", "--version") == f"apom {__version__}\n"


def test_it_serves_generates_and_answers_the_command_line(installed: Installed) -> None:
    command = [str(installed.bin / "apom"), "serve", "--port", "0", "--data-dir", "films"]
    with running(command, installed.folder, PYTHONPATH="", APOM_SANDBOX_IMAGE_S="0.1") as server:
        with httpx.Client(base_url=server.url, headers={"Origin": server.url}, trust_env=False, timeout=60) as client:
            token = register(client)
            take = generated(client)
            picture = client.get(take["file_url"])
            assert (picture.status_code, picture.headers["content-type"]) == (200, take["mime"])
            assert len(picture.content) == take["bytes"]
        with Tab(server.url, token) as tab:
            assert tab.run().end == "finished"
            drawn = {page: tab.run(page=page) for page in tab.pages}
            assert {"board", "box", "account"} <= drawn.keys()
            assert not [page for page, run in drawn.items() if "exception" in run.kinds]
        users = json.loads(installed.run("apom", "--data-dir", "films", "user", "list", "--json"))
        assert [user["username"] for user in users] == ["alice"]
        findings = json.loads(installed.run("apom", "doctor", "--data-dir", "films", "--json"))
        assert [finding for finding in findings if finding["level"] == "problem"] == []
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert (installed.folder / "films" / "apom.duckdb").exists()


def register(client: httpx.Client) -> str:
    """alice, the first account; the token of her session."""
    client.post("/api/users", json={"username": "alice", "password": PASSWORD}).raise_for_status()
    return client.cookies["apom_session"]


def generated(client: httpx.Client) -> dict[str, Any]:
    """A picture, from the first project on."""
    project = client.post("/api/projects", json={"name": "Lighthouse"}).raise_for_status().json()
    boxes = client.post(f"/api/projects/{project['id']}/boxes", json={"names": ["Harbour"]}).raise_for_status().json()
    order = {"prompt": "harbour at dawn"}
    take = client.post(f"/api/boxes/{boxes[0]['id']}/generate", json=order).raise_for_status().json()[0]
    end = time.monotonic() + 60
    while take["status"] in ("PENDING", "PROCESSING"):
        assert time.monotonic() < end, take
        time.sleep(0.1)
        take = client.get(f"/api/assets/{take['id']}").raise_for_status().json()
    assert take["status"] == "COMPLETED", take
    return dict(take)
