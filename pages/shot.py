"""What is known of a shot beside its takes: how long it is on the screen, its words, whose it is."""

from typing import Any
from uuid import UUID

import streamlit as st

from apom.models import STILL_S, Box
from apom.ui import guard
from apom.ui.door import attempt, did, go, mine
from apom.words import N_, _, box_title, plural


def timing(box: Box) -> None:
    """The part of the clip that is in the cut, or how long the picture stands. Saved as soon as it is typed."""
    with st.container(key="timing"):
        if box.clip_s is None:
            _seconds(box, "duration_s", _("On screen (seconds)"), most=None, hint=f"{STILL_S:g}")
            return
        start, end = st.columns(2)
        with start:
            _seconds(box, "in_s", _("In (seconds)"), most=box.clip_s, hint="0")
        with end:
            _seconds(box, "out_s", _("Out (seconds)"), most=box.clip_s, hint=f"{box.clip_s:.2f}")
        st.caption(_("{s} s of {all} s on screen", s=f"{box.length_s:.2f}", all=f"{box.clip_s:.2f}"))


def _seconds(box: Box, name: str, label: str, *, most: float | None, hint: str) -> None:
    """A field that shows what is stored, also when that was changed elsewhere: its key tells."""
    stored: float | None = getattr(box, name)
    key = f"{name}-{box.id}-{stored}"
    st.number_input(
        label,
        value=stored if most is None or stored is None else min(stored, most),
        min_value=0.0,
        max_value=most,
        step=0.1,
        placeholder=hint,
        key=key,
        on_change=guard.guarded(_set),
        args=(box.id, name, key),
    )


def _set(box_id: UUID, name: str, key: str) -> None:
    if not did(mine().update_box, box_id, **{name: st.session_state[key]}):
        del st.session_state[key]


def details(box: Box) -> None:
    """The shot's own words, and whose it is."""
    with st.expander(_("Shot"), key=f"details-{box.id}", icon=":material/edit:"):
        people = {member.user_id: member.username for member in mine().members(box.project_id)}
        with st.form(f"shot-{box.id}", border=False):
            code, name = st.columns([1, 3])
            said: dict[str, Any] = {
                "code": code.text_input(_("Code"), value=box.code, max_chars=16),
                "name": name.text_input(_("Name"), value=box.name, max_chars=120),
                "section": st.text_input(
                    _("Section"), value=box.section, max_chars=120, placeholder=_("Scene 2, or what it belongs to")
                ),
                "line": st.text_area(_("Spoken line"), value=box.line, height=68),
                "notes": st.text_area(_("Notes"), value=box.notes, height=100),
                "assignee_id": st.selectbox(
                    _("Whose it is"),
                    [None, *people],
                    index=[None, *people].index(box.assignee_id),
                    format_func=lambda id: people.get(id, _("Nobody's")),
                ),
            }
            saved = st.form_submit_button(_("Save"))
        if saved and attempt(mine().update_box, box, **said) is not None:
            st.rerun()
        if st.button(_("Delete shot"), icon=":material/delete:"):
            delete_shot(box.id)


@st.dialog(_("Delete shot"))
@guard.guarded
def delete_shot(box_id: UUID) -> None:
    """Asks with today's numbers: the takes come and go without this page being drawn again."""
    box = mine().box(box_id)
    st.text(box_title(box.code, box.name))
    one, many = N_("The shot and its take go with the file, for good."), N_("The shot and its {n} takes go, for good.")
    st.text(plural(one, many, box.assets_count))
    if st.button(_("Delete for good"), icon=":material/delete_forever:") and did(mine().delete_box, box):
        go("board", project=str(box.project_id))
