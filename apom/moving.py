"""Media from the folder that was the storage into the bucket that is: file by file, while people go on working."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from apom.accounts import need_admin
from apom.errors import ApomError, Conflict, NotFound, Unavailable
from apom.jobs import Jobs, Work
from apom.models import Actor, Job, Record
from apom.words import say

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

KIND = "move"
MOST = 50  # refusals that are kept


class Moved(Record):
    """How far it is. `refused`: files that stayed here, each with the reason."""

    files: int = 0
    bytes: int = 0
    refused: dict[str, str] = Field(default_factory=dict)


class Moving:
    """Orders such a job, and does it."""

    def __init__(self, storage: LocalStorage, jobs: Jobs) -> None:
        self._storage = storage
        self._jobs = jobs
        jobs.declare(KIND, self._move)

    def order(self, actor: Actor) -> Job:
        """Everything that lies in the folder; for an admin. Raises NotAllowed, Conflict without a bucket."""
        need_admin(actor)
        total = sum(stored.bytes for stored in self._before().list())
        return self._jobs.add(actor, KIND, {"total": total})

    def _before(self) -> LocalStorage:
        from apom.media.s3 import S3Storage

        if not isinstance(self._storage, S3Storage) or self._storage.before is None:
            raise Conflict("There is no bucket to move the media to. Set APOM_S3_BUCKET, and start apom anew.")
        return self._storage.before

    def _move(self, work: Work) -> JsonValue:
        """What is in the bucket is gone from the folder: a run that goes on begins with what is left."""
        from apom.media.moving import move
        from apom.media.s3 import S3Storage

        before, storage = self._before(), self._storage
        assert isinstance(storage, S3Storage), "there is one before it"
        done = Moved.model_validate(work.saved)
        refused = dict(done.refused)
        total = max(1, int(str(work.job.request["total"])))
        for stored in list(before.list()):
            work.check()
            if stored.key in refused:
                continue
            try:
                move(before, storage, stored.key)
                done = Moved(files=done.files + 1, bytes=done.bytes + stored.bytes, refused=refused)
            except Unavailable:
                raise
            except NotFound:  # it was deleted meanwhile
                continue
            except ApomError as error:
                if len(refused) >= MOST:
                    raise
                refused[stored.key] = say(error)
                done = done.model_copy(update={"refused": refused})
            work.note(done.bytes / total, done.model_dump(mode="json"))
        return done.model_dump(mode="json")
