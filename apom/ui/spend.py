"""What was spent in a period: per day, provider and model, as charts and as the statement; play prices apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from apom.models import Project, Rows, SpendingDay, StatementRow
from apom.money import money, month_of
from apom.studio import Workspace
from apom.words import N_, _, plural

if TYPE_CHECKING:
    from apom.tables import DataFrame

PERIODS = {
    "month": N_("This month"),
    "last": N_("Last month"),
    "week": N_("The last 7 days"),
    "days": N_("The last 30 days"),
    "year": N_("This year"),
    "all": N_("All the time"),
}
CHART_PX, FIGURE_PX = 260, 300


def show(ws: Workspace, projects: Sequence[Project]) -> None:
    """Period and project above; then limits, charts, and the statement to take along."""
    names = {project.id: project.name for project in projects}
    left, right = st.columns(2)
    period = left.selectbox(_("Period"), list(PERIODS), format_func=lambda name: _(PERIODS[name]), key="spend-period")
    project = right.selectbox(
        _("Project"),
        [None, *names],
        format_func=lambda id: names[id] if id else _("All projects"),
        key="spend-project",
    )
    since, until = bounds(period, datetime.now(UTC))
    limits(ws, next((found for found in projects if found.id == project), None))
    days = ws.spending_by_day(project=project, since=since, until=until)
    if not days:
        st.info(_("Nothing was spent in this time. What takes cost is entered here as soon as they are sent."))
        return
    paid, play = (Rows((day for day in days if day.is_play is is_play), SpendingDay) for is_play in (False, True))
    charts(paid)
    if play:
        played(play)
    statement(ws.statement(project=project, since=since, until=until))
    asked = {"project_id": project, "since": since and since.isoformat(), "until": until and until.isoformat()}
    query = urlencode({name: str(value) for name, value in asked.items() if value is not None})
    st.link_button(_("Download CSV"), f"/api/statement.csv?{query}", icon=":material/download:")


def bounds(period: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From when and until when, exclusive; None for no end. Days and months begin in UTC, as in the statement."""
    month, today = month_of(now), now.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "month": (month, None),
        "last": (month_of(month - timedelta(days=1)), month),
        "week": (today - timedelta(days=6), None),
        "days": (today - timedelta(days=29), None),
        "year": (month.replace(month=1), None),
    }.get(period, (None, None))


def limits(ws: Workspace, project: Project | None) -> None:
    """What the reader may still spend in this month, and what is left of a project's budget."""
    mine = ws.allowance()
    with st.container(horizontal=True):
        figure(_("You, this month"), mine.spent, mine.currency, _left(mine.left, mine.limit, mine.currency))
        if project is None:
            return
        spent, left = ws.spending(project), None
        if spent.budget is not None and spent.spent is not None and spent.promised is not None:
            left = max(0.0, spent.budget - spent.spent - spent.promised)
        figure(_("This project"), spent.spent, spent.currency, _left(left, spent.budget, spent.currency))
        figure(_("Ordered and not done yet"), spent.promised, spent.currency, "")


def figure(label: str, amount: float | None, currency: str, note: str) -> None:
    """A sum of money and a word about it."""
    value = _("not known") if amount is None else money(amount, currency)
    st.metric(
        label, value, note or None, delta_color="off", delta_arrow="off", border=True, width=FIGURE_PX, height="stretch"
    )


def _left(left: float | None, most: float | None, currency: str) -> str:
    if most is None:
        return _("no limit")
    if left is None:
        return _("a part of it has no exchange rate")
    return _("{left} of {most} left", left=money(left, currency), most=money(most, currency))


def charts(days: Rows[SpendingDay]) -> None:
    """Money, currency by currency: they are never added up."""
    if not days:
        st.caption(_("No money was spent in this time."))
        return
    table = days.df()
    for currency in sorted({day.currency for day in days if day.currency}):
        _three(table[table.currency == currency], "amount", currency)
    unpriced = sum(day.unpriced for day in days)
    if unpriced:
        one, many = N_("The price of {n} take is not known."), N_("The prices of {n} takes are not known.")
        st.text(plural(one, many, unpriced) + " " + _("They are in no sum."))


def played(days: Rows[SpendingDay]) -> None:
    """Play prices: shown, and called so."""
    with st.expander(_("Play prices of the sandbox: no money"), key="played", icon=":material/toys:"):
        table = days.df()
        for unit in sorted({day.unit for day in days if day.unit}):
            _three(table[table.unit == unit], "units", unit)


def _three(table: DataFrame, amount: str, unit: str) -> None:
    """Per day, per provider, per model."""
    name = _("Model")  # the legend's title
    is_alone = table.provider.nunique() == 1
    table = table.assign(
        day=table.day.dt.date, **{name: table.model if is_alone else table.provider + "/" + table.model}
    )
    title = _("Per day, in {unit}", unit=unit)
    st.text(title)
    st.bar_chart(table, x="day", y=amount, color=name, x_label="", y_label=unit, height=CHART_PX, alt=title)
    for column, (title, by) in zip(
        st.columns(2), ((N_("Per provider"), "provider"), (N_("Per model"), name)), strict=True
    ):
        sums = table.groupby(by, as_index=False)[amount].sum()
        column.text(_(title))
        column.bar_chart(sums, x=by, y=amount, x_label="", y_label=unit, horizontal=True, height=60 + 36 * len(sums))


def statement(rows: Rows[StatementRow]) -> None:
    """Month by provider by project by person."""
    table = rows.df()
    st.text(_("Statement"))
    st.dataframe(
        table[
            ["month", "provider", "project_name", "username", "takes", "amount", "currency", "units", "unit", "is_play"]
        ],
        hide_index=True,
        placeholder="",
        column_config={
            "month": st.column_config.DateColumn(_("Month"), format="YYYY-MM"),
            "provider": _("Provider"),
            "project_name": _("Project"),
            "username": _("Person"),
            "takes": _("Takes"),
            "amount": st.column_config.NumberColumn(_("Amount"), format="%.2f"),
            "currency": _("Currency"),
            "units": st.column_config.NumberColumn(_("Units")),
            "unit": _("Unit"),
            "is_play": st.column_config.CheckboxColumn(_("Play, no money")),
        },
    )
