"""Listed agreement: posting, picking and cancelling listings, each rule as a line of a table."""

import pytest

from support.domains.trading_floor import (
    ANN,
    CEMENT,
    FRIDAY,
    POWER,
    REGISTRY,
    STEEL,
    Floor,
    Line,
    moment,
    open_floor,
    quiet_floor,
)
from trading.domain import listed
from trading.domain.accounts import OpenTradingAccount
from trading.domain.instruments import AdmitInstrument, NoteVintage
from trading.domain.listed import (
    ORDERS_OPEN_PER_ACCOUNT_MAX,
    CancelOrder,
    CancelReason,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    PlaceOrder,
    TakeListing,
)
from trading.domain.restriction import StopTradingAccount
from trading.domain.rules import SetFees
from trading.domain.suspension import ResumeTrading, SuspendTrading
from trading.domain.trades import TradeExecuted
from trading.domain.values import Method, Side

BUY, SELL, NEITHER = Side.BUY, Side.SELL, Side.UNSPECIFIED


def sell(price_fen: int = 4_800, quantity_tonnes: int = 10, account: str = "power") -> PlaceOrder:
    return PlaceOrder(account, "CEA", SELL, price_fen, quantity_tonnes)


def buy(price_fen: int = 4_800, quantity_tonnes: int = 10, account: str = "steel") -> PlaceOrder:
    return PlaceOrder(account, "CEA", BUY, price_fen, quantity_tonnes)


def placed(order_id: int, order: PlaceOrder, clock: str, locked_fen: int = 0) -> OrderPlaced:
    return OrderPlaced(
        order_id,
        order.account,
        order.instrument,
        order.side,
        order.price_fen,
        order.quantity_tonnes,
        FRIDAY,
        moment(FRIDAY, clock),
        locked_fen,
    )


# fmt: off
PLACING: list[Line] = [
    # shape
    ("10:00", POWER, PlaceOrder("", "CEA", SELL, 4_800, 10),               "ACCOUNT_MALFORMED"),
    ("10:00", POWER, PlaceOrder("Power Station!", "CEA", SELL, 4_800, 10), "ACCOUNT_MALFORMED"),
    ("10:00", POWER, PlaceOrder("power", "", SELL, 4_800, 10),             "INSTRUMENT_MALFORMED"),
    ("10:00", POWER, PlaceOrder("power", "cea", SELL, 4_800, 10),          "INSTRUMENT_MALFORMED"),
    ("10:00", POWER, PlaceOrder("power", "CEA", NEITHER, 4_800, 10),       "SIDE_UNSPECIFIED"),
    ("10:00", POWER, sell(price_fen=0),                                    "PRICE_OUT_OF_RANGE"),
    ("10:00", POWER, sell(price_fen=-4_800),                               "PRICE_OUT_OF_RANGE"),
    ("10:00", POWER, sell(price_fen=2**62),                                "PRICE_OUT_OF_RANGE"),
    ("10:00", POWER, sell(quantity_tonnes=0),                              "QUANTITY_OUT_OF_RANGE"),
    ("10:00", POWER, sell(quantity_tonnes=-10),                            "QUANTITY_OUT_OF_RANGE"),
    ("10:00", POWER, sell(quantity_tonnes=2**62),                          "QUANTITY_OUT_OF_RANGE"),
    ("10:00", POWER, sell(10**9, 10**12),                                  "VALUE_OUT_OF_RANGE"),
    # what exists, and whose it is
    ("10:00", POWER, sell(account="nobody"),                               "ACCOUNT_UNKNOWN"),
    ("10:00", POWER, PlaceOrder("power", "CEA99", SELL, 4_800, 10),        "INSTRUMENT_UNKNOWN"),
    ("10:00", STEEL, sell(),                                               "NOT_OWNER_OF_ACCOUNT"),
    ("10:00", ANN,   sell(),                                               "NOT_OWNER_OF_ACCOUNT"),
    # what the state of things allows
    ("10:00", "participant:fund", sell(account="fund"),                    "ACCOUNT_NOT_ELIGIBLE_TO_TRADE"),
    ("10:00", "participant:coal", sell(account="coal"),                    "ACCOUNT_RESTRICTED"),
    ("10:00", POWER, PlaceOrder("power", "CEA21", SELL, 4_800, 10),        "INSTRUMENT_NOT_ADMITTED"),
    ("09:29", POWER, sell(),                                               "OUT_OF_SESSION"),
    ("11:30", POWER, sell(),                                               "OUT_OF_SESSION"),
    ("12:59", POWER, sell(),                                               "OUT_OF_SESSION"),
    ("15:00", POWER, sell(),                                               "OUT_OF_SESSION"),
    ("10:00", ANN,   SuspendTrading("CEA", "a fault"),                     None),
    ("10:00", POWER, sell(),                                               "TRADING_SUSPENDED"),
    ("10:00", ANN,   ResumeTrading("CEA"),                                 None),
    ("10:00", ANN,   SuspendTrading("", "a fault"),                        None),
    ("10:00", POWER, sell(),                                               "TRADING_SUSPENDED"),
    ("10:00", ANN,   ResumeTrading(""),                                    None),
    # the numbers
    ("10:00", POWER, sell(quantity_tonnes=100_000),                        "QUANTITY_ABOVE_LISTED_MAX"),
    ("10:00", POWER, sell(price_fen=4_319),                                "PRICE_OUTSIDE_DAILY_LIMIT"),
    ("10:00", POWER, sell(price_fen=5_281),                                "PRICE_OUTSIDE_DAILY_LIMIT"),
    ("10:00", STEEL, sell(account="steel"),                                "INSUFFICIENT_ALLOWANCES"),
    ("10:00", POWER, buy(account="power"),                                 "INSUFFICIENT_FUNDS"),
    # accepted: from the first minute to the last, at both limits, from one tonne to the most
    ("09:30", POWER, sell(4_320, 1),                    [placed(1, sell(4_320, 1), "09:30")]),
    ("11:29", POWER, sell(5_280, 99_999),               [placed(2, sell(5_280, 99_999), "11:29")]),
    ("13:00", STEEL, buy(5_280, 99_999),                [placed(3, buy(5_280, 99_999), "13:00", 527_994_720)]),
    ("14:59", STEEL, buy(4_320, 99_999),                [placed(4, buy(4_320, 99_999), "14:59", 431_995_680)]),
    ("14:59", STEEL, buy(4_320, 9_263),                                    "INSUFFICIENT_FUNDS"),
    ("14:59", STEEL, buy(4_320, 9_261),                 [placed(5, buy(4_320, 9_261), "14:59", 40_007_520)]),
    ("14:59", STEEL, buy(4_320, 1),                                        "INSUFFICIENT_FUNDS"),
]

TAKING: list[Line] = [
    ("10:00", POWER, sell(4_800, 100),                  None),  # 1
    ("10:00", POWER, sell(4_801, 100),                  None),  # 2
    ("10:00", POWER, sell(4_802, 100),                  None),  # 3
    ("10:00", POWER, sell(4_803, 100),                  None),  # 4
    ("10:00", POWER, sell(4_804, 100),                  None),  # 5
    ("10:00", POWER, sell(4_804, 50),                   None),  # 6
    ("10:00", POWER, sell(4_805, 100),                  None),  # 7
    ("10:00", STEEL, buy(4_790, 100),                   None),  # 8
    # shape
    ("10:00", STEEL, TakeListing("", 1, 10, 4_800),                        "ACCOUNT_MALFORMED"),
    ("10:00", STEEL, TakeListing("steel", 0, 10, 4_800),                   "ORDER_ID_OUT_OF_RANGE"),
    ("10:00", STEEL, TakeListing("steel", -1, 10, 4_800),                  "ORDER_ID_OUT_OF_RANGE"),
    ("10:00", STEEL, TakeListing("steel", 1, 10, 0),                       "PRICE_OUT_OF_RANGE"),
    ("10:00", STEEL, TakeListing("steel", 1, 0, 4_800),                    "QUANTITY_OUT_OF_RANGE"),
    ("10:00", STEEL, TakeListing("steel", 1, -5, 4_800),                   "QUANTITY_OUT_OF_RANGE"),
    # what exists, and whose it is
    ("10:00", STEEL, TakeListing("nobody", 1, 10, 4_800),                  "ACCOUNT_UNKNOWN"),
    ("10:00", STEEL, TakeListing("steel", 99, 10, 4_800),                  "ORDER_UNKNOWN"),
    ("10:00", CEMENT, TakeListing("steel", 1, 10, 4_800),                  "NOT_OWNER_OF_ACCOUNT"),
    # what the state of things allows
    ("10:00", "participant:fund", TakeListing("fund", 1, 10, 4_800),       "ACCOUNT_NOT_ELIGIBLE_TO_TRADE"),
    ("10:00", "participant:coal", TakeListing("coal", 1, 10, 4_800),       "ACCOUNT_RESTRICTED"),
    ("12:00", STEEL, TakeListing("steel", 1, 10, 4_800),                   "OUT_OF_SESSION"),
    ("10:00", ANN,   SuspendTrading("CEA", "a fault"),                     None),
    ("10:00", STEEL, TakeListing("steel", 1, 10, 4_800),                   "TRADING_SUSPENDED"),
    ("10:00", ANN,   ResumeTrading("CEA"),                                 None),
    ("10:00", POWER, TakeListing("power", 1, 10, 4_800),                   "OWN_LISTING"),
    ("10:00", STEEL, TakeListing("steel", 1, 10, 4_799),                   "LISTING_CHANGED"),
    ("10:00", STEEL, TakeListing("steel", 7, 10, 4_805),                   "BEYOND_BEST_LEVELS"),
    # the numbers
    ("10:00", STEEL, TakeListing("steel", 1, 101, 4_800),                  "QUANTITY_ABOVE_LISTING"),
    ("10:00", POWER, TakeListing("power", 8, 101, 4_790),                  "QUANTITY_ABOVE_LISTING"),
    ("10:00", "participant:poor", TakeListing("poor", 1, 10, 4_800),       "INSUFFICIENT_FUNDS"),
    ("10:00", "participant:poor", TakeListing("poor", 8, 10, 4_790),       "INSUFFICIENT_ALLOWANCES"),
    # any listing within the best five levels, and any of several at one price
    ("10:00", STEEL, TakeListing("steel", 6, 50, 4_804),                   None),
    ("10:00", STEEL, TakeListing("steel", 6, 50, 4_804),                   "LISTING_GONE"),
    ("10:00", STEEL, TakeListing("steel", 5, 100, 4_804),                  None),
    # the fifth level is gone: the sixth has moved up
    ("10:00", STEEL, TakeListing("steel", 7, 10, 4_805),                   None),
]

CANCELLING: list[Line] = [
    ("10:00", POWER, sell(4_800, 100),                  None),
    ("10:00", POWER, CancelOrder(0),                                       "ORDER_ID_OUT_OF_RANGE"),
    ("10:00", POWER, CancelOrder(-3),                                      "ORDER_ID_OUT_OF_RANGE"),
    ("10:00", POWER, CancelOrder(2),                                       "ORDER_UNKNOWN"),
    ("10:00", STEEL, CancelOrder(1),                                       "NOT_OWNER_OF_ACCOUNT"),
    ("10:00", ANN,   CancelOrder(1),                                       "NOT_OWNER_OF_ACCOUNT"),
    ("10:00", STEEL, TakeListing("steel", 1, 40, 4_800),                   None),
    ("10:00", ANN,   SuspendTrading("CEA", "a fault"),                     None),
    ("12:00", POWER, CancelOrder(1),     [OrderCancelled(1, "power", CancelReason.BY_OWNER, 60, 0)]),
    ("12:00", POWER, CancelOrder(1),                                       "ORDER_NOT_OPEN"),
]
# fmt: on


@pytest.fixture
def floor() -> Floor:
    """The open floor, with a fund that may not trade, coal that is restricted, and somebody poor."""
    floor = open_floor()
    floor.play(REGISTRY, OpenTradingAccount("fund", False))
    floor.play(REGISTRY, OpenTradingAccount("coal", True))
    floor.play(REGISTRY, StopTradingAccount("coal", "licence expired", 1))
    floor.play(REGISTRY, OpenTradingAccount("poor", True))
    floor.play(REGISTRY, NoteVintage("CEA21"))
    return floor


def test_a_listing_is_placed_within_the_rules_of_the_day(floor: Floor) -> None:
    floor.climb(PLACING)


def test_a_taker_picks_any_listing_within_the_best_five_levels(floor: Floor) -> None:
    floor.climb(TAKING)


def test_a_listing_is_cancelled_by_its_owner_at_any_hour_even_while_trading_is_suspended(floor: Floor) -> None:
    floor.climb(CANCELLING)


def test_before_a_day_is_open_nothing_is_placed() -> None:
    floor = quiet_floor()
    floor.give("power", tonnes=100)
    assert floor.at("10:00").refusal(POWER, sell()) == ("DAY_NOT_OPEN", {"today": FRIDAY})


def test_a_late_order_is_refused_even_when_the_close_itself_is_late(floor: Floor) -> None:
    floor.at("15:01")
    assert floor.market.calendar.open_day == FRIDAY
    assert floor.refusal(POWER, sell())[0] == "OUT_OF_SESSION"


def test_a_refusal_names_the_rule_and_the_facts_that_mend_the_order(floor: Floor) -> None:
    assert floor.refusal(POWER, sell(price_fen=5_281)) == (
        "PRICE_OUTSIDE_DAILY_LIMIT",
        {"price_fen": 5_281, "low_fen": 4_320, "high_fen": 5_280},
    )
    assert floor.at("12:00").refusal(POWER, sell()) == (
        "OUT_OF_SESSION",
        {"now_ms": moment(FRIDAY, "12:00"), "day": FRIDAY, "sessions": "09:30-11:30 13:00-15:00"},
    )


def test_the_trade_is_of_the_takers_quantity_at_the_listings_price(floor: Floor) -> None:
    floor.play(POWER, sell(4_800, 100))
    trade = TradeExecuted(
        trade_id=1,
        day=FRIDAY,
        instrument="CEA",
        method=Method.LISTED,
        price_fen=4_800,
        quantity_tonnes=30,
        value_fen=144_000,
        buyer="steel",
        seller="power",
        buyer_fee_fen=0,
        seller_fee_fen=0,
        maker_account="power",
        taker_account="steel",
        maker_order_id=1,
        block_id=0,
        executed_ms=moment(FRIDAY, "10:00"),
        lock_change_fen=0,
    )
    assert floor.play(STEEL, TakeListing("steel", 1, 30, 4_800)) == [trade]
    assert floor.market.orders[1].remaining_tonnes == 70


def test_the_last_part_fills_the_listing(floor: Floor) -> None:
    floor.play(STEEL, buy(4_800, 100))
    floor.play(POWER, TakeListing("power", 1, 60, 4_800))
    trade, filled = floor.play(POWER, TakeListing("power", 1, 40, 4_800))
    assert isinstance(trade, TradeExecuted)
    assert filled == OrderFilled(1, "steel")
    assert not floor.market.orders
    assert not floor.market.instruments["CEA"].book.bids.levels


def test_listings_that_cross_rest_beside_each_other_until_somebody_picks_one(floor: Floor) -> None:
    floor.play(POWER, sell(4_700, 10))
    floor.play(STEEL, buy(4_900, 10))
    assert set(floor.market.orders) == {1, 2}


def test_what_a_listing_needs_is_locked_and_what_is_left_comes_free(floor: Floor) -> None:
    funds, units = floor.market.accounts["steel"].funds, floor.market.accounts["power"].units["CEA"]
    floor.play(STEEL, buy(4_800, 100))
    assert (funds.available_fen, funds.locked_fen) == (999_520_000, 480_000)
    floor.play(POWER, TakeListing("power", 1, 60, 4_800))
    assert (funds.available_fen, funds.locked_fen) == (999_520_000, 192_000)
    floor.play(STEEL, CancelOrder(1))
    assert (funds.available_fen, funds.locked_fen) == (999_712_000, 0)
    floor.play(POWER, sell(4_800, 1_000))
    assert (units.available_tonnes, units.locked_tonnes) == (298_940, 1_000)


def test_sale_proceeds_buy_at_once_and_bought_units_are_not_sold_the_same_day(floor: Floor) -> None:
    floor.play(POWER, sell(4_800, 100))
    floor.play(CEMENT, sell(4_800, 100, "cement"))
    floor.play(STEEL, TakeListing("steel", 1, 100, 4_800))
    floor.play(POWER, TakeListing("power", 2, 100, 4_800))
    assert floor.market.accounts["power"].funds.available_fen == 0
    assert floor.refusal(STEEL, sell(4_800, 1, "steel")) == (
        "INSUFFICIENT_ALLOWANCES",
        {"quantity_tonnes": 1, "available_tonnes": 0},
    )


def test_a_listing_filled_in_parts_costs_the_fee_of_the_whole_and_takes_its_whole_lock() -> None:
    floor = quiet_floor()
    floor.play(ANN, SetFees(FRIDAY, 333, 100, "the exchange's tariff"))
    floor.give("power", tonnes=100)
    floor.give("steel", fen=100_000)
    floor.open(FRIDAY)
    floor.at("10:00").play(STEEL, buy(4_801, 20))
    assert floor.market.accounts["steel"].funds.locked_fen == 96_020 + 31
    floor.play(POWER, TakeListing("power", 1, 1, 4_801))
    floor.play(POWER, TakeListing("power", 1, 1, 4_801))
    trade, filled = floor.play(POWER, TakeListing("power", 1, 18, 4_801))
    assert isinstance(trade, TradeExecuted)
    assert (trade.buyer_fee_fen, trade.seller_fee_fen, trade.taker_fee_fen) == (28, 9, 9)
    assert filled == OrderFilled(1, "steel")
    assert floor.market.accounts["steel"].funds.available_fen == 100_000 - 96_020 - 31
    assert floor.market.accounts["power"].funds.available_fen == 96_020 - 9


def test_an_account_has_a_bounded_number_of_open_listings(floor: Floor) -> None:
    for _ in range(ORDERS_OPEN_PER_ACCOUNT_MAX):
        floor.play(POWER, sell(4_800, 1))
    assert floor.refusal(POWER, sell(4_800, 1))[0] == "TOO_MANY_OPEN_ORDERS"
    floor.play(STEEL, buy(4_800, 1))


def test_the_market_has_a_bounded_number_of_open_listings(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "ORDERS_OPEN_MAX", 2)
    floor.play(POWER, sell())
    floor.play(CEMENT, sell(account="cement"))
    full = ("TOO_MANY_OPEN_ORDERS", {"orders": 2, "orders_max": 2})
    assert floor.refusal(STEEL, buy()) == full


def test_an_instrument_listed_for_a_later_day_is_not_traded_today() -> None:
    floor = quiet_floor()
    floor.play(REGISTRY, NoteVintage("CEA21"))
    floor.play(ANN, AdmitInstrument("CEA21", "2021-07-19", 4_700))
    floor.give("power", tonnes=10, instrument="CEA21")
    floor.open(FRIDAY)
    order = PlaceOrder("power", "CEA21", SELL, 4_700, 10)
    assert floor.at("10:00").refusal(POWER, order)[0] == "INSTRUMENT_NOT_ADMITTED"


def test_a_purchase_may_need_the_very_fen_that_its_fee_takes_from_the_lock_of_another() -> None:
    """Steel has bought a tonne and bids for another; what it takes then rounds the fee of its bid down."""

    def bought_with(amount_fen: int) -> tuple[Floor, TradeExecuted]:
        floor = quiet_floor()
        floor.play(ANN, SetFees(FRIDAY, 100, 0, "notice 3"))
        floor.give("power", tonnes=10)
        floor.give("steel", fen=amount_fen)
        floor.open(FRIDAY)
        floor.at("10:00")
        floor.play(POWER, sell(5_100, 1))
        floor.play(STEEL, TakeListing("steel", 1, 1, 5_100))
        floor.play(STEEL, buy(5_000, 1))
        floor.play(POWER, sell(5_100, 1))
        trade = next(
            one for one in floor.play(STEEL, TakeListing("steel", 3, 1, 5_100)) if isinstance(one, TradeExecuted)
        )
        return floor, trade

    rich, trade = bought_with(100_000)
    assert trade.lock_change_fen == -1
    left_fen = rich.market.accounts["steel"].funds.available_fen
    floor, trade = bought_with(100_000 - left_fen)
    assert trade.lock_change_fen == -1
    assert floor.market.accounts["steel"].funds.available_fen == 0
    floor.assert_books()
