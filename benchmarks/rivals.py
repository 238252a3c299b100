"""The same takes in SQLite, in two shapes: the best that we know of, and that of a widely used gallery.

`InvokeShaped` asks what InvokeAI's gallery asks (its image_records_sqlite.py, `get_many`): a page by OFFSET, a COUNT(*) of
everything beside it, and a search by LIKE over the metadata as they stand in the row. See docs/benchmarks.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from apom.models import Take
from benchmarks.takes import Production, Row, batches

KEYSET = """
create table member (project_id text, user_id text, primary key (project_id, user_id)) without rowid;
create table box (id text primary key, project_id text, headliner_asset_id text) without rowid;
create table asset (
    id text primary key, project_id text, box_id text, number integer, is_favorite integer, rating integer, seed integer,
    file_key text, thumb_key text, placeholder text, created_by text, created_at text, trashed_at text
);
create table prompt (asset_id text primary key, prompt_text text) without rowid;
create table config (asset_id text primary key, generation_config text);
"""
KEYSET_INDEXES = """
create index of_box on asset (box_id, created_at desc, id desc) where trashed_at is null;
create index of_project on asset (project_id, created_at desc, id desc) where trashed_at is null;
create index favorites on asset (project_id, created_at desc, id desc) where is_favorite and trashed_at is null;
analyze;
"""
TAKE = """a.id, a.project_id, a.box_id, a.number, 'IMAGE' as asset_type, 'GENERATED' as source_type, 'COMPLETED' as status,
    a.is_favorite, b.headliner_asset_id is a.id as is_headliner, a.rating, 'sandbox/sandbox-image' as ai_model, a.seed,
    a.file_key, a.thumb_key, a.placeholder, 'image/png' as mime, 1048576 as bytes, 1280 as width, 720 as height,
    a.created_by, a.created_at, a.created_at as updated_at"""
FROM = "from asset a join member m on m.project_id = a.project_id and m.user_id = ? join box b on b.id = a.box_id"


def connect(path: Path) -> sqlite3.Connection:
    """As Python opens it, with rows by name."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    return connection


class Keyset:
    """Indexes for each list, pages by the last row of the one before, prompts in a table of their own."""

    who = "SQLite, keyset"

    def __init__(self, path: Path, production: Production) -> None:
        self._connection = db = connect(path)
        self._project, self._user = str(production.project_id), str(production.user_id)
        db.executescript(KEYSET)
        db.execute("insert into member values (?, ?)", (self._project, self._user))
        db.executemany("insert into box values (?, ?, null)", [(str(box), self._project) for box in production.boxes])
        for some in batches(production.rows()):
            assets = [self._asset(row) for row in some]
            db.executemany(f"insert into asset values ({', '.join('?' * 13)})", assets)
            db.executemany("insert into prompt values (?, ?)", [(str(row.id), row.prompt) for row in some])
            db.executemany("insert into config values (?, ?)", [(str(row.id), row.metadata) for row in some])
        db.executescript(KEYSET_INDEXES)
        db.commit()

    def _asset(self, row: Row) -> tuple[Any, ...]:
        ids = str(row.id), self._project, str(row.box_id)
        files = row.file_key, row.thumb_key, row.placeholder
        return (
            *ids,
            row.number,
            row.is_favorite,
            row.rating,
            row.seed,
            *files,
            self._user,
            row.created_at.isoformat(),
            None,
        )

    def box(self, box_id: UUID, after: Take | None, limit: int) -> list[Take]:
        """A page of a box, newest first."""
        return self._page("a.box_id = ?", [str(box_id)], after, limit)

    def favorites(self, after: Take | None, limit: int) -> list[Take]:
        """A page of the project's favourites, newest first."""
        return self._page("a.project_id = ? and a.is_favorite", [self._project], after, limit)

    def search(self, wanted: Sequence[str], unwanted: Sequence[str], limit: int) -> list[Take]:
        """What has these words in its prompt and not those, newest first."""
        said = ["p.prompt_text like ?" for _ in wanted] + ["p.prompt_text not like ?" for _ in unwanted]
        where = " and ".join(["a.project_id = ?", "a.trashed_at is null", *said])
        patterns = [f"%{text}%" for text in (*wanted, *unwanted)]
        prompts = "join prompt p on p.asset_id = a.id"
        sql = f"select {TAKE} {FROM} {prompts} where {where} order by a.created_at desc, a.id desc limit ?"
        return self._takes(sql, [self._user, self._project, *patterns, limit])

    def _page(self, where: str, args: list[Any], after: Take | None, limit: int) -> list[Take]:
        if after is not None:
            where += " and (a.created_at, a.id) < (?, ?)"
            args = [*args, after.created_at.isoformat(), str(after.id)]
        sql = (
            f"select {TAKE} {FROM} where {where} and a.trashed_at is null order by a.created_at desc, a.id desc limit ?"
        )
        return self._takes(sql, [self._user, *args, limit + 1])[:limit]

    def _takes(self, sql: str, args: Sequence[Any]) -> list[Take]:
        return [Take(**dict(row)) for row in self._connection.execute(sql, args)]

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


IMAGES = """
create table images (
    image_name text not null primary key, image_origin text not null, image_category text not null, width integer not null,
    height integer not null, session_id text, node_id text, metadata text, is_intermediate boolean default false,
    created_at datetime not null, updated_at datetime not null, deleted_at datetime, starred boolean default false,
    has_workflow boolean default false
);
create table board_images (
    board_id text not null, image_name text not null primary key, created_at datetime not null, updated_at datetime not null,
    deleted_at datetime
);
"""
IMAGES_INDEXES = """
create unique index idx_images_image_name on images (image_name);
create index idx_images_image_origin on images (image_origin);
create index idx_images_image_category on images (image_category);
create index idx_images_created_at on images (created_at);
create index idx_images_starred on images (starred);
create index idx_board_images_board_id on board_images (board_id);
create index idx_board_images_board_id_created_at on board_images (board_id, created_at);
analyze;
"""  # without "analyze" a page of a small board costs forty times as much
IMAGE_COLUMNS = ", ".join(
    f"images.{name}"
    for name in "image_name image_origin image_category width height session_id node_id has_workflow is_intermediate"
    " created_at updated_at deleted_at starred".split()
)
FROM_IMAGES = """from images left join board_images on board_images.image_name = images.image_name
    where 1=1 and images.image_category in (?) and images.is_intermediate = ?"""
NEWEST_FIRST = "order by images.starred desc, images.created_at desc limit ? offset ?"


class Image(BaseModel):
    """What the gallery makes of a row."""

    image_name: str
    image_origin: str
    image_category: str
    width: int
    height: int
    session_id: str | None
    node_id: str | None
    has_workflow: bool
    is_intermediate: bool
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    starred: bool


class InvokeShaped:
    """Metadata in the row, pages by OFFSET with a count of everything, starred ones first."""

    who = "SQLite, InvokeAI's query"

    def __init__(self, path: Path, production: Production) -> None:
        self._connection = db = connect(path)
        db.executescript(IMAGES)
        for some in batches(production.rows()):
            db.executemany(f"insert into images values ({', '.join('?' * 14)})", [_image(row) for row in some])
            boards = [(str(row.box_id), f"{row.id}.png", _at(row), _at(row), None) for row in some]
            db.executemany("insert into board_images values (?, ?, ?, ?, ?)", boards)
        db.executescript(IMAGES_INDEXES)
        db.commit()

    def page(self, offset: int, limit: int, *, board_id: UUID | None = None, term: str | None = None) -> list[Image]:
        """What `get_many` does: the page, and how many there are in all."""
        where, args = FROM_IMAGES, ["general", False]
        if board_id is not None:
            where += " and board_images.board_id = ?"
            args.append(str(board_id))
        if term is not None:
            where += " and (images.metadata like ? or images.created_at like ?)"
            args += [f"%{term.lower()}%"] * 2
        found = self._connection.execute(f"select {IMAGE_COLUMNS} {where} {NEWEST_FIRST}", [*args, limit, offset])
        images = [Image(**dict(row)) for row in found]
        self._connection.execute(f"select count(*) {where}", args).fetchone()
        return images

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


def _image(row: Row) -> tuple[Any, ...]:
    kind = "internal", "general", 1280, 720, None, None
    return (f"{row.id}.png", *kind, row.metadata, False, _at(row), _at(row), None, row.is_favorite, False)


def _at(row: Row) -> str:
    """In the gallery's own form, to the millisecond."""
    return row.created_at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
