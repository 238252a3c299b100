"""Who waits for a provider: people in turn, and what somebody waits for before what is one of many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from uuid import UUID

BATCH_EVERY = 5  # when both wait, every fifth is one of many: those may be slow, never forgotten


class Lane:
    """Waiting submissions by person; the people take turns."""

    def __init__(self) -> None:
        self._people: OrderedDict[UUID, OrderedDict[UUID, None]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._people)

    def join(self, who: UUID, id: UUID, *, at_head: bool) -> None:
        """At the end of the person's own submissions, or before them."""
        mine = self._people.setdefault(who, OrderedDict())
        mine[id] = None
        if at_head:
            mine.move_to_end(id, last=False)

    def leave(self, who: UUID, id: UUID) -> None:
        """One less."""
        mine = self._people.get(who, OrderedDict())
        mine.pop(id, None)
        if not mine:
            self._people.pop(who, None)

    def next(self) -> UUID:
        """Takes out the one whose turn it is. Not for an empty lane."""
        who, mine = next(iter(self._people.items()))
        id, _ = mine.popitem(last=False)
        self._people.move_to_end(who)
        if not mine:
            del self._people[who]
        return id

    def turns(self) -> Iterator[UUID]:
        """Everyone in the order of `next`, without taking them out."""
        lines = [list(mine) for mine in list(self._people.values())]
        for i in range(max(map(len, lines), default=0)):
            for line in lines:
                if i < len(line):
                    yield line[i]


class Line:
    """The line before one provider."""

    def __init__(self) -> None:
        self._lanes = {False: Lane(), True: Lane()}
        self._members: dict[UUID, tuple[bool, UUID]] = {}
        self._taken = 0

    def __len__(self) -> int:
        return len(self._members)

    def join(self, id: UUID, who: UUID, *, is_batch: bool, at_head: bool = False) -> None:
        """Waits for its turn. `is_batch`: lets those pass that somebody is waiting for."""
        if id not in self._members:
            self._members[id] = is_batch, who
            self._lanes[is_batch].join(who, id, at_head=at_head)

    def leave(self, id: UUID) -> None:
        """Waits no more."""
        is_batch, who = self._members.pop(id, (False, id))
        self._lanes[is_batch].leave(who, id)

    def next(self) -> UUID | None:
        """Takes out the one whose turn it is; None when nobody waits."""
        if not self._members:
            return None
        self._taken += 1
        id = self._lanes[self._is_batchs_turn(self._taken, *map(bool, self._lanes.values()))].next()
        del self._members[id]
        return id

    def order(self) -> list[UUID]:
        """Everyone, the next one first. May be called from any thread."""
        single, batch = (list(self._lanes[is_batch].turns()) for is_batch in (False, True))
        found, taken = [], self._taken
        single.reverse()
        batch.reverse()
        while single or batch:
            taken += 1
            found.append((batch if self._is_batchs_turn(taken, bool(single), bool(batch)) else single).pop())
        return found

    @staticmethod
    def _is_batchs_turn(taken: int, any_single: bool, any_batch: bool) -> bool:
        return any_batch and (not any_single or taken % BATCH_EVERY == 0)
