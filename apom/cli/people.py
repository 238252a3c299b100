"""`apom user`: accounts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from apom.cli.asking import secret
from apom.cli.command import Commands, Reply, command, group, table
from apom.cli.door import operator, operator_for_account
from apom.config import Settings
from apom.models import User


def add(commands: Commands) -> None:
    """Declares the commands."""
    people = group(commands, "user", "List, make and change accounts.", "apom user list\napom user add alice")
    command(people, "list", list_users, "apom user list\napom user list --json")
    for name, act, examples in (
        ("add", add_user, "apom user add alice\napom user add alice < password.txt"),
        ("reset-password", reset_password, "apom user reset-password alice"),
        ("deactivate", deactivate, "apom user deactivate alice"),
        ("activate", activate, "apom user activate alice"),
    ):
        command(people, name, act, examples).add_argument("name", help="the user name")
    examples = "apom user limit alice 200\napom user limit alice none"
    limit = command(people, "limit", set_limit, examples)
    limit.add_argument("name", help="the user name")
    limit.add_argument(
        "amount", type=amount_or_none, help="in the studio's currency (`apom config get currency`), or none"
    )
    admin = command(people, "make-admin", make_admin, "apom user make-admin alice\napom user make-admin alice --no")
    admin.add_argument("name", help="the user name")
    admin.add_argument("--no", action="store_true", help="admin no longer")


def list_users(settings: Settings, _: argparse.Namespace) -> Reply:
    """Show every account."""
    with operator(settings) as door:
        users = door.users()
    return Reply(
        document=[user.model_dump(mode="json") for user in users],
        lines=_lines(users) or ["There is no account yet. Make the first, an admin: apom user add NAME"],
    )


def add_user(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Make an account, whether registration is open or not.

    The password is asked for, or read from standard input: an argument could be seen by others. The first account is
    admin.
    """
    password = secret("New password")
    with operator(settings) as door:
        return _one(door.add_user(arguments.name, password))


def reset_password(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Give an account a new password; the person is signed out everywhere.

    The password is asked for, or read from standard input.
    """
    password = secret("New password")
    with operator_for_account(settings) as door:
        return _one(door.reset_password(arguments.name, password))


def deactivate(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Let an account sign in no longer; the person is signed out everywhere, what they made stays."""
    with operator_for_account(settings) as door:
        return _one(door.change_user(arguments.name, is_active=False))


def activate(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Let an account sign in again."""
    with operator_for_account(settings) as door:
        return _one(door.change_user(arguments.name, is_active=True))


def set_limit(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Say what somebody may spend in a month; none for no limit.

    What would go beyond it is refused before it is ordered. Play prices do not count.
    """
    with operator_for_account(settings) as door:
        user = door.set_monthly_limit(arguments.name, arguments.amount)
    limit = "no limit" if user.monthly_limit is None else f"a limit of {user.monthly_limit:g} a month"
    return Reply(document=user.model_dump(mode="json"), lines=[f"{user.username} has {limit} now."])


def amount_or_none(text: str) -> float | None:
    """A number, or None for `none`: argparse says what is neither."""
    return None if text.casefold() == "none" else float(text)


def make_admin(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Make an account admin, or with --no, an ordinary one again.

    An admin looks after accounts and settings. It gives no right in other people's projects.
    """
    with operator_for_account(settings) as door:
        return _one(door.change_user(arguments.name, is_admin=not arguments.no))


def _one(user: User) -> Reply:
    return Reply(document=user.model_dump(mode="json"), lines=_lines([user]))


def _lines(users: Sequence[User]) -> list[str]:
    """Names last: they may be long."""
    return table(
        [
            (
                "admin" if user.is_admin else "user",
                "active" if user.is_active else "inactive",
                f"since {user.created_at:%Y-%m-%d}"
                + ("" if user.monthly_limit is None else f", at most {user.monthly_limit:g} a month"),
                user.username,
            )
            for user in users
        ]
    )
