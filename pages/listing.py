"""Many shots at once: pasted lines, cells copied from a spreadsheet, a CSV or Excel file; looked at before they are made."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import JsonValue

from apom.config import LIMITS, MB
from apom.models import Project, ShotRow, ShotTable
from apom.ui import guard
from apom.ui.door import attempt, mine, plain
from apom.words import N_, _, plural

GIVEN = "shot-table"  # the table that is looked at: a draft
MOST_LINES = 8
OUTCOMES = {
    "new": N_("New"),
    "changed": N_("Changed"),
    "same": N_("Nothing to change"),
    "here": N_("Here already"),
    "refused": N_("Cannot be used"),
}
COUNTED = {
    "new": (N_("{n} new"), N_("{n} new")),
    "changed": (N_("{n} changed"), N_("{n} changed")),
    "same": (N_("{n} with nothing to change"), N_("{n} with nothing to change")),
    "here": (N_("{n} here already, left as it is"), N_("{n} here already, left as they are")),
    "refused": (N_("{n} cannot be used"), N_("{n} cannot be used")),
}


@st.dialog(" ", width="large")
@guard.guarded
def add_shots(project: Project) -> None:
    """More shots at the end: what they are made from, then what they will be."""
    st.subheader(_("Add shots"))
    content = st.session_state.get(GIVEN)
    if content is not None:
        look(project, content)
        return
    lines(project, key="more-shots")
    file = st.file_uploader(
        _("Or a table: CSV or Excel (XLSX)"),
        type=["csv", "tsv", "txt", "xlsx"],
        max_upload_size=LIMITS.table_bytes // MB,
    )
    st.caption(
        _(
            "The first row names the columns: code, name, section, prompt, line, notes, duration, assignee. What Export wrote "
            "comes in again."
        )
    )
    if file is not None:
        st.session_state[GIVEN] = file.getvalue()
        st.rerun(scope="fragment")


def empty() -> None:
    """Nothing was given."""
    st.session_state.pop(GIVEN, None)


def lines(project: Project, *, key: str) -> None:
    """A list of lines becomes shots; cells are looked at first."""
    with st.form(key, border=False):
        text = st.text_area(
            _("One line for each shot, or cells copied from a spreadsheet"),
            height=160,
            placeholder=_("Harbour at dawn\nThe keeper climbs the stairs\nStorm over the sea"),
        )
        sent = st.form_submit_button(_("Make shots"), type="primary")
    if not sent:
        return
    if "\t" in text.strip():
        st.session_state[GIVEN] = text.encode()
        st.session_state["board-dialog"] = "adding"
        st.rerun()
    names = [line.strip() for line in text.splitlines() if line.strip()]
    if not names:
        st.toast(_("Write at least one line."))
    elif attempt(mine().create_boxes, project, names) is not None:
        st.rerun()


def look(project: Project, content: bytes) -> None:
    """What the table comes to; and the button that makes it so."""
    update = st.toggle(
        _("Change shots that are here already"), key="table-update", help=_("Empty cells change nothing.")
    )
    plan = attempt(mine().plan_shots, project, content, update=update)
    left_out = leave_out(plan) if plan else []
    if left_out:
        plan = attempt(mine().plan_shots, project, content, update=update, leave_out=left_out)
    if plan is not None:
        show(project, plan)
    new, changed = (len(plan.of("new")), len(plan.of("changed"))) if plan else (0, 0)
    is_ready = plan is not None and not plan.of("refused") and new + changed > 0
    label = promise(new, changed)
    with st.container(horizontal=True):
        makes = st.button(label, type="primary", disabled=not is_ready)
        if st.button(_("Another table"), type="tertiary"):
            empty()
            st.rerun(scope="fragment")
    if makes and attempt(mine().import_shots, project, content, update=update, leave_out=left_out) is not None:
        empty()  # pressed twice, it is made once
        st.rerun()


def leave_out(plan: ShotTable) -> list[str]:
    """Fields that are not to be read."""
    return st.multiselect(
        _("Leave out columns"),
        list(plan.columns),
        format_func=plan.columns.__getitem__,
        key="table-leave-out",
        placeholder=_("none"),
    )


def show(project: Project, plan: ShotTable) -> None:
    """In numbers, with what is wrong, and row by row."""
    counts = Counter[str](row.outcome for row in plan.rows)
    st.caption(" · ".join(plural(*words, counts[outcome]) for outcome, words in COUNTED.items() if counts[outcome]))
    refused(plan.of("refused"))
    if plan.unread:
        st.caption(plain(_("Not read: {names}", names=", ".join(plan.unread))))
    people = {str(member.user_id): member.username for member in mine().members(project)}
    narrow = dict.fromkeys((_("Row"), " ", _("Code")), st.column_config.Column(width="small"))
    st.dataframe(
        [line(row, plan, people) for row in plan.rows], hide_index=True, column_config=narrow, key="table-rows"
    )


def refused(rows: Sequence[ShotRow]) -> None:
    """Each problem with its row."""
    said = [plain(_("Row {n}: {what}", n=row.row, what=problem)) for row in rows for problem in row.problems]
    if len(said) > MOST_LINES:
        said[MOST_LINES:] = [_("and {n} more", n=len(said) - MOST_LINES)]
    if said:
        st.warning("\n".join(f"- {each}" for each in said))


def line(row: ShotRow, plan: ShotTable, people: Mapping[str, str]) -> dict[str, Any]:
    """A row as it is shown, under the table's own headings."""
    said = row.fields | {"assignee": people.get(str(row.fields.get("assignee_id")))}
    fields = {heading: cell(said.get(name)) for name, heading in plan.columns.items() if name not in ("code", "name")}
    return {_("Row"): row.row, " ": _(OUTCOMES[row.outcome]), _("Code"): row.code, _("Name"): row.name, **fields}


def cell(value: JsonValue) -> str:
    """A value as text: what is left as it is, is empty."""
    return f"{value:g}" if isinstance(value, float) else str(value or "")


def promise(new: int, changed: int) -> str:
    """What the button will do."""
    if new and changed:
        return _("Make {new}, change {changed}", new=new, changed=changed)
    if not new + changed:
        return _("Make shots")
    if changed:
        return plural("Change {n} shot", "Change {n} shots", changed)
    return plural("Make {n} shot", "Make {n} shots", new)
