"""Project archives that people bring: in pieces, and then a job that makes a project of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from pydantic import JsonValue

from apom.config import LIMITS
from apom.errors import Conflict, Invalid, TooLarge, Unavailable
from apom.export.bringing import Bringing
from apom.export.unpacking import Archive
from apom.jobs import Jobs, Stopped, Work
from apom.models import Actor, ArchiveArriving, Project
from apom.store import Store, Tx, archiving, migrations, users
from apom.uploads import check_room
from apom.words import language

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

log = logging.getLogger("apom.export")
KIND = "import"
LATEST = 500


class Archives:
    """Brings projects in. `folder`: where archives lie that are not whole yet, or wait for their turn."""

    def __init__(
        self, store: Store, storage: LocalStorage, env: str, folder: Path, jobs: Jobs, clock: Callable[[], datetime]
    ) -> None:
        from apom.media.parts import Parts

        self._store = store
        self._storage = storage
        self._env = env
        self._folder = folder
        self._parts = Parts(folder)
        self._jobs = jobs
        self._clock = clock
        jobs.declare(KIND, self._act)

    def bring(self, actor: Actor, path: Path, progress: Callable[[float], None] = lambda share: None) -> Project:
        """The project of the archive at `path`, here. Raises Invalid, TooLarge, Conflict, Unavailable."""
        try:
            with path.open("rb") as file:
                _check_head(file.read(4))
        except OSError as error:
            raise Invalid(
                "{path} cannot be read: {reason}.", field="path", path=path, reason=error.strerror or error
            ) from error
        return self._bring(actor, path, uuid4(), progress, lambda tx, project_id: None)

    def receive(
        self, actor: Actor, upload_id: UUID, size: int, offset: int, content: Iterable[bytes]
    ) -> ArchiveArriving:
        """Adds a piece of an archive; once it is whole, a job brings it in. The same id again is the same archive.

        Raises Invalid, Conflict, TooLarge, Unavailable.
        """
        found = self.received(actor, upload_id)
        if found.job is not None:
            return found
        if not 0 <= offset <= size:
            raise Invalid("The file has {size} bytes. Begin within it.", field="offset", size=size)
        if size > LIMITS.archive_bytes:
            raise TooLarge("The archive has more than {most} GB.", most=LIMITS.archive_bytes // 1024**3)
        self._jobs.check_queue(actor, KIND)
        part = _part(actor, upload_id)
        with self._store.read() as tx:
            check_room(tx, actor, size + self._parts.held(f"{actor.user_id}.") - self._parts.size(part))
        try:
            here = self._parts.write(part, offset, content, _judge(size))
        except OSError as error:
            raise Unavailable(
                "The file cannot be stored here: {reason}. Nothing is lost: try again.", reason=error.strerror or error
            ) from error
        if here < size:
            return ArchiveArriving(bytes=here)
        self._parts.hand_over(part, self._whole(part), here)
        return ArchiveArriving(bytes=here, job=self._jobs.add(actor, KIND, {"upload": str(upload_id), "file": part}))

    def received(self, actor: Actor, upload_id: UUID) -> ArchiveArriving:
        """How far an archive is on its way, and the job that brings it in once it is here."""
        latest = self._jobs.page(actor, None, None, LATEST).items
        mine = (job for job in latest if job.kind == KIND and job.created_by == actor.user_id)
        job = next((job for job in mine if job.request.get("upload") == str(upload_id)), None)
        return ArchiveArriving(bytes=self._parts.size(_part(actor, upload_id)), job=job)

    async def look(self, _: object) -> None:
        """A chore of the engine: archives that broke off, or could not be brought in, go after a day. Raises nothing."""
        try:
            await asyncio.to_thread(self.tidy)
        except OSError:
            log.warning("old archives could not be cleared away; they are later", exc_info=True)

    def tidy(self) -> int:
        """The same, for who has no loop; how many."""
        age = timedelta(hours=LIMITS.kept_piece_hours)
        before = (self._clock() - age).timestamp()
        whole = list(self._folder.glob("*.zip")) if self._folder.is_dir() else []
        old = [path for path in whole if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old) + self._parts.sweep(age, self._clock())

    def _whole(self, part: str) -> Path:
        return self._folder / f"{part}.zip"

    def _act(self, work: Work) -> JsonValue:
        """A job. Begun anew after a stop it comes upon the same ids; the rows and its end are one transaction."""
        if "project_id" in work.saved:
            return work.saved
        with self._store.read() as tx:
            user = users.get(tx, work.job.created_by)
        if user is None or not user.is_active:
            raise Conflict("The account that ordered this has ended.")
        actor = Actor(user_id=user.id, username=user.username, is_admin=user.is_admin, language=user.language)
        path = self._whole(str(work.job.request["file"]))
        if not path.is_file():
            raise Conflict("The archive was cleared away. Send it again.")

        def done(tx: Tx, project_id: UUID) -> None:
            work.note_in(tx, 1.0, {"project_id": str(project_id)})

        try:
            project = self._bring(actor, path, work.job.id, work.note, done)
        except (Stopped, Unavailable):
            raise
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        path.unlink(missing_ok=True)
        return {"project_id": str(project.id), "name": project.name}

    def _bring(
        self,
        actor: Actor,
        path: Path,
        seed: UUID,
        progress: Callable[[float], None],
        done: Callable[[Tx, UUID], None],
    ) -> Project:
        token = language.set(actor.language)
        try:
            with self._store.read() as tx:
                schema, columns = migrations.version(tx), archiving.columns(tx)
            with closing(Archive(path, schema)) as archive:
                bringing = Bringing(self._store, self._storage, self._env, actor, archive, columns, seed, self._clock())
                return bringing.run(progress, done)
        except OSError as error:
            raise Unavailable(
                "The archive cannot be stored here: {reason}. Nothing was brought in.", reason=error.strerror or error
            ) from error
        finally:
            language.reset(token)


def _part(actor: Actor, upload_id: UUID) -> str:
    return f"{actor.user_id}.{upload_id}"


def _check_head(head: bytes) -> None:
    if not head or head[:4] != b"PK\3\4"[: len(head)]:
        raise Invalid("This is not a project archive of apom. Choose a file that was exported as one.", field="file")


def _judge(size: int) -> Callable[[bytes, int], None]:
    """Refuses an archive while it comes."""

    def judge(head: bytes, here: int) -> None:
        if here > size:
            raise Invalid("More bytes came than were announced. Send the file anew.", field="size")
        _check_head(head)

    return judge
