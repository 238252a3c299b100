"""SystemConfig: what an admin set; everything else has the default declared in `apom.config.SYSTEM`."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from apom.config import SYSTEM
from apom.store import Tx


def value(tx: Tx, key: str) -> object:
    """The value in force."""
    stored = tx.value("select value from system_config where key = $1", key)
    return SYSTEM[key].default if stored is None else json.loads(stored)


def put(tx: Tx, key: str, value: object, user_id: UUID | None, now: datetime) -> None:
    """A new value; the key must be declared."""
    tx.all(
        "insert into system_config (key, value, updated_by, updated_at) values ($1, $2, $3::uuid, $4)"
        " on conflict (key) do update set value = excluded.value, updated_by = excluded.updated_by,"
        " updated_at = excluded.updated_at",
        key,
        json.dumps(value),
        user_id,
        now,
    )
