"""Which of the numbers that another service gives were taken in.

It gives them one after the other, without gaps. One that is not taken in is set aside, and may be decided again after
higher ones: it is missing until then. So what is kept is the last number and those below it that are missing. A number
that was taken comes again where the other log came back older, and would count twice.

Missing numbers are remembered, so how far ahead a number may be has a bound: a fault of the other service fills no
memory.
"""

from dataclasses import dataclass, field

MISSING_MAX = 100_000


@dataclass(slots=True)
class NumbersTaken:
    last: int = 0
    # Below the last.
    missing: set[int] = field(default_factory=set)

    def has(self, number: int) -> bool:
        return number <= self.last and number not in self.missing

    @property
    def next_max(self) -> int:
        """The highest that may be taken next."""
        return self.last + 1 + max(0, MISSING_MAX - len(self.missing))

    def take(self, number: int) -> None:
        if number <= self.last:
            self.missing.remove(number)
            return
        self.missing.update(range(self.last + 1, number))
        self.last = number
