"""Takes: generate, list, judge, delete; and the files behind them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, JsonValue

from apom.api.account_routes import Body, Text
from apom.api.deps import Mine
from apom.api.project_routes import Limit
from apom.config import LIMITS
from apom.fields import AssetChanges
from apom.models import AIModel, Asset, AssetType, InputRole, Page, Take
from apom.studio import DEFAULT_IMAGE, DEFAULT_VIDEO

router = APIRouter()
Words = Annotated[str, Field(max_length=LIMITS.prompt_chars)]
Token = Annotated[str, Field(min_length=8, max_length=100)]


class Input(Body):
    """A take and what it is to the model."""

    role: InputRole
    asset_id: UUID


class Generate(Body):
    """An order. The same `token` twice is one order: send one so that a repeated request pays once."""

    prompt: Words
    model: Text = DEFAULT_IMAGE
    params: dict[str, JsonValue] = Field(default_factory=dict)
    inputs: list[Input] = Field(default_factory=list)
    n: Annotated[int, Field(ge=1, le=LIMITS.variations)] = 1
    token: Token | None = None


class Animate(Body):
    """Words for the motion; the picture's own when empty."""

    prompt: Words = ""
    model: Text = DEFAULT_VIDEO
    token: Token | None = None


class Again(Body):
    """As for an order."""

    token: Token | None = None


@router.get("/models")
def models(mine: Mine, asset_type: AssetType | None = None) -> tuple[AIModel, ...]:
    """What can be generated with."""
    return mine.models(asset_type)


@router.get("/boxes/{box_id}/assets")
def box_assets(
    box_id: UUID, mine: Mine, asset_type: AssetType | None = None, cursor: str | None = None, limit: Limit = 200
) -> Page[Take]:
    """A box's takes, newest first."""
    return mine.get_box_assets(box_id, asset_type=asset_type, cursor=cursor, limit=limit)


@router.post("/boxes/{box_id}/generate", status_code=201)
def generate(box_id: UUID, body: Generate, mine: Mine) -> tuple[Take, ...]:
    """Takes that will come; follow them in the project's events."""
    inputs = [(used.role, used.asset_id) for used in body.inputs]
    return mine.generate(
        box_id, body.prompt, model=body.model, params=body.params, inputs=inputs, n=body.n, token=body.token
    )


@router.get("/favorites")
def favorites(mine: Mine, project_id: UUID | None = None, cursor: str | None = None, limit: Limit = 200) -> Page[Take]:
    """Favourites of one project or of all."""
    return mine.get_favorite_assets(project_id, cursor=cursor, limit=limit)


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


@router.post("/assets/{asset_id}/cancel")
def cancel(asset_id: UUID, mine: Mine) -> Take:
    """Stops what was not sent yet."""
    return mine.cancel(asset_id)


@router.post("/assets/{asset_id}/again", status_code=201)
def again(asset_id: UUID, body: Again, mine: Mine) -> Take:
    """The same recipe once more."""
    return mine.again(asset_id, token=body.token)


@router.post("/assets/{asset_id}/animate", status_code=201)
def animate(asset_id: UUID, body: Animate, mine: Mine) -> Take:
    """A clip that starts from this picture."""
    return mine.animate(asset_id, body.prompt, model=body.model, token=body.token)
