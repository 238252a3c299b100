"""A review from end to end, in real browsers on the real server: what the client sees, says and decides, and when it ends."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser import LIVE_MS, idle, listen
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from review_room import PASSWORD, box_named, furnish
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin
from ws_client import Tab

from apom import runfile, testing
from apom.client import OperatorClient, RemoteStudio
from apom.client.workspace import RemoteWorkspace
from apom.models import MadeLink, Opinion, Visibility
from apom.server.throttle import GUESTS
from apom.testing import Running

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
GONE = "This link is not valid."
OPEN = ".review[data-state=open]"


@dataclass(frozen=True)
class House:
    """A running server with alice's film, and her door."""

    app: Running
    data: Path
    browser: Browser
    alice: RemoteWorkspace

    def context(self, name: str = "", **options: object) -> BrowserContext:
        context = self.browser.new_context(**({"viewport": {"width": 1280, "height": 860}} | options))  # type: ignore[arg-type]
        if name:
            body = {"username": name, "password": PASSWORD}
            assert context.request.post(f"{self.app.url}/api/session", data=body, headers={"Origin": self.app.url}).ok
        return context

    def link(self, **options: bool | str) -> MadeLink:
        options = {"can_approve": True} | options
        return self.alice.create_link(self.alice.projects().items[0], "client", **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("review") / "data"
    furnish(data)
    with testing.server(data) as app, RemoteStudio(app.url) as studio:
        yield House(app, data, browser, studio.login("alice", PASSWORD))


@pytest.fixture(autouse=True)
def _left(browser: Browser) -> Iterator[None]:
    """What one test opened is no guest of the next one."""
    yield
    for context in browser.contexts:
        context.close()


def enter(context: BrowserContext, link: MadeLink) -> Page:
    page = context.new_page()
    page.goto(link.url)
    page.locator(OPEN).wait_for(timeout=20_000)
    return page


def axe(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "() => axe.run(document.querySelector('[data-testid^=stBidi]') ? '[data-testid^=stBidi]' : document)"
    )
    return [f"{broken['id']}: {node['html'][:160]}" for broken in found["violations"] for node in broken["nodes"]]


def draw_box(page: Page) -> None:
    """A box around the middle of the picture, by finger or mouse."""
    page.get_by_role("button", name="Draw a box").click()
    place = page.locator(".canvas").bounding_box()
    assert place
    page.mouse.move(place["x"] + place["width"] * 0.25, place["y"] + place["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] * 0.75, place["y"] + place["height"] * 0.5, steps=4)
    page.mouse.up()


def test_a_review_from_the_link_to_its_end(house: House) -> None:
    alice, project = house.alice, house.alice.projects().items[0]
    producer = house.context("alice")
    board = producer.new_page()
    board.goto(f"{house.app.url}/board?project={project.id}")
    board.get_by_role("button", name="Share").click()
    board.get_by_label("For whom").fill("The agency")
    board.get_by_role("button", name="Make a link").click()
    expect(board.get_by_text("Only this computer can open it")).to_be_visible()
    url = board.locator("code").filter(has_text="/review?token=").inner_text().strip()
    inbox = producer.new_page()
    inbox.goto(f"{house.app.url}/inbox")
    inbox.get_by_text("Nothing has been said yet").wait_for()

    phone = house.context(**PHONE)
    page = phone.new_page()
    errors = listen(page)
    page.goto(url)
    page.locator(OPEN).wait_for(timeout=20_000)
    assert "token" not in page.url and "token" not in page.evaluate("document.referrer")
    assert page.evaluate("history.length") <= 2, "the address with the token is no step back"
    expect(page.get_by_role("heading", name="The lighthouse")).to_be_visible()
    for part in ("Sign in", "Inbox", "Queue"):
        expect(page.get_by_text(part, exact=True)).to_have_count(0)
    page.get_by_role("button", name="Play or pause").last.click()
    expect(page.locator(".clock")).to_have_text(re.compile(r"^0:0[2-9]\.\d /"), timeout=15_000)
    page.get_by_role("button", name="Play or pause").last.click()
    slider = page.get_by_role("slider", name="Where in the film")
    place = slider.bounding_box()
    assert place
    whole = float(page.locator(".clock").inner_text().rpartition(":")[2])
    page.mouse.click(place["x"] + place["width"] * 2 / whole, place["y"] + place["height"] - 10)
    expect(page.locator(".clock")).to_have_text(re.compile(r"^0:0(1\.9|2\.[01]) /"))
    draw_box(page)
    page.get_by_label("Your name").fill("Vera")
    page.get_by_label("Comment on this shot").fill("The boat is <b>too small</b>")
    page.get_by_role("button", name="Send").click()
    sent = time.monotonic()
    expect(inbox.get_by_text("The boat is <b>too small</b>")).to_be_visible(timeout=LIVE_MS)
    assert time.monotonic() - sent < 2, "a second for it, and one for a busy machine"
    said = alice.inbox().items[0]
    assert said.region and said.region.kind == "box" and said.timecode_s and 1.8 < said.timecode_s < 2.2
    assert (said.region.x, said.region.y) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.25, abs=0.02))
    page.get_by_role("button", name="Approve").click()
    expect(inbox.locator(".verdict", has_text="Approved")).to_be_visible(timeout=LIVE_MS)
    page.get_by_role("button", name=re.compile("^020 The keeper")).click()
    page.get_by_role("button", name="Ask for changes").click()
    expect(inbox.locator(".verdict", has_text="Changes wanted")).to_be_visible(timeout=LIVE_MS)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert axe(page) == []

    keeper = box_named(alice, "The keeper")  # type: ignore[arg-type]
    old = keeper.headliner_asset_id
    better = next(take for take in alice.get_box_assets(keeper).items if take.id != old)
    alice.set_headliner(keeper, better)
    alice.publish_round(project, "The keeper from behind.")
    expect(page.get_by_role("heading", name="The lighthouse").locator("xpath=..")).to_contain_text("Round 2")
    expect(page.get_by_text("1 changed since your last visit")).to_be_visible()
    expect(page.locator(".strip li", has_text="020").get_by_text("Changed")).to_be_visible()
    expect(page.get_by_role("button", name="Ask for changes")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Beside the round before").click()
    expect(page.locator(".wipe .old")).to_have_text("Round 1")
    verdict = alice.verdicts(project, box=keeper)[0]
    assert (verdict.round_number, verdict.asset_id, verdict.verdict) == (1, old, "CHANGES_WANTED")
    assert alice.box(keeper).progress == "IN_REVIEW", "nobody has judged the new one"

    inbox.get_by_role("button", name="Mark all as read").click()
    expect(inbox.get_by_text("All is read")).to_be_visible()
    assert alice.unread() == ()
    alice.revoke_link(next(link for link in alice.links(project) if link.label == "The agency"))
    expect(page.get_by_role("heading", name=GONE)).to_be_visible(timeout=5_000)
    expect(page.get_by_text("The lighthouse")).to_have_count(0)
    unknown = house.context(**PHONE).new_page()
    unknown.goto(f"{house.app.url}/?token={'x' * 43}")
    unknown.get_by_role("heading", name=GONE).wait_for()
    assert unknown.locator(".veil").inner_text() == page.locator(".veil").inner_text()
    assert [error for error in errors if "ERR" not in error and "WebSocket" not in error] == []
    token = url.partition("token=")[2]
    assert not any(token in line for line in house.app.said), "no token in any line of the log"


def test_a_verdict_that_waited_for_a_name_is_given_once_it_is_there(house: House) -> None:
    page = enter(house.context(**PHONE), house.link())
    approve = page.get_by_role("button", name="Approve", exact=True)
    approve.click()
    expect(approve).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Your name").fill("Otto")
    page.keyboard.press("Enter")
    expect(approve).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(approve).to_have_attribute("aria-pressed", "true")


def test_an_answer_of_the_team_comes_to_the_open_page_and_what_is_internal_does_not(house: House) -> None:
    link = house.link()
    page = enter(house.context(), link)
    page.get_by_label("Your name").fill("Olga")
    page.get_by_label("Comment on this shot").fill("Warmer?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".talk").get_by_text("Warmer?")).to_be_visible()
    inbox = house.context("alice").new_page()
    inbox.goto(f"{house.app.url}/inbox")
    row = inbox.get_by_role("listitem").filter(has_text="Warmer?").filter(has_text="Olga")
    row.get_by_role("button", name="Reply").click()
    row.get_by_role("textbox").fill("never, between us")
    marks: list[Route] = []
    inbox.route("**/api/inbox/marks", lambda route: marks.append(route))  # which takes its time
    row.get_by_role("button", name="Note for the team").click()
    expect(inbox.get_by_text("Only the people of this project read it.")).to_be_visible()
    row.get_by_role("button", name="Reply").click()
    row.get_by_role("textbox").fill("In the next round.")
    row.get_by_role("button", name="Reply").first.click()
    expect(row.get_by_role("textbox")).to_have_value("In the next round.")
    row.get_by_role("button", name="Reply to the client").click()
    expect(inbox.get_by_text("Your reply is behind the link now.")).to_be_visible()
    for route in marks:
        route.continue_()
    expect(page.locator(".talk").get_by_text("In the next round.")).to_be_visible()
    expect(page.get_by_text("never, between us")).to_have_count(0)
    assert axe(inbox) == []
    row.get_by_role("link", name="Look at 010 Harbour at dawn").click()
    inbox.wait_for_url("**/box?**take=**")
    idle(inbox)


def test_a_password_is_asked_for_before_anything_is_shown(house: House) -> None:
    link = house.link(password="seven ships")
    page = house.context(**PHONE).new_page()
    page.goto(link.url)
    field = page.get_by_label("Password")
    field.wait_for()
    expect(page.get_by_text("The lighthouse")).to_have_count(0)
    field.fill("eight ships")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("not the password")
    field.fill("seven ships")
    page.get_by_role("button", name="Open").click()
    page.locator(OPEN).wait_for()
    page.reload()
    page.locator(OPEN).wait_for()


def test_two_open_links_do_not_mix(house: House) -> None:
    context = house.context()
    first, second = enter(context, house.link()), enter(context, house.link(can_approve=False))
    expect(first.get_by_role("button", name="Approve")).to_be_visible()
    expect(second.get_by_role("button", name="Approve")).to_have_count(0)
    names = {cookie["name"] for cookie in context.cookies() if cookie["name"].startswith("apom_review_")}
    assert len(names) == 2
    assert all(
        cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in context.cookies() if cookie["name"] in names
    )


# nothing but the page


def tables(house: House, name: str) -> dict[str, list[str]]:
    """Every row of the running store, by a copy of it."""
    run = runfile.read(house.data)
    assert run is not None
    copy = OperatorClient(run.url, run.token).snapshot(name)
    with duckdb.connect(copy.path, read_only=True) as db:
        names = [row[0] for row in db.execute("select table_name from information_schema.tables").fetchall()]
        return {each: sorted(map(str, db.execute(f"select * from {each}").fetchall())) for each in names}


def files(house: House) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in (house.data / "media").rglob("*") if path.is_file()}


def every_message(pages: dict[str, str], ids: dict[str, str]) -> Iterator[BackMsg]:
    """Each kind that Streamlit's protocol has; reruns of every page with forged pages, fragments, callbacks and values."""
    for kind in BackMsg.DESCRIPTOR.fields:
        if kind.message_type is None:
            yield BackMsg(**{kind.name: True})
    for name in ("deferred_file", "install_skills", "dismiss_skills_nudge", "dataframe_chunk"):
        message = BackMsg()
        getattr(message.backend_operation_request, name).SetInParent()
        yield message
    message = BackMsg()
    message.file_urls_request.file_names.append("x.png")
    yield message
    forged = (*pages.items(), *((page, "") for page in ("box", "board", "inbox", "admin")), ("review", "0" * 32))
    for page, page_hash in forged:
        message = BackMsg()
        asked = message.rerun_script
        asked.page_name, asked.page_script_hash = page, page_hash
        asked.fragment_id = "board"
        asked.query_string = f"project={ids['project']}&box={ids['box']}&take={ids['take']}&view=links"
        for element in ("revoke", "shots", "inbox", "gallery", "viewer"):
            for value in (
                {"trigger_value": True},
                {"string_trigger_value": {"data": "x"}},
                {"json_trigger_value": f'{{"action": [{{"n": 9, "action": "open", "id": "{ids["take"]}"}}]}}'},
            ):
                asked.widget_states.widgets.append(WidgetState(id=f"$$ID-x-{element}", **value))  # type: ignore[arg-type]
        yield message


@pytest.fixture(scope="module")
def links(house: House) -> dict[str, str]:
    """A cookie for each kind of link."""
    live, dead, locked, wrong = (house.link(password=each) for each in ("", "", "seven ships", "seven ships"))
    house.alice.revoke_link(dead.link)
    old = json.loads((house.data / "expired.json").read_text("utf-8"))
    with RemoteStudio(house.app.url) as studio:
        bob = studio.login("bob", PASSWORD)
        foreign = bob.create_link(bob.create_project("Another film"), "client", can_approve=True)
    known = {
        name: (each.link.id.hex, each.token)
        for name, each in {"live": live, "revoked": dead, "locked": locked, "wrong": wrong, "foreign": foreign}.items()
    } | {"expired": tuple(old)}
    for browser, password, answer in (("c", "seven ships", 204), ("b", "eight ships", 401)):
        link, token = known["wrong"]
        headers = {"Cookie": f"apom_review_{link}={token}.{browser * 43}", "Origin": house.app.url}
        url = f"{house.app.url}/api/review/{link}/password"
        assert httpx.post(url, json={"password": password}, headers=headers, trust_env=False).status_code == answer
    return {name: f"apom_review_{link}={token}.{'b' * 43}" for name, (link, token) in known.items()}


@pytest.mark.parametrize("who", ["live", "revoked", "locked", "wrong", "expired", "foreign"])
def test_a_guests_sockets_uploads_and_media_change_nothing(house: House, links: dict[str, str], who: str) -> None:
    box = house.alice.get_project_boxes(house.alice.projects().items[0])[0]
    take = house.alice.get_assets([box.headliner_asset_id])[0]  # type: ignore[list-item]
    ids = {"project": str(box.project_id), "box": str(box.id), "take": str(take.id)}
    before, stored = tables(house, f"before-{who}"), files(house)
    headers = {"Cookie": links[who]}
    with Tab(house.app.url, headers=headers) as tab:
        drawn = tab.run(page="review" if who in ("live", "foreign") else "inbox")
        assert "The lighthouse" not in drawn and "alice" not in drawn
        sent = list(every_message(tab.pages, ids))
        with suppress(ConnectionClosed):
            for message in sent:
                tab.send(message)
        until = time.monotonic() + max(0, len(sent) - GUESTS.messages.burst) / GUESTS.messages.per_s + 1
        while (left := until - time.monotonic()) > 0:  # they are taken slowly
            drawn = tab.drawn(within_s=left)
            assert "The lighthouse" not in drawn
            if drawn.end == "closed":
                break
    for path in (f"/api/projects/{ids['project']}/events", "/api/events"):
        assert told(house, path, headers) == [], "not a word, not even hello"
    with httpx.Client(base_url=house.app.url, headers=headers | {"Origin": house.app.url}, trust_env=False) as client:
        content = {"file": ("x.png", b"x", "image/png")}
        for sent in (
            client.put("/_stcore/upload_file/x/y", content=b"x"),
            client.post("/_stcore/upload_file/x/y", files=content),
            client.delete("/_stcore/upload_file/x/y"),
            client.put(f"/api/uploads/{ids['box']}/{ids['take']}", params={"name": "x.png"}, content=b"x"),
            client.post(f"/api/boxes/{ids['box']}/upload", files=content),
            client.post(f"/hooks/sandbox/{ids['take']}/x", json={}),
            client.get(take.file_url or ""),
        ):
            assert sent.status_code in (401, 403, 404), (sent.request.method, sent.request.url)
    after = tables(house, f"after-{who}")
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"session", "provider_balance"}
    assert files(house) == stored
    assert house.alice.get_assets([take.id])[0] == take


def told(house: House, path: str, headers: dict[str, str]) -> list[object]:
    """What a socket says until it is closed."""
    heard: list[object] = []
    url = house.app.url.replace("http", "ws") + path
    with (
        connect(url, origin=Origin(house.app.url), additional_headers=headers, proxy=None) as socket,
        suppress(ConnectionClosed),
    ):
        socket.send("{}")
        while True:
            heard.append(socket.recv(timeout=5))
    return heard


def test_misses_are_slowed_and_a_good_link_still_opens(house: House) -> None:
    link = house.link()
    with httpx.Client(base_url=house.app.url, trust_env=False) as client:
        answers = [client.get("/review", params={"token": f"{n}" * 43}) for n in range(30)]
        assert {answer.status_code for answer in answers} == {303, 429}
        assert sum(answer.status_code == 303 for answer in answers) <= 21
        missed, late = answers[0], answers[-1]
        assert (missed.headers["location"], late.headers.get("set-cookie")) == ("/review", None)
        assert int(late.headers["retry-after"]) >= 1
        found = client.get("/", params={"token": link.token})
        assert (found.status_code, found.headers["location"]) == (303, f"/review?r={link.link.id.hex}")
        assert found.headers["cache-control"] == "no-store" and found.headers["referrer-policy"] == "no-referrer"
        assert client.post(f"/api/review/{link.link.id.hex}/visit", headers={"Origin": house.app.url}).is_success


def test_the_events_of_a_link_say_little_and_end_with_it(house: House) -> None:
    link = house.link()
    box = house.alice.get_project_boxes(house.alice.projects().items[0])[0]
    assert box.headliner_asset_id
    name = f"apom_review_{link.link.id.hex}"
    url = house.app.url.replace("http", "ws") + f"/api/review/{link.link.id.hex}/events"
    headers = {"Cookie": f"{name}={link.token}.{'b' * 43}"}
    with connect(url, origin=Origin(house.app.url), additional_headers=headers, proxy=None) as socket:
        assert json.loads(socket.recv(timeout=5)) == {"type": "hello"}
        house.alice.add_comment(box.headliner_asset_id, "for us")
        house.alice.add_comment(box.headliner_asset_id, "for you", visibility=Visibility.CLIENT)
        assert json.loads(socket.recv(timeout=5)) == {"type": "comment"}
        house.alice.give_verdict(box, Opinion.APPROVED)
        assert json.loads(socket.recv(timeout=5)) == {"type": "verdict"}, "one comment was told, and no other"
        revoked = time.monotonic()
        house.alice.revoke_link(link.link)
        with pytest.raises(ConnectionClosed) as ended:
            while True:
                socket.recv(timeout=5)
        assert ended.value.rcvd and ended.value.rcvd.code == 4404
        assert time.monotonic() - revoked < 5
