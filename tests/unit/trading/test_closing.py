"""Closing a day: what expires, the prices that are fixed, and the totals that say the day is complete."""

from collections.abc import Sequence
from typing import TypeVar

import pytest

from chassis.core.decider import Timer
from chassis.core.engine import Done
from chassis.core.submission import DueTimer
from support.domains.trading_floor import (
    ANN,
    FRIDAY,
    MONDAY,
    POWER,
    REGISTRY,
    STEEL,
    TIMER,
    Floor,
    Line,
    moment,
    open_floor,
    quiet_floor,
)
from support.shell.asking import asked
from support.shell.two_people import engine_of
from trading.__main__ import TRADING
from trading.domain import closing
from trading.domain.block import ConfirmBlock, OfferBlock
from trading.domain.closing import CloseDay, CompositePriced, InstrumentDayClosed, TradingDayClosed
from trading.domain.decider import DECIDER
from trading.domain.instruments import AdmitInstrument, NoteVintage
from trading.domain.listed import OrderExpired, PlaceOrder, TakeListing
from trading.domain.negotiations import BlockExpired
from trading.domain.rules import SetCompositeWeights
from trading.domain.state import Weight
from trading.domain.values import Side

E = TypeVar("E")

# fmt: off
CLOSING: list[Line] = [
    ("14:59", ANN,   CloseDay("now"),           "DAY_MALFORMED"),
    ("14:59", ANN,   CloseDay("2021-07-17"),    "DAY_UNKNOWN"),
    ("14:59", ANN,   CloseDay(MONDAY),          "DAY_NOT_OPEN"),
    ("14:59", ANN,   CloseDay(FRIDAY),          "SESSION_NOT_OVER"),
    ("15:00", TIMER, CloseDay(FRIDAY),          None),
    ("15:00", ANN,   CloseDay(FRIDAY),          "DAY_NOT_OPEN"),
]
# fmt: on


def only(events: Sequence[object], kind: type[E]) -> E:
    (event,) = [event for event in events if isinstance(event, kind)]
    return event


def trade(floor: Floor, price_fen: int, quantity_tonnes: int, instrument: str = "CEA") -> None:
    """Power sells to steel by listed agreement."""
    floor.at("10:00").play(POWER, PlaceOrder("power", instrument, Side.SELL, price_fen, quantity_tonnes))
    floor.play(STEEL, TakeListing("steel", floor.market.order_id_last, quantity_tonnes, price_fen))


def block_trade(floor: Floor, price_fen: int, quantity_tonnes: int) -> None:
    floor.at("13:30").play(POWER, OfferBlock("power", "steel", "CEA", Side.SELL, price_fen, quantity_tonnes))
    floor.play(STEEL, ConfirmBlock(floor.market.block_id_last, price_fen, quantity_tonnes))


def test_a_day_closes_once_and_only_after_its_last_session() -> None:
    open_floor().climb(CLOSING)


def test_the_open_day_ends_by_a_timer_of_its_own() -> None:
    floor = quiet_floor()
    assert DECIDER.due(floor.market) is None
    floor.open(FRIDAY)
    assert DECIDER.due(floor.market) == Timer(moment(FRIDAY, "15:00"), "close-day/2021-07-16", CloseDay(FRIDAY))
    floor.close()
    assert DECIDER.due(floor.market) is None


def test_what_is_open_expires_and_its_locks_are_free() -> None:
    floor = open_floor()
    floor.play(POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, 100))
    floor.play(STEEL, PlaceOrder("steel", "CEA", Side.BUY, 4_700, 10))
    floor.play(STEEL, TakeListing("steel", 1, 30, 4_800))
    floor.at("13:30").play(POWER, OfferBlock("power", "steel", "CEA", Side.SELL, 4_000, 100_000))
    events = floor.close()
    assert events[:3] == [
        OrderExpired(1, "power", 70, 0),
        OrderExpired(2, "steel", 10, 47_000),
        BlockExpired(1, "power", "steel", 0, 100_000),
    ]
    accounts = floor.market.accounts
    assert accounts["power"].units["CEA"].locked_tonnes == 0
    assert accounts["steel"].funds.locked_fen == 0
    assert not accounts["power"].orders
    assert not accounts["power"].blocks
    assert not floor.market.instruments["CEA"].book.asks.ranks


def test_a_full_book_expires_page_by_page_before_the_day_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "EXPIRIES_PER_PAGE_MAX", 2)
    floor = open_floor()
    for _ in range(4):
        floor.play(STEEL, PlaceOrder("steel", "CEA", Side.BUY, 4_700, 10))
    floor.at("13:30").play(POWER, OfferBlock("power", "steel", "CEA", Side.SELL, 4_000, 100_000))
    pages = [floor.close()]
    assert floor.refusal(STEEL, PlaceOrder("steel", "CEA", Side.BUY, 4_700, 10))[0] == "OUT_OF_SESSION"
    names = []
    while (timer := DECIDER.due(floor.market)) is not None:
        names.append(timer.name)
        pages.append(floor.play(TIMER, timer.command))
    assert names == ["close-day/2021-07-16/3", "close-day/2021-07-16"]
    expired = [[event for event in page if isinstance(event, OrderExpired | BlockExpired)] for page in pages]
    assert [len(page) for page in expired] == [2, 2, 1]
    assert [type(page[-1]) for page in pages] == [OrderExpired, OrderExpired, TradingDayClosed]
    steel = floor.market.accounts["steel"].funds
    assert (steel.locked_fen, steel.available_fen) == (0, 1_000_000_000)


def test_open_high_low_are_of_listed_trades_and_the_close_is_their_average_half_up() -> None:
    floor = open_floor()
    trade(floor, 4_810, 100)
    trade(floor, 5_000, 1)
    trade(floor, 4_700, 2)
    trade(floor, 4_820, 97)
    block_trade(floor, 6_000, 100_000)
    line = only(floor.close(), InstrumentDayClosed)
    assert (line.open_fen, line.high_fen, line.low_fen) == (4_810, 5_000, 4_700)
    value_fen = 481_000 + 5_000 + 9_400 + 467_540
    assert (line.listed_tonnes, line.listed_value_fen, line.close_fen) == (200, value_fen, 4_815)
    assert (line.block_tonnes, line.block_value_fen, line.trades) == (100_000, 600_000_000, 5)
    assert (line.previous_close_fen, line.change_bp) == (4_800, 31)


def test_without_a_listed_trade_every_price_is_the_previous_close() -> None:
    floor = open_floor()
    block_trade(floor, 6_000, 100_000)
    line = only(floor.close(), InstrumentDayClosed)
    prices = (line.open_fen, line.high_fen, line.low_fen, line.close_fen, line.previous_close_fen, line.change_bp)
    assert prices == (4_800, 4_800, 4_800, 4_800, 4_800, 0)
    assert line.block_tonnes == 100_000


def test_the_next_days_limits_stand_on_the_close() -> None:
    floor = open_floor()
    trade(floor, 5_123, 1)
    floor.close()
    floor.settle()
    floor.open(MONDAY)
    limits = floor.market.instruments["CEA"].limits
    assert limits is not None
    assert (limits.previous_close_fen, limits.listed_low_fen, limits.listed_high_fen) == (5_123, 4_611, 5_635)


def test_volumes_add_up_over_the_year_and_over_all_time() -> None:
    floor = open_floor()
    trade(floor, 4_800, 10)
    floor.close()
    floor.settle()
    floor.open(MONDAY)
    trade(floor, 4_800, 5)
    line = only(floor.close(), InstrumentDayClosed)
    assert (line.listed_tonnes, line.year_tonnes, line.total_tonnes) == (5, 15, 15)
    floor.market.instruments["CEA"].year = "2020"
    floor.settle()
    floor.open("2021-07-20")
    trade(floor, 4_800, 1)
    line = only(floor.close(), InstrumentDayClosed)
    assert (line.year_tonnes, line.year_value_fen, line.total_tonnes, line.total_value_fen) == (1, 4_800, 16, 76_800)


def test_the_close_says_which_trades_the_day_had() -> None:
    floor = open_floor()
    trade(floor, 4_800, 10)
    block_trade(floor, 4_000, 100_000)
    assert floor.close()[-1] == TradingDayClosed(FRIDAY, 2, 100_010, 400_048_000, 1, 2, moment(FRIDAY, "15:00"))
    floor.settle()
    floor.open(MONDAY)
    assert floor.close()[-1] == TradingDayClosed(MONDAY, 0, 0, 0, 0, 0, moment(MONDAY, "15:00"))


def test_the_composite_of_one_instrument_is_that_instrument() -> None:
    floor = open_floor()
    trade(floor, 4_810, 100)
    trade(floor, 5_000, 1)
    trade(floor, 4_700, 2)
    assert only(floor.close(), CompositePriced) == CompositePriced(FRIDAY, 4_810, 5_000, 4_700, 4_810, 4_800, 21)


def test_the_composite_moves_with_every_trade_of_what_counts_in_it() -> None:
    floor = quiet_floor()
    for instrument in ("CEA21", "CEA22"):
        floor.play(REGISTRY, NoteVintage(instrument))
        floor.play(ANN, AdmitInstrument(instrument, FRIDAY, 4_000))
    weights = (Weight("CEA", 1), Weight("CEA21", 3), Weight("CEA22", 0))
    floor.play(ANN, SetCompositeWeights(FRIDAY, weights, "the exchange's notice"))
    for instrument in ("CEA", "CEA21", "CEA22"):
        floor.give("power", tonnes=100, instrument=instrument)
    floor.give("steel", fen=10_000_000)
    floor.open(FRIDAY)
    assert floor.market.composite.previous_close_fen == 4_200
    trade(floor, 4_400, 1, "CEA22")
    assert floor.market.composite.open_fen == 0
    trade(floor, 4_900, 1, "CEA")
    trade(floor, 3_901, 1, "CEA21")
    trade(floor, 4_100, 1, "CEA21")
    composite = only(floor.close(), CompositePriced)
    assert (composite.open_fen, composite.high_fen, composite.low_fen) == (4_225, 4_300, 4_151)
    assert composite.close_fen == 4_226


def test_without_weights_there_is_no_composite() -> None:
    floor = quiet_floor()
    floor.market.rules.weights.days.clear()
    floor.market.rules.weights.sets.clear()
    floor.open(FRIDAY)
    assert not [event for event in floor.close() if isinstance(event, CompositePriced)]


def test_an_operator_who_closes_just_ahead_of_the_timer_leaves_it_nothing_to_do() -> None:
    floor = open_floor()
    engine = engine_of(TRADING, floor.market)
    now_ms = moment(FRIDAY, "15:00")
    timer = engine.due()
    assert timer is not None and timer.command == CloseDay(FRIDAY)
    closed = engine.decide(asked(ANN, "", CloseDay(FRIDAY)), {}, now_ms)
    assert isinstance(closed, Done) and closed.only(TradingDayClosed)
    assert engine.decide(DueTimer("trading", timer), {}, now_ms) == Done((), closed.position)
    assert engine.shell.set_aside == {}
