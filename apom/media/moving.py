"""From one storage to another, whole."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from apom.errors import BadMedia
from apom.media.s3 import S3Storage
from apom.media.sniff import KINDS
from apom.media.storage import LocalStorage

TYPES = {kind.ext: kind.mime for kind in KINDS}


def bring(source: LocalStorage, target: LocalStorage, key: str) -> None:
    """A copy of a file. Raises NotFound, Unavailable, OSError."""
    with target.temp() as path:
        shutil.copyfile(source.path(key), path)
        target.put(path, key, mime=TYPES.get(key.rpartition(".")[2], "application/octet-stream"))


def move(source: LocalStorage, target: S3Storage, key: str) -> None:
    """Brings a file, reads it back from there, and deletes it here when every byte has arrived.

    Raises NotFound, Unavailable, BadMedia when something else has arrived: it is here still.
    """
    expected = digest(source.path(key))
    bring(source, target, key)
    if target.digest(key) != expected:
        raise BadMedia("The bucket holds something else than was put there: {key}. The file here was kept.", key=key)
    source.delete(key)


def is_whole(path: Path, sha256: str | None) -> bool:
    """Whether a stored file is what is known of it: its SHA-256, of an original that of its take; else the beginning of one
    that is in its name.
    """
    found = digest(path)
    return found == sha256 if sha256 else path.stem.rpartition("-")[2] == found[:12]


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
