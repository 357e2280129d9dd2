"""How often callers have something signed: each actor once in so many seconds, and so many actors in that time.

Nobody takes another one's turn: whoever asks again and again is refused, and others are answered.
"""

import asyncio

from chassis.core.call import Unavailable


class SigningRate:
    def __init__(self) -> None:
        self._asked_at: dict[str, float] = {}

    def admit(self, actor: str, seconds: float, actors_max: int) -> None:
        """Takes the actor's turn. Raises Unavailable where it had one just now, or too many others had."""
        now = asyncio.get_running_loop().time()
        self._asked_at = {other: at for other, at in self._asked_at.items() if now < at + seconds}
        if actor in self._asked_at:
            raise Unavailable(f"another head was signed for you less than {seconds} s ago; ask again")
        if len(self._asked_at) >= actors_max:
            raise Unavailable(f"heads were signed for {actors_max} others less than {seconds} s ago; ask again")
        self._asked_at[actor] = now
