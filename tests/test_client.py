"""The same doors over HTTP: one scene played through both, and what only a network can do."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import httpx
import pytest
from loopback import Loopback, answer, closes, hangs, raw, refused_url, said
from media_samples import corner, sound
from pydantic import BaseModel
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from apom import runfile, testing
from apom.client import OperatorClient, RemoteStudio, RemoteWorkspace, connect
from apom.client.door import PATIENCE_S
from apom.client.listening import listening
from apom.config import LIMITS, Settings
from apom.errors import (
    ApomError,
    Invalid,
    Misconfigured,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooMany,
    Unavailable,
)
from apom.models import (
    AssetType,
    BatchOrder,
    BoxKind,
    Channel,
    Deed,
    Digest,
    Event,
    InputRole,
    JobState,
    Judgement,
    Mark,
    NoticeKind,
    Opinion,
    Pin,
    Preset,
    Rights,
    Role,
    Scope,
    SourceType,
    Status,
    Take,
    Upload,
    Visibility,
    new_id,
)
from apom.net.ours import Connection, base, is_private
from apom.studio import DEFAULT_IMAGE, DEFAULT_VIDEO, Operator, Studio, Workspace
from apom.waiting import wait

GOOD = "seven tall ships at dawn"
BETTER = "nine small boats at dusk"
# what is different each time
CHANCE = dict.fromkeys(
    ("seed", "bytes", "sha256", "placeholder", "cover_placeholder", "generation_config", "external_task_id")
)


def public(kind: type) -> dict[str, inspect.Signature]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: inspect.signature(act) for name, act in found if not name.startswith("_")}


@pytest.mark.parametrize(("here", "there"), [(Workspace, RemoteWorkspace), (Operator, OperatorClient)])
def test_the_same_methods_with_the_same_signatures_and_words(here: type, there: type) -> None:
    ours, theirs = public(here), public(there)
    assert {name: theirs.get(name) for name in ours} == ours
    assert theirs.keys() - ours.keys() <= {"close"}
    for name in ours:
        assert getattr(there, name).__doc__ == getattr(here, name).__doc__


# one scene through both doors


class Witness:
    """Writes down what each method answered or raised; ids by their order of appearance, moments as such."""

    def __init__(self, ws: Workspace | RemoteWorkspace) -> None:
        self.ws = ws
        self.called: set[str] = set()
        self.seen: list[object] = []
        self._ids: dict[str, int] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: object, **kwargs: object) -> Any:
            self.called.add(name)
            try:
                found = getattr(self.ws, name)(*args, **kwargs)
            except ApomError as error:
                field = getattr(error, "field", None)
                self.seen.append((name, self._plain(args), type(error).__name__, str(error), field))
                return None
            self.seen.append((name, type(found).__name__, self._plain(found)))
            return found

        return call

    def _plain(self, found: object) -> object:
        match found:
            case BaseModel():
                return self._plain({name: getattr(found, name) for name in type(found).model_fields} | CHANCE)
            case Path():
                return found.read_bytes()
            case UUID():
                return f"id {self._ids.setdefault(str(found), len(self._ids))}"
            case datetime():
                return "then"
            case Mapping():
                return {str(self._plain(key)): self._plain(value) for key, value in found.items()}
            case str():
                return (
                    "secret"
                    if found.startswith(("apom_pat_", "whsec_")) or re.fullmatch(r"[\w-]{43}", found)
                    else self._key(found)
                )
            case Sequence() | list():
                return [self._plain(item) for item in found]
        return found

    def _key(self, text: str) -> str:
        """Keys hold an id and a hash of what was drawn; a link is another one wherever it is made."""
        text = re.sub(r"http://[\w.:]+/review\?token=[\w-]{43}", "a link", text)
        text = re.sub(r"(?<=-)[0-9a-f]{12}(?=[.])", "hash", text)
        text = re.sub(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda found: str(self._plain(UUID(found[0]))), text
        )
        return "cursor" if text.startswith("WyI") else text


KEYED = '{"type": "bearer", "secret": "EXTRA_API_KEY"}'


def settled(ws: Any, quiet_s: float = 2.5) -> None:
    """Until all there is to tell was told, and read: how often a batch is told depends on when it is looked at."""
    seen, since, end = 0, time.monotonic(), time.monotonic() + 30
    while not seen or time.monotonic() - since < quiet_s:
        assert time.monotonic() < end, "nothing was told"
        found = len(ws.notifications(limit=500).items)
        if found != seen:
            seen, since = found, time.monotonic()
        time.sleep(0.2)
    ws.mark_notifications_read()


def scene(w: Any) -> None:
    """Everything a person can do, and much that they cannot."""
    w.me()
    w.set_language("en")
    w.set_language("xx")
    w.set_system("registration_open", False)
    w.set_system("no_such_key", 1)
    w.system()
    w.add_user("mallory", GOOD)
    w.users("MALL", is_admin=False, is_active=True, limit=5)
    w.users(cursor="nonsense")
    w.change_user("mallory", is_active=False)
    w.set_monthly_limit("mallory", 5)
    w.set_monthly_limit("nobody", 5)
    w.reset_password("mallory", GOOD[::-1])
    w.audit(cursor="nonsense")
    w.balances()
    w.retention_plan()
    w.run_retention()
    w.retention_runs()
    w.sweeps()
    w.move_media()
    w.sweep(only_look=True)
    w.allowance()
    token, _ = w.create_token("notebook", days=7, scopes=[Scope.READ])
    w.create_token("")
    w.create_token("x", days=0)
    w.create_token("x", scopes=())
    w.tokens()
    w.revoke_token(token)
    w.revoke_token(token)
    assert len(w.ws.sessions()) == 1
    w.end_session(new_id())
    w.change_password(GOOD, "short")
    w.change_password("something else entirely", BETTER)
    w.change_password(GOOD, BETTER)

    w.providers()
    w.provider_file("sandbox")
    for provider in ("nobody", "../x", ""):
        w.provider_file(provider)
        w.set_active(provider, True)
        w.test_provider(provider)
    w.set_key("sandbox", "kie-0123456789")
    w.remove_key("sandbox")
    w.set_active("sandbox", True)
    w.set_address("sandbox", "http://10.0.0.1")
    w.set_address("sandbox", "nonsense", may_be_private=True)
    w.edit_provider("sandbox", "{")
    extra = w.ws.provider_file("sandbox").replace('"sandbox"', '"extra"').replace('{"type": "none"}', KEYED)
    w.edit_provider("extra", extra)
    w.set_key("extra", "short")
    w.set_key("extra", "kie-0123456789-abcd", name="OTHER_KEY")
    w.set_key("extra", "kie-0123456789-abcd")
    w.remove_key("extra", name="EXTRA_API_KEY")
    w.remove_key("extra")
    w.set_address("extra", "https://extra.example")
    w.reset_provider("extra")
    w.reset_provider("extra")
    w.test_provider("sandbox")
    w.dry_run("sandbox/sandbox-image", "a boat", {"seed": 7})
    w.dry_run("no/such", "x")

    project = w.create_project("Lighthouse", fps=25, notes="rain {and} wind", budget=10.5)
    w.create_project("")
    w.create_project("x", budget=-1)
    w.create_project("x" * 121)
    w.create_project("x", nonsense=1)
    w.project(project)
    w.project(str(project.id))
    w.project(new_id())
    w.project("no id at all")
    w.update_project(project, name="The lighthouse", budget=None)
    w.update_project(project, fps=0)
    w.update_project(project, is_archived="perhaps")
    w.set_member(project, "nobody", Role.VIEWER)
    w.set_member(project, "victor", Role.OWNER)
    members = w.set_member(project, "victor", Role.VIEWER)
    w.members(project)
    w.remove_member(project, w.ws.actor.user_id)
    w.remove_member(project, next(m.user_id for m in members if m.username == "victor"))

    one = w.create_box(project, "One", kind=BoxKind.SHOT, code="A1", prompt_text="harbour", duration_s=2.5)
    w.create_box(project, "One again", code="A1")
    w.create_box(project, "x", code="not a code at all")
    w.create_box(project, "x", in_s=-1)
    two, three = w.create_boxes(project, ["Two", "Three"])
    reference = w.create_boxes(project, ["Cast"], kind=BoxKind.REFERENCE)[0]
    w.create_boxes(project, [])
    w.create_boxes(project, ["fine", ""])
    w.create_boxes(project, ["fine", "x" * 200])
    listed = b"Code;Name;Prompt\nA1;One;harbour\nA2;Two more;waves\nA2;Again;\n"
    w.plan_shots(project, listed, update=True)
    w.plan_shots(project, b"nothing")
    w.plan_shots(project, listed, leave_out=["nonsense"])
    w.import_shots(project, listed)
    w.import_shots(project, listed.replace(b"A2;Again;\n", b""), update=True, leave_out=["prompt_text"])
    w.import_shots(project, "no such file.csv")
    w.import_shots(new_id(), listed)
    w.box(one)
    w.update_box(one, line="“Aye.”", out_s=1)
    w.update_box(one, order_index=3)
    w.update_box(one, in_s=2, out_s=2)
    w.update_box(one, assignee_id=w.ws.actor.user_id)
    w.update_box(one, assignee_id=new_id())
    w.update_project(project, soundtrack_asset_id=new_id())
    w.reorder_boxes(project, [three, two, one])
    w.reorder_boxes(project, [three])
    w.move_box(one, -5)
    w.move_box(reference, 1)
    w.get_project_boxes(project)
    w.get_project_boxes(project, kind=BoxKind.REFERENCE)

    w.models()
    fixed = {"seed": 7}
    ordered = w.generate(one, "harbour at dawn", params=fixed, n=2, token="once-and-only-once")
    again = w.ws.generate(one, "harbour at dawn", params=fixed, n=2, token="once-and-only-once")
    assert [take.id for take in again] == [take.id for take in ordered]
    w.generate(one, "another", token="once-and-only-once")
    w.generate(one, "x", n=0)
    w.generate(one, "harbour", with_style=False, token="without-a-style")
    w.generate(one, "x", token="short")
    w.generate(one, "x", model="no/such")
    w.generate(one, "x" * 20_001)
    w.generate(one, "x", model="sandbox/sandbox-video", inputs=[(InputRole.FIRST_FRAME, new_id())])
    w.generate(new_id(), "x")
    made = w.create_asset(two, "a boat", params=fixed)
    takes = w.wait([*ordered, made, ordered[0]], timeout_s=60)
    w.wait([], timeout_s=0)
    w.wait([new_id()])
    first = takes[0]

    with TemporaryDirectory() as folder:
        picture, words = Path(folder) / "corner.png", Path(folder) / "words.png"
        corner().save(picture)
        words.write_text("<html>")
        whole_id, part_id = new_id(), new_id()
        rights = Rights(owner="Ann", licence="CC BY 4.0")
        w.upload(reference, picture, name="../the corner.png", rights=rights, upload_id=whole_id)
        w.upload(reference, picture, upload_id=whole_id)
        w.upload(two, picture, upload_id=whole_id)
        w.upload(reference, words)
        w.upload(reference, "no such file.png")
        w.upload(new_id(), picture)
        w.received(reference, whole_id)
        content = picture.read_bytes()
        begun = Upload(id=part_id, size=len(content))
        w.receive(reference, begun, [content[:10], content[10:20]])
        w.received(reference, part_id)
        w.receive(reference, begun.model_copy(update={"offset": 30}), [content[30:]])
        w.receive(reference, begun.model_copy(update={"offset": 20}), iter([content[20:]]))
        w.receive(reference, Upload(size=10**12), [b""])
        w.known_files(project, [sha256(content).hexdigest(), "0" * 64])
        w.known_files(new_id(), [])
        song = sound(Path(folder) / "song.mp3")
        w.sound_box(project)
        w.sound_box(new_id())
        w.set_soundtrack(project, song, rights=rights)
        w.set_soundtrack(project, picture)
        w.set_soundtrack(new_id(), song)
        w.upload(two, song)
        w.set_soundtrack(project, None)
    whole = w.asset(first)
    w.file(first, whole.file_key.rsplit("/", 1)[1])
    w.file(first, whole.thumb_key.rsplit("/", 1)[1])
    w.file(first, "original-000000000000.png")
    w.file(first, "../../apom.duckdb")
    w.file(new_id(), whole.file_key.rsplit("/", 1)[1])
    page = w.get_box_assets(one, limit=1)
    w.ws.get_box_assets(one, limit=1, cursor=page.next)
    w.get_box_assets(one, status=Status.FAILED, favorites=True, min_rating=3)
    w.get_box_assets(one, cursor="nonsense")
    w.get_assets([first, made, new_id()])
    w.get_assets([new_id()] * 201)
    w.search_assets("harbour -boat", project=project, min_rating=0, since=whole.created_at - timedelta(days=1))
    w.search_assets(project=project, trashed=True)
    w.search_assets("x" * 501)
    w.search_assets(project=new_id())
    w.mark([Mark(asset_id=first.id, rating=4, is_favorite=True), Mark(asset_id=new_id(), rating=1)])
    w.mark([])
    w.count_assets(box=one)
    w.count_assets("harbour", project=project, min_rating=4)
    w.count_assets(project=new_id())
    w.mark_all(Judgement())
    w.mark_all(Judgement(rating=1), project=new_id())
    job = w.ws.mark_all(Judgement(rating=2), "harbour", project=project, status=Status.FAILED)
    w.called.add("mark_all")
    deadline = time.monotonic() + 20
    while w.ws.job(job).state is not JobState.DONE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    w.job(job)
    w.job(new_id())
    w.jobs()
    w.jobs(project, limit=1)
    w.jobs(cursor="nonsense")
    w.storage()
    for look in (w.storage, w.retention_plan, w.leaving, w.empty_trash):
        look(project)
        look(new_id())
    w.rebuild_media(new_id())
    w.called.add("rebuild_media")
    rebuilt = w.ws.rebuild_media(short := w.ws.create_project("Rebuilt"))
    while w.ws.job(rebuilt).state is not JobState.DONE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    w.delete_project(short)
    for act in (w.cancel_job, w.pause_job, w.resume_job, w.undo_job):
        act(job)
        act(new_id())
    w.get_favorite_assets(project)
    w.get_favorite_assets()
    w.update_asset(first, rating=5, tags=["storm", "night"])
    w.update_asset(first, rating=6)
    w.update_asset(first, status="FAILED")
    w.toggle_favorite(first)
    w.set_headliner(one, first)
    w.set_headliner(one, made)
    w.set_headliner(one, None)
    for act in (w.cancel, w.check_again, w.retry_download, w.give_up, w.keep):
        act(first)
    w.paste_task_id(first, "t1")
    w.paste_task_id(first, "")
    w.regenerate(first, may_bill_again=False)
    w.regenerate(first, may_bill_again=True)
    w.frame(first)
    w.frame(first, 0.5, box=new_id())
    w.spending(project)
    w.spending(new_id())
    w.statement(project=project)
    w.statement(since=datetime(2026, 1, 1))
    w.statement_csv(project=new_id())
    w.statement_csv(since=datetime(2026, 1, 1))
    assert w.ws.statement_csv(project=project).startswith("month,provider,")
    w.statement(since=whole.created_at - timedelta(days=1))
    w.queue(project=project)
    w.queue(status=Status.COMPLETED)
    w.queue(status=Status.FAILED, created_by=w.ws.actor.user_id)
    w.queue_items([])
    w.queue_items([first, new_id()])
    w.queue_summary()
    w.decide([], Deed.CANCEL)
    w.decide([first, new_id(), first], Deed.CANCEL)
    w.decide([first], Deed.REGENERATE, may_bill_again=True)
    w.spending_by_day(project=project)
    w.spending_by_day(since=datetime(2026, 1, 1))
    assert "sandbox" in {health.provider for health in w.ws.provider_health()}

    order = BatchOrder(prompts=("{dawn|dusk}",), models=(DEFAULT_IMAGE,), boxes=(one, two), seeds=(1,), name="Light")
    w.estimate_batch(project, order)
    w.estimate_batch(new_id(), order)
    batch = w.order_batch(project, order, token="twice-is-once")
    assert w.ws.order_batch(project, order, token="twice-is-once").id == batch.id
    refused = BatchOrder(prompts=("", "{a|b}"), models=("no/such", DEFAULT_VIDEO), boxes=(new_id(),), params={"x": 1})
    w.estimate_batch(project, refused)
    w.order_batch(project, refused)
    w.order_batch(project, refused, token="twice-is-once")
    w.wait(batch, timeout_s=60)
    w.search_assets(batch=batch)
    w.search_assets(batch=new_id())
    for look in (w.batch, w.pause_batch, w.resume_batch, w.cancel_batch, w.retry_batch):
        look(batch)
        look(new_id())
    w.batches()
    w.batches(project, limit=1)
    w.batches(cursor="nonsense")

    w.set_headliner(two, made)
    assert len(w.ws.mosaics([project])[project.id]) == 3
    w.mosaics([])
    w.export_docx(
        new_id(), Path(__file__), cost=True
    )  # what is written differs by ids and moments: tests/test_export.py
    w.download(new_id(), Path(__file__), metadata=True)  # tests/test_downloads.py has the rest
    w.export_csv(new_id(), Path(__file__), table="takes")
    w.export_pdf(new_id(), Path(__file__), layout="script", which="favourites")
    w.export_xlsx(new_id(), Path(__file__), pictures=True)
    w.export_rights(new_id(), Path(__file__), which="round")
    w.export_rights(new_id(), Path(__file__), as_table=True)
    w.export_docx(project, Path(__file__), review_link="javascript:alert(1)")
    w.export_animatic(new_id(), Path(__file__), still_s=0.2)
    w.export_archive(new_id(), Path(__file__))
    w.import_archive(Path(__file__))
    w.receive_archive(new_id(), [b"hello"], size=9)
    archive_id = new_id()
    w.receive_archive(archive_id, [b"PK"], size=9)
    w.archive_received(archive_id)
    w.export_zip(new_id(), Path(__file__), what="all")
    w.export_cut(new_id(), Path(__file__))
    w.export(project, "nothing", Path(__file__))
    w.export(project, "docx", Path(__file__), nothing=True)
    w.order_export(project, "docx", seeds="perhaps")
    w.order_export(project, "docx", seeds=True)
    w.export_file(new_id(), Path(__file__))
    w.export_formats()
    w.remember_export("docx", seeds=True)
    w.remember_export("docx", nothing=True)
    w.export_formats()
    round = w.publish_round(project, "first look")
    w.rounds(project)
    w.rounds(new_id())
    w.round_shots(round)
    w.round_shots(new_id())
    until = whole.created_at.date() + timedelta(days=3)
    link = w.create_link(project, "client", until=until, password="seven ships", can_download=True).link
    w.create_link(project, "client", days=0)
    w.create_link(project, "client", until=until - timedelta(days=30))
    w.create_link(project, "client", password="short")
    w.create_link(project, "")
    assert len(w.ws.links(project)) == len(w.ws.links(live=True)) == 2
    w.links(new_id())
    w.change_link(link, can_comment=False, show_prompts=True)
    w.change_link(new_id(), can_comment=False)
    w.link_activity(link)
    w.link_activity(new_id())
    said = w.add_comment(made, "softer {light}\n“here”", region=Pin(x=0.25, y=0.5), visibility=Visibility.CLIENT)
    w.add_comment(made, "agreed", answers=said)
    for wrong in ({"text": ""}, {"text": "x", "timecode_s": 1.0}, {"text": "x", "answers": new_id()}):
        w.add_comment(made, **wrong)
    w.edit_comment(said, "much softer")
    w.edit_comment(new_id(), "x")
    w.comments(box=two)
    w.comments(asset=made, unresolved=True, limit=1)
    w.comments()
    w.comments(project=new_id())
    w.mark_comments([said, new_id()], is_read=True, is_resolved=True, is_hidden=True)
    w.mark_comments([new_id()] * 201, is_read=True)
    w.give_verdict(two, Opinion.APPROVED)
    w.give_verdict(reference, Opinion.APPROVED)
    w.verdicts(project)
    w.verdicts(project, box=two)
    w.inbox(project=project, is_read=False)
    w.inbox(cursor="nonsense")
    w.unread()
    w.delete_comment(said)
    w.delete_comment(said)
    w.notification_settings()
    w.set_notification_settings({NoticeKind.COMMENT: [Channel.MAIL, Channel.APP]}, digest=Digest.DAILY)
    w.set_notification_settings({NoticeKind.WEBHOOK: []})
    w.set_email("nora@example.com")
    w.set_email("no address")
    w.send_test_mail()
    settled(w.ws)
    w.notifications(unread=True, limit=1)
    w.notifications(cursor="nonsense")
    w.notification(new_id())
    w.unread_notifications()
    w.mark_notifications_read([new_id()])
    w.mark_notifications_read()
    w.add_webhook("chat", "http://chat.example.com/hooks/1")
    w.add_webhook("chat", "https://10.0.0.5/hooks/1")
    w.add_webhook("chat", "https://chat.example.com/1", preset=Preset.TELEGRAM)
    w.add_webhook("chat", "https://chat.example.com/1", template='{"text": "{no_such}"}')
    webhook = w.add_webhook("chat", "https://chat.invalid/hooks/1", preset=Preset.SLACK).webhook
    w.change_webhook(webhook, template='{"text": "{title}"}')
    w.change_webhook(new_id(), is_active=False)
    w.test_webhook(webhook)
    w.webhooks()
    w.delete_webhook(webhook)
    w.delete_webhook(webhook)
    w.revoke_link(link)
    w.revoke_link(new_id())
    w.edit(first, "make it {night}\nwith snow 🌨", token="edited-once-and-only-once")
    w.edit(first, "")
    w.continue_shot(one)
    w.continue_shot(two, clip=first, into=one, adds_shot=True)
    clip = w.animate(first, "slow pan")
    w.animate(clip)
    w.again(made)
    w.delete_asset(first)
    w.delete_asset(made)
    w.delete_box(three)
    sample = w.create_sample_project()
    w.delete_project(sample)
    short_lived = w.create_project("Short-lived")
    w.delete_project(short_lived)
    w.delete_project(short_lived)
    assert [found.id for found in w.ws.projects().items] == [sample.id, project.id]
    w.projects(archived=True, limit=1)
    w.projects(cursor="nonsense")
    w.logout()


@dataclass(frozen=True)
class House:
    """A running server with its operator's door."""

    url: str
    data: Path
    said: list[str]
    operator: OperatorClient

    def token(self, name: str, **options: Any) -> str:
        """An API token of somebody, whose account is made when it is not there."""
        if name not in {user.username for user in self.operator.users()}:
            self.operator.add_user(name, GOOD)
        return self.operator.create_token(name, "test", **options)[1]

    def connect(self, name: str, **options: Any) -> RemoteWorkspace:
        return connect(self.url, self.token(name, **options))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("client") / "data"
    with testing.server(data, sandbox_image_s="0.1", sandbox_video_s="0.1", orders_a_minute="600") as app:
        run = runfile.read(data)
        assert run is not None
        yield House(app.url, data, app.said, OperatorClient(run.url, run.token))


@pytest.fixture(scope="module")
def anna(house: House) -> Iterator[RemoteWorkspace]:
    """Somebody with a token that may do everything."""
    with house.connect("anna") as anna:
        yield anna


@pytest.fixture(scope="module")
def picture(anna: RemoteWorkspace) -> Take:
    """A take of anna's that has arrived."""
    box = anna.create_box(anna.create_project("P"), "one")
    return anna.wait([anna.create_asset(box, "harbour")], timeout_s=60)[0]


@pytest.mark.usefixtures("full_pictures")
def test_one_scene_through_both_doors_is_the_same(house: House, settings: Settings) -> None:
    with Studio.open(settings) as studio:
        studio.register("nora", GOOD)
        studio.operator().add_user("victor", GOOD)
        token, _ = studio.login("nora", GOOD)
        actor = studio.resolve(token=token)
        assert actor is not None
        here = Witness(studio.workspace(actor))
        scene(here)
    house.operator.add_user("nora", GOOD)
    house.operator.change_user("nora", is_admin=True)
    house.token("victor")
    with RemoteStudio(house.url) as studio_there, studio_there.login("nora", GOOD) as nora:
        there = Witness(nora)
        scene(there)
    different = [(ours, theirs) for ours, theirs in zip(here.seen, there.seen, strict=True) if ours != theirs]
    assert different == []
    assert public(Workspace).keys() - here.called == {"sessions", "provider_health", "events"}


# tokens on a running server


def until(refused: type[ApomError], act: Callable[[], object], within_s: float = 5.0) -> float:
    """Seconds until `act` raises."""
    begin = time.monotonic()
    while (took := time.monotonic() - begin) < within_s:
        try:
            act()
        except refused:
            return took
        time.sleep(0.05)
    raise AssertionError(f"it still works after {within_s} s")


def test_a_revoked_token_a_deactivated_person_and_a_reset_password_end_at_once(house: House) -> None:
    house.token("bella")  # the first account of a house is its admin, and has to stay
    house.operator.change_user("bella", is_admin=True)
    for end in (
        lambda ws: house.operator.revoke_token(ws.tokens()[0]),
        lambda ws: house.operator.change_user("carl", is_active=False),
        lambda ws: house.operator.reset_password("carl", BETTER),
    ):
        with house.connect("carl") as ws:
            end(ws)
            assert until(NotSignedIn, ws.me) < 3
            for act in (ws.projects, lambda: ws.file(new_id(), "original-0123456789ab.png")):
                with pytest.raises(NotSignedIn, match="has ended, or never was"):
                    act()
        house.operator.change_user("carl", is_active=True)


def test_a_stranger_with_a_token_is_a_stranger(house: House, picture: Take) -> None:
    with house.connect("bob") as bob:
        for act in (
            lambda: bob.project(picture.project_id),
            lambda: bob.asset(picture),
            lambda: bob.file(picture, str(picture.file_key).rsplit("/", 1)[1]),
            lambda: bob.wait([picture]),
            lambda: bob.events(picture.project_id).__enter__(),
        ):
            with pytest.raises(NotFound):
                asyncio.run(_call(act))
        assert bob.get_assets([picture]) == ()


async def _call(act: Callable[[], object]) -> object:
    return act()


def test_a_reading_token_reads(house: House, anna: RemoteWorkspace) -> None:
    project = anna.create_project("mine")
    with house.connect("anna", scopes=[Scope.READ]) as reader:
        assert reader.project(project) == project
        with pytest.raises(NotAllowed, match="may only read"):
            reader.update_project(project, notes="x")
        with pytest.raises(NotAllowed, match="Sign in with your password"):
            reader.create_token("more")


def test_a_token_opens_what_a_session_opens_and_nothing_else(house: House) -> None:
    secret = house.token("anna")
    with httpx.Client(base_url=house.url, trust_env=False) as browser:
        as_bearer = {"Authorization": f"Bearer {secret}"}
        assert browser.get("/api/session", headers=as_bearer).json()["username"] == "anna"
        assert browser.get("/api/session", headers={"Cookie": f"apom_session={secret}"}).status_code == 401
        assert browser.get("/api/operator/users", headers=as_bearer).status_code == 401
        foreign = {"Origin": "https://evil.example", **as_bearer}
        assert browser.post("/api/projects", headers=foreign, json={"name": "x"}).status_code == 403


def test_a_token_is_in_no_log_line_no_error_and_no_repr(house: House, caplog: pytest.LogCaptureFixture) -> None:
    secret = house.token("anna")
    with caplog.at_level(logging.DEBUG), httpx.Client(base_url=house.url, trust_env=False, timeout=20) as browser:
        with connect(house.url, secret) as ws:
            assert secret not in repr(ws) + repr(vars(ws)) + repr(vars(ws._door.connection._client))
            asyncio.run(_hear_one(ws, ws.create_project("P").id))
        with RemoteStudio(house.url) as studio, studio.login("anna", GOOD) as session:
            session.logout()
        answers = [
            browser.get(path, headers={"Authorization": f"Bearer {secret}"}).text
            for path in (f"/api/projects/{secret}", f"/api/session?token={secret}", "/api/nothing", "/", f"/{secret}x")
        ]
    said = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert not [line for line in said if secret[9:] in line or "apom_session=" in line]
    assert not [text for text in answers if secret in text]
    assert not [line for line in house.said if secret[9:] in line]


async def _hear_one(ws: RemoteWorkspace, project: UUID) -> Event:
    with ws.events(project) as heard:
        await asyncio.to_thread(ws.update_project, project, notes="x")
        return await asyncio.wait_for(heard.next(), 5)


# signing in


def test_register_and_login_over_http(house: House, tmp_path: Path) -> None:
    with RemoteStudio(house.url) as studio:
        assert studio.health().store
        house.token("anna")
        house.operator.change_user("anna", is_admin=True)
        with house.connect("anna") as admin:
            admin.set_system("registration_open", True)
            user = studio.register("Eve", GOOD, email="eve@example.org")
            admin.set_system("registration_open", False)
        assert (user.username, user.email) == ("Eve", "eve@example.org")
        with pytest.raises(NotAllowed, match="closed"):
            studio.register("mallory", GOOD)
        with pytest.raises(NotSignedIn, match="wrong"):
            studio.login("eve", "something else entirely")
        eve = studio.login("eve", GOOD)
        assert eve.me() == user
        assert [session.agent for session in eve.sessions()] == ["apom"], "registering signed nobody in"
        assert (eve.actor.username, GOOD in repr(eve)) == ("Eve", False)
        eve.logout()
        with pytest.raises(NotSignedIn):
            eve.me()


def test_a_wrong_token_is_said_at_once(house: House) -> None:
    with pytest.raises(NotSignedIn, match="Make a token on your account page"):
        connect(house.url, "apom_pat_" + "x" * 43)
    for torn in ("apom_pat_\nx", "жетон"):
        with pytest.raises(NotSignedIn, match="Copy it again"):
            connect(house.url, torn)
    with connect(house.url, f" {house.token('anna')}\n") as ws:
        assert ws.me().username == "anna", "space around it is what a terminal copies along"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8501/box?id=1", "http://127.0.0.1:8501"),
        (" HTTPS://Films.Example/ ", "https://films.example"),
        ("https://films.example:443", "https://films.example"),
        ("http://[::1]:8501", "http://[::1]:8501"),
    ],
)
def test_an_address_is_taken_as_a_browser_shows_it(url: str, address: str) -> None:
    assert base(url) == address
    assert is_private(address)


@pytest.mark.parametrize(
    "url", ["", "films.example", "ftp://a.b", "http://", "http://me:pw@a.b", "http://a.b:x", "http://[::1"]
)
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(Misconfigured, match="as a browser shows it"):
        RemoteStudio(url)


@pytest.mark.parametrize("url", ["http://films.example", "http://127.evil.example", "http://10.0.0.7:8501"])
def test_no_secret_goes_out_in_the_clear_unless_somebody_says_so(url: str) -> None:
    with pytest.raises(Misconfigured, match="insecure=True"):
        connect(url, "apom_pat_x")
    with pytest.raises(Misconfigured):
        RemoteStudio(url)
    with RemoteStudio(url, insecure=True) as studio:
        assert repr(studio) == f"<apom at {url}>"


# the ways of a network


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as server:
        server.on("GET", "/api/session", said(ME))
        yield server


ME = {
    "id": "8b4bf3b5-2f0e-4b61-9ba7-0bd7f2b2b9d3",
    "username": "anna",
    "created_at": "2026-11-23T12:00:00Z",
    "updated_at": "2026-11-23T12:00:00Z",
    "something_new": "a later server says more",
}
BOX = "0b4bf3b5-2f0e-4b61-9ba7-0bd7f2b2b9d3"


def test_reading_is_tried_once_more_when_the_connection_breaks(server: Loopback) -> None:
    with connect(server.url, "t") as ws:
        server.on("GET", "/api/session", closes, said(ME))
        assert ws.me().username == "anna"
        server.on("GET", "/api/session", closes)
        with pytest.raises(Unavailable, match="was lost"):
            ws.me()
    assert server.count("GET", "/api/session") == 1 + 2 + 2


def test_changing_is_sent_once_and_the_doubt_is_said(server: Loopback) -> None:
    server.on("POST", "/api/projects", closes)
    with connect(server.url, "t") as ws, pytest.raises(Unavailable, match="look before you ask again"):
        ws.create_project("P")
    assert server.count("POST", "/api/projects") == 1


def test_an_order_whose_answer_was_lost_is_placed_again_under_the_same_token(server: Loopback) -> None:
    path = f"/api/boxes/{BOX}/generate"
    server.on("POST", path, closes, said([]))
    with connect(server.url, "t") as ws:
        assert ws.generate(BOX, "harbour") == ()
        assert ws.generate(BOX, "harbour") == ()
    first, again, another = (seen.json["token"] for seen in server.seen if seen.path == path)
    assert first == again != another


def test_an_order_is_paid_once_on_the_real_server(anna: RemoteWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    box = anna.create_box(anna.create_project("P"), "one")
    exchange, lost = Connection._exchange, [True]

    def lose(self: Connection, request: Any, take: Any) -> Any:
        reply = exchange(self, request, take)
        if request.url.path.endswith("/generate") and lost.pop():
            raise httpx.ReadError("the answer was lost")
        return reply

    lost.insert(0, False)
    monkeypatch.setattr(Connection, "_exchange", lose)
    ordered = anna.generate(box, "harbour", n=2)
    assert {take.id for take in ordered} == {take.id for take in anna.get_box_assets(box).items}


def test_silence_has_an_end_and_is_not_tried_again(server: Loopback) -> None:
    server.on("GET", "/api/session", hangs)
    with closing(Connection(server.url, timeout_s=0.2)) as connection, pytest.raises(Unavailable, match="was lost"):
        connection.ask("GET", "/api/session", is_safe=True)
    assert server.count("GET", "/api/session") == 1


def test_who_comes_too_often_waits_and_comes_again(server: Loopback) -> None:
    server.on(
        "POST",
        "/api/projects/sample",
        said({"code": "too_many", "detail": "Wait."}, 429, Retry_After="0"),
        said({}, 500),
    )
    with connect(server.url, "t") as ws, pytest.raises(ApomError, match=r"error \(500\)"):
        ws.create_sample_project()
    assert server.count("POST", "/api/projects/sample") == 2


def test_nobody_waits_for_ever_or_for_another_try_at_a_password(server: Loopback) -> None:
    wait = said({"code": "too_many", "detail": "Try again in {some} s."}, 429, Retry_After=str(int(PATIENCE_S) + 1))
    server.on("POST", "/api/projects/sample", wait)
    server.on("POST", "/api/session", said({"code": "too_many", "detail": "Wait."}, 429, Retry_After="1"))
    with connect(server.url, "t") as ws, pytest.raises(TooMany, match="some") as refused:
        ws.create_sample_project()
    assert refused.value.retry_after_s == PATIENCE_S + 1
    with RemoteStudio(server.url) as studio, pytest.raises(TooMany):
        studio.login("anna", GOOD)


def test_what_is_not_apom_is_said(server: Loopback) -> None:
    for reply in (
        answer("<h1>Welcome</h1>"),
        said({"other": 1}),
        answer("", 302, Location="https://elsewhere.example"),
    ):
        server.on("GET", "/api/session", reply)
        with pytest.raises(ApomError) as refused:
            connect(server.url, "t")
        assert "cannot be read" in str(refused.value) or "(302)" in str(refused.value)
    assert all("elsewhere" not in seen.path for seen in server.seen)
    with pytest.raises(Unavailable, match="running"):
        connect(refused_url(), "t")


def test_what_cannot_be_sent_is_invalid(server: Loopback) -> None:
    with connect(server.url, "t") as ws:
        for value in (float("nan"), "\ud800", object()):
            with pytest.raises(Invalid):
                ws.generate(BOX, "x", params={"strange": value})  # type: ignore[dict-item]


def test_many_threads_share_one_connection(anna: RemoteWorkspace) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert {user.username for user in pool.map(lambda _: anna.me(), range(40))} == {"anna"}


# files


def test_a_file_is_fetched_once_into_a_private_folder_that_goes_with_the_workspace(house: House) -> None:
    with house.connect("anna") as ws:
        take = ws.wait([ws.create_asset(ws.create_box(ws.create_project("P"), "one"), "harbour")], timeout_s=60)[0]
        name = str(take.file_key).rsplit("/", 1)[1]
        path, mime = ws.file(take, name)
        before = path.stat().st_mtime_ns
        assert (mime, path.stat().st_size) == ("image/png", take.bytes)
        assert ws.file(take, name) == (path, mime)
        assert path.stat().st_mtime_ns == before, "the server said that it has not changed"
        folder = path.parent.parent
        assert {stat.S_IMODE(each.stat().st_mode) for each in (path.parent, folder)} == {0o700}
        ws.delete_asset(take)
        with pytest.raises(NotFound):
            ws.file(take, name)
        assert not path.exists()
    assert not folder.exists()


def test_a_given_folder_is_kept(house: House, picture: Take, tmp_path: Path) -> None:
    with connect(house.url, house.token("anna"), cache=tmp_path / "deep" / "cache") as ws:
        path, _ = ws.file(picture, str(picture.thumb_key).rsplit("/", 1)[1])
    assert path.is_relative_to(tmp_path / "deep" / "cache")
    assert path.read_bytes()[:4] == b"RIFF"
    assert stat.S_IMODE((tmp_path / "deep" / "cache").stat().st_mode) == 0o700


def test_half_a_file_is_no_file(server: Loopback, tmp_path: Path) -> None:
    name = "original-0123456789ab.png"
    server.on("GET", f"/app/static/m/{BOX}/{name}", raw(b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nhalf"))
    with connect(server.url, "t", cache=tmp_path) as ws, pytest.raises(Unavailable, match="was lost"):
        ws.file(BOX, name)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# live


def test_events_come_over_the_socket_until_the_token_ends(house: House) -> None:
    secret = house.token("dora")
    with connect(house.url, secret) as ws:
        project = ws.create_project("P")
        box = ws.create_box(project, "one")

        async def listen() -> None:
            with ws.events(project) as heard:
                take = await asyncio.to_thread(ws.create_asset, box, "harbour")
                seen: list[Status | None] = []
                while not seen or seen[-1] is not Status.COMPLETED:
                    event = await asyncio.wait_for(heard.next(), 20)
                    assert (event.asset_id, event.project_id) == (take.id, project.id)
                    seen.append(event.status)
                assert seen[0] is Status.PENDING, "nothing between the opening and the first event is lost"
                for token in house.operator.tokens("dora"):
                    await asyncio.to_thread(house.operator.revoke_token, token)
                with pytest.raises(NotSignedIn):
                    await asyncio.wait_for(heard.next(), 8)

        asyncio.run(listen())
    assert "apom-events" not in {thread.name for thread in threading.enumerate()}


def test_a_socket_that_breaks_is_opened_anew_and_says_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apom.client.listening.AGAIN_S", 0.05)
    project = new_id()
    hello = Event(type="hello", project_id=project)
    opened: list[ServerConnection] = []

    def talk(socket: ServerConnection) -> None:
        opened.append(socket)
        socket.send(hello.model_dump_json())
        socket.send(Event(type="boxes_changed", project_id=project, version=len(opened)).model_dump_json())
        if len(opened) == 1:
            socket.close()
        with suppress(ConnectionClosed):
            socket.recv()

    async def listen(connection: Connection) -> None:
        refusals = iter([None, Unavailable("It restarts."), None])
        with listening(connection, project, lambda: _raise(next(refusals))) as heard:
            told = [await asyncio.wait_for(heard.next(), 5) for _ in range(3)]
        assert [(event.type, event.version) for event in told] == [
            ("boxes_changed", 1),
            ("hello", 0),
            ("boxes_changed", 2),
        ]

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        with closing(Connection(f"http://127.0.0.1:{port}", token="t")) as connection:
            asyncio.run(listen(connection))
        server.shutdown()
        thread.join(5)
    assert [socket.request.headers["Authorization"] for socket in opened if socket.request] == ["Bearer t"] * 2


def _raise(error: ApomError | None) -> None:
    if error is not None:
        raise error


# waiting


def take(status: Status, id: UUID | None = None) -> Take:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return Take(
        id=id or new_id(),
        project_id=new_id(),
        box_id=new_id(),
        number=1,
        asset_type=AssetType.IMAGE,
        source_type=SourceType.GENERATED,
        status=status,
        created_by=new_id(),
        created_at=now,
        updated_at=now,
    )


def test_waiting_looks_after_those_on_their_way_and_tells_of_all() -> None:
    done, slow = take(Status.FAILED), take(Status.PENDING)
    looks: list[list[UUID]] = []
    told: list[tuple[Take, ...]] = []

    def look(ids: Sequence[UUID]) -> tuple[Take, ...]:
        looks.append(list(ids))
        return tuple(
            t for t in (take(Status.COMPLETED if len(looks) > 2 else Status.PROCESSING, slow.id), done) if t.id in ids
        )

    found = wait(look, [slow.id, done.id, slow.id], timeout_s=None, on_change=told.append)
    assert [t.id for t in found] == [slow.id, done.id, slow.id]
    assert looks == [[slow.id, done.id], [slow.id], [slow.id]]
    assert [[t.status for t in takes[:2]] for takes in told] == [
        [Status.PROCESSING, Status.FAILED],
        [Status.PROCESSING, Status.FAILED],
        [Status.COMPLETED, Status.FAILED],
    ]


def test_waiting_asks_for_as_many_at_once_as_may_be_asked_for() -> None:
    takes = {t.id: t for t in (take(Status.COMPLETED) for _ in range(2 * LIMITS.marks + 1))}
    asked: list[int] = []

    def look(ids: Sequence[UUID]) -> tuple[Take, ...]:
        asked.append(len(ids))
        return tuple(takes[id] for id in ids)

    assert len(wait(look, list(takes), timeout_s=0, on_change=None)) == len(takes)
    assert asked == [LIMITS.marks, LIMITS.marks, 1]


def test_waiting_has_an_end_that_loses_nothing() -> None:
    slow = take(Status.PROCESSING)
    with pytest.raises(Unavailable, match=r"1 takes are still on their way after 0.1 s.*nothing is lost"):
        wait(lambda _: (slow,), [slow.id], timeout_s=0.1, on_change=None)
    answers = iter([(slow,), ()])
    with pytest.raises(NotFound):
        wait(lambda _: next(answers), [slow.id], timeout_s=None, on_change=None)
