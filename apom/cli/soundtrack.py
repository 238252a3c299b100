"""`apom soundtrack`: what plays under the cut of a project."""

from __future__ import annotations

import argparse
from pathlib import Path

from apom.cli.command import Commands, Reply, command
from apom.cli.door import person
from apom.cli.importing import find_project
from apom.config import Settings
from apom.models import Rights


def add(commands: Commands) -> None:
    """Declares the command."""
    examples = """
        apom soundtrack Lighthouse music.mp3 --licence "stock licence 1234"
        apom soundtrack Lighthouse --none
        """
    parser = command(commands, "soundtrack", set_to, examples)
    parser.add_argument("project", help="its name, or its id")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("file", nargs="?", type=Path, help="the sound: MP3, M4A, WAV, FLAC or Ogg")
    given.add_argument("--none", action="store_true", help="nothing plays any more; the sound itself stays")
    parser.add_argument("--owner", default="", help="whose the sound is")
    parser.add_argument("--licence", default="", help="what may be done with it")
    parser.add_argument("--note", default="", help="what else there is to say about the rights")
    parser.add_argument("--user", metavar="NAME", help="who sets it (the first admin)")


def set_to(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Set the sound that plays under the cut of a project, or take it away."""
    rights = Rights(owner=arguments.owner, licence=arguments.licence, note=arguments.note)
    with person(settings, arguments.user) as ws:
        project = ws.set_soundtrack(find_project(ws, arguments.project), arguments.file, rights=rights)
        if project.soundtrack_asset_id is None:
            return Reply(document={"soundtrack": None}, lines=["Nothing plays under the cut."])
        take = ws.asset(project.soundtrack_asset_id)
    length = take.duration_s or 0
    line = f"{arguments.file.name} plays under the cut: {length:.1f} s, {take.mime}"
    return Reply(document={"soundtrack": str(take.id), "duration_s": length, "mime": take.mime}, lines=[line])
