"""Block agreement: offer, quote, confirm, decline, withdraw; each rule as a line of a table."""

import pytest

from support.domains.trading_floor import ANN, CEMENT, FRIDAY, POWER, REGISTRY, STEEL, Floor, Line, moment, open_floor
from trading.domain import block
from trading.domain.accounts import OpenTradingAccount
from trading.domain.block import (
    BLOCKS_OPEN_PER_ACCOUNT_MAX,
    ConfirmBlock,
    DeclineBlock,
    OfferBlock,
    QuoteBlock,
    WithdrawBlock,
)
from trading.domain.instruments import NoteVintage
from trading.domain.negotiations import (
    BlockConfirmed,
    BlockDeclined,
    BlockOffered,
    BlockQuoted,
    BlockWithdrawn,
    WithdrawReason,
)
from trading.domain.restriction import StopTradingAccount
from trading.domain.state import DayPrices
from trading.domain.suspension import ResumeTrading, SuspendTrading
from trading.domain.trades import TradeExecuted
from trading.domain.values import Method, Side

BUY, SELL, NEITHER = Side.BUY, Side.SELL, Side.UNSPECIFIED
STEEL_FEN = 1_000_000_000


def sell(price_fen: int = 4_000, quantity_tonnes: int = 100_000, to: str = "steel") -> OfferBlock:
    return OfferBlock("power", to, "CEA", SELL, price_fen, quantity_tonnes)


# fmt: off
OFFERING: list[Line] = [
    # shape
    ("13:00", POWER, OfferBlock("", "steel", "CEA", SELL, 4_000, 100_000),           "ACCOUNT_MALFORMED"),
    ("13:00", POWER, OfferBlock("power", "", "CEA", SELL, 4_000, 100_000),           "ACCOUNT_MALFORMED"),
    ("13:00", POWER, OfferBlock("power", "steel", "", SELL, 4_000, 100_000),         "INSTRUMENT_MALFORMED"),
    ("13:00", POWER, OfferBlock("power", "steel", "CEA", NEITHER, 4_000, 100_000),   "SIDE_UNSPECIFIED"),
    ("13:00", POWER, sell(price_fen=0),                                              "PRICE_OUT_OF_RANGE"),
    ("13:00", POWER, sell(quantity_tonnes=-1),                                       "QUANTITY_OUT_OF_RANGE"),
    ("13:00", POWER, sell(10**9, 10**12),                                            "VALUE_OUT_OF_RANGE"),
    # what exists, and whose it is
    ("13:00", POWER, OfferBlock("nobody", "steel", "CEA", SELL, 4_000, 100_000),     "ACCOUNT_UNKNOWN"),
    ("13:00", POWER, sell(to="nobody"),                                              "COUNTERPARTY_UNKNOWN"),
    ("13:00", POWER, OfferBlock("power", "steel", "CEA99", SELL, 4_000, 100_000),    "INSTRUMENT_UNKNOWN"),
    ("13:00", STEEL, sell(),                                                         "NOT_OWNER_OF_ACCOUNT"),
    ("13:00", POWER, sell(to="power"),                                               "OWN_COUNTERPARTY"),
    # what the state of things allows
    ("13:00", "participant:fund", OfferBlock("fund", "steel", "CEA", SELL, 4_000, 100_000),
                                                                                     "ACCOUNT_NOT_ELIGIBLE_TO_TRADE"),
    ("13:00", "participant:coal", OfferBlock("coal", "steel", "CEA", SELL, 4_000, 100_000), "ACCOUNT_RESTRICTED"),
    ("13:00", POWER, OfferBlock("power", "steel", "CEA21", SELL, 4_000, 100_000),    "INSTRUMENT_NOT_ADMITTED"),
    ("10:00", POWER, sell(),                                                         "OUT_OF_SESSION"),
    ("15:00", POWER, sell(),                                                         "OUT_OF_SESSION"),
    ("13:00", ANN,   SuspendTrading("", "a fault"),                                  None),
    ("13:00", POWER, sell(),                                                         "TRADING_SUSPENDED"),
    ("13:00", ANN,   ResumeTrading(""),                                              None),
    ("13:00", POWER, sell(to="fund"),                                                "COUNTERPARTY_MAY_NOT_TRADE"),
    ("13:00", POWER, sell(to="coal"),                                                "COUNTERPARTY_MAY_NOT_TRADE"),
    # the numbers
    ("13:00", POWER, sell(quantity_tonnes=99_999),                                   "QUANTITY_BELOW_BLOCK_MIN"),
    ("13:00", POWER, sell(price_fen=3_359),                                          "PRICE_OUTSIDE_BLOCK_LIMIT"),
    ("13:00", POWER, sell(price_fen=6_241),                                          "PRICE_OUTSIDE_BLOCK_LIMIT"),
    ("13:00", POWER, sell(quantity_tonnes=300_001),                                  "INSUFFICIENT_ALLOWANCES"),
    ("13:00", STEEL, OfferBlock("steel", "power", "CEA", BUY, 6_240, 160_257),       "INSUFFICIENT_FUNDS"),
    # accepted: at both limits, from the smallest size to all there is
    ("13:00", POWER, sell(3_360, 100_000),
        [BlockOffered(1, FRIDAY, "CEA", "power", "steel", SELL, 3_360, 100_000, 0, moment(FRIDAY, "13:00"))]),
    ("14:59", STEEL, OfferBlock("steel", "power", "CEA", BUY, 6_240, 160_256),
        [BlockOffered(2, FRIDAY, "CEA", "steel", "power", BUY, 6_240, 160_256, 999_997_440, moment(FRIDAY, "14:59"))]),
]

NEGOTIATING: list[Line] = [
    ("13:00", POWER, sell(4_000, 100_000),                                           None),
    # shape
    ("13:00", STEEL, QuoteBlock(0, 3_900, 100_000),                                  "BLOCK_ID_OUT_OF_RANGE"),
    ("13:00", STEEL, QuoteBlock(1, 0, 100_000),                                      "PRICE_OUT_OF_RANGE"),
    ("13:00", STEEL, QuoteBlock(1, 3_900, 0),                                        "QUANTITY_OUT_OF_RANGE"),
    ("13:00", STEEL, QuoteBlock(1, 10**9, 10**12),                                   "VALUE_OUT_OF_RANGE"),
    ("13:00", STEEL, ConfirmBlock(-1, 4_000, 100_000),                               "BLOCK_ID_OUT_OF_RANGE"),
    ("13:00", STEEL, ConfirmBlock(1, -4_000, 100_000),                               "PRICE_OUT_OF_RANGE"),
    ("13:00", STEEL, ConfirmBlock(1, 4_000, 2**62),                                  "QUANTITY_OUT_OF_RANGE"),
    ("13:00", STEEL, DeclineBlock(0),                                                "BLOCK_ID_OUT_OF_RANGE"),
    ("13:00", POWER, WithdrawBlock(0),                                               "BLOCK_ID_OUT_OF_RANGE"),
    # what exists, whose it is, and whose turn
    ("13:00", STEEL, QuoteBlock(2, 3_900, 100_000),                                  "BLOCK_UNKNOWN"),
    ("13:00", STEEL, ConfirmBlock(2, 4_000, 100_000),                                "BLOCK_UNKNOWN"),
    ("13:00", STEEL, DeclineBlock(2),                                                "BLOCK_UNKNOWN"),
    ("13:00", POWER, WithdrawBlock(2),                                               "BLOCK_UNKNOWN"),
    ("13:00", CEMENT, ConfirmBlock(1, 4_000, 100_000),                               "NOT_PARTY_TO_BLOCK"),
    ("13:00", ANN,   DeclineBlock(1),                                                "NOT_PARTY_TO_BLOCK"),
    ("13:00", POWER, QuoteBlock(1, 3_900, 100_000),                                  "NOT_YOUR_TURN"),
    ("13:00", POWER, ConfirmBlock(1, 4_000, 100_000),                                "NOT_YOUR_TURN"),
    ("13:00", POWER, DeclineBlock(1),                                                "NOT_YOUR_TURN"),
    ("13:00", STEEL, WithdrawBlock(1),                                               "NOT_YOUR_TERMS"),
    # what the state of things allows, and the numbers
    ("12:59", STEEL, QuoteBlock(1, 3_900, 100_000),                                  "OUT_OF_SESSION"),
    ("15:00", STEEL, ConfirmBlock(1, 4_000, 100_000),                                "OUT_OF_SESSION"),
    ("13:00", STEEL, QuoteBlock(1, 3_900, 99_999),                                   "QUANTITY_BELOW_BLOCK_MIN"),
    ("13:00", STEEL, QuoteBlock(1, 3_359, 100_000),                                  "PRICE_OUTSIDE_BLOCK_LIMIT"),
    ("13:00", STEEL, QuoteBlock(1, 5_000, 200_001),                                  "INSUFFICIENT_FUNDS"),
    ("13:00", STEEL, ConfirmBlock(1, 4_001, 100_000),                                "BLOCK_TERMS_CHANGED"),
    ("13:00", STEEL, ConfirmBlock(1, 4_000, 100_001),                                "BLOCK_TERMS_CHANGED"),
    # steel quotes: now it is power's turn, and steel's terms
    ("13:30", STEEL, QuoteBlock(1, 3_900, 200_000),
        [BlockQuoted(1, "steel", "power", 3_900, 200_000, 780_000_000, 0, 100_000, moment(FRIDAY, "13:30"))]),
    ("13:30", STEEL, ConfirmBlock(1, 3_900, 200_000),                                "NOT_YOUR_TURN"),
    ("13:30", POWER, WithdrawBlock(1),                                               "NOT_YOUR_TERMS"),
    ("13:30", POWER, ConfirmBlock(1, 4_000, 100_000),                                "BLOCK_TERMS_CHANGED"),
    ("13:40", POWER, ConfirmBlock(1, 3_900, 200_000), [
        TradeExecuted(1, FRIDAY, "CEA", Method.BLOCK, 3_900, 200_000, 780_000_000, "steel", "power", 0, 0,
                      "steel", "power", 0, 1, moment(FRIDAY, "13:40"), 0),
        BlockConfirmed(1, "power", "steel", 1),
    ]),
    ("13:40", POWER, ConfirmBlock(1, 3_900, 200_000),                                "BLOCK_NOT_OPEN"),
    ("13:40", POWER, QuoteBlock(1, 3_900, 200_000),                                  "BLOCK_NOT_OPEN"),
    ("13:40", POWER, DeclineBlock(1),                                                "BLOCK_NOT_OPEN"),
    ("13:40", STEEL, WithdrawBlock(1),                                               "BLOCK_NOT_OPEN"),
]
# fmt: on


@pytest.fixture
def floor() -> Floor:
    """The open floor in the afternoon, with a fund that may not trade and coal that is restricted."""
    floor = open_floor()
    floor.play(REGISTRY, OpenTradingAccount("fund", False))
    floor.play(REGISTRY, OpenTradingAccount("coal", True))
    floor.play(REGISTRY, StopTradingAccount("coal", "licence expired", 1))
    floor.play(REGISTRY, NoteVintage("CEA21"))
    return floor.at("13:30")


def test_a_block_is_offered_within_the_rules_of_the_day(floor: Floor) -> None:
    floor.climb(OFFERING)


def test_two_sides_negotiate_in_turns_until_one_confirms(floor: Floor) -> None:
    floor.climb(NEGOTIATING)


def test_a_block_moves_no_price_and_counts_in_the_volumes(floor: Floor) -> None:
    floor.play(POWER, sell(4_000, 100_000))
    floor.play(STEEL, ConfirmBlock(1, 4_000, 100_000))
    assert floor.market.instruments["CEA"].prices == DayPrices(
        block_tonnes=100_000, block_value_fen=400_000_000, trades=1
    )
    assert floor.market.composite.open_fen == 0


def test_only_the_terms_on_the_table_are_locked(floor: Floor) -> None:
    units, funds = floor.market.accounts["power"].units["CEA"], floor.market.accounts["steel"].funds
    floor.play(POWER, sell(4_000, 100_000))
    assert (units.locked_tonnes, funds.locked_fen) == (100_000, 0)
    floor.play(STEEL, QuoteBlock(1, 3_900, 150_000))
    assert (units.locked_tonnes, funds.locked_fen) == (0, 585_000_000)
    floor.play(POWER, QuoteBlock(1, 3_950, 150_000))
    assert (units.locked_tonnes, funds.locked_fen) == (150_000, 0)


def test_who_is_asked_may_decline_and_who_asked_may_withdraw(floor: Floor) -> None:
    floor.play(POWER, sell(4_000, 100_000))
    assert floor.play(STEEL, DeclineBlock(1)) == [BlockDeclined(1, "steel", "power", 0, 100_000)]
    floor.play(STEEL, OfferBlock("steel", "power", "CEA", BUY, 4_000, 100_000))
    withdrawn = BlockWithdrawn(2, "steel", "power", WithdrawReason.BY_PROPOSER, 400_000_000, 0)
    assert floor.play(STEEL, WithdrawBlock(2)) == [withdrawn]
    assert floor.market.accounts["steel"].funds.available_fen == STEEL_FEN
    assert floor.market.accounts["power"].units["CEA"].available_tonnes == 300_000
    assert not floor.market.blocks
    assert not floor.market.accounts["power"].blocks
    assert not floor.market.accounts["steel"].blocks


def test_who_confirms_must_have_what_the_terms_need(floor: Floor) -> None:
    floor.play(POWER, OfferBlock("power", "steel", "CEA", SELL, 6_000, 200_000))
    assert floor.refusal(STEEL, ConfirmBlock(1, 6_000, 200_000)) == (
        "INSUFFICIENT_FUNDS",
        {"needed_fen": 1_200_000_000, "available_fen": STEEL_FEN},
    )


def test_an_account_has_a_bounded_number_of_open_negotiations(floor: Floor) -> None:
    floor.give("power", tonnes=100_000 * BLOCKS_OPEN_PER_ACCOUNT_MAX)
    for _ in range(BLOCKS_OPEN_PER_ACCOUNT_MAX):
        floor.play(POWER, sell(4_000, 100_000, to="cement"))
    assert floor.refusal(POWER, sell())[0] == "TOO_MANY_OPEN_BLOCKS"
    assert floor.refusal(STEEL, OfferBlock("steel", "cement", "CEA", BUY, 4_000, 100_000))[0] == "TOO_MANY_OPEN_BLOCKS"


def test_the_market_has_a_bounded_number_of_open_negotiations(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "BLOCKS_OPEN_MAX", 1)
    floor.play(POWER, sell())
    assert floor.refusal(POWER, sell()) == ("TOO_MANY_OPEN_BLOCKS", {"blocks": 1, "blocks_max": 1})
