"""Vintages and issuance: what there is to hold, and how it first comes into an account."""

from registry.domain.accounts import OpenAccount
from registry.domain.holdings import holding_of
from registry.domain.issuance import AllocateAllowances, AllowancesAllocated, AllowancesIssued, IssueAllowances
from registry.domain.state import AccountKind, Holding, Registry
from registry.domain.vintages import VINTAGES_MAX, CreateVintage, VintageCreated
from support.domains.registry_books import (
    HUBEI,
    OPERATOR,
    POWER,
    Line,
    climb,
    close,
    facts_of_refusal,
    open_books,
    play,
)

TRILLION = 10**12
HENAN = "province:henan"

# fmt: off
CREATING: list[Line] = [
    (OPERATOR, CreateVintage("", 2020),              "VINTAGE_MALFORMED"),
    (OPERATOR, CreateVintage("C", 2020),             "VINTAGE_MALFORMED"),
    (OPERATOR, CreateVintage("cea", 2020),           "VINTAGE_MALFORMED"),
    (OPERATOR, CreateVintage("CEA" * 5, 2020),       "VINTAGE_MALFORMED"),
    (OPERATOR, CreateVintage("CEA", 0),              "COMPLIANCE_YEAR_OUT_OF_RANGE"),
    (OPERATOR, CreateVintage("CEA", 2018),           "COMPLIANCE_YEAR_OUT_OF_RANGE"),
    (OPERATOR, CreateVintage("CEA", 2100),           "COMPLIANCE_YEAR_OUT_OF_RANGE"),
    (OPERATOR, CreateVintage("CEA", 2020),           [VintageCreated("CEA", 2020)]),
    (OPERATOR, CreateVintage("CEA", 2020),           "VINTAGE_ALREADY_CREATED"),
    (OPERATOR, CreateVintage("CEA", 2021),           "VINTAGE_ALREADY_CREATED"),
    (OPERATOR, CreateVintage("CEA21", 2021),         [VintageCreated("CEA21", 2021)]),
]

ISSUING: list[Line] = [
    (OPERATOR, IssueAllowances("cea", "hubei", 1, "plan 2"),              "VINTAGE_MALFORMED"),
    (OPERATOR, IssueAllowances("CEA", "Hubei", 1, "plan 2"),              "ACCOUNT_MALFORMED"),
    (OPERATOR, IssueAllowances("CEA", "hubei", 0, "plan 2"),              "QUANTITY_OUT_OF_RANGE"),
    (OPERATOR, IssueAllowances("CEA", "hubei", -1, "plan 2"),             "QUANTITY_OUT_OF_RANGE"),
    (OPERATOR, IssueAllowances("CEA", "hubei", TRILLION + 1, "plan 2"),   "QUANTITY_OUT_OF_RANGE"),
    (OPERATOR, IssueAllowances("CEA", "hubei", 1, ""),                    "TEXT_MALFORMED"),
    (OPERATOR, IssueAllowances("CEA99", "hubei", 1, "plan 2"),            "VINTAGE_UNKNOWN"),
    (OPERATOR, IssueAllowances("CEA", "henan", 1, "plan 2"),              "ACCOUNT_UNKNOWN"),
    (OPERATOR, IssueAllowances("CEA", "power-0001", 1, "plan 2"),         "ACCOUNT_NOT_A_PROVINCE"),
    (OPERATOR, IssueAllowances("CEA", "hubei", TRILLION, "plan 2"),
        [AllowancesIssued("CEA", "hubei", TRILLION, "plan 2")]),
]

ALLOCATING: list[Line] = [
    (HUBEI, AllocateAllowances("cea", "hubei", "power-0001", 1, "list 2"),      "VINTAGE_MALFORMED"),
    (HUBEI, AllocateAllowances("CEA", "", "power-0001", 1, "list 2"),           "ACCOUNT_MALFORMED"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "", 1, "list 2"),                "ACCOUNT_MALFORMED"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "power-0001", 0, "list 2"),      "QUANTITY_OUT_OF_RANGE"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "power-0001", 1, "b" * 201),     "TEXT_MALFORMED"),
    (HUBEI, AllocateAllowances("CEA99", "hubei", "power-0001", 1, "list 2"),    "VINTAGE_UNKNOWN"),
    (HUBEI, AllocateAllowances("CEA", "hunan", "power-0001", 1, "list 2"),      "ACCOUNT_UNKNOWN"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "power-9999", 1, "list 2"),      "ACCOUNT_UNKNOWN"),
    (HENAN, AllocateAllowances("CEA", "hubei", "power-0001", 1, "list 2"),      "NOT_OWNER_OF_ACCOUNT"),
    (POWER, AllocateAllowances("CEA", "power-0001", "power-0001", 1, "list 2"), "ACCOUNT_OF_ANOTHER_PROVINCE"),
    (HENAN, AllocateAllowances("CEA", "henan", "power-0001", 1, "list 2"),      "ACCOUNT_OF_ANOTHER_PROVINCE"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "henan", 1, "list 2"),           "ACCOUNT_NOT_A_KEY_EMITTING_ENTITY"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "power-0001", 1_001, "list 2"),  "INSUFFICIENT_ALLOWANCES"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "power-0001", 1_000, "list 2"),
        [AllowancesAllocated("CEA", "hubei", "power-0001", 1_000, "list 2")]),
    (HUBEI, AllocateAllowances("CEA", "hubei", "power-0001", 1, "list 3"),      "INSUFFICIENT_ALLOWANCES"),
    (HUBEI, AllocateAllowances("CEA", "hubei", "steel-0002", 1, "list 3"),      "ACCOUNT_CLOSED"),
    (HENAN, AllocateAllowances("CEA", "henan", "power-0001", 1, "list 3"),      "ACCOUNT_OF_ANOTHER_PROVINCE"),
]
# fmt: on


def test_a_vintage_is_created_once() -> None:
    climb(Registry(), CREATING)


def test_there_are_no_more_vintages_than_an_event_can_name() -> None:
    registry = Registry()
    for number in range(VINTAGES_MAX):
        play(registry, OPERATOR, CreateVintage(f"CEA{number:02}", 2020 + number))
    assert facts_of_refusal(registry, OPERATOR, CreateVintage("CEA99", 2099)) == {"vintages_max": VINTAGES_MAX}


def test_allowances_are_issued_to_a_province_and_to_nobody_else() -> None:
    registry = open_books()
    climb(registry, ISSUING)
    assert registry.vintages["CEA"].issued_tonnes == 1_600 + TRILLION


def test_a_vintage_has_a_largest_total_that_keeps_every_sum_within_64_bits() -> None:
    registry = open_books()
    registry.vintages["CEA"].issued_tonnes = 10**15 - 5
    assert facts_of_refusal(registry, OPERATOR, IssueAllowances("CEA", "hubei", 6, "plan 2")) == {
        "vintage": "CEA",
        "issued_tonnes": 10**15 - 5,
        "quantity_tonnes": 6,
        "issued_tonnes_max": 10**15,
    }


def test_a_province_allocates_its_own_allowances_to_entities_of_its_own() -> None:
    registry = open_books()
    play(registry, OPERATOR, OpenAccount("henan", AccountKind.PROVINCE, "Henan", "", False))
    close(registry, "steel-0002")
    climb(registry, ALLOCATING)
    assert holding_of(registry, "hubei", "CEA") == Holding(0, 0)
    assert holding_of(registry, "power-0001", "CEA") == Holding(1_100, 500)
