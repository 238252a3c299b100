"""The script of `ui_demo`: one component after the other, or the one named by `?show=`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import streamlit as st
import ui_demo

from apom.models import AssetType, SourceType, Status, Take
from apom.ui.components.assembly import Action
from apom.ui.components.live import live
from apom.ui.components.projects import ProjectItem, projects
from apom.ui.components.shots import ShotItem, shots
from apom.ui.components.signin import signin
from apom.ui.components.takes import TakeItem, takes
from apom.ui.components.viewer import viewer
from apom.ui.look import look

ROOT = UUID("8b4bf3b5-2f0e-4b61-9ba7-0bd7f2b2b9d3")
HOSTILE = "<img src=x onerror=\"document.title='HACKED'\">"
COUNT = int(st.query_params.get("n", 14))


def uid(name: str) -> str:
    return str(uuid5(ROOT, name))


def take(n: int, status: str = "COMPLETED", word: str = "Ready", **changes: Any) -> TakeItem:
    is_done, is_clip = status == "COMPLETED", n % 4 == 2
    item = TakeItem(
        id=uid(f"take {n}"),
        type="VIDEO" if is_clip else "IMAGE",
        status=status,
        status_text=word,
        thumb=f"/app/static/m/{'tall' if n == 5 else 'thumb'}/{n}" if is_done else None,
        preview=f"/app/static/m/mp4/{n}" if is_done and is_clip else None,
        placeholder=ui_demo.placeholder(n) if is_done else None,
        favorite=n in (1, 4),
        headliner=n == 4,
        duration_s=5.0 if is_clip else None,
        started_at=None,
        alt=f"Take {n}",
        error=None,
        caption=f"Take {n} · sandbox-image",
    )
    return TakeItem(**{**item, **changes})  # type: ignore[typeddict-item]


def gallery() -> list[TakeItem]:
    now = datetime.now(UTC)
    started = [(now - timedelta(seconds=s)).isoformat() for s in (4, 72)]
    return [
        take(901, "PENDING", "Waiting", started_at=started[0]),
        take(902, "PROCESSING", "Working", started_at=started[1]),
        take(903, "ATTENTION", "Needs you", error="The answer to the submission was lost: it may have been paid for."),
        take(904, "FAILED", "Failed", error="The provider refused the content. Change the prompt or the picture."),
        take(905, "CANCELLED", "Cancelled"),
        take(1, alt=HOSTILE, caption=HOSTILE),
        *(take(n) for n in range(2, COUNT)),
    ]


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
        marks = st.session_state.setdefault("marks", {})
        if action.on is not None:
            marks[str(action.id), action.action] = action.on
        if action.action in ("earlier", "later"):
            order = st.session_state.order
            at = order.index(str(action.id))
            order.insert(at + (1 if action.action == "later" else -1), order.pop(at))

    return on_action


def marked(items: list[Any]) -> list[Any]:
    marks = st.session_state.get("marks", {})
    done = [{**i, **{a: marks.get((i["id"], a), i[a]) for a in ("favorite", "headliner")}} for i in items]
    star = next((id for (id, a), on in reversed(marks.items()) if a == "headliner" and on), None)
    return [{**i, "headliner": i["id"] == star} if star else i for i in done]


@st.fragment
def show_takes() -> None:
    items = marked(gallery()) if COUNT else []
    takes(items, key="takes", on_action=note("takes"), selected=UUID(uid("take 3")))
    st.button("Again", key="again")


@st.fragment
def show_viewer() -> None:
    marks = st.session_state.get("marks", {})
    is_clip = st.query_params.get("take") == "clip"
    take = Take(
        id=UUID(uid("viewed")),
        project_id=ROOT,
        number=7,
        box_id=ROOT,
        created_by=ROOT,
        created_at=datetime.now(UTC),
        updated_at=datetime.now(UTC),
        asset_type=AssetType.VIDEO if is_clip else AssetType.IMAGE,
        source_type=SourceType.GENERATED,
        status=Status.COMPLETED,
        file_key="dev/a/mp4/6" if is_clip else "dev/a/full/7",
        thumb_key="dev/a/thumb/6",
        placeholder=ui_demo.placeholder(7),
        width=1920,
        height=1080,
        is_favorite=marks.get((uid("viewed"), "favorite"), True),
    )
    viewer(take, name="Take 7", key="viewer", on_action=note("viewer"), position="3 / 12")
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
    "takes": show_takes,
    "viewer": show_viewer,
    "shots": show_shots,
    "projects": show_projects,
    "live": show_live,
    "signin": show_signin,
}
only = st.query_params.get("show")
for name, part in PARTS.items():
    if only in (None, name):
        if only is None:
            st.subheader(name)
        part()
