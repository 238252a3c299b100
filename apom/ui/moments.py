"""Moments as who reads them says them: in their language, and by the clock of their browser."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from apom import words


def moment(at: datetime) -> str:
    """Day and minute: `29 Nov 2026, 14:05`."""
    return words.moment(at.astimezone(_zone()))


def day(at: datetime) -> str:
    """The day alone."""
    return words.day(at.astimezone(_zone()))


def time_of_day(at: datetime) -> str:
    """To the second, of what is soon: `14:05:09`."""
    return f"{at.astimezone(_zone()):%H:%M:%S}"


def _zone() -> tzinfo:
    """The browser's; UTC for one that does not say, and for a zone that nobody here knows."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError, OSError):
        return UTC
