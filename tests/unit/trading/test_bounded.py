"""What trading remembers after many days: no more than after half as many."""

import pickle
from dataclasses import replace
from datetime import date, timedelta

import pytest

from chassis.core.decider import Rejected
from support.domains.trading_floor import ANN, CLEARING, FRIDAY, POWER, RULES, STEEL, Floor, open_floor
from trading.domain.calendar import DAYS_KEPT, AnnounceTradingDays, forget_finished
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.rules import SetFees, SetTradingRules
from trading.domain.settlement import NoteBooksAgreement
from trading.domain.state import Day, DayPhase
from trading.domain.values import Side

DAYS = DAYS_KEPT + 60
FRIDAY_OF_WEEK = 4
GROWTH_MAX = 1.02
"""Numbers that grow have more digits."""


def following(day: str) -> str:
    """The next weekday."""
    at = date.fromisoformat(day)
    return (at + timedelta(days=3 if at.weekday() == FRIDAY_OF_WEEK else 1)).isoformat()


def play_days(floor: Floor, count: int) -> None:
    """Each day an order expires and another is taken; one of ten is passed over, and now and then a rule is new."""
    for number in range(count):
        day = following(floor.market.calendar.last_announced)
        floor.play(ANN, AnnounceTradingDays((day,)))
        if number % 10 == 0:
            continue
        if number % 50 == 1:
            floor.play(ANN, SetTradingRules(replace(RULES, valid_from_day=day)))
            floor.play(ANN, SetFees(day, 0, 0, "a notice"))
        floor.open(day)
        price_fen = floor.market.instruments["CEA"].previous_close_fen
        floor.at("10:00").play(STEEL, PlaceOrder("steel", "CEA", Side.BUY, price_fen - 1, 5))
        floor.play(POWER, PlaceOrder("power", "CEA", Side.SELL, price_fen, 7))
        floor.play(STEEL, TakeListing("steel", floor.market.order_id_last, 7, price_fen))
        floor.close()
        floor.settle()


def test_what_trading_remembers_does_not_grow_with_the_days() -> None:
    floor = open_floor()
    floor.close()
    floor.settle()
    play_days(floor, DAYS)
    once = len(pickle.dumps(floor.market))
    play_days(floor, DAYS)
    assert len(pickle.dumps(floor.market)) < once * GROWTH_MAX
    assert len(floor.market.trades) <= 1, "those of the last day, which are released in the morning"


def test_a_day_that_is_unfinished_is_not_forgotten_and_one_that_is_may_still_be_compared_again() -> None:
    floor = open_floor()
    calendar = floor.market.calendar
    names = [(date(2019, 1, 1) + timedelta(days=number)).isoformat() for number in range(DAYS_KEPT + 3)]
    finished = {name: Day(name, DayPhase.CLOSED, settled=True, books_agreed=True) for name in names}
    finished[names[0]].settled = False
    calendar.days = finished | calendar.days
    forget_finished(calendar)
    assert list(calendar.days)[:2] == [names[0], names[3]]
    assert floor.play(CLEARING, NoteBooksAgreement(names[2], True)) == []
    with pytest.raises(Rejected, match="DAY_NOT_CLOSED"):
        floor.play(CLEARING, NoteBooksAgreement(FRIDAY, True))
