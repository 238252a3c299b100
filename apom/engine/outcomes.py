"""What a tick brought, written in one transaction: generations, takes, outputs, ledger."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from apom.errors import Unavailable
from apom.models import Generation, State, Status
from apom.steps import Arrived, Outcome
from apom.store import Store, Tx, assets, boxes, generations, ledger
from apom.words import N_

log = logging.getLogger("apom.engine")
WRITE_WAIT_S = 0.05  # the loop stands still meanwhile, and with it every submission under way
OFFERED = N_("It arrived after all, when it had been stopped. Keep it, or delete it.")


@dataclass(frozen=True, kw_only=True)
class Done:
    """A generation before and after a step."""

    before: Generation
    after: Generation
    outcome: Outcome
    is_play: bool


class Outbox:
    """Outcomes that wait to be committed together."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._waiting: list[Done] = []

    def add(self, done: Done) -> None:
        """With the next commit."""
        self._waiting.append(done)

    def commit(self, now: datetime, wait_s: float) -> tuple[list[Done], dict[UUID, Done]]:
        """What waited, and what of it was written, as it is now. Raises Unavailable, and then everything waits on."""
        done, self._waiting = self._waiting, []
        try:
            return done, commit_each(self._store, done, self._owner, now, wait_s) if done else {}
        except Unavailable:
            self._waiting = done + self._waiting
            raise

    def orphans(self, unwritten: Sequence[Done]) -> list[Arrived]:
        """Files of takes that were deleted meanwhile; those of others are stored again under the same keys."""
        with_files = [d for d in unwritten if d.outcome.arrived]
        if not with_files:
            return []
        with self._store.read() as tx:
            there = generations.there(tx, [d.before.id for d in with_files])
        return [arrived for d in with_files if d.before.id not in there for arrived in d.outcome.arrived]


def commit_each(store: Store, done: Sequence[Done], owner: str, now: datetime, wait_s: float) -> dict[UUID, Done]:
    """All together; if that fails, each alone, so that one that cannot be written holds up no other.

    Raises Unavailable when nothing can be written now.
    """
    try:
        return commit(store, done, owner, now, wait_s=wait_s)
    except Unavailable:
        raise
    except Exception:
        if len(done) > 1:
            return {id: d for one in done for id, d in commit_each(store, [one], owner, now, wait_s).items()}
        log.exception("generation %s: its outcome could not be written", done[0].before.id)
        return {}


def commit(
    store: Store, done: Sequence[Done], owner: str, now: datetime, *, wait_s: float = WRITE_WAIT_S
) -> dict[UUID, Done]:
    """Everything or nothing: what was written, as it is now. The others were no longer where the step had found them."""
    with store.write(wait_s=wait_s) as tx:
        rows = generations.commit(tx, [(d.before, d.after) for d in done], owner, now)
        written = {}
        for d in done:
            if d.before.id in rows:
                row = rows[d.before.id]
                known = {"state": State(row["state"]), "decision": row["decision"] and Status(row["decision"])}
                after = d.after.model_copy(update={**known, "turn": row["turn"]})
                written[after.id] = replace(d, after=after)
        _write_takes(tx, list(written.values()), now)
        _write_ledger(tx, list(written.values()), now)
    return written


def _write_takes(tx: Tx, done: Sequence[Done], now: datetime) -> None:
    """What people see of them: the files that came; of the others how they are, where that is new."""
    filed: list[assets.Filed] = []
    news: defaultdict[tuple[Status, str | None], list[UUID]] = defaultdict(list)
    for d in done:
        if d.after.state is State.COMPLETED:
            filed += _filed(tx, d, now)
        elif d.after.decision is None and (d.before.status is not d.after.status or d.outcome.said is not None):
            said = None if d.outcome.said is None else str(d.outcome.said)
            news[d.after.status, said].append(d.after.asset_id)
    if filed:
        assets.set_files(tx, filed, now)
    for (status, said), ids in news.items():
        assets.set_status(tx, ids, status, said, now)


def _filed(tx: Tx, d: Done, now: datetime) -> Iterator[assets.Filed]:
    message = OFFERED if d.after.decision else None
    for position, arrived in enumerate(d.outcome.arrived):
        if position > 0:
            _write_sibling(tx, d.after, position, arrived, now)
        yield assets.Filed(
            asset_id=arrived.asset_id,
            asset_type=arrived.asset_type,
            file=arrived.file,
            status=d.after.status,
            message=message,
        )


def _write_ledger(tx: Tx, done: Sequence[Done], now: datetime) -> None:
    paid = [d for d in done if _is_paid(d)]
    if paid:
        ledger.enter(tx, [(d.after, d.is_play) for d in paid], now)
    free = [d.after.id for d in done if d.after.state in (State.FAILED, State.CANCELLED) and not _is_paid(d)]
    if free:
        ledger.clear(tx, free)


def _is_paid(d: Done) -> bool:
    """Or may be."""
    failed_late = d.after.state is State.FAILED and (d.after.cost_actual or d.before.state is State.STORING)
    return bool(d.after.state is State.COMPLETED or d.after.attention is not None or failed_late)


def _write_sibling(tx: Tx, generation: Generation, position: int, arrived: Arrived, now: datetime) -> None:
    """One more file of the same submission: a take of its own with the same recipe."""
    first = assets.ordered(tx, generation.asset_id)
    inputs = tuple(used.model_copy(update={"asset_id": arrived.asset_id}) for used in first.inputs)
    opinions = {"is_favorite": False, "is_headliner": False, "rating": 0}
    number = boxes.count_takes(tx, first.box_id, 1)
    sibling = first.model_copy(update={"id": arrived.asset_id, "number": number, "inputs": inputs, **opinions})
    assets.insert(tx, [sibling])
    generations.add_output(tx, generation.id, position, sibling.id)
