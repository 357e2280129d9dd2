"""The clocks of a market that is no rehearsal: what time it is, and what each host's clock makes of it.

The time runs with the loop, and jumps where people would wait for hours: nothing happens meanwhile but what falls due.
A database's clock is right; a host's is off by what its place says.
"""

import asyncio
from collections import defaultdict

from support.simulation.loop import BEGINS_S

LATER_MS = 2_000
"""Beyond a full hour, so that it has come by every clock that is near enough to the right one."""


class Time:
    """What a right clock shows. `off_ms` are the clocks that are not, by host."""

    def __init__(self, begins_ms: int) -> None:
        self._begins_ms = begins_ms
        self.off_ms: defaultdict[str, int] = defaultdict(int)

    def now_ms(self) -> int:
        return self._begins_ms + int((asyncio.get_running_loop().time() - BEGINS_S) * 1_000)

    def jump(self, to_ms: int) -> None:
        """Never back."""
        self._begins_ms += max(to_ms + LATER_MS - self.now_ms(), 0)


class HostClock:
    """Keeps chassis.log.clocks.Clock."""

    def __init__(self, time: Time, host: str) -> None:
        self._time = time
        self._host = host

    def now_ms(self) -> int:
        return self._time.now_ms() + self._time.off_ms[self._host]

    def seconds(self) -> float:
        return asyncio.get_running_loop().time()


class RehearsalClock:
    """The machine's clock of a rehearsal: its time is in the log, and how long something took in the loop. Keeps
    chassis.log.clocks.Clock.
    """

    def __init__(self, begins_ms: int) -> None:
        self._begins_ms = begins_ms

    def now_ms(self) -> int:
        return self._begins_ms

    def seconds(self) -> float:
        return asyncio.get_running_loop().time()
