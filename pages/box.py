"""One shot: its takes, and how to make more."""

import secrets
from collections.abc import Callable
from uuid import UUID

import streamlit as st

from apom.errors import NotFound
from apom.models import OPEN_STATUSES, Asset, AssetType, Box, BoxKind, Role, SourceType, Status, Take
from apom.ui import form, guard
from apom.ui.chrome import header
from apom.ui.components.answers import answers
from apom.ui.components.assembly import Action
from apom.ui.components.gallery import gallery
from apom.ui.components.upload import upload
from apom.ui.components.viewer import viewer
from apom.ui.door import asked_for, attempt, did, go, mine, plain
from apom.ui.moments import moment
from apom.words import _, box_title, paid, size
from pages.shot import details, timing


def show() -> None:
    """The gallery with the prompt form beside it; `take` in the address opens the big view."""
    ws = mine()
    box = ws.box(asked_for("box"))
    project = ws.project(box.project_id)
    way = [(_("Projects"), "", {}), (project.name, "board", {"project": str(project.id)})]
    header(box_title(box.code, box.name), way)
    can_edit = project.role is not Role.VIEWER
    if can_edit:
        left, right = st.columns([1, 2.6], gap="medium")
        with left, st.container(key="beside"):
            prompt(box, project.style_text)
            if box.kind is BoxKind.SHOT:
                timing(box)
            details(box)
    else:
        right = st.container()
    with right:
        if can_edit:
            upload(box, key=f"upload-{box.id}")
        gallery(box, key=f"gallery-{box.id}", on_open=look_at, can_edit=can_edit)
    if "take" in st.query_params:
        if did(looked_at):
            big_view(can_edit)
        else:
            close()


def prompt(box: Box, style: str) -> None:
    """Words, model, options, how many; and what it will cost."""
    models = tuple(model for model in mine().models(AssetType.IMAGE) if not model.needs_take)
    filled = form.draw(models, box.prompt_text, style=style, key=f"prompt-{box.id}")
    cost = form.estimate(filled.model, filled.n)
    if st.button(_("Generate"), type="primary", icon=":material/auto_awesome:", width="stretch", shortcut="Ctrl+Enter"):
        generate(box, filled)
    if filled.model.is_play:
        st.caption(_("Costs {cost}. Sandbox pictures: drawn by apom itself, no money.", cost=cost))
    elif cost:
        st.caption(_("Costs {cost}.", cost=plain(cost)))
    label = _("Several models, prompts or shots")
    if st.button(label, type="tertiary", icon=":material/dashboard_customize:") and remembered(box, filled.prompt):
        go("batch", project=str(box.project_id), box=str(box.id))


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
        with_style=filled.with_style,
        token=token,
    )
    del st.session_state[key]
    if ordered is not None:
        remembered(box, filled.prompt)


def remembered(box: Box, prompt: str) -> bool:
    """The prompt stays with the shot; whether it could."""
    return prompt == box.prompt_text or did(mine().update_box, box, prompt_text=prompt)


@guard.guarded
def look_at(take: Action | UUID) -> None:
    """The take that somebody wants to see large."""
    st.query_params["take"] = str(take.id if isinstance(take, Action) else take)


@guard.guarded
def close() -> None:
    """Back to the gallery."""
    for name in ("take", "talk"):
        st.query_params.pop(name, None)


def looked_at() -> Take:
    """The take of the address, in the trash or not. Raises NotFound."""
    found = mine().get_assets([asked_for("take")])
    if not found:
        raise NotFound
    return found[0]


@st.dialog(" ", width=1280, on_dismiss=close)
@guard.guarded
def big_view(can_edit: bool) -> None:
    """One take, large, with everything known about it."""
    take = looked_at()
    left, right = st.columns([2.4, 1], gap="medium")
    with left:
        trims = mine().box(take.box_id).kind is BoxKind.SHOT
        viewer(
            take,
            key="viewer",
            on_action=look_on,
            can_edit=can_edit,
            me=mine().actor.user_id,
            beside="facts",
            talks="talk" in st.query_params,
            trims=trims,
        )
    with right, st.container(key="facts"):
        if take.purged_at is not None:
            st.caption(_("The files were cleaned away. The recipe is here, and makes it again."))
        elif take.trashed_at is not None:
            st.caption(_("In the trash. Put it back to see what is known about it and to work with it."))
            return
        asset = mine().asset(take)
        facts(asset)
        if can_edit:
            answers(asset, key=f"answers-{asset.id}", on_decided=look_at)
            actions(asset)
            if take.purged_at is not None:
                forget(take)
        if asset.file_url:
            downloads(asset, can_edit)


def forget(take: Take) -> None:
    """The end of what a cleaning has left of a take."""
    with st.expander(_("Delete the recipe too"), key=f"recipe-{take.id}", icon=":material/delete_forever:"):
        st.write(_("Prompt, seed and thumbnail go for good. What it cost stays in the books."))
        if st.button(_("Delete it for good"), key=f"forget-{take.id}") and did(mine().delete_asset, take):
            close()
            st.rerun()


@guard.guarded
def look_on(action: Action) -> None:
    """Another take is looked at, or none any more."""
    if action.action == "close":
        close()
        st.rerun()
    look_at(action)


def facts(take: Asset) -> None:
    """Prompt, model, parameters, size, cost, and what it came from."""
    if take.prompt_text:
        st.caption(_("Prompt"))
        st.text(take.prompt_text)
    rows = [
        (_("Model"), take.ai_model),
        (_("Seed"), "" if take.seed is None else str(take.seed)),
        (_("Size"), f"{take.width} × {take.height}" if take.width else ""),
        (_("Length"), _("{s} s", s=f"{take.duration_s:.1f}") if take.duration_s else ""),
        (_("File"), f"{size(take.bytes)} · {take.mime}" if take.bytes else ""),
        (_("Cost"), paid(take.cost, take.cost_unit or "") if take.cost is not None else ""),
        (_("Made by"), take.created_by_name),
        (_("Made"), moment(take.created_at)),
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
            on_click=look_at,
            args=(take.parent_asset_id,),
        )


def actions(take: Asset) -> None:
    """What one does with a take beside judging it."""
    if take.source_type is not SourceType.UPLOADED and take.status not in (*OPEN_STATUSES, Status.ATTENTION):
        failed = take.status in (Status.FAILED, Status.CANCELLED)
        label = _("Try again") if failed else _("Once more, another seed")
        if st.button(label, icon=":material/refresh:", type="primary" if failed else "secondary", width="stretch"):
            once(f"again-{take.id}", lambda token: mine().again(take, token=token))
    if take.asset_type is AssetType.IMAGE and take.file_url:
        with st.container(border=True):
            words = st.text_input(_("Motion"), placeholder=_("slow push in"), key=f"motion-{take.id}")
            with_style = adds_style(take, words, take.prompt_text, key=f"motion-{take.id}")
            if st.button(_("Animate"), type="primary", icon=":material/movie:", width="stretch"):
                once(f"clip-{take.id}", lambda token: mine().animate(take, words, with_style=with_style, token=token))
        with st.container(border=True):
            change = st.text_input(_("Change"), placeholder=_("make it night, add snow"), key=f"change-{take.id}")
            if st.button(
                _("Edit"), icon=":material/brush:", width="stretch", help=_("A new picture made from this one.")
            ):
                once(f"edit-{take.id}", lambda token: mine().edit(take, change, token=token)[0])
    if take.asset_type is AssetType.VIDEO and take.file_url:
        onward(take)
    if take.asset_type is AssetType.AUDIO:
        use_sound(take)


def downloads(take: Asset, can_edit: bool) -> None:
    """The original to keep: clean for everybody, with its recipe for who may edit."""
    address = f"/api/assets/{take.id}/download"
    label = _("Download with prompt and seed") if can_edit else _("Download")
    hint = _("No pixel is changed: prompt, model and seed are written beside the picture.")
    clean_hint = _("No pixel is changed: prompts, places, cameras and dates are left out.")
    if can_edit:
        st.link_button(label, f"{address}?metadata=true", icon=":material/download:", width="stretch", help=hint)
        label = _("Download clean")
    st.link_button(label, address, icon=":material/download:", width="stretch", help=clean_hint)
    st.link_button(_("Open the original"), str(take.file_url), icon=":material/open_in_new:", width="stretch")


def use_sound(take: Asset) -> None:
    """Under the cut, if it is not there already."""
    project = mine().project(take.project_id)
    if project.soundtrack_asset_id == take.id:
        st.caption(_("The project's soundtrack."))
    elif st.button(_("Use as the soundtrack"), icon=":material/music_note:", type="primary", width="stretch") and did(
        mine().update_project, project, soundtrack_asset_id=take.id
    ):
        st.rerun()


def adds_style(take: Asset, words: str, otherwise: str, *, key: str) -> bool:
    """Whether the project's style follows the words; `otherwise` is sent as it is where there are none."""
    style = mine().project(take.project_id).style_text
    return form.add_style(style, lambda: form.sent(words, style) if words else otherwise, key=key)


def onward(take: Asset) -> None:
    """The next shot begins where this clip ends."""
    box, shots = mine().box(take.box_id), mine().get_project_boxes(take.project_id, kind=BoxKind.SHOT)
    if box.order_index is None:
        return
    is_last = box.id == shots[-1].id
    with st.container(border=True):
        words = st.text_input(_("What happens next"), placeholder=_("she turns around"), key=f"next-{take.id}")
        own = "" if is_last else shots[box.order_index + 1].prompt_text
        with_style = adds_style(take, words or own, take.prompt_text, key=f"next-{take.id}")
        label = _("Continue in a new shot") if is_last else _("Continue in the next shot")
        hint = _("A clip that begins with the last frame of this one.")
        if st.button(label, icon=":material/skip_next:", width="stretch", help=hint):
            once(
                f"next-order-{take.id}",
                lambda token: mine().continue_shot(
                    box, words, clip=take, adds_shot=is_last, with_style=with_style, token=token
                ),
            )


def once(key: str, order: Callable[[str], Take]) -> None:
    """Orders once, however often it was pressed, and goes to the gallery where it arrives."""
    token = st.session_state.setdefault(key, secrets.token_urlsafe(16))
    ordered = attempt(order, token)
    del st.session_state[key]
    if ordered is None:
        return
    close()
    if ordered.box_id != asked_for("box"):
        go("box", box=str(ordered.box_id))
    st.rerun()
