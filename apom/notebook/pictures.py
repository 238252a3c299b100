"""Stored files for a notebook: as data URIs, because a notebook is moved around, and as files in a folder."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar
from uuid import UUID

from apom.client import RemoteWorkspace
from apom.config import LIMITS
from apom.errors import ApomError, NotFound, Unavailable
from apom.models import Asset, Box, Project, Take
from apom.studio import Workspace

AnyWorkspace: TypeAlias = Workspace | RemoteWorkspace
T = TypeVar("T")


class Pictures:
    """Finds stored files through whoever may see them, up to `most` bytes in all. `left_out`: how many were too much."""

    def __init__(self, workspaces: Iterable[AnyWorkspace], *, most: int = LIMITS.shown_bytes) -> None:
        self._workspaces = tuple(workspaces)
        self._left = most
        self.left_out = 0

    def uri(self, key: str | None) -> str | None:
        """A stored file as a data URI; None for none, for one that is out of reach, and when it would be too much."""
        if key is None:
            return None
        try:
            path, mime = self._ask(lambda workspace: workspace.file(*_address(key)))
            size = path.stat().st_size
            if size > self._left:
                self.left_out += 1
                return None
            self._left -= size
            return f"data:{mime};base64,{base64.b64encode(path.read_bytes()).decode()}"
        except (ApomError, OSError):
            return None

    def prompt(self, take: Take) -> str:
        """The words a take was made from, which lists do not carry; "" when it is out of reach."""
        if isinstance(take, Asset):
            return take.prompt_text
        try:
            return self._ask(lambda workspace: workspace.asset(take).prompt_text)
        except ApomError:
            return ""

    def codes(self, takes: Sequence[Take]) -> dict[UUID, str]:
        """What the shots of these takes are called; left out what is out of reach."""
        return {
            box.id: box.code for project_id in {take.project_id for take in takes} for box in self._boxes(project_id)
        }

    def _boxes(self, project_id: UUID) -> Sequence[Box]:
        try:
            return self._ask(lambda workspace: workspace.get_project_boxes(project_id))
        except ApomError:
            return ()

    def covers(self, projects: Sequence[Project]) -> dict[UUID, list[tuple[str, str | None]]]:
        """Up to four covers of each project's shots: (thumbnail key, placeholder)."""
        try:
            return self._ask(lambda workspace: workspace.mosaics(projects))
        except ApomError:
            return {}

    def save(self, take: Take, folder: Path) -> Path:
        """Copies the original into the folder, under a name that no other take has. Raises NotFound, Unavailable."""
        if take.file_key is None:
            raise NotFound
        asset_id, name = _address(take.file_key)
        path, _ = self._ask(lambda workspace: workspace.file(asset_id, name))
        code = self._ask(lambda workspace: workspace.box(take.box_id).code)
        target = folder / f"{code}-{take.number:03d}-{asset_id[:8]}{path.suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return shutil.copyfile(path, target)
        except OSError as error:
            raise Unavailable("{path} cannot be written: {reason}.", path=target, reason=error.strerror) from error

    def _ask(self, question: Callable[[AnyWorkspace], T]) -> T:
        """The answer of the first one who has one. Raises what the last one raised, NotFound without any."""
        refusal: ApomError = NotFound()
        for workspace in self._workspaces:
            try:
                return question(workspace)
            except ApomError as error:
                refusal = error
        raise refusal


def _address(key: str) -> tuple[str, str]:
    """The take and the name in a storage key, `{env}/a/{asset}/{name}`."""
    asset_id, name = key.split("/a/", 1)[1].split("/", 1)
    return asset_id, name
