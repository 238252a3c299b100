"""What is made from originals: a clip that browsers play where they cannot play the original, made after it has arrived;
and everything made anew, when what makes it has become better or something was lost.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import Field, JsonValue

from apom import words
from apom.errors import ApomError, NotFound
from apom.events import Hub
from apom.jobs import Jobs, Work
from apom.models import Actor, Event, Job, Record, Role
from apom.projects import need
from apom.store import Store, derivatives

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

log = logging.getLogger("apom.derivatives")
PROXY, REBUILD = "proxy", "rebuild"
LOOK_S = 5.0
AT_ONCE = 20  # clips that jobs are ordered for at a look


class Rebuilt(Record):
    """How far a rebuilding is. `refused`: how many originals could not be read, by the sentence that says why."""

    at: UUID | None = Field(None, description="the last take that was looked at")
    made: int = 0
    refused: dict[str, int] = Field(default_factory=dict)


class Derivatives:
    """Orders such jobs, and does them."""

    def __init__(
        self, store: Store, storage: LocalStorage, env: str, hub: Hub, clock: Callable[[], datetime], jobs: Jobs
    ) -> None:
        self._store = store
        self._storage = storage
        self._env = env
        self._hub = hub
        self._clock = clock
        self._jobs = jobs
        jobs.declare(PROXY, self._make_proxy)
        jobs.declare(REBUILD, self._rebuild)

    async def look(self, _: object) -> None:
        """A chore of the engine: a job is ordered for each new clip that browsers cannot play. Raises nothing."""
        try:
            await asyncio.to_thread(self.order_proxies)
        except ApomError:
            log.warning("clips that browsers cannot play could not be looked up; they are later", exc_info=True)
        except Exception:
            log.exception("clips that browsers cannot play could not be looked up; they are later")

    def order_proxies(self) -> None:
        """The same, for who has no loop. Ordered twice, after a crash, it is made twice and is the same."""
        with self._store.read() as tx:
            waiting = derivatives.waiting(tx, AT_ONCE)
        for take in waiting:
            actor = Actor(user_id=take.created_by, username="")
            self._jobs.add(actor, PROXY, {"asset_id": str(take.id)}, project_id=take.project_id)
            with self._store.write() as tx:
                derivatives.take_up(tx, take.id)

    def rebuild(self, actor: Actor, project_id: UUID) -> Job:
        """Thumbnails, previews and proxies of a project's takes anew. Raises NotFound, NotAllowed."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            total = derivatives.count(tx, project_id)
        return self._jobs.add(actor, REBUILD, {"total": total}, project_id=project_id)

    def _make_proxy(self, work: Work) -> JsonValue:
        asset_id = UUID(str(work.job.request["asset_id"]))
        with self._store.read() as tx:
            take = derivatives.get(tx, asset_id)
        if take is None:
            raise NotFound
        self._write_proxy(take, work.note)
        return None

    def _write_proxy(self, take: derivatives.Original, on_progress: Callable[[float], None]) -> None:
        from apom.media.arrive import put_small
        from apom.media.proxies import write_proxy

        with self._storage.temp(".mp4") as path:
            write_proxy(self._storage.path(take.file_key), path, on_progress)
            key = put_small(self._storage, path, "proxy", env=self._env, asset_id=take.id)
        self._set(take, {"proxy_key": key, "needs_proxy": False})

    def _rebuild(self, work: Work) -> JsonValue:
        """Take by take, by id: what a killed process has done is not done again."""
        done = Rebuilt.model_validate(work.job.result or {})
        total = max(1, int(str(work.job.request["total"])))
        assert work.job.project_id is not None, "it was ordered for one"
        while True:
            work.check()
            with self._store.read() as tx:
                take = derivatives.after(tx, work.job.project_id, done.at)
            if take is None:
                return done.model_dump(mode="json")
            refused = dict(done.refused)
            try:
                self._remake(work, take)
            except ApomError as error:
                why = words.say(error)
                refused[why] = refused.get(why, 0) + 1
            made = done.made + (refused == done.refused)
            done = Rebuilt(at=take.id, made=made, refused=refused)
            work.note((made + sum(refused.values())) / total, done.model_dump(mode="json"))

    def _remake(self, work: Work, take: derivatives.Original) -> None:
        """The small ones first, put beside the old ones; then the row, then the old ones go."""
        from apom.media.arrive import arrive, put_small

        with self._storage.temp() as folder:
            folder.mkdir()
            with tempfile.TemporaryDirectory(dir=folder) as made:
                arrival = arrive(self._storage.path(take.file_key), Path(made))
                small = {"thumb": arrival.thumb, "preview": arrival.preview, "proxy": arrival.proxy}
                file: dict[str, Any] = {
                    f"{variant}_key": put_small(self._storage, path, variant, env=self._env, asset_id=take.id)
                    for variant, path in small.items()
                    if path is not None
                }
        self._set(take, {"placeholder": arrival.placeholder, "preview_key": None, "needs_proxy": False, **file})
        if arrival.needs_proxy:
            self._write_proxy(take, lambda _: work.check())

    def _set(self, take: derivatives.Original, file: dict[str, Any]) -> None:
        """Keys into the row; the files that no row names any more go. What was deleted meanwhile takes all of them along."""
        with self._store.write() as tx:
            before = derivatives.keys(tx, take.id)
            is_there = derivatives.set_made(tx, take.id, file, self._clock())
            after = derivatives.keys(tx, take.id) if is_there else set()
        self._storage.drop(*(before | {key for name, key in file.items() if name.endswith("_key") and key}) - after)
        if is_there:
            event = Event(type="assets_changed", project_id=take.project_id, box_id=take.box_id, asset_ids=(take.id,))
            self._hub.publish(event)
