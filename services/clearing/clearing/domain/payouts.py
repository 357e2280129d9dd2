"""Payouts: money on its way out of the market, Requested, then Instructed, then Paid or Returned by the bank.

Trading decides what may leave, because there it is known what is free; here it leaves the balance at once, so that
nothing can settle against it. A payout that the bank returns is in the balance again, and trading hears of it. A
payout of a restricted account waits uninstructed (settlement rule art. 16, 19).

Two people can revoke an instruction (chassis/core/proposals.py) while the bank has not reported that it paid or
returned the payout; the payout is then requested again. This is how paying twice is avoided:
- one bank at a time is instructed, and only a settlement bank of the day (banks.py);
- two people revoke, who know that the bank has not paid and will not, and state on what ground; what they approve is
  the revocation from the bank that the proposal shows;
- if an earlier bank has paid nevertheless, its report is accepted while the payout is open, and closes it, so that no
  other bank is instructed; one that was instructed meanwhile is refused when it reports.
This cannot prevent that two banks both pay before either has reported: the second report is refused, and that bank has
to claim its money back.

Invariants:
- one release becomes one payout; it leaves the balance once and comes back at most once;
- a balance after a payout still covers all that the account has to pay for trades that are not settled, and what
  excluded trades block of it.
"""

from dataclasses import dataclass

from chassis.core.decider import (
    Asks,
    Claims,
    Context,
    Decide,
    Evolve,
    NotFound,
    NotPermitted,
    Rejected,
    applies,
    asks_for,
    claims,
    handles,
    known_account,
    merged,
    person,
)
from chassis.core.shapes import check_text
from clearing.domain.banks import check_bank_known
from clearing.domain.funds import (
    as_movement,
    movement_of,
    refuse_recorded_reference,
)
from clearing.domain.state import Payout, State
from clearing.domain.values import check_bank, check_bank_reference

# Commands


@dataclass(frozen=True, slots=True)
class RequestPayout:
    """Heard: trading released the money."""

    account: str
    amount_fen: int
    release_id: int


@dataclass(frozen=True, slots=True)
class InstructPayout:
    payout_id: int
    bank: str


@dataclass(frozen=True, slots=True)
class RevokePayoutInstruction:
    payout_id: int
    ground: str


@dataclass(frozen=True, slots=True)
class RecordPayoutPaid:
    payout_id: int
    bank_reference: str


@dataclass(frozen=True, slots=True)
class RecordPayoutReturned:
    payout_id: int
    ground: str


# Events


@dataclass(frozen=True, slots=True)
class PayoutRequested:
    payout_id: int
    account: str
    amount_fen: int
    release_id: int
    entry_number: int


@dataclass(frozen=True, slots=True)
class PayoutInstructed:
    payout_id: int
    account: str
    bank: str


@dataclass(frozen=True, slots=True)
class PayoutInstructionRevoked:
    payout_id: int
    account: str
    bank: str
    ground: str
    proposed_by: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class PayoutPaid:
    payout_id: int
    account: str
    bank: str
    bank_reference: str


@dataclass(frozen=True, slots=True)
class PayoutReturned:
    payout_id: int
    account: str
    ground: str


@dataclass(frozen=True, slots=True)
class FundsRestored:
    account: str
    amount_fen: int
    payout_id: int
    entry_number: int


# Decisions


def check_release_new(state: State, release_id: int) -> None:
    """Trading numbers its releases without gaps. A number that is known comes again where trading's log came back older
    and the release was given again: there is a payout of it already.
    """
    requested = state.payouts.releases_requested
    if requested.has(release_id):
        raise Rejected("RELEASE_ALREADY_REQUESTED", release_id=release_id, last_release_id=requested.last)
    if release_id > requested.next_max:
        raise Rejected("RELEASE_TOO_FAR_AHEAD", release_id=release_id, release_id_max=requested.next_max)


def request_payout(state: State, command: RequestPayout, context: Context) -> list[object]:
    account = known_account(state.funds.accounts, command.account)
    check_release_new(state, command.release_id)
    if command.amount_fen > account.balance_fen - account.unsettled_out_fen - account.blocked_fen:
        raise Rejected(
            "PAYOUT_EXCEEDS_SETTLED_FUNDS",
            account=command.account,
            amount_fen=command.amount_fen,
            balance_fen=account.balance_fen,
            unsettled_out_fen=account.unsettled_out_fen,
            blocked_fen=account.blocked_fen,
        )

    return [
        PayoutRequested(
            payout_id=state.payouts.payout_last + 1,
            account=command.account,
            amount_fen=command.amount_fen,
            release_id=command.release_id,
            entry_number=state.funds.entry_last + 1,
        )
    ]


def open_payout(state: State, payout_id: int) -> Payout:
    if not 1 <= payout_id <= state.payouts.payout_last:
        raise NotFound("PAYOUT_UNKNOWN", payout_id=payout_id)
    payout = state.payouts.open.get(payout_id)
    if payout is None:
        raise Rejected("PAYOUT_CLOSED", payout_id=payout_id)
    return payout


def payout_of_bank(state: State, payout_id: int, bank: str) -> Payout:
    payout = open_payout(state, payout_id)
    if not payout.bank and not payout.revoked_from:
        raise Rejected("PAYOUT_NOT_INSTRUCTED", payout_id=payout_id)
    if bank not in (payout.bank, *payout.revoked_from):
        raise NotPermitted("PAYOUT_OF_ANOTHER_BANK", payout_id=payout_id)
    return payout


def instruct_payout(state: State, command: InstructPayout, context: Context) -> list[object]:
    check_bank(command.bank)
    check_bank_known(state, command.bank, context)
    payout = open_payout(state, command.payout_id)
    if payout.bank:
        raise Rejected("PAYOUT_ALREADY_INSTRUCTED", payout_id=command.payout_id, bank=payout.bank)
    account = state.funds.accounts[payout.account]
    # A closed account stays restricted; the money that it released still belongs to its holder.
    if account.restricted and not account.closed:
        raise Rejected("ACCOUNT_RESTRICTED", account=payout.account)

    return [PayoutInstructed(command.payout_id, payout.account, command.bank)]


def revoke_payout_instruction(state: State, command: RevokePayoutInstruction, context: Context) -> list[object]:
    """The payout is requested again, and may be instructed to any bank."""
    check_text(command.ground, "ground")
    payout = open_payout(state, command.payout_id)
    if not payout.bank:
        raise Rejected("PAYOUT_NOT_INSTRUCTED", payout_id=command.payout_id)
    return [
        PayoutInstructionRevoked(
            payout_id=command.payout_id,
            account=payout.account,
            bank=payout.bank,
            ground=command.ground,
            proposed_by=context.proposed_by,
            approved_by=str(context.actor),
        )
    ]


def record_payout_paid(state: State, command: RecordPayoutPaid, context: Context) -> list[object]:
    check_bank_reference(command.bank_reference)
    payout = payout_of_bank(state, command.payout_id, context.account)
    refuse_recorded_reference(context, context.account, command.bank_reference)

    # The report of a bank whose instruction was revoked too late is accepted too: it has paid.
    return [PayoutPaid(command.payout_id, payout.account, context.account, command.bank_reference)]


def record_payout_returned(state: State, command: RecordPayoutReturned, context: Context) -> list[object]:
    check_text(command.ground, "ground")
    payout = payout_of_bank(state, command.payout_id, context.account)
    if payout.bank != context.account:
        raise Rejected("PAYOUT_INSTRUCTION_REVOKED", payout_id=command.payout_id)

    return [
        PayoutReturned(command.payout_id, payout.account, command.ground),
        FundsRestored(payout.account, payout.amount_fen, command.payout_id, entry_number=state.funds.entry_last + 1),
    ]


# Changes


def on_payout_requested(state: State, event: PayoutRequested) -> None:
    assert event.payout_id == state.payouts.payout_last + 1
    state.payouts.releases_requested.take(event.release_id)
    state.payouts.payout_last = event.payout_id
    state.payouts.open[event.payout_id] = Payout(event.account, event.amount_fen)
    state.funds.request_payout(event.entry_number, event.account, event.amount_fen)


def on_payout_instructed(state: State, event: PayoutInstructed) -> None:
    payout = state.payouts.open[event.payout_id]
    assert not payout.bank
    payout.bank = event.bank


def on_payout_instruction_revoked(state: State, event: PayoutInstructionRevoked) -> None:
    payout = state.payouts.open[event.payout_id]
    assert payout.bank == event.bank
    assert event.proposed_by and person(event.proposed_by) != person(event.approved_by), "two people"
    payout.bank = ""
    if event.bank not in payout.revoked_from:
        payout.revoked_from += (event.bank,)


def on_payout_paid(state: State, event: PayoutPaid) -> None:
    payout = state.payouts.open.pop(event.payout_id)
    assert payout.account == event.account
    assert event.bank in (payout.bank, *payout.revoked_from)
    state.funds.pay_out(payout.account, payout.amount_fen)


def on_payout_returned(state: State, event: PayoutReturned) -> None:
    """The payout stays open until FundsRestored, its next event, so that no record leaves the money in no book."""
    assert state.payouts.open[event.payout_id].account == event.account


def on_funds_restored(state: State, event: FundsRestored) -> None:
    payout = state.payouts.open.pop(event.payout_id)
    assert (payout.account, payout.amount_fen) == (event.account, event.amount_fen)
    state.funds.restore(event.entry_number, event.account, event.amount_fen)


DECIDE: Decide[State] = merged(
    handles(RequestPayout, request_payout),
    handles(InstructPayout, instruct_payout),
    handles(RevokePayoutInstruction, revoke_payout_instruction),
    handles(RecordPayoutPaid, record_payout_paid),
    handles(RecordPayoutReturned, record_payout_returned),
)

EVOLVE: Evolve[State] = merged(
    applies(PayoutRequested, on_payout_requested),
    applies(PayoutInstructed, on_payout_instructed),
    applies(PayoutInstructionRevoked, on_payout_instruction_revoked),
    applies(PayoutPaid, on_payout_paid),
    applies(PayoutReturned, on_payout_returned),
    applies(FundsRestored, on_funds_restored),
)

ASKS: Asks = asks_for(RecordPayoutPaid, lambda command, actor: [movement_of(actor.account, command.bank_reference)])

CLAIMS: Claims[State] = claims(
    PayoutPaid,
    lambda state, event: [
        as_movement(event.bank, event.bank_reference, event.account, state.payouts.open[event.payout_id].amount_fen)
    ],
)
