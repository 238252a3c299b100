"""Files that people bring: who may, how many bytes, and the take that each becomes.

A file comes in one piece or in several, under an id that its sender chose: whatever is lost on the way, it is sent again
under the same id and is one take. The file is in storage before its row is, and leaves again when the row cannot be.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5
from weakref import WeakValueDictionary

from apom.config import LIMITS, MB
from apom.errors import BadMedia, Conflict, Invalid, TooLarge, Unavailable
from apom.events import Hub
from apom.fields import RightsFields, check, one_line
from apom.models import (
    Actor,
    Arriving,
    Asset,
    AssetType,
    Box,
    BoxKind,
    Event,
    Rights,
    Role,
    SourceType,
    Status,
    Take,
    Upload,
    Uploaded,
)
from apom.projects import need, need_box, need_in_box
from apom.store import Store, Tx, assets, boxes, projects, system

if TYPE_CHECKING:
    from apom.media.recipes import Recipe
    from apom.media.sendings import Sending
    from apom.media.storage import LocalStorage

log = logging.getLogger("apom.uploads")
GB = 1024 * MB
TIDY_S = 3600.0
HASHES = 500  # most files asked about at once
SHA256 = frozenset("0123456789abcdef")


class Uploads:
    """Takes files in. `folder`: where those lie that are not whole yet, best on the volume of the media."""

    def __init__(
        self, store: Store, storage: LocalStorage, env: str, folder: Path, hub: Hub, clock: Callable[[], datetime]
    ) -> None:
        from apom.media.parts import Parts

        self._store = store
        self._storage = storage
        self._env = env
        self._parts = Parts(folder)
        self._hub = hub
        self._clock = clock
        self._on_their_way: dict[str, Sending] = {}  # what is sent to the bucket while it comes, by its part
        self._decoding = threading.BoundedSemaphore(os.cpu_count() or 1)  # each holds the largest picture it has seen
        self._whole: WeakValueDictionary[UUID, threading.Lock] = WeakValueDictionary()  # taken in by one at a time

    def receive(self, actor: Actor, box_id: UUID, upload: Upload, content: Iterable[bytes]) -> Arriving:
        """Adds a piece of a file, or all of it; once it is whole it becomes a take, COMPLETED from the start.

        What cannot be taken is refused as soon as that can be known, and nothing of it is kept. When the pieces break off,
        what has come is kept for a day. Raises NotFound, NotAllowed, Invalid, Conflict, TooLarge, BadMedia, Unavailable.
        """
        upload = _tidied(upload)
        asset_id = take_id(actor, box_id, upload.id)
        kind, found = self._found(actor, box_id, asset_id)
        if found is not None:
            return found
        gate, part = _Gate(upload, kind), _part(actor, asset_id)
        ahead = _Ahead(self._on_their_way, part, lambda head: self._start_sending(asset_id, head, upload.size))
        self._check_room(actor, (upload.size or 0) + self._parts.held(str(actor.user_id)) - self._parts.size(part))
        try:
            size = self._parts.write(part, upload.offset, content, gate, ahead)
            if upload.size is not None and size < upload.size:
                return Arriving(bytes=size)
            return Arriving(bytes=size, done=self._take_in(actor, box_id, upload, asset_id, size))
        except (BadMedia, TooLarge, Invalid):
            self._drop(part)
            raise
        except OSError as error:
            raise Unavailable(
                "The file cannot be stored here: {reason}. Nothing is lost: try again.", reason=error.strerror or error
            ) from error

    def received(self, actor: Actor, box_id: UUID, upload_id: UUID) -> Arriving:
        """How far an upload is: where its sender goes on. Raises NotFound, NotAllowed, Conflict."""
        asset_id = take_id(actor, box_id, upload_id)
        return self._found(actor, box_id, asset_id)[1] or Arriving(bytes=self._parts.size(_part(actor, asset_id)))

    def known(self, actor: Actor, project_id: UUID, sha256: Sequence[str]) -> frozenset[str]:
        """Those of these files that a take of the project has, in the trash or not. Raises NotFound, Invalid."""
        if len(sha256) > HASHES or not all(len(each) == 64 and set(each) <= SHA256 for each in sha256):
            raise Invalid("Give at most {most} hashes: SHA-256, as 64 hex digits.", field="sha256", most=HASHES)
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            return assets.known_files(tx, project_id, sha256)

    def sweep(self) -> int:
        """Drops what was broken off long ago; how many."""
        dropped = self._parts.sweep(timedelta(hours=LIMITS.kept_piece_hours), self._clock())
        for part in [part for part in list(self._on_their_way) if not self._parts.size(part)]:
            self._drop(part)
        return dropped

    def _drop(self, part: str) -> None:
        """Nobody wants it any more."""
        self._parts.drop(part)
        self._give_up(part)

    def _give_up(self, part: str) -> None:
        """What was sent of it is not wanted."""
        if sending := self._on_their_way.pop(part, None):
            sending.cancel()

    def _start_sending(self, asset_id: UUID, head: bytes, size: int | None) -> Sending | None:
        from apom.media.arrive import start_sending

        return start_sending(self._storage, head, size or 0, env=self._env, asset_id=asset_id)

    async def tidy(self, _: object) -> None:
        """The same as a chore of the engine. Raises nothing."""
        try:
            await asyncio.to_thread(self.sweep)
        except OSError:
            log.warning("uploads that broke off could not be cleared away; they are later", exc_info=True)

    def _found(self, actor: Actor, box_id: UUID, asset_id: UUID) -> tuple[BoxKind, Arriving | None]:
        """What the box is, and the take that an upload has become already. Raises NotFound, NotAllowed, Conflict."""
        with self._store.read() as tx:
            kind = need_in_box(tx, actor, box_id, Role.EDITOR)
            if not assets.is_there(tx, asset_id):
                return kind, None
            done = _uploaded(tx, actor, asset_id)
            return kind, Arriving(bytes=done.take.bytes or 0, done=done)

    def _check_room(self, actor: Actor, more: int) -> None:
        with self._store.read() as tx:
            check_room(tx, actor, more)

    def _take_in(self, actor: Actor, box_id: UUID, upload: Upload, asset_id: UUID, size: int) -> Uploaded:
        """The whole file, of so many bytes, becomes a take, once, however many ask."""
        lock = self._whole.setdefault(asset_id, threading.Lock())
        with lock:
            kind, found = self._found(actor, box_id, asset_id)
            if found is not None and found.done is not None:
                return found.done
            part = _part(actor, asset_id)
            with self._storage.temp() as path:
                sha256, sending = self._parts.hand_over(part, path, size), self._on_their_way.pop(part, None)
                try:
                    _type_for(kind, _head(path))  # a short one of unknown length was not seen while it came
                    return self._stored(actor, box_id, upload, asset_id, path, sha256, sending)
                except (OSError, Unavailable):
                    self._parts.take_back(part, path)
                    self._give_up(part)  # what was sent since is of another try
                    raise
                finally:
                    if sending is not None:
                        sending.cancel()  # of one that is there nothing is left to be cancelled

    def _stored(
        self,
        actor: Actor,
        box_id: UUID,
        upload: Upload,
        asset_id: UUID,
        path: Path,
        sha256: str | None,
        sending: Sending | None,
    ) -> Uploaded:
        from apom.media.arrive import discard, take_in
        from apom.media.recipes import read_recipe

        with self._decoding:
            recipe = read_recipe(path)
            asset_type, file = take_in(
                self._storage,
                path,
                env=self._env,
                asset_id=asset_id,
                may_be_sound=True,
                sha256=sha256,
                sending=sending,
            )
        now = self._clock()
        try:
            with self._store.write() as tx:
                box = need_box(tx, actor, box_id, Role.EDITOR)  # the file took its time: the right may have ended
                check_room(tx, actor, file["bytes"])
                take = _asset(actor, box, asset_id, asset_type, upload, recipe, boxes.count_takes(tx, box.id, 1), now)
                assets.insert(tx, [take])
                assets.set_file(tx, asset_id, asset_type, file, now)
                projects.touch(tx, box.project_id, now)
                done = _uploaded(tx, actor, asset_id)
        except BaseException:
            with self._store.read() as tx:
                is_anothers = assets.is_there(tx, asset_id)  # another process was faster with this very upload
            if not is_anothers:
                discard(self._storage, file)
            raise
        self._hub.publish(_event(take))
        return done


def take_id(actor: Actor, box_id: UUID, upload_id: UUID) -> UUID:
    """What the take of an upload is called: told by who sends it, where to and under which id; nobody else comes upon it."""
    return uuid5(actor.user_id, f"{box_id} {upload_id}")


def _part(actor: Actor, asset_id: UUID) -> str:
    """Where it lies until it is whole; what a person has there counts as theirs."""
    return f"{actor.user_id}.{asset_id}"


def _uploaded(tx: Tx, actor: Actor, asset_id: UUID) -> Uploaded:
    take = assets.take(tx, actor.user_id, asset_id, even_trashed=True)
    if take is None:  # it was moved to where this person is not
        raise Conflict("This upload has gone to another project. Send the file anew, under another id.")
    return Uploaded(take=take, twin=assets.twin(tx, actor.user_id, asset_id))


def tidy_name(name: str) -> str:
    """A file's name, only to be shown: its last part, in one line, its ending kept when it has to be cut."""
    shown = one_line(name.replace("\\", "/").rstrip("/").rpartition("/")[2])
    stem, dot, ending = shown.rpartition(".")
    if len(shown) > LIMITS.name_chars and dot and len(ending) < 10:
        return f"{stem[: LIMITS.name_chars - len(ending) - 1]}.{ending}"
    return shown[: LIMITS.name_chars]


def _tidied(upload: Upload) -> Upload:
    if upload.size is not None and upload.offset > upload.size:
        raise Invalid("The file has {size} bytes. Begin within it.", field="offset", size=upload.size)
    rights = Rights(**check(RightsFields, upload.rights.model_dump()))
    return upload.model_copy(update={"name": tidy_name(upload.name), "rights": rights})


class _Gate:
    """Refuses a file while it comes: by its size as announced and as counted, and by its first bytes."""

    def __init__(self, upload: Upload, kind: BoxKind) -> None:
        self._kind = kind
        self._announced = upload.size
        self._most = LIMITS.video_bytes
        self._is_seen = False
        self._check_size(0)

    def __call__(self, head: bytes, size: int) -> None:
        """Raises BadMedia, TooLarge, Invalid."""
        from apom.media.arrive import most_bytes
        from apom.media.sniff import HEAD

        if self._announced is not None and size > self._announced:
            raise Invalid("More bytes came than were announced. Send the file anew.", field="size")
        if not self._is_seen and (len(head) == HEAD or size == self._announced):
            self._is_seen = True
            self._most = most_bytes(_type_for(self._kind, head))
        self._check_size(size)

    def _check_size(self, size: int) -> None:
        from apom.media.arrive import too_large

        size = max(size, self._announced or 0)
        if size > self._most:
            raise too_large(size, self._most)


class _Ahead:
    """Sends a file to where it is kept while it comes. `start(head)`: begins that, where it can be done."""

    def __init__(self, on_their_way: dict[str, Sending], part: str, start: Callable[[bytes], Sending | None]) -> None:
        self._on_their_way = on_their_way
        self._part = part
        self._start = start
        self._is_tried = False

    def cut(self, size: int) -> None:
        """Another beginning is another name."""
        from apom.media.sniff import HEAD

        if sending := self._on_their_way.get(self._part):
            sending.back_to(size)
            if size < HEAD:
                self._on_their_way.pop(self._part, None)

    def grew(self, head: bytes, path: Path, size: int) -> bool:
        """Sends what can be sent."""
        from apom.media.sniff import HEAD

        if len(head) == HEAD and not self._is_tried:
            self._is_tried = True
            if self._part not in self._on_their_way and (started := self._start(head)):
                self._on_their_way[self._part] = started
        if sending := self._on_their_way.get(self._part):
            sending.reach(path, size)
        return sending is not None


def _head(path: Path) -> bytes:
    from apom.media.sniff import HEAD

    with path.open("rb") as content:
        return content.read(HEAD)


def _type_for(kind: BoxKind, head: bytes) -> AssetType:
    """What a file that begins so is, if it may go into the box: sound is no take of a shot. Raises BadMedia."""
    from apom.media.sniff import sniff

    found = sniff(head).asset_type
    if found is AssetType.AUDIO and kind is not BoxKind.REFERENCE:
        raise BadMedia(
            "This is sound, and a shot takes pictures and clips. Make it the soundtrack in the project's settings, or add "
            "it to a reference."
        )
    return found


def check_room(tx: Tx, actor: Actor, more: int) -> None:
    """Whether a person may keep so many bytes more. Raises TooLarge."""
    most = int(str(system.value(tx, "upload_gb"))) * GB
    if most and assets.uploaded_bytes(tx, actor.user_id) + more > most:
        raise TooLarge(
            "Your uploads would come to more than {most} GB, the most that a person may keep. Delete some for good, or "
            "ask an admin for more.",
            most=most // GB,
        )


def _asset(
    actor: Actor,
    box: Box,
    asset_id: UUID,
    asset_type: AssetType,
    upload: Upload,
    recipe: Recipe,
    number: int,
    now: datetime,
) -> Asset:
    config: dict[str, Any] = dict(recipe.config)
    if upload.name:
        config["file_name"] = upload.name
    return Asset(
        id=asset_id,
        project_id=box.project_id,
        box_id=box.id,
        number=number,
        asset_type=asset_type,
        source_type=SourceType.UPLOADED,
        status=Status.COMPLETED,
        prompt_text=recipe.prompt,
        ai_model=recipe.model,
        seed=recipe.seed,
        generation_config=config,
        rights=upload.rights.model_dump(exclude_defaults=True),
        created_by=actor.user_id,
        created_at=now,
        updated_at=now,
    )


def _event(take: Take) -> Event:
    return Event(
        type="asset_status_changed",
        project_id=take.project_id,
        box_id=take.box_id,
        asset_id=take.id,
        status=Status.COMPLETED,
    )
