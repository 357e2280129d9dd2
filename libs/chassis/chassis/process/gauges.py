"""Figures of a running replica for operators, read only when they are exported.

The exporter reads in a thread of its own. A figure of the state is therefore asked for in the replica's loop, like any
other read: it is as of what is committed, and costs nothing when nobody exports. Only the leader hears, sends and
publishes, so only the leader has figures.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chassis.core.call import Unavailable
from chassis.log.writer import Writer
from chassis.say.telemetry import Gauge, Metrics
from chassis.serving.server import Role

S = TypeVar("S")

READ_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Figure(Generic[S]):
    """A service's own figure: its unit, what it says, and how it is read from the state and the market's time, ms."""

    unit: str
    what: str
    read: Callable[[S, int], float]


class Gauges:
    """Made in the replica's running loop."""

    def __init__(self, metrics: Metrics, role: Role, writer: Writer[Any]) -> None:
        self._metrics = metrics
        self._role = role
        self._writer = writer
        self._loop = asyncio.get_running_loop()

    def watch(self, name: str, unit: str, what: str, read: Gauge, label: str = "") -> None:
        """A figure that may be read in any thread."""
        self._metrics.watch(name, unit, what, lambda: read() if self._role.leads else None, label)

    def watch_state(self, name: str, figure: Figure[Any]) -> None:
        """A figure of the committed state; none where it cannot be read now."""

        def look(state: object) -> float:
            return figure.read(state, self._writer.now_ms())

        def read() -> float | None:
            seen = asyncio.run_coroutine_threadsafe(self._writer.read(look), self._loop)
            try:
                return seen.result(READ_SECONDS_MAX).value
            except (Unavailable, TimeoutError):
                return None

        self.watch(name, figure.unit, figure.what, read)
