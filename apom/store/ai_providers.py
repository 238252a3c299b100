"""What admins decided about providers. Who has no row is as shipped, and switched on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apom.store import Tx


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An admin's word about one provider. `definition`: the file they wrote, made when the shipped one was
    `shipped_sha256`; `base_url`: another address for it; `may_be_private`: whether it may lie in a private network.
    """

    slug: str
    is_active: bool = True
    base_url: str | None = None
    may_be_private: bool = False
    definition: str | None = None
    shipped_sha256: str | None = None


def everything(tx: Tx) -> dict[str, Choice]:
    """Every row by slug."""
    rows = tx.all("select slug, is_active, base_url, may_be_private, definition, shipped_sha256 from ai_provider")
    return {row["slug"]: Choice(**row) for row in rows}


def put(tx: Tx, choice: Choice, by: str, now: datetime) -> None:
    """In the place of what was decided before."""
    tx.all(
        "insert into ai_provider"
        " (slug, is_active, base_url, may_be_private, definition, shipped_sha256, updated_by, updated_at)"
        " values ($1, $2, $3::text, $4, $5::json, $6::text, $7, $8)"
        " on conflict (slug) do update set is_active = excluded.is_active, base_url = excluded.base_url,"
        " may_be_private = excluded.may_be_private, definition = excluded.definition,"
        " shipped_sha256 = excluded.shipped_sha256, updated_by = excluded.updated_by, updated_at = excluded.updated_at",
        choice.slug,
        choice.is_active,
        choice.base_url,
        choice.may_be_private,
        choice.definition,
        choice.shipped_sha256,
        by,
        now,
    )
