"""What is stored beside the log is stored again until it works: a database that fails for a moment must not end the
leader.

Whether this replica still leads is never known here: the writer proves it, and when it cannot, the process ends and
cancels whatever is tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

RETRY_SECONDS = 5.0

T = TypeVar("T")

logger = logging.getLogger(__name__)


async def retried(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of the first attempt that raises nothing. Every error is logged, with `what` waits."""
    while True:
        try:
            return await attempt()
        except Exception as error:
            if is_cancelled():
                raise
            logger.critical("%s waits: %r", what, error, exc_info=error)
            await asyncio.sleep(RETRY_SECONDS)


def is_cancelled() -> bool:
    """Whether this task is being cancelled: a statement that is cancelled on a broken connection raises the
    connection's error in place of the cancellation.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
