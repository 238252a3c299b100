"""The end of the server: within ten seconds, whatever is under way, and nothing of it lost or paid twice."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from stopping import House, house, until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from ws_client import Tab

from apom import testing
from apom.config import MB, Settings
from apom.models import Asset, AssetType, JobState, SourceType, State, Status, new_id
from apom.store import assets, generations, jobs
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"
FILE = "original-0123456789ab.bin"
SENT, TAKES = 6, 600
HURRIED = "from apom.testing.alone import hurry; hurry(0.4)"  # a submission may take 6 s, a lease is 8 s
SLOW_JOB = f"from apom import bulk, jobs; bulk.PIECE, jobs.NOTE_S = 1, 0.0; {HURRIED}"


def fill(data: Path) -> str:
    """alice's box with many takes, the first of them in a large file; the box's id."""
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        studio.register("alice", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor
        alice = studio.workspace(actor)
        box = alice.create_box(alice.create_project("P"), "one")
        began = datetime(2026, 11, 1, tzinfo=UTC)
        takes = [
            Asset(
                id=new_id(),
                project_id=box.project_id,
                box_id=box.id,
                number=n,
                asset_type=AssetType.IMAGE,
                source_type=SourceType.UPLOADED,
                status=Status.COMPLETED,
                created_by=actor.user_id,
                created_at=began + timedelta(seconds=n),
                updated_at=began,
            )
            for n in range(TAKES)
        ]
        key = f"dev/a/{takes[0].id}/{FILE}"
        with studio._store.write() as tx:
            assets.insert(tx, takes)
            measured = {"file_key": key, "mime": "application/octet-stream", "bytes": 64 * MB}
            assets.set_file(tx, takes[0].id, AssetType.IMAGE, measured, began)
    path = data / "media" / key
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(64 * MB)
    return str(box.id)


@contextmanager
def busy(home: House, sandbox: str, box: str) -> Iterator[tuple[httpx.Client, ClientConnection, socket.socket]]:
    """alice has everything under way at once: orders being sent, a job, a download that she does not read, two sockets."""
    httpx.post(sandbox + "/_sandbox/settings", json={"create_delay_s": 4.0})
    url = home.app.url
    with home.client() as client:
        assert client.post("/api/session", json={"username": "alice", "password": PASSWORD}).is_success
        token = client.cookies["apom_session"]
        project = client.get(f"/api/boxes/{box}").json()["project_id"]
        first = client.get(f"/api/boxes/{box}/assets?limit=500").json()
        first = client.get(f"/api/boxes/{box}/assets?limit=500&cursor={first['next']}").json()["items"][-1]
        address = f"{url.replace('http', 'ws')}/api/projects/{project}/events"
        cookie = {"Cookie": f"apom_session={token}"}
        with (
            Tab(url, token) as tab,
            connect(address, origin=url, additional_headers=cookie, proxy=None, close_timeout=1) as events,
        ):
            tab.run()
            events.recv(5)
            host = urlsplit(url)
            with socket.create_connection((host.hostname, host.port)) as download:
                asked = (
                    f"GET {first['file_url']} HTTP/1.1\r\nHost: {host.netloc}\r\nCookie: apom_session={token}\r\n\r\n"
                )
                download.sendall(asked.encode())
                assert download.recv(12) == b"HTTP/1.1 200"
                ordered = client.post(f"/api/boxes/{box}/generate", json={"prompt": "harbour", "n": SENT})
                assert ordered.status_code == 201, ordered.text
                until(lambda: submitted(sandbox) == SENT)
                body = {"mark": {"is_favorite": True}, "which": {"box_id": box, "status": "COMPLETED"}}
                job = client.post("/api/assets/mark-all", json=body).json()["id"]
                until(lambda: client.get(f"/api/jobs/{job}").json()["progress"] > 0)
                yield client, events, download


def submitted(sandbox: str) -> int:
    return int(httpx.get(sandbox + "/_sandbox/stats").json()["submitted"])


def test_sigterm_lets_what_is_under_way_come_to_its_end(tmp_path: Path) -> None:
    box = fill(tmp_path / "data")
    with testing.sandbox(tmp_path / "sandbox", small=True) as sandbox:
        with house(tmp_path, SLOW_JOB, sandbox_url=sandbox.url) as home, busy(home, sandbox.url, box) as (_, events, _):
            began = time.monotonic()
            assert home.app.stop() == 0
            took_s = time.monotonic() - began
            with pytest.raises(ConnectionClosed):
                while True:
                    events.recv(1)
        assert took_s < 10
        with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False) as studio:
            with studio._store.read() as tx:
                rows = generations.unfinished(tx)
                job = jobs.startable(tx, ["bulk"], [])
            assert [(row.state, bool(row.task_id)) for row in rows] == [(State.PROCESSING, True)] * SENT
            assert job is not None and job[0].state is JobState.PENDING and 0 < job[0].progress < 1
        goes_on(tmp_path, sandbox.url, box)


def goes_on(folder: Path, sandbox: str, box: str) -> None:
    """The next server ends what the one before has begun; nothing was sent twice."""
    with house(folder, HURRIED, sandbox_url=sandbox) as home, home.client() as client:
        client.post("/api/session", json={"username": "alice", "password": PASSWORD})
        orders = "source_type=GENERATED&status=COMPLETED"
        until(lambda: client.get(f"/api/assets/count?box_id={box}&{orders}").json() == SENT, 60)
        until(lambda: client.get(f"/api/assets/count?box_id={box}&favorites=true").json() == TAKES)
        assert {job["state"] for job in client.get("/api/jobs").json()["items"]} == {"DONE"}
        assert submitted(sandbox) == SENT


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once_and_breaks_nothing(tmp_path: Path, second: signal.Signals) -> None:
    box = fill(tmp_path / "data")
    with testing.sandbox(tmp_path / "sandbox", small=True) as sandbox:
        with house(tmp_path, SLOW_JOB, sandbox_url=sandbox.url) as home, busy(home, sandbox.url, box):
            process = home.app.process
            process.terminate()
            with pytest.raises(subprocess.TimeoutExpired):  # it waits for the answers
                process.wait(0.5)
            process.send_signal(second)
            assert process.wait(1) == 128 + second
        if second is signal.SIGTERM:  # a lease has to run out first, which takes its time
            goes_on(tmp_path, sandbox.url, box)
