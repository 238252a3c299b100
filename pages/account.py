"""Who I am: password, language, where I am signed in, what acts in my name."""

import streamlit as st

from apom.models import ApiToken, Scope
from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.door import attempt, did, mine, plain
from apom.ui.moments import day, moment
from apom.words import _, plural, spoken
from pages.telling import notifications

LIVES = (30, 90, 365)  # days
# Each calls itself by the names of those below it too
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def show() -> None:
    """One's own account."""
    header(_("Account"), [(_("Projects"), "", {})])
    left, right = st.columns(2, gap="large")
    with left:
        profile()
        allowance()
        password()
        notifications()
    with right:
        sessions()
        tokens()


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


def allowance() -> None:
    """What one may still spend in this month, for who has a limit."""
    now = mine().allowance()
    if now.limit is None:
        return
    st.subheader(_("This month"))
    limit = f"{now.limit:,.2f} {now.currency}"
    if now.left is None:
        st.text(_("Your limit is {limit}. What is left is not known: an exchange rate is missing.", limit=limit))
        return
    st.progress(1 - now.left / now.limit if now.limit else 1.0)
    st.text(_("{left} of {limit} is left.", left=f"{now.left:,.2f}", limit=limit))
    if now.promised:
        st.caption(plain(_("{promised} is ordered and not done yet.", promised=f"{now.promised:,.2f} {now.currency}")))


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
            st.text(program(session.agent), width="stretch")
            seen = moment(session.seen_at)
            st.caption(plain(" · ".join(filter(None, (session.address, seen)))))
            if session.id == ws.actor.session_id:
                st.badge(_("this one"))
            else:
                st.button(_("End"), key=f"end-{session.id}", on_click=guard.guarded(end), args=(str(session.id),))


def program(agent: str) -> str:
    """A browser and its system in two words, where it can be told from what it calls itself."""
    browser, system = (
        next((name for mark, name in known.items() if mark in agent), "") for known in (BROWSERS, SYSTEMS)
    )
    if browser and system:
        return _("{browser} on {system}", browser=browser, system=system)
    return browser or system or agent[:60] or _("unknown program")


def end(session_id: str) -> None:
    """Signs one browser out."""
    attempt(mine().end_session, session_id)


def tokens() -> None:
    """What acts in one's name: notebooks and scripts."""
    st.subheader(_("API tokens"))
    st.caption(
        _("For notebooks and scripts. A token goes on when you change your password: revoke what you do not know.")
    )
    with st.form("token", border=False, clear_on_submit=True):
        name = st.text_input(_("What for"), placeholder=_("Notebook on the laptop"))
        days = st.selectbox(_("Ends after"), LIVES, index=1, format_func=lambda n: plural("{n} day", "{n} days", n))
        reads = st.toggle(_("May only read"))
        sent = st.form_submit_button(_("Make a token"))
    if sent:
        make(name, days, reads)
    for token in mine().tokens():
        row(token)


def make(name: str, days: int, reads: bool) -> None:
    """Shown this once: the next rerun knows nothing of it."""
    scopes = (Scope.READ,) if reads else (Scope.READ, Scope.WRITE)
    made = attempt(mine().create_token, name, days=days, scopes=scopes)
    if made is not None:
        st.success(_("Copy it now: nobody can show it again."))
        st.code(made[1], language=None, wrap_lines=True)


def row(token: ApiToken) -> None:
    """One token and its end."""
    used = _("used {day}", day=day(token.last_used_at)) if token.last_used_at else _("never used")
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.text(token.name, width="stretch")
        if Scope.WRITE not in token.scopes:
            st.badge(_("only reads"))
        st.caption(plain(f"{used} · " + _("ends {day}", day=day(token.expires_at))))
        st.button(_("Revoke"), key=f"revoke-{token.id}", on_click=guard.guarded(revoke), args=(str(token.id),))


def revoke(token_id: str) -> None:
    """It ends now."""
    attempt(mine().revoke_token, token_id)
