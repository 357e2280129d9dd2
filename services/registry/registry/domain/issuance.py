"""Issuance: new allowances are created in a province's account, and the province allocates them to its entities.

A restricted account still receives: a restriction blocks its holder's use, and does not withhold what is due to the
entity. Source: rulebook R7, pre-allocation. Not built yet: final allocation, recall, adjustment (R8, R9).
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, check_owner, handles, known_account, merged
from chassis.core.shapes import check_account, check_text
from registry.domain.accounts import check_not_closed, check_not_restricted
from registry.domain.holdings import allocate, check_available, issue
from registry.domain.state import AccountKind, Registry
from registry.domain.values import check_quantity, check_vintage
from registry.domain.vintages import existing_vintage

ISSUED_TONNES_MAX = 10**15
"""Of one vintage: keeps every sum of holdings within 64 bits."""


# Commands


@dataclass(frozen=True, slots=True)
class IssueAllowances:
    vintage: str
    account: str
    quantity_tonnes: int
    basis: str


@dataclass(frozen=True, slots=True)
class AllocateAllowances:
    vintage: str
    from_account: str
    account: str
    quantity_tonnes: int
    basis: str


# Events


@dataclass(frozen=True, slots=True)
class AllowancesIssued:
    vintage: str
    account: str
    quantity_tonnes: int
    basis: str


@dataclass(frozen=True, slots=True)
class AllowancesAllocated:
    vintage: str
    from_account: str
    account: str
    quantity_tonnes: int
    basis: str


# Decisions


def issue_allowances(registry: Registry, command: IssueAllowances, context: Context) -> list[object]:
    check_vintage(command.vintage)
    check_account(command.account)
    check_quantity(command.quantity_tonnes)
    check_text(command.basis, "basis")
    vintage = existing_vintage(registry, command.vintage)
    account = known_account(registry.accounts, command.account)
    if account.kind is not AccountKind.PROVINCE:
        raise Rejected("ACCOUNT_NOT_A_PROVINCE", account=command.account)
    check_not_closed(registry, command.account)
    if vintage.issued_tonnes + command.quantity_tonnes > ISSUED_TONNES_MAX:
        raise Rejected(
            "VINTAGE_QUANTITY_EXCEEDED",
            vintage=command.vintage,
            issued_tonnes=vintage.issued_tonnes,
            quantity_tonnes=command.quantity_tonnes,
            issued_tonnes_max=ISSUED_TONNES_MAX,
        )

    return [
        AllowancesIssued(
            vintage=command.vintage,
            account=command.account,
            quantity_tonnes=command.quantity_tonnes,
            basis=command.basis,
        )
    ]


def allocate_allowances(registry: Registry, command: AllocateAllowances, context: Context) -> list[object]:
    check_vintage(command.vintage)
    check_account(command.from_account, "from_account")
    check_account(command.account)
    check_quantity(command.quantity_tonnes)
    check_text(command.basis, "basis")
    existing_vintage(registry, command.vintage)
    known_account(registry.accounts, command.from_account)
    entity = known_account(registry.accounts, command.account)
    check_owner(command.from_account, context)
    check_not_closed(registry, command.from_account)
    check_not_restricted(registry, command.from_account)
    if entity.kind is not AccountKind.KEY_EMITTING_ENTITY:
        raise Rejected("ACCOUNT_NOT_A_KEY_EMITTING_ENTITY", account=command.account)
    if entity.province != command.from_account:
        raise Rejected("ACCOUNT_OF_ANOTHER_PROVINCE", account=command.account, province=entity.province)
    check_not_closed(registry, command.account)
    check_available(registry, command.from_account, command.vintage, command.quantity_tonnes)

    return [
        AllowancesAllocated(
            vintage=command.vintage,
            from_account=command.from_account,
            account=command.account,
            quantity_tonnes=command.quantity_tonnes,
            basis=command.basis,
        )
    ]


# Changes


def on_allowances_issued(registry: Registry, event: AllowancesIssued) -> None:
    assert registry.accounts[event.account].kind is AccountKind.PROVINCE
    issue(registry, event.vintage, event.account, event.quantity_tonnes)


def on_allowances_allocated(registry: Registry, event: AllowancesAllocated) -> None:
    allocate(registry, event.vintage, event.from_account, event.account, event.quantity_tonnes)


DECIDE: Decide[Registry] = merged(
    handles(IssueAllowances, issue_allowances),
    handles(AllocateAllowances, allocate_allowances),
)

EVOLVE: Evolve[Registry] = merged(
    applies(AllowancesIssued, on_allowances_issued),
    applies(AllowancesAllocated, on_allowances_allocated),
)
