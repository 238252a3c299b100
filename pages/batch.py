"""Many takes at once: shots, prompts, models and seeds in one order with one estimate; and the orders so far."""

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import streamlit as st

from apom.models import (
    AIModel,
    Batch,
    BatchInput,
    BatchLine,
    BatchOrder,
    BatchPlan,
    Box,
    BoxKind,
    InputRole,
    Project,
    Role,
    Status,
)
from apom.ui import form, guard
from apom.ui.chrome import header
from apom.ui.components.live import live
from apom.ui.door import asked_for, attempt, did, mine, plain
from apom.words import N_, _, plural

BETWEEN_PROMPTS = re.compile(r"\n\s*\n")
BETWEEN_SEEDS = re.compile(r"[\s,;]+")
SHOWN = 10
MOST_CHARS = 60
ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
COUNTED = {
    Status.COMPLETED: N_("{n} finished"),
    Status.PROCESSING: N_("{n} at work"),
    Status.PENDING: N_("{n} waiting"),
    Status.ATTENTION: N_("{n} need you"),
    Status.FAILED: N_("{n} failed"),
    Status.CANCELLED: N_("{n} cancelled"),
}


def show() -> None:
    """What to make at the left; what it comes to, and what was ordered before, at the right."""
    project = mine().project(asked_for("project"))
    header(_("Generate"), [(_("Projects"), "", {}), (project.name, "board", {"project": str(project.id)})])
    boxes = mine().get_project_boxes(project, kind=BoxKind.SHOT)
    if not boxes:
        st.text(_("There are no shots yet. Make some on the board, then come back."))
        return
    left, right = st.columns([1, 1.2], gap="large")
    can_edit = project.role is not Role.VIEWER
    if can_edit:
        with left:
            order = asked(boxes)
        with right:
            planned(project, order)
    with right if can_edit else st.container():
        orders(project.id, can_edit)


def asked(boxes: Sequence[Box]) -> BatchOrder:
    """What stands in the form."""
    chosen = shots(boxes)
    own, prompts = words(chosen)
    models = {form.model_id(model): model for model in mine().models()}
    names = st.multiselect(
        _("Models"),
        list(models),
        default=[next(iter(models))],
        format_func=lambda name: models[name].title,
        key="batch-models",
        placeholder=_("Choose one or several"),
    )
    inputs = tuple(BatchInput(role=role, asset_id=None) for role in needed(models[name] for name in names))
    if inputs:
        st.caption(_("Starts from the headliner of each shot."))
    options = form.common([models[name] for name in names], key="batch")
    n = st.select_slider(
        _("Takes of each"), [1, 2, 4, 8, 16], key="batch-n", help=_("Each take gets a seed of its own.")
    )
    seeds = st.text_input(
        _("Seeds"),
        placeholder=_("any"),
        key="batch-seeds",
        help=_("One take of each for every seed, such as 7, 21, 99: the same seeds compare prompts and models fairly."),
    )
    name = st.text_input(_("Name"), max_chars=120, key="batch-name", placeholder=_("Look test, warm light"))
    return BatchOrder(
        prompts=prompts,
        own_prompts=own,
        models=tuple(names),
        boxes=tuple(box.id for box in chosen),
        seeds=tuple(int(seed) for seed in BETWEEN_SEEDS.split(seeds) if seed.isdecimal()),
        n=int(n),
        options=options,
        inputs=inputs,
        name=name,
    )


def words(chosen: Sequence[Box]) -> tuple[bool, tuple[str, ...]]:
    """Whether each shot brings its own prompt; else the prompts for all of them."""
    titles = {True: _("Each shot's own"), False: _("The same for all")}
    own = st.segmented_control(
        _("Prompt"),
        list(titles),
        default=any(box.prompt_text for box in chosen),
        required=True,
        format_func=titles.__getitem__,
        key="batch-own",
    )
    if own:
        return True, ()
    text = st.text_area(
        _("Prompts"),
        height=132,
        key="batch-prompts",
        placeholder=_("harbour at {dawn|night}, fishing boats"),
        help=_("Each prompt is made in each shot. {a|b} makes one of each. An empty line begins another prompt."),
    )
    return False, tuple(part.strip() for part in BETWEEN_PROMPTS.split(text) if part.strip())


def needed(models: Iterable[AIModel]) -> list[InputRole]:
    """What the models cannot do without, by its role."""
    roles = [InputRole(str(each["role"])) for model in models for each in model.inputs if each.get("min")]
    return list(dict.fromkeys(roles))


def shots(boxes: Sequence[Box]) -> list[Box]:
    """Which shots: the one that the address names, else those without a take yet, else all."""
    here = st.query_params.get("box", "")
    bare = [box for box in boxes if not box.assets_count]
    first = [box for box in boxes if str(box.id) == here] or bare or list(boxes)
    by_id = {box.id: box for box in boxes}
    ids = st.multiselect(
        _("Shots"),
        list(by_id),
        default=[box.id for box in first],
        format_func=lambda id: f"{by_id[id].code} {by_id[id].name}",
        key=f"batch-shots-{here}",
        placeholder=_("Choose one or several"),
    )
    return [by_id[id] for id in ids if id in by_id]


def planned(project: Project, order: BatchOrder) -> None:
    """What it comes to, for each model and in all; or every reason why it cannot be ordered."""
    plan = attempt(mine().estimate_batch, project, order)
    if plan is None:
        return
    with st.container(border=True, key="plan"):
        st.subheader(_("{takes} in all", takes=plural("{n} take", "{n} takes", plan.takes)))
        for line in plan.lines:
            with st.container(horizontal=True):
                st.text(f"{line.count} × {line.title}", width="stretch")
                st.caption(plain(price(line, plan)), width="content")
        for reason in plan.reasons:
            st.error(plain(reason.detail))
        label = _("Generate")
        if plan.amount:
            label = _("Generate for about {cost}", cost=plain(f"{plan.amount:,.2f} {plan.currency}"))
        if st.button(
            label, type="primary", icon=":material/auto_awesome:", width="stretch", disabled=bool(plan.reasons)
        ):
            place(project, order)


def price(line: BatchLine, plan: BatchPlan) -> str:
    """What a model's takes cost, in words."""
    if line.amount is not None:
        return _("about {cost} {unit}", cost=f"{line.amount:,.2f}", unit=plan.currency)
    if line.price is None or line.unit is None:
        return _("no price is known")
    return form.cost(line.price * line.count, line.unit, is_play=line.is_play)


def place(project: Project, order: BatchOrder) -> None:
    """Orders once, however often the button was pressed."""
    token = st.session_state.setdefault("batch-token", secrets.token_urlsafe(16))
    if did(mine().order_batch, project, order, token=token):
        st.toast(_("Ordered. The takes arrive in their shots."), icon=":material/check:")
    del st.session_state["batch-token"]


@st.fragment
@guard.guarded
def orders(project_id: UUID, can_edit: bool) -> None:
    """The newest orders, drawn again by themselves while their takes arrive."""
    live(project_id, key="live")
    found = mine().batches(project_id, limit=SHOWN)
    if not found.items:
        st.caption(_("Orders of many takes stand here, with what they cost and how far they are."))
        return
    st.subheader(_("Orders"))
    for batch in found.items:
        with st.container(border=True, key=f"order-{batch.id}"):
            row(batch, can_edit)


def row(batch: Batch, can_edit: bool) -> None:
    """How far an order is, and what one can do about it."""
    ended = sum(batch.counts.get(status, 0) for status in ENDED)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(batch.name or summary(batch), width="stretch")
        if can_edit:
            buttons(batch, is_open=ended < batch.takes)
    st.progress(ended / batch.takes if batch.takes else 1.0)
    parts = [_(words, n=batch.counts[status]) for status, words in COUNTED.items() if batch.counts.get(status)]
    if batch.is_paused:
        parts.insert(0, _("Paused"))
    if batch.spent:
        parts.append(_("{cost} spent", cost=f"{batch.spent:,.2f} {batch.currency}"))
    parts.append(batch.created_by_name)
    st.caption(plain(" · ".join(parts)))


def summary(batch: Batch) -> str:
    """An order without a name, by what it asked for."""
    recipe = batch.recipe
    said = recipe.prompts[0] if recipe.prompts else plural("{n} shot", "{n} shots", len(recipe.boxes))
    said = said if len(said) <= MOST_CHARS else f"{said[:MOST_CHARS]}…"
    return " · ".join([plural("{n} take", "{n} takes", batch.takes), said, *recipe.models])


def buttons(batch: Batch, *, is_open: bool) -> None:
    """Pause or go on, stop, order again what failed."""
    ws = mine()
    if is_open and batch.is_paused:
        act(batch, "resume", ":material/play_arrow:", _("Go on"), lambda: ws.resume_batch(batch))
    elif is_open:
        act(batch, "pause", ":material/pause:", _("Pause: nothing more is sent"), lambda: ws.pause_batch(batch))
    if is_open:
        act(batch, "cancel", ":material/close:", _("Cancel what is left"), lambda: ws.cancel_batch(batch))
    if batch.retriable:
        words = plural("Order {n} again", "Order {n} again", batch.retriable)
        token = st.session_state.setdefault(f"retry-{batch.id}-{batch.retriable}", secrets.token_urlsafe(16))
        act(batch, "retry", ":material/refresh:", words, lambda: ws.retry_batch(batch, token=token))


def act(batch: Batch, name: str, icon: str, words: str, change: Callable[[], Batch]) -> None:
    """A button, and the fragment drawn anew after it."""
    if st.button("", icon=icon, help=words, key=f"{name}-{batch.id}", type="tertiary") and did(change):
        st.rerun(scope="fragment")
