"""A provider behind the worst of networks: everything comes to an end or to a person, and nothing is submitted twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from conftest import person
from engine_room import offer, until
from starlette.applications import Starlette

from apom import steps, testing
from apom import studio as studio_module
from apom.api import hooks
from apom.config import Settings
from apom.models import Attention, Status
from apom.store import generations
from apom.studio import Studio, Workspace
from apom.testing.alone import hurry
from apom.testing.invariants import assert_invariants, books
from apom.testing.storm import ROUGH, Storm

WAYS = ["lookup", "callbacks", "neither"]  # by which a submission is found again whose answer was lost


@contextmanager
def hooks_served() -> Iterator[str]:
    """The address under which the provider can call the current studio of this process."""
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[*hooks.ROUTES]), port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        studio_module.set_current(None)
        server.should_exit = True
        thread.join()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for a provider are an eighth as long."""
    hurry(1 / 8, monkeypatch.setattr)
    monkeypatch.setattr(steps, "CALLBACK_S", 8.0)


def manners(way: str) -> Callable[[dict[str, Any]], None]:
    def change(file: dict[str, Any]) -> None:
        file["limits"].update(concurrent=32, submit={"count": 400, "per_s": 10}, poll={"count": 2000, "per_s": 10})
        file["poll"].update(every_s=0.2, max_every_s=1, deadline_s=8, watch_s=10)
        if way != "lookup":
            del file["submit"]["lookup"]

    return change


def weather(tmp_path: Path, way: str, takes: int, storm: Storm) -> Counter[str]:
    """Orders takes in a storm and waits for the end of it; how they ended, and what happened to the requests."""
    called = hooks_served() if way == "callbacks" else nullcontext("")
    with testing.chaos(tmp_path / "sandbox", storm, seed=11, image_s=0.3) as provider, called as public_url:
        httpx.post(provider.url + "/_sandbox/settings", json={"fail_rate": 0.03})
        settings = Settings(data_dir=tmp_path / "data", sandbox_url=provider.url, public_url=public_url)
        with Studio.open(settings) as studio:
            if public_url:
                studio_module.set_current(studio)
            offer(studio, manners(way))
            alice = studio.workspace(person(studio, "alice"))
            _order(alice, takes)
            until(lambda: not _is_at_work(studio), 300)
            made = books(tmp_path / "sandbox")
            assert_invariants(studio, made)
            with studio._store.read() as tx:
                ended = tx.all("select g.id, a.status, g.attention from asset a join generation g on g.asset_id = a.id")
        happened: dict[str, int] = httpx.get(provider.url + "/_chaos").json()
    assert len(ended) == takes
    found = Counter(str(row["attention"] or row["status"]) for row in ended)
    known = {task.client_id for task in made}
    found["LOST, and made"] = sum(row["attention"] in ("LOST", "UNSURE") and str(row["id"]) in known for row in ended)
    print(f"\n{takes} takes, {way}: {dict(found)} in {dict(happened)}")  # noqa: T201
    return found + Counter({f"saw {name}": count for name, count in happened.items()})


def _order(alice: Workspace, takes: int) -> None:
    box = alice.create_box(alice.create_project("P"), "one")
    for at in range(0, takes, 16):
        alice.generate(box, "x", n=min(16, takes - at))


def _is_at_work(studio: Studio) -> bool:
    with studio._store.read() as tx:
        return bool(generations.unfinished(tx))


def assert_ended_well(found: Counter[str], way: str) -> None:
    """What can be found again is nobody's trouble."""
    assert found[Status.COMPLETED] > 0 and found[Attention.GONE] == 0
    if way == "lookup":
        assert found[Attention.LOST] + found[Attention.UNSURE] == 0, found
    if way == "callbacks":
        assert found["LOST, and made"] <= found["saw never"], found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("hurried")
def test_sixty_takes_in_a_storm_all_come_to_an_end_and_are_made_once(tmp_path: Path, way: str) -> None:
    assert_ended_well(weather(tmp_path, way, 60, replace(ROUGH, never=0.02)), way)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("hurried")
def test_four_hundred_takes_in_a_storm_all_come_to_an_end_and_are_made_once(tmp_path: Path, way: str) -> None:
    found = weather(tmp_path, way, 400, replace(ROUGH, never=0.02))
    assert_ended_well(found, way)
    assert all(found[f"saw {name}"] for name in ROUGH.faults), found


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("sandbox")
    with testing.chaos(folder, Storm()) as running:
        yield running.url, folder


HAPPENS = {  # whether it was made, and what whoever ordered it hears
    "dropped_before": (0, "RemoteProtocolError"),
    "reset_before": (0, "ReadError"),
    "dropped_after": (1, "RemoteProtocolError"),
    "reset_after": (1, "ReadError"),
    "cut": (1, "RemoteProtocolError"),
    "late": (1, "ReadTimeout"),
    "busy": (0, "429 application/json False"),
    "gateway": (0, "502 text/html; charset=utf-8 False"),
    "gateway_after": (1, "504 text/html; charset=utf-8 False"),
    "broken": (1, "200 application/json False"),
    "misshapen": (1, "200 application/json False"),
    "mislabelled": (1, "200 text/html True"),
    "dripping": (1, "200 application/json True"),
}


@pytest.mark.parametrize("name", Storm().faults)
def test_the_storm_does_what_it_says(provider: tuple[str, Path], name: str) -> None:
    url, folder = provider
    made = len(books(folder))
    order = {"model": "sandbox-image", "input": {"prompt": "x"}}
    with httpx.Client(timeout=1) as client:
        client.post(url + "/_chaos", json={name: 1.0, "late_s": 1.2})
        try:
            answer = client.post(url + "/api/v1/jobs/createTask", json=order)
            said = f"{answer.status_code} {answer.headers['content-type']} {'taskId' in answer.text}"
        except httpx.HTTPError as error:
            said = type(error).__name__
        assert client.get(url + "/_chaos").json() == {name: 1}
    assert (len(books(folder)) - made, said) == HAPPENS[name]
