"""Many takes at once for a studio without a dashboard: the real store, the real media, the real HTTP.

`python -m benchmarks.burst URL COUNT FOLDER LEAST_S MOST_S [bare]`: prints what came of it as JSON. `bare`: files are kept
as they come, without the check, the measures and the thumbnail.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apom.config import LIMITS, Settings
from apom.engine.wiring import MediaKeeper
from apom.media.storage import key
from apom.models import AssetType, BatchOrder, Box, Generation
from apom.steps import Arrived
from apom.store import generations
from apom.studio import DEFAULT_IMAGE, Studio, Workspace, house
from apom.testing import offer
from benchmarks import people
from benchmarks.cost import most_memory_mb
from benchmarks.orders import WARM_UP, prompts_of

FIRST = "first"  # in the prompts that do not count
LOOK_S = 0.05
NO_LIMIT = {"count": 1_000_000, "per_s": 1}


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of takes that were ordered at once.

    `takes`: of each the prompt, when it was ordered and when it was there (seconds since 1970). `cpu_s`, `memory_mb`: of all
    that worked on it. `ticks_apart_s`: of the engine's clock.
    """

    takes: Sequence[tuple[str, float, float]]
    cpu_s: float
    memory_mb: float
    ticks_apart_s: Sequence[float] = ()


class BareKeeper(MediaKeeper):
    """Keeps files as they come."""

    def keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        """Stores it."""
        size, sha256 = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        file_key = key(self._env, generation.asset_id, "original", sha256, "jpg")
        self._storage.put(path, file_key, mime="image/jpeg")
        file = {"file_key": file_key, "bytes": size, "sha256": sha256}
        return Arrived(asset_id=generation.asset_id, asset_type=AssetType.IMAGE, file=file)


def unlimited(file: dict[str, Any]) -> None:
    """The sandbox's file as that of a provider that takes whatever comes."""
    file["limits"] = {"submit": NO_LIMIT, "poll": NO_LIMIT, "concurrent": 1_000_000}


def order(ws: Workspace, box: Box, prompts: Sequence[str]) -> None:
    """All of them in one shot, in as few batches as may be."""
    for at in range(0, len(prompts), LIMITS.batch_takes):
        some = tuple(prompts[at : at + LIMITS.batch_takes])
        ws.order_batch(box.project_id, BatchOrder(prompts=some, models=(DEFAULT_IMAGE,), boxes=(box.id,)))


def watch(studio: Studio) -> list[float]:
    """Until nothing is on its way; when the engine's clock ticked, in monotonic seconds."""
    ticks: list[float] = []
    while True:
        time.sleep(LOOK_S)
        vitals = studio.engine.vitals()
        ticked = time.monotonic() - (vitals.age_s or 0.0)
        if not ticks or ticked - ticks[-1] > LOOK_S:  # another than the one seen last
            ticks.append(ticked)
        if vitals.in_flight == 0 and _is_at_rest(studio):
            return ticks


def _is_at_rest(studio: Studio) -> bool:
    with studio._store.read() as tx:
        return not generations.unfinished(tx)


def takes(studio: Studio) -> list[tuple[str, float, float]]:
    """As in `Made`. Raises RuntimeError for one that did not come."""
    with studio._store.read() as tx:
        rows = tx.all(
            "select r.prompt_text, g.created_at, g.finished_at, g.state from generation g"
            " join asset_recipe r on r.asset_id = g.asset_id"
        )
    if ended := {row["state"] for row in rows} - {"COMPLETED"}:
        raise RuntimeError(f"takes ended as {ended}")
    return [
        (row["prompt_text"], row["created_at"].timestamp(), row["finished_at"].timestamp())
        for row in rows
        if FIRST not in row["prompt_text"]
    ]


def main(url: str, count: str, folder: str, least_s: str, most_s: str, *how: str) -> None:
    """Orders, waits, tells."""
    if "bare" in how:
        setattr(house, "MediaKeeper", BareKeeper)  # noqa: B010  # the studio has no such choice
    with Studio.open(Settings(data_dir=Path(folder), sandbox_url=url)) as studio:
        offer(studio, unlimited)
        alice, _ = people.alice(studio)
        box = alice.create_box(alice.create_project("Lighthouse"), "Harbour")
        takes_s = float(least_s), float(most_s)
        order(alice, box, prompts_of(WARM_UP, takes_s, FIRST))
        watch(studio)
        used = time.process_time()
        order(alice, box, prompts_of(int(count), takes_s))
        ticks = watch(studio)
        made = Made(
            cpu_s=time.process_time() - used,
            takes=takes(studio),
            memory_mb=most_memory_mb(os.getpid()),
            ticks_apart_s=[later - sooner for sooner, later in itertools.pairwise(ticks)],
        )
    print(json.dumps(asdict(made)))


if __name__ == "__main__":
    main(*sys.argv[1:])
