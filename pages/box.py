"""One shot: its takes, and how to make more."""

import secrets
from collections.abc import Callable
from datetime import UTC
from uuid import UUID

import streamlit as st

from apom.models import OPEN_STATUSES, Asset, AssetType, Box, Role, SourceType, Status, Take
from apom.ui import form, guard
from apom.ui.chrome import header
from apom.ui.components.assembly import Action
from apom.ui.components.live import live
from apom.ui.components.takes import take_item, takes
from apom.ui.components.viewer import viewer
from apom.ui.door import asked_for, attempt, did, go, mine, plain
from apom.words import _

PAGE = 200


def show() -> None:
    """The gallery with the prompt form beside it; `take` in the address opens the big view."""
    ws = mine()
    box = ws.box(asked_for("box"))
    project = ws.project(box.project_id)
    way = [(_("Projects"), "", {}), (project.name, "board", {"project": str(project.id)})]
    header(f"{box.code} {box.name}", way)
    can_edit = project.role is not Role.VIEWER
    if can_edit:
        left, right = st.columns([1, 2.6], gap="medium")
        with left:
            prompt(box)
            shot(box)
        with right:
            gallery(box, can_edit)
    else:
        gallery(box, can_edit)
    if "take" in st.query_params:
        if did(ws.asset, st.query_params["take"]):
            big_view(box.id, can_edit)
        else:
            close()


def prompt(box: Box) -> None:
    """Words, model, options, how many; and what it will cost."""
    filled = form.draw(mine().models(AssetType.IMAGE), box.prompt_text, key=f"prompt-{box.id}")
    cost = form.estimate(filled.model, filled.n)
    if st.button(_("Generate"), type="primary", icon=":material/auto_awesome:", width="stretch", shortcut="Ctrl+Enter"):
        generate(box, filled)
    if filled.model.is_play:
        st.caption(_("Costs {cost}. Sandbox pictures: drawn by apom itself, no money.", cost=cost))
    elif cost:
        st.caption(_("Costs {cost}.", cost=plain(cost)))


def generate(box: Box, filled: form.Filled) -> None:
    """Orders once, however often the button was pressed; the prompt stays with the shot."""
    key = f"order-{box.id}"
    token = st.session_state.setdefault(key, secrets.token_urlsafe(16))
    ws = mine()
    ordered = attempt(
        ws.generate,
        box,
        filled.prompt,
        model=form.model_id(filled.model),
        params=filled.params,
        n=filled.n,
        token=token,
    )
    del st.session_state[key]
    if ordered is not None and filled.prompt != box.prompt_text:
        attempt(ws.update_box, box, prompt_text=filled.prompt)


def shot(box: Box) -> None:
    """The shot's own words."""
    with st.expander(_("Shot"), icon=":material/edit:"):
        with st.form(f"shot-{box.id}", border=False):
            name = st.text_input(_("Name"), value=box.name, max_chars=120)
            line = st.text_area(_("Spoken line"), value=box.line, height=68)
            notes = st.text_area(_("Notes"), value=box.notes, height=100)
            saved = st.form_submit_button(_("Save"))
        if saved and attempt(mine().update_box, box, name=name, line=line, notes=notes) is not None:
            st.rerun()
        with st.popover(_("Delete shot"), icon=":material/delete:"):
            st.write(_("The shot and its {n} takes go with their files, for good.", n=box.assets_count))
            if st.button(_("Delete for good"), icon=":material/delete_forever:") and did(mine().delete_box, box):
                go("board", project=str(box.project_id))


@st.fragment
@guard.guarded
def gallery(box: Box, can_edit: bool) -> None:
    """The takes, newest first; drawn again by itself whenever something changes in the project."""
    live(box.project_id, key="live")
    page = mine().get_box_assets(box, limit=PAGE)
    takes(
        [take_item(take, name=name_of(take)) for take in page.items],
        key="takes",
        on_action=guard.guarded(act),
        allow={"open", "favorite", "headliner", "cancel"} if can_edit else {"open"},
    )
    if page.next:
        st.caption(_("These are the latest {n} takes.", n=PAGE))


def name_of(take: Take) -> str:
    """What people call a take, for good."""
    return _("Clip {n}", n=take.number) if take.asset_type is AssetType.VIDEO else _("Take {n}", n=take.number)


def act(action: Action) -> None:
    """Something was done to a take."""
    ws = mine()
    if action.action == "open":
        st.query_params["take"] = str(action.id)
        st.rerun()
    elif action.action == "favorite":
        attempt(ws.toggle_favorite, action.id) if action.on is None else attempt(
            ws.update_asset, action.id, is_favorite=action.on
        )
    elif action.action == "headliner":
        take = ws.asset(action.id)
        attempt(ws.set_headliner, take.box_id, None if action.on is False else take)
    elif action.action == "cancel":
        attempt(ws.cancel, action.id)


@guard.guarded
def close() -> None:
    """Back to the gallery."""
    st.query_params.pop("take", None)


@st.dialog(" ", width=1280, on_dismiss=close)
@guard.guarded
def big_view(box_id: UUID, can_edit: bool) -> None:
    """One take, large, with everything known about it."""
    ws = mine()
    take = ws.asset(asked_for("take"))
    ids = [other.id for other in ws.get_box_assets(box_id, limit=PAGE).items]
    place = ids.index(take.id) if take.id in ids else 0
    steps = ({"prev"} if place > 0 else set()) | ({"next"} if place < len(ids) - 1 else set())
    left, right = st.columns([2.4, 1], gap="medium")
    with left:
        viewer(
            take,
            name=name_of(take),
            key="viewer",
            on_action=guard.guarded(lambda action: look_on(action, ids)),
            allow={"close", *steps, *(("favorite", "headliner") if can_edit else ())},
        )
    with right:
        facts(take)
        if can_edit:
            actions(take)


def look_on(action: Action, ids: list[UUID]) -> None:
    """The neighbour, or back to the gallery."""
    if action.action == "close":
        close()
        st.rerun()
    elif action.action in ("prev", "next"):
        place = ids.index(action.id) + (1 if action.action == "next" else -1) if action.id in ids else 0
        st.query_params["take"] = str(ids[max(0, min(len(ids) - 1, place))])
    else:
        act(action)


def facts(take: Asset) -> None:
    """Prompt, model, parameters, size, cost, and what it came from."""
    if take.prompt_text:
        st.caption(_("Prompt"))
        st.text(take.prompt_text)
    rows = [
        (_("Model"), take.ai_model),
        (_("Seed"), "" if take.seed is None else str(take.seed)),
        (_("Size"), f"{take.width} × {take.height}" if take.width else ""),
        (_("Length"), f"{take.duration_s:.1f} s" if take.duration_s else ""),
        (_("File"), f"{take.bytes / 1_000_000:.1f} MB · {take.mime}" if take.bytes else ""),
        (_("Cost"), f"{take.cost:g} {take.cost_unit}" if take.cost is not None else ""),
        (_("Made by"), take.created_by_name),
        (_("Made"), take.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    for label, value in rows:
        if value:
            with st.container(horizontal=True):
                st.caption(label)
                st.text(value)
    if take.parent_asset_id is not None:
        st.button(
            _("Made from this picture"),
            icon=":material/account_tree:",
            on_click=open_take,
            args=(take.parent_asset_id,),
        )


@guard.guarded
def open_take(asset_id: UUID) -> None:
    """Another take in the big view."""
    st.query_params["take"] = str(asset_id)


def actions(take: Asset) -> None:
    """What one does with a take beside judging it."""
    if take.source_type is not SourceType.UPLOADED and take.status not in OPEN_STATUSES:
        failed = take.status in (Status.FAILED, Status.CANCELLED)
        label = _("Try again") if failed else _("Once more, another seed")
        if st.button(label, icon=":material/refresh:", type="primary" if failed else "secondary", width="stretch"):
            once(f"again-{take.id}", lambda token: mine().again(take, token=token))
    if take.asset_type is AssetType.IMAGE and take.file_key:
        with st.container(border=True):
            words = st.text_input(_("Motion"), placeholder=_("slow push in"), key=f"motion-{take.id}")
            if st.button(_("Animate"), type="primary", icon=":material/movie:", width="stretch"):
                order_clip(take, words)
    if take.file_url:
        st.link_button(_("Open the original"), take.file_url, icon=":material/open_in_new:", width="stretch")
    with st.popover(_("Delete take"), icon=":material/delete:", width="stretch"):
        st.write(_("The take and its file go for good."))
        if st.button(_("Delete for good"), icon=":material/delete_forever:") and did(mine().delete_asset, take):
            close()
            st.rerun()


def order_clip(take: Asset, words: str) -> None:
    """A clip from this picture, once, and back to the gallery where it arrives."""
    once(f"clip-{take.id}", lambda token: mine().animate(take, words, token=token))


def once(key: str, order: Callable[[str], Take]) -> None:
    """Orders once, however often it was pressed, and goes back to the gallery where it arrives."""
    token = st.session_state.setdefault(key, secrets.token_urlsafe(16))
    ordered = attempt(order, token)
    del st.session_state[key]
    if ordered is not None:
        close()
        st.rerun()
