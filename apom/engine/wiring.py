"""What the engine is handed: the media as a keeper of arriving files, the catalogue and the network as its providers."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid5

from apom.config import Settings
from apom.errors import NotFound
from apom.models import Generation, InputRole
from apom.steps import Arrived
from apom.store import Store, assets, generations

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from apom.media.storage import LocalStorage
    from apom.providers.client import Client

SANDBOX_HOST = "http://sandbox.apom"


class MediaKeeper:
    """Files on their way into storage. See `apom.steps.Keeper`."""

    def __init__(self, storage: LocalStorage, env: str) -> None:
        self._storage = storage
        self._env = env
        self._pool = ThreadPoolExecutor(os.cpu_count(), "apom-media")

    def temp(self) -> AbstractContextManager[Path]:
        """A path on the volume the media lie on."""
        return self._storage.temp()

    def discard(self, arrived: Arrived) -> None:
        """Deletes the file and what was made from it."""
        for column in ("file_key", "thumb_key", "preview_key"):
            if arrived.file.get(column):
                self._storage.delete(arrived.file[column])

    def keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        """Sniffs, checks, measures and stores; the same file again gets the same keys. Raises BadMedia, TooLarge.

        On threads of its own, as many as there are cores: each keeps the memory of the largest picture it has decoded.
        """
        return self._pool.submit(self._keep, path, generation, index).result()

    def _keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        from apom.media.arrive import arrive, columns, keep

        asset_id = generation.asset_id if index == 0 else uuid5(generation.id, str(index))
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            arrival = arrive(path, Path(folder))
            kept = keep(self._storage, arrival, path, env=self._env, asset_id=asset_id)
        return Arrived(asset_id=asset_id, asset_type=arrival.asset_type, file=columns(arrival, kept))


class ProviderPool:
    """A client for each kept provider file, on two connection pools. Lives on the engine's loop."""

    def __init__(self, store: Store, storage: LocalStorage, settings: Settings) -> None:
        from apom import net

        self._store = store
        self._storage = storage
        self._sandbox_url = settings.sandbox_url or None
        inside = {} if self._sandbox_url else {SANDBOX_HOST: _sandbox(settings)}
        self._general = net.make_client(purpose="general", mounts=net.in_process(inside))
        self._submitter = net.make_client(purpose="submit", mounts=net.in_process(inside))
        self._clients: dict[str, Client] = {}

    def client(self, snapshot: str) -> Client:
        """The client for a kept provider file."""
        if snapshot not in self._clients:
            from apom.providers.catalog import from_snapshot
            from apom.providers.client import Client

            with self._store.read() as tx:
                spec = from_snapshot(generations.snapshot(tx, snapshot))
            base_url = self._sandbox_url if spec.id == "sandbox" else None
            self._clients[snapshot] = Client(
                spec, general=self._general, submitter=self._submitter, secrets={}, base_url=base_url
            )
        return self._clients[snapshot]

    def files(self, generation: Generation) -> list[tuple[InputRole, Path, str]]:
        """(role, path, mime) of the inputs, in order. Raises NotFound when one is gone."""
        found = []
        with self._store.read() as tx:
            for used in generation.inputs:
                source = assets.file_of(tx, used.source_asset_id)
                if source is None:
                    raise NotFound("The picture this was to be made from is gone. Choose another and generate again.")
                key, mime = source
                found.append((used.role, self._storage.path(key), mime))
        return found

    async def close(self) -> None:
        """Ends every connection."""
        await self._general.aclose()
        await self._submitter.aclose()


def _sandbox(settings: Settings) -> ASGIApp:
    from apom.sandbox.app import create_app

    folder = settings.data_dir / "sandbox"
    return create_app(folder, image_s=settings.sandbox_image_s, video_s=settings.sandbox_video_s)
