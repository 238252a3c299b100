"""What goes on by itself, and what there is room for."""

from __future__ import annotations

from apom.accounts import need_admin
from apom.asking import id_of
from apom.models import Emptied, Job, Page, Ref, RetentionPlan, RetentionRun, Rows, StorageUse, Sweep, Take
from apom.retention import confirmable
from apom.studio.workspace.part import Part


class Upkeep(Part):
    """Long work, storage, and what is cleaned away."""

    # long work

    def jobs(self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 100) -> Page[Job]:
        """The actor's jobs and those of their projects, or of one; newest first. Raises NotFound."""
        return self._studio.jobs.page(self.actor, None if project is None else id_of(project), cursor, limit)

    def job(self, job: Ref) -> Job:
        """One job. Raises NotFound."""
        return self._studio.jobs.get(self.actor, id_of(job))

    def cancel_job(self, job: Ref) -> Job:
        """Stops it for good; what it has done stays. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.jobs.cancel(self.actor, id_of(job))

    def pause_job(self, job: Ref) -> Job:
        """Stops it until it is resumed. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.jobs.pause(self.actor, id_of(job))

    def resume_job(self, job: Ref) -> Job:
        """Goes on where it was; one that failed is tried again. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.jobs.resume(self.actor, id_of(job))

    def rebuild_media(self, project: Ref) -> Job:
        """Thumbnails, previews and what browsers show in place of originals, made anew from a project's originals.

        Raises NotFound, NotAllowed.
        """
        return self._studio.derivatives.rebuild(self.actor, id_of(project))

    def undo_job(self, job: Ref) -> Job:
        """Stops a job that throws away and puts back what it threw away, as a job. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.bulk.undo(self.actor, id_of(job))

    # room

    def storage(self, project: Ref | None = None) -> Rows[StorageUse]:
        """What the actor's projects take up, the largest first; or the boxes of one, in order. Raises NotFound."""
        wanted = None if project is None else id_of(project)
        return Rows(self._studio.retention.use(self.actor, wanted), StorageUse)

    def retention_plan(self, project: Ref | None = None) -> RetentionPlan:
        """What the next cleaning does as of now, in a project or, for an admin, everywhere. Raises NotFound, NotAllowed."""
        return self._studio.retention.plan(self.actor, None if project is None else id_of(project))

    def leaving(self, project: Ref, *, cursor: str | None = None, limit: int = 100) -> Page[Take]:
        """Takes that go to the trash within three days, the first to go first; `leaves_at` says when. Raises NotFound."""
        return self._studio.retention.leaving(self.actor, id_of(project), cursor, limit)

    def run_retention(self, *, confirmed: bool = False) -> RetentionRun:
        """Cleans now, for an admin: announces, throws away, purges. `confirmed`: where a person has to look first.

        Raises NotAllowed, Conflict with the reason where it has to be confirmed.
        """
        return confirmable(self._studio.retention.run(need_admin(self.actor), confirmed=confirmed))

    def retention_runs(self) -> Rows[RetentionRun]:
        """What the last cleanings did, newest first. Raises NotAllowed."""
        return Rows(self._studio.retention.runs(self.actor), RetentionRun)

    def empty_trash(self, project: Ref) -> Emptied:
        """The files of what lies in a project's trash go for good; the owner says so. Recipes and thumbnails stay.

        What a published round shows, what has a verdict, and what another take was made from stays. Raises NotFound,
        NotAllowed.
        """
        return self._studio.retention.empty_trash(self.actor, id_of(project))

    def move_media(self) -> Job:
        """Media from the folder that was the storage into the bucket, each file checked there; for an admin.

        Raises NotAllowed, Conflict without a bucket.
        """
        return self._studio.moving.order(self.actor)

    def sweep(self, *, only_look: bool = False, confirmed: bool = False) -> Sweep:
        """Looks for files without a row, removes them, and marks takes whose files cannot be found; for an admin.

        Nothing is removed with `only_look`, nor when it is suspiciously much and nobody has `confirmed` it. Raises
        NotAllowed, Unavailable.
        """
        return self._studio.sweeps.run(need_admin(self.actor), only_look=only_look, confirmed=confirmed)

    def sweeps(self) -> Rows[Sweep]:
        """What it found lately, newest first. Raises NotAllowed."""
        need_admin(self.actor)
        return Rows(self._studio.sweeps.recent(), Sweep)
