"""The process: store, media, catalog and engine wired together, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import UUID

from apom.accounts import Accounts
from apom.ai_providers import AIProviders
from apom.asking import id_of
from apom.assets import Assets
from apom.backup import LOOK_S as BACKUP_S
from apom.backup import Backups
from apom.balances import LOOK_S, Balances
from apom.batches import Batches
from apom.bulk import Bulk
from apom.comments import Comments
from apom.config import Settings, shipped
from apom.continuing import Continuing
from apom.decisions import Decisions
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
from apom.errors import NotFound
from apom.events import Hub
from apom.export.archives import Archives
from apom.export.exports import TIDY_S as EXPORTS_S
from apom.export.exports import Exports
from apom.generate import Generate
from apom.health import examine
from apom.jobs import Jobs
from apom.keyring import Keyring
from apom.models import Actor, Health, Ref, Session, User
from apom.money import Money
from apom.moving import Moving
from apom.notices import LOOK_S as TELLING_S
from apom.notices import Notices
from apom.preflight import prepare_folder
from apom.projects import Projects
from apom.queue import Queue
from apom.retention import LOOK_S as CLEANING_S
from apom.retention import Retention
from apom.reviewing import Pass, Reviewing
from apom.sharing import Sharing
from apom.shot_lists import ShotLists
from apom.stills import Stills
from apom.store import Store, assets, open_store
from apom.studio.operator import Operator
from apom.studio.review import Review
from apom.studio.workspace import Workspace
from apom.sweep import LOOK_S as SWEEPING_S
from apom.sweep import Sweeps
from apom.system_config import SystemConfig
from apom.tokens import PREFIX, Tokens
from apom.uploads import TIDY_S, Uploads
from apom.vault import Vault
from apom.webhooks import LOOK_S as POSTING_S
from apom.webhooks import Webhooks

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage
    from apom.providers.catalog import Catalog


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
        self.shot_lists = ShotLists(store, self.hub, clock)
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
        self._storage.close()
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
