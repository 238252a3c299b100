"""Providers on the command line: keys that are never arguments, one take from a script, with the server and without."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Loopback
from loopback import said as answers
from test_cli import PASSWORD, Said, Terminal
from test_cli import apom as apom
from test_providers_service import CREDIT, KEY, SANDBOX, file

from apom import testing

WITHOUT = "no server"


@pytest.fixture
def served(request: pytest.FixtureRequest, apom: Terminal) -> Iterator[bool]:
    """With the server running, and without it."""
    if not request.param:
        yield False
        return
    with testing.server(apom.data, sandbox_image_s="0.1", sandbox_video_s="0.1"):
        yield True


def listed(apom: Terminal, slug: str) -> dict[str, object]:
    found = apom("providers", "list", "--json").document
    assert isinstance(found, list)
    return next(each for each in found if each["slug"] == slug)


def fits(said: Said) -> None:
    assert said.out.startswith(("[", "{")) or max(map(len, said.out.splitlines()), default=0) <= 80
    assert KEY not in said.out + said.err


@pytest.mark.parametrize("served", [False, True], indirect=True)
def test_a_key_goes_in_and_never_comes_out(apom: Terminal, served: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIE_API_KEY", raising=False)
    said = apom("providers", "list")
    assert said.code == 0 and "KIE_API_KEY missing" in said.out and "sandbox" in said.out
    fits(said)
    said = apom("providers", "set-key", "kie", stdin=KEY + "\n")
    assert said.code == 0 and f"····{KEY[-4:]}" in said.out
    fits(said)
    assert listed(apom, "kie")["keys"][0]["ends"] == KEY[-4:]  # type: ignore[index]
    assert any(line.startswith("kie/") for line in apom("models").out.splitlines())
    fits(apom("providers", "list"))
    fits(apom("providers", "list", "--json"))
    assert apom("providers", "disable", "kie").code == 0
    assert not any(line.startswith("kie/") for line in apom("models").out.splitlines())
    assert apom("providers", "enable", "kie").code == 0
    said = apom("providers", "remove-key", "kie", "--json")
    assert said.document["keys"][0]["source"] == "missing"  # type: ignore[index, call-overload]
    for words, stdin in (
        (("set-key", "nobody"), KEY),
        (("set-key", "kie"), "short\n"),
        (("set-key", "kie"), ""),
        (("set-key", "kie", "--name", "OTHER_KEY"), KEY),
        (("remove-key", "kie"), ""),
        (("test", "kie"), ""),
        (("test", "nobody"), ""),
        (("enable", "../x"), ""),
        (("address", "kie", "http://10.0.0.1"), ""),
    ):
        said = apom("providers", *words, stdin=stdin)
        assert said.code in (1, 2) and said.err.startswith("apom: ") and said.err.count("\n") == 1, words
        fits(said)


def test_a_key_is_no_argument(apom: Terminal) -> None:
    assert apom("providers", "set-key", "kie", KEY).code == 2


@pytest.mark.parametrize("served", [False, True], indirect=True)
def test_setting_a_provider_up_asks_for_the_key_and_tries_it(apom: Terminal, served: bool) -> None:
    with Loopback() as kie:
        kie.on("GET", CREDIT, answers({"code": 200, "data": 512.5}), answers({"code": 401, "msg": f"bad {KEY}"}))
        assert apom("providers", "address", "kie", kie.url, "--private").code == 0
        assert apom("providers", "disable", "kie").code == 0
        said = apom("providers", "setup", "kie", stdin=KEY + "\n")
        assert said.code == 0 and "512.5" in said.out and "ready" in said.out
        fits(said)
        assert kie.seen[0].headers["authorization"] == f"Bearer {KEY}"
        said = apom("providers", "test", "kie")
        assert said.code == 1 and "does not accept the key" in said.err
        fits(said)


@pytest.mark.parametrize("served", [False, True], indirect=True)
def test_one_take_from_the_command_line(apom: Terminal, served: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APOM_SANDBOX_IMAGE_S", "0.1")
    monkeypatch.setenv("APOM_SANDBOX_VIDEO_S", "0.1")
    said = apom("generate", "sandbox/sandbox-image", "a boat")
    assert said.code == 1 and "apom user list" in said.err
    apom("user", "add", "alice", stdin=PASSWORD)
    said = apom("generate", "sandbox/sandbox-image", "a boat", "--param", "seed=7")
    assert (said.code, said.err) == (0, "")
    assert Path(said.out.strip()).read_bytes().startswith(b"\x89PNG")
    said = apom("generate", "sandbox/sandbox-image", "a boat", "--project", "Films", "--user", "ALICE", "--json")
    take = said.document["take"]  # type: ignore[index, call-overload]
    assert take["status"] == "COMPLETED"
    said = apom("generate", "sandbox/sandbox-video", "pan", "--project", "Films", "--from", take["id"])
    assert said.code == 0 and Path(said.out.strip()).suffix == ".mp4"
    for words, why in (
        (("sandbox/sandbox-image", "x", "--param", "seed"), "name=value"),
        (("sandbox/sandbox-image", "x", "--param", "no_such=1"), "no_such"),
        (("sandbox/sandbox-image", "x", "--user", "nobody"), "no such account"),
        (("sandbox/sandbox-image", "x", "--from", take["id"]), "nothing but words"),
        (("sandbox/sandbox-image", "[fail] x"), "could not make this"),
        (("no/such", "x"), "no provider no"),
    ):
        said = apom("generate", *words)
        assert said.code == 1 and why in said.err, (words, said)


def test_files_are_checked_and_the_mend_is_said(apom: Terminal, tmp_path: Path) -> None:
    good, bad, none = tmp_path / "acme.json", tmp_path / "bad.json", tmp_path / "none.json"
    good.write_text(json.dumps(file()), "utf-8")
    bad.write_text(SANDBOX.replace('"states"', '"stats"'), "utf-8")
    assert apom("providers", "check", str(good)) == Said(0, "checked: 1, wrong: 0\n", "")
    said = apom("providers", "check", str(good), str(bad), str(none))
    assert said.code == 1 and "stats" in said.out and said.out.endswith("checked: 3, wrong: 2\n")
    fits(said)
    said = apom("providers", "check", str(bad), "--json")
    assert said.code == 1 and str(bad) in said.document["wrong"]  # type: ignore[index, call-overload]
    assert not os.path.exists(apom.data), "nothing is opened for that"


def test_a_sync_keeps_what_was_edited(apom: Terminal) -> None:
    assert apom("providers", "address", "kie", "https://proxy.example").code == 0
    said = apom("providers", "sync")
    assert said.code == 0 and "It is asked at https://proxy.example." in said.out
    fits(said)
    assert apom("providers", "address", "kie").code == 0
    assert "proxy" not in apom("providers", "list").out


@pytest.mark.parametrize("served", [False, True], indirect=True)
def test_a_file_is_edited_tried_without_being_sent_and_brought_back(
    apom: Terminal, served: bool, tmp_path: Path
) -> None:
    text = apom("providers", "file", "kie").out
    assert json.loads(text)["id"] == "kie"
    own = tmp_path / "kie.json"
    own.write_text(text.replace('"bearer"', '"magic"', 1), "utf-8")
    said = apom("providers", "edit", "kie", str(own))
    assert said.code != 0 and "auth" in said.err
    own.write_text(text.replace('"Kie.ai"', '"Kie of ours"', 1), "utf-8")
    said = apom("providers", "edit", "kie", str(own))
    assert said.code == 0 and "Edited: name." in said.out
    said = apom("generate", "kie/nano-banana-pro", 'say "{{model}}"', "--dry-run")
    assert said.code == 0 and json.loads(said.out)["json"]["input"]["prompt"] == 'say "{{model}}"'
    said = apom("providers", "reset", "kie")
    assert said.code == 0 and "Edited" not in said.out
    assert apom("providers", "edit", "kie", str(tmp_path / "nothing.json")).code != 0
