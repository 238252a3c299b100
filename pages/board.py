"""One project: its shots in order."""

from collections.abc import Sequence
from uuid import UUID

import streamlit as st

from apom.models import Box, BoxKind, Project, Role
from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.components.assembly import Action
from apom.ui.components.live import live
from apom.ui.components.shots import shot_item, shots
from apom.ui.door import asked_for, attempt, did, go, mine, plain
from apom.ui.moments import day
from apom.words import ROLE_WORDS, _, clock, plural
from pages.export import export
from pages.format import formats, soundtrack
from pages.listing import add_shots, empty, lines
from pages.play import offer, playing
from pages.share import forget, share

STEPS = {"earlier": -1, "later": 1}


def show() -> None:
    """The shots, and beside them what one does with a project."""
    project = mine().project(_project_asked_for())
    header(project.name, [(_("Projects"), "", {})])
    can_edit = project.role is not Role.VIEWER
    with st.container(horizontal=True, vertical_alignment="center"):
        if can_edit:
            st.button(
                _("Add shots"), icon=":material/add:", type="primary", on_click=guard.guarded(_open), args=("adding",)
            )
            if project.boxes_count:
                st.button(
                    _("Generate"),
                    icon=":material/auto_awesome:",
                    on_click=guard.guarded(go),
                    args=("batch",),
                    kwargs={"project": str(project.id)},
                )
        offer()
        if can_edit:
            st.button(_("Share"), icon=":material/share:", on_click=guard.guarded(_open), args=("sharing",))
            st.button(_("Settings"), icon=":material/settings:", on_click=guard.guarded(_open), args=("settings",))
        st.button(_("Export"), icon=":material/download:", on_click=guard.guarded(_open), args=("exporting",))
        st.space("stretch")
    board(project.id, can_edit)
    playing(project)
    opened = st.session_state.pop("board-dialog", None)
    if opened == "adding":
        add_shots(project)
    elif opened == "sharing":
        share(project)
    elif opened == "exporting":
        export(project)
    elif opened == "settings":
        settings(project)


def _project_asked_for() -> UUID:
    """By its own id; or by a shot's, which Streamlit leaves in the address when one goes back from the shot."""
    return asked_for("project") if "project" in st.query_params else mine().box(asked_for("box")).project_id


def _open(dialog: str) -> None:
    forget()
    empty()
    st.session_state["board-dialog"] = dialog


@st.fragment
@guard.guarded
def board(project_id: UUID, can_edit: bool) -> None:
    """The cards; drawn again by itself whenever something changes in the project."""
    live(project_id, key="live")
    ws = mine()
    boxes = ws.get_project_boxes(project_id, kind=BoxKind.SHOT)
    project = ws.project(project_id)
    st.caption(" · ".join([summary(project), *running(project, boxes)]))
    leaving(project)
    shots(
        [shot_item(box) for box in boxes],
        key="shots",
        on_action=guard.guarded(act),
        allow={"open", *STEPS} if can_edit else {"open"},
    )
    if not boxes and can_edit:
        lines(project, key="first-shots")


def leaving(project: Project) -> None:
    """What goes to the trash soon, said before it does."""
    if project.leaves_at is None:
        return
    label = plural(
        "{n} take goes to the trash from {day} on, unless somebody marks it.",
        "{n} takes go to the trash from {day} on, unless somebody marks them.",
        project.leaving_count,
        day=day(project.leaves_at),
    )
    with st.container(horizontal=True, vertical_alignment="center", key="leaving"):
        st.caption(label, width="content")
        st.page_link(guard.page("storage"), label=_("Look at them"), query_params={"project": str(project.id)})


def running(project: Project, boxes: Sequence[Box]) -> list[str]:
    """How long the cut is by now, and how long it should become."""
    now = clock(sum(box.length_s or 0 for box in boxes))
    if project.target_s:
        return [_("{now} of {all}", now=now, all=clock(project.target_s))]
    return [now] if any(box.length_s for box in boxes) else []


def summary(project: Project) -> str:
    """The project in numbers."""
    parts = [
        plural("{n} shot", "{n} shots", project.boxes_count),
        plural("{n} take", "{n} takes", project.assets_count),
    ]
    if project.active_count:
        parts.append(_("{n} in flight", n=project.active_count))
    if project.attention_count:
        parts.append(plural("{n} needs you", "{n} need you", project.attention_count))
    if project.unread_count:
        parts.append(plural("{n} unread", "{n} unread", project.unread_count))
    return " · ".join(parts)


def act(action: Action) -> None:
    """A card was opened or moved."""
    if action.action == "open":
        go("box", box=str(action.id))
    else:
        attempt(mine().move_box, action.id, STEPS[action.action])


@st.dialog(" ")
@guard.guarded
def settings(project: Project) -> None:
    """Name, notes, people, and the end of it; its format; its sound."""
    project = mine().project(project.id)
    st.subheader(_("Project"))
    about, format, sound = st.tabs([_("About"), _("Format"), _("Soundtrack")])
    with about:
        settings_about(project)
    with format:
        formats(project)
    with sound:
        soundtrack(project)


def settings_about(project: Project) -> None:
    """What it is called, who is in it, and the end of it."""
    with st.form("project", border=False):
        name = st.text_input(_("Name"), value=project.name, max_chars=120)
        notes = st.text_area(_("Notes"), value=project.notes)
        days = st.number_input(
            _("Days without work until takes that nobody marked go to the trash"),
            value=project.retention_days,
            min_value=0,
            max_value=3650,
            placeholder=_("as everywhere in the studio"),
            help=_("0: never."),
        )
        saved = st.form_submit_button(_("Save"), type="primary")
    if saved and attempt(mine().update_project, project, name=name, notes=notes, retention_days=days) is not None:
        st.rerun()
    people(project)
    if project.role is Role.OWNER:
        st.divider()
        if st.button(
            _("Back from the archive") if project.is_archived else _("Archive"), icon=":material/inventory_2:"
        ):
            attempt(mine().update_project, project, is_archived=not project.is_archived)
            go("")
        with st.expander(_("Delete"), key="delete", icon=":material/delete:"):
            st.write(_("All its shots and takes go with their files, for good:"))
            st.text(summary(project))
            if st.button(_("Delete for good"), icon=":material/delete_forever:") and did(
                mine().delete_project, project
            ):
                go("")


def people(project: Project) -> None:
    """Who is in the project; the owner lets others in."""
    st.divider()
    st.markdown(_("**People**"))
    for member in mine().members(project):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{member.username} · {_(ROLE_WORDS[member.role])}", width="stretch")
            if project.role is Role.OWNER and member.role is not Role.OWNER:
                out = st.button(_("Remove"), key=f"remove-{member.user_id}", type="tertiary")
                if out and did(mine().remove_member, project, member.user_id):
                    st.rerun(scope="fragment")
    if project.role is not Role.OWNER:
        return
    with st.form("member", border=False, clear_on_submit=True):
        username = st.text_input(_("Let somebody in"), placeholder=_("their user name"))
        role = st.selectbox(_("May"), [Role.EDITOR, Role.VIEWER], format_func=lambda role: _(ROLE_WORDS[role]))
        sent = st.form_submit_button(_("Let in"))
    if sent and attempt(mine().set_member, project, username, role) is not None:
        st.toast(_("{name} is in.", name=plain(username)))
        st.rerun(scope="fragment")
