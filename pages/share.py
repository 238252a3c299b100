"""Sharing a project: publish a round, make review links, see what was done with them, end them."""

from collections.abc import Sequence
from datetime import date, timedelta

import streamlit as st

from apom.models import LinkAction, MadeLink, Project, SharedLink
from apom.ui import guard
from apom.ui.door import attempt, did, mine, plain
from apom.words import N_, _, plural

SWITCHES = {
    "can_comment": N_("Comment"),
    "can_approve": N_("Approve"),
    "can_download": N_("Download"),
    "show_prompts": N_("See prompts"),
}
DEEDS = {
    LinkAction.OPENED: N_("opened it"),
    LinkAction.VIEWED: N_("looked at {shot}"),
    LinkAction.COMMENTED: N_("commented on {shot}"),
    LinkAction.APPROVED: N_("approved {shot}"),
    LinkAction.CHANGES_WANTED: N_("wants changes of {shot}"),
    LinkAction.DOWNLOADED: N_("downloaded a take"),
}
LIFE_DAYS = 30
MADE = "made-link"
ACTIVITY = 30


@st.dialog(" ", width=640, on_dismiss="rerun")
@guard.guarded
def share(project: Project) -> None:
    """What clients see, and who may look."""
    st.subheader(_("Share"))
    publish(project)
    st.divider()
    new_link(project)
    live = mine().links(project, live=True)
    if live:
        st.divider()
        st.markdown(_("**Links**"))
        link_rows(live)
    known = {link.id for link in live}
    ended(tuple(link for link in mine().links(project) if link.id not in known))


def ended(links: Sequence[SharedLink]) -> None:
    """What was done with links that open nothing any more."""
    if not links:
        return
    with st.expander(plural("{n} link has ended", "{n} links have ended", len(links)), key="ended"):
        for link in links:
            st.text(f"{link.label} · {_('revoked') if link.revoked_at else _('expired')}")
            st.caption(plain(_facts(link)))
            deeds(link)


def publish(project: Project) -> None:
    """The next round."""
    rounds = mine().rounds(project)
    st.markdown(_("**Rounds**"))
    if rounds:
        last = rounds[0]
        st.caption(_("Links show round {n}, published on {day}.", n=last.number, day=f"{last.published_at:%d.%m.%Y}"))
    else:
        st.caption(_("Nothing has been published: links show nothing yet."))
    with st.form("publish", border=False, clear_on_submit=True):
        note = st.text_input(_("Note for the client"), placeholder=_("What is new in this round"), max_chars=500)
        label = _("Publish round {n}", n=rounds[0].number + 1 if rounds else 1)
        sent = st.form_submit_button(label, type="primary", icon=":material/publish:")
    if sent and attempt(mine().publish_round, project, note) is not None:
        st.toast(_("Published. Whoever looks sees it now."), icon=":material/check:")
        st.rerun(scope="fragment")


def new_link(project: Project) -> None:
    """Who it is for, how long, and what they may do; its address is shown this once."""
    st.markdown(_("**New link**"))
    place = st.container()
    with st.form("link", border=False, clear_on_submit=True):
        left, right = st.columns(2)
        name = left.text_input(_("For whom"), max_chars=120, placeholder=_("the agency, the director"))
        until = right.date_input(
            _("Until the end of"),
            value=date.today() + timedelta(days=LIFE_DAYS),
            min_value=date.today(),
            format="DD.MM.YYYY",
        )
        chosen = st.pills(
            _("They may"),
            list(SWITCHES),
            selection_mode="multi",
            default=["can_comment", "can_approve"],
            format_func=lambda switch: _(SWITCHES[switch]),
        )
        password = st.text_input(
            _("Password, if you like"), type="password", autocomplete="new-password", max_chars=128
        )
        sent = st.form_submit_button(_("Make a link"), icon=":material/add_link:")
    if sent:
        switches = {switch: switch in chosen for switch in SWITCHES}
        made = attempt(mine().create_link, project, name, until=until, password=password or None, **switches)
        if made is not None:
            st.session_state[MADE] = made
    shown = st.session_state.get(MADE)
    if shown is not None and shown.link.project_id == project.id:
        with place:
            shown_once(shown)


def forget() -> None:
    """The address of a link is shown until the dialog is opened anew."""
    st.session_state.pop(MADE, None)


def shown_once(made: MadeLink) -> None:
    """The address of a new link."""
    with st.container(border=True):
        st.text(_("The link for {name}. Copy it now: it is shown this once.", name=made.link.label))
        st.code(made.url, language=None, wrap_lines=True)
        if made.is_local:
            st.warning(
                _("Only this computer can open it. Set APOM_PUBLIC_URL to the address that others reach this under."),
                icon=":material/computer:",
            )


def link_rows(links: Sequence[SharedLink], *, with_project: bool = False) -> None:
    """Links with what was done with them; inside a fragment or a dialog."""
    for link in links:
        with st.container(border=True, key=f"link-{link.id}"):
            _row(link, with_project)


def _row(link: SharedLink, with_project: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{link.project_name} · {link.label}" if with_project else link.label, width="stretch")
        if st.button(_("Revoke"), key=f"revoke-{link.id}", icon=":material/link_off:") and did(
            mine().revoke_link, link
        ):
            st.toast(_("Revoked: it opens nothing any more."))
            st.rerun(scope="fragment")
    st.caption(plain(_facts(link)))
    with st.expander(_("What they may do, and what was done"), key=f"about-{link.id}"):
        before = [switch for switch in SWITCHES if getattr(link, switch)]
        chosen = st.pills(
            _("They may"),
            list(SWITCHES),
            selection_mode="multi",
            default=before,
            key=f"may-{link.id}",
            format_func=lambda switch: _(SWITCHES[switch]),
        )
        if set(chosen) != set(before):
            did(mine().change_link, link, **{switch: switch in chosen for switch in SWITCHES})
        deeds(link)


def deeds(link: SharedLink) -> None:
    """What was done with it, newest first."""
    found = mine().link_activity(link, limit=ACTIVITY).items
    if not found:
        st.caption(_("Nobody has opened it yet."))
    for deed in found:
        shot = f"{deed.box_code} {deed.box_name}" if deed.box_code else ""
        st.text(f"{deed.at:%d.%m. %H:%M} · {deed.name or _('Somebody')} {_(DEEDS[deed.action], shot=shot)}")


def _facts(link: SharedLink) -> str:
    parts = [
        _("until {day}", day=f"{link.last_day:%d.%m.%Y}"),
        plural("opened {n} time", "opened {n} times", link.visits),
        plural("{n} comment", "{n} comments", link.comments),
    ]
    if link.has_password:
        parts.append(_("with a password"))
    if link.last_seen_at:
        parts.append(_("last seen {when}", when=f"{link.last_seen_at:%d.%m. %H:%M}"))
    return " · ".join(parts)
