"""The drill with a bucket, on a real S3 server: everything is lost, and put back onto a bucket, or into a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import person
from test_backup import rows
from test_retention import put, there

from apom.backup import restore
from apom.config import Settings
from apom.studio import Studio
from apom.testing.s3 import ACCESS, BUCKET, SECRET, S3Server

ALL = {"original", "thumb", "proxy"}


def test_from_a_bucket_onto_another_and_into_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": ACCESS, "SECRET_ACCESS_KEY": SECRET, "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = S3Server(tmp_path)
    server.start()
    try:
        _drill(tmp_path, server.url)
    finally:
        server.kill()


def _drill(tmp_path: Path, url: str) -> None:
    bucket = {"s3_bucket": BUCKET, "s3_endpoint": url, "s3_region": "us-east-1"}

    def settings(name: str, **more: str) -> Settings:
        return Settings(data_dir=tmp_path / name, **more)  # type: ignore[arg-type]

    folder, at_home = tmp_path / "elsewhere", settings("home", **bucket, s3_prefix="home")
    with Studio.open(at_home, engine=False) as studio:
        alice = studio.workspace(person(studio, "alice"))
        box = alice.create_box(alice.create_project("Lighthouse"), "one")
        ids = [put(studio, box) for _ in range(3)]
        with_media, alone = studio.operator().backup(str(folder)), studio.operator().backup(str(folder), media=False)
        assert (with_media.copied, with_media.missing, alone.copied) == (9, 0, 0)
        before = rows(studio)

    for name, more, files in (
        ("another bucket", bucket | {"s3_prefix": "another"}, 9),
        ("folder", {}, 9),
        ("the bucket is still there", bucket | {"s3_prefix": "home"}, 0),
    ):
        fresh = settings(name, **more)
        done = restore(fresh, folder, with_media.name)
        assert (done.files, done.missing, done.damaged) == (files, 0, 0), name
        with Studio.open(fresh, engine=False) as anew:
            assert rows(anew) == before
            assert [there(anew, id) for id in ids] == [ALL] * 3
            assert anew.sweeps.run("apom").missing == 0
            for each in anew._storage.list("dev/a/"):
                assert anew._storage.path(each.key).stat().st_size == each.bytes

    with Studio.open(fresh, engine=False) as anew:
        for each in list(anew._storage.list("dev/a/"))[:4]:  # some of the bucket's files are lost
            anew._storage.delete(each.key)
    assert restore(fresh, folder, only_files=True).files == 4
