"""A large file that lies in the bucket alone is passed on as it comes: nobody waits until all of it is here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from conftest import person
from starlette.applications import Starlette
from test_idor import As
from test_retention import put as put_take

from apom import studio as studio_module
from apom.api import media
from apom.config import S3Settings, Settings
from apom.errors import Unavailable
from apom.media import s3
from apom.media.s3 import S3Storage
from apom.media.storage import LocalStorage, key
from apom.models import Actor
from apom.studio import Studio
from apom.testing.s3 import ACCESS, BUCKET, SECRET, S3Server

KEY = key("dev", UUID(int=1), "original", "ab" * 32, "mp4")
CONTENT = os.urandom(3_000_001)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(s3, "LARGE", 900)


@pytest.fixture
def storage(server: S3Server, tmp_path: Path) -> S3Storage:
    """With one large file in the bucket and nothing here."""
    settings = S3Settings(bucket=BUCKET, endpoint=server.url, region="us-east-1", prefix=tmp_path.name)
    storage = S3Storage(settings, tmp_path / "copies")
    with storage.temp() as source:
        source.write_bytes(CONTENT)
        storage.put(source, KEY, mime="video/mp4")
    forget(storage)
    return storage


def forget(storage: LocalStorage) -> None:
    """No copy is left here."""
    here = LocalStorage(storage.root)
    here.delete(*(each.key for each in here.list()))


def copies(storage: LocalStorage) -> list[str]:
    return [each.key for each in LocalStorage(storage.root).list()]


def test_what_is_wanted_whole_a_second_time_is_kept_then(storage: S3Storage) -> None:
    file = storage.coming(KEY)
    assert file is not None and (file.size, file.name) == (len(CONTENT), "original-" + "ab" * 6)
    assert b"".join(file.read(1_000_000, 1_000_010)) == CONTENT[1_000_000:1_000_010]
    assert b"".join(file.read(0, file.size)) == CONTENT
    assert b"".join(file.read(0, 10)) == CONTENT[:10]
    assert copies(storage) == []
    assert b"".join(file.read(0, file.size)) == CONTENT
    assert copies(storage) == [KEY] and storage.path(KEY).read_bytes() == CONTENT
    assert storage.coming(KEY) is None, "it is here"


def test_who_breaks_off_leaves_nothing(storage: S3Storage) -> None:
    file = storage.coming(KEY)
    assert file is not None
    for _ in range(3):
        reading = file.read(0, file.size)
        assert next(reading)
        reading.close()  # type: ignore[attr-defined]
    assert b"".join(file.read(0, file.size)) == CONTENT
    reading = file.read(0, file.size)
    assert next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert copies(storage) == [] and list((storage.root / "tmp").iterdir()) == []


def test_small_ones_and_missing_ones_are_the_others_business(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert storage.coming(KEY.replace("ab", "cd")) is None
    monkeypatch.setattr(s3, "LARGE", len(CONTENT) + 1)
    assert storage.coming(KEY) is None


def test_a_bucket_that_went_away_for_a_moment_is_gone_on_with(storage: S3Storage, server: S3Server) -> None:
    large = os.urandom(24_000_000)  # more than is read ahead
    with storage.temp() as source:
        source.write_bytes(large)
        storage.put(source, KEY, mime="video/mp4")
    forget(storage)
    file = storage.coming(KEY)
    assert file is not None
    reading = file.read(0, file.size)
    got = next(reading)
    server.kill()
    server.start()
    assert got + b"".join(reading) == large
    forget(storage)
    server.kill()
    try:
        with pytest.raises(Unavailable):
            storage.coming(KEY)
        with pytest.raises(Unavailable):
            list(file.read(0, 10))
    finally:
        server.start()


def test_a_bucket_that_gives_more_or_less_than_was_asked_for_is_not_believed(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, get, read = storage.coming(KEY), storage._client.get_object, list[str]()
    assert file is not None

    def whole(**asked: str) -> dict[str, object]:
        answer: dict[str, object] = get(Bucket=asked["Bucket"], Key=asked["Key"])
        monkeypatch.setattr(answer["Body"], "read", lambda: read.append(asked["Range"]))
        return answer

    monkeypatch.setattr(storage._client, "get_object", whole)
    with pytest.raises(Unavailable, match="IncompleteReadError"):
        list(file.read(0, 10))
    monkeypatch.setattr(storage._client, "get_object", get)
    with pytest.raises(Unavailable):  # it has become shorter
        list(storage._chunks(KEY, 0, len(CONTENT) + 10))
    assert read == [], "not even into memory"


def test_over_http_it_is_as_a_file_that_is_here(server: S3Server, tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", s3_bucket=BUCKET, s3_endpoint=server.url, s3_region="us-east-1", s3_prefix="http"
    )
    with Studio.open(settings, engine=False) as studio:
        studio_module.set_current(studio)
        try:
            alice, bob = studio.workspace(person(studio, "alice")), person(studio, "bob")
            id = put_take(studio, alice.create_box(alice.create_project("P"), "one"))
            take = alice.asset(id)
            asked: list[tuple[Actor | None, dict[str, str]]] = [
                *(
                    (alice.actor, {"Range": part})
                    for part in ("bytes=10-19", "bytes=-5", "bytes=990-2000", "bytes=5000-")
                ),
                (alice.actor, {"If-None-Match": f'"{Path(str(take.file_url)).stem}"'}),
                (bob, {}),
                (None, {}),
                (alice.actor, {}),  # the last, since it keeps a copy
            ]
            here = [told(actor, take.file_url, **headers) for actor, headers in asked]
            forget(studio._storage)
            there = [told(actor, take.file_url, **headers) for actor, headers in asked]
            assert [answer[0] for answer in here] == [206, 206, 206, 416, 304, 404, 401, 200]
            assert there == here
        finally:
            studio_module.set_current(None)


SAME = "content-length content-range etag cache-control content-security-policy".split()


def told(actor: Actor | None, url: str | None, **headers: str) -> tuple[object, ...]:
    """What the route says and gives."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(As(Starlette(routes=[media.ROUTE]), actor))
        async with httpx.AsyncClient(transport=transport, base_url="http://apom") as client:
            return await client.get(str(url), headers=headers)

    answer = asyncio.run(go())
    return answer.status_code, answer.content, *(answer.headers.get(name) for name in SAME)


def test_a_copy_that_the_disk_may_not_have_is_fetched_again_after_a_stop(storage: S3Storage) -> None:
    storage.path(KEY)
    storage._disk.shutdown()
    assert copies(storage) == [KEY] and list((storage.root / "tmp").iterdir()) == [], "the disk has it"
    again = S3Storage(storage.settings, storage.root)
    assert copies(again) == [KEY]
    (again.root / "tmp" / f"1{s3.UNSURE}").write_text(KEY, "utf-8")
    (again.root / "tmp" / f"2{s3.UNSURE}").write_text("../" * 9 + "etc/passwd", "utf-8")
    (again.root / KEY).write_bytes(bytes(len(CONTENT)))  # as a power cut may leave it
    after = S3Storage(storage.settings, storage.root)
    assert copies(after) == [] and list((after.root / "tmp").iterdir()) == []
    assert after.path(KEY).read_bytes() == CONTENT
