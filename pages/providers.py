"""Whom one generates with: keys, credit, what it costs, and the file that says how each is asked."""

import json

import streamlit as st

from apom.errors import ApomError, NotFound
from apom.models import AIModel, AIProvider, AssetType, KeyState
from apom.ui import form, guard
from apom.ui.chrome import header
from apom.ui.door import did, mine, plain
from apom.ui.moments import moment, time_of_day
from apom.words import N_, _, plural, say

COMMERCIAL = {
    "yes": N_("yes"),
    "plan": N_("depends on the plan"),
    "no": N_("no"),
    "unknown": N_("not known"),
}


def show() -> None:
    """All of them, or the one that the address names."""
    ws = mine()
    slug = st.query_params.get("provider", "")
    if not ws.actor.is_admin:
        header(_("Providers"), [(_("Projects"), "", {})])
        usable(ws.models())
        return
    providers = ws.providers()
    if not slug:
        header(_("Providers"), [(_("Projects"), "", {})])
        overview(providers)
        return
    found = next((each for each in providers if each.slug == slug), None)
    if found is None:
        raise NotFound
    header(found.title, [(_("Projects"), "", {}), (_("Providers"), "providers", {})])
    one(found)


def usable(models: tuple[AIModel, ...]) -> None:
    """What can be generated with, for who sets no keys."""
    st.caption(_("What can be generated with. An admin sets the keys of further providers."))
    table(models)


def overview(providers: tuple[AIProvider, ...]) -> None:
    """The ready ones first."""
    st.caption(_("A key is kept encrypted, shown as its last four signs, and sent to its provider alone."))
    for provider in sorted(providers, key=lambda each: (not each.is_usable, not each.is_active, each.title.casefold())):
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            with st.container(gap=None):
                st.text(provider.title)
                st.caption(plain(" · ".join(filter(None, (in_short(provider), first_paid(provider))))))
            badge(provider)
            with st.container(width="content"):
                st.button(
                    _("Open") if provider.is_usable else _("Set up"),
                    key=f"open-{provider.slug}",
                    on_click=guard.guarded(_open),
                    args=(provider.slug,),
                )


def _open(slug: str) -> None:
    st.query_params["provider"] = slug


def in_short(provider: AIProvider) -> str:
    """How many models of which kind."""
    pictures = sum(model.model_type is AssetType.IMAGE for model in provider.offers)
    clips = len(provider.offers) - pictures
    return ", ".join(
        words
        for n, words in (
            (pictures, plural("{n} picture model", "{n} picture models", pictures)),
            (clips, plural("{n} clip model", "{n} clip models", clips)),
        )
        if n
    )


def first_paid(provider: AIProvider) -> str:
    """What the first take costs that costs something."""
    price = provider.first_paid_price
    if price is None or not isinstance(amount := price.get("amount"), int | float):
        return ""
    cost = form.cost(amount, str(price.get("unit", "")), is_play=provider.is_play)
    return _("the first paid take costs {cost}", cost=cost)


def badge(provider: AIProvider) -> None:
    """How it is, in one word."""
    if not provider.is_active:
        st.badge(_("off"), color="gray")
    elif provider.is_usable:
        st.badge(_("ready"), icon=":material/check:", color="green")
    elif any(not state.is_usable for state in provider.keys):
        st.badge(_("needs a key"), icon=":material/key:", color="orange")
    else:
        st.badge(_("not ready"), icon=":material/error:", color="orange")


def one(provider: AIProvider) -> None:
    """Everything about one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        badge(provider)
        st.text(provider.base_url, width="content")
        st.caption(plain(health(provider.slug)), width="content")
        if provider.docs:
            st.link_button(_("Its documentation"), provider.docs, type="tertiary", icon=":material/open_in_new:")
    if provider.says:
        st.warning(plain(provider.says))
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        keys(provider)
        switches(provider)
    with right:
        st.subheader(_("Models"))
        table(provider.offers)
        trial(provider)
        definition(provider)


def health(slug: str) -> str:
    """What it has been like since the start."""
    found = next((each for each in mine().provider_health() if each.provider == slug), None)
    if found is None:
        return ""
    parts = []
    if found.last_success_at:
        parts.append(_("last delivered {at}", at=moment(found.last_success_at)))
    if found.error_rate:
        parts.append(_("{share} of its answers are errors", share=f"{found.error_rate:.0%}"))
    if found.paused_until:
        parts.append(_("waits until {at}", at=time_of_day(found.paused_until)))
    return " · ".join(parts)


def keys(provider: AIProvider) -> None:
    """Each key: whether it is there, another in its place, and whether it works."""
    st.subheader(_("Key"))
    if not provider.keys:
        st.caption(_("It needs none."))
    for state in provider.keys:
        key(provider, state)
    if provider.can_be_tested and provider.is_usable:
        if st.button(_("Test, free of charge"), icon=":material/network_check:"):
            tested(provider)
    elif provider.is_usable and provider.keys:
        st.caption(_("It has no free request, so only a paid take shows whether the key works."))


def key(provider: AIProvider, state: KeyState) -> None:
    """One key. What is typed goes to the server once, and nowhere back."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(state.name, width="stretch")
            st.caption(plain(where(state)), width="content")
        if state.says:
            st.warning(plain(state.says))
        if state.source == "environment":
            st.caption(_("It comes from the environment of the server, and is changed there."))
            return
        with st.form(f"key-{provider.slug}-{state.name}", border=False, clear_on_submit=True):
            typed = st.text_input(
                _("Key"),
                type="password",
                autocomplete="off",
                label_visibility="collapsed",
                placeholder=_("paste it here"),
            )
            with st.container(horizontal=True):
                label = _("Keep the key") if state.source == "missing" else _("Keep another key")
                is_kept = st.form_submit_button(label, type="primary" if state.source == "missing" else "secondary")
                is_gone = state.source == "store" and st.form_submit_button(_("Forget it"), icon=":material/delete:")
    if is_kept and did(mine().set_key, provider.slug, typed, name=state.name):
        st.rerun()
    if is_gone and did(mine().remove_key, provider.slug, name=state.name):
        st.rerun()


def where(state: KeyState) -> str:
    """Whether it is there, by its last four signs."""
    if state.source == "missing":
        return _("missing")
    return f"····{state.ends}" if state.ends else _("set")


def tested(provider: AIProvider) -> None:
    """What the provider says, or what is wrong in its own words."""
    try:
        with st.spinner(_("Asking {provider}", provider=plain(provider.title))):
            found = mine().test_provider(provider.slug)
    except ApomError as error:
        st.error(plain(say(error)))
    else:
        st.success(plain(found.says))


def switches(provider: AIProvider) -> None:
    """On or off, and where it is."""
    is_on = st.toggle(
        _("Offered in the prompt form"),
        value=provider.is_active,
        key=f"on-{provider.slug}-{provider.is_active}",
        help=_("What is in flight goes on either way."),
    )
    if is_on != provider.is_active and did(mine().set_active, provider.slug, is_on):
        st.rerun()
    with (
        st.expander(_("Address"), key=f"where-{provider.slug}", icon=":material/dns:"),
        st.form(f"address-{provider.slug}", border=False),
    ):
        st.caption(_("For a proxy, or a machine of your own. The key goes there from now on."))
        address = st.text_input(_("Address"), value=provider.base_url, label_visibility="collapsed")
        private = st.toggle(_("It may lie in a private network, and be asked by http"), value=provider.may_be_private)
        with st.container(horizontal=True):
            is_kept = st.form_submit_button(_("Save"))
            is_back = provider.is_base_url_changed and st.form_submit_button(_("As its file says"))
    if is_kept and did(mine().set_address, provider.slug, address.strip() or None, may_be_private=private):
        st.rerun()
    if is_back and did(mine().set_address, provider.slug, None, may_be_private=private):
        st.rerun()


def table(models: tuple[AIModel, ...]) -> None:
    """What each makes, costs, and allows."""
    if not models:
        st.caption(_("It has none that are switched on in its file."))
        return
    kinds = {AssetType.IMAGE: _("picture"), AssetType.VIDEO: _("clip")}
    rows = [
        {
            _("Model"): model.title,
            _("Makes"): kinds.get(model.model_type, model.model_type),
            _("From"): _("a take and words") if model.needs_take else _("words"),
            _("A take costs"): form.estimate(model, 1) or _("not known"),
            _("Commercial use"): _(COMMERCIAL.get(str((model.terms or {}).get("commercial")), COMMERCIAL["unknown"])),
            _("Checked on"): (model.terms or {}).get("checked_on"),
            _("Terms"): (model.terms or {}).get("url") or None,
        }
        for model in models
    ]
    st.dataframe(
        rows, hide_index=True, column_config={_("Terms"): st.column_config.LinkColumn(display_text=_("their terms"))}
    )


def trial(provider: AIProvider) -> None:
    """The very request of an order, for who edits a file or wants to know."""
    with st.expander(_("Show what would be sent"), key=f"trial-{provider.slug}", icon=":material/preview:"):
        names = {model.name: model.title for model in provider.offers}
        with st.form(f"dry-{provider.slug}", border=False):
            name = st.selectbox(_("Model"), list(names), format_func=names.__getitem__)
            words = st.text_input(_("Prompt"), value=_("harbour at dawn"))
            sent = st.form_submit_button(_("Show it, send nothing"))
        if not sent or name is None:
            return
        try:
            request = mine().dry_run(f"{provider.slug}/{name}", words)
        except ApomError as error:
            st.error(plain(say(error)))
            return
        st.code(json.dumps(request, indent=2, ensure_ascii=False), language="json", wrap_lines=True)


def definition(provider: AIProvider) -> None:
    """The file: edited in place, checked before it is kept."""
    with st.expander(_("File"), key=f"definition-{provider.slug}", icon=":material/data_object:"):
        if provider.differs:
            st.caption(plain(_("Edited here: {parts}.", parts=", ".join(provider.differs))))
        if provider.is_shipped_newer:
            st.warning(_("The file that came with apom has changed since this one was edited."))
        with st.form(f"file-{provider.slug}", border=False):
            text = st.text_area(
                _("File"), value=mine().provider_file(provider.slug), height=420, label_visibility="collapsed"
            )
            sent = st.form_submit_button(_("Check and keep"), type="primary")
        if sent:
            kept(provider, text)
        if provider.differs or not provider.is_shipped:
            label = _("Back to the shipped file") if provider.is_shipped else _("Delete this provider")
            if st.button(label, icon=":material/undo:") and did(mine().reset_provider, provider.slug):
                if not provider.is_shipped:
                    st.query_params.clear()
                st.rerun()


def kept(provider: AIProvider, text: str) -> None:
    """The place and the mend, where something is wrong."""
    try:
        mine().edit_provider(provider.slug, text)
    except ApomError as error:
        st.error(plain(say(error)))
    else:
        st.rerun()
