"""Transfers: a holder makes allowances over to trading; only trading's log brings them back."""

from chassis.core.numbers_taken import MISSING_MAX
from registry.domain.accounts import OpenAccount
from registry.domain.holdings import holding_of
from registry.domain.restrictions import RestrictAccount
from registry.domain.state import AccountKind, Holding
from registry.domain.transfers import (
    RecordReturnFromTrading,
    ReturnedFromTrading,
    TransferredToTrading,
    TransferToTrading,
)
from support.domains.registry_books import (
    OPERATOR,
    POWER,
    STEEL,
    TRADING,
    Line,
    climb,
    close,
    facts_of_refusal,
    open_books,
    play,
)

FUND = "participant:fund-0003"

# fmt: off
TRANSFERRING: list[Line] = [
    (POWER, TransferToTrading("", "CEA", 1),                        "ACCOUNT_MALFORMED"),
    (POWER, TransferToTrading("power-0001", "", 1),                 "VINTAGE_MALFORMED"),
    (POWER, TransferToTrading("power-0001", "CEA", 0),              "QUANTITY_OUT_OF_RANGE"),
    (POWER, TransferToTrading("power-0001", "CEA", -7),             "QUANTITY_OUT_OF_RANGE"),
    (POWER, TransferToTrading("power-0001", "CEA", 2**62),          "QUANTITY_OUT_OF_RANGE"),
    (POWER, TransferToTrading("power-9999", "CEA", 1),              "ACCOUNT_UNKNOWN"),
    (POWER, TransferToTrading("power-0001", "CEA99", 1),            "VINTAGE_UNKNOWN"),
    (STEEL, TransferToTrading("power-0001", "CEA", 1),              "NOT_OWNER_OF_ACCOUNT"),
    (FUND,  TransferToTrading("fund-0003", "CEA", 1),               "ACCOUNT_NOT_ELIGIBLE_TO_TRADE"),
    (POWER, TransferToTrading("power-0001", "CEA", 101),            "INSUFFICIENT_ALLOWANCES"),
    (POWER, TransferToTrading("power-0001", "CEA", 100),
        [TransferredToTrading("power-0001", "CEA", 100)]),
    (POWER, TransferToTrading("power-0001", "CEA", 1),              "INSUFFICIENT_ALLOWANCES"),
    (OPERATOR, RestrictAccount("fund-0003", "risk warning"),        None),
    (FUND,  TransferToTrading("fund-0003", "CEA", 1),               "ACCOUNT_RESTRICTED"),
    (STEEL, TransferToTrading("steel-0002", "CEA", 1),              "ACCOUNT_CLOSED"),
]

RETURNING: list[Line] = [
    (TRADING, RecordReturnFromTrading("power-9999", "CEA", 1, 30, 1),      "ACCOUNT_UNKNOWN"),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA99", 1, 30, 1),    "VINTAGE_UNKNOWN"),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 0, 30, 1),      "QUANTITY_OUT_OF_RANGE"),
    (TRADING, RecordReturnFromTrading("steel-0002", "CEA", 1, 30, 1),      "INSUFFICIENT_ALLOWANCES"),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 501, 30, 1),    "INSUFFICIENT_ALLOWANCES"),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 499, 30, 1),
        [ReturnedFromTrading("power-0001", "CEA", 499, 30, 1)]),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 2, 31, 2),      "INSUFFICIENT_ALLOWANCES"),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 1, 32, 3),
        [ReturnedFromTrading("power-0001", "CEA", 1, 32, 3)]),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 1, 33, 3),      "RETURN_ALREADY_BOOKED"),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 1, 33, 1),      "RETURN_ALREADY_BOOKED"),
    (POWER,   TransferToTrading("power-0001", "CEA", 2),                   None),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 2, 31, 2),
        [ReturnedFromTrading("power-0001", "CEA", 2, 31, 2)]),
    (TRADING, RecordReturnFromTrading("power-0001", "CEA", 2, 31, 2),      "RETURN_ALREADY_BOOKED"),
]
# fmt: on


def test_a_holder_transfers_what_it_has_available_in_the_registry() -> None:
    registry = open_books()
    play(registry, OPERATOR, OpenAccount("fund-0003", AccountKind.INSTITUTION, "Fund", "", False))
    close(registry, "steel-0002")
    climb(registry, TRANSFERRING)
    assert holding_of(registry, "power-0001", "CEA") == Holding(0, 600)


def test_what_trading_gives_back_is_available_in_the_registry_again() -> None:
    registry = open_books()
    climb(registry, RETURNING)
    assert holding_of(registry, "power-0001", "CEA") == Holding(600, 0)


def test_a_refusal_names_what_is_there() -> None:
    assert facts_of_refusal(open_books(), POWER, TransferToTrading("power-0001", "CEA", 101)) == {
        "account": "power-0001",
        "vintage": "CEA",
        "quantity_tonnes": 101,
        "registry_available_tonnes": 100,
    }


def test_a_return_whose_number_trading_has_not_reached_is_set_aside_and_fills_no_memory() -> None:
    registry = open_books()
    far = MISSING_MAX + 2
    for number in (far, 2**62):
        facts = facts_of_refusal(registry, TRADING, RecordReturnFromTrading("power-0001", "CEA", 1, 30, number))
        assert facts == {"return_id": number, "return_id_max": far - 1}
    for number in (far - 1, far, 1, far + 1):
        assert play(registry, TRADING, RecordReturnFromTrading("power-0001", "CEA", 1, 30, number))
    assert len(registry.returns_booked.missing) == MISSING_MAX - 1
