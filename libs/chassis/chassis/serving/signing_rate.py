"""How often callers have something signed: each actor once in so many seconds, and so many actors in that time.

What is counted is apart by what is signed: an auditor that has the feeds of all accounts signed waits for none of them.
One actor that asks again and again keeps nobody else out. The number of actors bounds what all of them cost together:
beyond it an actor waits although it has not asked itself. A turn is taken by asking, whether or not the signing works.
"""

import asyncio
from collections import Counter

from chassis.core.call import Unavailable


class SigningRate:
    def __init__(self, seconds: float, actors_max: int) -> None:
        self._seconds = seconds
        self._actors_max = actors_max
        # The first that asked comes first.
        self._asked_at: dict[tuple[str, str], float] = {}
        self._actors: Counter[str] = Counter()

    def admit(self, actor: str, what: str = "") -> None:
        """Takes the actor's turn. Raises Unavailable where it had one just now, or too many others had."""
        now = asyncio.get_running_loop().time()
        self._forget_until(now - self._seconds)
        if (what, actor) in self._asked_at:
            raise Unavailable(f"you asked for another head less than {self._seconds} s ago; ask again")
        if self._actors[what] >= self._actors_max:
            raise Unavailable(f"{self._actors_max} others asked for heads less than {self._seconds} s ago; ask again")
        self._asked_at[what, actor] = now
        self._actors[what] += 1

    def _forget_until(self, time: float) -> None:
        while self._asked_at and next(iter(self._asked_at.values())) <= time:
            what, actor = next(iter(self._asked_at))
            del self._asked_at[what, actor]
            self._actors[what] -= 1
            if not self._actors[what]:
                del self._actors[what]
