"""Overriding: two exchange operators let a day open in spite of obstacles.

An obstacle keeps a day from being opened: an earlier day that is not settled, books that were not compared or do not
agree, a heard event that was set aside, a source whose hearing is halted. An override covers, by name, the obstacles
that exist and are not covered yet. It is proposed and approved like any command of two people
(chassis/core/proposals.py): the proposal shows the obstacles, and it can be approved only while they are the same.

A later obstacle needs an override of its own. A covered one stays covered on later mornings as long as it exists, so
that one disagreement does not need two people every morning. When a day opens, obstacles that are gone lose their
cover; one that comes back is a new one.

Books are cumulative: a comparison covers everything, so its result replaces every earlier one, and an agreement covers
all days before. Clearing names a disagreement by what differs, so the same differences on the next evening are the same
obstacle.

Invariant: the proposer and the approver are two people.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, doubts, handles, person
from chassis.core.shapes import check_day, check_text
from trading.domain.calendar import check_none_open, check_not_opened, known_day
from trading.domain.state import DayPhase, Market, Obstacle

SET_ASIDE = "SET_ASIDE_PENDING"


# Commands


@dataclass(frozen=True, slots=True)
class OverrideOpening:
    day: str
    ground: str


# Events


@dataclass(frozen=True, slots=True)
class OpeningOverridden:
    """An override was approved; `obstacles` are those it covers."""

    day: str
    ground: str
    obstacles: tuple[Obstacle, ...]
    proposed_by: str
    approved_by: str


# Obstacles


def obstacles(market: Market, day: str, context: Context) -> dict[Obstacle, Rejected]:
    """Everything that keeps the day closed and may be overridden, each with the refusal that `OpenDay` gives for it.

    The order is fixed, earlier days first: `OpenDay` refuses with the first that no override covers.
    """
    calendar = market.calendar
    found: list[tuple[str, Rejected]] = []
    for earlier in calendar.days.values():
        if earlier.day < day and earlier.phase is not DayPhase.ANNOUNCED and not earlier.settled:
            found.append((earlier.day, Rejected("EARLIER_DAY_NOT_SETTLED", day=day, earlier_day=earlier.day)))
    if calendar.last_compared < calendar.last_settled:
        last = calendar.last_settled
        found.append((last, Rejected("BOOKS_NOT_COMPARED", day=day, earlier_day=last)))
    elif calendar.disagreement:
        last = calendar.last_compared
        found.append((calendar.disagreement, Rejected("BOOKS_NOT_AGREED", day=day, earlier_day=last)))
    for doubt in doubts(context):
        found.append((str(doubt.facts.get("source", context.set_aside_last)), doubt))
    return {Obstacle(refusal.reason, subject): refusal for subject, refusal in found}


def is_covered(market: Market, obstacle: Obstacle) -> bool:
    """Whether an override covers it. One that names a set-aside event covers all that were set aside up to it."""
    covered = market.calendar.covered
    if obstacle.reason == SET_ASIDE:
        return any(one.reason == SET_ASIDE and int(one.subject) >= int(obstacle.subject) for one in covered)
    return obstacle in covered


def uncovered(market: Market, day: str, context: Context) -> dict[Obstacle, Rejected]:
    """The obstacles that no override covers, with their refusals, in the order of `obstacles`."""
    found = obstacles(market, day, context)
    return {obstacle: refusal for obstacle, refusal in found.items() if not is_covered(market, obstacle)}


# Decisions


def override_opening(market: Market, command: OverrideOpening, context: Context) -> list[object]:
    check_day(command.day)
    check_text(command.ground, "ground")
    known_day(market.calendar, command.day)
    check_none_open(market.calendar, command.day)
    check_not_opened(market.calendar, command.day)
    if not obstacles(market, command.day, context):
        raise Rejected("OPENING_NOT_BLOCKED", day=command.day)
    named = tuple(uncovered(market, command.day, context))
    if not named:
        raise Rejected("OVERRIDE_ALREADY_APPROVED", day=command.day)
    return [OpeningOverridden(command.day, command.ground, named, context.proposed_by, str(context.actor))]


# Changes


def on_opening_overridden(market: Market, event: OpeningOverridden) -> None:
    assert event.proposed_by and person(event.proposed_by) != person(event.approved_by), "two people"
    day = market.calendar.days[event.day]
    day.override_proposed_by = event.proposed_by
    day.override_approved_by = event.approved_by
    market.calendar.covered.update(event.obstacles)


DECIDE: Decide[Market] = handles(OverrideOpening, override_opening)

EVOLVE: Evolve[Market] = applies(OpeningOverridden, on_opening_overridden)
