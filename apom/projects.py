"""Projects, members and boxes: who may do what, and the order of the shots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotAllowed, NotFound
from apom.events import Hub
from apom.fields import BoxChanges, ProjectChanges, ProjectFields, check, check_name, one_line
from apom.models import SOUND, Actor, AssetType, Box, BoxKind, Event, Member, Page, Project, Role, Take, new_id
from apom.store import Store, Tx, assets, audit, boxes, projects, sharing, users

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}
REFUSALS = {
    Role.VIEWER: "",
    Role.EDITOR: "You may look at this project and comment, but not change it. Ask its owner to make you an editor.",
    Role.OWNER: "Only the owner of this project may do this.",
}
CODE_STEP = 10
SOUND_CODE = "sound"
TRIM_SLACK_S = 0.05  # what a player says of a clip's end, and what its packets say


def need(tx: Tx, actor: Actor, project_id: UUID, least: Role) -> Role:
    """The one check of rights: a stranger's id answers as a missing one, a member's missing right is a sentence."""
    role = projects.role(tx, actor.user_id, project_id)
    if role is None:
        raise NotFound
    if RANK[role] < RANK[least]:
        raise NotAllowed(REFUSALS[least])
    return role


def need_box(tx: Tx, actor: Actor, box_id: UUID, least: Role) -> Box:
    """The box, if the actor has the right in its project."""
    box = boxes.get(tx, actor.user_id, box_id)
    if box is None:
        raise NotFound
    need(tx, actor, box.project_id, least)
    return box


def need_in_box(tx: Tx, actor: Actor, box_id: UUID, least: Role) -> BoxKind:
    """The same right, for who asks often: nothing is counted. What the box is."""
    found = boxes.place(tx, box_id)
    if found is None:
        raise NotFound
    need(tx, actor, found.project_id, least)
    return found.kind


def next_codes(taken: Iterable[str], count: int) -> list[str]:
    """Codes for new shots: 010, 020, … after the highest that is a number."""
    numbers = [int(code) for code in taken if code.isdigit()]
    first = (max(numbers, default=0) // CODE_STEP + 1) * CODE_STEP
    return [f"{first + i * CODE_STEP:03d}" for i in range(count)]


class Projects:
    """Create, read, change and delete projects and boxes."""

    def __init__(self, store: Store, storage: LocalStorage, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._storage = storage
        self._hub = hub
        self._clock = clock

    def create(self, actor: Actor, name: str, fields: Mapping[str, object]) -> Project:
        """A new project, its maker the owner. Raises Invalid."""
        values = {**check(ProjectFields, fields), "name": check_name(name)}
        now = self._clock()
        project = Project(
            id=new_id(), created_by=actor.user_id, created_at=now, updated_at=now, role=Role.OWNER, **values
        )
        with self._store.write() as tx:
            projects.insert(tx, project)
        return project

    def get(self, actor: Actor, project_id: UUID) -> Project:
        """One project. Raises NotFound."""
        with self._store.read() as tx:
            project = projects.get(tx, actor.user_id, project_id)
        if project is None:
            raise NotFound
        return project

    def page(self, actor: Actor, archived: bool, cursor: str | None, limit: int) -> Page[Project]:
        """The actor's projects, the one worked on last first."""
        with self._store.read() as tx:
            return projects.page(tx, actor.user_id, archived, cursor, limit)

    def mosaics(self, actor: Actor, project_ids: list[UUID]) -> dict[UUID, list[tuple[str, str | None]]]:
        """Up to four headliners of each project: (thumbnail key, placeholder)."""
        with self._store.read() as tx:
            rows = projects.mosaic(tx, actor.user_id, project_ids, 4)
        found: dict[UUID, list[tuple[str, str | None]]] = {}
        for row in rows:
            found.setdefault(row["project_id"], []).append((row["thumb_key"], row["placeholder"]))
        return found

    def ids(self, actor: Actor) -> frozenset[UUID]:
        """All projects the actor is in."""
        with self._store.read() as tx:
            return projects.ids(tx, actor.user_id)

    def update(self, actor: Actor, project_id: UUID, changes: Mapping[str, object]) -> Project:
        """Changes what `changes` names. Budget and archive are the owner's. Raises NotFound, NotAllowed, Invalid."""
        with self._store.write() as tx:
            owners = changes.keys() & {"budget", "is_archived", "currency"}
            need(tx, actor, project_id, Role.OWNER if owners else Role.EDITOR)
            values = check(ProjectChanges, changes)
            if values.get("soundtrack_asset_id"):
                _check_sound(assets.take(tx, actor.user_id, values["soundtrack_asset_id"]), project_id)
            if values:
                projects.update(tx, project_id, values, self._clock())
        self._hub.publish(Event(type="project_changed", project_id=project_id))
        return self.get(actor, project_id)

    def delete(self, actor: Actor, project_id: UUID) -> None:
        """The project with everything in it, for good. Raises Conflict while takes are on their way."""
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.OWNER)
            _none_in_flight(assets.in_flight(tx, project_id=project_id))
            keys = assets.keys(tx, project_id=project_id)
            projects.delete(tx, project_id)
            audit.append(tx, self._clock(), actor.username, "project.delete", f"project:{project_id}")
        self._forget(keys)
        self._hub.publish(Event(type="project_changed", project_id=project_id))

    def members(self, actor: Actor, project_id: UUID) -> tuple[Member, ...]:
        """Who is in the project. Raises NotFound."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            return projects.members(tx, actor.user_id, project_id)

    def set_member(self, actor: Actor, project_id: UUID, username: str, role: Role) -> tuple[Member, ...]:
        """The owner lets somebody in, or changes what they may do. Raises NotFound, NotAllowed, Invalid."""
        if role is Role.OWNER:
            raise Invalid("A project has exactly one owner. Choose EDITOR or VIEWER.", field="role")
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.OWNER)
            user = users.named(tx, one_line(username))
            if user is None:
                raise Invalid("There is no account {name} here.", field="username", name=one_line(username)[:60])
            if projects.role(tx, user.id, project_id) is Role.OWNER:
                raise Invalid("The owner stays the owner.", field="username")
            projects.add_member(tx, project_id, user.id, role, self._clock())
            audit.append(tx, self._clock(), actor.username, f"member.{role}", f"project:{project_id} user:{user.id}")
            return projects.members(tx, actor.user_id, project_id)

    def remove_member(self, actor: Actor, project_id: UUID, user_id: UUID) -> None:
        """Somebody leaves: the owner says so, or they do. Raises NotFound, NotAllowed, Invalid."""
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.VIEWER if user_id == actor.user_id else Role.OWNER)
            if projects.role(tx, user_id, project_id) is Role.OWNER:
                raise Invalid("The owner stays the owner.", field="user_id")
            projects.remove_member(tx, project_id, user_id)
            audit.append(tx, self._clock(), actor.username, "member.remove", f"project:{project_id} user:{user_id}")

    def create_boxes(
        self, actor: Actor, project_id: UUID, names: list[str], kind: BoxKind, fields: Mapping[str, object]
    ) -> tuple[Box, ...]:
        """New boxes at the end, coded 010, 020, … unless `fields` names a code. Raises Invalid, Conflict."""
        if not 1 <= len(names) <= LIMITS.shots_at_once:
            raise Invalid("Give 1 to {most} names.", field="names", most=LIMITS.shots_at_once)
        long = next((name for name in names if len(one_line(name)) > LIMITS.name_chars), None)
        if long is not None:
            raise Invalid(
                "The line “{start}…” is longer than {most} characters. Shorten it; nothing was stored.",
                field="names",
                start=one_line(long)[:40],
                most=LIMITS.name_chars,
            )
        names = [check_name(name) for name in names]
        values = check(BoxChanges, fields)
        check_trim(values, None)
        now = self._clock()
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            _check_assignee(tx, project_id, values.get("assignee_id"))
            project = projects.get(tx, actor.user_id, project_id)
            assert project is not None, "a member just read it"
            taken = boxes.codes(tx, project_id)
            codes = [values.pop("code")] if "code" in values else next_codes(taken, len(names))
            if taken & set(codes):
                raise Conflict("There is a shot {code} already. Choose another code.", code=codes[0])
            first = len(boxes.order(tx, project_id))
            new = [
                Box(
                    id=new_id(),
                    project_id=project_id,
                    project_name=project.name,
                    code=code,
                    name=name,
                    kind=kind,
                    order_index=first + i if kind is BoxKind.SHOT else None,
                    created_by=actor.user_id,
                    created_at=now,
                    updated_at=now,
                    **values,
                )
                for i, (name, code) in enumerate(zip(names, codes, strict=True))
            ]
            boxes.insert(tx, new)
            projects.touch(tx, project_id, now)
        self._hub.publish(Event(type="boxes_changed", project_id=project_id))
        return tuple(new)

    def sound_box(self, actor: Actor, project_id: UUID) -> Box:
        """Where a project's sound lies: its reference box of that name, made when there is none. Raises NotFound, NotAllowed."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            references = boxes.of_project(tx, actor.user_id, project_id, BoxKind.REFERENCE)
            is_free = SOUND_CODE not in boxes.codes(tx, project_id)
        found = next((box for box in references if box.name == SOUND), None)
        fields = {"code": SOUND_CODE} if is_free else {}
        return found or self.create_boxes(actor, project_id, [SOUND], BoxKind.REFERENCE, fields)[0]

    def box(self, actor: Actor, box_id: UUID) -> Box:
        """One box. Raises NotFound."""
        with self._store.read() as tx:
            return need_box(tx, actor, box_id, Role.VIEWER)

    def boxes(self, actor: Actor, project_id: UUID, kind: BoxKind | None) -> tuple[Box, ...]:
        """The shots in order, then the other boxes. Raises NotFound."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            return boxes.of_project(tx, actor.user_id, project_id, kind)

    def update_box(self, actor: Actor, box_id: UUID, changes: Mapping[str, object]) -> Box:
        """Changes what `changes` names. Raises NotFound, NotAllowed, Invalid, Conflict."""
        now = self._clock()
        with self._store.write() as tx:
            box = need_box(tx, actor, box_id, Role.EDITOR)
            values = check(BoxChanges, changes)
            if values.get("code", box.code) != box.code and values["code"] in boxes.codes(tx, box.project_id):
                raise Conflict("There is a shot {code} already. Choose another code.", code=values["code"])
            if {"in_s", "out_s"} & values.keys():
                check_trim({"in_s": box.in_s, "out_s": box.out_s, **values}, box.clip_s)
            _check_assignee(tx, box.project_id, values.get("assignee_id"))
            if values:
                boxes.update(tx, box_id, values, now)
        self._hub.publish(Event(type="boxes_changed", project_id=box.project_id, box_id=box_id))
        return self.box(actor, box_id)

    def delete_box(self, actor: Actor, box_id: UUID) -> None:
        """A box with every take in it, for good; the shots after it move up.

        Raises Conflict while takes are on their way, or when a published round shows it.
        """
        now = self._clock()
        with self._store.write() as tx:
            box = need_box(tx, actor, box_id, Role.EDITOR)
            _none_in_flight(assets.in_flight(tx, box_id=box_id))
            if sharing.in_a_round(tx, box_id=box_id):
                raise Conflict("A published round shows this shot. What a client saw is kept.")
            _none_needed(assets.needed_elsewhere(tx, box_id))
            keys = assets.keys(tx, box_id=box_id)
            projects.clear_soundtrack(tx, now, box_id=box_id)
            boxes.delete(tx, box_id)
            boxes.set_order(tx, boxes.order(tx, box.project_id), now)
            audit.append(tx, now, actor.username, "box.delete", f"box:{box_id} project:{box.project_id}")
        self._forget(keys)
        self._hub.publish(Event(type="boxes_changed", project_id=box.project_id, box_id=box_id))

    def reorder(self, actor: Actor, project_id: UUID, ids: list[UUID]) -> tuple[Box, ...]:
        """The shots in this order: every shot exactly once, all or nothing. Raises Conflict when they are not these."""
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            there = boxes.order(tx, project_id)
            if len(ids) != len(there) or set(ids) != set(there):
                raise Conflict("The shots have changed meanwhile. Look at the board again, then put them in order.")
            boxes.set_order(tx, ids, self._clock())
        self._hub.publish(Event(type="boxes_changed", project_id=project_id))
        return self.boxes(actor, project_id, BoxKind.SHOT)

    def move(self, actor: Actor, box_id: UUID, steps: int) -> tuple[Box, ...]:
        """One shot `steps` places later (negative: earlier), as far as there are places. Atomic."""
        with self._store.write() as tx:
            box = need_box(tx, actor, box_id, Role.EDITOR)
            ids = boxes.order(tx, box.project_id)
            if box_id not in ids:
                raise Invalid("Only shots have an order.", field="box_id")
            place = ids.index(box_id)
            ids.insert(max(0, min(len(ids) - 1, place + steps)), ids.pop(place))
            boxes.set_order(tx, ids, self._clock())
        self._hub.publish(Event(type="boxes_changed", project_id=box.project_id))
        return self.boxes(actor, box.project_id, BoxKind.SHOT)

    def _forget(self, keys: Sequence[str]) -> None:
        """After the commit: a crash in between leaves files without rows, which a sweep finds; never the reverse."""
        self._storage.drop(*keys)


def check_trim(values: Mapping[str, Any], clip_s: float | None) -> None:
    """Whether a part of a clip begins before it ends, and within the clip where its length is known. Raises Invalid."""
    start, end = values.get("in_s") or 0.0, values.get("out_s")
    if end is not None and end <= start:
        raise Invalid("In has to come before out. Move one of them.", field="out_s")
    if clip_s is not None and (start >= clip_s or (end or 0.0) > clip_s + TRIM_SLACK_S):
        raise Invalid(
            "The clip is {seconds} s long. Put in and out within it.",
            field="in_s" if start >= clip_s else "out_s",
            seconds=f"{clip_s:g}",
        )


def _check_assignee(tx: Tx, project_id: UUID, user_id: UUID | None) -> None:
    if user_id is not None and projects.role(tx, user_id, project_id) is None:
        raise Invalid("Whose shot it is has to be somebody in the project.", field="assignee_id")


def _check_sound(take: Take | None, project_id: UUID) -> None:
    if take is None or take.project_id != project_id or take.asset_type is not AssetType.AUDIO or not take.file_key:
        raise Invalid("The soundtrack must be a sound of this project. Upload one first.", field="soundtrack_asset_id")


def _none_in_flight(count: int) -> None:
    if count:
        raise Conflict(
            "{count} takes are still on their way. Wait for them, or cancel those that were not sent.", count=count
        )


def _none_needed(count: int) -> None:
    if count:
        raise Conflict("{count} takes elsewhere were made from takes in here. Delete those first.", count=count)
