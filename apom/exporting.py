"""Each format by a name of its own, with what one may choose in it: the same on a workspace here and over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from pydantic import JsonValue

from apom.models import Delivered, Exported, Grid, Layout, Paper, Ref, TableName, Which


class CanExport(Protocol):
    """A workspace."""

    def export(self, project: Ref, format: str, path: Path, **choices: JsonValue) -> Exported:
        """A project in a format, at `path`."""


class Exporting:
    """What a workspace gains. All of them raise what `export` raises."""

    def export_docx(
        self: CanExport,
        project: Ref,
        path: Path,
        *,
        paper: Paper = "A4",
        cost: bool = False,
        seeds: bool = False,
        verdicts: bool = False,
        comments: bool = False,
        review_link: str | None = None,
    ) -> Exported:
        """The shots as a Word document at `path`: picture, prompt, model of each headliner. `comments`: those that
        clients see; `review_link`: an address that stands on the cover. What is missing is said in it and in the answer.
        Raises NotFound, Invalid, OSError.
        """
        asked = {"paper": paper, "cost": cost, "seeds": seeds, "verdicts": verdicts, "comments": comments}
        return self.export(project, "docx", path, **asked, review_link=review_link)

    def export_pdf(
        self: CanExport,
        project: Ref,
        path: Path,
        *,
        layout: Layout = "grid",
        grid: Grid = "4x3",
        paper: Paper = "A4",
        which: Which = "headliners",
        prompts: bool = False,
    ) -> Exported:
        """A contact sheet at `path`; as a storyboard or a script, with lines and notes. Raises NotFound, OSError."""
        asked = {"layout": layout, "grid": grid, "paper": paper, "which": which, "prompts": prompts}
        return self.export(project, "pdf", path, **asked)

    def export_xlsx(self: CanExport, project: Ref, path: Path, *, pictures: bool = False) -> Exported:
        """Shots, takes and costs as a workbook at `path`. Raises NotFound, OSError."""
        return self.export(project, "xlsx", path, pictures=pictures)

    def export_csv(self: CanExport, project: Ref, path: Path, *, table: TableName = "shots") -> Exported:
        """The shots as a table for spreadsheets at `path`, or every take, or the costs. Raises NotFound, OSError."""
        return self.export(project, "csv", path, table=table)

    def export_rights(
        self: CanExport,
        project: Ref,
        path: Path,
        *,
        which: Delivered = "headliners",
        paper: Paper = "A4",
        as_table: bool = False,
    ) -> Exported:
        """Where each delivered file came from, on what terms, who approved it: as a document at `path`, or as CSV.

        What is open about them is in the answer's remarks. Raises NotFound, OSError.
        """
        if as_table:
            return self.export(project, "rights_csv", path, which=which)
        return self.export(project, "rights", path, which=which, paper=paper)

    def export_animatic(
        self: CanExport,
        project: Ref,
        path: Path,
        *,
        size: str = "720p",
        fps: str = "project",
        still_s: float = 3.0,
        fill: str = "blur",
        codes: bool = True,
        clip_sound: bool = True,
        soundtrack: bool = True,
    ) -> Exported:
        """The cut as an MP4 at `path`: headliners in order, each for its shot's duration; a still whose shot says none for
        `still_s` seconds. `size`: 720p or 1080p; `fps`: project, 24, 25 or 30; `fill`: blur or black, beside pictures of
        another shape. What is missing or damaged is a slate. Raises NotFound, Invalid, OSError.
        """
        return self.export(
            project,
            "animatic",
            path,
            size=size,
            fps=fps,
            still_s=still_s,
            fill=fill,
            codes=codes,
            clip_sound=clip_sound,
            soundtrack=soundtrack,
        )

    def export_archive(self: CanExport, project: Ref, path: Path) -> Exported:
        """Everything of a project as one ZIP at `path`, for `import_archive`; no links, tokens or keys.

        Raises NotFound, NotAllowed, OSError.
        """
        return self.export(project, "archive", path)

    def export_zip(
        self: CanExport,
        project: Ref,
        path: Path,
        *,
        what: Which = "headliners",
        metadata: bool = False,
    ) -> Exported:
        """Takes as a ZIP at `path`, each file named by its shot's code and its id, with a manifest of how they were made.

        `metadata`: prompt, model and seed in the files, too, for who may edit; else they are clean. What is missing is said
        in the manifest and in the answer. Raises NotFound, NotAllowed, Invalid, OSError.
        """
        return self.export(project, "zip", path, what=what, metadata=metadata)

    def export_cut(
        self: CanExport,
        project: Ref,
        path: Path,
        *,
        holds: Literal["changes", "everything"] = "changes",
        coding: Literal["prores", "h264"] = "prores",
        alternates: Literal["none", "favourites", "all"] = "favourites",
        still_s: float = 3.0,
        prompts: bool = True,
    ) -> Exported:
        """The hand-over to an editor as a ZIP at `path`: timelines for Premiere, Resolve and others with everything they are
        cut from, clips at the project's rate with timecode, originals beside them. `holds`: what is new since the last
        hand-over, or everything; `still_s`: how long a picture stands where its shot says nothing. For who may edit.
        What is missing is said in it and in the answer. Raises NotFound, NotAllowed, Invalid, OSError.
        """
        return self.export(
            project, "cut", path, holds=holds, coding=coding, alternates=alternates, still_s=still_s, prompts=prompts
        )
