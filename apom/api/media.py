"""Stored files for who may see them: `/app/static/m/{asset}/{variant}-{sha12}.{ext}`.

Under this prefix Streamlit passes relative URLs through to st.video and st.image. The name changes with the content, so
a browser may keep it for ever; it is `private`, and the right is checked on every request that reaches us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from apom.api.deps import actor_of
from apom.errors import ApomError, NotFound, Unavailable
from apom.studio import Workspace, current

NAME = re.compile(r"[a-z]+-[0-9a-f]{12}\.[a-z0-9]{2,5}")
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def media(request: Request) -> Response:
    """Bytes with Range, ETag and If-None-Match; 404 for a stranger as for a missing file."""
    actor = actor_of(request.scope.get("state"))
    if actor is None:
        return Response(status_code=401)
    try:
        path, mime = await anyio.to_thread.run_sync(
            _find, current().workspace(actor), request.path_params["asset"], request.path_params["name"]
        )
    except Unavailable:  # the bucket cannot be reached, and no copy is here
        return Response(status_code=503, headers={"Retry-After": "5"})
    except ApomError:
        return Response(status_code=404)
    return served(request, path, mime)


def served(
    request: Request, path: Path, mime: str, kept: Mapping[str, str] = KEPT, *, filename: str | None = None
) -> Response:
    """A stored file as an answer. `kept`: how long browsers may keep it; `filename`: it is a download of that name."""
    headers = {**HEADERS, **kept, "ETag": f'"{path.stem}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, media_type=mime, headers=headers)
    return FileResponse(path, media_type=mime, headers=headers, filename=filename)


def _find(workspace: Workspace, asset: UUID, name: str) -> tuple[Path, str]:
    if not NAME.fullmatch(name):
        raise NotFound
    return workspace.file(asset, name)


ROUTE = Route("/app/static/m/{asset:uuid}/{name}", media, methods=["GET"])
