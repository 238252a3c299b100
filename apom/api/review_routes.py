"""What a review link opens: `/api/review/{link}/…`, its events, and its media at `/review/m/{link}/…`.

The browser shows a cookie that is this link's own, so that two open links never mix; the address names the link by its id,
which opens nothing by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Depends, Request, WebSocket
from pydantic import Field
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from apom.api.account_routes import Body, Text
from apom.api.deps import Address, TheStudio
from apom.api.export_routes import download_headers
from apom.api.live import CHECK_S, REFUSED, until_gone
from apom.api.media import NAME, ranged, served
from apom.api.problems import problem, status_of
from apom.api.project_routes import Limit
from apom.api.sharing_routes import NewText, Said
from apom.config import LIMITS, Settings
from apom.errors import ApomError, NotFound
from apom.media.blank import clean
from apom.media.patches import Patched
from apom.models import Event, Opinion, Page, ReviewComment, ReviewDoor, ReviewRoom, Visibility
from apom.reviewing import ReviewFile
from apom.studio import Review, Studio, current
from apom.words import say

router = APIRouter(prefix="/review/{link_id}")
KEPT_S = 300  # how long a browser may show a file without asking: a revoked link's pictures go, too
COOKIE = "apom_review_"
Called = Annotated[str, Field(max_length=LIMITS.name_chars)]


class Password(Body):
    """The link's."""

    password: Text = Field(repr=False)


class NewSaid(Said):
    """About a take of the last round, under a name."""

    asset_id: UUID
    name: Called = ""


class NewVerdict(Body):
    """About a shot of the round that the reviewer looks at."""

    box_id: UUID
    round_id: UUID
    verdict: Opinion
    name: Called = ""


class NewName(Body):
    """What the reviewer wants to be called."""

    name: Called


class Made(Body):
    """What was written."""

    id: UUID


def cookie_name(settings: Settings, link_id: UUID) -> str:
    """The name of a link's own cookie; browsers protect `__Host-` names, but only over https."""
    return f"{'__Host-' if settings.is_https else ''}{COOKIE}{link_id.hex}"


def new_pass(token: str, known: str = "") -> str:
    """What a browser keeps: the token, and its own secret, which it keeps when it comes again."""
    before, _, browser = known.partition(".")
    return f"{token}.{browser if before == token and len(browser) == 43 else secrets.token_urlsafe(32)}"


def opened(studio: Studio, link_id: UUID, cookies: Mapping[str, str], address: str) -> Review:
    """The door that a browser's cookie opens. Asks nothing yet."""
    token, _, browser = cookies.get(cookie_name(studio.settings, link_id), "").partition(".")
    return studio.review(token, browser=browser, link=link_id, address=address)


def review(link_id: UUID, request: Request, studio: TheStudio, address: Address) -> Review:
    """The door of this link."""
    return opened(studio, link_id, request.cookies, address)


Theirs = Annotated[Review, Depends(review)]


@router.get("")
def door(review: Theirs) -> ReviewDoor:
    """Whether it asks for a password first."""
    return review.door()


@router.post("/password", status_code=204)
def admit(body: Password, review: Theirs) -> None:
    """Gives the link's password."""
    review.admit(body.password)


@router.post("/visit")
def visit(review: Theirs) -> ReviewRoom:
    """Comes in: what the link shows, and what is new since the last visit."""
    return review.visit()


@router.get("/room")
def room(review: Theirs) -> ReviewRoom:
    """The same without coming in anew."""
    return review.room()


@router.put("/name", status_code=204)
def call_me(body: NewName, review: Theirs) -> None:
    """What the reviewer wants to be called."""
    review.call_me(body.name)


@router.post("/shots/{box_id}/looked", status_code=204)
def looked(box_id: UUID, review: Theirs) -> None:
    """A shot was looked at."""
    review.looked(box_id)


@router.get("/comments")
def comments(review: Theirs, cursor: str | None = None, limit: Limit = 200) -> Page[ReviewComment]:
    """What clients may read, newest first."""
    return review.comments(cursor=cursor, limit=limit)


@router.post("/comments", status_code=201)
def comment(body: NewSaid, review: Theirs) -> Made:
    """Says something about a take, or answers."""
    said = body.model_dump(include={"timecode_s", "end_s", "answers", "name"})
    return Made(id=review.comment(body.asset_id, body.text, region=body.region, **said))


@router.patch("/comments/{comment_id}", status_code=204)
def edit_comment(comment_id: UUID, body: NewText, review: Theirs) -> None:
    """Other words for one's own."""
    review.edit_comment(comment_id, body.text)


@router.delete("/comments/{comment_id}", status_code=204)
def delete_comment(comment_id: UUID, review: Theirs) -> None:
    """One's own, while nobody has answered."""
    review.delete_comment(comment_id)


@router.post("/verdicts", status_code=204)
def give_verdict(body: NewVerdict, review: Theirs) -> None:
    """Approves a shot, or asks for changes."""
    review.give_verdict(body.box_id, body.round_id, body.verdict, name=body.name)


@router.get("/takes.zip", response_class=StreamingResponse)
def takes_zip(review: Theirs) -> StreamingResponse:
    """The takes of the last round, where the link lets them be downloaded; made while it is sent."""
    name, chunks = review.takes_zip()
    return StreamingResponse(chunks, media_type="application/zip", headers=download_headers(name))


@router.websocket("/events")
async def events(socket: WebSocket, link_id: UUID) -> None:
    """Says that something changed (round, comment, verdict), and nothing more, until the link ends (close code 4404)."""
    await socket.accept()
    project_id = await anyio.to_thread.run_sync(_project_behind, link_id, socket.cookies)
    if project_id is None:
        await socket.close(REFUSED)
        return
    with current().hub.subscribe(project_id) as subscription:
        sender = asyncio.create_task(_send(socket, link_id, subscription.next))
        receiver = asyncio.create_task(until_gone(socket))
        await asyncio.wait([sender, receiver], return_when=asyncio.FIRST_COMPLETED)
        for task in (sender, receiver):
            task.cancel()
        await asyncio.gather(sender, receiver, return_exceptions=True)


def _project_behind(link_id: UUID, cookies: Mapping[str, str]) -> UUID | None:
    try:
        return opened(current(), link_id, cookies, "").link().project_id
    except ApomError:
        return None


def is_for_reviewers(event: Event) -> bool:
    """Whether those behind a link may hear of it at all."""
    return event.type in ("round", "verdict") or (event.type == "comment" and event.visibility is Visibility.CLIENT)


async def _send(socket: WebSocket, link_id: UUID, following: Callable[[], Awaitable[Event]]) -> None:
    await socket.send_json({"type": "hello"})
    clock = asyncio.get_running_loop().time
    checked = clock()
    while True:
        event: Event | None = None
        with contextlib.suppress(TimeoutError):
            event = await asyncio.wait_for(following(), CHECK_S)
        if clock() - checked >= CHECK_S or (event and event.type == "links_changed"):
            checked = clock()
            if await anyio.to_thread.run_sync(_project_behind, link_id, socket.cookies) is None:
                await socket.close(REFUSED)
                return
        if event and event.type == "links_changed":
            await socket.send_json({"type": "link"})
        elif event and is_for_reviewers(event):
            await socket.send_json({"type": event.type})


async def media(request: Request) -> Response:
    """A file of a take that a round shows; `?keep=1` is a download, where the link allows it."""
    to_keep = "keep" in request.query_params
    try:
        found = await anyio.to_thread.run_sync(_find, request, to_keep)
        without = await anyio.to_thread.run_sync(_without_words, found)
    except ApomError as error:
        return problem(status_of(error), error.code, say(error))
    kept = {"Cache-Control": f"private, max-age={KEPT_S}"}
    name = found.path.name if to_keep else None
    if without is None:
        return served(request, found.path, found.media_type, kept, filename=name)
    return ranged(request, without, found.media_type, kept, tag=f"{found.path.stem}-clean", filename=name)


def _without_words(found: ReviewFile) -> Patched | None:
    """An original whose prompt is not for those behind the link; None for what can be sent as it lies there."""
    return clean(found.path) if found.path.name.startswith("original-") and not found.keeps_words else None


def _find(request: Request, to_keep: bool) -> ReviewFile:
    params = request.path_params
    if not NAME.fullmatch(params["name"]):
        raise NotFound
    address = str(request.scope.get("state", {}).get("address", ""))
    door = opened(current(), params["link"], request.cookies, address)
    return door.file(params["asset"], params["name"], to_keep=to_keep)


MEDIA = Route("/review/m/{link:uuid}/{asset:uuid}/{name}", media, methods=["GET"])
