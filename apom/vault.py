"""How a key lies in the store: encrypted, and of no use without a file that is not in it.

AES-256-GCM (NIST SP 800-38D) with 96 random bits for each value. A value is bound to what it belongs to: put into another
row, it opens no more. As text it is `v1.<id of the key file>.<nonce and ciphertext, base64url>`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import stat
from pathlib import Path

from apom.errors import Misconfigured, Unavailable

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12
MARK = "apom-key-file-1:"  # what the file begins with
ID_CHARS = 12


class Vault:
    """Seals and opens, with the key in the file at `path`; it is made when something is sealed for the first time.

    The file is read anew each time: its key is in memory no longer than it is needed, and a file put back counts at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def seal(self, secret: str, *bound_to: str) -> str:
        """`secret`, to be opened with the same words only. Raises Misconfigured, Unavailable."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._read() or self._make()
        nonce = secrets.token_bytes(NONCE_BYTES)
        content = AESGCM(key).encrypt(nonce, secret.encode(), _associated(bound_to))
        return f"{VERSION}.{_id(key)}.{base64.urlsafe_b64encode(nonce + content).decode()}"

    def open(self, sealed: str, *bound_to: str) -> str:
        """What was sealed. Raises Misconfigured with what to do: nothing is ever thrown away here."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._read()
        if key is None:
            raise self._lost()
        version, _, rest = sealed.partition(".")
        made_with, _, text = rest.partition(".")
        if version != VERSION:
            raise Misconfigured("A stored key was sealed by a newer apom. Update apom, or set the key again.")
        if made_with != _id(key):
            raise self._other()
        try:
            content = base64.urlsafe_b64decode(text)
            return AESGCM(key).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _associated(bound_to)).decode()
        except (InvalidTag, ValueError):
            raise Misconfigured("A stored key was changed outside apom and cannot be read. Set it again.") from None

    def check_opens(self, others: list[str]) -> None:
        """Before something is sealed: what lies there opens with this file too, or two files would be needed from then on.

        Raises Misconfigured.
        """
        if not others:
            return
        key = self._read()
        if key is None:
            raise self._lost()
        if any(sealed.split(".")[1:2] != [_id(key)] for sealed in others):
            raise self._other()

    def _lost(self) -> Misconfigured:
        return Misconfigured(
            "The key file {path} is not there, and the stored keys cannot be read without it; they are kept. Put it back "
            "from your copy. Without a copy, remove the stored keys and set them again.",
            path=self.path,
        )

    def _other(self) -> Misconfigured:
        return Misconfigured(
            "The stored keys were sealed with another key file than {path}; they are kept. Put the right one there. "
            "Without it, remove the stored keys and set them again.",
            path=self.path,
        )

    def _read(self) -> bytes | None:
        """The key, None when there is no file. Raises Misconfigured for a file that is none, or that others can read."""
        try:
            with self.path.open(encoding="ascii") as file:
                is_open = os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
                text = file.read(1000)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise self._unreadable() from None
        if is_open:
            raise Misconfigured(
                "Other accounts of this machine can read the key file {path}, so it is not used. Close it: chmod 600 {path}",
                path=self.path,
            )
        try:
            key = base64.urlsafe_b64decode(text.strip().removeprefix(MARK))
        except ValueError:
            key = b""
        if not text.startswith(MARK) or len(key) != KEY_BYTES:
            raise self._unreadable()
        return key

    def _unreadable(self) -> Misconfigured:
        return Misconfigured(
            "The key file {path} cannot be read, or is none of apom's. Put the right one there, or set APOM_KEY_FILE.",
            path=self.path,
        )

    def _make(self) -> bytes:
        """A new file, its owner's alone from the first byte on, there whole or not at all; the first of two wins."""
        part = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                _write(part, MARK + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
                os.link(part, self.path)
            except FileExistsError:
                pass
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(
                "The key file {path} cannot be made: {reason}. Choose another place with APOM_KEY_FILE.",
                path=self.path,
                reason=error.strerror or error,
            ) from None
        key = self._read()
        if key is None:
            raise self._lost()
        return key


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _id(key: bytes) -> str:
    """Tells key files apart and says nothing of them."""
    return hashlib.sha256(b"apom key file\0" + key).hexdigest()[:ID_CHARS]


def _associated(words: tuple[str, ...]) -> bytes:
    """Unambiguous: no two lists of words give the same bytes."""
    return b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in ("apom", VERSION, *words))
