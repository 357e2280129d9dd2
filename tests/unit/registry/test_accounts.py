"""Accounts: opened once, changed on proof, closed empty and for ever."""

from registry.domain.accounts import (
    ACCOUNTS_MAX,
    AccountClosed,
    AccountDataChanged,
    AccountOpened,
    ChangeAccountData,
    CloseAccount,
    OpenAccount,
)
from registry.domain.issuance import IssueAllowances
from registry.domain.restrictions import LiftRestriction, RecordWindingUp, RestrictAccount
from registry.domain.state import AccountKind, AccountState, Registry
from registry.domain.transfers import RecordReturnFromTrading, TransferToTrading
from registry.domain.vintages import CreateVintage
from support.domains.registry_books import (
    NOW_MS,
    OPERATOR,
    POWER,
    TRADING,
    Line,
    climb,
    close,
    facts_of_refusal,
    open_books,
    play,
)

PROVINCE, ENTITY, INSTITUTION = AccountKind.PROVINCE, AccountKind.KEY_EMITTING_ENTITY, AccountKind.INSTITUTION

# fmt: off
OPENING: list[Line] = [
    (OPERATOR, OpenAccount("", PROVINCE, "Hubei", "", False),                 "ACCOUNT_MALFORMED"),
    (OPERATOR, OpenAccount("H", PROVINCE, "Hubei", "", False),                "ACCOUNT_MALFORMED"),
    (OPERATOR, OpenAccount("h" * 33, PROVINCE, "Hubei", "", False),           "ACCOUNT_MALFORMED"),
    (OPERATOR, OpenAccount("hubei\n", PROVINCE, "Hubei", "", False),          "ACCOUNT_MALFORMED"),
    (OPERATOR, OpenAccount("hubei", 0, "Hubei", "", False),                   "ACCOUNT_KIND_UNKNOWN"),
    (OPERATOR, OpenAccount("hubei", 99, "Hubei", "", False),                  "ACCOUNT_KIND_UNKNOWN"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "", "", False),                 "TEXT_MALFORMED"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "   ", "", False),              "TEXT_MALFORMED"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "Hu\nbei", "", False),          "TEXT_MALFORMED"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "n" * 201, "", False),          "TEXT_MALFORMED"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "Hubei", "henan", False),       "PROVINCE_NOT_EMPTY"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "Hubei", "", True),             "PROVINCE_NEVER_TRADES"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "Hubei", "", False),
        [AccountOpened("hubei", PROVINCE, "Hubei", "", False, NOW_MS)]),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "Hubei", "", False),            "ACCOUNT_ALREADY_OPENED"),
    (OPERATOR, OpenAccount("power-0001", ENTITY, "Power", "", True),          "PROVINCE_MISSING"),
    (OPERATOR, OpenAccount("power-0001", ENTITY, "Power", "HUBEI", True),     "ACCOUNT_MALFORMED"),
    (OPERATOR, OpenAccount("power-0001", ENTITY, "Power", "henan", True),     "PROVINCE_UNKNOWN"),
    (OPERATOR, OpenAccount("power-0001", ENTITY, "n" * 200, "hubei", True),
        [AccountOpened("power-0001", ENTITY, "n" * 200, "hubei", True, NOW_MS)]),
    (OPERATOR, OpenAccount("steel-0002", ENTITY, "Steel", "power-0001", True), "PROVINCE_UNKNOWN"),
    (OPERATOR, OpenAccount("fund-0003", INSTITUTION, "碳基金", "", False),
        [AccountOpened("fund-0003", INSTITUTION, "碳基金", "", False, NOW_MS)]),
    (OPERATOR, RestrictAccount("hubei", "merged"),                            None),
    (TRADING,  RecordWindingUp("hubei", 1, 40),                               None),
    (OPERATOR, CloseAccount("hubei", "merged"),                               [AccountClosed("hubei", "merged")]),
    (OPERATOR, OpenAccount("steel-0002", ENTITY, "Steel", "hubei", True),     "PROVINCE_CLOSED"),
    (OPERATOR, OpenAccount("hubei", PROVINCE, "Hubei", "", False),            "ACCOUNT_ALREADY_OPENED"),
]

CHANGING: list[Line] = [
    (OPERATOR, ChangeAccountData("Power", "New Power", "licence 7"),          "ACCOUNT_MALFORMED"),
    (OPERATOR, ChangeAccountData("power-0001", "", "licence 7"),              "TEXT_MALFORMED"),
    (OPERATOR, ChangeAccountData("power-0001", "New Power", ""),              "TEXT_MALFORMED"),
    (OPERATOR, ChangeAccountData("power-9999", "New Power", "licence 7"),     "ACCOUNT_UNKNOWN"),
    (OPERATOR, ChangeAccountData("power-0001", "Power One", "licence 7"),     "ACCOUNT_DATA_UNCHANGED"),
    (OPERATOR, ChangeAccountData("power-0001", "New Power", "licence 7"),
        [AccountDataChanged("power-0001", "New Power", "licence 7")]),
]

CLOSING: list[Line] = [
    (OPERATOR, CloseAccount("*", "dissolved"),                                "ACCOUNT_MALFORMED"),
    (OPERATOR, CloseAccount("steel-0002", ""),                                "TEXT_MALFORMED"),
    (OPERATOR, CloseAccount("power-9999", "dissolved"),                       "ACCOUNT_UNKNOWN"),
    (OPERATOR, CloseAccount("power-0001", "dissolved"),                       "ACCOUNT_IN_USE"),
    (OPERATOR, RestrictAccount("power-0001", "dissolved"),                    None),
    (OPERATOR, CloseAccount("power-0001", "dissolved"),                       "ACCOUNT_NOT_WOUND_UP"),
    (TRADING,  RecordWindingUp("power-0001", 1, 40),                          None),
    (OPERATOR, CloseAccount("power-0001", "dissolved"),                       "ACCOUNT_NOT_EMPTY"),
    (OPERATOR, RestrictAccount("steel-0002", "risk warning"),                 None),
    (TRADING,  RecordWindingUp("steel-0002", 1, 41),                          None),
    (OPERATOR, LiftRestriction("steel-0002"),                                 None),
    (OPERATOR, CloseAccount("steel-0002", "dissolved"),                       "ACCOUNT_IN_USE"),
    (OPERATOR, RestrictAccount("steel-0002", "dissolved"),                    None),
    (OPERATOR, CloseAccount("steel-0002", "dissolved"),                       "ACCOUNT_NOT_WOUND_UP"),
    (TRADING,  RecordWindingUp("steel-0002", 2, 42),                          None),
    (OPERATOR, CloseAccount("steel-0002", "dissolved"),
        [AccountClosed("steel-0002", "dissolved")]),
    (OPERATOR, CloseAccount("steel-0002", "dissolved"),                       "ACCOUNT_CLOSED"),
    (OPERATOR, RestrictAccount("steel-0002", "licence expired"),              "ACCOUNT_CLOSED"),
    (OPERATOR, LiftRestriction("steel-0002"),                                 "ACCOUNT_CLOSED"),
    (OPERATOR, ChangeAccountData("steel-0002", "Steel Three", "licence 8"),   "ACCOUNT_CLOSED"),
]
# fmt: on


def test_an_entity_opens_one_account_under_the_rules_of_its_kind() -> None:
    climb(Registry(), OPENING)


def test_there_are_no_more_accounts_than_one_opening_can_take() -> None:
    """A closed one counts: its name is never used again."""
    registry = Registry()
    for number in range(ACCOUNTS_MAX):
        play(registry, OPERATOR, OpenAccount(f"fund-{number}", INSTITUTION, "Fund", "", True))
    one_more = OpenAccount("fund", INSTITUTION, "Fund", "", True)
    assert facts_of_refusal(registry, OPERATOR, one_more) == {"accounts_max": ACCOUNTS_MAX}


def test_registered_data_changes_on_proof() -> None:
    registry = open_books()
    climb(registry, CHANGING)
    assert registry.accounts["power-0001"].name == "New Power"


def test_an_account_is_closed_only_when_it_is_restricted_wound_up_and_empty() -> None:
    registry = open_books()
    climb(registry, CLOSING)
    assert registry.accounts["steel-0002"].state is AccountState.CLOSED


def test_an_account_with_allowances_in_trading_alone_is_not_empty() -> None:
    registry = open_books()
    play(registry, POWER, TransferToTrading("power-0001", "CEA", 100))
    play(registry, OPERATOR, RestrictAccount("power-0001", "dissolved"))
    play(registry, TRADING, RecordWindingUp("power-0001", 1, 40))
    facts = facts_of_refusal(registry, OPERATOR, CloseAccount("power-0001", "dissolved"))
    assert facts == {
        "account": "power-0001",
        "vintage": "CEA",
        "registry_available_tonnes": 0,
        "trading_tonnes": 600,
    }


def test_a_malformed_value_is_not_sent_back_whole() -> None:
    facts = facts_of_refusal(Registry(), OPERATOR, OpenAccount("x" * 100_000, PROVINCE, "Hubei", "", False))
    assert facts["account"] == "x" * 64


def test_nothing_reaches_a_closed_account() -> None:
    registry = Registry()
    play(registry, OPERATOR, OpenAccount("hubei", PROVINCE, "Hubei", "", False))
    play(registry, OPERATOR, CreateVintage("CEA", 2020))
    close(registry, "hubei")
    climb(
        registry,
        [
            (OPERATOR, IssueAllowances("CEA", "hubei", 1, "plan 1"), "ACCOUNT_CLOSED"),
            (TRADING, RecordReturnFromTrading("hubei", "CEA", 1, 7, 1), "INSUFFICIENT_ALLOWANCES"),
        ],
    )
