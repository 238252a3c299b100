"""The projects of whoever is here."""

import streamlit as st

from apom.models import Project
from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.components.projects import project_item, projects
from apom.ui.door import attempt, go, mine
from apom.words import _, plural
from pages.bringing import bring_archive

PAGE = 100


def show() -> None:
    """Cards, the one worked on last first; without any, a way to begin."""
    ws = mine()
    header(_("Projects"))
    archived = st.session_state.get("archived", False)
    page = ws.projects(archived=archived, limit=PAGE)
    if not page.items and not archived:
        welcome()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("New project"), type="primary", icon=":material/add:", on_click=guard.guarded(_ask), key="new")
        if st.button(_("Bring a project archive"), icon=":material/unarchive:", type="tertiary", key="bring"):
            bring_archive()
        st.space("stretch")
        st.toggle(_("Archived"), key="archived")
    if st.session_state.pop("asking", False):
        new_project()
    mosaics = ws.mosaics(page.items)
    projects(
        [project_item(project, mosaics.get(project.id, []), note=unread(project)) for project in page.items],
        key="projects",
        on_action=guard.guarded(lambda action: go("board", project=str(action.id))),
    )
    if page.next:
        st.caption(_("These are the latest {n}. Older ones are found by REST.", n=PAGE))


def unread(project: Project) -> str:
    """What waits in the inbox."""
    return plural("{n} unread", "{n} unread", project.unread_count) if project.unread_count else ""


def welcome() -> None:
    """What a newcomer sees."""
    with st.container(border=True):
        st.subheader(_("Make your first project"))
        st.write(_("A project holds shots in order; each shot collects takes until one of them stands for it."))
        with st.form("first-project", border=False):
            name = st.text_input(_("Name"), placeholder=_("The lighthouse"), max_chars=120)
            sent = st.form_submit_button(_("Create project"), type="primary")
        if sent:
            created(attempt(mine().create_project, name))
        st.write(_("Or look around first: four shots with pictures made by the built-in sandbox, which costs nothing."))
        with st.container(horizontal=True):
            if st.button(_("Open a sample project"), icon=":material/auto_awesome:"):
                created(attempt(mine().create_sample_project))
            if st.button(_("Bring a project archive"), icon=":material/unarchive:", type="tertiary"):
                bring_archive()


def created(project: Project | None) -> None:
    """Goes to the new project's board, if there is one."""
    if project is not None:
        go("board", project=str(project.id))


def _ask() -> None:
    st.session_state["asking"] = True


@st.dialog(" ")
@guard.guarded
def new_project() -> None:
    """Name and format."""
    st.subheader(_("New project"))
    with st.form("new-project", border=False):
        name = st.text_input(_("Name"), max_chars=120)
        sent = st.form_submit_button(_("Create project"), type="primary")
    if sent:
        created(attempt(mine().create_project, name))
    if st.button(_("Sample project"), icon=":material/auto_awesome:"):
        created(attempt(mine().create_sample_project))
