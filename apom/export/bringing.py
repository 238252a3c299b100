"""A project archive comes into this house: looked through whole, then brought in at once or not at all.

Nothing that was under way elsewhere goes on here: what had not ended arrives as stopped, so that nothing is asked of a
provider, and nothing paid, because of an archive. Who brings it becomes the owner. Others are the people of the same name
here, where they are known to whoever brings it (an admin knows everybody), else that person; what was said keeps its name.
Uploads count among those of whoever brings them, unless an admin does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

from pydantic import TypeAdapter, ValidationError

from apom.config import LIMITS
from apom.errors import ApomError, Conflict, Invalid
from apom.export import unpacking
from apom.export.unpacking import Archive, Columns, Wanted, damaged
from apom.fields import BoxChanges, CommentFields, ProjectChanges, check
from apom.models import (
    Actor,
    AssetInput,
    AssetType,
    Attention,
    BatchOrder,
    BoxKind,
    InputRole,
    Opinion,
    Project,
    Rights,
    Role,
    SourceType,
    State,
    Status,
    Visibility,
)
from apom.search import Filter, parse
from apom.store import Store, Tx, archiving, audit, batches, boxes, comments, lists, projects, users
from apom.store.archiving import Column
from apom.uploads import check_room
from apom.words import N_, _

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

PAGE = 500
ENDED = (State.COMPLETED, State.FAILED, State.CANCELLED)
OPEN = (Status.PENDING, Status.PROCESSING, Status.ATTENTION)
ARRIVED = N_("It was under way when the project was archived, and is not gone on with here. Look where it came from.")
FIELDS: Mapping[str, type] = {"project": ProjectChanges, "box": BoxChanges, "comment": CommentFields}
ONE_OF: Mapping[str, type[StrEnum]] = {
    "box.kind": BoxKind,
    "asset.asset_type": AssetType,
    "asset.source_type": SourceType,
    "asset.status": Status,
    "asset_input.role": InputRole,
    "generation.state": State,
    "generation.attention": Attention,
    "generation.decision": Status,
    "comment.visibility": Visibility,
    "verdict.verdict": Opinion,
}
ALONE = {"box": [["code"]], "round": [["number"]]}  # what no two rows share, beside their keys
LISTS = ("asset_recipe.tags", "generation.inputs")  # what is a list in JSON; all else is an object
SHAPES: Mapping[str, TypeAdapter[Any]] = {  # what pages read out of JSON
    "asset_recipe.tags": TypeAdapter(list[str]),
    "asset_recipe.rights": TypeAdapter(Rights),
    "batch.recipe": TypeAdapter(BatchOrder),
    "generation.inputs": TypeAdapter(list[AssetInput]),
}
MADE: Mapping[str, Mapping[str, tuple[str, Callable[[], object]]]] = {  # what does not travel and has to be something
    "batch": {"token": ("text", lambda: f"archive {uuid4()}")},
    "generation": {"task": ("json", lambda: "{}")},
}


class Bringing:
    """One archive on its way in."""

    def __init__(
        self,
        store: Store,
        storage: LocalStorage,
        env: str,
        actor: Actor,
        archive: Archive,
        columns: Columns,
        seed: UUID,
        now: datetime,
    ) -> None:
        self._store, self._storage, self._env, self._actor = store, storage, env, actor
        self._archive, self._columns, self._seed, self._now = archive, columns, seed, now
        self._tables = [table for table in archiving.TABLES if table in archive.manifest.tables]
        self._ids = unpacking.ids_of(archive, columns)
        self._texts = frozenset(str(each) for some in self._ids.values() for each in some)
        self._names: set[str] = set()
        self._strangers: set[UUID] = set()
        self._wanted: Mapping[str, Wanted] = {}
        self._accounts: dict[str, UUID] = {}
        self._is_copy = self._is_admin = False

    def run(self, progress: Callable[[float], None], done: Callable[[Tx, UUID], None]) -> Project:
        """All of it, or nothing. Raises Invalid, TooLarge, Conflict, Unavailable, OSError."""
        self._look_through(progress)
        with self._store.read() as tx:
            check_room(
                tx, self._actor, sum(self._archive.manifest.files[f"media/{name}"].bytes for name in self._here())
            )
            self._is_copy = self._is_taken(tx)
        put: list[str] = []
        try:
            self._put_files(put, progress)
            with self._store.write() as tx:
                tx.take_time()
                return self._write(tx, done)
        except BaseException:
            self._drop(put)
            raise

    # What is in it

    def _look_through(self, progress: Callable[[float], None]) -> None:
        """Every row. Raises Invalid."""
        seen = _Seen()
        for table in self._tables:
            columns = self._columns[table]
            for n, row in enumerate(self._archive.rows(table, columns)):
                if n % PAGE == 0:
                    progress(0.0)
                unpacking.check_points(table, row, self._ids)
                _check_words(table, row)
                _check_shapes(table, row, columns)
                self._note_people(table, row)
                seen.note(table, row)
        seen.check()
        self._wanted = {wanted.name: wanted for wanted in seen.wanted}
        self._check_files()

    def _note_people(self, table: str, row: Mapping[str, Any]) -> None:
        for name in archiving.PEOPLE & row.keys():
            value = row[name]
            if isinstance(value, str):
                self._names.add(value[1:])
            elif value is not None:
                self._strangers.add(value)

    def _check_files(self) -> None:
        """Those that the rows name are those of the manifest. Raises Invalid."""
        manifest = self._archive.manifest
        named = {f"media/{name}" for name in self._wanted}
        if manifest.files.keys() & set(manifest.missing) or named != manifest.files.keys() | set(manifest.missing):
            raise damaged("its files are not those that the takes name")
        for name in self._here():
            wanted, said = self._wanted[name], manifest.files[f"media/{name}"]
            if said.bytes > LIMITS.video_bytes:
                raise damaged(f"{name} is too large")
            if unpacking.NAME.fullmatch(name)["sha12"] != said.sha256[:12]:  # type: ignore[index]
                raise damaged(f"{name} is not called after what it holds")
            if wanted.column == "file_key" and (wanted.bytes, wanted.sha256) != (said.bytes, said.sha256):
                raise damaged(f"{name} is not the file that its take has")

    def _here(self) -> list[str]:
        return [name for name in self._wanted if f"media/{name}" in self._archive.manifest.files]

    def _is_taken(self, tx: Tx) -> bool:
        """Whether something of it is here already: then all of it gets new ids."""
        return any(
            archiving.is_known(tx, table, some) for table in archiving.WITH_IDS for some in _chunks(self._ids[table])
        )

    # What becomes of it

    def _put_files(self, put: list[str], progress: Callable[[float], None]) -> None:
        """Every file into the storage; `put` says which, whatever happens. Raises Invalid, OSError."""
        here = self._here()
        for n, name in enumerate(here):
            progress(0.9 * n / len(here))
            wanted = self._wanted[name]
            with self._storage.temp() as temp:
                mime = _checked(wanted, self._archive.unpack(name, temp))
                key = self._key(name)
                put.append(key)
                self._storage.put(temp, key, mime=mime)

    def _drop(self, put: list[str]) -> None:
        """What was put, unless its take is here by now: somebody else has brought in the same archive, and was faster."""
        with self._store.read() as tx:
            free = [key for key in put if not archiving.is_known(tx, "asset", [UUID(key.split("/")[2])])]
        self._storage.drop(*free)

    def _key(self, name: str) -> str:
        asset_id, _slash, file = name.partition("/")
        return f"{self._env}/a/{self._new(UUID(asset_id))}/{file}"

    def _new(self, old: UUID) -> UUID:
        """An id as it is here. One of nothing in the archive, as costs name what is gone, is never that of something here."""
        return uuid5(self._seed, str(old)) if self._is_copy or str(old) not in self._texts else old

    def _write(self, tx: Tx, done: Callable[[Tx, UUID], None]) -> Project:
        if self._is_taken(tx) != self._is_copy:
            raise Conflict("Somebody has brought in the same project this moment. Try again.")
        me = users.get(tx, self._actor.user_id)
        self._is_admin = me is not None and me.is_admin
        self._accounts = archiving.accounts(tx, self._actor.user_id, self._names, all_of_them=self._is_admin)
        self._strangers = {
            each for some in _chunks(self._strangers) for each in some if archiving.is_known(tx, "app_user", [each])
        }
        for table in self._tables:
            self._write_table(tx, table)
        (project_id,) = (self._new(each) for each in self._ids["project"])
        projects.add_member(tx, project_id, self._actor.user_id, Role.OWNER, self._now)
        audit.append(tx, self._now, self._actor.username, "project.import", f"project:{project_id}")
        project = _read_back(tx, self._actor, project_id)
        done(tx, project_id)
        return project

    def _write_table(self, tx: Tx, table: str) -> None:
        made = MADE.get(table, {})
        columns = self._columns[table]
        kinds = {name: column.kind for name, column in columns.items()} | {
            name: kind for name, (kind, _) in made.items()
        }
        rows = self._archive.rows(table, columns)
        while some := list(islice(rows, archiving.BATCH)):
            archiving.insert(
                tx,
                table,
                kinds,
                [self._row(table, row) | {name: make() for name, (_, make) in made.items()} for row in some],
            )

    def _row(self, table: str, row: dict[str, Any]) -> dict[str, Any]:
        """As it is written here."""
        made = {name: self._value(table, name, value) for name, value in row.items()}
        if table == "asset" and made["source_type"] == SourceType.UPLOADED and not self._is_admin:
            made["created_by"] = self._actor.user_id  # it takes up the room of whoever brings it, and nobody else's
        if table == "asset" and made["status"] in OPEN:
            made |= {"status": Status.CANCELLED.value, "error_message": _(ARRIVED)}
        elif table == "generation":
            if made["state"] not in ENDED:
                made |= {"state": State.CANCELLED.value, "decision": Status.CANCELLED.value}
                made |= {"since": self._now, "finished_at": self._now, "updated_at": self._now}
            made |= {"attention": None, "finished_at": made["finished_at"] or self._now}  # else it is promised money
        elif table == "project":
            made["updated_at"] = self._now  # somebody works on it: the days until unmarked takes go begin now
        return made

    def _value(self, table: str, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in archiving.PEOPLE:
            return self._person(name, value)
        if isinstance(value, UUID):
            return self._new(value)
        if name.endswith("_key") and table == "asset":
            return self._key(value)
        if self._is_copy and self._columns[table][name].kind == "json" and table != "provider_snapshot":
            return json.dumps(self._renamed(json.loads(value)), ensure_ascii=False)
        return value

    def _person(self, name: str, value: UUID | str) -> UUID | None:
        """Somebody of this house; whoever is not stays a stranger, never by the id of somebody who is here."""
        if name == "assignee_id":  # shots are given to members, and there is one
            return self._actor.user_id if value == f"@{self._actor.username}" else None
        if isinstance(value, str):
            return self._accounts.get(value[1:], self._actor.user_id)
        return uuid5(self._seed, str(value)) if value in self._strangers else value

    def _renamed(self, value: Any) -> Any:
        """JSON with the ids of the copy."""
        if isinstance(value, str):
            return str(self._new(UUID(value))) if value in self._texts else value
        if isinstance(value, list):
            return [self._renamed(each) for each in value]
        return {name: self._renamed(each) for name, each in value.items()} if isinstance(value, dict) else value


def _chunks(some: Iterable[UUID], size: int = 10_000) -> Iterator[list[UUID]]:
    rest = iter(some)
    while chunk := list(islice(rest, size)):
        yield chunk


class _Seen:
    """What fits together only when everything is known."""

    def __init__(self) -> None:
        self.wanted: list[Wanted] = []
        self._places: list[int | None] = []
        self._homes: dict[UUID, UUID] = {}
        self._fronts: list[tuple[UUID, UUID]] = []
        self._recipes: set[UUID] = set()
        self._keys: set[tuple[object, ...]] = set()

    def note(self, table: str, row: Mapping[str, Any]) -> None:
        """A row. Raises Invalid."""
        for names in (archiving.TABLES[table][1].split(", "), *ALONE.get(table, ())):
            key = (table, *names, *(row[name] for name in names))
            if key in self._keys:
                raise damaged(f"two rows of {table} are the same")
            self._keys.add(key)
        if table == "box":
            if row["kind"] == BoxKind.SHOT and row["trashed_at"] is None:
                self._places.append(row["order_index"])
            if row["headliner_asset_id"] is not None:
                self._fronts.append((row["headliner_asset_id"], row["id"]))
        elif table == "asset":
            self._homes[row["id"]] = row["box_id"]
            self.wanted += unpacking.wanted_of(row)
        elif table == "asset_recipe":
            self._recipes.add(row["asset_id"])
        elif table == "provider_snapshot":
            _check_snapshot(row)

    def check(self) -> None:
        """All of them. Raises Invalid."""
        if sorted(-1 if place is None else place for place in self._places) != list(range(len(self._places))):
            raise damaged("the shots are not in one order")
        if any(self._homes.get(asset_id) != box_id for asset_id, box_id in self._fronts):
            raise damaged("a shot shows a take of another one")
        if self._recipes != self._homes.keys():
            raise damaged("takes and their recipes do not fit together")


def _check_words(table: str, row: Mapping[str, Any]) -> None:
    """What people write, and words out of a list. Raises Invalid."""
    for name, value in row.items():
        place = f"{table}.{name}"
        if value is not None and place in ONE_OF and value not in set(ONE_OF[place]):
            raise damaged(f"{place} is none of what there is")
    if not 0 <= row.get("rating", 0) <= 5:
        raise damaged("asset.rating is none of what there is")
    if table == archiving.OUTLIVES and any(isinstance(value, float) and value < 0 for value in row.values()):
        raise damaged("costs that are below nothing")
    if table in FIELDS:
        fields = [
            name for name in FIELDS[table].__annotations__.keys() & row.keys() if not name.endswith(("_id", "region"))
        ]
        try:
            check(FIELDS[table], {name: row[name] for name in fields})
        except Invalid as error:
            raise damaged(f"{table}: {error}") from error


def _check_shapes(table: str, row: Mapping[str, Any], columns: Mapping[str, Column]) -> None:
    """JSON is an object, or a list where it has to be one. Raises Invalid."""
    for name, column in columns.items():
        if column.kind == "json" and row[name] is not None:
            found = json.loads(row[name])
            if not isinstance(found, list if f"{table}.{name}" in LISTS else dict):
                raise damaged(f"{table}.{name} has another shape")
            try:
                if f"{table}.{name}" in SHAPES:
                    SHAPES[f"{table}.{name}"].validate_python(found)
            except ValidationError as error:
                raise damaged(f"{table}.{name} has another shape") from error


def _check_snapshot(row: Mapping[str, Any]) -> None:
    """A kept provider file is called by its SHA-256: nobody slips another one in under that name. Raises Invalid."""
    if hashlib.sha256(row["content"].encode()).hexdigest() != row["sha256"]:
        raise damaged("a provider's file is not what it is called by")


def _checked(wanted: Wanted, head: bytes) -> str:
    """The media type of a file, by its first bytes, which have to say what its take says. Raises Invalid."""
    from apom.media.arrive import MIMES
    from apom.media.sniff import sniff

    try:
        kind = sniff(head)
    except ApomError as error:
        raise damaged(f"{wanted.name}: {error}") from error
    if kind.ext != wanted.name.rpartition(".")[2]:
        raise damaged(f"{wanted.name} is {kind.mime}")
    is_original = wanted.column == "file_key"
    if is_original and (kind.mime, kind.asset_type) != (wanted.mime, wanted.asset_type):
        raise damaged(f"{wanted.name} is {kind.mime}, its take says otherwise")
    if not is_original and kind.mime not in MIMES.values():
        raise damaged(f"{wanted.name} is {kind.mime}")
    return kind.mime


def _read_back(tx: Tx, actor: Actor, project_id: UUID) -> Project:
    """Everything as its owner will read it: what cannot be read must not be written. Raises Invalid."""
    try:
        boxes.of_project(tx, actor.user_id, project_id)
        batches.page(tx, actor.user_id, project_id, None, PAGE)
        for read in (
            lambda at: lists.page(tx, actor.user_id, Filter(project_id=project_id), parse(""), at, PAGE),
            lambda at: lists.page(tx, actor.user_id, Filter(project_id=project_id, trashed=True), parse(""), at, PAGE),
            lambda at: comments.page(
                tx,
                actor.user_id,
                project_id=project_id,
                box_id=None,
                asset_id=None,
                unresolved=False,
                cursor=at,
                limit=PAGE,
            ),
        ):
            page = read(None)
            while page.next is not None:
                page = read(page.next)
        project = projects.get(tx, actor.user_id, project_id)
    except (ValidationError, ValueError, KeyError) as error:
        raise damaged("a row cannot be read") from error
    assert project is not None, "its owner was written before"
    return project
