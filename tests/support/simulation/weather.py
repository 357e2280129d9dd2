"""What goes wrong, and how often: drawn from the seed, and counted.

Every place that draws has a stream of its own, named after the place: what one task draws never depends on when another
one does.
"""

import random
from collections import Counter
from dataclasses import dataclass

FAULTS = (
    "snapshot",
    "process killed",
    "session ended",
    "append in doubt, stored",
    "append in doubt, not stored",
    "call lost",
    "answer lost",
    "call repeated later",
    "stream broken",
    "message lost",
    "message repeated",
    "messages out of order",
    "message forged",
    "broker wiped",
    "clock of a host off, but near enough",
    "clock of a host too far off",
    "feed followed through a takeover",
)
"""What a lane of seeds must have met, beside the kinds of days and every command that people have."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances, each from 0 to 1; those `per_s` are how often in a virtual second. `slow` is how long lines and
    databases take, of what is usual. Only clocks of a market that is no rehearsal matter.
    """

    in_doubt: float = 0.0
    lose_call: float = 0.0
    repeat_call: float = 0.0
    lose_message: float = 0.0
    repeat_message: float = 0.0
    disorder: float = 0.0
    forge: float = 0.0
    kills_per_s: float = 0.0
    wipes_per_s: float = 0.0
    clocks_off_per_s: float = 0.0
    slow: float = 1.0
    rehearsal: bool = True

    @classmethod
    def of(cls, seed: int) -> "Weather":
        """From calm to stormy."""
        draw = random.Random(f"weather {seed}")
        return cls(
            in_doubt=draw.choice([0, 0.001, 0.005]),
            lose_call=draw.choice([0, 0.02, 0.1]),
            repeat_call=draw.choice([0, 0.05, 0.2]),
            lose_message=draw.choice([0, 0.1, 0.5]),
            repeat_message=draw.choice([0, 0.1]),
            disorder=draw.choice([0, 0.2]),
            forge=draw.choice([0, 0.05]),
            kills_per_s=draw.choice([0, 0.02, 0.1, 0.2]),
            wipes_per_s=draw.choice([0, 0.01]),
            rehearsal=draw.choice([True, False]),
            clocks_off_per_s=draw.choice([0.02, 0.1]),
        )


class Chance:
    """The seed's draws. `calm` ends all faults."""

    def __init__(self, seed: int, weather: Weather | None = None) -> None:
        self.seed = seed
        self.weather = weather or Weather.of(seed)
        self.counts: Counter[str] = Counter()

    def stream(self, place: str) -> random.Random:
        return random.Random(f"{self.seed} {place}")

    def calm(self) -> None:
        self.weather = Weather(rehearsal=self.weather.rehearsal)

    def happens(self, draw: random.Random, fault: str, share: float) -> bool:
        """Draws, also where it can never happen, so that the weather does not shift later draws."""
        if draw.random() >= share:
            return False
        self.counts[fault] += 1
        return True
