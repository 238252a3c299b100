"""From words to takes: everything is checked, priced and stored before anything is sent; the engine does the rest."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import JsonValue

from apom.config import LIMITS
from apom.decisions import settle
from apom.errors import Conflict, Invalid
from apom.events import Hub
from apom.fields import tidy
from apom.models import (
    Actor,
    AIModel,
    Answer,
    Asset,
    AssetInput,
    AssetType,
    Box,
    Event,
    Generation,
    InputRole,
    Role,
    SourceType,
    State,
    Status,
    Take,
    new_id,
)
from apom.money import Line, Money, Quote
from apom.projects import need_box
from apom.store import Store, Tx, assets, boxes, generations, projects

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog
    from apom.providers.spec import Model

SEEDS = 2**31
INTERACTIVE = 4  # takes of one order that somebody sits and waits for; more are a batch
APART = timedelta(microseconds=1)  # the takes of an order, so that they stand in the order they were asked for
TOKEN = re.compile(r"[\x21-\x7e]{8,100}")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a person asks for. `params`: the model's own parameters beside the prompt; `inputs`: takes by their role.

    `token`: the same token twice is one order, so that a double click pays once. `instead_of`: a take that waits for a
    person, and is given up for this. `is_batch`: lets those pass that somebody is waiting for; many at once always are.
    """

    prompt: str
    model: str
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    inputs: Sequence[tuple[InputRole, UUID]] = ()
    n: int = 1
    token: str | None = None
    instead_of: UUID | None = None
    is_batch: bool = False


def named_by_role(schema: Mapping[str, JsonValue], role: str) -> str | None:
    """The parameter that plays this role in a model (`x-role`), None without one."""
    properties = schema.get("properties")
    assert isinstance(properties, dict), "checked when the provider file was loaded"
    return next((name for name, p in properties.items() if isinstance(p, dict) and p.get("x-role") == role), None)


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
    ) -> None:
        self._store = store
        self._money = money
        self._catalog = catalog
        self._hub = hub
        self._clock = clock
        self._wake = wake

    def models(self, asset_type: AssetType | None = None) -> tuple[AIModel, ...]:
        """What can be generated with."""
        return tuple(m for m in self._catalog.models() if asset_type in (None, m.model_type))

    def order(self, actor: Actor, box_id: UUID, order: Order) -> tuple[Take, ...]:
        """Stores `n` takes, PENDING, and wakes the engine. Nothing is stored when anything is wrong.

        Raises NotFound, NotAllowed, Invalid, Conflict, OverBudget.
        """
        provider, _, name = order.model.partition("/")
        catalog = self._catalog.at_this_moment()
        model = catalog.find(provider, name)
        prompt = tidy(order.prompt)
        if not 1 <= order.n <= LIMITS.variations:
            raise Invalid("Ask for 1 to {most} takes at once.", field="n", most=LIMITS.variations)
        if len(prompt) > LIMITS.prompt_chars:
            raise Invalid("A prompt has at most {most} characters.", field="prompt", most=LIMITS.prompt_chars)
        if order.token is not None and not TOKEN.fullmatch(order.token):
            raise Invalid("A token has 8 to 100 letters, digits or signs, and no spaces.", field="token")
        variations = [self._params(provider, model, prompt, order.params, i) for i in range(order.n)]
        sha256, content = catalog.snapshot(provider)
        token = order.token or secrets.token_urlsafe(16)
        now = self._clock()
        with self._store.write() as tx:
            box = need_box(tx, actor, box_id, Role.EDITOR)
            recipe: dict[str, object] = {"box": str(box_id), "model": order.model, "prompt": prompt, "n": order.n}
            if order.instead_of is not None:
                recipe["instead_of"] = str(order.instead_of)
            again = generations.batch(tx, token)
            if again is not None:
                return _ordered_before(tx, actor, again, recipe)
            if order.instead_of is not None:
                settle(tx, actor, order.instead_of, Answer.REGENERATE, now)
            inputs = _check_inputs(tx, actor, box, model, order.inputs)
            batch_id = new_id()
            price = model.price
            quote = self._quote(tx, actor, box.project_id, provider, model, order.n)
            first = boxes.count_takes(tx, box_id, order.n)
            new = [
                _take_and_generation(
                    actor,
                    box,
                    first + i,
                    order,
                    model,
                    prompt,
                    params,
                    inputs,
                    batch_id,
                    provider,
                    sha256,
                    quote,
                    now + i * APART,
                )
                for i, params in enumerate(variations)
            ]
            generations.keep_snapshot(tx, sha256, provider, content, now)
            generations.insert_batch(
                tx,
                batch_id,
                token,
                box.project_id,
                json.dumps(recipe, ensure_ascii=False),
                price.amount * order.n if price else None,
                price.unit if price else None,
                actor.user_id,
                now,
            )
            assets.insert(tx, [asset for asset, _ in new])
            generations.insert(tx, [generation for _, generation in new], batch_id)
            projects.touch(tx, box.project_id, now)
        self._hub.publish(
            *(
                Event(
                    type="asset_status_changed",
                    project_id=box.project_id,
                    box_id=box.id,
                    asset_id=asset.id,
                    status=Status.PENDING,
                )
                for asset, _ in new
            )
        )
        self._wake()
        return tuple(Take(**{name: getattr(asset, name) for name in Take.model_fields}) for asset, _ in new)

    def _quote(self, tx: Tx, actor: Actor, project_id: UUID, provider: str, model: Model, n: int) -> Quote:
        """What one take will cost in the project's currency. Raises OverBudget."""
        is_play, worth = self._catalog.worth(provider)
        price, unit = (model.price.amount, model.price.unit) if model.price else (None, None)
        line = Line(provider=provider, price=price, unit=unit, n=n, is_play=is_play, worth=worth)
        return self._money.admit(tx, actor, project_id, [line])[0]

    def _params(
        self, provider: str, model: Model, prompt: str, given: Mapping[str, JsonValue], variation: int
    ) -> dict[str, JsonValue]:
        """The model's parameters, checked and complete; each variation with a seed of its own."""
        params: dict[str, JsonValue] = dict(given)
        prompt_name = named_by_role(model.parameters_schema, "prompt")
        seed_name = named_by_role(model.parameters_schema, "seed")
        if prompt_name is not None:
            params[prompt_name] = prompt
        if seed_name is not None:
            seed = params.get(seed_name)
            if seed is None:
                params[seed_name] = secrets.randbelow(SEEDS)
            elif variation and isinstance(seed, int) and 0 <= seed < SEEDS:
                params[seed_name] = (seed + variation) % SEEDS
        return self._catalog.check_params(model, params)


def _ordered_before(
    tx: Tx, actor: Actor, again: tuple[UUID, UUID, str], recipe: Mapping[str, object]
) -> tuple[Take, ...]:
    """The takes of the same order, sent once more; another order under the same token is a mistake."""
    batch_id, ordered_by, before = again
    found = [assets.take(tx, actor.user_id, id) for id in generations.assets_of_batch(tx, batch_id)]
    takes = tuple(take for take in found if take is not None)
    if ordered_by != actor.user_id or json.loads(before) != recipe or not takes:
        raise Conflict("This order was placed before. Look at the shot, then order again.")
    return takes


def _check_inputs(
    tx: Tx, actor: Actor, box: Box, model: Model, wanted: Sequence[tuple[InputRole, UUID]]
) -> tuple[AssetInput, ...]:
    """The inputs by role, each a take of this project that is here and of the right kind; `asset_id` is filled later."""
    used: list[AssetInput] = []
    for role, source_id in wanted:
        declared = next((i for i in model.inputs if i.role == role), None)
        source = assets.take(tx, actor.user_id, source_id)
        if declared is None:
            raise Invalid("{model} takes no {role}.", field="inputs", model=model.title, role=role.replace("_", " "))
        if source is None or source.project_id != box.project_id:
            raise Invalid("Choose a take of this project as input.", field="inputs")
        if source.status is not Status.COMPLETED or source.asset_type != declared.kind.upper():
            raise Invalid("The input must be a finished {kind}.", field="inputs", kind=declared.kind)
        position = sum(u.role == role for u in used)
        used.append(AssetInput(asset_id=source_id, source_asset_id=source_id, role=role, position=position))
    for declared in model.inputs:
        count = sum(u.role == declared.role for u in used)
        if count < declared.min:
            raise Invalid(
                "{model} needs a {kind} to start from.", field="inputs", model=model.title, kind=declared.kind
            )
        if count > declared.max:
            raise Invalid("{model} takes at most {most}.", field="inputs", model=model.title, most=declared.max)
    return tuple(used)


def _take_and_generation(
    actor: Actor,
    box: Box,
    number: int,
    order: Order,
    model: Model,
    prompt: str,
    params: dict[str, JsonValue],
    inputs: tuple[AssetInput, ...],
    batch_id: UUID,
    provider: str,
    snapshot: str,
    quote: Quote,
    now: datetime,
) -> tuple[Asset, Generation]:
    asset_id = new_id()
    used = tuple(i.model_copy(update={"asset_id": asset_id}) for i in inputs)
    from_picture = model.model_type is AssetType.VIDEO and bool(used)
    seed = params.get(named_by_role(model.parameters_schema, "seed") or "")
    asset = Asset(
        id=asset_id,
        project_id=box.project_id,
        box_id=box.id,
        number=number,
        asset_type=model.model_type,
        source_type=SourceType.IMG2VID if from_picture else SourceType.GENERATED,
        status=Status.PENDING,
        ai_model=order.model,
        seed=seed if isinstance(seed, int) else None,
        parent_asset_id=used[0].source_asset_id if used else None,
        batch_id=batch_id,
        prompt_text=prompt,
        generation_config=params,
        inputs=used,
        created_by=actor.user_id,
        created_at=now,
        updated_at=now,
    )
    generation = Generation(
        id=new_id(),
        asset_id=asset_id,
        project_id=box.project_id,
        box_id=box.id,
        provider=provider,
        model=model.name,
        snapshot=snapshot,
        params=params,
        inputs=used,
        state=State.PENDING,
        next_at=now,
        cost_estimate=model.price.amount if model.price else None,
        cost_unit=model.price.unit if model.price else None,
        currency=quote.currency,
        rate=quote.rate,
        is_batch=order.is_batch or order.n > INTERACTIVE,
        created_by=actor.user_id,
        created_at=now,
    )
    return asset, generation
