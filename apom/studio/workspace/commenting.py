"""What is said about takes."""

from __future__ import annotations

from collections.abc import Sequence

from apom.asking import id_of
from apom.models import Comment, InboxItem, Opinion, Page, Ref, Region, Rows, Unread, Verdict, Visibility
from apom.studio.workspace.part import Part


class Commenting(Part):
    """Comments and verdicts, and the inbox of those of others."""

    def comments(
        self,
        *,
        project: Ref | None = None,
        box: Ref | None = None,
        asset: Ref | None = None,
        unresolved: bool = False,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Comment]:
        """What was said about a take, a shot or in a project, newest first. Raises NotFound, Invalid."""
        return self._studio.comments.page(
            self.actor,
            project_id=None if project is None else id_of(project),
            box_id=None if box is None else id_of(box),
            asset_id=None if asset is None else id_of(asset),
            unresolved=unresolved,
            cursor=cursor,
            limit=limit,
        )

    def add_comment(
        self,
        asset: Ref,
        text: str,
        *,
        visibility: Visibility = Visibility.INTERNAL,
        region: Region | None = None,
        timecode_s: float | None = None,
        end_s: float | None = None,
        answers: Ref | None = None,
    ) -> Comment:
        """Says something about a take. Nobody behind a link reads it unless `visibility` is CLIENT.

        `answers`: the comment it answers, about the same take. Raises NotFound, NotAllowed, Invalid.
        """
        fields = {"text": text, "region": region, "timecode_s": timecode_s, "end_s": end_s}
        parent = None if answers is None else id_of(answers)
        return self._studio.comments.add(self.actor, id_of(asset), fields, visibility, parent)

    def edit_comment(self, comment: Ref, text: str) -> Comment:
        """Other words for one's own comment. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.comments.edit(self.actor, id_of(comment), text)

    def delete_comment(self, comment: Ref) -> None:
        """A comment with its answers: an editor any, others their own while nobody has answered.

        Raises NotFound, NotAllowed, Conflict.
        """
        self._studio.comments.delete(self.actor, id_of(comment))

    def mark_comments(
        self,
        items: Sequence[Ref],
        *,
        is_read: bool | None = None,
        is_resolved: bool | None = None,
        is_hidden: bool | None = None,
    ) -> Rows[InboxItem]:
        """Comments and verdicts read or not, comments resolved or not, or hidden from those behind links; all or none.

        None leaves a thing as it is, what is not there is left out. Raises NotAllowed, Invalid for too many.
        """
        ids = [id_of(item) for item in items]
        marked = self._studio.comments.mark(
            self.actor, ids, is_read=is_read, is_resolved=is_resolved, is_hidden=is_hidden
        )
        return Rows(marked, InboxItem)

    def give_verdict(self, box: Ref, verdict: Opinion) -> Verdict:
        """One's own word about the take that the last round shows of a shot. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.comments.judge(self.actor, id_of(box), verdict)

    def verdicts(self, project: Ref, *, box: Ref | None = None) -> Rows[Verdict]:
        """What was decided in a project, or about a shot of it, newest first. Raises NotFound."""
        found = self._studio.comments.verdicts(self.actor, id_of(project), None if box is None else id_of(box))
        return Rows(found, Verdict)

    def inbox(
        self,
        *,
        project: Ref | None = None,
        is_read: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[InboxItem]:
        """Comments and verdicts of others, across one's projects or in one of them, newest first. Raises NotFound, Invalid."""
        wanted = None if project is None else id_of(project)
        return self._studio.comments.inbox(self.actor, project_id=wanted, is_read=is_read, cursor=cursor, limit=limit)

    def unread(self) -> Rows[Unread]:
        """How much of each project nobody has read, where there is something."""
        return Rows(self._studio.comments.unread(self.actor), Unread)
