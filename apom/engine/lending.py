"""The addresses under which a provider fetches what a take starts from: for one file, for a day, proven by themselves."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

LIFE = timedelta(days=1)  # it may wait in the provider's line
TYPES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/heic": "heic",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
}


@dataclass(frozen=True, kw_only=True)
class Lent:
    """What an address stands for: a take's original, as this type, of so many bytes at most."""

    asset_id: UUID
    mime: str
    most_mb: float


class Lending:
    """`/hooks/files/{asset}/{until}.{kilobytes}.{proof}.{type}` below the public address. `key`: of this installation."""

    def __init__(self, key: Callable[[], bytes], public_url: str, clock: Callable[[], datetime]) -> None:
        self._key = key
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    @property
    def is_possible(self) -> bool:
        """Whether anybody outside can fetch a file from here."""
        return bool(self._public_url)

    def url(self, lent: Lent) -> str | None:
        """The address of a file; None when nobody could reach it."""
        if not self._public_url:
            return None
        until = int((self._clock() + LIFE).timestamp())
        said = f"{lent.asset_id}/{until}.{int(lent.most_mb * 1000)}"
        type_ = TYPES[lent.mime]
        return f"{self._public_url}/hooks/files/{said}.{self._proof(said, type_)}.{type_}"

    def read(self, asset_id: UUID, name: str) -> Lent | None:
        """What an address stands for; None for one that we never gave out, or that is over."""
        until, _, rest = name.partition(".")
        kilobytes, _, rest = rest.partition(".")
        proof, _, type_ = rest.partition(".")
        said = f"{asset_id}/{until}.{kilobytes}"
        if not hmac.compare_digest(self._proof(said, type_).encode(), proof.encode("utf-8", "replace")):
            return None
        if self._clock().timestamp() > int(until):
            return None
        mime = next(mime for mime, known in TYPES.items() if known == type_)
        return Lent(asset_id=asset_id, mime=mime, most_mb=int(kilobytes) / 1000)

    def _proof(self, said: str, type_: str) -> str:
        found = hmac.new(self._key(), f"lent/{said}.{type_}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(found).rstrip(b"=").decode()
