"""What is due, done: before the api opens, and from then on.

A timer is never lost: one that fails by a bug is tried again, one that was set aside and is still due waits for people.
Either holds up the timers behind it, says so again and again, and ends nothing.
"""

import asyncio
import logging
from typing import Any

from chassis.call import Bug, RequestIdReused
from chassis.decider import Timer
from chassis.submission import DueTimer, timer_actor
from chassis.writer import Writer

POLL_SECONDS = 0.5
STUCK_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Timers:
    """The timers of one log, for its leader."""

    def __init__(self, writer: Writer[Any]) -> None:
        self._writer = writer
        self._log_id = writer.log.log_id

    async def run(self) -> None:
        """Does what falls due until cancelled."""
        while True:
            await self.run_overdue()
            stuck = self._due_now()
            if stuck is None:
                await asyncio.sleep(POLL_SECONDS)
                continue
            logger.error("%s was tried and is still due", stuck.name, extra={"actor": str(timer_actor(self._log_id))})
            await asyncio.sleep(STUCK_SECONDS)

    async def run_overdue(self) -> None:
        """Does what is due, up to the first timer that stays due."""
        tried = ""
        while (timer := self._due_now()) is not None and timer.name != tried:
            tried = timer.name
            try:
                await self._writer.insist(DueTimer(self._log_id, timer))
            except (Bug, RequestIdReused) as error:
                logger.error("%s failed: %r", timer.name, error, extra={"actor": str(timer_actor(self._log_id))})

    def _due_now(self) -> Timer | None:
        timer = self._writer.engine.due()
        return timer if timer is not None and timer.due_ms <= self._writer.now_ms() else None
