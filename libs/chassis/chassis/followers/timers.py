"""Runs timers that are due: before the api opens, and from then on; in a rehearsal, when the clock is moved.

A timer is never lost: one that fails by a bug is tried again, one that was set aside and is still due waits for people.
Either blocks the timers behind it, logs this again and again, and ends nothing. One that waits until a release is
activated is no fault: it is tried again, too, and logged once.

A rehearsal's clock steps from timer to timer, so that each timer runs at its own time. Each step is a record of its
own; other commands may come in between, as they do with a real clock. A move that was interrupted is made again under
its request id, and continues from the clock's present time.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from chassis.core.call import Bug, Call, HeldBack, RequestIdReused
from chassis.core.decider import Timer
from chassis.core.engine import Batch, Done
from chassis.core.shapes import check_request_id
from chassis.core.shell import CLOCK_MS_MAX, MoveClock
from chassis.core.submission import AskedCommand, DueTimer, key_of, timer_actor
from chassis.log.writer import Writer

POLL_SECONDS = 0.5
STUCK_SECONDS = 5.0
TIMERS_PER_MOVE_MAX = 10_000

logger = logging.getLogger(__name__)


class Timers:
    """The timers of one log, for its leader."""

    def __init__(self, writer: Writer[Any]) -> None:
        self._writer = writer
        self._log_id = writer.log.log_id
        self._woken = asyncio.Event()
        # The timer that waits until a release is activated, by name.
        self._held_back = ""

    async def run(self) -> None:
        """Does what falls due until cancelled; what a commit makes due at once, at once."""
        self._writer.after_commit.append(self._notice)
        where = {"actor": str(timer_actor(self._log_id))}
        while True:
            self._woken.clear()
            await self.run_overdue()
            stuck = self._due_now()
            if stuck is None:
                await self._sleep()
                continue
            if stuck.name != self._held_back:
                logger.error("%s was tried and is still due", stuck.name, extra=where)
            await asyncio.sleep(STUCK_SECONDS)

    async def run_overdue(self) -> None:
        """Does what is due, up to the first timer that stays due."""
        tried = ""
        where = {"actor": str(timer_actor(self._log_id))}
        while (timer := self._due_now()) is not None and timer.name != tried:
            tried = timer.name
            try:
                await self._writer.insist(DueTimer(self._log_id, timer))
            except HeldBack as waits:
                if self._held_back != timer.name:
                    logger.warning("%s: %s", timer.name, waits, extra=where)
                self._held_back = timer.name
            except (Bug, RequestIdReused) as error:
                self._held_back = ""
                logger.error("%s failed: %r", timer.name, error, extra=where)

    def _notice(self, batch: Batch) -> None:
        if batch.records and self._due_now() is not None:
            self._woken.set()

    async def _sleep(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)

    def _due_now(self) -> Timer | None:
        timer = self._writer.engine.due()
        return timer if timer is not None and timer.due_ms <= self._writer.now_ms() else None


class RehearsalClock:
    """Moved by the operator, by rpc."""

    def __init__(self, writer: Writer[Any]) -> None:
        self._writer = writer
        self._log_id = writer.log.log_id
        self._moving = asyncio.Lock()

    async def move(self, command: MoveClock, call: Call) -> Done:
        """Does what falls due up to then, each thing at its own time, then moves the clock there. A timer that was
        set aside and is still due holds up those behind it, as everywhere, but not the time; one that fails by a bug
        stops the clock where it is due, and the bug is raised.
        """
        check_request_id(call.request_id)
        async with self._moving:
            if not await self._writer.log.find([key_of(call.actor, call.request_id)]):
                await self._step_through_timers(command.to_ms)
            return await self._writer.submit(command, call)

    async def _step_through_timers(self, to_ms: int) -> None:
        done = ""
        for _ in range(TIMERS_PER_MOVE_MAX):
            timer, clock_ms = (await self._writer.read(self._next)).value
            if timer is None or timer.due_ms > to_ms or timer.name == done or not clock_ms <= to_ms <= CLOCK_MS_MAX:
                return
            done = timer.name
            if timer.due_ms > clock_ms:
                await self._writer.insist(AskedCommand(timer_actor(self._log_id), "", MoveClock(timer.due_ms)))
            try:
                await self._writer.insist(DueTimer(self._log_id, timer))
            except RequestIdReused:
                # Done in an earlier life, by a release that wrote the command otherwise.
                continue
        raise AssertionError(f"more than {TIMERS_PER_MOVE_MAX} timers before {to_ms}")

    def _next(self, _: object) -> tuple[Timer | None, int]:
        """The timer that is due first, and the clock's time. None where there is no clock to be moved."""
        engine = self._writer.engine
        return (engine.due() if engine.shell.rehearsal else None), engine.shell.clock_ms
