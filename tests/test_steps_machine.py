"""Every order of events the engine, a provider, a crash and people can come in: nothing is sent twice, nothing goes back.

The real steps, store and decisions; only the provider and the files are made up, and time is what the machine says.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from uuid import UUID

import pytest
from conftest import Clock, person
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apom import steps
from apom.config import Settings, shipped
from apom.engine.outcomes import Done, commit
from apom.engine.told import Told
from apom.errors import ApomError, BadMedia, Conflict, ProviderError
from apom.models import Answer, Asset, AssetType, Generation, State, Status
from apom.providers.answers import Polled
from apom.providers.catalog import parse
from apom.providers.client import Submitted
from apom.providers.spec import Model, ProviderSpec
from apom.steps import Arrived, Outcome
from apom.store import assets, generations
from apom.studio import Studio, Workspace

SANDBOX: dict[str, Any] = json.loads((shipped("providers") / "sandbox.json").read_text("utf-8"))
TERMINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
ME = "the machine"


def spec_of(kind: str) -> ProviderSpec:
    """A provider that can be asked for a lost submission, one that heeds a key, one that can do neither."""
    data = copy.deepcopy(SANDBOX)
    if kind != "lookup":
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
THEN = st.sampled_from(["commits", "commits", "waits", "dies"])


CHOSEN = settings(
    max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


class Engine(RuleBasedStateMachine):
    """One take, and everything that can happen to it."""

    studio: ClassVar[Studio]
    alice: ClassVar[Workspace]
    clock: ClassVar[Clock]
    box: ClassVar[UUID]

    @initialize(kind=st.sampled_from(["lookup", "same key", "neither", "no cancel"]), begins=REACTIONS, then=THEN)
    def order(self, kind: str, begins: str, then: str) -> None:
        self.spec = spec_of(kind)
        self.provider = Provider(self.spec)
        self.asset_id = self.alice.generate(self.box, "x")[0].id
        self.model = self.spec.model("sandbox-image")
        self.pending: Done | None = None
        self.shown = Status.PENDING
        self.was_told = False
        self.works(begins, 1.0, then)

    @property
    def row(self) -> Generation:
        with self.studio._store.read() as tx:
            found = generations.of_take(tx, self.asset_id)
        assert found is not None
        return found

    @property
    def take(self) -> Asset:
        return self.alice.asset(self.asset_id)

    def starts(self, g: Generation, outcome: Outcome) -> None:
        """A step is over; its outcome is not committed yet."""
        after = g.model_copy(update={**outcome.changes, "state": outcome.state})
        self.pending = Done(before=g, after=after, outcome=outcome, is_play=True)

    @precondition(lambda self: self.pending is None)
    @rule(reaction=REACTIONS, age_s=AGES, then=THEN)
    def works(self, reaction: str, age_s: float, then: str = "commits") -> None:
        """The engine does the next step; then it commits, or somebody is faster, or it dies."""
        self._work(reaction, age_s)
        if then == "commits" and self.pending is not None:
            self.commits()
        elif then == "dies":
            self.pending = None

    def _work(self, reaction: str, age_s: float) -> None:
        g, provider = self.row, self.provider
        provider.reaction = reaction
        if age_s > steps.PROVEN_S:
            provider.arrives()
        if g.state is State.PENDING:
            self._submit(g)
        elif g.state is State.SUBMITTING:
            with self.studio._store.write() as tx:
                now = self.clock()
                assert generations.adopt(tx, g, ME, now + timedelta(seconds=20), now)
            coroutine = steps.recover(
                self.row,
                provider,
                self.model,
                Keeper(),
                age_s=age_s,
                is_called_back=False,  # type: ignore[arg-type]
            )
            self.starts(self.row, asyncio.run(coroutine))
        elif g.state is State.PROCESSING:
            now = self.clock()
            polled = steps.poll(g, provider, self.model, Keeper(), age_s=age_s, expected_s=2, now=now)  # type: ignore[arg-type]
            self.starts(g, asyncio.run(polled))
        elif g.state is State.STORING:
            collected = steps.collect(g, provider, self.model, Keeper(), age_s=age_s)  # type: ignore[arg-type]
            self.starts(g, asyncio.run(collected))

    def _submit(self, g: Generation) -> None:
        now = self.clock()
        with self.studio._store.write() as tx:
            if not generations.claim(tx, [g.id], ME, now + timedelta(seconds=20), now):
                return
            assets.set_status(tx, [g.asset_id], Status.PROCESSING, None, now)
        self.shown = Status.PROCESSING
        request = Rendered(str(g.id))
        before = self.row
        outcome = asyncio.run(steps.submit(before, self.provider, self.model, request, Keeper(), now=now))  # type: ignore[arg-type]
        self.starts(before, outcome)

    @precondition(lambda self: self.pending is not None)
    @rule()
    def commits(self) -> None:
        done, self.pending = self.pending, None
        assert done is not None
        if done.outcome.durable:
            commit(self.studio._store, [done], ME, self.clock())
        if done.before.state is State.SUBMITTING and done.after.task_id:
            self.was_told = True

    @rule(data=st.data())
    def decides(self, data: st.DataObject) -> None:
        """A person says one of the things that can be said, or cancels, whatever the engine is about to commit."""
        answers = [*self.take.answers] + ["cancel"] * (self.row.state is not State.PENDING)
        if not answers:
            return
        answer = data.draw(st.sampled_from(answers))
        with suppress(Conflict):
            self._decide(answer)
        self.shown = self.take.status

    def _decide(self, answer: Any) -> None:
        if answer is Answer.PASTE_TASK_ID:
            self.studio.decisions._confirm = lambda g, text: self._confirmed(g, text)
            with suppress(ApomError):
                self.alice.paste_task_id(self.asset_id, f"task-{self.row.id}")
        elif answer is Answer.REGENERATE:
            self.alice.regenerate(self.asset_id, may_bill_again=True)
        else:
            getattr(self.alice, str(answer))(self.asset_id)

    def _told(self) -> Told:
        def client(_: Generation) -> Any:
            return self.provider, self.model

        return Told(self.studio._store, self.studio.hub, self.clock, client, lambda _: None)

    def _confirmed(self, g: Generation, text: str) -> Any:
        return asyncio.run(self._told().confirm(g, text))

    @rule(is_true=st.booleans())
    def calls_back(self, is_true: bool) -> None:
        """Somebody who knows the address calls, with the task's id or with another."""
        told = f"task-{self.row.id}" if is_true else "task-of-somebody-else"
        asyncio.run(self._told().called_back(self.row.id, json.dumps({"data": {"taskId": told}}).encode()))

    @invariant()
    def holds(self) -> None:
        """I1: what is over stays over. I2: made once. I3: what is COMPLETED is there. And in the books once."""
        take, row = self.take, self.row
        with self.studio._store.read() as tx:
            entries = tx.value("select count(*) from ledger_entry where generation_id = $1", row.id)
        assert self.shown not in TERMINAL or take.status is self.shown, f"{self.shown} became {take.status}"
        self.shown = take.status
        assert max(self.provider.created.values(), default=0) <= 1
        assert take.status is not Status.COMPLETED or take.file_key
        assert take.file_key is None or take.status is Status.COMPLETED or take.answers == (Answer.KEEP,)
        assert entries <= 1
        assert entries or take.status not in (Status.COMPLETED, Status.ATTENTION)
        assert bool(take.answers) or take.status is not Status.ATTENTION
        assert take.status is row.status
        assert row.task_id or not self.was_told, "whatever was said meanwhile, the task's id is kept"

    def teardown(self) -> None:
        """With a provider that does as it should, everything comes to an end or to a person."""
        if not hasattr(self, "provider"):
            return
        self.pending = None
        for _ in range(12):
            if self.row.state not in (State.PENDING, State.SUBMITTING, State.PROCESSING, State.STORING):
                break
            self.works("ok", 60.0)
            if self.pending is not None:
                self.commits()
            self.holds()
        status = self.take.status
        assert status in (*TERMINAL, Status.ATTENTION), self.row
        is_paid = any(self.provider.created.values()) and not self.provider.has_failed
        assert not is_paid or status is not Status.FAILED or self.row.decision is Status.FAILED, "paid for and lost"


@pytest.fixture(scope="module")
def _studio() -> Iterator[None]:
    clock = Clock()
    with (
        TemporaryDirectory() as folder,
        Studio.open(Settings(data_dir=Path(folder)), engine=False, clock=clock) as studio,
    ):
        Engine.studio, Engine.clock = studio, clock
        Engine.alice = studio.workspace(person(studio, "alice"))
        Engine.box = Engine.alice.create_box(Engine.alice.create_project("P"), "one").id
        yield
        del Engine.studio, Engine.alice


@pytest.mark.usefixtures("_studio")
class TestEngine(Engine.TestCase):  # type: ignore[misc, valid-type]
    settings = CHOSEN


@pytest.mark.long
@pytest.mark.usefixtures("_studio")
class TestEngineForLong(Engine.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(CHOSEN, max_examples=2000, stateful_step_count=25)
