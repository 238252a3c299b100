"""What an admin decides about providers: keys, switches, addresses, files; and what everybody is offered then."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock, person
from engine_room import until
from loopback import Loopback, answer, said

from apom.config import Settings, shipped
from apom.errors import Invalid, Misconfigured, NotAllowed, NotFound, ProviderError, Unavailable
from apom.models import AIProvider, Status
from apom.providers.catalog import Catalog, parse
from apom.store import audit
from apom.studio import Studio, Workspace

KEY = "kie-0123456789abcdef-wxyz"
SANDBOX = (shipped("providers") / "sandbox.json").read_text("utf-8")
CREATE, INFO, CREDIT = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo", "/api/v1/chat/credit"


def file(**changes: Any) -> dict[str, Any]:
    """A provider like the sandbox that wants a key and money."""
    data = json.loads(SANDBOX)
    data |= {"id": "acme", "name": "Acme", "base_url": "https://api.acme.example", "is_play": False}
    data["auth"] = {"type": "bearer", "secret": "ACME_API_KEY"}
    return {**data, **changes}


@dataclass
class Office:
    """An admin's door and alice's, with the shipped files in a folder of their own."""

    studio: Studio
    admin: Workspace
    alice: Workspace
    folder: Path

    def ship(self, data: dict[str, Any]) -> None:
        (self.folder / f"{data['id']}.json").write_text(json.dumps(data), "utf-8")
        self.studio.ai_providers.sync(by="operator")

    def acme(self) -> AIProvider:
        return next(each for each in self.admin.providers() if each.slug == "acme")

    def offered(self) -> set[str]:
        return {model.provider for model in self.alice.models()}

    def order(self, model: str = "acme/sandbox-image") -> Any:
        return self.alice.generate(self.alice.create_box(self.alice.create_project("P"), "one"), "a boat", model=model)[
            0
        ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped files: the sandbox and acme."""
    monkeypatch.delenv("ACME_API_KEY", raising=False)
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "sandbox.json").write_text(SANDBOX, "utf-8")
    (folder / "acme.json").write_text(json.dumps(file()), "utf-8")
    monkeypatch.setattr("apom.studio.house.shipped", lambda _: folder)
    return folder


def opened(studio: Studio, folder: Path) -> Office:
    ada, alice = (person(studio, name) for name in ("ada", "alice"))
    return Office(studio, studio.workspace(ada.model_copy(update={"is_admin": True})), studio.workspace(alice), folder)


@pytest.fixture
def office(settings: Settings, clock: Clock, folder: Path) -> Iterator[Office]:
    with Studio.open(settings, engine=False, clock=clock) as studio:
        yield opened(studio, folder)


def test_a_provider_without_its_key_is_not_offered_and_says_what_is_missing(office: Office) -> None:
    assert office.offered() == {"sandbox"}
    with pytest.raises(Invalid, match="Acme needs a key, ACME_API_KEY") as caught:
        office.order()
    assert caught.value.field == "model"
    found = office.acme()
    assert (found.is_usable, found.keys[0].source) == (False, "missing") and "ACME_API_KEY" in found.says
    assert office.admin.set_key("acme", KEY).is_usable
    assert office.offered() == {"sandbox", "acme"}
    assert office.order().status is Status.PENDING
    assert office.acme().keys[0].ends == "wxyz"
    office.admin.remove_key("acme")
    assert office.offered() == {"sandbox"}


def test_a_key_from_the_environment_counts_and_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", KEY)
    found = office.acme()
    assert found.is_usable and (found.keys[0].source, found.keys[0].ends) == ("environment", "wxyz")
    assert "acme" in office.offered()


def test_what_is_switched_off_is_not_offered(office: Office) -> None:
    office.admin.set_key("acme", KEY)
    assert not office.admin.set_active("acme", False).is_active
    assert office.offered() == {"sandbox"}
    with pytest.raises(Invalid, match="Acme is switched off"):
        office.order()
    office.admin.set_active("acme", True)
    assert "acme" in office.offered()


def test_providers_are_an_admins(office: Office) -> None:
    for act in (
        office.alice.providers,
        lambda: office.alice.provider_file("acme"),
        lambda: office.alice.set_key("acme", KEY),
        lambda: office.alice.remove_key("acme"),
        lambda: office.alice.set_active("acme", False),
        lambda: office.alice.set_address("acme", "https://evil.example"),
        lambda: office.alice.edit_provider("acme", SANDBOX),
        lambda: office.alice.reset_provider("acme"),
        lambda: office.alice.test_provider("acme"),
        lambda: office.alice.dry_run("acme/sandbox-image", "x"),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_a_provider_that_is_not_there(office: Office) -> None:
    for act in (
        lambda: office.admin.provider_file("../acme"),
        lambda: office.admin.set_key("nobody", KEY),
        lambda: office.admin.set_active("nobody", True),
        lambda: office.admin.set_address("nobody", None),
        lambda: office.admin.reset_provider("nobody"),
        lambda: office.admin.test_provider("nobody"),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Invalid, match="needs no key"):
        office.admin.set_key("sandbox", KEY)
    with pytest.raises(Invalid, match="ACME_API_KEY"):
        office.admin.set_key("acme", KEY, name="OTHER_API_KEY")


def test_the_first_paid_take_is_the_cheapest(office: Office) -> None:
    data = file()
    data["models"][0]["price"] = {"amount": 0.04, "unit": "play credit"}
    data["models"][1]["price"] = {"amount": 0.5, "unit": "play credit"}
    office.ship(data)
    found = office.acme()
    assert found.first_paid_price == {"amount": 0.04, "unit": "play credit", "per": "take"}
    assert found.first_paid == data["models"][0]["title"]
    assert next(p for p in office.admin.providers() if p.slug == "sandbox").first_paid == ""


# addresses


@pytest.mark.parametrize(
    "base_url",
    ["http://api.acme.example", "http://127.0.0.1:8188", "https://10.0.0.5", "http://localhost:1", "https://gpu.lan"],
)
def test_a_private_address_is_for_an_admin_to_allow(office: Office, base_url: str) -> None:
    office.admin.set_key("acme", KEY)
    with pytest.raises(Invalid, match="private network") as caught:
        office.admin.set_address("acme", base_url)
    assert caught.value.field == "may_be_private"
    assert office.acme().base_url == "https://api.acme.example"
    found = office.admin.set_address("acme", base_url, may_be_private=True)
    assert (found.base_url, found.is_base_url_changed, found.is_usable) == (base_url, True, True)
    assert office.admin.set_address("acme", None).base_url == "https://api.acme.example"


def test_a_file_with_a_private_address_is_not_used_before_that(office: Office) -> None:
    office.admin.set_key("acme", KEY)
    office.ship(file(base_url="http://127.0.0.1:8188"))
    assert "private network" in office.acme().says
    assert office.offered() == {"sandbox"}
    office.admin.set_address("acme", None, may_be_private=True)
    assert "acme" in office.offered()


@pytest.mark.parametrize(
    "base_url", ["", "ftp://a.b", "https://me:pw@a.b", "https://a.b/?x=1", "https://a b", "nonsense"]
)
def test_what_is_no_address_is_refused(office: Office, base_url: str) -> None:
    with pytest.raises(Invalid) as caught:
        office.admin.set_address("acme", base_url, may_be_private=True)
    assert caught.value.field == "base_url"


# files


def test_an_edited_file_is_offered_at_once_and_outlives_an_update(office: Office) -> None:
    office.admin.set_key("acme", KEY)
    before = office.studio.generate._catalog.at_this_moment()
    data = file()
    data["models"][0]["title"] = "Better"
    text = json.dumps(data, indent=4)
    found = office.admin.edit_provider("acme", text)
    assert found.differs == (f"models.{data['models'][0]['name']}",) and not found.is_shipped_newer
    assert "Better" in {model.title for model in office.alice.models()}
    assert "Better" not in {model.title for model in before.models()}, "who asked before goes on with what was"
    assert office.admin.provider_file("acme") == text
    office.ship(file(name="Acme Pictures"))
    found = office.acme()
    assert found.is_shipped_newer and set(found.differs) == {"name", f"models.{data['models'][0]['name']}"}
    office.admin.reset_provider("acme")
    found = office.acme()
    assert (found.title, found.differs, found.is_shipped_newer) == ("Acme Pictures", (), False)


def test_a_file_with_a_mistake_is_refused_with_its_place(office: Office) -> None:
    for text, place in (
        ("{", "not JSON"),
        (json.dumps(file(auth={"type": "bearer", "secret": KEY})), "auth"),
        (json.dumps(file(poll={**file()["poll"], "states": {"running": ["x"]}})), "states"),
        (json.dumps(file(id="other")), "id"),
    ):
        with pytest.raises(Invalid, match=place) as caught:
            office.admin.edit_provider("acme", text)
        assert caught.value.field == "definition"
        assert KEY not in str(caught.value)
    assert office.acme().differs == ()


def test_a_file_with_a_mistake_takes_nothing_else_away(office: Office, settings: Settings) -> None:
    office.admin.set_key("acme", KEY)
    (office.folder / "broken.json").write_text("{")
    office.studio.ai_providers.sync(by="operator")
    assert office.offered() == {"sandbox", "acme"}
    broken = office.admin.providers()[-1]
    assert broken.slug == "broken" and "not JSON" in broken.says and not broken.is_usable
    office.studio.close()
    with Studio.open(settings, engine=False) as studio:
        assert {each.slug for each in studio.operator().providers()} == {"acme", "broken", "sandbox"}


def test_a_provider_can_be_new_here(office: Office) -> None:
    data = file(id="runware", name="Runware", auth={"type": "bearer", "secret": "RUNWARE_API_KEY"})
    found = office.admin.edit_provider("runware", json.dumps(data))
    assert not found.is_shipped and found.keys[0].name == "RUNWARE_API_KEY"
    office.admin.set_key("runware", KEY)
    assert "runware" in office.offered()
    office.admin.reset_provider("runware")
    assert "runware" not in {each.slug for each in office.admin.providers()}


def test_an_edited_file_that_this_apom_cannot_use_any_more_is_said(office: Office) -> None:
    office.admin.edit_provider("acme", json.dumps(file(name="Edited")))
    with office.studio._store.write() as tx:
        tx.all("update ai_provider set definition = '{}'")
    found = office.acme()
    assert not found.is_usable and "acme.json cannot be used" in found.says and found.title == "Acme"


def test_what_was_decided_is_there_after_a_restart_and_in_the_audit(office: Office, settings: Settings) -> None:
    office.admin.set_key("acme", KEY)
    office.admin.set_active("sandbox", False)
    office.admin.edit_provider("acme", json.dumps(file(name="Edited")))
    office.studio.close()
    with Studio.open(settings, engine=False) as studio:
        again = {each.slug: each for each in studio.operator().providers()}
        assert again["acme"].title == "Edited" and again["acme"].keys[0].ends == "wxyz"
        assert not again["sandbox"].is_active
        with studio._store.read() as tx:
            entries = audit.latest(tx, 50)
        assert {("ada", "key.set"), ("ada", "provider.disable"), ("ada", "provider.edit")} <= {
            (entry.actor, entry.action) for entry in entries
        }
        assert KEY not in str(entries)


# trying


def test_a_dry_run_shows_the_request_and_hides_the_key(office: Office) -> None:
    office.admin.set_key("acme", KEY)
    shown = office.admin.dry_run("acme/sandbox-image", 'a "boat"\n{{x}}', {"seed": 7})
    assert (shown["method"], shown["url"]) == ("POST", "https://api.acme.example" + CREATE)
    assert shown["headers"]["Authorization"] == "Bearer ********"
    assert shown["json"]["input"]["prompt"] == 'a "boat"\n{{x}}' and shown["json"]["input"]["seed"] == 7
    assert KEY not in json.dumps(shown)
    with pytest.raises(Invalid):
        office.admin.dry_run("acme/sandbox-image", "x", {"no_such": 1})
    with pytest.raises(Invalid):
        office.admin.dry_run("acme/nothing", "x")
    assert "(image)" in json.dumps(office.admin.dry_run("acme/sandbox-video", "x"))


@pytest.mark.parametrize(
    ("auth", "carried"),
    [
        ({"type": "query", "secret": "ACME_API_KEY", "name": "key"}, "?key=%2A%2A%2A%2A%2A%2A%2A%2A"),
        ({"type": "basic", "secret": "ACME_API_KEY", "user": "me"}, "Basic ********"),
        ({"type": "header", "secret": "ACME_API_KEY", "name": "Authorization", "prefix": "Key "}, "Key ********"),
        ({"type": "jwt_hs256", "secret": "ACME_SECRET_KEY", "issuer": "ACME_ACCESS_KEY"}, "Bearer ********"),
    ],
)
def test_a_dry_run_needs_no_key(office: Office, auth: dict[str, str], carried: str) -> None:
    office.ship(file(auth=auth))
    assert carried in json.dumps(office.admin.dry_run("acme/sandbox-image", "x"))


def test_the_test_of_a_key_says_what_is_left(office: Office) -> None:
    with Loopback() as server:
        server.on("GET", CREDIT, said({"code": 200, "data": 512.5}), said({"code": 401, "msg": f"bad key {KEY}"}))
        office.admin.set_address("acme", server.url, may_be_private=True)
        with pytest.raises(Misconfigured, match="ACME_API_KEY"):
            office.admin.test_provider("acme")
        office.admin.set_key("acme", KEY)
        found = office.admin.test_provider("acme")
        assert found.balance == 512.5 and "512.5" in found.says
        assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
        with pytest.raises(ProviderError) as caught:
            office.admin.test_provider("acme")
        assert caught.value.kind == "auth" and KEY not in str(caught.value)


def test_a_public_name_for_our_own_network_is_not_asked(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name == "api.acme.example" else host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    office.admin.set_key("acme", KEY)
    with pytest.raises(Misconfigured, match="private network"):
        office.admin.test_provider("acme")


def test_the_sandbox_inside_can_be_tested(office: Office) -> None:
    assert office.admin.test_provider("sandbox").balance is not None


def test_a_new_key_works_for_what_is_in_flight(settings: Settings, folder: Path) -> None:
    """Without a restart: the poll that was refused is asked again with the key of the moment."""
    keys: list[str] = []
    with Loopback() as server, Studio.open(settings) as studio:
        office = opened(studio, folder)
        server.on("POST", CREATE, said({"code": 200, "data": {"taskId": "t1"}}))
        server.on("GET", INFO, said({"code": 401, "msg": "no"}))
        server.on("GET", "/f.png", answer(b"not a picture"))
        office.admin.set_address("acme", server.url, may_be_private=True)
        office.admin.set_key("acme", "the-first-key-0001")
        take = office.order()
        until(lambda: server.count("GET", INFO) >= 1)
        office.admin.set_key("acme", "the-second-key-0002")
        until(lambda: any("second" in seen.headers.get("authorization", "") for seen in server.seen))
        keys = [seen.headers["authorization"] for seen in server.seen if seen.path == INFO]
        assert office.alice.asset(take).status is Status.PROCESSING
    assert keys[0] == "Bearer the-first-key-0001" and keys[-1] == "Bearer the-second-key-0002"


def test_a_catalogue_may_change_while_it_is_read() -> None:
    catalog = Catalog(specs={"sandbox": parse(SANDBOX, file="sandbox.json")})
    moment = catalog.at_this_moment()
    catalog.become({}, {})
    assert catalog.models() == () and moment.models()
    with pytest.raises(Invalid):
        catalog.find("sandbox", "sandbox-image")
    assert moment.find("sandbox", "sandbox-image").name == "sandbox-image"


def test_what_the_disk_does_not_take_is_said(office: Office, settings: Settings) -> None:
    settings.key_path.parent.parent.mkdir(exist_ok=True)
    settings.key_path.parent.write_text("a file where the folder should be")
    with pytest.raises((Unavailable, Misconfigured)):
        office.admin.set_key("acme", KEY)
    assert office.acme().keys[0].source == "missing"
