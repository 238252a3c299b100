"""What a workspace does by its other methods alone: the same on one here and over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, Unpack
from uuid import UUID

from pydantic import JsonValue

from apom.asking import DEFAULT_IMAGE, id_of
from apom.config import LIMITS
from apom.errors import Invalid
from apom.fields import ProjectChanges
from apom.models import Arriving, Batch, Box, InputRole, Page, Project, Ref, Rights, Rows, Take, Upload, Uploaded
from apom.sending import OnProgress, send
from apom.waiting import OnChange, every, wait


class CanCompose(Protocol):
    """A workspace."""

    def receive(self, box: Ref, upload: Upload, content: Iterable[bytes]) -> Arriving:
        """A piece of a file."""

    def received(self, box: Ref, upload_id: UUID) -> Arriving:
        """How far a file is."""

    def upload(
        self, box: Ref, path: Path | str, *, rights: Rights | None = None, on_progress: OnProgress | None = None
    ) -> Uploaded:
        """A file becomes a take."""

    def generate(
        self,
        box: Ref,
        prompt: str,
        *,
        model: str = DEFAULT_IMAGE,
        params: Mapping[str, JsonValue] | None = None,
        inputs: Sequence[tuple[InputRole, Ref]] = (),
        with_style: bool = True,
    ) -> Rows[Take]:
        """Orders takes."""

    def get_assets(self, assets: Sequence[Ref]) -> Rows[Take]:
        """Takes as they are now."""

    def search_assets(self, *, batch: Ref, cursor: str | None, limit: int) -> Page[Take]:
        """The takes of a batch."""

    def delete_asset(self, asset: Ref) -> None:
        """Deletes a take."""

    def sound_box(self, project: Ref) -> Box:
        """Where sound lies."""

    def update_project(self, project: Ref, **changes: Unpack[ProjectChanges]) -> Project:
        """Changes a project."""


class Composed:
    """What a workspace gains. All of them raise what the methods raise that they are made of."""

    def upload(
        self: CanCompose,
        box: Ref,
        path: Path | str,
        *,
        name: str | None = None,
        rights: Rights | None = None,
        upload_id: UUID | None = None,
        on_progress: OnProgress | None = None,
    ) -> Uploaded:
        """A picture or a clip of one's own becomes a take. The file stays where it is; its prompt and seed are read.

        `name`: how it is shown, if not as the file is called. `upload_id`: the same again is the same take, so that a
        repeated call doubles nothing. `on_progress` hears how many bytes of how many were sent. `twin` of what comes back
        is another take of the project with the very same file. Raises NotFound, NotAllowed, Invalid, TooLarge, BadMedia.
        """
        return send(partial(self.receive, box), partial(self.received, box), path, name, rights, upload_id, on_progress)

    def create_asset(
        self: CanCompose,
        box: Ref,
        prompt: str,
        *,
        model: str = DEFAULT_IMAGE,
        params: Mapping[str, JsonValue] | None = None,
        inputs: Sequence[tuple[InputRole, Ref]] = (),
        with_style: bool = True,
    ) -> Take:
        """One generated take: `generate` with n=1."""
        return self.generate(box, prompt, model=model, params=params, inputs=inputs, with_style=with_style)[0]

    def wait(
        self: CanCompose,
        takes: Sequence[Ref] | Batch,
        *,
        timeout_s: float | None = None,
        on_change: OnChange | None = None,
    ) -> Rows[Take]:
        """The takes once none of them is on its way any more; `on_change` is told all of them after each look.

        Of a batch these are all of its takes that are not in the trash; as long as it is paused, some stay on their way.
        Raises NotFound when one is deleted meanwhile, Unavailable after `timeout_s`: they go on by themselves.
        """
        if isinstance(takes, Batch):
            batch = takes
            its: list[Take] = every(lambda cursor: self.search_assets(batch=batch, cursor=cursor, limit=LIMITS.page))
            takes = its
        return wait(self.get_assets, [id_of(take) for take in takes], timeout_s=timeout_s, on_change=on_change)

    def set_soundtrack(
        self: CanCompose,
        project: Ref,
        path: Path | str | None,
        *,
        rights: Rights | None = None,
        on_progress: OnProgress | None = None,
    ) -> Project:
        """What plays under the cut: a sound file of one's own (MP3, M4A, WAV, FLAC, Ogg); None for nothing.

        A sound that is a take already is set by `update_project(project, soundtrack_asset_id=…)`. Raises as `upload` does.
        """
        if path is None:
            return self.update_project(project, soundtrack_asset_id=None)
        take = self.upload(self.sound_box(project), path, rights=rights, on_progress=on_progress).take
        try:
            return self.update_project(project, soundtrack_asset_id=take.id)
        except Invalid:  # it is no sound
            self.delete_asset(take)
            raise
