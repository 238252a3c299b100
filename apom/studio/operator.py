"""The door for whoever runs the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from apom.asking import id_of
from apom.config import LIMITS
from apom.errors import Invalid
from apom.models import (
    AIModel,
    AIProvider,
    ApiToken,
    Backup,
    BalanceChange,
    Health,
    InputRole,
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
from apom.retention import confirmable
from apom.store import open_store
from apom.tokens import BOTH

if TYPE_CHECKING:
    from apom.studio.house import Studio

TRIALS = "Trials"  # the project that takes of the command line go to


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
        with_style: bool = True,
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
        return workspace.create_asset(box, prompt, model=model, params=params, inputs=inputs, with_style=with_style)

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
