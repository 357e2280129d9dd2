"""A day takes no more trades than can be settled, of both methods together; what is open then expires as ever."""

from dataclasses import replace

from support.domains.trading_floor import ANN, FRIDAY, POWER, RULES, STEEL, Floor, quiet_floor
from trading.domain.block import ConfirmBlock, OfferBlock
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.rules import DAY_TRADES_MAX, DAY_VALUE_FEN_MAX, SetTradingRules, trades_max
from trading.domain.values import Side


def floor_of(day_trades_max: int) -> Floor:
    """Power lists ten times ten tonnes and offers steel a block, on a day of so many trades."""
    floor = quiet_floor()
    floor.play(ANN, SetTradingRules(replace(RULES, day_trades_max=day_trades_max)))
    floor.give("power", tonnes=300_000)
    floor.give("steel", fen=10_000_000_000)
    floor.open(FRIDAY)
    floor.at("13:00").play(POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, 100))
    floor.play(POWER, OfferBlock("power", "steel", "CEA", Side.SELL, 4_800, 100_000))
    return floor


TAKE, CONFIRM = TakeListing("steel", 1, 10, 4_800), ConfirmBlock(1, 4_800, 100_000)


def test_a_full_day_takes_neither_a_listing_nor_a_block() -> None:
    floor = floor_of(2)
    floor.play(STEEL, TAKE)
    floor.play(STEEL, TAKE)
    for command in (TAKE, CONFIRM):
        assert floor.refusal(STEEL, command) == ("DAY_FULL", {"trades": 2, "trades_max": 2})
    events = floor.close()
    assert [type(event).__name__ for event in events][:2] == ["OrderExpired", "BlockExpired"]


def test_a_block_counts_as_one_trade_of_the_day() -> None:
    floor = floor_of(1)
    floor.play(STEEL, CONFIRM)
    assert floor.refusal(STEEL, TAKE) == ("DAY_FULL", {"trades": 1, "trades_max": 1})


def test_rules_that_say_nothing_take_as_many_as_can_be_settled() -> None:
    assert trades_max(RULES) == DAY_TRADES_MAX
    assert trades_max(replace(RULES, day_trades_max=7)) == 7


def test_a_day_trades_no_more_than_its_value_can_be_added_up_to() -> None:
    """Many days so full would overflow the sums that events and books keep: neither method makes such a trade."""
    floor = floor_of(0)
    day = floor.market.calendar.days[FRIDAY]
    day.whole.value_fen = DAY_VALUE_FEN_MAX - 48_000
    facts = {"value_fen": 480_000_000, "day_value_fen": DAY_VALUE_FEN_MAX - 48_000}
    assert floor.refusal(STEEL, CONFIRM) == ("DAY_VALUE_FULL", facts | {"day_value_fen_max": DAY_VALUE_FEN_MAX})
    floor.play(STEEL, TAKE)
    assert day.whole.value_fen == DAY_VALUE_FEN_MAX
    reason, _ = floor.refusal(STEEL, TAKE)
    assert reason == "DAY_VALUE_FULL"
