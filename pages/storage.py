"""What takes up room, what leaves by itself, and the trash."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from apom.models import Project, RetentionPlan, RetentionRun, Role, StorageUse, Take
from apom.ui import guard
from apom.ui.chrome import header
from apom.ui.components.assembly import Action
from apom.ui.components.shots import ShotItem, shots
from apom.ui.door import asked_for, attempt, did, go, mine, plain
from apom.ui.moments import day, moment
from apom.words import HELD_WORDS, _, box_title, plural, size

MOST = 50
LEAVING = 200


def show() -> None:
    """Everything of one's own, or one project."""
    if "project" in st.query_params:
        project = mine().project(asked_for("project"))
        board = {"project": str(project.id)}
        header(_("Storage"), [(_("Projects"), "", {}), (project.name, "board", board)])
        one(project)
        return
    header(_("Storage"), [(_("Projects"), "", {})])
    if mine().actor.is_admin:
        cleaning()
    everything(mine().storage())


def everything(rows: Sequence[StorageUse]) -> None:
    """The projects, the largest first."""
    whole = sum(row.bytes + row.trashed_bytes for row in rows)
    st.caption(_("Your projects take up {size}, the trash included.", size=size(whole)))
    if not rows:
        st.info(_("You have no project yet. What its takes take up will stand here."))
    for row in rows[:MOST]:
        with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"use-{row.project_id}"):
            st.button(
                plain(row.project_name),
                key=f"open-{row.project_id}",
                type="tertiary",
                on_click=guard.guarded(go),
                args=("storage",),
                kwargs={"project": str(row.project_id)},
            )
            st.space("stretch")
            use(row)
    if len(rows) > MOST:
        st.caption(plural("{n} smaller project is not shown.", "{n} smaller projects are not shown.", len(rows) - MOST))


def use(row: StorageUse) -> None:
    """One line of numbers; what is nothing is not said."""
    takes = row.takes - row.sounds
    parts = [plural("{n} take", "{n} takes", takes)] if takes or not row.sounds else []
    if row.sounds:
        parts.append(plural("{n} sound", "{n} sounds", row.sounds))
    parts.append(size(row.bytes))
    if row.missing:
        parts.append(plural("{n} file cannot be found", "{n} files cannot be found", row.missing))
    if row.leaving:
        parts.append(_("{n} go soon", n=row.leaving))
    if row.trashed:
        parts.append(_("trash: {n}, {size}", n=row.trashed, size=size(row.trashed_bytes)))
    label = " · ".join(parts)
    st.caption(label, width="content")


def one(project: Project) -> None:
    """What goes soon, the trash, and what each shot takes up."""
    rows = mine().storage(project)
    soon(project)
    trash(project, rows)
    st.subheader(_("Shots"))
    if not rows:
        st.caption(_("There is no shot yet."))
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="center", key=f"use-{row.box_id}"):
            st.page_link(
                guard.page("box"),
                label=plain(box_title(row.code or "", row.box_name or "")),
                query_params={"box": str(row.box_id)},
                width="stretch",
            )
            use(row)


def soon(project: Project) -> None:
    """The takes that nobody marked, with the day they go."""
    plan, found = mine().retention_plan(project), mine().leaving(project, limit=LEAVING)
    days = plan.days if project.retention_days is None else project.retention_days
    st.subheader(_("Goes soon"))
    if not days:
        st.caption(_("In this project nothing goes by itself."))
        return
    if not found.items:
        st.caption(
            plural(
                "Nothing. Takes that nobody marked go to the trash after {n} day without work on the project.",
                "Nothing. Takes that nobody marked go to the trash after {n} days without work on the project.",
                days,
            )
        )
        return
    label = plural(
        "{n} take ({size}) goes to the trash unless somebody marks it: as a favourite, with a rating, a tag or a comment.",
        "{n} takes ({size}) go to the trash unless somebody marks them: as favourites, with a rating, a tag or a comment.",
        plan.leaving,
        size=size(plan.leaving_bytes),
    )
    st.write(label)
    if project.role is not Role.VIEWER:
        label = plural("Keep all of them for {n} more day", "Keep all of them for {n} more days", days)
        if st.button(label, icon=":material/update:") and did(mine().update_project, project, name=project.name):
            st.rerun()  # work on the project begins the days anew
    names = {row.box_id: (row.code or "", row.box_name or "") for row in mine().storage(project)}
    label = _("Take {n} · {size} · goes on {day}")
    items = [_item(take, *names[take.box_id], label, take.leaves_at) for take in found.items]
    shots(items, key="soon", on_action=look_at, allow={"open"})
    if found.next:
        st.caption(_("The first {n} are shown.", n=LEAVING))


def _item(take: Take, code: str, name: str, label: str, at: datetime | None) -> ShotItem:
    said = label.format(n=take.number, size=size(take.bytes or 0), day=day(at) if at else "")
    return ShotItem(
        id=str(take.id),
        code="" if code.casefold() == name.casefold() else code,
        name=name,
        thumb=take.thumbnail_url,
        placeholder=take.placeholder,
        takes=1,
        active=0,
        attention=0,
        status_text=said,
    )


@guard.guarded
def look_at(action: Action) -> None:
    """A take, in its shot."""
    for take in mine().get_assets([action.id]):
        go("box", box=str(take.box_id), take=str(take.id))


def trash(project: Project, rows: Sequence[StorageUse]) -> None:
    """What lies in it, and its end by the owner's word."""
    count, whole = sum(row.trashed for row in rows), sum(row.trashed_bytes for row in rows)
    st.subheader(_("Trash"))
    if not count:
        st.caption(_("The trash of this project is empty."))
        return
    days = mine().retention_plan(project).trash_days
    st.write(
        plural("{n} take, {size}.", "{n} takes, {size}.", count, size=size(whole)),
        plural(
            "After {n} day in the trash the files go; the recipe and the thumbnail stay.",
            "After {n} days in the trash the files go; the recipe and the thumbnail stay.",
            days,
        ),
        _("What somebody marked, a round shows or another take was made from keeps its files."),
    )
    shots(thrown(rows, days), key="trash", on_action=look_at, allow={"open"})
    if count > MOST:
        st.caption(_("The first {n} are shown.", n=MOST))
    if project.role is not Role.OWNER:
        return
    with st.expander(_("Empty the trash"), key="empty", icon=":material/delete_sweep:"):
        st.write(
            _(
                "The files go now and cannot be put back. What a round shows, what has a verdict, and what another take "
                "was made from stays."
            )
        )
        if st.button(_("Empty it for good"), icon=":material/delete_forever:"):
            done = attempt(mine().empty_trash, project)
            if done is not None:
                st.toast(plural("{n} take lost its files.", "{n} takes lost their files.", done.purged))
                st.rerun()


def thrown(rows: Sequence[StorageUse], days: int) -> list[ShotItem]:
    """What lies in the trash with its files, the first to lose them first."""
    found: list[tuple[Take, StorageUse]] = []
    for row in rows:
        if row.box_id is not None and row.trashed and len(found) < MOST:
            takes = mine().get_box_assets(row.box_id, trashed=True, limit=MOST - len(found)).items
            found += [(take, row) for take in takes if take.trashed_at and not take.purged_at]
    found.sort(key=lambda each: (each[0].trashed_at, each[0].id))
    return [
        _item(take, row.code or "", row.box_name or "", _("Take {n} · {size} · its files go from {day} on"), at)
        for take, row in found
        if (at := take.trashed_at and take.trashed_at + timedelta(days=days))
    ]


def cleaning() -> None:
    """An admin's: what the daily cleaning does next, did last, and waits for."""
    plan = mine().retention_plan()
    with st.container(border=True, key="cleaning"):
        st.subheader(_("Cleaning"))
        label = planned(plan)
        st.write(label)
        if plan.held is not None:
            st.warning(_(HELD_WORDS[plan.held]), icon=":material/front_hand:")
        label = _("Clean now") if plan.held is None else _("Confirm, and clean now")
        if st.button(label, icon=":material/mop:"):
            run = attempt(mine().run_retention, confirmed=plan.held is not None)
            if run is not None:
                label = told(run)
                st.toast(label)
        swept()
        runs = mine().retention_runs()
        if runs:
            with st.expander(_("What was cleaned away"), key="runs", icon=":material/history:"):
                for each in runs:
                    when = moment(each.happened_at)
                    label = f"{when} · {plain(each.started_by)} · {told(each)}"
                    st.caption(label)


def swept() -> None:
    """Whether rows and files fit together, as of the last look."""
    found = next(iter(mine().sweeps()), None)
    if found is None:
        st.caption(_("Once a day the files are looked through: which belong to no take, and which are missing."))
        return
    parts = [plural("{n} file, {size}", "{n} files, {size}", found.files, size=size(found.bytes))]
    if found.strays:
        parts.append(plural("{n} belonged to no take", "{n} belonged to no take", found.strays))
    if found.missing:
        parts.append(plural("{n} take lacks its file", "{n} takes lack their files", found.missing))
    if not found.strays and not found.missing:
        parts.append(_("all in order"))
    label = f"{moment(found.happened_at)} · " + " · ".join(parts)
    st.caption(label)
    if found.is_held:
        st.warning(
            _("So many files belong to no take that none was removed. Is this the right store? Then confirm it."),
            icon=":material/front_hand:",
        )
        if st.button(_("Confirm, and remove them"), icon=":material/delete_forever:"):
            attempt(mine().sweep, confirmed=True)
            st.rerun()


def planned(plan: RetentionPlan) -> str:
    """What the next cleaning does, as far as there is something to do."""
    said = []
    if plan.to_trash:
        more = size(plan.to_trash_bytes)
        said.append(
            plural(
                "{n} take goes to the trash now ({size}).",
                "{n} takes go to the trash now ({size}).",
                plan.to_trash,
                size=more,
            )
        )
    if plan.to_purge:
        more = size(plan.to_purge_bytes)
        said.append(
            plural(
                "{n} take loses its files now ({size}).",
                "{n} takes lose their files now ({size}).",
                plan.to_purge,
                size=more,
            )
        )
    if plan.leaving > plan.to_trash:
        more, soon = size(plan.leaving_bytes - plan.to_trash_bytes), plan.leaving - plan.to_trash
        said.append(
            plural(
                "{n} take goes within three days ({size}).", "{n} takes go within three days ({size}).", soon, size=more
            )
        )
    return " ".join(said) or _("There is nothing to clean away now.")


def told(run: RetentionRun) -> str:
    """What a run did, in a line."""
    if run.held is not None:
        return _("Held: a person has to look first.")
    return " · ".join(
        (
            _("{n} announced", n=run.announced),
            _("{n} to the trash ({size})", n=run.trashed, size=size(run.trashed_bytes)),
            _("{n} lost their files ({size})", n=run.purged, size=size(run.purged_bytes)),
        )
    )
