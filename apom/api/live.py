"""What changes, as it happens: a websocket for a project, another for all of one's projects.

Ids and versions only; readers read the store.
"""

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
HELLO = '{"type":"hello"}'


@router.websocket("/projects/{project_id}/events")
async def events(socket: WebSocket, project_id: UUID) -> None:
    """Sends every event of the project until the reader leaves, or may no longer see it (close code 4404)."""
    await _tell(socket, project_id)


@router.websocket("/events")
async def all_events(socket: WebSocket) -> None:
    """Sends every event of the reader's projects, also of those that they come into later, and those for them alone
    (`notified`), until they sign out.
    """
    await _tell(socket, None)


async def _tell(socket: WebSocket, project_id: UUID | None) -> None:
    """`project_id`: None for all of the reader's projects."""
    actor = actor_of(socket.scope.get("state"))
    await socket.accept()
    watched = await _watched(actor, project_id)
    if actor is None or watched is None:
        await socket.close(REFUSED)
        return
    user_id = actor.user_id if project_id is None else None
    with current().hub.subscribe(*watched, user_id=user_id) as subscription:
        sender = asyncio.create_task(_send(socket, subscription, actor, project_id))
        receiver = asyncio.create_task(until_gone(socket))
        await asyncio.wait([sender, receiver], return_when=asyncio.FIRST_COMPLETED)
        for task in (sender, receiver):
            task.cancel()
        await asyncio.gather(sender, receiver, return_exceptions=True)


async def until_gone(socket: WebSocket) -> None:
    """Reads and ignores, so that the end of the connection or of the server is noticed."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


async def _send(socket: WebSocket, subscription: Subscription, actor: Actor, project_id: UUID | None) -> None:
    # What changed between the reader's last look and this moment was told to nobody: one look more makes it good.
    await socket.send_text(
        HELLO if project_id is None else Event(type="hello", project_id=project_id).model_dump_json()
    )
    checked = asyncio.get_running_loop().time()
    while True:
        event = None
        with contextlib.suppress(TimeoutError):
            event = await asyncio.wait_for(subscription.next(), CHECK_S)
        now = asyncio.get_running_loop().time()
        if now - checked >= CHECK_S:
            checked = now
            watched = await _watched(actor, project_id)
            if watched is None:
                await socket.close(REFUSED)
                return
            if watched != subscription.project_ids:
                subscription.project_ids = watched
                await socket.send_text(HELLO)
        if event is not None:
            await socket.send_text(event.model_dump_json())


async def _watched(actor: Actor | None, project_id: UUID | None) -> frozenset[UUID] | None:
    """The projects whose events somebody may hear; None when the session or token is over, or it is no longer theirs."""
    return None if actor is None else await anyio.to_thread.run_sync(_watched_now, actor, project_id)


def _watched_now(actor: Actor, project_id: UUID | None) -> frozenset[UUID] | None:
    try:
        studio = current()
        if not studio.is_still(actor):
            return None
        if project_id is None:
            return studio.projects_of(actor)
        return frozenset([studio.workspace(actor).project(project_id).id])
    except ApomError:
        return None
