"""The domain's records (design: domain.md). Frozen and keyword-only; times are aware and in UTC; ids are UUIDs.

A record is a snapshot of a row: change it through the Workspace, which answers with the next one.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field

Json: TypeAlias = dict[str, JsonValue]
T = TypeVar("T")


def new_id() -> UUID:
    """The id of a new row: random, so that it says nothing about others."""
    return uuid.uuid4()


class Record(BaseModel):
    """A row as the faces see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Record, Generic[T]):
    """Some rows of a list. `next`: the cursor of the following page, None on the last."""

    items: tuple[T, ...]
    next: str | None = None


class Role(StrEnum):
    """What a member may do in a project."""

    OWNER = "OWNER"  # everything, members, budget, archive and deletion included
    EDITOR = "EDITOR"  # everything inside the project
    VIEWER = "VIEWER"  # look, comment, export clean


class BoxKind(StrEnum):
    """What a box is for."""

    SHOT = "SHOT"  # in the cut, in order
    REFERENCE = "REFERENCE"  # cast, product, style: never cleaned away
    CUT = "CUT"  # versions of the edit: never cleaned away


class AssetType(StrEnum):
    """What a take is."""

    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"  # only as soundtrack or input


class SourceType(StrEnum):
    """Where a take came from."""

    GENERATED = "GENERATED"  # from words
    UPLOADED = "UPLOADED"  # from a person
    IMG2VID = "IMG2VID"  # a clip from a picture


class Status(StrEnum):
    """How far a take is, as people see it."""

    PENDING = "PENDING"  # waits to be sent
    PROCESSING = "PROCESSING"  # sent, at the provider, or being stored
    COMPLETED = "COMPLETED"  # the file is here
    FAILED = "FAILED"  # the provider refused or could not
    CANCELLED = "CANCELLED"  # a person stopped it
    ATTENTION = "ATTENTION"  # money may have been spent and the outcome is unknown: a person decides


class State(StrEnum):
    """How far a generation is, as the engine sees it."""

    PENDING = "PENDING"  # waits for a slot
    SUBMITTING = "SUBMITTING"  # the intent is committed, the POST goes out
    PROCESSING = "PROCESSING"  # the provider has it
    STORING = "STORING"  # the provider is done, the files are on their way
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    ATTENTION = "ATTENTION"

    @property
    def status(self) -> Status:
        """What people see of it."""
        return Status.PROCESSING if self in (State.SUBMITTING, State.STORING) else Status(self.value)


OPEN_STATES = (State.PENDING, State.SUBMITTING, State.PROCESSING, State.STORING)
OPEN_STATUSES = (Status.PENDING, Status.PROCESSING)


class InputRole(StrEnum):
    """What an input is to the model."""

    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"
    REFERENCE = "reference"
    EDIT_SOURCE = "edit_source"
    MASK = "mask"
    MOTION = "motion"
    AUDIO = "audio"


class Actor(Record):
    """Who acts: a signed-in person, read again from the store for every request."""

    user_id: UUID
    username: str
    is_admin: bool = False
    language: str = "en"
    session_id: UUID | None = None


class User(Record):
    """An account. The first one on an empty install is admin."""

    id: UUID
    username: str
    email: str | None = None
    is_admin: bool = False
    is_active: bool = True
    language: str = "en"
    created_at: datetime
    updated_at: datetime


class Session(Record):
    """A signed-in browser or script. The token itself is nowhere: the store keeps its SHA-256."""

    id: UUID
    user_id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str = Field(description="cut to /24 or /48")
    agent: str = Field(description="the browser, as it calls itself")


class Project(Record):
    """A film, an ad, a clip: ordered shots and the people who make it."""

    id: UUID
    name: str
    notes: str = ""
    fps: float = 24
    width: int = 1920
    height: int = 1080
    target_s: float | None = None
    style_text: str = ""
    currency: str = "USD"
    budget: float | None = None
    retention_days: int | None = None
    is_archived: bool = False
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    role: Role = Field(description="the reader's own")
    boxes_count: int = 0
    assets_count: int = 0
    active_count: int = Field(0, description="takes in flight")
    attention_count: int = Field(0, description="takes that wait for a person")
    bytes: int = 0


class Member(Record):
    """A person in a project."""

    project_id: UUID
    user_id: UUID
    username: str
    role: Role


class Box(Record):
    """A shot, a reference or a cut: what takes are collected in."""

    id: UUID
    project_id: UUID
    project_name: str
    code: str = Field(description="010, 020, …: the shot's name in files and comments; reordering leaves it alone")
    name: str
    kind: BoxKind = BoxKind.SHOT
    section: str = ""
    prompt_text: str = ""
    line: str = Field("", description="the spoken line")
    notes: str = ""
    duration_s: float | None = None
    in_s: float | None = None
    out_s: float | None = None
    order_index: int | None = Field(None, description="0..n-1 among the project's shots; None for other kinds")
    headliner_asset_id: UUID | None = None
    cover_key: str | None = Field(None, description="the thumbnail of the headliner, else of the newest take")
    cover_placeholder: str | None = None
    assets_count: int = 0
    active_count: int = 0
    attention_count: int = 0
    created_by: UUID
    created_at: datetime
    updated_at: datetime

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def cover_url(self) -> str | None:
        """What the shot looks like by now, None before the first take."""
        return media_url(self.cover_key)


def media_url(key: str | None) -> str | None:
    """Where a browser that is signed in finds a stored file; None for none.

    Keys are `{env}/a/{asset}/{variant}-{sha12}.{ext}`: the URL changes with the content, so it may be cached for ever.
    """
    return None if key is None else "/app/static/m/" + key.split("/a/", 1)[1]


class Take(Record):
    """A take as lists show it: what is read for a listing, and nothing heavy."""

    id: UUID
    project_id: UUID
    box_id: UUID
    number: int = Field(description="the how-manieth take of its box; never given twice")
    asset_type: AssetType
    source_type: SourceType
    status: Status
    is_favorite: bool = False
    is_headliner: bool = False
    rating: int = 0
    ai_model: str = ""
    seed: int | None = None
    error_message: str | None = None
    parent_asset_id: UUID | None = None
    batch_id: UUID | None = None
    file_key: str | None = None
    thumb_key: str | None = None
    preview_key: str | None = Field(None, description="a short silent clip for hovering")
    placeholder: str | None = Field(None, description="a 16-px WebP as a data URI")
    mime: str | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    fps: float | None = None
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    trashed_at: datetime | None = None
    purged_at: datetime | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def file_url(self) -> str | None:
        """The original, for who may see it."""
        return media_url(self.file_key)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def thumbnail_url(self) -> str | None:
        """640 pixels wide at most."""
        return media_url(self.thumb_key)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def preview_url(self) -> str | None:
        """The hover preview of a clip."""
        return media_url(self.preview_key)


class AssetInput(Record):
    """Something that went into a take."""

    asset_id: UUID
    source_asset_id: UUID
    role: InputRole
    position: int = 0
    at_s: float | None = None


class Asset(Take):
    """A take with everything about it."""

    prompt_text: str = ""
    generation_config: Json = Field(default_factory=dict)
    external_task_id: str | None = None
    tags: tuple[str, ...] = ()
    rights: Json = Field(default_factory=dict)
    sha256: str | None = None
    inputs: tuple[AssetInput, ...] = ()
    created_by_name: str = ""
    cost: float | None = None
    cost_unit: str | None = None


class Generation(Record):
    """One paid submission: the engine's truth about it. `task` holds the ids and URLs the provider gave."""

    id: UUID
    asset_id: UUID
    project_id: UUID
    box_id: UUID
    provider: str
    model: str
    snapshot: str = Field(description="sha256 of the provider file's content that makes it")
    params: Json
    inputs: tuple[AssetInput, ...] = ()
    request: Json | None = Field(None, description="as rendered, secrets masked")
    task: Json = Field(default_factory=dict)
    state: State
    attempts: int = 0
    next_at: datetime
    owner: str | None = None
    lease_until: datetime | None = None
    submitted_at: datetime | None = None
    cost_estimate: float | None = None
    cost_actual: float | None = None
    cost_unit: str | None = None
    error_code: str | None = None
    created_by: UUID
    created_at: datetime


class AIModel(Record):
    """A model as the prompt form sees it."""

    provider: str
    provider_title: str
    name: str
    title: str
    model_type: AssetType
    parameters_schema: Json
    inputs: tuple[Json, ...] = ()
    price: Json | None = None
    is_play: bool = Field(False, description="play prices: never added to money")


class Round(Record):
    """What a review link shows: published once, never the live board."""

    id: UUID
    project_id: UUID
    number: int
    note: str = ""
    published_at: datetime
    published_by: UUID


class SharedLink(Record):
    """A review link. Its token is shown once; the store keeps its SHA-256."""

    id: UUID
    project_id: UUID
    label: str
    expires_at: datetime
    can_comment: bool = True
    can_approve: bool = False
    can_download: bool = False
    show_prompts: bool = False
    revoked_at: datetime | None = None
    created_by: UUID
    created_at: datetime


class AuditEntry(Record):
    """Something worth remembering: who did what to what, when, from where (cut to /24 or /48)."""

    id: UUID
    at: datetime
    actor: str
    action: str
    object: str = ""
    address: str = ""


class Event(Record):
    """Something changed: carries ids and a version, readers read the store."""

    type: str = Field(description="hello, asset_status_changed, assets_changed, boxes_changed, project_changed")
    project_id: UUID
    version: int = 0
    box_id: UUID | None = None
    asset_id: UUID | None = None
    status: Status | None = None


class Health(Record):
    """How the process is."""

    ok: bool
    version: str
    store: bool
    engine_age_s: float | None = Field(description="since the engine's last tick; None when it does not run")
    in_flight: int = 0
