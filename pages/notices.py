"""What I was told."""

from urllib.parse import parse_qsl, urlsplit

import streamlit as st

from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.components.assembly import Action
from apom.ui.components.notices import notices
from apom.ui.door import attempt, go, mine
from apom.words import _


def show() -> None:
    """The list lives by itself, without a rerun."""
    header(_("Notifications"), [(_("Projects"), "", {})])
    notices(key="notices", on_open=guard.guarded(jump))
    st.page_link(guard.page("account"), label=_("What you hear of, and how"), icon=":material/tune:")


def jump(action: Action) -> None:
    """To what it is about, which is read then."""
    told = attempt(mine().notification, action.id)
    if told is not None:
        attempt(mine().mark_notifications_read, [told])
        where = urlsplit(told.path)
        go(where.path.strip("/"), **dict(parse_qsl(where.query)))
