"""The script of `served`: pages behind the sign-in."""

import served
import streamlit as st

from apom.errors import NotAllowed
from apom.ui import guard


def home() -> None:
    st.text("HOME")


def secret() -> None:
    st.text("SECRET of " + guard.require_user().username)
    st.text("draft=" + st.text_input("draft", key="draft"))
    st.button("guarded", on_click=guard.guarded(served.MARKS.append), args=("callback",))
    st.button("bare", on_click=served.MARKS.append, args=("bare callback",))
    ticker()


@st.fragment
@guard.guarded
def ticker() -> None:
    served.MARKS.append("fragment")
    st.text("TICK")
    st.button("tock")


def broken() -> None:
    raise RuntimeError("key=HUSH-IN-PAGE")


def refused() -> None:
    raise NotAllowed("This is not for you.")


def sign_in(path: str) -> None:
    st.text("SIGN IN for " + path)
    form = f'<form method="post" action="/session/login?next={path}"><input name="token"><button>Go</button></form>'
    st.html(form)


guard.run(
    [
        guard.Screen(path="", title="Home", show=home),
        guard.Screen(path="secret", title="Secret", show=secret),
        guard.Screen(path="broken", title="Broken", show=broken),
        guard.Screen(path="refused", title="Refused", show=refused),
    ],
    sign_in=sign_in,
)
