"""How long the loop of a process is held: while one step runs, nothing else is decided, read or answered.

A tick that comes late was held up by whatever ran meanwhile: a decision, an answer, the collection of garbage. The host
may have given the processor to others too, so the time that this thread itself computed is recorded beside it.
"""

import asyncio
import gc
import time
from typing import Any

from chassis.say.telemetry import COLLECTION_FROZEN, COLLECTION_LONGEST, Metrics

TICK_SECONDS = 0.02


class Holds:
    """Recorded from `begin` to `end`: of a leader, because what a start costs holds up nobody."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._watching: asyncio.Task[None] | None = None
        self._collection_began = 0.0
        self.collection_longest_s = 0.0

    def begin(self) -> None:
        gc.callbacks.append(self._collecting)
        what = "The longest collection of garbage so far"
        self._metrics.watch(COLLECTION_LONGEST, "s", what, lambda: self.collection_longest_s)
        what = "Objects that collections of garbage do not walk"
        self._metrics.watch(COLLECTION_FROZEN, "{object}", what, gc.get_freeze_count)
        self._watching = asyncio.create_task(self._watch())

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            gc.callbacks.remove(self._collecting)

    async def _watch(self) -> None:
        while True:
            await self._tick()

    async def _tick(self) -> None:
        began, computed = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK_SECONDS)
        held = max(0.0, time.perf_counter() - began - TICK_SECONDS)
        self._metrics.held(held, min(held, time.thread_time() - computed))

    def _collecting(self, phase: str, info: dict[str, Any]) -> None:
        """Records nothing: a collection may begin within the meter, which holds a lock then."""
        if phase == "start":
            self._collection_began = time.perf_counter()
        else:
            took = time.perf_counter() - self._collection_began
            self.collection_longest_s = max(self.collection_longest_s, took)
