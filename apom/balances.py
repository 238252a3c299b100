"""What credit is left at the providers: asked once a day, and soon after something was ordered there.

Its fall beside our own entries shows what was bought there by others. Nobody waits for it, and no order fails by it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from apom.errors import ApomError, Invalid, NotAllowed
from apom.models import Actor, BalanceChange
from apom.money import month_after, month_of
from apom.store import Store, Tx, balances, generations
from apom.store.balances import Reading

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog
    from apom.providers.client import Client
    from apom.providers.spec import ProviderSpec

log = logging.getLogger("apom.balances")
LOOK_S = 300.0
DAILY = timedelta(days=1)
SOON = timedelta(minutes=10)  # after spending, and after a provider that could not be asked


class Providers(Protocol):
    """Where the client of a provider is found by its kept file."""

    def client(self, snapshot: str) -> Client: ...


class Balances:
    """Asks providers what is left, keeps the readings, and compares."""

    def __init__(self, store: Store, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._asked: dict[str, datetime] = {}

    async def look(self, providers: Providers) -> None:
        """Asks those whose turn it is. For the engine's loop; raises nothing."""
        try:
            for slug in await asyncio.to_thread(self._due):
                await self._ask(providers, slug)
        except ApomError:
            log.warning("the balances of the providers could not be kept; they are asked again", exc_info=True)
        except Exception:
            log.exception("the balances of the providers could not be read; they are asked again")

    async def read_all(self, providers: Providers) -> None:
        """Asks every provider that tells and can be asked, now."""
        for slug in self._askable():
            await self._ask(providers, slug)

    def changes(self, month: datetime | None = None) -> tuple[BalanceChange, ...]:
        """What became of each provider's credit in the month of that moment, None for this one. Raises Invalid."""
        if month is not None and month.tzinfo is None:
            raise Invalid("Say in which time zone that is.", field="month")
        since = month_of((month or self._clock()).astimezone(UTC))
        with self._store.read() as tx:
            found = [_change(tx, spec, since) for spec in self._telling()]
        return tuple(change for change in found if change is not None)

    def changes_for(self, actor: Actor, month: datetime | None) -> tuple[BalanceChange, ...]:
        """The same for an admin. Raises NotAllowed, Invalid."""
        if not actor.is_admin:
            raise NotAllowed("Only an admin can see what credit is left.")
        return self.changes(month)

    def _telling(self) -> list[ProviderSpec]:
        return [spec for spec in self._catalog.specs.values() if spec.account is not None]

    def _askable(self) -> list[str]:
        return [spec.id for spec in self._catalog.in_reach() if spec.account is not None]

    def _due(self) -> list[str]:
        """Not read for a day; or ordered from since it was read, some time ago."""
        now = self._clock()
        with self._store.read() as tx:
            newest = balances.newest(tx)
            due = [slug for slug in self._askable() if _is_due(tx, slug, newest.get(slug), now)]
        return [slug for slug in due if slug not in self._asked or now - self._asked[slug] >= SOON]

    async def _ask(self, providers: Providers, slug: str) -> None:
        self._asked[slug] = self._clock()
        snapshot = await asyncio.to_thread(self._snapshot, slug)
        try:
            amount = await providers.client(snapshot).balance()
        except ApomError as error:
            log.info("%s did not say what credit is left: %s", slug, error)
            return
        await asyncio.to_thread(self._keep, slug, amount)

    def _snapshot(self, slug: str) -> str:
        sha256, content = self._catalog.snapshot(slug)
        with self._store.write() as tx:
            generations.keep_snapshot(tx, sha256, slug, content, self._clock())
        return sha256

    def _keep(self, slug: str, amount: float) -> None:
        with self._store.write() as tx:
            balances.insert(tx, slug, amount, unit_of(self._catalog.specs[slug]), self._clock())


def unit_of(spec: ProviderSpec) -> str | None:
    """What a provider counts in, None when its file does not say."""
    if spec.cost is not None:
        return spec.cost.unit
    return next((model.price.unit for model in spec.models if model.price is not None), None)


def moves(readings: Sequence[Reading]) -> tuple[float, float]:
    """(fell, rose): what was lost and gained from reading to reading, so that credit bought in between hides nothing."""
    steps = [after.amount - before.amount for before, after in pairwise(readings)]
    return sum(-step for step in steps if step < 0), sum(step for step in steps if step > 0)


def _is_due(tx: Tx, slug: str, last: datetime | None, now: datetime) -> bool:
    if last is None or now - last >= DAILY:
        return True
    return now - last >= SOON and balances.has_spent(tx, slug, last)


def _change(tx: Tx, spec: ProviderSpec, month: datetime) -> BalanceChange | None:
    readings = balances.between(tx, spec.id, month, month_after(month))
    if not readings:
        return None
    first, last, unit = readings[0], readings[-1], unit_of(spec)
    fell, rose = moves(readings)
    entered, unpriced = balances.entered(tx, spec.id, unit, first.read_at, last.read_at)
    return BalanceChange(
        provider=spec.id,
        title=spec.name,
        month=month,
        unit=unit,
        is_play=spec.is_play,
        first=first.amount,
        first_at=first.read_at,
        last=last.amount,
        last_at=last.read_at,
        fell=fell,
        rose=rose,
        entered=entered,
        unpriced=unpriced,
        difference=fell - entered,
    )
