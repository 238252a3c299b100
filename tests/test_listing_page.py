"""Shots from pasted cells and from a workbook, and the project's style beside a prompt: in a real browser."""

from __future__ import annotations

import re
import time
from pathlib import Path

import xlsxwriter
from browser import idle, listen, screen
from playwright.sync_api import Browser, Page, expect
from test_format_page import GOOD, signed_in

from apom import testing
from apom.client import RemoteStudio, RemoteWorkspace
from apom.models import Project

CELLS = "Code\tName\tSection\tPrompt\tCamera\n010\tHarbour\tAct I\tfishing boats\tdolly\n020\tKeeper\tAct I\trim *light*\t\n"
STYLE = "35 mm film, muted greens"


def workbook(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["Код", "Название", "Длительность", "Ответственный"])
        page.write_row(1, 0, ["010", "Harbour at dawn", 2.5, "alice"])
        page.write_row(2, 0, ["030", "Storm", "soon", "mallory"])
    return path


def test_shots_come_from_cells_and_from_a_workbook_and_a_style_follows_prompts(
    browser: Browser, tmp_path: Path
) -> None:
    with testing.server(tmp_path / "data", sandbox_image_s="0.2") as app, RemoteStudio(app.url) as studio:
        studio.register("alice", GOOD)
        with studio.login("alice", GOOD) as ws:
            project = ws.create_project("Lighthouse", style_text=STYLE)
            page = signed_in(browser, app.url, "alice", f"/board?project={project.id}")
            errors = listen(page)
            cells(page, ws, project, tmp_path)
            table(page, ws, project, tmp_path)
            page.goto(f"{app.url}/box?box={ws.get_project_boxes(project)[0].id}")
            styled(page, ws, project, tmp_path)
            page.goto(f"{app.url}/batch?project={project.id}")
            batch(page, tmp_path)
            assert errors == []


def names(ws: RemoteWorkspace, project: Project) -> list[str]:
    return [f"{box.code} {box.name}" for box in ws.get_project_boxes(project)]


def cells(page: Page, ws: RemoteWorkspace, project: Project, folder: Path) -> None:
    """On an empty board: looked at first, then made."""
    page.get_by_label("One line for each shot").fill(CELLS)
    page.get_by_role("button", name="Make shots").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 new")).to_be_visible()
    expect(dialog.get_by_text("Not read: Camera")).to_be_visible()
    assert names(ws, project) == []
    idle(page)
    screen(page, "cells", folder)
    dialog.get_by_role("button", name="Make 2 shots").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("2 shots")).to_be_visible()
    assert names(ws, project) == ["010 Harbour", "020 Keeper"]
    assert ws.get_project_boxes(project)[1].prompt_text == "rim *light*"


def table(page: Page, ws: RemoteWorkspace, project: Project, folder: Path) -> None:
    """A workbook with mistakes: each said at its row, the columns left out, and what is here changed."""
    idle(page)
    page.get_by_role("button", name="Add shots").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Or a table: CSV or Excel (XLSX)")).to_be_visible()
    idle(page)
    screen(page, "add-shots", folder)
    dialog.locator("input[type=file]").set_input_files(workbook(folder / "shots.xlsx"))
    expect(dialog.get_by_text("Row 3: “soon” is no length.")).to_be_visible()
    expect(dialog.get_by_text("Row 3: mallory is not in this project.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Make shots")).to_be_disabled()
    dialog.get_by_text("Change shots that are here already").click()
    expect(dialog.get_by_text("1 changed · 1 cannot be used")).to_be_visible()
    idle(page)
    screen(page, "problems", folder)
    for column in ("Длительность", "Ответственный"):
        dialog.get_by_role("combobox", name="Leave out columns").click()
        page.get_by_role("option", name=column).click()
        idle(page)
    page.keyboard.press("Escape") if page.get_by_role("listbox").count() else None
    dialog.get_by_role("button", name="Make 1, change 1").click()
    expect(dialog).to_be_hidden()
    assert names(ws, project) == ["010 Harbour at dawn", "020 Keeper", "030 Storm"]


def styled(page: Page, ws: RemoteWorkspace, project: Project, folder: Path) -> None:
    """What is sent is shown with the style, and sent so; switched off it is not."""
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("boats at night")
    page.get_by_role("button", name="What is sent").click()
    expect(page.get_by_text(f"boats at night, {STYLE}")).to_be_visible()
    idle(page)
    screen(page, "style", folder)
    page.keyboard.press("Escape")
    for n, sent in enumerate((f"boats at night, {STYLE}", "boats at night"), 1):
        if sent == "boats at night":
            page.get_by_text("Add the project's style").click()
            idle(page)
        page.get_by_role("button", name=re.compile("^Generate")).click()
        until = time.monotonic() + 10
        while len(takes := ws.search_assets(project=project).items) < n:
            assert time.monotonic() < until, "nothing was ordered"
            time.sleep(0.1)
        assert ws.asset(takes[0]).prompt_text == sent
        idle(page)
    assert ws.get_project_boxes(project)[0].prompt_text == "boats at night"


def batch(page: Page, folder: Path) -> None:
    """The estimate lists the prompts as they will be sent."""
    expect(page.get_by_text("Add the project's style")).to_be_visible()
    page.get_by_text(re.compile(r"^\d prompts?$")).click()
    expect(page.get_by_text(f"rim *light*, {STYLE}")).to_be_visible()
    idle(page)
    screen(page, "batch-style", folder)
