"""Projects, members and boxes."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from apom.api.account_routes import Body, Text
from apom.api.deps import Mine
from apom.config import LIMITS
from apom.fields import BoxChanges, ProjectChanges, ProjectFields
from apom.models import Box, BoxKind, Member, Page, Project, Role

router = APIRouter()
Limit = Annotated[int, Query(ge=1, le=LIMITS.page)]


class NewProject(ProjectFields, total=False):
    """What may be said about it; `name` is needed."""

    name: str


class NewBoxes(Body):
    """One or many, in order."""

    names: list[str]
    kind: BoxKind = BoxKind.SHOT


class NewBox(BoxChanges, total=False):
    """One, with all that may be said about it; `name` is needed."""

    kind: BoxKind


class Order(Body):
    """Every shot exactly once."""

    order: Annotated[list[UUID], Field(max_length=100_000)]


class Move(Body):
    """Places later; negative: earlier."""

    steps: Annotated[int, Field(ge=-100_000, le=100_000)]


class NewMember(Body):
    """Who, and what they may do."""

    username: Text
    role: Role


class Headliner(Body):
    """The take that stands for the shot, null for none."""

    asset_id: UUID | None


@router.get("/projects")
def projects(mine: Mine, archived: bool = False, cursor: str | None = None, limit: Limit = 100) -> Page[Project]:
    """The reader's projects, the one worked on last first."""
    return mine.projects(archived=archived, cursor=cursor, limit=limit)


@router.post("/projects", status_code=201)
def create_project(body: NewProject, mine: Mine) -> Project:
    """A new project; `name` is needed."""
    fields = dict(body)
    name = fields.pop("name", "")
    return mine.create_project(name, **fields)  # type: ignore[arg-type]  # checked against the same declaration


@router.post("/projects/sample", status_code=201)
def create_sample_project(mine: Mine) -> Project:
    """Four shots with sandbox pictures on their way."""
    return mine.create_sample_project()


@router.get("/mosaics")
def mosaics(
    mine: Mine, id: Annotated[list[UUID], Query(default_factory=list)]
) -> dict[UUID, list[tuple[str, str | None]]]:
    """Up to four covers of each project's shots: (thumbnail key, placeholder)."""
    return mine.mosaics(id)


@router.get("/projects/{project_id}")
def project(project_id: UUID, mine: Mine) -> Project:
    """One project."""
    return mine.project(project_id)


@router.patch("/projects/{project_id}")
def update_project(project_id: UUID, body: ProjectChanges, mine: Mine) -> Project:
    """Changes what is named."""
    return mine.update_project(project_id, **body)


@router.post("/projects/{project_id}/sound-box")
def sound_box(project_id: UUID, mine: Mine) -> Box:
    """Where the project's sound lies, made when it is not there. A sound that was uploaded to it becomes the soundtrack by
    PATCH of the project's `soundtrack_asset_id`.
    """
    return mine.sound_box(project_id)


@router.delete("/projects/{project_id}", status_code=204)
def delete_project(project_id: UUID, mine: Mine) -> None:
    """With everything in it, for good."""
    mine.delete_project(project_id)


@router.get("/projects/{project_id}/members")
def members(project_id: UUID, mine: Mine) -> tuple[Member, ...]:
    """Who is in it."""
    return mine.members(project_id)


@router.put("/projects/{project_id}/members")
def set_member(project_id: UUID, body: NewMember, mine: Mine) -> tuple[Member, ...]:
    """Lets somebody in, or changes what they may do."""
    return mine.set_member(project_id, body.username, body.role)


@router.delete("/projects/{project_id}/members/{user_id}", status_code=204)
def remove_member(project_id: UUID, user_id: UUID, mine: Mine) -> None:
    """Somebody leaves."""
    mine.remove_member(project_id, user_id)


@router.get("/projects/{project_id}/boxes")
def boxes(project_id: UUID, mine: Mine, kind: BoxKind | None = None) -> tuple[Box, ...]:
    """The shots in order, then the other boxes."""
    return mine.get_project_boxes(project_id, kind=kind)


@router.post("/projects/{project_id}/boxes", status_code=201)
def create_boxes(project_id: UUID, body: NewBoxes, mine: Mine) -> tuple[Box, ...]:
    """New boxes at the end, all or none."""
    return mine.create_boxes(project_id, body.names, kind=body.kind)


@router.post("/projects/{project_id}/box", status_code=201)
def create_box(project_id: UUID, body: NewBox, mine: Mine) -> Box:
    """One new box at the end."""
    fields = dict(body)
    name, kind = fields.pop("name", ""), fields.pop("kind", BoxKind.SHOT)
    return mine.create_box(project_id, name, kind=kind, **fields)  # type: ignore[arg-type]  # as for a project


@router.put("/projects/{project_id}/order")
def reorder(project_id: UUID, body: Order, mine: Mine) -> tuple[Box, ...]:
    """The shots in this order."""
    return mine.reorder_boxes(project_id, body.order)


@router.get("/boxes/{box_id}")
def box(box_id: UUID, mine: Mine) -> Box:
    """One box."""
    return mine.box(box_id)


@router.patch("/boxes/{box_id}")
def update_box(box_id: UUID, body: BoxChanges, mine: Mine) -> Box:
    """Changes what is named."""
    return mine.update_box(box_id, **body)


@router.delete("/boxes/{box_id}", status_code=204)
def delete_box(box_id: UUID, mine: Mine) -> None:
    """With every take in it, for good."""
    mine.delete_box(box_id)


@router.post("/boxes/{box_id}/move")
def move_box(box_id: UUID, body: Move, mine: Mine) -> tuple[Box, ...]:
    """Some places later or earlier."""
    return mine.move_box(box_id, body.steps)


@router.put("/boxes/{box_id}/headliner")
def set_headliner(box_id: UUID, body: Headliner, mine: Mine) -> Box:
    """The take that stands for the shot."""
    return mine.set_headliner(box_id, body.asset_id)
