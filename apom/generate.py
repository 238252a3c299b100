"""From words to takes: everything is checked, priced and stored before anything is sent; the engine does the rest."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import JsonValue, ValidationError

from apom.decisions import settle
from apom.errors import Conflict, Invalid
from apom.events import Hub
from apom.fields import refusal
from apom.models import (
    Actor,
    AIModel,
    Answer,
    Asset,
    AssetInput,
    AssetType,
    BatchInput,
    BatchOrder,
    Event,
    Generation,
    InputRole,
    Json,
    Role,
    SourceType,
    State,
    Status,
    Take,
    new_id,
)
from apom.money import Line, Money, Quote
from apom.orders import Choice, Draft, Fault, Shot, Wanted, asks_shots, asks_style, draft, unusable_inputs
from apom.projects import need_box
from apom.store import Store, Tx, assets, batches, boxes, generations, lists, projects

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog

INTERACTIVE = 4  # takes of one order that somebody sits and waits for; more are a batch
APART = timedelta(microseconds=1)  # the takes of an order, so that they stand in the order they were asked for
LONGEST_TOKEN, SHORTEST_TOKEN = 100, 8
AS_ORDERED: Mapping[str, Any] = {"with_style": False}  # what recipes say that are older than the word


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a person asks for in one shot. `params`: the model's own parameters beside the prompt; `inputs`: takes by role.

    `with_style`: the project's style follows the prompt; without it the prompt is sent as it is, as one that was sent before.
    `token`: the same token twice is one order, so that a double click pays once. `instead_of`: a take that waits for a
    person, and is given up for this. `again_of`: one that failed, whose place this takes.
    """

    prompt: str
    model: str
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    inputs: Sequence[tuple[InputRole, UUID]] = ()
    n: int = 1
    with_style: bool = False
    token: str | None = None
    instead_of: UUID | None = None
    again_of: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What takes would cost: how many of each model, and what one of them comes to."""

    counts: Mapping[Choice, int]
    quotes: Mapping[Choice, Quote]
    faults: Sequence[Fault]

    @property
    def estimate(self) -> tuple[float | None, str | None]:
        """In the providers' unit; (None, None) where they have no common one, or somebody has no price."""
        prices = {choice: choice.model.price for choice in self.counts}
        units = {price.unit if price else None for price in prices.values()}
        if len(units) != 1 or None in units:
            return None, None
        return sum(price.amount * self.counts[choice] for choice, price in prices.items() if price), units.pop()

    @property
    def amount(self) -> float | None:
        """In the project's currency, without play; None when a part of it is not known."""
        paid = [(self.quotes[choice].amount, n) for choice, n in self.counts.items() if not choice.is_play and n]
        return None if any(each is None for each, _ in paid) else sum((each or 0.0) * n for each, n in paid)


@dataclass(frozen=True, kw_only=True)
class Placing:
    """What the takes of an order have in common."""

    project_id: UUID
    batch_id: UUID
    is_batch: bool
    actor: Actor
    now: datetime


class Generate:
    """Admits orders and answers with the takes that will come."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        money: Money,
        hub: Hub,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        *,
        is_reachable: bool = False,
    ) -> None:
        self._is_reachable = is_reachable
        self._store = store
        self._money = money
        self._catalog = catalog
        self._hub = hub
        self._clock = clock
        self._wake = wake

    def models(self, asset_type: AssetType | None = None) -> tuple[AIModel, ...]:
        """What can be generated with."""
        return tuple(m for m in self._catalog.models() if asset_type in (None, m.model_type))

    def order(
        self,
        actor: Actor,
        box_id: UUID,
        order: Order,
        *,
        project_id: UUID | None = None,
        first: Callable[[Tx], None] | None = None,
    ) -> tuple[Take, ...]:
        """Stores `n` takes, PENDING, and wakes the engine. Nothing is stored when anything is wrong.

        `first` brings what the order stands on into its transaction; it is called again when the order is. `project_id`: of a
        shot that `first` brings.

        Raises NotFound, NotAllowed, Invalid, Conflict, OverBudget.
        """
        worked_out = self.draft(actor, _as_batch(box_id, order), project_id=project_id, is_literal=True)
        token, now = checked_token(order.token), self._clock()
        recipe = recipe_of(worked_out.order, instead_of=order.instead_of)
        with self._store.write() as tx:
            if first is not None:
                first(tx)
            project_id = need_box(tx, actor, box_id, Role.EDITOR).project_id
            before = ordered_before(tx, actor, token, recipe)
            if before is not None:
                return _takes_of(tx, actor, before)
            if order.instead_of is not None:
                settle(tx, actor, order.instead_of, Answer.REGENERATE, now)
                batches.retried(tx, [order.instead_of], now)
            if order.again_of is not None:
                batches.retried(tx, [order.again_of], now)
            is_batch = order.n > INTERACTIVE
            placing = Placing(project_id=project_id, batch_id=new_id(), is_batch=is_batch, actor=actor, now=now)
            faults, bill = self.assess(tx, actor, project_id, worked_out)
            if faults:
                raise faults[0].error
            new = self.place(tx, placing, worked_out, bill, token, recipe)
        self._hub.publish(*(_will_come(asset) for asset in new))
        self._wake()
        return tuple(Take(**{name: getattr(asset, name) for name in Take.model_fields}) for asset in new)

    def draft(
        self, actor: Actor, order: BatchOrder, *, project_id: UUID | None = None, is_literal: bool = False
    ) -> Draft:
        """What an order comes to, in the project of its first shot unless one is named. See `apom.orders.draft`."""
        shots: dict[UUID, Shot] = {}
        style = ""
        if asks_shots(order) or asks_style(order):
            with self._store.read() as tx:
                if asks_shots(order):
                    shots = {row.pop("id"): Shot(**row) for row in boxes.own(tx, actor.user_id, order.boxes)}
                if asks_style(order):
                    style = _style(tx, actor, order.boxes, project_id)
        return draft(self._catalog.at_this_moment(), order, shots, is_literal=is_literal, style=style)

    def choice(self, name: str) -> Choice:
        """A model by its name in an order. Raises Invalid."""
        return Choice.of(self._catalog.at_this_moment(), name)

    def examine(self, choice: Choice, params: Mapping[str, JsonValue]) -> tuple[Json, list[Invalid]]:
        """Parameters as a model takes them now, and what it minds about them."""
        return choice.catalog.examine_params(choice.model, params)

    def assess(self, tx: Tx, actor: Actor, project_id: UUID, worked_out: Draft) -> tuple[Sequence[Fault], Bill]:
        """Everything that is wrong with an order as things are in this transaction, and what it would cost."""
        there = boxes.among(tx, project_id, worked_out.order.boxes)
        missing = [
            Fault(error=Invalid("This shot is gone. Choose another one.", field="boxes"), field=f"boxes.{place}")
            for place, box_id in enumerate(worked_out.order.boxes)
            if box_id not in there
        ]
        given = dict.fromkeys(worked_out.inputs.values())
        used = [(part.choice, inputs) for part in worked_out.parts for inputs in given]
        unusable = self.unusable(tx, actor, project_id, used)
        bill = self.bill(tx, actor, project_id, {part.choice: worked_out.count(part) for part in worked_out.parts})
        return [*worked_out.faults, *missing, *unusable, *bill.faults], bill

    def unusable(
        self, tx: Tx, actor: Actor, project_id: UUID, used: Sequence[tuple[Choice, Sequence[BatchInput]]]
    ) -> list[Fault]:
        """What models mind about the inputs they would be given."""
        ids = {each.asset_id for _, inputs in used for each in inputs if each.asset_id}
        sources = {take.id: take for take in lists.several(tx, actor.user_id, ids) if take.trashed_at is None}
        return [
            fault
            for choice, inputs in used
            for fault in unusable_inputs(choice, project_id, inputs, sources, is_reachable=self._is_reachable)
        ]

    def bill(self, tx: Tx, actor: Actor, project_id: UUID, counts: Mapping[Choice, int]) -> Bill:
        """What so many takes of each model would cost, and why that may not be spent."""
        quotes, against = self._money.quote(tx, actor, project_id, [_line(choice, n) for choice, n in counts.items()])
        faults = [Fault(error=error) for error in against] if any(counts.values()) else []
        return Bill(counts=counts, quotes=dict(zip(counts, quotes, strict=True)), faults=faults)

    def place(
        self, tx: Tx, placing: Placing, worked_out: Draft, bill: Bill, token: str, recipe: dict[str, Any]
    ) -> Sequence[Asset]:
        """Stores an order without faults."""
        currencies = {quote.currency for quote in bill.quotes.values()} - {None}
        batches.insert(
            tx,
            id=placing.batch_id,
            token=token,
            project_id=placing.project_id,
            name=worked_out.order.name,
            recipe=recipe,
            estimate=bill.estimate,
            amount=(bill.amount, currencies.pop() if currencies else None),
            is_batch=placing.is_batch,
            user_id=placing.actor.user_id,
            now=placing.now,
        )
        return self.add(tx, placing, list(worked_out.takes()), bill)

    def add(self, tx: Tx, placing: Placing, wanted: Sequence[Wanted], bill: Bill) -> Sequence[Asset]:
        """Stores takes and their submissions in a batch, PENDING."""
        snapshots = {choice.provider: choice.snapshot for choice in bill.counts}
        for provider, (sha256, content) in snapshots.items():
            generations.keep_snapshot(tx, sha256, provider, content, placing.now)
        numbers = boxes.first_numbers(tx, Counter(each.box_id for each in wanted))
        new = []
        for i, each in enumerate(wanted):
            asset = _asset(placing, each, numbers[each.box_id], placing.now + i * APART)
            numbers[each.box_id] += 1
            new.append((asset, _generation(asset, each, placing, bill.quotes[each.choice], snapshots)))
        assets.insert(tx, [asset for asset, _ in new])
        generations.insert(tx, [generation for _, generation in new])
        projects.touch(tx, placing.project_id, placing.now)
        return [asset for asset, _ in new]


def _style(tx: Tx, actor: Actor, box_ids: Sequence[UUID], project_id: UUID | None) -> str:
    """The style of a project that the actor sees; "" where there is none."""
    if project_id is None and (place := boxes.place(tx, box_ids[0])):
        project_id = place.project_id
    return "" if project_id is None else projects.style(tx, actor.user_id, project_id)


def _as_batch(box_id: UUID, order: Order) -> BatchOrder:
    """The same as a batch of one prompt, one model and one shot. Raises Invalid."""
    try:
        return BatchOrder(
            prompts=(order.prompt,),
            models=(order.model,),
            boxes=(box_id,),
            n=order.n,
            params=dict(order.params),
            inputs=tuple(BatchInput(role=role, asset_id=source) for role, source in order.inputs),
            with_style=order.with_style,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise refusal(first["loc"], first) from None


def checked_token(token: str | None) -> str:
    """The token an order came with, or a new one. Raises Invalid."""
    if token is None:
        return secrets.token_urlsafe(16)
    is_word = token.isascii() and token.isprintable() and " " not in token
    if not is_word or not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN:
        raise Invalid("A token has 8 to 100 letters, digits or signs, and no spaces.", field="token")
    return token


def recipe_of(order: BatchOrder, *, instead_of: UUID | None = None) -> dict[str, Any]:
    """What is kept of an order, and what it is compared by when its token comes again."""
    instead = {} if instead_of is None else {"instead_of": str(instead_of)}
    return order.model_dump(mode="json") | instead


def ordered_before(tx: Tx, actor: Actor, token: str, recipe: Mapping[str, Any]) -> UUID | None:
    """The batch that the same order has become; another order under the same token is a mistake. Raises Conflict."""
    found = batches.ordered(tx, token)
    if found is None:
        return None
    batch_id, ordered_by, before = found
    if ordered_by != actor.user_id or {**AS_ORDERED, **before} != recipe:
        raise _another_order()
    return batch_id


def _another_order() -> Conflict:
    return Conflict("This order was placed before. Look at the shot, then order again.")


def _takes_of(tx: Tx, actor: Actor, batch_id: UUID) -> tuple[Take, ...]:
    takes = [take for take in lists.several(tx, actor.user_id, batches.takes(tx, batch_id)) if take.trashed_at is None]
    if not takes:
        raise _another_order()
    return tuple(reversed(takes))


def _line(choice: Choice, n: int) -> Line:
    price, unit = (choice.model.price.amount, choice.model.price.unit) if choice.model.price else (None, None)
    return Line(provider=choice.provider, price=price, unit=unit, n=n, is_play=choice.is_play, worth=choice.worth)


def _will_come(asset: Asset) -> Event:
    return Event(
        type="asset_status_changed",
        project_id=asset.project_id,
        box_id=asset.box_id,
        asset_id=asset.id,
        status=asset.status,
    )


def _asset(placing: Placing, wanted: Wanted, number: int, at: datetime) -> Asset:
    asset_id, model = new_id(), wanted.choice.model
    seed = wanted.params.get(wanted.choice.named("seed") or "")
    from_picture = model.model_type is AssetType.VIDEO and bool(wanted.inputs)
    return Asset(
        id=asset_id,
        project_id=placing.project_id,
        box_id=wanted.box_id,
        number=number,
        asset_type=model.model_type,
        source_type=SourceType.IMG2VID if from_picture else SourceType.GENERATED,
        status=Status.PENDING,
        ai_model=wanted.choice.name,
        seed=seed if isinstance(seed, int) else None,
        parent_asset_id=wanted.inputs[0].asset_id if wanted.inputs else None,
        batch_id=placing.batch_id,
        prompt_text=wanted.prompt,
        generation_config=wanted.params,
        inputs=tuple(_inputs(asset_id, wanted.inputs)),
        created_by=placing.actor.user_id,
        created_at=at,
        updated_at=at,
    )


def _inputs(asset_id: UUID, used: Sequence[BatchInput]) -> Iterator[AssetInput]:
    """Each with its place among those of the same role."""
    seen = Counter[InputRole]()
    for each in used:
        yield AssetInput(asset_id=asset_id, source_asset_id=each.asset_id, role=each.role, position=seen[each.role])
        seen[each.role] += 1


def _generation(
    asset: Asset, wanted: Wanted, placing: Placing, quote: Quote, snapshots: Mapping[str, tuple[str, str]]
) -> Generation:
    choice, price = wanted.choice, wanted.choice.model.price
    return Generation(
        id=new_id(),
        asset_id=asset.id,
        project_id=asset.project_id,
        box_id=asset.box_id,
        batch_id=placing.batch_id,
        provider=choice.provider,
        model=choice.model.name,
        snapshot=snapshots[choice.provider][0],
        params=wanted.params,
        inputs=asset.inputs,
        state=State.PENDING,
        since=asset.created_at,
        next_at=asset.created_at,
        cost_estimate=price.amount if price else None,
        cost_unit=price.unit if price else None,
        currency=quote.currency,
        rate=quote.rate,
        is_batch=placing.is_batch,
        created_by=asset.created_by,
        created_at=asset.created_at,
    )
