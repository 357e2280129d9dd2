"""Clearing's whole state, on one page: the fold of its log.

State is bounded by accounts and by what is open: a settled obligation, a completed run and a closed payout are
forgotten here and kept in the tables; bank references, which name a movement of money for ever, are claims that the
shell keeps. Kept are only the trades that two people excluded, because nothing resolves them yet.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from chassis.core.decider import NO_ITEMS, digest_with
from chassis.core.numbers_taken import NumbersTaken
from clearing.domain.balances import Funds
from clearing.domain.trades import Method, ObligationRecorded
from clearing.domain.units_due import UnitsDue


class Phase(IntEnum):
    """The phase of a run; a completed one is not kept here. The numbers are the public language's."""

    BLOCKED = 1
    LISTING = 2
    CONFIRMING = 3
    PROVING = 4
    DELIVERING = 5
    PAYING = 6
    COMPLETED = 7


# Banks


@dataclass(frozen=True, slots=True)
class BankList:
    """The settlement banks from a day on, and where that was announced."""

    banks: tuple[str, ...]
    source: str


# Payouts


@dataclass(slots=True)
class Payout:
    """Money on its way out; `bank` is empty while none is instructed, revoked_from were instructed before."""

    account: str
    amount_fen: int
    bank: str = ""
    revoked_from: tuple[str, ...] = ()


@dataclass(slots=True)
class Payouts:
    """The open payouts, and which of trading's releases became one."""

    payout_last: int = 0
    releases_requested: NumbersTaken = field(default_factory=NumbersTaken)
    open: dict[int, Payout] = field(default_factory=dict)


# Obligations


@dataclass(frozen=True, slots=True)
class DayTotals:
    """A day in five numbers: what the barrier compares. Trade ids are zero on a day without trades."""

    trades: int = 0
    quantity_tonnes: int = 0
    value_fen: int = 0
    first_trade_id: int = 0
    last_trade_id: int = 0


@dataclass(slots=True)
class Obligations:
    """By trade id, ascending. `days` holds what was heard of each day that is not settled, excluded trades included;
    settled_last is the last trade of a settled day. `due` are the sums of what is unsettled or excluded.
    """

    settled_last: int = 0
    unsettled: dict[int, ObligationRecorded] = field(default_factory=dict)
    excluded: dict[int, ObligationRecorded] = field(default_factory=dict)
    days: dict[str, DayTotals] = field(default_factory=dict)
    due: UnitsDue = field(default_factory=UnitsDue)


# Runs


@dataclass(frozen=True, slots=True)
class RunTotal:
    instrument: str
    method: Method
    trades: int
    quantity_tonnes: int
    value_fen: int


@dataclass(slots=True)
class Listing:
    """An attempt's legs, as far as they are listed: their sums, their digest and the positions of their pages."""

    last_trade_id: int = 0
    legs: int = 0
    quantity_tonnes: int = 0
    value_fen: int = 0
    buyers_pay_fen: int = 0
    sellers_receive_fen: int = 0
    fees_fen: int = 0
    legs_digest: bytes = NO_ITEMS
    totals: dict[tuple[str, Method], RunTotal] = field(default_factory=dict)
    page_positions: list[int] = field(default_factory=list)

    def add(self, leg: ObligationRecorded) -> None:
        self.last_trade_id = leg.trade_id
        self.legs += 1
        self.quantity_tonnes += leg.quantity_tonnes
        self.value_fen += leg.value_fen
        self.buyers_pay_fen += leg.buyer_pays_fen
        self.sellers_receive_fen += leg.seller_receives_fen
        self.fees_fen += leg.buyer_fee_fen + leg.seller_fee_fen
        self.legs_digest = digest_with(
            self.legs_digest, leg.trade_id, leg.instrument, leg.quantity_tonnes, leg.seller, leg.buyer
        )


@dataclass(slots=True)
class CashReplay:
    """An attempt's cash legs, as far as they are replayed: what each account has paid and received by then, and the
    first trade that could not be paid.
    """

    last_trade_id: int = 0
    change_fen: dict[str, int] = field(default_factory=dict)
    unfunded_trades: int = 0
    first_trade_id: int = 0
    first_buyer: str = ""
    first_lacking_fen: int = 0


@dataclass(slots=True)
class Payment:
    """A delivered run's trades, as far as they are paid."""

    last_trade_id: int = 0
    trades: int = 0
    quantity_tonnes: int = 0
    value_fen: int = 0


@dataclass(slots=True)
class Run:
    """A day's clearing. `closed` is the day as trading closed it."""

    run_id: int
    day: str
    closed: DayTotals
    opened_ms: int
    attempt: int = 0
    phase: Phase = Phase.BLOCKED
    reason: str = ""
    listing: Listing = field(default_factory=Listing)
    replay: CashReplay = field(default_factory=CashReplay)
    payment: Payment = field(default_factory=Payment)


@dataclass(slots=True)
class Runs:
    """Runs that are not completed, in the order of their days; what the completed ones left behind."""

    run_last: int = 0
    open: dict[int, Run] = field(default_factory=dict)
    exclusion_last: int = 0
    settled_day: str = ""
    registry_position: int = 0


# Reconciliation


@dataclass(slots=True)
class Books:
    """The days whose books are to be compared, in their order, and whether a comparison is under way: one at a time."""

    due: list[str] = field(default_factory=list)
    under_way: bool = False


@dataclass(slots=True)
class State:
    # By the day from which a list is valid.
    banks: dict[str, BankList] = field(default_factory=dict)
    funds: Funds = field(default_factory=Funds)
    payouts: Payouts = field(default_factory=Payouts)
    obligations: Obligations = field(default_factory=Obligations)
    runs: Runs = field(default_factory=Runs)
    books: Books = field(default_factory=Books)
