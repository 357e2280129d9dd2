"""Funds: each account's balance, and what changes it.

The money lies in one pooled account at the settlement banks; here it is sub-ledgered, one balance per account
(settlement rule art. 5). It comes in by a deposit, goes out by a payout (payouts.py) and changes hands when a trade
settles (settlement.py). Deposits, payouts and restored payouts are numbered without gaps by `entry_number`, so that
trading, which follows them, can say how far it has heard them.

Accounts come from trading, which has them from the registry (decision 0006). The records of two logs have no common
order; heard through one log, an account always comes before its trades and deposits.

Balances change by the named moves of balances.py only, which assert their invariants.

Invariant, held by the properties in tests/property/clearing: a bank reference names one movement of money for ever (a
claim, which the shell keeps).
"""

from dataclasses import dataclass

from chassis.core.decider import (
    Asks,
    Claim,
    Claimed,
    Claims,
    Context,
    Decide,
    Evolve,
    Rejected,
    applies,
    as_facts,
    asks_for,
    claims,
    handles,
    known_account,
    merged,
)
from chassis.core.shapes import check_account
from clearing.domain.balances import Account
from clearing.domain.banks import check_bank_known
from clearing.domain.state import State
from clearing.domain.values import check_amount, check_bank_reference

POOL_FEN_MAX = 10**18
"""Of all accounts together, so that no balance and no sum of balances, payouts and fees is more: far above any money
there is, and with all trades up to the end of 2099 still within 64 bits (tests/unit/test_bounds.py).
"""
DEPOSITS_FEN_MAX = 3 * 10**18
"""Of one account, ever, so that no sum on a statement, and none of what it was paid out, is more than 64 bits hold:
money may come and leave many times on one day.
"""

# Commands


@dataclass(frozen=True, slots=True)
class OpenFundAccount:
    """Heard: trading opened the account."""

    account: str


@dataclass(frozen=True, slots=True)
class RestrictFundAccount:
    """Heard: trading stopped the account, because the registry restricted it."""

    account: str
    ground: str


@dataclass(frozen=True, slots=True)
class LiftFundAccountRestriction:
    """Heard: trading lets the account be used again."""

    account: str


@dataclass(frozen=True, slots=True)
class CloseFundAccount:
    """Heard: trading closed the account."""

    account: str


@dataclass(frozen=True, slots=True)
class RecordDeposit:
    bank_reference: str
    account: str
    amount_fen: int


# Events


@dataclass(frozen=True, slots=True)
class FundAccountOpened:
    account: str


@dataclass(frozen=True, slots=True)
class FundAccountRestricted:
    account: str
    ground: str


@dataclass(frozen=True, slots=True)
class FundAccountRestrictionLifted:
    account: str


@dataclass(frozen=True, slots=True)
class FundAccountClosed:
    account: str


@dataclass(frozen=True, slots=True)
class FundsDeposited:
    account: str
    amount_fen: int
    bank: str
    bank_reference: str
    entry_number: int


# Decisions


def movement_of(bank: str, bank_reference: str) -> Claim:
    """The bank and its reference name a movement of money for ever; upper and lower case of the reference are the same.
    The shell stores these names outside the state, because they grow with every movement (decision 0017).
    """
    return Claim("bank_reference", bank, bank_reference.upper())


def as_movement(bank: str, bank_reference: str, account: str, amount_fen: int) -> Claimed:
    return movement_of(bank, bank_reference), as_facts(account=account, amount_fen=amount_fen)


def refuse_recorded_reference(context: Context, bank: str, bank_reference: str) -> None:
    before = context.taken.get(movement_of(bank, bank_reference))
    if before is not None:
        recorded = dict(before)
        raise Rejected(
            "BANK_REFERENCE_ALREADY_RECORDED",
            bank=bank,
            bank_reference=bank_reference,
            account=recorded["account"],
            amount_fen=recorded["amount_fen"],
        )


def open_fund_account(state: State, command: OpenFundAccount, context: Context) -> list[object]:
    if command.account in state.funds.accounts:
        raise Rejected("ACCOUNT_ALREADY_OPENED", account=command.account)

    return [FundAccountOpened(command.account)]


def restrict_fund_account(state: State, command: RestrictFundAccount, context: Context) -> list[object]:
    known_account(state.funds.accounts, command.account)

    return [FundAccountRestricted(command.account, command.ground)]


def lift_fund_account_restriction(state: State, command: LiftFundAccountRestriction, context: Context) -> list[object]:
    known_account(state.funds.accounts, command.account)

    return [FundAccountRestrictionLifted(command.account)]


def close_fund_account(state: State, command: CloseFundAccount, context: Context) -> list[object]:
    known_account(state.funds.accounts, command.account)

    return [FundAccountClosed(command.account)]


def record_deposit(state: State, command: RecordDeposit, context: Context) -> list[object]:
    check_account(command.account)
    check_bank_reference(command.bank_reference)
    check_amount(command.amount_fen)
    check_bank_known(state, context.account, context)
    account = known_account(state.funds.accounts, command.account)
    if account.closed:
        raise Rejected("ACCOUNT_CLOSED", account=command.account)
    refuse_recorded_reference(context, context.account, command.bank_reference)
    if state.funds.pool_fen + command.amount_fen > POOL_FEN_MAX:
        raise Rejected(
            "POOL_OUT_OF_RANGE",
            pool_fen=state.funds.pool_fen,
            amount_fen=command.amount_fen,
            pool_fen_max=POOL_FEN_MAX,
        )
    if account.deposits_fen + command.amount_fen > DEPOSITS_FEN_MAX:
        raise Rejected(
            "DEPOSITS_OUT_OF_RANGE",
            account=command.account,
            deposits_fen=account.deposits_fen,
            amount_fen=command.amount_fen,
            deposits_fen_max=DEPOSITS_FEN_MAX,
        )

    # From here on the money is the account's.
    return [
        FundsDeposited(
            account=command.account,
            amount_fen=command.amount_fen,
            bank=context.account,
            bank_reference=command.bank_reference,
            entry_number=state.funds.entry_last + 1,
        )
    ]


# Changes


def on_fund_account_opened(state: State, event: FundAccountOpened) -> None:
    assert event.account not in state.funds.accounts
    state.funds.accounts[event.account] = Account()


def on_fund_account_restricted(state: State, event: FundAccountRestricted) -> None:
    state.funds.accounts[event.account].restricted = True


def on_fund_account_restriction_lifted(state: State, event: FundAccountRestrictionLifted) -> None:
    state.funds.accounts[event.account].restricted = False


def on_fund_account_closed(state: State, event: FundAccountClosed) -> None:
    state.funds.accounts[event.account].closed = True


def on_funds_deposited(state: State, event: FundsDeposited) -> None:
    state.funds.deposit(event.entry_number, event.account, event.amount_fen)


DECIDE: Decide[State] = merged(
    handles(OpenFundAccount, open_fund_account),
    handles(RestrictFundAccount, restrict_fund_account),
    handles(LiftFundAccountRestriction, lift_fund_account_restriction),
    handles(CloseFundAccount, close_fund_account),
    handles(RecordDeposit, record_deposit),
)

EVOLVE: Evolve[State] = merged(
    applies(FundAccountOpened, on_fund_account_opened),
    applies(FundAccountRestricted, on_fund_account_restricted),
    applies(FundAccountRestrictionLifted, on_fund_account_restriction_lifted),
    applies(FundAccountClosed, on_fund_account_closed),
    applies(FundsDeposited, on_funds_deposited),
)

ASKS: Asks = asks_for(RecordDeposit, lambda command, actor: [movement_of(actor.account, command.bank_reference)])

CLAIMS: Claims[State] = claims(
    FundsDeposited,
    lambda state, event: [as_movement(event.bank, event.bank_reference, event.account, event.amount_fen)],
)
