"""A whole project comes in as an archive: where it is dropped, and how far it is."""

from typing import Any

import streamlit as st

from apom.models import OPEN_JOBS, Job, JobState
from apom.ui import guard
from apom.ui.components.upload import drop_archive
from apom.ui.door import attempt, go, mine, plain
from apom.words import _
from pages.work import STATES

LOOK_S = 1.0
SHOWN = 3


@st.dialog(" ", width=720)
@guard.guarded
def bring_archive() -> None:
    """Where it is dropped, and what was brought of late."""
    st.subheader(_("Bring a project archive"))
    st.caption(
        _(
            "A whole project as Export wrote it, from this apom or another one. You become its owner. What was under way "
            "then arrives as stopped; nothing is sent to a provider because of it."
        )
    )
    drop_archive(key="archive")
    st.fragment(guard.guarded(_brought), run_every=LOOK_S)()


def _brought() -> None:
    ws = mine()
    own = [job for job in ws.jobs(limit=50).items if job.kind == "import" and job.created_by == ws.actor.user_id]
    for job in own[:SHOWN]:
        with st.container(border=True, key=f"import-{job.id}"):
            _row(job)


def _row(job: Job) -> None:
    words, button = st.columns([3, 1], vertical_alignment="center")
    made: Any = job.result if job.state is JobState.DONE else {}
    with words:
        st.text(f"{made.get('name') or _('Project archive')} · {_(STATES[job.state])}")
        if job.state in OPEN_JOBS:
            st.progress(job.progress)
        if job.error_message:
            st.caption(plain(job.error_message))
    with button:
        if made:
            open_it = st.button(_("Open"), icon=":material/open_in_new:", key=f"open-{job.id}", width="stretch")
            if open_it:
                go("board", project=str(made["project_id"]))
        elif job.state in OPEN_JOBS:
            stop = st.button(_("Stop"), icon=":material/stop:", key=f"stop-{job.id}", width="stretch")
            if stop and attempt(mine().cancel_job, job) is not None:
                st.rerun(scope="fragment")
