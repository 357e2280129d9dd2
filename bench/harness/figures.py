"""A figure of a row: what is measured, what it is held against, and the goal of their ratio.

Every round gives a `Pair`, the value and its floor taken in turn in the same round. A figure without a floor of its own
is held against a bound, or against what somebody else published; its pair has that number in the floor's place. So
every figure has a ratio, value / floor, and the same rules hold for all.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Against(StrEnum):
    """What the number in the floor's place is."""

    FLOOR = "floor"
    """The least that any way of doing it costs, measured in the same round."""
    PEER = "peer"
    """Other software, or the same at another size, measured in the same round."""
    BOUND = "bound"
    """The goal itself: the ratio says how much of it is used. It depends on the machine."""
    PUBLISHED = "published"
    """A figure that others measured on another machine. It depends on the machine."""

    @property
    def depends_on_the_machine(self) -> bool:
        return self in (Against.BOUND, Against.PUBLISHED)


@dataclass(frozen=True, slots=True)
class Goal:
    """Of the ratio, and where `value` is given of the value too: at least so much, or at most where less is better."""

    ratio: float
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """`goal` None: reported only."""

    name: str
    what: str
    unit: str
    floor: str
    against: Against
    goal: Goal | None = None
    more_is_better: bool = False

    @property
    def goal_text(self) -> str:
        if self.goal is None:
            return "reported"
        sign = "≥" if self.more_is_better else "≤"
        value = "" if self.goal.value is None else f", {sign} {number(self.goal.value)}"
        return f"{sign} {number(self.goal.ratio)}{value}"


@dataclass(frozen=True, slots=True)
class Pair:
    """What one round gave for a figure."""

    value: float
    floor: float

    @property
    def ratio(self) -> float:
        return self.value / self.floor


Pairs = Mapping[str, Pair]
"""By figure."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and the least and the most of them."""

    median: float
    least: float
    most: float


def spread(numbers: Sequence[float]) -> Spread:
    return Spread(statistics.median(numbers), min(numbers), max(numbers))


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure's rounds. `noisy`: in one that counts the host took more than its share. `short`: there was no time for
    all rounds.
    """

    figure: Figure
    pairs: tuple[Pair, ...]
    noisy: bool = False
    short: bool = False

    @property
    def value(self) -> Spread:
        return spread([pair.value for pair in self.pairs])

    @property
    def floor(self) -> Spread:
        return spread([pair.floor for pair in self.pairs])

    @property
    def ratio(self) -> Spread:
        """Of ratios taken round by round: what both sides of a round share cancels out."""
        return spread([pair.ratio for pair in self.pairs])

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        goal = self.figure.goal
        if goal is None:
            return None
        wanted = [(self.ratio.median, goal.ratio)]
        if goal.value is not None:
            wanted.append((self.value.median, goal.value))
        if self.figure.more_is_better:
            return all(found >= least for found, least in wanted)
        return all(found <= most for found, most in wanted)


def number(value: float) -> str:
    """A number with three or four digits that count."""
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3g}"
