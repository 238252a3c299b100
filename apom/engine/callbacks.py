"""The addresses under which providers call us: each carries a proof of its own, so nothing has to be looked up."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from uuid import UUID

from apom.models import Generation

KEY_BYTES = 32


class Callbacks:
    """`/hooks/{provider}/{generation}.{hmac}` below the public address; without one no provider can reach us.

    The key is made on first use and lies in the data folder, for nobody else to read.
    """

    def __init__(self, data_dir: Path, public_url: str) -> None:
        self.key = HookKey(data_dir / "hooks.key")
        self._public_url = public_url.rstrip("/")

    @property
    def are_possible(self) -> bool:
        """Whether a provider can be given an address."""
        return bool(self._public_url)

    def url(self, generation: Generation) -> str | None:
        """The address for one generation; None when nobody could reach it."""
        if not self._public_url:
            return None
        proof = self._proof(generation.provider, generation.id)
        return f"{self._public_url}/hooks/{generation.provider}/{generation.id}.{proof}"

    def is_ours(self, provider: str, generation_id: UUID, proof: str) -> bool:
        """Whether we gave this address out. Takes as long for a wrong proof as for a right one."""
        return hmac.compare_digest(self._proof(provider, generation_id).encode(), proof.encode("utf-8", "replace"))

    def _proof(self, provider: str, generation_id: UUID) -> str:
        return hmac.new(self.key(), f"{provider}/{generation_id}".encode(), hashlib.sha256).hexdigest()


class HookKey:
    """The key of every address that proves itself: read, or made, when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    def __call__(self) -> bytes:
        if self._key is None:
            self._key = _read_or_make(self._path)
        return self._key


def _read_or_make(path: Path) -> bytes:
    """The key; of two that make it at once one wins, and both read that."""
    if not path.exists():
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_bytes()
