"""Reviewers with open pages, in a process of their own: `python -m benchmarks.guests URL COOKIE LINK COUNT`.

Each does what the review page does: comes in, reads, fetches the beginning of the first clip, listens, and reads again when
something was said. One of them says something every two seconds. Says `ready` when all are in; ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from itertools import count
from random import random

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

SAYS_EVERY_S = 2.0
GATHERS_S, SPREAD_S = 0.15, 0.7  # what changes together is looked at once, and not by all at once (review.js)
FIRST_BYTES = 1_000_000


async def main(url: str, cookie: str, link: str, people: int) -> None:
    """Until the standard input ends."""
    inside = [asyncio.Event() for _ in range(people)]
    guests = [asyncio.create_task(guest(url, f"{cookie}.{n:043}", link, n == 0, inside[n])) for n in range(people)]
    crowd = asyncio.gather(*guests)
    while not all(event.is_set() for event in inside):
        if crowd.done():
            crowd.result()
        await asyncio.sleep(0.1)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    crowd.cancel()
    with suppress(asyncio.CancelledError):
        await crowd


async def guest(url: str, cookie: str, link: str, speaks: bool, inside: asyncio.Event) -> None:
    """One of them."""
    headers, base = {"Cookie": cookie, "Origin": url}, f"/api/review/{link}"
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client,
        connect(
            f"{url.replace('http', 'ws', 1)}{base}/events",
            origin=Origin(url),
            additional_headers={"Cookie": cookie},
            proxy=None,
            open_timeout=60,
        ) as events,
    ):
        (await client.get("/review", params={"r": link})).raise_for_status()
        room = (await client.post(f"{base}/visit")).raise_for_status().json()
        first = next(shot["take"] for shot in room["shots"] if shot["take"])
        begun = {"Range": f"bytes=0-{FIRST_BYTES - 1}"}
        (await client.get(first["file_url"], headers=begun)).raise_for_status()
        inside.set()
        talk = asyncio.create_task(speak(client, base, first["id"])) if speaks else None
        try:
            async for _ in events:
                await asyncio.sleep(GATHERS_S + SPREAD_S * random())
                (await client.get(f"{base}/comments?limit=500")).raise_for_status()
        except ConnectionClosed:
            pass
        finally:
            if talk:
                talk.cancel()


async def speak(client: httpx.AsyncClient, base: str, asset: str) -> None:
    """Everybody hears it."""
    for n in count():
        await asyncio.sleep(SAYS_EVERY_S)
        body = {"asset_id": asset, "text": f"remark {n}", "name": "Vera"}
        (await client.post(f"{base}/comments", json=body)).raise_for_status()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
