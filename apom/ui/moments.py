"""Moments as who reads them says them: in their language, and by the clock of their browser."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from apom.words import language


def moment(at: datetime) -> str:
    """Day and minute: `29 Nov 2026, 14:05`."""
    return f"{_said(at, 'yMMMd')}, {_said(at, 'Hm')}"


def day(at: datetime) -> str:
    """The day alone."""
    return _said(at, "yMMMd")


def clock(at: datetime) -> str:
    """What the clock says, to the second: of what is soon."""
    return _said(at, "Hms")


def _said(at: datetime, parts: str) -> str:
    from babel.dates import format_skeleton

    spoken = {"en": "en_GB"}.get(language.get(), language.get())  # the day before the month, as in all of our languages
    return str(format_skeleton(parts, at, tzinfo=_zone(), locale=spoken))


def _zone() -> tzinfo:
    """The browser's; UTC for one that does not say, and for a zone that nobody here knows."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError, OSError):
        return UTC
