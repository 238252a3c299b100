"""The operator's door of a running server: the same methods as `apom.studio.Operator`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue

from apom.asking import id_of
from apom.client.door import LONG_S, Door, Made, documented_as, path_part
from apom.models import (
    AIModel,
    AIProvider,
    ApiToken,
    Backup,
    BalanceChange,
    Health,
    Json,
    ProviderTest,
    Ref,
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
from apom.net.ours import Connection
from apom.studio import TRIALS, Operator
from apom.tokens import BOTH

ASKING_S = 60.0  # the providers are asked meanwhile


@documented_as(Operator)
class OperatorClient:
    """What the command line does through a server, with the token of its `data/run.json`."""

    def __init__(self, url: str, token: str) -> None:
        self._door = Door(Connection(url, token=token, kept=0))  # a command asks once and ends

    def health(self) -> Health:
        return self._door.ask(Health, "GET", "operator/health")

    def users(self) -> tuple[User, ...]:
        return self._door.ask(tuple[User, ...], "GET", "operator/users")

    def add_user(self, username: str, password: str) -> User:
        return self._door.ask(User, "POST", "operator/users", body={"username": username, "password": password})

    def reset_password(self, username: str, password: str) -> User:
        body = {"username": username, "password": password}
        return self._door.ask(User, "PUT", "operator/users/password", body=body)

    def change_user(self, username: str, *, is_admin: bool | None = None, is_active: bool | None = None) -> User:
        body = {"username": username, "is_admin": is_admin, "is_active": is_active}
        return self._door.ask(User, "PATCH", "operator/users", body=body)

    def set_monthly_limit(self, username: str, limit: float | None) -> User:
        return self._door.ask(User, "PUT", "operator/users/limit", body={"username": username, "limit": limit})

    def config(self) -> tuple[SystemSetting, ...]:
        return self._door.ask(tuple[SystemSetting, ...], "GET", "operator/config")

    def set_config(self, key: str, value: JsonValue) -> SystemSetting:
        return self._door.ask(SystemSetting, "PUT", "operator/config", body={"key": key, "value": value})

    def statement(self, *, since: datetime | None = None, until: datetime | None = None) -> tuple[StatementRow, ...]:
        params = {"since": since, "until": until}
        return self._door.ask(tuple[StatementRow, ...], "GET", "operator/statement", params=params)

    def balances(self, month: datetime | None = None) -> tuple[BalanceChange, ...]:
        return self._door.ask(tuple[BalanceChange, ...], "GET", "operator/balances", params={"month": month})

    def read_balances(self) -> tuple[BalanceChange, ...]:
        return self._door.ask(tuple[BalanceChange, ...], "POST", "operator/balances", timeout_s=ASKING_S)

    def create_token(
        self, username: str, name: str, *, days: int = 365, scopes: Sequence[Scope] = BOTH
    ) -> tuple[ApiToken, str]:
        body = {"username": username, "name": name, "days": days, "scopes": scopes}
        made = self._door.ask(Made, "POST", "operator/tokens", body=body)
        return made.token, made.secret

    def tokens(self, username: str) -> tuple[ApiToken, ...]:
        return self._door.ask(tuple[ApiToken, ...], "GET", "operator/tokens", params={"username": username})

    def revoke_token(self, token: Ref) -> None:
        self._door.do("DELETE", f"operator/tokens/{id_of(token)}")

    def store_info(self) -> StoreInfo:
        return self._door.ask(StoreInfo, "GET", "operator/store")

    def models(self) -> tuple[AIModel, ...]:
        return self._door.ask(tuple[AIModel, ...], "GET", "operator/models")

    def providers(self) -> tuple[AIProvider, ...]:
        return self._door.ask(tuple[AIProvider, ...], "GET", "operator/providers")

    def sync_providers(self) -> tuple[AIProvider, ...]:
        return self._door.ask(tuple[AIProvider, ...], "POST", "operator/providers/sync")

    def set_key(self, provider: str, key: str, *, name: str | None = None) -> AIProvider:
        return self._door.ask(AIProvider, "PUT", _path(provider, "key"), body={"key": key, "name": name})

    def remove_key(self, provider: str, *, name: str | None = None) -> AIProvider:
        return self._door.ask(AIProvider, "DELETE", _path(provider, "key"), params={"name": name})

    def set_active(self, provider: str, is_active: bool) -> AIProvider:
        return self._door.ask(AIProvider, "PUT", _path(provider, "active"), body={"is_active": is_active})

    def set_address(self, provider: str, base_url: str | None, *, may_be_private: bool = False) -> AIProvider:
        body = {"base_url": base_url, "may_be_private": may_be_private}
        return self._door.ask(AIProvider, "PUT", _path(provider, "address"), body=body)

    def provider_file(self, provider: str) -> str:
        return self._door.ask(dict[str, str], "GET", _path(provider, "file"))["definition"]

    def edit_provider(self, provider: str, definition: str) -> AIProvider:
        return self._door.ask(AIProvider, "PUT", _path(provider, "file"), body={"definition": definition})

    def reset_provider(self, provider: str) -> None:
        self._door.do("DELETE", _path(provider, "file"))

    def dry_run(self, model: str, prompt: str, params: Mapping[str, JsonValue] | None = None) -> Json:
        body = {"model": model, "prompt": prompt, "params": dict(params or {})}
        return self._door.ask(dict[str, JsonValue], "POST", "operator/providers/dry-run", body=body, is_safe=True)

    def test_provider(self, provider: str) -> ProviderTest:
        return self._door.ask(ProviderTest, "POST", _path(provider, "test"))

    def try_model(
        self,
        model: str,
        prompt: str,
        *,
        username: str | None = None,
        project: str = TRIALS,
        params: Json | None = None,
        source: Ref | None = None,
        with_style: bool = True,
    ) -> Take:
        order = {"model": model, "prompt": prompt, "params": params or {}, "with_style": with_style}
        whose = {"username": username, "project": project}
        body = {**order, **whose, "source_id": None if source is None else id_of(source)}
        return self._door.ask(Take, "POST", "operator/trials", body=body)

    def trial(self, asset: Ref, *, username: str | None = None) -> Trial:
        return self._door.ask(Trial, "GET", f"operator/trials/{id_of(asset)}", params={"username": username})

    def retention_plan(self) -> RetentionPlan:
        return self._door.ask(RetentionPlan, "GET", "operator/retention")

    def run_retention(self, *, confirmed: bool = False) -> RetentionRun:
        body = {"confirmed": confirmed}
        return self._door.ask(RetentionRun, "POST", "operator/retention/runs", body=body, timeout_s=LONG_S)

    def sweep(self, *, only_look: bool = False, confirmed: bool = False) -> Sweep:
        body = {"only_look": only_look, "confirmed": confirmed}
        return self._door.ask(Sweep, "POST", "operator/sweeps", body=body, timeout_s=LONG_S)

    def backup(self, folder: str, *, media: bool = True) -> Backup:
        body = {"folder": folder, "media": media}
        return self._door.ask(Backup, "POST", "operator/backups", body=body, timeout_s=LONG_S)

    def snapshot(self, name: str) -> Snapshot:
        return self._door.ask(Snapshot, "POST", "operator/store/snapshots", body={"name": name}, timeout_s=LONG_S)

    def copy_store(self, url: str) -> dict[str, int]:
        return self._door.ask(dict[str, int], "POST", "operator/store/copy", body={"url": url}, timeout_s=LONG_S)


def _path(provider: str, what: str) -> str:
    return f"operator/providers/{path_part(provider)}/{what}"
