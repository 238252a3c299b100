"""What leaves the house, and comes back as a whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from pydantic import JsonValue

from apom.asking import id_of
from apom.models import ArchiveArriving, Exported, ExportFormat, Job, Project, Ref, Rows
from apom.studio.workspace.part import Part


class Delivering(Part):
    """Downloads, exports and archives."""

    def download(self, asset: Ref, path: Path, *, metadata: bool = False) -> Exported:
        """A take's original at `path`, or under its name in that folder; no pixel of it is changed.

        `metadata`: with prompt, model and seed in it, and whatever it said when it came, for who may edit; else clean.
        Raises NotFound, NotAllowed, BadMedia, OSError.
        """
        return self._studio.downloads.write(self.actor, id_of(asset), path, metadata=metadata)

    def export_formats(self) -> Rows[ExportFormat]:
        """What a project can leave as, what one may choose in each, and what one chose last."""
        return Rows(self._studio.exports.formats(self.actor), ExportFormat)

    def export(self, project: Ref, format: str, path: Path, **choices: JsonValue) -> Exported:
        """A project in one of the formats, written to `path` before it returns. What is missing is said in the answer.

        Raises NotFound, NotAllowed, Invalid, Conflict, OSError.
        """
        return self._studio.exports.write(self.actor, id_of(project), format, path, choices)

    def order_export(self, project: Ref, format: str, **choices: JsonValue) -> Job:
        """The same as a job; `export_file` fetches what it made. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.exports.order(self.actor, id_of(project), format, choices)

    def export_file(self, job: Ref, path: Path | None = None) -> Exported:
        """What a job made, for who ordered it, copied to `path`; without one where it lies, until it is cleared away.

        Raises NotFound, NotAllowed, Conflict, OSError.
        """
        made = self._studio.exports.file(self.actor, id_of(job))
        if path is None:
            return made
        shutil.copyfile(made.path, path)
        return made.model_copy(update={"path": path})

    def remember_export(self, format: str, **choices: JsonValue) -> None:
        """What one chose, for the next time. Raises Invalid."""
        self._studio.exports.remember(self.actor, format, choices)

    # archives

    def import_archive(self, path: Path | str) -> Project:
        """The project of an archive, here, the actor its owner; again it is a second copy. All of it, or nothing.

        What was under way when it was archived arrives as stopped. Raises Invalid, TooLarge, Conflict, Unavailable.
        """
        return self._studio.archives.bring(self.actor, Path(path))

    def receive_archive(
        self, upload_id: UUID, content: Iterable[bytes], *, size: int, offset: int = 0
    ) -> ArchiveArriving:
        """A piece of an archive of `size` bytes, or all of it; once it is whole a job brings it in. See `receive`.

        Raises Invalid, Conflict, TooLarge, Unavailable.
        """
        return self._studio.archives.receive(self.actor, upload_id, size, offset, content)

    def archive_received(self, upload_id: UUID) -> ArchiveArriving:
        """How far an archive is on its way, and the job that brings it in."""
        return self._studio.archives.received(self.actor, upload_id)
