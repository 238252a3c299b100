"""Where a command finds the store: in the server that runs on the data folder, else by opening it here."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, cast

from pydantic import JsonValue

from apom import runfile
from apom.config import Settings
from apom.errors import NotFound
from apom.models import (
    AIModel,
    AIProvider,
    ApiToken,
    Backup,
    BalanceChange,
    Json,
    ProviderTest,
    RetentionPlan,
    RetentionRun,
    Scope,
    Snapshot,
    StatementRow,
    StoreInfo,
    Sweep,
    SystemSetting,
    Take,
    Trial,
    User,
)
from apom.tokens import BOTH

if TYPE_CHECKING:
    from apom.client.running import Server as Server
    from apom.studio import Workspace


class OperatorDoor(Protocol):
    """`apom.studio.Operator`, here or over HTTP."""

    def users(self) -> tuple[User, ...]: ...
    def add_user(self, username: str, password: str) -> User: ...
    def reset_password(self, username: str, password: str) -> User: ...
    def change_user(self, username: str, *, is_admin: bool | None = None, is_active: bool | None = None) -> User: ...
    def set_monthly_limit(self, username: str, limit: float | None) -> User: ...
    def config(self) -> tuple[SystemSetting, ...]: ...
    def set_config(self, key: str, value: JsonValue) -> SystemSetting: ...
    def statement(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[StatementRow, ...]: ...
    def balances(self, month: datetime | None = None) -> tuple[BalanceChange, ...]: ...
    def read_balances(self) -> tuple[BalanceChange, ...]: ...
    def tokens(self, username: str) -> tuple[ApiToken, ...]: ...
    def create_token(self, username: str, name: str, *, days: int, scopes: Sequence[Scope]) -> tuple[ApiToken, str]: ...
    def revoke_token(self, token: str) -> None: ...
    def store_info(self) -> StoreInfo: ...
    def retention_plan(self) -> RetentionPlan: ...
    def run_retention(self, *, confirmed: bool = False) -> RetentionRun: ...
    def sweep(self, *, only_look: bool = False, confirmed: bool = False) -> Sweep: ...
    def backup(self, folder: str, *, media: bool = True) -> Backup: ...
    def snapshot(self, name: str) -> Snapshot: ...
    def copy_store(self, url: str) -> Mapping[str, int]: ...
    def models(self) -> tuple[AIModel, ...]: ...
    def providers(self) -> tuple[AIProvider, ...]: ...
    def sync_providers(self) -> tuple[AIProvider, ...]: ...
    def set_key(self, provider: str, key: str, *, name: str | None = None) -> AIProvider: ...
    def remove_key(self, provider: str, *, name: str | None = None) -> AIProvider: ...
    def set_active(self, provider: str, is_active: bool) -> AIProvider: ...
    def set_address(self, provider: str, base_url: str | None, *, may_be_private: bool = False) -> AIProvider: ...
    def provider_file(self, provider: str) -> str: ...
    def edit_provider(self, provider: str, definition: str) -> AIProvider: ...
    def reset_provider(self, provider: str) -> None: ...
    def dry_run(self, model: str, prompt: str, params: Json | None = None) -> Json: ...
    def test_provider(self, provider: str) -> ProviderTest: ...
    def try_model(
        self,
        model: str,
        prompt: str,
        *,
        username: str | None,
        project: str,
        params: Json | None,
        source: str | None,
        with_style: bool,
    ) -> Take: ...
    def trial(self, asset: str, *, username: str | None) -> Trial: ...


def server(settings: Settings) -> Server | None:
    """The server of this data folder. See `apom.client.running`."""
    if runfile.read(settings.data_dir) is None:  # without a server no HTTP client is loaded
        return None
    from apom.client.running import running

    return running(settings.data_dir)


@contextmanager
def operator(settings: Settings) -> Iterator[OperatorDoor]:
    """The operator's door. Raises StoreBusy, StoreBroken, Misconfigured."""
    with _operator(settings, engine=False) as door:
        yield door


@contextmanager
def working_operator(settings: Settings) -> Iterator[OperatorDoor]:
    """The same, with an engine at work behind it."""
    with _operator(settings, engine=True) as door:
        yield door


@contextmanager
def _operator(settings: Settings, *, engine: bool) -> Iterator[OperatorDoor]:
    from apom.studio import Studio

    found = server(settings)
    if found is not None:
        yield found.operator
        return
    with Studio.open(settings, engine=engine) as studio:
        yield studio.operator()


@contextmanager
def person(settings: Settings, username: str | None) -> Iterator[Workspace]:
    """A person's own door, the first admin's without a name; an engine is at work behind it.

    In a server it is opened by an API token, which ends with it. Raises NotFound, StoreBusy, StoreBroken, Misconfigured.
    """
    from apom.studio import Studio

    found = server(settings)
    if found is None:
        with Studio.open(settings) as studio:
            yield studio.workspace(studio.accounts.acting(username))
        return
    from apom.accounts import to_act
    from apom.client import connect

    name = to_act(found.operator.users(), username).username
    token, secret = found.operator.create_token(name, f"apom {secrets.token_hex(4)}", days=1, scopes=BOTH)
    try:
        with connect(found.url, secret) as ws:
            yield cast("Workspace", ws)  # the same methods, which a test compares
    finally:
        found.operator.revoke_token(token.id)


@contextmanager
def operator_for_account(settings: Settings) -> Iterator[OperatorDoor]:
    """The same; an account that is not there is said as such. Raises NotFound too."""
    try:
        with operator(settings) as door:
            yield door
    except NotFound:
        raise NotFound("There is no account of that name. All of them: apom user list") from None


def store_info(settings: Settings, found: Server | None) -> StoreInfo:
    """The facts about the store, which is left as it is. Raises StoreBusy, StoreBroken, Misconfigured."""
    from apom.store import upkeep

    return found.operator.store_info() if found else upkeep.look(settings.store_url, settings.data_dir / "snapshots")
