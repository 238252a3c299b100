"""Exports as jobs: ordered, made, fetched by who ordered them, and cleared away."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import docx
import pytest
from conftest import Cast, let_in

from apom import jobs
from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotAllowed, NotFound
from apom.export import exports, formats
from apom.models import Job, JobState, Project, Role
from apom.studio import Workspace
from pages.export import OPTIONS


@pytest.fixture
def project(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setattr(cast.studio.jobs, "_is_on", lambda: True)
    monkeypatch.setattr(jobs, "NOTE_S", 0.0)
    monkeypatch.setattr(jobs, "LOOK_S", 0.05)
    monkeypatch.setattr(exports, "ASK_S", 0.0)
    project = cast.alice.create_project("Film")
    cast.alice.create_boxes(project, ["one", "two"])
    let_in(cast.alice, project, "victor")
    yield project
    cast.studio.jobs.stop()


def over(ws: Workspace, job: Job) -> Job:
    end = time.monotonic() + 10
    while (found := ws.job(job)).state in (JobState.PENDING, JobState.RUNNING):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def long(monkeypatch: pytest.MonkeyPatch, write: Any, **more: Any) -> None:
    format = formats.Format(
        title="Slow", about="", icon="", ext="txt", mime="text/plain", is_long=True,
        choice=formats.FORMATS["csv"].choice, write=write, **more,
    )  # fmt: skip
    monkeypatch.setattr(exports, "FORMATS", {**formats.FORMATS, "slow": format})
    monkeypatch.setattr(formats, "FORMATS", {**formats.FORMATS, "slow": format})


def test_one_person_does_not_fill_the_queue(cast: Cast, project: Project) -> None:
    many = [cast.victor.order_export(project, "csv") for _ in range(5)]
    with pytest.raises(Conflict, match="You have 5 of these under way"):
        cast.victor.order_export(project, "csv")
    assert cast.alice.order_export(project, "csv").state is JobState.PENDING
    cast.victor.cancel_job(many[0])
    assert cast.victor.order_export(project, "csv").state is JobState.PENDING


def test_a_file_that_a_job_made_is_fetched_by_who_ordered_it_and_by_nobody_else(
    cast: Cast, project: Project, tmp_path: Path
) -> None:
    order = cast.victor.order_export(project, "docx", seeds=True)
    with pytest.raises(Conflict, match="not ready"):
        cast.victor.export_file(order, tmp_path / "early.docx")
    cast.studio.jobs.start()
    assert over(cast.victor, order).state is JobState.DONE
    got = cast.victor.export_file(order, tmp_path / "film.docx")
    assert got.name == "Film.docx" and got.bytes == got.path.stat().st_size
    assert got.remarks == tuple(f"{shot}: No take has been picked for this shot." for shot in ("010 one", "020 two"))
    assert len(docx.Document(str(got.path)).tables[-1].rows) == 3
    lies = cast.victor.export_file(order).path
    assert lies.read_bytes() == got.path.read_bytes()
    for other in (cast.alice, cast.bob):
        with pytest.raises(NotFound):
            other.export_file(order)
    cast.alice.remove_member(project, cast.victor.actor.user_id)
    with pytest.raises(NotFound):
        cast.victor.export_file(order)


def test_files_wait_for_some_days(cast: Cast, project: Project, tmp_path: Path) -> None:
    cast.studio.jobs.start()
    order = over(cast.alice, cast.alice.order_export(project, "csv"))
    folder = cast.alice.export_file(order).path.parent
    assert cast.studio.exports.tidy() == 0
    past = (cast.studio.exports._clock() - timedelta(days=8)).timestamp()
    os.utime(folder / "export.csv", (past, past))
    assert cast.studio.exports.tidy() == 1 and not folder.exists()
    with pytest.raises(Conflict, match="Export it anew"):
        cast.alice.export_file(order)


def test_where_room_is_short_what_was_made_first_goes_first(
    cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.studio.jobs.start()
    first, second = (over(cast.alice, cast.alice.order_export(project, "csv")) for _ in range(2))
    monkeypatch.setattr(exports, "LIMITS", LIMITS.model_copy(update={"exports_bytes": 1}))
    assert cast.studio.exports.tidy() == 1 and cast.studio.exports.tidy() == 0
    assert cast.alice.export_file(second).bytes > 1
    with pytest.raises(Conflict, match="when others need the room"):
        cast.alice.export_file(first)
    third = over(cast.victor, cast.victor.order_export(project, "csv"))
    assert cast.victor.export_file(third).bytes
    with pytest.raises(Conflict):
        cast.alice.export_file(second)


def test_what_is_being_made_is_not_cleared_away(cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = Event(), Event()

    def write(_room: Any, _choice: Any, path: Path, _progress: Any) -> Sequence[str]:
        path.write_bytes(b"half")
        begun.set()
        assert end.wait(10)
        with path.open("ab") as file:
            file.write(b" and half")
        return ()

    long(monkeypatch, write)
    monkeypatch.setattr(exports, "LIMITS", LIMITS.model_copy(update={"exports_bytes": 1}))
    cast.studio.jobs.start()
    slow = cast.alice.order_export(project, "slow")
    assert begun.wait(10)
    over(cast.alice, cast.alice.order_export(project, "csv"))
    end.set()
    assert over(cast.alice, slow).state is JobState.DONE
    assert cast.alice.export_file(slow).path.read_bytes() == b"half and half"


def test_who_is_put_out_meanwhile_gets_nothing_and_nothing_is_left(
    cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(room: Any, choice: Any, path: Path, progress: Any) -> Sequence[str]:
        path.write_text("half")
        cast.alice.remove_member(project, cast.victor.actor.user_id)
        progress(0.5)
        raise AssertionError("it went on")

    long(monkeypatch, write)
    cast.studio.jobs.start()
    order = cast.victor.order_export(project, "slow")
    found = over(cast.alice, order)
    assert found.state is JobState.FAILED and "fault" not in str(found.error_message)
    assert list((cast.studio.settings.data_dir / "exports").iterdir()) == []


def test_stopped_by_a_person_it_leaves_nothing(cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(room: Any, choice: Any, path: Path, progress: Any) -> Sequence[str]:
        path.write_text("half")
        while True:
            progress(0.5)
            time.sleep(0.01)

    long(monkeypatch, write)
    cast.studio.jobs.start()
    order = cast.alice.order_export(project, "slow")
    end = time.monotonic() + 10
    while cast.alice.job(order).progress < 0.5:
        assert time.monotonic() < end
    cast.alice.cancel_job(order)
    folder = cast.studio.settings.data_dir / "exports"
    while any(folder.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert cast.alice.job(order).state is JobState.CANCELLED


def test_a_format_asks_for_a_role_and_choices_are_checked_before_anything_is_made(
    cast: Cast, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long(monkeypatch, lambda *_: (), least=lambda choice: Role.EDITOR if choice.table == "takes" else Role.VIEWER)
    cast.victor.order_export(project, "slow")
    with pytest.raises(NotAllowed):
        cast.victor.order_export(project, "slow", table="takes")
    for choices in ({"table": "perhaps"}, {"nothing": 1}):
        with pytest.raises(Invalid):
            cast.alice.order_export(project, "docx", **choices)
        with pytest.raises(Invalid):
            cast.alice.export(project, "csv", tmp_path / "no.csv", **choices)
    with pytest.raises(Invalid, match="There are: docx, pdf, xlsx, csv, rights"):
        cast.alice.order_export(project, "svg")
    assert not (tmp_path / "no.csv").exists()


def test_what_one_chose_is_chosen_the_next_time_by_oneself_alone(cast: Cast, project: Project) -> None:
    cast.alice.remember_export("docx", seeds=True)
    cast.alice.remember_export("docx", cost=True)
    chosen = {format.name: format.chosen for format in cast.alice.export_formats()}
    assert chosen["docx"]["cost"] is True and chosen["docx"]["seeds"] is False and chosen["csv"] == {}
    assert all(format.chosen == {} for format in cast.bob.export_formats())
    with pytest.raises(Invalid):
        cast.alice.remember_export("docx", seeds="perhaps")


def test_everything_that_may_be_chosen_has_a_word_for_people() -> None:
    as_they_are = {"A4", "Letter", "2x2", "3x2", "4x3", "5x4", "6x5", "720p", "1080p", "24", "25", "30"}
    choices = [
        schema for f in formats.FORMATS.values() for schema in f.choice.model_json_schema()["properties"].values()
    ]
    values = {str(value) for schema in choices for value in schema.get("enum", ())}
    assert values - as_they_are == set(OPTIONS)
