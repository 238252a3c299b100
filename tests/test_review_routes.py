"""Behind a review link by REST: what each kind of link gets, and that nothing else changes, whatever is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
import pytest
from conftest import Cast, Clock
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.routing import Router
from test_idor import API, ROWS, As, Row, arrived
from test_sharing import ORIGINAL, keep_files

from apom import studio as studio_module
from apom.api import review_routes
from apom.api.review_routes import cookie_name, new_pass
from apom.models import MadeLink, SharedLink, new_id
from apom.store import upkeep
from apom.studio import Studio

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
THEIRS = {"comment", "verdict", "link_activity", "reviewer"}
ANYBODYS = {"/session", "/users"}  # with the right words they open to anybody, and are no link's


@dataclass(frozen=True)
class House:
    """alice's project behind links of every kind, bob's behind another."""

    studio: Studio
    ids: dict[str, str]
    links: dict[str, MadeLink]

    def ask(
        self, who: str, method: str, path: str, body: Any = None, *, at: str = "", **options: Any
    ) -> httpx.Response:
        """Asks with the cookie of a link, at its own address or at that of `at`."""
        name = cookie_name(self.studio.settings, self.links[at or who].link.id)
        path = path.replace("{link}", self.links[at or who].link.id.hex)
        return send(method, path, {name: f"{self.links[who].token}.{'b' * 43}"}, body, **options)

    def ask_all(self, who: str, asked: Sequence[tuple[str, str]]) -> list[int]:
        """The status of each, with the cookie of a link."""
        name = cookie_name(self.studio.settings, self.links[who].link.id)
        answers = asyncio.run(send_all(asked, {name: f"{self.links[who].token}.{'b' * 43}"}, {}))
        return [answer.status_code for answer in answers]


def send(method: str, path: str, cookies: dict[str, str], body: Any = None, **options: Any) -> httpx.Response:
    return asyncio.run(send_all([(method, path)], cookies, body, **options))[0]


async def send_all(
    asked: Sequence[tuple[str, str]], cookies: dict[str, str], body: Any = None, **options: Any
) -> list[httpx.Response]:
    app = As(Router([review_routes.MEDIA]) if asked[0][1].startswith("/review/m/") else API, None)  # type: ignore[arg-type]
    jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://apom", headers={"Cookie": jar}) as client:
        return [await client.request(method, path, json=body, **options) for method, path in asked]


@pytest.fixture
def house(cast: Cast, studio: Studio, clock: Clock) -> Iterator[House]:
    studio_module.set_current(studio)
    alice, ids = cast.alice, dict[str, str]()
    projects = []
    for ws in (cast.alice, cast.bob):
        project = ws.create_project("P")
        box = ws.create_box(project, "one")
        take: Any = arrived(studio, ws, box)
        ws.set_headliner(box, take)
        round = ws.publish_round(project)
        projects.append(project)
        ids["foreign_id"] = str(take.id)
        if ws is alice:
            spare = ws.create_box(project, "two")
            ws.set_headliner(spare, arrived(studio, ws, spare))  # on the board since, and in no round
            comment = ws.add_comment(take, "softer")
            ids |= {"project_id": str(project.id), "box_id": str(box.id), "asset_id": str(take.id)}
            ids |= {"round_id": str(round.id), "comment_id": str(comment.id), "batch_id": str(take.batch_id)}
            ids |= {"hidden_id": str(ws.box(spare).headliner_asset_id)}
            ids |= {"spare_id": str(take.id), "spare_box_id": str(spare.id), "spare_project_id": str(project.id)}
        keep_files(studio, ws, project)
    others = "job_id export_id token_id session_id upload_id notification_id webhook_id"
    ids |= {name: str(new_id()) for name in others.split()}
    ids |= {"user_id": str(alice.actor.user_id), "username": "alice", "provider": "sandbox", "format": "docx"}
    mine = {"can_approve": True, "days": 60}
    links = {
        "all": alice.create_link(projects[0], "all", **mine),  # type: ignore[arg-type]
        "looks": alice.create_link(projects[0], "looks", can_comment=False, days=60),
        "expired": alice.create_link(projects[0], "expired", can_approve=True, days=1),
        "revoked": alice.create_link(projects[0], "revoked", **mine),  # type: ignore[arg-type]
        "locked": alice.create_link(projects[0], "locked", password="seven ships", **mine),  # type: ignore[arg-type]
        "foreign": cast.bob.create_link(projects[1], "foreign", **mine),  # type: ignore[arg-type]
    }
    clock.move(days=2)
    alice.revoke_link(links["revoked"].link)
    yield House(studio, {**ids, "link_id": str(links["all"].link.id)}, links)
    studio_module.set_current(None)


def tables(studio: Studio) -> dict[str, list[str]]:
    with studio._store.read() as tx:
        names = [row["table_name"] for row in tx.all(upkeep.TABLES)]
        return {name: sorted(map(str, tx.all(f"select * from {name}"))) for name in names}


def files(studio: Studio) -> dict[str, bytes]:
    folder = studio.settings.data_dir / "media"
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fill(row: Row, ids: dict[str, str]) -> tuple[str, str, Any]:
    return row.method, row.path.format(**ids), row.body


SHUT = ("expired", "revoked", "locked")


def test_with_a_links_right_only_what_the_link_allows_changes(house: House) -> None:
    """Every route of the interface with every kind of link, at its own address and at another link's."""
    for who in house.links:
        before, stored = tables(house.studio), files(house.studio)
        for row in ROWS:
            if row.path not in ANYBODYS:
                method, path, body = fill(row, {**house.ids, "link_id": house.links[who].link.id.hex})
                answer = house.ask(
                    who, method, path, body, params={k: v.format(**house.ids) for k, v in row.params.items()}
                )
                assert answer.status_code >= 400 or row.path.startswith("/review/"), (who, row.path)
        if who in ("all", "locked"):
            every_method(house, who)
        attack(house, who)
        after = tables(house.studio)
        changed = {name for name in after if after[name] != before[name]}
        allowed = {"all": THEIRS, "looks": {"link_activity", "reviewer"}, "foreign": THEIRS}.get(who, set())
        assert changed <= allowed, who
        assert all(set(before[name]) <= set(after[name]) for name in ("comment", "verdict")), (
            "nothing of others changes"
        )
        assert files(house.studio) == stored


def every_method(house: House, who: str) -> None:
    """Each method at each path: those that the interface does not have are refused, whoever asks."""
    known = {(row.method, row.path) for row in ROWS}
    paths = sorted({row.path for row in ROWS})
    filled = {path: path.format(**{**house.ids, "link_id": house.links[who].link.id.hex}) for path in paths}
    others = [(method, filled[path]) for path in paths for method in METHODS if (method, path) not in known]
    for request, status in zip(others, house.ask_all(who, others), strict=True):
        assert status >= 400, (who, request)


def attack(house: House, who: str) -> None:
    """Comments, verdicts and media by alice's ids, at every link's address."""
    ids = house.ids
    for at in house.links:
        for path, body in (
            ("/comments", {"asset_id": ids["asset_id"], "text": "x", "name": "Vera"}),
            ("/comments", {"asset_id": ids["asset_id"], "text": "x", "name": "Vera", "answers": ids["comment_id"]}),
            ("/verdicts", {k: ids[k] for k in ("box_id", "round_id")} | {"verdict": "APPROVED", "name": "Vera"}),
        ):
            answer = house.ask(who, "POST", f"/review/{{link}}{path}", body, at=at)
            if who != at or who in SHUT:
                assert answer.status_code in (404, 409), (who, at, path)
        wrong = house.ask(who, "POST", "/review/{link}/password", {"password": "eight ships"}, at=at)
        assert wrong.status_code == (401 if who == at == "locked" else 204 if who == at not in SHUT else 404)
        for asset, may in (("hidden_id", ()), ("foreign_id", ("foreign",))):
            answer = house.ask(who, "GET", f"/review/m/{{link}}/{ids[asset]}/{ORIGINAL}", at=at)
            assert answer.status_code == (200 if who == at and who in may else 404), (who, at, asset)
        url = f"/review/m/{{link}}/{ids['asset_id']}/{ORIGINAL}"
        for query in ("", "?keep=1"):
            answer = house.ask(who, "GET", url + query, at=at)
            assert answer.status_code == (
                200 if who == at and who in ("all", "looks") and not query else answer.status_code
            )
            if who != at or who in (*SHUT, "foreign"):
                assert answer.status_code == 404


def test_what_a_link_allows_is_done_by_its_routes(house: House) -> None:
    ids = house.ids
    assert house.ask("all", "GET", "/review/{link}").json() == {"asks_password": False}
    room = house.ask("all", "POST", "/review/{link}/visit").json()
    (shot,) = [shot for shot in room["shots"] if shot["take"]]
    assert shot["take"]["file_url"] == f"/review/m/{house.links['all'].link.id}/{ids['asset_id']}/{ORIGINAL}"
    assert house.ask("all", "PUT", "/review/{link}/name", {"name": "Vera"}).status_code == 204
    said = {"asset_id": ids["asset_id"], "text": "here", "region": {"kind": "pin", "x": 0.5, "y": 0.5}}
    made = house.ask("all", "POST", "/review/{link}/comments", said)
    assert made.status_code == 201, made.text
    comment = f"/review/{{link}}/comments/{made.json()['id']}"
    assert house.ask("all", "PATCH", comment, {"text": "there"}).status_code == 204
    (found,) = house.ask("all", "GET", "/review/{link}/comments").json()["items"]
    assert (found["text"], found["author_name"], found["is_mine"]) == ("there", "Vera", True)
    verdict = {"box_id": ids["box_id"], "round_id": ids["round_id"], "verdict": "APPROVED"}
    assert house.ask("all", "POST", "/review/{link}/verdicts", verdict).status_code == 204
    assert house.ask("all", "POST", f"/review/{{link}}/shots/{ids['box_id']}/looked").status_code == 204
    assert house.ask("all", "DELETE", comment).status_code == 204
    for wrong in ({"kind": "pin", "x": 2, "y": 0}, {"kind": "script"}, {"kind": "strokes", "lines": []}):
        assert house.ask("all", "POST", "/review/{link}/comments", said | {"region": wrong}).status_code == 422


def test_media_of_a_link_are_kept_for_minutes_and_downloads_are_asked_for(house: House, cast: Cast) -> None:
    url = f"/review/m/{{link}}/{house.ids['asset_id']}/{ORIGINAL}"
    shown = house.ask("all", "GET", url)
    assert shown.headers["cache-control"] == "private, max-age=300"
    assert shown.headers["content-security-policy"] == "sandbox; default-src 'none'"
    cast.alice.change_link(house.links["all"].link, show_prompts=True)
    part = send(
        "GET",
        url.replace("{link}", house.links["all"].link.id.hex),
        cookie(house, "all"),
        headers={"Range": "bytes=0-2"},
    )
    assert (part.status_code, part.content) == (206, b"\x89PN")
    assert house.ask("all", "GET", url + "?keep=1").status_code == 403
    cast.alice.change_link(house.links["all"].link, can_download=True)
    kept = house.ask("all", "GET", url + "?keep=1")
    assert kept.headers["content-disposition"].startswith("attachment")
    assert house.ask("all", "GET", url.replace("original", "../original")).status_code == 404


def cookie(house: House, who: str) -> dict[str, str]:
    link: SharedLink = house.links[who].link
    return {cookie_name(house.studio.settings, link.id): new_pass(house.links[who].token)}


def test_a_browser_keeps_its_secret_when_it_comes_again_and_gets_another_for_another_link() -> None:
    first = new_pass("t" * 43)
    assert new_pass("t" * 43, first) == first
    assert new_pass("u" * 43, first) != first
    assert new_pass("t" * 43, "t" * 43 + ".short") != "t" * 43 + ".short"


def test_a_picture_brings_its_prompt_only_where_the_link_shows_prompts(house: House, cast: Cast) -> None:
    words, out = PngInfo(), BytesIO()
    words.add_text("parameters", "a secret prompt")
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=words)
    path = house.studio.settings.data_dir / "media" / "dev" / "a" / house.ids["asset_id"] / ORIGINAL
    path.write_bytes(out.getvalue())
    url = f"/review/m/{{link}}/{house.ids['asset_id']}/{ORIGINAL}"
    assert b"a secret prompt" not in house.ask("all", "GET", url).content
    cast.alice.change_link(house.links["all"].link, show_prompts=True)
    assert house.ask("all", "GET", url).content == out.getvalue() == path.read_bytes()
