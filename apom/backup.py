"""Copies of everything: a consistent one of the store every day, and, in a folder elsewhere, of the media too.

A backup folder holds `store/<name>.duckdb`, beside it `<name>.jsonl` with every file that the store names, and `media/`:
files are named by their content, so one that is there is never copied again, however many backups there are.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from apom.config import Settings
from apom.errors import ApomError, Invalid, Misconfigured, NotFound
from apom.models import Backup, Restored
from apom.store import Store, open_store, sweeps

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

log = logging.getLogger("apom.backup")
LOOK_S = 3600.0
DAILY = timedelta(hours=23)
NIGHTLY = re.compile(r"nightly-(\d{8}T\d{6}Z)\.duckdb")
STAMP = "%Y%m%dT%H%M%SZ"
DAYS, WEEKS = 7, 4  # so many daily copies are kept, and one of each of so many weeks


class Backups:
    """Makes them. `elsewhere`: the folder that the daily one goes to with its media, None for the store alone, at home."""

    def __init__(
        self, store: Store, storage: LocalStorage, clock: Callable[[], datetime], elsewhere: Path | None = None
    ) -> None:
        self._store = store
        self._storage = storage
        self._clock = clock
        self._elsewhere = elsewhere

    async def look(self, _: object) -> None:
        """A chore of the engine: once a day. Raises nothing."""
        try:
            await asyncio.to_thread(self.go_on)
        except (ApomError, OSError) as error:
            log.error("the daily backup failed; it is tried again: %s", error)
        except Exception:
            log.exception("the daily backup failed; it is tried again")

    def go_on(self) -> None:
        """The same, for who has no loop. Raises Unavailable, OSError."""
        assert self._store.snapshots is not None, "the studio names a folder"
        now = self._clock()
        made = nightly(self._store.snapshots)
        if made and now - made[-1][0] < DAILY:
            return
        path = self._store.snapshot(f"nightly-{now:{STAMP}}")
        self._list(path)
        prune(self._store.snapshots)
        if self._elsewhere is not None:
            self._keep(self._elsewhere, path, shutil.copyfile, media=True)
            prune(self._elsewhere / "store")

    def make(self, folder: Path, *, media: bool = True) -> Backup:
        """Everything as of now into a folder, which is made; people go on working. Raises Misconfigured, OSError."""
        made = self._store.snapshot(f"{self._clock():{STAMP}}")
        self._list(made)
        return self._keep(folder, made, shutil.move, media=media)

    def _list(self, store: Path) -> None:
        """Every file that the rows name, beside the store."""
        with self._store.read() as tx:
            tx.take_time()
            named = sweeps.named(tx)
        lines = (json.dumps({"key": key, "asset_id": str(asset_id)}) + "\n" for key, asset_id in sorted(named.items()))
        with store.with_suffix(".jsonl").open("w", encoding="utf-8") as file:
            file.writelines(lines)

    def _keep(self, folder: Path, store: Path, bring: Callable[[Path, Path], object], *, media: bool) -> Backup:
        kept = folder.absolute() / "store" / store.name
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(
                "A backup cannot lie at {path} ({reason}). Choose another folder.", path=folder, reason=error.strerror
            ) from error
        for suffix in (".jsonl", ".duckdb"):
            part = kept.with_suffix(f"{suffix}.part")
            bring(store.with_suffix(suffix), part)
            part.replace(kept.with_suffix(suffix))
        copied, missing = self._copy_media(kept, folder) if media else (0, 0)
        size = kept.stat().st_size
        return Backup(name=kept.stem, path=str(kept), bytes=size, copied=copied, missing=missing)

    def _copy_media(self, store: Path, folder: Path) -> tuple[int, int]:
        """How many files were new, and how many could not be found."""
        from apom.media.moving import bring
        from apom.media.storage import LocalStorage

        there, copied, missing = LocalStorage(folder / "media"), 0, 0
        for key in listed(store):
            if there.has(key):
                continue
            try:
                bring(self._storage, there, key)
                copied += 1
            except NotFound:
                missing += 1
        return copied, missing


def listed(store: Path) -> list[str]:
    """The keys of the files that a kept store names."""
    with store.with_suffix(".jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["key"] for line in lines]


def nightly(folder: Path) -> list[tuple[datetime, Path]]:
    """The daily copies in a folder, the oldest first."""
    found = ((NIGHTLY.fullmatch(path.name), path) for path in folder.glob("nightly-*.duckdb"))
    return sorted((datetime.strptime(f"{match[1]}+0000", f"{STAMP}%z"), path) for match, path in found if match)


def prune(folder: Path) -> None:
    """Daily copies that are neither of the last ones nor the last of their week go; nothing else is touched."""
    made = nightly(folder)
    for path in {path for _, path in made} - kept_of(made):
        path.with_suffix(".jsonl").unlink(missing_ok=True)
        path.unlink()


def kept_of(made: Sequence[tuple[datetime, Path]]) -> set[Path]:
    """Which of them stay; the oldest first."""
    weekly = {at.isocalendar()[:2]: path for at, path in made}
    return {path for _, path in made[-DAYS:]} | set(list(weekly.values())[-WEEKS:])


def restore(settings: Settings, folder: Path, name: str | None = None, *, only_files: bool = False) -> Restored:
    """Puts back a kept store (the latest without a name) where none is yet, and every file of it that is not there.

    `only_files`: the store is there and stays. Nothing is overwritten. Raises Invalid, Conflict for a store that has rows,
    StoreBusy, StoreBroken, Misconfigured, OSError.
    """
    from apom.media.storage import LocalStorage, storage_of

    kept = _chosen(folder, name)
    rows = 0 if only_files else _restore_store(settings, kept)
    store = open_store(settings.store_url, snapshots=settings.data_dir / "snapshots")
    try:
        with store.read() as tx:
            tx.take_time()
            digests = sweeps.digests(tx)
            wanted = {key: digests.get(key) for key in sorted(sweeps.named(tx, purged=False))}
    finally:
        store.close()
    return _put_back(LocalStorage(folder / "media"), storage_of(settings), wanted, kept.stem, rows)


def _chosen(folder: Path, name: str | None) -> Path:
    made = {
        path.stem: path for path in sorted((folder / "store").glob("*.duckdb"), key=lambda path: path.stat().st_mtime)
    }
    if not made:
        raise Invalid(
            "There is no backup in {folder}. Name the folder that apom backup was given.", field="folder", folder=folder
        )
    if name is not None and name not in made:
        raise Invalid(
            "There is no backup {name}. These are there: {names}.", field="name", name=name, names=", ".join(made)
        )
    return made[name] if name is not None else list(made.values())[-1]


def _restore_store(settings: Settings, kept: Path) -> int:
    """Row by row from a copy of the copy: one of an older version is brought up to date on the way. How many rows."""
    from apom.store.copying import copy

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=settings.data_dir) as place:
        path = Path(place) / kept.name
        shutil.copyfile(kept, path)
        source = open_store(f"duckdb:///{path}")
        try:
            target = open_store(settings.store_url, snapshots=settings.data_dir / "snapshots")
            try:
                return sum(copy(source, target).values())
            finally:
                target.close()
        finally:
            source.close()


def _put_back(
    kept: LocalStorage, storage: LocalStorage, wanted: Mapping[str, str | None], name: str, rows: int
) -> Restored:
    """`wanted`: each file's SHA-256, in hex, where that is known."""
    from apom.media.moving import bring, is_whole

    files, missing, damaged = 0, 0, 0
    for key, sha256 in wanted.items():
        if storage.has(key):
            continue
        if not kept.has(key):
            missing += 1
        elif not is_whole(kept.path(key), sha256):
            damaged += 1
        else:
            bring(kept, storage, key)
            files += 1
    return Restored(name=name, rows=rows, files=files, missing=missing, damaged=damaged)
