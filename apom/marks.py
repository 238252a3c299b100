"""What a batch of marks makes of takes: pure, so that a retry, an undo and a race can be thought through and tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apom.errors import ApomError, Conflict, Invalid, NotAllowed, NotFound
from apom.models import OPEN_STATUSES, Mark, Role, Status, Take
from apom.projects import RANK, REFUSALS


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the store says of the takes a batch speaks of; of a stranger's it says nothing.

    `roles`: the actor's, by project. `headliners`: of every box concerned, None where it has none.
    """

    takes: Mapping[UUID, Take]
    roles: Mapping[UUID, Role]
    headliners: Mapping[UUID, UUID | None]


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is different afterwards, and what was refused. Nothing in it for what was so already."""

    takes: Mapping[UUID, Take]
    headliners: Mapping[UUID, UUID | None]
    refused: Sequence[tuple[UUID, ApomError]]


def make(known: Known, marks: Sequence[Mark], now: datetime) -> Made:
    """Each mark in its turn, wholly or not at all: the last word on a thing counts.

    Made once more, the same marks change nothing and are refused alike.
    """
    takes, headliners = dict(known.takes), dict(known.headliners)
    refused: list[tuple[UUID, ApomError]] = []
    for n, mark in enumerate(marks):
        try:
            take = _markable(known, takes.get(mark.asset_id), mark, marks[n + 1 :])
        except ApomError as error:
            refused.append((mark.asset_id, error))
            continue
        since = known.takes[take.id].trashed_at or now  # taken out and thrown back, it has lain there all the time
        takes[take.id] = _marked(take, mark, since)
        if mark.is_headliner:
            headliners[take.box_id] = take.id
        elif (mark.is_headliner is False or mark.trashed) and headliners[take.box_id] == take.id:
            headliners[take.box_id] = None
    return Made(
        takes={id: take for id, take in takes.items() if take != known.takes[id]},
        headliners={id: first for id, first in headliners.items() if first != known.headliners[id]},
        refused=refused,
    )


def _markable(known: Known, take: Take | None, mark: Mark, later: Sequence[Mark]) -> Take:
    """The take, if all of the mark can be made. Raises NotFound, NotAllowed, Conflict, Invalid."""
    if take is None:
        raise NotFound
    if RANK[known.roles[take.project_id]] < RANK[Role.EDITOR]:
        raise NotAllowed(REFUSALS[Role.EDITOR])
    if mark.trashed and take.status in OPEN_STATUSES:
        raise Conflict("This take is still on its way. Cancel it first, or wait until it has arrived.")
    if mark.trashed is False and take.purged_at is not None:
        raise Conflict("The files of this take were cleaned away. Make it again from its recipe.")
    stays_in_trash = take.trashed_at is not None and mark.trashed is None and not _is_moved(take, later)
    if mark.is_headliner and (mark.trashed or stays_in_trash):
        raise Conflict("This take is in the trash. Put it back first.")
    if mark.is_headliner and take.status is not Status.COMPLETED:
        raise Invalid("This take is not here yet. Wait until it has arrived.", field="is_headliner")
    return take


def _is_moved(take: Take, later: Sequence[Mark]) -> bool:
    """Whether a later mark of the batch throws it away or puts it back.

    Until then it may stand for its shot, in the trash or not: when the marks come a second time it lies where they have
    put it, and who stands for the shot must not depend on that.
    """
    return any(m.asset_id == take.id and m.trashed is not None and not (m.trashed and m.is_headliner) for m in later)


def _marked(take: Take, mark: Mark, since: datetime) -> Take:
    """`since`: when it came into the trash, if that is where it is to be."""
    changes: dict[str, object] = {}
    if mark.is_favorite is not None:
        changes["is_favorite"] = mark.is_favorite
    if mark.rating is not None:
        changes["rating"] = mark.rating
    if mark.trashed is not None:
        changes["trashed_at"] = since if mark.trashed else None
    return take.model_copy(update=changes)
