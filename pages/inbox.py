"""What others said and decided, across projects, and the review links that are out."""

import streamlit as st

from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.components.assembly import Action
from apom.ui.components.inbox import inbox
from apom.ui.door import go, mine
from apom.words import N_, _
from pages.share import link_rows

MOST_PROJECTS = 500


def show() -> None:
    """One of the views, which the address names."""
    header(_("Inbox"), [(_("Projects"), "", {})])
    asked = st.query_params.get("view", "")
    view = st.segmented_control(
        _("What to look at"),
        list(VIEWS),
        format_func=lambda name: _(TITLES[name]),
        default=asked if asked in VIEWS else "said",
        required=True,
        key="inbox-view",
        label_visibility="collapsed",
    )
    st.query_params["view"] = view or "said"
    VIEWS[view or "said"]()


def said() -> None:
    """Comments and verdicts; they live by themselves, without a rerun."""
    inbox(mine().projects(limit=MOST_PROJECTS).items, key="inbox", on_open=guard.guarded(look_at))


def look_at(action: Action) -> None:
    """The take that it is about, in its shot."""
    for take in mine().get_assets([action.id]):
        go("box", box=str(take.box_id), take=str(take.id), talk="1")


@st.fragment
@guard.guarded
def links() -> None:
    """Every link that works, of all projects."""
    found = mine().links(live=True)
    if not found:
        st.caption(_("No review link is out. Share a project from its board to make one."))
    link_rows(found, with_project=True)


TITLES = {"said": N_("Comments and verdicts"), "links": N_("Review links")}
VIEWS = {"said": said, "links": links}
