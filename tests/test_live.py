"""Events: to members, within a second, and no longer than they may see the project."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import websockets

from apom import runfile, testing
from apom.client import OperatorClient
from apom.events import BACKLOG, Hub
from apom.models import Event, new_id

PASSWORD = "seven tall ships at dawn"


def test_events_reach_members_at_once_and_end_with_the_membership(tmp_path: Path) -> None:
    with testing.server(tmp_path / "data", sandbox_image_s="0.2") as app:
        asyncio.run(_scene(app.url, tmp_path / "data"))


async def _scene(url: str, data: Path) -> None:
    alice = httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=30)
    assert (await alice.post("/api/users", json={"username": "alice", "password": PASSWORD})).is_success
    run = runfile.read(data)
    assert run is not None
    operator = OperatorClient(run.url, run.token)
    for name in ("bob", "victor"):
        await asyncio.to_thread(operator.add_user, name, PASSWORD)
    project = (await alice.post("/api/projects", json={"name": "P"})).json()["id"]
    box = (await alice.post(f"/api/projects/{project}/boxes", json={"names": ["one"]})).json()[0]["id"]
    members = f"/api/projects/{project}/members"
    victor_id = (await alice.put(members, json={"username": "victor", "role": "VIEWER"})).json()[1]["user_id"]
    address = url.replace("http", "ws") + f"/api/projects/{project}/events"

    for cookie in (None, await _cookie(url, "bob")):
        assert await _closed_with(address, url, cookie), "a stranger hears nothing"
    async with _listen(address, url, await _cookie(url, "victor")) as socket:
        assert json.loads(await asyncio.wait_for(socket.recv(), 5))["type"] == "hello", (
            "look again: from now on all is told"
        )
        take = (await alice.post(f"/api/boxes/{box}/generate", json={"prompt": "secret words"})).json()[0]
        seen: list[dict[str, object]] = []
        while not seen or seen[-1]["status"] != "COMPLETED":
            seen.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))
        assert {event["asset_id"] for event in seen} == {take["id"]}
        assert [event["version"] for event in seen] == sorted(event["version"] for event in seen)  # type: ignore[type-var]
        assert "secret words" not in json.dumps(seen), "ids only"
        await alice.delete(f"{members}/{victor_id}")
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(_drain(socket), 8)
    await alice.aclose()


async def _drain(socket: websockets.ClientConnection) -> None:
    while True:
        await socket.recv()


async def _cookie(url: str, name: str) -> str:
    async with httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=30) as client:
        answer = await client.post("/api/session", json={"username": name, "password": PASSWORD})
        return f"apom_session={answer.cookies['apom_session']}"


def _listen(address: str, origin: str, cookie: str | None) -> websockets.connect:
    headers = {"Cookie": cookie} if cookie else {}
    return websockets.connect(address, origin=websockets.Origin(origin), additional_headers=headers)


async def _closed_with(address: str, origin: str, cookie: str | None) -> bool:
    with suppress(websockets.InvalidStatus):
        async with _listen(address, origin, cookie) as socket:
            with suppress(websockets.ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 5)
                return False
    return True


def test_a_slow_reader_loses_the_oldest_and_holds_up_nobody() -> None:
    async def scene() -> None:
        hub, project = Hub(), new_id()
        with hub.subscribe(project) as slow, hub.subscribe(new_id()) as other:
            for _ in range(BACKLOG + 10):
                hub.publish(Event(type="boxes_changed", project_id=project))
            await asyncio.sleep(0)
            assert (await slow.next()).version == 11
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(other.next(), 0.05)
            assert len(hub) == 2
        assert len(hub) == 0
        hub.publish(Event(type="boxes_changed", project_id=project))

    asyncio.run(scene())
