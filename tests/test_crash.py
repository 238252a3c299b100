"""Killed in the middle: everything goes on, and nothing is submitted twice."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import httpx
import pytest

from apom import testing

TAKES = 12


def test_twelve_takes_in_flight_survive_a_sigkill_and_are_submitted_once(tmp_path: Path, database_url: str) -> None:
    with testing.sandbox(tmp_path / "sandbox", image_s=4) as sandbox:
        settings = {"sandbox_url": sandbox.url, "database_url": database_url}
        with testing.server(tmp_path / "data", **settings) as app, _browser(app.url) as client:
            box, cookies = _order(client), client.cookies
            _until(lambda: _submitted(sandbox.url) == TAKES)
            time.sleep(0.3)  # the answer to the last submission is committed a moment later
            app.kill()
        with testing.server(tmp_path / "data", **settings) as app, _browser(app.url, cookies) as client:
            assert _ended(client, box) == ["COMPLETED"] * TAKES
            assert _submitted(sandbox.url) == TAKES
            take = client.get(f"/api/boxes/{box}/assets").json()["items"][0]
            file = client.get(take["file_url"])
            assert (file.status_code, file.headers["content-type"]) == (200, "image/png")
            assert app.stop() == 0


def trial(folder: Path, seed: int, *, lookup: bool) -> tuple[int, int]:
    """Orders takes, each with a seed of its own, kills the app twice at random moments, and lets it end.

    How many COMPLETED, how many wait for a person; nothing is lost, and no seed was submitted twice. `lookup`: whether
    the provider can be asked for a lost submission; where it can, nobody is asked.
    """
    chance = random.Random(seed)
    with testing.sandbox(folder / "sandbox", image_s=0.3) as sandbox:
        httpx.post(sandbox.url + "/_sandbox/settings", json={"create_delay_s": 0.2, "no_lookup": int(not lookup)})
        cookies, box = httpx.Cookies(), ""
        for run in range(3):
            with testing.server(folder / "data", sandbox_url=sandbox.url) as app, _browser(app.url, cookies) as client:
                box = box or _order(client)
                cookies = client.cookies
                if run < 2:
                    time.sleep(chance.uniform(0.05, 1.2))
                    app.kill()
                else:
                    statuses = _ended(client, box)
    sent = [json.loads(path.read_text("utf-8"))["input"]["seed"] for path in (folder / "sandbox/tasks").glob("*.json")]
    assert len(sent) == len(set(sent)), "submitted twice"
    assert len(statuses) == TAKES, "lost"
    assert set(statuses) <= ({"COMPLETED"} if lookup else {"COMPLETED", "ATTENTION"}), statuses
    return statuses.count("COMPLETED"), statuses.count("ATTENTION")


def _browser(url: str, cookies: httpx.Cookies | None = None) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Origin": url}, cookies=cookies, timeout=30)


def _ended(client: httpx.Client, box: str) -> list[str]:
    _until(lambda: not {"PENDING", "PROCESSING"} & set(_statuses(client, box)), 120)
    return _statuses(client, box)


def _order(client: httpx.Client) -> str:
    client.post("/api/users", json={"username": "alice", "password": "seven tall ships at dawn"})
    project = client.post("/api/projects", json={"name": "P"}).json()["id"]
    box = str(client.post(f"/api/projects/{project}/boxes", json={"names": ["one"]}).json()[0]["id"])
    ordered = client.post(f"/api/boxes/{box}/generate", json={"prompt": "harbour", "n": TAKES})
    assert ordered.status_code == 201, ordered.text
    return box


def _statuses(client: httpx.Client, box: str) -> list[str]:
    return [take["status"] for take in client.get(f"/api/boxes/{box}/assets").json()["items"]]


def test_killed_twice_while_submitting_nothing_is_lost_or_sent_twice(tmp_path: Path) -> None:
    trial(tmp_path, seed=7, lookup=True)


@pytest.mark.long
def test_many_kills_at_random_moments_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    done = [trial(tmp_path / str(seed), seed, lookup=seed % 2 == 0) for seed in range(16)]
    print(f"completed {sum(c for c, _ in done)}, waiting for a person {sum(a for _, a in done)}")  # noqa: T201


def _submitted(url: str) -> int:
    return int(httpx.get(url + "/_sandbox/stats").json()["submitted"])


def _until(true: object, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.1)
