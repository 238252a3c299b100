"""Providers, their keys and their files: what an admin looks after. A key goes in and never comes out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, JsonValue

from apom.api.account_routes import Body, Text
from apom.api.deps import Mine
from apom.models import AIProvider, Json, ProviderTest

router = APIRouter()
Prompt = Annotated[str, Field(max_length=20_000)]


class NewKey(Body):
    """A key. `name`: which, where a provider has several."""

    key: Annotated[str, Field(max_length=10_000, repr=False)]
    name: Text | None = None


class Switch(Body):
    """On or off."""

    is_active: bool


class Address(Body):
    """Another address than the file's, None for its own; inside a private network only if that is said."""

    base_url: Text | None
    may_be_private: bool = False


class Definition(Body):
    """The text of a provider file."""

    definition: Annotated[str, Field(max_length=500_000)]


class Dry(Body):
    """An order that is not placed."""

    model: Text
    prompt: Prompt = ""
    params: dict[str, JsonValue] = Field(default_factory=dict)


@router.get("/providers")
def providers(mine: Mine) -> tuple[AIProvider, ...]:
    """Every provider with the state of its keys."""
    return mine.providers()


@router.post("/providers/dry-run")
def dry_run(body: Dry, mine: Mine) -> Json:
    """The exact request of an order, its key masked; nothing is sent."""
    return mine.dry_run(body.model, body.prompt, body.params)


@router.put("/providers/{provider}/key")
def set_key(provider: str, body: NewKey, mine: Mine) -> AIProvider:
    """Keeps a key, encrypted."""
    return mine.set_key(provider, body.key, name=body.name)


@router.delete("/providers/{provider}/key")
def remove_key(provider: str, mine: Mine, name: str | None = None) -> AIProvider:
    """Forgets a stored key."""
    return mine.remove_key(provider, name=name)


@router.put("/providers/{provider}/active")
def set_active(provider: str, body: Switch, mine: Mine) -> AIProvider:
    """Offers its models, or no longer."""
    return mine.set_active(provider, body.is_active)


@router.put("/providers/{provider}/address")
def set_address(provider: str, body: Address, mine: Mine) -> AIProvider:
    """Another address for it."""
    return mine.set_address(provider, body.base_url, may_be_private=body.may_be_private)


@router.get("/providers/{provider}/file")
def provider_file(provider: str, mine: Mine) -> Definition:
    """Its file, as text."""
    return Definition(definition=mine.provider_file(provider))


@router.put("/providers/{provider}/file")
def edit_provider(provider: str, body: Definition, mine: Mine) -> AIProvider:
    """Another file, checked before it is kept."""
    return mine.edit_provider(provider, body.definition)


@router.delete("/providers/{provider}/file", status_code=204)
def reset_provider(provider: str, mine: Mine) -> None:
    """The shipped file again."""
    mine.reset_provider(provider)


@router.post("/providers/{provider}/test")
def test_provider(provider: str, mine: Mine) -> ProviderTest:
    """Asks what credit is left, which is free and shows whether the key works."""
    return mine.test_provider(provider)
