"""Messages in the reader's language: gettext catalogues in `locale/`, English as the source and the fallback.

`_("…")` translates now, in the language set for this context; `N_("…")` only marks a text for the catalogue.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from functools import cache

from apom.config import shipped
from apom.errors import ApomError
from apom.models import SOUND, Held, Role, Status

LANGUAGES = {"en": "English", "ru": "Русский"}
LOCALE = shipped("locale")
DATED_AS = {"en": "en_GB"}  # the day before the month, as in the others
DECIMAL_MARK = {"ru": ","}  # a point where nothing else is said

language: ContextVar[str] = ContextVar("language", default="en")


def spoken() -> dict[str, str]:
    """The languages there is a catalogue for, English first."""
    found = (code for code in LANGUAGES if gettext.find("apom", LOCALE, [code]))
    return {code: LANGUAGES[code] for code in ("en", *found)}


def preferred(accepted: str) -> str:
    """Of the languages that a browser names, best first as they do, the first we speak."""
    codes = (each.strip()[:2].lower() for each in accepted.split(","))
    return next((code for code in codes if code in LANGUAGES), "en")


@cache
def catalogue(code: str) -> gettext.NullTranslations:
    """The catalogue of a language; an unknown one speaks English."""
    return gettext.translation("apom", LOCALE, [code], fallback=True)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """What is said meanwhile is said in the language of this `code`."""
    token = language.set(code)
    try:
        yield
    finally:
        language.reset(token)


def _(text: str, **values: object) -> str:
    """`text` in the language of this context, its `{names}` filled."""
    translated = catalogue(language.get()).gettext(text)
    return translated.format(**values) if values else translated


def paid(amount: float, unit: str) -> str:
    """What a take costs, in a provider's unit."""
    return _(CREDITS[unit], cost=f"{amount:g}") if unit in CREDITS else f"{amount:g} {unit}"


def plural(one: str, many: str, n: int, **values: object) -> str:
    """The right form for `n`, which also fills `{n}`."""
    return catalogue(language.get()).ngettext(one, many, n).format(n=n, **values)


SAMPLES = {"one": 1, "few": 2, "many": 5, "other": 5}  # a number of each plural category (CLDR)


def forms(one: str, many: str) -> dict[str, str]:
    """A phrase in each plural category of the language, its `{n}` left open: for scripts, which know the number."""
    spoken = catalogue(language.get())
    return {category: spoken.ngettext(one, many, n) for category, n in SAMPLES.items()}


def N_(text: str) -> str:  # noqa: N802  (gettext's own name for it)
    """Marks a text for the catalogue and leaves it as it is."""
    return text


STATUS_WORDS = {
    Status.PENDING: N_("Waiting"),
    Status.PROCESSING: N_("Working"),
    Status.COMPLETED: N_("Ready"),
    Status.FAILED: N_("Failed"),
    Status.CANCELLED: N_("Cancelled"),
    Status.ATTENTION: N_("Needs you"),
}


PLAY_UNIT = N_("play credit")  # as the sandbox's costs are stored
CREDITS = {PLAY_UNIT: N_("{cost} play credits"), "credit": N_("{cost} credits")}
ROLE_WORDS = {Role.OWNER: N_("Owner"), Role.EDITOR: N_("Editor"), Role.VIEWER: N_("Viewer")}

HELD_WORDS = {
    Held.CLOCK: N_(
        "By the clock, more than a day has passed since the last cleaning. If the clock is right and the computer was off, "
        "confirm it. Nothing was touched."
    ),
    Held.SHARE: N_(
        "More than three in ten of all takes would go at once. Look at what goes, then confirm it. Nothing was touched."
    ),
}


UNITS = (N_("KB"), N_("MB"), N_("GB"), N_("TB"))


def size(number: int) -> str:
    """Bytes as people read them."""
    if number < 1024:
        return plural("{n} bytes", "{n} bytes", number)
    amount = number / 1024
    for unit in UNITS[:-1]:
        if amount < 1024:
            return f"{_decimal(amount)} {_(unit)}"
        amount /= 1024
    return f"{_decimal(amount)} {_(UNITS[-1])}"


def _decimal(amount: float) -> str:
    return f"{amount:.1f}".replace(".", DECIMAL_MARK.get(language.get(), "."))


def clock(seconds: float) -> str:
    """A length as people read it: 1:05."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def day(at: date) -> str:
    """A date as people write it: 29 Nov 2026. Of a moment that of its own time zone."""
    return _dated(at, "yMMMd")


def moment(at: datetime) -> str:
    """A day and a minute, in the moment's own time zone: 29 Nov 2026, 14:05."""
    return f"{day(at)}, {_dated(at, 'Hm')}"


def _dated(at: date, parts: str) -> str:
    from babel.dates import format_skeleton  # half of `import apom` otherwise

    spoken = DATED_AS.get(language.get(), language.get() if language.get() in LANGUAGES else DATED_AS["en"])
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return str(format_skeleton(parts, at, tzinfo=at.tzinfo, locale=spoken))


def box_title(code: str, name: str) -> str:
    """A shot as people call it; by its name alone where its code says the same, as the box for sound does."""
    if code.casefold() != name.casefold():
        return f"{code} {name}"
    return _(SOUND) if name == SOUND else name


def say(error: ApomError, code: str | None = None) -> str:
    """An error's sentence in the language of this context, or in the one with this `code`."""
    return catalogue(code or language.get()).gettext(error.message).format(**error.values)
