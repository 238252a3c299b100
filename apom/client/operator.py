"""The operator's door of a running server: the same methods as `apom.studio.Operator`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from apom.client.door import Door, Made, documented_as
from apom.models import (
    ApiToken,
    BalanceChange,
    Health,
    Scope,
    Snapshot,
    StatementRow,
    StoreInfo,
    SystemSetting,
    User,
)
from apom.net.ours import Connection
from apom.studio import Operator, Ref, id_of
from apom.tokens import BOTH

LONG_S = 6 * 3600.0  # a large store is copied while the caller waits
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

    def snapshot(self, name: str) -> Snapshot:
        return self._door.ask(Snapshot, "POST", "operator/store/snapshots", body={"name": name}, timeout_s=LONG_S)

    def copy_store(self, url: str) -> dict[str, int]:
        return self._door.ask(dict[str, int], "POST", "operator/store/copy", body={"url": url}, timeout_s=LONG_S)
