"""API tokens: what stands in for a person in notebooks and scripts.

`apom_pat_` and 256 random bits, shown once; the store keeps their SHA-256. A token ends when it is revoked, when its time
is over, when its person is deactivated, or when the operator resets their password. It outlives a password that the
person changes: a token is a credential of its own, and scripts go on.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from apom.accounts import SEEN_EVERY, token_hash
from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotFound, Unavailable
from apom.fields import check_name, one_line
from apom.models import Actor, ApiToken, Scope, User, new_id
from apom.store import Store, Tx, audit, tokens, users

PREFIX = "apom_pat_"  # so that a search for leaked secrets finds it; the logs cut it out
ENDED = "This token or session has ended, or never was. Make a token on your account page."
BOTH = (Scope.READ, Scope.WRITE)


def check_scopes(scopes: Sequence[str]) -> tuple[Scope, ...]:
    """The scopes in their order; who may write may read. Raises Invalid."""
    wanted = set(scopes)
    if not wanted or wanted - set(BOTH):
        raise Invalid("A token may read, or read and write.", field="scopes")
    return BOTH if Scope.WRITE in wanted else (Scope.READ,)


class Tokens:
    """Makes, lists and ends tokens, and says whom one stands for."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def create(self, actor: Actor, name: str, days: int, scopes: Sequence[str]) -> tuple[ApiToken, str]:
        """A token of the actor's and its secret, shown this once. Raises Invalid, Conflict."""
        return self._create(name, days, scopes, by=actor.username, of=lambda _: actor.user_id)

    def create_for(
        self, username: str, name: str, days: int, scopes: Sequence[str], *, by: str
    ) -> tuple[ApiToken, str]:
        """A token for somebody else, made by the operator. Raises NotFound, Invalid, Conflict."""
        return self._create(name, days, scopes, by=by, of=lambda tx: _active(_named(tx, username)).id)

    def _create(
        self, name: str, days: int, scopes: Sequence[str], *, by: str, of: Callable[[Tx], UUID]
    ) -> tuple[ApiToken, str]:
        name, scopes = check_name(name), check_scopes(scopes)
        if not 1 <= days <= LIMITS.token_days:
            raise Invalid("A token lives for 1 to {most} days.", field="days", most=LIMITS.token_days)
        secret = PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        with self._store.write() as tx:
            token = ApiToken(
                id=new_id(),
                user_id=of(tx),
                name=name,
                scopes=scopes,
                expires_at=now + timedelta(days=days),
                created_at=now,
            )
            if len(tokens.of(tx, token.user_id, now)) >= LIMITS.tokens:
                raise Conflict("There are {most} tokens already. Revoke one that is not needed.", most=LIMITS.tokens)
            tokens.forget_expired(tx, now)
            tokens.insert(tx, token, token_hash(secret))
            audit.append(tx, now, by, "token.create", f"user:{token.user_id} token:{token.id}")
        return token, secret

    def of(self, user_id: UUID) -> tuple[ApiToken, ...]:
        """A person's tokens that still work, the latest first."""
        with self._store.read() as tx:
            return tokens.of(tx, user_id, self._clock())

    def of_named(self, username: str) -> tuple[ApiToken, ...]:
        """The same by name, for the operator. Raises NotFound."""
        with self._store.read() as tx:
            return tokens.of(tx, _named(tx, username).id, self._clock())

    def revoke(self, token_id: UUID, *, by: str, of: UUID | None = None) -> None:
        """It ends now. `of`: whose it must be. Raises NotFound."""
        now = self._clock()
        with self._store.write() as tx:
            token = tokens.get(tx, token_id)
            if token is None or of not in (None, token.user_id):
                raise NotFound
            tokens.end(tx, token_id)
            audit.append(tx, now, by, "token.revoke", f"user:{token.user_id} token:{token_id}")

    def resolve(self, *, secret: str | None = None, token_id: UUID | None = None) -> Actor | None:
        """Whom a token stands for, by its secret or its id; None when it has ended. Counts as a use of it."""
        now = self._clock()
        with self._store.read() as tx:
            found = tokens.live(tx, now, token_hash=token_hash(secret) if secret else None, token_id=token_id)
        if found is None:
            return None
        actor, token = found
        if token.last_used_at is None or now - token.last_used_at > SEEN_EVERY:
            with contextlib.suppress(Unavailable), self._store.write() as tx:  # a full disk shuts nobody out
                tokens.touch(tx, token.id, now)
        return actor


def _named(tx: Tx, username: str) -> User:
    user = users.named(tx, one_line(username))
    if user is None:
        raise NotFound
    return user


def _active(user: User) -> User:
    if not user.is_active:
        raise Conflict("{name} may not sign in. Activate the account first.", name=user.username)
    return user
