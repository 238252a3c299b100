"""What must not stand in a cell: asked for without an echo, or taken from the environment."""

from __future__ import annotations

import getpass
import os
import warnings

from apom.errors import Invalid
from apom.words import _

TOKEN = "APOM_TOKEN"  # noqa: S105  (a variable's name)


def token_of_the_environment() -> str:
    """The API token in APOM_TOKEN, "" without one."""
    return os.environ.get(TOKEN, "").strip()


def password(question: str) -> str:
    """Typed where nobody sees it: below the cell, or in the terminal. Raises Invalid where nothing can be typed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it is about to be seen: then rather not
            return getpass.getpass(f"{question}: ")
    except (
        getpass.GetPassWarning,
        EOFError,
        NotImplementedError,
    ):  # the last one is how a kernel without a person says it
        raise Invalid(
            "Nobody can type a password here. Make an API token on your account page and put it into APOM_TOKEN.",
            field="password",
        ) from None


def new_password() -> str:
    """Typed twice, because nobody sees it. Raises Invalid."""
    first = password(_("A new password"))
    if password(_("Once more")) != first:
        raise Invalid("The two passwords differ. Nothing was changed: try again.", field="password")
    return first
