"""Smart Edit: a picture changed by words. What an admin set of it is asked here: the model, and the prompt around the words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from apom.assets import need_take
from apom.errors import Invalid
from apom.fields import tidy
from apom.generate import Generate, Order
from apom.models import Actor, AIModel, AssetType, InputRole, Role, Take
from apom.store import Store, system

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog

SLOT = "{words}"


def filled(template: str, words: str) -> str:
    """The prompt with the words in their place. They are put in as they are: braces in them are braces."""
    before, _, after = template.partition(SLOT)
    return f"{before}{words}{after}"


def edits(model: AIModel) -> bool:
    """Whether a model makes a picture out of one other picture."""
    needed = [declared["role"] for declared in model.inputs if declared["min"]]
    takes = {declared["role"] for declared in model.inputs}
    source = InputRole.EDIT_SOURCE.value
    return model.model_type is AssetType.IMAGE and source in takes and set(needed) <= {source}


def choose(models: Iterable[AIModel], wanted: str) -> str:
    """The model that edits, as `provider/name`: the one that is wanted, else the only one, the sandbox's when there is none.

    Raises Invalid where an admin has to say which.
    """
    if wanted:
        return wanted
    able = [model for model in models if edits(model)]
    serious = [model for model in able if not model.is_play] or able[:1]
    if len(serious) != 1:
        raise Invalid(
            "Several models can edit a picture here. Ask an admin to choose one: the setting smart_edit_model."
            if serious
            else "No model here can edit a picture. Ask an admin to switch one on.",
            field="model",
        )
    return f"{serious[0].provider}/{serious[0].name}"


class Editing:
    """Orders pictures that were changed by words."""

    def __init__(self, store: Store, catalog: Catalog, generate: Generate) -> None:
        self._store = store
        self._catalog = catalog
        self._generate = generate

    def edit(
        self, actor: Actor, asset_id: UUID, words: str, *, n: int = 1, token: str | None = None
    ) -> tuple[Take, ...]:
        """`n` takes beside the picture and made from it. Raises as `Generate.order` does."""
        with self._store.read() as tx:
            picture = need_take(tx, actor, asset_id, Role.EDITOR)
            model, template = (str(system.value(tx, key)) for key in ("smart_edit_model", "smart_edit_template"))
        if not tidy(words):
            raise Invalid("Say what should change in the picture.", field="words")
        order = Order(
            prompt=filled(template, words),
            model=choose(self._catalog.models(), model),
            inputs=[(InputRole.EDIT_SOURCE, picture.id)],
            n=n,
            token=token,
        )
        return self._generate.order(actor, picture.box_id, order)
