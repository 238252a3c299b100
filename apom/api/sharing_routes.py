"""Rounds, review links, comments, verdicts and the inbox, for members."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from apom.api.account_routes import Body, Text
from apom.api.deps import Mine
from apom.api.project_routes import Limit
from apom.config import LIMITS
from apom.models import (
    Comment,
    InboxItem,
    LinkActivity,
    MadeLink,
    Opinion,
    Page,
    Region,
    Round,
    RoundShot,
    SharedLink,
    Unread,
    Verdict,
    Visibility,
)

router = APIRouter()
Words = Annotated[str, Field(max_length=LIMITS.comment_chars * 2)]  # what is tidied away does not count


class Note(Body):
    """What changed since the last round."""

    note: Annotated[str, Field(max_length=LIMITS.notes_chars)] = ""


class NewLink(Body):
    """Who it is for, how long it lives, and what they may do. `until`: it ends with that day, wherever it ends last."""

    label: Text
    days: int | None = None
    until: date | None = None
    password: Text | None = Field(None, repr=False)
    can_comment: bool = True
    can_approve: bool = False
    can_download: bool = False
    show_prompts: bool = False


class Switches(Body):
    """What those behind a link may do; null leaves it as it is."""

    can_comment: bool | None = None
    can_approve: bool | None = None
    can_download: bool | None = None
    show_prompts: bool | None = None


class Said(Body):
    """Words about a take, and where on it they point. Times in seconds, places in 0..1 of the frame."""

    text: Words
    region: Region | None = None
    timecode_s: float | None = None
    end_s: float | None = None
    answers: UUID | None = Field(None, description="the comment it answers")


class NewComment(Said):
    """INTERNAL unless it is said that clients may read it."""

    visibility: Visibility = Visibility.INTERNAL


class NewText(Body):
    """Other words."""

    text: Words


class Marks(Body):
    """What is said of these comments and verdicts; null leaves a thing as it is."""

    ids: tuple[UUID, ...]
    is_read: bool | None = None
    is_resolved: bool | None = None
    is_hidden: bool | None = None


class Decision(Body):
    """Approved, or changes wanted."""

    verdict: Opinion


@router.post("/projects/{project_id}/rounds", status_code=201)
def publish_round(project_id: UUID, body: Note, mine: Mine) -> Round:
    """Freezes the headliners in order."""
    return mine.publish_round(project_id, body.note)


@router.get("/projects/{project_id}/rounds")
def rounds(project_id: UUID, mine: Mine) -> tuple[Round, ...]:
    """The rounds, newest first."""
    return mine.rounds(project_id)


@router.get("/rounds/{round_id}/shots")
def round_shots(round_id: UUID, mine: Mine) -> tuple[RoundShot, ...]:
    """The shots as the round froze them, in order."""
    return mine.round_shots(round_id)


@router.post("/projects/{project_id}/links", status_code=201)
def create_link(project_id: UUID, body: NewLink, mine: Mine) -> MadeLink:
    """A review link; its token and address are in this answer and nowhere else."""
    return mine.create_link(project_id, **body.model_dump())


@router.get("/links")
def links(mine: Mine, project_id: UUID | None = None, live: bool = False) -> tuple[SharedLink, ...]:
    """The review links of all the reader's projects, or of one, newest first; `live`: only those that work."""
    return mine.links(project_id, live=live)


@router.patch("/links/{link_id}")
def change_link(link_id: UUID, body: Switches, mine: Mine) -> SharedLink:
    """What those behind it may do from now on."""
    return mine.change_link(link_id, **body.model_dump())


@router.delete("/links/{link_id}", status_code=204)
def revoke_link(link_id: UUID, mine: Mine) -> None:
    """It ends now, everywhere."""
    mine.revoke_link(link_id)


@router.get("/links/{link_id}/activity")
def link_activity(link_id: UUID, mine: Mine, cursor: str | None = None, limit: Limit = 100) -> Page[LinkActivity]:
    """What was done with it, newest first."""
    return mine.link_activity(link_id, cursor=cursor, limit=limit)


@router.get("/comments")
def comments(
    mine: Mine,
    project_id: UUID | None = None,
    box_id: UUID | None = None,
    asset_id: UUID | None = None,
    unresolved: bool = False,
    cursor: str | None = None,
    limit: Limit = 200,
) -> Page[Comment]:
    """What was said about a take, a shot or in a project, newest first."""
    return mine.comments(
        project=project_id, box=box_id, asset=asset_id, unresolved=unresolved, cursor=cursor, limit=limit
    )


@router.post("/assets/{asset_id}/comments", status_code=201)
def add_comment(asset_id: UUID, body: NewComment, mine: Mine) -> Comment:
    """Says something about a take."""
    return mine.add_comment(
        asset_id,
        body.text,
        visibility=body.visibility,
        region=body.region,
        timecode_s=body.timecode_s,
        end_s=body.end_s,
        answers=body.answers,
    )


@router.patch("/comments/{comment_id}")
def edit_comment(comment_id: UUID, body: NewText, mine: Mine) -> Comment:
    """Other words for one's own."""
    return mine.edit_comment(comment_id, body.text)


@router.delete("/comments/{comment_id}", status_code=204)
def delete_comment(comment_id: UUID, mine: Mine) -> None:
    """With its answers."""
    mine.delete_comment(comment_id)


@router.post("/boxes/{box_id}/verdicts", status_code=201)
def give_verdict(box_id: UUID, body: Decision, mine: Mine) -> Verdict:
    """One's own word about what the last round shows of a shot."""
    return mine.give_verdict(box_id, body.verdict)


@router.get("/projects/{project_id}/verdicts")
def verdicts(project_id: UUID, mine: Mine, box_id: UUID | None = None) -> tuple[Verdict, ...]:
    """What was decided, newest first."""
    return mine.verdicts(project_id, box=box_id)


@router.get("/inbox")
def inbox(
    mine: Mine,
    project_id: UUID | None = None,
    is_read: bool | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> Page[InboxItem]:
    """Comments and verdicts of others, newest first."""
    return mine.inbox(project=project_id, is_read=is_read, cursor=cursor, limit=limit)


@router.get("/inbox/unread")
def unread(mine: Mine) -> tuple[Unread, ...]:
    """How much of each project nobody has read, where there is something."""
    return mine.unread()


@router.post("/inbox/marks")
def mark_comments(body: Marks, mine: Mine) -> tuple[InboxItem, ...]:
    """Read or not, resolved or not, hidden from those behind links or not; all of them or none."""
    return mine.mark_comments(body.ids, is_read=body.is_read, is_resolved=body.is_resolved, is_hidden=body.is_hidden)
