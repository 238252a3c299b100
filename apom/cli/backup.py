"""`apom backup`, `apom restore`: copies of everything, and back."""

from __future__ import annotations

import argparse
from pathlib import Path

from apom.cli import door
from apom.cli.command import Commands, Reply, command
from apom.config import Settings
from apom.errors import Conflict
from apom.words import size


def add(commands: Commands) -> None:
    """Declares the commands."""
    parser = command(commands, "backup", backup, "apom backup /mnt/backup\napom backup /mnt/backup --no-media")
    parser.add_argument("folder", metavar="FOLDER", help="on another disk; only what is new is copied into it")
    parser.add_argument("--no-media", action="store_true", help="the store alone: a bucket keeps its files itself")
    examples = (
        "apom restore /mnt/backup\napom restore /mnt/backup --at 20261123T020000Z\napom restore /mnt/backup --files"
    )
    parser = command(commands, "restore", restore, examples)
    parser.add_argument("folder", metavar="FOLDER", help="that backups were made in")
    parser.add_argument("--at", metavar="NAME", help="which backup (the latest)")
    parser.add_argument(
        "--files", action="store_true", help="the store is all right: only put back files that are missing"
    )


def backup(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Copy the store and the media into a folder, while people go on working.

    With APOM_BACKUP_DIR the server does this once a day by itself. Keys of providers are encrypted in the store; what opens
    them is the folder keys/, which is not copied: keep it in another place.
    """
    with door.operator(settings) as opened:
        made = opened.backup(str(Path(arguments.folder).absolute()), media=not arguments.no_media)
    lines = [f"{made.path} ({size(made.bytes)})", f"{made.copied:,} files were new"]
    if made.missing:
        lines.append(f"{made.missing:,} files could not be found. Look: apom media sweep --dry-run")
    return Reply(document=made.model_dump(mode="json"), lines=lines, code=1 if made.missing else 0)


def restore(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Put back a backup where no store is yet, or only the files that are missing.

    Nothing is overwritten, every file is checked against its SHA-256. Afterwards the first cleaning waits for a person.
    """
    from apom.backup import restore as put_back

    if found := door.server(settings):
        raise Conflict("A server runs on this data folder ({url}). End it first.", url=found.url)
    done = put_back(settings, Path(arguments.folder), arguments.at, only_files=arguments.files)
    lines = [f"{done.rows:,} rows and {done.files:,} files were put back from {done.name}"]
    if done.missing or done.damaged:
        lines.append(f"{done.missing:,} files are not in the backup, {done.damaged:,} are damaged there")
    lines.append("If keys of providers were kept here, put back the folder keys/ as well.")
    return Reply(document=done.model_dump(mode="json"), lines=lines, code=1 if done.missing or done.damaged else 0)
