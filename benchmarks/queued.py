"""The same service in its classic shape: tasks of Celery, each of which orders the next one; a table in SQLite.

`benchmarks.classic` starts it. It is told by QUEUED_… variables: REDIS, PROVIDER, FOLDER, EVERY_S (seconds between two
polls), SEEN (1: files are checked, measured and made small as apom does it).
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from celery import Celery, signals

from apom.media.arrive import arrive, keep
from apom.media.storage import LocalStorage
from benchmarks.orders import prompts_of

TABLE = "create table if not exists take (id text primary key, prompt text, state text, task text, ordered real, there real)"
THREADS = 32

told = {name.removeprefix("QUEUED_"): value for name, value in os.environ.items() if name.startswith("QUEUED_")}
EVERY_S = float(told["EVERY_S"])
folder = Path(told["FOLDER"])
app = Celery("queued", broker=told["REDIS"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_redirect_stdouts=False)
client = httpx.Client(
    base_url=told["PROVIDER"],
    trust_env=False,
    timeout=15,
    limits=httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS),
)
storage = LocalStorage(folder / "media")
mine = threading.local()


def submit(id: str, prompt: str) -> None:
    """Sends it."""
    body = {"model": "sandbox-image", "input": {"prompt": prompt}}
    task = client.post("/api/v1/jobs/createTask", json=body).raise_for_status().json()["data"]["taskId"]
    note("update take set state = 'PROCESSING', task = ? where id = ?", task, id)
    app.send_task("poll", (id, task), countdown=EVERY_S)


def poll(id: str, task: str) -> None:
    """Asks how far it is, and again later."""
    data = client.get("/api/v1/jobs/recordInfo", params={"taskId": task}).raise_for_status().json()["data"]
    if data["state"] != "success":
        app.send_task("poll", (id, task), countdown=EVERY_S)
        return
    note("update take set state = 'STORING' where id = ?", id)
    app.send_task("download", (id, json.loads(data["resultJson"])["resultUrls"][0]))


def download(id: str, url: str) -> None:
    """Fetches and stores it."""
    with storage.temp() as path, storage.temp() as small:
        path.parent.mkdir(parents=True, exist_ok=True)
        with client.stream("GET", url) as response, path.open("wb") as file:
            for chunk in response.raise_for_status().iter_raw():
                file.write(chunk)
        if told["SEEN"] == "1":
            keep(storage, arrive(path, small), path, env="dev", asset_id=UUID(id))
        else:
            storage.put(path, f"dev/a/{id}/original.jpg", mime="image/jpeg")
    note("update take set state = 'COMPLETED', there = ? where id = ?", time.time(), id)


def note(statement: str, *values: Any) -> None:
    """Into the table, on disk before it returns."""
    if not hasattr(mine, "table"):
        mine.table = table()
    with mine.table:
        mine.table.execute(statement, values)


def table() -> sqlite3.Connection:
    """The table, for one thread."""
    connection = sqlite3.connect(folder / "takes.sqlite", timeout=60)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    return connection


def say(**_: object) -> None:
    """Whoever started it waits for this."""
    print("queued is ready", flush=True)


def order(prompts: Sequence[str]) -> None:
    """All of them at once."""
    now = time.time()
    rows = [(str(uuid.uuid4()), prompt) for prompt in prompts]
    with table() as connection:
        connection.executemany(
            "insert into take values (?, ?, 'PENDING', null, ?, null)", [(id, prompt, now) for id, prompt in rows]
        )
    for id, prompt in rows:
        app.send_task("submit", (id, prompt))


for act in (submit, poll, download):
    app.task(act, name=act.__name__)
signals.worker_ready.connect(say)

if __name__ == "__main__":
    table().execute(TABLE)
    app.connection_for_write().ensure_connection()
    count, name = sys.argv[1:]
    used = time.process_time()
    order(prompts_of(int(count), name=name))
    print(time.process_time() - used)
