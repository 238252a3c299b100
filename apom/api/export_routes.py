"""What leaves the house, as downloads."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import Field, JsonValue
from starlette.background import BackgroundTask

from apom.api.account_routes import Body
from apom.api.deps import Mine, TheStudio
from apom.client.files import REMARKS
from apom.errors import Invalid
from apom.export.formats import named
from apom.models import Exported, ExportFormat, Job, Json

router = APIRouter()
MOST_REMARKS = 50  # a header is no document


class Choices(Body):
    """What was chosen, by the names in the format's `choices`."""

    choices: Json = Field(default_factory=dict)


@router.get("/export-formats")
def export_formats(mine: Mine) -> tuple[ExportFormat, ...]:
    """What a project can leave as, what one may choose in each, and what one chose last."""
    return mine.export_formats()


@router.put("/export-formats/{format}", status_code=204)
def remember_export(format: str, body: Choices, mine: Mine) -> None:
    """What one chose, for the next time."""
    mine.remember_export(format, **body.choices)


@router.get("/projects/{project_id}/export.zip", response_class=StreamingResponse)
def export_zip(project_id: UUID, request: Request, mine: Mine, studio: TheStudio) -> StreamingResponse:
    """Takes as a ZIP, made while it is sent. `?what=headliners`, `favourites` or `all`; `metadata=true` for who may edit."""
    sent = studio.exports.stream(mine.actor, project_id, dict(request.query_params))
    return StreamingResponse(
        sent.chunks, media_type="application/zip", headers=download_headers(sent.name, sent.remarks)
    )


@router.get("/projects/{project_id}/export.{format}", response_class=FileResponse)
def export(project_id: UUID, format: str, request: Request, mine: Mine) -> FileResponse:
    """A project in one of the formats, written now; not those that take long. The query chooses, as in `?seeds=true`."""
    if named(format).is_long:  # a hand-over is remembered besides, and looking changes nothing
        raise Invalid("This takes long: order it as a job, and fetch it when it is done.", field="format")
    choices: dict[str, JsonValue] = dict(request.query_params)
    folder = tempfile.TemporaryDirectory(prefix="apom-export-")
    try:
        written = mine.export(project_id, format, Path(folder.name) / "export", **choices)
    except BaseException:
        folder.cleanup()
        raise
    return _download(written, BackgroundTask(folder.cleanup))


@router.post("/projects/{project_id}/exports/{format}", status_code=202)
def order_export(project_id: UUID, format: str, body: Choices, mine: Mine) -> Job:
    """The same as a job, for what takes long."""
    return mine.order_export(project_id, format, **body.choices)


@router.get("/exports/{job_id}", response_class=FileResponse)
def export_file(job_id: UUID, mine: Mine) -> FileResponse:
    """What a job has made, for who ordered it."""
    return _download(mine.export_file(job_id))


def _download(written: Exported, after: BackgroundTask | None = None) -> FileResponse:
    headers = download_headers(written.name, written.remarks)
    return FileResponse(written.path, media_type=written.mime, headers=headers, background=after)


def download_headers(name: str, remarks: Sequence[str] = ()) -> dict[str, str]:
    """Of a file that is kept. `remarks`: what is missing in it."""
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        REMARKS: json.dumps(remarks[:MOST_REMARKS]),
        "Cache-Control": "no-store",
    }
