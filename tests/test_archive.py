"""A project leaves as one file and comes in again: every row and every byte; and what nobody should bring in."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from conftest import Cast, Clock, let_in, person
from media_samples import clip, corner, sound

from apom.config import LIMITS, Settings
from apom.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge
from apom.export import unpacking
from apom.models import BoxKind, JobState, Mark, Opinion, Project, Role, State, Status, Visibility, new_id
from apom.store import Store, archiving
from apom.studio import Studio, Workspace

FILES = 10  # originals, thumbnails, previews, proxies of what `furnished` has
TABLES = "select table_name from information_schema.tables where table_schema = current_schema() and table_type = 'BASE TABLE'"


@pytest.fixture
def other(tmp_path: Path, clock: Clock) -> Iterator[Studio]:
    """Another house, with people of its own."""
    with Studio.open(Settings(data_dir=tmp_path / "other", env="prod"), engine=False, clock=clock) as studio:
        yield studio


def admin(studio: Studio, name: str) -> Workspace:
    actor = person(studio, name)
    with studio._store.write() as tx:
        tx.all("update app_user set is_admin = true where id = $1", actor.user_id)
    return studio.workspace(actor)


@pytest.fixture
def project(cast: Cast, tmp_path: Path) -> Project:
    return furnished(cast.studio, cast.alice, cast.victor, tmp_path)


def furnished(studio: Studio, alice: Workspace, victor: Workspace, tmp_path: Path) -> Project:
    """A bit of everything that a project can have."""
    project = alice.create_project("Маяк", notes="north coast", budget=20.5)
    first, second = alice.create_boxes(project, ["Harbour", "Storm"])
    cast_box = alice.create_box(project, "Keeper", kind=BoxKind.REFERENCE)
    corner().save(tmp_path / "a.png")
    picture = alice.upload(first, tmp_path / "a.png", name="dawn.png").take
    moving = alice.upload(second, clip(tmp_path / "b.mp4", sound=True)).take
    alice.upload(cast_box, tmp_path / "a.png")
    alice.set_soundtrack(project, sound(tmp_path / "song.mp3"))
    alice.set_headliner(first, picture)
    alice.mark([Mark(asset_id=moving.id, is_favorite=True, rating=4)])
    alice.update_asset(picture, tags=["dawn", "море"])
    made = alice.generate(first, "the keeper at dawn", n=2)
    ended(studio, made[0].id)
    alice.publish_round(project, "first look")
    let_in(alice, project, "victor", Role.VIEWER)
    said = alice.add_comment(picture, "softer", visibility=Visibility.CLIENT)
    victor.add_comment(picture, "agreed", answers=said)
    alice.give_verdict(first, Opinion.APPROVED)
    link = alice.create_link(project, "client")
    review = studio.review(link.token, browser="b" * 32)
    review.visit()
    review.comment(picture, "brighter please", name="Clara")
    with studio._store.write() as tx:
        tx.all("update box set assignee_id = $2 where id = $1", first.id, victor.actor.user_id)
        tx.all("update asset set parent_asset_id = $2 where id = $1", made[0].id, picture.id)
        tx.all(
            "insert into asset_input (asset_id, source_asset_id, role, position, at_s) values ($1, $2, 'reference', 0, 0.5)",
            made[0].id, picture.id,
        )  # fmt: skip
    return alice.project(project)


def ended(studio: Studio, asset_id: UUID) -> None:
    """A generation that was paid for."""
    with studio._store.write() as tx:
        tx.all("update generation set state = 'COMPLETED', finished_at = created_at where asset_id = $1", asset_id)
        tx.all("update asset set status = 'COMPLETED' where id = $1", asset_id)
        (g,) = tx.all("select * from generation where asset_id = $1", asset_id)
        tx.all(
            "insert into ledger_entry (id, generation_id, user_id, project_id, provider, model, estimate, actual, unit,"
            " is_play, currency, rate, amount, happened_at, batch_id) values"
            " ($1, $2, $3, $4, $5, $6, 1.5, 1.25, 'USD', false, 'USD', 1.0, 1.25, $7, $8)",
            new_id(), g["id"], g["created_by"], g["project_id"], g["provider"], g["model"], g["created_at"], g["batch_id"],
        )  # fmt: skip


def packed(ws: Workspace, project: object, path: Path) -> Path:
    ws.export_archive(project, path)  # type: ignore[arg-type]
    return path


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lines(path: Path, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in entries(path)[f"tables/{table}.jsonl"].splitlines()]


def stored(store: Store, project_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Every row of a project, as it lies there, people by their names."""
    with store.read() as tx:
        columns, people = archiving.columns(tx), archiving.people(tx)
        return {
            table: [
                {
                    name: people.get(value, value)
                    if name in archiving.PEOPLE and table != archiving.OUTLIVES
                    else value
                    for name, value in row.items()
                }
                for row in archiving.rows(tx, table, columns[table], project_id)
            ]
            for table in archiving.TABLES
        }


def files(studio: Studio, project_id: UUID) -> dict[str, str]:
    """SHA-256 of each file, by what it is called behind its house's own part."""
    with studio._store.read() as tx:
        rows = tx.all("select file_key, thumb_key, preview_key, proxy_key from asset where project_id = $1", project_id)
    keys = [key for row in rows for key in row.values() if key]
    return {key.split("/a/")[1]: hashlib.sha256(studio._storage.path(key).read_bytes()).hexdigest() for key in keys}


def settle(rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Without what changes on the way, and says so in docs."""
    settled = {table: [dict(row) for row in some] for table, some in rows.items()}
    for row in settled["project"]:
        row.pop("updated_at")
    for row in settled["box"]:
        row.pop("assignee_id")
    for row in settled["asset"]:
        for name in [name for name in row if name.endswith("_key") and row[name]]:
            row[name] = row[name].split("/a/")[1]
    return settled


def finish(studio: Studio, project: Project) -> None:
    """Nothing is under way any more: such rows do change."""
    with studio._store.write() as tx:
        tx.all("update generation set state = 'FAILED', finished_at = created_at where state = 'PENDING'")
        tx.all("update asset set status = 'FAILED' where status = 'PENDING'")


def test_out_and_in_again_gives_equal_rows_and_files(
    cast: Cast, other: Studio, project: Project, tmp_path: Path
) -> None:
    finish(cast.studio, project)
    path = packed(cast.alice, project, tmp_path / "film.zip")
    bringer = admin(other, "alice")
    person(other, "victor")
    brought = bringer.import_archive(path)
    assert brought.id == project.id and brought.name == "Маяк" and brought.role is Role.OWNER
    before, after = settle(stored(cast.studio._store, project.id)), settle(stored(other._store, project.id))
    for table in archiving.TABLES:
        assert before[table] == after[table], table
        assert before[table], f"nothing of {table} was tried"
    assert files(cast.studio, project.id) == files(other, project.id)
    assert len(files(other, project.id)) == FILES
    again = packed(bringer, brought, tmp_path / "again.zip")
    once, twice = entries(path), entries(again)
    assert once.keys() == twice.keys()
    for name in once.keys() - {"manifest.json", "tables/project.jsonl", "tables/box.jsonl"}:
        assert once[name] == twice[name], name
    assert [member.username for member in bringer.members(brought)] == ["alice"]


def test_a_second_time_it_is_a_copy_beside_the_first(cast: Cast, project: Project, tmp_path: Path) -> None:
    finish(cast.studio, project)
    path = packed(cast.alice, project, tmp_path / "film.zip")
    copy = cast.alice.import_archive(path)
    assert copy.id != project.id
    before, after = stored(cast.studio._store, project.id), stored(cast.studio._store, copy.id)
    assert {table: len(rows) for table, rows in before.items()} == {table: len(rows) for table, rows in after.items()}
    assert not {row["id"] for row in before["asset"]} & {row["id"] for row in after["asset"]}
    assert sorted(files(cast.studio, project.id).values()) == sorted(files(cast.studio, copy.id).values())
    old = {str(row["id"]) for table in archiving.WITH_IDS for row in before[table]}
    said = json.dumps(after, default=str)
    assert not [each for each in old if each in said]
    shown = cast.alice.get_project_boxes(copy)
    assert [box.name for box in shown if box.headliner_asset_id] == ["Harbour"]
    assert cast.alice.spending(copy).spent == cast.alice.spending(project).spent
    cast.alice.delete_project(project)
    assert len(files(cast.studio, copy.id)) == FILES


def test_what_was_under_way_arrives_as_stopped_and_nothing_is_asked_of_a_provider(
    cast: Cast, other: Studio, project: Project, tmp_path: Path
) -> None:
    takes = cast.alice.generate(cast.alice.get_project_boxes(project)[0], "x", n=5)
    states = ["SUBMITTING", "PROCESSING", "STORING", "ATTENTION", "PROCESSING"]
    with cast.studio._store.write() as tx:
        for take, state in zip(takes, states, strict=True):
            tx.all(
                "update generation set state = $2, task = '{\"poll\": \"https://x\"}', callback_token = 's' where asset_id = $1",
                take.id, state,
            )  # fmt: skip
        tx.all("update generation set attention = 'LATE' where asset_id = $1", takes[4].id)
    path = packed(cast.alice, project, tmp_path / "film.zip")
    bringer = admin(other, "alice")
    brought = bringer.import_archive(path)
    with other._store.read() as tx:
        found = tx.all("select * from generation where project_id = $1", brought.id)
        from apom.store import generations

        assert generations.unfinished(tx) == ()
        assert tx.value("select count(*) from generation where finished_at is null") == 0
    assert {g["state"] for g in found} == {State.COMPLETED, State.CANCELLED}
    assert all(g["task"] == "{}" and g["callback_token"] is None and g["attention"] is None for g in found)
    for take in takes:
        arrived = bringer.asset(take.id)
        assert arrived.status is Status.CANCELLED and arrived.answers == ()
        assert "not gone on with" in (arrived.error_message or "")


def test_links_tokens_and_secrets_stay(cast: Cast, project: Project, tmp_path: Path) -> None:
    with cast.studio._store.write() as tx:
        tx.all("update generation set callback_token = 'canary-callback'")
        hashes = [row["token_hash"] for row in tx.all("select token_hash from shared_link")]
        tokens = [row["token"] for row in tx.all("select token from batch")]
    everything = b"".join(entries(packed(cast.alice, project, tmp_path / "film.zip")).values()).decode(
        "utf-8", "replace"
    )
    for secret in ("canary-callback", *hashes, *tokens):
        assert secret not in everything
    assert "brighter please" in everything and "Clara" in everything


def test_people_are_found_by_name_where_who_brings_it_knows_them(
    cast: Cast, other: Studio, project: Project, tmp_path: Path
) -> None:
    path = packed(cast.alice, project, tmp_path / "film.zip")
    bob = other.workspace(person(other, "bob"))
    person(other, "alice")
    victor = other.workspace(person(other, "victor"))
    shared = victor.create_project("Shared")
    victor.set_member(shared, "bob", Role.VIEWER)
    brought = bob.import_archive(path)
    said = {comment.text: comment for comment in bob.comments(project=brought).items}
    assert said["agreed"].user_id == victor.actor.user_id  # bob knows him
    assert said["softer"].user_id == bob.actor.user_id and said["softer"].author_name == "alice"
    assert said["brighter please"].user_id not in (None, bob.actor.user_id, victor.actor.user_id)
    assert said["brighter please"].author_name == "Clara"
    assert [m.username for m in bob.members(brought)] == ["bob"]
    with pytest.raises(NotFound):
        victor.project(brought)


def test_the_money_of_another_house_is_nobodys_here(
    cast: Cast, other: Studio, project: Project, tmp_path: Path
) -> None:
    path = packed(cast.alice, project, tmp_path / "film.zip")
    bringer = admin(other, "alice")
    brought = bringer.import_archive(path)
    assert bringer.spending(brought).spent == 1.25
    assert bringer.allowance().spent == 0
    copy = cast.alice.import_archive(path)
    assert cast.alice.allowance().spent == 1.25  # of the first, not of the copy
    assert cast.alice.spending(copy).spent == 1.25


def test_a_viewer_packs_nothing_and_a_stranger_knows_of_nothing(cast: Cast, project: Project, tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        cast.victor.export_archive(project, tmp_path / "film.zip")
    with pytest.raises(NotFound):
        cast.bob.export_archive(project, tmp_path / "film.zip")


def test_an_empty_project_travels(cast: Cast, other: Studio, tmp_path: Path) -> None:
    path = packed(cast.alice, cast.alice.create_project("Empty"), tmp_path / "film.zip")
    brought = other.workspace(person(other, "bob")).import_archive(path)
    assert brought.name == "Empty" and brought.boxes_count == 0


def test_a_missing_file_is_said_and_the_rest_travels(
    cast: Cast, other: Studio, project: Project, tmp_path: Path
) -> None:
    with cast.studio._store.read() as tx:
        key = tx.value("select file_key from asset where asset_type = 'VIDEO'")
        thumb = tx.value("select thumb_key from asset where asset_type = 'VIDEO'")
    cast.studio._storage.delete(key)
    cast.studio._storage.path(thumb).write_bytes(b"damaged")
    made = cast.alice.export_archive(project, tmp_path / "film.zip")
    assert made.remarks == ("2 files cannot be found or are damaged; they are not in the archive.",)
    bob = other.workspace(person(other, "bob"))
    brought = bob.import_archive(tmp_path / "film.zip")
    assert len(bob.search_assets(project=brought).items) == 6


def test_an_original_that_was_named_before_it_was_whole_travels_and_a_damaged_one_does_not(
    cast: Cast, other: Studio, project: Project, tmp_path: Path
) -> None:
    finish(cast.studio, project)
    storage = cast.studio._storage
    with cast.studio._store.write() as tx:
        clip, picture = (
            tx.value("select file_key from asset where asset_type = $1 order by number", each)
            for each in ("VIDEO", "IMAGE")
        )
        early = f"{clip.rpartition('-')[0]}-0123456789ab.mp4"
        tx.all("update asset set file_key = $2 where file_key = $1", clip, early)
    storage.path(clip).rename(storage.root / early)
    storage.path(picture).write_bytes(b"damaged")
    made = cast.alice.export_archive(project, tmp_path / "film.zip")
    assert made.remarks == ("1 file cannot be found or is damaged; it is not in the archive.",)
    admin(other, "alice").import_archive(tmp_path / "film.zip")
    with other._store.read() as tx:
        there = tx.value("select file_key from asset where file_key like $1", f"%{clip.split('/a/')[1]}")
    assert there, "nobody brings in a file under another's name"
    assert other._storage.path(there).read_bytes() == storage.path(early).read_bytes()


def test_takes_of_other_projects_stay_there(cast: Cast, other: Studio, project: Project, tmp_path: Path) -> None:
    elsewhere = cast.alice.create_box(cast.alice.create_project("Other"), "x")
    corner().save(tmp_path / "x.png")
    source = cast.alice.upload(elsewhere, tmp_path / "x.png").take
    take = cast.alice.get_box_assets(cast.alice.get_project_boxes(project)[0]).items[0]
    with cast.studio._store.write() as tx:
        tx.all("update asset set parent_asset_id = $2 where id = $1", take.id, source.id)
        tx.all(
            "insert into asset_input (asset_id, source_asset_id, role, position) values ($1, $2, 'reference', 3)",
            take.id, source.id,
        )  # fmt: skip
    made = cast.alice.export_archive(project, tmp_path / "film.zip")
    assert "1 rows" in made.remarks[0]
    assert str(source.id) not in json.dumps([lines(tmp_path / "film.zip", t) for t in archiving.TABLES])
    other.workspace(person(other, "bob")).import_archive(tmp_path / "film.zip")


def test_every_table_either_travels_or_stays_for_a_reason(studio: Studio) -> None:
    with studio._store.read() as tx:
        tables = {row["table_name"] for row in tx.all(TABLES)}
        columns = archiving.columns(tx)
    said = archiving.TABLES.keys() | archiving.STAYS.keys()
    left = tables - {"schema_version"} - said
    assert not left, "say in apom/store/archiving.py whether a table travels with its project"
    assert archiving.TABLES.keys() <= tables
    assert not archiving.TABLES.keys() & archiving.STAYS.keys()
    for table, named in columns.items():
        for name, column in named.items():
            assert column.kind in unpacking.READ, f"{table}.{name} has a type that no archive can be read with"
            if column.kind == "uuid":
                assert name == "id" or name in archiving.POINTS or name in archiving.PEOPLE, (
                    f"what is {table}.{name} of?"
                )
    for place in archiving.OMITTED:
        table, _, name = place.partition(".")
        assert name not in columns[table]


@pytest.fixture
def good(cast: Cast, project: Project, tmp_path: Path) -> Path:
    return packed(cast.alice, project, tmp_path / "good.zip")


@pytest.fixture
def bob(other: Studio) -> Workspace:
    return other.workspace(person(other, "bob"))


def test_who_comes_second_with_the_same_archive_takes_nothing_away(good: Path, bob: Workspace, other: Studio) -> None:
    eve = other.workspace(person(other, "eve"))

    def progress(share: float) -> None:
        if share > 0.5 and not eve.projects().items:
            eve.import_archive(good)

    with pytest.raises(Conflict, match="this moment"):
        other.archives.bring(bob.actor, good, progress)
    (project,) = eve.projects().items
    assert len(files(other, project.id)) == FILES
    assert bob.import_archive(good).id != project.id


# In pieces, and as a job


def pieces(path: Path, size: int) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        while data := file.read(size):
            yield file.tell() - len(data), data


def test_in_pieces_it_becomes_a_job_once(
    good: Path, bob: Workspace, other: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other.jobs, "_is_on", lambda: True)
    upload, size = new_id(), good.stat().st_size
    for offset, data in pieces(good, size // 3):
        at = bob.receive_archive(upload, [data], size=size, offset=offset)
        assert bob.archive_received(upload).job == at.job
    assert at.job is not None
    assert bob.receive_archive(upload, [b"x"], size=size).job == at.job
    other.jobs.start()
    try:
        from test_export_jobs import over

        done = over(bob, at.job)
    finally:
        other.jobs.stop()
    assert done.state is JobState.DONE, done.error_message
    (project,) = bob.projects().items
    assert done.result == {"project_id": str(project.id), "name": project.name}
    assert not list((other.settings.data_dir / "archives").iterdir())


def test_what_is_no_archive_is_refused_while_it_comes(bob: Workspace) -> None:
    with pytest.raises(Invalid, match="not a project archive"):
        bob.receive_archive(new_id(), [b"hello there"], size=100)
    with pytest.raises(Invalid, match="More bytes"):
        bob.receive_archive(new_id(), [b"PK\3\4" + bytes(200)], size=100)
    with pytest.raises(TooLarge):
        bob.receive_archive(new_id(), [b"PK\3\4"], size=LIMITS.archive_bytes + 1)
    with pytest.raises(Invalid, match="within"):
        bob.receive_archive(new_id(), [b"PK\3\4"], size=10, offset=11)


def test_what_nobody_brought_in_goes_after_a_day(bob: Workspace, other: Studio, clock: Clock) -> None:
    bob.receive_archive(new_id(), [b"PK\3\4"], size=100)
    data = io.BytesIO()
    zipfile.ZipFile(data, "w").close()
    assert other.archives.tidy() == 0
    clock.now = clock.now.replace(year=clock.now.year + 1)
    assert other.archives.tidy() == 1


def test_who_has_no_room_left_brings_nothing(good: Path, bob: Workspace, other: Studio) -> None:
    with other._store.write() as tx:
        tx.all("insert into system_config (key, value, updated_at) values ('upload_gb', '1', now())")
    (box,) = bob.create_boxes(bob.create_project("Full"), ["x"])
    with other._store.write() as tx:
        tx.all(
            "insert into asset (id, project_id, box_id, number, asset_type, source_type, status, is_favorite, rating,"
            " ai_model, bytes, created_by, created_at, updated_at) values ($1, $2, $3, 1, 'IMAGE', 'UPLOADED', 'COMPLETED',"
            " false, 0, '', $4, $5, now(), now())",
            new_id(), box.project_id, box.id, 1024**3, bob.actor.user_id,
        )  # fmt: skip
    with pytest.raises(TooLarge):
        bob.import_archive(good)
