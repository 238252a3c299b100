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
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from apom.api.deps import actor_of
from apom.errors import ApomError, NotFound, Unavailable
from apom.media.storage import Coming
from apom.models import Actor
from apom.studio import current

NAME = re.compile(r"[a-z]+-[0-9a-f]{12}\.[a-z0-9]{2,5}")
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
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
        found, mime = await anyio.to_thread.run_sync(
            _find, actor, request.path_params["asset"], request.path_params["name"]
        )
    except Unavailable:  # the bucket cannot be reached, and no copy is here
        return Response(status_code=503, headers={"Retry-After": "5"})
    except ApomError:
        return Response(status_code=404)
    return served(request, found, mime) if isinstance(found, Path) else passed_on(request, found, mime)


def served(
    request: Request, path: Path, mime: str, kept: Mapping[str, str] = KEPT, *, filename: str | None = None
) -> Response:
    """A stored file as an answer. `kept`: how long browsers may keep it; `filename`: it is a download of that name."""
    headers = {**HEADERS, **kept, "ETag": f'"{path.stem}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, media_type=mime, headers=headers)
    return FileResponse(path, media_type=mime, headers=headers, filename=filename)


def passed_on(request: Request, file: Coming, mime: str) -> Response:
    """The same for one that is not here, with its one range: as it comes."""
    headers = {**HEADERS, **KEPT, "ETag": f'"{file.name}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, media_type=mime, headers=headers)
    start, end = _span(request, headers["ETag"], file.size)
    if start >= end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
    headers |= {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    is_part = (start, end) != (0, file.size)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return StreamingResponse(file.read(start, end), 206 if is_part else 200, headers=headers, media_type=mime)


def _span(request: Request, tag: str, size: int) -> tuple[int, int]:
    """The one range that is asked for; all of it for none, for several, and for one of another version (RFC 9110, 14)."""
    asked = RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", tag) != tag or not any(asked.groups()):
        return 0, size
    first, last = asked.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size


def _find(actor: Actor, asset: UUID, name: str) -> tuple[Path | Coming, str]:
    if not NAME.fullmatch(name):
        raise NotFound
    return current().assets.opened(actor, asset, name)


ROUTE = Route("/app/static/m/{asset:uuid}/{name}", media, methods=["GET"])
