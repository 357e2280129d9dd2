"""Restrictions: at once here, in effect when trading has recorded its stop."""

from registry.domain.issuance import AllocateAllowances, AllowancesAllocated
from registry.domain.restrictions import (
    AccountRestricted,
    AccountRestrictionLifted,
    AccountWoundUp,
    LiftRestriction,
    RecordTradingStop,
    RecordWindingUp,
    RestrictAccount,
    RestrictionTookEffect,
)
from registry.domain.state import AccountState
from registry.domain.transfers import RecordReturnFromTrading, ReturnedFromTrading, TransferToTrading
from support.domains.registry_books import HUBEI, OPERATOR, POWER, TRADING, Line, climb, open_books, play

# fmt: off
RESTRICTING: list[Line] = [
    (OPERATOR, RestrictAccount("POWER", "licence expired"),           "ACCOUNT_MALFORMED"),
    (OPERATOR, RestrictAccount("power-0001", ""),                     "TEXT_MALFORMED"),
    (OPERATOR, RestrictAccount("power-0001", "g" * 201),              "TEXT_MALFORMED"),
    (OPERATOR, RestrictAccount("power-9999", "licence expired"),      "ACCOUNT_UNKNOWN"),
    (OPERATOR, LiftRestriction("power 1"),                            "ACCOUNT_MALFORMED"),
    (OPERATOR, LiftRestriction("power-9999"),                         "ACCOUNT_UNKNOWN"),
    (OPERATOR, LiftRestriction("power-0001"),                         "ACCOUNT_NOT_RESTRICTED"),
    (OPERATOR, RestrictAccount("power-0001", "licence expired"),
        [AccountRestricted("power-0001", 1, "licence expired", OPERATOR)]),
    (OPERATOR, RestrictAccount("power-0001", "risk warning"),         "ACCOUNT_ALREADY_RESTRICTED"),
    (POWER,    TransferToTrading("power-0001", "CEA", 1),             "ACCOUNT_RESTRICTED"),
    (OPERATOR, LiftRestriction("power-0001"),                         [AccountRestrictionLifted("power-0001", 1)]),
    (OPERATOR, RestrictAccount("power-0001", "risk warning"),
        [AccountRestricted("power-0001", 2, "risk warning", OPERATOR)]),
]

HEARING: list[Line] = [
    (TRADING,  RecordTradingStop("power-9999", 1, 40),                "ACCOUNT_UNKNOWN"),
    (TRADING,  RecordTradingStop("power-0001", 1, 41),                "ACCOUNT_NOT_RESTRICTED"),
    (TRADING,  RecordTradingStop("power-0001", 0, 42),                []),
    (OPERATOR, RestrictAccount("power-0001", "licence expired"),
        [AccountRestricted("power-0001", 1, "licence expired", OPERATOR)]),
    (OPERATOR, LiftRestriction("power-0001"),                         [AccountRestrictionLifted("power-0001", 1)]),
    (OPERATOR, RestrictAccount("power-0001", "risk warning"),
        [AccountRestricted("power-0001", 2, "risk warning", OPERATOR)]),
    (TRADING,  RecordTradingStop("power-0001", 1, 43),                [RestrictionTookEffect("power-0001", 1, 43)]),
    (TRADING,  RecordTradingStop("power-0001", 1, 44),                []),
    (TRADING,  RecordTradingStop("power-0001", 2, 45),                [RestrictionTookEffect("power-0001", 2, 45)]),
    (TRADING,  RecordTradingStop("power-0001", 3, 46),                "ACCOUNT_NOT_RESTRICTED"),
    (TRADING,  RecordWindingUp("power-9999", 1, 47),                  "ACCOUNT_UNKNOWN"),
    (TRADING,  RecordWindingUp("power-0001", 2, 48),                  [AccountWoundUp("power-0001", 2, 48)]),
    (TRADING,  RecordWindingUp("power-0001", 2, 49),                  []),
    (TRADING,  RecordWindingUp("power-0001", 1, 50),                  []),
    (TRADING,  RecordWindingUp("power-0001", 3, 51),                  "ACCOUNT_NOT_RESTRICTED"),
]

RECEIVING: list[Line] = [
    (HUBEI,    AllocateAllowances("CEA", "hubei", "power-0001", 5, "list 2"),
        [AllowancesAllocated("CEA", "hubei", "power-0001", 5, "list 2")]),
    (TRADING,  RecordReturnFromTrading("power-0001", "CEA", 500, 50, 1),
        [ReturnedFromTrading("power-0001", "CEA", 500, 50, 1)]),
]
# fmt: on


def test_an_account_is_restricted_and_released_by_the_operator() -> None:
    registry = open_books()
    climb(registry, RESTRICTING)
    account = registry.accounts["power-0001"]
    assert (account.state, account.ground) == (AccountState.RESTRICTED, "risk warning")


def test_a_restriction_is_in_effect_when_trading_has_recorded_that_very_one() -> None:
    registry = open_books()
    climb(registry, HEARING)
    account = registry.accounts["power-0001"]
    assert account.restrictions_in_trading == account.restrictions == 2


def test_a_restricted_account_still_receives_what_is_due_to_it() -> None:
    registry = open_books()
    play(registry, OPERATOR, RestrictAccount("power-0001", "licence expired"))
    climb(registry, RECEIVING)


def test_a_restricted_province_allocates_nothing() -> None:
    registry = open_books()
    play(registry, OPERATOR, RestrictAccount("hubei", "under investigation"))
    allocate = AllocateAllowances("CEA", "hubei", "power-0001", 5, "list 2")
    climb(registry, [(HUBEI, allocate, "ACCOUNT_RESTRICTED")])
