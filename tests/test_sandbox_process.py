"""The sandbox as a process of its own: one line, faults of the wire, a kill in the middle, a clean end."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from apom import testing

TAKES = 6


def create(url: str, **given: object) -> Any:
    body = {"model": "sandbox-video" if "image_url" in given else "sandbox-image", "input": given}
    return httpx.post(url + "/api/v1/jobs/createTask", json=body, timeout=30).json()


def stats(url: str) -> Any:
    return httpx.get(url + "/_sandbox/stats", timeout=30).json()


def done(url: str, task: str) -> Any:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        data = httpx.get(url + "/api/v1/jobs/recordInfo", params={"taskId": task}, timeout=30).json()["data"]
        if data["state"] in ("success", "fail"):
            return data
        time.sleep(0.05)
    raise AssertionError("it did not finish")


def test_killed_in_the_middle_it_finds_every_task_and_the_exact_count(tmp_path: Path) -> None:
    with testing.sandbox(tmp_path, image_s=0.5) as first:
        ids = [create(first.url, prompt=f"take {i}", seed=i)["data"]["taskId"] for i in range(TAKES)]
        first.kill()
    with testing.sandbox(tmp_path, image_s=0.5) as again:
        assert stats(again.url)["submitted"] == TAKES
        infos = [done(again.url, task) for task in ids]
        assert [info["state"] for info in infos] == ["success"] * TAKES
        url = json.loads(infos[0]["resultJson"])["resultUrls"][0]
        assert url.startswith(again.url + "/files/"), "it is where it is now"
        assert httpx.get(url).content[:8] == b"\x89PNG\r\n\x1a\n"
        assert stats(again.url) == {
            "submitted": TAKES,
            "tasks": {"success": TAKES},
            "uploads": 0,
            "balance": 100_000 - 4 * TAKES,
        }
        old = url.replace(again.url, first.url)  # an address from before the restart
        clip = done(again.url, create(again.url, image_url=old, duration=3)["data"]["taskId"])
        path = tmp_path / "clip.mp4"
        path.write_bytes(httpx.get(json.loads(clip["resultJson"])["resultUrls"][0]).content)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 1280, 720)
        assert float(stream.duration * stream.time_base) == pytest.approx(3, abs=0.05)


def test_it_ends_cleanly_when_told_with_work_left_and_half_files_are_none(tmp_path: Path) -> None:
    with testing.sandbox(tmp_path, image_s=30) as running:
        for i in range(30):
            create(running.url, prompt=f"take {i}")
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 10, "what waits is not drawn first"
        assert "".join(running.said).splitlines() == [f"sandbox {running.url}"]
    files = list((tmp_path / "files").iterdir())
    assert len(files) < 30 and all(path.suffix == ".png" for path in files)


def test_a_lost_answer_is_a_task_that_was_accepted(tmp_path: Path) -> None:
    with testing.sandbox(tmp_path) as running:
        httpx.post(running.url + "/_sandbox/settings", json={"drop_next": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            create(running.url, prompt="[fail]")
        assert stats(running.url)["submitted"] == 1
        assert create(running.url, prompt="[fail]")["code"] == 200
        assert stats(running.url)["submitted"] == 2


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    with testing.sandbox(tmp_path) as running:
        assert running.url.startswith("http://127.0.0.1:")
