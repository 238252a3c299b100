"""The command line, with the server stopped and with it running: the same answers."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from databases import Postgres
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from loopback import Loopback
from loopback import said as answers

from apom import __version__, cli, runfile, testing
from apom.store import migrations, upkeep

PASSWORD = "seven tall ships at dawn\n"
OTHER = "nine small boats at dusk\n"
NEWEST = upkeep.newest_schema()


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> object:
        return json.loads(self.out)


class Terminal:
    """Runs commands in this process, on one data folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.monkeypatch, self.capsys = folder, monkeypatch, capsys
        self.stdin: io.TextIOBase | None = io.StringIO()
        self.at("data")

    def at(self, name: str) -> None:
        """Goes on with another data folder."""
        self.data = self.folder / name
        self.monkeypatch.setenv("APOM_DATA_DIR", str(self.data))

    def __call__(self, *words: str, stdin: str = "") -> Said:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(stdin) if stdin else self.stdin)
        self.capsys.readouterr()
        try:
            code = cli.main(words)
        except SystemExit as left:  # argparse's way out
            code = int(left.code or 0)
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)


@pytest.fixture
def apom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.setenv("APOM_PORT", "0")
    return Terminal(tmp_path, monkeypatch, capsys)


STORY: tuple[tuple[tuple[str, ...], str], ...] = (
    (("user", "list"), ""),
    (("user", "add", "alice"), PASSWORD),
    (("user", "add", "bob", "--json"), PASSWORD),
    (("user", "add", "ALICE"), PASSWORD),
    (("user", "add", "ALICE", "--json"), PASSWORD),
    (("user", "add", "carol"), "short\n"),
    (("user", "add", "carol", "--json"), "short\n"),
    (("user", "add", "carol"), ""),
    (("user", "add", "../carol"), PASSWORD),
    (("user", "add", "carol\x1b[31m"), PASSWORD),
    (("user", "add", "Ольга Ё"), PASSWORD),
    (("user", "reset-password", "bob"), OTHER),
    (("user", "reset-password", "nobody", "--json"), OTHER),
    (("user", "reset-password", ".."), OTHER),
    (("user", "reset-password", "a/b?c#d%2F"), OTHER),
    (("statement",), ""),
    (("statement", "--month", "2026-10", "--json"), ""),
    (("user", "limit", "bob", "200"), ""),
    (("user", "limit", "nobody", "200"), ""),
    (("user", "limit", "bob", "--", "-1"), ""),
    (("user", "list"), ""),
    (("user", "limit", "bob", "none", "--json"), ""),
    (("config", "list"), ""),
    (("retention", "dry-run"), ""),
    (("media", "sweep"), ""),
    (("backup", "{data}/../backup-of-{run}"), ""),
    (("backup", "{data}/../backup-of-{run}", "--no-media", "--json"), ""),
    (("backup", "/proc/none/of/that"), ""),
    (("media", "sweep", "--dry-run", "--json"), ""),
    (("retention", "run", "--confirm", "--json"), ""),
    (("config", "set", "retention_days", "14"), ""),
    (("config", "set", "trash_days", "0"), ""),
    (("config", "set", "retention_days", "soon", "--json"), ""),
    (("config", "set", "exchange_rates", '{"EUR": {"USD": 1.1}}'), ""),
    (("config", "get", "exchange_rates"), ""),
    (("config", "set", "exchange_rates", '{"EUR": {"USD": 1.1}'), ""),
    (("config", "set", "smart_edit_template", "only {words}", "--json"), ""),
    (("config", "set", "smart_edit_template", "all"), ""),
    (("config", "list", "--json"), ""),
    (("token", "list", "bob"), ""),
    (("token", "create", "bob", "notebook"), ""),
    (("token", "create", "bob", "notebook"), ""),
    (("token", "create", "bob", "report", "--days", "30", "--read-only", "--json"), ""),
    (("token", "create", "bob", "for ever", "--days", "99999"), ""),
    (("token", "create", "nobody", "notebook"), ""),
    (("token", "list", "bob"), ""),
    (("token", "list", "bob", "--json"), ""),
    (("token", "list", "nobody", "--json"), ""),
    (("token", "revoke", "{token}"), ""),
    (("token", "revoke", "{token}"), ""),
    (("token", "revoke", "../x", "--json"), ""),
    (("token", "list", "bob"), ""),
    (("user", "deactivate", "bob"), ""),
    (("user", "deactivate", "alice"), ""),
    (("user", "make-admin", "alice", "--no", "--json"), ""),
    (("user", "make-admin", "bob"), ""),
    (("user", "deactivate", "alice"), ""),
    (("user", "activate", "bob"), ""),
    (("user", "deactivate", "alice"), ""),
    (("user", "activate", "alice"), ""),
    (("user", "make-admin", "bob", "--no"), ""),
    (("user", "activate", "{name}"), ""),
    (("user", "list"), ""),
    (("user", "list", "--json"), ""),
    (("db", "info"), ""),
    (("db", "info", "--json"), ""),
    (("db", "snapshot", "first"), ""),
    (("db", "snapshot", "first"), ""),
    (("db", "snapshot", "../first", "--json"), ""),
    (("db", "snapshot", "--json"), ""),
    (("db", "copy", "duckdb:///{data}/../copy-of-{run}.duckdb"), ""),
    (("db", "copy", "duckdb:///{data}/../copy-of-{run}.duckdb"), ""),
    (("db", "copy", "-", "--json"), "duckdb:///{data}/../json-of-{run}.duckdb\n"),
    (("db", "copy", "duckdb:///{data}/apom.duckdb"), ""),
    (("db", "copy", "duckdb:////proc/none/of/that"), ""),
    (("db", "copy", "mysql://root:hush@localhost/films"), ""),
    (("db", "copy", "mysql://root:hush@localhost/films", "--json"), ""),
    (("db", "copy", "-"), ""),
    (("migrate", "--check", "--json"), ""),
    (("migrate", "--json"), ""),
    (("import", "{data}", "--project", "Nothing", "--json"), ""),
    (("import", "{data}", "--project", "Nothing", "--user", "nobody"), ""),
    (("soundtrack", "Nothing", "--none"), ""),
    (("media", "rebuild", "--json"), ""),
    (("media", "rebuild", "--user", "bob"), ""),
)


def plain(text: str, apom: Terminal) -> str:
    """Without what differs from run to run."""
    text = text.replace(str(apom.data), "DATA").replace(apom.data.name, "RUN").replace(str(apom.data.parent), "TMP")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?Z)?|\d{8}T\d{6}Z|\d{4}-\d\d-\d\d", "TIME", text)
    text = re.sub(r"apom_pat_[\w-]+", "SECRET", text)
    return re.sub(r'[\d.]+ [KM]B|(?<="bytes": )\d+', "0", text)


def told(apom: Terminal) -> list[tuple[str, Said]]:
    """The story as it went: each command, and what it said."""
    story = []
    here = {"{data}": str(apom.data), "{run}": apom.data.name}
    for words, stdin in STORY:
        if "{token}" in words and "{token}" not in here:
            here["{token}"] = apom("token", "list", "bob", "--json").document[-1]["id"]  # type: ignore[index]
        words, stdin = tuple(filled(word, here) for word in words), filled(stdin, here)
        said = apom(*words, stdin=stdin)
        story.append((plain(" ".join(words), apom), Said(said.code, plain(said.out, apom), plain(said.err, apom))))
    return story


def filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def test_every_command_says_the_same_with_the_store_free_and_while_a_server_holds_it(
    apom: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apom.at("free")
    apom("migrate")  # as the server does when it starts
    free = told(apom)
    apom.at("served")
    with testing.server(apom.data) as app:
        served = told(apom)
        check_server(apom, app)
        assert app.stop() == 0
        assert runfile.read(apom.data) is None, "tidied up"
    for here, there in zip(free, served, strict=True):
        assert here == there
    check_story(free)


def check_server(apom: Terminal, app: testing.Running) -> None:
    """What only a running server can say; and its run.json, which is its owner's alone."""
    health = apom("health", "--json").document
    assert isinstance(health, dict)
    assert (health["ok"], health["url"]) == (True, app.url)
    said = apom("health")
    assert (said.code, said.err, said.out.splitlines()[0]) == (0, "", f"well: {app.url}, 0 takes in flight")
    assert apom("migrate") == Said(
        0, f"The server at {app.url} brought the store up to date when it started: schema {NEWEST}.\n", ""
    )
    found = runfile.read(apom.data)
    assert found is not None
    assert found.url == app.url
    assert found.token not in "".join(app.said)
    if os.name == "posix":
        assert stat.S_IMODE((apom.data / "run.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(apom.data.stat().st_mode) == 0o700


def check_story(story: list[tuple[str, Said]]) -> None:
    """A refusal is one sentence on stderr, JSON one document on stdout, and all of it fits into 80 columns."""
    for command, said in story:
        assert said.code in (0, 1, 2), command
        assert (said.code != 0) == bool(said.err), command
        assert said.err == "" or (said.err.startswith("apom: ") and said.err.count("\n") == 1), command
        assert "\x1b" not in said.out + said.err
        if "--json" in command:
            document = said.document
            assert said.code == 0 or (isinstance(document, dict) and document["detail"] in said.err), command
        else:
            assert max(map(len, said.out.splitlines()), default=0) <= 80, command
    lines = [said.out + said.err for _, said in story]
    for words in (
        "admin  active  since TIME  alice\n",
        "user  inactive  since TIME  bob\n",
        "name ALICE is taken",
        "15 to 128",
        "no account of that name",
        "alice is the last admin",
        "bob has a limit of 200 a month now.",
        "since TIME, at most 200 a month  bob",
        "Give 1 to 3650 days.",
        "go to the trash now",
        "has to say {words} exactly once",
        "There is a snapshot first already",
        "The store here was not changed",
    ):
        assert any(words in line for line in lines), words
    assert not any("hush" in line for line in lines), "a password in a URL is never repeated"


def test_moving_to_postgresql_and_back_while_the_server_runs(apom: Terminal, postgres: Postgres) -> None:
    with postgres.database() as url, postgres.database("template0") as bare:
        with testing.server(apom.data):
            apom("user", "add", "alice", stdin=PASSWORD)
            before = rows(apom)
            assert apom("db", "copy", "-", stdin=url + "\n").code == 0
            assert apom("user", "add", "bob", stdin=PASSWORD).code == 0, "it goes on with the old store"
        apom.monkeypatch.setenv("APOM_DATABASE_URL", url)
        assert rows(apom) == before
        assert apom("user", "list").out.endswith("alice\n")
        assert apom("migrate", "--check").code == 0
        assert apom("db", "snapshot", "first").code == 0
        assert (apom.data / "snapshots" / "first.duckdb").exists()
        assert apom("doctor").code == 0
        back = f"duckdb:///{apom.folder}/back.duckdb"
        assert apom("db", "copy", back).code == 0
        apom.monkeypatch.setenv("APOM_DATABASE_URL", back)
        assert rows(apom) == before
        apom.monkeypatch.setenv("APOM_DATABASE_URL", bare)
        assert apom("migrate", "--check").code == 1
        assert rows(apom) == {}, "nothing was made by looking"


def rows(apom: Terminal) -> object:
    document = apom("db", "info", "--json").document
    assert isinstance(document, dict)
    return document["rows"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://apom:hush@db:5432/films?password=hush&sslmode=require",
            "postgresql://apom@db:5432/films?sslmode=require",
        ),
        ("postgresql://a%40b:h%40u%2Fsh@[::1]/films", "postgresql://a%40b@[::1]/films"),
        ("postgresql:///films?host=/run/pg&sslpassword=hush", "postgresql:///films?host=%2Frun%2Fpg"),
        ("postgresql://[hush", "(a URL that cannot be read)"),
        ("duckdb:////srv/films:a@b/apom.duckdb", "duckdb:////srv/films:a@b/apom.duckdb"),
    ],
)
def test_a_database_is_shown_without_its_password(url: str, shown: str) -> None:
    assert upkeep.shown(url) == shown


def test_the_way_back_to_a_snapshot(apom: Terminal) -> None:
    apom("user", "add", "alice", stdin=PASSWORD)
    apom("db", "snapshot", "before")
    apom("user", "add", "bob", stdin=PASSWORD)
    (apom.data / "snapshots" / "before.duckdb").replace(apom.data / "apom.duckdb")
    (apom.data / "apom.duckdb.wal").unlink(missing_ok=True)
    assert re.findall(r"\w+$", apom("user", "list").out, re.MULTILINE) == ["alice"]


def test_a_store_of_an_older_apom_is_looked_at_without_a_change_and_brought_up_to_date(apom: Terminal) -> None:
    old_store(apom.data / "apom.duckdb")
    for _ in range(2):
        assert apom("migrate", "--check").code == 1
        assert "schema         1\n" in apom("db", "info").out
        assert "warning  schema" in apom("doctor").out
    assert apom("migrate") == Said(0, f"The store went from schema 1 to {NEWEST}.\n", "")
    assert apom("migrate") == Said(0, f"The store is up to date: schema {NEWEST}.\n", "")
    assert apom("migrate", "--check", "--json").document == {"schema_version": NEWEST, "was": NEWEST, "newest": NEWEST}
    assert (apom.data / "snapshots" / "before-0002.duckdb").exists()


def old_store(path: Path) -> None:
    """A store as the first version made it."""
    path.parent.mkdir(parents=True)
    _, first = migrations.versions()[0]
    with duckdb.connect(str(path)) as db:
        db.execute(first.read_text("utf-8"))
        db.execute("create table schema_version (version integer primary key, applied_at timestamptz not null)")
        db.execute("insert into schema_version values (1, now())")


def test_a_store_of_a_newer_apom_is_left_alone(apom: Terminal) -> None:
    old_store(apom.data / "apom.duckdb")
    with duckdb.connect(str(apom.data / "apom.duckdb")) as db:
        db.execute("insert into schema_version values (99, now())")
    for words in (("migrate",), ("user", "list"), ("db", "snapshot")):
        said = apom(*words)
        assert said.code == 1
        assert "newer apom (schema 99" in said.err
    assert apom("migrate", "--check").code == 1
    assert apom("db", "info", "--json").code == 0
    doctor = apom("doctor")
    assert doctor.code == 1
    assert "problem  schema     The store is of a newer apom (schema 99" in doctor.out


def test_nothing_is_made_by_looking(apom: Terminal) -> None:
    for words in (("migrate", "--check"), ("db", "info"), ("doctor",), ("health",)):
        apom(*words)
    assert not apom.data.exists()


def test_a_second_server_says_who_is_there_and_one_that_was_killed_leaves_a_clear_word(apom: Terminal) -> None:
    assert apom("health") == Said(1, "", "apom: No server runs on this data folder. Start one with: apom serve\n")
    with testing.server(apom.data) as app:
        with pytest.raises(RuntimeError, match=f"in use by process {app.process.pid}"):
            testing.server(apom.data).__enter__()
        app.kill()
    said = apom("health")
    assert said.code == 1
    assert "does not answer" in said.err
    assert apom("user", "list", "--json").document == []


def test_another_program_on_a_dead_servers_port_is_not_taken_for_it(apom: Terminal) -> None:
    apom("migrate")
    with Loopback() as other:
        other.on("GET", "/api/operator/health", answers({"ok": "who knows"}))
        runfile.write(apom.data, other.url)
        assert apom("user", "list", "--json").document == []
        assert apom("health").code == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 5, "pid": "x", "token": null}', "\ud800"])
def test_a_run_file_that_is_none(apom: Terminal, content: str) -> None:
    apom.data.mkdir()
    (apom.data / "run.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    assert apom("user", "list", "--json").document == []


# the command line itself


def commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield (*words, name)
                yield from commands(sub, (*words, name))


def test_help_teaches_every_command(apom: Terminal) -> None:
    everything = [(), *commands(cli.parser())]
    assert {("serve",), ("user", "make-admin"), ("db", "copy"), ("doctor",), ("migrate",)} <= set(everything)
    for words in everything:
        said = apom(*words, "--help")
        assert said.code == 0
        assert "examples:\n  " in said.out, words
        assert max(map(len, said.out.splitlines())) <= 80, words


def test_version(apom: Terminal) -> None:
    assert apom("--version").out == f"apom {__version__}\n"


def test_the_data_folder_may_be_named_before_or_after_the_command(apom: Terminal, tmp_path: Path) -> None:
    for number, words in enumerate((["--data-dir", "{}", "migrate"], ["migrate", "--data-dir", "{}"])):
        folder = tmp_path / f"named-{number}"
        assert apom(*(word.format(folder) for word in words)).code == 0
        assert (folder / "apom.duckdb").exists()
    both = apom("--data-dir", str(tmp_path / "one"), "migrate", "--data-dir", str(tmp_path / "two"))
    assert both.code == 0
    assert [(tmp_path / name).exists() for name in ("one", "two")] == [False, True], "the nearer one counts"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("no-such-thing",),
        ("user",),
        ("user", "add"),
        ("user", "list", "--no-such-option"),
        ("db", "copy"),
        ("serve", "--port", "70000"),
        ("serve", "--port", "-1"),
        ("serve", "--port", "٣"),
        ("serve", "--json"),
        ("user", "add", "a\0b"),
        ("user", "add", "a\udcffb"),
        ("--data-dir",),
    ],
)
def test_wrong_usage_is_said_with_the_way_to_do_it(apom: Terminal, words: tuple[str, ...]) -> None:
    said = apom(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("usage: ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PORT", "eighty"), ("PORT", "70000"), ("ENV", "test"), ("SESSION_DAYS", "-1"), ("DATABASE_URL", "sqlite:///x")],
)
def test_settings_that_cannot_be_are_named(apom: Terminal, variable: str, value: str) -> None:
    apom.monkeypatch.setenv(f"APOM_{variable}", value)
    said = apom("user", "list", "--json")
    assert said.code == 2
    assert isinstance(said.document, dict)
    assert said.document["code"] == "misconfigured"
    assert said.err == f"apom: {said.document['detail']}\n"
    assert variable == "DATABASE_URL" or f"APOM_{variable} cannot be used" in said.err


def test_a_data_folder_that_is_a_file(apom: Terminal) -> None:
    apom.data.write_text("not a folder")
    for words in (("user", "list"), ("migrate",), ("db", "snapshot")):
        said = apom(*words)
        assert said.code == 2, words
        assert "APOM_DATA_DIR" in said.err
    assert apom("doctor").code == 1


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    noun=st.sampled_from([*commands(cli.parser())]),
    words=st.lists(
        st.text(st.characters(codec=None), max_size=12) | st.sampled_from(["--json", "-", "--", "--no", "@x"]),
        max_size=3,
    ),
    stdin=st.text(max_size=30),
)
def test_no_argument_brings_a_traceback(apom: Terminal, noun: tuple[str, ...], words: list[str], stdin: str) -> None:
    if noun != ("serve",):
        said = apom(*noun, *words, stdin=stdin)
        assert said.code in (0, 1, 2)
        assert "Traceback" not in said.err


def test_ctrl_c_is_quiet(apom: Terminal) -> None:
    class Interrupted(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            raise KeyboardInterrupt

    apom.stdin = Interrupted()
    assert apom("user", "add", "alice") == Said(130, "", "")


@pytest.mark.parametrize(
    "stdin", [None, io.TextIOWrapper(io.BytesIO(b"\xff\xfe sentence of words\n"), encoding="utf-8")]
)
def test_a_password_that_is_no_text(apom: Terminal, stdin: io.TextIOWrapper | None) -> None:
    apom.stdin = stdin
    said = apom("user", "add", "alice")
    assert (said.code, said.err) == (1, "apom: New password: nothing that can be read came from standard input.\n")


def test_a_reader_that_has_read_enough_is_no_error(apom: Terminal) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert told_to(writing) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_an_answer_that_cannot_be_written_is_said(apom: Terminal) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert told_to(full) == (1, "apom: The answer could not be written: No space left on device.\n")


def told_to(descriptor: int) -> tuple[int, str]:
    """The exit code and stderr of a process of its own that writes there."""
    try:
        command = [sys.executable, "-m", "apom", "db", "info"]
        ended = subprocess.run(command, stdout=descriptor, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(descriptor)
    return ended.returncode, ended.stderr


WITHOUT = """
import sys
sys.modules |= dict.fromkeys(sys.argv[1].split())
from apom.cli import main
sys.exit(main(sys.argv[2:]))
"""


def without(packages: str, *words: str) -> Said:
    """A process of its own in which these cannot be imported."""
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT, packages, *words], capture_output=True, text=True, timeout=60
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


def test_a_missing_package_is_named(apom: Terminal) -> None:
    sentence = "apom: The package duckdb is missing. Install what is in requirements.txt.\n"
    assert without("duckdb", "user", "list") == Said(1, "", sentence)


def test_a_doctor_without_the_tools_says_what_is_missing(apom: Terminal) -> None:
    old_store(apom.data / "apom.duckdb")
    said = without("av duckdb jmespath", "doctor")
    assert (said.code, said.err) == (1, "")
    for check in ("libraries", "codecs", "store", "providers"):
        assert f"problem  {check}" in said.out
