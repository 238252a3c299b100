"""The drill: everything is lost, and put back from a backup; what cannot be put back is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Cast, Clock
from test_retention import put, there

from apom.backup import kept_of, listed, nightly, restore
from apom.config import Settings
from apom.errors import Conflict, Invalid, Misconfigured
from apom.models import Box
from apom.studio import Studio


@pytest.fixture
def box(cast: Cast) -> Box:
    return cast.alice.create_box(cast.alice.create_project("Lighthouse"), "one")


def rows(studio: Studio) -> dict[str, list[str]]:
    """Every row of every table."""
    with studio._store.read() as tx:
        names = studio.operator().store_info().rows.keys() - {"schema_version"}
        return {name: sorted(map(str, tx.all(f'select * from "{name}"'))) for name in names}


def test_all_is_lost_and_put_back(
    cast: Cast, studio: Studio, box: Box, fresh_url: str, database: str, tmp_path: Path
) -> None:
    ids = [put(studio, box) for _ in range(3)]
    with studio._store.write() as tx:
        tx.all("update asset set trashed_at = created_at, purged_at = created_at where id = $1", ids[2])
    studio.retention.delete_files()
    folder = tmp_path / "elsewhere"
    made = studio.operator().backup(str(folder))
    assert (made.copied, made.missing) == (7, 0)
    assert studio.operator().backup(str(folder)).copied == 0, "a file that is there is not copied again"
    before = rows(studio)
    late = put(studio, box)
    studio.close()

    fresh = Settings(data_dir=tmp_path / "anew", database_url="" if database == "duckdb" else fresh_url)
    done = restore(fresh, folder, made.name)
    assert (done.files, done.missing, done.damaged) == (7, 0, 0)
    with Studio.open(fresh, engine=False, clock=studio.retention._clock) as anew:
        assert rows(anew) == before
        assert there(anew, ids[0]) == {"original", "thumb", "proxy"}
        assert there(anew, ids[2]) == {"thumb"}
        assert there(anew, late) == set()
        assert anew.sweeps.run("apom").missing == 0
    with pytest.raises(Conflict, match="not empty"):
        restore(fresh, folder)
    assert restore(fresh, folder, only_files=True).files == 0


def test_a_file_that_was_spoilt_in_the_backup_is_not_put_back(
    cast: Cast, studio: Studio, box: Box, settings: Settings, tmp_path: Path
) -> None:
    one, two = put(studio, box), put(studio, box)
    studio.operator().backup(str(tmp_path / "kept"))
    media = tmp_path / "kept" / "media"
    next((media / f"dev/a/{one}").glob("original-*")).write_bytes(b"spoilt")
    next((media / f"dev/a/{two}").glob("original-*")).unlink()
    for id in (one, two):
        next((studio._storage.root / f"dev/a/{id}").glob("original-*")).unlink()
    studio.close()
    done = restore(settings, tmp_path / "kept", only_files=True)
    assert (done.rows, done.files, done.missing, done.damaged) == (0, 0, 1, 1)


def test_a_file_that_is_gone_is_counted(studio: Studio, cast: Cast, box: Box, tmp_path: Path) -> None:
    id = put(studio, box)
    next((studio._storage.root / f"dev/a/{id}").glob("original-*")).unlink()
    made = studio.operator().backup(str(tmp_path / "kept"))
    assert (made.copied, made.missing) == (2, 1)
    assert len(listed(Path(made.path))) == 3
    assert studio.operator().backup(str(tmp_path / "other"), media=False).copied == 0


def test_the_daily_one_goes_elsewhere_too_and_old_ones_go(
    studio: Studio, cast: Cast, box: Box, clock: Clock, tmp_path: Path
) -> None:
    put(studio, box)
    studio.backups._elsewhere = tmp_path / "elsewhere"
    for _ in range(4):
        clock.move(hours=12)
        studio.backups.go_on()
    assert studio._store.snapshots is not None
    for folder in (studio._store.snapshots, tmp_path / "elsewhere" / "store"):
        assert len(nightly(folder)) == 2
        assert all(path.with_suffix(".jsonl").exists() for _, path in nightly(folder))
    assert len(list((tmp_path / "elsewhere" / "media").rglob("original-*"))) == 1


def test_seven_days_and_four_weeks_are_kept() -> None:
    made = [(datetime(2026, 10, 1, 2, tzinfo=UTC) + timedelta(days=n), Path(str(n))) for n in range(60)]
    kept = sorted(int(str(path)) for path in kept_of(made))
    assert kept[-7:] == list(range(53, 60))
    assert kept[:-7] == [38, 45, 52]
    assert {made[n][0].isoweekday() for n in kept[:-7]} == {7}
    assert kept_of(made[:3]) == {path for _, path in made[:3]}


@pytest.mark.parametrize("wrong", [lambda folder: folder / "nothing", lambda folder: folder])
def test_a_folder_without_a_backup_is_said(wrong: Callable[[Path], Path], settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="There is no backup in"):
        restore(settings, wrong(tmp_path))


def test_a_place_that_cannot_be_written_is_said(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot lie"):
        studio.operator().backup(str(tmp_path / "file"))
    shutil.rmtree(tmp_path / "data" / "snapshots")
