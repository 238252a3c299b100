"""What a tick brought, written in one transaction: generations, takes, outputs, ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apom.models import Generation, State
from apom.steps import Arrived, Outcome
from apom.store import Store, Tx, assets, boxes, generations


@dataclass(frozen=True, kw_only=True)
class Done:
    """A generation before and after a step."""

    before: Generation
    after: Generation
    outcome: Outcome
    is_play: bool


def commit(store: Store, done: Sequence[Done], owner: str, now: datetime) -> set[UUID]:
    """Everything or nothing; the generations that were still where the step had found them."""
    with store.write() as tx:
        written = generations.commit(tx, [(d.before.state, d.after) for d in done], owner, now)
        for d in done:
            if d.before.id in written:
                _write_take(tx, d, now)
    return written


def _write_take(tx: Tx, d: Done, now: datetime) -> None:
    after = d.after
    if after.state is State.COMPLETED:
        for position, arrived in enumerate(d.outcome.arrived):
            if position > 0:
                _write_sibling(tx, after, position, arrived, now)
            assets.set_file(tx, arrived.asset_id, arrived.asset_type, dict(arrived.file), now)
    elif d.before.state.status is not after.state.status or d.outcome.said is not None:
        said = None if d.outcome.said is None else str(d.outcome.said)
        assets.set_status(tx, [after.asset_id], after.state.status, said, now)
    was_paid = after.state is State.FAILED and (after.cost_actual or d.before.state is State.STORING)
    if after.state in (State.COMPLETED, State.ATTENTION) or was_paid:
        generations.enter_ledger(tx, after, d.is_play, now)


def _write_sibling(tx: Tx, generation: Generation, position: int, arrived: Arrived, now: datetime) -> None:
    """One more file of the same submission: a take of its own with the same recipe."""
    first = assets.ordered(tx, generation.asset_id)
    inputs = tuple(used.model_copy(update={"asset_id": arrived.asset_id}) for used in first.inputs)
    opinions = {"is_favorite": False, "is_headliner": False, "rating": 0}
    number = boxes.count_takes(tx, first.box_id, 1)
    sibling = first.model_copy(update={"id": arrived.asset_id, "number": number, "inputs": inputs, **opinions})
    assets.insert(tx, [sibling])
    generations.add_output(tx, generation.id, position, sibling.id)
