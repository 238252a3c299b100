"""Killed in the middle: everything goes on, and nothing is submitted twice."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from apom import testing

TAKES = 12


def test_twelve_takes_in_flight_survive_a_sigkill_and_are_submitted_once(tmp_path: Path) -> None:
    with testing.sandbox(tmp_path / "sandbox", image_s=4) as sandbox:
        with testing.server(tmp_path / "data", sandbox_url=sandbox.url) as app:
            client = httpx.Client(base_url=app.url, headers={"Origin": app.url}, timeout=30)
            assert client.post(
                "/api/users", json={"username": "alice", "password": "seven tall ships at dawn"}
            ).is_success
            project = client.post("/api/projects", json={"name": "P"}).json()["id"]
            box = client.post(f"/api/projects/{project}/boxes", json={"names": ["one"]}).json()[0]["id"]
            made = client.post(f"/api/boxes/{box}/generate", json={"prompt": "harbour", "n": TAKES})
            assert made.status_code == 201, made.text
            ids = {take["id"] for take in made.json()}
            _until(lambda: _submitted(sandbox.url) == TAKES)
            time.sleep(0.3)  # the answer to the last submission is committed a moment later
            app.kill()
        with testing.server(tmp_path / "data", sandbox_url=sandbox.url) as app:
            client.base_url = httpx.URL(app.url)
            client.headers["Origin"] = app.url

            def takes() -> list[dict[str, object]]:
                return list(client.get(f"/api/boxes/{box}/assets").json()["items"])

            _until(lambda: all(take["status"] not in ("PENDING", "PROCESSING") for take in takes()))
            assert {str(take["id"]) for take in takes()} == ids
            assert [take["status"] for take in takes()] == ["COMPLETED"] * TAKES
            assert _submitted(sandbox.url) == TAKES
            file = client.get(str(takes()[0]["file_url"]))
            assert (file.status_code, file.headers["content-type"]) == (200, "image/png")
            assert app.stop() == 0


def _submitted(url: str) -> int:
    return int(httpx.get(url + "/_sandbox/stats").json()["submitted"])


def _until(true: object, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.1)
