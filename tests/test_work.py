"""The section of long work: how far it is, what came of it, and the buttons."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import Cast, let_in
from streamlit.testing.v1 import AppTest
from test_bulk import ON_ITS_WAY, over, put

from apom import studio as studio_module
from apom.models import Actor, JobState, Judgement, Status
from apom.studio import Studio
from apom.ui import guard

EMPTY = "Long work, such as a mark on hundreds of takes, stands here with how far it is."


def script() -> None:
    from apom.ui import guard
    from pages.work import long_work

    guard.guarded(long_work)()


@pytest.fixture
def tabs(studio: Studio, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, AppTest]]:
    """The page of each of the cast."""
    people = {ws.actor.username: ws.actor for ws in (cast.alice, cast.bob, cast.victor)}
    monkeypatch.setattr(studio.jobs, "_is_on", lambda: True)
    studio_module.set_current(studio)
    before = guard._resolve
    guard.connect({str(actor.user_id): actor for actor in people.values()}.get)
    yield {name: _tab(actor) for name, actor in people.items()}
    guard.connect(before)
    studio_module.set_current(None)


def _tab(actor: Actor) -> AppTest:
    tab = AppTest.from_function(script, default_timeout=20)
    tab.user = {"user_id": str(actor.user_id), "session_ref": str(actor.user_id)}
    return tab


def press(tab: AppTest, label: str) -> None:
    next(button for button in tab.button if button.label == label).click().run()


def test_what_is_under_way_is_seen_stopped_resumed_and_put_back(cast: Cast, tabs: dict[str, AppTest]) -> None:
    alice = tabs["alice"]
    assert [line.value for line in alice.run().caption] == [EMPTY]
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor")
    box = cast.alice.create_box(project, "one")
    put(cast.studio, box, 3)
    put(cast.studio, box, 2, status=Status.PROCESSING)
    job = cast.alice.mark_all(Judgement(trashed=True), box=box)
    assert [text.value for text in alice.run().text] == ["5 takes to the trash · Waiting"]
    press(alice, "Pause")
    assert cast.alice.job(job).state is JobState.PAUSED
    assert [button.label for button in alice.button] == ["Go on", "Stop"]
    press(alice, "Go on")
    cast.studio.jobs.start()
    over(cast.alice, job)
    alice.run()
    assert [text.value for text in alice.text] == ["5 takes to the trash · Done"]
    assert [line.value.replace("\\", "") for line in alice.caption] == ["3 takes changed", f"2 takes: {ON_ITS_WAY}"]
    press(alice, "Put back")
    back = cast.alice.jobs().items[0]
    over(cast.alice, back)
    assert "3 takes out of the trash · Done" in [text.value for text in alice.run().text]
    victor = tabs["victor"].run()
    assert len(victor.text) == 2, "who may look sees it"
    press(victor, "Put back")
    assert "You may look at this project" in victor.toast[0].value
    assert [line.value for line in tabs["bob"].run().caption] == [EMPTY]
