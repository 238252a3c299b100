"""The keys of providers: from the environment by the name a file gives, else from the store, where they lie encrypted.

A key is in memory as long as a request is made with it, and leaves this module in no other way than to `Client`; people
see its last four characters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from apom.errors import Invalid, Misconfigured, NotFound
from apom.models import KeyState
from apom.store import Store, audit, provider_keys
from apom.store.remembered import Remembered
from apom.vault import Vault

KEY = re.compile(r"[\x21-\x7e]{8,8192}")  # what a header can carry
SHOWN = 4
SHOWN_FROM = 16  # characters; of a shorter key the last four would say too much
OURS = ("APOM_", "AWS_")  # variables of this machine, which no provider file may ask for


class Secrets(Mapping[str, str]):
    """A provider's keys by name, each looked up when it is asked for. Raises Misconfigured for one that cannot be read."""

    def __init__(self, keyring: Keyring, provider: str, names: Sequence[str]) -> None:
        self._keyring = keyring
        self._provider = provider
        self._names = names

    def __getitem__(self, name: str) -> str:
        found = self._keyring.find(self._provider, name) if name in self._names else None
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        """Those that can be read."""
        return (name for name in self._names if self._keyring.state(self._provider, name).is_usable)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Secrets of {self._provider}>"


class Keyring:
    """Finds, keeps and forgets keys. `environment`: where a key counts before a stored one of the same name."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Callable[[], datetime],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._environment = environment
        self._sealed = Remembered(store, provider_keys.everything)

    def find(self, provider: str, name: str) -> str | None:
        """A key, None without one. Raises Misconfigured for a stored one that cannot be read."""
        outside = self._outside(name)
        if outside is not None:
            return outside
        sealed = self._sealed().get((provider, name))
        return None if sealed is None else self._vault.open(sealed, provider, name)

    def secrets(self, provider: str, names: Sequence[str]) -> Secrets:
        """The keys of these names, for a client that lives long."""
        return Secrets(self, provider, names)

    def state(self, provider: str, name: str) -> KeyState:
        """Whether there is such a key and where from; of the key itself only its end, if it is long."""
        try:
            found = self.find(provider, name)
        except Misconfigured as error:
            return KeyState(name=name, source="store", says=str(error))
        if found is None:
            return KeyState(name=name)
        source = "environment" if self._outside(name) is not None else "store"
        return KeyState(name=name, source=source, is_usable=True, ends=_ends(found))

    def put(self, provider: str, name: str, key: str, *, by: str) -> None:
        """Keeps a key, in the place of the one before. Raises Invalid, Misconfigured, Unavailable."""
        key = key.strip()
        if not KEY.fullmatch(key):
            raise Invalid(
                "A key has 8 to 8192 Latin letters, digits and signs, and no spaces. Copy it from the provider's page.",
                field="key",
            )
        now = self._clock()
        with self._store.write() as tx:
            others = provider_keys.everything(tx)
            others.pop((provider, name), None)
            self._vault.check_opens(list(others.values()))
            provider_keys.put(tx, provider, name, self._vault.seal(key, provider, name), by, now)
            audit.append(tx, now, by, "key.set", f"provider:{provider} key:{name}")
        self._sealed.forget()

    def remove(self, provider: str, name: str, *, by: str) -> None:
        """Forgets a stored key, one that cannot be read too. Raises NotFound."""
        now = self._clock()
        with self._store.write() as tx:
            if (provider, name) not in provider_keys.everything(tx):
                raise NotFound("There is no stored key of that name.")
            provider_keys.remove(tx, provider, name)
            audit.append(tx, now, by, "key.remove", f"provider:{provider} key:{name}")
        self._sealed.forget()

    def _outside(self, name: str) -> str | None:
        return None if name.startswith(OURS) else self._environment.get(name, "").strip() or None


def _ends(key: str) -> str:
    return key[-SHOWN:] if len(key) >= SHOWN_FROM else ""
