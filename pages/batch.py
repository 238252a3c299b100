"""Many takes at once: shots, prompts, models and seeds in one order with one estimate; and the orders so far."""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from apom.models import (
    AIModel,
    AssetType,
    Batch,
    BatchInput,
    BatchLine,
    BatchOrder,
    BatchPlan,
    Box,
    BoxKind,
    InputRole,
    Project,
    Reason,
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
MOST_LINES = 8
ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
COUNTED = {
    Status.COMPLETED: (N_("{n} finished"), N_("{n} finished")),
    Status.PROCESSING: (N_("{n} at work"), N_("{n} at work")),
    Status.PENDING: (N_("{n} waiting"), N_("{n} waiting")),
    Status.ATTENTION: (N_("{n} needs you"), N_("{n} need you")),
    Status.FAILED: (N_("{n} failed"), N_("{n} failed")),
    Status.CANCELLED: (N_("{n} cancelled"), N_("{n} cancelled")),
}
# What a model makes, and whether it starts from a take
WAYS = {
    (AssetType.IMAGE, False): N_("Pictures"),
    (AssetType.VIDEO, False): N_("Clips"),
    (AssetType.VIDEO, True): N_("Clips from headliners"),
    (AssetType.IMAGE, True): N_("Edits of headliners"),
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
            order = asked(project, boxes)
        with right:
            if order is not None:
                planned(project, order)
    with right if can_edit else st.container():
        orders(project.id, can_edit)


def asked(project: Project, boxes: Sequence[Box]) -> BatchOrder | None:
    """What stands in the form; None while something in it cannot be read, which is said beside it."""
    chosen = shots(boxes)
    own, prompts = words(project, chosen)
    below_prompts = st.container()
    models = able()
    inputs = tuple(BatchInput(role=role, asset_id=None) for role in needed(models))
    with below_prompts:
        with_style = style(project, inputs)
    if inputs:
        st.caption(_("Starts from the headliner of each shot."))
    options = form.common(models, key="batch")
    n = st.select_slider(
        _("Takes of each"), [1, 2, 4, 8, 16], key="batch-n", help=_("Each take gets a seed of its own.")
    )
    numbers = seeds()
    name = st.text_input(_("Name"), max_chars=120, key="batch-name", placeholder=_("Look test, warm light"))
    if numbers is None:
        return None
    return BatchOrder(
        prompts=prompts,
        own_prompts=own,
        models=tuple(map(form.model_id, models)),
        boxes=tuple(box.id for box in chosen),
        seeds=numbers,
        n=int(n),
        options=options,
        inputs=inputs,
        with_style=with_style,
        name=name,
    )


def style(project: Project, inputs: Sequence[BatchInput]) -> bool:
    """Whether the project's style follows each prompt. Words that edit a picture are sent as they are."""
    if not project.style_text or any(used.role is InputRole.EDIT_SOURCE for used in inputs):
        return False
    return st.toggle(
        _("Add the project's style"), value=True, key=f"batch-style-{project.id}", help=plain(project.style_text)
    )


def able() -> list[AIModel]:
    """Which models, of those that make the same from the same: what an order starts from is given to all of them."""
    known = mine().models()
    ways = [way for way in WAYS.values() if any(way_of(model) == way for model in known)]
    way = st.segmented_control(_("What to make"), ways, default=ways[0], required=True, format_func=_, key="batch-way")
    models = {form.model_id(model): model for model in known if way_of(model) == way}
    named = form.titles(models.values())
    names = st.multiselect(
        _("Models"),
        list(models),
        default=[next(iter(models))],
        format_func=named.__getitem__,
        key=f"batch-models-{ways.index(way)}",
        placeholder=_("Choose one or several"),
    )
    return [models[name] for name in names]


def way_of(model: AIModel) -> str | None:
    """What a model makes out of what; None for what is not made here."""
    return WAYS.get((model.model_type, model.needs_take))


def seeds() -> tuple[int, ...] | None:
    """The seeds that were written; None when one of them is none."""
    text = st.text_input(
        _("Seeds"),
        placeholder=_("any"),
        key="batch-seeds",
        help=_("One take of each for every seed, such as 7, 21, 99: the same seeds compare prompts and models fairly."),
    )
    parts = [part for part in BETWEEN_SEEDS.split(text) if part]
    wrong = next((part for part in parts if not part.isdecimal()), None)
    if wrong is not None:
        st.error(plain(_("“{seed}” is no seed. Write whole numbers, such as 7, 21, 99.", seed=wrong)))
        return None
    return tuple(map(int, parts))


def words(project: Project, chosen: Sequence[Box]) -> tuple[bool, tuple[str, ...]]:
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
    draft = f"batch-draft-{project.id}"
    text = st.text_area(
        _("Prompts"),
        value=st.session_state.get(draft, ""),
        height=132,
        key=f"batch-prompts-{project.id}",
        placeholder=_("harbour at {dawn|night}, fishing boats"),
        help=_("Each prompt is made in each shot. {a|b} makes one of each. An empty line begins another prompt."),
    )
    st.session_state[draft] = text  # a look at the shots' own, or at another page, does not cost what was typed
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
    key, default = f"batch-shots-{here}", [box.id for box in first]
    ids = st.multiselect(
        _("Shots, {n} of {all}", n=len(st.session_state.get(key, default)), all=len(boxes)),
        list(by_id),
        default=default,
        format_func=lambda id: f"{by_id[id].code} {by_id[id].name}",
        key=key,
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
        if len(plan.prompts) > 1 or (order.with_style and plan.prompts):
            with st.expander(plural("{n} prompt", "{n} prompts", len(plan.prompts)), key="prompts"):
                listed(plan.prompts)
        if plan.reasons:
            refused(plan.reasons)
        label = _("Generate")
        if plan.amount:
            label = _("Generate for about {cost}", cost=plain(f"{plan.amount:,.2f} {plan.currency}"))
        if st.button(
            label, type="primary", icon=":material/auto_awesome:", width="stretch", disabled=bool(plan.reasons)
        ):
            place(project, order)


def listed(prompts: Sequence[str]) -> None:
    """What the prompts stand for, with their alternatives written out."""
    for prompt in prompts[:MOST_LINES]:
        st.text(prompt)
    if len(prompts) > MOST_LINES:
        st.caption(_("and {n} more", n=len(prompts) - MOST_LINES))


def refused(reasons: Sequence[Reason]) -> None:
    """Every reason, in one place however many shots have the same one."""
    lines = [plain(reason.detail) for reason in reasons]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [_("and {n} more", n=len(lines) - MOST_LINES)]
    st.warning("\n".join(f"- {line}" for line in lines))


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
    titles = {form.model_id(model): model.title for model in mine().models()}
    for batch in found.items:
        with st.container(border=True, key=f"order-{batch.id}"):
            row(batch, titles, can_edit)


def row(batch: Batch, titles: Mapping[str, str], can_edit: bool) -> None:
    """How far an order is, and what one can do about it."""
    ended = sum(batch.counts.get(status, 0) for status in ENDED)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(batch.name or summary(batch, titles), width="stretch")
        if can_edit:
            buttons(batch, left=batch.takes - ended)
    st.progress(ended / batch.takes if batch.takes else 1.0)
    parts = [plural(*words, batch.counts[status]) for status, words in COUNTED.items() if batch.counts.get(status)]
    if batch.is_paused:
        parts.insert(0, _("Paused"))
    if batch.spent:
        parts.append(_("{cost} spent", cost=f"{batch.spent:,.2f} {batch.currency}"))
    parts.append(batch.created_by_name)
    st.caption(plain(" · ".join(parts)))


def summary(batch: Batch, titles: Mapping[str, str]) -> str:
    """An order without a name, by what it asked for."""
    recipe = batch.recipe
    said = recipe.prompts[0] if recipe.prompts else plural("{n} shot", "{n} shots", len(recipe.boxes))
    said = said if len(said) <= MOST_CHARS else f"{said[:MOST_CHARS]}…"
    return " · ".join(
        [plural("{n} take", "{n} takes", batch.takes), said, *(titles.get(name, name) for name in recipe.models)]
    )


def buttons(batch: Batch, *, left: int) -> None:
    """Pause or go on; stop, and order again what failed, which both ask first: money hangs on them."""
    ws = mine()
    if left and batch.is_paused:
        act(batch, "resume", ":material/play_arrow:", _("Go on"), lambda: ws.resume_batch(batch))
    elif left:
        act(batch, "pause", ":material/pause:", _("Pause"), lambda: ws.pause_batch(batch))
    if left:
        with asks(batch, "cancel", ":material/close:", _("Cancel")):
            st.text(_("What is at the provider already may be billed all the same."))
            words = plural("Cancel {n} take", "Cancel {n} takes", left)
            act(batch, "cancel", ":material/close:", words, lambda: ws.cancel_batch(batch))
    if batch.retriable:
        with asks(batch, "retry", ":material/refresh:", _("Order again")):
            st.text(_("What failed or was cancelled, with the same words and seeds. It costs once more."))
            words = plural("Order {n} take again", "Order {n} takes again", batch.retriable)
            token = st.session_state.setdefault(f"retry-{batch.id}-{batch.retriable}", secrets.token_urlsafe(16))
            act(batch, "retry", ":material/refresh:", words, lambda: ws.retry_batch(batch, token=token))


def asks(batch: Batch, name: str, icon: str, label: str) -> DeltaGenerator:
    """What opens below a button: what will happen, and the button that does it."""
    return st.popover(label, icon=icon, type="tertiary", key=f"ask-{name}-{batch.id}")


def act(batch: Batch, name: str, icon: str, label: str, change: Callable[[], Batch]) -> None:
    """A button, and the fragment drawn anew after it."""
    if st.button(label, icon=icon, key=f"{name}-{batch.id}", type="tertiary") and did(change):
        st.rerun(scope="fragment")
