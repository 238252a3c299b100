"""`apom retention`: what nobody marked leaves."""

from __future__ import annotations

import argparse

from apom.cli.command import Commands, Reply, command, group, table
from apom.cli.door import operator
from apom.config import Settings
from apom.models import RetentionPlan
from apom.words import HELD_WORDS, size


def add(commands: Commands) -> None:
    """Declares the commands."""
    examples = "apom retention dry-run\napom retention run\napom retention run --confirm"
    noun = group(commands, "retention", "What nobody marked goes to the trash, and its files go later.", examples)
    command(noun, "dry-run", dry_run, "apom retention dry-run")
    parser = command(noun, "run", run, "apom retention run\napom retention run --confirm")
    parser.add_argument(
        "--confirm", action="store_true", help="a person has looked at what goes, and the clock is right"
    )


def dry_run(settings: Settings, _: argparse.Namespace) -> Reply:
    """Show what the next cleaning does; nothing is touched. Which takes they are stands on each project's Storage page."""
    with operator(settings) as door:
        plan = door.retention_plan()
    return Reply(document=plan.model_dump(mode="json"), lines=_said(plan))


def _said(plan: RetentionPlan) -> list[str]:
    facts = [
        ("takes", f"{plan.takes:,} in all"),
        ("go within three days", f"{plan.leaving:,} ({size(plan.leaving_bytes)})"),
        ("go to the trash now", f"{plan.to_trash:,} ({size(plan.to_trash_bytes)})"),
        ("lose their files now", f"{plan.to_purge:,} ({size(plan.to_purge_bytes)})"),
    ]
    held = [] if plan.held is None else [HELD_WORDS[plan.held], "  apom retention run --confirm"]
    return [*table(facts), *held]


def run(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Clean now. The server does this once a day by itself; what has to be confirmed is refused without --confirm."""
    with operator(settings) as door:
        done = door.run_retention(confirmed=arguments.confirm)
    lines = [
        f"{done.announced:,} takes go within three days unless somebody marks them",
        f"{done.trashed:,} takes went to the trash ({size(done.trashed_bytes)})",
        f"{done.purged:,} takes lost their files ({size(done.purged_bytes)}); their recipes stay",
    ]
    return Reply(document=done.model_dump(mode="json"), lines=lines)
