"""The health check tells the truth: red while something is not well, green again after, and a sentence for each part."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from stopping import House, house, until

from apom.engine import Vitals
from apom.health import examine
from apom.jobs import Vitals as JobVitals

BEFORE = """
from contextlib import contextmanager
from pathlib import Path
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apom import engine, health
from apom.engine import run
from apom.store.duck import DuckStore

health.LATE_S, run.DUTY_S, engine.TURN_S = 0.8, 0.2, 0.2

@contextmanager
def hold(self, duty, *, wait_s=0.0):
    yield lambda: not Path({folder!r}, "taken").exists()

DuckStore.hold = hold
AsyncIOScheduler.all = []
start = AsyncIOScheduler.start
AsyncIOScheduler.start = lambda self, *a, **k: (AsyncIOScheduler.all.append(self), start(self, *a, **k))[1]
"""
WEDGE = """
import time
from apom.studio import current
current().engine._loop.call_soon_threadsafe(time.sleep, 3)
"""
NO_SCHEDULER = """
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apom.studio import current
current().engine._loop.call_soon_threadsafe(AsyncIOScheduler.all[-1].shutdown, False)
"""
NO_THREAD = """
import sys
from apom.studio import current
current().jobs._next = sys.exit
current().jobs._wake()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("health")
    with house(folder, BEFORE.format(folder=str(folder))) as served:
        yield served


def red(home: House) -> dict[str, str]:
    """What the parts that are not well say; empty when all is well, and the status says the same."""
    with home.client() as client:
        answer = client.get("/api/health")
    found = answer.json()
    wrong = {part["name"]: part["says"] for part in found["parts"] if not part["ok"]}
    assert (answer.status_code, found["ok"]) == ((503, False) if wrong else (200, True))
    return wrong


def said(home: House) -> tuple[int, str, dict[str, object]]:
    """What `apom health` says: exit code, for people, for programs."""
    command = [sys.executable, "-m", "apom", "health", "--data-dir", str(home.folder / "data")]
    people = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    programs = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=30, check=False)
    assert people.returncode == programs.returncode
    return people.returncode, people.stdout, json.loads(programs.stdout)


def test_all_is_well(home: House) -> None:
    until(lambda: not red(home))
    code, people, document = said(home)
    assert code == 0
    assert people.splitlines()[0].startswith("well: http://127.0.0.1:")
    assert [line.split()[:2] for line in people.splitlines()[1:]] == [["ok", "store"], ["ok", "engine"], ["ok", "jobs"]]
    assert document["ok"] is True


def test_red_while_the_loop_is_wedged_and_green_again(home: House) -> None:
    home.do(WEDGE)
    until(lambda: bool(red(home)))
    assert "so what is in flight waits" in red(home)["engine"]
    until(lambda: not red(home))


def test_red_while_another_process_has_the_duty_and_green_again(home: House) -> None:
    taken = home.folder / "taken"
    taken.touch()
    until(lambda: "another process" in red(home).get("engine", ""))
    assert red(home).keys() == {"engine", "jobs"}
    code, people, _ = said(home)
    assert code == 1
    assert people.startswith("NOT WELL: ")
    assert "problem  engine" in people
    taken.unlink()
    until(lambda: not red(home))


def test_red_when_a_thread_of_the_jobs_has_died(home: House) -> None:
    home.do(NO_THREAD)
    until(lambda: red(home).keys() == {"jobs"})
    assert red(home)["jobs"].startswith("2 of 2 threads have died")


def test_red_when_the_scheduler_has_died(home: House) -> None:
    home.do(NO_SCHEDULER)
    until(lambda: "engine" in red(home))


@pytest.mark.parametrize(
    ("store", "engine", "jobs", "wrong"),
    [
        (True, Vitals(age_s=0.1, in_flight=3), JobVitals(threads=2, alive=2), {}),
        (False, Vitals(age_s=0.1, in_flight=3), JobVitals(threads=2, alive=2), {"store": "It does not answer."}),
        (
            True,
            Vitals(age_s=None, in_flight=0),
            JobVitals(threads=0, alive=0),
            {"engine": "It does not run", "jobs": "Long work waits"},
        ),
        (
            True,
            Vitals(age_s=61.4, in_flight=0),
            JobVitals(threads=2, alive=1),
            {"engine": "Its last tick was 61", "jobs": "1 of 2"},
        ),
    ],
)
def test_each_part_says_what_to_do(store: bool, engine: Vitals, jobs: JobVitals, wrong: dict[str, str]) -> None:
    found = examine(store=store, engine=engine, jobs=jobs)
    assert found.ok is not bool(wrong)
    parts = {part.name: part.says for part in found.parts if not part.ok}
    assert parts.keys() == wrong.keys()
    assert all(parts[name].startswith(start) for name, start in wrong.items())
