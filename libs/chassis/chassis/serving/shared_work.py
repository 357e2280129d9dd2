"""Work that is done once for all who ask for it meanwhile.

Whoever leaves does not end it for the others; and where all have left, its error is nobody's: it is not logged as one
that was forgotten.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Result = TypeVar("Result")


class SharedWork(Generic[Name, Result]):
    def __init__(self) -> None:
        self._running: dict[Name, asyncio.Task[Result]] = {}

    async def result(self, name: Name, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What the work of this name comes to. It is begun where none of that name is being done. Raises its error."""
        running = self._running.get(name)
        if running is None:
            running = asyncio.create_task(work())
            self._running[name] = running
            running.add_done_callback(lambda ended: self._ended(name, ended))
        # `wait` does not cancel the task when one who waits is cancelled.
        await asyncio.wait({running})
        return running.result()

    def _ended(self, name: Name, ended: "asyncio.Task[Result]") -> None:
        del self._running[name]
        if not ended.cancelled():
            ended.exception()
