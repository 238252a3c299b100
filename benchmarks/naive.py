"""What one writes first: submit, ask every two seconds, download; a thread for each picture, no memory of anything.

`python -m benchmarks.naive URL COUNT PER_S FOLDER`: prints what it did as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.orders import Order, orders

EVERY_S = 2.0
THREADS = 64


def make(client: httpx.Client, order: Order, folder: Path) -> tuple[str, float, float]:
    """One picture: its prompt, when it was ordered, when it was there."""
    ordered = time.time()
    body = {"model": "sandbox-image", "input": {"prompt": order.prompt}}
    id = client.post("/api/v1/jobs/createTask", json=body).json()["data"]["taskId"]
    while True:
        time.sleep(EVERY_S)
        data = client.get("/api/v1/jobs/recordInfo", params={"taskId": id}).json()["data"]
        if data["state"] == "success":
            break
    url = json.loads(data["resultJson"])["resultUrls"][0]
    (folder / f"{id}.png").write_bytes(client.get(url).content)
    return order.prompt, ordered, time.time()


def main(url: str, count: str, per_s: str, folder: str) -> None:
    """All of them, each at its time."""
    limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS)
    with ThreadPoolExecutor(THREADS) as pool, httpx.Client(base_url=url, trust_env=False, limits=limits) as client:
        started, asked = time.monotonic(), []
        for order in orders(int(count), float(per_s)):
            time.sleep(max(0.0, started + order.at_s - time.monotonic()))
            asked.append(pool.submit(make, client, order, Path(folder)))
        made = [one.result() for one in asked]
    print(json.dumps({"made": made, "cpu_s": time.process_time()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
