"""What I hear of and by which way: a part of the account page."""

import streamlit as st

from apom.models import Channel, Digest, NoticeKind, NotificationSettings, Preset, Webhook
from apom.studio import webhook_template
from apom.ui import guard
from apom.ui.door import attempt, did, mine, plain
from apom.ui.moments import moment
from apom.words import N_, _

KINDS = {
    NoticeKind.COMMENT: N_("Somebody comments"),
    NoticeKind.VERDICT: N_("A shot is approved, or changes are wanted"),
    NoticeKind.ATTENTION: N_("A take of mine needs me"),
    NoticeKind.BUDGET: N_("80 % of a budget or of my month is gone"),
    NoticeKind.BATCH: N_("A batch of mine is done"),
}
WAYS = {Channel.APP: N_("In the app"), Channel.MAIL: N_("By mail"), Channel.POST: N_("By webhook")}
OFTEN = {
    Digest.SOON: N_("At once"),
    Digest.HOURLY: N_("Once an hour"),
    Digest.DAILY: N_("Every morning (6:00 UTC)"),
}
PRESETS = {
    Preset.SLACK: N_("Slack, Mattermost"),
    Preset.DISCORD: N_("Discord"),
    Preset.TELEGRAM: N_("Telegram"),
    Preset.PLAIN: N_("A program of mine (JSON)"),
}
TEMPLATE_PX = 160
NAMES = "{title} {text} {project} {shot} {person} {url} {at} {kind} {id}"


def notifications() -> None:
    """What by which way, where mail goes, and webhooks."""
    st.subheader(_("Notifications"), anchor="notifications")
    settings = mine().notification_settings()
    channels(settings)
    email(settings)
    st.subheader(_("Webhooks"))
    st.caption(_("Your notifications, posted to a chat or to a program of yours, signed."))
    for webhook in mine().webhooks():
        row(webhook)
    new_webhook()


def channels(settings: NotificationSettings) -> None:
    """A kind has a row, with the ways it comes by."""
    with st.form("channels", border=False):
        wanted = {
            kind: st.pills(
                _(title),
                list(WAYS),
                format_func=lambda way: _(WAYS[way]),
                selection_mode="multi",
                default=list(settings.channels[kind]),
                key=f"way-{kind}",
            )
            for kind, title in KINDS.items()
        }
        digest = st.selectbox(
            _("A mail comes"),
            list(OFTEN),
            index=list(OFTEN).index(settings.digest),
            format_func=lambda it: _(OFTEN[it]),
        )
        sent = st.form_submit_button(_("Save"))
    if sent and did(mine().set_notification_settings, wanted, digest=digest):
        st.success(_("Saved."))


def email(settings: NotificationSettings) -> None:
    """Where mail goes, and whether it arrives."""
    with st.form("email", border=False):
        address = st.text_input(_("Mail goes to"), value=settings.email or "", autocomplete="email")
        sent = st.form_submit_button(_("Save the address"))
    if sent and did(mine().set_email, address.strip() or None):
        st.success(_("Saved."))
    if not settings.mail_ready:
        st.caption(_("This server sends no mail: no mail server is set. Whoever runs it can set APOM_SMTP_HOST."))
    else:
        st.button(_("Send me a test"), icon=":material/mail:", on_click=guard.guarded(test_mail))


def test_mail() -> None:
    """A mail to oneself."""
    address = attempt(mine().send_test_mail)
    if address is not None:
        st.toast(plain(_("Sent to {address}.", address=address)), icon=":material/mail:")


def row(webhook: Webhook) -> None:
    """One webhook: how it is, and what can be done with it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{webhook.name} · {webhook.shown}", width="stretch")
            if not webhook.is_active:
                st.badge(_("off"), color="orange")
        if webhook.last_error:
            st.caption(plain(_("The last post failed: {reason}", reason=webhook.last_error)))
        elif webhook.last_ok_at:
            st.caption(plain(_("The last post went well, {at}.", at=moment(webhook.last_ok_at))))
        with st.container(horizontal=True):
            id = str(webhook.id)
            st.button(_("Test"), key=f"test-{id}", on_click=guard.guarded(test), args=(id,))
            turn = guard.guarded(turn_on_or_off)
            if webhook.is_active:
                st.button(_("Turn off"), key=f"off-{id}", on_click=turn, args=(id, False))
            else:
                st.button(_("Turn on"), key=f"on-{id}", on_click=turn, args=(id, True))
            st.button(_("Remove"), key=f"remove-{id}", on_click=guard.guarded(remove), args=(id,))


def new_webhook() -> None:
    """The preset fills the template, which may be changed."""
    with st.expander(_("Add a webhook"), key="new-webhook", icon=":material/add:"):
        preset = st.selectbox(_("For"), list(PRESETS), format_func=lambda it: _(PRESETS[it]), key="webhook-preset")
        with st.form("webhook", border=False):
            name = st.text_input(_("Name"), key="webhook-name", placeholder=_("Team chat"))
            url = st.text_input(
                _("Address"), type="password", key="webhook-address", autocomplete="off", placeholder="https://…"
            )
            template = st.text_area(
                _("What is posted"),
                value=webhook_template(preset),
                height=TEMPLATE_PX,
                key=f"template-{preset}",
                help=_("JSON. Filled in, in its texts: {names}", names=NAMES),
            )
            sent = st.form_submit_button(_("Add"))
        if sent:
            made = attempt(mine().add_webhook, name, url.strip(), preset=preset, template=template)
            if made is not None:
                st.success(
                    _("Added. What is posted is signed with this secret: copy it now, nobody can show it again.")
                )
                st.code(made.secret, language=None, wrap_lines=True)


def test(webhook_id: str) -> None:
    """Posts something now."""
    if did(mine().test_webhook, webhook_id):
        st.toast(_("It was taken."), icon=":material/check:")


def turn_on_or_off(webhook_id: str, is_active: bool) -> None:
    """Whether it is posted to."""
    attempt(mine().change_webhook, webhook_id, is_active=is_active)


def remove(webhook_id: str) -> None:
    """Nothing more is posted there."""
    attempt(mine().delete_webhook, webhook_id)
