"""The domain's records (design: domain.md). Frozen and keyword-only; times are aware and in UTC; ids are UUIDs.

A record is a snapshot of a row: change it through the Workspace, which answers with the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    Protocol,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    get_args,
    overload,
)
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, JsonValue, computed_field
from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from apom.tables import DataFrame

Json: TypeAlias = dict[str, JsonValue]
OptionRole: TypeAlias = Literal["negative", "aspect_ratio", "duration_s", "resolution", "audio"]
LAST_ON_EARTH = timedelta(hours=12)  # where a day ends last it is that much behind UTC
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


def new_id() -> UUID:
    """The id of a new row: random, so that it says nothing about others."""
    return uuid.uuid4()


class Record(BaseModel):
    """A row as the faces see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HasId(Protocol):
    """A record."""

    @property
    def id(self) -> UUID: ...


Ref: TypeAlias = HasId | UUID | str  # a record or its id


class Rows(tuple[T_co, ...]):
    """A whole list: a tuple that can be a DataFrame. `kind`: of what, known even when it is empty."""

    kind: type[T_co] | None

    def __new__(cls, items: Iterable[T_co] = (), kind: type[T_co] | None = None) -> Rows[T_co]:
        rows = super().__new__(cls, items)
        rows.kind = kind
        return rows

    @overload
    def __getitem__(self, index: SupportsIndex) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Rows[T_co]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T_co | Rows[T_co]:
        """A record, or some of them, which are rows again."""
        return Rows(super().__getitem__(index), self.kind) if isinstance(index, slice) else super().__getitem__(index)

    def df(self) -> DataFrame:
        """One row per record. See `apom.tables.frame`."""
        from apom.tables import frame

        return frame(self, self.kind)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read and written as a tuple of records: REST knows no difference."""
        (kind,) = get_args(source)
        rows = core_schema.tuple_variable_schema(handler.generate_schema(kind))
        return core_schema.no_info_after_validator_function(lambda items: cls(items, kind), rows)


class Page(Record, Generic[T]):
    """Some rows of a list. `next`: the cursor of the following page, None on the last."""

    items: tuple[T, ...]
    next: str | None = None

    def df(self) -> DataFrame:
        """One row per record. See `apom.tables.frame`."""
        from apom.tables import frame

        (kind,) = self.__pydantic_generic_metadata__["args"] or (None,)
        return frame(self.items, kind)


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


class Attention(StrEnum):
    """Why a person is asked."""

    LOST = "LOST"  # the answer to the submission was lost, and the provider cannot be asked for it
    UNSURE = "UNSURE"  # the provider was asked for it and could not tell
    LATE = "LATE"  # it takes longer than it should; it is looked after quietly
    GONE = "GONE"  # the provider is done, and the file could not be fetched


class Answer(StrEnum):
    """What a person can decide where the engine must not."""

    CHECK_AGAIN = "check_again"  # ask the provider once more
    RETRY_DOWNLOAD = "retry_download"  # fetch the finished file once more
    PASTE_TASK_ID = "paste_task_id"  # the provider's own id for it, seen in its log
    REGENERATE = "regenerate"  # order it again, knowing that both may be billed
    GIVE_UP = "give_up"  # count it as failed
    KEEP = "keep"  # take what arrived after it was stopped


class Deed(StrEnum):
    """What a person does to many takes of the queue at once: the answers that need no words, and two more."""

    CANCEL = "cancel"
    AGAIN = "again"  # the same recipe once more, for what failed
    CHECK_AGAIN = "check_again"
    RETRY_DOWNLOAD = "retry_download"
    REGENERATE = "regenerate"
    GIVE_UP = "give_up"
    KEEP = "keep"


class Step(StrEnum):
    """Where a take is on its way."""

    WAITING = "WAITING"  # in line
    SENDING = "SENDING"  # the submission is under way
    AT_PROVIDER = "AT_PROVIDER"
    STORING = "STORING"  # the provider is done, its files are fetched


class Visibility(StrEnum):
    """Who reads a comment."""

    INTERNAL = "INTERNAL"  # members of the project, and nobody behind a link
    CLIENT = "CLIENT"  # whoever holds a review link, too


class Opinion(StrEnum):
    """What a verdict says of a take."""

    APPROVED = "APPROVED"
    CHANGES_WANTED = "CHANGES_WANTED"


class Progress(StrEnum):
    """How far a shot is on its way to the client's approval."""

    NO_TAKE = "NO_TAKE"  # nothing is picked yet
    PICKED = "PICKED"  # its headliner was not in the last round
    IN_REVIEW = "IN_REVIEW"  # the last round shows its headliner, and nobody has judged it
    CHANGES_WANTED = "CHANGES_WANTED"  # somebody wants changes
    APPROVED = "APPROVED"  # whoever judged it approved


class LinkAction(StrEnum):
    """What was done with a review link."""

    OPENED = "OPENED"
    VIEWED = "VIEWED"  # looked at a shot
    COMMENTED = "COMMENTED"
    APPROVED = "APPROVED"
    CHANGES_WANTED = "CHANGES_WANTED"
    DOWNLOADED = "DOWNLOADED"


SOUND = "Sound"  # the reference box that a project's sound lies in
STILL_S = 3.0  # how long a picture stands that was given no length
REPLAY = "replay"  # error_code of a submission that goes out once more, under the same key
STEPS = {
    State.PENDING: Step.WAITING,
    State.SUBMITTING: Step.SENDING,
    State.PROCESSING: Step.AT_PROVIDER,
    State.STORING: Step.STORING,
}
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


class Scope(StrEnum):
    """What an API token may be used for."""

    READ = "read"  # look at what its person may see
    WRITE = "write"  # and do what its person may do, their account excepted


class Actor(Record):
    """Who acts: a signed-in person or their token, read again from the store for every request."""

    user_id: UUID
    username: str
    is_admin: bool = False
    language: str = "en"
    session_id: UUID | None = None
    token_id: UUID | None = Field(None, description="of the API token that stands in for the person")
    scopes: tuple[Scope, ...] = (Scope.READ, Scope.WRITE)


class User(Record):
    """An account. The first one on an empty install is admin."""

    id: UUID
    username: str
    email: str | None = None
    is_admin: bool = False
    is_active: bool = True
    language: str = "en"
    monthly_limit: float | None = Field(None, description="what they may spend in a month; None for no limit")
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


class ApiToken(Record):
    """What stands in for a person in notebooks and scripts. The token itself is shown once; the store keeps its SHA-256."""

    id: UUID
    user_id: UUID
    name: str
    scopes: tuple[Scope, ...]
    last_used_at: datetime | None = Field(None, description="to the minute; None until it is used")
    expires_at: datetime
    created_at: datetime


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
    soundtrack_asset_id: UUID | None = Field(None, description="the sound that plays under the cut")
    is_archived: bool = False
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    role: Role = Field(description="the reader's own")
    boxes_count: int = 0
    assets_count: int = Field(0, description="pictures and clips; sound is no take of the film")
    active_count: int = Field(0, description="takes in flight")
    attention_count: int = Field(0, description="takes that wait for a person")
    unread_count: int = Field(0, description="comments and verdicts of others that nobody has read")
    bytes: int = 0
    leaving_count: int = Field(0, description="takes that go to the trash within days unless somebody marks them")
    leaves_at: datetime | None = Field(None, description="when the first of them goes")


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
    duration_s: float | None = Field(None, description="how long a picture stands, in seconds")
    in_s: float | None = Field(None, description="where a clip begins")
    out_s: float | None = Field(None, description="where it ends")
    assignee_id: UUID | None = Field(None, description="whose shot it is")
    assignee_name: str = ""
    order_index: int | None = Field(None, description="0..n-1 among the project's shots; None for other kinds")
    headliner_asset_id: UUID | None = None
    clip_s: float | None = Field(None, description="how long the headliner is, where it is a clip")
    cover_key: str | None = Field(None, description="the thumbnail of the headliner, else of the newest take")
    cover_placeholder: str | None = None
    assets_count: int = 0
    active_count: int = 0
    attention_count: int = 0
    unread_count: int = Field(0, description="comments and verdicts of others that nobody has read")
    reviewed_asset_id: UUID | None = Field(None, description="the take that the last round shows")
    approvals: int = Field(0, description="people whose last word in the last round was yes")
    changes_wanted: int = Field(0, description="people whose last word in the last round asked for changes")
    created_by: UUID
    created_at: datetime
    updated_at: datetime

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def length_s(self) -> float | None:
        """How long it is on the screen: a clip by its trims, a picture as long as it stands; None while nobody can say."""
        if self.clip_s is not None:
            start, end = self.in_s or 0.0, min(self.out_s or self.clip_s, self.clip_s)
            return round(end - start, 3) if end > start else self.clip_s  # trims that were another clip's
        return self.duration_s or (None if self.headliner_asset_id is None else STILL_S)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def progress(self) -> Progress:
        """How far it is. A verdict is about a take: another headliner has none yet."""
        if self.headliner_asset_id is None:
            return Progress.NO_TAKE
        if self.headliner_asset_id != self.reviewed_asset_id:
            return Progress.PICKED
        if self.changes_wanted:
            return Progress.CHANGES_WANTED
        return Progress.APPROVED if self.approvals else Progress.IN_REVIEW

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def cover_url(self) -> str | None:
        """What the shot looks like by now, None before the first take."""
        return media_url(self.cover_key)


RowOutcome: TypeAlias = Literal["new", "changed", "same", "here", "refused"]


class ShotRow(Record):
    """What a row of a table of shots comes to."""

    row: int = Field(description="as a spreadsheet counts them, from 1")
    outcome: RowOutcome = Field(
        description="`new`; `changed`; `same`: nothing to change; `here`: there already and left alone; `refused`"
    )
    code: str = Field(description="of the shot, the one it will be given too")
    name: str
    fields: Json = Field(description="what is stored of it, by the fields of a box; what stays as it is, is left out")
    problems: tuple[str, ...] = Field((), description="why it is refused, in the reader's language")


class ShotTable(Record):
    """A table of shots, read: what bringing it in would do."""

    rows: tuple[ShotRow, ...]
    columns: dict[str, str] = Field(description="the heading of each field of a box that is read")
    unread: tuple[str, ...] = Field((), description="headings of columns that are not read")

    def of(self, *outcomes: RowOutcome) -> tuple[ShotRow, ...]:
        """The rows that come to this."""
        return tuple(row for row in self.rows if row.outcome in outcomes)


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
    proxy_key: str | None = Field(None, description="what browsers show where they cannot show the original")
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
    leaves_at: datetime | None = Field(None, description="when it goes to the trash unless somebody marks it")
    missing_at: datetime | None = Field(None, description="since when its file cannot be found")
    trashed_at: datetime | None = None
    purged_at: datetime | None = Field(None, description="since when its files are gone; its recipe and thumbnail stay")

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def file_url(self) -> str | None:
        """The original, for who may see it."""
        return None if self.purged_at else media_url(self.file_key)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def thumbnail_url(self) -> str | None:
        """640 pixels wide at most."""
        return media_url(self.thumb_key)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def preview_url(self) -> str | None:
        """The hover preview of a clip."""
        return None if self.purged_at else media_url(self.preview_key)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def shown_url(self) -> str | None:
        """What a browser can show in full size: the original, or what was made from it for browsers."""
        return None if self.purged_at else media_url(self.proxy_key or self.file_key)


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
    attention: Attention | None = Field(None, description="why a person is asked")
    answers: tuple[Answer, ...] = Field((), description="what a person can decide about it now")


class Rights(Record):
    """Whose an uploaded file is and what may be done with it, as who brought it says. All of it may stay empty."""

    owner: str = ""
    licence: str = ""
    note: str = ""


class Upload(Record):
    """What is told of a file that comes. The same `id` again is the same take, so a lost answer doubles nothing.

    `name`: what it was called, only to be shown. `size`: its bytes in all, None when it comes in one piece whose length
    nobody knows. `offset`: the bytes of it that were sent before.
    """

    id: UUID = Field(default_factory=new_id)
    name: str = ""
    size: int | None = Field(None, ge=0)
    offset: int = Field(0, ge=0)
    rights: Rights = Rights()


class Uploaded(Record):
    """A file that became a take. `twin`: another take of the same project with the very same file, the newest."""

    take: Take
    twin: Take | None = None


class Arriving(Record):
    """How far an upload is: its bytes that are here, and what it became once it is whole."""

    bytes: int
    done: Uploaded | None = None


class RefusedFile(Record):
    """A file that was not taken: its name, the error's code, and its sentence in the actor's language."""

    name: str
    code: str
    detail: str


class Drop(Record):
    """What became of files that came together."""

    uploaded: tuple[Uploaded, ...] = ()
    refused: tuple[RefusedFile, ...] = ()


class Judgement(Record):
    """What people think of takes, said absolutely: said twice it changes nothing. None leaves a thing as it is."""

    is_favorite: bool | None = None
    rating: int | None = Field(None, ge=0, le=5)
    trashed: bool | None = Field(None, description="in the trash, its files kept; false puts it back")


class Mark(Judgement):
    """What people think of one take."""

    asset_id: UUID
    is_headliner: bool | None = Field(None, description="stands for its shot; false takes that away from it")


class Refusal(Record):
    """A mark that was not made: the error's code, and its sentence in the actor's language."""

    asset_id: UUID
    code: str
    detail: str


class Marked(Record):
    """What became of marks. A refused one changed nothing, the others were made."""

    takes: tuple[Take, ...] = Field(description="as they are now: those marked, and headliners that had to make room")
    refused: tuple[Refusal, ...] = ()


class Generation(Record):
    """One paid submission: the engine's truth about it. `task` holds the ids and URLs the provider gave.

    `state` is the engine's alone: how far the submission is, whatever people think of it. `attention` and `decision` lie
    over it: a late take is still polled, a cancelled one still followed for its cost. `status` is what people see.
    """

    id: UUID
    asset_id: UUID
    project_id: UUID
    box_id: UUID
    batch_id: UUID | None = None
    provider: str
    model: str
    snapshot: str = Field(description="sha256 of the provider file's content that makes it")
    params: Json
    inputs: tuple[AssetInput, ...] = ()
    request: Json | None = Field(None, description="as rendered, secrets masked")
    task: Json = Field(default_factory=dict)
    task_id: str | None = Field(None, description="the provider's id for it")
    state: State
    since: datetime | None = Field(None, description="when it came into this state")
    attention: Attention | None = None
    decision: Status | None = Field(None, description="a person's last word: CANCELLED, or FAILED when given up")
    turn: int = Field(0, description="how often a person has spoken; what a step found out before that does not count")
    asked_at: datetime | None = Field(None, description="since when it is looked after anew, at a person's wish")
    is_batch: bool = Field(False, description="one of many: lets those pass that somebody is waiting for")
    attempts: int = 0
    next_at: datetime
    owner: str | None = None
    lease_until: datetime | None = None
    submitted_at: datetime | None = None
    cost_estimate: float | None = None
    cost_actual: float | None = None
    cost_unit: str | None = None
    currency: str | None = Field(None, description="the project's, as of the order; None for play and without a rate")
    rate: float | None = Field(None, description="what one unit cost in it then")
    error_code: str | None = None
    created_by: UUID
    created_at: datetime

    @property
    def amount(self) -> float | None:
        """The estimate in the project's currency; None for play and without a rate."""
        return None if self.cost_estimate is None or self.rate is None else self.cost_estimate * self.rate

    @property
    def may_be_paid(self) -> bool:
        """Whether it left this house at least once."""
        return self.state is not State.PENDING or self.error_code == REPLAY

    @property
    def status(self) -> Status:
        """What people see of it."""
        if self.decision is not None:
            return self.decision
        return self.state.status if self.attention is None else Status.ATTENTION


class QueueItem(Record):
    """A take on its way, waiting for a person, or failed of late. Times are aware and in UTC."""

    asset_id: UUID
    number: int
    asset_type: AssetType
    status: Status
    error_message: str | None
    project_id: UUID
    project_name: str
    box_id: UUID
    box_code: str
    box_name: str
    role: Role = Field(description="the reader's own in its project")
    prompt_text: str = Field(description="how its prompt begins")
    thumb_key: str | None = Field(None, description="of the picture it starts from, else of the shot's cover")
    placeholder: str | None = None
    provider: str
    provider_title: str
    model: str
    model_title: str
    step: Step | None = Field(description="None when nothing happens before a person decides")
    since: datetime = Field(description="when it came to this step")
    position: int | None = Field(
        None, description="how many go before it at its provider, itself included; while WAITING"
    )
    ordered_at: datetime
    created_by: UUID
    created_by_name: str
    batch_id: UUID | None
    is_paused: bool = Field(False, description="it waits because its batch is paused")
    cost_estimate: float | None
    cost_unit: str | None
    attention: Attention | None
    answers: tuple[Answer, ...] = Field((), description="what can be decided about it now, by an EDITOR or OWNER")

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def thumbnail_url(self) -> str | None:
        """What its shot looks like by now, or the picture it starts from."""
        return media_url(self.thumb_key)


class QueueSummary(Record):
    """How much of a project is in the queue."""

    project_id: UUID
    project_name: str
    role: Role = Field(description="the reader's own")
    in_flight: int
    attention: int = Field(description="takes that wait for a person")


class Decided(Record):
    """What became of a deed on many takes. A refused one changed nothing, the others were done."""

    takes: tuple[Take, ...] = Field(description="as they are now; for what was ordered again the new ones")
    refused: tuple[Refusal, ...] = ()


class ProviderHealth(Record):
    """How a provider has been doing since this process started."""

    provider: str
    title: str
    last_success_at: datetime | None = Field(None, description="when it last delivered")
    error_rate: float | None = Field(None, description="0 to 1, of its last 50 answers; None without any")
    paused_until: datetime | None = Field(None, description="it asked to wait until then")
    in_flight: int = Field(0, description="submissions under way or at the provider")
    most: int | None = Field(None, description="of these at once, as its file says; None for one without a file")
    waiting: int = Field(0, description="in line for a slot")


class KeyState(Record):
    """What people may know of a provider's key."""

    name: str
    source: Literal["missing", "store", "environment"] = "missing"
    is_usable: bool = False
    ends: str = Field("", description="its last four characters; empty for a short one")
    says: str = Field("", description="why it cannot be read, and what to do")


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
    terms: Json | None = Field(None, description="what the provider lets people do with the takes; None: not known")

    @property
    def needs_take(self) -> bool:
        """Whether words alone are not enough: there is a take that it starts from."""
        return any(declared["min"] for declared in self.inputs)


class AIProvider(Record):
    """A provider as an admin sees it."""

    slug: str
    title: str
    docs: str = ""
    base_url: str = Field(description="where it is asked")
    is_base_url_changed: bool = Field(False, description="an admin gave another address than its file")
    is_active: bool = Field(True, description="switched on")
    may_be_private: bool = Field(False, description="an admin allowed an address inside a private network")
    is_usable: bool = False
    says: str = Field("", description="why it cannot be used, and what to do")
    keys: tuple[KeyState, ...] = ()
    can_be_tested: bool = Field(False, description="its file has a free request that tells the credit")
    is_shipped: bool = Field(True, description="a file of it came with apom")
    differs: tuple[str, ...] = Field((), description="parts of the file that an admin changed")
    is_shipped_newer: bool = Field(False, description="the shipped file has changed since an admin edited it")
    is_play: bool = False
    models: tuple[str, ...] = ()
    offers: tuple[AIModel, ...] = Field((), description="the same with prices and terms, usable or not")
    first_paid: str = Field("", description="the title of the cheapest model that costs something")
    first_paid_price: Json | None = Field(None, description="what one take of it is estimated to cost")


class Trial(Record):
    """A take that the operator ordered, and its file on the server's disk."""

    take: Asset
    path: Path | None = None


class ProviderTest(Record):
    """What the free question after the credit said."""

    slug: str
    says: str
    balance: float | None = None
    unit: str = ""


class JobState(StrEnum):
    """How far a job is."""

    PENDING = "PENDING"  # waits for its turn
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"  # by a person
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"  # by a person


OPEN_JOBS = (JobState.PENDING, JobState.RUNNING, JobState.PAUSED)


class Job(Record):
    """Long work that is no generation. `result`: what came of it; while it is open, where another run would go on."""

    id: UUID
    kind: str
    project_id: UUID | None = None
    state: JobState
    progress: float = Field(0, description="0 to 1")
    request: Json = Field(default_factory=dict)
    result: JsonValue = None
    error_message: str | None = None
    created_by: UUID
    created_at: datetime
    updated_at: datetime


class ArchiveArriving(Record):
    """How far a project archive is on its way: its bytes that are here, and the job that brings it in once it is whole."""

    bytes: int
    job: Job | None = None


class Spending(Record):
    """What a project has spent, in its own currency. Play prices are no money."""

    project_id: UUID
    currency: str
    budget: float | None
    spent: float | None = Field(description="None when a part of it is in a currency without a rate")
    promised: float | None = Field(description="what is ordered and not done yet will cost; None as for `spent`")
    unpriced: int = Field(0, description="submissions whose price nobody knows; they are in none of the sums")


class Allowance(Record):
    """What a person spent in this month and may still spend, in the studio's currency. Play prices are no money."""

    month: datetime = Field(description="its first day, in UTC")
    currency: str
    limit: float | None = Field(description="None for no limit")
    spent: float | None = Field(description="None when a part of it is in a currency without a rate")
    promised: float | None = Field(description="what is ordered and not done yet will cost; None as for `spent`")
    left: float | None = Field(description="None without a limit, and when it is not known")
    unpriced: int = Field(0, description="submissions whose price nobody knows; they are in none of the sums")


class StatementRow(Record):
    """What a person spent at a provider for a project in a month."""

    month: datetime = Field(description="its first day, in UTC")
    provider: str
    project_id: UUID
    project_name: str | None = Field(description="None when the project is gone")
    user_id: UUID
    username: str | None
    unit: str | None
    is_play: bool = Field(description="play prices: no money")
    takes: int
    units: float | None = Field(description="in the provider's unit")
    currency: str | None
    amount: float | None = Field(description="in the project's currency, at the rate of that day")
    unpriced: int = Field(description="submissions without a rate; they are not in `amount`")


class SpendingDay(Record):
    """What was spent on a model on a day, by all who may be seen."""

    day: datetime = Field(description="its beginning, in UTC")
    provider: str
    model: str
    unit: str | None
    is_play: bool = Field(description="play prices: no money")
    takes: int
    units: float | None = Field(description="in the provider's unit")
    currency: str | None
    amount: float | None = Field(description="in the project's currency, at the rate of that day")
    unpriced: int = Field(description="submissions without a rate; they are not in `amount`")


class BalanceChange(Record):
    """How a provider's credit changed within a month, beside what our own entries say of the same time, in its unit."""

    provider: str
    title: str
    month: datetime = Field(description="its first day, in UTC")
    unit: str | None
    is_play: bool = Field(description="play prices: no money")
    first: float = Field(description="the month's first reading")
    first_at: datetime
    last: float
    last_at: datetime
    fell: float = Field(description="the sum of what it lost from reading to reading")
    rose: float = Field(description="the sum of what it gained: credit that was bought")
    entered: float = Field(description="the sum of our entries between the two readings")
    unpriced: int = Field(description="of these, entries without a price; they are not in `entered`")
    difference: float = Field(description="`fell` without `entered`: above 0, somebody else bought there too")


class SystemSetting(Record):
    """A key of SystemConfig."""

    key: str
    kind: Literal["bool", "int", "str", "dict"]
    value: JsonValue = Field(description="in force")
    default: JsonValue
    help: str


def _id_of(thing: object) -> object:
    return getattr(thing, "id", thing)


def _several(thing: object) -> object:
    return (thing,) if isinstance(thing, str | int | UUID | Record) else thing


Id = Annotated[UUID, BeforeValidator(_id_of)]  # a record will do
Several = BeforeValidator(_several)  # one thing will do


class BatchInput(Record):
    """A take that goes into all of a batch, and what it is to the models."""

    role: InputRole
    asset_id: Id | None = Field(description="None: the headliner of each shot")


class BatchOrder(Record):
    """What a person asks for at once: each prompt with each model in each shot with each seed. Said twice counts once."""

    prompts: Annotated[tuple[str, ...], Several] = Field((), description="`{a|b}` in one of them makes two")
    own_prompts: bool = Field(False, description="each shot's own prompt, in place of `prompts`")
    models: Annotated[tuple[str, ...], Several] = Field(description="as `provider/name`")
    boxes: Annotated[tuple[Id, ...], Several] = Field(description="shots of one project")
    seeds: Annotated[tuple[int, ...], Several] = Field(
        (), description="a take for each; none: `n` takes with seeds by chance"
    )
    n: int = Field(1, description="takes of each combination; counts where no seeds are named")
    params: Json = Field(default_factory=dict, description="by the models' own names: each goes to those that have it")
    options: dict[OptionRole, JsonValue] = Field(
        default_factory=dict, description="by what they mean (`x-role`), asked of every model under its own name for it"
    )
    inputs: tuple[BatchInput, ...] = ()
    with_style: bool = Field(
        True, description="the project's style follows each prompt; edits of a take are never given it"
    )
    name: str = ""


class Reason(Record):
    """Why an order is refused: the error's code, and its sentence in the actor's language."""

    code: str
    detail: str
    field: str | None = Field(
        None, description="what it belongs to: `prompts.0`, `boxes.2`, `params.steps`; None: the whole"
    )
    model: str | None = Field(None, description="as `provider/name`; None when it is not one model alone that minds")


class BatchLine(Record):
    """What a batch orders of one model."""

    model: str
    title: str
    count: int
    price: float | None = Field(description="of one take, in `unit`; None when nobody knows")
    unit: str | None
    amount: float | None = Field(description="of all, in the plan's currency; None for play and when nobody knows")
    is_play: bool = Field(description="play prices: no money")
    left_out: tuple[str, ...] = Field((), description="parameters that this model does not have")


class BatchPlan(Record):
    """What an order would come to."""

    takes: int
    prompts: tuple[str, ...] = Field(description="with their alternatives written out")
    lines: tuple[BatchLine, ...]
    currency: str = Field(description="the project's")
    amount: float | None = Field(description="of all lines but play; None when a part of it is not known")
    reasons: tuple[Reason, ...] = Field((), description="why it would be refused; none: it can be ordered")


class Batch(Record):
    """Many takes ordered at once. One that was ordered again counts no more; its successor does."""

    id: UUID
    project_id: UUID
    name: str
    recipe: BatchOrder
    is_paused: bool = Field(description="nothing more of it is sent")
    counts: dict[Status, int]
    takes: int = Field(description="the sum of `counts`")
    retriable: int = Field(description="takes that would be ordered again")
    estimate: float | None = Field(description="when it was ordered, in `unit`; None without a common one")
    unit: str | None
    amount: float | None = Field(description="the estimate in `currency`, without play; None when it was not known")
    currency: str = Field(description="the project's")
    spent: float | None = Field(description="so far, in `currency`, without play; None when a part has no rate")
    created_by: UUID
    created_by_name: str
    created_at: datetime
    updated_at: datetime


class Round(Record):
    """What a review link shows: published once, never the live board."""

    id: UUID
    project_id: UUID
    number: int
    note: str = ""
    published_at: datetime
    published_by: UUID
    soundtrack_asset_id: UUID | None = None


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
    project_name: str = ""
    has_password: bool = False
    visits: int = Field(0, description="how often it was opened, reloads within half an hour not counted")
    comments: int = Field(0, description="written through it")
    last_seen_at: datetime | None = Field(None, description="when somebody last looked through it")

    @property
    def last_day(self) -> date:
        """The last day that it works on for its whole length, wherever on Earth."""
        return (self.expires_at - LAST_ON_EARTH - timedelta(microseconds=1)).date()


class MadeLink(Record):
    """A new review link. Its token and its address are here and nowhere else."""

    link: SharedLink
    token: str = Field(repr=False)
    url: str = Field(repr=False, description="what to send")
    is_local: bool = Field(description="only this computer can open it: APOM_PUBLIC_URL says where others reach us")


class Reviewer(Record):
    """A browser that looks through a review link, and who says to sit before it."""

    id: UUID
    link_id: UUID
    project_id: UUID
    name: str = ""
    admitted_at: datetime | None = Field(None, description="when it gave the link's password")
    round_seen: int | None = Field(None, description="the last round that it was shown, by number")
    round_before: int | None = Field(None, description="the one it had been shown before what is new to it")
    visit_at: datetime = Field(description="when this visit began")
    before_at: datetime | None = Field(None, description="when the visit before this one ended")
    seen_at: datetime
    created_at: datetime


class LinkActivity(Record):
    """Something that was done with a review link."""

    id: UUID
    link_id: UUID
    at: datetime
    action: LinkAction
    name: str = Field(description='of who did it, as they call themselves; "" before they did')
    box_code: str | None = None
    box_name: str | None = None


class RoundShot(Record):
    """A shot as a round froze it."""

    round_id: UUID
    position: int
    box_id: UUID
    code: str
    name: str
    asset_id: UUID | None = None
    in_s: float | None = None
    out_s: float | None = None
    duration_s: float | None = Field(None, description="how long a picture stands in the cut")


Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]  # of the frame's width or height
Point: TypeAlias = tuple[Unit, Unit]


class Pin(Record):
    """A spot on the frame."""

    kind: Literal["pin"] = "pin"
    x: Unit
    y: Unit


class Area(Record):
    """A box on the frame, by its upper left corner."""

    kind: Literal["box"] = "box"
    x: Unit
    y: Unit
    width: Unit
    height: Unit


class Strokes(Record):
    """Lines drawn by hand."""

    kind: Literal["strokes"] = "strokes"
    lines: Annotated[
        tuple[Annotated[tuple[Point, ...], Field(min_length=1, max_length=400)], ...],
        Field(min_length=1, max_length=20),
    ]


Region: TypeAlias = Annotated[Pin | Area | Strokes, Field(discriminator="kind")]


class Comment(Record):
    """Something that was said about a take, by a member or through a review link."""

    id: UUID
    project_id: UUID
    box_id: UUID
    box_code: str
    box_name: str
    asset_id: UUID | None = None
    take_number: int | None = None
    round_id: UUID | None = None
    round_number: int | None = None
    link_id: UUID | None = Field(None, description="the link it came through; None: a member's")
    link_label: str | None = None
    user_id: UUID | None = None
    parent_comment_id: UUID | None = Field(None, description="what it answers")
    author_name: str
    text: str
    visibility: Visibility
    region: Region | None = None
    timecode_s: float | None = Field(None, description="the moment of the clip it is about")
    end_s: float | None = Field(None, description="where a range of it ends")
    is_read: bool = False
    is_resolved: bool = False
    is_hidden: bool = Field(False, description="kept from those behind links")
    created_at: datetime
    updated_at: datetime = Field(description="when its text was last changed")


class Verdict(Record):
    """What somebody said of a take in a round. Appended: who thinks again says it again."""

    id: UUID
    project_id: UUID
    round_id: UUID
    round_number: int
    box_id: UUID
    box_code: str
    asset_id: UUID | None = None
    take_number: int | None = None
    link_id: UUID | None = Field(None, description="the link it came through; None: a member's")
    user_id: UUID | None = None
    name: str
    verdict: Opinion
    is_read: bool = False
    created_at: datetime


class InboxItem(Record):
    """A comment or a verdict of somebody else, as the inbox shows it."""

    id: UUID
    kind: Literal["comment", "verdict"]
    at: datetime
    is_read: bool
    is_resolved: bool = False
    is_hidden: bool = False
    project_id: UUID
    project_name: str
    role: Role = Field(description="the reader's own, in that project")
    box_id: UUID
    box_code: str
    box_name: str
    asset_id: UUID | None = None
    take_number: int | None = None
    asset_type: AssetType | None = None
    thumb_key: str | None = None
    placeholder: str | None = None
    round_number: int | None = None
    link_label: str | None = Field(None, description="the link it came through; None: a member's")
    author_name: str
    text: str = ""
    visibility: Visibility
    region: Region | None = None
    timecode_s: float | None = None
    end_s: float | None = None
    parent_comment_id: UUID | None = None
    verdict: Opinion | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def thumbnail_url(self) -> str | None:
        """The take it is about."""
        return media_url(self.thumb_key)


class Unread(Record):
    """How much of a project nobody has read yet."""

    project_id: UUID
    project_name: str
    unread: int


class NoticeKind(StrEnum):
    """What people are told of."""

    COMMENT = "COMMENT"  # somebody else's, or a client's
    VERDICT = "VERDICT"  # approved, or changes wanted
    ATTENTION = "ATTENTION"  # a take of theirs waits for a person
    BUDGET = "BUDGET"  # 80 % of a project's budget, or of their own month, is gone or promised
    BATCH = "BATCH"  # a batch of theirs is done
    WEBHOOK = "WEBHOOK"  # a webhook of theirs no longer works and was turned off: always in the app


class Channel(StrEnum):
    """How they are told."""

    APP = "APP"  # by the bell on every page
    MAIL = "MAIL"  # with others, in a digest
    POST = "POST"  # at once, to their webhooks


class Digest(StrEnum):
    """How often a mail is sent, where there is something to say."""

    SOON = "SOON"  # a minute after the first
    HOURLY = "HOURLY"
    DAILY = "DAILY"  # in the morning, 6:00 UTC


class Notification(Record):
    """What somebody is told. `title` and `text` are in their language; `path` leads to it, below the server's address.

    `text`: what was said, cut to 500 characters, or figures; `n`: how many takes it is about.
    """

    id: UUID
    kind: NoticeKind
    at: datetime
    is_read: bool
    title: str
    text: str = ""
    path: str
    n: int = 1
    project_id: UUID | None = None
    project_name: str = ""
    box_id: UUID | None = None
    shot: str = Field("", description="its code and name")
    asset_id: UUID | None = None
    batch_id: UUID | None = None
    person: str = Field("", description="who said or decided it")
    thumb_key: str | None = None
    placeholder: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way
    @property
    def thumbnail_url(self) -> str | None:
        """The take it is about."""
        return media_url(self.thumb_key)


class NotificationSettings(Record):
    """What somebody hears of by which way. `mail_ready`: the server can send mail; `email`: where theirs goes."""

    channels: dict[NoticeKind, tuple[Channel, ...]]
    digest: Digest
    email: str | None
    mail_ready: bool


class Preset(StrEnum):
    """How a webhook's body looks, and what has to be escaped in it."""

    PLAIN = "PLAIN"  # JSON with every placeholder
    SLACK = "SLACK"  # Slack, Mattermost, Rocket.Chat
    DISCORD = "DISCORD"
    TELEGRAM = "TELEGRAM"  # the template needs the id of the chat


class Webhook(Record):
    """Where somebody has notifications posted. The address and the secret are shown to nobody again."""

    id: UUID
    name: str
    shown: str = Field(description="the host of its address")
    preset: Preset
    template: str = Field(description="JSON with {placeholders} in its texts")
    is_active: bool
    last_ok_at: datetime | None = None
    last_error: str | None = Field(None, description="why the last post failed; None when it went well")
    failing_since: datetime | None = None
    created_at: datetime


class MadeWebhook(Record):
    """A new webhook with its secret, which is shown this once: what its posts are signed with."""

    webhook: Webhook
    secret: str = Field(repr=False)


# What one sees behind a review link: these records and nothing else. No cost, no seed, no model, no member's name but
# beside what a member said to clients.


class ReviewDoor(Record):
    """What a link says before anything else."""

    asks_password: bool


class ReviewTake(Record):
    """A take as a round shows it."""

    id: UUID
    number: int
    asset_type: AssetType
    file_url: str | None
    thumbnail_url: str | None
    preview_url: str | None
    placeholder: str | None
    mime: str | None
    width: int | None
    height: int | None
    duration_s: float | None
    fps: float | None
    prompt_text: str | None = Field(None, description="None unless the link shows prompts")


class ReviewShot(Record):
    """A shot of the last round."""

    box_id: UUID
    code: str
    name: str
    in_s: float | None
    out_s: float | None
    duration_s: float | None
    take: ReviewTake | None
    previous: ReviewTake | None = Field(description="the take of the round before, where it was another one")
    changed: Literal["new", "take", "trim"] | None = Field(description="since the reviewer's last visit")
    verdict: Opinion | None = Field(description="the reviewer's own last word in this round")
    approvals: int
    changes_wanted: int


class ReviewRoom(Record):
    """All that a link shows of the last round, beside the comments."""

    project_name: str
    fps: float
    width: int
    height: int
    can_comment: bool
    can_approve: bool
    can_download: bool
    round_id: UUID | None = Field(description="None before the first round")
    round_number: int | None
    note: str
    published_at: datetime | None
    shots: tuple[ReviewShot, ...]
    soundtrack: ReviewTake | None = Field(None, description="what plays under the cut")
    name: str = Field(description='what the reviewer calls themself; "" before they did')
    last_visit_at: datetime | None


class ReviewComment(Record):
    """A comment as those behind a link read it."""

    id: UUID
    box_id: UUID
    asset_id: UUID
    round_number: int | None
    parent_comment_id: UUID | None
    author_name: str
    is_guest: bool
    is_mine: bool
    text: str
    region: Region | None
    timecode_s: float | None
    end_s: float | None
    is_resolved: bool
    created_at: datetime
    updated_at: datetime


Paper: TypeAlias = Literal["A4", "Letter"]
TableName: TypeAlias = Literal["shots", "takes", "costs"]
Layout: TypeAlias = Literal["grid", "storyboard", "script"]  # storyboard: words below pictures; script: beside them
Grid: TypeAlias = Literal["2x2", "3x2", "4x3", "5x4", "6x5"]  # across and down
Which: TypeAlias = Literal["headliners", "favourites", "all"]
Delivered: TypeAlias = Literal["headliners", "round", "favourites", "all"]  # round: what was published last


class Exported(Record):
    """A file that was written. `name`: what it is called as a download; `remarks`: what is missing, in the reader's words."""

    path: Path
    name: str
    mime: str
    bytes: int
    remarks: tuple[str, ...] = ()


class ExportFormat(Record):
    """What a project can leave as. `choices`: a JSON schema of each thing one may choose; `chosen`: what one chose last."""

    name: str
    title: str
    about: str
    icon: str
    ext: str
    is_long: bool = Field(description="made as a job, and fetched when it is done")
    choices: Json
    chosen: Json = Field(default_factory=dict)


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

    type: str = Field(
        description="hello, asset_status_changed, assets_changed, boxes_changed, project_changed, batch_changed, "
        "job_changed, comment, verdict, round, links_changed, notified"
    )
    project_id: UUID | None = Field(None, description="null only where it is about one person")
    version: int = 0
    user_id: UUID | None = Field(None, description="the only person who hears of it")
    box_id: UUID | None = None
    asset_id: UUID | None = None
    asset_ids: tuple[UUID, ...] = Field((), description="where several changed together")
    batch_id: UUID | None = None
    job_id: UUID | None = None
    status: Status | None = None
    comment_id: UUID | None = None
    visibility: Visibility | None = Field(None, description="of a comment")


class HealthPart(Record):
    """How a part of the process is. `says`: a sentence, with what to do where it is not well."""

    name: str = Field(description="store, engine, jobs")
    ok: bool
    says: str


class Health(Record):
    """How the process is: `ok` when all of its parts are."""

    ok: bool
    version: str
    store: bool
    engine_age_s: float | None = Field(description="since the engine's last tick; None when it does not run")
    in_flight: int = 0
    parts: tuple[HealthPart, ...] = ()


class Held(StrEnum):
    """Why the cleaning did nothing and waits for a person's word."""

    CLOCK = "CLOCK"  # more than a day has passed since it last looked at the clock: is the clock right?
    SHARE = "SHARE"  # a large part of all takes would go at once


class RetentionPlan(Record):
    """What the next cleaning does, as of now: takes, and bytes of their originals."""

    days: int = Field(description="days without activity until nobody's takes go; 0: never")
    trash_days: int = Field(description="days in the trash until the files go")
    takes: int = Field(description="in all, without the trash")
    leaving: int = Field(description="go within the next days, unless somebody marks them")
    leaving_bytes: int
    to_trash: int = Field(description="of these, now")
    to_trash_bytes: int
    to_purge: int = Field(description="in the trash for long enough that their files go now")
    to_purge_bytes: int
    held: Held | None = Field(None, description="why a person has to confirm it")


class RetentionRun(Record):
    """What a cleaning did. `started_by`: a user name, `operator`, or `apom` by itself."""

    id: UUID
    happened_at: datetime
    started_by: str
    held: Held | None = Field(None, description="why it did nothing")
    takes: int = Field(description="in all, before it, without the trash")
    announced: int = 0
    trashed: int = 0
    trashed_bytes: int = 0
    purged: int = 0
    purged_bytes: int = 0


class Emptied(Record):
    """What emptying a trash did: takes whose files go, their bytes, and takes that stay because others need them."""

    purged: int
    purged_bytes: int
    kept: int


class StorageUse(Record):
    """What a project takes up, or a box of one: takes and bytes of their originals; what is purged takes up nothing."""

    project_id: UUID
    project_name: str
    box_id: UUID | None = None
    code: str | None = None
    box_name: str | None = None
    takes: int = Field(description="without the trash")
    sounds: int = Field(0, description="of the takes")
    bytes: int
    trashed: int
    trashed_bytes: int
    leaving: int = Field(description="of the takes: they go to the trash soon unless somebody marks them")
    leaving_bytes: int
    missing: int = Field(description="of the takes: their files cannot be found")


class Sweep(Record):
    """What looking through the storage has found: `strays` are files that no row names for a day and more.

    `missing`: takes whose files cannot be found. `is_held`: so many strays that a person has to confirm it.
    """

    id: UUID
    happened_at: datetime
    started_by: str
    is_held: bool
    files: int
    bytes: int
    strays: int
    stray_bytes: int
    removed: int
    missing: int


class StoreInfo(Record):
    """The store, as its operator sees it."""

    url: str = Field(description="without its password")
    schema_version: int = Field(description="the last migration applied; 0: nothing is there yet")
    bytes: int = Field(description="on disk, the write-ahead log included")
    rows: dict[str, int] = Field(description="of each table")
    newest_row_at: datetime | None = Field(description="when something last happened")
    newest_snapshot_at: datetime | None = Field(description="None without one")
    missing: int = Field(0, description="takes whose files could not be found when they were last looked for")


class Backup(Record):
    """A copy of everything in a folder. `copied`: files that were new there; `missing`: files that could not be found."""

    name: str
    path: str
    bytes: int = Field(description="of the store's copy")
    copied: int
    missing: int


class Restored(Record):
    """What was put back: rows and files; `missing` and `damaged` files are not in the backup as they should be."""

    name: str
    rows: int
    files: int
    missing: int
    damaged: int


class Snapshot(Record):
    """A consistent copy of the store in a file beside it."""

    name: str
    path: str
    bytes: int
    made_at: datetime
