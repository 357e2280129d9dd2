"""Custody: units and money that the registry and clearing credit to trading, and what trading gives back.

A heard credit is never refused because of the account's state. What goes back starts here, because only trading knows
what is not locked: units return to the registry, money is released to clearing, which pays it out. The other service
acts when it hears the event; until trading hears that it has booked it, the return or release is kept as
unacknowledged, so that the books can be compared at any moment.

Invariants: a credit is counted once; a return or release happens once and is acknowledged once.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, check_owner, handles, known_account, merged
from chassis.core.shapes import check_account
from trading.domain.accounts import check_not_stopped, check_units_available
from trading.domain.instruments import known_instrument
from trading.domain.state import Market, Releasing, Returning
from trading.domain.values import check_amount, check_instrument, check_quantity, differing_facts

# Commands


@dataclass(frozen=True, slots=True)
class CreditAllowances:
    """Heard: a holder transferred allowances from the registry to trading."""

    account: str
    instrument: str
    quantity_tonnes: int
    registry_position: int


@dataclass(frozen=True, slots=True)
class CreditFunds:
    """Heard: clearing booked a deposit, or a payout that came back."""

    account: str
    amount_fen: int
    entry_number: int
    clearing_position: int


@dataclass(frozen=True, slots=True)
class ReturnToRegistry:
    account: str
    instrument: str
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class AcknowledgeReturn:
    """Heard: the registry booked a return."""

    return_id: int
    account: str
    instrument: str
    quantity_tonnes: int
    registry_position: int


@dataclass(frozen=True, slots=True)
class ReleaseFunds:
    account: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class AcknowledgeRelease:
    """Heard: clearing took released money out of the balance, to pay it out."""

    release_id: int
    account: str
    amount_fen: int
    entry_number: int


# Events


@dataclass(frozen=True, slots=True)
class AllowancesCredited:
    account: str
    instrument: str
    quantity_tonnes: int
    registry_position: int


@dataclass(frozen=True, slots=True)
class FundsCredited:
    account: str
    amount_fen: int
    entry_number: int
    clearing_position: int


@dataclass(frozen=True, slots=True)
class AllowancesReturned:
    account: str
    instrument: str
    quantity_tonnes: int
    return_id: int


@dataclass(frozen=True, slots=True)
class ReturnAcknowledged:
    return_id: int
    account: str
    instrument: str
    quantity_tonnes: int
    registry_position: int


@dataclass(frozen=True, slots=True)
class FundsReleased:
    account: str
    amount_fen: int
    release_id: int


@dataclass(frozen=True, slots=True)
class ReleaseAcknowledged:
    release_id: int
    account: str
    amount_fen: int
    entry_number: int


# Decisions


def credit_allowances(market: Market, command: CreditAllowances, context: Context) -> list[object]:
    known_account(market.accounts, command.account)
    known_instrument(market, command.instrument)

    return [
        AllowancesCredited(
            account=command.account,
            instrument=command.instrument,
            quantity_tonnes=command.quantity_tonnes,
            registry_position=command.registry_position,
        )
    ]


def credit_funds(market: Market, command: CreditFunds, context: Context) -> list[object]:
    known_account(market.accounts, command.account)
    check_entry(market, command.entry_number)

    return [
        FundsCredited(
            account=command.account,
            amount_fen=command.amount_fen,
            entry_number=command.entry_number,
            clearing_position=command.clearing_position,
        )
    ]


def return_to_registry(market: Market, command: ReturnToRegistry, context: Context) -> list[object]:
    check_account(command.account)
    check_instrument(command.instrument)
    check_quantity(command.quantity_tonnes)
    account = known_account(market.accounts, command.account)
    known_instrument(market, command.instrument)
    check_owner(command.account, context)
    check_not_stopped(account)
    check_units_available(account, command.instrument, command.quantity_tonnes)

    return [
        AllowancesReturned(
            account=command.account,
            instrument=command.instrument,
            quantity_tonnes=command.quantity_tonnes,
            return_id=market.return_id_last + 1,
        )
    ]


def acknowledge_return(market: Market, command: AcknowledgeReturn, context: Context) -> list[object]:
    waiting = market.returns.get(command.return_id)
    if waiting is None:
        raise Rejected("RETURN_UNKNOWN", return_id=command.return_id)
    differing = differing_facts(
        account=(waiting.account, command.account),
        instrument=(waiting.instrument, command.instrument),
        quantity_tonnes=(waiting.quantity_tonnes, command.quantity_tonnes),
    )
    if differing:
        raise Rejected("RETURN_DIFFERS", return_id=command.return_id, **differing)

    return [
        ReturnAcknowledged(
            return_id=command.return_id,
            account=command.account,
            instrument=command.instrument,
            quantity_tonnes=command.quantity_tonnes,
            registry_position=command.registry_position,
        )
    ]


def release_funds(market: Market, command: ReleaseFunds, context: Context) -> list[object]:
    check_account(command.account)
    check_amount(command.amount_fen)
    account = known_account(market.accounts, command.account)
    check_owner(command.account, context)
    if not account.closed:
        # Money left in a closed account still belongs to its holder, who may take it out (rulebook 1.4).
        check_not_stopped(account)
    if command.amount_fen > account.funds.withdrawable_fen:
        raise Rejected(
            "INSUFFICIENT_WITHDRAWABLE_FUNDS",
            amount_fen=command.amount_fen,
            withdrawable_fen=account.funds.withdrawable_fen,
        )

    return [
        FundsReleased(account=command.account, amount_fen=command.amount_fen, release_id=market.release_id_last + 1)
    ]


def acknowledge_release(market: Market, command: AcknowledgeRelease, context: Context) -> list[object]:
    check_entry(market, command.entry_number)
    waiting = market.releases.get(command.release_id)
    if waiting is None:
        raise Rejected("RELEASE_UNKNOWN", release_id=command.release_id)
    differing = differing_facts(
        account=(waiting.account, command.account), amount_fen=(waiting.amount_fen, command.amount_fen)
    )
    if differing:
        raise Rejected("RELEASE_DIFFERS", release_id=command.release_id, **differing)

    return [
        ReleaseAcknowledged(
            release_id=command.release_id,
            account=command.account,
            amount_fen=command.amount_fen,
            entry_number=command.entry_number,
        )
    ]


def check_entry(market: Market, entry: int) -> None:
    """Clearing numbers its fund entries without gaps, so a known number would be counted twice. Raises Rejected.

    A number that is missing, because its entry was set aside, is accepted when that entry is decided again.
    """
    counted = market.entries_counted
    if counted.has(entry):
        raise Rejected("FUND_ENTRY_NOT_NEW", entry_number=entry, last_entry_number=counted.last)
    if entry > counted.next_max:
        raise Rejected("FUND_ENTRY_TOO_FAR_AHEAD", entry_number=entry, entry_number_max=counted.next_max)


# Changes


def on_allowances_credited(market: Market, event: AllowancesCredited) -> None:
    market.accounts[event.account].units_of(event.instrument).credit(event.quantity_tonnes)


def on_funds_credited(market: Market, event: FundsCredited) -> None:
    market.entries_counted.take(event.entry_number)
    market.accounts[event.account].money().credit(event.amount_fen)


def on_allowances_returned(market: Market, event: AllowancesReturned) -> None:
    assert event.return_id == market.return_id_last + 1
    market.return_id_last = event.return_id
    market.returns[event.return_id] = Returning(event.account, event.instrument, event.quantity_tonnes)
    market.accounts[event.account].units_of(event.instrument).give_back(event.quantity_tonnes)


def on_return_acknowledged(market: Market, event: ReturnAcknowledged) -> None:
    del market.returns[event.return_id]
    market.accounts[event.account].units_of(event.instrument).acknowledge_return(event.quantity_tonnes)


def on_funds_released(market: Market, event: FundsReleased) -> None:
    assert event.release_id == market.release_id_last + 1
    market.release_id_last = event.release_id
    market.releases[event.release_id] = Releasing(event.account, event.amount_fen)
    market.accounts[event.account].money().release(event.amount_fen)


def on_release_acknowledged(market: Market, event: ReleaseAcknowledged) -> None:
    market.entries_counted.take(event.entry_number)
    del market.releases[event.release_id]
    market.accounts[event.account].money().acknowledge_release(event.amount_fen)


DECIDE: Decide[Market] = merged(
    handles(CreditAllowances, credit_allowances),
    handles(CreditFunds, credit_funds),
    handles(ReturnToRegistry, return_to_registry),
    handles(AcknowledgeReturn, acknowledge_return),
    handles(ReleaseFunds, release_funds),
    handles(AcknowledgeRelease, acknowledge_release),
)

EVOLVE: Evolve[Market] = merged(
    applies(AllowancesCredited, on_allowances_credited),
    applies(FundsCredited, on_funds_credited),
    applies(AllowancesReturned, on_allowances_returned),
    applies(ReturnAcknowledged, on_return_acknowledged),
    applies(FundsReleased, on_funds_released),
    applies(ReleaseAcknowledged, on_release_acknowledged),
)
