"""Overriding: two exchange operators let a day open although something keeps it closed.

An obstacle is what keeps a day from being opened: an earlier day that is not settled, books that do not agree, an event
heard that could not be applied, a source that is not heard any further. An override covers, by name, the obstacles that
there are and that none covers yet. It is proposed and approved as any command of two people is
(chassis/core/proposals.py): the proposal shows the obstacles, and it is approved only while they are the same. What
comes up later is not covered and needs an override of its own. What is covered stays covered on later mornings as long
as it is there, so that one disagreement does not need two people every morning; an obstacle that is gone when a day
opens is forgotten, and when it comes back it is a new one.

Books are cumulative: a comparison is of all that there is, so its verdict takes the place of every earlier one, and an
agreement covers all days before. Clearing names a disagreement by what differs: the same differences on the next
evening are the same disagreement.

Invariant: who proposed and who approved are two people.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, doubts, handles, person
from chassis.core.shapes import check_day, check_ground
from trading.domain.calendar import check_none_open, check_not_opened, known_day
from trading.domain.state import DayPhase, Market, Obstacle

SET_ASIDE = "HEARD_EVENTS_SET_ASIDE"


# Commands


@dataclass(frozen=True, slots=True)
class OverrideOpening:
    day: str
    ground: str


# Events


@dataclass(frozen=True, slots=True)
class OpeningOverridden:
    """obstacles are those that it covers."""

    day: str
    ground: str
    obstacles: tuple[Obstacle, ...]
    proposed_by: str
    approved_by: str


# What keeps a day from being opened


def obstacles(market: Market, day: str, context: Context) -> dict[Obstacle, Rejected]:
    """Everything that two people may override, with the refusal that it is; the earliest first."""
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
    """Whether two people overrode it. Of what is set aside an override covers all up to the last that it named."""
    covered = market.calendar.covered
    if obstacle.reason == SET_ASIDE:
        return any(one.reason == SET_ASIDE and int(one.subject) >= int(obstacle.subject) for one in covered)
    return obstacle in covered


def uncovered(market: Market, day: str, context: Context) -> dict[Obstacle, Rejected]:
    found = obstacles(market, day, context)
    return {obstacle: refusal for obstacle, refusal in found.items() if not is_covered(market, obstacle)}


# Decisions


def override_opening(market: Market, command: OverrideOpening, context: Context) -> list[object]:
    check_day(command.day)
    check_ground(command.ground)
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
