"""The process and the three doors into it.

`Studio` wires store, media, catalog and engine, one per process. It hands out `Workspace(actor)`, what one person may do,
and `Review(token)`, what one link may do. Pages, REST, sockets, media routes and scripts are thin faces on these.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from uuid import UUID

from pydantic import JsonValue

from apom.accounts import Accounts, need_admin
from apom.ai_providers import AIProviders
from apom.assets import Assets
from apom.backup import LOOK_S as BACKUP_S
from apom.backup import Backups
from apom.balances import LOOK_S, Balances
from apom.batches import Batches
from apom.bulk import Bulk
from apom.comments import Comments
from apom.config import LIMITS, Settings, shipped
from apom.continuing import Continuing, Onward
from apom.decisions import Decisions, one_by_one
from apom.derivatives import LOOK_S as PROXIES_S
from apom.derivatives import Derivatives
from apom.digests import LOOK_S as MAILING_S
from apom.digests import Digests
from apom.downloads import Downloads
from apom.editing import Editing
from apom.engine import Engine
from apom.engine.callbacks import Callbacks
from apom.engine.lending import Lending
from apom.engine.wiring import MediaKeeper, ProviderPool, as_taken, inside
from apom.errors import Invalid, NotAllowed, NotFound
from apom.events import Hub, Subscription
from apom.export.archives import Archives
from apom.export.exports import TIDY_S as EXPORTS_S
from apom.export.exports import Exports
from apom.exporting import Exporting
from apom.fields import AssetChanges, BoxChanges, BoxFields, ProjectChanges, ProjectFields
from apom.generate import Generate, Order
from apom.health import examine
from apom.jobs import Jobs
from apom.keyring import Keyring
from apom.models import (
    Actor,
    AIModel,
    AIProvider,
    Allowance,
    ApiToken,
    ArchiveArriving,
    Arriving,
    Asset,
    AssetType,
    AuditEntry,
    Backup,
    BalanceChange,
    Batch,
    BatchOrder,
    BatchPlan,
    Box,
    BoxKind,
    Channel,
    Comment,
    Decided,
    Deed,
    Digest,
    Emptied,
    Exported,
    ExportFormat,
    Health,
    InboxItem,
    InputRole,
    Job,
    Json,
    Judgement,
    LinkActivity,
    MadeLink,
    MadeWebhook,
    Mark,
    Marked,
    Member,
    NoticeKind,
    Notification,
    NotificationSettings,
    Opinion,
    Page,
    Preset,
    Project,
    ProviderHealth,
    ProviderTest,
    QueueItem,
    QueueSummary,
    Ref,
    Region,
    RetentionPlan,
    RetentionRun,
    ReviewComment,
    ReviewDoor,
    ReviewRoom,
    Rights,
    Role,
    Round,
    RoundShot,
    Rows,
    Scope,
    Session,
    SharedLink,
    Snapshot,
    SourceType,
    Spending,
    SpendingDay,
    StatementRow,
    Status,
    StorageUse,
    StoreInfo,
    Sweep,
    SystemSetting,
    Take,
    Trial,
    Unread,
    Upload,
    Uploaded,
    User,
    Verdict,
    Visibility,
    Webhook,
)
from apom.money import Money
from apom.moving import Moving
from apom.notices import LOOK_S as TELLING_S
from apom.notices import Notices
from apom.preflight import prepare_folder
from apom.projects import Projects
from apom.queue import Queue
from apom.retention import LOOK_S as CLEANING_S
from apom.retention import Retention, confirmable
from apom.reviewing import Pass, ReviewFile, Reviewing
from apom.scopes import limited
from apom.search import Filter
from apom.sending import OnProgress, send
from apom.sharing import Sharing
from apom.statement import csv_text
from apom.stills import Stills
from apom.store import Store, assets, open_store
from apom.sweep import LOOK_S as SWEEPING_S
from apom.sweep import Sweeps
from apom.system_config import SystemConfig
from apom.tokens import BOTH, PREFIX, Tokens
from apom.uploads import TIDY_S, Uploads
from apom.vault import Vault
from apom.waiting import OnChange, every, wait
from apom.webhooks import LOOK_S as POSTING_S
from apom.webhooks import Webhooks, template_text
from apom.words import N_, _

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage
    from apom.providers.catalog import Catalog

DEFAULT_IMAGE = "sandbox/sandbox-image"
DEFAULT_VIDEO = "sandbox/sandbox-video"
TRIALS = "Trials"  # the project that takes of the command line go to
SAMPLE_SHOTS = (
    (N_("Harbour at dawn"), "harbour at dawn, fishing boats, soft golden light over the sea"),
    (N_("The keeper"), "portrait of an old lighthouse keeper, sunset, rim light"),
    (N_("The storm"), "storm over the ocean, waves against dark cliffs"),
    (N_("City lights"), "neon city street at night after rain, reflections"),
)


def id_of(thing: Ref) -> UUID:
    """The id of a record, or the id itself. What cannot be an id is not there: raises NotFound."""
    if isinstance(thing, str):
        try:
            return UUID(thing)
        except ValueError:
            raise NotFound from None
    return thing if isinstance(thing, UUID) else thing.id


class Wanted(TypedDict, total=False):
    """Which takes, as `search_assets` takes it; `trashed`: those in the trash instead."""

    project: Ref | None
    box: Ref | None
    batch: Ref | None
    asset_type: AssetType | None
    source_type: SourceType | None
    status: Status | None
    favorites: bool
    min_rating: int
    trashed: bool
    ai_model: str | None
    tag: str | None
    created_by: Ref | None
    since: datetime | None
    until: datetime | None


def webhook_template(preset: Preset) -> str:
    """What a webhook of that kind posts unless it is told otherwise, for who wants to change it."""
    return template_text(preset)


def parts_of(wanted: Wanted) -> dict[str, Any]:
    """What is wanted as the fields of a `Filter`: records as their ids."""
    refs = {"project": "project_id", "box": "box_id", "batch": "batch_id", "created_by": "created_by"}
    found: dict[str, Any] = dict(wanted)
    return {refs.get(name, name): id_of(it) if it and name in refs else it for name, it in found.items()}


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
        self.tokens = Tokens(store, clock)
        vault = Vault(settings.key_path)
        self.keyring = Keyring(store, vault, clock)
        self.ai_providers = AIProviders(
            store,
            catalog,
            self.keyring,
            clock,
            folder=shipped("providers"),
            sandbox_url=settings.sandbox_url,
            mounts=lambda: inside(settings),
        )
        callbacks = Callbacks(settings.data_dir, settings.public_url)
        self._lending = Lending(callbacks.key, settings.public_url, clock)
        self.engine = Engine(
            store,
            MediaKeeper(storage, settings.env, settings.data_dir / "held"),
            lambda: ProviderPool(store, storage, settings, self.ai_providers, self._lending),
            callbacks,
            self.hub,
            clock,
        )
        self.projects = Projects(store, storage, self.hub, clock)
        self.assets = Assets(store, storage, self.hub, clock)
        self.uploads = Uploads(store, storage, settings.env, settings.data_dir / "arriving", self.hub, clock)
        self.engine.declare(self.uploads.tidy, TIDY_S)
        self.money = Money(store, clock)
        self.generate = Generate(
            store, catalog, self.money, self.hub, clock, self.engine.wake, is_reachable=self._lending.is_possible
        )
        self.stills = Stills(store, storage, settings.env, self.hub, clock)
        self.decisions = Decisions(store, self.hub, clock, self.engine.heed, self.engine.confirm)
        self.batches = Batches(
            store, self.generate, self.hub, clock, self.engine.wake, lambda ids: self.engine.heed(*ids)
        )
        self.editing = Editing(store, catalog, self.generate)
        self.continuing = Continuing(store, self.stills, self.generate, self.hub, clock)
        self.system = SystemConfig(store, catalog, clock)
        self.balances = Balances(store, catalog, clock)
        self.engine.declare(self.balances.look, LOOK_S)
        self.queue = Queue(store, catalog, clock, self.engine.places, self.engine.providers)
        self.sharing = Sharing(store, self.hub, clock)
        self.comments = Comments(store, self.hub, clock)
        self.reviewing = Reviewing(store, storage, self.hub, clock)
        self.jobs = Jobs(store, self.hub, clock, lambda: self.engine.is_on)
        self.bulk = Bulk(store, self.hub, clock, self.jobs)
        self.derivatives = Derivatives(store, storage, settings.env, self.hub, clock, self.jobs)
        self.engine.declare(self.derivatives.look, PROXIES_S)
        self.retention = Retention(store, storage, self.hub, clock)
        self.engine.declare(self.retention.look, CLEANING_S)
        self.sweeps = Sweeps(store, storage, settings.env, clock)
        self.engine.declare(self.sweeps.look, SWEEPING_S)
        self.backups = Backups(store, storage, clock, settings.backup_dir)
        self.engine.declare(self.backups.look, BACKUP_S)
        self.moving = Moving(storage, self.jobs)
        self.exports = Exports(store, storage, self.money, self.jobs, settings.data_dir / "exports", clock)
        self.engine.declare(self.exports.look, EXPORTS_S)
        self.downloads = Downloads(store, storage)
        self.telling = Notices(store, self.hub, settings, clock)
        self.engine.declare(self.telling.look, TELLING_S)
        self.digests = Digests(store, settings, clock)
        self.engine.declare(self.digests.look, MAILING_S)
        self.webhooks = Webhooks(store, self.hub, vault, settings, clock)
        self.engine.declare(self.webhooks.look, POSTING_S)
        self.archives = Archives(store, storage, settings.env, settings.data_dir / "archives", self.jobs, clock)
        self.engine.declare(self.archives.look, EXPORTS_S)
        self._store = store
        self._storage = storage

    @classmethod
    def open(
        cls, settings: Settings | None = None, *, engine: bool = True, clock: Callable[[], datetime] = utc_now
    ) -> Studio:
        """Opens the store and the media, reads the catalogue, starts the engine and the jobs.

        Raises StoreBusy, StoreBroken, Misconfigured.
        """
        from apom.media.storage import storage_of
        from apom.providers.catalog import Catalog

        settings = settings or Settings()
        catalog = Catalog(specs={})
        prepare_folder(settings.data_dir)
        store = open_store(settings.store_url, snapshots=settings.data_dir / "snapshots")
        try:
            studio = cls(settings, store, storage_of(settings), catalog, clock)
            if engine:
                studio.engine.start()
                studio.jobs.start()
        except BaseException:
            store.close()
            raise
        return studio

    def wind_down(self) -> None:
        """The end is near: nothing new is begun, what is under way comes to its end meanwhile. Does not wait."""
        self.engine.wind_down()
        self.jobs.wind_down()

    def close(self) -> None:
        """Engine and jobs first, store last."""
        self.wind_down()
        self.engine.stop()
        self.jobs.stop()
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

    def review(self, token: str, *, browser: str = "", link: Ref | None = None, address: str = "") -> Review:
        """What this link may do in a browser, which is told from others by a secret of its own. Asks nothing yet.

        `link`: which link it has to be.
        """
        wanted = None if link is None else id_of(link)
        return Review(self, Pass(token=token, browser=browser, link_id=wanted), address)

    def review_url(self, token: str) -> str:
        """What is sent to whoever may review."""
        return f"{self.settings.url}/review?token={token}"

    def register(
        self, username: str, password: str, *, email: str | None = None, address: str = "", language: str = "en"
    ) -> User:
        """See `Accounts.register`."""
        return self.accounts.register(username, password, email=email, address=address, language=language)

    def login(self, username: str, password: str, *, address: str = "", agent: str = "") -> tuple[str, Session]:
        """See `Accounts.login`."""
        return self.accounts.login(username, password, address=address, agent=agent)

    def resolve(self, *, token: str | None = None, session_id: UUID | None = None) -> Actor | None:
        """Who is behind a session or an API token, None when it has ended."""
        if token is not None and token.startswith(PREFIX):
            return self.tokens.resolve(secret=token)
        return self.accounts.resolve(token=token, session_id=session_id)

    def projects_of(self, actor: Actor) -> frozenset[UUID]:
        """The projects that somebody may see, for whoever tells them what happens there."""
        return self.projects.ids(actor)

    def is_still(self, actor: Actor) -> bool:
        """Whether the session or the API token that the actor came with goes on."""
        if actor.token_id is not None:
            return self.tokens.resolve(token_id=actor.token_id) is not None
        return actor.session_id is None or self.resolve(session_id=actor.session_id) is not None

    def call_back(self, provider: str, generation_id: UUID, proof: str, body: bytes) -> bool:
        """A provider called the address of a generation; False for an address that was never given out."""
        return self.engine.call_back(provider, generation_id, proof, body)

    @contextmanager
    def lent(self, asset_id: UUID, name: str) -> Iterator[tuple[Path, str]]:
        """The file behind an address that a provider was given, and its type. Raises NotFound for every other."""
        lent = self._lending.read(asset_id, name)
        with self._store.read() as tx:
            found = assets.file_of(tx, asset_id) if lent else None
        if lent is None or found is None:
            raise NotFound
        path = self._storage.path(found[0])
        with as_taken(self._storage, path, found[1], (lent.mime,), lent.most_mb) as taken:
            yield taken

    def operator(self) -> Operator:
        """The door for whoever runs the machine: the command line."""
        return Operator(self)

    def health(self) -> Health:
        """Whether the store answers, the engine ticks and long work is done."""
        try:
            with self._store.read() as tx:
                store = tx.value("select 1") == 1
        except Exception:  # whatever it is, the answer is no
            store = False
        return examine(store=store, engine=self.engine.vitals(), jobs=self.jobs.vitals())

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
        """A new password; the person's sessions and tokens end. Raises NotFound, Invalid."""
        return self._studio.accounts.reset_password(username, password, by="operator")

    def change_user(self, username: str, *, is_admin: bool | None = None, is_active: bool | None = None) -> User:
        """Changes what is named; who may no longer sign in is signed out. Raises NotFound, Conflict."""
        return self._studio.accounts.change(username, by="operator", is_admin=is_admin, is_active=is_active)

    def set_monthly_limit(self, username: str, limit: float | None) -> User:
        """What somebody may spend in a month, in the studio's currency; None for no limit. Raises NotFound, Invalid."""
        return self._studio.accounts.set_monthly_limit(username, limit, by="operator")

    def config(self) -> tuple[SystemSetting, ...]:
        """What is set for the whole studio, key by key (apom.config.SYSTEM)."""
        return self._studio.system.all()

    def set_config(self, key: str, value: JsonValue) -> SystemSetting:
        """Sets a key of it. Raises Invalid."""
        return self._studio.system.set(key, value, by="operator")

    def statement(self, *, since: datetime | None = None, until: datetime | None = None) -> tuple[StatementRow, ...]:
        """Month by provider by project by person: everybody's. `until` is exclusive. Raises Invalid."""
        return self._studio.money.statement(None, since=since, until=until)

    def balances(self, month: datetime | None = None) -> tuple[BalanceChange, ...]:
        """What became of each provider's credit in a month, None for this one, beside our own entries."""
        return self._studio.balances.changes(month)

    def read_balances(self) -> tuple[BalanceChange, ...]:
        """Asks every provider what credit is left, now; the same of this month. Raises Unavailable."""
        self._studio.engine.ask(self._studio.balances.read_all)
        return self.balances()

    def create_token(
        self, username: str, name: str, *, days: int = 365, scopes: Sequence[Scope] = BOTH
    ) -> tuple[ApiToken, str]:
        """An API token for somebody and its secret, shown this once. Raises NotFound, Invalid, Conflict."""
        return self._studio.tokens.create_for(username, name, days, scopes, by="operator")

    def tokens(self, username: str) -> tuple[ApiToken, ...]:
        """Somebody's API tokens that still work, the latest first. Raises NotFound."""
        return self._studio.tokens.of_named(username)

    def revoke_token(self, token: Ref) -> None:
        """Ends an API token now. Raises NotFound."""
        self._studio.tokens.revoke(id_of(token), by="operator")

    def store_info(self) -> StoreInfo:
        """Which store this is, how large, and what is in it."""
        from apom.store import upkeep

        return upkeep.inspect(self._studio._store, self._studio.settings.store_url)

    def providers(self) -> tuple[AIProvider, ...]:
        """Every provider with the state of its keys."""
        return self._studio.ai_providers.everything()

    def sync_providers(self) -> tuple[AIProvider, ...]:
        """Reads the shipped files again; what an admin edited is kept."""
        return self._studio.ai_providers.sync(by="operator")

    def set_key(self, provider: str, key: str, *, name: str | None = None) -> AIProvider:
        """Keeps a provider's key, encrypted. Raises NotFound, Invalid, Misconfigured, Unavailable."""
        return self._studio.ai_providers.set_key(provider, key, name=name, by="operator")

    def remove_key(self, provider: str, *, name: str | None = None) -> AIProvider:
        """Forgets a stored key. Raises NotFound, Invalid."""
        return self._studio.ai_providers.remove_key(provider, name=name, by="operator")

    def set_active(self, provider: str, is_active: bool) -> AIProvider:
        """Offers a provider's models, or no longer. Raises NotFound."""
        return self._studio.ai_providers.set_active(provider, is_active, by="operator")

    def set_address(self, provider: str, base_url: str | None, *, may_be_private: bool = False) -> AIProvider:
        """See `AIProviders.set_address`. Raises NotFound, Invalid."""
        return self._studio.ai_providers.set_address(provider, base_url, may_be_private=may_be_private, by="operator")

    def provider_file(self, provider: str) -> str:
        """The text of a provider's file: an admin's, else the shipped one. Raises NotFound."""
        return self._studio.ai_providers.definition(provider)

    def edit_provider(self, provider: str, definition: str) -> AIProvider:
        """Another file for a provider, or a new one, checked first. Raises Invalid with place and mend."""
        return self._studio.ai_providers.edit(provider, definition, by="operator")

    def reset_provider(self, provider: str) -> None:
        """The shipped file and address again; a provider that was not shipped is gone. Raises NotFound."""
        self._studio.ai_providers.reset(provider, by="operator")

    def dry_run(self, model: str, prompt: str, params: Mapping[str, JsonValue] | None = None) -> Json:
        """The exact request of an order, its key masked; nothing is sent or stored. Raises Invalid."""
        return self._studio.ai_providers.dry_run(model, prompt, params or {})

    def test_provider(self, provider: str) -> ProviderTest:
        """Asks the provider what credit is left. Raises NotFound, Invalid, Misconfigured, ProviderError."""
        return self._studio.ai_providers.test(provider)

    def models(self) -> tuple[AIModel, ...]:
        """What can be generated with."""
        return self._studio.generate.models()

    def try_model(
        self,
        model: str,
        prompt: str,
        *,
        username: str | None = None,
        project: str = TRIALS,
        params: Json | None = None,
        source: Ref | None = None,
    ) -> Take:
        """Orders one take in a project of that name, made when it is not there; it costs what a take costs.

        `username`: whose order it is, the first admin's by default. `source`: a take to start from. Raises NotFound,
        and as `Workspace.generate` does.
        """
        workspace = self._studio.workspace(self._studio.accounts.acting(username))
        mine = (each for each in workspace.projects(limit=LIMITS.page).items if each.name == project)
        found = next(mine, None) or workspace.create_project(project)
        boxes = workspace.get_project_boxes(found)
        box = boxes[-1] if boxes else workspace.create_box(found, "One")
        inputs = [] if source is None else [(_first_role(workspace.models(), model), source)]
        return workspace.create_asset(box, prompt, model=model, params=params, inputs=inputs)

    def trial(self, asset: Ref, *, username: str | None = None) -> Trial:
        """How far a take is, and where its file lies once it is here. Raises NotFound."""
        workspace = self._studio.workspace(self._studio.accounts.acting(username))
        take = workspace.asset(asset)
        path = None if take.file_key is None else workspace.file(take, take.file_key.rpartition("/")[2])[0]
        return Trial(take=take, path=path)

    def retention_plan(self) -> RetentionPlan:
        """What the next cleaning does, everywhere."""
        return self._studio.retention.plan_all()

    def run_retention(self, *, confirmed: bool = False) -> RetentionRun:
        """See `Workspace.run_retention`; files are deleted before it answers. Raises Conflict, Unavailable."""
        run = confirmable(self._studio.retention.run("operator", confirmed=confirmed))
        self._studio.retention.delete_files()
        return run

    def sweep(self, *, only_look: bool = False, confirmed: bool = False) -> Sweep:
        """See `Workspace.sweep`. Raises Unavailable."""
        return self._studio.sweeps.run("operator", only_look=only_look, confirmed=confirmed)

    def backup(self, folder: str, *, media: bool = True) -> Backup:
        """A copy of everything in a folder, while people go on working. Raises Misconfigured, Unavailable, OSError."""
        return self._studio.backups.make(Path(folder), media=media)

    def snapshot(self, name: str) -> Snapshot:
        """A consistent copy beside the store, while people go on working. Raises Invalid, Conflict."""
        from apom.store import upkeep

        return upkeep.snapshot(self._studio._store, name)

    def copy_store(self, url: str) -> dict[str, int]:
        """Every row as of now into an empty store at `url`; the rows of each table. This one is left as it is.

        Raises Misconfigured, Conflict when it is not empty, Unavailable.
        """
        from apom.store.copying import copy

        target = open_store(url)
        try:
            return copy(self._studio._store, target)
        finally:
            target.close()


def _first_role(models: Iterable[AIModel], name: str) -> InputRole:
    """What a model starts from. Raises Invalid."""
    found = next((each for each in models if f"{each.provider}/{each.name}" == name), None)
    if found is None or not found.inputs:
        raise Invalid("This model starts from nothing but words. Choose another one.", field="model")
    return InputRole(str(found.inputs[0]["role"]))


@limited
class Workspace(Exporting):
    """What one signed-in person may do. Every method takes a record or its id and answers with frozen records.

    A stranger's id raises NotFound like a missing one; a member's missing right raises NotAllowed, and so does what an
    API token may not do (apom.scopes).
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

    def sessions(self) -> Rows[Session]:
        """The actor's own sessions, the latest first."""
        return Rows(self._studio.accounts.sessions(self.actor), Session)

    def end_session(self, session: Ref) -> None:
        """Signs one browser out. Raises NotFound."""
        self._studio.accounts.end_session(self.actor, id_of(session))

    def logout(self) -> None:
        """Ends this session."""
        self._studio.accounts.logout(self.actor)

    def create_token(self, name: str, *, days: int = 365, scopes: Sequence[Scope] = BOTH) -> tuple[ApiToken, str]:
        """An API token for notebooks and scripts, and its secret, shown this once. Raises Invalid, Conflict."""
        return self._studio.tokens.create(self.actor, name, days, scopes)

    def tokens(self) -> Rows[ApiToken]:
        """The actor's API tokens that still work, the latest first."""
        return Rows(self._studio.tokens.of(self.actor.user_id), ApiToken)

    def revoke_token(self, token: Ref) -> None:
        """Ends an API token now. Raises NotFound."""
        self._studio.tokens.revoke(id_of(token), by=self.actor.username, of=self.actor.user_id)

    def allowance(self) -> Allowance:
        """What the actor spent in this month, and may still spend."""
        return self._studio.money.allowance(self.actor)

    # what an admin looks after

    def system(self) -> Rows[SystemSetting]:
        """What is set for the whole studio, key by key (apom.config.SYSTEM). Raises NotAllowed."""
        return Rows(self._studio.system.all_for(self.actor), SystemSetting)

    def set_system(self, key: str, value: JsonValue) -> None:
        """An admin's setting (apom.config.SYSTEM). Raises NotAllowed, Invalid."""
        self._studio.system.set(key, value, by=self.actor)

    def balances(self, month: datetime | None = None) -> Rows[BalanceChange]:
        """What became of each provider's credit in a month, None for this one, beside our own entries. Raises NotAllowed."""
        return Rows(self._studio.balances.changes_for(self.actor, month), BalanceChange)

    def users(
        self,
        text: str = "",
        *,
        is_admin: bool | None = None,
        is_active: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[User]:
        """Accounts whose name or e-mail address holds the text, the newest first. Raises NotAllowed, Invalid."""
        return self._studio.accounts.people(
            self.actor, text, is_admin=is_admin, is_active=is_active, cursor=cursor, limit=limit
        )

    def add_user(self, username: str, password: str) -> User:
        """An account for somebody else, whether registration is open or not. Raises NotAllowed, Invalid, Conflict."""
        return self._studio.accounts.add(username, password, by=need_admin(self.actor))

    def change_user(self, username: str, *, is_admin: bool | None = None, is_active: bool | None = None) -> User:
        """What is named is changed; who may no longer sign in is signed out. Raises NotAllowed, NotFound, Conflict."""
        return self._studio.accounts.change(username, by=need_admin(self.actor), is_admin=is_admin, is_active=is_active)

    def set_monthly_limit(self, username: str, limit: float | None) -> User:
        """What somebody may spend in a month, in the studio's currency; None for no limit.

        Raises NotAllowed, NotFound, Invalid.
        """
        return self._studio.accounts.set_monthly_limit(username, limit, by=need_admin(self.actor))

    def reset_password(self, username: str, password: str) -> User:
        """Somebody else's new password; their sessions and tokens end. Raises NotAllowed, NotFound, Invalid."""
        return self._studio.accounts.reset_password(username, password, by=need_admin(self.actor))

    def audit(self, *, cursor: str | None = None, limit: int = 100) -> Page[AuditEntry]:
        """What was done in the studio: sign-ins, links, tokens, keys, deletions; newest first. Raises NotAllowed."""
        return self._studio.accounts.audit(self.actor, cursor, limit)

    # providers: an admin's

    def _admin(self) -> str:
        """The admin's name. Raises NotAllowed."""
        if not self.actor.is_admin:
            raise NotAllowed("Only an admin looks after providers and their keys. Ask one.")
        return self.actor.username

    def providers(self) -> Rows[AIProvider]:
        """Every provider with the state of its keys, those that cannot be used too. Raises NotAllowed."""
        self._admin()
        return Rows(self._studio.ai_providers.everything(), AIProvider)

    def provider_file(self, provider: str) -> str:
        """The text of a provider's file: an admin's, else the shipped one. Raises NotAllowed, NotFound."""
        self._admin()
        return self._studio.ai_providers.definition(provider)

    def set_key(self, provider: str, key: str, *, name: str | None = None) -> AIProvider:
        """Keeps a provider's key, encrypted; what is in flight uses it from now on. `name`: where there are several.

        Raises NotAllowed, NotFound, Invalid, Misconfigured for a key file that is lost, Unavailable.
        """
        return self._studio.ai_providers.set_key(provider, key, name=name, by=self._admin())

    def remove_key(self, provider: str, *, name: str | None = None) -> AIProvider:
        """Forgets a stored key; one from the environment stays. Raises NotAllowed, NotFound, Invalid."""
        return self._studio.ai_providers.remove_key(provider, name=name, by=self._admin())

    def set_active(self, provider: str, is_active: bool) -> AIProvider:
        """Offers a provider's models, or no longer; what is in flight goes on. Raises NotAllowed, NotFound."""
        return self._studio.ai_providers.set_active(provider, is_active, by=self._admin())

    def set_address(self, provider: str, base_url: str | None, *, may_be_private: bool = False) -> AIProvider:
        """See `AIProviders.set_address`. Raises NotAllowed, NotFound, Invalid."""
        admin = self._admin()
        return self._studio.ai_providers.set_address(provider, base_url, may_be_private=may_be_private, by=admin)

    def edit_provider(self, provider: str, definition: str) -> AIProvider:
        """Another file for a provider, or a new one, checked first. Raises NotAllowed, Invalid with place and mend."""
        return self._studio.ai_providers.edit(provider, definition, by=self._admin())

    def reset_provider(self, provider: str) -> None:
        """The shipped file and address again; a provider that was not shipped is gone. Raises NotAllowed, NotFound."""
        self._studio.ai_providers.reset(provider, by=self._admin())

    def test_provider(self, provider: str) -> ProviderTest:
        """Asks the provider what credit is left: free, and it shows whether the key works.

        Raises NotAllowed, NotFound, Invalid for one that cannot be asked, Misconfigured, ProviderError.
        """
        self._admin()
        return self._studio.ai_providers.test(provider)

    def dry_run(self, model: str, prompt: str, params: Mapping[str, JsonValue] | None = None) -> Json:
        """The exact request of an order, its key masked; nothing is sent or stored. Raises NotAllowed, Invalid."""
        self._admin()
        return self._studio.ai_providers.dry_run(model, prompt, params or {})

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

    def sound_box(self, project: Ref) -> Box:
        """Where the project's sound lies: the reference box for it, made when there is none. Raises NotFound, NotAllowed."""
        return self._studio.projects.sound_box(self.actor, id_of(project))

    def set_soundtrack(
        self,
        project: Ref,
        path: Path | str | None,
        *,
        rights: Rights | None = None,
        on_progress: OnProgress | None = None,
    ) -> Project:
        """What plays under the cut: a sound file of one's own (MP3, M4A, WAV, FLAC, Ogg); None for nothing.

        A sound that is a take already is set by `update_project(project, soundtrack_asset_id=…)`. Raises as `upload` does.
        """
        if path is None:
            return self.update_project(project, soundtrack_asset_id=None)
        take = self.upload(self.sound_box(project), path, rights=rights, on_progress=on_progress).take
        try:
            return self.update_project(project, soundtrack_asset_id=take.id)
        except Invalid:  # it is no sound
            self.delete_asset(take)
            raise

    def delete_project(self, project: Ref) -> None:
        """With everything in it, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.projects.delete(self.actor, id_of(project))

    def members(self, project: Ref) -> Rows[Member]:
        """Who is in a project."""
        return Rows(self._studio.projects.members(self.actor, id_of(project)), Member)

    def set_member(self, project: Ref, username: str, role: Role) -> Rows[Member]:
        """Lets somebody in as EDITOR or VIEWER. Raises NotFound, NotAllowed, Invalid."""
        return Rows(self._studio.projects.set_member(self.actor, id_of(project), username, role), Member)

    def remove_member(self, project: Ref, user: Ref) -> None:
        """Somebody leaves. Raises NotFound, NotAllowed, Invalid."""
        self._studio.projects.remove_member(self.actor, id_of(project), id_of(user))

    def create_sample_project(self) -> Project:
        """Four shots with sandbox pictures on their way, to look around in."""
        project = self.create_project(
            _("Sample: the lighthouse"), notes=_("Made by the sandbox: pictures to play with, no money.")
        )
        boxes = self.create_boxes(project, [_(name) for name, prompt in SAMPLE_SHOTS])
        for box, (_name, prompt) in zip(boxes, SAMPLE_SHOTS, strict=True):
            self.update_box(box, prompt_text=prompt)
            self.generate(box, prompt, n=2)
        return project

    # boxes

    def create_box(self, project: Ref, name: str, *, kind: BoxKind = BoxKind.SHOT, **fields: Unpack[BoxFields]) -> Box:
        """A new box at the end. Raises NotFound, NotAllowed, Invalid, Conflict."""
        return self._studio.projects.create_boxes(self.actor, id_of(project), [name], kind, fields)[0]

    def create_boxes(self, project: Ref, names: Sequence[str], *, kind: BoxKind = BoxKind.SHOT) -> Rows[Box]:
        """Many boxes at once, all or none. Raises NotFound, NotAllowed, Invalid."""
        return Rows(self._studio.projects.create_boxes(self.actor, id_of(project), list(names), kind, {}), Box)

    def box(self, box: Ref) -> Box:
        """One box. Raises NotFound."""
        return self._studio.projects.box(self.actor, id_of(box))

    def get_project_boxes(self, project: Ref, *, kind: BoxKind | None = None) -> Rows[Box]:
        """The shots in order, then the other boxes by code. Raises NotFound."""
        return Rows(self._studio.projects.boxes(self.actor, id_of(project), kind), Box)

    def update_box(self, box: Ref, **changes: Unpack[BoxChanges]) -> Box:
        """Changes what is named. Raises NotFound, NotAllowed, Invalid, Conflict."""
        return self._studio.projects.update_box(self.actor, id_of(box), changes)

    def delete_box(self, box: Ref) -> None:
        """With every take in it, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.projects.delete_box(self.actor, id_of(box))

    def reorder_boxes(self, project: Ref, order: Sequence[Ref]) -> Rows[Box]:
        """The shots in this order: each exactly once, all or nothing. Raises NotFound, NotAllowed, Conflict."""
        return Rows(self._studio.projects.reorder(self.actor, id_of(project), [id_of(b) for b in order]), Box)

    def move_box(self, box: Ref, steps: int) -> Rows[Box]:
        """A shot `steps` places later, earlier when negative. Raises NotFound, NotAllowed, Invalid."""
        return Rows(self._studio.projects.move(self.actor, id_of(box), steps), Box)

    # takes

    def upload(
        self,
        box: Ref,
        path: Path | str,
        *,
        name: str | None = None,
        rights: Rights | None = None,
        upload_id: UUID | None = None,
        on_progress: OnProgress | None = None,
    ) -> Uploaded:
        """A picture or a clip of one's own becomes a take. The file stays where it is; its prompt and seed are read.

        `name`: how it is shown, if not as the file is called. `upload_id`: the same again is the same take, so that a
        repeated call doubles nothing. `on_progress` hears how many bytes of how many were sent. `twin` of what comes back
        is another take of the project with the very same file. Raises NotFound, NotAllowed, Invalid, TooLarge, BadMedia.
        """
        return send(partial(self.receive, box), partial(self.received, box), path, name, rights, upload_id, on_progress)

    def receive(self, box: Ref, upload: Upload, content: Iterable[bytes]) -> Arriving:
        """The same piece by piece, for what is no file here: `content` goes behind the first `upload.offset` bytes.

        Raises as `upload` does, Conflict where `offset` does not fit what is here, and Unavailable.
        """
        return self._studio.uploads.receive(self.actor, id_of(box), upload, content)

    def received(self, box: Ref, upload_id: UUID) -> Arriving:
        """How far an upload is: where one goes on with it. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.uploads.received(self.actor, id_of(box), upload_id)

    def known_files(self, project: Ref, sha256: Sequence[str]) -> frozenset[str]:
        """Those of these files (SHA-256, in hex) that a take of the project has. Raises NotFound, Invalid."""
        return self._studio.uploads.known(self.actor, id_of(project), sha256)

    def models(self, asset_type: AssetType | None = None) -> Rows[AIModel]:
        """What can be generated with."""
        return Rows(self._studio.generate.models(asset_type), AIModel)

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
    ) -> Rows[Take]:
        """`n` takes with different seeds, PENDING; the engine goes on by itself. See `apom.generate.Order`.

        Raises NotFound, NotAllowed, Invalid, Conflict; nothing is stored or sent then.
        """
        used = [(InputRole(role), id_of(source)) for role, source in inputs]
        order = Order(prompt=prompt, model=model, params=params or {}, inputs=used, n=n, token=token)
        return Rows(self._studio.generate.order(self.actor, id_of(box), order), Take)

    def animate(self, asset: Ref, prompt: str = "", *, model: str = DEFAULT_VIDEO, token: str | None = None) -> Take:
        """A clip that starts from this picture. Raises as `generate` does."""
        picture = self.asset(asset)
        inputs = [(InputRole.FIRST_FRAME, picture)]
        words = prompt or picture.prompt_text
        return self.generate(picture.box_id, words, model=model, inputs=inputs, token=token)[0]

    def edit(self, asset: Ref, words: str, *, n: int = 1, token: str | None = None) -> Rows[Take]:
        """Smart Edit: `n` takes made from this picture, changed by words, beside it. An admin sets with which model.

        Raises as `generate` does.
        """
        return Rows(self._studio.editing.edit(self.actor, id_of(asset), words, n=n, token=token), Take)

    def continue_shot(
        self,
        box: Ref,
        prompt: str = "",
        *,
        clip: Ref | None = None,
        into: Ref | None = None,
        adds_shot: bool = False,
        model: str = DEFAULT_VIDEO,
        token: str | None = None,
    ) -> Take:
        """A clip that begins with the last frame of this shot's headliner, or of `clip`; that picture becomes a take too.

        It goes `into` a shot, else into the one that follows, which `adds_shot` adds after the last. Without a prompt it
        has that shot's, else the clip's. Raises as `generate` does, and BadMedia.
        """
        wish = Onward(
            box_id=id_of(box),
            words=prompt,
            model=model,
            clip_id=None if clip is None else id_of(clip),
            into_id=None if into is None else id_of(into),
            adds_shot=adds_shot,
            token=token,
        )
        return self._studio.continuing.go_on(self.actor, wish)

    def again(self, asset: Ref, *, token: str | None = None) -> Take:
        """The same recipe once more: with the same seed when it failed, with another one when it did not.

        Raises as `generate` does.
        """
        take = self.asset(asset)
        failed = take.status in (Status.FAILED, Status.CANCELLED)
        order = Order(
            prompt=take.prompt_text,
            model=take.ai_model,
            params={name: value for name, value in take.generation_config.items() if failed or value != take.seed},
            inputs=[(used.role, used.source_asset_id) for used in take.inputs],
            token=token,
            again_of=take.id if failed else None,
        )
        return self._studio.generate.order(self.actor, take.box_id, order)[0]

    def wait(
        self, takes: Sequence[Ref] | Batch, *, timeout_s: float | None = None, on_change: OnChange | None = None
    ) -> Rows[Take]:
        """The takes once none of them is on its way any more; `on_change` is told all of them after each look.

        Of a batch these are all of its takes that are not in the trash; as long as it is paused, some stay on their way.
        Raises NotFound when one is deleted meanwhile, Unavailable after `timeout_s`: they go on by themselves.
        """
        if isinstance(takes, Batch):
            batch = takes
            its: list[Take] = every(lambda cursor: self.search_assets(batch=batch, cursor=cursor, limit=LIMITS.page))
            takes = its
        return wait(self.get_assets, [id_of(take) for take in takes], timeout_s=timeout_s, on_change=on_change)

    def asset(self, asset: Ref) -> Asset:
        """One take with everything about it. Raises NotFound."""
        return self._studio.assets.get(self.actor, id_of(asset))

    def get_box_assets(
        self,
        box: Ref,
        *,
        asset_type: AssetType | None = None,
        status: Status | None = None,
        favorites: bool = False,
        min_rating: int = 0,
        trashed: bool = False,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Take]:
        """A box's takes, newest first; with `trashed` those in its trash instead. Raises NotFound."""
        wanted = Filter(
            box_id=id_of(box),
            asset_type=asset_type,
            status=status,
            favorites=favorites,
            min_rating=min_rating,
            trashed=trashed,
        )
        return self._studio.assets.page(self.actor, wanted, cursor, limit)

    def get_assets(self, assets: Sequence[Ref]) -> Rows[Take]:
        """These takes as they are now, those in the trash too; left out what is not there. Raises Invalid.

        At most `LIMITS.marks` at once.
        """
        return Rows(self._studio.assets.several(self.actor, [id_of(asset) for asset in assets]), Take)

    def search_assets(
        self,
        text: str = "",
        *,
        project: Ref | None = None,
        box: Ref | None = None,
        batch: Ref | None = None,
        asset_type: AssetType | None = None,
        source_type: SourceType | None = None,
        status: Status | None = None,
        favorites: bool = False,
        min_rating: int = 0,
        trashed: bool = False,
        ai_model: str | None = None,
        tag: str | None = None,
        created_by: Ref | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Take]:
        """Takes whose prompt or shot (name, code) has every word of `text`, newest first.

        `-word` must not be there, `"two words"` stand together; letters match in either case. `since` is the first
        moment, `until` the first one after the last; both aware. `trashed`: those in the trash instead, with the recipes
        of those whose files were cleaned away. Raises NotFound, Invalid.
        """
        wanted = Filter(
            project_id=None if project is None else id_of(project),
            box_id=None if box is None else id_of(box),
            batch_id=None if batch is None else id_of(batch),
            asset_type=asset_type,
            source_type=source_type,
            status=status,
            favorites=favorites,
            min_rating=min_rating,
            trashed=trashed,
            ai_model=ai_model,
            tag=tag,
            created_by=None if created_by is None else id_of(created_by),
            since=since,
            until=until,
        )
        return self._studio.assets.page(self.actor, wanted, cursor, limit, text)

    def mark(self, marks: Sequence[Mark]) -> Marked:
        """Favourites, ratings, headliners, trash: many at once, each for itself, said absolutely (see `Mark`).

        The same marks again change nothing, so a request whose answer was lost can be repeated. Raises Invalid for
        none or more than `LIMITS.marks`.
        """
        return self._studio.assets.mark(self.actor, marks)

    def count_assets(self, text: str = "", **wanted: Unpack[Wanted]) -> int:
        """How many takes there are of what `search_assets` finds. Raises NotFound, Invalid."""
        return self._studio.bulk.count(self.actor, Filter(**parts_of(wanted)), text)

    def mark_all(self, mark: Judgement, text: str = "", **wanted: Unpack[Wanted]) -> Job:
        """Marks every take that `search_assets` finds now, as a job; what arrives later is left alone.

        Its result says how many are `changed`, how many were the `same` already, and how many were `refused` by which
        sentence. Raises NotFound, NotAllowed, Invalid.
        """
        return self._studio.bulk.order(self.actor, mark, Filter(**parts_of(wanted)), text)

    def get_favorite_assets(
        self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 200
    ) -> Page[Take]:
        """Favourites of a project, or of all the actor's projects. Raises NotFound."""
        wanted = Filter(project_id=None if project is None else id_of(project), favorites=True)
        return self._studio.assets.page(self.actor, wanted, cursor, limit)

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
        """Stops a take; one that was sent is followed for its cost, and offered if it comes. See `Decisions.cancel`."""
        return self._studio.decisions.cancel(self.actor, id_of(asset))

    # what only a person may decide; `Asset.answers` says which of these a take waits for

    def check_again(self, asset: Ref) -> Take:
        """Asks the provider once more, with a new deadline. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.check_again(self.actor, id_of(asset))

    def retry_download(self, asset: Ref) -> Take:
        """Fetches the finished file once more. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.retry_download(self.actor, id_of(asset))

    def paste_task_id(self, asset: Ref, text: str) -> Take:
        """The provider's own id for a lost take; the provider is asked. See `Decisions.paste_task_id`."""
        return self._studio.decisions.paste_task_id(self.actor, id_of(asset), text)

    def regenerate(self, asset: Ref, *, may_bill_again: bool, token: str | None = None) -> Take:
        """The same recipe as a new take, knowing that both may be billed; this one is given up. Pressed twice it is one.

        Raises NotFound, NotAllowed, Conflict, Invalid.
        """
        take = self.asset(asset)
        if not may_bill_again:
            raise Invalid(
                "The first one may have been billed. Say that it may be billed again, or check first.",
                field="may_bill_again",
            )
        inputs = [(used.role, used.source_asset_id) for used in take.inputs]
        order = Order(
            prompt=take.prompt_text,
            model=take.ai_model,
            params=take.generation_config,
            inputs=inputs,
            token=token or f"regenerate-{take.id}",
            instead_of=take.id,
        )
        return self._studio.generate.order(self.actor, take.box_id, order)[0]

    def give_up(self, asset: Ref) -> Take:
        """Counts it as failed; what arrives after all is offered. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.give_up(self.actor, id_of(asset))

    def frame(self, asset: Ref, at_s: float | None = None, *, box: Ref | None = None) -> Take:
        """The picture that is seen `at_s` seconds into a clip, None for its last, as a new take.

        `box`: the shot of the same project it goes to. Raises NotFound, NotAllowed, Invalid, BadMedia.
        """
        return self._studio.stills.frame(self.actor, id_of(asset), at_s, None if box is None else id_of(box))

    def spending(self, project: Ref) -> Spending:
        """What a project has spent and promised, in its currency. Raises NotFound."""
        return self._studio.money.spending(self.actor, id_of(project))

    def statement(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Rows[StatementRow]:
        """Month by provider by project by person: the actor's projects and own orders. `until` is exclusive.

        Raises NotFound, Invalid.
        """
        wanted = None if project is None else id_of(project)
        return Rows(self._studio.money.statement(self.actor, since=since, until=until, project_id=wanted))

    def statement_csv(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> str:
        """The same for a spreadsheet: see `apom.statement`. Write it as `utf-8-sig`. Raises NotFound, Invalid."""
        return csv_text(self.statement(project=project, since=since, until=until))

    def spending_by_day(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Rows[SpendingDay]:
        """Day by provider by model: the actor's projects and own orders, the earliest first. `until` is exclusive.

        Raises NotFound, Invalid.
        """
        wanted = None if project is None else id_of(project)
        found = self._studio.money.by_day(self.actor, since=since, until=until, project_id=wanted)
        return Rows(found, SpendingDay)

    def keep(self, asset: Ref) -> Take:
        """Takes what arrived after it was stopped. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.keep(self.actor, id_of(asset))

    def queue(
        self,
        *,
        project: Ref | None = None,
        status: Status | None = None,
        created_by: Ref | None = None,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[QueueItem]:
        """What is on its way or waits for a person, in the order it was asked for.

        `status=FAILED`: what failed in the last seven days and was not ordered again, and what arrived after it was
        stopped, the newest first. Raises NotFound, Invalid.
        """
        project_id = None if project is None else id_of(project)
        person = None if created_by is None else id_of(created_by)
        return self._studio.queue.page(self.actor, project_id, status, person, cursor, limit)

    def queue_items(self, assets: Sequence[Ref]) -> Rows[QueueItem]:
        """Those of these takes that are in the queue, failed ones included. Raises Invalid for more than `LIMITS.marks`."""
        return Rows(self._studio.queue.several(self.actor, [id_of(asset) for asset in assets]), QueueItem)

    def queue_summary(self) -> Rows[QueueSummary]:
        """How many takes of each project are on their way, and how many wait for a person."""
        return Rows(self._studio.queue.summary(self.actor), QueueSummary)

    def decide(self, assets: Sequence[Ref], deed: Deed, *, may_bill_again: bool = False) -> Decided:
        """Does the same to many takes, each for itself: one that is refused holds up no other.

        Repeated it does nothing twice. `may_bill_again`: for REGENERATE, as in `regenerate`. Raises Invalid for none or
        more than `LIMITS.marks`.
        """
        acts: dict[Deed, Callable[[UUID], Take]] = {
            Deed.CANCEL: self.cancel,
            Deed.AGAIN: lambda id: self.again(id, token=f"again-{id}"),
            Deed.CHECK_AGAIN: self.check_again,
            Deed.RETRY_DOWNLOAD: self.retry_download,
            Deed.REGENERATE: lambda id: self.regenerate(id, may_bill_again=may_bill_again),
            Deed.GIVE_UP: self.give_up,
            Deed.KEEP: self.keep,
        }
        return one_by_one(self.actor, [id_of(asset) for asset in assets], acts[deed])

    def provider_health(self) -> Rows[ProviderHealth]:
        """How each provider has been doing."""
        return Rows(self._studio.queue.providers(), ProviderHealth)

    # many at once

    def estimate_batch(self, project: Ref, order: BatchOrder) -> BatchPlan:
        """What an order would come to, model by model, and every reason why it would be refused. Raises NotFound."""
        return self._studio.batches.estimate(self.actor, id_of(project), order)

    def order_batch(self, project: Ref, order: BatchOrder, *, token: str | None = None) -> Batch:
        """Each prompt with each model in each shot with each seed, admitted whole or not at all.

        The same `token` again is the same batch. Raises NotFound, NotAllowed, Invalid, Conflict, and Refused with every
        reason.
        """
        return self._studio.batches.order(self.actor, id_of(project), order, token)

    def batches(self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 50) -> Page[Batch]:
        """Batches of a project, or of all the actor's projects, newest first. Raises NotFound, Invalid."""
        return self._studio.batches.page(self.actor, None if project is None else id_of(project), cursor, limit)

    def batch(self, batch: Ref) -> Batch:
        """A batch as it is now. Raises NotFound."""
        return self._studio.batches.get(self.actor, id_of(batch))

    def pause_batch(self, batch: Ref) -> Batch:
        """Nothing more of it is sent from now on; what was sent goes on. Raises NotFound, NotAllowed."""
        return self._studio.batches.pause(self.actor, id_of(batch))

    def resume_batch(self, batch: Ref) -> Batch:
        """What waits goes into line again. Raises NotFound, NotAllowed."""
        return self._studio.batches.resume(self.actor, id_of(batch))

    def cancel_batch(self, batch: Ref) -> Batch:
        """Stops all of it that is on its way, each take as `cancel` does. Raises NotFound, NotAllowed."""
        return self._studio.batches.cancel(self.actor, id_of(batch))

    def retry_batch(self, batch: Ref, *, token: str | None = None) -> Batch:
        """What failed or was cancelled once more, with the same recipe and seed, as new takes of the batch.

        All of it or nothing; what waits for a person, arrived after all or is in the trash is left alone. The same
        `token` again changes nothing. Raises NotFound, NotAllowed, Invalid, and Refused with every reason.
        """
        return self._studio.batches.retry(self.actor, id_of(batch), token)

    def delete_asset(self, asset: Ref) -> None:
        """A take and its files, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.assets.delete(self.actor, id_of(asset))

    def file(self, asset: Ref, name: str) -> tuple[Path, str]:
        """A stored file of a take: (path, media type). `name`: the last part of its key. Raises NotFound."""
        return self._studio.assets.file(self.actor, id_of(asset), name)

    # what leaves the house

    def download(self, asset: Ref, path: Path, *, metadata: bool = False) -> Exported:
        """A take's original at `path`, or under its name in that folder; no pixel of it is changed.

        `metadata`: with prompt, model and seed in it, and whatever it said when it came, for who may edit; else clean.
        Raises NotFound, NotAllowed, BadMedia, OSError.
        """
        return self._studio.downloads.write(self.actor, id_of(asset), path, metadata=metadata)

    def export_formats(self) -> Rows[ExportFormat]:
        """What a project can leave as, what one may choose in each, and what one chose last."""
        return Rows(self._studio.exports.formats(self.actor), ExportFormat)

    def export(self, project: Ref, format: str, path: Path, **choices: JsonValue) -> Exported:
        """A project in one of the formats, written to `path` before it returns. What is missing is said in the answer.

        Raises NotFound, NotAllowed, Invalid, Conflict, OSError.
        """
        return self._studio.exports.write(self.actor, id_of(project), format, path, choices)

    def order_export(self, project: Ref, format: str, **choices: JsonValue) -> Job:
        """The same as a job; `export_file` fetches what it made. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.exports.order(self.actor, id_of(project), format, choices)

    def export_file(self, job: Ref, path: Path | None = None) -> Exported:
        """What a job made, for who ordered it, copied to `path`; without one where it lies, until it is cleared away.

        Raises NotFound, NotAllowed, Conflict, OSError.
        """
        made = self._studio.exports.file(self.actor, id_of(job))
        if path is None:
            return made
        shutil.copyfile(made.path, path)
        return made.model_copy(update={"path": path})

    def remember_export(self, format: str, **choices: JsonValue) -> None:
        """What one chose, for the next time. Raises Invalid."""
        self._studio.exports.remember(self.actor, format, choices)

    def import_archive(self, path: Path | str) -> Project:
        """The project of an archive, here, the actor its owner; again it is a second copy. All of it, or nothing.

        What was under way when it was archived arrives as stopped. Raises Invalid, TooLarge, Conflict, Unavailable.
        """
        return self._studio.archives.bring(self.actor, Path(path))

    def receive_archive(
        self, upload_id: UUID, content: Iterable[bytes], *, size: int, offset: int = 0
    ) -> ArchiveArriving:
        """A piece of an archive of `size` bytes, or all of it; once it is whole a job brings it in. See `receive`.

        Raises Invalid, Conflict, TooLarge, Unavailable.
        """
        return self._studio.archives.receive(self.actor, upload_id, size, offset, content)

    def archive_received(self, upload_id: UUID) -> ArchiveArriving:
        """How far an archive is on its way, and the job that brings it in."""
        return self._studio.archives.received(self.actor, upload_id)

    # long work

    def jobs(self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 100) -> Page[Job]:
        """The actor's jobs and those of their projects, or of one; newest first. Raises NotFound."""
        return self._studio.jobs.page(self.actor, None if project is None else id_of(project), cursor, limit)

    def job(self, job: Ref) -> Job:
        """One job. Raises NotFound."""
        return self._studio.jobs.get(self.actor, id_of(job))

    def cancel_job(self, job: Ref) -> Job:
        """Stops it for good; what it has done stays. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.jobs.cancel(self.actor, id_of(job))

    def pause_job(self, job: Ref) -> Job:
        """Stops it until it is resumed. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.jobs.pause(self.actor, id_of(job))

    def resume_job(self, job: Ref) -> Job:
        """Goes on where it was; one that failed is tried again. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.jobs.resume(self.actor, id_of(job))

    def rebuild_media(self, project: Ref) -> Job:
        """Thumbnails, previews and what browsers show in place of originals, made anew from a project's originals.

        Raises NotFound, NotAllowed.
        """
        return self._studio.derivatives.rebuild(self.actor, id_of(project))

    def undo_job(self, job: Ref) -> Job:
        """Stops a job that throws away and puts back what it threw away, as a job. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.bulk.undo(self.actor, id_of(job))

    # what leaves by itself, and what there is room for

    def storage(self, project: Ref | None = None) -> Rows[StorageUse]:
        """What the actor's projects take up, the largest first; or the boxes of one, in order. Raises NotFound."""
        wanted = None if project is None else id_of(project)
        return Rows(self._studio.retention.use(self.actor, wanted), StorageUse)

    def retention_plan(self, project: Ref | None = None) -> RetentionPlan:
        """What the next cleaning does as of now, in a project or, for an admin, everywhere. Raises NotFound, NotAllowed."""
        return self._studio.retention.plan(self.actor, None if project is None else id_of(project))

    def leaving(self, project: Ref, *, cursor: str | None = None, limit: int = 100) -> Page[Take]:
        """Takes that go to the trash within three days, the first to go first; `leaves_at` says when. Raises NotFound."""
        return self._studio.retention.leaving(self.actor, id_of(project), cursor, limit)

    def run_retention(self, *, confirmed: bool = False) -> RetentionRun:
        """Cleans now, for an admin: announces, throws away, purges. `confirmed`: where a person has to look first.

        Raises NotAllowed, Conflict with the reason where it has to be confirmed.
        """
        return confirmable(self._studio.retention.run(need_admin(self.actor), confirmed=confirmed))

    def retention_runs(self) -> Rows[RetentionRun]:
        """What the last cleanings did, newest first. Raises NotAllowed."""
        return Rows(self._studio.retention.runs(self.actor), RetentionRun)

    def move_media(self) -> Job:
        """Media from the folder that was the storage into the bucket, each file checked there; for an admin.

        Raises NotAllowed, Conflict without a bucket.
        """
        return self._studio.moving.order(self.actor)

    def sweep(self, *, only_look: bool = False, confirmed: bool = False) -> Sweep:
        """Looks for files without a row, removes them, and marks takes whose files cannot be found; for an admin.

        Nothing is removed with `only_look`, nor when it is suspiciously much and nobody has `confirmed` it. Raises
        NotAllowed, Unavailable.
        """
        return self._studio.sweeps.run(need_admin(self.actor), only_look=only_look, confirmed=confirmed)

    def sweeps(self) -> Rows[Sweep]:
        """What it found lately, newest first. Raises NotAllowed."""
        need_admin(self.actor)
        return Rows(self._studio.sweeps.recent(), Sweep)

    def empty_trash(self, project: Ref) -> Emptied:
        """The files of what lies in a project's trash go for good; the owner says so. Recipes and thumbnails stay.

        What a published round shows, what has a verdict, and what another take was made from stays. Raises NotFound,
        NotAllowed.
        """
        return self._studio.retention.empty_trash(self.actor, id_of(project))

    # sharing

    def publish_round(self, project: Ref, note: str = "") -> Round:
        """Freezes the headliners in order as the next round. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.sharing.publish(self.actor, id_of(project), note)

    def rounds(self, project: Ref) -> Rows[Round]:
        """A project's rounds, newest first. Raises NotFound."""
        return Rows(self._studio.sharing.rounds(self.actor, id_of(project)), Round)

    def round_shots(self, round: Ref) -> Rows[RoundShot]:
        """The shots as a round froze them, in order. Raises NotFound."""
        return Rows(self._studio.sharing.shots(self.actor, id_of(round)), RoundShot)

    def create_link(
        self,
        project: Ref,
        label: str,
        *,
        days: int | None = None,
        until: date | None = None,
        password: str | None = None,
        can_comment: bool = True,
        can_approve: bool = False,
        can_download: bool = False,
        show_prompts: bool = False,
    ) -> MadeLink:
        """A review link with its token and address, shown this once.

        It ends after `days`, or with the day `until`, wherever that ends last. Raises NotFound, NotAllowed, Invalid.
        """
        link, token = self._studio.sharing.create_link(
            self.actor,
            id_of(project),
            label,
            days=days,
            until=until,
            password=password,
            can_comment=can_comment,
            can_approve=can_approve,
            can_download=can_download,
            show_prompts=show_prompts,
        )
        is_local = self._studio.settings.is_local
        return MadeLink(link=link, token=token, url=self._studio.review_url(token), is_local=is_local)

    def links(self, project: Ref | None = None, *, live: bool = False) -> Rows[SharedLink]:
        """The review links of a project, or of all the actor's projects, newest first. `live`: only those that work.

        Raises NotFound.
        """
        wanted = None if project is None else id_of(project)
        return Rows(self._studio.sharing.links(self.actor, wanted, live), SharedLink)

    def change_link(
        self,
        link: Ref,
        *,
        can_comment: bool | None = None,
        can_approve: bool | None = None,
        can_download: bool | None = None,
        show_prompts: bool | None = None,
    ) -> SharedLink:
        """What those behind a link may do from now on; None leaves it as it is. Raises NotFound, NotAllowed."""
        switches = {
            "can_comment": can_comment,
            "can_approve": can_approve,
            "can_download": can_download,
            "show_prompts": show_prompts,
        }
        return self._studio.sharing.change(self.actor, id_of(link), switches)

    def link_activity(self, link: Ref, *, cursor: str | None = None, limit: int = 100) -> Page[LinkActivity]:
        """What was done with a link, newest first. Raises NotFound, Invalid."""
        return self._studio.sharing.activity(self.actor, id_of(link), cursor, limit)

    def revoke_link(self, link: Ref) -> None:
        """Ends a review link now. Raises NotFound, NotAllowed."""
        self._studio.sharing.revoke(self.actor, id_of(link))

    # what is said about takes

    def comments(
        self,
        *,
        project: Ref | None = None,
        box: Ref | None = None,
        asset: Ref | None = None,
        unresolved: bool = False,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Comment]:
        """What was said about a take, a shot or in a project, newest first. Raises NotFound, Invalid."""
        return self._studio.comments.page(
            self.actor,
            project_id=None if project is None else id_of(project),
            box_id=None if box is None else id_of(box),
            asset_id=None if asset is None else id_of(asset),
            unresolved=unresolved,
            cursor=cursor,
            limit=limit,
        )

    def add_comment(
        self,
        asset: Ref,
        text: str,
        *,
        visibility: Visibility = Visibility.INTERNAL,
        region: Region | None = None,
        timecode_s: float | None = None,
        end_s: float | None = None,
        answers: Ref | None = None,
    ) -> Comment:
        """Says something about a take. Nobody behind a link reads it unless `visibility` is CLIENT.

        `answers`: the comment it answers, about the same take. Raises NotFound, NotAllowed, Invalid.
        """
        fields = {"text": text, "region": region, "timecode_s": timecode_s, "end_s": end_s}
        parent = None if answers is None else id_of(answers)
        return self._studio.comments.add(self.actor, id_of(asset), fields, visibility, parent)

    def edit_comment(self, comment: Ref, text: str) -> Comment:
        """Other words for one's own comment. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.comments.edit(self.actor, id_of(comment), text)

    def delete_comment(self, comment: Ref) -> None:
        """A comment with its answers: an editor any, others their own while nobody has answered.

        Raises NotFound, NotAllowed, Conflict.
        """
        self._studio.comments.delete(self.actor, id_of(comment))

    def mark_comments(
        self,
        items: Sequence[Ref],
        *,
        is_read: bool | None = None,
        is_resolved: bool | None = None,
        is_hidden: bool | None = None,
    ) -> Rows[InboxItem]:
        """Comments and verdicts read or not, comments resolved or not, or hidden from those behind links; all or none.

        None leaves a thing as it is, what is not there is left out. Raises NotAllowed, Invalid for too many.
        """
        ids = [id_of(item) for item in items]
        marked = self._studio.comments.mark(
            self.actor, ids, is_read=is_read, is_resolved=is_resolved, is_hidden=is_hidden
        )
        return Rows(marked, InboxItem)

    def give_verdict(self, box: Ref, verdict: Opinion) -> Verdict:
        """One's own word about the take that the last round shows of a shot. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.comments.judge(self.actor, id_of(box), verdict)

    def verdicts(self, project: Ref, *, box: Ref | None = None) -> Rows[Verdict]:
        """What was decided in a project, or about a shot of it, newest first. Raises NotFound."""
        found = self._studio.comments.verdicts(self.actor, id_of(project), None if box is None else id_of(box))
        return Rows(found, Verdict)

    def inbox(
        self,
        *,
        project: Ref | None = None,
        is_read: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[InboxItem]:
        """Comments and verdicts of others, across one's projects or in one of them, newest first. Raises NotFound, Invalid."""
        wanted = None if project is None else id_of(project)
        return self._studio.comments.inbox(self.actor, project_id=wanted, is_read=is_read, cursor=cursor, limit=limit)

    def unread(self) -> Rows[Unread]:
        """How much of each project nobody has read, where there is something."""
        return Rows(self._studio.comments.unread(self.actor), Unread)

    # what I am told

    def notifications(self, *, unread: bool = False, cursor: str | None = None, limit: int = 50) -> Page[Notification]:
        """What the actor was told, newest first. Raises Invalid."""
        return self._studio.telling.page(self.actor, unread=unread, cursor=cursor, limit=limit)

    def notification(self, notification: Ref) -> Notification:
        """One of them. Raises NotFound."""
        return self._studio.telling.get(self.actor, id_of(notification))

    def unread_notifications(self) -> int:
        """How many the actor has not read."""
        return self._studio.telling.unread(self.actor)

    def mark_notifications_read(self, notifications: Iterable[Ref] | None = None) -> int:
        """Marks these as read, or all without naming any; how many are unread then. Raises Invalid for too many."""
        ids = None if notifications is None else [id_of(each) for each in notifications]
        return self._studio.telling.read(self.actor, ids)

    def notification_settings(self) -> NotificationSettings:
        """What the actor hears of by which way."""
        return self._studio.telling.settings(self.actor)

    def set_notification_settings(
        self, channels: Mapping[NoticeKind, Sequence[Channel]] | None = None, *, digest: Digest | None = None
    ) -> NotificationSettings:
        """Changes what is named: by which ways the actor hears of a kind, how often a mail comes. Raises Invalid."""
        return self._studio.telling.change(self.actor, channels, digest)

    def set_email(self, email: str | None) -> User:
        """Where the actor's mail goes; None for nowhere. Raises Invalid, Conflict."""
        return self._studio.accounts.set_email(self.actor, email)

    def send_test_mail(self) -> str:
        """Sends the actor a mail now; the address it went to. Raises Invalid, TooMany, Misconfigured, Unavailable."""
        return self._studio.digests.test(self.actor)

    def webhooks(self) -> Rows[Webhook]:
        """Where the actor has notifications posted, the oldest first."""
        return Rows(self._studio.webhooks.of(self.actor), Webhook)

    def add_webhook(
        self, name: str, url: str, *, preset: Preset = Preset.PLAIN, template: str | None = None
    ) -> MadeWebhook:
        """Has the actor's notifications posted to `url`, signed with a secret that is shown this once.

        `template`: JSON with {placeholders}, the preset's own without one. Raises Invalid, Conflict, Misconfigured.
        """
        return self._studio.webhooks.add(self.actor, name, url, preset, template)

    def change_webhook(self, webhook: Ref, *, is_active: bool | None = None, template: str | None = None) -> Webhook:
        """Turns one on or off, or has another body posted. Raises NotFound, Invalid."""
        return self._studio.webhooks.change(self.actor, id_of(webhook), is_active=is_active, template=template)

    def test_webhook(self, webhook: Ref) -> Webhook:
        """Posts something to it now. Raises NotFound, Unavailable with what went wrong."""
        return self._studio.webhooks.test(self.actor, id_of(webhook))

    def delete_webhook(self, webhook: Ref) -> None:
        """Nothing more is posted there. Raises NotFound."""
        self._studio.webhooks.delete(self.actor, id_of(webhook))

    # live

    @contextmanager
    def events(self, project: Ref) -> Iterator[Subscription]:
        """What changes in a project, for a coroutine of the running loop. Raises NotFound."""
        with self._studio.hub.subscribe(self.project(project).id) as subscription:
            yield subscription


class Review:
    """What one review link may do in one browser.

    The link is checked again on every call: unknown, expired, revoked, its password not given, all raise the same NotFound.
    """

    def __init__(self, studio: Studio, shown: Pass, address: str = "") -> None:
        self._studio = studio
        self._pass = shown
        self._address = address

    def id(self) -> UUID:
        """The link's id, its password given or not. Raises NotFound."""
        return self._studio.reviewing.live(self._pass)

    def door(self) -> ReviewDoor:
        """Whether this browser has to give a password first. Raises NotFound."""
        return self._studio.reviewing.door(self._pass)

    def admit(self, password: str) -> None:
        """Gives the password. Raises NotFound, NotSignedIn for a wrong one, TooMany."""
        self._studio.reviewing.admit(self._pass, password, self._address)

    def link(self) -> SharedLink:
        """The link itself. Raises NotFound."""
        return self._studio.reviewing.link(self._pass)

    def round(self) -> Round | None:
        """The last published round, None before the first. Raises NotFound."""
        return self._studio.reviewing.round(self._pass)

    def room(self) -> ReviewRoom:
        """What the link shows: the frozen shots in order; prompts only where it says so. Raises NotFound."""
        return self._studio.reviewing.room(self._pass)

    def visit(self) -> ReviewRoom:
        """The same for who comes in: what is new since the last visit is said, and this visit remembered. Raises NotFound."""
        return self._studio.reviewing.visit(self._pass)

    def looked(self, box: Ref) -> None:
        """A shot was looked at. Raises NotFound."""
        self._studio.reviewing.looked(self._pass, id_of(box))

    def call_me(self, name: str) -> None:
        """What the reviewer wants to be called. Raises NotFound, Invalid."""
        self._studio.reviewing.call(self._pass, name)

    def comments(self, *, cursor: str | None = None, limit: int = 200) -> Page[ReviewComment]:
        """What clients may read, newest first. Raises NotFound, Invalid."""
        return self._studio.reviewing.comments(self._pass, cursor, limit)

    def comment(
        self,
        asset: Ref,
        text: str,
        *,
        name: str = "",
        region: Region | None = None,
        timecode_s: float | None = None,
        end_s: float | None = None,
        answers: Ref | None = None,
    ) -> UUID:
        """Says something about a take of the last round or the one before, or answers; the comment's id.

        Raises NotFound, NotAllowed, Invalid, Conflict, TooMany.
        """
        fields = {"text": text, "region": region, "timecode_s": timecode_s, "end_s": end_s}
        parent = None if answers is None else id_of(answers)
        return self._studio.reviewing.comment(self._pass, id_of(asset), fields, name, parent)

    def edit_comment(self, comment: Ref, text: str) -> None:
        """Other words for one's own comment. Raises NotFound, NotAllowed, Invalid."""
        self._studio.reviewing.edit(self._pass, id_of(comment), text)

    def delete_comment(self, comment: Ref) -> None:
        """One's own comment, while nobody has answered. Raises NotFound, NotAllowed, Conflict."""
        self._studio.reviewing.delete(self._pass, id_of(comment))

    def give_verdict(self, box: Ref, round: Ref, verdict: Opinion, *, name: str = "") -> None:
        """Approves a shot of the last round, or asks for changes.

        Raises NotFound, NotAllowed, Invalid, TooMany, Conflict when another round was published meanwhile.
        """
        self._studio.reviewing.judge(self._pass, id_of(box), id_of(round), verdict, name)

    def takes_zip(self) -> tuple[str, Iterator[bytes]]:
        """The takes of the last round as a ZIP, where the link lets them be downloaded: its name, and its bytes piece by
        piece. The files are clean; the manifest has prompts only where the link shows them. Raises NotFound, NotAllowed,
        TooMany.
        """
        from apom.export.bundle import of_round
        from apom.export.exports import every_now_and_then
        from apom.names import called

        reviewing = self._studio.reviewing
        found = reviewing.pack(self._pass)
        ask = every_now_and_then(lambda: reviewing.may_download(self._pass))
        bundle = of_round(
            found.shots, found.files, self._studio._storage, prompts=found.shows_prompts, progress=lambda share: ask()
        )
        return called(f"{found.project_name} {found.round_number}", "zip"), self._studio.exports.sent.during(
            found.link_id, bundle.chunks
        )

    def file(self, asset: Ref, name: str, *, to_keep: bool = False) -> ReviewFile:
        """A file of a take that some round shows. `to_keep`: as a download. Raises NotFound, NotAllowed."""
        return self._studio.reviewing.file(self._pass, id_of(asset), name, to_keep=to_keep)


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
