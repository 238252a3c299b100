"""Providers' files at their mocks: the same files, with the addresses of the mocks in place of the real ones."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import av
from media_samples import clip, corner

from apom import net
from apom.net.guard import Guard
from apom.providers import keys
from apom.providers.answers import Polled
from apom.providers.catalog import Catalog, parse
from apom.providers.client import Client, Rendered, Submitted
from apom.providers.spec import Model, ProviderSpec
from apom.testing.contracts import Contract, Samples
from apom.testing.contracts.base import FILES

T = TypeVar("T")
MOST_POLLS = 8


def samples(folder: Path) -> Samples:
    """A small picture of each type, and a short clip."""

    def picture(kind: str) -> bytes:
        buffer = io.BytesIO()
        corner((64, 36)).save(buffer, kind)
        return buffer.getvalue()

    mp4 = clip(folder / "clip.mp4", size=(64, 36), seconds=0.5).read_bytes()
    return Samples(png=picture("PNG"), jpeg=picture("JPEG"), webp=picture("WEBP"), mp4=mp4)


def at(spec: ProviderSpec, mock: Contract) -> ProviderSpec:
    """The file with the mock in place of each of its hosts."""
    text = spec.model_dump_json(by_alias=True, exclude_unset=True)
    for host in spec.hosts:
        text = text.replace(f"https://{host}", mock.url)
    data = {**json.loads(text), "hosts": [], "base_url": mock.url + urlsplit(spec.base_url).path.rstrip("/")}
    return parse(json.dumps(data), file=f"{spec.id}.json")


@dataclass(frozen=True)
class Made:
    """What came of an order."""

    task: dict[str, Any]
    end: Polled
    states: tuple[str, ...]
    files: tuple[bytes, ...] = ()


class Line:
    """One loop and its connections, for all mocks at once: to make them anew for each question takes longer than to ask."""

    def __init__(self, mock: Contract) -> None:
        self._runner = asyncio.Runner()
        url = urlsplit(mock.url)
        guard = Guard(private=frozenset({(url.hostname or "", url.port or 0)}))
        mounts = net.in_process({FILES: mock.files})
        self.general = net.make_client(purpose="general", mounts=mounts, guard=guard)
        self.submitter = net.make_client(purpose="submit", mounts=mounts, guard=guard)

    def run(self, scenario: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(scenario)

    def close(self) -> None:
        self.run(self.general.aclose())
        self.run(self.submitter.aclose())
        self._runner.close()


@dataclass(frozen=True)
class Table:
    """A provider's file at its mock, through the real interpreter over real HTTP."""

    spec: ProviderSpec
    mock: Contract
    folder: Path
    line: Line
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        secrets = self.secrets or dict.fromkeys(keys.names(self.spec), self.mock.KEY)
        return Client(
            self.spec, general=self.line.general, submitter=self.line.submitter, secrets=secrets, is_guarded=True
        )

    def ask(self, what: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        """What the client's coroutine answers."""
        return self.line.run(what(self.client))

    def make(self, model: str, prompt: str = "a boat at dawn", /, **params: Any) -> Made:
        """The whole way: inputs, submission, polls, files."""
        return self.ask(lambda client: self.made(client, model, prompt, **params))

    async def made(self, client: Client, name: str, prompt: str, /, **params: Any) -> Made:
        model = client.spec.model(name)
        submitted = await self.ordered(client, model, prompt, **params)
        polled, states = submitted.polled, []
        while polled is None or polled.state in ("queued", "running"):
            assert len(states) < MOST_POLLS, states
            polled = await client.poll(model, submitted.task, 5)
            states.append(polled.state)
        files = [await self._fetched(client, file, i) for i, file in enumerate(polled.results)]
        return Made(submitted.task, polled, tuple(states), tuple(files))

    async def ordered(self, client: Client, model: Model, prompt: str, /, **params: Any) -> Submitted:
        """The submission of a model with every input it can take."""
        return await client.submit(await self.rendered(client, model, prompt, **params))

    async def rendered(self, client: Client, model: Model, prompt: str, /, **params: Any) -> Rendered:
        """The submission, its inputs brought."""
        return order(client, model, prompt, await self.brought(client, model), **params)

    async def brought(self, client: Client, model: Model) -> dict[str, list[Any]]:
        """Every input that the model can take, up to two of each."""
        return {
            each.name: [await client.bring(each, self.folder / "in.png", "image/png") for _ in range(min(each.max, 2))]
            for each in model.inputs
        }

    async def _fetched(self, client: Client, file: str | bytes, index: int) -> bytes:
        if isinstance(file, bytes):
            return file
        path = self.folder / f"out-{index}"
        await client.fetch(file, path, max_bytes=10_000_000, deadline_s=10)
        return path.read_bytes()


def order(client: Client, model: Model, prompt: str, inputs: dict[str, list[Any]], /, **params: Any) -> Rendered:
    """A submission as the service makes it: checked parameters, an id of our own."""
    checked = Catalog.check_params(model, {**complete(model, prompt), **params})
    return client.render_submit(model, checked, inputs, client_id=str(uuid4()))


def complete(model: Model, prompt: str) -> dict[str, Any]:
    """Parameters as the service fills them in: the prompt, and a seed where there is one."""
    roles = {p.x_role: name for name, p in model.parameters.properties.items()}
    return {roles[role]: value for role, value in (("prompt", prompt), ("seed", 7)) if role in roles}


def is_media(model: Model, content: bytes) -> bool:
    """Whether this is a picture for a picture model, and a clip that can be opened for a video model."""
    if model.model_type == "IMAGE":
        return content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF"))
    with av.open(io.BytesIO(content)) as container:
        return bool(container.streams.video)
