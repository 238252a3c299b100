"""API tokens: what they open, what they never do, and when they end."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browser import listen
from conftest import Cast, Clock
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from playwright.sync_api import Browser
from test_idor import arrived
from test_newcomer import register

from apom import testing
from apom.accounts import token_hash
from apom.client import connect
from apom.config import LIMITS, Settings
from apom.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn
from apom.models import BatchOrder, Judgement, Scope, new_id
from apom.scopes import IN_PERSON, READING, limited
from apom.server.identity import REMEMBERED_S
from apom.store import audit
from apom.store.duck import DuckStore
from apom.studio import DEFAULT_IMAGE, Studio, Workspace
from apom.tokens import PREFIX, check_scopes
from apom.words import day

GOOD = "seven tall ships at dawn"


def by(studio: Studio, secret: str) -> Workspace:
    actor = studio.resolve(token=secret)
    assert actor is not None
    return studio.workspace(actor)


def methods() -> list[str]:
    return [name for name, act in vars(Workspace).items() if callable(act) and not name.startswith("_")]


def test_a_token_stands_in_for_its_person(cast: Cast) -> None:
    token, secret = cast.alice.create_token("  notebook ", days=30)
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43
    assert token.name == "notebook"
    project = cast.alice.create_project("P")
    ws = by(cast.studio, secret)
    assert ws.me() == cast.alice.me()
    assert ws.project(project) == project
    assert ws.actor.token_id == token.id
    assert ws.actor.session_id is None, "it opens no page"
    with pytest.raises(NotFound):
        by(cast.studio, cast.bob.create_token("bob's")[1]).project(project)


def test_what_cannot_be_a_token_is_said(cast: Cast) -> None:
    for field, options in (
        ("name", {"name": " "}),
        ("name", {"name": "x" * 121}),
        ("days", {"days": 0}),
        ("days", {"days": LIMITS.token_days + 1}),
        ("scopes", {"scopes": ()}),
        ("scopes", {"scopes": ("admin",)}),
    ):
        with pytest.raises(Invalid) as refused:
            cast.alice.create_token(**{"name": "x", **options})
        assert refused.value.field == field
    assert cast.alice.tokens() == ()


def test_who_may_write_may_read() -> None:
    assert check_scopes(["write"]) == (Scope.READ, Scope.WRITE) == check_scopes(["write", "read", "read"])
    assert check_scopes(["read"]) == (Scope.READ,)


def test_a_token_ends_when_it_is_revoked_and_only_its_person_revokes_it(cast: Cast) -> None:
    token, secret = cast.alice.create_token("notebook")
    with pytest.raises(NotFound):
        cast.bob.revoke_token(token)
    assert cast.studio.resolve(token=secret) is not None
    cast.alice.revoke_token(token)
    assert cast.studio.resolve(token=secret) is None
    assert cast.alice.tokens() == ()
    with pytest.raises(NotFound):
        cast.alice.revoke_token(token)


def test_a_token_ends_when_its_time_is_over(cast: Cast, clock: Clock) -> None:
    token, secret = cast.alice.create_token("notebook", days=2)
    assert token.expires_at - token.created_at == timedelta(days=2)
    clock.move(days=1.9)
    assert cast.studio.resolve(token=secret) is not None
    clock.move(days=0.2)
    assert cast.studio.resolve(token=secret) is None
    assert cast.alice.tokens() == ()


def signed_in(studio: Studio) -> Workspace:
    return by(studio, studio.login("alice", GOOD)[0])


def test_a_reset_password_and_a_deactivated_person_end_tokens_and_a_changed_password_does_not(studio: Studio) -> None:
    studio.register("root", GOOD)
    operator = studio.operator()
    operator.add_user("alice", GOOD)
    alice = signed_in(studio)
    _, secret = alice.create_token("notebook")
    alice.change_password(GOOD, "nine small boats at dusk")
    assert studio.resolve(token=secret) is not None, "a credential of its own"
    operator.reset_password("alice", GOOD)
    assert studio.resolve(token=secret) is None
    _, secret = signed_in(studio).create_token("notebook")
    operator.change_user("alice", is_active=False)
    assert studio.resolve(token=secret) is None
    operator.change_user("alice", is_active=True)
    assert studio.resolve(token=secret) is None, "nothing comes back by itself"


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(
    cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apom import tokens

    touched: list[object] = []
    touch = tokens.tokens.touch
    monkeypatch.setattr(tokens.tokens, "touch", lambda *args: (touched.append(args[2]), touch(*args)))
    _, secret = cast.alice.create_token("notebook")
    assert cast.alice.tokens()[0].last_used_at is None
    for _ in range(40):
        cast.studio.resolve(token=secret)
        clock.move(seconds=3)
    assert len(touched) == 2
    assert cast.alice.tokens()[0].last_used_at == touched[-1]


def test_a_token_does_nothing_that_only_the_person_should(cast: Cast) -> None:
    token, secret = cast.alice.create_token("notebook")
    ws: Any = by(cast.studio, secret)
    for act in (
        lambda: ws.create_token("another"),
        lambda: ws.revoke_token(token),
        lambda: ws.change_password("x", "nine small boats at dusk"),
        lambda: ws.end_session(token),
        ws.logout,
    ):
        with pytest.raises(NotAllowed, match="Sign in with your password"):
            act()
    assert ws.tokens() == (cast.alice.tokens()[0],)


def test_a_reading_token_is_refused_by_every_method_that_is_not_known_to_read(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    ws = by(cast.studio, cast.alice.create_token("reader", scopes=[Scope.READ])[1])
    assert ws.project(project) == project
    assert len(ws.projects().items) == 1
    for name in methods():
        if name not in READING | IN_PERSON:
            with pytest.raises(NotAllowed, match="may only read"):
                getattr(ws, name)()
    assert set(methods()) >= READING | IN_PERSON, "each of them is a method still"
    assert {name for name in methods() if name.startswith("export")} <= READING, "who may read may take it along"


def test_a_method_added_tomorrow_is_refused_until_somebody_says_that_it_reads(cast: Cast) -> None:
    @limited
    class Tomorrow:
        def __init__(self) -> None:
            self.actor = by(cast.studio, cast.alice.create_token("reader", scopes=[Scope.READ])[1]).actor

        def paint_it_black(self) -> str:
            return "black"

    with pytest.raises(NotAllowed):
        Tomorrow().paint_it_black()


def test_what_reads_writes_nothing(cast: Cast, tmp_path: Path) -> None:
    """The list of what reads is believed by nobody: each of these is called, and the tables stay as they are."""
    alice = cast.alice
    cast.studio.operator().change_user("alice", is_admin=True)
    project = alice.create_project("P")
    box = alice.create_box(project, "one")
    take: Any = arrived(cast.studio, alice, box)
    alice.set_headliner(box, take)
    ws: Any = by(cast.studio, alice.create_token("reader", scopes=[Scope.READ])[1])
    arguments: dict[str, tuple[Any, ...]] = {
        "project": (project,),
        "mosaics": ([project],),
        "members": (project,),
        "box": (box,),
        "get_project_boxes": (project,),
        "asset": (take,),
        "get_box_assets": (box,),
        "get_assets": ([take],),
        "leaving": (project,),
        "received": (box, new_id()),
        "known_files": (project, ["0" * 64]),
        "plan_shots": (project, b"Name\nHarbour"),
        "file": (take, "original-000000000000.png"),
        "rounds": (project,),
        "round_shots": (alice.publish_round(project),),
        "link_activity": (alice.create_link(project, "client").link,),
        "verdicts": (project,),
        "spending": (project,),
        "export": (project, "csv", tmp_path / "shots.csv"),
        "export_file": (new_id(),),
        "export_docx": (project, tmp_path / "film.docx"),
        "export_csv": (project, tmp_path / "film.csv"),
        "download": (take, tmp_path / "take.png"),
        "export_pdf": (project, tmp_path / "film.pdf"),
        "export_xlsx": (project, tmp_path / "film.xlsx"),
        "export_rights": (project, tmp_path / "rights.docx"),
        "notification": (new_id(),),
        "export_zip": (project, tmp_path / "film.zip"),
        "export_animatic": (project, tmp_path / "film.mp4"),
        "export_archive": (project, tmp_path / "film.zip"),
        "export_cut": (project, tmp_path / "film.zip"),
        "archive_received": (new_id(),),
        "queue_items": ([take],),
        "wait": ([],),
        "provider_file": ("sandbox",),
        "dry_run": ("sandbox/sandbox-image", "x"),
        "estimate_batch": (project, BatchOrder(prompts=("x",), models=(DEFAULT_IMAGE,), boxes=(box.id,))),
        "batch": (take.batch_id,),
        "job": (alice.mark_all(Judgement(rating=1), box=box),),
    }
    before = tables(cast.studio)
    for name in sorted(READING - {"events"}):
        try:
            getattr(ws, name)(*arguments.get(name, ()), **({"project": project} if name == "comments" else {}))
        except NotFound:
            assert name in ("file", "export_file", "download", "notification")
        except NotAllowed:
            assert name in ("system", "users", "audit", "balances", "retention_plan", "retention_runs", "sweeps"), (
                "they are an admin's"
            )
    assert tables(cast.studio) == before


def tables(studio: Studio) -> list[object]:
    with studio._store.read() as tx:
        names = tx.all("select table_name as name from information_schema.tables where table_schema = current_schema()")
        return [sorted(map(str, tx.all(f"select * from {row['name']}"))) for row in names]


def test_the_operator_makes_lists_and_revokes_tokens_of_others(cast: Cast) -> None:
    operator = cast.studio.operator()
    token, secret = operator.create_token("ALICE", "render farm", days=7, scopes=[Scope.READ])
    assert by(cast.studio, secret).me().username == "alice"
    assert operator.tokens("alice")[0].id == token.id == cast.alice.tokens()[0].id
    operator.revoke_token(token.id)
    assert cast.studio.resolve(token=secret) is None
    for act in (
        lambda: operator.create_token("nobody", "x"),
        lambda: operator.tokens("nobody"),
        lambda: operator.revoke_token(token),
    ):
        with pytest.raises(NotFound):
            act()
    operator.change_user("bob", is_active=False)
    with pytest.raises(Conflict, match="Activate"):
        operator.create_token("bob", "x")


def test_a_person_has_so_many_tokens_and_no_more(cast: Cast, clock: Clock) -> None:
    for i in range(LIMITS.tokens):
        cast.alice.create_token(f"{i}", days=1)
    with pytest.raises(Conflict, match="Revoke one"):
        cast.alice.create_token("one more")
    cast.bob.create_token("of bob", days=1)
    clock.move(days=2)
    cast.alice.create_token("those are over")
    assert len(cast.alice.tokens()) == 1
    with cast.studio._store.read() as tx:
        assert tx.value("select count(*) from api_token") == 1, "what is over is swept away"


def test_a_thief_of_the_store_finds_no_token(cast: Cast, settings: Settings) -> None:
    _, secret = cast.alice.create_token("notebook")
    if isinstance(cast.studio._store, DuckStore):
        cast.studio._store._db.execute("checkpoint")
    for path in Path(settings.data_dir).rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    with cast.studio._store.read() as tx:
        assert tx.value("select token_hash from api_token") == token_hash(secret)
        entries = audit.latest(tx, 10)
    assert [entry.action for entry in entries] == ["token.create"]
    assert secret not in str(entries)


@given(text=st.text(max_size=300))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_no_text_is_taken_for_a_token(cast: Cast, text: str) -> None:
    assert cast.studio.resolve(token=PREFIX + text) is None


def test_the_account_page_makes_a_token_shows_it_once_and_ends_it(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data") as app, closing(browser.new_context()) as context:
        page = context.new_page()
        errors = listen(page)
        register(page, app.url)
        page.goto(f"{app.url}/account")
        page.get_by_label("What for").fill("*farm* <b>one</b>")
        page.get_by_role("button", name="Make a token").click()
        page.get_by_text("Copy it now").wait_for()
        secret = page.locator("code").inner_text()
        page.get_by_text("*farm* <b>one</b>", exact=True).wait_for()
        page.get_by_text("never used").wait_for()
        with connect(app.url, secret) as ws:
            assert ws.me().username == "alice"
            page.reload()
            page.get_by_text(f"used {day(datetime.now(UTC))}").wait_for()
            assert secret not in page.content()
            page.get_by_role("button", name="Revoke").click()
            page.get_by_role("button", name="Revoke").wait_for(state="hidden")
            page.wait_for_timeout(1000 * REMEMBERED_S)
            with pytest.raises(NotSignedIn):
                ws.me()
        assert errors == []
        assert not [line for line in app.said if secret in line]
