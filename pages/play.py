"""The cut of a project, played over its board."""

from collections.abc import Sequence
from uuid import UUID

import streamlit as st

from apom.config import LIMITS
from apom.models import BoxKind, Project, Take
from apom.ui import guard
from apom.ui.components.assembly import Action
from apom.ui.components.cut import cut
from apom.ui.door import go, mine
from apom.words import _

ASKED = "play"  # in the address, while it is open


def offer() -> None:
    """The button that opens it."""
    st.button(_("Play the cut"), icon=":material/play_arrow:", on_click=guard.guarded(_open))


def playing(project: Project) -> None:
    """The headliners in order, where the address asks for them."""
    if ASKED not in st.query_params:
        return
    boxes = mine().get_project_boxes(project, kind=BoxKind.SHOT)
    ids = [project.soundtrack_asset_id, *(box.headliner_asset_id for box in boxes)]
    cut(project, boxes, _takes([id for id in ids if id]), key="cut", on_action=guard.guarded(_act))


def _takes(ids: Sequence[UUID]) -> dict[UUID, Take]:
    pages = (ids[first : first + LIMITS.marks] for first in range(0, len(ids), LIMITS.marks))
    return {take.id: take for page in pages for take in mine().get_assets(page)}


def _open() -> None:
    st.query_params[ASKED] = "1"


def _act(action: Action) -> None:
    """Closed, or on to the shot that is seen."""
    if action.action == "open":
        go("box", box=str(action.id))
    else:
        st.query_params.pop(ASKED, None)
