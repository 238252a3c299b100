"""What must hold after whatever happened, read from the rows, the files and the provider's own books.

The numbers are those of the house's list of invariants. I9 (no secret anywhere) and I10 (what retention may not take) are
tested where they are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from apom.errors import BadMedia, TooLarge
from apom.models import REPLAY, Actor, AssetType, BoxKind, State, Status
from apom.sandbox.tasks import Task
from apom.store import Store, Tx
from apom.studio import Studio

OVER = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
OPEN = (State.PENDING, State.SUBMITTING, State.PROCESSING, State.STORING)
SPOILT = (BadMedia.code, TooLarge.code)
TAKES = """select a.id, a.status, a.error_message, a.file_key, a.thumb_key, a.preview_key, a.proxy_key,
    a.bytes, a.sha256, a.purged_at,
    g.id as generation, g.state, g.attention, g.decision, g.turn, g.task_id, g.error_code,
    (select count(*) from ledger_entry l where l.generation_id = g.id) as entries
    from asset a left join generation_output o on o.asset_id = a.id left join generation g on g.id = o.generation_id"""
DANGLING = {
    "a headliner": "select count(*) from box b where headliner_asset_id is not null and not exists"
    " (select 1 from asset a where a.id = b.headliner_asset_id and a.trashed_at is null)",
    "a soundtrack": "select count(*) from project p where soundtrack_asset_id is not null and not exists"
    " (select 1 from asset a where a.id = p.soundtrack_asset_id and a.trashed_at is null)",
    "an input": "select count(*) from asset_input i where not exists (select 1 from asset a where a.id = i.source_asset_id)",
    "a parent": "select count(*) from asset c where parent_asset_id is not null and not exists"
    " (select 1 from asset a where a.id = c.parent_asset_id)",
}


def books(folder: Path) -> tuple[Task, ...]:
    """Every task that the sandbox with this folder ever accepted: what the provider would bill."""
    return tuple(Task(**json.loads(path.read_bytes())) for path in sorted((folder / "tasks").glob("*.json")))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How the takes were at a moment: id to (status, how often a person had spoken, sha256)."""

    takes: Mapping[UUID, tuple[Status, int, str | None]]

    def of(self, status: Status) -> frozenset[UUID]:
        """The takes with this status."""
        return frozenset(id for id, (found, _, _) in self.takes.items() if found is status)


def assert_invariants(
    studio: Studio, tasks: Sequence[Task], *, earlier: Seen | None = None, is_resting: bool = True
) -> Seen:
    """Raises AssertionError for whatever does not hold; answers with what is, for the next time.

    `tasks`: the books of the provider, everything it ever took from this studio. `earlier`: what was seen before.
    `is_resting`: nothing is on its way any more.
    """
    with studio._store.read() as tx:
        takes = tx.all(TAKES)
        _assert_references(tx)
        _assert_order(tx)
    for take in takes:
        _assert_consistent(take, is_resting=is_resting)
    _assert_paid_once(takes, tasks)
    _assert_files(studio, takes)
    _assert_counts(studio)
    now = Seen(takes={t["id"]: (Status(t["status"]), t["turn"] or 0, t["sha256"]) for t in takes})
    if earlier is not None:
        _assert_nothing_went_back(earlier, now)
    return now


def _assert_consistent(take: dict[str, Any], *, is_resting: bool) -> None:
    """What people see is what the engine knows, with their own word over it; and what was paid stands in the books once."""
    status = Status(take["status"])
    if take["generation"] is None:
        return
    state = State(take["state"])
    over = take["decision"] or (Status.ATTENTION if take["attention"] else state.status)
    assert status == over, f"{take}: shown as {status}, and it is {over}"
    assert not is_resting or take["attention"] or state not in OPEN, f"{take}: still on its way"
    assert status is not Status.ATTENTION or (take["attention"] and take["error_message"]), f"{take}: nobody says why"
    assert take["entries"] <= 1, f"{take}: in the books twice"
    assert take["entries"] or status not in (Status.COMPLETED, Status.ATTENTION), f"{take}: not in the books"


def _assert_paid_once(takes: Sequence[dict[str, Any]], tasks: Sequence[Task]) -> None:
    """I2, and its other side: what was paid for is not given up by the engine."""
    created = Counter(task.client_id for task in tasks)
    assert max(created.values(), default=0) <= 1, f"submitted twice: {[id for id, n in created.items() if n > 1]}"
    of_generation = {str(take["generation"]): take for take in takes}
    assert created.keys() <= of_generation.keys(), f"nobody's: {created.keys() - of_generation.keys()}"
    for task in tasks:
        take = of_generation[task.client_id]
        state = State(take["state"])
        assert state not in (State.PENDING, State.CANCELLED) or take["error_code"] == REPLAY, (
            f"{take}: sent unknown to us"
        )
        assert take["task_id"] in (None, task.id), f"{take}: another's task"
        is_ours_to_lose = not task.fault and not task.is_cancelled and take["error_code"] not in SPOILT
        assert state is not State.FAILED or not is_ours_to_lose, f"{take}: paid for and lost"
    for id, take in of_generation.items():
        is_known = take["state"] in (State.PROCESSING, State.STORING, State.COMPLETED)
        assert not is_known or id in created, f"{take}: the provider knows nothing of it"


def _assert_files(studio: Studio, takes: Sequence[dict[str, Any]]) -> None:
    """I3 and I4: COMPLETED means that the file is there, whole; and there is no file that is nobody's.

    A file may be there before its row says so: then it lies where the row will say.
    """
    storage = studio.assets._storage
    named = {
        key
        for t in takes
        for key in (t["thumb_key"], *(() if t["purged_at"] else (t["file_key"], t["preview_key"], t["proxy_key"])))
        if key
    }
    there = {stored.key for stored in storage.list("")}
    assert named <= there, f"rows without a file: {named - there}"
    coming = {str(take["id"]) for take in takes if take["state"] in OPEN}
    assert all(key.split("/")[2] in coming for key in there - named), f"files without a row: {there - named}"
    for take in takes:
        is_here = take["file_key"] is not None
        is_done = take["status"] == Status.COMPLETED or take["state"] == State.COMPLETED
        assert is_here == is_done or take["purged_at"], take
        if is_here and not take["purged_at"]:
            content = storage.path(take["file_key"]).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (take["bytes"], take["sha256"]), take


def _assert_references(tx: Tx) -> None:
    """I5: headliners, inputs and parents are there."""
    for what, question in DANGLING.items():
        assert tx.value(question) == 0, f"{what} points to what is gone"


def _assert_order(tx: Tx) -> None:
    """I6: the shots of a project stand in one order without gaps."""
    places = defaultdict(list)
    for row in tx.all(
        "select project_id, order_index from box where kind = $1 and trashed_at is null order by order_index",
        BoxKind.SHOT,
    ):
        places[row["project_id"]].append(row["order_index"])
    for project, found in places.items():
        assert found == list(range(found[0], found[0] + len(found))), f"project {project}: {found}"


def _assert_counts(studio: Studio) -> None:
    """I7: what a project and its boxes show as their number of takes is that number."""
    store: Store = studio._store
    with store.read() as tx:
        owners = tx.all(
            "select m.project_id, u.id, u.username from project_member m join app_user u on u.id = m.user_id"
            " where m.role = 'OWNER'"
        )
        counted = {
            (row["box_id"], row["status"]): row["n"]
            for row in tx.all(
                "select box_id, status, count(*) as n from asset where trashed_at is null group by box_id, status"
            )
        }
        sounds = {
            row["project_id"]: row["n"]
            for row in tx.all(
                "select project_id, count(*) as n from asset where trashed_at is null and asset_type = $1 group by project_id",
                AssetType.AUDIO,
            )
        }
    for owner in owners:
        alice = studio.workspace(Actor(user_id=owner["id"], username=owner["username"]))
        boxes = alice.get_project_boxes(owner["project_id"])
        for box in boxes:
            mine = Counter({status: n for (id, status), n in counted.items() if id == box.id})
            shown = (box.assets_count, box.active_count, box.attention_count)
            assert shown == (mine.total(), mine["PENDING"] + mine["PROCESSING"], mine["ATTENTION"]), (box, mine)
        project = alice.project(owner["project_id"])
        shown_here = sum(box.assets_count for box in boxes) - sounds.get(project.id, 0)
        assert project.assets_count == shown_here, project


def _assert_nothing_went_back(earlier: Seen, now: Seen) -> None:
    """I1 and I8: what is over stays as it is until a person speaks, and what was there is there."""
    assert earlier.takes.keys() <= now.takes.keys(), f"lost: {earlier.takes.keys() - now.takes.keys()}"
    for id, (status, turn, sha256) in earlier.takes.items():
        if status in OVER:
            found, turn_now, sha_now = now.takes[id]
            assert turn_now > turn or found is status, f"take {id}: {status} became {found}"
            assert sha256 in (None, sha_now), f"take {id}: another file"
