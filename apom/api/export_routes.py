"""What leaves the house, as downloads."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from apom.api.deps import Mine
from apom.client.files import REMARKS
from apom.models import Exported

router = APIRouter()
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MOST_REMARKS = 50  # a header is no document
NO_NAME = re.compile(r"[^\w .,()-]+")


@router.get("/projects/{project_id}/export.docx", response_class=FileResponse)
def export_docx(
    project_id: UUID, mine: Mine, cost: bool = False, seeds: bool = False, comments: bool = False
) -> FileResponse:
    """The shots as a Word document."""
    name = mine.project(project_id).name
    return _download(
        f"{name}.docx", DOCX, lambda path: mine.export_docx(project_id, path, cost=cost, seeds=seeds, comments=comments)
    )


@router.get("/projects/{project_id}/export.csv", response_class=FileResponse)
def export_csv(project_id: UUID, mine: Mine, takes: bool = False) -> FileResponse:
    """The shots as a table, or every take of them."""
    name = mine.project(project_id).name
    kind = "takes" if takes else "shots"
    return _download(f"{name} {kind}.csv", "text/csv", lambda path: mine.export_csv(project_id, path, takes=takes))


def _download(name: str, mime: str, write: Callable[[Path], Exported]) -> FileResponse:
    """Written into a folder of its own, which is gone after the answer."""
    folder = tempfile.TemporaryDirectory(prefix="apom-export-")
    try:
        written = write(Path(folder.name) / "export")
    except BaseException:
        folder.cleanup()
        raise
    plain = NO_NAME.sub("_", name).strip(". ")[:120] or "export"
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(plain)}",
        REMARKS: json.dumps(written.remarks[:MOST_REMARKS]),
    }
    return FileResponse(written.path, media_type=mime, headers=headers, background=BackgroundTask(folder.cleanup))
