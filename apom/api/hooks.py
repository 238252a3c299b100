"""Where providers call us: `POST /hooks/{provider}/{generation}.{hmac}`.

The address is the proof; the answer is given at once and tells nothing else. What the body says is never believed: it
wakes the engine, which asks the provider.
"""

from __future__ import annotations

from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
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


ROUTE = Route("/hooks/{address:path}", hook, methods=["POST"])
