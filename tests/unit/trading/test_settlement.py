"""Settlement as trading hears it: settled, taken out, completed, agreed; and the confirmation of a run."""

from dataclasses import replace

import pytest

from support.domains.trading_floor import (
    CLEARING,
    FRIDAY,
    MONDAY,
    POWER,
    STEEL,
    Floor,
    Line,
    open_floor,
    quiet_floor,
    settled,
)
from trading.domain.block import ConfirmBlock, OfferBlock
from trading.domain.confirmation import (
    EXCLUDED_TRADES_MAX,
    ClearingRunConfirmed,
    ClearingRunDisputed,
    ConfirmClearingRun,
    MethodTotal,
)
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.settlement import (
    BlockTrade,
    BooksAgreementNoted,
    MarkTradeSettled,
    NoteBooksAgreement,
    NoteSettlementDay,
    SettlementDayNoted,
    TradeBlocked,
    TradeMarkedSettled,
)
from trading.domain.values import Method, Side


def sell(floor: Floor, seller: str, buyer: str, quantity_tonnes: int, price_fen: int = 4_800) -> None:
    floor.at("10:00").play(f"participant:{seller}", PlaceOrder(seller, "CEA", Side.SELL, price_fen, quantity_tonnes))
    floor.play(f"participant:{buyer}", TakeListing(buyer, floor.market.order_id_last, quantity_tonnes, price_fen))


@pytest.fixture
def floor() -> Floor:
    """A closed day: power sold 100 t to steel (trade 1), 50 t to cement (2) and a block of 100,000 t to steel (3)."""
    floor = open_floor()
    sell(floor, "power", "steel", 100)
    sell(floor, "power", "cement", 50, 4_900)
    floor.at("13:30").play(POWER, OfferBlock("power", "steel", "CEA", Side.SELL, 4_000, 100_000))
    floor.play(STEEL, ConfirmBlock(1, 4_000, 100_000))
    floor.close()
    return floor


WHOLE = ConfirmClearingRun(
    run_id=1,
    day=FRIDAY,
    attempt=1,
    trades=3,
    quantity_tonnes=100_150,
    value_fen=400_725_000,
    totals=(
        MethodTotal("CEA", Method.LISTED, 2, 150, 725_000),
        MethodTotal("CEA", Method.BLOCK, 1, 100_000, 400_000_000),
    ),
    excluded_trade_ids=(),
)
WITHOUT_TRADE_2 = replace(
    WHOLE,
    attempt=2,
    trades=2,
    quantity_tonnes=100_100,
    value_fen=400_480_000,
    totals=(
        MethodTotal("CEA", Method.LISTED, 1, 100, 480_000),
        MethodTotal("CEA", Method.BLOCK, 1, 100_000, 400_000_000),
    ),
    excluded_trade_ids=(2,),
)
CONFIRMED = ClearingRunConfirmed(1, FRIDAY, 1, 3, 100_150, 400_725_000)

TRADE_1 = MarkTradeSettled(1, "steel", "power", "CEA", 100, 480_000)

# fmt: off
HEARING: list[Line] = [
    ("16:00", CLEARING, MarkTradeSettled(99, "steel", "power", "CEA", 100, 480_000), "TRADE_NOT_AWAITING_SETTLEMENT"),
    ("16:00", CLEARING, replace(TRADE_1, buyer="cement"),         "TRADE_DIFFERS"),
    ("16:00", CLEARING, replace(TRADE_1, quantity_tonnes=101),    "TRADE_DIFFERS"),
    ("16:00", CLEARING, replace(TRADE_1, value_fen=480_001),      "TRADE_DIFFERS"),
    ("16:00", CLEARING, TRADE_1,                                  [TradeMarkedSettled(1)]),
    ("16:00", CLEARING, TRADE_1,                                  "TRADE_NOT_AWAITING_SETTLEMENT"),
    ("16:00", CLEARING, BlockTrade(1, 0),                         "TRADE_NOT_AWAITING_SETTLEMENT"),
    ("16:00", CLEARING, BlockTrade(2, -1),                        "BLOCKED_AMOUNT_OUT_OF_RANGE"),
    ("16:00", CLEARING, BlockTrade(2, 245_001),                   "BLOCKED_AMOUNT_OUT_OF_RANGE"),
    ("16:00", CLEARING, BlockTrade(2, 245_000),                   [TradeBlocked(2, "cement", "power", 245_000)]),
    ("16:00", CLEARING, BlockTrade(2, 245_000),                   "TRADE_NOT_AWAITING_SETTLEMENT"),
    ("16:00", CLEARING, NoteSettlementDay("2021-07-17"),          "DAY_UNKNOWN"),
    ("16:00", CLEARING, NoteSettlementDay(MONDAY),                "DAY_NOT_CLOSED"),
    ("16:00", CLEARING, NoteSettlementDay(FRIDAY),                [SettlementDayNoted(FRIDAY)]),
    ("16:00", CLEARING, NoteBooksAgreement(MONDAY, True),         "DAY_NOT_CLOSED"),
    ("16:00", CLEARING, NoteBooksAgreement(FRIDAY, False),        "DISAGREEMENT_UNNAMED"),
    ("16:00", CLEARING, NoteBooksAgreement(FRIDAY, True, "x"),    "DISAGREEMENT_UNNAMED"),
    ("16:00", CLEARING, NoteBooksAgreement(FRIDAY, False, "x"),   [BooksAgreementNoted(FRIDAY, False, "x")]),
    ("16:00", CLEARING, NoteBooksAgreement(FRIDAY, True),         [BooksAgreementNoted(FRIDAY, True, "")]),
]

CONFIRMING: list[Line] = [
    ("16:00", CLEARING, replace(WHOLE, run_id=0),                                    "RUN_ID_OUT_OF_RANGE"),
    ("16:00", CLEARING, replace(WHOLE, day="friday"),                                "DAY_MALFORMED"),
    ("16:00", CLEARING, replace(WHOLE, attempt=-1),                                  "ATTEMPT_OUT_OF_RANGE"),
    ("16:00", CLEARING, replace(WHOLE, excluded_trade_ids=(1,) * (EXCLUDED_TRADES_MAX + 1)), "TOO_MANY_TRADES"),
    ("16:00", "service:registry", WHOLE,                                             "NOT_THE_CLEARING_SERVICE"),
    ("16:00", CLEARING, WHOLE,                                                       [CONFIRMED]),
    ("16:00", CLEARING, WITHOUT_TRADE_2,           [ClearingRunConfirmed(1, FRIDAY, 2, 2, 100_100, 400_480_000)]),
    # what was heard of before does not change the answer
    ("16:00", CLEARING, BlockTrade(2, 0),                                            None),
    ("16:00", CLEARING, WITHOUT_TRADE_2,           [ClearingRunConfirmed(1, FRIDAY, 2, 2, 100_100, 400_480_000)]),
    ("16:00", CLEARING, replace(WHOLE, day=MONDAY),
        [ClearingRunDisputed(1, MONDAY, 1, "DAY_NOT_CLOSED", (("day", MONDAY),))]),
    ("16:00", CLEARING, replace(WHOLE, excluded_trade_ids=(9,)),
        [ClearingRunDisputed(1, FRIDAY, 1, "EXCLUDED_TRADE_UNKNOWN", (("trade_id", "9"),))]),
    ("16:00", CLEARING, replace(WHOLE, trades=2, totals=WHOLE.totals[:1]),
        [ClearingRunDisputed(1, FRIDAY, 1, "TOTALS_DIFFER", (
            ("CEA/block.quantity_tonnes", "100000"), ("CEA/block.quantity_tonnes_clearing", "0"),
            ("CEA/block.trades", "1"), ("CEA/block.trades_clearing", "0"),
            ("CEA/block.value_fen", "400000000"), ("CEA/block.value_fen_clearing", "0"),
            ("differences", "4"),
            ("whole.trades", "3"), ("whole.trades_clearing", "2"),
        ))]),
]
# fmt: on


def test_a_trade_that_clearing_states_otherwise_is_refused_with_a_fact_for_each_figure(floor: Floor) -> None:
    heard = replace(TRADE_1, buyer="cement", value_fen=480_001)
    assert floor.at("16:00").refusal(CLEARING, heard) == (
        "TRADE_DIFFERS",
        {"trade_id": 1, "buyer": "steel", "buyer_heard": "cement", "value_fen": 480_000, "value_fen_heard": 480_001},
    )


def test_clearings_word_is_taken_once_and_only_of_trades_as_they_were_made(floor: Floor) -> None:
    floor.climb(HEARING)


def test_a_run_is_confirmed_when_its_totals_are_the_days_own(floor: Floor) -> None:
    floor.climb(CONFIRMING)


def test_no_run_is_confirmed_while_trading_may_lack_what_others_said(floor: Floor) -> None:
    floor.set_aside = 1
    assert floor.at("16:00").play(CLEARING, WHOLE) == [
        ClearingRunDisputed(1, FRIDAY, 1, "SET_ASIDE_PENDING", (("set_aside", "1"),))
    ]
    floor.set_aside, floor.halted = 0, ("registry",)
    assert floor.play(CLEARING, WHOLE) == [
        ClearingRunDisputed(1, FRIDAY, 1, "HEARING_HALTED", (("source", "registry"),))
    ]
    floor.halted = ()
    assert floor.play(CLEARING, WHOLE) == [CONFIRMED]


def test_an_empty_day_has_an_empty_run() -> None:
    floor = quiet_floor()
    floor.open(FRIDAY)
    floor.close()
    empty = replace(WHOLE, trades=0, quantity_tonnes=0, value_fen=0, totals=())
    assert floor.play(CLEARING, empty) == [ClearingRunConfirmed(1, FRIDAY, 1, 0, 0, 0)]


def test_a_dispute_names_a_bounded_number_of_differences(floor: Floor) -> None:
    strange = tuple(MethodTotal(f"CEA{number}", Method.LISTED, 1, 1, 1) for number in range(100))
    (answer,) = floor.play(CLEARING, replace(WHOLE, totals=WHOLE.totals + strange))
    assert isinstance(answer, ClearingRunDisputed)
    facts = dict(answer.facts)
    assert facts.pop("differences") == "300"
    assert len(facts) == 40, "20 figures, of the exchange and of clearing"


def test_a_purchase_is_not_settled_with_money_that_the_buyer_does_not_have() -> None:
    """Cement pays with the proceeds of a sale that is not settled yet; clearing settles in the order of the trades."""
    floor = quiet_floor()
    floor.give("power", tonnes=100)
    floor.give("cement", tonnes=100)
    floor.give("steel", fen=480_000)
    floor.open(FRIDAY)
    sell(floor, "cement", "steel", 100)
    sell(floor, "power", "cement", 100)
    floor.close()
    reason, facts = floor.at("16:00").refusal(CLEARING, settled(floor.market, 2))
    assert reason == "SETTLEMENT_WITHOUT_FUNDS"
    assert facts == {"trade_id": 2, "account": "cement", "buyer_pays_fen": 480_000, "settled_fen": 0}
    floor.play(CLEARING, settled(floor.market, 1))
    floor.play(CLEARING, settled(floor.market, 2))


def test_settling_moves_nothing_that_can_be_used(floor: Floor) -> None:
    before = usable(floor)
    floor.settle()
    assert usable(floor) == before
    funds = floor.market.accounts["power"].funds
    assert (funds.settled_fen, funds.received_unsettled_fen) == (400_725_000, 0)
    assert floor.market.accounts["steel"].units["CEA"].custody_tonnes == 100_100


def usable(floor: Floor) -> list[tuple[int, int]]:
    return [
        (account.funds.available_fen, account.units["CEA"].available_tonnes)
        for account in floor.market.accounts.values()
    ]


def test_proceeds_leave_the_market_only_when_they_are_settled(floor: Floor) -> None:
    funds = floor.market.accounts["power"].funds
    assert (funds.available_fen, funds.withdrawable_fen) == (400_725_000, 0)
    floor.play(CLEARING, settled(floor.market, 1))
    assert funds.withdrawable_fen == 480_000


def test_a_trade_taken_out_blocks_the_buyers_money_and_the_sellers_units(floor: Floor) -> None:
    power, cement = floor.market.accounts["power"], floor.market.accounts["cement"]
    floor.play(CLEARING, BlockTrade(2, 245_000))
    assert cement.funds.blocked_fen == 245_000
    assert cement.funds.available_fen == 1_000_000_000 - 245_000
    assert (cement.units["CEA"].bought_tonnes, cement.units["CEA"].available_tonnes) == (0, 100_000)
    assert power.funds.available_fen == 400_480_000
    assert power.units["CEA"].blocked_tonnes == 50
    floor.settle()
    floor.open(MONDAY)
    assert set(floor.market.trades) == {2}
    assert power.units["CEA"].blocked_tonnes == 50


def test_so_much_is_blocked_as_clearing_says_and_the_rest_is_the_buyers_again(floor: Floor) -> None:
    cement = floor.market.accounts["cement"].funds
    floor.play(CLEARING, BlockTrade(2, 45_000))
    assert (cement.blocked_fen, cement.available_fen) == (45_000, 1_000_000_000 - 45_000)
    assert (cement.withdrawable_fen, cement.buying_power_fen) == (1_000_000_000 - 45_000,) * 2


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_spent_proceeds_of_a_trade_taken_out_are_owed_until_the_purchase_is_taken_out_too(
    order: tuple[int, int],
) -> None:
    floor = open_floor()
    sell(floor, "power", "steel", 100)
    sell(floor, "cement", "power", 60)
    power = floor.market.accounts["power"].funds
    assert power.available_fen == 192_000
    owed = []
    for trade_id in order:
        floor.play(CLEARING, BlockTrade(trade_id, {1: 480_000, 2: 0}[trade_id]))
        owed.append(power.owed_fen)
    assert owed == {(1, 2): [288_000, 0], (2, 1): [0, 0]}[order]
    assert (power.available_fen, power.blocked_fen, power.owed_fen) == (0, 0, 0)
    assert floor.market.accounts["steel"].funds.blocked_fen == 480_000
    assert floor.market.accounts["cement"].units["CEA"].blocked_tonnes == 60


def test_what_is_owed_can_neither_be_spent_nor_paid_out_and_is_covered_by_the_next_deposit() -> None:
    floor = open_floor()
    sell(floor, "power", "steel", 100)
    sell(floor, "cement", "power", 100)
    floor.play(CLEARING, BlockTrade(1, 480_000))
    power = floor.market.accounts["power"].funds
    assert (power.owed_fen, power.buying_power_fen, power.withdrawable_fen) == (480_000, 0, 0)
    floor.give("power", fen=500_000)
    assert (power.owed_fen, power.available_fen, power.withdrawable_fen) == (0, 500_000 - 480_000, 20_000)
    floor.play(CLEARING, BlockTrade(2, 0))
    assert (power.owed_fen, power.available_fen, power.withdrawable_fen) == (0, 500_000, 500_000)


def test_a_buyer_of_two_days_is_settled_by_the_day_of_its_trade(floor: Floor) -> None:
    floor.settle()
    floor.open(MONDAY)
    sell(floor, "steel", "cement", 10)
    steel = floor.market.accounts["steel"].funds
    assert (steel.received_today_fen, steel.received_earlier_fen) == (48_000, 0)
    floor.play(CLEARING, settled(floor.market, 4))
    assert steel.received_unsettled_fen == 0
