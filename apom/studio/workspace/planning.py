"""What is to be made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Unpack
from uuid import UUID

from apom.asking import Table, content_of, id_of
from apom.fields import BoxChanges, BoxFields, ProjectChanges, ProjectFields
from apom.models import Box, BoxKind, Member, Page, Project, Ref, Role, Rows, ShotTable
from apom.studio.workspace.part import Part


class Planning(Part):
    """Projects, who is in them, and their boxes."""

    # projects

    def create_project(self, name: str, **fields: Unpack[ProjectFields]) -> Project:
        """A new project, owned by the actor. Raises Invalid."""
        return self._studio.projects.create(self.actor, name, fields)

    def project(self, project: Ref) -> Project:
        """One project. Raises NotFound."""
        return self._studio.projects.get(self.actor, id_of(project))

    def projects(self, *, archived: bool = False, cursor: str | None = None, limit: int = 100) -> Page[Project]:
        """The actor's projects, the one worked on last first."""
        return self._studio.projects.page(self.actor, archived, cursor, limit)

    def mosaics(self, projects: Sequence[Ref]) -> dict[UUID, list[tuple[str, str | None]]]:
        """Up to four covers of each project's shots: (thumbnail key, placeholder)."""
        return self._studio.projects.mosaics(self.actor, [id_of(p) for p in projects])

    def update_project(self, project: Ref, **changes: Unpack[ProjectChanges]) -> Project:
        """Changes what is named. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.projects.update(self.actor, id_of(project), changes)

    def sound_box(self, project: Ref) -> Box:
        """Where the project's sound lies: the reference box for it, made when there is none. Raises NotFound, NotAllowed."""
        return self._studio.projects.sound_box(self.actor, id_of(project))

    def delete_project(self, project: Ref) -> None:
        """With everything in it, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.projects.delete(self.actor, id_of(project))

    def members(self, project: Ref) -> Rows[Member]:
        """Who is in a project."""
        return Rows(self._studio.projects.members(self.actor, id_of(project)), Member)

    def set_member(self, project: Ref, username: str, role: Role) -> Rows[Member]:
        """Lets somebody in as EDITOR or VIEWER. Raises NotFound, NotAllowed, Invalid."""
        return Rows(self._studio.projects.set_member(self.actor, id_of(project), username, role), Member)

    def remove_member(self, project: Ref, user: Ref) -> None:
        """Somebody leaves. Raises NotFound, NotAllowed, Invalid."""
        self._studio.projects.remove_member(self.actor, id_of(project), id_of(user))

    # boxes

    def create_box(self, project: Ref, name: str, *, kind: BoxKind = BoxKind.SHOT, **fields: Unpack[BoxFields]) -> Box:
        """A new box at the end. Raises NotFound, NotAllowed, Invalid, Conflict."""
        return self._studio.projects.create_boxes(self.actor, id_of(project), [name], kind, fields)[0]

    def create_boxes(self, project: Ref, names: Sequence[str], *, kind: BoxKind = BoxKind.SHOT) -> Rows[Box]:
        """Many boxes at once, all or none. Raises NotFound, NotAllowed, Invalid."""
        return Rows(self._studio.projects.create_boxes(self.actor, id_of(project), list(names), kind, {}), Box)

    def plan_shots(
        self, project: Ref, table: Table, *, update: bool = False, leave_out: Collection[str] = ()
    ) -> ShotTable:
        """What `import_shots` would do with a table, row by row, and what is wrong with it; nothing is stored.

        Raises as `import_shots` does, but for rows that cannot be used: those say it themselves.
        """
        content = content_of(table)
        return self._studio.shot_lists.plan(
            self.actor, id_of(project), content, update=update, leave_out=frozenset(leave_out)
        )

    def import_shots(
        self, project: Ref, table: Table, *, update: bool = False, leave_out: Collection[str] = ()
    ) -> Rows[Box]:
        """Shots from a CSV or XLSX file, or from cells as text in bytes: those that were made or changed; all or none.

        Columns are known by their headings, and those of our own exports are. Shots whose code is here already stay as
        they are unless `update`, which changes what a cell says. `leave_out`: fields that are not read. Raises NotFound,
        NotAllowed, Invalid, TooLarge.
        """
        content = content_of(table)
        made = self._studio.shot_lists.bring_in(
            self.actor, id_of(project), content, update=update, leave_out=frozenset(leave_out)
        )
        return Rows(made, Box)

    def box(self, box: Ref) -> Box:
        """One box. Raises NotFound."""
        return self._studio.projects.box(self.actor, id_of(box))

    def get_project_boxes(self, project: Ref, *, kind: BoxKind | None = None) -> Rows[Box]:
        """The shots in order, then the other boxes by code. Raises NotFound."""
        return Rows(self._studio.projects.boxes(self.actor, id_of(project), kind), Box)

    def update_box(self, box: Ref, **changes: Unpack[BoxChanges]) -> Box:
        """Changes what is named. Raises NotFound, NotAllowed, Invalid, Conflict."""
        return self._studio.projects.update_box(self.actor, id_of(box), changes)

    def delete_box(self, box: Ref) -> None:
        """With every take in it, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.projects.delete_box(self.actor, id_of(box))

    def reorder_boxes(self, project: Ref, order: Sequence[Ref]) -> Rows[Box]:
        """The shots in this order: each exactly once, all or nothing. Raises NotFound, NotAllowed, Conflict."""
        return Rows(self._studio.projects.reorder(self.actor, id_of(project), [id_of(b) for b in order]), Box)

    def move_box(self, box: Ref, steps: int) -> Rows[Box]:
        """A shot `steps` places later, earlier when negative. Raises NotFound, NotAllowed, Invalid."""
        return Rows(self._studio.projects.move(self.actor, id_of(box), steps), Box)
