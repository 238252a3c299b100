"""Stored files for who may see them: `/app/static/m/{asset}/{variant}-{sha12}.{ext}`.

Under this prefix Streamlit passes relative URLs through to st.video and st.image. The name changes with the content, so
a browser may keep it for ever; it is `private`, and the right is checked on every request that reaches us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

import anyio.to_thread
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from apom.api.deps import actor_of
from apom.errors import ApomError, NotFound, Unavailable
from apom.models import Actor
from apom.studio import current

if TYPE_CHECKING:
    from apom.media.patches import Patched
    from apom.media.storage import Coming

NAME = re.compile(r"[a-z]+-[0-9a-f]{12}\.[a-z0-9]{2,5}")
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
ELSEWHERE = "private, max-age=60"  # shorter than any address holds when it is given
HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def media(request: Request) -> Response:
    """Bytes with Range, ETag and If-None-Match; 404 for a stranger as for a missing file."""
    actor = actor_of(request.scope.get("state"))
    if actor is None:
        return Response(status_code=401)
    asset, name = request.path_params["asset"], request.path_params["name"]
    try:
        if "authorization" not in request.headers:  # programs get bytes
            address = await anyio.to_thread.run_sync(_elsewhere, actor, asset, name)
            if address is not None:
                return RedirectResponse(address, 307, {"Cache-Control": ELSEWHERE})
        found, mime = await anyio.to_thread.run_sync(_find, actor, asset, name)
    except Unavailable:  # the bucket cannot be reached, and no copy is here
        return Response(status_code=503, headers={"Retry-After": "5"})
    except ApomError:
        return Response(status_code=404)
    return served(request, found, mime) if isinstance(found, Path) else ranged(request, found, mime, tag=found.name)


def served(
    request: Request, path: Path, mime: str, kept: Mapping[str, str] = KEPT, *, filename: str | None = None
) -> Response:
    """A stored file as an answer. `kept`: how long browsers may keep it; `filename`: it is a download of that name."""
    headers = {**HEADERS, **kept, "ETag": f'"{path.stem}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, media_type=mime, headers=headers)
    return _File(path, media_type=mime, headers=headers, filename=filename)


class _File(FileResponse):
    chunk_size = 256 * 1024  # each takes a way to a thread and back


def ranged(
    request: Request,
    file: Patched | Coming,
    mime: str,
    kept: Mapping[str, str] = KEPT,
    *,
    tag: str = "",
    filename: str | None = None,
    then: Callable[[], None] | None = None,
) -> Response:
    """The same for a file with something else in it, or from elsewhere. `tag`: its ETag; `then` is called when all was sent."""
    headers = {**HEADERS, **kept, "Accept-Ranges": "bytes", **({"ETag": f'"{tag}"'} if tag else {})}
    if filename is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename)}"
    after = BackgroundTask(then) if then else None
    if tag and headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers, background=after)
    start, end = _span(request, headers.get("ETag"), file.size)
    if start >= end > 0:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"}, background=after)
    headers["Content-Length"] = str(end - start)
    is_part = (start, end) != (0, file.size)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return StreamingResponse(
        file.read(start, end), 206 if is_part else 200, headers=headers, media_type=mime, background=after
    )


def _span(request: Request, tag: str | None, size: int) -> tuple[int, int]:
    """The one range that is asked for; all of it for none, for several, and for one of another version (RFC 9110, 14)."""
    asked = RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", tag) != tag or not any(asked.groups()):
        return 0, size
    first, last = asked.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size


def _elsewhere(actor: Actor, asset: UUID, name: str) -> str | None:
    if not NAME.fullmatch(name):
        raise NotFound
    return current().assets.address(actor, asset, name)


def _find(actor: Actor, asset: UUID, name: str) -> tuple[Path | Coming, str]:
    if not NAME.fullmatch(name):
        raise NotFound
    return current().assets.opened(actor, asset, name)


ROUTE = Route("/app/static/m/{asset:uuid}/{name}", media, methods=["GET"])
