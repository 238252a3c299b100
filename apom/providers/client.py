"""Talking to a provider as its file says. What costs money is sent once, and whatever is unclear afterwards is said so."""

from __future__ import annotations

import asyncio
import logging
import secrets as random_names
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from apom import net
from apom.config import MB
from apom.errors import Invalid, Misconfigured, ProviderError, TooLarge
from apom.models import Json
from apom.net import Call, HttpClient, Part
from apom.providers import answers, rules, template
from apom.providers.answers import Polled
from apom.providers.spec import BearerAuth, Input, Model, NoAuth, ProviderSpec, Request

log = logging.getLogger("apom.providers")

TIMEOUT_S = 15.0
UPLOAD_TIMEOUT_S = 120.0
SHOWN_CHARS = 1000
EXTENSIONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "video/mp4": ".mp4"}


@dataclass(frozen=True, kw_only=True)
class Rendered(Call):
    """A submission ready to be sent. The key is not in it: it is added on the way out."""

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

    async def upload(self, declared: Input, path: Path, mime: str) -> str:
        """Brings a file to the provider and answers with its address there. Free, so any fault may be tried again.

        Raises Invalid for a type the model does not take, TooLarge, Misconfigured, ProviderError.
        """
        assert self.spec.upload is not None, "checked when the file was loaded"
        if mime not in declared.mimes:
            raise Invalid("The model takes {mimes} here.", field=declared.name, mimes=", ".join(declared.mimes))
        content = await asyncio.to_thread(path.read_bytes)
        if len(content) > declared.max_mb * MB:
            raise TooLarge("The model takes files of up to {most} MB here.", most=declared.max_mb)
        # A name of its own each time: Kie serves the old file from its cache for a while when a name comes back.
        name = random_names.token_hex(16) + EXTENSIONS.get(mime, "")
        values = {"input": {"filename": name, "mime": mime}}
        file = Part(name="", content=content, filename=name, mime=mime)
        call = self._call(self.spec.upload.request, values, file=file)
        seen = await self._free(call, self.spec.upload.request, timeout_s=UPLOAD_TIMEOUT_S)
        address = template.text(answers.read(self.spec.upload.take, seen) or "")
        if not address:
            raise ProviderError("transient", provider_message="The upload was answered without an address.")
        return address

    def render_submit(
        self,
        model: Model,
        params: Mapping[str, JsonValue],
        inputs: Mapping[str, tuple[str, ...]],
        *,
        callback_url: str | None = None,
    ) -> Rendered:
        """The submission of checked parameters and of uploaded inputs, by the input's name. Sends nothing.

        Raises Invalid when a value does not fit where the file puts it.
        """
        values = {"model": model.name, "param": params, "inputs": inputs, "callback_url": callback_url}
        call = self._call(model.submit_block(self.spec).request, values)
        hide = (*self._secrets.values(), *([callback_url] if callback_url else []))
        return Rendered(method=call.method, url=call.url, headers=call.headers, json=call.json, hide=hide)
