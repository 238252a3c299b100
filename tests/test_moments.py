"""Days and times on pages: in the reader's language, by the reader's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from apom import words
from apom.ui import moments

AT = datetime(2026, 11, 29, 17, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "spoken", "said"),
    [
        ("Europe/Berlin", "en", ("29 Nov 2026, 18:05", "29 Nov 2026", "18:05:09")),
        ("Asia/Tokyo", "ru", ("30 нояб. 2026\u202fг., 02:05", "30 нояб. 2026\u202fг.", "02:05:09")),
        (None, "en", ("29 Nov 2026, 17:05", "29 Nov 2026", "17:05:09")),
        (None, "xx", ("29 Nov 2026, 17:05", "29 Nov 2026", "17:05:09")),
        ("Mars/Olympus", "en", ("29 Nov 2026, 17:05", "29 Nov 2026", "17:05:09")),
        ("../../etc/passwd", "en", ("29 Nov 2026, 17:05", "29 Nov 2026", "17:05:09")),
    ],
)
def test_a_moment_is_said_as_its_reader_says_it(
    monkeypatch: pytest.MonkeyPatch, zone: str | None, spoken: str, said: tuple[str, str, str]
) -> None:
    monkeypatch.setattr(moments, "st", SimpleNamespace(context=SimpleNamespace(timezone=zone)))
    token = words.language.set(spoken)
    try:
        assert (moments.moment(AT), moments.day(AT), moments.time_of_day(AT)) == said
    finally:
        words.language.reset(token)
