"""What a project is made to: rate, size, length, look, money; and the sound under its cut."""

import re
from typing import Any
from uuid import UUID

import streamlit as st

from apom.models import SOUND, Asset, AssetType, BoxKind, Project, Role
from apom.ui import guard
from apom.ui.components.assembly import Action
from apom.ui.components.upload import upload
from apom.ui.door import attempt, did, mine
from apom.words import _, clock

RATES = ("23.976", "24", "25", "29.97", "30", "50", "60")
SIZES = {
    (1920, 1080): "16:9",
    (3840, 2160): "16:9, 4K",
    (1080, 1920): "9:16",
    (1080, 1080): "1:1",
    (1080, 1350): "4:5",
}
SIZE = re.compile(r"(\d{1,6})\s*[x×хX*]\s*(\d{1,6})")  # Latin, Cyrillic, or the sign itself
SHOWN = 20  # sounds to choose from


def formats(project: Project) -> None:
    """Saved together; money is the owner's."""
    can_edit, is_owner = project.role is not Role.VIEWER, project.role is Role.OWNER
    with st.form("format", border=False):
        left, right = st.columns(2)
        rate, size = f"{project.fps:g}", _size(project.width, project.height)
        rates, sizes = _with(rate, RATES), _with(size, [_size(*each) for each in SIZES])
        fps = left.selectbox(
            _("Frames per second"), rates, rates.index(rate), accept_new_options=True, disabled=not can_edit
        )
        side = right.selectbox(
            _("Width × height"), sizes, sizes.index(size), accept_new_options=True, disabled=not can_edit
        )
        target = st.number_input(
            _("How long it should become, in seconds"),
            value=project.target_s,
            min_value=0.0,
            step=1.0,
            disabled=not can_edit,
            placeholder=_("not said"),
        )
        style = st.text_area(
            _("Style"),
            value=project.style_text,
            height=90,
            disabled=not can_edit,
            placeholder=_("35 mm film, muted greens, soft side light"),
            help=_("How everything should look. It follows each prompt, unless one leaves it out."),
        )
        money: dict[str, Any] = {}
        if is_owner:
            left, right = st.columns(2)
            budget = left.number_input(
                _("Budget"), value=project.budget, min_value=0.0, step=10.0, placeholder=_("no limit")
            )
            currency = right.text_input(_("Currency"), value=project.currency, max_chars=3)
            money = {"budget": budget, "currency": currency.strip().upper()}
        saved = st.form_submit_button(_("Save"), type="primary", disabled=not can_edit)
    if saved:
        save(project, str(fps), str(side), {"target_s": target or None, "style_text": style, **money})


def save(project: Project, rate: str, size: str, others: dict[str, Any]) -> None:
    """What was typed, as far as it can be read."""
    sides = _sides(size)
    try:
        fps = float(rate.replace(",", "."))
    except ValueError:
        st.toast(_("Write the frames per second as a number, for example 24."), icon=":material/error:")
        return
    if sides is None:
        st.toast(_("Write the size as width × height, for example 1920 × 1080."), icon=":material/error:")
        return
    changes: dict[str, Any] = {"fps": fps, "width": sides[0], "height": sides[1], **others}
    if attempt(mine().update_project, project, **changes) is not None:
        st.rerun()


def _size(width: int, height: int) -> str:
    shape = SIZES.get((width, height))
    return f"{width} × {height} ({shape})" if shape else f"{width} × {height}"


def _sides(text: str) -> tuple[int, int] | None:
    """What was typed as a size, or as the shape of one that is offered."""
    found = SIZE.search(text)
    if found:
        return int(found[1]), int(found[2])
    return next((sides for sides, shape in SIZES.items() if shape == text.strip()), None)


def _with(own: str, presets: list[str] | tuple[str, ...]) -> list[str]:
    return [*presets] if own in presets else [own, *presets]


def soundtrack(project: Project) -> None:
    """What plays under the cut: heard, chosen, brought."""
    ws, can_edit = mine(), project.role is not Role.VIEWER
    found = ws.search_assets(project=project, asset_type=AssetType.AUDIO, limit=SHOWN).items
    sounds = {take.id: ws.asset(take) for take in found if take.file_key}
    if project.soundtrack_asset_id is not None and project.soundtrack_asset_id not in sounds:
        sounds[project.soundtrack_asset_id] = ws.asset(project.soundtrack_asset_id)
    chosen = sounds.get(project.soundtrack_asset_id) if project.soundtrack_asset_id else None
    if sounds and can_edit:
        key = f"soundtrack-{project.soundtrack_asset_id}"
        st.selectbox(
            _("Plays under the cut"),
            [None, *sounds],
            index=[None, *sounds].index(project.soundtrack_asset_id),
            format_func=lambda id: _name(sounds[id]) if id else _("Nothing"),
            key=key,
            on_change=guard.guarded(_choose),
            args=(project.id, key),
        )
    if chosen is not None and chosen.thumbnail_url and chosen.shown_url:
        with st.container(horizontal=True, vertical_alignment="center", key="soundtrack"):
            st.image(chosen.thumbnail_url, width=112)
            st.audio(chosen.shown_url, format=chosen.mime or "audio/mpeg")
    elif not sounds:
        st.caption(_("Music or a voice that plays under the whole cut: here, for clients, and in what you export."))
    if can_edit:
        bring(project)


def bring(project: Project) -> None:
    """Sound of one's own; what has come plays at once."""
    boxes = mine().get_project_boxes(project, kind=BoxKind.REFERENCE)
    box = next((box for box in boxes if box.name == SOUND), None)
    if box is not None:
        upload(box, key=f"sound-{box.id}", on_done=guard.guarded(_play))
    elif st.button(_("Add sound"), icon=":material/music_note:") and did(mine().sound_box, project):
        st.rerun(scope="fragment")


def _choose(project_id: UUID, key: str) -> None:
    did(mine().update_project, project_id, soundtrack_asset_id=st.session_state[key])


def _play(action: Action) -> None:
    take = mine().asset(action.id)
    did(mine().update_project, take.project_id, soundtrack_asset_id=take.id)


def _name(sound: Asset) -> str:
    name = str(sound.generation_config.get("file_name") or _("Sound {n}", n=sound.number))
    return f"{name} · {clock(sound.duration_s or 0)}"
