"""The cut on the board, for everybody who may see the project; and that a reviewer's moment is the film's, kept as the clip's."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from browser import idle, listen
from media_samples import sound
from playwright.sync_api import Page, expect
from review_room import box_named
from test_review import PHONE, House, _left, axe, enter, house  # noqa: F401  (fixtures: pytest finds them here)

from apom.models import Project

FILM = "dialog.cut[open]"
HEARD = """globalThis.heard = []; const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { if (this.tagName === "AUDIO") heard.push(this); return play.call(this); };"""
ONE_LINE = "bar => bar.clientHeight < 60 && bar.scrollWidth <= bar.clientWidth"
RUSSIAN = {"locale": "ru-RU"}


def board(house: House, page: Page, project: Project, query: str = "") -> Page:  # noqa: F811
    page.goto(f"{house.app.url}/board?project={project.id}{query}")
    idle(page)
    return page


def trimmed(house: House, tmp_path: Path) -> Project:  # noqa: F811
    """A second of the clip, a picture for one second, a shot without a headliner, and a sound below."""
    alice, project = house.alice, house.alice.projects().items[0]
    alice.update_box(box_named(alice, "Harbour at dawn"), in_s=1.0, out_s=2.0)  # type: ignore[arg-type]
    alice.update_box(box_named(alice, "The keeper"), duration_s=1.0)  # type: ignore[arg-type]
    alice.set_headliner(box_named(alice, "The storm"), None)  # type: ignore[arg-type]
    return alice.set_soundtrack(project, sound(tmp_path / "song.mp3", seconds=4))


def clock(page: Page) -> str:
    return page.locator(".clock").inner_text().split(" / ")[0]


def test_who_only_looks_plays_the_cut_and_comes_to_the_shot(house: House, tmp_path: Path) -> None:  # noqa: F811
    project = trimmed(house, tmp_path)
    page = house.context("victor").new_page()
    page.add_init_script(HEARD)
    errors = listen(page)
    board(house, page, project).get_by_role("button", name="Play the cut").click()
    film = page.locator(FILM)
    expect(film).to_contain_text("3 shots · 0:02 · 1 has no headliner: 030", timeout=10_000)
    expect(film.locator(".clock")).to_contain_text("/ 0:02.0")
    expect(film.locator("[aria-current]")).to_contain_text("020", timeout=10_000)
    ends = film.locator("video").first.evaluate("film => film.currentTime")
    assert 1.9 < ends < 2.2, "the clip played from its in to its out"
    expect(film.get_by_role("button", name="Play or pause")).to_have_attribute("data-shape", "play", timeout=5_000)
    assert clock(page) == "0:02.0", "it stands at the end, the picture was held for its second"
    assert page.evaluate("heard.at(-1).currentTime") > 1.5, "the soundtrack went along"

    page.keyboard.press("Space")
    expect(film.locator("[aria-current]")).to_contain_text("010")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert clock(page) == "0:01.0"
    page.keyboard.press("Shift+ArrowLeft")
    assert clock(page) == "0:00.0"
    assert axe(page) == []
    film.get_by_role("listitem").filter(has_text="030").click()
    expect(film.get_by_text("This shot has no headliner yet.")).to_be_visible()
    film.get_by_role("button", name="Open this shot (O): 030 The storm").click()
    page.wait_for_url("**/box?**")
    storm = box_named(house.alice, "The storm")  # type: ignore[arg-type]
    assert parse_qs(urlsplit(page.url).query)["box"] == [str(storm.id)]

    board(house, page, project, "&play=1").locator(FILM).wait_for()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.cut")).to_have_count(0)
    expect(page.get_by_role("list", name="Shots, in order")).to_be_visible()
    assert "play" not in page.url
    assert errors == []


def test_a_clip_that_cannot_be_shown_does_not_hold_up_the_film(house: House) -> None:  # noqa: F811
    page = house.context("alice").new_page()
    page.route(re.compile(r"\.mp4"), lambda route: route.abort())
    board(house, page, house.alice.projects().items[0]).get_by_role("button", name="Play the cut").click()
    expect(page.get_by_text("This take cannot be shown here.")).to_be_visible(timeout=10_000)
    expect(page.locator(FILM).locator("[aria-current]")).to_contain_text("020", timeout=10_000)
    expect(page.get_by_text("This take cannot be shown here.")).to_have_count(0)


def test_what_cannot_be_played_says_why_and_a_stranger_sees_nothing(house: House) -> None:  # noqa: F811
    project = house.alice.create_project("Empty")
    page = board(house, house.context("alice", **PHONE).new_page(), project, "&play=1")
    expect(page.locator(FILM)).to_contain_text("There are no shots yet.")
    house.alice.create_box(project, "Alone")
    board(house, page, project, "&play=1")
    expect(page.locator(FILM)).to_contain_text("No shot has a headliner yet.")
    page.get_by_role("button", name="Close (Esc)").click()
    expect(page.locator("dialog.cut")).to_have_count(0)
    stranger = board(house, house.context("bob").new_page(), project, "&play=1")
    expect(stranger.get_by_text("There is nothing here")).to_be_visible()
    expect(stranger.locator("dialog.cut")).to_have_count(0)
    house.alice.delete_project(project)  # the others take the newest one


def test_a_reviewers_moment_is_the_films_and_is_kept_as_the_clips(house: House, tmp_path: Path) -> None:  # noqa: F811
    alice, project = house.alice, trimmed(house, tmp_path)
    alice.reorder_boxes(project, [box_named(alice, name) for name in ("The keeper", "Harbour at dawn", "The storm")])  # type: ignore[arg-type]
    alice.update_box(box_named(alice, "The keeper"), duration_s=2.0)  # type: ignore[arg-type]
    alice.publish_round(project, "The keeper comes first")
    page = enter(house.context(**PHONE), house.link())
    page.get_by_role("listitem").filter(has_text="Harbour").click()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    when, field = page.locator(".when"), page.get_by_label("Comment on this shot")
    assert (clock(page), when.inner_text()) == ("0:02.5", "0:02.5"), (
        "two seconds of the keeper, half a second of the clip"
    )
    field.fill("Darker here")
    page.get_by_label("Your name").fill("Vera")
    page.get_by_role("button", name="Send").click()
    row = page.locator(".talk li", has_text="Darker here")
    expect(row.locator(".moment")).to_have_text("0:02.5")
    expect(row).to_be_in_viewport(ratio=1)
    mine, field_top = row.bounding_box(), page.locator(".composer").bounding_box()
    assert mine and field_top and mine["y"] + mine["height"] <= field_top["y"] + 1, "not behind the field"
    (kept,) = alice.comments(project=project).items
    assert kept.timecode_s == 1.5, "a second is cut off before it"

    page.get_by_role("button", name="This shot alone").click()
    expect(row.locator(".moment")).to_have_text("0:00.5")
    assert (clock(page), when.inner_text()) == ("0:00.5", "0:00.5"), "of the shot, while one stays with it"
    clip = box_named(alice, "Harbour at dawn")  # type: ignore[arg-type]
    member = house.context("alice").new_page()
    member.goto(f"{house.app.url}/box?box={clip.id}&take={clip.headliner_asset_id}&talk=1")
    expect(member.locator(".talk .moment")).to_have_text(
        "0:01.5", timeout=20_000
    )  # as that player counts: the whole clip
    member.locator(".talk .moment").click()
    assert member.locator("video").evaluate("film => film.currentTime") == 1.5


def test_on_a_phone_the_bar_is_one_line_and_every_choice_is_whole(house: House) -> None:  # noqa: F811
    project, shot = house.alice.projects().items[0], box_named(house.alice, "Harbour at dawn")  # type: ignore[arg-type]
    page = house.context("alice", **PHONE, **RUSSIAN).new_page()
    page.goto(f"{house.app.url}/box?box={shot.id}")
    idle(page)
    bar = page.locator(".st-key-bar")
    page.wait_for_function(ONE_LINE, arg=bar.element_handle(), timeout=10_000)  # once its badge has come
    expect(bar.get_by_role("link", name=re.compile("Projects"))).to_be_visible()
    house.alice.set_language("ru")
    try:
        page.goto(f"{house.app.url}/batch?project={project.id}")
        idle(page)
        choices = page.get_by_role("radiogroup", name="Что делать")
        assert choices.evaluate("group => group.scrollWidth <= group.clientWidth")
        assert choices.get_by_role("radio").count() >= 3
    finally:
        house.alice.set_language("en")
