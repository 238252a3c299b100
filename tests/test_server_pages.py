"""The edge over Streamlit's websocket, against a real process: what a forged or late message gets."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Served, served
from streamlit.proto.BackMsg_pb2 import BackMsg
from ws_client import Drawn, Tab

GUARDED = ("SECRET", "TICK", "HOME")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def check_nothing_private(drawn: Drawn) -> None:
    assert not [text for text in drawn.texts if text.startswith(GUARDED)]


def test_the_first_visitor_of_a_fresh_process_gets_the_sign_in_only(server: Served, tmp_path: Path) -> None:
    """Before the script has run once, Streamlit would serve a `pages/` folder beside it without asking anybody."""
    with Tab(server.url) as tab:
        tab.run()
        hashes = tab.pages
    forged = [{"page": "secret"}, {"page_hash": hashes["secret"]}, {"page": "secret", "page_hash": hashes["secret"]}]
    forged += [{"page": page} for page in ("", "login", "served_dashboard", "dashboard", "projects", "../pages/box")]
    forged += [{"page_hash": "0" * 32}, {"page_hash": hashes["secret"], "fragment": "0" * 32}, {"query": "page=secret"}]
    with served(tmp_path) as fresh:
        tabs = [Tab(fresh.url) for _ in forged]
        for tab, asked in zip(tabs, forged, strict=True):
            tab.ask(**asked)
        for tab in tabs:
            drawn = tab.drawn(within_s=5)  # a forged fragment is answered by nothing at all
            check_nothing_private(drawn)
            assert "SIGN IN" in drawn or not drawn.texts
            tab.socket.close()
        assert fresh.marks() == ["started"]


def test_a_deep_link_keeps_its_address_through_the_sign_in(server: Served) -> None:
    with Tab(server.url) as tab:
        assert tab.run(page="secret").texts[0] == "SIGN IN for /secret"


def test_a_member_sees_the_page(server: Served) -> None:
    with Tab(server.url, "alice-0") as tab:
        assert "SECRET of alice" in tab.run(page="secret")
        assert "draft=mine" in tab.run(page="secret", typed={"draft": "mine"})


def test_a_forged_header_makes_nobody_a_member(server: Served) -> None:
    with Tab(server.url, "alice-1") as tab:
        tab.run()
    forged: dict[str, str | None] = {"x-apom-user": "alice", "X-Apom-Session": "alice", "x-apom-actor": "alice"}
    with Tab(server.url, headers=forged) as tab:
        check_nothing_private(tab.run(page="secret"))


@pytest.mark.parametrize("is_connected", [True, False])
@pytest.mark.parametrize("thief", ["", "bob-2", "alice-3"])
def test_a_stolen_streamlit_session_is_worthless(server: Served, thief: str, is_connected: bool) -> None:
    """Its id is in every upload's address; `alice-3` is another sign-in of hers, which is another session all the same."""
    with Tab(server.url, "alice-2") as victim:
        victim.run(page="secret")
        victim.run(page="secret", typed={"draft": "for my eyes"})
        if not is_connected:
            victim.socket.close()
        with Tab(server.url, thief, session=victim.session) as tab:
            drawn = tab.run(page="secret")
            assert tab.session != victim.session
            assert "eyes" not in drawn
            assert "SECRET of alice" not in drawn or thief.startswith("alice")
        if is_connected:
            assert "draft=for my eyes" in victim.run(page="secret", typed={"draft": "for my eyes"})


def test_ones_own_session_is_resumed(server: Served) -> None:
    with Tab(server.url, "alice-4") as tab:
        tab.run(page="secret")
    with Tab(server.url, "alice-4", session=tab.session) as again:
        again.run(page="secret")
        assert again.session == tab.session


def test_an_anonymous_session_is_not(server: Served) -> None:
    with Tab(server.url) as tab:
        tab.run(page="secret")
    with Tab(server.url, session=tab.session) as again:
        again.run(page="secret")
        assert again.session != tab.session


@pytest.mark.parametrize(
    ("asked", "token"), [("run", "bob-10"), ("bare", "bob-11"), ("guarded", "bob-12"), ("tock", "bob-13")]
)
def test_after_logout_the_open_tab_gets_the_sign_in_and_does_nothing(server: Served, asked: str, token: str) -> None:
    with Tab(server.url, token) as tab:
        tab.run(page="secret")
        server.logout(token)
        before = server.marks()
        if asked == "tock":
            tab.ask(page_hash=tab.pages["secret"], fragment=next(iter(tab.fragments)), click="tock")
        else:
            tab.ask(page_hash=tab.pages["secret"], click="" if asked == "run" else asked)
        assert tab.drawn().texts[0] == "SIGN IN for /secret"
        assert server.marks() == before


@pytest.mark.parametrize(("asked", "token"), [("guarded", "bob-20"), ("fragment", "bob-21")])
def test_the_guard_holds_where_the_edge_does_not_know_yet(server: Served, asked: str, token: str) -> None:
    """A session that ended elsewhere: the edge may believe in it for two seconds, callbacks and fragments do not."""
    with Tab(server.url, token) as tab:
        tab.run(page="secret")
        server.logout(token, told=False)
        before = server.marks()
        if asked == "fragment":
            tab.ask(page_hash=tab.pages["secret"], fragment=next(iter(tab.fragments)))
        else:
            tab.ask(page_hash=tab.pages["secret"], click="guarded")
        drawn = tab.drawn()
        if not drawn.texts:  # what was stopped; the page anew comes after it
            drawn = tab.drawn()
        assert drawn.texts[0] == "SIGN IN for /secret"
        assert server.marks() == before


def test_a_page_that_fails_says_so_and_nothing_else(server: Served) -> None:
    with Tab(server.url, "alice-6") as tab:
        failed, refused = tab.run(page="broken"), tab.run(page="refused")
    assert "Something went wrong here." in failed
    assert "exception" not in failed.kinds
    assert refused.texts == ["This did not work.", "This is not for you."]
    assert "RuntimeError" in "".join(server.log)
    assert "HUSH" not in "".join(failed.texts)


def test_clearing_the_caches_restarts_nothing(server: Served) -> None:
    """Any visitor may send it, and it empties st.cache_resource for everybody."""
    with Tab(server.url) as tab:
        tab.run()
        for _ in range(10):
            tab.send(BackMsg(clear_cache=True))
        assert "SIGN IN" in tab.run()
    assert server.marks().count("started") == 1


@pytest.mark.parametrize("token", ["", "victor-5"])
def test_a_flood_of_reruns_does_not_stall_another_visitor(server: Served, token: str) -> None:
    def first_page_s() -> float:
        began = time.monotonic()
        with Tab(server.url, "alice-5") as tab:
            assert "SECRET" in tab.run(page="secret")
        return time.monotonic() - began

    quiet = statistics.median(first_page_s() for _ in range(5))
    with Tab(server.url, token) as flood:
        flood.run(page="secret")
        reader = threading.Thread(target=flood.drawn, kwargs={"within_s": 0})
        reader.start()
        for _ in range(200):
            flood.ask(page="secret")
        busy = statistics.median(first_page_s() for _ in range(5))
        reader.join()
    assert busy < max(1.0, 6 * quiet)
