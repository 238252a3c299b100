"""Talking to a provider as its file says. What costs money is sent once, and whatever is unclear afterwards is said so."""

from __future__ import annotations

import asyncio
import base64
import logging
import math
import secrets as random_names
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from apom import net
from apom.config import LIMITS, MB
from apom.errors import Invalid, Misconfigured, ProviderError, TooLarge, Unavailable
from apom.models import Json
from apom.net import NOTHING, Admit, Answer, Call, HttpClient, Part, Pass
from apom.providers import answers, keys, rules, template
from apom.providers.answers import File, Polled
from apom.providers.expressions import read
from apom.providers.spec import Input, Model, Poll, ProviderSpec, Request, Result, States, Submit

log = logging.getLogger("apom.providers")

TIMEOUT_S = 15.0
UPLOAD_TIMEOUT_S = 120.0
SHOWN_CHARS = 1000
WORDS_NOTED = 20
POLLS_AT_ONCE = 16
EXTENSIONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "video/mp4": ".mp4"}


@dataclass(frozen=True, kw_only=True)
class Rendered(Call):
    """A submission ready to be sent, which may take `timeout_s` in all. The key is not in it: it is added on the way out."""

    model: str
    timeout_s: float
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
    """The provider has the order. `task`: the ids and addresses it gave, for the polls.

    `polled`: how far it is already, where the answer tells: the whole result of a provider that is not polled.
    """

    task: Json
    polled: Polled | None = None


class Client:
    """One provider. `submitter` is a `make_client(purpose="submit")`, `general` does everything that is free.

    `secrets`: keys by name. `base_url`: another address for the same interface (a sandbox elsewhere, a local server);
    the key then goes there and to the file's other hosts. `is_guarded`: both clients have a guard, so that a finished
    file may also come from a host the file does not name.
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
        is_guarded: bool = False,
    ) -> None:
        self.spec = spec
        self._is_guarded = is_guarded
        self._general = general
        self._submitter = submitter
        self._secrets = secrets
        self._base = (base_url or spec.base_url).rstrip("/")
        self._timeout_s = timeout_s
        base = net.origin(self._base)
        self._origins = {base, *(net.origin(f"{base[0]}://{host}") for host in spec.hosts)}
        self._unknown_words: set[str] = set()
        self._polling = asyncio.Semaphore(POLLS_AT_ONCE)

    async def bring(self, declared: Input, path: Path, mime: str, url: str | None = None) -> Any:
        """A file as the model's template sees it (see `Input`): uploaded first where the file says so, which is free, so
        any fault may be tried again. `url`: where the file can be fetched from outside, None when it cannot.

        Raises Invalid for a type the model does not take, TooLarge, Misconfigured, ProviderError.
        """
        if mime not in declared.mimes:
            raise Invalid("The model takes {mimes} here.", field=declared.name, mimes=", ".join(declared.mimes))
        if declared.sent_as == "url":
            return _need_url(url, self.spec.name)
        content = await asyncio.to_thread(_content, path, declared.max_mb)
        # A name of its own each time: Kie serves the old file from its cache for a while when a name comes back.
        part = Part(name="", content=content, filename=random_names.token_hex(16) + EXTENSIONS.get(mime, ""), mime=mime)
        match declared.sent_as:
            case "file":
                return part
            case "upload":
                return await self._upload(part)
            case "base64":
                return {"data": base64.b64encode(content).decode(), "mime": mime}
            case "data_uri":
                return f"data:{mime};base64,{base64.b64encode(content).decode()}"

    async def _upload(self, file: Part) -> str:
        assert self.spec.upload is not None, "checked when the file was loaded"
        values: Json = {"input": {"filename": file.filename, "mime": file.mime}}
        seen = await self._ask(self.spec.upload.request, values, file=file, timeout_s=UPLOAD_TIMEOUT_S)
        address = read(self.spec.upload.take, seen)
        if not isinstance(address, str) or not address:
            raise ProviderError("transient", provider_message="The upload was answered without an address.")
        return address

    def render_submit(
        self,
        model: Model,
        params: Mapping[str, JsonValue],
        inputs: Mapping[str, Sequence[Any]],
        *,
        client_id: str = "",
        callback_url: str | None = None,
    ) -> Rendered:
        """The submission of checked parameters and of inputs (see `bring`) by their names. Sends nothing.

        `client_id`: our own id for the order, by which `look_up` finds it again.

        Raises Invalid when a value does not fit where the file puts it, Misconfigured when the key is missing or the
        address is on none of the file's hosts: `submit` would, and by then the intent is written.
        """
        values = {
            "model": model.remote or model.name,
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
            timeout_s=self.timeout_of(model),
            hide=hide,
        )

    async def submit(self, rendered: Rendered) -> Submitted:
        """The one POST that costs money, sent once, within one total time-out (`timeout_of`).

        Raises ProviderError: `not_sent`, `rate_limited`, `auth`, `no_credit`, `moderated`, `rejected`, `maintenance`
        and `failed` mean that nothing was ordered; `unknown` means that it may have been.
        """
        model = self.spec.model(rendered.model)
        block, poll = model.submit_block(self.spec), model.poll_block(self.spec)
        answer = await net.send(
            self._submitter,
            rendered,
            admit=self._admit(block.request),
            timeout_s=rendered.timeout_s,
            max_bytes=_most_bytes(model.result_block(self.spec)),
        )
        seen = await _seen(answer, _task_values(model, {}))
        refused = answers.refusal(self.spec, answer, seen, self._hidden)
        if refused is not None:
            raise answers.at_submit(refused)
        task = answers.taken(block.take, seen)
        if poll is None:
            return Submitted(task=task, polled=self._result(model, Polled(state="done"), answer, seen))
        polled = await self._known_already(model, block, poll, answer, seen, task)
        wanted = rules.task_names(poll.request) & set(block.take)
        if not wanted <= set(task) and (polled is None or polled.state in ("queued", "running")):
            raise ProviderError("unknown", provider_message="The order was answered without a task to ask for.")
        return Submitted(task=task, polled=polled)

    def timeout_of(self, model: Model) -> float:
        """How long a submission of this model may take in all, in seconds."""
        return max(self._timeout_s, model.submit_block(self.spec).timeout_s)

    async def _known_already(
        self, model: Model, block: Submit, poll: Poll, answer: Answer, seen: Json, task: Json
    ) -> Polled | None:
        """How far it is by the answer to its submission; None when that does not tell, or the rest cannot be fetched."""
        if block.state is None:
            return None
        polled = answers.polled(poll, seen, self._hidden, state=block.state)
        try:
            return await self._ended(model, polled, answer, seen, task)
        except (ProviderError, Misconfigured):
            return None

    async def poll(self, model: Model, task: Mapping[str, JsonValue], age_s: float) -> Polled:
        """How far the task is, `age_s` seconds after it was submitted. Free, so any fault may be tried again.

        Raises Misconfigured, and ProviderError: `transient`, `rate_limited` and `maintenance` to be asked again, `auth`
        when the key has to be mended first, `failed`, `moderated` and `rejected` when there is nothing to wait for.
        """
        block = model.poll_block(self.spec)
        assert block is not None, "what has no poll is at its end when it was submitted"
        async with self._polling:  # time-outs begin here: what waits for a connection would use them up
            answer, seen = await self._exchange(
                block.request, _task_values(model, task), max_bytes=_most_bytes(model.result_block(self.spec))
            )
        self._raise_refusal(answer, seen, age_s=age_s)
        polled = answers.polled(block, seen, self._hidden)
        self._note_unknown(block.states, polled.word)
        return await self._ended(model, polled, answer, seen, task)

    async def _ended(
        self, model: Model, polled: Polled, answer: Answer, seen: Json, task: Mapping[str, JsonValue]
    ) -> Polled:
        """With the cost, and with the files of a task that is done, after asking for what else the file says."""
        polled = answers.with_cost(polled, self.spec.cost, seen)
        if polled.state != "done":
            return polled
        known: Json = {**task, **polled.task}
        for fetch in model.fetches(self.spec):
            answer, seen = await self._exchange(
                fetch.request, _task_values(model, known), max_bytes=_most_bytes(model.result_block(self.spec))
            )
            refused = answers.refusal(self.spec, answer, seen, self._hidden)
            if refused is not None:
                raise answers.at_last(refused)
            known |= answers.taken(fetch.take, seen)
        seen = {**seen, "vars": _task_values(model, known)}
        return self._result(model, replace(polled, task={**polled.task, **known}), answer, seen)

    def _result(self, model: Model, polled: Polled, answer: Answer, seen: Json) -> Polled:
        """The finished files. Raises ProviderError for an answer that cannot be read at all."""
        result, poll = model.result_block(self.spec), model.poll_block(self.spec)
        polled = answers.with_cost(polled, self.spec.cost, seen)
        if result.sent_as == "bytes":
            files: list[File] = [answer.content] if answer.content else []
        elif seen["body"] is None:
            raise ProviderError("unknown", provider_message="The answer cannot be read.")
        else:
            found = (self._file(model, result, item, polled.task) for item in answers.items(result, seen))
            files = [file for file in found if file]
        error = poll.error if poll else self.spec.response.error
        return answers.with_result(polled, result, error, files, seen, self._hidden)

    def _file(self, model: Model, result: Result, item: JsonValue, task: Json) -> File | None:
        if result.request is None:
            return answers.file(result, item)
        return self._call(result.request, {**_task_values(model, task), "item": item}).url

    async def look_up(self, model: Model, client_id: str) -> Json | None:
        """The task of the order with this id of ours; None when there is none. Free.

        Raises as `poll` does; `transient` too for an answer that does not tell.
        """
        block = model.submit_block(self.spec).lookup
        assert block is not None, "asked for only where the file has it"
        values: Json = {**_task_values(model, {}), "client_id": client_id}
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
        block = model.poll_block(self.spec)
        return block is not None and block.states.of(polled.word) is not None

    async def cancel(self, model: Model, task: Mapping[str, JsonValue]) -> None:
        """Takes a running task back, where the file says how. Free. Raises as `poll` does."""
        assert self.spec.cancel is not None, "asked for only where the file has it"
        await self._ask(self.spec.cancel.request, _task_values(model, task))

    async def fetch(self, url: str, path: Path, *, max_bytes: int, deadline_s: float) -> int:
        """A finished file, written to `path`; answers with its bytes. Raises as `net.download` does.

        The key goes to hosts the file names (base_url, hosts), where it says so. Any other host has to be a public one
        behind https, and a client with a guard; Misconfigured otherwise. Both are decided again at every redirect.
        """
        whole = net.joined(f"{self._base}/", url)
        return await net.download(
            self._general, whole, path, max_bytes=max_bytes, deadline_s=deadline_s, admit=self._admit_file
        )

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
        timeout_s: float | None = None,
    ) -> Json:
        """One free exchange: what is seen of an answer that is ok. Raises ProviderError, Misconfigured."""
        answer, seen = await self._exchange(request, values, file=file, timeout_s=timeout_s)
        self._raise_refusal(answer, seen)
        return seen

    async def _exchange(
        self,
        request: Request,
        values: Json,
        *,
        file: Part | None = None,
        timeout_s: float | None = None,
        max_bytes: int = LIMITS.answer_bytes,
    ) -> tuple[Answer, Json]:
        """One free exchange, whatever the answer is, and what is seen of it."""
        call = self._call(request, values, file=file)
        try:
            answer = await net.send(
                self._general,
                call,
                admit=self._admit(request),
                timeout_s=timeout_s or self._timeout_s,
                max_bytes=max_bytes,
            )
        except ProviderError as error:
            raise answers.at_free_call(error) from error
        return answer, await _seen(answer, values)

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
        return keys.traces(self.spec, self._secrets)

    def _admit(self, request: Request) -> Admit:
        return self._admit_with_key if request.auth else self._admit_host

    def _admit_with_key(self, url: str) -> Pass:
        self._admit_host(url)
        return keys.passed(self.spec, self._secrets)

    def _admit_file(self, url: str) -> Pass:
        scheme, _, port = origin = net.origin(url)
        if self._is_guarded and origin not in self._origins and (scheme, port) == ("https", 443):
            return NOTHING
        return self._admit_with_key(url) if self.spec.result.auth else self._admit_host(url)

    def _admit_host(self, url: str) -> Pass:
        """Nothing to show, for an address on a host the file names. Raises Misconfigured for any other."""
        origin = net.origin(url)
        if origin not in self._origins:
            raise Misconfigured(
                "{provider} points to {host}, which its provider file does not name, so it was not called. If it can be "
                "trusted, an admin adds it to hosts there.",
                provider=self.spec.name,
                host=origin[1],
            )
        return NOTHING

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
        filled = file if file is not None and value == rules.FILE else template.render(value, values)
        for each in filled if isinstance(filled, list) else [filled]:
            if isinstance(each, Part):
                yield replace(each, name=name)
            elif each is not None:
                yield Part(name=name, content=template.text(each).encode())


def _need_url(url: str | None, provider: str) -> str:
    if url is None:
        raise Misconfigured(
            "{provider} fetches the file to start from by itself, and nobody outside can reach it here. Keep the media in "
            "S3, or set APOM_PUBLIC_URL to an address that can be reached.",
            provider=provider,
        )
    return url


def _task_values(model: Model, task: Mapping[str, JsonValue]) -> Json:
    return {"model": model.remote or model.name, "task": dict(task)}


def _most_bytes(result: Result) -> int:
    """How long an answer may be: that of a provider which puts the file into it may be as long as files are."""
    return LIMITS.answer_bytes if result.sent_as == "url" else LIMITS.inline_bytes


async def _seen(answer: Answer, values: Json) -> Json:
    """What expressions are read over; long answers are read off the loop."""
    if len(answer.content) < LIMITS.answer_bytes:
        return answers.envelope(answer, values)
    return await asyncio.to_thread(answers.envelope, answer, values)
