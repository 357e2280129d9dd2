"""The three books as they are compared: what trading states, what the registry holds, what clearing itself has."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from clearing.domain.balances import FundEntry
from clearing.domain.legs import excluded_of
from clearing.domain.state import Phase, State
from clearing.domain.trades import ObligationRecorded


class Figure(IntEnum):
    """What of an account is compared. The numbers are the public language's."""

    UNITS = 1
    FUNDS = 2
    BOUGHT = 3
    SOLD = 4
    PAYABLE = 5
    RECEIVABLE = 6
    BLOCKED_UNITS = 7
    BLOCKED_FUNDS = 8


class InFlightKind(IntEnum):
    """Why an amount is in one book and not yet in another. The numbers are the public language's."""

    RETURNING = 1
    RELEASING = 2
    UNSETTLED_BOUGHT = 3
    UNSETTLED_SOLD = 4
    FUND_ENTRIES = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Held by registry or clearing, expected by trading's view: tonnes of an instrument, or money in fen."""

    figure: Figure
    account: str
    instrument: str = ""
    held_tonnes: int = 0
    expected_tonnes: int = 0
    held_fen: int = 0
    expected_fen: int = 0

    @property
    def by_tonnes(self) -> int:
        return self.held_tonnes - self.expected_tonnes

    @property
    def by_fen(self) -> int:
        return self.held_fen - self.expected_fen

    @property
    def differs(self) -> bool:
        return bool(self.by_tonnes or self.by_fen)


@dataclass(frozen=True, slots=True)
class InFlight:
    kind: InFlightKind
    account: str
    instrument: str = ""
    quantity_tonnes: int = 0
    amount_fen: int = 0


# The books, as their owners state them


@dataclass(frozen=True, slots=True)
class UnitPosition:
    """Trading's view of an account's units."""

    account: str
    instrument: str
    total_tonnes: int
    bought_unsettled_tonnes: int
    sold_unsettled_tonnes: int
    returns_unacknowledged_tonnes: int
    blocked_tonnes: int


@dataclass(frozen=True, slots=True)
class FundPosition:
    """Trading's view of an account's money."""

    account: str
    total_fen: int
    paid_unsettled_fen: int
    received_unsettled_fen: int
    releases_unacknowledged_fen: int
    blocked_fen: int


@dataclass(frozen=True, slots=True)
class TradingBook:
    """All of trading's view at one position, and how far trading had heard the others by then."""

    position: int
    registry_position: int
    clearing_entry_number: int
    settled_day: str
    units: tuple[UnitPosition, ...]
    funds: tuple[FundPosition, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """What the registry holds in trading's custody for an account."""

    account: str
    instrument: str
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class OwnBook:
    """Clearing's part, copied from live state. `moving`: a run is being delivered or paid, or has lost trades."""

    settled_day: str
    registry_position: int
    moving: bool
    balances: Mapping[str, int]
    entries_recent: tuple[FundEntry, ...]
    obligations: tuple[ObligationRecorded, ...]
    excluded: tuple[ObligationRecorded, ...]
    blocked: Mapping[str, int]


def own_book(state: State) -> OwnBook:
    return OwnBook(
        settled_day=state.runs.settled_day,
        registry_position=state.runs.registry_position,
        moving=any(
            run.phase in (Phase.DELIVERING, Phase.PAYING) or excluded_of(state, run.day)
            for run in state.runs.open.values()
        ),
        balances={account: funds.balance_fen for account, funds in state.funds.accounts.items()},
        entries_recent=tuple(state.funds.entries_recent),
        obligations=tuple(state.obligations.unsettled.values()),
        excluded=tuple(state.obligations.excluded.values()),
        blocked={account: funds.blocked_fen for account, funds in state.funds.accounts.items()},
    )
