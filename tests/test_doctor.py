"""`apom doctor`: each check against the state it is there for."""

from __future__ import annotations

import os
import socket
import stat
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from apom import doctor
from apom.config import PACKAGE, THRESHOLDS, Settings
from apom.doctor.findings import Finding, Level
from apom.errors import ApomError, StoreBroken
from apom.media import codecs
from apom.models import StoreInfo

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def store(**facts: object) -> StoreInfo:
    known = {"url": "duckdb:////srv/apom.duckdb", "schema_version": 2, "bytes": 1, "rows": {"box": 3}}
    return StoreInfo.model_validate({"newest_row_at": None, "newest_snapshot_at": NOW - DAY, **known, **facts})


def examined(
    settings: Settings, found: StoreInfo | ApomError, server: str | None = None, now: datetime = NOW
) -> dict[str, Finding]:
    findings = doctor.examine(settings, found, newest_schema=2, server=server, now=now)
    assert len({finding.check for finding in findings}) == len(findings)
    assert all("\n" not in finding.says and finding.says for finding in findings)
    return {finding.check: finding for finding in findings}


def levels(findings: dict[str, Finding]) -> dict[str, Level]:
    return {check: finding.level for check, finding in findings.items() if finding.level is not Level.OK}


def test_a_new_installation_is_well_and_stays_untouched(tmp_path: Path) -> None:
    fresh = store(schema_version=0, rows={}, newest_snapshot_at=None)
    assert levels(examined(Settings(data_dir=tmp_path / "new", port=0), fresh)) == {}
    assert list(tmp_path.iterdir()) == []


def test_everything_that_can_be_wrong_at_once_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    (data / "media").mkdir(parents=True)
    data.chmod(0o755)
    (data / "run.json").touch(mode=0o644)
    monkeypatch.setattr(codecs, "ENCODED", ("libx999",))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    monkeypatch.setattr(doctor, "requirements", lambda: {"duckdb": ">=99", "no-such-package": ""})
    old = store(schema_version=3, newest_snapshot_at=NOW - 30 * DAY, newest_row_at=NOW + DAY)
    settings = Settings(data_dir=data, host="0.0.0.0", port=0)
    bad = {check: Level.PROBLEM for check in "packages codecs disk schema clock address".split()}
    bad |= {"snapshot": Level.WARNING}
    if os.name == "posix":
        bad |= {"data": Level.WARNING, "secrets": Level.PROBLEM}
    assert levels(examined(settings, old)) == bad


def test_a_store_that_cannot_be_opened_leaves_the_other_checks_their_say(tmp_path: Path) -> None:
    findings = examined(Settings(data_dir=tmp_path, port=0), StoreBroken("The store is damaged."))
    assert findings["store"].level is Level.PROBLEM
    assert findings["store"].says == "The store is damaged."
    assert {"clock", "disk", "providers"} <= set(findings)
    assert "schema" not in findings


@pytest.mark.parametrize(
    ("version", "level"), [((3, 9, 1), Level.PROBLEM), ((3, 11, 0), Level.OK), ((3, 14, 2), Level.OK)]
)
def test_python(version: tuple[int, ...], level: Level) -> None:
    assert doctor.python(version).level is level


def test_the_python_that_is_asked_for_is_the_one_in_the_metadata() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=" + ".".join(map(str, doctor.PYTHON))


def test_packages() -> None:
    wanted = {"a": ">=1,<2", "b": "", "c": ">=1"}
    assert doctor.packages(wanted, {"a": "1.5", "b": "0.1", "c": "2.0rc1"}).level is Level.OK
    found = doctor.packages(wanted, {"a": "2.0", "b": None})
    assert found.level is Level.PROBLEM
    assert "a 2.0 is not >=1,<2, b is missing, c is missing" in found.says
    assert doctor.requirements()["duckdb"].startswith("<")  # in the order of packaging
    assert "pytest" not in doctor.requirements()


def test_a_package_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_for_apom.py").write_text("raise ImportError('libfoo.so is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    owners = {"broken_for_apom": ["broken"], "json": ["fine"], "no_adapter": ["fine"]}
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: owners)
    assert doctor.broken_imports(["fine", "broken", "unknown"]) == ["broken (libfoo.so is missing)"]
    assert doctor.libraries(["broken (libfoo.so is missing)"]).level is Level.PROBLEM


@pytest.mark.parametrize(
    ("free", "level"),
    [
        (0, Level.PROBLEM),
        (THRESHOLDS.free_bytes_least - 1, Level.PROBLEM),
        (THRESHOLDS.free_bytes_least, Level.WARNING),
        (THRESHOLDS.free_bytes_low, Level.OK),
    ],
)
def test_disk(free: int, level: Level) -> None:
    assert doctor.disk(free).level is level


def test_a_data_folder_that_is_a_file_or_below_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        found = doctor.data_folder(folder)
        assert found.level is Level.PROBLEM
        assert "APOM_DATA_DIR" in found.says


def test_media_that_cannot_be_written(tmp_path: Path) -> None:
    assert doctor.media_folder(tmp_path / "none yet").level is Level.OK
    (tmp_path / "file").touch()
    assert doctor.media_folder(tmp_path / "file").level is Level.PROBLEM


def test_media_on_two_volumes(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second volume here")
    assert doctor.media_folder(tmp_path).level is Level.OK
    (tmp_path / "dev").symlink_to(shared)
    assert doctor.media_folder(tmp_path).level is Level.WARNING


@pytest.mark.parametrize(("version", "level"), [(0, Level.OK), (1, Level.WARNING), (2, Level.OK), (3, Level.PROBLEM)])
def test_schema(version: int, level: Level) -> None:
    assert doctor.schema(version, 2).level is level


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        ({"newest_snapshot_at": None}, Level.WARNING),
        ({"newest_snapshot_at": NOW - 8 * DAY}, Level.WARNING),
        ({"newest_snapshot_at": NOW - 6 * DAY}, Level.OK),
        ({"newest_snapshot_at": None, "schema_version": 0}, Level.OK),
    ],
)
def test_snapshot(facts: dict[str, object], level: Level) -> None:
    assert doctor.snapshot(store(**facts), NOW).level is level


def test_clock() -> None:
    assert doctor.clock(NOW, None).level is Level.OK
    assert doctor.clock(NOW, NOW + timedelta(seconds=THRESHOLDS.clock_behind_s)).level is Level.OK
    assert doctor.clock(NOW, NOW + DAY).level is Level.PROBLEM
    assert doctor.clock(NOW.replace(tzinfo=None), None).level is Level.PROBLEM


def test_every_provider_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert doctor.providers(tmp_path).level is Level.PROBLEM, "none at all"
    shipped = (PACKAGE.parent / "providers" / "sandbox.json").read_text("utf-8")
    (tmp_path / "sandbox.json").write_text(shipped, "utf-8")
    (tmp_path / "schema.json").write_text("not looked at", "utf-8")
    assert doctor.providers(tmp_path).level is Level.OK
    (tmp_path / "renamed.json").write_text(shipped, "utf-8")
    (tmp_path / "broken.json").write_text("{", "utf-8")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.json").mkdir()
    found = doctor.providers(tmp_path)
    assert found.level is Level.PROBLEM
    assert all(f"{name}.json" in found.says for name in ("renamed", "broken", "bytes", "folder"))
    assert "sandbox.json" not in found.says


@pytest.mark.parametrize(
    ("host", "public_url", "level"),
    [
        ("127.0.0.1", "", Level.OK),
        ("0.0.0.0", "https://films.example.com", Level.OK),
        ("127.0.0.1", "http://films.example.com", Level.WARNING),
        ("0.0.0.0", "", Level.PROBLEM),
        ("127.0.0.1", "films.example.com", Level.PROBLEM),
    ],
)
def test_address(host: str, public_url: str, level: Level) -> None:
    assert doctor.address(Settings(host=host, public_url=public_url)).level is level


def test_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(port=other.getsockname()[1])
        assert doctor.port(settings, None).level is Level.PROBLEM
        assert doctor.port(settings, settings.local_url).level is Level.OK, "it is ours"
    assert doctor.port(settings, None).level is Level.OK
    assert doctor.port(Settings(host="no such host"), None).level is Level.PROBLEM


@pytest.mark.skipif(os.name != "posix", reason="there are no permission bits")
def test_what_opens_doors_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    assert doctor.secrets(file).level is Level.OK
    for mode, level in ((0o600, Level.OK), (0o640, Level.PROBLEM), (0o604, Level.PROBLEM)):
        file.touch()
        file.chmod(mode)
        assert stat.S_IMODE(file.stat().st_mode) == mode
        assert doctor.secrets(file).level is doctor.key_file(file).level is level
