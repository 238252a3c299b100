"""The command line, with the server stopped and with it running."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest

from apom import runfile, testing
from apom.cli import main

PASSWORD = "seven tall ships at dawn"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APOM_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    return main(arguments)


def users(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, bool]:
    capsys.readouterr()
    assert run(monkeypatch, "user", "list", "--json") == 0
    return {user["username"]: user["is_admin"] for user in json.loads(capsys.readouterr().out)}


def everything(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "user", "add", "alice", stdin=PASSWORD + "\n") == 0
    assert run(monkeypatch, "user", "add", "bob", stdin=PASSWORD + "\n") == 0
    assert users(monkeypatch, capsys) == {"alice": True, "bob": False}
    assert run(monkeypatch, "user", "list") == 0
    assert "alice  admin  active" in capsys.readouterr().out
    assert run(monkeypatch, "user", "reset-password", "bob", stdin="nine small boats at dusk\n") == 0
    for arguments, said in (
        (("user", "add", "ALICE"), "taken"),
        (("user", "reset-password", "nobody"), "nothing here"),
    ):
        assert run(monkeypatch, *arguments, stdin=PASSWORD + "\n") == 1
        assert said in capsys.readouterr().err
    assert run(monkeypatch, "user", "add", "carol", stdin="short\n") == 1
    assert "15 to 128" in capsys.readouterr().err


def test_commands_work_without_a_server(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everything(monkeypatch, capsys)
    assert run(monkeypatch, "health") == 1
    assert "No server runs" in capsys.readouterr().err


def test_the_same_commands_work_while_the_server_holds_the_store(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with testing.server(data) as app:
        everything(monkeypatch, capsys)
        assert run(monkeypatch, "health") == 0
        assert "well" in capsys.readouterr().out
        found = runfile.read(data)
        assert found is not None and found.url == app.url
        if os.name == "posix":
            assert stat.S_IMODE((data / "run.json").stat().st_mode) == 0o600
        assert found.token not in "".join(app.said)
        assert app.stop() == 0
        assert runfile.read(data) is None, "tidied up"


def test_a_second_server_says_who_is_there(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with testing.server(data) as app, pytest.raises(RuntimeError, match=f"in use by process {app.process.pid}"):
        testing.server(data).__enter__()


def test_a_server_that_was_killed_leaves_a_clear_word(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with testing.server(data) as app:
        app.kill()
    assert run(monkeypatch, "health") == 1
    assert "does not answer" in capsys.readouterr().err
    assert users(monkeypatch, capsys) == {}


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    assert {"serve", "health", "user"} <= set(capsys.readouterr().out.replace("{", " ").split())
