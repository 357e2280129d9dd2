"""An event loop whose time is virtual: it jumps to the next timer when nothing else can happen.

No thread, socket or clock has a say in what runs next, so what is scheduled is a function of the program alone.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

BEGINS_S = 1_000.0


class Stuck(Exception):
    """Nothing is scheduled any more, but the program has not ended."""


class _NeverWaits(selectors.SelectSelector):
    """In place of waiting for a socket it lets the time pass."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.loop.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = BEGINS_S
        selector = _NeverWaits()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s


def run_virtually(program: Coroutine[Any, Any, T]) -> T:
    """Runs a program to its end, and whatever it left running to an end too."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(program)
    finally:
        # Twice: what is cancelled may have to let go of something that takes a moment.
        for _ in range(2):
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0.1))
        asyncio.set_event_loop(None)
        loop.close()
