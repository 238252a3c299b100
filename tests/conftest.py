"""The standing cast: alice owns, victor is her VIEWER, bob is a stranger. And a studio in a folder of its own.

What stands on the store is tested on both databases: the modules named in BOTH.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest

from apom.ai_providers import AIProviders
from apom.config import Settings
from apom.models import Actor, Role, User, new_id
from apom.sandbox import order
from apom.store import users
from apom.studio import Studio, Workspace
from apom.testing import small_pictures

pytest_plugins = ["browser", "databases", "storages"]
hypothesis.settings.register_profile("apom", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("apom")
# hundreds of processes are started: what they import is compiled by the first one, whatever the environment says
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
FULL_SIZES = dict(order.SIZES)
small_pictures()
LOAD = AIProviders._load
DATABASES = ("duckdb", "postgresql")
BOTH = set(
    (
        "test_accounts test_alternatives test_archive test_backup test_batches test_bulk test_comments "
        "test_config_doors test_crash test_engine test_engine_races test_export_jobs test_handover_store test_idor test_jobs "
        "test_money test_notices test_projects test_providers_service test_queue test_retention "
        "test_retention_crash test_review_routes test_sharing test_sheets test_smart_edit test_soundtrack "
        "test_statement test_store test_style test_sweep test_takes test_tokens test_uploads test_vault"
    ).split()
)


def load_hurried(self: AIProviders) -> None:
    """As from the files, but the sandbox is asked for a take five times a second instead of once."""
    LOAD(self)
    sandbox = self._shipped.get("sandbox")
    if sandbox is not None and sandbox.poll is not None:
        poll = sandbox.poll.model_copy(update={"every_s": 0.2})
        self._shipped = {**self._shipped, "sandbox": sandbox.model_copy(update={"poll": poll})}


AIProviders._load = load_hurried  # type: ignore[method-assign]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames and metafunc.module.__name__ in BOTH:
        metafunc.parametrize("database", DATABASES, indirect=True)


class Clock:
    """A wall clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Cast:
    """A studio without an engine, and three people's doors into it."""

    studio: Studio
    alice: Workspace
    bob: Workspace
    victor: Workspace


def person(studio: Studio, name: str) -> Actor:
    """An account without the cost of a real password."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    user = User(id=new_id(), username=name, created_at=now, updated_at=now)
    with studio._store.write() as tx:
        users.insert(tx, user, "no password fits this")
    return Actor(user_id=user.id, username=name)


@pytest.fixture
def full_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox of this process draws as large as that of a server."""
    for shape, size in FULL_SIZES.items():
        monkeypatch.setitem(order.SIZES, shape, size)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(data_dir=tmp_path / "data", database_url=database_url, sandbox_image_s=0.1, sandbox_video_s=0.1)


@pytest.fixture
def studio(settings: Settings, clock: Clock) -> Iterator[Studio]:
    """Without an engine: what is ordered stays PENDING."""
    with Studio.open(settings, engine=False, clock=clock) as studio:
        yield studio


@pytest.fixture
def cast(studio: Studio) -> Cast:
    return Cast(studio, *(studio.workspace(person(studio, name)) for name in ("alice", "bob", "victor")))


@pytest.fixture
def running(settings: Settings) -> Iterator[Studio]:
    """With the engine, the built-in sandbox and real time."""
    with Studio.open(settings) as studio:
        yield studio


def let_in(alice: Workspace, project: object, name: str, role: Role = Role.VIEWER) -> None:
    """alice lets somebody into her project."""
    alice.set_member(project, name, role)  # type: ignore[arg-type]
