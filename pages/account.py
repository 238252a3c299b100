"""Who I am: password, language, where I am signed in."""

import streamlit as st

from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.door import attempt, did, mine, plain
from apom.words import _, spoken


def show() -> None:
    """One's own account; an admin also opens or closes registration."""
    header(_("Account"), [(_("Projects"), "", {})])
    left, right = st.columns(2, gap="large")
    with left:
        profile()
        password()
    with right:
        sessions()


def profile() -> None:
    """Language."""
    me = mine().me()
    st.subheader(_("Profile"))
    st.text(me.username + (f" · {_('admin')}" if me.is_admin else ""))
    languages = spoken()
    if len(languages) == 1:
        return
    codes = list(languages)
    index = codes.index(me.language) if me.language in codes else 0
    chosen = st.selectbox(_("Language"), codes, index=index, format_func=lambda code: languages[code])
    if chosen != me.language and attempt(mine().set_language, chosen) is not None:
        st.rerun()


def password() -> None:
    """The current one proves who asks."""
    st.subheader(_("Password"))
    with st.form("password", border=False):
        current = st.text_input(_("Current password"), type="password", autocomplete="current-password")
        new = st.text_input(
            _("New password"),
            type="password",
            autocomplete="new-password",
            help=_("15 characters or more: a few words."),
        )
        sent = st.form_submit_button(_("Change password"))
    if sent and did(mine().change_password, current, new):
        st.success(_("Changed. Wherever else you were signed in, you are signed out."))


def sessions() -> None:
    """Where one is signed in."""
    ws = mine()
    st.subheader(_("Sessions"))
    for session in ws.sessions():
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.text(session.agent[:60] or _("unknown program"), width="stretch")
            st.caption(plain(f"{session.address} · {session.seen_at:%Y-%m-%d %H:%M} UTC"))
            if session.id == ws.actor.session_id:
                st.badge(_("this one"))
            else:
                st.button(_("End"), key=f"end-{session.id}", on_click=guard.guarded(end), args=(str(session.id),))


def end(session_id: str) -> None:
    """Signs one browser out."""
    attempt(mine().end_session, session_id)
