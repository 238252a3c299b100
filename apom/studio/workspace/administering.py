"""What an admin looks after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from apom.accounts import need_admin
from apom.errors import NotAllowed
from apom.models import AIProvider, AuditEntry, BalanceChange, Json, Page, ProviderTest, Rows, SystemSetting, User
from apom.studio.workspace.part import Part


class Administering(Part):
    """The studio as a whole, its people, its providers and their keys: all but an admin are refused."""

    # the studio and its people

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

    # providers

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
