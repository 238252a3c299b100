"""The script of `ui_demo`: one component after the other, or the one named by `?show=`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import streamlit as st
import ui_demo

from apom.models import AssetType, Box, SourceType, Status, Take
from apom.ui.components.assembly import Action
from apom.ui.components.gallery import gallery
from apom.ui.components.live import live
from apom.ui.components.projects import ProjectItem, projects
from apom.ui.components.shots import ShotItem, shots
from apom.ui.components.signin import signin
from apom.ui.components.viewer import viewer
from apom.ui.look import look

ROOT = UUID("8b4bf3b5-2f0e-4b61-9ba7-0bd7f2b2b9d3")
HOSTILE = "<img src=x onerror=\"document.title='HACKED'\">"
BEGAN = datetime(2026, 11, 1, 9, tzinfo=UTC)
COUNT = int(st.query_params.get("n", 14))


def uid(name: str) -> str:
    return str(uuid5(ROOT, name))


def take(box: UUID, n: int, status: Status = Status.COMPLETED, **changes: Any) -> Take:
    is_done, is_clip = status is Status.COMPLETED, n % 4 == 2
    keys = {
        "file_key": f"dev/a/{'mp4' if is_clip else 'full'}/{n % 60}",
        "thumb_key": f"dev/a/{'tall' if n == 5 else 'thumb'}/{n % 60}",
        "preview_key": f"dev/a/mp4/{n % 60}" if is_clip else None,
        "placeholder": ui_demo.placeholder(n % 60),
    }
    made = BEGAN + timedelta(seconds=n)
    fields = {
        "id": UUID(uid(f"{box} take {n}")),
        "project_id": ROOT,
        "number": n,
        "box_id": box,
        "created_by": ROOT,
        "created_at": made,
        "updated_at": made,
        "asset_type": AssetType.VIDEO if is_clip else AssetType.IMAGE,
        "source_type": SourceType.GENERATED,
        "status": status,
        "ai_model": "sandbox/sandbox-image",
        "width": 1920,
        "height": 1080,
        "is_favorite": n in (1, 4),
        "is_headliner": n == 4,
        "duration_s": 5.0 if is_clip else None,
        **(keys if is_done else {}),
    }
    return Take(**{**fields, **changes})


def filled(count: int) -> Box:
    """A box with that many takes, and five that are not pictures."""
    box = UUID(uid(f"box {count}"))
    if str(box) not in ui_demo.TAKES.boxes:
        takes = [take(box, n) for n in range(1, count + 1)]
        now = datetime.now(UTC)
        if count:
            lost = "The answer to the submission was lost: it may have been paid for."
            refused = "The provider refused the content. Change the prompt or the picture."
            takes += [
                take(box, count + 1, Status.CANCELLED),
                take(box, count + 2, Status.FAILED, error_message=refused),
                take(box, count + 3, Status.ATTENTION, error_message=lost),
                take(box, count + 4, Status.PROCESSING, created_at=now - timedelta(seconds=72)),
                take(box, count + 5, Status.PENDING, created_at=now - timedelta(seconds=4)),
            ]
        ui_demo.TAKES.boxes[str(box)] = {str(take.id): take for take in takes}
    return Box(
        id=box,
        project_id=ROOT,
        project_name="Harbour",
        code="010",
        name="Dawn",
        created_by=ROOT,
        created_at=BEGAN,
        updated_at=BEGAN,
    )


def board() -> list[ShotItem]:
    names = [
        "Рассвет над морем",
        "A boat leaves the harbour",
        HOSTILE,
        "The letter",
        "Night train, wide",
        "Close on her hands",
    ]
    return [
        ShotItem(
            id=uid(f"shot {i}"),
            code=f"{(i + 1) * 10:03}",
            name=name,
            thumb=None if i in (3, 5) else f"/app/static/m/thumb/{i + 40}",
            placeholder=None,
            takes=i * 3,
            active=2 if i == 1 else 0,
            attention=1 if i == 4 else 0,
            status_text=f"{i * 3} takes" if i else "No takes yet",
        )
        for i, name in enumerate(names)
    ]


def cards() -> list[ProjectItem]:
    names = ["Harbour", "Лето в городе", HOSTILE, "Untitled spot", "One frame"]
    return [
        ProjectItem(
            id=uid(f"project {i}"),
            name=name,
            thumbs=[f"/app/static/m/thumb/{i * 7 + k}" for k in range((4, 3, 2, 0, 1)[i])],
            placeholders=[None] * 4,
            shots=6,
            takes=40,
            active=3 if i == 0 else 0,
            attention=2 if i == 1 else 0,
            counts_text="6 shots · 40 takes",
            note="Archived" if i == 4 else "",
        )
        for i, name in enumerate(names)
    ]


def note(name: str) -> Any:
    def on_action(action: Action) -> None:
        ui_demo.LOG.append({"of": name, **action.model_dump(mode="json")})
        if action.action == "show":
            st.session_state.shown = action.id
        if action.action in ("earlier", "later"):
            order = st.session_state.order
            at = order.index(str(action.id))
            order.insert(at + (1 if action.action == "later" else -1), order.pop(at))

    return on_action


def show_gallery() -> None:
    can_edit = "looks" not in st.query_params
    gallery(filled(COUNT), key="gallery", on_open=note("gallery"), can_edit=can_edit)
    st.button("Again", key="again")


@st.fragment
def show_viewer() -> None:
    box = filled(COUNT)
    n = 6 if st.query_params.get("take") == "clip" else 7
    shown = st.session_state.get("shown", take(box.id, n).id)
    known = ui_demo.TAKES.boxes[str(box.id)]
    viewer(known[str(shown)], key="viewer", on_action=note("viewer"), can_edit=True, me=ROOT, beside="facts")
    st.text_input("Comment", key="comment")


@st.fragment
def show_shots() -> None:
    items = {item["id"]: item for item in board()}
    order = st.session_state.setdefault("order", list(items))
    shots([items[id] for id in order], key="shots", on_action=note("shots"))


@st.fragment
def show_projects() -> None:
    projects(cards(), key="projects", on_action=note("projects"))


@st.fragment
def show_live() -> None:
    event = live(ROOT, key="live")
    if event:
        ui_demo.LOG.append({"of": "live", **event})
    st.session_state.looks = st.session_state.get("looks", 0) + 1
    st.text(f"looked {st.session_state.looks} times")


def show_signin() -> None:
    purpose = "first" if st.query_params.get("first") else "signin"
    signin(purpose, next=st.query_params.get("next", "/?show=projects"))  # type: ignore[arg-type]


st.set_page_config(layout="wide")
look()
PARTS = {
    "gallery": show_gallery,
    "viewer": show_viewer,
    "shots": show_shots,
    "projects": show_projects,
    "live": show_live,
    "signin": show_signin,
}
only = st.query_params.get("show")
for name, part in PARTS.items():
    if only is None or name in only.split(","):
        if only is None:
            st.subheader(name)
        part()
