"""PostgreSQL's errors as ours, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from apom.errors import Conflict, Invalid, Misconfigured, NotFound, Occupied, Unavailable


@contextmanager
def ours() -> Iterator[None]:
    """The driver's error as one of ours, the first that fits; what is a mistake of this program stays what it is."""
    try:
        yield
    except psycopg.Error as error:
        if is_left_behind(error):
            raise
        kind = next((make for kinds, make in SENTENCES if isinstance(error, kinds)), None)
        if kind is None:
            raise
        raise kind() from error


def is_left_behind(error: psycopg.Error) -> bool:
    """Whether a row was deleted and others still point to it: no person can do anything about that."""
    return isinstance(error, errors.ForeignKeyViolation) and "still referenced" in (error.diag.message_detail or "")


def occupied() -> Occupied:
    """Somebody else is writing."""
    return Occupied("The store is being written to by something long. Try again in a moment.")


SENTENCES: list[tuple[type[psycopg.Error] | tuple[type[psycopg.Error], ...], Callable[[], Exception]]] = [
    (errors.UniqueViolation, lambda: Conflict("There is one of that name already. Choose another.")),
    (errors.ForeignKeyViolation, NotFound),
    (errors.LockNotAvailable, occupied),
    (
        errors.QueryCanceled,
        lambda: Unavailable("The database took too long: nothing was saved. Try again in a moment."),
    ),
    (
        (errors.SerializationFailure, errors.DeadlockDetected),
        lambda: Unavailable("Somebody else changed the same at that moment: nothing was saved. Try again."),
    ),
    (errors.ReadOnlySqlTransaction, lambda: Unavailable("The store can only be read here: nothing was saved.")),
    (
        (errors.DiskFull, errors.OutOfMemory, errors.InsufficientResources),
        lambda: Unavailable("The store could not be written: nothing was saved. Is the disk full? Then try again."),
    ),
    (
        errors.InsufficientPrivilege,
        lambda: Misconfigured("The database's user may not do this. Make it the owner of the database."),
    ),
    (
        psycopg.DataError,
        lambda: Invalid("A value in it cannot be stored: a number may be too large."),
    ),
    (
        (PoolTimeout, PoolClosed),
        lambda: Unavailable("The database does not answer: nothing was begun. Try again in a moment."),
    ),
    (
        (psycopg.OperationalError, psycopg.InterfaceError),
        lambda: Unavailable("The database does not answer. Look whether the last change was saved, then try again."),
    ),
]
