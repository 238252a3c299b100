"""Lists of takes: narrowed, searched, in keyset pages."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

from apom.fields import one_line
from apom.models import Page, Take
from apom.search import Filter, Words
from apom.store import Tx, pages
from apom.store.assets import TAKE
from apom.store.projects import visible


class Parameters:
    """The values of a statement, numbered as they come; `$1` is the reader."""

    def __init__(self, user_id: UUID) -> None:
        self.all: list[object] = [user_id]

    def add(self, value: object) -> str:
        """`$n` for a value."""
        self.all.append(value)
        return f"${len(self.all)}"


def several(tx: Tx, user_id: UUID, asset_ids: Collection[UUID]) -> tuple[Take, ...]:
    """Those of these takes that the person may see, in the trash or not, newest first."""
    rows = tx.all(
        f"select {TAKE} from (select distinct unnest($2::uuid[]) as id) f join asset a on a.id = f.id"
        f" {visible('a.project_id')} join box b on b.id = a.box_id",
        user_id,
        list(asset_ids),
    )
    return _newest_first(rows)


def page(tx: Tx, user_id: UUID, wanted: Filter, words: Words, cursor: str | None, limit: int) -> Page[Take]:
    """Takes that a filter lets through and whose prompt or box has the words, newest first."""
    parameters = Parameters(user_id)
    narrow = " and ".join([*_narrowed(parameters, wanted), *_after(parameters, cursor)])
    joins, said = _said(parameters, words, wanted.tag)
    most = parameters.add(pages.size(limit) + 1)
    if said:
        takes = _searched(tx, joins, " and ".join([narrow, *said]), most, parameters)
    else:
        takes = _listed(tx, narrow, most, parameters)
    shown, is_last = takes[:limit], len(takes) <= limit
    return Page[Take](items=shown, next=None if is_last else pages.cursor(shown[-1].created_at, shown[-1].id))


def count(tx: Tx, user_id: UUID, wanted: Filter, words: Words, cursor: str | None = None) -> int:
    """How many takes a filter lets through, from a cursor on."""
    parameters = Parameters(user_id)
    narrow = [*_narrowed(parameters, wanted), *_after(parameters, cursor)]
    joins, said = _said(parameters, words, wanted.tag)
    where = " and ".join([*narrow, *said])
    sql = f"select count(*) from asset a {visible('a.project_id')} {joins} where {where}"
    return int(tx.value(sql, *parameters.all))


def _listed(tx: Tx, where: str, most: str, parameters: Parameters) -> tuple[Take, ...]:
    """By conditions on the take alone: first how far back the page reaches, then what is in it.

    A columnar store reads its many columns for these few rows then (a page of 200 among 100,000: half the CPU).
    """
    member = visible("a.project_id")
    rows = tx.all(
        f"select {TAKE} from asset a {member} join box b on b.id = a.box_id where {where} and a.created_at >= ("
        "  select min(created_at) from ("
        f"   select a.created_at from asset a {member} where {where} order by a.created_at desc limit {most}) newest)",
        *parameters.all,
    )
    return _newest_first(rows)


def _searched(tx: Tx, joins: str, where: str, most: str, parameters: Parameters) -> tuple[Take, ...]:
    """By words: first which they are, then what they are. The times say where in the table to look."""
    found = tx.all(
        f"select a.id, a.created_at from asset a {visible('a.project_id')} {joins} where {where}"
        f" order by a.created_at desc, a.id desc limit {most}",
        *parameters.all,
    )
    if not found:
        return ()
    rows = tx.all(
        f"select {TAKE} from asset a join box b on b.id = a.box_id"
        " where a.created_at = any($2::timestamptz[]) and a.id = any($1::uuid[])",
        [row["id"] for row in found],
        [row["created_at"] for row in found],
    )
    return _newest_first(rows)


def _newest_first(rows: list[dict[str, Any]]) -> tuple[Take, ...]:
    takes = (Take(**row) for row in rows)
    return tuple(sorted(takes, key=lambda take: (take.created_at, take.id), reverse=True))


def _narrowed(parameters: Parameters, wanted: Filter) -> list[str]:
    """A filter as conditions on `asset a`; what it leaves open is none."""
    where = ["a.trashed_at is not null" if wanted.trashed else "a.trashed_at is null"]
    if wanted.favorites:
        where.append("a.is_favorite")
    for column, sign, value in (
        ("project_id", "=", wanted.project_id),
        ("box_id", "=", wanted.box_id),
        ("batch_id", "=", wanted.batch_id),
        ("asset_type", "=", wanted.asset_type),
        ("source_type", "=", wanted.source_type),
        ("status", "=", wanted.status),
        ("rating", ">=", wanted.min_rating or None),
        ("ai_model", "=", wanted.ai_model),
        ("created_by", "=", wanted.created_by),
        ("created_at", ">=", wanted.since),
        ("created_at", "<", wanted.until),
        ("trashed_at", "=", wanted.trashed_at),
    ):
        if value is not None:
            where.append(f"a.{column} {sign} {parameters.add(value)}")
    return where


def _after(parameters: Parameters, cursor: str | None) -> list[str]:
    """What comes after a cursor. DuckDB skips what lies beyond a time, and not what lies beyond a pair."""
    at, id = pages.position(cursor)
    if at is None:
        return []
    last = parameters.add(at)
    return [f"a.created_at <= {last}", f"(a.created_at, a.id) < ({last}, {parameters.add(id)}::uuid)"]


def _said(parameters: Parameters, words: Words, tag: str | None) -> tuple[str, list[str]]:
    """Words and a tag as joins and conditions.

    A box is looked at once per word and not once per take. `is not true` where `not` would do: DuckDB takes a `not`
    apart and looks for the unwanted word in every prompt first, instead of in the few that are left.
    """
    in_box, where = [], []
    for n, word in enumerate(words.all):
        pattern = f"{parameters.add(_within(word))} escape '!'"
        in_box.append(f"name ilike {pattern} or code ilike {pattern} as said_{n}")
        is_said = f"(b.said_{n} or r.prompt_text ilike {pattern})"
        where.append(is_said if n < len(words.wanted) else f"{is_said} is not true")
    if tag is not None:
        stored = json.dumps(one_line(tag), ensure_ascii=False)  # with its quotes: no part of another tag
        where.append(f"r.tags::text like {parameters.add(_within(stored))} escape '!'")
    joins = "join asset_recipe r on r.asset_id = a.id" if where else ""
    if in_box:
        joins += f" join (select id, {', '.join(in_box)} from box) b on b.id = a.box_id"
    return joins, where


def _within(text: str) -> str:
    """The pattern of `like` for everything with this text in it, taken literally."""
    return "%" + re.sub("[!%_]", r"!\g<0>", text) + "%"
