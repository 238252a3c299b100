"""Signed posts: against a real server on loopback. Their form, their signature, their patience; and where none go."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock, let_in, person
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback, Seen, answer, hangs, raw, refused_url
from test_comments import take_of
from test_idor import arrived

from apom import webhooks
from apom.config import LIMITS, Settings
from apom.errors import Conflict, Invalid, Misconfigured, NotAllowed, NotFound, TooMany, Unavailable
from apom.models import Actor, Box, Channel, MadeWebhook, NoticeKind, Preset, Role, Scope
from apom.studio import Studio, Workspace
from apom.webhooks import AGAIN, NAMES, check_template, filled, template_text


@dataclass
class House:
    """alice's film, victor who has it posted, and where it arrives."""

    studio: Studio
    clock: Clock
    server: Loopback
    alice: Workspace
    victor: Workspace
    box: Box

    def hook(self, path: str = "/hook", **options: Any) -> MadeWebhook:
        return self.victor.add_webhook("chat", self.server.url + path, **options)

    def says(self, text: str = "softer") -> None:
        self.alice.add_comment(take_of(self.box), text)
        self.studio.telling.derive()

    def post(self, **by: float) -> int:
        self.clock.move(**by)
        return asyncio.run(self.studio.webhooks.post_due())

    def got(self, path: str = "/hook") -> list[Seen]:
        return [seen for seen in self.server.seen if seen.path == path]


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    with Loopback() as server:
        settings = Settings(
            data_dir=tmp_path / "data",
            public_url="https://films.example.com",
            webhook_hosts=f"{server.url.removeprefix('http://')}, {refused_url().removeprefix('http://')}",
        )
        server.on("POST", "/hook", answer("", 204))
        with Studio.open(settings, engine=False, clock=clock) as studio:
            alice, victor = (studio.workspace(person(studio, name)) for name in ("alice", "victor"))
            project = alice.create_project("Film")
            let_in(alice, project, "victor", Role.VIEWER)
            box = alice.create_box(project, "Harbour")
            alice.set_headliner(box, arrived(studio, alice, box))  # type: ignore[arg-type]
            yield House(studio, clock, server, alice, victor, alice.box(box))


def is_signed(seen: Seen, secret: str) -> bool:
    """As the specification of Standard Webhooks says, written anew."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{seen.headers['webhook-id']}.{seen.headers['webhook-timestamp']}.".encode() + seen.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in seen.headers["webhook-signature"].split()


def test_a_comment_is_posted_once_signed_and_filled(house: House) -> None:
    made = house.hook()
    house.says('"quoted", {title} and\n\\ back')
    assert (house.post(), house.post(hours=3)) == (1, 0)
    (seen,) = house.got()
    assert is_signed(seen, made.secret)
    assert not is_signed(seen, "whsec_" + base64.b64encode(b"x" * 32).decode())
    assert seen.headers["content-type"] == "application/json"
    assert abs(int(seen.headers["webhook-timestamp"]) - house.clock.now.timestamp()) < 4 * 3600
    told = house.victor.notifications().items[0]
    assert seen.json == {
        "id": str(told.id),
        "kind": "COMMENT",
        "title": "alice commented on 010 Harbour",
        "text": '"quoted", {title} and\n\\ back',
        "project": "Film",
        "shot": "010 Harbour",
        "person": "alice",
        "url": f"https://films.example.com/box?box={house.box.id}&take={take_of(house.box)}",
        "at": told.at.isoformat(timespec="seconds"),
    }
    assert house.victor.webhooks()[0].last_ok_at is not None


def test_what_fails_is_tried_again_later_each_time_under_the_same_id_and_then_goes_on(house: House) -> None:
    made = house.hook()
    house.server.on(
        "POST", "/hook", answer("", 500), answer("moved", 302, Location="/other"), raw(b""), answer("", 200)
    )
    house.says()
    assert house.post() == 1
    assert house.post() == 0, "not at once"
    for wait in AGAIN[:3]:
        assert house.post(seconds=wait.total_seconds() + 1) == 1
    assert house.post(days=2) == 0
    seen = house.got()
    assert len(seen) == 4
    assert len({each.headers["webhook-id"] for each in seen}) == 1
    assert all(is_signed(each, made.secret) for each in seen)
    assert house.server.count("POST", "/other") == 0, "a redirect is not followed"
    found = house.victor.webhooks()[0]
    assert (found.is_active, found.last_error, found.failing_since) == (True, None, None)


def test_after_eight_tries_within_a_day_it_is_turned_off_and_its_person_told(house: House) -> None:
    house.hook()
    house.server.on("POST", "/hook", answer("", 503))
    house.says()
    tries = house.post()
    for wait in AGAIN:
        assert house.victor.webhooks()[0].is_active
        tries += house.post(seconds=wait.total_seconds() + 1)
    assert tries == 8
    assert house.post(days=3) == 0
    found = house.victor.webhooks()[0]
    assert (found.is_active, found.last_error) == (False, f"{found.shown} answered with 503.")
    newest = house.victor.notifications().items[0]
    assert (newest.kind, newest.title, newest.path) == (
        NoticeKind.WEBHOOK,
        "Your webhook chat was turned off",
        "/account",
    )
    assert house.alice.notifications().items == ()
    house.server.on("POST", "/hook", answer("", 204))
    assert house.victor.change_webhook(found, is_active=True).last_error is None
    house.says("again")
    assert house.post() == 1
    assert house.got()[-1].json["text"] == "again"


def test_what_is_gone_for_good_is_turned_off_at_once(house: House) -> None:
    house.hook()
    house.server.on("POST", "/hook", answer("", 410))
    house.says()
    house.post()
    assert not house.victor.webhooks()[0].is_active
    assert house.post(days=3) == 0


def test_one_that_fails_holds_up_no_other(house: House) -> None:
    house.hook()
    house.victor.add_webhook("dead", refused_url_of(house) + "/hook")
    for n in range(5):
        house.says(f"{n}")
    while house.post():
        pass
    assert [seen.json["text"] for seen in house.got()] == ["0", "1", "2", "3", "4"]
    by_name = {webhook.name: webhook for webhook in house.victor.webhooks()}
    assert by_name["chat"].last_error is None
    assert "could not be reached" in str(by_name["dead"].last_error)


def refused_url_of(house: House) -> str:
    return "http://" + house.studio.settings.webhook_hosts.partition(", ")[2]


def test_a_post_that_a_dead_process_left_is_made_again_and_one_under_way_is_not(house: House) -> None:
    house.hook()
    house.says()
    assert len(house.studio.webhooks._claim()) == 1, "written down before it is made"
    assert house.post(seconds=30) == 0
    assert house.post(minutes=3) == 1


def test_a_slow_one_is_given_ten_seconds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 0.3)
    house.hook()
    house.server.on("POST", "/hook", hangs)
    house.says()
    assert house.post() == 1
    assert "did not answer" in str(house.victor.webhooks()[0].last_error)


def test_who_was_removed_and_who_was_shut_out_has_nothing_posted(house: House) -> None:
    house.hook()
    house.says("for members")
    house.alice.remove_member(house.box.project_id, house.victor.actor.user_id)
    house.post()
    let_in(house.alice, house.box.project_id, "victor")
    house.says("again")
    house.studio.operator().change_user("victor", is_active=False)
    house.post()
    assert house.got() == []


def test_what_a_person_does_not_want_posted_is_not(house: House) -> None:
    house.hook()
    house.victor.set_notification_settings({NoticeKind.COMMENT: [Channel.APP]})
    house.says()
    assert house.post() == 0
    assert house.victor.unread_notifications() == 1


NOWHERE = (
    "http://chat.example.com/hook",
    "https://10.0.0.5/hook",
    "https://127.0.0.1/hook",
    "https://[::1]/hook",
    "https://169.254.169.254/latest",
    "https://localhost/hook",
    "https://nas.local/hook",
    "https://user:pass@chat.example.com/",
    "https://chat.example.com/#x",
    "https://chat.example.com/a b",
    "https://chat.example.com\r\nX: y",
    "https://chat.example.com:99999/",
    "ftp://chat.example.com/",
    "javascript:alert(1)",
    "https://",
    "",
)


def test_where_no_webhook_goes(house: House) -> None:
    for url in NOWHERE:
        with pytest.raises(Invalid) as raised:
            house.victor.add_webhook("x", url)
        assert raised.value.field == "url", url
    assert house.victor.webhooks() == ()


def test_an_address_that_leads_into_our_network_is_not_called(house: House) -> None:
    """What was allowed when it was added is looked at anew at each connection."""
    made = house.hook()
    house.studio.webhooks._private = frozenset()
    with pytest.raises(Unavailable, match="private network"):
        house.victor.test_webhook(made.webhook)
    house.says()
    assert house.post() == 1
    assert "private network" in str(house.victor.webhooks()[0].last_error)
    assert house.got() == []


def test_the_address_and_the_secret_are_shown_once_and_lie_encrypted(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.server.on("POST", "/key-in-the-path", answer("", 500))
    with caplog.at_level(logging.DEBUG):
        made = house.hook("/key-in-the-path")
        house.says()
        house.post()
        with pytest.raises(Unavailable) as raised:
            house.victor.test_webhook(made.webhook)
    with house.studio._store.read() as tx:
        stored = str(tx.all("select * from webhook")) + str(tx.all("select * from audit_entry"))
    for text in (stored, repr(house.victor.webhooks()), repr(made), str(raised.value), caplog.text):
        assert "key-in-the-path" not in text
        assert made.secret not in text
    assert house.victor.webhooks()[0].shown == house.server.url.removeprefix("http://")


def test_a_webhook_is_its_persons_alone_and_there_are_only_so_many(house: House) -> None:
    made = house.hook().webhook
    for act in (
        lambda: house.alice.change_webhook(made, is_active=False),
        lambda: house.alice.test_webhook(made),
        lambda: house.alice.delete_webhook(made),
    ):
        with pytest.raises(NotFound):
            act()
    assert house.alice.webhooks() == ()
    for _ in range(LIMITS.webhooks - 1):
        house.hook()
    with pytest.raises(Conflict, match="Remove one first"):
        house.hook()
    house.says()
    house.victor.delete_webhook(made)
    while house.post():
        pass
    assert len(house.got()) == LIMITS.webhooks - 1


def test_a_test_is_signed_posted_at_once_and_says_how_it_went(house: House) -> None:
    made = house.hook()
    assert house.victor.test_webhook(made.webhook).last_ok_at is not None
    (seen,) = house.got()
    assert is_signed(seen, made.secret)
    assert seen.json["title"] == "This is a test of chat"
    house.server.on("POST", "/hook", answer("", 404))
    with pytest.raises(Unavailable, match="answered with 404"):
        house.victor.test_webhook(made.webhook)


def test_one_person_tests_one_at_a_time(house: House) -> None:
    """Each test waits in a thread of those that answer everybody."""
    made = house.hook()
    with (
        house.studio.webhooks._tests.taken(house.victor.actor.user_id),
        pytest.raises(TooMany, match="on its way still"),
    ):
        house.victor.test_webhook(made.webhook)
    assert house.victor.test_webhook(made.webhook).last_error is None


def test_a_token_adds_no_webhook_and_moves_no_mail(house: House) -> None:
    held = house.victor.create_token("notebook")[0]
    actor = Actor(user_id=held.user_id, username="victor", token_id=held.id, scopes=(Scope.READ, Scope.WRITE))
    door = house.studio.workspace(actor)
    for act in (lambda: door.add_webhook("x", "https://x.example/"), lambda: door.set_email("x@example.com")):
        with pytest.raises(NotAllowed, match="Sign in with your password"):
            act()


# templates


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{", "is JSON"),
        ('{"a": 1,}', "is JSON"),
        ('{"a": NaN}', "is JSON"),
        ('"{title}"', "object or list"),
        ('{"a": "{nobody}"}', "no {nobody}"),
        ('{"a": "\\u007bnobody}"}', "no {nobody}"),
        (template_text(Preset.TELEGRAM), "id of your chat"),
        ("[" * 3000, "is JSON"),
        ("[" * 900 + "]" * 900, "within each other"),
        (json.dumps(["x" * 4001]), "at most"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_with_a_sentence(template: str, says: str) -> None:
    with pytest.raises(Invalid) as raised:
        check_template(template)
    assert says in str(raised.value)
    assert raised.value.field == "template"


@given(st.text(), st.sampled_from(sorted(Preset)))
def test_whatever_people_write_stays_inside_its_text(text: str, preset: Preset) -> None:
    text = text.encode("utf-8", "ignore").decode()
    template = template_text(preset)
    before = json.loads(template)
    after = json.loads(filled(template, preset, dict.fromkeys(NAMES, text)))

    def shape(part: object) -> object:
        match part:
            case dict():
                return {name: shape(value) for name, value in part.items()}
            case list():
                return [shape(value) for value in part]
        return type(part)

    assert shape(after) == shape(before)
    if preset is Preset.PLAIN:
        assert set(after.values()) == {text}


def test_nobody_is_called_by_what_a_client_writes() -> None:
    values = dict.fromkeys(NAMES, "x") | {"text": "<!channel> <https://evil.example|Open> @everyone [a](https://evil)"}
    slack = json.loads(filled(template_text(Preset.SLACK), Preset.SLACK, values))["text"]
    assert "<!channel>" not in slack
    assert "<https://evil" not in slack
    discord = json.loads(filled(template_text(Preset.DISCORD), Preset.DISCORD, values))
    assert discord["allowed_mentions"] == {"parse": []}
    assert "[a]" not in discord["embeds"][0]["description"]


def test_the_hosts_inside_are_read_strictly() -> None:
    assert webhooks._hosts("chat.lan:8065, [fd00::5]:80") == [("chat.lan", 8065), ("fd00::5", 80)]
    for wrong in ("chat.lan", "http://chat.lan:80", "chat.lan:0", "chat.lan:x"):
        with pytest.raises(Misconfigured):
            webhooks._hosts(wrong)
