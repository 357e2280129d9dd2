"""A position that grows, and wakes those who wait for it to."""

import asyncio


class Progress:
    def __init__(self) -> None:
        self.position = 0
        self._grown = asyncio.Event()

    def reach(self, position: int) -> None:
        self.position = position
        self._grown.set()
        self._grown = asyncio.Event()

    async def beyond(self, position: int, seconds: float | None = None) -> bool:
        """Whether it has gone beyond `position`; waits until it has, or for so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while self.position <= position:
                    await self._grown.wait()
        except TimeoutError:
            return False
        return True
