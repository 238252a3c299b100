"""The document of a review link: the same for every link and for none, and its script."""

from __future__ import annotations

import asyncio
import gzip
import re

import httpx
from starlette.routing import Router

from apom.server.review_page import routes


def get(path: str, **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(Router([*routes()]))
        async with httpx.AsyncClient(transport=transport, base_url="http://apom") as client:
            return await client.get(path, headers={"Accept-Encoding": "identity", **headers})

    return asyncio.run(go())


def test_the_document_says_nothing_of_the_link_and_is_not_kept() -> None:
    known, unknown = get(f"/review?r={'a' * 32}"), get("/review?r=<script>")
    assert known.text == unknown.text
    assert known.headers["cache-control"] == "no-store"
    assert len(known.content) < 40_000, "a phone waits for it"
    assert len(re.findall(r"<script(?![^>]*(src=|application/json))", known.text)) == 0, "no script of its own"


def test_the_script_is_kept_for_good_and_comes_packed_to_who_takes_it_so() -> None:
    (path,) = set(re.findall(r"/review/page-\w+\.js", get("/review").text))
    plain, packed = get(path), get(path, **{"Accept-Encoding": "gzip, br"})
    assert plain.headers["cache-control"].endswith("immutable") and plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-encoding"] == "gzip" and packed.text == plain.text
    assert len(gzip.compress(plain.content)) < 30_000
    assert plain.headers["content-type"].startswith("text/javascript")
    assert get("/review/page-000000000000.js").status_code == 404


def test_a_language_that_is_not_spoken_is_english() -> None:
    assert '<html lang="en">' in get("/review", **{"Accept-Language": "fi, sv;q=0.8"}).text
    assert '<html lang="ru">' in get("/review", **{"Accept-Language": "fi, ru;q=0.8"}).text
