"""Media in a bucket, on a real S3 server: private, whole, found again after a crash, and nothing lost while it is away."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from botocore.exceptions import ClientError
from conftest import person
from engine_room import until
from media_samples import png
from test_media_route import get

from apom import studio as studio_module
from apom.config import S3Settings, Settings
from apom.doctor.bucket import buckets, cross_origin, signed
from apom.doctor.findings import Level
from apom.errors import Conflict, Misconfigured, NotAllowed, NotFound, Unavailable
from apom.media import s3
from apom.media.s3 import S3Storage
from apom.media.s3_look import Look
from apom.media.sendings import PART_BYTES
from apom.media.storage import LocalStorage, key
from apom.models import JobState, Status
from apom.server.logs import redact
from apom.server.wiring import _media_origins
from apom.store import upkeep
from apom.studio import Studio
from apom.testing.s3 import BUCKET, SECRET, S3Server

PASSWORD = "seven tall ships at dawn"
KEY = key("dev", UUID(int=1), "original", "ab" * 32, "png")
OTHER = key("dev", UUID(int=2), "thumb", "cd" * 32, "webp")


pytestmark = pytest.mark.usefixtures("credentials")


@pytest.fixture
def server(s3_server: S3Server) -> S3Server:
    return s3_server


@pytest.fixture
def settings(server: S3Server, request: pytest.FixtureRequest) -> S3Settings:
    """A part of the bucket for each test."""
    return S3Settings(bucket=BUCKET, endpoint=server.url, region="us-east-1", prefix=request.node.name[:60])


@pytest.fixture
def storage(settings: S3Settings, tmp_path: Path) -> S3Storage:
    return S3Storage(settings, tmp_path / "copies")


def put(storage: LocalStorage, key: str, content: bytes = b"content") -> None:
    with storage.temp() as source:
        source.write_bytes(content)
        storage.put(source, key, mime="image/png")


def forget(storage: S3Storage) -> None:
    """No copy is left here."""
    for each in LocalStorage(storage.root).list():
        LocalStorage(storage.root).delete(each.key)
    storage._kept = None


def test_the_bucket_knows_what_it_holds_and_how_long_it_may_be_kept(
    storage: S3Storage, server: S3Server, settings: S3Settings
) -> None:
    put(storage, KEY)
    forget(storage)
    assert storage.path(KEY).read_bytes() == b"content"
    head = server.client().head_object(Bucket=BUCKET, Key=f"{settings.prefix}/{KEY}")
    assert head["ContentType"] == "image/png" and "immutable" in head["CacheControl"]
    put(S3Storage(replace(settings, acl="private"), storage.root), OTHER)
    assert storage.size(OTHER) == 7


def test_nobody_else_reads_it(storage: S3Storage, server: S3Server, settings: S3Settings) -> None:
    put(storage, KEY)
    given = storage.url(KEY, 60)
    assert httpx.get(given).content == b"content"
    assert httpx.get(given, headers={"Range": "bytes=2-4"}).content == b"nte"
    assert httpx.get(given[:-1] + ("0" if given[-1] != "0" else "1")).status_code == 403
    assert httpx.get(given.replace(KEY, OTHER)).status_code == 403
    short = storage.url(KEY, 1)
    time.sleep(2.1)
    assert httpx.get(short).status_code == 403


def test_who_may_not_is_told_what_to_do_and_no_secret(
    settings: S3Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "apom")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another secret")
    with pytest.raises(Misconfigured, match="refuses the credentials") as caught:
        put(S3Storage(settings, tmp_path / "a"), KEY)
    assert "another" not in str(caught.value) + caplog.text
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with pytest.raises(Misconfigured, match="There is no bucket nowhere"):
        list(S3Storage(replace(settings, bucket="nowhere"), tmp_path / "b").list())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(Misconfigured, match="no credentials"):
        put(S3Storage(settings, tmp_path / "c"), KEY)


def test_copies_make_room_and_are_fetched_again(
    settings: S3Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "IN_USE_S", 0.0)
    storage = S3Storage(replace(settings, cache_gb=3500 / s3.GB), tmp_path / "copies")
    keys = [key("dev", UUID(int=n), "original", "ab" * 32, "png") for n in range(1, 6)]
    for each in keys:
        put(storage, each, b"x" * 1000)
        time.sleep(0.02)
    left = [stored.key for stored in LocalStorage(storage.root).list()]
    assert keys[0] not in left and keys[4] in left and len(left) <= 3
    assert storage.path(keys[0]).stat().st_size == 1000


def test_what_lay_in_the_folder_before_is_still_there(settings: S3Settings, tmp_path: Path) -> None:
    before = LocalStorage(tmp_path / "media")
    put(before, KEY, b"old")
    storage = S3Storage(settings, tmp_path / "copies", before=before)
    assert storage.path(KEY).read_bytes() == b"old" and storage.size(KEY) == 3
    assert [each.key for each in storage.list()] == [KEY]
    storage.delete(KEY)
    with pytest.raises(NotFound):
        before.path(KEY)


def state_of(studio: Studio) -> str:
    """The newest submission's."""
    with studio._store.read() as tx:
        return str(tx.value("select state from generation order by created_at desc limit 1"))


def studio_on(server: S3Server, folder: Path) -> Settings:
    return Settings(
        data_dir=folder,
        sandbox_image_s=0.1,
        s3_bucket=BUCKET,
        s3_endpoint=server.url,
        s3_region="us-east-1",
        s3_prefix=folder.name,
    )


def test_a_take_waits_for_a_bucket_that_is_away_and_is_there_after_a_crash(server: S3Server, tmp_path: Path) -> None:
    home = studio_on(server, tmp_path / "studio")
    with Studio.open(home) as studio:
        studio.register("alice", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        box = alice.create_box(alice.create_project("P"), "one")
        first = alice.wait(alice.generate(box, "a boat"), timeout_s=60)[0]
        assert first.file_key is not None and first.thumb_key is not None
        server.kill()
        late = alice.generate(box, "a storm")[0]
        until(lambda: alice.asset(late).status is Status.PROCESSING)
        until(lambda: state_of(studio) == "STORING")
        time.sleep(1)
        assert alice.asset(late).status is Status.PROCESSING, "it waits"
        server.start()
        arrived = alice.wait([late], timeout_s=90)[0]
        storage = studio._storage
        assert isinstance(storage, S3Storage)
        forget(storage)
        for take in (first, arrived):
            assert take.file_key is not None
            path, mime = alice.file(take, take.file_key.rpartition("/")[2])
            assert mime == "image/png" and path.stat().st_size == take.bytes
        assert {each.key for each in storage.list()} >= {first.file_key, first.thumb_key}


def levels(home: Settings) -> dict[str, Level]:
    return {found.check: found.level for found in buckets(home)}


def test_the_doctor_looks_into_the_bucket(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = studio_on(server, tmp_path / "studio")
    assert levels(home) == dict.fromkeys(["s3", "s3 addresses", "s3 privacy"], Level.OK)
    sent = home.model_copy(update={"s3_redirect": True, "public_url": "https://films.example"})
    assert set(levels(sent).values()) == {Level.OK} and "s3 CORS" in levels(sent)
    closed = Look(signed=403, anonymous=403, listed=403, public=None, origin="")
    assert '"AllowedOrigins": ["https://films.example"]' in cross_origin(closed, sent.url).says
    assert [signed(closed, is_used=is_used).level for is_used in (True, False)] == [Level.PROBLEM, Level.WARNING]
    away = sent.model_copy(update={"s3_public_url": "http://127.0.0.1:9"})
    assert levels(away)["s3 public address"] is Level.PROBLEM
    assert levels(away.model_copy(update={"s3_redirect": False}))["s3 public address"] is Level.WARNING
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another secret")
    (refused,) = buckets(home)
    assert refused.level is Level.PROBLEM and "refuses the credentials" in refused.says
    nowhere = home.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    assert "cannot be reached" in buckets(nowhere)[0].says


def test_the_doctor_says_that_a_bucket_is_open(server: S3Server, tmp_path: Path) -> None:
    home = studio_on(server, tmp_path / "studio").model_copy(update={"s3_bucket_dev": "open"})
    assert home.bucket == "open" and home.model_copy(update={"env": "prod"}).bucket == BUCKET
    client = server.client()
    client.create_bucket(Bucket="open")
    rule = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::open/*"]}
    client.put_bucket_policy(Bucket="open", Policy=json.dumps({"Version": "2012-10-17", "Statement": [rule]}))
    found = {each.check: each for each in buckets(home)}
    assert found["s3 privacy"].level is Level.WARNING and "Anybody can read" in found["s3 privacy"].says
    chosen = home.model_copy(update={"s3_redirect": True, "s3_public_url": f"{server.url}/open"})
    assert set(levels(chosen).values()) == {Level.OK}
    lists = {
        **rule,
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": ["arn:aws:s3:::open", "arn:aws:s3:::open/*"],
    }
    client.put_bucket_policy(Bucket="open", Policy=json.dumps({"Version": "2012-10-17", "Statement": [lists]}))
    assert "Anybody can list" in {each.check: each for each in buckets(home)}["s3 privacy"].says


def test_browsers_are_sent_to_the_bucket_where_that_was_set_and_nobody_writes_it_down(
    server: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    home = studio_on(server, tmp_path / "studio").model_copy(update={"s3_redirect": True})
    (tmp_path / "x.png").write_bytes(png(4, 4))
    with Studio.open(home, engine=False) as studio:
        studio_module.set_current(studio)
        alice = studio.workspace(person(studio, "alice"))
        take = alice.upload(alice.create_box(alice.create_project("P"), "one"), tmp_path / "x.png").take
        now = [time.time() // 150 * 150]
        storage = studio._storage
        assert isinstance(storage, S3Storage)
        storage._addresses._clock = lambda: now[0]
        first, second = get(alice.actor, take.file_url), get(alice.actor, take.file_url)
        assert first.status_code == 307 and first.headers["location"] == second.headers["location"]
        assert first.headers["cache-control"] == "private, max-age=60"
        answer = httpx.get(first.headers["location"], headers={"Range": "bytes=1-3"})
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (206, b"PNG", "image/png")
        now[0] -= 150
        assert get(alice.actor, take.file_url).headers["location"] != first.headers["location"]
        origin = f"{urlsplit(server.url).scheme}://{urlsplit(server.url).netloc}"
        assert first.headers["location"].startswith(f"{origin}/{BUCKET}/") and _media_origins(home) == (origin,)
        assert get(alice.actor, take.thumbnail_url).status_code == 200, "what is small comes from here"
        assert get(alice.actor, take.file_url, Authorization="Bearer x").content == png(4, 4), "programs get bytes"
        assert get(person(studio, "bob"), take.file_url).status_code == 404
        assert get(None, take.file_url).status_code == 401
        secret = parse_qs(urlsplit(first.headers["location"]).query)["X-Amz-Signature"][0]
        with studio._store.read() as tx:
            rows = [str(tx.all(f"select * from {row['table_name']}")) for row in tx.all(upkeep.TABLES)]
        assert secret not in "".join(rows)
        assert not [each for each in caplog.messages if secret in redact(each)]
        public = replace(storage.settings, public_url="https://cdn.example/films")
        studio.assets._storage = S3Storage(public, tmp_path / "copies")
        sent = get(alice.actor, take.file_url).headers["location"]
        assert sent == f"https://cdn.example/films/{home.s3_prefix}/{take.file_key}"
        studio_module.set_current(None)
    assert _media_origins(home.model_copy(update={"s3_redirect": False})) == ()


def test_make_s3_runs_one_for_hands(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "apom.testing.s3", str(tmp_path / "s3")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(6)]
        given = dict(line.removeprefix("export ").split("=", 1) for line in said[1:])
        assert given.keys() >= {"APOM_S3_BUCKET", "APOM_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        look = "from apom import config, doctor; print(*(each.level for each in doctor.buckets(config.Settings())))"
        done = subprocess.run([sys.executable, "-c", look], env={**os.environ, **given}, capture_output=True, text=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert done.stdout.split() == ["ok"] * 3, done.stderr


def test_a_bucket_that_is_away_keeps_the_file_that_was_to_be_put(settings: S3Settings, tmp_path: Path) -> None:
    storage = S3Storage(replace(settings, endpoint="http://127.0.0.1:9"), tmp_path / "copies")
    with storage.temp() as source:
        source.write_bytes(b"content")
        with pytest.raises(Unavailable, match="Nothing is lost"):
            storage.put(source, KEY, mime="image/png")
        assert source.read_bytes() == b"content"
    with pytest.raises(Unavailable):
        storage.delete(KEY)
    storage.drop(KEY)  # said in the log; a sweep finds it


def test_who_ends_does_not_wait_for_a_bucket_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "TRIES", 4)
    monkeypatch.setattr(s3, "READ_S", 1)
    (tmp_path / "film").write_bytes(bytes(PART_BYTES))
    with socket.create_server(("127.0.0.1", 0), backlog=50) as mute:
        endpoint = f"http://127.0.0.1:{mute.getsockname()[1]}"
        storage = S3Storage(S3Settings(bucket=BUCKET, endpoint=endpoint, region="us-east-1"), tmp_path / "copies")
        sendings = [storage.sending(f"{KEY}{n}", mime="video/mp4") for n in range(12)]
        for sending in sendings:
            sending.reach(tmp_path / "film", PART_BYTES)
        time.sleep(0.1)
        begun = time.monotonic()
        storage.close()
        storage._senders.shutdown()  # as the interpreter does at its end
        assert time.monotonic() - begun < 3
        for sending in sendings:
            sending.cancel()
        with storage.temp() as late, pytest.raises(Unavailable):
            late.write_bytes(b"late")
            storage.put(late, KEY, mime="image/png")


def test_many_are_deleted_at_once_and_one_by_one_where_the_server_cannot(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key("dev", UUID(int=n), "original", "ab" * 32, "png") for n in range(3)]
    for name in keys:
        put(storage, name)
    storage.delete(*keys[:2], keys[0])
    assert [stored.key for stored in storage.list("dev/")] == [keys[2]]
    put(storage, keys[0])

    def unknown(**_: object) -> None:
        raise ClientError({"Error": {"Code": "NotImplemented"}}, "DeleteObjects")

    monkeypatch.setattr(storage._client, "delete_objects", unknown)
    storage.delete(keys[0], keys[2])
    assert list(storage.list("dev/")) == []


def test_uploads_in_parts_that_were_broken_off_are_cleared_away(storage: S3Storage) -> None:
    name = storage._name(KEY)
    storage._client.create_multipart_upload(Bucket=BUCKET, Key=name)
    now = datetime.now(UTC)
    assert storage.sweep_temp(timedelta(days=1), now) == 0
    assert storage.sweep_temp(timedelta(days=1), now + timedelta(days=2)) == 1
    assert storage.sweep_temp(timedelta(days=1), now + timedelta(days=2)) == 0


def test_media_move_into_the_bucket_and_what_arrives_otherwise_stays(
    settings: S3Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = LocalStorage(tmp_path / "media")
    for n in range(3):
        put(folder, key("dev", UUID(int=n), "original", "ab" * 32, "png"), b"content %d" % n)
    storage = S3Storage(settings, tmp_path / "copies", before=folder)
    spoilt = key("dev", UUID(int=2), "original", "ab" * 32, "png")
    digest = S3Storage.digest
    monkeypatch.setattr(S3Storage, "digest", lambda self, key: "other" if key == spoilt else digest(self, key))
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False) as studio:
        studio.moving._storage = storage
        studio.jobs._is_on = lambda: True
        studio.register("alice", PASSWORD)
        studio.operator().add_user("bob", PASSWORD)
        alice, bob = (studio.workspace(studio.accounts.acting(name)) for name in ("alice", "bob"))
        with pytest.raises(NotAllowed):
            bob.move_media()
        studio.jobs.start()
        job = alice.move_media()
        until(lambda: alice.job(job).state is JobState.DONE, 20)
        result = alice.job(job).result
        assert isinstance(result, dict)
        assert (result["files"], result["bytes"], list(result["refused"])) == (2, 18, [spoilt])
        assert [stored.key for stored in folder.list()] == [spoilt]
        assert len({stored.key for stored in storage.list("dev/")}) == 3
        forget(storage)
        assert storage.path(key("dev", UUID(int=1), "original", "ab" * 32, "png")).read_bytes() == b"content 1"
        monkeypatch.setattr(S3Storage, "digest", digest)
        again = alice.move_media()
        until(lambda: alice.job(again).state is JobState.DONE, 20)
        assert list(folder.list()) == []
        studio.moving._storage = folder
        with pytest.raises(Conflict, match="no bucket"):
            alice.move_media()
