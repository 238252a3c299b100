"""Who one is."""

from __future__ import annotations

from collections.abc import Sequence

from apom.asking import id_of
from apom.models import Allowance, ApiToken, Ref, Rows, Scope, Session, User
from apom.studio.workspace.part import Part
from apom.tokens import BOTH


class Account(Part):
    """One's own account, its sessions and its tokens."""

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
