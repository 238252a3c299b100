"""Sign in; on an empty install, make the first account."""

import streamlit as st

from apom import studio
from apom.ui.components.signin import signin
from apom.ui.look import look
from apom.words import _


def show(path: str) -> None:
    """The form in the place of every page while nobody is signed in; afterwards the page that was asked for."""
    look()
    accounts = studio.current().accounts
    is_first, is_open = accounts.is_empty(), accounts.is_open()
    query = "&".join(f"{name}={value}" for name, value in st.query_params.items() if value.isascii())
    _left, middle, _right = st.columns([1, 1.4, 1])
    with middle:
        st.title("apom", text_alignment="center")
        st.caption(_("Shots, takes, review and cost of AI film work, in one place."), text_alignment="center")
        if is_first:
            signin("first", next=f"{path}?{query}" if query else path, key="first")
            return
        wants_account = (
            is_open
            and st.segmented_control(
                _("What would you like to do?"),
                ["in", "new"],
                default="in",
                required=True,
                label_visibility="collapsed",
                format_func=lambda choice: _("Sign in") if choice == "in" else _("Make an account"),
            )
            == "new"
        )
        signin("register" if wants_account else "signin", next=f"{path}?{query}" if query else path, key="signin")
