"""Which files the rows name, and what was found when they were looked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from apom.models import Sweep
from apom.store import Tx

KEYS = """select asset_id, key from (
    select id as asset_id, thumb_key as key, true as is_thumb, purged_at from asset
    union all select id, file_key, false, purged_at from asset
    union all select id, preview_key, false, purged_at from asset
    union all select id, proxy_key, false, purged_at from asset) named where key is not null"""
BATCH = 10_000


def named(tx: Tx, *, purged: bool = True) -> dict[str, UUID]:
    """Every file that a row names, with its take. `purged`: also those of purged takes that are about to go."""
    sql = KEYS if purged else f"{KEYS} and (is_thumb or purged_at is null)"
    return {key: asset_id for batch in tx.batches(sql, BATCH) for asset_id, key in batch}


def digests(tx: Tx) -> dict[str, str]:
    """The SHA-256 of originals, in hex, by the files that hold them."""
    rows = tx.batches("select file_key, sha256 from asset where file_key is not null and sha256 is not null", BATCH)
    return {key: sha256 for batch in rows for key, sha256 in batch}


def still_named(tx: Tx, keys: Collection[str]) -> set[str]:
    """Those of these files that a row names now."""
    return {row["key"] for row in tx.all(f"{KEYS} and key = any($1::text[])", list(keys))}


def set_missing(tx: Tx, asset_ids: Collection[UUID], now: datetime) -> None:
    """The files of these takes cannot be found; those of all others can."""
    tx.all(
        "update asset set missing_at = null where missing_at is not null and not id = any($1::uuid[])", list(asset_ids)
    )
    tx.all("update asset set missing_at = $2 where missing_at is null and id = any($1::uuid[])", list(asset_ids), now)


def record(tx: Tx, sweep: Sweep) -> None:
    """What was found."""
    row = sweep.model_dump()
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    tx.all(f"insert into sweep ({', '.join(row)}) values ({places})", *row.values())


def recent(tx: Tx, limit: int) -> tuple[Sweep, ...]:
    """What was found lately, newest first."""
    rows = tx.all("select * from sweep order by happened_at desc, id desc limit $1", limit)
    return tuple(Sweep(**row) for row in rows)
