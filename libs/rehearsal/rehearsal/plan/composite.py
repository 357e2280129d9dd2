"""The composite price's weights, as the exchange's notices set them: dated data (rulebook 3.8).

A notice names vintages. Of a plan that has none of them the vintages count equally, as before the first notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True, slots=True)
class Notice:
    """Weights by vintage from a day on. Empty: all vintages that are listed count equally."""

    valid_from: date
    weights: tuple[tuple[str, int], ...]
    source: str


NOTICES = (
    Notice(date(2021, 7, 16), (), "equal weights of the vintages listed (rulebook 3.8)"),
    Notice(
        date(2025, 4, 29),
        (("CEA", 1), ("CEA21", 1), ("CEA22", 1), ("CEA23", 1), ("CEA24", 1)),
        "SEEE notice 2025 No. 13 (rulebook 3.8)",
    ),
    Notice(date(2026, 1, 5), (("CEA25", 1),), "SEEE scheme of 2026 (rulebook 3.8)"),
)


def notices_of(instruments: Sequence[str], first_day: date, last_day: date) -> list[Notice]:
    """The notices of a plan's days, the first valid from its first day, with weights of its own vintages alone."""
    in_force = [notice for notice in NOTICES[1:] if notice.valid_from <= first_day]
    later = [notice for notice in NOTICES[1:] if first_day < notice.valid_from <= last_day]
    of_plan = [replace((NOTICES[0], *in_force)[-1], valid_from=first_day), *later]
    return [replace(notice, weights=weights_of(notice, instruments)) for notice in of_plan]


def weights_of(notice: Notice, instruments: Sequence[str]) -> tuple[tuple[str, int], ...]:
    named = tuple((instrument, weight) for instrument, weight in notice.weights if instrument in instruments)
    return named or tuple((instrument, 1) for instrument in instruments)
