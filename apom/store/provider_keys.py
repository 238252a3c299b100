"""The stored keys of providers, each as `apom.vault` sealed it."""

from __future__ import annotations

from datetime import datetime

from apom.store import Tx


def everything(tx: Tx) -> dict[tuple[str, str], str]:
    """What is sealed, by provider and name."""
    rows = tx.all("select provider, name, sealed from provider_key")
    return {(row["provider"], row["name"]): row["sealed"] for row in rows}


def put(tx: Tx, provider: str, name: str, sealed: str, by: str, now: datetime) -> None:
    """A new value, in the place of the one before."""
    tx.all(
        "insert into provider_key (provider, name, sealed, updated_by, updated_at) values ($1, $2, $3, $4, $5)"
        " on conflict (provider, name) do update set sealed = excluded.sealed, updated_by = excluded.updated_by,"
        " updated_at = excluded.updated_at",
        provider,
        name,
        sealed,
        by,
        now,
    )


def remove(tx: Tx, provider: str, name: str) -> None:
    """It is forgotten."""
    tx.all("delete from provider_key where provider = $1 and name = $2", provider, name)
