"""Suspension of trading, and accounts that the registry restricts or closes."""

import pytest

from support.domains.trading_floor import ANN, CEMENT, POWER, REGISTRY, STEEL, Floor, Line, open_floor
from trading.domain.accounts import OpenTradingAccount, TradingAccountOpened
from trading.domain.block import OfferBlock
from trading.domain.custody import AllowancesReturned
from trading.domain.listed import CancelReason, OrderCancelled, PlaceOrder, TakeListing
from trading.domain.negotiations import BlockWithdrawn, WithdrawReason
from trading.domain.restriction import (
    CloseTradingAccount,
    ResumeTradingAccount,
    StopTradingAccount,
    TradingAccountClosed,
    TradingAccountResumed,
    TradingAccountStopped,
    TradingAccountWoundUp,
)
from trading.domain.suspension import ResumeTrading, SuspendTrading, TradingResumed, TradingSuspended
from trading.domain.values import Side

# fmt: off
SUSPENDING: list[Line] = [
    ("10:00", ANN, SuspendTrading("cea", "a fault"),     "INSTRUMENT_MALFORMED"),
    ("10:00", ANN, SuspendTrading("CEA", "  "),          "TEXT_MALFORMED"),
    ("10:00", ANN, SuspendTrading("CEA", "x" * 201),     "TEXT_MALFORMED"),
    ("10:00", ANN, SuspendTrading("CEA99", "a fault"),   "INSTRUMENT_UNKNOWN"),
    ("10:00", ANN, ResumeTrading("cea"),                 "INSTRUMENT_MALFORMED"),
    ("10:00", ANN, ResumeTrading("CEA99"),               "INSTRUMENT_UNKNOWN"),
    ("10:00", ANN, ResumeTrading("CEA"),                 "NOT_SUSPENDED"),
    ("10:00", ANN, ResumeTrading(""),                    "NOT_SUSPENDED"),
    ("10:00", ANN, SuspendTrading("CEA", "a fault"),     [TradingSuspended("CEA", "a fault")]),
    ("10:00", ANN, SuspendTrading("CEA", "a fault"),     "ALREADY_SUSPENDED"),
    ("10:00", ANN, SuspendTrading("", "a storm"),        [TradingSuspended("", "a storm")]),
    ("10:00", ANN, SuspendTrading("", "a storm"),        "ALREADY_SUSPENDED"),
    ("10:00", ANN, ResumeTrading(""),                    [TradingResumed("")]),
    ("10:00", ANN, ResumeTrading("CEA"),                 [TradingResumed("CEA")]),
]

ACCOUNTS: list[Line] = [
    ("10:00", REGISTRY, OpenTradingAccount("power", True),           "ACCOUNT_ALREADY_OPENED"),
    ("10:00", REGISTRY, OpenTradingAccount("fund", False),           [TradingAccountOpened("fund", False)]),
    ("10:00", REGISTRY, StopTradingAccount("nobody", "risk", 1),     "ACCOUNT_UNKNOWN"),
    ("10:00", REGISTRY, ResumeTradingAccount("nobody"),              "ACCOUNT_UNKNOWN"),
    ("10:00", REGISTRY, ResumeTradingAccount("fund"),                "ACCOUNT_NOT_RESTRICTED"),
    ("10:00", REGISTRY, StopTradingAccount("fund", "risk", 1),
        [TradingAccountStopped("fund", "risk", 1), TradingAccountWoundUp("fund", 1)]),
    ("10:00", REGISTRY, StopTradingAccount("fund", "risk", 2),       "ACCOUNT_ALREADY_RESTRICTED"),
    ("10:00", REGISTRY, ResumeTradingAccount("fund"),                [TradingAccountResumed("fund")]),
    ("10:00", REGISTRY, CloseTradingAccount("nobody"),               "ACCOUNT_UNKNOWN"),
    ("10:00", REGISTRY, CloseTradingAccount("fund"),                 "ACCOUNT_NOT_RESTRICTED"),
    ("10:00", REGISTRY, StopTradingAccount("fund", "dissolved", 2),
        [TradingAccountStopped("fund", "dissolved", 2), TradingAccountWoundUp("fund", 2)]),
    ("10:00", REGISTRY, CloseTradingAccount("fund"),                 [TradingAccountClosed("fund")]),
    ("10:00", REGISTRY, CloseTradingAccount("fund"),                 "ACCOUNT_CLOSED"),
]
# fmt: on


@pytest.fixture
def busy_floor() -> Floor:
    """Power has a listing, an offer from steel and an offer of its own to cement; steel has a listing too."""
    floor = open_floor()
    floor.play(POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, 100))
    floor.play(STEEL, PlaceOrder("steel", "CEA", Side.BUY, 4_700, 10))
    floor.at("13:30").play(STEEL, OfferBlock("steel", "power", "CEA", Side.BUY, 4_000, 100_000))
    floor.play(POWER, OfferBlock("power", "cement", "CEA", Side.SELL, 4_100, 100_000))
    return floor


def test_trading_is_suspended_in_one_instrument_or_in_all_and_goes_on_again() -> None:
    open_floor().climb(SUSPENDING)


def test_accounts_follow_the_registry() -> None:
    open_floor().climb(ACCOUNTS)


def test_a_stopped_account_loses_its_listings_and_negotiations_and_gives_back_what_is_unsold(busy_floor: Floor) -> None:
    events = busy_floor.play(REGISTRY, StopTradingAccount("power", "licence expired", 4))
    assert events == [
        TradingAccountStopped("power", "licence expired", 4),
        OrderCancelled(1, "power", CancelReason.ACCOUNT_STOPPED, 100, 0),
        BlockWithdrawn(1, "steel", "power", WithdrawReason.ACCOUNT_STOPPED, 400_000_000, 0),
        BlockWithdrawn(2, "power", "cement", WithdrawReason.ACCOUNT_STOPPED, 0, 100_000),
        AllowancesReturned("power", "CEA", 300_000, 1),
        TradingAccountWoundUp("power", 4),
    ]
    assert busy_floor.market.accounts["power"].units["CEA"].total_tonnes == 0
    assert set(busy_floor.market.orders) == {2}
    assert busy_floor.refusal(CEMENT, OfferBlock("cement", "power", "CEA", Side.BUY, 4_000, 100_000))[0] == (
        "COUNTERPARTY_MAY_NOT_TRADE"
    )


def test_a_closed_account_may_not_trade(busy_floor: Floor) -> None:
    busy_floor.play(REGISTRY, StopTradingAccount("power", "dissolved", 1))
    busy_floor.play(REGISTRY, CloseTradingAccount("power"))
    assert busy_floor.refusal(POWER, PlaceOrder("power", "CEA", Side.SELL, 4_800, 1))[0] == "ACCOUNT_CLOSED"


def test_a_listing_rests_through_a_suspension(busy_floor: Floor) -> None:
    busy_floor.play(ANN, SuspendTrading("CEA", "a fault"))
    assert busy_floor.refusal(STEEL, TakeListing("steel", 1, 10, 4_800)) == (
        "TRADING_SUSPENDED",
        {"instrument": "CEA", "ground": "a fault"},
    )
    busy_floor.play(ANN, ResumeTrading("CEA"))
    busy_floor.play(STEEL, TakeListing("steel", 1, 10, 4_800))
