"""How often callers have something signed: each actor once in so many seconds, and so many actors in that time.

One actor that asks again and again keeps nobody else out. The number of actors bounds what all of them cost together:
beyond it an actor waits although it has not asked itself. A turn is taken by asking, whether or not the signing works.
"""

import asyncio

from chassis.core.call import Unavailable


class SigningRate:
    def __init__(self, seconds: float, actors_max: int) -> None:
        self._seconds = seconds
        self._actors_max = actors_max
        self._asked_at: dict[str, float] = {}

    def admit(self, actor: str) -> None:
        """Takes the actor's turn. Raises Unavailable where it had one just now, or too many others had."""
        now = asyncio.get_running_loop().time()
        self._asked_at = {other: at for other, at in self._asked_at.items() if now < at + self._seconds}
        if actor in self._asked_at:
            raise Unavailable(f"you asked for another head less than {self._seconds} s ago; ask again")
        if len(self._asked_at) >= self._actors_max:
            raise Unavailable(f"{self._actors_max} others asked for heads less than {self._seconds} s ago; ask again")
        self._asked_at[actor] = now
