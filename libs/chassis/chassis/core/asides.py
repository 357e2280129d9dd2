"""What is set aside, and what people dropped of it, as the state keeps it (set_aside.py decides).

Both are kept by position, with the sum of their bytes. What is set aside is kept by its cause too: a source at fault
has thousands set aside for one cause, and people deal with them together. Positions only grow, so the order in which
they come is their order.

Adding, taking and forgetting cost the same however many are kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import islice

from chassis.core.decider import Facts

DROPPED_BYTES_MAX = 20_000_000
ASIDE_BYTES = 500
"""About what one has beside its data and facts."""


@dataclass(frozen=True, slots=True)
class SetAsideNoted:
    """`data` is the heard record's, `timer` a timer's name. A timer, and an answer to our own order, are of our own
    log; a timer has no source position. `type` is what the log itself calls it, so that a renamed class changes
    nothing: the type of the heard record, or of the order that was answered; a timer has its name alone.
    """

    source_log_id: str
    source_position: int
    type: str
    reason: str
    facts: Facts
    data: bytes = b""
    timer: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """What was set aside for the same reason: of one log, of one type."""

    source_log_id: str
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class OfCause:
    """How many are set aside for one cause, and the positions of the first and the last."""

    cause: Cause
    count: int
    first_position: int
    last_position: int


def cause_of(aside: SetAsideNoted) -> Cause:
    return Cause(aside.source_log_id, aside.type, aside.reason)


def facts_bytes(aside: SetAsideNoted) -> int:
    return sum(len(name) + len(value) for name, value in aside.facts)


def bytes_of(aside: SetAsideNoted) -> int:
    return ASIDE_BYTES + len(aside.data) + facts_bytes(aside)


@dataclass(slots=True, eq=False)
class Asides(Mapping[int, SetAsideNoted]):
    """What is set aside, by its position."""

    bytes: int = 0
    _all: dict[int, SetAsideNoted] = field(default_factory=dict)
    # The positions of each cause, in their order.
    _by_cause: dict[Cause, dict[int, None]] = field(default_factory=dict)

    def __getitem__(self, position: int) -> SetAsideNoted:
        return self._all[position]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def last_position(self) -> int:
        return next(reversed(self._all), 0)

    def add(self, position: int, aside: SetAsideNoted) -> None:
        assert position > self.last_position
        self._all[position] = aside
        self._by_cause.setdefault(cause_of(aside), {})[position] = None
        self.bytes += bytes_of(aside)

    def take(self, position: int) -> SetAsideNoted:
        aside = self._all.pop(position)
        cause = cause_of(aside)
        of_cause = self._by_cause[cause]
        del of_cause[position]
        if not of_cause:
            del self._by_cause[cause]
        self.bytes -= bytes_of(aside)
        return aside

    def of_cause(self, cause: Cause) -> Iterator[int]:
        """The positions of what is set aside for it, ascending."""
        return iter(self._by_cause.get(cause, ()))

    def causes(self) -> list[OfCause]:
        """There are only as many as our code has reasons for the types that it hears."""
        return [
            OfCause(cause, len(positions), next(iter(positions)), next(reversed(positions)))
            for cause, positions in self._by_cause.items()
        ]

    def first_of_each_cause(self, asides_max: int) -> dict[int, SetAsideNoted]:
        first = [position for positions in self._by_cause.values() for position in islice(positions, asides_max)]
        return {position: self._all[position] for position in sorted(first)}


@dataclass(slots=True, eq=False)
class Dropped(Mapping[int, SetAsideNoted]):
    """What was dropped, by its position, the one dropped last at the end. Where all are too many bytes, those that were
    set aside first are forgotten.
    """

    bytes: int = 0
    _all: dict[int, SetAsideNoted] = field(default_factory=dict)
    # A heap of positions. One that was taken stays in it until it comes first, or until most are such.
    _earliest_first: list[int] = field(default_factory=list)

    def __getitem__(self, position: int) -> SetAsideNoted:
        return self._all[position]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def last_dropped(self, asides_max: int) -> dict[int, SetAsideNoted]:
        last = sorted(islice(reversed(self._all), asides_max))
        return {position: self._all[position] for position in last}

    def add(self, position: int, aside: SetAsideNoted) -> None:
        self._all[position] = aside
        self.bytes += bytes_of(aside)
        heappush(self._earliest_first, position)
        while self.bytes > DROPPED_BYTES_MAX:
            self.take(heappop(self._earliest_first))

    def take(self, position: int) -> SetAsideNoted | None:
        """None where it was not dropped, or is forgotten."""
        aside = self._all.pop(position, None)
        if aside is not None:
            self.bytes -= bytes_of(aside)
            if len(self._earliest_first) > 2 * len(self._all) + 100:
                self._earliest_first = list(self._all)
                heapify(self._earliest_first)
        return aside
