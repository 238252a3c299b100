"""The drop zone of a shot, on the real server in a real browser: what is dropped or chosen arrives in the gallery."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser import idle, listen
from media_samples import corner
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from apom import testing
from apom.config import Settings
from apom.models import Role
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"
UPLOADS = "**/api/uploads/**"
DROP = """([files, kind]) => {
  const carried = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    carried.items.add(new File([bytes], name));
  }
  const how = { bubbles: true, cancelable: true, dataTransfer: carried };
  for (const name of kind) document.body.dispatchEvent(new DragEvent(name, how));
}"""


@dataclass(frozen=True)
class House:
    """A running server; alice has a shot, victor looks on. `archive`: her project as a file."""

    url: str
    box: str
    archive: Path
    browser: Browser

    def context(self, name: str, **options: object) -> BrowserContext:
        viewport = {"width": 1280, "height": 860}
        context = self.browser.new_context(**{"viewport": viewport, **options})  # type: ignore[arg-type]
        body = {"username": name, "password": PASSWORD}
        assert context.request.post(f"{self.url}/api/session", data=body, headers={"Origin": self.url}).ok
        return context


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("upload") / "data"
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        studio.register("alice", PASSWORD)
        studio.operator().add_user("victor", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        project = alice.create_project("Lighthouse")
        box = alice.create_box(project, "Harbour")
        alice.set_member(project, "victor", Role.VIEWER)
        archive = data.parent / "project.zip"
        alice.export(project, "archive", archive)
    with testing.server(data) as app:
        yield House(app.url, str(box.id), archive, browser)


@pytest.fixture(params=[{}])
def page(house: House, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = house.context("alice", **request.param)
    page = context.new_page()
    errors = listen(page)
    page.goto(f"{house.url}/box?box={house.box}")
    page.get_by_role("button", name="Choose files").wait_for()
    idle(page)
    yield page
    context.close()
    assert [error for error in errors if not any(known in error for known in ("422", "ERR_FAILED", "503"))] == []


def picture(folder: Path, name: str, size: tuple[int, int] = (320, 180)) -> Path:
    corner(size).save(folder / name)
    return folder / name


def dropped(page: Page, *paths: Path, kind: tuple[str, ...] = ("dragenter", "dragover", "drop")) -> None:
    files = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in paths]
    page.evaluate(DROP, [files, kind])


def row(page: Page, name: str) -> Locator:
    return page.locator(".drop li").filter(has_text=name)


def is_for_everybody(page: Page) -> bool:
    """What axe has to say about the place, the question and the list."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {rules: {region: {enabled: false}}})")
    places = [str(node["target"]) for each in found["violations"] for node in each["nodes"]]
    return not [place for place in places if any(part in place for part in (".drop", ".zone", ".rights"))]


def test_what_is_dropped_arrives_in_the_gallery_by_itself(page: Page, house: House, tmp_path: Path) -> None:
    good = [picture(tmp_path, f"harbour {n}.png") for n in (1, 2)]
    words = tmp_path / "notes.png"
    words.write_text("<html>a page</html>")
    dropped(page, *good, kind=("dragenter", "dragover"))
    expect(page.locator(".zone")).to_contain_text("Let go to add them to this shot")
    dropped(page, *good, words)
    expect(page.get_by_text("3 files: whose are they?")).to_be_visible()
    expect(page.get_by_label("Owner")).to_be_focused()
    page.keyboard.type("Ann Photographer")
    page.keyboard.press("Tab")
    page.keyboard.type("CC BY 4.0")
    assert is_for_everybody(page)
    page.keyboard.press("Enter")
    expect(row(page, "notes.png")).to_contain_text("it looks like HTML. Use PNG, JPEG")
    expect(row(page, "harbour 1.png")).to_contain_text("Uploaded")
    expect(row(page, "harbour 2.png")).to_contain_text("Uploaded")
    expect(page.locator(".drop header")).to_contain_text("2 files uploaded")
    expect(page.locator(".drop header")).to_contain_text("1 not taken")
    expect(page.get_by_role("gridcell")).to_have_count(2)
    assert is_for_everybody(page)
    takes = page.context.request.get(f"{house.url}/api/boxes/{house.box}/assets").json()["items"]
    assert [take["source_type"] for take in takes] == ["UPLOADED", "UPLOADED"]
    asset = page.context.request.get(f"{house.url}/api/assets/{takes[0]['id']}").json()
    assert asset["rights"] == {"owner": "Ann Photographer", "licence": "CC BY 4.0"}
    page.get_by_role("button", name="Clear the list").click()
    expect(page.locator(".drop")).to_be_hidden()


def test_by_keyboard_some_are_left_one_is_stopped_and_one_goes_on_after_the_network_was_away(
    page: Page, tmp_path: Path
) -> None:
    away: list[str] = []

    def hold(route: Route) -> None:
        if "stopped.png" in route.request.url:
            return  # no answer
        if "offset=65536" in route.request.url and len(away) < 2:
            away.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route(UPLOADS, hold)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").press("Enter")
    chooser.value.set_files([picture(tmp_path, "a.png"), picture(tmp_path, "b.png")])
    expect(page.get_by_text("2 files: whose are they?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".rights")).to_be_hidden()
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    expect(page.locator(".drop")).to_be_hidden()
    large = tmp_path / "large.png"
    Image.effect_noise((400, 300), 80).save(large)
    assert large.stat().st_size > 65536
    dropped(page, picture(tmp_path, "stopped.png"), large)
    page.get_by_role("button", name="Upload 2 files").click()
    stop = page.get_by_role("button", name="Stop stopped.png")
    stop.wait_for()
    stop.click()
    expect(row(page, "stopped.png")).to_contain_text("Stopped")
    expect(row(page, "large.png")).to_contain_text("Uploaded", timeout=15_000)
    assert len(away) == 2


def test_it_goes_on_while_one_looks_at_another_page(page: Page, house: House, tmp_path: Path) -> None:
    held: list[Route] = []
    page.route(UPLOADS, lambda route: held.append(route))
    dropped(page, picture(tmp_path, "slow.png", (64, 64)))
    page.get_by_role("button", name="Upload 1 file").click()
    expect(row(page, "slow.png")).to_be_visible()
    page.get_by_role("link", name="Lighthouse").click()
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)
    idle(page)
    for route in held:
        route.continue_()
    page.unroute(UPLOADS)
    page.go_back()
    idle(page)
    expect(row(page, "slow.png")).to_contain_text("Uploaded")


def test_who_only_looks_on_has_no_place_to_drop(house: House) -> None:
    context = house.context("victor")
    page = context.new_page()
    page.goto(f"{house.url}/box?box={house.box}")
    page.get_by_role("grid").or_(page.get_by_text("No takes yet")).first.wait_for()
    idle(page)
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("page", [{"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}], indirect=True)
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, tmp_path: Path) -> None:
    words = tmp_path / ("a very long name of a file that nobody can read on a phone" * 2 + ".png")
    words.write_text("<html>a page</html>")
    dropped(page, words, picture(tmp_path, "small.png"))
    page.get_by_role("button", name="Choose files").scroll_into_view_if_needed()
    page.get_by_role("button", name="Upload 2 files").click()
    expect(row(page, "small.png")).to_contain_text("Uploaded")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in page.locator(".drop, .zone").all():
        box = part.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_a_project_archive_that_came_is_called_uploaded_and_opens(house: House) -> None:
    context = house.context("alice")
    page = context.new_page()
    errors = listen(page)
    page.goto(house.url)
    page.get_by_role("button", name="Bring a project archive").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(house.archive)
    expect(page.get_by_role("dialog").get_by_text("1 file uploaded").first).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Open").click(timeout=15_000)
    page.get_by_text("Harbour", exact=True).first.wait_for()
    assert errors == []
    context.close()
