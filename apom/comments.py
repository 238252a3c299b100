"""What members say about takes, to each other and to clients, and their inbox of what others said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.assets import need_take
from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotAllowed, NotFound
from apom.events import Hub
from apom.fields import CommentFields, check
from apom.models import (
    Actor,
    AssetType,
    Comment,
    Event,
    InboxItem,
    Opinion,
    Page,
    Role,
    Unread,
    Verdict,
    Visibility,
    new_id,
)
from apom.projects import RANK, need, need_box
from apom.store import Store, Tx, comments, inbox, projects, sharing, verdicts

ENDS_LATE_S = 0.5  # the end of a clip is not known better than that


def check_comment(fields: Mapping[str, object], kind: AssetType, duration_s: float | None) -> dict[str, Any]:
    """What a comment says, and whether a take of that kind has the moment it points to. Raises Invalid."""
    said = check(CommentFields, fields)
    at, end = said.get("timecode_s"), said.get("end_s")
    if at is not None and kind is not AssetType.VIDEO:
        raise Invalid("A picture has no moments: leave the time out.", field="timecode_s")
    if end is not None and (at is None or end <= at):
        raise Invalid("A range ends after it begins.", field="end_s")
    last = end if end is not None else at
    if last is not None and duration_s is not None and last > duration_s + ENDS_LATE_S:
        raise Invalid("The clip is only {seconds} s long.", field="timecode_s", seconds=round(duration_s, 2))
    return said


def told(comment: Comment) -> Event:
    """What happened to a comment, for those who may read it."""
    return Event(
        type="comment",
        project_id=comment.project_id,
        box_id=comment.box_id,
        asset_id=comment.asset_id,
        comment_id=comment.id,
        visibility=comment.visibility,
    )


class Comments:
    """Read, write, mark. What goes out through links is `apom.reviewing`."""

    def __init__(self, store: Store, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock

    def page(
        self,
        actor: Actor,
        *,
        project_id: UUID | None,
        box_id: UUID | None,
        asset_id: UUID | None,
        unresolved: bool,
        cursor: str | None,
        limit: int,
    ) -> Page[Comment]:
        """What was said in a project, about a box or a take, newest first. Raises NotFound, Invalid for none of them."""
        with self._store.read() as tx:
            if asset_id is not None:
                project_id = need_take(tx, actor, asset_id, Role.VIEWER, even_trashed=True).project_id
            elif box_id is not None:
                project_id = need_box(tx, actor, box_id, Role.VIEWER).project_id
            elif project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            else:
                raise Invalid("Say of which project, shot or take.", field="project_id")
            return comments.page(
                tx,
                actor.user_id,
                project_id=project_id,
                box_id=box_id,
                asset_id=asset_id,
                unresolved=unresolved,
                cursor=cursor,
                limit=limit,
            )

    def add(
        self,
        actor: Actor,
        asset_id: UUID,
        fields: Mapping[str, object],
        visibility: Visibility,
        parent_id: UUID | None,
    ) -> Comment:
        """A member's comment. Raises NotFound, NotAllowed, Invalid."""
        with self._store.write() as tx:
            take = need_take(tx, actor, asset_id, Role.VIEWER)
            self._may_tell(tx, actor, take.project_id, visibility)
            said = check_comment(fields, take.asset_type, take.duration_s)
            root = self._root(tx, actor, parent_id, asset_id, visibility)
            now = self._clock()
            id = new_id()
            comment = Comment(
                id=id,
                project_id=take.project_id,
                box_id=take.box_id,
                box_code="",
                box_name="",
                asset_id=asset_id,
                round_id=root.round_id if root else sharing.last_with(tx, asset_id),
                user_id=actor.user_id,
                parent_comment_id=root.id if root else None,
                author_name=actor.username,
                visibility=visibility,
                created_at=now,
                updated_at=now,
                **said,
            )
            comments.insert(tx, comment)
            projects.touch(tx, take.project_id, now)
            found = comments.get(tx, actor.user_id, id)
        assert found is not None, "it was written a moment ago"
        self._hub.publish(told(found))
        return found

    @staticmethod
    def _may_tell(tx: Tx, actor: Actor, project_id: UUID, visibility: Visibility) -> None:
        if visibility is Visibility.CLIENT and RANK[need(tx, actor, project_id, Role.VIEWER)] < RANK[Role.EDITOR]:
            raise NotAllowed("You may comment for the people of this project. Only editors speak to clients.")

    @staticmethod
    def _root(tx: Tx, actor: Actor, parent_id: UUID | None, asset_id: UUID, visibility: Visibility) -> Comment | None:
        """The first comment of the thread that is answered."""
        if parent_id is None:
            return None
        parent = comments.get(tx, actor.user_id, parent_id)
        if parent is None or parent.asset_id != asset_id:
            raise Invalid("What you answer is no longer there.", field="parent_comment_id")
        root = comments.get(tx, actor.user_id, parent.parent_comment_id) if parent.parent_comment_id else parent
        assert root is not None, "an answer is deleted with what it answers"
        if visibility is Visibility.CLIENT and Visibility.INTERNAL in (root.visibility, parent.visibility):
            raise Invalid("Clients do not see what you answer, so they cannot see the answer.", field="visibility")
        return root

    def edit(self, actor: Actor, comment_id: UUID, text: str) -> Comment:
        """Other words for one's own comment. Raises NotFound, NotAllowed, Invalid."""
        with self._store.write() as tx:
            comment = self._need(tx, actor, comment_id)
            if comment.user_id != actor.user_id:
                raise NotAllowed("Only who wrote a comment can change it.")
            words = check(CommentFields, {"text": text})["text"]
            comments.set_text(tx, comment_id, words, self._clock())
            comment = self._need(tx, actor, comment_id)
        self._hub.publish(told(comment))
        return comment

    def delete(self, actor: Actor, comment_id: UUID) -> None:
        """A comment with its answers: an editor any, others their own while nobody has answered.

        Raises NotFound, NotAllowed, Conflict.
        """
        with self._store.write() as tx:
            comment = self._need(tx, actor, comment_id)
            if comment.user_id != actor.user_id:
                need(tx, actor, comment.project_id, Role.EDITOR)
            elif RANK[need(tx, actor, comment.project_id, Role.VIEWER)] < RANK[Role.EDITOR]:
                unanswered(tx, comment_id)
            comments.delete(tx, comment_id)
        self._hub.publish(told(comment))

    def mark(
        self,
        actor: Actor,
        ids: Sequence[UUID],
        *,
        is_read: bool | None,
        is_resolved: bool | None,
        is_hidden: bool | None,
    ) -> tuple[InboxItem, ...]:
        """Comments, and verdicts as far as `is_read` goes, as they are then; what is not there is left out.

        All of them, or none when one of their projects is only looked at. Raises NotAllowed, Invalid for too many.
        """
        if len(ids) > LIMITS.marks:
            raise Invalid("At most {most} at once.", most=LIMITS.marks)
        with self._store.write() as tx:
            items = inbox.several(tx, actor.user_id, ids)
            for project_id in {item.project_id for item in items}:
                need(tx, actor, project_id, Role.EDITOR)
            said = [item.id for item in items if item.kind == "comment"]
            hidden_at = self._clock() if is_hidden else None
            comments.mark(
                tx, said, is_read=is_read, is_resolved=is_resolved, hidden_at=hidden_at, hides=is_hidden is not None
            )
            if is_read is not None:
                verdicts.mark(tx, [item.id for item in items if item.kind == "verdict"], is_read=is_read)
            items = inbox.several(tx, actor.user_id, ids)
        self._hub.publish(*(_marked(item) for item in items))
        return items

    def _need(self, tx: Tx, actor: Actor, comment_id: UUID) -> Comment:
        comment = comments.get(tx, actor.user_id, comment_id)
        if comment is None:
            raise NotFound
        return comment

    # verdicts

    def judge(self, actor: Actor, box_id: UUID, verdict: Opinion) -> Verdict:
        """A member's word about the take that the last round shows of a shot. Raises NotFound, NotAllowed, Conflict."""
        with self._store.write() as tx:
            box = need_box(tx, actor, box_id, Role.EDITOR)
            last = sharing.last_round(tx, box.project_id)
            if last is None or box.reviewed_asset_id is None:
                raise Conflict("No round shows a take of this shot yet. Publish one first.")
            given = Verdict(
                id=new_id(),
                project_id=box.project_id,
                round_id=last.id,
                round_number=last.number,
                box_id=box_id,
                box_code=box.code,
                asset_id=box.reviewed_asset_id,
                user_id=actor.user_id,
                name=actor.username,
                verdict=verdict,
                created_at=self._clock(),
            )
            verdicts.insert(tx, given)
            found = next(each for each in verdicts.of(tx, actor.user_id, box.project_id, box_id) if each.id == given.id)
        self._hub.publish(Event(type="verdict", project_id=box.project_id, box_id=box_id, asset_id=found.asset_id))
        return found

    def verdicts(self, actor: Actor, project_id: UUID, box_id: UUID | None) -> tuple[Verdict, ...]:
        """A project's verdicts, or those about a shot of it, newest first. Raises NotFound."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            return verdicts.of(tx, actor.user_id, project_id, box_id)

    # the inbox

    def inbox(
        self, actor: Actor, *, project_id: UUID | None, is_read: bool | None, cursor: str | None, limit: int
    ) -> Page[InboxItem]:
        """What others said in the actor's projects, newest first. Raises NotFound, Invalid."""
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            return inbox.page(tx, actor.user_id, project_id=project_id, is_read=is_read, cursor=cursor, limit=limit)

    def unread(self, actor: Actor) -> tuple[Unread, ...]:
        """How much of each project nobody has read, where there is something."""
        with self._store.read() as tx:
            return inbox.unread(tx, actor.user_id)


def unanswered(tx: Tx, comment_id: UUID) -> None:
    """Raises Conflict when somebody has answered."""
    if comments.answers(tx, comment_id):
        raise Conflict("Somebody has answered already. Change the text instead, or answer.")


def _marked(item: InboxItem) -> Event:
    return Event(
        type=item.kind,
        project_id=item.project_id,
        box_id=item.box_id,
        asset_id=item.asset_id,
        comment_id=item.id if item.kind == "comment" else None,
        visibility=item.visibility,
    )
