"""The bar on top of every page: where one is, and who."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from apom.ui import guard
from apom.ui.components.assembly import Action
from apom.ui.components.badge import badge
from apom.ui.door import go, mine, plain
from apom.ui.look import look
from apom.words import _


@guard.guarded
def _sign_out() -> None:
    mine().logout()


def _to(action: Action) -> None:
    go(action.action)


def header(title: str, crumbs: Sequence[tuple[str, str, dict[str, str]]] = ()) -> None:
    """The way here (label, page path, query) and the page's title; at the right the person's menu."""
    look()
    actor = guard.require_user()
    with st.container(horizontal=True, vertical_alignment="center", key="bar"):
        for label, path, query in crumbs:
            st.page_link(guard.page(path), label=plain(label), query_params=query)
            st.text("/", width="content")
        st.text(title, width="stretch")
        with st.container(width="content", key="queue-badge"):
            badge(key="badge", on_open=guard.guarded(_to))
        with st.popover(plain(actor.username), icon=":material/person:"):
            st.page_link(guard.page("account"), label=_("Account"), icon=":material/manage_accounts:")
            st.page_link(guard.page("storage"), label=_("Storage"), icon=":material/hard_drive:")
            st.page_link(guard.page("providers"), label=_("Providers"), icon=":material/hub:")
            if actor.is_admin:
                st.page_link(guard.page("admin"), label=_("Studio"), icon=":material/apartment:")
            st.button(_("Sign out"), icon=":material/logout:", on_click=_sign_out, width="stretch")
