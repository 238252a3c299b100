"""One server's REST interface: records in and out, problem documents as the errors they were."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Any, NoReturn, TypeVar, cast

from pydantic import Field, JsonValue, TypeAdapter
from pydantic_core import PydanticSerializationError, from_json, to_jsonable_python

from apom.errors import (
    ApomError,
    BadMedia,
    Conflict,
    Invalid,
    Misconfigured,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Occupied,
    OverBudget,
    Refused,
    StoreBroken,
    StoreBusy,
    TooLarge,
    TooMany,
    Unavailable,
)
from apom.models import ApiToken, Reason, Record
from apom.net.ours import Connection, Reply
from apom.tokens import ENDED

T = TypeVar("T")
K = TypeVar("K", bound=type)

PATIENCE_S = 120.0  # in all, when the server asks to come more slowly
KINDS: dict[str, type[ApomError]] = {
    kind.code: kind
    for kind in (
        BadMedia,
        Conflict,
        Misconfigured,
        NotAllowed,
        NotFound,
        NotSignedIn,
        Occupied,
        OverBudget,
        StoreBroken,
        StoreBusy,
        TooLarge,
        Unavailable,
    )
}
BY_STATUS: dict[int, type[ApomError]] = {
    403: NotAllowed,
    413: TooLarge,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


@cache
def _reader(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def raise_problem(reply: Reply) -> NoReturn:
    """A problem document as the error it was, its sentence as it was said. Raises ApomError."""
    problem = _problem(reply)
    if not problem and reply.status == 404:
        raise NotFound
    if not problem and reply.status == 401:
        raise NotSignedIn(ENDED)
    said = str(problem.get("detail") or f"The server answered with an error ({reply.status}).")
    sentence = said.replace("{", "{{").replace("}", "}}")
    code = problem.get("code")
    if reply.status == 429:
        raise TooMany(sentence, retry_after_s=_seconds(reply.headers.get("retry-after", "")))
    if code == Invalid.code:
        field = problem.get("field")
        raise Invalid(sentence, field=str(field) if field else None)
    if code == Refused.code:
        raise Refused(_reasons(problem.get("reasons")))
    raise KINDS.get(str(code), BY_STATUS.get(reply.status, ApomError))(sentence)


def _reasons(said: JsonValue) -> tuple[Reason, ...]:
    try:
        found: tuple[Reason, ...] = _reader(tuple[Reason, ...]).validate_python(said, extra="ignore")
    except ValueError:
        return ()
    return found


def _problem(reply: Reply) -> dict[str, JsonValue]:
    try:
        found = from_json(reply.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 1.0


def path_part(text: str) -> str:
    """A slug as a part of a path; what can be none becomes one that nothing has."""
    return text if re.fullmatch(r"[\w-]+", text, re.ASCII) else "-"


LONG_S = 6 * 3600.0  # a large store is copied while the caller waits


class Made(Record):
    """A new API token and its secret."""

    token: ApiToken
    secret: str = Field(repr=False)


def documented_as(original: type) -> Callable[[K], K]:
    """Class decorator: methods without a word of their own are described as those of the same name of `original`."""

    def describe(kind: K) -> K:
        for name, method in vars(kind).items():
            if callable(method) and method.__doc__ is None and not name.startswith("_"):
                method.__doc__ = getattr(original, name).__doc__
        return kind

    return describe


class Door:
    """Asks and reads. Comes again by itself when the server says that it was too often, for two minutes at most."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def ask(self, kind: type[T], method: str, path: str, **options: Any) -> T:
        """What `path` answers, as `kind`. `options`: see `do`."""
        return self.read(kind, self.do(method, path, **options))

    def read(self, kind: type[T], reply: Reply) -> T:
        """An answer's body. Raises Unavailable when it is none of ours."""
        try:
            # computed fields come along, and a newer server may know more of them
            found: T = _reader(cast(Hashable, kind)).validate_json(reply.content, extra="ignore")
            return found
        except ValueError:
            raise Unavailable(
                "What {url} answered cannot be read. It is not apom, or another version of it.", url=self.connection.url
            ) from None

    def do(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: object = None,
        is_safe: bool = False,
        is_patient: bool = True,
        timeout_s: float | None = None,
    ) -> Reply:
        """One exchange below `/api/`. None among `params` is left out.

        `is_safe`: done twice it does no harm, as every GET. `is_patient`: waits when the server asks to come later.
        Raises what the server raised, and Unavailable.
        """
        return self._patiently(
            lambda: self.connection.ask(
                method,
                f"/api/{path}",
                params=_params(params or {}),
                json=_json(body),
                is_safe=is_safe or method == "GET",
                timeout_s=timeout_s,
            ),
            is_patient=is_patient,
        )

    def send(self, path: str, content: Iterable[bytes], *, params: dict[str, Any]) -> Reply:
        """Bytes by PUT. A list of them is sent again when a connection breaks or the server asks to come later; what can be
        read only once is sent once. Raises what the server raised, and Unavailable.
        """
        is_kept = isinstance(content, list | tuple)
        body = b"".join(content) if is_kept else content
        return self._patiently(
            lambda: self.connection.send(f"/api/{path}", body, params=_params(params), is_safe=is_kept),
            is_patient=is_kept,
        )

    def _patiently(self, exchange: Callable[[], Reply], *, is_patient: bool) -> Reply:
        until = time.monotonic() + (PATIENCE_S if is_patient else 0)
        while True:
            reply = exchange()
            if reply.status < 300:
                return reply
            try:
                raise_problem(reply)
            except TooMany as error:
                if time.monotonic() + error.retry_after_s > until:
                    raise
                time.sleep(error.retry_after_s)


def _params(params: dict[str, Any]) -> dict[str, Any]:
    jsonable = to_jsonable_python({name: value for name, value in params.items() if value is not None})
    return dict(jsonable)


def _json(body: object) -> JsonValue:
    try:
        found: JsonValue = to_jsonable_python(body)
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except (PydanticSerializationError, ValueError) as error:
        raise Invalid("What you gave cannot be sent: {reason}.", reason=error) from None
    return found
