"""The shapes of a provider file, top to bottom. Everything is data: secrets by name, no code.

`providers/schema.json` is `schema_text()`: write it again when a shape changes; a test compares them.
"""

from __future__ import annotations

import json
import re
from datetime import date
from functools import reduce
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import Field, PrivateAttr, field_validator, model_validator

from apom.errors import Invalid
from apom.models import AssetType, InputRole, Json
from apom.providers.expressions import Expression
from apom.providers.parameters import Name, ParametersSchema, Shape
from apom.providers.template import AddressTemplate, Template, TextTemplate

Kind: TypeAlias = Literal[
    "rate_limited", "auth", "no_credit", "moderated", "rejected", "maintenance", "transient", "failed", "unknown"
]
Progress: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Title = Annotated[str, Field(min_length=1, max_length=80)]
SecretName = Annotated[str, Field(description="the NAME of the secret, such as KIE_API_KEY; never the key itself")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
Block = TypeVar("Block", bound=Shape)

SECRET_NAME = re.compile(r"[A-Z][A-Z0-9]{0,30}(_[A-Z0-9]{1,30}){1,5}")
TTL = r"^[1-9]\d*[smhd]$"
SECRET_HEADERS = frozenset(["authorization", "proxy-authorization", "cookie", "x-api-key", "x-key", "x-goog-api-key"])


def merged(shared: Json, own: Json) -> Json:
    """`own` laid over `shared`, object by object; null takes a key away."""
    result = dict(shared)
    for key, value in own.items():
        below = result.get(key)
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def seconds(ttl: str) -> float:
    """`90s`, `30m`, `24h`, `14d` in seconds."""
    return float(ttl[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[ttl[-1]]


def need_name(secret: str) -> str:
    """The name of a secret. Raises ValueError for what may be the secret itself."""
    if not SECRET_NAME.fullmatch(secret):
        raise ValueError("write the secret's name here, such as KIE_API_KEY, and keep the key itself out of the file")
    return secret


class NoAuth(Shape):
    """No key."""

    type: Literal["none"]


class Keyed(Shape):
    """A key, by the name under which it is kept."""

    secret: SecretName

    @field_validator("secret")
    @classmethod
    def _is_a_name(cls, secret: str) -> str:
        return need_name(secret)


class BearerAuth(Keyed):
    """`Authorization: Bearer KEY`."""

    type: Literal["bearer"]


class HeaderAuth(Keyed):
    """`name: prefixKEY`, for example name `Authorization` and prefix `Key `."""

    type: Literal["header"]
    name: HeaderName
    prefix: str = Field("", pattern=r"^[\x20-\x7e]*$")


class QueryAuth(Keyed):
    """The key as the parameter `name` of every address."""

    type: Literal["query"]
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")


class BasicAuth(Keyed):
    """HTTP Basic: `user`, which is no secret, and the secret as its password."""

    type: Literal["basic"]
    user: str = Field("", pattern=r"^[\x20-\x39\x3b-\x7e]*$")


class JwtAuth(Keyed):
    """`Authorization: Bearer JWT`, signed with HS256 for each request: issuer, valid for `ttl`, and from 5 s ago."""

    type: Literal["jwt_hs256"]
    issuer: SecretName
    ttl: str = Field("30m", pattern=TTL)

    @field_validator("issuer")
    @classmethod
    def _issuer_is_a_name(cls, issuer: str) -> str:
        return need_name(issuer)

    @property
    def valid_s(self) -> float:
        """How long a token is good."""
        return seconds(self.ttl)


Auth = Annotated[NoAuth | BearerAuth | HeaderAuth | QueryAuth | BasicAuth | JwtAuth, Field(discriminator="type")]


class Rate(Shape):
    """`count` requests in `per_s` seconds."""

    count: int = Field(10, ge=1)
    per_s: float = Field(10, gt=0)


class Limits(Shape):
    """What the provider takes: new submissions, questions about running ones, and how many it works on at once."""

    submit: Rate = Rate()
    poll: Rate = Rate(count=100, per_s=10)
    concurrent: int = Field(8, ge=1)


class ErrorPaths(Shape):
    """Where code and message of an error stand."""

    code: Expression | None = None
    message: Expression | None = None


class Response(Shape):
    """What every answer has in common. `ok`: true, and nothing less, when the call succeeded; by status AND body."""

    ok: Expression = "status < `400`"
    error: ErrorPaths = ErrorPaths()


class Rule(Shape):
    """An answer that is not ok and for which `when` holds is of this kind; the first rule that holds counts."""

    when: Expression
    kind: Kind = Field(alias="as")


class Request(Shape):
    """A request. `path` is below base_url, `url` stands alone; `auth`: false leaves the key out."""

    method: Literal["GET", "POST", "PUT", "DELETE"] = "GET"
    path: AddressTemplate | None = Field(None, pattern=r"^/([^/].*)?$")
    url: AddressTemplate | None = Field(None, pattern=r"^(https?://[^/{}?#]+(/.*)?|\{\{[^{}]+\}\})$")
    query: dict[str, TextTemplate] = Field(default_factory=dict)
    headers: dict[HeaderName, TextTemplate] = Field(default_factory=dict)
    body: Template | None = Field(None, alias="json")
    multipart: dict[str, TextTemplate] | None = None
    auth: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Request:
        if (self.path is None) == (self.url is None):
            raise ValueError("a request has either a path or a url")
        if self.body is not None and self.multipart is not None:
            raise ValueError("a request has either json or multipart")
        refuse_secrets(self.headers)
        return self


def refuse_secrets(headers: dict[str, str]) -> None:
    """Raises ValueError for a header that carries a key: those come from `auth`."""
    found = [name for name in headers if name.lower() in SECRET_HEADERS]
    if found:
        raise ValueError(f"the header {found[0]} carries a key: say it under auth, with the secret's name")


class Input(Shape):
    """A file a model takes: how many, how large in MB, of which types, and how it reaches the provider.

    What a template sees of each, as `{{inputs.NAME[0]}}`: `upload` and `url` an address, `data_uri` a text, `base64` an
    object (`.data`, `.mime`), `file` the bytes themselves, for a field of a multipart body.
    """

    name: Name
    kind: Literal["image", "video", "audio"]
    role: InputRole
    sent_as: Literal["upload", "url", "data_uri", "base64", "file"] = Field(alias="as")
    min: int = Field(0, ge=0)
    max: int = Field(1, ge=1)
    max_mb: float = Field(10, gt=0)
    mimes: tuple[str, ...] = ("image/png", "image/jpeg", "image/webp")

    @model_validator(mode="after")
    def _fits(self) -> Input:
        if self.min > self.max:
            raise ValueError("min is more than max")
        return self


class Upload(Shape):
    """Brings a file to the provider. `take`: where the file's address stands; `ttl`: how long it is kept there."""

    request: Request
    take: Expression
    ttl: str = Field("24h", pattern=TTL)


class Lookup(Shape):
    """Asks for an order by the id we gave it (`{{client_id}}`), when the answer to its submission was lost.

    `take`: the task, as the submission would have told it. `missing`: true when there is no such order.
    `proves_absence`: what is missing half a minute after it was sent was never taken, so it may be sent again.
    """

    request: Request
    take: dict[Name, Expression] = Field(min_length=1)
    missing: Expression | None = None
    proves_absence: bool = False


class Submit(Shape):
    """The one request that costs money. `take`: what is kept of the answer, by name, as `{{task.NAME}}` later.

    `state`: where the answer already says how far it is, in the words of `poll.states`. Without a poll the answer to the
    submission is the result, and `timeout_s` is how long it may take.
    `replay`: `same_key` when a second request with the same `{{client_id}}` (an Idempotency-Key) answers with the first
    order and is not paid again; the provider remembers the key for `replay_ttl`. `free` when nothing is ever paid.
    """

    request: Request
    take: dict[Name, Expression] = Field(default_factory=dict)
    state: Expression | None = None
    timeout_s: float = Field(15, ge=1, le=600)
    replay: Literal["never", "same_key", "free"] = "never"
    replay_ttl: str = Field("24h", pattern=TTL)
    lookup: Lookup | None = None

    @property
    def replay_s(self) -> float:
        """How long the provider remembers a key."""
        return seconds(self.replay_ttl)


class States(Shape):
    """The provider's words for how far a task is. An unknown word means that it is still running."""

    queued: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    done: tuple[str, ...] = Field(min_length=1)
    failed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _unambiguous(self) -> States:
        words = [*self.queued, *self.running, *self.done, *self.failed, *self.cancelled]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"the word {twice[0]!r} stands in two places")
        return self

    def of(self, word: str) -> Progress | None:
        """What a word means; None for an unknown one."""
        known: tuple[Progress, ...] = ("queued", "running", "done", "failed", "cancelled")
        return next((state for state in known if word in getattr(self, state)), None)


class Poll(Shape):
    """Asks how far a task is. Times in seconds; `progress` is an expression for 0 to 100.

    What runs longer than `deadline_s` is late: a person is asked, and it is looked after quietly for `watch_s` in all.
    """

    request: Request
    take: dict[Name, Expression] = Field(default_factory=dict)
    state: Expression
    states: States
    error: ErrorPaths = ErrorPaths()
    progress: Expression | None = None
    every_s: float = Field(5, gt=0)
    max_every_s: float = Field(30, gt=0)
    deadline_s: float = Field(1800, gt=0)
    watch_s: float = Field(86400, gt=0)


class Fetch(Shape):
    """One more free question once a task is done, before its result is read. `take`: as in the submission."""

    request: Request
    take: dict[Name, Expression] = Field(default_factory=dict)


class Result(Shape):
    """The finished files: `items` is where they stand, one or a list.

    `as`: `url` for addresses, `base64` for the files themselves, `auto` for either (also data URIs), `bytes` when the
    whole answer is the file. `request`: makes the address of each item (`{{item}}`, `{{item.filename}}`, `{{task.id}}`)
    when the provider gives none. `auth`: whether fetching takes the key.
    """

    sent_as: Literal["url", "base64", "auto", "bytes"] = Field(alias="as")
    items: Expression | None = None
    request: Request | None = None
    auth: bool = False
    ttl: str = Field("24h", pattern=TTL)
    empty_message: Expression | None = None
    meta: dict[Name, Expression] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Result:
        if (self.items is None) != (self.sent_as == "bytes"):
            raise ValueError("items says where the files stand; only with as: bytes there is none")
        if self.request is not None and (self.sent_as != "url" or self.request.method != "GET" or self.request.body):
            raise ValueError("request makes an address to GET from each item, so it goes with as: url and has no body")
        return self

    @property
    def kept_s(self) -> float:
        """How long the provider keeps the files."""
        return seconds(self.ttl)


class Worth(Shape):
    """What one unit of the provider costs in money."""

    amount: float = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")


class Cost(Shape):
    """What it cost in the end, in the provider's unit. `worth`: of one such unit; an admin's exchange rate goes before it."""

    amount: Expression
    unit: str
    worth: Worth | None = None


class Cancel(Shape):
    """Takes a running task back. Asking twice does no harm."""

    request: Request


class Account(Shape):
    """How much credit is left. Asking is free: it also checks the key."""

    request: Request
    balance: Expression


class Callback(Shape):
    """The provider may call us: `field` is where our address goes (for readers), `task_id` where the id stands."""

    field: str
    task_id: Expression


class Price(Shape):
    """The estimate before it is ordered."""

    amount: float = Field(ge=0)
    unit: str
    per: Literal["take"] = "take"


class Terms(Shape):
    """What the provider lets people do with the takes."""

    url: str = ""
    commercial: Literal["yes", "plan", "no", "unknown"]
    disclosure: str = ""
    checked_on: date


class Evidence(Shape):
    """How we know what stands in the file: tried (live), read (docs), or remembered (memory: ships inactive)."""

    level: Literal["live", "docs", "memory"]
    source: str
    checked_on: date


class Model(Shape):
    """A model of a provider. `submit`, `poll` and `result` are laid over the provider's own; null takes a key away, or
    the whole poll. `fetch` stands in place of the provider's.

    `remote`: what the provider calls it (`{{model}}`), where two models here are one there.
    `evidence`: in place of the file's, for a model that is known less well or better than the rest.
    `api_endpoint`: the path that takes its submissions, where it is not the provider's usual one.
    `request_schema`: laid over the JSON body of the submission.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")
    title: Title
    remote: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,199}$")
    model_type: Literal[AssetType.IMAGE, AssetType.VIDEO]
    api_endpoint: AddressTemplate | None = Field(None, pattern=r"^/([^/].*)?$")
    request_schema: Json = Field(default_factory=dict)
    parameters: ParametersSchema = Field(alias="parameters_schema")
    inputs: tuple[Input, ...] = ()
    price: Price | None = None
    terms: Terms | None = None
    evidence: Evidence | None = None
    is_active: bool = True
    submit: Json = Field(default_factory=dict)
    poll: Json | None = Field(default_factory=dict)
    fetch: tuple[Fetch, ...] | None = None
    result: Json = Field(default_factory=dict)
    _blocks: dict[type[Shape], Any] = PrivateAttr(default_factory=dict)

    @property
    def parameters_schema(self) -> Json:
        """What the form is drawn from and what is checked, as JSON Schema."""
        return self.parameters.json_schema()

    def submit_block(self, spec: ProviderSpec) -> Submit:
        """The submission of this model."""
        request: Json = {"json": self.request_schema} if self.request_schema else {}
        if self.api_endpoint is not None:
            request |= {"path": self.api_endpoint, "url": None}
        return self._block(Submit, spec.submit, {"request": request}, self.submit)

    def poll_block(self, spec: ProviderSpec) -> Poll | None:
        """The poll of this model; None when the answer to its submission is the result."""
        if self.poll is None:
            return None
        return self._block(Poll, spec.poll, self.poll) if spec.poll or self.poll else None

    def fetches(self, spec: ProviderSpec) -> tuple[Fetch, ...]:
        """What is asked for once a task is done."""
        return spec.fetch if self.fetch is None else self.fetch

    def result_block(self, spec: ProviderSpec) -> Result:
        """The result of this model."""
        return self._block(Result, spec.result, self.result)

    def _block(self, kind: type[Block], shared: Block | None, *own: Json) -> Block:
        if kind not in self._blocks:
            plain = shared.model_dump(mode="json", by_alias=True, exclude_unset=True) if shared else {}
            self._blocks[kind] = kind.model_validate(reduce(merged, own, plain))
        block: Block = self._blocks[kind]
        return block


def _with_parameters(shared: Json, model: Json) -> Json:
    own = model.get("parameters_schema", {})
    return {**model, "parameters_schema": merged(shared, own) if isinstance(own, dict) else own}


class ProviderSpec(Shape):
    """A provider file. `hosts`: where else, beside base_url, the key may go and files may come from (host or host:port).

    `inputs` and `terms` are those of every model that names none of its own; each model's parameters are laid over
    `parameters_schema`, and null takes one away. `is_play`: the prices are for play, never for money.
    """

    schema_: str | None = Field(None, alias="$schema")
    apom_provider: Literal[1]
    id: Slug
    name: Title
    docs: str = ""
    base_url: str = Field(pattern=r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$")
    hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:\d{1,5})?$")], ...] = ()
    auth: Auth
    headers: dict[HeaderName, Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")]] = Field(default_factory=dict)
    limits: Limits = Limits()
    response: Response = Response()
    classify: tuple[Rule, ...] = ()
    inputs: tuple[Input, ...] = ()
    parameters: ParametersSchema | None = Field(None, alias="parameters_schema")
    upload: Upload | None = None
    submit: Submit
    poll: Poll | None = None
    fetch: tuple[Fetch, ...] = ()
    result: Result
    cost: Cost | None = None
    cancel: Cancel | None = None
    account: Account | None = None
    callback: Callback | None = None
    terms: Terms | None = None
    models: tuple[Model, ...] = Field(min_length=1)
    is_play: bool = False
    evidence: Evidence

    @model_validator(mode="before")
    @classmethod
    def _share(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("models"), list):
            return data
        shared = {name: data[name] for name in ("inputs", "terms") if name in data}
        models = [{**shared, **m} if isinstance(m, dict) else m for m in data["models"]]
        parameters = data.get("parameters_schema")
        if not isinstance(parameters, dict):
            return {**data, "models": models}
        models = [_with_parameters(parameters, m) if isinstance(m, dict) else m for m in models]
        # with the models from now on: laid below them once more, it would bring back what one of them took away
        return {**data, "parameters_schema": None, "models": models}

    @field_validator("headers")
    @classmethod
    def _carry_no_key(cls, headers: dict[str, str]) -> dict[str, str]:
        refuse_secrets(headers)
        return headers

    def model(self, name: str) -> Model:
        """The model of that name. Raises Invalid."""
        for model in self.models:
            if model.name == name:
                return model
        raise Invalid(
            "There is no model {model} at {provider}. Choose another one.",
            field="model",
            model=name[:100],
            provider=self.name,
        )


def schema_text() -> str:
    """The JSON Schema of provider files, for editors."""
    schema = ProviderSpec.model_json_schema(by_alias=True)
    schema["$defs"]["Model"]["required"].remove("parameters_schema")  # what the file says for all may be enough
    del schema["$defs"]["ParametersSchema"]["required"]
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A provider file of apom"}
    return json.dumps({**schema, **about}, indent=1, ensure_ascii=False) + "\n"
