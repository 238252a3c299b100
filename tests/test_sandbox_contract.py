"""The sandbox speaks Kie's contract: each endpoint, through the transport the engine uses."""

from __future__ import annotations

import asyncio
import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from apom.sandbox.app import create_app
from apom.sandbox.order import SEEDS, Refusal, read
from apom.sandbox.tasks import BALANCE, Tasks, write

BASE = "http://sandbox.apom"
WAIT_S = 60.0


class Caller:
    """Asks an application within this process."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def create(self, model: str = "sandbox-image", **given: object) -> dict[str, Any]:
        answer = self("POST", "/api/v1/jobs/createTask", json={"model": model, "input": given})
        assert answer.status_code == 200, "Kie refuses within the body"
        return answer.json()

    def info(self, task_id: str) -> dict[str, Any]:
        return self("GET", "/api/v1/jobs/recordInfo", params={"taskId": task_id}).json()

    def done(self, task_id: str) -> dict[str, Any]:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            data = self.info(task_id)["data"]
            if data["state"] in ("success", "fail"):
                return data
            time.sleep(0.02)
        raise AssertionError("it did not finish")

    def made(self, *args: Any, **given: object) -> str:
        """The URL of a result."""
        data = self.done(self.create(*args, **given)["data"]["taskId"])
        assert data["state"] == "success", data
        return str(json.loads(data["resultJson"])["resultUrls"][0])

    def sent_in(self, content: bytes, mime: str = "image/png", name: str = "a.png") -> dict[str, Any]:
        files = {"file": (name, content, mime)}
        return self(
            "POST", "/api/file-stream-upload", files=files, data={"uploadPath": "apom", "fileName": name}
        ).json()

    def stats(self) -> dict[str, Any]:
        return self("GET", "/_sandbox/stats").json()

    def settings(self, **wishes: object) -> dict[str, Any]:
        return self("POST", "/_sandbox/settings", json=wishes).json()


@pytest.fixture
def sandbox(tmp_path: Path) -> Caller:
    return Caller(create_app(tmp_path, image_s=0, video_s=0))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the same shapes, small: what is drawn is proven elsewhere."""
    monkeypatch.setattr("apom.sandbox.order.SIZES", {"16:9": (64, 36), "9:16": (36, 64)})
    monkeypatch.setattr("apom.sandbox.easel.SIZES", {"16:9": (64, 36), "9:16": (36, 64)})


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is drawn until the event is set."""
    import apom.sandbox.easel as easel

    event, really = threading.Event(), easel.draw

    def wait_and_draw(*args: Any) -> None:
        assert event.wait(WAIT_S)
        really(*args)

    monkeypatch.setattr(easel, "draw", wait_and_draw)
    yield event
    event.set()


def png(size: tuple[int, int] = (64, 36)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.usefixtures("full_pictures")
def test_a_picture_from_order_to_file(sandbox: Caller) -> None:
    before = time.time() * 1000 - 1
    answer = sandbox.create(prompt="Маяк", seed=7, aspect_ratio="9:16")
    assert (answer["code"], answer["msg"], set(answer["data"])) == (200, "success", {"taskId"})
    data = sandbox.done(answer["data"]["taskId"])
    assert (data["state"], data["model"], data["creditsConsumed"]) == ("success", "sandbox-image", 4)
    assert (data["failCode"], data["failMsg"]) == (None, None)
    assert before < data["createTime"] <= data["completeTime"] < time.time() * 1000 + 1
    assert data["costTime"] == pytest.approx(data["completeTime"] - data["createTime"], abs=2)
    given = {"prompt": "Маяк", "seed": 7, "aspect_ratio": "9:16"}
    assert json.loads(data["param"]) == {"model": "sandbox-image", "input": given}
    (url,) = json.loads(data["resultJson"])["resultUrls"]
    assert url == f"{BASE}/files/{data['taskId']}.png"
    file = sandbox("GET", url)
    assert (file.status_code, file.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(file.content)) as image:
        assert image.size == (720, 1280)


def test_the_states_follow_the_time_and_wait_for_the_drawing(
    tmp_path: Path, blocked: threading.Event, quick: None
) -> None:
    now = 1000.0
    tasks = Tasks(tmp_path, clock=lambda: now)
    task = tasks.accept("sandbox-image", {"prompt": "x"}, takes_s=10)
    failing = tasks.accept("sandbox-image", {"prompt": "[fail]"}, takes_s=10)

    def states(at: float) -> tuple[str, str]:
        nonlocal now
        now = 1000.0 + at
        return tasks.state(task), tasks.state(failing)

    assert states(0) == ("waiting", "waiting")
    assert states(2) == ("queuing", "queuing")
    assert states(5) == ("generating", "generating")
    assert states(10) == ("generating", "fail"), "the time is over, the picture is not there"
    blocked.set()
    _until(lambda: tasks.state(task) == "success")
    assert tasks.counts() == {"success": 1, "fail": 1}
    assert states(9)[0] == "generating", "never sooner than it takes"


def test_nothing_is_told_of_a_result_before_it_is_there(sandbox: Caller, blocked: threading.Event, quick: None) -> None:
    task = sandbox.create(prompt="x")["data"]["taskId"]
    data = sandbox.info(task)["data"]
    assert (data["state"], data["resultJson"], data["completeTime"], data["creditsConsumed"]) == (
        "generating",
        "",
        None,
        0,
    )
    assert sandbox("GET", f"/files/{task}.png").status_code == 404
    blocked.set()
    assert sandbox.done(task)["state"] == "success"


def test_a_clip_from_an_upload_and_from_a_result(sandbox: Caller, quick: None) -> None:
    for field, url in (
        ("image_url", sandbox.sent_in(png())["data"]["fileUrl"]),
        ("input_urls", sandbox.made(prompt="x")),
    ):
        made = sandbox.made("sandbox-video", duration=3, seed=1, **{field: [url] if field == "input_urls" else url})
        file = sandbox("GET", made, headers={"Range": "bytes=4-7"})
        assert (file.status_code, file.content, file.headers["content-type"]) == (206, b"ftyp", "video/mp4")
        assert file.headers["content-range"].startswith("bytes 4-7/")
    assert sandbox.stats()["balance"] == BALANCE - 4 - 12 - 12


def test_an_upload_answers_with_an_absolute_url_and_a_name_of_its_own(sandbox: Caller) -> None:
    content = png()
    answer = sandbox.sent_in(content, name="../../etc/passwd")
    data = answer["data"]
    assert (answer["success"], answer["code"], data["fileSize"], data["mimeType"]) == (
        True,
        200,
        len(content),
        "image/png",
    )
    assert data["downloadUrl"] == data["fileUrl"] == f"{BASE}/files/{data['fileName']}"
    assert sandbox("GET", data["fileUrl"]).content == content
    assert sandbox.stats()["uploads"] == 1


def test_an_upload_that_is_no_picture_is_refused(sandbox: Caller) -> None:
    assert sandbox.sent_in(b"x", mime="text/html")["code"] == 422
    answer = sandbox("POST", "/api/file-stream-upload", data={"uploadPath": "apom"}).json()
    assert (answer["success"], answer["code"]) == (False, 422)
    assert sandbox.stats()["uploads"] == 0


def test_a_clip_of_a_broken_picture_fails_once_and_for_all(sandbox: Caller) -> None:
    url = sandbox.sent_in(b"not a picture")["data"]["fileUrl"]
    data = sandbox.done(sandbox.create("sandbox-video", image_url=url)["data"]["taskId"])
    assert (data["state"], data["failCode"], data["creditsConsumed"], data["resultJson"]) == ("fail", "501", 0, "")
    assert "source" in data["failMsg"]
    assert sandbox.stats()["balance"] == BALANCE


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        ("nano-banana", {"prompt": "x"}, "model"),
        (["sandbox-image"], {"prompt": "x"}, "model"),
        ("sandbox-image", None, "input"),
        ("sandbox-image", {}, "prompt"),
        ("sandbox-image", {"prompt": "  "}, "prompt"),
        ("sandbox-image", {"prompt": 7}, "prompt"),
        ("sandbox-image", {"prompt": "x" * 20_001}, "prompt"),
        ("sandbox-image", {"prompt": "x [refuse]"}, "content policy"),
        ("sandbox-image", {"prompt": "x", "seed": "7"}, "seed"),
        ("sandbox-image", {"prompt": "x", "seed": -1}, "seed"),
        ("sandbox-image", {"prompt": "x", "seed": SEEDS}, "seed"),
        ("sandbox-image", {"prompt": "x", "seed": True}, "seed"),
        ("sandbox-image", {"prompt": "x", "seed": 1.5}, "seed"),
        ("sandbox-image", {"prompt": "x", "aspect_ratio": "2:1"}, "aspect_ratio"),
        ("sandbox-image", {"prompt": "x", "aspect_ratio": ["16:9"]}, "aspect_ratio"),
        ("sandbox-image", {"prompt": "x", "resolution": "8K"}, "resolution"),
        ("sandbox-video", {"prompt": "x"}, "image_url"),
        ("sandbox-video", {"image_url": 5}, "image_url"),
        ("sandbox-video", {"image_url": "http://["}, "image_url"),
        ("sandbox-video", {"image_url": f"{BASE}/files/{'0' * 32}.png"}, "image_url"),
        ("sandbox-video", {"image_url": f"{BASE}/files/../tasks/{'0' * 32}.json"}, "image_url"),
        ("sandbox-video", {"image_url": "https://example.org/a.png"}, "image_url"),
        ("sandbox-video", {"input_urls": [f"{BASE}/files/{'0' * 32}.png"] * 2}, "image_url"),
        ("sandbox-video", {"image_url": f"{BASE}/files/{'0' * 32}.png", "duration": 12}, "duration"),
        ("sandbox-video", {"image_url": f"{BASE}/files/{'0' * 32}.png", "duration": "4"}, "duration"),
    ],
)
def test_a_bad_order_is_refused_with_422_in_the_body_and_a_word(
    sandbox: Caller, model: Any, given: Any, said: str
) -> None:
    answer = sandbox("POST", "/api/v1/jobs/createTask", json={"model": model, "input": given})
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (200, 422, None)
    assert said in answer.json()["msg"]
    assert sandbox.stats() == {"submitted": 0, "tasks": {}, "uploads": 0, "balance": BALANCE}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(sandbox: Caller, body: bytes) -> None:
    answer = sandbox("POST", "/api/v1/jobs/createTask", content=body)
    assert (answer.status_code, answer.json()["code"]) == (200, 422)


def test_words_no_encoding_knows_are_taken_and_drawn(sandbox: Caller, quick: None) -> None:
    body = b'{"model": "sandbox-image", "input": {"prompt": "sea \\ud800 \\u0000 {{seed}}", "more": NaN}}'
    task = sandbox("POST", "/api/v1/jobs/createTask", content=body).json()["data"]["taskId"]
    assert sandbox.done(task)["state"] == "success"


def test_without_a_seed_each_picture_has_its_own(tmp_path: Path) -> None:
    tasks = Tasks(tmp_path)
    seeds = {tasks.accept("sandbox-image", {"prompt": "[fail]"}, takes_s=0).seed for _ in range(5)}
    assert len(seeds) == 5 and all(0 <= seed < SEEDS for seed in seeds)
    assert tasks.accept("sandbox-image", {"prompt": "[fail]", "seed": 0}, takes_s=0).seed == 0


@pytest.mark.parametrize("task", ["", "x", "0" * 32, "../tasks/x", "%2e%2e", "/etc/passwd", "é" * 10])
def test_an_unknown_task_is_404_in_the_body(sandbox: Caller, task: str) -> None:
    answer = sandbox("GET", "/api/v1/jobs/recordInfo", params={"taskId": task})
    assert (answer.status_code, answer.json()["code"]) == (200, 404)


def test_files_gives_out_nothing_but_results_and_uploads(sandbox: Caller, tmp_path: Path, quick: None) -> None:
    task = sandbox.create(prompt="x")["data"]["taskId"]
    sandbox.done(task)
    (tmp_path / "secret.png").write_bytes(b"s")
    (tmp_path / "files" / f"{task}.png.part").write_bytes(b"s")
    (tmp_path / "files" / "secret.png").write_bytes(b"s")
    names = ["../secret.png", "..%2fsecret.png", "%2e%2e/secret.png", f"..%2ftasks%2f{task}.json", "secret.png"]
    names += [f"{task}.png.part", f"{task}.part", f"{task}", f"{task}.png%00", f"{task}.png%0a", "", ".", ".."]
    assert {name: sandbox("GET", f"/files/{name}").status_code for name in names} == dict.fromkeys(names, 404)
    assert sandbox("GET", f"/files/{task}.png").status_code == 200


def test_fail_fails_in_the_end_and_costs_nothing(sandbox: Caller) -> None:
    data = sandbox.done(sandbox.create(prompt="[fail] please")["data"]["taskId"])
    assert (data["state"], data["failCode"], data["creditsConsumed"], data["resultJson"]) == ("fail", "501", 0, "")
    assert "failed" in data["failMsg"]
    assert sandbox("GET", "/api/v1/chat/credit").json() == {"code": 200, "msg": "success", "data": BALANCE}


def test_slow_takes_ten_times_as_long(tmp_path: Path, quick: None) -> None:
    sandbox = Caller(create_app(tmp_path, image_s=2, video_s=2))
    for prompt in ("x", "[slow] x"):
        sandbox.create(prompt=prompt)
    kept = [json.loads(path.read_text()) for path in (tmp_path / "tasks").glob("*.json")]
    assert {task["input"]["prompt"]: task["takes_s"] for task in kept} == {"x": 2, "[slow] x": 20}


def test_without_credit_nothing_is_accepted_however_many_ask_at_once(
    tmp_path: Path, blocked: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apom.sandbox.tasks.BALANCE", 10.0)
    tasks = Tasks(tmp_path)

    def accept(_: int) -> int:
        try:
            tasks.accept("sandbox-image", {"prompt": "x"}, takes_s=60)
        except Refusal as refusal:
            return refusal.code
        return 200

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(accept, range(8)))
    assert sorted(codes) == [200] * 2 + [402] * 6
    assert tasks.balance() == 2
    assert len(list((tmp_path / "tasks").iterdir())) == 2


def test_what_was_accepted_is_there_after_a_restart_and_is_drawn_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    with monkeypatch.context() as dead:
        dead.setattr("apom.sandbox.easel.Easel.want", lambda *_: None)
        first = Caller(create_app(tmp_path, image_s=0))
        ids = [first.create(prompt=f"take {i}", seed=i)["data"]["taskId"] for i in range(3)]
        assert first.stats()["tasks"] == {"generating": 3}
    (tmp_path / "tasks" / "half.json.part").write_text("{")
    again = Caller(create_app(tmp_path, image_s=0))
    assert again.stats()["submitted"] == 3
    assert [again.done(task)["state"] for task in ids] == ["success"] * 3
    assert again.stats() == {"submitted": 3, "tasks": {"success": 3}, "uploads": 0, "balance": BALANCE - 12}


def test_a_result_that_was_deleted_is_drawn_again_and_is_the_same(sandbox: Caller, tmp_path: Path, quick: None) -> None:
    url = sandbox.made(prompt="x")
    path = tmp_path / "files" / url.rsplit("/", 1)[1]
    before = path.read_bytes()
    path.unlink()
    assert sandbox.done(path.stem)["state"] == "success"
    assert path.read_bytes() == before


def test_a_file_is_whole_and_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    really = os.replace

    def replace(part: Path, path: Path) -> None:
        assert not path.exists()
        done.append(f"replace {part.read_bytes()!r}")
        really(part, path)

    monkeypatch.setattr(os, "fsync", lambda _: done.append("fsync"))
    monkeypatch.setattr(os, "replace", replace)
    write(tmp_path / "x.json", b"whole")
    assert done == ["fsync", "replace b'whole'"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_a_strange_file_among_the_tasks_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    (tmp_path / "tasks").mkdir()
    for name, text in (("a", "{"), ("b", '{"id": 1}'), ("c", "[]")):
        (tmp_path / "tasks" / f"{name}.json").write_text(text)
    assert Caller(create_app(tmp_path)).stats()["submitted"] == 0
    assert caplog.text.count("left alone") == 3


def test_settings_change_how_it_behaves(sandbox: Caller) -> None:
    assert sandbox.settings(rate_limit_next=2)["code"] == 200
    assert [sandbox.create(prompt="[fail]")["code"] for _ in range(3)] == [429, 429, 200]
    sandbox.settings(refuse_with=455)
    answer = sandbox.create(prompt="x")
    assert (answer["code"], answer["data"]) == (455, None)
    assert "maintenance" in answer["msg"]
    sandbox.settings(refuse_with=0, fail_rate=1)
    assert sandbox.done(sandbox.create(prompt="x")["data"]["taskId"])["state"] == "fail"
    sandbox.settings(image_s=60, fail_rate=0)
    assert sandbox.info(sandbox.create(prompt="[fail]")["data"]["taskId"])["data"]["state"] == "waiting"
    sandbox.settings(create_delay_s=0.2)
    began = time.monotonic()
    sandbox.create(prompt="[fail]")
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    "wishes",
    [{"nothing": 1}, {"image_s": "1"}, {"image_s": -1}, {"fail_rate": True}, {"refuse_with": 7}, {"change": 1}],
)
def test_a_wrong_setting_changes_nothing(sandbox: Caller, wishes: dict[str, object]) -> None:
    assert sandbox.settings(rate_limit_next=1, **wishes)["code"] == 422
    assert sandbox.create(prompt="[fail]")["code"] == 200


def test_an_order_says_what_it_becomes() -> None:
    order = read("sandbox-video", {"image_url": f"https://elsewhere:1/x/files/{'a' * 32}.png?x=1", "duration": 5})
    assert (order.source, order.duration, order.ending, order.seed) == (f"{'a' * 32}.png", 5, "mp4", None)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def by_client(sandbox: Caller, client_id: str) -> Any:
    return sandbox("GET", "/api/v1/jobs/byClientId", params={"clientId": client_id}).json()


def ordered(sandbox: Caller, client_id: str = "", **headers: str) -> Any:
    body = {"model": "sandbox-image", "input": {"prompt": "x"}, "clientId": client_id}
    return sandbox("POST", "/api/v1/jobs/createTask", json=body, headers=headers).json()["data"]["taskId"]


def test_tasks_are_found_by_the_customers_own_id(sandbox: Caller, quick: None) -> None:
    task = ordered(sandbox, "order-1")
    assert by_client(sandbox, "order-1")["data"] == {"taskId": task}
    assert ordered(sandbox, "order-1") != task, "the id alone forbids nothing"
    assert (by_client(sandbox, "order-2")["code"], by_client(sandbox, "")["code"]) == (404, 404)
    sandbox.settings(no_lookup=1)
    assert by_client(sandbox, "order-1")["code"] == 501


def test_the_same_key_is_the_same_task_and_is_paid_once(sandbox: Caller, quick: None) -> None:
    headers = {"Idempotency-Key": "key-1"}
    assert ordered(sandbox, **headers) == ordered(sandbox, **headers)
    assert sandbox.stats()["submitted"] == 1


def test_a_task_that_runs_can_be_taken_back_and_costs_nothing(sandbox: Caller, quick: None) -> None:
    def cancel(task: str) -> int:
        return int(sandbox("POST", "/api/v1/jobs/cancel", json={"taskId": task}).json()["code"])

    done = ordered(sandbox)
    sandbox.done(done)
    sandbox.settings(image_s=60)
    task = ordered(sandbox)
    before = sandbox.stats()["balance"]
    assert (cancel(task), cancel(task), cancel(done), cancel("none")) == (200, 200, 422, 422)
    assert sandbox.stats()["tasks"] == {"success": 1, "cancelled": 1}
    assert sandbox.stats()["balance"] == before + 4
    sandbox.settings(no_cancel=1)
    assert cancel(ordered(sandbox)) == 422
