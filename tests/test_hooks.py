"""Providers that call us: the whole app and the sandbox as processes of their own."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from conftest import person
from engine_room import offer, until
from starlette.applications import Starlette

from apom import net, steps, testing
from apom import studio as studio_module
from apom.api import hooks
from apom.config import Settings
from apom.engine.callbacks import Callbacks
from apom.models import Answer, Attention, Box, Status
from apom.store import generations
from apom.studio import Studio, Workspace


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def called(tmp_path: Path, sandbox: str) -> Iterator[tuple[str, httpx.Client]]:
    """The app with a public address, and alice in it."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with (
        testing.server(tmp_path / "data", sandbox_url=sandbox, port=str(port), public_url=url) as app,
        httpx.Client(base_url=app.url, headers={"Origin": app.url}, timeout=30) as client,
    ):
        client.post("/api/users", json={"username": "alice", "password": "seven tall ships at dawn"})
        yield url, client


def ordered(client: httpx.Client) -> str:
    project = client.post("/api/projects", json={"name": "P"}).json()["id"]
    box = client.post(f"/api/projects/{project}/boxes", json={"names": ["one"]}).json()[0]["id"]
    return str(client.post(f"/api/boxes/{box}/generate", json={"prompt": "x"}).json()[0]["id"])


def test_a_provider_that_calls_is_heard_and_nobody_else_is(tmp_path: Path) -> None:
    with (
        testing.sandbox(tmp_path / "sandbox", image_s=0.3, small=True) as sandbox,
        called(tmp_path, sandbox.url) as (url, client),
    ):
        # its answer is lost and it cannot be asked for it: what remains is its call
        httpx.post(sandbox.url + "/_sandbox/settings", json={"drop_next": 1, "no_lookup": 1})
        take = ordered(client)
        until(lambda: client.get(f"/api/assets/{take}").json()["status"] == "COMPLETED")
        assert httpx.get(sandbox.url + "/_sandbox/stats").json()["submitted"] == 1
        key = tmp_path / "data" / "hooks.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(key.read_bytes()) == 32

        callbacks = Callbacks(tmp_path / "data", url)
        right = callbacks._proof("sandbox", UUID(int=7))
        with httpx.Client() as provider:  # without an Origin, a session, or anything
            for path, status in (
                (f"/hooks/sandbox/{UUID(int=7)}.{right}", 200),  # of none that exists: as for one that does
                (f"/hooks/other/{UUID(int=7)}.{right}", 404),
                (f"/hooks/sandbox/{UUID(int=8)}.{right}", 404),
                (f"/hooks/sandbox/{UUID(int=7)}.{right[:-1]}", 404),
                (f"/hooks/sandbox/{UUID(int=7)}.", 404),
                (f"/hooks/sandbox/{UUID(int=7)}.é", 404),
                (f"/hooks/sandbox/nonsense.{right}", 404),
            ):
                answer = provider.post(url + path, content=b"{")
                assert (answer.status_code, answer.content) == (status, b""), path
            # another name for us is refused, and nobody may call without end
            foreign = {"Host": "evil.example"}
            assert provider.post(f"{url}/hooks/sandbox/x.y", headers=foreign).status_code == 421
            statuses = {provider.post(f"{url}/hooks/sandbox/{UUID(int=7)}.x").status_code for _ in range(400)}
            assert statuses == {404, 429}
        assert client.get("/api/health").json()["ok"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Studio, Workspace, Box, str]]:
    with testing.sandbox(tmp_path / "sandbox", image_s=0.2, small=True) as sandbox:
        settings = Settings(data_dir=tmp_path / "data", sandbox_url=sandbox.url, public_url="http://127.0.0.1:9")
        with Studio.open(settings) as studio:
            studio_module.set_current(studio)
            offer(studio, lambda file: file["submit"].pop("lookup"))
            httpx.post(sandbox.url + "/_sandbox/settings", json={"no_callback": 1})
            alice = studio.workspace(person(studio, "alice"))
            yield studio, alice, alice.create_box(alice.create_project("P"), "one"), sandbox.url
            studio_module.set_current(None)


def call(studio: Studio, take_id: UUID, body: bytes, provider: str = "sandbox") -> int:
    """As the provider would, over ASGI."""
    with studio._store.read() as tx:
        generation = generations.of_take(tx, take_id)
    assert generation is not None
    url = studio.engine._callbacks.url(generation.model_copy(update={"provider": provider}))
    assert url is not None

    async def go() -> int:
        app = Starlette(routes=[*hooks.ROUTES])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:9") as client:
            return (await client.post(url, content=body)).status_code

    return asyncio.run(go())


def tasks(tmp_path: Path) -> set[str]:
    return {path.stem for path in (tmp_path / "sandbox" / "tasks").glob("*.json")}


def test_what_a_call_says_is_believed_only_when_the_provider_confirms_it(
    house: tuple[Studio, Workspace, Box, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, alice, box, url = house
    monkeypatch.setattr(steps, "CALLBACK_S", 0.0)
    monkeypatch.setattr("apom.engine.told.AGAIN_S", 0.0)
    first = alice.asset(alice.wait(alice.generate(box, "y"), timeout_s=90)[0])
    httpx.post(url + "/_sandbox/settings", json={"drop_next": 1})
    take = alice.generate(box, "x")[0]
    until(lambda: alice.asset(take).status is Status.ATTENTION)
    assert alice.asset(take).attention is Attention.LOST
    mine = (tasks(tmp_path) - {first.external_task_id}).pop()
    for told in (b"", b"[]", b'{"data": {"taskId": "no-such"}}', b"\xff" * 70_000, _about(first.external_task_id)):
        assert call(studio, take.id, told) == 200
    assert call(studio, take.id, b"{}", provider="other") == 200, "an address we could have given out, of nobody"
    assert alice.asset(take).status is Status.ATTENTION
    alice.give_up(take)
    assert call(studio, take.id, _about(mine)) == 200
    until(lambda: alice.asset(take).answers == (Answer.KEEP,))
    assert alice.asset(take).status is Status.FAILED, "I1: it is offered, no more"
    assert httpx.get(url + "/_sandbox/stats").json()["submitted"] == 2


def _about(task_id: str | None) -> bytes:
    return f'{{"data": {{"taskId": "{task_id}"}}}}'.encode()


def test_a_call_wakes_the_poll_that_would_have_come_much_later(house: tuple[Studio, Workspace, Box, str]) -> None:
    studio, alice, box, _ = house
    offer(studio, lambda file: file["poll"].update(every_s=60, max_every_s=60))
    take = alice.generate(box, "x")[0]
    until(lambda: alice.asset(take).external_task_id)
    run = studio.engine._run
    assert run is not None
    until(lambda: run.desk.held and all(run.desk.is_free(id) for id in run.desk.held))
    until(lambda: call(studio, take.id, b"") == 200 and alice.asset(take).status is Status.COMPLETED, 15)


def test_without_a_public_address_nobody_is_given_one(tmp_path: Path) -> None:
    generation: Any = type("G", (), {"provider": "sandbox", "id": uuid4()})()
    assert Callbacks(tmp_path, "").url(generation) is None
    assert not (tmp_path / "hooks.key").exists()
    one, two = Callbacks(tmp_path, "http://x.example/"), Callbacks(tmp_path, "http://x.example")
    assert one.url(generation) == two.url(generation), "the key outlives the process"
    url = str(one.url(generation))
    assert url.startswith(f"http://x.example/hooks/sandbox/{generation.id}.")
    assert net.origin(url)[1] == "x.example"
