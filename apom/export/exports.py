"""Who may take what out of the house: at once, or as a job whose file is kept for some days."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import JsonValue

from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotFound
from apom.export import bundle
from apom.export.formats import FORMATS, Format, named
from apom.export.room import Progress, Room
from apom.jobs import Jobs, Work, ordered_by
from apom.models import Actor, Exported, ExportFormat, Job, JobState, Json, Record
from apom.money import Money
from apom.names import called
from apom.projects import need
from apom.store import Store, exporting
from apom.turns import Turns
from apom.words import N_, language

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

log = logging.getLogger("apom.export")
KIND = "export"
TIDY_S = 3600.0
BUSY = N_("Too many files are being made at this moment. Try again in {seconds} s.")
OF_ONE = 2  # files that are made for one person at once
ASK_S = 2.0  # how often a right is asked again while a file is written


class Order(Record):
    """What a job of this kind is asked to make."""

    format: str
    choices: Json


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file that is made while it is sent. `remarks`: what is known to be missing before it begins."""

    name: str
    remarks: Sequence[str]
    chunks: Iterator[bytes]


class Exports:
    """Everything of one project that leaves, for who may have it. `folder`: where files of jobs wait to be fetched."""

    def __init__(
        self,
        store: Store,
        storage: LocalStorage,
        money: Money,
        jobs: Jobs,
        folder: Path,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._storage = storage
        self._money = money
        self._jobs = jobs
        self._folder = folder
        self._clock = clock
        self._made = Turns(LIMITS.exports_at_once, OF_ONE, BUSY)
        self.sent = Turns(LIMITS.zips_at_once, LIMITS.zips_at_once // 4, BUSY)
        jobs.declare(KIND, self._make)

    def formats(self, actor: Actor) -> tuple[ExportFormat, ...]:
        """What there is, with what one may choose and what this person chose last."""
        with self._store.read() as tx:
            chosen = exporting.choices(tx, actor.user_id)
        return tuple(
            ExportFormat(
                name=name,
                title=format.title,
                about=format.about,
                icon=format.icon,
                ext=format.ext,
                is_long=format.is_long,
                choices=format.choice.model_json_schema()["properties"],
                chosen=chosen.get(name, {}),
            )
            for name, format in FORMATS.items()
        )

    def remember(self, actor: Actor, name: str, choices: Mapping[str, object]) -> None:
        """What a person chose, for the next time. Raises Invalid."""
        format = named(name)
        checked = format.check(choices).model_dump(mode="json", exclude=format.secrets)
        with self._store.write() as tx:
            exporting.remember(tx, actor.user_id, name, checked, self._clock())

    def write(self, actor: Actor, project_id: UUID, name: str, path: Path, choices: Mapping[str, object]) -> Exported:
        """The file at `path`, now. Raises NotFound, NotAllowed, Invalid, Conflict, TooMany, OSError."""
        format = named(name)
        choice = format.check(choices)
        room = self._room(actor, project_id, format, choice)
        with speaking(actor), self._made.taken(actor.user_id):
            remarks = tuple(format.write(room, choice, path, lambda share: None))
        name = _called(room, format, choice)
        return Exported(path=path, name=name, mime=format.mime, bytes=path.stat().st_size, remarks=remarks)

    def stream(self, actor: Actor, project_id: UUID, choices: Mapping[str, object]) -> Sent:
        """Takes as a ZIP that is made while it is sent. Whether its person may have it is asked again on the way.

        Raises NotFound, NotAllowed, Invalid, TooMany; the chunks raise when it cannot go on.
        """
        format = named("zip")
        choice = format.check(choices)
        assert isinstance(choice, bundle.ZipChoice), "what the format says"
        room = self._room(actor, project_id, format, choice)
        ask = every_now_and_then(lambda: self._room(actor, project_id, format, choice))
        with speaking(actor):
            found = bundle.opened(room, choice, lambda share: ask())
            name = _called(room, format, choice)
        return Sent(
            name=name, remarks=found.remarks, chunks=self.sent.during(actor.user_id, _spoken(actor, found.chunks))
        )

    def order(self, actor: Actor, project_id: UUID, name: str, choices: Mapping[str, object]) -> Job:
        """The same as a job. Raises NotFound, NotAllowed, Invalid, Conflict for too many."""
        format = named(name)
        choice = format.check(choices)
        self._room(actor, project_id, format, choice)
        self._jobs.check_queue(actor, KIND)
        if any(getattr(choice, secret) for secret in format.secrets):
            raise Invalid("A review link is kept nowhere: make the document at once, and not as a job.")
        order = Order(format=name, choices=choice.model_dump(mode="json"))
        return self._jobs.add(actor, KIND, order.model_dump(mode="json"), project_id=project_id)

    def file(self, actor: Actor, job_id: UUID) -> Exported:
        """What a job has made, for who ordered it and may still have it. Raises NotFound, NotAllowed, Conflict."""
        job = self._jobs.get(actor, job_id)
        if job.kind != KIND or job.created_by != actor.user_id or job.project_id is None:
            raise NotFound
        order = Order.model_validate(job.request)
        format = named(order.format)
        self._room(actor, job.project_id, format, format.check(order.choices))
        if job.state is not JobState.DONE:
            raise Conflict("The file is not ready yet. Look at the job: it says how far it is, or what went wrong.")
        path = self._path(job.id, format)
        if not path.is_file():
            raise Conflict(
                "The file was cleared away: it waits for {days} days, for less when others need the room. Export it anew.",
                days=LIMITS.export_days,
            )
        result = job.result if isinstance(job.result, dict) else {}
        kept = {name: result[name] for name in ("name", "bytes", "remarks") if name in result}
        return Exported.model_validate({**kept, "path": path, "mime": format.mime})

    async def look(self, _: object) -> None:
        """A chore of the engine: files that nobody fetches any more go. Raises nothing."""
        try:
            await asyncio.to_thread(self.tidy)
        except Exception:
            log.exception("old exports could not be cleared away; they are later")

    def tidy(self) -> int:
        """The same, for who has no loop; how many. A file is a copy of what the project holds still."""
        before = (self._clock() - timedelta(days=LIMITS.export_days)).timestamp()
        room, gone = LIMITS.exports_bytes, 0
        newest_first = sorted(self._kept(), key=lambda each: each[1], reverse=True)
        for n, (path, made, size, is_ready) in enumerate(newest_first):
            room -= size
            if made < before or (room < 0 and n and is_ready):
                shutil.rmtree(path, ignore_errors=True)
                gone += 1
        return gone

    def _kept(self) -> Iterator[tuple[Path, float, int, bool]]:
        """Of each: its folder, when it was made, its bytes, and whether it is ready: else somebody may be at work on it."""
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            paths = list(folder.iterdir())
            facts = [path.stat() for path in paths] or [folder.stat()]
            is_ready = any(path.stem == "export" and path.suffix != ".part" for path in paths)
            yield folder, max(each.st_mtime for each in facts), sum(each.st_size for each in facts), is_ready

    def _room(self, actor: Actor, project_id: UUID, format: Format, choice: Record) -> Room:
        """Raises NotFound, NotAllowed."""
        with self._store.read() as tx:
            need(tx, actor, project_id, format.least(choice))
        return Room(
            store=self._store,
            storage=self._storage,
            money=self._money,
            actor=actor,
            project_id=project_id,
            now=self._clock(),
        )

    def _make(self, work: Work) -> JsonValue:
        """Begun anew after a stop: a file that was half written is written over."""
        order = Order.model_validate(work.job.request)
        format = named(order.format)
        choice = format.check(order.choices)
        with self._store.read() as tx:
            actor = ordered_by(tx, work.job)
        assert work.job.project_id is not None, "every export is of a project"
        room = replace(self._room(actor, work.job.project_id, format, choice), job_id=work.job.id)
        path = self._path(work.job.id, format)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        try:
            with speaking(actor):
                remarks = tuple(format.write(room, choice, part, self._progress(work, room, format, choice)))
            part.replace(path)
            size = path.stat().st_size
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        with suppress(OSError):  # another thread tidied the same; the chore does it later
            self.tidy()
        told = dict(format.told(room, choice))
        name = _called(room, format, choice, told.get("number"))
        return {"name": name, "bytes": size, "remarks": list(remarks), **told}

    def _progress(self, work: Work, room: Room, format: Format, choice: Record) -> Progress:
        """Notes how far it is, and asks again whether its person may have it still."""
        ask = every_now_and_then(lambda: self._room(room.actor, room.project_id, format, choice))

        def note(share: float) -> None:
            work.note(share)
            ask()

        return note

    def _path(self, job_id: UUID, format: Format) -> Path:
        return self._folder / str(job_id) / f"export.{format.ext}"


def every_now_and_then(ask: Callable[[], object]) -> Callable[[], None]:
    """`ask`, but no oftener than every `ASK_S` seconds."""
    asked = time.monotonic()

    def again() -> None:
        nonlocal asked
        if time.monotonic() - asked > ASK_S:
            asked = time.monotonic()
            ask()

    return again


def _spoken(actor: Actor, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Each chunk is made in the reader's language, in whatever thread it is asked for."""
    while True:
        with speaking(actor):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


@contextmanager
def speaking(actor: Actor) -> Iterator[None]:
    """What is written in here is in the reader's language."""
    token = language.set(actor.language)
    try:
        yield
    finally:
        language.reset(token)


def _called(room: Room, format: Format, choice: Any, number: int | None = None) -> str:
    parts = (room.project().name, format.suffix(choice), "" if number is None else str(number))
    return called(" ".join(filter(None, parts)), format.ext)
