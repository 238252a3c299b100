"""The places that media lie in, as tests see them: a folder, and a bucket on a real S3 server. Each can be away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from apom.config import S3Settings
from apom.media import s3
from apom.media.s3 import S3Storage
from apom.media.storage import LocalStorage
from apom.testing.s3 import ACCESS, BUCKET, SECRET, S3Server


class Place(Protocol):
    """Where media lie. `storage`: opened anew, as after a start; `down`: nobody answers; `up`: as before."""

    def storage(self) -> LocalStorage: ...
    def settings(self) -> dict[str, str]: ...
    def down(self) -> None: ...
    def up(self) -> None: ...
    def anonymous(self, key: str) -> int: ...


class Folder:
    """On this machine. Away it is when its disk is: what stands in its place is no folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def storage(self) -> LocalStorage:
        return LocalStorage(self._root / "media")

    def settings(self) -> dict[str, str]:
        return {}

    def down(self) -> None:
        (self._root / "media").mkdir(exist_ok=True)
        (self._root / "media").rename(self._root / "away")
        (self._root / "media").touch()

    def up(self) -> None:
        (self._root / "media").unlink()
        (self._root / "away").rename(self._root / "media")

    def anonymous(self, key: str) -> int:
        return 403  # there is no way to it but ours


class Bucket:
    """A part of a bucket for each test."""

    def __init__(self, server: S3Server, root: Path, prefix: str) -> None:
        self._server, self._root, self._prefix = server, root, prefix

    def storage(self) -> LocalStorage:
        settings = S3Settings(bucket=BUCKET, endpoint=self._server.url, region="us-east-1", prefix=self._prefix)
        return S3Storage(settings, self._root / "media-copies")

    def settings(self) -> dict[str, str]:
        where = {"s3_bucket": BUCKET, "s3_endpoint": self._server.url, "s3_region": "us-east-1"}
        return {**where, "s3_prefix": self._prefix}

    def down(self) -> None:
        self._server.kill()

    def up(self) -> None:
        self._server.start()

    def anonymous(self, key: str) -> int:
        place = f"{self._server.url}/{BUCKET}"
        wanted = f"{place}/{self._prefix}/{key}" if key else f"{place}?list-type=2"
        return httpx.get(wanted).status_code


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(s3, "TRIES", 1)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, credentials: None) -> Place:
    """The same test in both."""
    root = tmp_path / "data"
    root.mkdir()
    if request.param == "folder":
        return Folder(root)
    return Bucket(request.getfixturevalue("s3_server"), root, tmp_path.name)
