"""Custody: credits that are heard, units and money that go back, and their acknowledgement."""

import pytest

from chassis.core.numbers_taken import MISSING_MAX
from support.domains.trading_floor import CLEARING, POWER, REGISTRY, STEEL, Floor, Line, open_floor
from trading.domain.accounts import OpenTradingAccount
from trading.domain.custody import (
    AcknowledgeRelease,
    AcknowledgeReturn,
    AllowancesCredited,
    AllowancesReturned,
    CreditAllowances,
    CreditFunds,
    FundsCredited,
    FundsReleased,
    ReleaseAcknowledged,
    ReleaseFunds,
    ReturnAcknowledged,
    ReturnToRegistry,
)
from trading.domain.listed import PlaceOrder, TakeListing
from trading.domain.restriction import CloseTradingAccount, ResumeTradingAccount, StopTradingAccount
from trading.domain.values import Side

# fmt: off
CREDITING: list[Line] = [
    ("10:00", REGISTRY, CreditAllowances("nobody", "CEA", 10, 7),      "ACCOUNT_UNKNOWN"),
    ("10:00", REGISTRY, CreditAllowances("power", "CEA99", 10, 7),     "INSTRUMENT_UNKNOWN"),
    ("10:00", REGISTRY, CreditAllowances("power", "CEA", 10, 7),       [AllowancesCredited("power", "CEA", 10, 7)]),
    ("10:00", CLEARING, CreditFunds("nobody", 500, 3, 8),              "ACCOUNT_UNKNOWN"),
    ("10:00", CLEARING, CreditFunds("steel", 500, 3, 8),               [FundsCredited("steel", 500, 3, 8)]),
    ("10:00", CLEARING, CreditFunds("steel", 500, 3, 8),               "FUND_ENTRY_NOT_NEW"),
    ("10:00", REGISTRY, StopTradingAccount("steel", "risk", 1),        None),
    ("10:00", CLEARING, CreditFunds("steel", 500, 4, 9),               [FundsCredited("steel", 500, 4, 9)]),
]

RETURNING: list[Line] = [
    ("10:00", POWER, ReturnToRegistry("", "CEA", 10),                  "ACCOUNT_MALFORMED"),
    ("10:00", POWER, ReturnToRegistry("power", "?", 10),               "INSTRUMENT_MALFORMED"),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 0),              "QUANTITY_OUT_OF_RANGE"),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", -10),            "QUANTITY_OUT_OF_RANGE"),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 2**62),          "QUANTITY_OUT_OF_RANGE"),
    ("10:00", POWER, ReturnToRegistry("nobody", "CEA", 10),            "ACCOUNT_UNKNOWN"),
    ("10:00", POWER, ReturnToRegistry("power", "CEA99", 10),           "INSTRUMENT_UNKNOWN"),
    ("10:00", STEEL, ReturnToRegistry("power", "CEA", 10),             "NOT_OWNER_OF_ACCOUNT"),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 300_001),        "INSUFFICIENT_ALLOWANCES"),
    ("10:00", POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, 5),  None),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 300_000),        "INSUFFICIENT_ALLOWANCES"),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 299_990),
        [AllowancesReturned("power", "CEA", 299_990, 1)]),
    ("10:00", REGISTRY, AcknowledgeReturn(2, "power", "CEA", 299_990, 7), "RETURN_UNKNOWN"),
    ("10:00", REGISTRY, AcknowledgeReturn(1, "power", "CEA", 10, 7),   "RETURN_DIFFERS"),
    ("10:00", REGISTRY, AcknowledgeReturn(1, "power", "CEA", 299_990, 7),
        [ReturnAcknowledged(1, "power", "CEA", 299_990, 7)]),
    ("10:00", REGISTRY, AcknowledgeReturn(1, "power", "CEA", 299_990, 7), "RETURN_UNKNOWN"),
    ("10:00", REGISTRY, StopTradingAccount("power", "risk", 1),        None),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 1),              "ACCOUNT_RESTRICTED"),
    ("10:00", REGISTRY, ResumeTradingAccount("power"),                 None),
    ("10:00", REGISTRY, CreditAllowances("power", "CEA", 10, 7),       None),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 1),              [AllowancesReturned("power", "CEA", 1, 3)]),
    ("10:00", REGISTRY, StopTradingAccount("power", "dissolved", 2),   None),
    ("10:00", REGISTRY, CloseTradingAccount("power"),                  None),
    ("10:00", POWER, ReturnToRegistry("power", "CEA", 1),              "ACCOUNT_CLOSED"),
]

RELEASING: list[Line] = [
    ("10:00", STEEL, ReleaseFunds("", 10),                             "ACCOUNT_MALFORMED"),
    ("10:00", STEEL, ReleaseFunds("steel", 0),                         "AMOUNT_OUT_OF_RANGE"),
    ("10:00", STEEL, ReleaseFunds("steel", -10),                       "AMOUNT_OUT_OF_RANGE"),
    ("10:00", STEEL, ReleaseFunds("steel", 2**62),                     "AMOUNT_OUT_OF_RANGE"),
    ("10:00", STEEL, ReleaseFunds("nobody", 10),                       "ACCOUNT_UNKNOWN"),
    ("10:00", POWER, ReleaseFunds("steel", 10),                        "NOT_OWNER_OF_ACCOUNT"),
    ("10:00", STEEL, ReleaseFunds("steel", 1_000_000_001),             "INSUFFICIENT_WITHDRAWABLE_FUNDS"),
    ("10:00", STEEL, PlaceOrder("steel", "CEA", Side.BUY, 5_000, 10),  None),
    ("10:00", STEEL, ReleaseFunds("steel", 999_950_001),               "INSUFFICIENT_WITHDRAWABLE_FUNDS"),
    ("10:00", STEEL, ReleaseFunds("steel", 999_000_000),               [FundsReleased("steel", 999_000_000, 1)]),
    ("10:00", CLEARING, AcknowledgeRelease(2, "steel", 999_000_000, 3), "RELEASE_UNKNOWN"),
    ("10:00", CLEARING, AcknowledgeRelease(1, "steel", 999, 3),        "RELEASE_DIFFERS"),
    ("10:00", CLEARING, AcknowledgeRelease(1, "power", 999_000_000, 3), "RELEASE_DIFFERS"),
    ("10:00", CLEARING, AcknowledgeRelease(1, "steel", 999_000_000, 2), "FUND_ENTRY_NOT_NEW"),
    ("10:00", CLEARING, AcknowledgeRelease(1, "steel", 999_000_000, 3),
        [ReleaseAcknowledged(1, "steel", 999_000_000, 3)]),
    ("10:00", REGISTRY, StopTradingAccount("steel", "risk", 1),        None),
    ("10:00", STEEL, ReleaseFunds("steel", 1),                         "ACCOUNT_RESTRICTED"),
    ("10:00", REGISTRY, CloseTradingAccount("steel"),                  None),
    ("10:00", STEEL, ReleaseFunds("steel", 1),                         [FundsReleased("steel", 1, 2)]),
]
# fmt: on


@pytest.fixture
def floor() -> Floor:
    return open_floor()


def test_what_is_made_over_is_counted_once_whatever_the_accounts_state(floor: Floor) -> None:
    floor.climb(CREDITING)
    assert floor.market.accounts["power"].units["CEA"].available_tonnes == 300_010
    assert floor.market.accounts["steel"].funds.available_fen == 1_000_001_000


def test_units_that_are_free_go_back_to_the_registry(floor: Floor) -> None:
    floor.climb(RETURNING)
    assert list(floor.market.returns) == [2, 3, 4], "the second and the last went back when the account was stopped"


def test_money_that_is_free_is_released_to_be_paid_out(floor: Floor) -> None:
    floor.climb(RELEASING)
    assert list(floor.market.releases) == [2], "the first is acknowledged, what the closed account let go is not yet"


def test_money_leaves_up_to_the_least_of_available_and_settled_less_bought_and_locked(floor: Floor) -> None:
    """Rulebook: min(available, settled - bought today - locked), with every term at work."""
    floor.play(POWER, PlaceOrder("power", "CEA", Side.SELL, 5_000, 1_000))
    floor.play(STEEL, TakeListing("steel", 1, 1_000, 5_000))
    floor.play(STEEL, PlaceOrder("steel", "CEA", Side.BUY, 4_400, 100))
    funds = floor.market.accounts["steel"].funds
    settled_fen, bought_fen, locked_fen = 1_000_000_000, 5_000_000, 440_000
    assert funds.withdrawable_fen == min(funds.available_fen, settled_fen - bought_fen - locked_fen) == 994_560_000
    assert floor.refusal(POWER, ReleaseFunds("power", 1)) == (
        "INSUFFICIENT_WITHDRAWABLE_FUNDS",
        {"amount_fen": 1, "withdrawable_fen": 0},
    )


def test_a_fund_entry_whose_number_clearing_has_not_reached_is_set_aside_and_fills_no_memory() -> None:
    floor = open_floor()
    far = floor.market.entries_counted.last + MISSING_MAX + 2
    for number in (far, 2**62):
        assert floor.refusal(CLEARING, CreditFunds("steel", 1, number, 8)) == (
            "FUND_ENTRY_TOO_FAR_AHEAD",
            {"entry_number": number, "entry_number_max": far - 1},
        )
    first = floor.market.entries_counted.last + 1
    for number in (far - 1, far, first):
        floor.play(CLEARING, CreditFunds("steel", 1, number, 8))
    assert len(floor.market.entries_counted.missing) == MISSING_MAX - 1


def test_a_fund_entry_that_was_set_aside_is_counted_once_when_it_is_decided_again() -> None:
    floor = open_floor()
    first = floor.market.entries_counted.last + 1
    assert floor.refusal(CLEARING, CreditFunds("late", 500, first, 8))[0] == "ACCOUNT_UNKNOWN"
    floor.play(CLEARING, CreditFunds("steel", 7, first + 1, 9))
    floor.play(REGISTRY, OpenTradingAccount("late", True))
    floor.play(CLEARING, CreditFunds("late", 500, first, 8))
    assert floor.market.accounts["late"].funds.available_fen == 500
    assert (floor.market.entries_counted.last, floor.market.entries_counted.missing) == (first + 1, set())
    assert floor.refusal(CLEARING, CreditFunds("late", 500, first, 8))[0] == "FUND_ENTRY_NOT_NEW"
