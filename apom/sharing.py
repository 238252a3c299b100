"""Rounds and review links: what is frozen for a client, and who holds a link to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apom.accounts import token_hash
from apom.errors import Conflict, NotFound
from apom.fields import check_name, tidy
from apom.models import Actor, BoxKind, Role, Round, SharedLink, new_id
from apom.projects import need
from apom.store import Store, audit, boxes, sharing, system


class Sharing:
    """Publish rounds, make and revoke links, and read what a link shows."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def publish(self, actor: Actor, project_id: UUID, note: str) -> Round:
        """Freezes the cut as the next round. Raises NotFound, NotAllowed, Conflict when no shot has a headliner."""
        now = self._clock()
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            shots = boxes.of_project(tx, actor.user_id, project_id, BoxKind.SHOT)
            if not any(shot.headliner_asset_id for shot in shots):
                raise Conflict("Pick a headliner for at least one shot first: a round shows the headliners.")
            last = sharing.last_round(tx, project_id)
            round = Round(
                id=new_id(),
                project_id=project_id,
                number=last.number + 1 if last else 1,
                note=tidy(note),
                published_at=now,
                published_by=actor.user_id,
            )
            sharing.publish(tx, round)
            audit.append(tx, now, actor.username, "round.publish", f"project:{project_id} round:{round.number}")
        return round

    def create_link(
        self,
        actor: Actor,
        project_id: UUID,
        label: str,
        *,
        days: int | None,
        can_comment: bool,
        can_approve: bool,
        can_download: bool,
        show_prompts: bool,
    ) -> tuple[SharedLink, str]:
        """A new link and its token, which is shown this once. Raises NotFound, NotAllowed, Invalid."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            life = days if days is not None else system.value(tx, "link_days")
            assert isinstance(life, int), "declared so"
            link = SharedLink(
                id=new_id(),
                project_id=project_id,
                label=check_name(label),
                expires_at=now + timedelta(days=max(1, min(life, 180))),
                can_comment=can_comment,
                can_approve=can_approve,
                can_download=can_download,
                show_prompts=show_prompts,
                created_by=actor.user_id,
                created_at=now,
            )
            sharing.insert_link(tx, link, token_hash(token))
            audit.append(tx, now, actor.username, "link.create", f"project:{project_id} link:{link.id}")
        return link, token

    def links(self, actor: Actor, project_id: UUID) -> tuple[SharedLink, ...]:
        """A project's links, newest first. Raises NotFound."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            return sharing.links(tx, actor.user_id, project_id)

    def revoke(self, actor: Actor, link_id: UUID) -> None:
        """The link ends now, everywhere. Raises NotFound, NotAllowed."""
        now = self._clock()
        with self._store.write() as tx:
            link = sharing.link(tx, actor.user_id, link_id)
            if link is None:
                raise NotFound
            need(tx, actor, link.project_id, Role.EDITOR)
            sharing.revoke(tx, link_id, now)
            audit.append(tx, now, actor.username, "link.revoke", f"project:{link.project_id} link:{link_id}")

    def shown(self, token: str) -> tuple[SharedLink, Round | None, list[dict[str, Any]]]:
        """What a link shows: itself, the last published round, its frozen shots.

        Raises NotFound alike for an unknown, an expired and a revoked link.
        """
        with self._store.read() as tx:
            link = sharing.live_link(tx, token_hash(token), self._clock())
            if link is None:
                raise NotFound("This link is not valid. Ask whoever sent it for a new one.")
            round = sharing.last_round(tx, link.project_id)
            shots = sharing.round_shots(tx, round.id) if round else []
        if not link.show_prompts:
            shots = [{**shot, "prompt_text": None} for shot in shots]
        return link, round, shots
