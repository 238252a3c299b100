"""Who is here is asked once for each page, callback and fragment that is run, and anew for the next.

That whoever has left gets nothing more is tested over real sockets, in test_server_pages.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from apom.models import Actor, new_id
from apom.ui import guard

ALICE = Actor(user_id=new_id(), username="alice", session_id=new_id())


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """Every question to the store."""
    questions: list[str] = []

    def resolve(ref: str) -> Actor | None:
        questions.append(ref)
        return ALICE

    before = guard._resolve
    guard.connect(resolve)
    yield questions
    guard.connect(before)


def script() -> None:
    import streamlit as st

    from apom.ui import guard

    def act() -> None:
        st.text(" ".join(guard.require_user().username for _ in range(3)))

    guard.guarded(act)()
    st.text("then " + guard.require_user().username)


def test_a_guarded_act_asks_once_and_nothing_outlives_it(asked: list[str]) -> None:
    tab = AppTest.from_function(script, default_timeout=20)
    tab.user = {"user_id": str(ALICE.user_id), "session_ref": str(ALICE.session_id)}
    for run in (1, 2):
        tab.run()
        assert [text.value for text in tab.text] == ["alice alice alice", "then alice"]
        assert len(asked) == 2 * run, "once for the act, once for what nobody guarded"
