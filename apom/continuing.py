"""Where a shot ends, the next one begins: the last frame of its clip becomes the first of a new clip there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from apom.assets import need_take
from apom.errors import Conflict, Invalid, NotFound
from apom.events import Hub
from apom.fields import tidy
from apom.generate import Generate, Order
from apom.models import Actor, Asset, AssetType, Box, BoxKind, Event, InputRole, Role, Take, new_id
from apom.projects import need_box, next_codes
from apom.stills import Still, Stills
from apom.store import Store, Tx, assets, boxes


@dataclass(frozen=True, kw_only=True)
class Onward:
    """What a person asks for: the shot goes on from its headliner, or from the clip that is named.

    `words`: of the new clip; empty for those of the shot it goes to, else of the old clip. `into_id`: that shot; None for
    the one that follows, which `adds_shot` adds after the last. `with_style`: the project's style follows words that were
    not sent before. `token`: the same one twice is one order.
    """

    box_id: UUID
    words: str
    model: str
    clip_id: UUID | None = None
    into_id: UUID | None = None
    adds_shot: bool = False
    with_style: bool = True
    token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Way:
    """From a clip to the shot it goes on in. The same order leads to the same ids, so that said twice it is one.

    `frame_id`: of the picture between the two; `words`: None for those that the clip was sent with; `is_new`: the shot is
    not there yet; `is_cut`: the picture is there.
    """

    clip: Asset
    shot: Box
    frame_id: UUID
    words: str | None
    is_new: bool
    is_cut: bool


class Continuing:
    """Orders clips that begin where another one ends."""

    def __init__(
        self, store: Store, stills: Stills, generate: Generate, hub: Hub, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._stills = stills
        self._generate = generate
        self._hub = hub
        self._clock = clock
        self._turn = threading.Lock()  # a second press waits for the first, and finds what that one made

    def go_on(self, actor: Actor, wish: Onward) -> Take:
        """The new clip, PENDING. Picture, shot and order are stored together or not at all.

        Raises NotFound, NotAllowed, Invalid, BadMedia, Conflict, OverBudget.
        """
        with self._turn:
            with self._store.read() as tx:
                way = self._way(tx, actor, wish)
            cut = self._stills.cut(actor, way.clip, way.shot, None, way.frame_id)
            with nullcontext() if way.is_cut else cut as still:
                inputs = [(InputRole.FIRST_FRAME, way.frame_id)]
                order = Order(
                    prompt=way.words or way.clip.prompt_text,
                    model=wish.model,
                    inputs=inputs,
                    with_style=wish.with_style and way.words is not None,
                    token=wish.token,
                )
                take = self._generate.order(
                    actor,
                    way.shot.id,
                    order,
                    project_id=way.shot.project_id,
                    first=lambda tx: self._bring(tx, actor, way, still),
                )[0]
        if way.is_new:
            self._hub.publish(Event(type="boxes_changed", project_id=way.shot.project_id, box_id=way.shot.id))
        if still is not None:
            self._hub.publish(still.event())
        return take

    def _way(self, tx: Tx, actor: Actor, wish: Onward) -> Way:
        box = need_box(tx, actor, wish.box_id, Role.EDITOR)
        clip = _clip(tx, actor, box, wish.clip_id)
        frame_id = new_id() if wish.token is None else uuid5(actor.user_id, f"{wish.token}/{clip.id}")
        following = _into(tx, actor, box, wish.into_id)
        shot = following or self._new_shot(actor, box, wish, uuid5(frame_id, "shot"))
        return Way(
            clip=clip,
            shot=shot,
            frame_id=frame_id,
            words=tidy(wish.words) or shot.prompt_text or None,
            is_new=following is None,
            is_cut=assets.take(tx, actor.user_id, frame_id, even_trashed=True) is not None,
        )

    def _new_shot(self, actor: Actor, box: Box, wish: Onward, shot_id: UUID) -> Box:
        if not wish.adds_shot:
            raise Conflict("This is the last shot. Say in which shot it goes on, or have one added after it.")
        now = self._clock()
        return Box(
            id=shot_id,
            project_id=box.project_id,
            project_name=box.project_name,
            code="",  # given to it when it is stored
            name=box.name,
            kind=BoxKind.SHOT,
            section=box.section,
            prompt_text=tidy(wish.words),
            created_by=actor.user_id,
            created_at=now,
            updated_at=now,
        )

    def _bring(self, tx: Tx, actor: Actor, way: Way, still: Still | None) -> None:
        """The shot, when it is new, and the picture, into the transaction of the order."""
        need_take(tx, actor, way.clip.id, Role.EDITOR)
        if way.is_new:
            order = boxes.order(tx, way.shot.project_id)
            order.insert(order.index(way.clip.box_id) + 1 if way.clip.box_id in order else len(order), way.shot.id)
            code = next_codes(boxes.codes(tx, way.shot.project_id), 1)[0]
            boxes.insert(tx, [way.shot.model_copy(update={"code": code, "order_index": len(order) - 1})])
            boxes.set_order(tx, order, way.shot.updated_at)
        if still is not None:
            need_box(tx, actor, way.shot.id, Role.EDITOR)
            still.put(tx)


def _clip(tx: Tx, actor: Actor, box: Box, clip_id: UUID | None) -> Asset:
    """The clip that is named, else the one that stands for the shot."""
    chosen = clip_id or box.headliner_asset_id
    if chosen is None:
        raise Invalid(
            "Nothing stands for this shot yet. Make a clip its headliner, or say which clip goes on.", field="clip"
        )
    clip = assets.get(tx, actor.user_id, chosen)
    if clip is None:
        raise NotFound
    if clip.box_id != box.id:
        raise Invalid("Choose a clip of this shot.", field="clip")
    if clip.asset_type is not AssetType.VIDEO or clip.file_key is None:
        raise Invalid("Only a clip that is here can go on. Choose one.", field="clip")
    return clip


def _into(tx: Tx, actor: Actor, box: Box, into_id: UUID | None) -> Box | None:
    """The shot that is named, else the one that follows; None after the last."""
    if into_id is not None:
        into = need_box(tx, actor, into_id, Role.EDITOR)
        if into.project_id != box.project_id:
            raise Invalid("Choose a shot of the clip's own project.", field="into")
        return into
    order = boxes.order(tx, box.project_id)
    if box.id not in order:
        raise Invalid("Only shots follow each other. Say in which shot it goes on.", field="into")
    following = order[order.index(box.id) + 1 :]
    return need_box(tx, actor, following[0], Role.EDITOR) if following else None
