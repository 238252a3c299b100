"""Everything that is on its way across projects, what needs a decision, and what it costs."""

import streamlit as st

from apom.ui import guard, spend
from apom.ui.chrome import header
from apom.ui.components.assembly import Action
from apom.ui.components.queue import queue
from apom.ui.door import go, mine
from apom.words import N_, _
from pages.work import long_work

MOST_PROJECTS = 500


def show() -> None:
    """One of the views, which the address names."""
    header(_("Queue"), [(_("Projects"), "", {})])
    asked = st.query_params.get("view", "")
    view = st.segmented_control(
        _("What to look at"),
        list(VIEWS),
        format_func=lambda name: _(TITLES[name]),
        default=asked if asked in VIEWS else "takes",
        required=True,
        key="view",
        label_visibility="collapsed",
    )
    st.query_params["view"] = view or "takes"
    VIEWS[view or "takes"]()


def takes() -> None:
    """The lists; they live by themselves, without a rerun."""
    ws = mine()
    queue(ws.actor, ws.projects(limit=MOST_PROJECTS).items, key="queue", on_open=guard.guarded(look_at))


def look_at(action: Action) -> None:
    """A take of the lists, in its shot."""
    for take in mine().get_assets([action.id]):
        go("box", box=str(take.box_id), take=str(take.id))


def money() -> None:
    """What was spent, and what may still be."""
    ws = mine()
    spend.show(ws, ws.projects(limit=MOST_PROJECTS).items)


TITLES = {"takes": N_("Takes"), "work": N_("Work"), "spend": N_("Spending")}
VIEWS = {"takes": takes, "work": long_work, "spend": money}
