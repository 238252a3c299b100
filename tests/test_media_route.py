"""Stored files over HTTP: ranges, caching, and who may have them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from conftest import let_in, person
from starlette.applications import Starlette
from test_idor import As

from apom import studio as studio_module
from apom.api import media
from apom.models import Actor, Asset
from apom.studio import Studio, Workspace


@pytest.fixture
def take(running: Studio) -> Iterator[tuple[Workspace, Asset]]:
    studio_module.set_current(running)
    alice = running.workspace(person(running, "alice"))
    project = alice.create_project("P")
    box = alice.create_box(project, "one")
    victor = person(running, "victor")
    let_in(alice, project, "victor")
    asset = alice.wait(alice.generate(box, "x"), timeout_s=60)[0]
    assert victor.user_id
    yield alice, asset
    studio_module.set_current(None)


def get(actor: Actor | None, url: str | None, **headers: str) -> httpx.Response:
    assert url is not None

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(As(Starlette(routes=[media.ROUTE]), actor))
        async with httpx.AsyncClient(transport=transport, base_url="http://apom") as client:
            return await client.get(url, headers=headers)

    return asyncio.run(go())


def test_members_get_the_bytes_and_nobody_else_learns_anything(running: Studio, take: tuple[Workspace, Asset]) -> None:
    alice, asset = take
    with running._store.read() as tx:
        victor = Actor(user_id=tx.value("select id from app_user where username = 'victor'"), username="victor")
    bob = person(running, "bob")
    for url in (asset.file_url, asset.thumbnail_url):
        for member in (alice.actor, victor):
            assert get(member, url).status_code == 200
        assert get(bob, url).status_code == 404
        assert get(None, url).status_code == 401
    never = str(asset.file_url).replace(str(asset.id), str(bob.user_id))
    stranger, missing = get(bob, asset.file_url), get(bob, never)
    assert (stranger.status_code, stranger.content) == (missing.status_code, missing.content)


def test_ranges_etags_and_caching(take: tuple[Workspace, Asset]) -> None:
    alice, asset = take
    whole = get(alice.actor, asset.file_url)
    assert whole.headers["content-type"] == "image/png"
    assert len(whole.content) == asset.bytes
    assert whole.headers["cache-control"] == "private, max-age=31536000, immutable"
    part = get(alice.actor, asset.file_url, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{asset.bytes}"
    assert get(alice.actor, asset.file_url, Range="bytes=999999999-").status_code == 416
    again = get(alice.actor, asset.file_url, **{"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert get(alice.actor, asset.thumbnail_url).headers["content-type"] == "image/webp"


def test_what_is_served_cannot_act_as_a_page(take: tuple[Workspace, Asset]) -> None:
    alice, asset = take
    headers = get(alice.actor, asset.file_url).headers
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_only_names_of_stored_files_are_looked_up(take: tuple[Workspace, Asset]) -> None:
    alice, asset = take
    base = str(asset.file_url).rsplit("/", 1)[0]
    for name in (
        "%25",
        "original-%25.png",
        "original-____________.png",
        "thumb-000000000000.webp",
        "..%2f..%2fapom.duckdb",
        "x",
    ):
        assert get(alice.actor, f"{base}/{name}").status_code == 404, name


def test_a_deleted_takes_files_are_gone(running: Studio, take: tuple[Workspace, Asset]) -> None:
    alice, asset = take
    alice.delete_asset(asset)
    assert get(alice.actor, asset.file_url).status_code == 404
    assert list(running.assets._storage.list("")) == []
