"""Takes: what a listing reads (`asset`), what went into them (`asset_recipe`, `asset_input`); `lists` reads many."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Asset, AssetInput, AssetType, Status, Take
from apom.store import Tx, arrays
from apom.store.projects import assignments, visible

TAKE = """a.id, a.project_id, a.box_id, a.number, a.asset_type, a.source_type, a.status, a.is_favorite,
    b.headliner_asset_id is not distinct from a.id as is_headliner, a.rating, a.ai_model, a.seed, a.error_message,
    a.parent_asset_id, a.batch_id, a.file_key, a.thumb_key, a.preview_key, a.proxy_key, a.placeholder, a.mime, a.bytes, a.width,
    a.height, a.duration_s, a.fps, a.created_by, a.created_at, a.updated_at, a.leaves_at, a.missing_at,
    a.trashed_at, a.purged_at"""
ROW = {
    "id": "uuid",
    "project_id": "uuid",
    "box_id": "uuid",
    "number": "integer",
    "asset_type": "text",
    "source_type": "text",
    "status": "text",
    "is_favorite": "boolean",
    "rating": "integer",
    "ai_model": "text",
    "seed": "bigint",
    "parent_asset_id": "uuid",
    "batch_id": "uuid",
    "created_by": "uuid",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
FROM = f"from asset a {visible('a.project_id')} join box b on b.id = a.box_id"
SETTABLE = frozenset(["is_favorite", "rating"])
RECIPE = frozenset(["prompt_text", "tags", "rights"])
FILE = {
    "file_key": "text",
    "thumb_key": "text",
    "preview_key": "text",
    "proxy_key": "text",
    "needs_proxy": "boolean",
    "placeholder": "text",
    "mime": "text",
    "bytes": "bigint",
    "width": "integer",
    "height": "integer",
    "duration_s": "double precision",
    "fps": "double precision",
    "sha256": "text",
}


def insert(tx: Tx, assets: Sequence[Asset]) -> None:
    """New takes with their recipes and inputs, however many, in three statements."""
    row = {name: (kind, [getattr(a, name) for a in assets]) for name, kind in ROW.items()}
    arrays.insert(tx, "asset", row)
    recipes: arrays.Columns = {
        "asset_id": ("uuid", [a.id for a in assets]),
        "prompt_text": ("text", [a.prompt_text for a in assets]),
        **{name: ("json", [getattr(a, name) for a in assets]) for name in ("generation_config", "tags", "rights")},
    }
    arrays.insert(tx, "asset_recipe", recipes)
    used = [(a.id, each) for a in assets for each in a.inputs]
    if used:
        arrays.insert(
            tx,
            "asset_input",
            {
                "asset_id": ("uuid", [asset_id for asset_id, _ in used]),
                "source_asset_id": ("uuid", [each.source_asset_id for _, each in used]),
                "role": ("text", [each.role for _, each in used]),
                "position": ("integer", [each.position for _, each in used]),
                "at_s": ("double precision", [each.at_s for _, each in used]),
            },
        )


def take(tx: Tx, user_id: UUID, asset_id: UUID, *, even_trashed: bool = False) -> Take | None:
    """A take as lists show it."""
    row = tx.one(
        f"select {TAKE} {FROM} where a.id = $2 and ($3 or a.trashed_at is null)", user_id, asset_id, even_trashed
    )
    return Take(**row) if row else None


def get(tx: Tx, user_id: UUID, asset_id: UUID) -> Asset | None:
    """A take with everything about it; of one that is purged, the recipe is what is left."""
    row = tx.one(
        f"select {TAKE}, a.external_task_id, a.sha256, r.prompt_text, r.generation_config, r.tags, r.rights,"
        " u.username as created_by_name, g.cost, g.cost_unit"
        f" {FROM} join asset_recipe r on r.asset_id = a.id join app_user u on u.id = a.created_by"
        " left join (select asset_id, max(cost_unit) as cost_unit, "
        "   sum(case when state = 'FAILED' then cost_actual else coalesce(cost_actual, cost_estimate) end) as cost"
        "   from generation where asset_id = $2 group by asset_id) g on g.asset_id = a.id"
        " where a.id = $2 and (a.trashed_at is null or a.purged_at is not null)",
        user_id,
        asset_id,
    )
    if row is None:
        return None
    for column in ("generation_config", "tags", "rights"):
        row[column] = json.loads(row[column])
    return Asset(**row, inputs=inputs(tx, asset_id))


def ordered(tx: Tx, asset_id: UUID) -> Asset:
    """A take by its id for the engine, which works for the project whoever is still in it."""
    row = tx.one(
        "select a.id, a.project_id, a.box_id, a.number, a.asset_type, a.source_type, a.status, a.ai_model, a.seed,"
        " a.parent_asset_id, a.batch_id, a.created_by, a.created_at, a.updated_at, r.prompt_text,"
        " r.generation_config, r.tags, r.rights from asset a join asset_recipe r on r.asset_id = a.id where a.id = $1",
        asset_id,
    )
    assert row is not None, "its generation was written a moment ago"
    for column in ("generation_config", "tags", "rights"):
        row[column] = json.loads(row[column])
    return Asset(**row, inputs=inputs(tx, asset_id))


def file_of(tx: Tx, asset_id: UUID) -> tuple[str, str] | None:
    """The (key, media type) of a take's original, for the engine; None when it is not here."""
    row = tx.one("select file_key, mime from asset where id = $1 and file_key is not null", asset_id)
    return (row["file_key"], row["mime"]) if row else None


def inputs(tx: Tx, asset_id: UUID) -> tuple[AssetInput, ...]:
    """What went into a take, in order."""
    rows = tx.all(
        "select asset_id, source_asset_id, role, position, at_s from asset_input where asset_id = $1 order by role, position",
        asset_id,
    )
    return tuple(AssetInput(**row) for row in rows)


def update(tx: Tx, asset_id: UUID, changes: dict[str, Any], now: datetime) -> None:
    """Sets what `changes` names, in the row or in its recipe."""
    row = {k: v for k, v in changes.items() if k not in RECIPE}
    recipe = {
        k: v if k == "prompt_text" else json.dumps(v, ensure_ascii=False) for k, v in changes.items() if k in RECIPE
    }
    sets = ", " + assignments(row, SETTABLE, 3) if row else ""
    tx.all(f"update asset set updated_at = $2{sets} where id = $1", asset_id, now, *row.values())
    if recipe:
        sets = assignments(recipe, RECIPE, 2)
        tx.all(f"update asset_recipe set {sets} where asset_id = $1", asset_id, *recipe.values())


def set_marks(tx: Tx, takes: Sequence[Take], now: datetime) -> None:
    """Favourite, rating and trash of these takes become as they are in the records."""
    if takes:
        tx.all(
            "update asset set is_favorite = v.is_favorite, rating = v.rating, trashed_at = v.trashed_at, updated_at = $5"
            " from (select unnest($1::uuid[]) as id, unnest($2::boolean[]) as is_favorite,"
            "  unnest($3::integer[]) as rating, unnest($4::timestamptz[]) as trashed_at) v where asset.id = v.id",
            [take.id for take in takes],
            [take.is_favorite for take in takes],
            [take.rating for take in takes],
            [take.trashed_at for take in takes],
            now,
        )


def flip_favorite(tx: Tx, asset_id: UUID, now: datetime) -> None:
    """A favourite becomes none, and the other way round."""
    tx.all("update asset set is_favorite = not is_favorite, updated_at = $2 where id = $1", asset_id, now)


def set_status(tx: Tx, asset_ids: list[UUID], status: Status, message: str | None, now: datetime) -> None:
    """The same status for all of these."""
    tx.all(
        "update asset set status = $2, error_message = $3::text, updated_at = $4 where id = any($1::uuid[])",
        asset_ids,
        status,
        message,
        now,
    )


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A take whose file is here: keys and measures named as in FILE. `status`: another where it was stopped before."""

    asset_id: UUID
    asset_type: AssetType
    file: Mapping[str, Any]
    status: Status = Status.COMPLETED
    message: str | None = None


def set_files(tx: Tx, filed: Sequence[Filed], now: datetime) -> None:
    """Files of takes, however many, in one statement."""
    columns: arrays.Columns = {
        "id": ("uuid", [each.asset_id for each in filed]),
        "asset_type": ("text", [each.asset_type for each in filed]),
        "status": ("text", [each.status for each in filed]),
        "error_message": ("text", [each.message for each in filed]),
        **{name: (kind, [each.file.get(name) for each in filed]) for name, kind in FILE.items()},
    }
    sets = ", ".join(f"{name} = v.{name}" for name in columns if name != "id")
    tx.all(
        f"update asset set updated_at = $1, {sets} from (select {arrays.unnested(columns, first=2)}) v where asset.id = v.id",
        now,
        *arrays.values(columns),
    )


def set_file(tx: Tx, asset_id: UUID, asset_type: AssetType, file: Mapping[str, Any], now: datetime) -> None:
    """The file of one take."""
    set_files(tx, [Filed(asset_id=asset_id, asset_type=asset_type, file=file)], now)


def delete(tx: Tx, asset_id: UUID) -> None:
    """A take, its recipe and everything said about it; its files are the caller's."""
    tx.all(
        "delete from generation_output where asset_id = $1"
        " or generation_id in (select id from generation where asset_id = $1)",
        asset_id,
    )
    for table in ("asset_recipe", "asset_input", "comment", "verdict", "generation"):
        tx.all(f"delete from {table} where asset_id = $1", asset_id)
    tx.all("delete from asset where id = $1", asset_id)


def used_by(tx: Tx, asset_id: UUID) -> int:
    """How many other takes were made from it."""
    return int(tx.value("select count(distinct asset_id) from asset_input where source_asset_id = $1", asset_id))


def keys(
    tx: Tx, *, project_id: UUID | None = None, box_id: UUID | None = None, asset_id: UUID | None = None
) -> list[str]:
    """Every stored file of a project, a box or a take."""
    rows = tx.all(
        "select file_key, thumb_key, preview_key, proxy_key from asset where ($1::uuid is null or project_id = $1)"
        " and ($2::uuid is null or box_id = $2) and ($3::uuid is null or id = $3)",
        project_id,
        box_id,
        asset_id,
    )
    return [key for row in rows for key in row.values() if key]


def in_flight(
    tx: Tx, *, project_id: UUID | None = None, box_id: UUID | None = None, asset_id: UUID | None = None
) -> int:
    """How many takes of a project, a box, or just this one, are on their way."""
    return int(
        tx.value(
            "select count(*) from asset where status in ('PENDING', 'PROCESSING') and ($1::uuid is null or project_id = $1)"
            " and ($2::uuid is null or box_id = $2) and ($3::uuid is null or id = $3)",
            project_id,
            box_id,
            asset_id,
        )
    )


def with_key(tx: Tx, user_id: UUID, asset_id: UUID, tail: str) -> dict[str, Any] | None:
    """The stored file of a take, in the trash or not, whose key ends in `/{asset}/{tail}`: key, mime; for a member.

    Of one that is purged only the thumbnail is left.
    """
    return tx.one(
        f"select case when a.file_key like $3 then a.file_key when a.thumb_key like $3 then a.thumb_key"
        " when a.preview_key like $3 then a.preview_key when a.proxy_key like $3 then a.proxy_key end as key, a.mime"
        f" {FROM} where a.id = $2 and (a.purged_at is null or a.thumb_key like $3)"
        " and (a.file_key like $3 or a.thumb_key like $3 or a.preview_key like $3 or a.proxy_key like $3)",
        user_id,
        asset_id,
        f"%/a/{asset_id}/{tail}",
    )


def is_there(tx: Tx, asset_id: UUID) -> bool:
    """Whether there is a take of that id, whoever may see it."""
    return tx.value("select 1 from asset where id = $1", asset_id) is not None


def twin(tx: Tx, user_id: UUID, asset_id: UUID) -> Take | None:
    """The newest other take of the same project, in the trash or not, with the very same file."""
    row = tx.one(
        f"select {TAKE} {FROM} join asset same on same.id = $2 and same.project_id = a.project_id"
        " and same.sha256 = a.sha256 and same.id <> a.id where a.purged_at is null"
        " order by a.created_at desc, a.id desc limit 1",
        user_id,
        asset_id,
    )
    return Take(**row) if row else None


def known_files(tx: Tx, project_id: UUID, sha256: Sequence[str]) -> frozenset[str]:
    """Those of these files that a take of the project has."""
    rows = tx.all(
        "select distinct sha256 from asset where project_id = $1 and sha256 = any($2::text[]) and purged_at is null",
        project_id,
        list(sha256),
    )
    return frozenset(row["sha256"] for row in rows)


def uploaded_bytes(tx: Tx, user_id: UUID) -> int:
    """What a person's uploads come to, in the trash or not."""
    return int(
        tx.value(
            "select coalesce(sum(bytes), 0) from asset"
            " where created_by = $1 and source_type = 'UPLOADED' and purged_at is null",
            user_id,
        )
    )


def needed_elsewhere(tx: Tx, box_id: UUID) -> int:
    """How many takes of other boxes were made from takes of this one."""
    return int(
        tx.value(
            "select count(distinct i.asset_id) from asset_input i join asset s on s.id = i.source_asset_id"
            " join asset a on a.id = i.asset_id where s.box_id = $1 and a.box_id <> $1",
            box_id,
        )
    )
