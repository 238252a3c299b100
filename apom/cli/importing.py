"""`apom import`: a folder of takes that were made elsewhere. `apom import-archive`: a whole project."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from apom.cli.command import Commands, Reply, command
from apom.cli.door import person
from apom.config import LIMITS, Settings
from apom.errors import NotFound, Unavailable
from apom.importing import Came, Folder, Importing, bring
from apom.models import Project, Rights
from apom.studio import Workspace
from apom.waiting import every

LOOK_S = 2.0


def add(commands: Commands) -> None:
    """Declares the command."""
    examples = """
        apom import ~/renders --project Lighthouse
        apom import ~/renders --project Lighthouse --licence "our own work"
        apom import ~/renders --project Lighthouse --watch
        """
    parser = command(commands, "import", bring_in, examples)
    parser.add_argument("folder", type=Path, help="where the files are")
    parser.add_argument("--project", required=True, metavar="NAME", help="its name, or its id")
    parser.add_argument(
        "--watch", action="store_true", help="go on, and bring what comes into the folder (Ctrl+C ends)"
    )
    parser.add_argument("--owner", default="", help="whose the files are")
    parser.add_argument("--licence", default="", help="what may be done with them")
    parser.add_argument("--note", default="", help="what else there is to say about the rights")
    parser.add_argument("--user", metavar="NAME", help="who brings them (the first admin)")
    archive = command(
        commands,
        "import-archive",
        bring_archive,
        "apom import-archive film.zip\napom import-archive film.zip --user alice",
    )
    archive.add_argument("file", type=Path, metavar="FILE", help="what apom export archive wrote")
    archive.add_argument("--user", metavar="NAME", help="whose project it becomes (the first admin)")


def bring_in(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Bring a folder of pictures and clips into a project.

    The sub-folder a file is in, or else the number its name begins with, is the code of its shot, which is made when it is
    not there: "010 Harbour/take.png" and "010_take.png" go to shot 010. What the project has already is passed over, so a
    run again brings only what is new. The prompts and seeds that other programs wrote into pictures are read.
    """
    folder = Folder(root=arguments.folder)
    rights = Rights(owner=arguments.owner, licence=arguments.licence, note=arguments.note)
    came: list[Came] = []

    def tell(one: Came) -> None:
        came.append(one)
        if one.outcome != "known" and not arguments.json:
            print(_line(one, arguments.folder), flush=True)

    with person(settings, arguments.user) as ws:
        found = find_project(ws, arguments.project)
        bring(cast(Importing, ws), found, folder.news(), rights, tell)
        while arguments.watch:
            time.sleep(LOOK_S)
            try:
                bring(cast(Importing, ws), found, folder.news(only_settled=True), rights, tell)
            except Unavailable as error:
                print(f"apom: {error} It is tried again.", file=sys.stderr, flush=True)
                folder.seen.clear()
    counts = Counter(one.outcome for one in came)
    refused: JsonValue = [{"path": str(one.path), "detail": one.why} for one in came if one.outcome == "refused"]
    document: JsonValue = {name: counts[name] for name in ("new", "known")} | {"refused": refused}
    summary = f"{counts['new']} new, {counts['known']} known already, {counts['refused']} not taken"
    return Reply(document=document, lines=[summary])


def bring_archive(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Bring in a whole project that was exported as an archive, from this apom or another one.

    All of it, or nothing. A project that is here already comes in as a second copy. What was under way when it was archived
    arrives as stopped: nothing is sent to a provider because of it.
    """
    with person(settings, arguments.user) as ws:
        found = ws.import_archive(arguments.file)
    takes = f"{found.boxes_count} shots, {found.assets_count} takes"
    return Reply(document=found.model_dump(mode="json"), lines=[f"Brought in: {found.name} ({takes}), id {found.id}"])


def find_project(ws: Workspace, name: str) -> Project:
    """By its name in any case, or by its id. Raises NotFound."""
    mine = every(lambda cursor: ws.projects(cursor=cursor, limit=LIMITS.page))
    found = [each for each in mine if name.casefold() == each.name.casefold() or name == str(each.id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound("Several projects have that name. Give the id of one of them, which stands in its address.")
    raise NotFound("There is no project of that name. Make it first, or look how it is written.")


def _line(one: Came, root: Path) -> str:
    from apom.cli import printable

    name = one.path.relative_to(root)
    return printable(f"{one.code}  {name}" if one.outcome == "new" else f"not taken: {name}: {one.why}")
