"""Batches: many takes ordered at once, watched, paused, cancelled and ordered again together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.decisions import stop
from apom.errors import Invalid, NotFound, Refused
from apom.events import Hub
from apom.generate import AS_ORDERED, Bill, Generate, Placing, checked_token, ordered_before, recipe_of
from apom.models import (
    Actor,
    Asset,
    Batch,
    BatchInput,
    BatchLine,
    BatchOrder,
    BatchPlan,
    Event,
    Generation,
    Page,
    Role,
    State,
    new_id,
)
from apom.money import in_currency
from apom.orders import Choice, Draft, Fault, Wanted, reasons
from apom.projects import need
from apom.store import Store, Tx, audit, batches, generations, projects


class Batches:
    """`wake`: the engine looks for what is new; `heed`: it reads these submissions again."""

    def __init__(
        self,
        store: Store,
        generate: Generate,
        hub: Hub,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        heed: Callable[[Sequence[UUID]], None],
    ) -> None:
        self._store = store
        self._generate = generate
        self._hub = hub
        self._clock = clock
        self._wake = wake
        self._heed = heed

    def estimate(self, actor: Actor, project_id: UUID, order: BatchOrder) -> BatchPlan:
        """What an order would come to, and every reason why it would be refused. Raises NotFound."""
        worked_out = self._generate.draft(actor, order, project_id=project_id)
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            faults, bill = self._generate.assess(tx, actor, project_id, worked_out)
            project = projects.get(tx, actor.user_id, project_id)
        assert project is not None, "its role was read in this snapshot"
        return BatchPlan(
            takes=sum(bill.counts.values()),
            prompts=tuple(worked_out.texts),
            lines=tuple(_lines(worked_out, bill)),
            currency=project.currency,
            amount=bill.amount,
            reasons=reasons(faults, actor.language),
        )

    def order(self, actor: Actor, project_id: UUID, order: BatchOrder, token: str | None) -> Batch:
        """Admitted whole, or not at all. The same token again is the same batch.

        Raises NotFound, NotAllowed, Conflict, Refused with every reason.
        """
        worked_out = self._generate.draft(actor, order, project_id=project_id)
        token, now = checked_token(token), self._clock()
        recipe = recipe_of(worked_out.order)
        new: Sequence[Asset] = ()
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            batch_id = ordered_before(tx, actor, token, recipe)
            if batch_id is None:
                batch_id = new_id()
                placing = Placing(project_id=project_id, batch_id=batch_id, is_batch=True, actor=actor, now=now)
                faults, bill = self._generate.assess(tx, actor, project_id, worked_out)
                if faults:
                    raise Refused(reasons(faults, actor.language))
                new = self._generate.place(tx, placing, worked_out, bill, token, recipe)
            batch = _need(tx, actor, batch_id, Role.EDITOR)
        if new:
            self._changed(batch, new)
            self._wake()
        return batch

    def get(self, actor: Actor, batch_id: UUID) -> Batch:
        """One batch. Raises NotFound."""
        with self._store.read() as tx:
            return _need(tx, actor, batch_id, Role.VIEWER)

    def page(self, actor: Actor, project_id: UUID | None, cursor: str | None, limit: int) -> Page[Batch]:
        """Batches of a project, or of all of the actor's, newest first. Raises NotFound, Invalid."""
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            rows, following = batches.page(tx, actor.user_id, project_id, cursor, limit)
            return Page[Batch](items=tuple(_batch(tx, row) for row in rows), next=following)

    def pause(self, actor: Actor, batch_id: UUID) -> Batch:
        """From now on nothing more of it is sent; what was sent goes on. Raises NotFound, NotAllowed."""
        return self._set_paused(actor, batch_id, True)

    def resume(self, actor: Actor, batch_id: UUID) -> Batch:
        """What waits goes into line again. Raises NotFound, NotAllowed."""
        return self._set_paused(actor, batch_id, False)

    def _set_paused(self, actor: Actor, batch_id: UUID, is_paused: bool) -> Batch:
        with self._store.write() as tx:
            _need(tx, actor, batch_id, Role.EDITOR)
            changed = batches.pause(tx, batch_id, is_paused, self._clock())
            found = generations.on_their_way(tx, batch_id) if changed else ()
            batch = _need(tx, actor, batch_id, Role.EDITOR)
        if changed:
            self._heed([g.id for g in found if g.state is State.PENDING])
            self._changed(batch)
        return batch

    def cancel(self, actor: Actor, batch_id: UUID) -> Batch:
        """Stops all that is on its way, each as `Decisions.cancel` does. Raises NotFound, NotAllowed."""
        now = self._clock()
        with self._store.write() as tx:
            batch = _need(tx, actor, batch_id, Role.EDITOR)
            found = generations.on_their_way(tx, batch_id)
            if found:
                stop(tx, found, now)
                batches.pause(tx, batch_id, False, now)  # nothing is left to be held back
                audit.append(tx, now, actor.username, "batch.cancel", f"batch:{batch_id} project:{batch.project_id}")
                batch = _need(tx, actor, batch_id, Role.EDITOR)
        if found:
            self._heed([g.id for g in found])
            self._changed(batch, found)
        return batch

    def retry(self, actor: Actor, batch_id: UUID, token: str | None) -> Batch:
        """What failed or was stopped once more, as new takes with the same recipe and seed. All of it or nothing.

        What arrived after all or was thrown away stays. The same token again, or nothing left to do, changes nothing.
        Raises NotFound, NotAllowed, Invalid, Refused with every reason.
        """
        token, now = checked_token(token), self._clock()
        new: Sequence[Asset] = ()
        with self._store.write() as tx:
            batch = _need(tx, actor, batch_id, Role.EDITOR)
            rows = [] if batches.was_retried(tx, batch_id, token) else batches.retriable(tx, batch_id)
            if rows:
                wanted, bill = self._again(tx, actor, batch.project_id, rows)
                placing = Placing(project_id=batch.project_id, batch_id=batch_id, is_batch=True, actor=actor, now=now)
                new = self._generate.add(tx, placing, wanted, bill)
                batches.retried(tx, [row["asset_id"] for row in rows], now)
                batches.remember_retry(tx, batch_id, token, now)
                batch = _need(tx, actor, batch_id, Role.EDITOR)
        if new:
            self._changed(batch, new)
            self._wake()
        return batch

    def _again(
        self, tx: Tx, actor: Actor, project_id: UUID, rows: Sequence[dict[str, Any]]
    ) -> tuple[list[Wanted], Bill]:
        """Takes as they were ordered once, as things are now. Raises Refused."""
        choices, faults = self._choices({row["ai_model"] for row in rows})
        wanted = list[Wanted]()
        for row in rows:
            choice = choices.get(row["ai_model"])
            if choice is not None:
                params, wrong = self._generate.examine(choice, row["params"])
                faults += [Fault(error=e, field=f"params.{e.field}", model=choice.name) for e in wrong]
                inputs = tuple(BatchInput(role=i["role"], asset_id=i["source_asset_id"]) for i in row["inputs"])
                wanted.append(
                    Wanted(box_id=row["box_id"], choice=choice, prompt=row["prompt_text"], params=params, inputs=inputs)
                )
        distinct = {(each.choice, each.inputs) for each in wanted}
        faults += self._generate.unusable(tx, actor, project_id, list(distinct))
        bill = self._generate.bill(tx, actor, project_id, Counter(each.choice for each in wanted))
        faults += bill.faults
        if faults:
            raise Refused(reasons(faults, actor.language))
        return wanted, bill

    def _choices(self, names: Collection[str]) -> tuple[dict[str, Choice], list[Fault]]:
        found, faults = dict[str, Choice](), list[Fault]()
        for name in sorted(names):
            try:
                found[name] = self._generate.choice(name)
            except Invalid as error:
                faults.append(Fault(error=error, model=name))
        return found, faults

    def _changed(self, batch: Batch, takes: Iterable[Asset | Generation] = ()) -> None:
        """One event per shot, and one for the batch."""
        by_box: dict[UUID, list[UUID]] = {}
        for take in takes:
            by_box.setdefault(take.box_id, []).append(take.asset_id if isinstance(take, Generation) else take.id)
        self._hub.publish(
            *(
                Event(type="assets_changed", project_id=batch.project_id, box_id=box_id, asset_ids=tuple(ids))
                for box_id, ids in by_box.items()
            ),
            Event(type="batch_changed", project_id=batch.project_id, batch_id=batch.id),
        )


def _need(tx: Tx, actor: Actor, batch_id: UUID, least: Role) -> Batch:
    """The batch, if the actor has the right in its project."""
    row = batches.get(tx, actor.user_id, batch_id)
    if row is None:
        raise NotFound
    need(tx, actor, row["project_id"], least)
    return _batch(tx, row)


def _batch(tx: Tx, row: dict[str, Any]) -> Batch:
    """A row with its amounts in the project's currency of now."""
    amount, spent, currency = row.pop("amount"), row.pop("spent"), row["currency"]
    ordered_in = row.pop("amount_currency") or currency
    said = {**AS_ORDERED, **row.pop("recipe")}
    recipe = BatchOrder(**{name: value for name, value in said.items() if name in BatchOrder.model_fields})
    return Batch(
        **row,
        recipe=recipe,
        takes=sum(row["counts"].values()),
        amount=None if amount is None else in_currency(tx, {ordered_in: amount}, currency),
        spent=None if None in spent else in_currency(tx, spent, currency),
    )


def _lines(worked_out: Draft, bill: Bill) -> Iterator[BatchLine]:
    for part in worked_out.parts:
        model, count = part.choice.model, bill.counts[part.choice]
        amount = bill.quotes[part.choice].amount
        yield BatchLine(
            model=part.choice.name,
            title=model.title,
            count=count,
            price=model.price.amount if model.price else None,
            unit=model.price.unit if model.price else None,
            amount=None if amount is None else amount * count,
            is_play=part.choice.is_play,
            left_out=tuple(part.left_out),
        )
