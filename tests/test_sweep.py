"""Files without a row go after a day, rows without a file are said; a strange store removes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Cast, Clock
from test_retention import put, there

from apom.media.storage import LocalStorage, key
from apom.models import new_id
from apom.studio import Studio
from apom.sweep import FEW

OLD = 1_600_000_000


def stray(studio: Studio, *, is_old: bool = True) -> str:
    """A file that no row names."""
    name = key("dev", new_id(), "original", "ab" * 32, "png")
    with studio._storage.temp() as path:
        path.write_bytes(b"nobody's")
        studio._storage.put(path, name, mime="image/png")
    if is_old:
        os.utime(studio._storage.path(name), (OLD, OLD))
    return name


def age(studio: Studio, *ids: object) -> None:
    """The files of these takes have been there for long."""
    for id in ids:
        for stored in studio._storage.list(f"dev/a/{id}/"):
            os.utime(studio._storage.path(stored.key), (OLD, OLD))


def test_what_no_row_names_goes_after_a_day(cast: Cast, studio: Studio, clock: Clock) -> None:
    box = cast.alice.create_box(cast.alice.create_project("Lighthouse"), "one")
    kept = put(studio, box)
    age(studio, kept)
    old, young = stray(studio), stray(studio, is_old=False)
    elsewhere = studio._storage.root / "prod/a/x/original-0.png"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_bytes(b"another environment's")
    looked = studio.sweeps.run("apom", only_look=True)
    assert (looked.files, looked.strays, looked.stray_bytes, looked.removed, looked.missing) == (5, 1, 8, 0, 0)
    assert studio.sweeps.run("apom").removed == 1
    assert [stored.key for stored in studio._storage.list(old)] == []
    assert [stored.key for stored in studio._storage.list(young)] == [young]
    assert there(studio, kept) == {"original", "thumb", "proxy"}
    assert elsewhere.exists()


def test_what_is_purged_keeps_its_thumbnail(cast: Cast, studio: Studio) -> None:
    box = cast.alice.create_box(cast.alice.create_project("Lighthouse"), "one")
    id = put(studio, box)
    cast.alice.update_asset(id, rating=1)
    with studio._store.write() as tx:
        tx.all("update asset set purged_at = created_at, trashed_at = created_at")
    studio.retention.delete_files()
    age(studio, id)
    found = studio.sweeps.run("apom")
    assert (found.files, found.strays, found.missing) == (1, 0, 0)


def test_a_file_that_is_gone_is_said_and_one_that_is_back_is_forgotten(
    cast: Cast, studio: Studio, tmp_path: Path
) -> None:
    project = cast.alice.create_project("Lighthouse")
    id = put(studio, cast.alice.create_box(project, "one"))
    path = studio._storage.path(str(cast.alice.asset(id).file_key))
    path.rename(tmp_path / "aside")
    assert studio.sweeps.run("apom").missing == 1
    assert cast.alice.asset(id).missing_at
    assert [row.missing for row in cast.alice.storage()] == [1]
    (tmp_path / "aside").rename(path)
    assert studio.sweeps.run("apom").missing == 0
    assert cast.alice.asset(id).missing_at is None


def test_with_a_strange_store_nothing_is_removed_before_a_person_says_so(studio: Studio) -> None:
    strays = [stray(studio) for _ in range(FEW + 1)]
    found = studio.sweeps.run("apom")
    assert (found.is_held, found.strays, found.removed) == (True, FEW + 1, 0)
    assert len(list(studio._storage.list("dev/a/"))) == len(strays)
    assert studio.operator().sweep(confirmed=True).removed == FEW + 1
    assert list(studio._storage.list("dev/a/")) == []


def test_a_file_whose_row_comes_while_it_is_looked_for_stays(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    from apom.store import sweeps

    name = stray(studio)
    monkeypatch.setattr(sweeps, "still_named", lambda tx, keys: set(keys))
    assert studio.sweeps.run("apom").removed == 0
    assert LocalStorage(studio._storage.root).path(name).exists()


def test_it_is_done_once_a_day(studio: Studio, clock: Clock) -> None:
    for hours, expected in ((0, True), (1, False), (21, False), (2, True)):
        clock.move(hours=hours)
        before = studio.sweeps.recent(1)
        studio.sweeps.go_on()
        assert (studio.sweeps.recent(1) != before) is expected
