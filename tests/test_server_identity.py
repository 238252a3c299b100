"""Tokens, addresses, and how long an answer is believed."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import person
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from apom.config import Settings
from apom.errors import StoreBroken
from apom.models import Actor
from apom.server.identity import REMEMBERED, Identity, Sessions, cut, introduced, token_in

ALICE = person("alice")


class Asked:
    """Resolves "alice" until it is told otherwise, and counts."""

    def __init__(self) -> None:
        self.now = 100.0
        self.tokens: list[str] = []
        self.threads: set[int] = set()
        self.live = {"alice": ALICE}

    def resolve(self, token: str) -> Actor | None:
        self.tokens.append(token)
        self.threads.add(threading.get_ident())
        return self.live.get(token)

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_only_the_network_of_an_address_is_kept(address: str, network: str) -> None:
    assert cut(address) == network


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"cookie": "apom_session=t"}, "t"),
        ({"cookie": "a=b;  apom_session=t; c=d"}, "t"),
        ({"cookie": "xapom_session=t"}, None),
        ({"cookie": "apom_session=first; apom_session=second"}, "first"),
        ({"cookie": "__Host-apom_session=t"}, None),
        ({"cookie": "apom_session="}, None),
        ({"cookie": "apom_session=" + "t" * 201}, None),
        ({"authorization": "bearer p", "cookie": "apom_session=t"}, "p"),
        ({"authorization": "Bearer apom_pat_t"}, "apom_pat_t"),
        ({"cookie": "apom_session=apom_pat_t"}, None),
        ({"authorization": "Basic p", "cookie": "apom_session=t"}, "t"),
        ({"authorization": "Bearer "}, None),
    ],
)
def test_where_the_token_is_taken_from(headers: dict[str, str], token: str | None) -> None:
    assert token_in(Headers(headers), "apom_session") == token


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_no_header_breaks_it(cookie: str, authorization: str) -> None:
    headers = Headers(raw=[(b"cookie", cookie.encode("latin-1")), (b"authorization", authorization.encode("latin-1"))])
    token = token_in(headers, "apom_session")
    assert token is None or 0 < len(token) <= 200


def test_the_cookie_is_bound_to_the_host_where_browsers_can() -> None:
    assert Settings(public_url="https://films.example").cookie == "__Host-apom_session"
    assert Settings().cookie == "apom_session"


@given(st.lists(st.tuples(st.sampled_from(["x-apom-user", "X-APOM-Session", "x-apom-", "cookie"]), st.just("mallory"))))
def test_trusted_headers_are_only_ours(sent: list[tuple[str, str]]) -> None:
    scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in sent]}
    for actor, expected in ((None, set()), (ALICE, {str(ALICE.user_id), str(ALICE.session_id)})):
        headers = Headers(scope=introduced(scope, actor))
        assert {value for name, value in headers.items() if name.startswith("x-apom-")} == expected


def test_many_at_once_ask_once_and_off_the_event_loop() -> None:
    asked = Asked()

    async def page_load() -> None:
        sessions = Sessions(asked.resolve, asked.clock)
        found = await asyncio.gather(
            *(sessions.actor("alice") for _ in range(60)), *(sessions.actor("x") for _ in "ab")
        )
        assert found == [ALICE] * 60 + [None] * 2

    asyncio.run(page_load())
    assert sorted(asked.tokens) == ["alice", "x"]
    assert threading.get_ident() not in asked.threads


def test_an_answer_is_believed_for_two_seconds_unless_it_is_forgotten() -> None:
    asked = Asked()

    async def visits() -> None:
        sessions = Sessions(asked.resolve, asked.clock)
        assert await sessions.actor("alice")
        asked.live.clear()
        asked.now += 1.9
        assert await sessions.actor("alice")
        asked.now += 0.2
        assert not await sessions.actor("alice")
        asked.live["alice"] = ALICE
        assert not await sessions.actor("alice")
        sessions.forget("alice")
        assert await sessions.actor("alice")
        asked.live.clear()
        sessions.forget()
        assert not await sessions.actor("alice")

    asyncio.run(visits())


def test_a_visitor_who_leaves_does_not_take_the_others_answer_along() -> None:
    asked, gate = Asked(), threading.Event()

    def slow(token: str) -> Actor | None:
        gate.wait(10)
        return asked.resolve(token)

    async def visits() -> None:
        sessions = Sessions(slow)
        first, second = (asyncio.create_task(sessions.actor("alice")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        gate.set()
        assert await second == ALICE

    asyncio.run(visits())


def test_invented_tokens_do_not_fill_the_memory() -> None:
    async def visits() -> None:
        sessions = Sessions(lambda _: None)
        for n in range(REMEMBERED + 10):
            await sessions.actor(str(n))
        assert len(sessions._lookups) <= REMEMBERED

    asyncio.run(visits())


def test_a_store_that_cannot_say_answers_503_and_takes_nobody_for_a_stranger() -> None:
    def broken(_: str) -> Actor | None:
        raise StoreBroken("The store has to be mended first.")

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(str(scope["state"]["actor"]))(scope, receive, send)

    async def visit(cookies: dict[str, str]) -> httpx.Response:
        edge = Identity(behind, sessions=Sessions(broken), cookie="apom_session")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), cookies=cookies) as client:
            return await client.get("http://apom/api/x")

    answer = asyncio.run(visit({"apom_session": "t"}))
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The store has to be mended first."
    assert asyncio.run(visit({})).text == "None"
