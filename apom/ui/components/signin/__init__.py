"""Sign in, the first account, or a new one: a real form, which password managers know, with the answer shown in it."""

from __future__ import annotations

from typing import Literal

from apom.ui.components.assembly import assemble
from apom.words import _

_HTML = """<div class="apom"><form novalidate>
<h1></h1><p class="intro"></p>
<label for="apom-username"></label>
<input id="apom-username" name="username" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required>
<label for="apom-password"></label>
<div class="secret"><input id="apom-password" name="password" type="password" required>
<button type="button" class="reveal" aria-controls="apom-password" aria-pressed="false"></button></div>
<p class="problem" id="apom-problem" role="alert"></p>
<button type="submit" class="submit"></button>
</form></div>"""
# In the page itself: password managers look for forms there, and Streamlit's shortcuts leave its inputs alone.
_signin = assemble("signin", _HTML, isolated=False)


def signin(purpose: Literal["signin", "first", "register"], *, next: str = "/", key: str = "signin") -> None:
    """The form. It posts to `/api/session` or `/api/users`, and goes to `next` (a path of ours) when that was accepted."""
    is_new = purpose != "signin"
    data = {
        "url": "/api/users" if is_new else "/api/session",
        "next": next,
        "is_new": is_new,
        "labels": {
            **_titles(purpose),
            "username": _("User name"),
            "password": _("Password"),
            "reveal": _("Show the password"),
            "busy": _("One moment…"),
            "unreachable": _("The server could not be reached. Check the connection and try again."),
            "failed": _("This did not work. Try again in a moment."),
            "missing": _("Fill in user name and password."),
        },
    }
    _signin(key=key, data=data)


def _titles(purpose: str) -> dict[str, str]:
    if purpose == "first":
        intro = _("You are the first one here. This account runs the place: it may let others in.")
        return {"title": _("Make the first account"), "intro": intro, "submit": _("Make the account")}
    if purpose == "register":
        return {"title": _("Make an account"), "intro": "", "submit": _("Make the account")}
    return {"title": _("Sign in"), "intro": "", "submit": _("Sign in")}
