"""A cleaning that is killed: what should go goes in the end, and nothing else is touched, not by a byte (I3, I4, I10)."""

from __future__ import annotations

import hashlib
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from conftest import person
from test_retention import SAID

from apom import testing
from apom.config import Settings
from apom.media.storage import key
from apom.models import Asset, AssetInput, AssetType, Box, BoxKind, InputRole, Project, SourceType, Status, new_id
from apom.store import Tx, assets, retention
from apom.studio import Studio
from apom.testing.crashes import CLEANING
from apom.testing.invariants import assert_invariants

LIFE = """
import sys
from apom import retention
from apom.cli import main
from apom.testing import crashes
retention.PIECE = 40  # so that there are several
if sys.argv[1]:
    crashes.arm(crashes.CLEANING[sys.argv[1]], int(sys.argv[2]))
print("begins", flush=True)
sys.exit(main(["retention", "run"]))
"""
VARIANTS = {"original": "png", "thumb": "webp", "preview": "mp4", "proxy": "webp"}
STAYS, TRASHED, PURGED = "stays", "to the trash", "loses its files"
DUE, YOUNG, THROWN, THROWN_LATELY = "due", "young", "thrown away long ago", "thrown away lately"
SAFE = ("favorite", "rating", "tag", "headliner", "comment", "verdict", "round", "reference", "source")
NTH = {"before a file goes": 13, "after a file went": 14}  # in the middle of them
# what each take is, and what becomes of it
MIX: tuple[tuple[str, str, str], ...] = (
    *((DUE, mark, STAYS) for mark in SAFE),
    *((THROWN, mark, STAYS) for mark in SAFE if mark != "headliner"),
    *((YOUNG, "none", STAYS),) * 12,
    *((THROWN_LATELY, "none", STAYS),) * 3,
    *((DUE, "none", TRASHED),) * 5,
    *((THROWN, "none", PURGED),) * 12,
)


@dataclass(frozen=True)
class Scene:
    """A store with takes whose fate is known. `before`: their rows, by id."""

    settings: Settings
    fates: Mapping[UUID, str]
    before: Mapping[UUID, dict[str, Any]]

    def life(self, point: str = "", nth: int = 1) -> testing.Running:
        """A process that cleans, as an operator's command does; its work has begun."""
        env = {"APOM_DATA_DIR": str(self.settings.data_dir), "APOM_DATABASE_URL": self.settings.database_url}
        return testing.start(["-c", LIFE, point, str(nth)], "(begins)", env)

    def rows(self, studio: Studio) -> dict[UUID, dict[str, Any]]:
        with studio._store.read() as tx:
            found = tx.all("select a.*, r.* from asset a join asset_recipe r on r.asset_id = a.id")
        return {row["id"]: row for row in found}

    def look(self) -> int:
        """Nothing that stays was touched, whenever it ended; of how many takes the files should be gone and are not."""
        with Studio.open(self.settings, engine=False) as studio:
            rows = self.rows(studio)
            for id, fate in self.fates.items():
                if fate == STAYS:
                    assert rows[id] == self.before[id], "a row that is safe was touched"
                if fate != PURGED or rows[id]["purged_at"] is None:
                    assert files(studio, id) == contents(id), "a file that is safe was touched"
                assert contents(id)["thumb"] == files(studio, id)["thumb"], "the small picture stays"
            return sum(row["purged_at"] is not None and row["file_key"] is not None for row in rows.values())

    def goes_on(self) -> None:
        """What a server does next; then everything is as if nothing had happened."""
        with Studio.open(self.settings, engine=False) as studio:
            studio.retention.go_on()
            rows = self.rows(studio)
            for id, fate in self.fates.items():
                row, was = rows[id], self.before[id]
                gone = {"file_key": None, "preview_key": None, "proxy_key": None, "purged_at": row["purged_at"]}
                changed = {STAYS: {}, TRASHED: {"trashed_at": row["trashed_at"], "leaves_at": None}, PURGED: gone}[fate]
                assert row == was | changed, fate
                assert (row["trashed_at"] is not None) == (fate != STAYS or was["trashed_at"] is not None)
                assert (row["purged_at"] is not None) == (fate == PURGED)
                assert files(studio, id).keys() == ({"thumb"} if fate == PURGED else set(VARIANTS)), fate
            assert_invariants(studio, [])
            with studio._store.read() as tx:
                done = retention.runs(tx, 100)
            assert sum(run.purged for run in done) == sum(fate == PURGED for fate in self.fates.values())
            assert sum(run.trashed for run in done) == sum(fate == TRASHED for fate in self.fates.values())


def contents(id: UUID) -> dict[str, bytes]:
    return {variant: f"{variant} of {id}".encode() * 20 for variant in VARIANTS}


def files(studio: Studio, id: UUID) -> dict[str, bytes]:
    """What lies there of a take."""
    there = studio._storage.list(f"dev/a/{id}/")
    return {each.key.rsplit("/", 1)[1].partition("-")[0]: studio._storage.path(each.key).read_bytes() for each in there}


def scene(settings: Settings, times: int) -> Scene:
    """The mix, so many times over, as long ago as it has to be."""
    with Studio.open(settings, engine=False) as studio:
        alice = studio.workspace(person(studio, "alice"))
        project = alice.create_project("Lighthouse")
        shots = alice.create_boxes(project, [f"Shot {n}" for n in range(2 * times)])
        extra = alice.create_box(project, "Cast", kind=BoxKind.REFERENCE)
        now = datetime.now(UTC)
        fates: dict[UUID, str] = {}
        with studio._store.write() as tx:
            tx.take_time()
            tx.all(
                "insert into round (id, project_id, number, note, published_by, published_at) values ($1, $2, 1, '', $3, $4)",
                new_id(), project.id, alice.actor.user_id, now - timedelta(days=60),
            )  # fmt: skip
            for n in range(times):
                for state, mark, fate in MIX:
                    shot = shots[2 * n + (state == THROWN)]
                    fates[_put(studio, tx, extra if mark == "reference" else shot, project, state, mark, now)] = fate
                    if mark == "source":  # the favourite that was made from it stays, too
                        source = next(reversed(fates))
                        child = _put(studio, tx, shot, project, DUE, "favorite", now, made_from=source)
                        fates[child] = STAYS
            tx.all("update project set updated_at = $1", now - timedelta(days=60))
        made = Scene(settings, fates, {})
        return Scene(settings, fates, made.rows(studio))


def _put(
    studio: Studio,
    tx: Tx,
    box: Box,
    project: Project,
    state: str,
    mark: str,
    now: datetime,
    made_from: UUID | None = None,
) -> UUID:
    at, id = now - timedelta(days=1 if state == YOUNG else 30), new_id()
    inputs = () if made_from is None else (
        AssetInput(asset_id=id, source_asset_id=made_from, role=InputRole.REFERENCE, position=0),
    )  # fmt: skip
    take = Asset(
        id=id, project_id=project.id, box_id=box.id, number=1, asset_type=AssetType.IMAGE,
        source_type=SourceType.GENERATED, status=Status.COMPLETED, prompt_text="A lighthouse",
        is_favorite=mark == "favorite", rating=int(mark == "rating"), tags=("night",) if mark == "tag" else (),
        inputs=inputs, created_by=box.created_by, created_at=at, updated_at=at,
    )  # fmt: skip
    assets.insert(tx, [take])
    file: dict[str, object] = {"mime": "image/png"}
    for variant, content in contents(id).items():
        sha = hashlib.sha256(content).hexdigest()
        name = key("dev", id, variant, sha, VARIANTS[variant])
        path = studio._storage.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        file["file_key" if variant == "original" else f"{variant}_key"] = name
        if variant == "original":
            file |= {"sha256": sha, "bytes": len(content)}
    assets.set_file(tx, id, AssetType.IMAGE, file, at)
    if mark in SAID:
        tx.all(SAID[mark].format(id=id, box=box.id, project=project.id, new=new_id(), at=at.isoformat()))
    if state in (DUE, YOUNG):
        tx.all(
            "update asset set leaves_at = $2 where id = $1 and $3",
            id,
            now - timedelta(days=1),
            (state, mark) == (DUE, "none"),
        )
    else:
        long = 8 if state == THROWN else 2
        tx.all("update asset set trashed_at = $2 where id = $1", id, now - timedelta(days=long))
    return id


@pytest.fixture
def small(settings: Settings) -> Scene:
    return scene(settings, 1)


@pytest.mark.parametrize("point", CLEANING)
def test_killed_at_a_named_moment_the_next_one_goes_on(small: Scene, point: str) -> None:
    life = small.life(point, NTH.get(point, 1))
    assert life.ended(60) == -signal.SIGKILL, "it was reached"
    left = small.look()
    assert (left > 0) == (point != "in the run, before it is committed")
    small.goes_on()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_killed_again_and_again_at_random_moments_it_ends_as_if_nothing_had_been(settings: Settings, seed: int) -> None:
    """By the clock, and among the files, which by the clock it hardly ever hits."""
    chance, big = random.Random(seed), scene(settings, 12)
    kills, left = 0, 400
    for _ in range(8):
        among = chance.choice(["", "before a file goes", "after a file went"])
        life = big.life(among, chance.randint(1, max(1, left // 2)))
        if not among:
            time.sleep(chance.uniform(0.1, 1.0))
            life.process.kill()
        kills += life.ended(60) == -signal.SIGKILL
        left = big.look()
    assert kills >= 3
    big.goes_on()
