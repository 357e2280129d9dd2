"""The books as they are compared: what trading states, and what clearing itself has, as of what trading had heard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import takewhile

from chassis.core.sum_tree import Form, Key, Quantities, Root, SumTree
from clearing.domain.balances import MONEY, FundEntry
from clearing.domain.legs import excluded_of
from clearing.domain.state import Phase, State
from clearing.domain.trades import ObligationRecorded
from clearing.domain.units_due import UNITS_DUE


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
class TradingStatement:
    """Trading's view at one position: the roots of its trees, what is on its way, how far it had heard the others."""

    position: int
    registry_position: int
    clearing_entry_number: int
    settled_day: str
    roots: Mapping[Form, Root]
    returning: tuple[InFlight, ...] = ()
    returning_count: int = 0
    releasing: tuple[InFlight, ...] = ()
    releasing_count: int = 0


@dataclass(frozen=True, slots=True)
class OwnBook:
    """Clearing's part as it is now, and what of it trading had not heard of. `moving`: a run is being delivered or
    paid, or has lost trades.
    """

    settled_day: str
    registry_position: int
    moving: bool
    units_due: SumTree
    money: SumTree
    unheard: tuple[FundEntry, ...]
    later: tuple[ObligationRecorded, ...]


@dataclass(slots=True)
class AsOf:
    """A tree of clearing's as of what trading had heard. What would be less than nothing is no leaf of it: that is a
    difference already.
    """

    tree: SumTree
    below_zero: dict[Key, Quantities] = field(default_factory=dict)


def trees(state: State) -> tuple[SumTree, SumTree] | None:
    """Of the units due and of the money, a step further up to date; None until they are."""
    due, funds = state.obligations.due, state.funds
    units_due = due.commitment.catch_up(due.by_key, lambda key: [key], lambda key: (due.committed(key),))
    money = funds.commitment.catch_up(funds.accounts, lambda name: [(name,)], lambda key: (funds.committed(key),))
    return (units_due[0], money[0]) if units_due is not None and money is not None else None


def own_book(state: State, trading_position: int, entry_number: int) -> OwnBook | None:
    """As of now, for a statement that trading made at a position, when it had heard a fund entry. None while the trees
    are not up to date: then look again.
    """
    made = trees(state)
    if made is None:
        return None
    units_due, money = made
    return OwnBook(
        settled_day=state.runs.settled_day,
        registry_position=state.runs.registry_position,
        moving=any(
            run.phase in (Phase.DELIVERING, Phase.PAYING) or excluded_of(state, run.day)
            for run in state.runs.open.values()
        ),
        units_due=units_due,
        money=money,
        unheard=tuple([entry for entry in state.funds.entries_recent if entry.entry_number > entry_number]),
        # Trades are in the order of trading's positions: the last ones are those that it made since.
        later=tuple(
            takewhile(
                lambda leg: leg.trading_position > trading_position, reversed(state.obligations.unsettled.values())
            )
        ),
    )


def as_heard(own: OwnBook) -> dict[Form, AsOf]:
    """Clearing's trees as of what trading had heard: without the fund entries and trades that it had not."""
    units, money = Changes(own.units_due), Changes(own.money)
    for entry in own.unheard:
        money.add((entry.account,), balance_fen=-entry.amount_fen)
    for leg in own.later:
        units.add((leg.buyer, leg.instrument), bought_tonnes=-leg.quantity_tonnes)
        units.add((leg.seller, leg.instrument), sold_tonnes=-leg.quantity_tonnes)
        money.add((leg.buyer,), payable_fen=-leg.buyer_pays_fen)
        money.add((leg.seller,), receivable_fen=-leg.seller_receives_fen)
    return {UNITS_DUE: units.made(), MONEY: money.made()}


class Changes:
    """Changes of a tree's quantities, by the names of its states."""

    def __init__(self, tree: SumTree) -> None:
        self._tree = tree
        self._changed: dict[Key, dict[str, int]] = {}

    def add(self, key: Key, **amounts: int) -> None:
        states = self._tree.form.states
        quantities = self._changed.setdefault(key, dict(zip(states, self._tree.quantities(key), strict=True)))
        for state, amount in amounts.items():
            quantities[state] += amount

    def made(self) -> AsOf:
        now = {key: tuple(quantities.values()) for key, quantities in self._changed.items()}
        tree = self._tree.changed({key: clamped(quantities) for key, quantities in now.items()})
        return AsOf(tree, {key: quantities for key, quantities in now.items() if quantities != clamped(quantities)})


def clamped(quantities: Quantities) -> Quantities:
    return tuple([max(amount, 0) for amount in quantities])
