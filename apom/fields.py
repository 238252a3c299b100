"""What people may write into a record: the types, their limits, and one check that says what is wrong.

The same declarations serve the Workspace's keyword arguments, the REST bodies and the pages' forms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from apom.config import LIMITS
from apom.errors import Invalid
from apom.models import Region

KEPT = "\n\t\u200c\u200d"  # joiners hold emoji and some scripts together


def tidy(text: str) -> str:
    """Composed (NFC), without control characters and direction overrides, without space around it."""
    kept = (
        c for c in unicodedata.normalize("NFC", text) if c in KEPT or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )
    return "".join(kept).strip()


def one_line(text: str) -> str:
    """A tidy text in one line."""
    return " ".join(tidy(text).split())


Name = Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=LIMITS.name_chars)]
Line = Annotated[str, AfterValidator(one_line), Field(max_length=LIMITS.name_chars)]
Code = Annotated[str, AfterValidator(one_line), Field(pattern=r"^[\w][\w.-]{0,15}$")]
Notes = Annotated[str, AfterValidator(tidy), Field(max_length=LIMITS.notes_chars)]
Prompt = Annotated[str, AfterValidator(tidy), Field(max_length=LIMITS.prompt_chars)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=16, le=16_384)]
Strict = ConfigDict(extra="forbid", str_max_length=LIMITS.notes_chars)


class ProjectFields(TypedDict, total=False):
    """What a project may be given beside its name. Lengths in seconds, sizes in pixels."""

    __pydantic_config__ = Strict  # type: ignore[misc]  # pydantic's own way to configure a TypedDict
    notes: Notes
    fps: Annotated[float, Field(gt=0, le=240)]
    width: Side
    height: Side
    target_s: Seconds | None
    style_text: Prompt
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    budget: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    retention_days: Annotated[int, Field(ge=0, le=3650)] | None


class ProjectChanges(ProjectFields, total=False):
    """What may be changed about a project."""

    name: Name
    is_archived: bool
    soundtrack_asset_id: UUID | None


class BoxFields(TypedDict, total=False):
    """What a box may be given beside its name. Times in seconds."""

    __pydantic_config__ = Strict  # type: ignore[misc]  # as above
    code: Code
    section: Line
    prompt_text: Prompt
    line: Notes
    notes: Notes
    duration_s: Seconds | None
    in_s: Seconds | None
    out_s: Seconds | None
    assignee_id: UUID | None


class BoxChanges(BoxFields, total=False):
    """What may be changed about a box."""

    name: Name


class RightsFields(TypedDict, total=False):
    """What is said about the rights in an upload."""

    __pydantic_config__ = Strict  # type: ignore[misc]  # as above
    owner: Line
    licence: Line
    note: Annotated[str, AfterValidator(tidy), Field(max_length=LIMITS.rights_chars)]


class AssetChanges(TypedDict, total=False):
    """What may be changed about a take: what people think of it, never what it is."""

    __pydantic_config__ = Strict  # type: ignore[misc]  # as above
    is_favorite: bool
    rating: Annotated[int, Field(ge=0, le=5)]
    tags: Annotated[list[Name], Field(max_length=50)]


class CommentFields(TypedDict, total=False):
    """What a comment says and where it points. Times in seconds into the clip, places in 0..1 of the frame."""

    __pydantic_config__ = Strict  # type: ignore[misc]  # as above
    text: Annotated[str, AfterValidator(tidy), Field(min_length=1, max_length=LIMITS.comment_chars)]
    region: Region | None
    timecode_s: Seconds | None
    end_s: Seconds | None


class _Name(TypedDict):
    name: Name


class _ReviewerName(TypedDict):
    name: Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=LIMITS.reviewer_chars)]


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def check(kind: type, values: Mapping[str, object]) -> dict[str, Any]:
    """`values` as `kind` wants them, tidied. Raises Invalid with the field and what is wrong with it."""
    try:
        return dict(_adapter(kind).validate_python(dict(values)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise refusal(first["loc"], first) from None


def refusal(place: Sequence[int | str], wrong: Mapping[str, Any]) -> Invalid:
    """What pydantic found wrong (one of its `errors()`), as a sentence. `place`: the path to the field."""
    field = ".".join(str(part) for part in place)
    label = str(place[0]).replace("_", " ").capitalize() if place else "This"
    most = wrong.get("ctx", {}).get("max_length")
    if most is not None and isinstance(wrong["input"], str):
        return Invalid("{label} has at most {most} characters.", field=field, label=label, most=most)
    reason = str(wrong["msg"]).rstrip(".").lower()
    return Invalid("{label} cannot be used: {reason}.", field=field, label=label, reason=reason)


def check_reviewer(name: str) -> str:
    """What a reviewer calls themself, tidied. Raises Invalid."""
    return str(check(_ReviewerName, {"name": name})["name"])


def check_name(name: str) -> str:
    """A name, tidied. Raises Invalid."""
    return str(check(_Name, {"name": name})["name"])
