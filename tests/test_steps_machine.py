"""Every order of events the engine, a provider, a crash and people can come in: nothing is sent twice, nothing goes back.

The real steps, store and decisions; only the provider and the files are made up, and time is what the machine says. An
engine that was thought dead may still commit what it found out.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from uuid import UUID

import pytest
from conftest import Clock, person
from databases import Postgres
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from simulation import Loop

from apom import steps
from apom.answers import answers_to
from apom.config import Settings, shipped
from apom.engine.outcomes import Done, commit
from apom.engine.told import Told
from apom.errors import ApomError, BadMedia, Conflict, ProviderError
from apom.models import Answer, AssetType, Generation, State, Status
from apom.providers.answers import Polled
from apom.providers.catalog import parse
from apom.providers.client import Submitted
from apom.providers.spec import Model, ProviderSpec
from apom.steps import Arrived, Outcome
from apom.store import assets, generations
from apom.studio import Studio, Workspace

SANDBOX: dict[str, Any] = json.loads((shipped("providers") / "sandbox.json").read_text("utf-8"))
TERMINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


@cache
def spec_of(kind: str) -> ProviderSpec:
    """A provider that can be asked for a lost submission, one that heeds a key, one that can do neither."""
    data = copy.deepcopy(SANDBOX)
    if kind == "lookup that proves nothing":
        data["submit"]["lookup"]["proves_absence"] = False
    elif kind != "lookup":
        del data["submit"]["lookup"]
    if kind == "same key":
        data["submit"]["replay"] = "same_key"
        data["submit"]["request"]["headers"] = {"Idempotency-Key": "{{client_id}}"}
    if kind == "no cancel":
        del data["cancel"]
    return parse(json.dumps(data), file="sandbox.json")


class Rendered:
    """A request."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    def masked(self) -> dict[str, Any]:
        return {}


class Provider:
    """It keeps its books truthfully, and answers as it is told: that is all the steps may rely on."""

    def __init__(self, spec: ProviderSpec) -> None:
        self.spec = spec
        self.created: Counter[str] = Counter()
        self.on_the_way: list[str] = []
        self.has_failed = False
        self.reaction = "ok"

    def _say(self, **kinds: str) -> None:
        if self.reaction in kinds:
            raise ProviderError(kinds[self.reaction])

    async def submit(self, request: Rendered) -> Submitted:
        self._say(refused="rejected", busy="rate_limited", unreachable="not_sent", lost_before="unknown")
        self.on_the_way.append(request.client_id)
        self._say(slow="unknown")
        self.arrives()
        self._say(lost_after="unknown")
        return Submitted(task={"id": f"task-{request.client_id}"})

    def arrives(self) -> None:
        """What was sent is taken: at once, or half a minute later at the latest."""
        for client_id in self.on_the_way:
            knows_it = self.spec.submit.replay == "same_key" and self.created[client_id]
            self.created[client_id] += 0 if knows_it else 1
        self.on_the_way.clear()

    async def look_up(self, _: Model, client_id: str) -> dict[str, Any] | None:
        self._say(unreachable="transient", refused="rejected")
        return {"id": f"task-{client_id}"} if self.created[client_id] else None

    async def confirm(self, _: Model, task: dict[str, Any]) -> bool:
        return bool(self.created[str(task["id"]).removeprefix("task-")])

    async def cancel(self, *_: object) -> None:
        self._say(unreachable="transient", refused="rejected")

    async def poll(self, _: Model, task: dict[str, Any], age_s: float) -> Polled:
        assert await self.confirm(_, task), "it is asked for what it has"
        self._say(unreachable="transient", busy="rate_limited", refused="rejected")
        if self.reaction == "ok":
            return Polled(state="done", word="success", results=("http://sandbox.apom/files/x.png",), cost=4, unit="c")
        if self.reaction == "fails":
            self.has_failed = True
            return Polled(state="failed", word="fail")
        return Polled(state="running", word="generating")

    async def fetch(self, *_: object, **__: object) -> int:
        self._say(unreachable="transient", refused="rejected")
        if self.reaction == "fails":
            self.has_failed = True
            raise BadMedia("This is no picture.")
        return 1


class Keeper:
    """Takes everything in."""

    @contextmanager
    def temp(self) -> Iterator[Path]:
        yield Path("nowhere")

    def keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        file = {"file_key": f"dev/a/{generation.asset_id}/original-0123456789ab.png", "bytes": 1}
        return Arrived(asset_id=generation.asset_id, asset_type=AssetType.IMAGE, file=file)

    def discard(self, arrived: Arrived) -> None:
        raise AssertionError("nothing is deleted here")

    def recall(self, generation: Generation) -> None:
        """Nothing came in an answer."""


FAULTS = ["lost_after", "lost_before", "slow", "refused", "busy", "unreachable", "fails", "runs"]
REACTIONS = st.sampled_from(["ok"] * 6 + FAULTS)
AGES = st.sampled_from([1.0, 60.0, 60.0, 700.0, 100_000.0])
THEN = st.sampled_from(["commits", "commits", "commits", "waits", "dies", "is thought dead"])


KINDS = st.sampled_from(["lookup", "same key", "neither", "no cancel"])
CHOSEN = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
LOOK = f"""select a.status as shown, a.file_key, {generations.COLUMNS},
    (select count(*) from ledger_entry l where l.generation_id = $2) as entries
    from asset a, generation g where a.id = $1 and g.id = $2"""
ANSWERED = {
    "cancel": Status.CANCELLED,
    Answer.CHECK_AGAIN: Status.PROCESSING,
    Answer.RETRY_DOWNLOAD: Status.PROCESSING,
    Answer.REGENERATE: Status.FAILED,
    Answer.GIVE_UP: Status.FAILED,
    Answer.KEEP: Status.COMPLETED,
}


@dataclass(frozen=True)
class Look:
    """What is there now: the engine's row, and the take as people see it."""

    row: Generation
    status: Status
    file_key: str | None
    entries: int

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What a person can say."""
        has_results = "results" in self.row.task and self.row.decision is None
        return answers_to(
            self.status,
            attention=self.row.attention,
            has_file=self.file_key is not None,
            has_results=has_results,
        )

    @property
    def is_open(self) -> bool:
        """Whether the engine has something to do."""
        return self.row.state in (State.PENDING, State.SUBMITTING, State.PROCESSING, State.STORING)


class Engine(RuleBasedStateMachine):
    """One take after another, and everything that can happen to it."""

    studio: ClassVar[Studio]
    alice: ClassVar[Workspace]
    clock: ClassVar[Clock]
    box: ClassVar[UUID]
    loop: ClassVar[Loop]

    @initialize(kind=KINDS, begins=REACTIONS, then=THEN)
    def order(self, kind: str, begins: str, then: str) -> None:
        self.spec = spec_of(kind)
        self.provider = Provider(self.spec)
        self.asset_id = self.alice.generate(self.box, "x")[0].id
        with self.studio._store.read() as tx:
            self.id = tx.value("select id from generation where asset_id = $1", self.asset_id)
        self.model = self.spec.model("sandbox-image")
        self.lives = 1
        self.pending: Done | None = None
        self.ghosts: list[tuple[Done, str]] = []
        self.shown = Status.PENDING
        self.was_told = False
        self.look()
        self.works(begins, 1.0, then)

    def look(self) -> Look:
        with self.studio._store.read() as tx:
            found = tx.one(LOOK, self.asset_id, self.id)
        assert found is not None
        status, file_key, entries = (found.pop(name) for name in ("shown", "file_key", "entries"))
        self.now = Look(generations._record(found), Status(status), file_key, entries)
        return self.now

    @property
    def me(self) -> str:
        """The engine that lives now."""
        return f"life {self.lives}"

    def does(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(step)

    def starts(self, g: Generation, outcome: Outcome) -> None:
        """A step is over; its outcome is not committed yet."""
        after = g.model_copy(update={**outcome.changes, "state": outcome.state})
        self.pending = Done(before=g, after=after, outcome=outcome, is_play=True)

    @rule(kind=KINDS, reaction=REACTIONS, age_s=AGES, then=THEN)
    def goes_on(self, kind: str, reaction: str, age_s: float, then: str) -> None:
        """The engine commits what it found out, or does the next step; when there is none, another take is ordered."""
        if self.pending is not None:
            self.commits()
        elif self.now.is_open:
            self.works(reaction, age_s, then)
        elif not self.now.answers or then == "dies":
            self.ends()
            self.order(kind, reaction, then)

    def works(self, reaction: str, age_s: float, then: str = "commits") -> None:
        """Afterwards it commits, or somebody is faster, or it dies, or is thought dead."""
        self.clock.move(seconds=age_s)
        self._work(reaction, age_s)
        if then == "commits" and self.pending is not None:
            self.commits()
        elif then in ("dies", "is thought dead"):
            if then == "is thought dead" and self.pending is not None:
                self.ghosts.append((self.pending, self.me))
            self.pending = None
            self.lives += 1

    def _work(self, reaction: str, age_s: float) -> None:
        g, provider = self.look().row, self.provider
        provider.reaction = reaction
        if age_s > steps.PROVEN_S:
            provider.arrives()
        if g.state is State.PENDING:
            self._submit(g)
        elif g.state is State.SUBMITTING:
            g = self._adopted(g)
            recovered = steps.recover(g, provider, self.model, Keeper(), age_s=age_s, is_called_back=False)  # type: ignore[arg-type]
            self.starts(g, self.does(recovered))
        elif g.state is State.PROCESSING:
            now = self.clock()
            polled = steps.poll(g, provider, self.model, Keeper(), age_s=age_s, expected_s=2, now=now)  # type: ignore[arg-type]
            self.starts(g, self.does(polled))
        elif g.state is State.STORING:
            collected = steps.collect(g, provider, self.model, Keeper(), age_s=age_s)  # type: ignore[arg-type]
            self.starts(g, self.does(collected))

    def _adopted(self, g: Generation) -> Generation:
        """What another life began is taken over first."""
        if g.owner == self.me:
            return g
        with self.studio._store.write() as tx:
            now = self.clock()
            assert generations.adopt(tx, g, self.me, now + timedelta(seconds=20), now)
        return self.look().row

    def _submit(self, g: Generation) -> None:
        now = self.clock()
        with self.studio._store.write() as tx:
            if not generations.claim(tx, [g.id], self.me, now + timedelta(seconds=20), now):
                return
            assets.set_status(tx, [g.asset_id], Status.PROCESSING, None, now)
        self.shown = Status.PROCESSING
        request = Rendered(str(g.id))
        before = self.look().row
        self.starts(before, self.does(steps.submit(before, self.provider, self.model, request, Keeper(), now=now)))  # type: ignore[arg-type]

    def commits(self) -> None:
        done, self.pending = self.pending, None
        assert done is not None
        self._commit(done, self.me)

    @rule(late_s=st.sampled_from([0, 60]))
    def a_ghost_commits(self, late_s: float) -> None:
        """It was slow, not dead: whatever happened meanwhile, it writes what it knows."""
        if self.ghosts:
            self.clock.move(seconds=late_s)
            self._commit(*self.ghosts.pop())

    def _commit(self, done: Done, owner: str) -> None:
        written = commit(self.studio._store, [done], owner, self.clock()) if done.outcome.durable else {}
        if done.before.state is State.SUBMITTING and done.after.task_id and written:
            self.was_told = True

    @rule(data=st.data())
    def decides(self, data: st.DataObject) -> None:
        """A person says one of the things that can be said, or cancels, whatever the engine is about to commit."""
        may_cancel = self.now.row.state is not State.PENDING and self.now.status not in TERMINAL
        answers: list[Any] = [*self.now.answers] + ["cancel"] * may_cancel
        if not answers:
            return
        answer = data.draw(st.sampled_from(answers))
        try:
            is_told = self._decide(answer)
        except Conflict:
            is_told = False
        self.shown = self.look().status
        assert not is_told or self.shown is ANSWERED.get(answer, self.shown), f"{answer} made it {self.shown}"

    def _decide(self, answer: Any) -> bool:
        if answer is Answer.PASTE_TASK_ID:
            self.studio.decisions._confirm = lambda g, text: self._confirmed(g, text)
            with suppress(ApomError):
                self.alice.paste_task_id(self.asset_id, f"task-{self.now.row.id}")
        elif answer is Answer.REGENERATE:
            again = self.alice.regenerate(self.asset_id, may_bill_again=True)
            assert again.id != self.asset_id and again.status is Status.PENDING
            with self.studio._store.write() as tx:  # it lives a life of its own
                tx.all("update generation set state = 'FAILED' where asset_id = $1", again.id)
        else:
            getattr(self.alice, str(answer))(self.asset_id)
        return True

    def _told(self) -> Told:
        def client(_: Generation) -> Any:
            return self.provider, self.model

        return Told(self.studio._store, self.studio.hub, self.clock, client, lambda _: None)

    def _confirmed(self, g: Generation, text: str) -> Any:
        return self.does(self._told().confirm(g, text))

    @rule(is_true=st.booleans())
    def calls_back(self, is_true: bool) -> None:
        """Somebody who knows the address calls, with the task's id or with another."""
        if self.now.row.state not in (State.SUBMITTING, State.ATTENTION):
            return
        told = f"task-{self.now.row.id}" if is_true else "task-of-somebody-else"
        self.does(self._told().called_back(self.now.row.id, json.dumps({"data": {"taskId": told}}).encode()))

    @invariant()
    def holds(self) -> None:
        """I1: what is over stays over. I2: made once. I3: what is COMPLETED is there. And in the books once."""
        now = self.look()
        assert self.shown not in TERMINAL or now.status is self.shown, f"{self.shown} became {now.status}"
        self.shown = now.status
        assert max(self.provider.created.values(), default=0) <= 1, "made twice"
        assert now.status is not Status.COMPLETED or now.file_key
        assert now.file_key is None or now.status is Status.COMPLETED or now.answers == (Answer.KEEP,)
        assert now.entries <= 1
        assert now.entries or now.status not in (Status.COMPLETED, Status.ATTENTION)
        assert bool(now.answers) or now.status is not Status.ATTENTION
        assert now.status is now.row.status
        assert now.row.task_id or not self.was_told, "whatever was said meanwhile, the task's id is kept"

    def ends(self) -> None:
        """With a provider that does as it should, everything comes to an end or to a person."""
        self.pending = None
        for _ in range(12):
            if not self.look().is_open:
                break
            self.works("ok", 60.0)
            if self.pending is not None:
                self.commits()
            self.holds()
        assert self.now.status in (*TERMINAL, Status.ATTENTION), self.now.row
        is_paid = any(self.provider.created.values()) and not self.provider.has_failed
        is_given_up = self.now.row.decision is Status.FAILED
        assert not is_paid or self.now.status is not Status.FAILED or is_given_up, "paid for and lost"

    def teardown(self) -> None:
        if hasattr(self, "now"):
            self.ends()


@contextmanager
def played_on(database_url: str = "") -> Iterator[None]:
    """alice, at home in an empty store."""
    clock = Clock()
    with TemporaryDirectory() as folder:
        chosen = Settings(data_dir=Path(folder), database_url=database_url)
        with Studio.open(chosen, engine=False, clock=clock) as studio, closing(Loop()) as loop:
            Engine.studio, Engine.clock, Engine.loop = studio, clock, loop
            Engine.alice = studio.workspace(person(studio, "alice"))
            Engine.box = Engine.alice.create_box(Engine.alice.create_project("P"), "one").id
            yield
    del Engine.studio, Engine.alice, Engine.loop


@pytest.fixture
def on_duckdb() -> Iterator[None]:
    with played_on():
        yield


@pytest.fixture
def on_postgresql(postgres: Postgres) -> Iterator[None]:
    """Where a question takes a fifth of the time, so that more can be asked."""
    with postgres.store() as url, played_on(url):
        yield


@pytest.mark.parametrize("late_s", [0, 60])
@pytest.mark.usefixtures("on_duckdb")
def test_an_engine_that_was_thought_dead_cannot_call_back_what_the_next_one_sends(late_s: float) -> None:
    """Its own request was refused, which it tells when the next engine's is under way. Too rare a path for chance."""
    machine = Engine()
    machine.order("lookup", "busy", "is thought dead")
    machine.works("ok", 60.0)
    assert machine.look().row.state is State.PENDING, "the provider knows nothing of it: it may be sent"
    machine.works("ok", 1.0, "waits")
    machine.a_ghost_commits(late_s)
    assert machine.look().row.state is State.SUBMITTING
    machine.commits()
    machine.teardown()
    machine.holds()
    assert machine.look().status is Status.COMPLETED


@pytest.mark.usefixtures("on_duckdb")
class TestOnDuckDB(Engine.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(CHOSEN, max_examples=20, stateful_step_count=30)


@pytest.mark.usefixtures("on_postgresql")
class TestOnPostgreSQL(Engine.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(CHOSEN, max_examples=100, stateful_step_count=40)


@pytest.mark.long
@pytest.mark.usefixtures("on_postgresql")
class TestForLong(Engine.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(CHOSEN, max_examples=1000, stateful_step_count=60)
