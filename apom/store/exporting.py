"""What leaves the house in documents: the headliners of a project with their recipes, in one question each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Json
from apom.store import Tx

TAKE = """select a.id, a.box_id, a.number, a.asset_type, a.source_type, a.status, a.is_favorite, a.rating, a.ai_model, a.seed,
    a.thumb_key, a.purged_at, a.width, a.height, a.duration_s, a.bytes, a.sha256, a.created_at, r.prompt_text, r.rights,
    u.username as made_by, g.cost, g.cost_unit
  from asset a join asset_recipe r on r.asset_id = a.id left join app_user u on u.id = a.created_by
  left join (select asset_id, max(cost_unit) as cost_unit,
      sum(case when state = 'FAILED' then cost_actual else coalesce(cost_actual, cost_estimate) end) as cost
    from generation where project_id = $1 group by asset_id) g on g.asset_id = a.id
  where a.project_id = $1 and a.trashed_at is null"""


def headliners(tx: Tx, project_id: UUID, asset_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The takes that stand for their shots, by id."""
    rows = tx.all(f"{TAKE} and a.id = any($2::uuid[])", project_id, list(asset_ids))
    return {row["id"]: _read(row) for row in rows}


def takes(tx: Tx, project_id: UUID) -> list[dict[str, Any]]:
    """Every take that is not in the trash, shot by shot, as they were made."""
    return [_read(row) for row in tx.all(f"{TAKE} order by a.box_id, a.created_at, a.id", project_id)]


def said_to_clients(tx: Tx, project_id: UUID) -> dict[UUID, list[tuple[str, str]]]:
    """(who, what) of each shot, for documents that clients get: nothing INTERNAL, nothing hidden."""
    rows = tx.all(
        "select box_id, author_name, text from comment where project_id = $1 and visibility = 'CLIENT'"
        " and hidden_at is null order by created_at, id",
        project_id,
    )
    found = defaultdict[UUID, list[tuple[str, str]]](list)
    for row in rows:
        found[row["box_id"]].append((row["author_name"], row["text"]))
    return found


def choices(tx: Tx, user_id: UUID) -> dict[str, Json]:
    """What a person chose last, by format."""
    rows = tx.all("select format, choices from export_choice where user_id = $1", user_id)
    return {row["format"]: json.loads(row["choices"]) for row in rows}


def remember(tx: Tx, user_id: UUID, format: str, chosen: Json, now: datetime) -> None:
    """The same for the next time."""
    tx.all(
        "insert into export_choice (user_id, format, choices, updated_at) values ($1, $2, $3, $4)"
        " on conflict (user_id, format) do update set choices = excluded.choices, updated_at = excluded.updated_at",
        user_id,
        format,
        json.dumps(chosen),
        now,
    )


def _read(row: dict[str, Any]) -> dict[str, Any]:
    row["rights"] = json.loads(row["rights"])
    return row


FILES = """select a.id, a.box_id, b.code, b.name, b.section, b.kind, b.order_index, a.number, a.asset_type,
    a.source_type, a.rating, a.is_favorite, coalesce(a.id = b.headliner_asset_id, false) as is_headliner, a.ai_model,
    a.seed, a.file_key, a.proxy_key, a.mime, a.width, a.height, a.duration_s, a.fps, a.bytes, a.sha256, a.purged_at, a.created_at,
    r.prompt_text, r.generation_config, u.username as made_by
  from asset a join asset_recipe r on r.asset_id = a.id join box b on b.id = a.box_id
  left join app_user u on u.id = a.created_by
  where a.project_id = $1 and a.status = 'COMPLETED'"""


def files(tx: Tx, project_id: UUID) -> list[dict[str, Any]]:
    """Every take that is there, those without a file too, as they were made; what lies in the trash is not there."""
    rows = tx.all(f"{FILES} and a.trashed_at is null and b.trashed_at is null order by a.created_at, a.id", project_id)
    return [{**row, "generation_config": json.loads(row["generation_config"])} for row in rows]


def soundtrack_file(tx: Tx, project_id: UUID) -> dict[str, Any] | None:
    """The sound under the cut, where the project has one."""
    return tx.one(
        f"{FILES} and a.trashed_at is null and a.id = (select soundtrack_asset_id from project where id = $1)",
        project_id,
    )


def marks(tx: Tx, project_id: UUID) -> dict[UUID, list[dict[str, Any]]]:
    """What was said to clients of each take, with its moment; an answer has that of what it answers. Nothing INTERNAL,
    nothing hidden, and no answer to something that is either.
    """
    rows = tx.all(
        "select c.asset_id, c.author_name, c.text, c.is_resolved, coalesce(c.timecode_s, p.timecode_s) as timecode_s,"
        " coalesce(c.end_s, p.end_s) as end_s from comment c left join comment p on p.id = c.parent_comment_id"
        " where c.project_id = $1 and c.asset_id is not null and c.visibility = 'CLIENT' and c.hidden_at is null"
        " and (c.parent_comment_id is null or (p.visibility = 'CLIENT' and p.hidden_at is null))"
        " order by c.created_at, c.id",
        project_id,
    )
    found = defaultdict[UUID, list[dict[str, Any]]](list)
    for row in rows:
        found[row["asset_id"]].append(row)
    return found


def last_handover(tx: Tx, project_id: UUID, but: UUID) -> tuple[int, dict[str, Any]] | None:
    """(number, content) of what an editor was given last, this very one excepted."""
    row = tx.one(
        "select number, content from handover where project_id = $1 and id <> $2 order by number desc limit 1",
        project_id,
        but,
    )
    return (row["number"], json.loads(row["content"])) if row else None


def handover_number(tx: Tx, handover_id: UUID) -> int | None:
    """The how-manieth of its project it is; None where none is remembered."""
    number: int | None = tx.value("select number from handover where id = $1", handover_id)
    return number


def keep_handover(
    tx: Tx, handover_id: UUID, project_id: UUID, content: dict[str, Any], made_by: UUID, now: datetime
) -> None:
    """Remembers what an editor was given. The same again is what a job has made anew after a stop."""
    tx.all(
        "insert into handover (id, project_id, number, content, made_by, made_at)"
        " select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5 from handover where project_id = $2"
        " on conflict (id) do update set content = excluded.content, made_at = excluded.made_at",
        handover_id,
        project_id,
        json.dumps(content),
        made_by,
        now,
    )


def last_words(tx: Tx, project_id: UUID) -> list[dict[str, Any]]:
    """What each person said last of each shot, in whatever round: box_id, asset_id, take, verdict, name, round,
    created_at; the newest first.
    """
    return tx.all(
        "select box_id, asset_id, take, verdict, name, round, created_at from ("
        "  select v.box_id, v.asset_id, a.number as take, v.verdict, v.name, r.number as round, v.created_at, v.id,"
        "    row_number() over (partition by v.box_id, coalesce(v.reviewer_id, v.user_id)"
        "      order by v.created_at desc, v.id desc) as n"
        "  from verdict v join round r on r.id = v.round_id left join asset a on a.id = v.asset_id"
        "  where v.project_id = $1) said where n = 1 order by created_at desc, id",
        project_id,
    )


def costs(tx: Tx, project_id: UUID) -> list[dict[str, Any]]:
    """What a project cost, month x provider x model x person, the newest month first."""
    return tx.all(
        "select date_trunc('month', l.happened_at) as month, l.provider, l.model, u.username as person, l.unit, l.is_play,"
        " l.currency, count(*) as takes, sum(coalesce(l.actual, l.estimate)) as units, sum(l.amount) as amount,"
        " count(*) filter (where l.amount is null and not l.is_play) as unpriced"
        " from ledger_entry l left join app_user u on u.id = l.user_id where l.project_id = $1"
        " group by 1, l.provider, l.model, u.username, l.unit, l.is_play, l.currency"
        " order by 1 desc, l.provider, l.model, u.username nulls last, l.unit, l.currency",
        project_id,
    )


# Of several submissions that a take stands in, the one that made it: the last that came to its end
MADE_BY = """select asset_id, provider, model, snapshot from (
    select m.asset_id, g.provider, g.model, g.snapshot, row_number() over (partition by m.asset_id
      order by case when g.state = 'COMPLETED' then 0 else 1 end, g.created_at desc, g.id) as n
    from generation g join (select id as generation_id, asset_id from generation where project_id = $1
      union select o.generation_id, o.asset_id from generation_output o join generation h on h.id = o.generation_id
        where h.project_id = $1) m on m.generation_id = g.id) made where n = 1"""


def provenance(tx: Tx, project_id: UUID) -> dict[UUID, dict[str, Any]]:
    """Where each take came from, by id: those in the trash too, as others were made of them."""
    rows = tx.all(
        "select a.id, a.box_id, b.code, b.name, b.kind, b.headliner_asset_id, a.number, a.asset_type, a.source_type,"
        " a.status, a.is_favorite, a.ai_model, a.seed, a.file_key, a.sha256, a.bytes, a.width, a.height, a.duration_s,"
        " a.trashed_at, a.purged_at, a.missing_at, a.created_at, r.prompt_text, r.rights, u.username as made_by,"
        " g.provider, g.model, g.snapshot from asset a join asset_recipe r on r.asset_id = a.id"
        " join box b on b.id = a.box_id left join app_user u on u.id = a.created_by"
        f" left join ({MADE_BY}) g on g.asset_id = a.id where a.project_id = $1"
        " order by b.order_index nulls last, b.code, a.number",
        project_id,
    )
    return {row["id"]: _read(row) for row in rows}


def inputs(tx: Tx, project_id: UUID) -> list[dict[str, Any]]:
    """What went into takes: asset_id, source_asset_id, role."""
    return tx.all(
        "select i.asset_id, i.source_asset_id, i.role from asset_input i join asset a on a.id = i.asset_id"
        " where a.project_id = $1 order by i.role, i.position",
        project_id,
    )


def snapshots(tx: Tx, project_id: UUID) -> dict[str, str]:
    """The provider files as they were when a project's takes were ordered, by their sha256."""
    rows = tx.all(
        "select sha256, content from provider_snapshot"
        " where sha256 in (select snapshot from generation where project_id = $1)",
        project_id,
    )
    return {row["sha256"]: row["content"] for row in rows}


def last_round(tx: Tx, project_id: UUID) -> set[UUID]:
    """The takes of the round that was published last."""
    rows = tx.all(
        "select s.asset_id from round_shot s join round r on r.id = s.round_id where s.asset_id is not null"
        " and r.project_id = $1 and r.number = (select max(number) from round where project_id = $1)",
        project_id,
    )
    return {row["asset_id"] for row in rows}


def verdicts(tx: Tx, project_id: UUID) -> list[dict[str, Any]]:
    """What each person said last of each take: asset_id, verdict, name, link (its label), round, created_at."""
    return tx.all(
        "select asset_id, verdict, name, link, round, created_at from ("
        "  select v.asset_id, v.verdict, v.name, l.label as link, r.number as round, v.created_at, v.id,"
        "    row_number() over (partition by v.asset_id, coalesce(v.reviewer_id, v.user_id)"
        "      order by v.created_at desc, v.id desc) as n"
        "  from verdict v join round r on r.id = v.round_id left join shared_link l on l.id = v.link_id"
        "  where v.project_id = $1 and v.asset_id is not null) said where n = 1 order by created_at, id",
        project_id,
    )


FOOTAGE = """a.id, a.box_id, a.asset_type, a.file_key, a.mime, a.width, a.height, a.duration_s, a.fps, a.purged_at,
    r.prompt_text from asset a join asset_recipe r on r.asset_id = a.id"""


def footage(tx: Tx, project_id: UUID, asset_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The files of takes, and how they are shown, by id."""
    rows = tx.all(
        f"select {FOOTAGE} where a.project_id = $1 and a.trashed_at is null and a.id = any($2::uuid[])",
        project_id,
        list(asset_ids),
    )
    return {row["id"]: row for row in rows}


def soundtrack(tx: Tx, project_id: UUID) -> dict[str, Any] | None:
    """The file of a project's soundtrack, where it has one."""
    return tx.one(
        f"select {FOOTAGE} join project p on p.soundtrack_asset_id = a.id where p.id = $1 and a.project_id = $1",
        project_id,
    )
