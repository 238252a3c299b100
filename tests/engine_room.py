"""alice at work with a sandbox of its own, provider files changed for a test, and waiting for what the engine does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from conftest import person

from apom import testing
from apom.config import Settings
from apom.models import Attention, Box, ProviderHealth, Status, Take
from apom.store import audit, generations
from apom.studio import Studio, Workspace
from apom.testing import offer as offer


def until(true: Callable[[], object], timeout_s: float = 90) -> None:
    """Waits until it is so."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def health(workspace: Workspace) -> ProviderHealth:
    """How the sandbox is, among all the providers."""
    return next(each for each in workspace.provider_health() if each.provider == "sandbox")


@dataclass(frozen=True)
class Room:
    """alice's studio and the sandbox it orders from, a process of its own."""

    studio: Studio
    alice: Workspace
    box: Box
    url: str
    folder: Path

    def manners(self, **wishes: float) -> None:
        assert httpx.post(self.url + "/_sandbox/settings", json=wishes).json()["code"] == 200

    def stats(self) -> Any:
        return httpx.get(self.url + "/_sandbox/stats").json()

    def order(self, prompt: str = "x") -> Take:
        return self.alice.generate(self.box, prompt)[0]

    def arrival(self, prompt: str) -> Any:
        """A take that is here."""
        return self.take(self.alice.wait([self.order(prompt)])[0])

    def take(self, take: Take) -> Any:
        return self.alice.asset(take)

    def reaches(self, take: Take, status: Status, timeout_s: float = 90) -> Any:
        until(lambda: self.take(take).status is status, timeout_s)
        return self.take(take)

    def is_sent(self, take: Take) -> None:
        until(lambda: self.take(take).external_task_id)

    def health(self) -> ProviderHealth:
        return health(self.alice)

    def rests(self) -> None:
        def is_done() -> bool:
            with self.studio._store.read() as tx:
                return not generations.unfinished(tx)

        until(is_done)

    def ledger(self) -> list[tuple[float | None, float | None]]:
        with self.studio._store.read() as tx:
            return [(r["estimate"], r["actual"]) for r in tx.all("select estimate, actual from ledger_entry")]

    def actions(self) -> list[str]:
        with self.studio._store.read() as tx:
            return [entry.action for entry in reversed(audit.latest(tx, 20))]


@contextmanager
def opened(tmp_path: Path, database_url: str = "") -> Iterator[Room]:
    """A studio whose sandbox is a process of its own."""
    folder = tmp_path / "sandbox"
    with testing.sandbox(folder, image_s=0.2, small=True) as sandbox:
        settings = Settings(data_dir=tmp_path / "data", sandbox_url=sandbox.url, database_url=database_url)
        with Studio.open(settings) as studio:
            alice = studio.workspace(person(studio, "alice"))
            yield Room(studio, alice, alice.create_box(alice.create_project("P"), "one"), sandbox.url, folder)


def lost(room: Room) -> Take:
    """A take that the provider has and we do not know of."""
    offer(room.studio, lambda file: file["submit"].pop("lookup"))
    room.manners(drop_next=1)
    take = room.order()
    found = room.reaches(take, Status.ATTENTION)
    assert found.attention is Attention.LOST and "never sent again by itself" in found.error_message
    return take
