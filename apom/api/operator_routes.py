"""What the command line does through a running server, with the token of `data/run.json`.

Names are in bodies, never in paths: an account's name may hold anything a path cannot.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request

from apom.api.account_routes import Body, Credentials, NewToken, Setting, Token
from apom.api.admin_routes import UserChange, UserLimit
from apom.api.deps import Operating, forget_sessions
from apom.api.keeping_routes import Confirmation, Sweeping
from apom.api.provider_routes import Address, Definition, Dry, NewKey, Switch
from apom.models import (
    AIModel,
    AIProvider,
    ApiToken,
    Backup,
    BalanceChange,
    Health,
    Json,
    ProviderTest,
    RetentionPlan,
    RetentionRun,
    Snapshot,
    StatementRow,
    StoreInfo,
    Sweep,
    SystemSetting,
    Take,
    Trial,
    User,
)
from apom.studio import TRIALS

router = APIRouter(prefix="/operator")


class TokenFor(NewToken):
    """Whose it will be."""

    username: str


class Target(Body):
    """An empty store."""

    url: str


class BackupTo(Body):
    """The folder, and whether the media go along."""

    folder: str
    media: bool = True


class SnapshotName(Body):
    """What the copy is called."""

    name: str


class Try(Dry):
    """One take from the command line, in a project of that name. `username`: whose, the first admin's by default."""

    username: str | None = None
    project: str = TRIALS
    source_id: UUID | None = None
    with_style: bool = True


@router.get("/health")
def health(operator: Operating) -> Health:
    """How the process is."""
    return operator.health()


@router.get("/users")
def users(operator: Operating) -> tuple[User, ...]:
    """Every account."""
    return operator.users()


@router.post("/users", status_code=201)
def add_user(body: Credentials, operator: Operating) -> User:
    """A new account, whether registration is open or not."""
    return operator.add_user(body.username, body.password)


@router.put("/users/password")
def reset_password(body: Credentials, operator: Operating, request: Request) -> User:
    """A new password; the person's sessions and tokens end."""
    user = operator.reset_password(body.username, body.password)
    forget_sessions(request)
    return user


@router.patch("/users")
def change_user(body: UserChange, operator: Operating, request: Request) -> User:
    """Admin or not, active or not; who may no longer sign in is signed out."""
    user = operator.change_user(body.username, is_admin=body.is_admin, is_active=body.is_active)
    forget_sessions(request)
    return user


@router.put("/users/limit")
def set_monthly_limit(body: UserLimit, operator: Operating) -> User:
    """What somebody may spend in a month, in the studio's currency."""
    return operator.set_monthly_limit(body.username, body.limit)


@router.get("/config")
def config(operator: Operating) -> tuple[SystemSetting, ...]:
    """What is set for the whole studio."""
    return operator.config()


@router.put("/config")
def set_config(body: Setting, operator: Operating) -> SystemSetting:
    """A key of it and its new value."""
    return operator.set_config(body.key, body.value)


@router.get("/statement")
def statement(
    operator: Operating, since: datetime | None = None, until: datetime | None = None
) -> tuple[StatementRow, ...]:
    """Month by provider by project by person: everybody's. `until` is exclusive."""
    return operator.statement(since=since, until=until)


@router.get("/balances")
def balances(operator: Operating, month: datetime | None = None) -> tuple[BalanceChange, ...]:
    """What became of each provider's credit in a month, beside our own entries."""
    return operator.balances(month)


@router.post("/balances")
def read_balances(operator: Operating) -> tuple[BalanceChange, ...]:
    """Asks every provider what credit is left, now."""
    return operator.read_balances()


@router.get("/tokens")
def tokens(username: str, operator: Operating) -> tuple[ApiToken, ...]:
    """Somebody's API tokens that still work."""
    return operator.tokens(username)


@router.post("/tokens", status_code=201)
def create_token(body: TokenFor, operator: Operating) -> Token:
    """An API token for somebody; its secret is in this answer and nowhere else."""
    token, secret = operator.create_token(body.username, body.name, days=body.days, scopes=body.scopes)
    return Token(token=token, secret=secret)


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(token_id: UUID, operator: Operating, request: Request) -> None:
    """It ends now, everywhere."""
    operator.revoke_token(token_id)
    forget_sessions(request)


@router.get("/store")
def store(operator: Operating) -> StoreInfo:
    """Which store this is, how large, and what is in it."""
    return operator.store_info()


@router.post("/store/snapshots", status_code=201)
def snapshot(body: SnapshotName, operator: Operating) -> Snapshot:
    """A consistent copy beside the store, while people go on working."""
    return operator.snapshot(body.name)


@router.post("/store/copy", status_code=201)
def copy_store(body: Target, operator: Operating) -> dict[str, int]:
    """Every row as of now into an empty store: how many of each table. It answers when all are there."""
    return operator.copy_store(body.url)


@router.get("/retention")
def retention_plan(operator: Operating) -> RetentionPlan:
    """What the next cleaning does."""
    return operator.retention_plan()


@router.post("/retention/runs", status_code=201)
def run_retention(body: Confirmation, operator: Operating) -> RetentionRun:
    """Cleans now, and deletes the files before it answers."""
    return operator.run_retention(confirmed=body.confirmed)


@router.post("/sweeps", status_code=201)
def sweep(body: Sweeping, operator: Operating) -> Sweep:
    """Looks for files without a row and rows without a file."""
    return operator.sweep(only_look=body.only_look, confirmed=body.confirmed)


@router.post("/backups", status_code=201)
def backup(body: BackupTo, operator: Operating) -> Backup:
    """Everything into a folder of this machine; it answers when all of it is there."""
    return operator.backup(body.folder, media=body.media)


@router.get("/models")
def models(operator: Operating) -> tuple[AIModel, ...]:
    """What can be generated with."""
    return operator.models()


@router.get("/providers")
def providers(operator: Operating) -> tuple[AIProvider, ...]:
    """Every provider with the state of its keys."""
    return operator.providers()


@router.post("/providers/sync")
def sync_providers(operator: Operating) -> tuple[AIProvider, ...]:
    """Reads the shipped files again; what an admin edited is kept."""
    return operator.sync_providers()


@router.put("/providers/{provider}/key")
def set_key(provider: str, body: NewKey, operator: Operating) -> AIProvider:
    """Keeps a key, encrypted."""
    return operator.set_key(provider, body.key, name=body.name)


@router.delete("/providers/{provider}/key")
def remove_key(provider: str, operator: Operating, name: str | None = None) -> AIProvider:
    """Forgets a stored key."""
    return operator.remove_key(provider, name=name)


@router.put("/providers/{provider}/active")
def set_active(provider: str, body: Switch, operator: Operating) -> AIProvider:
    """Offers its models, or no longer."""
    return operator.set_active(provider, body.is_active)


@router.put("/providers/{provider}/address")
def set_address(provider: str, body: Address, operator: Operating) -> AIProvider:
    """Another address for it."""
    return operator.set_address(provider, body.base_url, may_be_private=body.may_be_private)


@router.get("/providers/{provider}/file")
def provider_file(provider: str, operator: Operating) -> Definition:
    """Its file, as text."""
    return Definition(definition=operator.provider_file(provider))


@router.put("/providers/{provider}/file")
def edit_provider(provider: str, body: Definition, operator: Operating) -> AIProvider:
    """Another file for it, checked first."""
    return operator.edit_provider(provider, body.definition)


@router.delete("/providers/{provider}/file", status_code=204)
def reset_provider(provider: str, operator: Operating) -> None:
    """The shipped file again."""
    operator.reset_provider(provider)


@router.post("/providers/dry-run")
def dry_run(body: Dry, operator: Operating) -> Json:
    """The exact request of an order, its key masked; nothing is sent."""
    return operator.dry_run(body.model, body.prompt, body.params)


@router.post("/providers/{provider}/test")
def test_provider(provider: str, operator: Operating) -> ProviderTest:
    """Asks what credit is left, which is free and shows whether the key works."""
    return operator.test_provider(provider)


@router.post("/trials", status_code=201)
def try_model(body: Try, operator: Operating) -> Take:
    """Orders one take; it costs what a take costs."""
    return operator.try_model(
        body.model,
        body.prompt,
        username=body.username,
        project=body.project,
        params=body.params,
        source=body.source_id,
        with_style=body.with_style,
    )


@router.get("/trials/{asset_id}")
def trial(asset_id: UUID, operator: Operating, username: str | None = None) -> Trial:
    """How far it is, and where its file lies."""
    return operator.trial(asset_id, username=username)
