"""Long work that is no generation: how far it is, what came of it, and a person's word about it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from apom.models import OPEN_JOBS, Job, JobState, Ref
from apom.ui import guard
from apom.ui.door import attempt, mine, plain
from apom.words import N_, _, plural

SHOWN = 20
LOOK_S = 2.0  # while something is under way
STATES = {
    JobState.PENDING: N_("Waiting"),
    JobState.RUNNING: N_("Working"),
    JobState.PAUSED: N_("Paused"),
    JobState.DONE: N_("Done"),
    JobState.FAILED: N_("Failed"),
    JobState.CANCELLED: N_("Stopped"),
}
TITLES = {
    "trashed": (N_("{n} take to the trash"), N_("{n} takes to the trash")),
    "restored": (N_("{n} take out of the trash"), N_("{n} takes out of the trash")),
    "rated": (N_("{n} take rated"), N_("{n} takes rated")),
    "liked": (N_("{n} take made a favourite"), N_("{n} takes made favourites")),
    "unliked": (N_("{n} take no favourite any more"), N_("{n} takes no favourites any more")),
}


def long_work() -> None:
    """The newest works of this person. Followed while something is open."""
    if not mine().jobs(limit=1).items:
        st.caption(_("Long work, such as a mark on hundreds of takes, stands here with how far it is."))
        return
    is_open = any(job.state in OPEN_JOBS for job in mine().jobs(limit=SHOWN).items)
    st.fragment(guard.guarded(_rows), run_every=LOOK_S if is_open else None)()


def _rows() -> None:
    found = mine().jobs(limit=SHOWN).items
    for job in sorted(found, key=lambda job: job.state not in OPEN_JOBS):
        with st.container(border=True, key=f"job-{job.id}"):
            _row(job)
    if st.session_state.get("work-open") and not any(job.state in OPEN_JOBS for job in found):
        st.session_state["work-open"] = False
        st.rerun()  # the end of the last one: no need to look any more
    st.session_state["work-open"] = any(job.state in OPEN_JOBS for job in found)


def _row(job: Job) -> None:
    words, buttons = st.columns([3, 1], vertical_alignment="center")
    with words:
        st.text(f"{title(job)} · {_(STATES[job.state])}")
        if job.state in OPEN_JOBS:
            st.progress(job.progress)
        for line in outcome(job):
            st.caption(plain(line))
    with buttons, st.container(horizontal=True, horizontal_alignment="right"):
        ws = mine()
        if job.state in (JobState.PENDING, JobState.RUNNING):
            _button(job, _("Pause"), ":material/pause:", ws.pause_job)
        if job.state in (JobState.PAUSED, JobState.FAILED):
            _button(job, _("Go on"), ":material/play_arrow:", ws.resume_job)
        if job.state in OPEN_JOBS:
            _button(job, _("Stop"), ":material/stop:", ws.cancel_job)
        if is_thrown(job):
            _button(job, _("Put back"), ":material/undo:", ws.undo_job)


def _button(job: Job, label: str, icon: str, act: Callable[[Ref], Job]) -> None:
    if st.button(label, icon=icon, key=f"{act.__name__}-{job.id}") and attempt(act, job) is not None:
        st.rerun()


def title(job: Job) -> str:
    """What it does, in a few words."""
    request: Any = job.request
    if job.kind == "rebuild":
        return plural(N_("Thumbnails of {n} take made anew"), N_("Thumbnails of {n} takes made anew"), request["total"])
    if job.kind == "move":
        return _("Media into the bucket")
    if job.kind == "import":
        return _("A project archive brought in")
    if job.kind == "export":
        return _("Export")
    if job.kind == "proxy":
        return _("A clip made playable for browsers")
    if job.kind != "bulk":
        return job.kind
    mark = request["mark"]
    if mark["trashed"] is not None:
        name = "trashed" if mark["trashed"] else "restored"
    elif mark["rating"] is not None:
        name = "rated"
    else:
        name = "liked" if mark["is_favorite"] else "unliked"
    return plural(*TITLES[name], int(request["total"]))


def is_thrown(job: Job) -> bool:
    """Whether there is something that the work has thrown away."""
    request: Any = job.request
    result: Any = job.result
    return bool(
        job.kind == "bulk"
        and request["mark"]["trashed"]
        and job.state not in OPEN_JOBS
        and result
        and result["changed"]
    )


def outcome(job: Job) -> list[str]:
    """What came of it so far, and why not all of it."""
    found: Any = job.result
    lines = [job.error_message] if job.error_message else []
    if job.kind != "bulk" or not found:
        return lines
    lines.append(plural(N_("{n} take changed"), N_("{n} takes changed"), found["changed"]))
    if found["same"]:
        lines.append(plural(N_("{n} take was so already"), N_("{n} takes were so already"), found["same"]))
    lines += [f"{plural(N_('{n} take'), N_('{n} takes'), n)}: {why}" for why, n in found["refused"].items()]
    return lines
