"""Mail: against a real server on loopback. What goes out, when, to whom, and what happens when it does not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock, let_in, person
from loopback import refused_url
from mail_room import PASSWORD, USER, Postbox, post_office
from test_comments import take_of
from test_idor import arrived

from apom import digests, doctor
from apom.config import Settings
from apom.doctor.findings import Level
from apom.errors import Invalid, Misconfigured, TooMany, Unavailable
from apom.models import Box, Channel, Digest, NoticeKind, Role
from apom.net import mail
from apom.studio import Studio, Workspace


@dataclass
class House:
    """alice's film, victor who gets mail, and where it arrives."""

    studio: Studio
    clock: Clock
    postbox: Postbox
    alice: Workspace
    victor: Workspace
    box: Box

    def says(self, *texts: str) -> None:
        for text in texts:
            self.alice.add_comment(take_of(self.box), text)
        self.studio.telling.derive()

    def later(self, **by: float) -> int:
        self.clock.move(**by)
        return self.studio.digests.send_due()


def settings_for(postbox: Postbox, folder: Path, **more: object) -> Settings:
    values = {"smtp_host": "127.0.0.1", "smtp_port": postbox.port, "smtp_from": "apom@example.com", "smtp_tls": "none"}
    return Settings(data_dir=folder / "data", public_url="https://films.example.com", **{**values, **more})  # type: ignore[arg-type]


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with post_office() as postbox:
        yield postbox


@pytest.fixture
def house(postbox: Postbox, tmp_path: Path, clock: Clock) -> Iterator[House]:
    with Studio.open(settings_for(postbox, tmp_path), engine=False, clock=clock) as studio:
        alice, victor = (studio.workspace(person(studio, name)) for name in ("alice", "victor"))
        project = alice.create_project("Film")
        let_in(alice, project, "victor", Role.VIEWER)
        box = alice.create_box(project, "Harbour")
        alice.set_headliner(box, arrived(studio, alice, box))  # type: ignore[arg-type]
        victor.set_email("victor@example.com")
        victor.set_notification_settings({NoticeKind.COMMENT: [Channel.APP, Channel.MAIL]}, digest=Digest.HOURLY)
        yield House(studio, clock, postbox, alice, victor, alice.box(box))


def test_what_came_together_goes_out_together_when_the_hour_is_over(house: House) -> None:
    house.says("softer", "<img src=x onerror=alert(1)>\nand {warmer}")
    assert house.later(minutes=59) == 0
    assert house.later(minutes=2) == 1
    assert house.later(hours=5) == 0, "once"
    (got,) = house.postbox.mails
    assert (got["To"], got["Subject"]) == ("victor@example.com", "apom: 2 new · Film")
    assert got["From"] == "apom <apom@example.com>"
    assert got["List-Unsubscribe"] == "<https://films.example.com/account#notifications>"
    text, rich = (part.get_content() for part in got.iter_parts())
    link = f"https://films.example.com/box?box={house.box.id}&take={take_of(house.box)}"
    assert f"alice commented on 010 Harbour\n  softer\n  {link}\n" in text.replace("\r\n", "\n")
    assert "<img" not in rich
    assert "&lt;img src=x onerror=alert(1)&gt;" in rich
    assert link.replace("&", "&amp;") in rich
    assert "{warmer}" in rich


def test_a_line_break_in_a_name_writes_no_header(house: House) -> None:
    with house.studio._store.write() as tx:
        tx.all("update project set name = $1", "Film\r\nBcc: eve@example.com")
    house.says("one", "two")
    assert house.later(hours=2) == 1
    assert house.postbox.to == ["victor@example.com"]
    assert house.postbox.mails[0]["Bcc"] is None
    with pytest.raises(ValueError, match="linefeed"):
        mail.message(house.studio.settings.mail, to="a@b.c", subject="a\nBcc: x", text="", html="", headers={})


def test_what_was_read_meanwhile_or_may_not_be_seen_any_more_is_not_sent(house: House) -> None:
    house.says("read", "unread")
    newest = house.victor.notifications().items[0]
    house.victor.mark_notifications_read([newest])
    assert house.later(hours=2) == 1
    assert "unread" not in house.postbox.mails[0].as_string()
    house.says("for members")
    house.alice.remove_member(house.box.project_id, house.victor.actor.user_id)
    assert house.later(hours=2) == 0
    assert len(house.postbox.mails) == 1


def test_a_server_that_is_away_is_tried_again_for_a_day(house: House) -> None:
    house.says("patience")
    port = house.postbox.port
    house.studio.digests._settings = settings_for(
        house.postbox, Path(), smtp_port=int(refused_url().rpartition(":")[2])
    )
    for _ in range(3):
        assert house.later(hours=2) == 0
    house.studio.digests._settings = settings_for(house.postbox, Path(), smtp_port=port)
    assert house.later(minutes=1) == 0, "not before its time"
    assert house.later(hours=3) == 1
    assert house.victor.notifications().items[0].text == "patience"


def test_one_address_that_is_refused_holds_up_nobody_and_is_given_up_in_the_end(house: House) -> None:
    house.alice.set_email("alice@example.com")
    house.alice.set_notification_settings({NoticeKind.COMMENT: [Channel.MAIL]})
    house.postbox.refuses = "victor@example.com"
    house.says("x")
    house.victor.add_comment(take_of(house.box), "y")
    house.studio.telling.derive()
    assert house.later(hours=2) == 1
    assert house.postbox.to == ["alice@example.com"]
    for _ in range(8):
        house.later(hours=13)
    house.postbox.refuses = None
    assert house.later(hours=13) == 0, "it stays in the app"
    assert house.victor.unread_notifications() == 1


def test_a_mail_is_in_the_persons_language_and_says_how_to_change_what_one_hears(house: House) -> None:
    house.victor.set_language("ru")
    house.says("x")
    house.later(hours=2)
    rich = next(part.get_content() for part in house.postbox.mails[0].iter_parts() if "html" in part.get_content_type())
    assert '<html lang="ru">' in rich
    assert 'href="https://films.example.com/account#notifications"' in rich


def test_a_test_mail_goes_to_ones_own_address(house: House) -> None:
    assert house.victor.send_test_mail() == "victor@example.com"
    assert house.postbox.mails[0]["Subject"] == "apom: This is a test"
    with pytest.raises(Invalid, match="where your mail goes"):
        house.alice.send_test_mail()
    with pytest.raises(TooMany):
        house.victor.send_test_mail()
    house.clock.move(minutes=1)
    house.postbox.refuses = "victor@example.com"
    with pytest.raises(Unavailable, match="550 No such person here"):
        house.victor.send_test_mail()


def test_without_a_mail_server_nothing_waits_for_one(tmp_path: Path, clock: Clock) -> None:
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False, clock=clock) as studio:
        alice = studio.workspace(person(studio, "alice"))
        alice.set_email("alice@example.com")
        assert not alice.notification_settings().mail_ready
        with pytest.raises(Misconfigured, match="APOM_SMTP_HOST"):
            alice.send_test_mail()
        assert studio.digests.send_due() == 0


# the connection


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", str(cert), "-keyout", str(key)]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    return cert, key


def test_it_is_encrypted_and_signed_in_and_doctor_says_so(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with post_office(asks=True, tls=certificate) as postbox:
        more = {"smtp_tls": "starttls", "smtp_user": USER, "smtp_password": PASSWORD}
        settings = settings_for(postbox, tmp_path, **more)
        found = doctor.mail_server(settings)
        assert (found.level, "certificate" in found.says.lower()) == (Level.PROBLEM, True), "nobody vouches for it"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert doctor.mail_server(settings).level is Level.OK
        wrong = doctor.mail_server(settings_for(postbox, tmp_path, **{**more, "smtp_password": "wrong-password-1"}))
        assert "APOM_SMTP_PASSWORD" in wrong.says, wrong.says
        assert "wrong-password-1" not in wrong.says
        assert postbox.mails == [], "it sends nothing"


def test_a_line_that_cannot_be_written_holds_up_nobody_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.alice.set_email("alice@example.com")
    house.alice.set_notification_settings({NoticeKind.COMMENT: [Channel.MAIL]}, digest=Digest.HOURLY)
    house.says("softer")
    house.clock.move(minutes=1)
    house.victor.add_comment(take_of(house.box), "why?")
    house.studio.telling.derive()
    as_it_is = digests.as_text

    def as_text(told: Any, *rest: Any) -> str:
        if told[0].person == "alice":
            raise OverflowError("cannot convert float infinity to integer")
        return as_it_is(told, *rest)

    monkeypatch.setattr(digests, "as_text", as_text)
    assert house.later(hours=2) == 1
    assert [mail["To"] for mail in house.postbox.mails] == ["alice@example.com"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"smtp_from": ""}, "APOM_SMTP_FROM"),
        ({"smtp_from": "not an address"}, "APOM_SMTP_FROM"),
        ({"smtp_host": "mail.example.com", "smtp_user": "a@b.c", "smtp_password": "x"}, "in the clear"),
        ({"smtp_tls": "starttls"}, "APOM_SMTP_TLS"),
        ({"smtp_user": USER, "smtp_password": "x"}, "APOM_SMTP_USER"),
        ({"smtp_port": int(refused_url().rpartition(":")[2])}, "does not answer"),
    ],
)
def test_what_is_wrong_with_the_settings_is_a_sentence(
    postbox: Postbox, tmp_path: Path, more: dict[str, object], says: str
) -> None:
    found = doctor.mail_server(settings_for(postbox, tmp_path, **more))
    assert found.level is Level.PROBLEM
    assert says in found.says


def test_the_password_is_in_no_repr() -> None:
    settings = Settings(smtp_password=PASSWORD)
    assert PASSWORD not in repr(settings) + repr(settings.mail)
