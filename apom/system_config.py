"""SystemConfig: what an admin set for the whole studio, checked key by key. The keys are declared in `apom.config.SYSTEM`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from pydantic import JsonValue

from apom.accounts import need_admin
from apom.config import SYSTEM, SystemKey
from apom.editing import SLOT, edits
from apom.errors import Invalid
from apom.fields import one_line, tidy
from apom.models import Actor, SystemSetting
from apom.store import Store, Tx, audit, system

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog

LONGEST_DAYS = 3650
MOST_GB = 1_000_000
TEMPLATE_CHARS = 4000
UNIT_CHARS = 100
CURRENCY = re.compile(r"[A-Z]{3}")
Kind: TypeAlias = Literal["bool", "int", "str", "dict"]
Check: TypeAlias = Callable[[JsonValue, "Catalog"], None]
NOT_OF_ITS_KIND = {
    bool: "{key} is either true or false.",
    int: "{key} is a whole number.",
    str: "{key} is a text.",
    dict: "{key} is a mapping, as JSON: in braces, names in quotes.",
}


class SystemConfig:
    """Reads and sets it, for an admin and for the operator."""

    def __init__(self, store: Store, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock

    def all(self) -> tuple[SystemSetting, ...]:
        """Every key with what is in force."""
        with self._store.read() as tx:
            return tuple(_setting(tx, key) for key in SYSTEM)

    def all_for(self, actor: Actor) -> tuple[SystemSetting, ...]:
        """The same for an admin. Raises NotAllowed."""
        need_admin(actor)
        return self.all()

    def set(self, key: str, value: JsonValue, *, by: Actor | str) -> SystemSetting:
        """A new value, by an admin or by the operator. Raises NotAllowed, Invalid."""
        actor = by if isinstance(by, Actor) else None
        if actor is not None:
            need_admin(actor)
        check(key, value, self._catalog)
        now = self._clock()
        with self._store.write() as tx:
            system.put(tx, key, value, actor.user_id if actor else None, now)
            audit.append(tx, now, actor.username if actor else str(by), "system.set", f"system:{key}")
            return _setting(tx, key)


def _setting(tx: Tx, key: str) -> SystemSetting:
    declared = SYSTEM[key]
    return SystemSetting(
        key=key,
        kind=cast(Kind, declared.type.__name__),
        value=cast(JsonValue, system.value(tx, key)),
        default=cast(JsonValue, declared.default),
        help=declared.help,
    )


def declared(key: str) -> SystemKey:
    """What is declared of a key. Raises Invalid."""
    if key not in SYSTEM:
        raise Invalid(
            "There is no setting {key}. These are there: {keys}.", field="key", key=key[:60], keys=", ".join(SYSTEM)
        )
    return SYSTEM[key]


def check(key: str, value: JsonValue, catalog: Catalog) -> None:
    """Whether a key can have this value. Raises Invalid."""
    kind = declared(key).type
    if type(value) is not kind:  # True is an int to isinstance
        raise Invalid(NOT_OF_ITS_KIND[kind], field="value", key=key)
    if key in CHECKS:
        CHECKS[key](value, catalog)


def _days(value: JsonValue, _: Catalog) -> None:
    if not 1 <= cast(int, value) <= LONGEST_DAYS:
        raise Invalid("Give 1 to {most} days.", field="value", most=LONGEST_DAYS)


def _days_or_never(value: JsonValue, _: Catalog) -> None:
    if not 0 <= cast(int, value) <= LONGEST_DAYS:
        raise Invalid("Give 0 to {most} days; 0 is never.", field="value", most=LONGEST_DAYS)


def _quota(value: JsonValue, _: Catalog) -> None:
    if not 0 <= cast(int, value) <= MOST_GB:
        raise Invalid("Give 0 to {most} GB; 0 is no limit.", field="value", most=MOST_GB)


def _model(value: JsonValue, catalog: Catalog) -> None:
    """Empty, or one that is there and edits."""
    if value == "":
        return
    provider, _, name = str(value).partition("/")
    catalog.find(provider, name)
    able = [f"{model.provider}/{model.name}" for model in catalog.models() if edits(model)]
    if value not in able:
        raise Invalid(
            "{model} does not make a picture from a picture. These do: {models}.",
            field="value",
            model=value,
            models=", ".join(able) or "—",
        )


def _template(value: JsonValue, _: Catalog) -> None:
    text = str(value)
    if text.count(SLOT) != 1:
        raise Invalid("The template has to say {slot} exactly once: there go the words.", field="value", slot=SLOT)
    if tidy(text) != text.strip():
        raise Invalid("The template holds control characters. Take them out.", field="value")
    if len(text) > TEMPLATE_CHARS:
        raise Invalid("A template has at most {most} characters.", field="value", most=TEMPLATE_CHARS)


def _currency(value: JsonValue, _: Catalog) -> None:
    if not CURRENCY.fullmatch(str(value)):
        raise Invalid("A currency has three capital letters, as in USD.", field="value")


def _rates(value: JsonValue, _: Catalog) -> None:
    for unit, worth in cast(Mapping[str, JsonValue], value).items():
        if not unit or unit != one_line(unit) or len(unit) > UNIT_CHARS:
            raise Invalid(
                "“{unit}” is no unit. Write it as credit, as kie/credit or as EUR.", field="value", unit=unit[:60]
            )
        if not isinstance(worth, dict) or not worth:
            raise Invalid('Say what one {unit} costs in a currency, as in {{"USD": 0.005}}.', field="value", unit=unit)
        for currency, amount in worth.items():
            _rate(unit, currency, amount)


def _rate(unit: str, currency: str, amount: JsonValue) -> None:
    if not CURRENCY.fullmatch(currency):
        raise Invalid(
            "{currency} is no currency: it has three capital letters, as in USD.", field="value", currency=currency[:60]
        )
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    if not is_number or not 0 < cast(float, amount) <= sys.float_info.max:
        raise Invalid(
            "What one {unit} costs in {currency} is a number above 0.", field="value", unit=unit, currency=currency
        )


CHECKS: Mapping[str, Check] = {
    "retention_days": _days_or_never,
    "trash_days": _days,
    "link_days": _days,
    "upload_gb": _quota,
    "smart_edit_model": _model,
    "smart_edit_template": _template,
    "currency": _currency,
    "exchange_rates": _rates,
}
