"""Long work: goes on after a restart, stops when a person says so, and says what went wrong."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from conftest import Cast, Clock, let_in
from pydantic import JsonValue

from apom import jobs as jobs_module
from apom.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from apom.jobs import Jobs, Work
from apom.models import Job, JobState, Role
from apom.store import jobs as rows

WAIT_S = 10


@pytest.fixture(autouse=True)
def _every_note_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "NOTE_S", 0)


@contextmanager
def working(cast: Cast, **kinds: Callable[[Work], JsonValue]) -> Iterator[Jobs]:
    """The runner of a process, with these kinds of work."""
    jobs = Jobs(cast.studio._store, cast.studio.hub, cast.studio.accounts._clock)
    for name, act in kinds.items():
        jobs.declare(name, act)
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.stop()


def until(jobs: Jobs, cast: Cast, job: Job, *states: JobState) -> Job:
    """The job as soon as it is in one of these states."""
    patience = threading.Event()
    for _ in range(WAIT_S * 100):
        found = jobs.get(cast.alice.actor, job.id)
        if found.state in states:
            return found
        patience.wait(0.01)
    raise AssertionError(found)


def test_a_job_runs_and_its_result_is_kept(cast: Cast):
    with working(cast, double=lambda work: {"n": int(str(work.job.request["n"])) * 2}) as jobs:
        job = until(jobs, cast, jobs.add(cast.alice.actor, "double", {"n": 21}), JobState.DONE)
    assert (job.result, job.progress, job.error_message) == ({"n": 42}, 1, None)


def test_a_refusal_and_a_fault_are_said_and_can_be_tried_again(cast: Cast):
    faults: list[Exception] = [Invalid("The folder is empty."), RuntimeError("secret detail")]

    def act(work: Work) -> JsonValue:
        if faults:
            raise faults.pop(0)
        return "fine"

    with working(cast, act=act) as jobs:
        job = until(jobs, cast, jobs.add(cast.alice.actor, "act", {}), JobState.FAILED)
        assert job.error_message == "The folder is empty."
        jobs.resume(cast.alice.actor, job.id)
        job = until(jobs, cast, job, JobState.FAILED)
        assert job.error_message == jobs_module.FAULT
        jobs.resume(cast.alice.actor, job.id)
        assert until(jobs, cast, job, JobState.DONE).result == "fine"


def test_after_a_restart_it_goes_on_from_what_was_noted(cast: Cast):
    begun, go_on, done = threading.Event(), threading.Event(), list[int]()

    def count(work: Work) -> JsonValue:
        for n in range(int(str(work.saved.get("next", 0))), 6):
            done.append(n)
            work.note(n / 6, {"next": n + 1})
            if n == 2 and not go_on.is_set():
                begun.set()
                go_on.wait(WAIT_S)
        return len(done)

    with working(cast, count=count) as jobs:
        job = jobs.add(cast.alice.actor, "count", {})
        assert begun.wait(WAIT_S)
        jobs._ending.set()
        go_on.set()
    assert jobs.get(cast.alice.actor, job.id).state is JobState.PENDING
    with working(cast, count=count) as jobs:
        until(jobs, cast, job, JobState.DONE)
    assert done == list(range(6))


def test_what_a_killed_process_was_doing_is_taken_up(cast: Cast):
    jobs = Jobs(cast.studio._store, cast.studio.hub, cast.studio.accounts._clock)
    job = jobs.add(cast.alice.actor, "act", {})
    with cast.studio._store.write() as tx:
        rows.begin(tx, job, None, "of a process that was killed", job.created_at)
    with working(cast, act=lambda work: "again") as jobs:
        assert until(jobs, cast, job, JobState.DONE).result == "again"


@pytest.mark.parametrize(("word", "state"), [("cancel", JobState.CANCELLED), ("pause", JobState.PAUSED)])
def test_a_person_stops_it_at_its_next_note_and_keeps_the_last_word(cast: Cast, word: str, state: JobState):
    begun, spoken, left = threading.Event(), threading.Event(), threading.Event()

    def act(work: Work) -> JsonValue:
        begun.set()
        spoken.wait(WAIT_S)
        try:
            work.note(0.5)
        finally:
            left.set()
        return "never"

    with working(cast, act=act) as jobs:
        job = jobs.add(cast.alice.actor, "act", {})
        assert begun.wait(WAIT_S)
        getattr(jobs, word)(cast.alice.actor, job.id)
        spoken.set()
        assert left.wait(WAIT_S)
    found = jobs.get(cast.alice.actor, job.id)
    assert (found.state, found.result) == (state, None)
    if state is JobState.CANCELLED:
        with pytest.raises(Conflict):
            jobs.resume(cast.alice.actor, job.id)


def test_resumed_before_it_has_noticed_the_pause_it_runs_once(cast: Cast):
    begun, spoken, done = threading.Event(), threading.Event(), list[str]()

    def act(work: Work) -> JsonValue:
        if not begun.is_set():
            begun.set()
            spoken.wait(WAIT_S)
            work.note(0.5, {"by": "the first"})
            done.append("the first went on")
        done.append("once")
        return "done"

    with working(cast, act=act) as jobs:
        job = jobs.add(cast.alice.actor, "act", {})
        assert begun.wait(WAIT_S)
        jobs.pause(cast.alice.actor, job.id)
        jobs.resume(cast.alice.actor, job.id)
        assert until(jobs, cast, job, JobState.DONE).result == "done"
        spoken.set()
    assert done == ["once"]
    assert jobs.get(cast.alice.actor, job.id).result == "done", "a run that was replaced writes nothing"


@pytest.mark.parametrize("hours", [25, -25])
def test_a_clock_that_jumps_holds_up_no_job_and_ends_no_session(cast: Cast, clock: Clock, hours: int):
    alice = cast.studio.operator().add_user("anna", "seven tall ships at dawn")
    token, _ = cast.studio.login("anna", "seven tall ships at dawn")
    begun, jumped = threading.Event(), threading.Event()

    def act(work: Work) -> JsonValue:
        begun.set()
        jumped.wait(WAIT_S)
        work.note(0.5, {"half": True})
        return work.job.request

    with working(cast, act=act) as jobs:
        job = jobs.add(cast.alice.actor, "act", {"n": 1})
        assert begun.wait(WAIT_S)
        clock.move(hours=hours)
        later = jobs.add(cast.alice.actor, "act", {"n": 2})
        jumped.set()
        assert until(jobs, cast, job, JobState.DONE).result == {"n": 1}
        assert until(jobs, cast, later, JobState.DONE).result == {"n": 2}
    found = cast.studio.resolve(token=token)
    assert found is not None and found.user_id == alice.id


def test_only_the_process_in_charge_works_and_it_takes_over_what_another_left(cast: Cast):
    is_on, begun, replaced = threading.Event(), threading.Event(), threading.Event()
    here = Jobs(cast.studio._store, cast.studio.hub, cast.studio.accounts._clock, lambda: not is_on.is_set())
    there = Jobs(cast.studio._store, cast.studio.hub, cast.studio.accounts._clock, is_on.is_set)

    def stuck(work: Work) -> JsonValue:
        begun.set()
        replaced.wait(WAIT_S)
        work.note(1.0, {"by": "here"})
        return "here"

    here.declare("act", stuck)
    there.declare("act", lambda work: "there")
    here.start()
    there.start()
    try:
        job = there.add(cast.alice.actor, "act", {})
        here._wake()
        assert begun.wait(WAIT_S), "who is not in charge does not begin"
        is_on.set()
        there._wake()
        assert until(there, cast, job, JobState.DONE).result == "there"
    finally:
        replaced.set()
        here.stop()
        there.stop()
    assert there.get(cast.alice.actor, job.id).result == "there"


def test_what_is_away_for_a_moment_is_tried_again_and_what_stays_away_is_said(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs_module, "LOOK_S", 0.01)
    tries = list[int]()

    def act(work: Work) -> JsonValue:
        tries.append(1)
        if len(tries) != 3:
            raise Unavailable("The disk is full.")
        return "done"

    with working(cast, act=act) as jobs:
        assert until(jobs, cast, jobs.add(cast.alice.actor, "act", {}), JobState.DONE).result == "done"
        job = until(jobs, cast, jobs.add(cast.alice.actor, "act", {}), JobState.FAILED)
    assert (len(tries), job.error_message) == (3 + jobs_module.TRIES, "The disk is full.")


def test_a_job_without_its_kind_waits_for_a_process_that_knows_it(cast: Cast):
    with working(cast) as jobs:
        job = jobs.add(cast.alice.actor, "of a newer apom", {})
    assert jobs.get(cast.alice.actor, job.id).state is JobState.PENDING


def test_only_who_may_see_it_sees_it_and_only_editors_stop_it(cast: Cast):
    jobs = Jobs(cast.studio._store, cast.studio.hub, cast.studio.accounts._clock)
    project = cast.alice.create_project("Film")
    mine = jobs.add(cast.alice.actor, "act", {})
    ours = jobs.add(cast.alice.actor, "act", {}, project_id=project.id)
    for job in (mine, ours):
        for act in (jobs.get, jobs.cancel, jobs.pause, jobs.resume):
            with pytest.raises(NotFound):
                act(cast.bob.actor, job.id)
    let_in(cast.alice, project, "victor")
    assert [job.id for job in jobs.page(cast.victor.actor, None, None, 10).items] == [ours.id]
    with pytest.raises(NotAllowed):
        jobs.cancel(cast.victor.actor, ours.id)
    let_in(cast.alice, project, "victor", Role.EDITOR)
    assert jobs.cancel(cast.victor.actor, ours.id).state is JobState.CANCELLED
    assert {job.id for job in jobs.page(cast.alice.actor, None, None, 10).items} == {mine.id, ours.id}
    with pytest.raises(NotFound):
        jobs.page(cast.bob.actor, project.id, None, 10)
