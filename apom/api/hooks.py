"""Where providers call us: `POST /hooks/{provider}/{generation}.{hmac}`.

The address is the proof; the answer is given at once and tells nothing else. What the body says is never believed: it
wakes the engine, which asks the provider.
"""

from __future__ import annotations

from contextlib import ExitStack
from uuid import UUID

import anyio.to_thread
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from apom.errors import ApomError
from apom.studio import current

BODY_BYTES = 64 * 1024


async def hook(request: Request) -> Response:
    """200 for an address we gave out, 404 for every other."""
    body = await _body(request)
    provider, _, name = request.path_params["address"].partition("/")
    generation, _, proof = name.partition(".")
    try:
        is_ours = current().call_back(provider, UUID(generation), proof, body)
    except (ValueError, ApomError):
        is_ours = False
    return Response(status_code=200 if is_ours else 404)


async def _body(request: Request) -> bytes:
    """What was sent, "" when it is longer than any callback is."""
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > BODY_BYTES:
                return b""
    except ClientDisconnect:
        return b""
    return bytes(content)


async def lent(request: Request) -> Response:
    """What a take starts from, for the provider that was given the address; 404 for every other."""
    files = ExitStack()
    try:
        path, mime = await anyio.to_thread.run_sync(
            files.enter_context, current().lent(request.path_params["asset"], request.path_params["name"])
        )
    except (ApomError, ValueError, OSError):
        return Response(status_code=404)
    headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=mime, headers=headers, background=BackgroundTask(files.close))


ROUTES = (
    Route("/hooks/files/{asset:uuid}/{name}", lent, methods=["GET"]),
    Route("/hooks/{address:path}", hook, methods=["POST"]),
)
