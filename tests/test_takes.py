"""Takes by the hundred: marks, the trash, lists and search."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Cast, Clock, let_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apom.config import LIMITS
from apom.errors import ApomError, Conflict, Invalid, NotFound
from apom.events import Subscription
from apom.marks import Known, make
from apom.models import AssetType, Box, Event, Mark, Page, Project, Role, SourceType, Status, Take, new_id
from apom.search import Words, parse
from apom.store import assets

FILES = {"file": "original-0123456789ab.png", "thumb": "thumb-0123456789ab.webp"}
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def arrive(cast: Cast, takes: Sequence[Take]) -> None:
    """They are here, without an engine; what is in the files nobody asks."""
    with cast.studio._store.write() as tx:
        for take in takes:
            keys = {f"{kind}_key": f"dev/a/{take.id}/{name}" for kind, name in FILES.items()}
            tx.all("update generation set state = 'COMPLETED' where asset_id = $1", take.id)
            assets.set_file(tx, take.id, take.asset_type, {"mime": "image/png", "bytes": 5, **keys}, NOW)
            for key in keys.values():
                path = cast.studio.settings.data_dir / "media" / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"bytes")


def takes_of(cast: Cast, box: Box, n: int, prompt: str = "x") -> list[Take]:
    """`n` takes that are here, the oldest first."""
    takes = [cast.alice.generate(box, prompt)[0] for _ in range(n)]
    arrive(cast, takes)
    return takes


@pytest.fixture
def project(cast: Cast) -> Project:
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor")
    return project


@pytest.fixture
def box(cast: Cast, project: Project) -> Box:
    return cast.alice.create_box(project, "one")


def ids(page: Page[Take] | Sequence[Take]) -> list[object]:
    return [take.id for take in (page.items if isinstance(page, Page) else page)]


def heard(cast: Cast, project: Project, act: Callable[[], object]) -> list[Event]:
    """What is told while something is done, without its number."""

    async def listen() -> list[Event]:
        with cast.alice.events(project) as subscription:
            await asyncio.to_thread(act)
            cast.studio.hub.publish(Event(type="end", project_id=project.id))
            return [event async for event in _until_the_end(subscription)]

    return asyncio.run(listen())


async def _until_the_end(subscription: Subscription):  # type: ignore[no-untyped-def]
    while (event := await subscription.next()).type != "end":
        yield event.model_copy(update={"version": 0})


# marks


def test_marks_are_made_together_and_answered_as_things_are_now(cast: Cast, box: Box) -> None:
    a, b, c = takes_of(cast, box, 3)
    marked = cast.alice.mark(
        [
            Mark(asset_id=a.id, is_favorite=True, rating=4),
            Mark(asset_id=b.id, is_headliner=True),
            Mark(asset_id=c.id, trashed=True),
            Mark(asset_id=a.id, rating=5),
        ]
    )
    assert not marked.refused
    now = {take.id: take for take in marked.takes}
    assert (now[a.id].is_favorite, now[a.id].rating) == (True, 5), "the last word counts"
    assert now[b.id].is_headliner and cast.alice.box(box).headliner_asset_id == b.id
    assert now[c.id].trashed_at is not None
    assert marked.takes == cast.alice.get_assets([a, b, c])


def test_the_same_marks_again_write_nothing_and_tell_nobody(
    cast: Cast, project: Project, box: Box, clock: Clock
) -> None:
    a, b, c = takes_of(cast, box, 3)
    marks = [
        Mark(asset_id=a.id, is_favorite=True, rating=2, is_headliner=True),
        Mark(asset_id=b.id, trashed=True),
        Mark(asset_id=c.id, is_favorite=False, rating=0, is_headliner=False, trashed=False),
    ]
    first = cast.alice.mark(marks)
    before = (cast.alice.project(project), cast.alice.box(box))
    clock.move(hours=1)
    assert heard(cast, project, lambda: cast.alice.mark(marks)) == []
    assert cast.alice.mark(marks) == first
    assert (cast.alice.project(project), cast.alice.box(box)) == before


def test_what_cannot_be_marked_is_refused_by_itself_and_the_rest_is_done(cast: Cast, box: Box) -> None:
    here, gone = takes_of(cast, box, 2)
    pending = cast.alice.generate(box, "x")[0]
    cast.alice.mark([Mark(asset_id=gone.id, trashed=True)])
    nobody = new_id()
    marked = cast.alice.mark(
        [
            Mark(asset_id=nobody, rating=1),
            Mark(asset_id=pending.id, trashed=True, rating=5),
            Mark(asset_id=pending.id, is_headliner=True),
            Mark(asset_id=gone.id, is_headliner=True),
            Mark(asset_id=here.id, rating=3),
        ]
    )
    assert [(r.asset_id, r.code) for r in marked.refused] == [
        (nobody, "not_found"),
        (pending.id, "conflict"),
        (pending.id, "invalid"),
        (gone.id, "conflict"),
    ]
    assert all(refusal.detail.endswith(".") and "{" not in refusal.detail for refusal in marked.refused)
    now = {take.id: take for take in marked.takes}
    assert now[here.id].rating == 3
    assert (now[pending.id].rating, now[pending.id].trashed_at) == (0, None), "wholly or not at all"
    assert cast.alice.box(box).headliner_asset_id is None


def test_a_viewer_is_refused_and_a_stranger_is_told_what_is_told_of_nothing(cast: Cast, box: Box) -> None:
    take = takes_of(cast, box, 1)[0]
    mark = Mark(asset_id=take.id, rating=3)
    assert [r.code for r in cast.victor.mark([mark]).refused] == ["not_allowed"]
    assert cast.victor.mark([mark]).takes == (take_now(cast, take),), "a viewer sees how it is"
    nobody = new_id()
    strange, never = cast.bob.mark([mark]), cast.bob.mark([Mark(asset_id=nobody, rating=3)])
    assert strange.model_dump_json().replace(str(take.id), str(nobody)) == never.model_dump_json()
    assert take_now(cast, take).rating == 0


def take_now(cast: Cast, take: Take) -> Take:
    return cast.alice.get_assets([take])[0]


def test_a_batch_has_an_end_and_a_beginning(cast: Cast, box: Box) -> None:
    take = takes_of(cast, box, 1)[0]
    for marks in ([], [Mark(asset_id=take.id, rating=1)] * (LIMITS.marks + 1)):
        with pytest.raises(Invalid):
            cast.alice.mark(marks)
    with pytest.raises(Invalid):
        cast.alice.get_assets([take] * (LIMITS.marks + 1))
    assert len(cast.alice.get_assets([take] * LIMITS.marks)) == 1


def test_a_new_headliner_puts_the_old_one_down_and_both_are_told(cast: Cast, project: Project, box: Box) -> None:
    old, new = takes_of(cast, box, 2)
    cast.alice.set_headliner(box, old)
    events = heard(cast, project, lambda: cast.alice.mark([Mark(asset_id=new.id, is_headliner=True, rating=1)]))
    assert events == [
        Event(type="assets_changed", project_id=project.id, box_id=box.id, asset_ids=(new.id,)),
        Event(type="boxes_changed", project_id=project.id, box_id=box.id, asset_ids=(old.id, new.id)),
    ]
    marked = cast.alice.mark([Mark(asset_id=old.id, is_headliner=True)])
    assert {take.id: take.is_headliner for take in marked.takes} == {old.id: True, new.id: False}
    cast.alice.mark([Mark(asset_id=new.id, is_headliner=False)])
    assert cast.alice.box(box).headliner_asset_id == old.id, "it was not the headliner's to give up"
    cast.alice.mark([Mark(asset_id=old.id, is_headliner=False)])
    assert cast.alice.box(box).headliner_asset_id is None


def test_marks_in_many_projects_are_told_to_each(cast: Cast, project: Project, box: Box) -> None:
    elsewhere = cast.alice.create_box(cast.alice.create_project("Q"), "two")
    a, b = takes_of(cast, box, 1)[0], takes_of(cast, elsewhere, 1)[0]
    marks = [Mark(asset_id=take.id, is_favorite=True) for take in (a, b)]
    assert [event.asset_ids for event in heard(cast, project, lambda: cast.alice.mark(marks))] == [(a.id,)]
    assert take_now(cast, b).is_favorite


def test_a_hundred_marks_from_eight_threads_are_all_there(cast: Cast, box: Box) -> None:
    takes = takes_of(cast, box, 25)
    rng = random.Random(7)
    marks = [
        Mark(asset_id=t.id, is_favorite=rng.random() < 0.5, rating=rng.randint(0, 5)) for t in takes for _ in "abcd"
    ]

    def one(mark: Mark) -> None:
        assert not cast.alice.mark([mark]).refused

    def all_of(take: Take) -> None:  # in their order; those of other takes come in between
        for mark in marks:
            if mark.asset_id == take.id:
                one(mark)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(all_of, takes))
    last = {mark.asset_id: (mark.is_favorite, mark.rating) for mark in marks}
    assert {t.id: (t.is_favorite, t.rating) for t in cast.alice.get_box_assets(box).items} == last


def test_eight_threads_that_want_different_headliners_leave_one(cast: Cast, box: Box) -> None:
    takes = takes_of(cast, box, 8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda take: cast.alice.mark([Mark(asset_id=take.id, is_headliner=True)]), takes))
    there = [take.id for take in cast.alice.get_box_assets(box).items if take.is_headliner]
    assert there == [cast.alice.box(box).headliner_asset_id]


PROJECT, BOXES = new_id(), (new_id(), new_id())
POOL = [
    Take(
        id=new_id(),
        project_id=PROJECT,
        box_id=BOXES[n % 2],
        number=n,
        asset_type=AssetType.IMAGE,
        source_type=SourceType.GENERATED,
        status=status,
        created_by=new_id(),
        created_at=NOW,
        updated_at=NOW,
    )
    for n, status in enumerate([*[Status.COMPLETED] * 6, Status.PENDING, Status.FAILED])
]
MARKS = st.lists(
    st.builds(
        Mark,
        asset_id=st.sampled_from([take.id for take in POOL] + [new_id()]),
        is_favorite=st.sampled_from([None, True, False]),
        rating=st.sampled_from([None, 0, 3, 5]),
        is_headliner=st.sampled_from([None, True, False]),
        trashed=st.sampled_from([None, None, True, False]),
    ),
    max_size=12,
)


def after(known: Known, marks: list[Mark]) -> tuple[Known, Sequence[tuple[object, ApomError]]]:
    made = make(known, marks, NOW)
    takes, headliners = {**known.takes, **made.takes}, {**known.headliners, **made.headliners}
    return Known(takes=takes, roles=known.roles, headliners=headliners), made.refused


@settings(max_examples=300, deadline=None)
@given(first=MARKS, second=MARKS)
def test_any_marks_leave_headliners_that_are_here_and_again_change_nothing(
    first: list[Mark], second: list[Mark]
) -> None:
    untouched = Known(
        takes={take.id: take for take in POOL}, roles={PROJECT: Role.EDITOR}, headliners=dict.fromkeys(BOXES)
    )
    state, _ = after(untouched, first)
    state, refused = after(state, second)
    for box_id, headliner in state.headliners.items():
        if headliner is not None:
            take = state.takes[headliner]
            assert take.box_id == box_id and take.trashed_at is None and take.status is Status.COMPLETED
    assert all(t.trashed_at is None for t in state.takes.values() if t.status is Status.PENDING)
    again = make(state, second, NOW + timedelta(hours=1))
    assert (again.takes, again.headliners) == ({}, {})
    assert [(id, str(error)) for id, error in again.refused] == [(id, str(error)) for id, error in refused]


# trash


def test_a_take_in_the_trash_is_out_of_sight_and_comes_back(cast: Cast, project: Project, box: Box) -> None:
    kept, thrown = takes_of(cast, box, 2)
    cast.alice.mark([Mark(asset_id=thrown.id, is_favorite=True, is_headliner=True)])
    cast.alice.mark([Mark(asset_id=thrown.id, trashed=True)])
    now = cast.alice.box(box)
    assert (now.headliner_asset_id, now.assets_count) == (None, 1)
    assert now.cover_key is not None and str(kept.id) in now.cover_key
    assert cast.alice.project(project).assets_count == 1
    assert cast.alice.project(project).bytes == 5
    assert all(str(kept.id) in key for key, _ in cast.alice.mosaics([project])[project.id])
    for page in (
        cast.alice.get_box_assets(box),
        cast.alice.search_assets(),
        cast.alice.search_assets(box=box),
    ):
        assert ids(page) == [kept.id]
    assert cast.alice.get_favorite_assets().items == ()
    for act in (cast.alice.asset, cast.alice.again, cast.alice.animate, cast.alice.toggle_favorite):
        with pytest.raises(NotFound):
            act(thrown)
    assert ids(cast.victor.get_box_assets(box, trashed=True)) == [thrown.id]
    cast.alice.mark([Mark(asset_id=thrown.id, trashed=False)])
    assert ids(cast.alice.get_box_assets(box)) == [thrown.id, kept.id]
    assert ids(cast.alice.get_favorite_assets()) == [thrown.id]
    assert cast.alice.get_box_assets(box, trashed=True).items == ()
    assert cast.alice.box(box).headliner_asset_id is None, "who stands for the shot is chosen again"


def test_the_files_of_what_is_in_the_trash_stay_for_those_who_may_see_them(cast: Cast, box: Box) -> None:
    take = takes_of(cast, box, 1)[0]
    cast.alice.mark([Mark(asset_id=take.id, trashed=True)])
    for who in (cast.alice, cast.victor):
        path, mime = who.file(take, FILES["thumb"])
        assert path.exists() and mime == "image/webp"
    with pytest.raises(NotFound):
        cast.bob.file(take, FILES["thumb"])


@pytest.mark.parametrize("delete", ["asset", "box", "project"])
def test_what_is_in_the_trash_goes_for_good_with_its_files(cast: Cast, project: Project, box: Box, delete: str) -> None:
    take = takes_of(cast, box, 1)[0]
    paths = [cast.alice.file(take, name)[0] for name in FILES.values()]
    cast.alice.mark([Mark(asset_id=take.id, trashed=True)])
    {
        "asset": lambda: cast.alice.delete_asset(take),
        "box": lambda: cast.alice.delete_box(box),
        "project": lambda: cast.alice.delete_project(project),
    }[delete]()
    assert not any(path.exists() for path in paths)
    assert cast.alice.get_assets([take]) == ()


def test_what_a_published_round_shows_is_shown_from_the_trash_too(cast: Cast, project: Project, box: Box) -> None:
    take = takes_of(cast, box, 1)[0]
    cast.alice.set_headliner(box, take)
    cast.alice.publish_round(project)
    token = cast.alice.create_link(project, "client").token
    cast.alice.mark([Mark(asset_id=take.id, trashed=True)])
    assert [shot.take and shot.take.id for shot in cast.studio.review(token).room().shots] == [take.id]
    with pytest.raises(Conflict, match="round"):
        cast.alice.delete_asset(take)


def test_a_take_that_others_were_made_from_may_go_to_the_trash(cast: Cast, box: Box) -> None:
    picture = takes_of(cast, box, 1)[0]
    clip = cast.alice.animate(picture)
    assert not cast.alice.mark([Mark(asset_id=picture.id, trashed=True)]).refused
    assert cast.alice.asset(clip).inputs[0].source_asset_id == picture.id
    with pytest.raises(Invalid, match="take of this project"):
        cast.alice.again(clip)


# lists


def test_a_box_is_narrowed_by_every_filter(cast: Cast, box: Box) -> None:
    a, b, c = takes_of(cast, box, 3)
    pending = cast.alice.generate(box, "x")[0]
    cast.alice.mark([Mark(asset_id=a.id, rating=2, is_favorite=True), Mark(asset_id=b.id, rating=5)])
    get = cast.alice.get_box_assets
    assert ids(get(box)) == [pending.id, c.id, b.id, a.id]
    assert ids(get(box, favorites=True)) == [a.id]
    assert ids(get(box, min_rating=2)) == [b.id, a.id]
    assert ids(get(box, min_rating=3, favorites=True)) == []
    assert ids(get(box, status=Status.PENDING)) == [pending.id]
    assert ids(get(box, asset_type=AssetType.VIDEO)) == []
    first = get(box, limit=2, asset_type=AssetType.IMAGE)
    assert ids(first) + ids(get(box, limit=2, asset_type=AssetType.IMAGE, cursor=first.next)) == ids(get(box))


def test_a_list_of_what_is_not_there_is_not_an_empty_list(cast: Cast, project: Project, box: Box) -> None:
    assert cast.alice.get_box_assets(box).items == cast.victor.search_assets(project=project).items == ()
    for ws, where in ((cast.bob, box), (cast.alice, new_id())):
        with pytest.raises(NotFound):
            ws.get_box_assets(where)
        with pytest.raises(NotFound):
            ws.search_assets(box=where)
    with pytest.raises(NotFound):
        cast.bob.search_assets(project=project)


def test_takes_by_their_ids_are_those_one_may_see(cast: Cast, box: Box) -> None:
    a, b = takes_of(cast, box, 2)
    cast.alice.mark([Mark(asset_id=a.id, trashed=True)])
    assert ids(cast.victor.get_assets([a, new_id(), b, a])) == [b.id, a.id]
    assert cast.bob.get_assets([a, b]) == ()
    assert cast.alice.get_assets([]) == ()


def test_the_first_shots_show_their_headliners_or_their_newest_takes(cast: Cast, project: Project) -> None:
    boxes = cast.alice.create_boxes(project, list("abcdef"))
    covers = []
    for n, box in enumerate(boxes[1:]):  # the first has none yet
        old, new = takes_of(cast, box, 2)
        covers.append(old if n % 2 else new)
        if n % 2:
            cast.alice.set_headliner(box, old)
    assert [box.cover_key for box in cast.victor.get_project_boxes(project)] == [None, *(key_of(c) for c in covers)]
    assert [key for key, _ in cast.victor.mosaics([project])[project.id]] == [key_of(c) for c in covers[:4]]
    assert cast.bob.mosaics([project]) == {}


def key_of(take: Take) -> str:
    return f"dev/a/{take.id}/{FILES['thumb']}"


# search


PROMPTS = (
    "Storm over the OLD lighthouse, night",
    "old harbour at dawn",
    "100% cotton_shirt, 50 % off",
    "Шторм у маяка, Ёлка",
    'she said "stay!" and left',
    "back\\slash and it's fine; drop table asset",
)
FINDS: list[tuple[str, set[int]]] = [
    ("OLD", {0, 1}),
    ("storm night", {0}),
    ("night storm", {0}),
    ("old -storm", {1}),
    ('"old harbour"', {1}),
    ('"harbour old"', set()),
    ('old -"old harbour"', {0}),
    ("light", {0}),
    ("шторм МАЯК", {3}),
    ("ёлка", {3}),
    ("100%", {2}),
    ("% off", {2}),
    ("n_s", {2}),
    ("0%c", set()),
    ("o_d", set()),
    ("back\\slash", {5}),
    ("it's", {5}),
    ("'; drop table asset; --", set()),
    ("stay!", {4}),
    ('"', {0, 1, 2, 3, 4, 5}),
    ("-", {0, 1, 2, 3, 4, 5}),
    ("pier", {0, 1, 2, 3, 4, 5}),
    ("a_1 shirt", {2}),
    ("pier -lighthouse -dawn", {2, 3, 4, 5}),
    ("-pier", set()),
    ("old -old", set()),
    ("nowhere", set()),
]


def test_words_are_found_in_prompts_and_shots(cast: Cast, project: Project, box: Box) -> None:
    pier = cast.alice.create_box(project, "Pier", code="A_1")
    takes = [cast.alice.generate(pier, prompt)[0].id for prompt in PROMPTS]
    cast.alice.generate(box, "fish")
    wrong = []
    for text, wanted in FINDS:
        here, everywhere = cast.alice.search_assets(text, box=pier), cast.victor.search_assets(text)
        expected = {takes[n] for n in wanted}
        if not {take.id for take in here.items} == expected == {t.id for t in everywhere.items if t.box_id == pier.id}:
            wrong.append(text)
        assert cast.bob.search_assets(text).items == ()
    assert not wrong


def test_a_search_is_narrowed_by_every_filter(cast: Cast, project: Project, clock: Clock) -> None:
    box = cast.alice.create_box(project, "one")
    old = cast.alice.generate(box, "dawn")[0]
    clock.move(days=1)
    noon = clock.now
    picture = takes_of(cast, box, 1, "dawn")[0]
    clip = cast.alice.animate(picture, "dawn")
    let_in(cast.alice, project, "victor", Role.EDITOR)
    his = cast.victor.generate(box, "dawn")[0]
    cast.alice.update_asset(picture, tags=["hero", 'a "b" 100%', "x, y"], rating=4, is_favorite=True)
    search = cast.alice.search_assets
    assert ids(search("dawn")) == [his.id, clip.id, picture.id, old.id]
    assert ids(search(asset_type=AssetType.VIDEO)) == ids(search(source_type=SourceType.IMG2VID)) == [clip.id]
    assert (
        ids(search(status=Status.COMPLETED)) == ids(search(favorites=True)) == ids(search(min_rating=4)) == [picture.id]
    )
    assert ids(search(ai_model=clip.ai_model)) == [clip.id]
    assert ids(search(created_by=cast.victor.actor.user_id)) == [his.id]
    assert ids(search(until=noon)) == ids(search(until=old.created_at + timedelta(microseconds=1))) == [old.id]
    assert ids(search(since=noon)) == ids(search("dawn", since=noon, project=project)) == [his.id, clip.id, picture.id]
    for tag, there in (("hero", 1), ('a "b" 100%', 1), ("x, y", 1), ("HERO", 0), ("her", 0), ("_ero", 0), (", ", 0)):
        assert len(search(tag=tag).items) == there, tag
    with pytest.raises(Invalid, match="time zone"):
        search(since=datetime(2026, 1, 1))
    with pytest.raises(Invalid):
        search("x" * (LIMITS.search_chars + 1))


def test_a_search_comes_in_keyset_pages(cast: Cast, box: Box) -> None:
    takes = takes_of(cast, box, 5, "dawn")
    first = cast.alice.search_assets("dawn", limit=2)
    cast.alice.generate(box, "dawn came in between")
    second = cast.alice.search_assets("dawn", limit=2, cursor=first.next)
    third = cast.alice.search_assets("dawn", limit=2, cursor=second.next)
    assert ids(first) + ids(second) + ids(third) == [take.id for take in reversed(takes)]
    assert third.next is None


@pytest.mark.parametrize(
    ("line", "wanted", "unwanted"),
    [
        ("", [], []),
        ("two  words\n", ["two", "words"], []),
        ("-no yes", ["yes"], ["no"]),
        ('"as one" -"not this"', ["as one"], ["not this"]),
        ("“typographic marks” «и эти»", ["typographic marks", "и эти"], []),
        ('never "closed at all', ["never", "closed at all"], []),
        ('""  "-" - -- -"" ---', [], []),
        ("well-known 12-", ["well-known", "12-"], []),
        ("--x", [], ["-x"]),
        ('glued"to it"', ["glued", "to it"], []),
        ("twice twice -twice", ["twice"], ["twice"]),
    ],
)
def test_a_search_line_is_read(line: str, wanted: list[str], unwanted: list[str]) -> None:
    assert parse(line) == Words(wanted=tuple(wanted), unwanted=tuple(unwanted))


STORED = ("ab ба", "a%b_я !\\ 'x'", "-я“")
SIGNS = st.text(st.sampled_from("ab я\"-%_!\\'“«\n\x00;*") | st.characters(), max_size=40)


@given(line=SIGNS)
def test_any_search_line_means_something(line: str) -> None:
    words = parse(line)
    assert all(word and word == word.strip() and '"' not in word for word in words.all)
    again = " ".join([*(f'"{word}"' for word in words.wanted), *(f'-"{word}"' for word in words.unwanted)])
    assert parse(again) == words, "quoted, it means the same"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=SIGNS)
def test_the_store_finds_what_the_words_say(cast: Cast, line: str) -> None:
    if not cast.alice.projects().items:
        box = cast.alice.create_box(cast.alice.create_project("P"), "one", code="x1")
        for prompt in STORED:
            cast.alice.generate(box, prompt)
    words = parse(line)

    def is_meant(prompt: str) -> bool:
        said = f"{prompt}\none\nx1".lower()
        return all(w.lower() in said for w in words.wanted) and not any(w.lower() in said for w in words.unwanted)

    found = {take.number for take in cast.alice.search_assets(line).items}
    assert found == {number for number, prompt in enumerate(STORED, start=1) if is_meant(prompt)}
