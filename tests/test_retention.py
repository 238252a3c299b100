"""What nobody marked leaves, after it was said; what anybody marked, and what it was made from, stays (I10)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from conftest import Cast, Clock, let_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apom.errors import Conflict, NotAllowed, Unavailable
from apom.media.storage import key
from apom.models import (
    Asset,
    AssetInput,
    AssetType,
    Box,
    BoxKind,
    Held,
    InputRole,
    Mark,
    Project,
    Role,
    SourceType,
    Status,
    new_id,
)
from apom.retention import Retention
from apom.store import assets, retention
from apom.studio import Studio

BYTES = 1000


@pytest.fixture
def project(cast: Cast) -> Project:
    project = cast.alice.create_project("Lighthouse")
    let_in(cast.alice, project, "victor")
    return project


@pytest.fixture
def box(cast: Cast, project: Project) -> Box:
    return cast.alice.create_box(project, "one")


def put(studio: Studio, box: Box, *, status: Status = Status.COMPLETED, made_from: Sequence[UUID] = ()) -> UUID:
    """A take of now with its three files."""
    now, id = studio.retention._clock(), new_id()
    take = Asset(
        id=id,
        project_id=box.project_id,
        box_id=box.id,
        number=1,
        asset_type=AssetType.IMAGE,
        source_type=SourceType.GENERATED,
        status=status,
        prompt_text="A lighthouse",
        parent_asset_id=made_from[0] if made_from else None,
        inputs=tuple(
            AssetInput(asset_id=id, source_asset_id=source, role=InputRole.REFERENCE, position=n)
            for n, source in enumerate(made_from)
        ),
        created_by=box.created_by,
        created_at=now,
        updated_at=now,
    )
    with studio._store.write() as tx:
        assets.insert(tx, [take])
        if status is Status.COMPLETED:
            assets.set_file(tx, take.id, AssetType.IMAGE, _files(studio, take.id), now)
    return take.id


def _files(studio: Studio, id: UUID) -> dict[str, object]:
    found: dict[str, object] = {"mime": "image/png", "bytes": BYTES}
    for column, variant, ext in (
        ("file_key", "original", "png"),
        ("thumb_key", "thumb", "webp"),
        ("proxy_key", "proxy", "webp"),
    ):
        content = f"{variant} {id}".encode().ljust(BYTES)
        sha = hashlib.sha256(content).hexdigest()
        with studio._storage.temp() as path:
            path.write_bytes(content)
            studio._storage.put(path, key("dev", id, variant, sha, ext), mime="image/png")
        found[column] = key("dev", id, variant, sha, ext)
    return found | {"sha256": hashlib.sha256(f"original {id}".encode().ljust(BYTES)).hexdigest()}


def trashed(cast: Cast, *ids: UUID) -> list[bool]:
    """Which of these lie in the trash."""
    found = {take.id: take.trashed_at is not None for take in cast.alice.get_assets(ids)}
    return [found[id] for id in ids]


def there(studio: Studio, id: UUID) -> set[str]:
    """Which files of a take are there."""
    return {stored.key.rsplit("/", 1)[1].partition("-")[0] for stored in studio._storage.list(f"dev/a/{id}/")}


def days(studio: Studio, clock: Clock, n: int) -> None:
    """So many days with their daily cleaning."""
    for _ in range(n):
        clock.move(days=1)
        studio.retention.run("apom", confirmed=True)  # of a few takes, many are a large part
        studio.retention.delete_files()


def test_what_nobody_marked_is_announced_thrown_away_and_purged(
    cast: Cast, studio: Studio, clock: Clock, project: Project, box: Box
) -> None:
    id, kept = put(studio, box), put(studio, box)
    cast.alice.toggle_favorite(kept)
    days(studio, clock, 6)
    assert cast.alice.leaving(project).items == ()
    days(studio, clock, 1)
    (leaving,) = cast.victor.leaving(project).items
    assert leaving.id == id
    assert leaving.leaves_at is not None
    assert timedelta(days=2.9) < leaving.leaves_at - clock.now <= timedelta(days=3)
    plan = cast.victor.retention_plan(project)
    assert (plan.leaving, plan.leaving_bytes, plan.to_trash, plan.to_purge) == (1, BYTES, 0, 0)
    days(studio, clock, 2)
    assert trashed(cast, id) == [False]
    days(studio, clock, 1)
    assert trashed(cast, id) == [True]
    assert there(studio, id) == {"original", "thumb", "proxy"}
    days(studio, clock, 6)
    (lying,) = cast.alice.get_assets([id])
    assert not lying.purged_at
    days(studio, clock, 1)
    gone = cast.alice.asset(id)
    assert (gone.purged_at is not None, gone.status, gone.file_key, gone.prompt_text) == (
        True,
        Status.COMPLETED,
        None,
        "A lighthouse",
    )
    assert there(studio, id) == {"thumb"}
    assert cast.alice.file(id, str(gone.thumb_key).rsplit("/", 1)[1])
    found = cast.alice.search_assets("lighthouse", project=project, trashed=True).items
    assert [take.id for take in found] == [id], "its recipe is found where it lies"
    assert [take.id for take in cast.alice.search_assets("lighthouse", project=project).items] == [kept]
    assert cast.bob.search_assets("lighthouse", trashed=True).items == ()
    assert (there(studio, kept), trashed(cast, kept)) == ({"original", "thumb", "proxy"}, [False])


def test_put_back_it_stays_and_a_purged_one_cannot_be(
    cast: Cast, studio: Studio, clock: Clock, project: Project, box: Box
) -> None:
    id = put(studio, box)
    days(studio, clock, 11)
    (back,) = cast.alice.mark([Mark(asset_id=id, trashed=False)]).takes
    assert (back.trashed_at, back.leaves_at) == (None, None)
    days(studio, clock, 9)
    assert trashed(cast, id) == [False]
    days(studio, clock, 20)
    (refusal,) = cast.alice.mark([Mark(asset_id=id, trashed=False)]).refused
    assert "Make it again" in refusal.detail
    cast.alice.delete_asset(id)  # the recipe too
    assert there(studio, id) == set()


def test_work_on_the_project_begins_the_days_anew(
    cast: Cast, studio: Studio, clock: Clock, project: Project, box: Box
) -> None:
    id, other = put(studio, box), put(studio, box)
    days(studio, clock, 8)
    assert len(cast.alice.leaving(project).items) == 2
    cast.alice.update_asset(other, rating=2)
    cast.alice.update_project(project, notes="Working on it")
    assert cast.alice.asset(id).leaves_at is None
    assert cast.alice.leaving(project).items == ()
    days(studio, clock, 9)
    assert trashed(cast, id) == [False]
    days(studio, clock, 2)
    assert trashed(cast, id) == [True]
    assert trashed(cast, other) == [False]


def test_the_days_stand_still_while_a_round_is_open(
    cast: Cast, studio: Studio, clock: Clock, project: Project, box: Box
) -> None:
    shown, other = put(studio, box), put(studio, box)
    cast.alice.set_headliner(box, shown)
    cast.alice.publish_round(project)
    link = cast.alice.create_link(project, "Client", days=30).link
    days(studio, clock, 20)
    cast.alice.revoke_link(link)
    days(studio, clock, 9)
    assert trashed(cast, other) == [False]
    days(studio, clock, 3)
    assert trashed(cast, other) == [True]
    assert trashed(cast, shown) == [False]


def test_a_shorter_time_still_leaves_three_days_of_notice(cast: Cast, studio: Studio, clock: Clock, box: Box) -> None:
    id = put(studio, box)
    cast.alice.update_project(box.project_id, retention_days=0)
    days(studio, clock, 40)
    assert cast.alice.asset(id).leaves_at is None  # 0: never
    with studio._store.write() as tx:
        tx.all("update project set retention_days = 2")
    days(studio, clock, 1)
    said = cast.alice.asset(id).leaves_at
    assert said is not None
    assert said - clock.now > timedelta(days=2.9)
    days(studio, clock, 2)
    assert trashed(cast, id) == [False]
    days(studio, clock, 1)
    assert trashed(cast, id) == [True]


def test_after_a_leap_of_the_clock_a_person_is_asked(cast: Cast, studio: Studio, clock: Clock, box: Box) -> None:
    ids = [put(studio, box) for _ in range(3)]
    with studio._store.write() as tx:
        tx.all("update app_user set is_admin = true where username = 'alice'")
    alice = studio.workspace(cast.alice.actor.model_copy(update={"is_admin": True}))
    for _ in range(8):
        clock.move(days=1)
        studio.retention.go_on()
    clock.move(days=400)
    studio.retention.go_on()
    assert [run.held for run in alice.retention_runs()][:2] == [Held.CLOCK, None]
    assert alice.retention_plan().held is Held.CLOCK
    with pytest.raises(Conflict, match="If the clock is right"):
        alice.run_retention()
    assert trashed(cast, *ids) == [False] * 3
    with pytest.raises(NotAllowed):
        cast.bob.run_retention(confirmed=True)
    run = alice.run_retention(confirmed=True)
    assert (run.trashed, run.trashed_bytes, run.started_by) == (3, 3 * BYTES, "alice")


def test_a_large_part_of_all_takes_goes_only_by_a_persons_word(
    cast: Cast, studio: Studio, clock: Clock, box: Box
) -> None:
    ids = [put(studio, box) for _ in range(10)]
    for id in ids[:7]:
        cast.alice.toggle_favorite(id)
    for _ in range(10):
        clock.move(days=1)
        studio.retention.go_on()
    assert trashed(cast, *ids) == [False] * 7 + [True] * 3  # just three in ten
    clock.move(seconds=1)
    for id in ids[:7]:
        cast.alice.toggle_favorite(id)
    for _ in range(11):
        clock.move(days=1)
        studio.retention.go_on()
    assert trashed(cast, *ids[:7]) == [False] * 7
    with pytest.raises(Conflict, match="three in ten"):
        studio.operator().run_retention()
    assert studio.operator().run_retention(confirmed=True).trashed == 7


def test_the_owner_empties_the_trash(cast: Cast, studio: Studio, project: Project, box: Box) -> None:
    let_in(cast.alice, project, "bob", Role.EDITOR)
    source, plain, shown = (put(studio, box) for _ in range(3))
    put(studio, box, made_from=[source])
    cast.alice.set_headliner(box, shown)
    cast.alice.publish_round(project)
    cast.alice.mark([Mark(asset_id=id, trashed=True) for id in (source, plain, shown)])
    for stranger in (cast.victor, cast.bob):
        with pytest.raises(NotAllowed):
            stranger.empty_trash(project)
    done = cast.alice.empty_trash(project)
    assert (done.purged, done.purged_bytes, done.kept) == (1, BYTES, 2)
    assert studio.retention.delete_files() == 1
    assert [there(studio, id) for id in (source, plain, shown)] == [
        {"original", "thumb", "proxy"},
        {"thumb"},
        {"original", "thumb", "proxy"},
    ]
    assert cast.alice.empty_trash(project).purged == 0


def test_storage_is_counted_by_project_and_by_shot(cast: Cast, studio: Studio, project: Project, box: Box) -> None:
    other = cast.alice.create_box(project, "two")
    ids = [put(studio, box) for _ in range(3)]
    cast.alice.mark([Mark(asset_id=ids[0], trashed=True)])
    (mine,) = cast.victor.storage()
    assert (mine.takes, mine.bytes, mine.trashed, mine.trashed_bytes) == (2, 2 * BYTES, 1, BYTES)
    one, two = cast.alice.storage(project)
    assert (one.box_id, one.takes, one.trashed) == (box.id, 2, 1)
    assert (two.box_id, two.takes, two.bytes) == (other.id, 0, 0)
    assert list(cast.bob.storage()) == []


def test_while_the_bucket_is_away_the_files_wait(
    cast: Cast, studio: Studio, clock: Clock, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = put(studio, box)
    cast.alice.mark([Mark(asset_id=id, trashed=True)])
    cast.alice.empty_trash(box.project_id)

    def away(*keys: str) -> None:
        raise Unavailable("The bucket is away.")

    with monkeypatch.context() as patched:
        patched.setattr(studio._storage, "delete", away)
        with pytest.raises(Unavailable):
            studio.retention.delete_files()
    assert there(studio, id) == {"original", "thumb", "proxy"}
    again = Retention(studio._store, studio._storage, studio.hub, clock)  # another process, later
    assert again.delete_files() == 1
    assert there(studio, id) == {"thumb"}


# I10, against rules written down a second time and otherwise


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one take is."""

    age: int
    mark: str
    status: Status
    kind: BoxKind
    made_from: tuple[int, ...]


MARKS = "none none none none favorite rating tag headliner comment verdict round trashed".split()
SAID = {
    "headliner": "update box set headliner_asset_id = '{id}' where id = '{box}'",
    "trashed": "update asset set trashed_at = '{at}' where id = '{id}'",
    "comment": "insert into comment (id, project_id, box_id, asset_id, author_name, text, visibility, is_read, is_resolved,"
    " created_at, updated_at) values ('{new}', '{project}', '{box}', '{id}', 'a', 'b', 'INTERNAL', true, true, '{at}', '{at}')",
    "verdict": "insert into verdict (id, project_id, round_id, box_id, asset_id, name, verdict, created_at)"
    " select '{new}', '{project}', id, '{box}', '{id}', 'a', 'APPROVED', '{at}' from round where project_id = '{project}'",
    "round": "insert into round_shot (round_id, position, box_id, code, name, asset_id)"
    " select id, (select count(*) from round_shot), '{box}', 'c', 'n', '{id}' from round where project_id = '{project}'",
}
TAKES = st.lists(
    st.builds(
        Facts,
        age=st.integers(0, 30),
        mark=st.sampled_from(MARKS),
        status=st.sampled_from([Status.COMPLETED] * 4 + [Status.FAILED, Status.PROCESSING, Status.ATTENTION]),
        kind=st.sampled_from([BoxKind.SHOT, BoxKind.SHOT, BoxKind.REFERENCE]),
        made_from=st.lists(st.integers(0, 11), max_size=2, unique=True).map(tuple),
    ),
    min_size=1,
    max_size=12,
)


def expected(takes: Sequence[Facts]) -> set[int]:
    """Which of them go."""
    going = {
        n
        for n, take in enumerate(takes)
        if take.age >= 10
        and take.mark == "none"
        and take.kind is BoxKind.SHOT
        and take.status in (Status.COMPLETED, Status.FAILED)
    }
    while True:
        needed = {
            source
            for n, take in enumerate(takes)
            if n not in going and take.mark != "trashed"
            for source in take.made_from
            if source in going
        }
        if not needed:
            return going
        going -= needed


def insert(studio: Studio, box: Box, facts: Facts, sources: Sequence[UUID], now: datetime) -> UUID:
    """The rows of a take that is like that."""
    at, id = now - timedelta(days=facts.age), new_id()
    take = Asset(
        id=id,
        project_id=box.project_id,
        box_id=box.id,
        number=1,
        asset_type=AssetType.IMAGE,
        source_type=SourceType.GENERATED,
        status=facts.status,
        is_favorite=facts.mark == "favorite",
        rating=1 if facts.mark == "rating" else 0,
        tags=("night",) if facts.mark == "tag" else (),
        inputs=tuple(
            AssetInput(asset_id=id, source_asset_id=source, role=InputRole.REFERENCE, position=n)
            for n, source in enumerate(sources)
        ),
        created_by=box.created_by,
        created_at=at,
        updated_at=at,
    )
    with studio._store.write() as tx:
        assets.insert(tx, [take])
        if facts.mark in SAID:
            tx.all(SAID[facts.mark].format(id=id, box=box.id, project=box.project_id, new=new_id(), at=at.isoformat()))
    return id


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(takes=TAKES)
def test_what_goes_is_what_nobody_marked_and_nothing_else(studio: Studio, cast: Cast, takes: list[Facts]) -> None:
    now = datetime(2027, 6, 1, tzinfo=UTC)
    takes = [replace(take, made_from=tuple(i for i in take.made_from if i < n)) for n, take in enumerate(takes)]
    project = cast.alice.create_project("P")
    with studio._store.write() as tx:
        tx.all(
            "insert into round (id, project_id, number, note, published_by, published_at) values ($1, $2, 1, '', $3, $4)",
            new_id(),
            project.id,
            cast.alice.actor.user_id,
            now - timedelta(days=100),
        )
    ids: list[UUID] = []
    for take in takes:
        box = cast.alice.create_box(project, "one", kind=take.kind)
        ids.append(insert(studio, box, take, [ids[n] for n in take.made_from], now))
    with studio._store.write() as tx:
        tx.all("update project set updated_at = $2 where id = $1", project.id, now - timedelta(days=100))
        found = retention.page(tx, project.id, now, 10, now, None, 100)
    assert {ids.index(take.id) for take in found.items} == expected(takes)
