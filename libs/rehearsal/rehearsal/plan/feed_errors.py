"""Figures that the exchange published wrong: each is named where it is met, and nothing else is excused.

A figure is excused only if the file has just the figure that was published and the services come to just the one that
the rules give.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class FeedError:
    """One figure of one row; `column` is a field of DayRow."""

    day: date
    instrument: str
    column: str
    published: int
    by_the_rules: int
    why: str

    def __str__(self) -> str:
        return (
            f"{self.day} {self.instrument}: {self.column} was published as {self.published:,}, by the rules it is"
            f" {self.by_the_rules:,}: {self.why}"
        )


FEED_ERRORS = (
    FeedError(
        day=date(2024, 12, 26),
        instrument="COMCEA",
        column="close_fen",
        published=97_80,
        by_the_rules=97_81,
        why="the mean of 97.50, 99.40, 97.12 and 97.20 is 97.805, half up 97.81 (rulebook 3.8)",
    ),
)


def feed_error(day: date, instrument: str, column: str, given: int, found: int) -> FeedError | None:
    """The known error that explains why a row has `given` and the services come to `found`."""
    for error in FEED_ERRORS:
        if (error.day, error.instrument, error.column) == (day, instrument, column):
            return error if (error.published, error.by_the_rules) == (given, found) else None
    return None
