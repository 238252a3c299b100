"""Files without a row, and rows without a file: found, said, and the first of them removed.

A crash between a row and its file leaves one or the other behind. What no row names and lies there for a day goes; what a
row names and cannot be found is marked, and people are told.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from apom.errors import ApomError
from apom.models import Sweep, new_id
from apom.store import Store, audit, sweeps

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage, Stored

log = logging.getLogger("apom.sweep")
LOOK_S = 3600.0
DAILY = timedelta(hours=23)
YOUNG = timedelta(days=1)  # a file comes before its row: what is younger may be on its way
SHARE, FEW = 0.3, 20  # more of all files than that without a row: is it the right store?
PIECE = 500
SHOWN = 30


class Sweeps:
    """Looks through the storage of an environment, once a day and when it is asked to."""

    def __init__(self, store: Store, storage: LocalStorage, env: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._storage = storage
        self._prefix = f"{env}/a/"
        self._clock = clock
        self._one_at_a_time = threading.Lock()

    def recent(self, limit: int = SHOWN) -> tuple[Sweep, ...]:
        """What was found lately, newest first."""
        with self._store.read() as tx:
            return sweeps.recent(tx, limit)

    async def look(self, _: object) -> None:
        """A chore of the engine: once a day. Raises nothing."""
        try:
            await asyncio.to_thread(self.go_on)
        except ApomError as error:
            log.warning("the storage could not be looked through now; it is later: %s", error)
        except Exception:
            log.exception("the storage could not be looked through now; it is later")

    def go_on(self) -> None:
        """The same, for who has no loop. Raises Unavailable."""
        found = self.recent(1)
        if not found or self._clock() - found[0].happened_at >= DAILY:
            self.run("apom")

    def run(self, by: str, *, only_look: bool = False, confirmed: bool = False) -> Sweep:
        """Looks through everything; removes what no row names, unless that is suspiciously much. Raises Unavailable.

        `confirmed`: a person knows that this is the right store.
        """
        with self._one_at_a_time:
            files = {stored.key: stored for stored in self._storage.list(self._prefix)}
            with self._store.read() as tx:
                tx.take_time()
                named = sweeps.named(tx)
            now = self._clock()
            strays = [each for each in files.values() if each.key not in named and now - each.modified > YOUNG]
            is_held = not confirmed and len(strays) > max(FEW, SHARE * len(files))
            removed = 0 if only_look or is_held else self._remove(strays)
            missing = self._missing(files, named)
            found = Sweep(
                id=new_id(),
                happened_at=now,
                started_by=by,
                is_held=is_held,
                files=len(files),
                bytes=sum(each.bytes for each in files.values()),
                strays=len(strays),
                stray_bytes=sum(each.bytes for each in strays),
                removed=removed,
                missing=len(missing),
            )
            with self._store.write() as tx:
                sweeps.set_missing(tx, missing, now)
                sweeps.record(tx, found)
                audit.append(
                    tx, now, by, "storage.sweep", f"strays:{len(strays)} removed:{removed} missing:{len(missing)}"
                )
            self._storage.sweep_temp(YOUNG, now)
            return found

    def _remove(self, strays: Sequence[Stored]) -> int:
        """Asked once more, piece by piece: a row may have come to name one meanwhile."""
        removed = 0
        for first in range(0, len(strays), PIECE):
            piece = {each.key for each in strays[first : first + PIECE]}
            with self._store.read() as tx:
                piece -= sweeps.still_named(tx, piece)
            self._storage.delete(*piece)
            removed += len(piece)
        return removed

    def _missing(self, files: Mapping[str, Stored], named: Mapping[str, UUID]) -> set[UUID]:
        """Takes with a file that was not listed, is not there now, and is still named."""
        unseen = [key for key in named if key not in files and key.startswith(self._prefix)]
        gone = [key for key in unseen if not self._storage.has(key)]
        with self._store.read() as tx:
            return {named[key] for key in sweeps.still_named(tx, gone)}
