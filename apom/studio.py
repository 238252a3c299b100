"""The process and the three doors into it.

`Studio` wires store, media, catalog and engine, one per process. It hands out `Workspace(actor)`, what one person may do,
and `Review(token)`, what one link may do. Pages, REST, sockets, media routes and scripts are thin faces on these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Unpack
from uuid import UUID

from pydantic import JsonValue

from apom import __version__
from apom.accounts import Accounts
from apom.assets import Assets
from apom.config import Settings, shipped
from apom.engine import Engine
from apom.engine.wiring import MediaKeeper, ProviderPool
from apom.errors import NotFound
from apom.events import Hub, Subscription
from apom.fields import AssetChanges, BoxChanges, BoxFields, ProjectChanges, ProjectFields
from apom.generate import Generate, Order
from apom.models import (
    OPEN_STATUSES,
    Actor,
    AIModel,
    Asset,
    AssetType,
    Box,
    BoxKind,
    Health,
    InputRole,
    Member,
    Page,
    Project,
    Role,
    Round,
    Session,
    SharedLink,
    Status,
    Take,
    User,
)
from apom.projects import Projects
from apom.sharing import Sharing
from apom.store import Store, open_store

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage
    from apom.providers.catalog import Catalog

ENGINE_LATE_S = 5.0
DEFAULT_IMAGE = "sandbox/sandbox-image"
DEFAULT_VIDEO = "sandbox/sandbox-video"
SAMPLE_SHOTS = (
    ("Harbour at dawn", "harbour at dawn, fishing boats, soft golden light over the sea"),
    ("The keeper", "portrait of an old lighthouse keeper, sunset, rim light"),
    ("The storm", "storm over the ocean, waves against dark cliffs"),
    ("City lights", "neon city street at night after rain, reflections"),
)


class HasId(Protocol):
    """A record."""

    @property
    def id(self) -> UUID: ...


Ref: TypeAlias = HasId | UUID | str  # a record or its id


def id_of(thing: Ref) -> UUID:
    """The id of a record, or the id itself. What cannot be an id is not there: raises NotFound."""
    if isinstance(thing, str):
        try:
            return UUID(thing)
        except ValueError:
            raise NotFound from None
    return thing if isinstance(thing, UUID) else thing.id


def utc_now() -> datetime:
    """The wall clock, aware and in UTC."""
    return datetime.now(UTC)


class Studio:
    """Everything that lives once in a process. `open` it, `close` it; or use it in a `with`."""

    def __init__(
        self, settings: Settings, store: Store, storage: LocalStorage, catalog: Catalog, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.hub = Hub()
        self.accounts = Accounts(store, settings, clock)
        self.engine = Engine(
            store,
            MediaKeeper(storage, settings.env),
            lambda: ProviderPool(store, storage, settings),
            self.hub,
            clock,
        )
        self.projects = Projects(store, storage, self.hub, clock)
        self.assets = Assets(store, storage, self.hub, clock)
        self.generate = Generate(store, catalog, self.hub, clock, self.engine.wake)
        self.sharing = Sharing(store, clock)
        self._store = store

    @classmethod
    def open(
        cls, settings: Settings | None = None, *, engine: bool = True, clock: Callable[[], datetime] = utc_now
    ) -> Studio:
        """Opens the store and the media, reads the catalogue, starts the engine.

        Raises StoreBusy, StoreBroken, Misconfigured.
        """
        from apom.media.storage import LocalStorage
        from apom.providers.catalog import Catalog

        settings = settings or Settings()
        catalog = Catalog.load(shipped("providers"))
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = open_store(settings.store_url)
        try:
            studio = cls(settings, store, LocalStorage(settings.data_dir / "media"), catalog, clock)
            if engine:
                studio.engine.start()
        except BaseException:
            store.close()
            raise
        return studio

    def close(self) -> None:
        """Engine first, store last."""
        self.engine.stop()
        self._store.close()

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def workspace(self, actor: Actor) -> Workspace:
        """What this person may do."""
        return Workspace(self, actor)

    def review(self, token: str) -> Review:
        """What this link may do. Raises NotFound for one that is not live."""
        review = Review(self, token)
        review.round()
        return review

    def register(self, username: str, password: str, *, email: str | None = None, address: str = "") -> User:
        """See `Accounts.register`."""
        return self.accounts.register(username, password, email=email, address=address)

    def login(self, username: str, password: str, *, address: str = "", agent: str = "") -> tuple[str, Session]:
        """See `Accounts.login`."""
        return self.accounts.login(username, password, address=address, agent=agent)

    def resolve(self, *, token: str | None = None, session_id: UUID | None = None) -> Actor | None:
        """Who is behind a session, None when it has ended."""
        return self.accounts.resolve(token=token, session_id=session_id)

    def operator(self) -> Operator:
        """The door for whoever runs the machine: the command line."""
        return Operator(self)

    def health(self) -> Health:
        """Store answers, engine ticks."""
        vitals = self.engine.vitals()
        try:
            with self._store.read() as tx:
                store = tx.value("select 1") == 1
        except Exception:  # whatever it is, the answer is no
            store = False
        alive = vitals.age_s is not None and vitals.age_s < ENGINE_LATE_S
        return Health(
            ok=store and alive, version=__version__, store=store, engine_age_s=vitals.age_s, in_flight=vitals.in_flight
        )

    @property
    def notices(self) -> Sequence[str]:
        """What an operator has to know about the way the store opened."""
        return self._store.notices


class Operator:
    """What the command line may do, here or over HTTP with the token of `data/run.json`."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def health(self) -> Health:
        """How the process is."""
        return self._studio.health()

    def users(self) -> tuple[User, ...]:
        """Every account."""
        return self._studio.accounts.everyone()

    def add_user(self, username: str, password: str) -> User:
        """A new account, whether registration is open or not. Raises Invalid, Conflict."""
        return self._studio.accounts.add(username, password, by="operator")

    def reset_password(self, username: str, password: str) -> User:
        """A new password; the person's sessions end. Raises NotFound, Invalid."""
        return self._studio.accounts.reset_password(username, password, by="operator")


class Workspace:
    """What one signed-in person may do. Every method takes a record or its id and answers with frozen records.

    A stranger's id raises NotFound like a missing one; a member's missing right raises NotAllowed.
    """

    def __init__(self, studio: Studio, actor: Actor) -> None:
        self._studio = studio
        self.actor = actor

    # me

    def me(self) -> User:
        """The actor's account."""
        return self._studio.accounts.user(self.actor)

    def set_language(self, language: str) -> User:
        """`en` or `ru`. Raises Invalid."""
        return self._studio.accounts.set_language(self.actor, language)

    def change_password(self, current: str, new: str) -> None:
        """Ends all other sessions. Raises NotAllowed, Invalid, TooMany."""
        self._studio.accounts.change_password(self.actor, current, new)

    def sessions(self) -> tuple[Session, ...]:
        """The actor's own sessions, the latest first."""
        return self._studio.accounts.sessions(self.actor)

    def end_session(self, session: Ref) -> None:
        """Signs one browser out. Raises NotFound."""
        self._studio.accounts.end_session(self.actor, id_of(session))

    def logout(self) -> None:
        """Ends this session."""
        self._studio.accounts.logout(self.actor)

    def set_system(self, key: str, value: JsonValue) -> None:
        """An admin's setting (apom.config.SYSTEM). Raises NotAllowed, Invalid."""
        self._studio.accounts.set_system(self.actor, key, value)

    # projects

    def create_project(self, name: str, **fields: Unpack[ProjectFields]) -> Project:
        """A new project, owned by the actor. Raises Invalid."""
        return self._studio.projects.create(self.actor, name, fields)

    def project(self, project: Ref) -> Project:
        """One project. Raises NotFound."""
        return self._studio.projects.get(self.actor, id_of(project))

    def projects(self, *, archived: bool = False, cursor: str | None = None, limit: int = 100) -> Page[Project]:
        """The actor's projects, the one worked on last first."""
        return self._studio.projects.page(self.actor, archived, cursor, limit)

    def mosaics(self, projects: Sequence[Ref]) -> dict[UUID, list[tuple[str, str | None]]]:
        """Up to four covers of each project's shots: (thumbnail key, placeholder)."""
        return self._studio.projects.mosaics(self.actor, [id_of(p) for p in projects])

    def update_project(self, project: Ref, **changes: Unpack[ProjectChanges]) -> Project:
        """Changes what is named. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.projects.update(self.actor, id_of(project), changes)

    def delete_project(self, project: Ref) -> None:
        """With everything in it, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.projects.delete(self.actor, id_of(project))

    def members(self, project: Ref) -> tuple[Member, ...]:
        """Who is in a project."""
        return self._studio.projects.members(self.actor, id_of(project))

    def set_member(self, project: Ref, username: str, role: Role) -> tuple[Member, ...]:
        """Lets somebody in as EDITOR or VIEWER. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.projects.set_member(self.actor, id_of(project), username, role)

    def remove_member(self, project: Ref, user: Ref) -> None:
        """Somebody leaves. Raises NotFound, NotAllowed, Invalid."""
        self._studio.projects.remove_member(self.actor, id_of(project), id_of(user))

    def create_sample_project(self) -> Project:
        """Four shots with sandbox pictures on their way, to look around in."""
        project = self.create_project(
            "Sample: the lighthouse", notes="Made by the sandbox: pictures to play with, no money."
        )
        boxes = self.create_boxes(project, [name for name, _ in SAMPLE_SHOTS])
        for box, (_, prompt) in zip(boxes, SAMPLE_SHOTS, strict=True):
            self.update_box(box, prompt_text=prompt)
            self.generate(box, prompt, n=2)
        return project

    # boxes

    def create_box(self, project: Ref, name: str, *, kind: BoxKind = BoxKind.SHOT, **fields: Unpack[BoxFields]) -> Box:
        """A new box at the end. Raises NotFound, NotAllowed, Invalid, Conflict."""
        return self._studio.projects.create_boxes(self.actor, id_of(project), [name], kind, fields)[0]

    def create_boxes(self, project: Ref, names: Sequence[str], *, kind: BoxKind = BoxKind.SHOT) -> tuple[Box, ...]:
        """Many boxes at once, all or none. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.projects.create_boxes(self.actor, id_of(project), list(names), kind, {})

    def box(self, box: Ref) -> Box:
        """One box. Raises NotFound."""
        return self._studio.projects.box(self.actor, id_of(box))

    def get_project_boxes(self, project: Ref, *, kind: BoxKind | None = None) -> tuple[Box, ...]:
        """The shots in order, then the other boxes by code. Raises NotFound."""
        return self._studio.projects.boxes(self.actor, id_of(project), kind)

    def update_box(self, box: Ref, **changes: Unpack[BoxChanges]) -> Box:
        """Changes what is named. Raises NotFound, NotAllowed, Invalid, Conflict."""
        return self._studio.projects.update_box(self.actor, id_of(box), changes)

    def delete_box(self, box: Ref) -> None:
        """With every take in it, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.projects.delete_box(self.actor, id_of(box))

    def reorder_boxes(self, project: Ref, order: Sequence[Ref]) -> tuple[Box, ...]:
        """The shots in this order: each exactly once, all or nothing. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.projects.reorder(self.actor, id_of(project), [id_of(b) for b in order])

    def move_box(self, box: Ref, steps: int) -> tuple[Box, ...]:
        """A shot `steps` places later, earlier when negative. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.projects.move(self.actor, id_of(box), steps)

    # takes

    def models(self, asset_type: AssetType | None = None) -> tuple[AIModel, ...]:
        """What can be generated with."""
        return self._studio.generate.models(asset_type)

    def create_asset(
        self,
        box: Ref,
        prompt: str,
        *,
        model: str = DEFAULT_IMAGE,
        params: Mapping[str, JsonValue] | None = None,
        inputs: Sequence[tuple[InputRole, Ref]] = (),
    ) -> Take:
        """One generated take: `generate` with n=1."""
        return self.generate(box, prompt, model=model, params=params, inputs=inputs)[0]

    def generate(
        self,
        box: Ref,
        prompt: str,
        *,
        model: str = DEFAULT_IMAGE,
        params: Mapping[str, JsonValue] | None = None,
        inputs: Sequence[tuple[InputRole, Ref]] = (),
        n: int = 1,
        token: str | None = None,
    ) -> tuple[Take, ...]:
        """`n` takes with different seeds, PENDING; the engine goes on by itself. See `apom.generate.Order`.

        Raises NotFound, NotAllowed, Invalid, Conflict; nothing is stored or sent then.
        """
        used = [(InputRole(role), id_of(source)) for role, source in inputs]
        order = Order(prompt=prompt, model=model, params=params or {}, inputs=used, n=n, token=token)
        return self._studio.generate.order(self.actor, id_of(box), order)

    def animate(self, asset: Ref, prompt: str = "", *, model: str = DEFAULT_VIDEO, token: str | None = None) -> Take:
        """A clip that starts from this picture. Raises as `generate` does."""
        picture = self.asset(asset)
        inputs = [(InputRole.FIRST_FRAME, picture)]
        words = prompt or picture.prompt_text
        return self.generate(picture.box_id, words, model=model, inputs=inputs, token=token)[0]

    def again(self, asset: Ref, *, token: str | None = None) -> Take:
        """The same recipe once more: with the same seed when it failed, with another one when it did not.

        Raises as `generate` does.
        """
        take = self.asset(asset)
        failed = take.status in (Status.FAILED, Status.CANCELLED)
        params = {name: value for name, value in take.generation_config.items() if failed or value != take.seed}
        inputs = [(used.role, used.source_asset_id) for used in take.inputs]
        ordered = self.generate(
            take.box_id, take.prompt_text, model=take.ai_model, params=params, inputs=inputs, token=token
        )
        return ordered[0]

    def wait(self, takes: Sequence[Ref], *, timeout_s: float = 600.0) -> tuple[Asset, ...]:
        """Waits until none of these is on its way. After `timeout_s` answers with how they are: late is no failure."""
        end = time.monotonic() + timeout_s
        ids = [id_of(take) for take in takes]
        while True:
            found = tuple(self.asset(id) for id in ids)
            if time.monotonic() >= end or not any(asset.status in OPEN_STATUSES for asset in found):
                return found
            time.sleep(0.1)

    def asset(self, asset: Ref) -> Asset:
        """One take with everything about it. Raises NotFound."""
        return self._studio.assets.get(self.actor, id_of(asset))

    def get_box_assets(
        self, box: Ref, *, asset_type: AssetType | None = None, cursor: str | None = None, limit: int = 200
    ) -> Page[Take]:
        """A box's takes, newest first. Raises NotFound."""
        return self._studio.assets.of_box(self.actor, id_of(box), asset_type, cursor, limit)

    def get_favorite_assets(
        self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 200
    ) -> Page[Take]:
        """Favourites of a project, or of all the actor's projects. Raises NotFound."""
        return self._studio.assets.favorites(self.actor, None if project is None else id_of(project), cursor, limit)

    def update_asset(self, asset: Ref, **changes: Unpack[AssetChanges]) -> Asset:
        """Favourite, rating, tags. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.assets.update(self.actor, id_of(asset), changes)

    def toggle_favorite(self, asset: Ref) -> Take:
        """Raises NotFound, NotAllowed."""
        return self._studio.assets.toggle_favorite(self.actor, id_of(asset))

    def set_headliner(self, box: Ref, asset: Ref | None) -> Box:
        """The take that stands for the shot; None for none. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.assets.set_headliner(self.actor, id_of(box), None if asset is None else id_of(asset))

    def cancel(self, asset: Ref) -> Take:
        """Stops what was not sent yet. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.assets.cancel(self.actor, id_of(asset))

    def delete_asset(self, asset: Ref) -> None:
        """A take and its files, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.assets.delete(self.actor, id_of(asset))

    def file(self, asset: Ref, name: str) -> tuple[Path, str]:
        """A stored file of a take: (path, media type). `name`: the last part of its key. Raises NotFound."""
        return self._studio.assets.file(self.actor, id_of(asset), name)

    # sharing

    def publish_round(self, project: Ref, note: str = "") -> Round:
        """Freezes the headliners in order as the next round. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.sharing.publish(self.actor, id_of(project), note)

    def create_link(
        self,
        project: Ref,
        label: str,
        *,
        days: int | None = None,
        can_comment: bool = True,
        can_approve: bool = False,
        can_download: bool = False,
        show_prompts: bool = False,
    ) -> tuple[SharedLink, str]:
        """A review link and its token, shown this once. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.sharing.create_link(
            self.actor,
            id_of(project),
            label,
            days=days,
            can_comment=can_comment,
            can_approve=can_approve,
            can_download=can_download,
            show_prompts=show_prompts,
        )

    def links(self, project: Ref) -> tuple[SharedLink, ...]:
        """A project's review links, newest first. Raises NotFound."""
        return self._studio.sharing.links(self.actor, id_of(project))

    def revoke_link(self, link: Ref) -> None:
        """Ends a review link now. Raises NotFound, NotAllowed."""
        self._studio.sharing.revoke(self.actor, id_of(link))

    # live

    @contextmanager
    def events(self, project: Ref) -> Iterator[Subscription]:
        """What changes in a project, for a coroutine of the running loop. Raises NotFound."""
        with self._studio.hub.subscribe(self.project(project).id) as subscription:
            yield subscription


class Review:
    """What one review link may do. The link is checked again on every call: a revoked one raises NotFound at once."""

    def __init__(self, studio: Studio, token: str) -> None:
        self._studio = studio
        self._token = token

    def link(self) -> SharedLink:
        """The link itself."""
        return self._studio.sharing.shown(self._token)[0]

    def round(self) -> Round | None:
        """The last published round, None before the first."""
        return self._studio.sharing.shown(self._token)[1]

    def shots(self) -> list[dict[str, Any]]:
        """The frozen shots in order; prompts only where the link says so."""
        return self._studio.sharing.shown(self._token)[2]


_current: Studio | None = None


def current() -> Studio:
    """The studio of this process, opened by whoever serves. Raises Unavailable before that and after its end."""
    if _current is None:
        from apom.errors import Unavailable

        raise Unavailable("The studio is starting or stopping. Try again in a moment.")
    return _current


def set_current(studio: Studio | None) -> None:
    """Called once by whoever serves, and with None at the end."""
    global _current
    _current = studio
