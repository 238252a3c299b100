"""Rounds and review links, as members see them: what is frozen for clients, who holds a link, and what was done with it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from apom.accounts import Passwords, token_hash
from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotFound
from apom.events import Hub
from apom.fields import check_name, tidy
from apom.models import (
    LAST_ON_EARTH,
    Actor,
    BoxKind,
    Event,
    LinkActivity,
    Page,
    Role,
    Round,
    RoundShot,
    SharedLink,
    new_id,
)
from apom.projects import need
from apom.store import Store, Tx, audit, boxes, projects, reviewers, sharing, system

PASSWORD_CHARS = (6, 128)


def end_of(day: date) -> datetime:
    """When a day is over, wherever on Earth its reader is."""
    return datetime.combine(day, time(), UTC) + timedelta(days=1) + LAST_ON_EARTH


def expiry(now: datetime, days: int, until: date | None) -> datetime:
    """When a link ends: at the end of a day, or so many days from now. Raises Invalid for a day that is over."""
    latest = now + timedelta(days=LIMITS.link_days)
    if until is None:
        return now + timedelta(days=max(1, min(days, LIMITS.link_days)))
    if end_of(until) <= now:
        raise Invalid("That day is over. Choose a later one.", field="until")
    return min(end_of(until), latest)


def check_password(password: str | None) -> str | None:
    """A link's password as it was typed, None for none. Raises Invalid."""
    least, most = PASSWORD_CHARS
    if password and not least <= len(password) <= most:
        raise Invalid("A link's password has {least} to {most} characters.", field="password", least=least, most=most)
    return password or None


class Sharing:
    """Publish rounds, make and revoke links, and read what was done with them."""

    def __init__(self, store: Store, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._passwords = Passwords()

    def publish(self, actor: Actor, project_id: UUID, note: str) -> Round:
        """Freezes the cut as the next round. Raises NotFound, NotAllowed, Conflict when no shot has a headliner."""
        now = self._clock()
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            shots = boxes.of_project(tx, actor.user_id, project_id, BoxKind.SHOT)
            if not any(shot.headliner_asset_id for shot in shots):
                raise Conflict("Pick a headliner for at least one shot first: a round shows the headliners.")
            last = sharing.last_round(tx, project_id)
            project = projects.get(tx, actor.user_id, project_id)
            assert project is not None, "a member just read it"
            round = Round(
                id=new_id(),
                project_id=project_id,
                number=last.number + 1 if last else 1,
                note=tidy(note),
                published_at=now,
                published_by=actor.user_id,
                soundtrack_asset_id=project.soundtrack_asset_id,
            )
            sharing.publish(tx, round)
            audit.append(tx, now, actor.username, "round.publish", f"project:{project_id} round:{round.number}")
        self._hub.publish(Event(type="round", project_id=project_id))
        return round

    def rounds(self, actor: Actor, project_id: UUID) -> tuple[Round, ...]:
        """A project's rounds, newest first. Raises NotFound."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            return sharing.rounds(tx, actor.user_id, project_id)

    def shots(self, actor: Actor, round_id: UUID) -> tuple[RoundShot, ...]:
        """The shots as a round froze them, in order. Raises NotFound."""
        with self._store.read() as tx:
            round = sharing.round_(tx, actor.user_id, round_id)
            if round is None:
                raise NotFound
            return sharing.shots(tx, round.project_id, round.number)

    def create_link(
        self,
        actor: Actor,
        project_id: UUID,
        label: str,
        *,
        days: int | None,
        until: date | None,
        password: str | None,
        can_comment: bool,
        can_approve: bool,
        can_download: bool,
        show_prompts: bool,
    ) -> tuple[SharedLink, str]:
        """A new link and its token, which is shown this once. Raises NotFound, NotAllowed, Invalid."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            life = days if days is not None else system.value(tx, "link_days")
        assert isinstance(life, int), "declared so"
        link = SharedLink(
            id=new_id(),
            project_id=project_id,
            label=check_name(label),
            expires_at=expiry(now, life, until),
            can_comment=can_comment,
            can_approve=can_approve,
            can_download=can_download,
            show_prompts=show_prompts,
            created_by=actor.user_id,
            created_at=now,
        )
        secret = check_password(password)
        hashed = self._passwords.hash(secret) if secret else None
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            sharing.insert_link(tx, link, token_hash(token), hashed)
            audit.append(tx, now, actor.username, "link.create", f"project:{project_id} link:{link.id}")
            made = sharing.link(tx, actor.user_id, link.id)
        assert made is not None, "it was written a moment ago"
        self._hub.publish(Event(type="links_changed", project_id=project_id))
        return made, token

    def links(self, actor: Actor, project_id: UUID | None, is_live: bool) -> tuple[SharedLink, ...]:
        """The links of a project, or of all of the actor's projects, newest first. Raises NotFound."""
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            return sharing.links(tx, actor.user_id, project_id, self._clock() if is_live else None)

    def change(self, actor: Actor, link_id: UUID, switches: dict[str, bool | None]) -> SharedLink:
        """What those behind a link may do from now on; None leaves a switch as it is. Raises NotFound, NotAllowed."""
        now = self._clock()
        chosen = {name: value for name, value in switches.items() if value is not None}
        with self._store.write() as tx:
            link = self._need_link(tx, actor, link_id, Role.EDITOR)
            if chosen:
                sharing.set_switches(tx, link_id, chosen, now)
                audit.append(tx, now, actor.username, "link.change", f"project:{link.project_id} link:{link_id}")
        self._hub.publish(Event(type="links_changed", project_id=link.project_id))
        return link.model_copy(update=chosen)

    def revoke(self, actor: Actor, link_id: UUID) -> None:
        """The link ends now, everywhere. Raises NotFound, NotAllowed."""
        now = self._clock()
        with self._store.write() as tx:
            link = self._need_link(tx, actor, link_id, Role.EDITOR)
            sharing.revoke(tx, link_id, now)
            audit.append(tx, now, actor.username, "link.revoke", f"project:{link.project_id} link:{link_id}")
        self._hub.publish(Event(type="links_changed", project_id=link.project_id))

    def activity(self, actor: Actor, link_id: UUID, cursor: str | None, limit: int) -> Page[LinkActivity]:
        """What was done with a link, newest first. Raises NotFound, Invalid."""
        with self._store.read() as tx:
            self._need_link(tx, actor, link_id, Role.VIEWER)
            return reviewers.activity(tx, link_id, cursor, limit)

    @staticmethod
    def _need_link(tx: Tx, actor: Actor, link_id: UUID, least: Role) -> SharedLink:
        link = sharing.link(tx, actor.user_id, link_id)
        if link is None:
            raise NotFound
        need(tx, actor, link.project_id, least)
        return link
