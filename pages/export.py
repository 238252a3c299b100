"""A project leaves: the formats, what one may choose in each, and the files that take long."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from apom.models import OPEN_JOBS, ExportFormat, Job, JobState, Project
from apom.ui import guard
from apom.ui.door import attempt, mine, plain
from apom.ui.moments import moment
from apom.words import N_, _, plural, size
from pages.work import STATES

LOOK_S = 1.0
SHOWN = 5
CHOSEN = "export-format"
TELLING = ("holds", "size", "layout", "which", "what", "table")  # choices by which two files of a kind differ
OPTIONS = {  # what may be chosen, in words; sizes and rates are shown as they are
    "grid": N_("Pictures in a grid"),
    "storyboard": N_("Storyboard, words below the pictures"),
    "script": N_("Script, words beside the pictures"),
    "headliners": N_("Headliners"),
    "favourites": N_("Favourites"),
    "all": N_("All takes"),
    "none": N_("None"),
    "round": N_("What was published last"),
    "shots": N_("Shots"),
    "takes": N_("Takes"),
    "costs": N_("Costs"),
    "changes": N_("Changes since the last one"),
    "everything": N_("Everything"),
    "prores": "ProRes 422",
    "h264": N_("H.264 all-intra, smaller"),
    "project": N_("As the project"),
    "blur": N_("The picture, blurred"),
    "black": N_("Black"),
}


@st.dialog(" ", width=720)
@guard.guarded
def export(project: Project) -> None:
    """What there is, and the files that were made."""
    st.subheader(_("Export"))
    formats = {format.name: format for format in mine().export_formats()}
    names = list(formats)
    chosen = st.selectbox(
        _("As"), names, format_func=lambda name: _(formats[name].title), key=CHOSEN, label_visibility="collapsed"
    )
    format = formats[chosen or names[0]]
    st.caption(_(format.about))
    choices = choose(format)
    if format.is_long:
        begin(project, format, choices)
    else:
        asked = urlencode({name: value for name, value in choices.items() if value is not None})
        address = f"/api/projects/{project.id}/export.{format.name}?{asked}"
        st.link_button(
            _("Download"),
            address,
            icon=":material/download:",
            type="primary",
            on_click=guard.guarded(remember),
            args=(format, choices),
        )
    files(project)


def choose(format: ExportFormat) -> dict[str, Any]:
    """Its choices, as they were chosen the last time."""
    return {
        name: _field(format, name, schema) for name, schema in format.choices.items() if isinstance(schema, Mapping)
    }


def _field(format: ExportFormat, name: str, schema: Mapping[str, Any]) -> Any:
    key = f"export-{format.name}-{name}"
    label = _(str(schema["description"]))
    label = label[:1].upper() + label[1:]
    value = format.chosen.get(name, schema.get("default"))
    kinds = {schema.get("type"), *(part.get("type") for part in schema.get("anyOf", ()))}
    if "enum" in schema:
        options = list(schema["enum"])
        index = options.index(value) if value in options else 0
        return st.selectbox(label, options, index=index, format_func=option, key=key)
    if "boolean" in kinds:
        return st.toggle(label, value=bool(value), key=key)
    if kinds & {"integer", "number"}:
        of: Any = float if "number" in kinds else int
        number, least, most = (
            None if x is None else of(x) for x in (value, schema.get("minimum"), schema.get("maximum"))
        )
        return st.number_input(label, value=number, min_value=least, max_value=most, key=key)
    return st.text_input(label, value=value or "", key=key) or None


def option(value: str) -> str:
    """A value that may be chosen, in words."""
    return _(OPTIONS[value]) if value in OPTIONS else value


def begin(project: Project, format: ExportFormat, choices: Mapping[str, Any]) -> None:
    """Made as a job: the dialog may be closed meanwhile."""
    if st.button(_("Make the file"), icon=":material/play_arrow:", type="primary"):
        remember(format, choices)
        attempt(mine().order_export, project, format.name, **choices)


def remember(format: ExportFormat, choices: Mapping[str, Any]) -> None:
    """For the next time."""
    attempt(mine().remember_export, format.name, **choices)


def files(project: Project) -> None:
    """What was made for this person. Followed while something is open."""
    if not _made(project):
        return
    st.divider()
    is_open = any(job.state in OPEN_JOBS for job in _made(project))
    st.fragment(guard.guarded(_files), run_every=LOOK_S if is_open else None)(project)


def _made(project: Project) -> list[Job]:
    ws = mine()
    own = (job for job in ws.jobs(project).items if job.kind == "export" and job.created_by == ws.actor.user_id)
    return list(own)[:SHOWN]


def _files(project: Project) -> None:
    titles = {format.name: format.title for format in mine().export_formats()}
    for job in _made(project):
        with st.container(border=True, key=f"export-{job.id}"):
            _row(job, _(titles.get(str(job.request["format"]), job.kind)))


def _row(job: Job, title: str) -> None:
    words, button = st.columns([3, 1], vertical_alignment="center")
    made: Any = job.result if job.state is JobState.DONE else {}
    with words:
        st.text(f"{title} · {_(STATES[job.state])}" + (f" · {size(made['bytes'])}" if made else ""))
        st.caption(plain(" · ".join([*holds(job), moment(job.created_at)])))
        if job.state in OPEN_JOBS:
            st.progress(job.progress)
        if job.error_message:
            st.caption(plain(job.error_message))
        if made and made["remarks"]:
            with st.expander(plural("{n} remark", "{n} remarks", len(made["remarks"])), key=f"remarks-{job.id}"):
                for remark in made["remarks"]:
                    st.caption(plain(remark))
    with button:
        if made:
            st.link_button(_("Download"), f"/api/exports/{job.id}", icon=":material/download:", width="stretch")
        elif job.state in OPEN_JOBS:
            _button(_("Stop"), ":material/stop:", job, mine().cancel_job)
        elif job.state is JobState.FAILED:
            _button(_("Try again"), ":material/replay:", job, mine().resume_job)


def holds(job: Job) -> list[str]:
    """What tells it from another file of the same kind."""
    made: Any = job.result or {}
    choices: Any = job.request["choices"]
    if made.get("since"):
        return [_("Hand-over {n}: what is new since hand-over {since}", n=made["number"], since=made["since"])]
    if made.get("number"):
        return [_("Hand-over {n}: everything", n=made["number"])]
    said = (choices.get(name) for name in TELLING)
    return [option(str(value)) for value in said if value]


def _button(label: str, icon: str, job: Job, act: Callable[[Job], Job]) -> None:
    if st.button(label, icon=icon, key=f"{act.__name__}-{job.id}", width="stretch") and attempt(act, job) is not None:
        st.rerun(scope="fragment")
