"""Messages in the reader's language: gettext catalogues in `locale/`, English as the source and the fallback.

`_("…")` translates now, in the language set for this context; `N_("…")` only marks a text for the catalogue.
"""

from __future__ import annotations

import gettext
from contextvars import ContextVar
from functools import cache

from apom.config import shipped
from apom.errors import ApomError

LANGUAGES = {"en": "English", "ru": "Русский"}
LOCALE = shipped("locale")

language: ContextVar[str] = ContextVar("language", default="en")


def spoken() -> dict[str, str]:
    """The languages there is a catalogue for, English first."""
    found = (code for code in LANGUAGES if gettext.find("apom", LOCALE, [code]))
    return {code: LANGUAGES[code] for code in ("en", *found)}


@cache
def catalogue(code: str) -> gettext.NullTranslations:
    """The catalogue of a language; an unknown one speaks English."""
    return gettext.translation("apom", LOCALE, [code], fallback=True)


def _(text: str, **values: object) -> str:
    """`text` in the language of this context, its `{names}` filled."""
    translated = catalogue(language.get()).gettext(text)
    return translated.format(**values) if values else translated


def plural(one: str, many: str, n: int, **values: object) -> str:
    """The right form for `n`, which also fills `{n}`."""
    return catalogue(language.get()).ngettext(one, many, n).format(n=n, **values)


def N_(text: str) -> str:  # noqa: N802  (gettext's own name for it)
    """Marks a text for the catalogue and leaves it as it is."""
    return text


def say(error: ApomError) -> str:
    """An error's sentence in the language of this context."""
    return catalogue(language.get()).gettext(error.message).format(**error.values)
