"""People: accounts, passwords, sessions.

Passwords are argon2id (19 MiB, t=2, p=1: OWASP's floor), at most two at once. A session's token is 256 random bits; the
store keeps its SHA-256. Wrong names and wrong passwords answer alike and take the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from apom.config import LIMITS, Settings
from apom.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, TooMany, Unavailable
from apom.fields import one_line
from apom.models import Actor, AuditEntry, Page, Session, User, new_id
from apom.store import Store, Tx, audit, system, tokens, users
from apom.words import LANGUAGES

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSWORD_CHARS = (15, 128)
EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(\.[\w-]+)+")
FREE_TRIES = 5
LONGEST_WAIT_S = 30.0
SEEN_EVERY = timedelta(minutes=1)
WAITING_HASHES = 20
REMEMBERED_TRIES = 10_000


def token_hash(token: str) -> str:
    """What the store keeps of a token: it has 256 random bits, so a plain hash is enough (OWASP ASVS 6.5.2)."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_password(password: str, username: str) -> None:
    """Length counts, composition does not (NIST 800-63B). Raises Invalid."""
    least, most = PASSWORD_CHARS
    if not least <= len(password) <= most:
        raise Invalid(
            "A password has {least} to {most} characters. A sentence of a few words is easy to remember.",
            field="password",
            least=least,
            most=most,
        )
    rest = password.casefold().replace(username.casefold(), "").replace("apom", "").replace("password", "")
    if len(set(rest)) < 5:
        raise Invalid(
            "This password is too easy to guess. Take a few words that do not belong together.", field="password"
        )


def check_username(username: str) -> str:
    """The name as it will be shown. Raises Invalid."""
    name = one_line(username)
    if not (2 <= len(name) <= 60 and all(c.isalnum() or c in "._- @+" for c in name)):
        raise Invalid("A user name has 2 to 60 letters, digits, dots, dashes or spaces.", field="username")
    return name


def check_email(email: str) -> str:
    """An address that mail can be sent to. Raises Invalid."""
    address = one_line(email)
    if not EMAIL.fullmatch(address) or len(address) > LIMITS.name_chars:
        raise Invalid("An e-mail address looks like ann@example.com.", field="email")
    return address


class Tries:
    """Growing delay after failed logins, per name and address: five are free, then 0.5 s doubling to 30 s."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: dict[tuple[str, str], tuple[int, datetime]] = {}

    def wait_s(self, who: tuple[str, str]) -> float:
        """How long this one still has to wait, in seconds."""
        count, last = self._failed.get(who, (0, self._clock()))
        if count < FREE_TRIES:
            return 0.0
        delay = min(LONGEST_WAIT_S, 0.5 * 2.0 ** min(count - FREE_TRIES, 10))
        since = (self._clock() - last).total_seconds()
        return max(0.0, delay - since) if since >= 0 else 0.0  # a clock that was set back locks nobody out

    def failed(self, who: tuple[str, str]) -> None:
        """One more."""
        now = self._clock()
        with self._lock:
            if len(self._failed) > REMEMBERED_TRIES:
                day_ago = now - timedelta(days=1)
                self._failed = {k: v for k, v in self._failed.items() if v[1] > day_ago}
            self._failed[who] = (self._failed.get(who, (0, now))[0] + 1, now)

    def succeeded(self, who: tuple[str, str]) -> None:
        """Forgotten."""
        with self._lock:
            self._failed.pop(who, None)


class Passwords:
    """Hashing, two at a time, so that a storm of logins costs neither memory nor the event loop."""

    def __init__(self) -> None:
        self._two = threading.Semaphore(2)
        self._waiting = threading.Semaphore(WAITING_HASHES)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise Unavailable("Too many people are signing in at this moment. Try again in a few seconds.")
        try:
            with self._two:
                yield
        finally:
            self._waiting.release()

    def hash(self, password: str) -> str:
        """A PHC string."""
        with self._turn():
            return self._hasher.hash(password)

    def verify(self, hashed: str | None, password: str) -> bool:
        """Whether it fits; against None it takes as long and never does."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._turn():
            try:
                return self._hasher.verify(hashed or self._nobody, password) and hashed is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_weak(self, hashed: str) -> bool:
        """Whether it was made with less than today's parameters."""
        return self._hasher.check_needs_rehash(hashed)


class Accounts:
    """Register, log in, log out, and whose session this is."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._passwords = Passwords()
        self._tries = Tries(clock)

    def is_empty(self) -> bool:
        """Whether nobody has an account yet."""
        with self._store.read() as tx:
            return users.count(tx) == 0

    def is_open(self) -> bool:
        """Whether anybody may register: the first person always, then only if an admin said so."""
        with self._store.read() as tx:
            return self._open(tx)

    def _open(self, tx: Tx) -> bool:
        return users.count(tx) == 0 or bool(system.value(tx, "registration_open"))

    def register(
        self, username: str, password: str, *, email: str | None = None, address: str = "", language: str = "en"
    ) -> User:
        """A new account; the first is admin. Raises Invalid, Conflict, NotAllowed when registration is closed."""
        name = check_username(username)
        check_password(password, name)
        if not self.is_open():  # before the costly hash; asked again under the write lock
            raise _closed()
        hashed = self._passwords.hash(password)
        now = self._clock()
        with self._store.write() as tx:
            if not self._open(tx):
                raise _closed()
            user = _new_user(tx, name, email, users.count(tx) == 0, now, language)
            users.insert(tx, user, hashed)
            audit.append(tx, now, name, "register", f"user:{user.id}", address)
        return user

    def add(self, username: str, password: str, *, by: str) -> User:
        """An account made by the operator, whether registration is open or not."""
        name = check_username(username)
        check_password(password, name)
        hashed = self._passwords.hash(password)
        now = self._clock()
        with self._store.write() as tx:
            user = _new_user(tx, name, None, users.count(tx) == 0, now)
            users.insert(tx, user, hashed)
            audit.append(tx, now, by, "user.add", f"user:{user.id}")
        return user

    def login(self, username: str, password: str, *, address: str = "", agent: str = "") -> tuple[str, Session]:
        """Signs in: the token (shown to the browser, stored nowhere) and its session.

        Raises NotSignedIn when name or password are wrong, TooMany after too many failures.
        """
        who = (users.fold(one_line(username))[:60], address)
        wait = self._tries.wait_s(who)
        if wait > 0:
            raise TooMany("Too many attempts. Try again in {seconds} s.", retry_after_s=wait)
        with self._store.read() as tx:
            user = users.named(tx, one_line(username))
            hashed = users.password_hash(tx, user.id) if user else None
        fits = len(password) <= PASSWORD_CHARS[1] and self._passwords.verify(hashed, password)
        now = self._clock()
        if user is None or not fits or not user.is_active:
            self._tries.failed(who)
            with self._store.write() as tx:
                audit.append(tx, now, user.username if user else "", "login.failed", "", address)
            raise NotSignedIn("User name or password is wrong.")
        self._tries.succeeded(who)
        better = self._passwords.hash(password) if hashed and self._passwords.is_weak(hashed) else None
        token = secrets.token_urlsafe(32)
        session = Session(
            id=new_id(),
            user_id=user.id,
            created_at=now,
            seen_at=now,
            expires_at=now + timedelta(days=self._settings.session_days),
            address=address,
            agent=one_line(agent)[: LIMITS.name_chars],
        )
        with self._store.write() as tx:
            still = users.get(tx, user.id)
            if still is None or not still.is_active or users.password_hash(tx, user.id) != hashed:
                raise NotSignedIn("User name or password is wrong.")  # it was changed a moment ago
            if better:
                users.set_password_hash(tx, user.id, better, now)
            users.forget_expired(tx, now)
            users.insert_session(tx, session, token_hash(token))
            audit.append(tx, now, user.username, "login", f"user:{user.id}", address)
        return token, session

    def resolve(self, *, token: str | None = None, session_id: UUID | None = None) -> Actor | None:
        """Who is behind a session's token or id, None when it has ended. Counts as a use of the session."""
        now = self._clock()
        idle = now - timedelta(days=self._settings.session_idle_days)
        hashed = token_hash(token) if token else None
        if hashed is None and session_id is None:
            return None
        with self._store.read() as tx:
            found = users.live_session(tx, now, idle, token_hash=hashed, session_id=session_id)
        if found is None:
            return None
        actor, session = found
        if now - session.seen_at > SEEN_EVERY:
            with contextlib.suppress(Unavailable), self._store.write() as tx:  # a full disk shuts nobody out
                users.touch_session(tx, session.id, now)
        return actor

    def logout(self, actor: Actor) -> None:
        """Ends the actor's own session."""
        if actor.session_id is not None:
            self.end_session(actor, actor.session_id)

    def user(self, actor: Actor) -> User:
        """The actor's own account."""
        with self._store.read() as tx:
            user = users.get(tx, actor.user_id)
        if user is None:
            raise NotSignedIn("This account is gone. Sign in with another.")
        return user

    def set_language(self, actor: Actor, language: str) -> User:
        """The language the actor reads. Raises Invalid."""
        if language not in LANGUAGES:
            raise Invalid("There is no such language here.", field="language")
        with self._store.write() as tx:
            users.set_language(tx, actor.user_id, language, self._clock())
        return self.user(actor)

    def set_email(self, actor: Actor, email: str | None) -> User:
        """Where the actor's mail goes; None for nowhere. Raises Invalid, Conflict when it is somebody else's."""
        wanted = check_email(email) if email else None
        now = self._clock()
        with self._store.write() as tx:
            mine = users.get(tx, actor.user_id)
            before = mine.email if mine else None
            if wanted and users.fold(wanted) != users.fold(before or "") and users.email_taken(tx, wanted):
                raise Conflict("There is an account with this e-mail address.")
            users.set_email(tx, actor.user_id, wanted, now)
            audit.append(tx, now, actor.username, "email.change", f"user:{actor.user_id}")
        return self.user(actor)

    def sessions(self, actor: Actor) -> tuple[Session, ...]:
        """The actor's own sessions, the latest first."""
        with self._store.read() as tx:
            return users.sessions_of(tx, actor.user_id, self._clock())

    def end_session(self, actor: Actor, session_id: UUID) -> None:
        """Ends one of the actor's own sessions. Raises NotFound."""
        with self._store.write() as tx:
            if not users.end_session(tx, actor.user_id, session_id):
                raise NotFound
            audit.append(tx, self._clock(), actor.username, "logout", f"session:{session_id}")

    def change_password(self, actor: Actor, current: str, new: str) -> None:
        """A new password; every other session of the actor ends, tokens go on. Raises NotAllowed, Invalid, TooMany."""
        who = (users.fold(actor.username), "change")
        wait = self._tries.wait_s(who)
        if wait > 0:
            raise TooMany("Too many attempts. Try again in {seconds} s.", retry_after_s=wait)
        check_password(new, actor.username)
        with self._store.read() as tx:
            hashed = users.password_hash(tx, actor.user_id)
        if not self._passwords.verify(hashed, current[: PASSWORD_CHARS[1] + 1]):
            self._tries.failed(who)
            raise NotAllowed("The current password is wrong. Nothing was changed.")
        self._tries.succeeded(who)
        better = self._passwords.hash(new)
        now = self._clock()
        with self._store.write() as tx:
            if users.password_hash(tx, actor.user_id) != hashed:
                raise Conflict("The password was changed elsewhere a moment ago. Sign in again.")
            users.set_password_hash(tx, actor.user_id, better, now)
            users.end_sessions(tx, actor.user_id, but=actor.session_id)
            audit.append(tx, now, actor.username, "password.change", f"user:{actor.user_id}")

    def reset_password(self, username: str, password: str, *, by: str) -> User:
        """A new password given by the operator; the person's sessions and tokens end. Raises NotFound, Invalid."""
        with self._store.read() as tx:
            user = users.named(tx, one_line(username))
        if user is None:
            raise NotFound
        check_password(password, user.username)
        hashed = self._passwords.hash(password)
        now = self._clock()
        with self._store.write() as tx:
            users.set_password_hash(tx, user.id, hashed, now)
            users.end_sessions(tx, user.id)
            tokens.end_all(tx, user.id)
            audit.append(tx, now, by, "password.reset", f"user:{user.id}")
        return user

    def change(self, username: str, *, by: str, is_admin: bool | None = None, is_active: bool | None = None) -> User:
        """The operator changes what is named; who may no longer sign in is signed out. Raises NotFound, Conflict."""
        now = self._clock()
        with self._store.write() as tx:
            user = users.named(tx, one_line(username))
            if user is None:
                raise NotFound
            is_admin = user.is_admin if is_admin is None else is_admin
            is_active = user.is_active if is_active is None else is_active
            users.set_rights(tx, user.id, is_admin, is_active, now)
            if user.is_admin and user.is_active and users.admins(tx) == 0:
                raise Conflict(
                    "{name} is the last admin who can sign in. Make somebody else admin first.", name=user.username
                )
            if not is_active:
                users.end_sessions(tx, user.id)
                tokens.end_all(tx, user.id)
            audit.append(tx, now, by, "user.change", f"user:{user.id}")
        return user.model_copy(update={"is_admin": is_admin, "is_active": is_active, "updated_at": now})

    def everyone(self) -> tuple[User, ...]:
        """Every account, for the operator."""
        with self._store.read() as tx:
            return users.everyone(tx)

    def people(
        self,
        actor: Actor,
        text: str,
        *,
        is_admin: bool | None,
        is_active: bool | None,
        cursor: str | None,
        limit: int,
    ) -> Page[User]:
        """Accounts by name or e-mail address, for an admin. Raises NotAllowed, Invalid."""
        need_admin(actor)
        with self._store.read() as tx:
            return users.page(tx, one_line(text), is_admin=is_admin, is_active=is_active, cursor=cursor, limit=limit)

    def audit(self, actor: Actor, cursor: str | None, limit: int) -> Page[AuditEntry]:
        """What was done in the studio, newest first, for an admin. Raises NotAllowed, Invalid."""
        need_admin(actor)
        with self._store.read() as tx:
            return audit.page(tx, cursor, limit)

    def acting(self, username: str | None = None) -> Actor:
        """Somebody as the operator acts in their name: by default the first admin. Raises NotFound."""
        with self._store.read() as tx:
            user = to_act(users.everyone(tx), username)
        return Actor(user_id=user.id, username=user.username, is_admin=user.is_admin, language=user.language)

    def set_monthly_limit(self, username: str, limit: float | None, *, by: str) -> User:
        """What somebody may spend in a month from now on, in the studio's currency; None for no limit.

        Raises NotFound, Invalid.
        """
        if limit is not None and not 0 <= limit < math.inf:
            raise Invalid("A limit is an amount from 0 on, or none.", field="limit")
        now = self._clock()
        with self._store.write() as tx:
            user = users.named(tx, one_line(username))
            if user is None:
                raise NotFound
            users.set_monthly_limit(tx, user.id, limit, now)
            audit.append(tx, now, by, "user.limit", f"user:{user.id}")
        return user.model_copy(update={"monthly_limit": limit, "updated_at": now})


def need_admin(actor: Actor) -> str:
    """The admin's name. Raises NotAllowed."""
    if not actor.is_admin:
        raise NotAllowed("Only an admin can see and change this.")
    return actor.username


def to_act(everyone: Iterable[User], username: str | None) -> User:
    """The active account of that name, or the first active admin's without one. Raises NotFound."""
    asked = None if username is None else users.fold(one_line(username))
    for user in everyone:
        if user.is_active and (user.is_admin if asked is None else users.fold(user.username) == asked):
            return user
    raise NotFound("There is no such account that can act. All of them: apom user list")


def _closed() -> NotAllowed:
    return NotAllowed("Registration is closed. Ask an admin for an invitation.")


def _new_user(tx: Tx, name: str, email: str | None, is_first: bool, now: datetime, language: str = "en") -> User:
    if users.named(tx, name) is not None:
        raise Conflict("The user name {name} is taken. Choose another.", name=name)
    if email and users.email_taken(tx, email):
        raise Conflict("There is an account with this e-mail address. Sign in instead.")
    return User(
        id=new_id(), username=name, email=email, is_admin=is_first, language=language, created_at=now, updated_at=now
    )
