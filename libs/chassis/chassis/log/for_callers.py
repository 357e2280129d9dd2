"""What a database does for a caller: if it cannot now, the caller is asked to try again, and the log says why."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from chassis.core.call import Unavailable
from chassis.core.record import Record
from chassis.log.protocol import Readable

CANNOT_ANSWER = (
    OSError,
    asyncpg.PostgresConnectionError,
    # A server that shuts down, starts or switches over, or has ended a query; one that lacks memory, disk or
    # connections; one whose disk fails; one that has become a standby.
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    # Another transaction was in the way, or it took longer than the server's settings allow.
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    # Another release has changed a table since the statement was prepared; asyncpg prepares it anew.
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    # A new connection is refused: a password or the database's name was changed.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""How it shows that the database cannot do now what a caller waits for. All other errors of a statement are faults of
this program.
"""
CLOSED = ("closed", "closing", "released")
"""asyncpg reports a connection that ended, or that its pool took back, by the class that it reports its own misuse by,
such as a wrong number of arguments. Only what it says tells them apart.
"""

logger = logging.getLogger(__name__)


@contextmanager
def for_a_caller() -> Iterator[None]:
    """Around what the database does for a caller. Raises Unavailable where it cannot; the cause is for the log."""
    try:
        yield
    except (*CANNOT_ANSWER, asyncpg.InterfaceError) as error:
        if not cannot_answer(error):
            raise
        logger.warning("the database does not do what a caller asked for: %s: %s", type(error).__name__, error)
        raise Unavailable("the database gives no answer now; ask again") from error


def cannot_answer(error: BaseException) -> bool:
    if isinstance(error, CANNOT_ANSWER):
        return True
    # Its subclasses are about a statement's arguments or the program's settings.
    return type(error) is asyncpg.InterfaceError and any(word in str(error) for word in CLOSED)


class LogForCallers:
    """Only reads. Raises Unavailable where the database gives no answer."""

    def __init__(self, log: Readable) -> None:
        self._log = log

    async def read(self, after_position: int, records_max: int) -> list[Record]:
        with for_a_caller():
            return await self._log.read(after_position, records_max)
