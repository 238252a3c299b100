"""What an admin looks after: people, settings, the providers' credit, and what was done."""

import json
from datetime import UTC, datetime

import streamlit as st
from pydantic import JsonValue

from apom.errors import Invalid
from apom.models import SystemSetting, User
from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.door import did, mine, plain
from apom.ui.moments import moment
from apom.words import N_, _, plural

SHOWN = 25
ENTRIES = 100
KINDS = {"all": N_("Everybody"), "admins": N_("Admins"), "out": N_("Cannot sign in")}
NAMES = {
    "registration_open": N_("Registration is open"),
    "retention_days": N_("Days until the trash"),
    "trash_days": N_("Days in the trash until the files go"),
    "link_days": N_("Days a review link lives"),
    "upload_gb": N_("Uploads a person may keep, in GB"),
    "smart_edit_model": N_("Smart Edit: model"),
    "smart_edit_template": N_("Smart Edit: prompt"),
    "currency": N_("Currency"),
    "exchange_rates": N_("Exchange rates"),
}
CREDIT = {  # the columns; those without a title are left out
    "provider": None,
    "title": N_("Provider"),
    "month": None,
    "unit": N_("Unit"),
    "is_play": N_("Play, no money"),
    "first": N_("At first"),
    "first_at": N_("Asked first"),
    "last": N_("At last"),
    "last_at": N_("Asked last"),
    "fell": N_("Used"),
    "rose": N_("Bought"),
    "entered": N_("Our entries"),
    "unpriced": N_("Entries without a price"),
    "difference": N_("Difference"),
}


def show() -> None:
    """One of the views, which the address names."""
    header(_("Studio"), [(_("Projects"), "", {})])
    mine().system()  # refuses who is no admin, before anything is drawn
    asked = st.query_params.get("view", "")
    view = st.segmented_control(
        _("What to look at"),
        list(VIEWS),
        format_func=lambda name: _(TITLES[name]),
        default=asked if asked in VIEWS else "people",
        required=True,
        key="admin-view",
        label_visibility="collapsed",
    )
    st.query_params["view"] = view or "people"
    VIEWS[view or "people"]()


def people() -> None:
    """Accounts, the newest first; one is changed in a dialog."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(_("Name or e-mail address"), icon=":material/search:", key="people-text")
        kind = st.selectbox(_("Who"), list(KINDS), format_func=lambda name: _(KINDS[name]), key="people-kind")
        st.button(_("New account"), icon=":material/person_add:", on_click=guard.guarded(_open), args=(None,))
    shown = st.session_state.setdefault("people-shown", SHOWN)
    found = mine().users(
        text, is_admin=True if kind == "admins" else None, is_active=False if kind == "out" else None, limit=shown
    )
    if not found.items:
        st.caption(_("Nobody is like that."))
    for user in found.items:
        person(user)
    if found.next:
        st.button(_("Show more"), on_click=guard.guarded(_more))
    asked = st.session_state.pop("people-open", "")
    if asked == "new":
        new_account()
    for user in found.items:
        if str(user.id) == asked:
            account(user.username)


def _open(user_id: str | None) -> None:
    st.session_state["people-open"] = user_id or "new"


def _more() -> None:
    st.session_state["people-shown"] += SHOWN


def person(user: User) -> None:
    """Who, and what they may."""
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.text(user.username, width="stretch")
        if user.is_admin:
            st.badge(_("admin"))
        if not user.is_active:
            st.badge(_("cannot sign in"), color="red")
        if user.monthly_limit is not None:
            st.caption(plain(_("{limit} a month", limit=f"{user.monthly_limit:,.2f}")))
        st.caption(plain(user.email or ""))
        st.button(
            _("Change"),
            key=f"change-{user.id}",
            on_click=guard.guarded(_open),
            args=(str(user.id),),
            disabled=user.id == mine().actor.user_id,
            help=_("Your own account has a page of its own.") if user.id == mine().actor.user_id else None,
        )


@st.dialog(" ")
@guard.guarded
def new_account() -> None:
    """For somebody who is told the first password in person."""
    st.subheader(_("New account"))
    with st.form("new-account", border=False):
        name = st.text_input(_("User name"), max_chars=60)
        password = _password(_("First password"))
        sent = st.form_submit_button(_("Make the account"), type="primary")
    if sent and did(mine().add_user, name, password):
        st.rerun()


def _password(label: str) -> str:
    return st.text_input(
        label, type="password", autocomplete="new-password", help=_("15 characters or more: a few words.")
    )


@st.dialog(" ")
@guard.guarded
def account(username: str) -> None:
    """What somebody may do and spend, and a new password when they have lost theirs."""
    user = next(user for user in mine().users(username).items if user.username == username)
    st.subheader(plain(username))
    with st.form(f"rights-{username}", border=False):
        is_active = st.toggle(_("May sign in"), value=user.is_active)
        is_admin = st.toggle(_("Admin: looks after people, providers and settings"), value=user.is_admin)
        limit = st.number_input(
            _("May spend in a month"), value=user.monthly_limit, min_value=0.0, placeholder=_("no limit")
        )
        saved = st.form_submit_button(_("Save"), type="primary")
    if (
        saved
        and did(mine().change_user, username, is_admin=is_admin, is_active=is_active)
        and did(mine().set_monthly_limit, username, limit)
    ):
        st.rerun()
    with (
        st.expander(_("New password"), key=f"reset-{username}", icon=":material/password:"),
        st.form(f"password-{username}", border=False, clear_on_submit=True),
    ):
        st.caption(_("Wherever they are signed in, they are signed out, and their tokens end."))
        password = _password(_("New password"))
        sent = st.form_submit_button(_("Set the password"))
    if sent and did(mine().reset_password, username, password):
        st.success(_("Set. Tell them in person."))


def settings() -> None:
    """What holds for the whole studio; what was changed is saved."""
    now = mine().system()
    with st.form("settings", border=False, width=640):
        typed = [(setting, _field(setting)) for setting in now]
        saved = st.form_submit_button(_("Save"), type="primary")
    if saved and all([did(_set, setting, value) for setting, value in typed if value != _shown(setting)]):
        st.toast(_("Saved."), icon=":material/check:")


def _field(setting: SystemSetting) -> JsonValue:
    """As its kind is typed."""
    label, words, key, value = (
        _(NAMES.get(setting.key, setting.key)),
        _(setting.help),
        f"value-{setting.key}",
        _shown(setting),
    )
    if setting.kind == "bool":
        return st.toggle(label, value=bool(value), key=key, help=words)
    if setting.kind == "int":
        return int(st.number_input(label, value=int(str(value)), step=1, key=key, help=words))
    if setting.kind == "str":
        return st.text_input(label, value=str(value), key=key, help=words)
    return st.text_area(label, value=str(value), key=key, help=words)


def _shown(setting: SystemSetting) -> JsonValue:
    """A mapping is typed as JSON."""
    return json.dumps(setting.value, ensure_ascii=False) if setting.kind == "dict" else setting.value


def _set(setting: SystemSetting, value: JsonValue) -> None:
    if setting.kind == "dict":
        try:
            value = json.loads(str(value))
        except ValueError:
            raise Invalid(
                "{name} is no JSON: braces around all of it, names in quotes.",
                name=_(NAMES.get(setting.key, setting.key)),
            ) from None
    mine().set_system(setting.key, value)


def credit() -> None:
    """What became of the providers' credit in this month."""
    month = datetime.now(UTC).replace(day=1)
    changes = mine().balances()
    st.caption(plain(_("The providers' credit in {month}, beside our own entries.", month=f"{month:%Y-%m}")))
    if not changes:
        st.info(_("No provider has been asked for its credit in this month. Set a key, and it is asked now and then."))
        return
    titles = {name: title and _(title) for name, title in CREDIT.items()}
    st.dataframe(changes.df(), hide_index=True, column_config=titles)


def log() -> None:
    """What was done, newest first."""
    page = mine().audit(limit=ENTRIES)
    st.caption(plural("The last thing that was done", "The last {n} things that were done", len(page.items)))
    st.dataframe(
        [
            {
                _("When"): moment(entry.at),
                _("Who"): entry.actor,
                _("What"): entry.action,
                _("About"): entry.object,
                _("From"): entry.address,
            }
            for entry in page.items
        ],
        hide_index=True,
    )


TITLES = {"people": N_("People"), "settings": N_("Settings"), "credit": N_("Credit"), "log": N_("Log")}
VIEWS = {"people": people, "settings": settings, "credit": credit, "log": log}
