"""What the engine is handed: the media as a keeper of arriving files, the catalogue and the network as its providers."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid5

from apom.config import Settings
from apom.engine.lending import Lending, Lent
from apom.errors import BadMedia, NotFound
from apom.models import Generation, Json
from apom.steps import Arrived, Source
from apom.store import Store, assets, generations

if TYPE_CHECKING:
    from apom.ai_providers import AIProviders, Way
    from apom.media.storage import LocalStorage
    from apom.net import HttpClient, Mounts
    from apom.net.guard import Guard
    from apom.providers.client import Client
    from apom.providers.spec import Input, ProviderSpec

NOTE = "note.json"
SANDBOX_HOST = "http://sandbox.apom"


class MediaKeeper:
    """Files on their way into storage. See `apom.steps.Keeper`."""

    def __init__(self, storage: LocalStorage, env: str, held: Path) -> None:
        self._storage = storage
        self._env = env
        self._held = held
        held.mkdir(parents=True, exist_ok=True)
        self._pool = ThreadPoolExecutor(os.cpu_count(), "apom-media")

    def temp(self) -> AbstractContextManager[Path]:
        """A path on the volume the media lie on."""
        return self._storage.temp()

    def discard(self, arrived: Arrived) -> None:
        """Deletes the file and what was made from it."""
        from apom.media.arrive import discard

        discard(self._storage, arrived.file)

    def hold(self, generation: Generation, files: Sequence[bytes], note: Json) -> None:
        """Written and flushed file by file, and given its name last: there whole or not at all. Raises OSError."""
        folder = self._held / str(generation.id)
        with tempfile.TemporaryDirectory(dir=self._held) as name:
            new = Path(name) / "new"
            new.mkdir()
            for index, content in enumerate(files):
                _write_durably(new / str(index), content)
            _write_durably(new / NOTE, json.dumps(note).encode())
            if not folder.exists():
                new.rename(folder)

    def recall(self, generation: Generation) -> Json | None:
        """The note, None when nothing is held."""
        try:
            note: Json = json.loads((self._held / str(generation.id) / NOTE).read_bytes())
        except FileNotFoundError:
            return None
        return note

    def held(self, generation: Generation, index: int, path: Path) -> None:
        """A copy of a held file. Raises BadMedia."""
        try:
            shutil.copyfile(self._held / str(generation.id) / str(index), path)
        except FileNotFoundError:
            raise BadMedia("The file that came with the provider's answer is not there any more.") from None

    def release(self, generation: Generation) -> None:
        """Forgets what is held."""
        shutil.rmtree(self._held / str(generation.id), ignore_errors=True)

    def keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        """Sniffs, checks, measures and stores; the same file again gets the same keys. Raises BadMedia, TooLarge.

        On threads of its own, as many as there are cores: each keeps the memory of the largest picture it has decoded.
        """
        return self._pool.submit(self._keep, path, generation, index).result()

    def _keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        from apom.media.arrive import take_in

        asset_id = generation.asset_id if index == 0 else uuid5(generation.id, str(index))
        asset_type, file = take_in(self._storage, path, env=self._env, asset_id=asset_id)
        return Arrived(asset_id=asset_id, asset_type=asset_type, file=file)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class ProviderPool:
    """A client for each kept provider file, on connection pools that are shared by who may be reached. Lives on the
    engine's loop. An admin's word about a key or an address counts at once, for what is in flight too.
    """

    def __init__(
        self, store: Store, storage: LocalStorage, settings: Settings, providers: AIProviders, lending: Lending
    ) -> None:
        self._store = store
        self._storage = storage
        self._providers = providers
        self._lending = lending
        self._mounts = inside(settings)
        self._specs: dict[str, ProviderSpec] = {}
        self._http: dict[Guard, tuple[HttpClient, HttpClient]] = {}
        self._clients: dict[tuple[str, Way], Client] = {}

    def client(self, snapshot: str) -> Client:
        """The client for a kept provider file."""
        spec = self._spec(snapshot)
        way = self._providers.way(spec)
        if (snapshot, way) not in self._clients:
            general, submitter = self._connections(way.guard)
            self._clients[snapshot, way] = self._providers.client(spec, general=general, submitter=submitter)
        return self._clients[snapshot, way]

    def _spec(self, snapshot: str) -> ProviderSpec:
        if snapshot not in self._specs:
            from apom.providers.catalog import from_snapshot

            with self._store.read() as tx:
                self._specs[snapshot] = from_snapshot(generations.snapshot(tx, snapshot))
        return self._specs[snapshot]

    def _connections(self, guard: Guard) -> tuple[HttpClient, HttpClient]:
        from apom import net

        if guard not in self._http:
            self._http[guard] = (
                net.make_client(purpose="general", mounts=self._mounts, guard=guard),
                net.make_client(purpose="submit", mounts=self._mounts, guard=guard),
            )
        return self._http[guard]

    def sources(self, generation: Generation) -> list[Source]:
        """The inputs, in order. Raises NotFound when one is gone."""
        found = []
        with self._store.read() as tx:
            for used in generation.inputs:
                source = assets.file_of(tx, used.source_asset_id)
                if source is None:
                    raise NotFound("The picture this was to be made from is gone. Choose another and generate again.")
                key, mime = source
                path = self._storage.path(key)
                found.append(Source(role=used.role, asset_id=used.source_asset_id, path=path, mime=mime))
        return found

    @contextmanager
    def fitted(self, source: Source, declared: Input) -> Iterator[tuple[Path, str]]:
        """The file and its type, as the model takes them."""
        with as_taken(self._storage, source.path, source.mime, declared.mimes, declared.max_mb) as found:
            yield found

    def lend(self, source: Source, declared: Input) -> tuple[str | None, str]:
        """Where the provider fetches it, and the type it has there."""
        from apom.media.fitting import wanted

        mime = wanted(source.mime, declared.mimes) or source.mime
        return self._lending.url(Lent(asset_id=source.asset_id, mime=mime, most_mb=declared.max_mb)), mime

    async def close(self) -> None:
        """Ends every connection."""
        for pair in self._http.values():
            for http in pair:
                await http.aclose()


@contextmanager
def as_taken(
    storage: LocalStorage, path: Path, mime: str, mimes: Sequence[str], most_mb: float
) -> Iterator[tuple[Path, str]]:
    """A file as somebody takes it, and its type; what was made for that is removed. Raises TooLarge, BadMedia."""
    from apom.media.fitting import fitted

    with storage.temp() as folder:
        folder.mkdir()
        yield fitted(path, mime, mimes, most_mb, folder)


def inside(settings: Settings) -> Mounts | None:
    """The sandbox that answers in this process; None when it runs elsewhere."""
    if settings.sandbox_url:
        return None
    from apom import net
    from apom.sandbox.app import create_app

    folder = settings.data_dir / "sandbox"
    app = create_app(folder, image_s=settings.sandbox_image_s, video_s=settings.sandbox_video_s)
    return net.in_process({SANDBOX_HOST: app})
