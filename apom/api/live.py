"""What changes in a project, as it happens: one websocket per open page. Ids and versions only; readers read the store."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from apom.api.deps import actor_of
from apom.errors import ApomError
from apom.events import Subscription
from apom.models import Actor, Event
from apom.studio import current

router = APIRouter()
CHECK_S = 4.0
REFUSED = 4404


@router.websocket("/projects/{project_id}/events")
async def events(socket: WebSocket, project_id: UUID) -> None:
    """Sends every event of the project until the reader leaves, or may no longer see it (close code 4404)."""
    actor = actor_of(socket.scope.get("state"))
    await socket.accept()
    if actor is None or not await _may(actor, project_id):
        await socket.close(REFUSED)
        return
    with current().hub.subscribe(project_id) as subscription:
        sender = asyncio.create_task(_send(socket, subscription, actor, project_id))
        receiver = asyncio.create_task(_until_gone(socket))
        await asyncio.wait([sender, receiver], return_when=asyncio.FIRST_COMPLETED)
        for task in (sender, receiver):
            task.cancel()
        await asyncio.gather(sender, receiver, return_exceptions=True)


async def _until_gone(socket: WebSocket) -> None:
    """Reads and ignores, so that the end of the connection or of the server is noticed."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


async def _send(socket: WebSocket, subscription: Subscription, actor: Actor, project_id: UUID) -> None:
    # What changed between the reader's last look and this moment was told to nobody: one look more makes it good.
    await socket.send_text(Event(type="hello", project_id=project_id).model_dump_json())
    checked = asyncio.get_running_loop().time()
    while True:
        event = None
        with contextlib.suppress(TimeoutError):
            event = await asyncio.wait_for(subscription.next(), CHECK_S)
        now = asyncio.get_running_loop().time()
        if now - checked >= CHECK_S:
            checked = now
            if not await _may(actor, project_id):
                await socket.close(REFUSED)
                return
        if event is not None:
            await socket.send_text(event.model_dump_json())


async def _may(actor: Actor, project_id: UUID) -> bool:
    """Whether the session or token still lives and its person may still see the project."""
    return await anyio.to_thread.run_sync(_may_now, actor, project_id)


def _may_now(actor: Actor, project_id: UUID) -> bool:
    try:
        studio = current()
        if not studio.is_still(actor):
            return False
        studio.workspace(actor).project(project_id)
    except ApomError:
        return False
    return True
