"""Marks on all results: what the filter let through at the order, each take once, by the rights of that moment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from queue import Queue
from typing import Any
from uuid import UUID

import pytest
from conftest import Cast, let_in

from apom import bulk, jobs
from apom.config import Settings
from apom.errors import Conflict, Invalid, NotAllowed, NotFound
from apom.models import (
    OPEN_JOBS,
    Asset,
    AssetType,
    Box,
    Job,
    JobState,
    Judgement,
    Mark,
    Project,
    Role,
    SourceType,
    Status,
    new_id,
)
from apom.projects import REFUSALS
from apom.store import assets
from apom.studio import Studio, Workspace

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
FAVORITE, THROWN = Judgement(is_favorite=True), Judgement(trashed=True)
ON_ITS_WAY = "This take is still on its way. Cancel it first, or wait until it has arrived."


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PIECE", 4)
    monkeypatch.setattr(jobs, "NOTE_S", 0.0)


@pytest.fixture
def project(cast: Cast) -> Project:
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor")
    return project


@pytest.fixture
def box(cast: Cast, project: Project) -> Box:
    return cast.alice.create_box(project, "one")


@pytest.fixture
def work(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has the jobs begin, though there is no engine."""
    monkeypatch.setattr(cast.studio.jobs, "_is_on", lambda: True)
    return cast.studio.jobs.start


def put(studio: Studio, box: Box, n: int, *, status: Status = Status.COMPLETED, at: datetime = BEGAN) -> list[UUID]:
    """So many takes, the oldest first."""
    found = [
        Asset(
            id=new_id(),
            project_id=box.project_id,
            box_id=box.id,
            number=k,
            asset_type=AssetType.IMAGE,
            source_type=SourceType.UPLOADED,
            status=status,
            created_by=box.created_by,
            created_at=at + timedelta(seconds=k),
            updated_at=at,
        )
        for k in range(n)
    ]
    with studio._store.write() as tx:
        assets.insert(tx, found)
    return [take.id for take in found]


def over(ws: Workspace, job: Job) -> Job:
    """The job at its end."""
    deadline = time.monotonic() + 30
    while (found := ws.job(job)).state in OPEN_JOBS:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def told(job: Job) -> tuple[object, object, object]:
    """How many were changed, were so already, and were refused why."""
    result: Any = job.result
    return result["changed"], result["same"], result["refused"]


def favorites(ws: Workspace, box: Box) -> set[UUID]:
    return {take.id for take in ws.get_box_assets(box, favorites=True, limit=500).items}


def test_all_results_are_marked_and_the_result_says_how_many(
    cast: Cast, project: Project, box: Box, work: Callable[[], None]
) -> None:
    other = cast.alice.create_box(project, "two")
    mine, others = put(cast.studio, box, 10), put(cast.studio, other, 3)
    cast.alice.toggle_favorite(mine[3])
    job = cast.alice.mark_all(FAVORITE, box=box)
    assert (job.kind, job.state, job.project_id) == ("bulk", JobState.PENDING, project.id)
    work()
    done = over(cast.alice, job)
    assert (done.state, done.progress, told(done)) == (JobState.DONE, 1, (9, 1, {}))
    assert favorites(cast.alice, box) == set(mine)
    assert favorites(cast.alice, other) == set()
    assert cast.victor.count_assets(project=project, favorites=True) == 10
    assert told(over(cast.alice, cast.alice.mark_all(Judgement(rating=3), project=project))) == (13, 0, {})
    assert {take.rating for take in cast.alice.get_assets([*mine, *others])} == {3}
    assert told(over(cast.alice, cast.alice.mark_all(FAVORITE, "no such word", project=project))) == (0, 0, {})


def test_what_arrives_later_is_left_alone_whatever_a_clock_said(cast: Cast, box: Box, work: Callable[[], None]) -> None:
    there = put(cast.studio, box, 6, at=datetime(2027, 1, 1, tzinfo=UTC))  # made while the clock was wrong
    job = cast.alice.mark_all(FAVORITE, box=box)
    put(cast.studio, box, 3, at=datetime(2027, 1, 2, tzinfo=UTC))
    work()
    assert told(over(cast.alice, job)) == (6, 0, {})
    assert favorites(cast.alice, box) == set(there)


def test_what_may_not_be_changed_is_left_and_counted_with_the_reason(
    cast: Cast, box: Box, work: Callable[[], None]
) -> None:
    work()
    mine = put(cast.studio, cast.victor.create_box(cast.victor.create_project("victor's"), "one"), 5)
    put(cast.studio, box, 6)
    job = over(cast.victor, cast.victor.mark_all(FAVORITE))
    assert told(job) == (5, 0, {REFUSALS[Role.EDITOR]: 6})
    assert favorites(cast.alice, box) == set()
    assert {take.is_favorite for take in cast.victor.get_assets(mine)} == {True}
    with pytest.raises(NotFound):
        cast.alice.job(job)
    running = put(cast.studio, box, 2, status=Status.PROCESSING, at=BEGAN + timedelta(days=1))
    assert told(over(cast.alice, cast.alice.mark_all(THROWN, box=box))) == (6, 0, {ON_ITS_WAY: 2})
    assert [take.id for take in cast.alice.get_box_assets(box).items] == running[::-1]


def test_who_may_not_is_refused_and_who_may_no_longer_changes_nothing_more(
    cast: Cast, project: Project, box: Box, work: Callable[[], None]
) -> None:
    put(cast.studio, box, 9)
    with pytest.raises(NotAllowed):
        cast.victor.mark_all(FAVORITE, box=box)
    for foreign in ({"box": box}, {"project": project}):
        for act in (lambda: cast.bob.mark_all(FAVORITE, **foreign), lambda: cast.bob.count_assets(**foreign)):  # noqa: B023  (called at once)
            with pytest.raises(NotFound):
                act()
    assert cast.bob.count_assets() == 0
    with pytest.raises(Invalid):
        cast.alice.mark_all(Judgement(), box=box)
    with pytest.raises(Invalid):
        cast.alice.mark_all(FAVORITE, "x" * 501)
    let_in(cast.alice, project, "victor", Role.EDITOR)
    job = cast.victor.mark_all(FAVORITE, box=box)
    let_in(cast.alice, project, "victor")
    work()
    assert told(over(cast.alice, job)) == (0, 0, {REFUSALS[Role.EDITOR]: 9})
    assert favorites(cast.alice, box) == set()


def test_an_account_that_has_ended_orders_nothing_more(cast: Cast, box: Box, work: Callable[[], None]) -> None:
    put(cast.studio, box, 3)
    job = cast.alice.mark_all(FAVORITE, box=box)
    cast.studio.operator().change_user("victor", is_admin=True)
    cast.studio.operator().change_user("alice", is_active=False)
    work()
    done = over(cast.victor, job)
    assert (done.state, done.error_message) == (JobState.FAILED, "The account that ordered this has ended.")
    assert favorites(cast.victor, box) == set()


def test_what_a_job_threw_away_comes_back_and_nothing_else(
    cast: Cast, project: Project, box: Box, work: Callable[[], None]
) -> None:
    takes = put(cast.studio, box, 9)
    cast.alice.set_headliner(box, takes[2])
    cast.alice.mark([Mark(asset_id=takes[0], trashed=True)])
    work()
    thrown = over(cast.alice, cast.alice.mark_all(THROWN, box=box))
    assert told(thrown) == (8, 0, {})
    assert cast.alice.box(box).headliner_asset_id is None
    back = over(cast.alice, cast.alice.undo_job(thrown))
    assert told(back) == (8, 0, {})
    assert [take.id for take in cast.alice.get_box_assets(box).items] == takes[:0:-1]
    assert cast.alice.box(box).headliner_asset_id == takes[2]
    assert [take.id for take in cast.alice.get_box_assets(box, trashed=True).items] == takes[:1]
    assert told(over(cast.alice, cast.alice.mark_all(Judgement(trashed=False), box=box, trashed=True))) == (1, 0, {})
    for job in (back, over(cast.alice, cast.alice.mark_all(FAVORITE, box=box))):
        with pytest.raises(Conflict, match="no way back"):
            cast.alice.undo_job(job)
    with pytest.raises(NotAllowed):
        cast.victor.undo_job(thrown)
    with pytest.raises(NotFound):
        cast.bob.undo_job(thrown)


def test_a_job_that_is_undone_in_the_middle_throws_nothing_away_afterwards(
    cast: Cast, box: Box, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = put(cast.studio, box, 10)
    undone: Queue[Job] = Queue()
    order = bulk.Bulk._next

    def next_after_undo(self: bulk.Bulk, job: Job, *about: Any) -> Any:
        if job.id == thrown.id and cast.alice.count_assets(box=box) < len(takes):
            undone.put(cast.alice.undo_job(job))
        return order(self, job, *about)

    monkeypatch.setattr(bulk.Bulk, "_next", next_after_undo)
    thrown = cast.alice.mark_all(THROWN, box=box)
    work()
    assert told(over(cast.alice, undone.get(timeout=20))) == (4, 0, {})
    assert over(cast.alice, thrown).state is JobState.CANCELLED
    assert cast.alice.count_assets(box=box) == len(takes)


KILLED = """
import os, signal, sys
from apom import bulk
from apom.studio import Studio
from apom.config import Settings

bulk.PIECE, when, pieces = 4, sys.argv[1], []
make, hold = bulk.mark_in, bulk.Bulk._next

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def mark_in(*about):
    made = make(*about)
    pieces.append(1)
    if when == "before the commit" and len(pieces) == 2:
        kill()
    return made

def next_piece(self, *about):
    if when == "after the commit" and len(pieces) == 2:
        kill()
    return hold(self, *about)

bulk.mark_in, bulk.Bulk._next = mark_in, next_piece
with Studio.open(Settings(data_dir=sys.argv[2], database_url=sys.argv[3])):
    signal.pause()
"""


@pytest.mark.parametrize(("when", "done"), [("before the commit", 4), ("after the commit", 8)])
def test_killed_in_the_middle_it_goes_on_and_does_nothing_twice(
    settings: Settings, database_url: str, when: str, done: int
) -> None:
    with Studio.open(settings, engine=False) as studio:
        studio.register("alice", "seven tall ships at dawn")
        actor = studio.resolve(token=studio.login("alice", "seven tall ships at dawn")[0])
        assert actor
        alice = studio.workspace(actor)
        box = alice.create_box(alice.create_project("P"), "one")
        takes = put(studio, box, 11)
        job = alice.mark_all(FAVORITE, box=box)
    command = [sys.executable, "-c", KILLED, when, str(settings.data_dir), database_url]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    with Studio.open(settings, engine=False) as studio:
        alice = studio.workspace(actor)
        left = alice.job(job)
        assert (left.state, told(left)) == (JobState.RUNNING, (done, 0, {}))
        assert len(favorites(alice, box)) == done
    with Studio.open(settings) as studio:
        alice = studio.workspace(actor)
        assert told(over(alice, job)) == (11, 0, {}), "a piece that is made again would be the same already"
        assert favorites(alice, box) == set(takes)
