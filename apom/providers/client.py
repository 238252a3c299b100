"""Talking to a provider as its file says. What costs money is sent once, and whatever is unclear afterwards is said so."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets as random_names
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from apom import net
from apom.config import MB
from apom.errors import Invalid, Misconfigured, ProviderError, TooLarge, Unavailable
from apom.models import Json
from apom.net import Admit, Answer, Call, HttpClient, Part
from apom.providers import answers, rules, template
from apom.providers.answers import Polled
from apom.providers.expressions import read
from apom.providers.spec import BearerAuth, Input, Model, NoAuth, ProviderSpec, Request, States

log = logging.getLogger("apom.providers")

TIMEOUT_S = 15.0
UPLOAD_TIMEOUT_S = 120.0
SHOWN_CHARS = 1000
WORDS_NOTED = 20
POLLS_AT_ONCE = 16
EXTENSIONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "video/mp4": ".mp4"}


@dataclass(frozen=True, kw_only=True)
class Rendered(Call):
    """A submission ready to be sent. The key is not in it: it is added on the way out."""

    model: str
    hide: tuple[str, ...] = field(default=(), repr=False)

    def masked(self) -> Json:
        """For the record: secrets masked, long texts (files in base64) cut."""
        shown: Json = {"method": self.method, "url": self.url, "headers": dict(self.headers), "json": self.json}
        return {key: self._shown(value) for key, value in shown.items()}

    def _shown(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            line = answers.masked(value, self.hide)
            return line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}… ({len(line)} characters)"
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        return {key: self._shown(item) for key, item in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """The provider has the order. `task`: the ids and addresses it gave, for the polls."""

    task: Json


class Client:
    """One provider. `submitter` is a `make_client(purpose="submit")`, `general` does everything that is free.

    `secrets`: keys by name. `base_url`: another address for the same interface (a sandbox elsewhere, a local server);
    the key then goes there and to the file's other hosts.
    """

    def __init__(
        self,
        spec: ProviderSpec,
        *,
        general: HttpClient,
        submitter: HttpClient,
        secrets: Mapping[str, str],
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.spec = spec
        self._general = general
        self._submitter = submitter
        self._secrets = secrets
        self._base = (base_url or spec.base_url).rstrip("/")
        self._timeout_s = timeout_s
        base = net.origin(self._base)
        self._origins = {base, *(net.origin(f"{base[0]}://{host}") for host in spec.hosts)}
        self._unknown_words: set[str] = set()
        self._polling = asyncio.Semaphore(POLLS_AT_ONCE)

    async def upload(self, declared: Input, path: Path, mime: str) -> str:
        """Brings a file to the provider and answers with its address there. Free, so any fault may be tried again.

        Raises Invalid for a type the model does not take, TooLarge, Misconfigured, ProviderError.
        """
        assert self.spec.upload is not None, "checked when the file was loaded"
        if mime not in declared.mimes:
            raise Invalid("The model takes {mimes} here.", field=declared.name, mimes=", ".join(declared.mimes))
        content = await asyncio.to_thread(_content, path, declared.max_mb)
        # A name of its own each time: Kie serves the old file from its cache for a while when a name comes back.
        name = random_names.token_hex(16) + EXTENSIONS.get(mime, "")
        file = Part(name="", content=content, filename=name, mime=mime)
        values: Json = {"input": {"filename": name, "mime": mime}}
        seen = await self._ask(self.spec.upload.request, values, file=file, timeout_s=UPLOAD_TIMEOUT_S)
        address = read(self.spec.upload.take, seen)
        if not isinstance(address, str) or not address:
            raise ProviderError("transient", provider_message="The upload was answered without an address.")
        return address

    def render_submit(
        self,
        model: Model,
        params: Mapping[str, JsonValue],
        inputs: Mapping[str, tuple[str, ...]],
        *,
        client_id: str = "",
        callback_url: str | None = None,
    ) -> Rendered:
        """The submission of checked parameters and of uploaded inputs, by the input's name. Sends nothing.

        `client_id`: our own id for the order, by which `look_up` finds it again.

        Raises Invalid when a value does not fit where the file puts it, Misconfigured when the key is missing or the
        address is on none of the file's hosts: `submit` would, and by then the intent is written.
        """
        values = {
            "model": model.name,
            "param": params,
            "inputs": inputs,
            "client_id": client_id,
            "callback_url": callback_url,
        }
        request = model.submit_block(self.spec).request
        call = self._call(request, values)
        self._admit(request)(call.url)
        hide = (*self._hidden, callback_url or "")
        return Rendered(
            method=call.method,
            url=call.url,
            headers=call.headers,
            json=call.json,
            parts=call.parts,
            model=model.name,
            hide=hide,
        )

    async def submit(self, rendered: Rendered) -> Submitted:
        """The one POST that costs money, sent once, within one total time-out.

        Raises ProviderError: `not_sent`, `rate_limited`, `auth`, `no_credit`, `moderated`, `rejected`, `maintenance`
        and `failed` mean that nothing was ordered; `unknown` means that it may have been.
        """
        model = self.spec.model(rendered.model)
        block = model.submit_block(self.spec)
        admit = self._admit(block.request)
        answer = await net.send(self._submitter, rendered, admit=admit, timeout_s=self._timeout_s)
        seen = answers.envelope(answer, {"model": model.name})
        refused = answers.refusal(self.spec, answer, seen, self._hidden)
        if refused is not None:
            raise answers.at_submit(refused)
        task = answers.taken(block.take, seen)
        wanted = rules.task_names(model.poll_block(self.spec).request) & set(block.take)
        if not wanted <= set(task):
            raise ProviderError("unknown", provider_message="The order was answered without a task to ask for.")
        return Submitted(task=task)

    async def poll(self, model: Model, task: Mapping[str, JsonValue], age_s: float) -> Polled:
        """How far the task is, `age_s` seconds after it was submitted. Free, so any fault may be tried again.

        Raises Misconfigured, and ProviderError: `transient`, `rate_limited` and `maintenance` to be asked again, `auth`
        when the key has to be mended first, `failed`, `moderated` and `rejected` when there is nothing to wait for.
        """
        block = model.poll_block(self.spec)
        async with self._polling:  # time-outs begin here: what waits for a connection would use them up
            seen = await self._ask(block.request, {"model": model.name, "task": dict(task)}, age_s=age_s)
        polled = answers.polled(block, model.result_block(self.spec), self.spec.cost, seen, self._hidden)
        self._note_unknown(block.states, polled.word)
        return polled

    async def look_up(self, model: Model, client_id: str) -> Json | None:
        """The task of the order with this id of ours; None when there is none. Free.

        Raises as `poll` does; `transient` too for an answer that does not tell.
        """
        block = model.submit_block(self.spec).lookup
        assert block is not None, "asked for only where the file has it"
        values: Json = {"model": model.name, "client_id": client_id}
        answer, seen = await self._exchange(block.request, values)
        if block.missing is not None and read(block.missing, seen) is True:
            return None
        self._raise_refusal(answer, seen)
        task = answers.taken(block.take, seen)
        if set(task) < set(block.take):
            raise ProviderError("transient", provider_message="The answer does not say which task it is.")
        return task

    async def confirm(self, model: Model, task: Mapping[str, JsonValue]) -> bool:
        """Whether the provider knows a task that somebody told us of. Free. Raises as `poll` does when it cannot say."""
        try:
            polled = await self.poll(model, task, math.inf)
        except ProviderError as error:
            if error.kind in ("rejected", "failed", "moderated"):
                return False
            raise
        return model.poll_block(self.spec).states.of(polled.word) is not None

    async def cancel(self, model: Model, task: Mapping[str, JsonValue]) -> None:
        """Takes a running task back, where the file says how. Free. Raises as `poll` does."""
        assert self.spec.cancel is not None, "asked for only where the file has it"
        await self._ask(self.spec.cancel.request, {"model": model.name, "task": dict(task)})

    async def fetch(self, url: str, path: Path, *, max_bytes: int, deadline_s: float) -> int:
        """A finished file, written to `path`; answers with its bytes. Raises as `net.download` does.

        It has to be on a host the file names (base_url, hosts), at every redirect too; Misconfigured otherwise.
        """
        whole = net.joined(f"{self._base}/", url)
        admit = self._admit_with_key if self.spec.result.auth else self._admit_host
        return await net.download(self._general, whole, path, max_bytes=max_bytes, deadline_s=deadline_s, admit=admit)

    async def balance(self) -> float:
        """The credit that is left, in the provider's unit. Free: a way to try the key. Raises as `poll` does."""
        if self.spec.account is None:
            raise Invalid("{provider} does not tell what credit is left.", provider=self.spec.name)
        seen = await self._ask(self.spec.account.request, {})
        found = answers.number(read(self.spec.account.balance, seen))
        if found is None:
            raise ProviderError("transient", provider_message="The answer does not say what is left.")
        return found

    async def _ask(
        self,
        request: Request,
        values: Json,
        *,
        file: Part | None = None,
        age_s: float = math.inf,
        timeout_s: float | None = None,
    ) -> Json:
        """One free exchange: what is seen of an answer that is ok. Raises ProviderError, Misconfigured."""
        answer, seen = await self._exchange(request, values, file=file, timeout_s=timeout_s)
        self._raise_refusal(answer, seen, age_s=age_s)
        return seen

    async def _exchange(
        self, request: Request, values: Json, *, file: Part | None = None, timeout_s: float | None = None
    ) -> tuple[Answer, Json]:
        """One free exchange, whatever the answer is, and what is seen of it."""
        call = self._call(request, values, file=file)
        try:
            answer = await net.send(
                self._general, call, admit=self._admit(request), timeout_s=timeout_s or self._timeout_s
            )
        except ProviderError as error:
            raise answers.at_free_call(error) from error
        return answer, answers.envelope(answer, values)

    def _raise_refusal(self, answer: Answer, seen: Json, *, age_s: float = math.inf) -> None:
        refused = answers.refusal(self.spec, answer, seen, self._hidden)
        if refused is not None:
            raise answers.at_free_call(refused, status=answer.status, age_s=age_s)

    def _call(self, request: Request, values: Mapping[str, Any], *, file: Part | None = None) -> Call:
        """A request with everything filled in, except for the key."""
        address = request.url or f"{self._base}{request.path}"
        query = {name: template.render(value, values) for name, value in request.query.items()}
        headers = {name: template.render_header(value, values) for name, value in request.headers.items()}
        return Call(
            method=request.method,
            url=net.with_query(
                template.render_address(address, values),
                {name: template.text(value) for name, value in query.items() if value is not None},
            ),
            headers={**self.spec.headers, **{name: value for name, value in headers.items() if value is not None}},
            json=template.render(request.body, values),
            parts=tuple(_parts(request.multipart or {}, values, file)),
        )

    @property
    def _hidden(self) -> tuple[str, ...]:
        return tuple(secret.strip() for secret in self._secrets.values())

    def _admit(self, request: Request) -> Admit:
        return self._admit_with_key if request.auth else self._admit_host

    def _admit_with_key(self, url: str) -> dict[str, str]:
        return {**self._admit_host(url), **self._key()}

    def _admit_host(self, url: str) -> dict[str, str]:
        """No header, for an address on a host the file names. Raises Misconfigured for any other."""
        origin = net.origin(url)
        if origin not in self._origins:
            raise Misconfigured(
                "{provider} points to {host}, which its provider file does not name, so it was not called. If it can be "
                "trusted, an admin adds it to hosts there.",
                provider=self.spec.name,
                host=origin[1],
            )
        return {}

    def _key(self) -> dict[str, str]:
        """The header that carries the key."""
        auth = self.spec.auth
        if isinstance(auth, NoAuth):
            return {}
        secret = self._secrets.get(auth.secret, "").strip()
        if not secret or not template.HEADER_VALUE.fullmatch(secret):
            raise Misconfigured(
                "The key {name} for {provider} is missing or cannot be used. Set it on the Providers page.",
                name=auth.secret,
                provider=self.spec.name,
            )
        if isinstance(auth, BearerAuth):
            return {"Authorization": f"Bearer {secret}"}
        return {auth.name: auth.prefix + secret}

    def _note_unknown(self, states: States, word: str) -> None:
        """One line for each word the file does not know, not one for each poll."""
        if states.of(word) is None and word not in self._unknown_words and len(self._unknown_words) < WORDS_NOTED:
            self._unknown_words.add(word)
            log.warning(
                "%s answers with the state %r, which its file does not know: taken as running", self.spec.id, word
            )


def _content(path: Path, most_mb: float) -> bytes:
    """The bytes of an input. Raises TooLarge, Unavailable."""
    try:
        if path.stat().st_size > most_mb * MB:
            raise TooLarge("The model takes files of up to {most} MB here.", most=f"{most_mb:g}")
        return path.read_bytes()
    except OSError as error:
        raise Unavailable("The file to start from cannot be read. Upload it again or choose another one.") from error


def _parts(fields: Mapping[str, str], values: Mapping[str, Any], file: Part | None) -> Iterator[Part]:
    """The fields of a multipart body; those without a value are left out."""
    for name, value in fields.items():
        if file is not None and value == rules.FILE:
            yield replace(file, name=name)
            continue
        filled = template.render(value, values)
        if filled is not None:
            yield Part(name=name, content=template.text(filled).encode())
