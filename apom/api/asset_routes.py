"""Takes: generate, list, judge, delete; and the files behind them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field, JsonValue

from apom.api.account_routes import Body, Text
from apom.api.deps import Mine, TheStudio
from apom.api.media import ranged
from apom.api.project_routes import Limit
from apom.fields import AssetChanges
from apom.models import AIModel, Asset, AssetType, InputRole, Mark, Marked, Page, SourceType, Status, Take
from apom.studio import DEFAULT_IMAGE, DEFAULT_VIDEO

router = APIRouter()
Rating = Annotated[int, Query(ge=0, le=5)]


class Input(Body):
    """A take and what it is to the model."""

    role: InputRole
    asset_id: UUID


class Generate(Body):
    """An order. The same `token` twice is one order: send one so that a repeated request pays once. `with_style`: the
    project's style follows the prompt.
    """

    prompt: str
    model: Text = DEFAULT_IMAGE
    params: dict[str, JsonValue] = Field(default_factory=dict)
    inputs: list[Input] = Field(default_factory=list)
    n: int = 1
    with_style: bool = True
    token: str | None = None


class Animate(Body):
    """Words for the motion; the picture's own when empty, as they were sent."""

    prompt: str = ""
    model: Text = DEFAULT_VIDEO
    with_style: bool = True
    token: str | None = None


class Edit(Body):
    """What should change, in words, and how many takes of it."""

    words: str
    n: int = 1
    token: str | None = None


class Continue(Body):
    """Words for the new clip, the shot's own when empty; the clip that goes on, null for the headliner; the shot it goes
    to, null for the next, which is added after the last when `adds_shot` says so.
    """

    prompt: str = ""
    clip_id: UUID | None = None
    into_id: UUID | None = None
    adds_shot: bool = False
    model: Text = DEFAULT_VIDEO
    with_style: bool = True
    token: str | None = None


class Marks(Body):
    """In the order they are meant."""

    marks: list[Mark]


class Frame(Body):
    """A moment of a clip, in seconds, null for its last; the shot the picture goes to, null for the clip's own."""

    at_s: float | None = None
    box_id: UUID | None = None


class Again(Body):
    """As for an order."""

    token: str | None = None


@router.get("/models")
def models(mine: Mine, asset_type: AssetType | None = None) -> tuple[AIModel, ...]:
    """What can be generated with."""
    return mine.models(asset_type)


@router.get("/boxes/{box_id}/assets")
def box_assets(
    box_id: UUID,
    mine: Mine,
    asset_type: AssetType | None = None,
    status: Status | None = None,
    favorites: bool = False,
    min_rating: Rating = 0,
    trashed: bool = False,
    cursor: str | None = None,
    limit: Limit = 200,
) -> Page[Take]:
    """A box's takes, newest first; with `trashed` those in its trash instead."""
    return mine.get_box_assets(
        box_id,
        asset_type=asset_type,
        status=status,
        favorites=favorites,
        min_rating=min_rating,
        trashed=trashed,
        cursor=cursor,
        limit=limit,
    )


@router.post("/boxes/{box_id}/generate", status_code=201)
def generate(box_id: UUID, body: Generate, mine: Mine) -> tuple[Take, ...]:
    """Takes that will come; follow them in the project's events."""
    inputs = [(used.role, used.asset_id) for used in body.inputs]
    return mine.generate(
        box_id,
        body.prompt,
        model=body.model,
        params=body.params,
        inputs=inputs,
        n=body.n,
        with_style=body.with_style,
        token=body.token,
    )


@router.get("/favorites")
def favorites(mine: Mine, project_id: UUID | None = None, cursor: str | None = None, limit: Limit = 200) -> Page[Take]:
    """Favourites of one project or of all."""
    return mine.get_favorite_assets(project_id, cursor=cursor, limit=limit)


@router.get("/assets")
def some_assets(mine: Mine, id: Annotated[list[UUID], Query()]) -> tuple[Take, ...]:
    """These takes as they are now, those in the trash too; left out what is not there."""
    return mine.get_assets(id)


@router.post("/assets/marks")
def mark(body: Marks, mine: Mine) -> Marked:
    """Favourites, ratings, headliners, trash: each mark for itself, said absolutely, so that repeating is harmless."""
    return mine.mark(body.marks)


@router.get("/assets/search")
def search(
    mine: Mine,
    text: str = "",
    project_id: UUID | None = None,
    box_id: UUID | None = None,
    batch_id: UUID | None = None,
    asset_type: AssetType | None = None,
    source_type: SourceType | None = None,
    status: Status | None = None,
    favorites: bool = False,
    min_rating: Rating = 0,
    trashed: bool = False,
    ai_model: Text | None = None,
    tag: Text | None = None,
    created_by: UUID | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> Page[Take]:
    """Takes whose prompt or shot has every word of `text`; `-word` must not be there, `"two words"` stand together.

    With `trashed` those in the trash instead, with the recipes of those whose files were cleaned away.
    """
    return mine.search_assets(
        text,
        project=project_id,
        box=box_id,
        batch=batch_id,
        asset_type=asset_type,
        source_type=source_type,
        status=status,
        favorites=favorites,
        min_rating=min_rating,
        trashed=trashed,
        ai_model=ai_model,
        tag=tag,
        created_by=created_by,
        since=since,
        until=until,
        cursor=cursor,
        limit=limit,
    )


@router.get("/assets/{asset_id}")
def asset(asset_id: UUID, mine: Mine) -> Asset:
    """One take with everything about it."""
    return mine.asset(asset_id)


@router.patch("/assets/{asset_id}")
def update_asset(asset_id: UUID, body: AssetChanges, mine: Mine) -> Asset:
    """Favourite, rating, tags."""
    return mine.update_asset(asset_id, **body)


@router.delete("/assets/{asset_id}", status_code=204)
def delete_asset(asset_id: UUID, mine: Mine) -> None:
    """A take and its files, for good."""
    mine.delete_asset(asset_id)


@router.post("/assets/{asset_id}/favorite")
def toggle_favorite(asset_id: UUID, mine: Mine) -> Take:
    """A favourite becomes none, and the other way round."""
    return mine.toggle_favorite(asset_id)


@router.get("/assets/{asset_id}/download", response_class=Response)
def download(asset_id: UUID, request: Request, mine: Mine, studio: TheStudio, metadata: bool = False) -> Response:
    """The original to keep: clean, or with how it was made for who may edit. Ranges as for media."""
    opened = ExitStack()
    found = opened.enter_context(studio.downloads.open(mine.actor, asset_id, metadata=metadata))
    kept = {"Cache-Control": "no-store"}
    return ranged(request, found.file, found.media_type, kept, filename=found.name, then=opened.close)


@router.post("/assets/{asset_id}/again", status_code=201)
def again(asset_id: UUID, body: Again, mine: Mine) -> Take:
    """The same recipe once more."""
    return mine.again(asset_id, token=body.token)


@router.post("/assets/{asset_id}/frame", status_code=201)
def frame(asset_id: UUID, body: Frame, mine: Mine) -> Take:
    """A moment of a clip as a picture."""
    return mine.frame(asset_id, body.at_s, box=body.box_id)


@router.post("/assets/{asset_id}/animate", status_code=201)
def animate(asset_id: UUID, body: Animate, mine: Mine) -> Take:
    """A clip that starts from this picture."""
    return mine.animate(asset_id, body.prompt, model=body.model, with_style=body.with_style, token=body.token)


@router.post("/assets/{asset_id}/edit", status_code=201)
def edit(asset_id: UUID, body: Edit, mine: Mine) -> tuple[Take, ...]:
    """Takes made from this picture, changed by words."""
    return mine.edit(asset_id, body.words, n=body.n, token=body.token)


@router.post("/boxes/{box_id}/continue", status_code=201)
def continue_shot(box_id: UUID, body: Continue, mine: Mine) -> Take:
    """A clip that begins with the last frame of this shot's."""
    return mine.continue_shot(
        box_id,
        body.prompt,
        clip=body.clip_id,
        into=body.into_id,
        adds_shot=body.adds_shot,
        model=body.model,
        with_style=body.with_style,
        token=body.token,
    )
