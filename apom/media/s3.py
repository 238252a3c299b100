"""Files in a bucket, for S3 and what speaks like it. Whatever is used lies in a folder here, too, as long as there is room.

Files are named by their content, so a copy is never out of date: what reads a file reads the copy, which is fetched first
when it is not here. A large one that is merely sent on passes through, and is kept when it is wanted again: most are wanted
once, and who waits for the bucket need not wait for this disk, too. boto3 is loaded when the first storage is made.
Credentials come from boto3's own places (the environment, a profile, the machine's role); they are in no setting of ours and
in no message.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from apom.config import S3Settings
from apom.errors import Invalid, Misconfigured, NotFound, Unavailable
from apom.media.addresses import Addresses
from apom.media.readings import Readings
from apom.media.sendings import PART_BYTES, Sending
from apom.media.storage import TEMP, Coming, LocalStorage, Stored, check_prefix, flush, flush_folder

log = logging.getLogger("apom.media")
T = TypeVar("T")
GB = 1024**3
LARGE = 32 * 1024**2  # from here on nobody waits until all of it is here
CONNECT_S, READ_S = 3, 10
TRIES = 4
CONNECTIONS = 32
READ_BYTES = 4 * 1024 * 1024
REMEMBERED = 1000  # large files that were fetched once
UNSURE = ".unsure"
SENDERS = 8  # parts that are sent at once, of all files
MOST_AT_ONCE = 1000  # files in one deletion
CACHE_CONTROL = "private, max-age=31536000, immutable"  # for who is given an address of the bucket
IN_USE_S = 600.0  # a copy that was asked for so recently stays, whoever needs the room
MISSING = frozenset(["404", "NoSuchKey", "NotFound", "NoSuchUpload"])
REFUSED = frozenset(["401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])


class S3Storage(LocalStorage):
    """`root`: where copies lie; `before`: the folder that was the storage until now: what is there is found there.

    Safe to use from many threads.
    """

    def __init__(self, settings: S3Settings, root: Path, before: LocalStorage | None = None) -> None:
        from boto3.s3.transfer import TransferConfig

        super().__init__(root)
        self.settings = settings
        self.before = before
        session, self._client = _client(settings)
        self._addresses = Addresses(settings, session, self._client)
        self._transfers = TransferConfig(multipart_chunksize=PART_BYTES, io_chunksize=1024 * 1024, max_io_queue=16)
        self._room = threading.Lock()
        self._senders = ThreadPoolExecutor(SENDERS)
        self._readings = Readings()
        self._disk = ThreadPoolExecutor(1)
        self._ahead: dict[str, Sending] = {}  # what is being sent while it is looked at
        self._passed: deque[str] = deque(maxlen=REMEMBERED)  # large files that passed through whole
        self._kept: int | None = None  # bytes of all copies, once they were counted
        self._forget_unsure()
        self._is_closed = False
        self._client.meta.events.register("before-send.s3", self._admit)

    def close(self) -> None:
        """What is to be sent yet is not, and what the bucket does not answer is not tried again: the process can end."""
        self._is_closed = True
        self._senders.shutdown(wait=False, cancel_futures=True)
        self._readings.close()

    def _admit(self, **_: object) -> None:
        if self._is_closed:
            from botocore.exceptions import BotoCoreError

            raise BotoCoreError  # that is tried no more

    def put(self, source: Path, key: str, *, mime: str) -> None:
        """Uploads `source`, in parts when it is large, and keeps it as the copy. Raises Invalid, Unavailable."""
        self._target(key)
        size = source.stat().st_size
        ahead = self._ahead.pop(key, None)
        if ahead is None or not self._finished(ahead, source, size):
            more, config = self._more(mime), self._transfers
            self._ask(lambda: self._client.upload_file(str(source), self._bucket, self._name(key), more, None, config))
        self._keep(source, key)

    def _keep(self, source: Path, key: str) -> None:
        """As the copy. Nobody waits until the disk has all of it: of one that it may not have, a mark says so until then."""
        size = source.stat().st_size
        target, mark = self._target(key), self.root / TEMP / f"{uuid4().hex}{UNSURE}"
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(key, "utf-8")
        flush(mark)
        flush_folder(mark.parent)
        self._place(source, target)
        self._disk.submit(_make_sure, target, mark)
        self._make_room(size)

    def _forget_unsure(self) -> None:
        """The machine may have stopped before the disk had them."""
        for mark in (self.root / TEMP).glob(f"*{UNSURE}"):
            with suppress(Invalid):
                LocalStorage.delete(self, mark.read_text("utf-8"))
            mark.unlink(missing_ok=True)

    def _finished(self, sending: Sending, source: Path, size: int) -> bool:
        """Whether it is there; what failed on the way is tried once more from the beginning."""
        try:
            self._ask(lambda: sending.finish(source, size))
        except (Unavailable, NotFound, CancelledError) as error:
            log.warning("a file on its way to the bucket is sent anew: %s", error)
            return False
        return True

    def sending(self, key: str, *, mime: str) -> Sending:
        """A file that is sent while it grows: for `ahead`."""
        named = {"Bucket": self._bucket, "Key": self._name(key)}
        return Sending(self._client, self._senders, key, named, self._more(mime))

    @contextmanager
    def ahead(self, source: Path, key: str, *, mime: str, sending: Sending | None = None) -> Iterator[None]:
        """The same, in parts; `sending`: what has been sent of it."""
        sending = self._ahead[key] = sending or self.sending(key, mime=mime)
        try:
            sending.rest(source, source.stat().st_size)
            yield
        except BaseException:
            sending.cancel()
            raise
        finally:
            self._ahead.pop(key, None)

    def _more(self, mime: str) -> dict[str, str]:
        """What the bucket is told of a file."""
        more = {"ContentType": mime, "CacheControl": CACHE_CONTROL}
        return more | ({"ACL": acl} if (acl := self.settings.acl) else {})

    def path(self, key: str) -> Path:
        """The copy, fetched when it is not here. Raises NotFound, Invalid, Unavailable."""
        try:
            found = super().path(key)
        except NotFound:
            found = self._fetched(key)
        os.utime(found)
        return found

    def coming(self, key: str) -> Coming | None:
        """A large file that is not here, to be passed on as it comes from the bucket; None: `path` has it soon.

        Raises Invalid, Unavailable.
        """
        if self._target(key).is_file():
            return None
        with suppress(NotFound):
            size = self._head(key)
            if size >= LARGE:
                return Coming(name=Path(key).stem, size=size, read=partial(self._passed_on, key, size))
        return None

    def _passed_on(self, key: str, size: int, start: int, end: int) -> Iterator[bytes]:
        """Its bytes; read whole a second time, it is a copy afterwards."""
        chunks = self._chunks(key, start, end)
        is_whole = (start, end) == (0, size)
        if not is_whole or key not in self._passed:
            yield from chunks
            if is_whole:
                self._passed.append(key)
            return
        with self.temp() as part:
            with part.open("wb") as copy, ThreadPoolExecutor(1) as beside:  # nobody who reads waits for this disk
                writing = beside.submit(copy.write, b"")
                for chunk in chunks:
                    writing.result()
                    writing = beside.submit(copy.write, chunk)
                    yield chunk
                writing.result()
            self._keep(part, key)

    def _chunks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        return self._readings.read(partial(self._part, key), start, end)

    def _part(self, key: str, start: int, end: int) -> bytes:
        from botocore.exceptions import IncompleteReadError

        asked = {"Bucket": self._bucket, "Key": self._name(key), "Range": f"bytes={start}-{end - 1}"}

        def fetch() -> bytes:
            answer = self._client.get_object(**asked)
            with closing(answer["Body"]) as body:
                size = answer.get("ContentLength", 0)
                if size != end - start:  # a server that knows no ranges would send all of it
                    raise IncompleteReadError(actual_bytes=size, expected_bytes=end - start)
                return bytes(body.read())

        return self._ask(fetch)

    def _fetched(self, key: str) -> Path:
        with self.temp() as part:
            try:
                self._ask(
                    lambda: self._client.download_file(
                        self._bucket, self._name(key), str(part), None, None, self._transfers
                    )
                )
            except NotFound:
                if self.before is None:
                    raise
                return self.before.path(key)
            self._keep(part, key)
        return super().path(key)

    def size(self, key: str) -> int:
        """Its bytes. Raises NotFound, Invalid, Unavailable."""
        self._target(key)
        try:
            return self._head(key)
        except NotFound:
            if self.before is None:
                raise
            return self.before.size(key)

    def _head(self, key: str) -> int:
        asked = {"Bucket": self._bucket, "Key": self._name(key)}
        return int(self._ask(lambda: self._client.head_object(**asked))["ContentLength"])

    def delete(self, *keys: str) -> None:
        """Removes files and their copies. One that is not there is fine. Raises Invalid, Unavailable, Misconfigured."""
        super().delete(*keys)
        if self.before is not None:
            self.before.delete(*keys)
        for first in range(0, len(keys), MOST_AT_ONCE):
            self._delete([self._name(key) for key in keys[first : first + MOST_AT_ONCE]])

    def _delete(self, names: Sequence[str]) -> None:
        """All at once where the server can, else one by one: some know no deletion of many, or want it signed otherwise."""
        left = list(names)
        if len(names) > 1:
            asked = {"Objects": [{"Key": name} for name in names], "Quiet": True}
            with suppress(Unavailable, Misconfigured):
                answer = self._ask(lambda: self._client.delete_objects(Bucket=self._bucket, Delete=asked))
                left = [error["Key"] for error in answer.get("Errors", [])]
        for name in left:
            with suppress(NotFound):
                self._ask(partial(self._client.delete_object, Bucket=self._bucket, Key=name))

    def digest(self, key: str) -> str:
        """The SHA-256 of what lies in the bucket, in hex: every byte is read from there. Raises NotFound, Unavailable."""
        self._target(key)
        found = hashlib.sha256()

        def read() -> None:
            body = self._client.get_object(Bucket=self._bucket, Key=self._name(key))["Body"]
            for piece in body.iter_chunks(READ_BYTES):
                found.update(piece)

        self._ask(read)
        return found.hexdigest()

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Every file of the bucket whose key begins with `prefix`, then those of the folder before. Raises Invalid."""
        check_prefix(prefix)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._name(prefix))
        strange = len(self._name(""))
        rows = iter(pages)
        while (page := self._ask(lambda: next(rows, None))) is not None:
            for row in page.get("Contents", []):
                yield Stored(key=row["Key"][strange:], bytes=row["Size"], modified=row["LastModified"])
        if self.before is not None:
            yield from self.before.list(prefix)

    def sweep_temp(self, older_than: timedelta, now: datetime) -> int:
        """The same, and uploads in parts that a killed process left in the bucket. Raises Unavailable, Misconfigured."""
        asked = {"Bucket": self._bucket, "Prefix": self._name("")}
        found = self._ask(lambda: self._client.list_multipart_uploads(**asked)).get("Uploads", [])
        left = [each for each in found if now - each["Initiated"] > older_than]
        for each in left:
            named = {"Bucket": self._bucket, "Key": each["Key"], "UploadId": each["UploadId"]}
            with suppress(NotFound):
                self._ask(partial(self._client.abort_multipart_upload, **named))
        return super().sweep_temp(older_than, now) + len(left)

    def url(self, key: str, expires_s: int) -> str:
        """An address that anybody may fetch the file from, for so many seconds. Raises Invalid, Misconfigured."""
        self._target(key)
        return self.asked(lambda to: to.signed(self._name(key), expires_s))

    def address(self, key: str, mime: str) -> str | None:
        """In the bucket, for what is large, where the settings say so and the file lies there."""
        self._target(key)
        is_elsewhere = self.before is not None and self.before.has(key)
        return None if is_elsewhere else self.asked(lambda to: to.of(self._name(key), mime))

    def asked(self, what: Callable[[Addresses], T]) -> T:
        """Something about addresses. Raises Misconfigured."""
        return self._ask(lambda: what(self._addresses))

    @contextmanager
    def probing(self, content: bytes) -> Iterator[str]:
        """A file that is put there, read, and removed at the end; its name. Raises Unavailable, Misconfigured."""
        name = self._name(f"probe/{os.getpid()}")
        more = {"ACL": acl} if (acl := self.settings.acl) else {}
        self._ask(lambda: self._client.put_object(Bucket=self._bucket, Key=name, Body=content, **more))
        try:
            self._ask(lambda: self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read())
            yield name
        finally:
            self._ask(lambda: self._client.delete_object(Bucket=self._bucket, Key=name))

    @property
    def _bucket(self) -> str:
        return self.settings.bucket

    def _name(self, key: str) -> str:
        """A key as the bucket knows it."""
        prefix = self.settings.prefix.strip("/")
        return f"{prefix}/{key}" if prefix else key

    def _ask(self, what: Callable[[], T]) -> T:
        """botocore's errors as ours, without an address or a name that could hold a secret."""
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            return what()
        except NoCredentialsError as error:
            raise Misconfigured(
                "There are no credentials for the bucket {bucket}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
                bucket=self._bucket,
            ) from error
        except S3UploadFailedError as error:
            raise self._as_ours(error.__context__ or error) from error
        except (ClientError, BotoCoreError) as error:
            raise self._as_ours(error) from error

    def _as_ours(self, error: BaseException) -> Exception:
        answer: dict[str, Any] = getattr(error, "response", None) or {}
        code = str(answer.get("Error", {}).get("Code", ""))
        if code == "NoSuchBucket":
            return Misconfigured(
                "There is no bucket {bucket}. Make it, or correct APOM_S3_BUCKET.", bucket=self._bucket
            )
        if code in MISSING:
            return NotFound()
        if code in REFUSED:
            return Misconfigured(
                "The bucket {bucket} refuses the credentials ({code}). They have to allow reading, writing, deleting and "
                "listing.",
                bucket=self._bucket,
                code=code,
            )
        return Unavailable(
            "The bucket {bucket} cannot be reached now ({why}). Nothing is lost: it is tried again.",
            bucket=self._bucket,
            why=code or type(error).__name__,
        )

    def _make_room(self, came: int) -> None:
        """Copies that were not asked for the longest go, down to nine tenths of the room."""
        most = self.settings.cache_gb * GB
        with self._room:
            self._kept = came + (self._kept if self._kept is not None else sum(s.bytes for s in super().list()) - came)
            if self._kept <= most:
                return
            now, kept = time.time(), 0
            copies = sorted(super().list(), key=lambda each: each.modified, reverse=True)
            for each in copies:
                if kept + each.bytes <= most * 0.9 or now - each.modified.timestamp() < IN_USE_S:
                    kept += each.bytes
                else:
                    super().delete(each.key)
            self._kept = kept


def _make_sure(target: Path, mark: Path) -> None:
    with suppress(OSError):  # it is gone, or goes at the next start
        flush(target)
    mark.unlink(missing_ok=True)


def _client(settings: S3Settings) -> tuple[Any, Any]:
    """A session, which knows the credentials, and its client. Raises Misconfigured."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        signature_version="s3v4",
        # by https only the head is signed anyway; by http, in one's own network, hashing it all again would make it slower
        s3={"addressing_style": settings.style, "payload_signing_enabled": False},
        # since 1.36 botocore adds checksums that S3-like servers refuse
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": TRIES},
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
    )
    try:
        session = boto3.session.Session()
        client = session.client(
            "s3", endpoint_url=settings.endpoint or None, region_name=settings.region or None, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise Misconfigured(
            "The settings of S3 cannot be used ({why}). Look at APOM_S3_ENDPOINT and APOM_S3_REGION.",
            why=type(error).__name__,
        ) from error
    client.meta.events.register("before-sign.s3.DeleteObjects", _with_md5)
    logging.getLogger("botocore.auth").setLevel(logging.INFO)  # at DEBUG it writes down what it signs
    return session, client


def _with_md5(request: Any, **_: object) -> None:
    """S3-like servers want the Content-MD5 that botocore no longer sends, and refuse the checksum it sends instead."""
    for header in ("x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm"):
        del request.headers[header]
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(digest).decode()
