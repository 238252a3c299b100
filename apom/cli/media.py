"""`apom media`: what is made from originals."""

from __future__ import annotations

import argparse

from apom.cli.command import Commands, Reply, command, group, table
from apom.cli.door import operator, person
from apom.cli.importing import find_project
from apom.config import LIMITS, Settings
from apom.errors import Unavailable
from apom.models import Job, JobState
from apom.waiting import ended, every
from apom.words import size


def add(commands: Commands) -> None:
    """Declares the noun."""
    examples = "apom media rebuild\napom media rebuild --project Lighthouse"
    nouns = group(commands, "media", "what is made from originals", examples)
    parser = command(nouns, "rebuild", rebuild, examples)
    parser.add_argument("--project", metavar="NAME", help="only this one (all of the person's)")
    parser.add_argument("--user", metavar="NAME", help="whose projects (the first admin's)")
    parser = command(nouns, "move", move, "apom media move --to s3")
    parser.add_argument("--to", choices=["s3"], required=True, help="the bucket of APOM_S3_BUCKET")
    parser.add_argument("--user", metavar="NAME", help="the admin who orders it (the first one)")
    parser = command(nouns, "sweep", sweep, "apom media sweep --dry-run\napom media sweep")
    parser.add_argument("--dry-run", action="store_true", help="only look: nothing is removed")
    parser.add_argument("--confirm", action="store_true", help="this is the right store, however much goes")


def rebuild(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Make thumbnails, previews and what browsers play anew from the originals, and wait until it is done.

    Stopped by Ctrl+C it goes on where the server runs, else at the next start.
    """
    with person(settings, arguments.user) as ws:
        if arguments.project:
            projects = [find_project(ws, arguments.project)]
        else:
            projects = list(every(lambda cursor: ws.projects(cursor=cursor, limit=LIMITS.page)))
        jobs = [ended(ws.job, ws.rebuild_media(project)) for project in projects]
    failed = next((job for job in jobs if job.state is not JobState.DONE), None)
    if failed is not None:
        raise Unavailable("It was not done: {why}", why=failed.error_message or failed.state)
    lines = [f"{project.name}: {_said(job)}" for project, job in zip(projects, jobs, strict=True)]
    return Reply(document=[job.model_dump(mode="json") for job in jobs], lines=lines)


def move(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Move media from the data folder into the bucket, check every byte there, and wait until it is done.

    People go on working. Stopped, it goes on where the server runs, else at the next start.
    """
    with person(settings, arguments.user) as ws:
        job = ended(ws.job, ws.move_media())
    if job.state is not JobState.DONE:
        raise Unavailable("It was not done: {why}", why=job.error_message or job.state)
    done = job.result if isinstance(job.result, dict) else {}
    refused = done.get("refused")
    bad = [f"{key}: {why}" for key, why in refused.items()] if isinstance(refused, dict) else []
    lines = [f"{done.get('files', 0)} files moved ({size(int(str(done.get('bytes', 0))))})", *bad]
    return Reply(document=job.model_dump(mode="json"), lines=lines, code=1 if bad else 0)


def sweep(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Remove files that no take names for a day and more, and mark takes whose files cannot be found.

    The server does this once a day by itself. Very many such files mean another store, perhaps: that waits for --confirm.
    """
    with operator(settings) as door:
        found = door.sweep(only_look=arguments.dry_run, confirmed=arguments.confirm)
    facts = [
        ("files", f"{found.files:,} ({size(found.bytes)})"),
        ("without a take", f"{found.strays:,} ({size(found.stray_bytes)})"),
        ("removed", f"{found.removed:,}"),
        ("takes without their file", f"{found.missing:,}"),
    ]
    held = ["So many are without a take: is this the right store? Then: apom media sweep --confirm"]
    return Reply(document=found.model_dump(mode="json"), lines=[*table(facts), *(held if found.is_held else [])])


def _said(job: Job) -> str:
    result = job.result if isinstance(job.result, dict) else {}
    refused = result.get("refused")
    bad = "; ".join(f"{n} not: {why}" for why, n in refused.items()) if isinstance(refused, dict) else ""
    return f"{result.get('made', 0)} made anew" + (f"; {bad}" if bad else "")
