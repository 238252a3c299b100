"""`apom token`: what stands in for a person in notebooks and scripts."""

from __future__ import annotations

import argparse

from apom.cli.command import Commands, Reply, command, group, table
from apom.cli.door import operator, operator_for_account
from apom.config import Settings
from apom.models import Scope

DAYS = 365


def add(commands: Commands) -> None:
    """Declares the commands."""
    tokens = group(
        commands, "token", "Let a notebook or a script in.", "apom token create alice notebook\napom token list alice"
    )
    command(tokens, "list", list_tokens, "apom token list alice").add_argument("name", help="the user name")
    examples = "apom token create alice notebook\napom token create alice report --days 30 --read-only"
    parser = command(tokens, "create", create, examples)
    parser.add_argument("name", help="the user name")
    parser.add_argument("title", help="what it is for")
    parser.add_argument("--days", type=int, default=DAYS, metavar="NUMBER", help=f"how long it lives ({DAYS})")
    parser.add_argument("--read-only", action="store_true", help="it may look, and change nothing")
    examples = "apom token revoke 3f2b8c9e-1d4a-4c57-9b0e-7a6f5d2c1e48"
    command(tokens, "revoke", revoke, examples).add_argument("id", help="as `apom token list` shows it")


def list_tokens(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Show somebody's API tokens that still work. What they are is shown by nothing: only their hash is kept."""
    with operator_for_account(settings) as door:
        tokens = door.tokens(arguments.name)
    return Reply(
        document=[token.model_dump(mode="json") for token in tokens],
        lines=table(
            [(str(token.id), f"until {token.expires_at:%Y-%m-%d}", _may(token.scopes), token.name) for token in tokens]
        )
        or [f"{arguments.name} has none. Make one: apom token create {arguments.name} TITLE"],
    )


def create(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Make an API token for somebody. It is shown this once, on a line of its own.

    It may do what the person may do in the projects, and nothing with the account.
    """
    scopes = (Scope.READ,) if arguments.read_only else (Scope.READ, Scope.WRITE)
    with operator_for_account(settings) as door:
        token, secret = door.create_token(arguments.name, arguments.title, days=arguments.days, scopes=scopes)
    return Reply(
        document={"token": token.model_dump(mode="json"), "secret": secret},
        lines=[secret, f"Keep it now: it is not shown again. It works until {token.expires_at:%Y-%m-%d}."],
    )


def revoke(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """End an API token now."""
    with operator(settings) as door:
        door.revoke_token(arguments.id)
    return Reply(document={"revoked": arguments.id}, lines=["It works no longer."])


def _may(scopes: tuple[Scope, ...]) -> str:
    return "+".join(scope.value for scope in scopes)
