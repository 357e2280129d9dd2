"""Reconciliation: after each settled day the three books must agree, at stated positions (decision 0007).

Trading states its positions at one position of its log, and how far it had then heard the other two. The registry
states what was in trading's custody at the position that trading had heard; clearing reads its own book at one position
of its log and computes the balances as of the fund entry that trading had heard. Amounts on their way between two books
are known and listed as in flight; anything else is a difference.

One comparison is in progress at a time. Its answer is valid for every day that was settled by then; days settled since
are compared by the next one.

Compared, per account (and instrument), with trading's figures as if every trade made so far settles:
- units:   registry's trading holding = total - bought unsettled + sold unsettled + returns unacknowledged
- funds:   clearing's balance = total + paid unsettled - received unsettled + releases unacknowledged
- bought, sold, payable, receivable: clearing's obligations that are not settled = trading's trades that are not
- blocked: what excluded trades block in clearing's book = what trading keeps blocked, in units and in money

Excluded trades are in no other figure: trading counts them as if they had not been made. Because both services block
the same amounts, clearing can pay out whatever trading releases.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles, merged
from chassis.core.shapes import check_day
from clearing.domain.balances import FundEntry
from clearing.domain.books import (
    Difference,
    Figure,
    Holding,
    InFlight,
    InFlightKind,
    OwnBook,
    TradingBook,
)
from clearing.domain.state import State
from clearing.domain.trades import ObligationRecorded

DIFFERENCES_LISTED_MAX = 200
IN_FLIGHT_LISTED_MAX = 200

Key = TypeVar("Key", str, tuple[str, str])
"""An account, or an account and an instrument."""


# Commands


@dataclass(frozen=True, slots=True)
class ReconcileAgain:
    day: str


@dataclass(frozen=True, slots=True)
class RecordReconciliation:
    """The comparison that ReconciliationOrdered asked for; by then settled_day was the last day settled."""

    settled_day: str
    registry_position: int
    trading_position: int
    clearing_position: int
    clearing_entry_number: int
    rows_compared: int
    differences: tuple[Difference, ...]
    difference_count: int
    in_flight: tuple[InFlight, ...]
    in_flight_count: int
    disagreement: str


# Events


@dataclass(frozen=True, slots=True)
class ReconciliationOrdered:
    """An order to trading and the registry: calls.py asks them until both have stated their books."""

    day: str


@dataclass(frozen=True, slots=True)
class BooksReconciled:
    day: str
    agreed: bool
    registry_position: int
    trading_position: int
    clearing_position: int
    clearing_entry_number: int
    rows_compared: int
    differences: tuple[Difference, ...]
    difference_count: int
    in_flight: tuple[InFlight, ...]
    in_flight_count: int
    disagreement: str


# The comparison


def not_comparable_because(trading: TradingBook, own: OwnBook) -> str:
    """Why the books cannot be compared yet, in words; empty when they can."""
    if own.moving:
        return "a run is being delivered or has lost trades"
    if trading.settled_day != own.settled_day:
        return f"trading has heard of settlement up to {trading.settled_day or 'no day'}, not yet of {own.settled_day}"
    if trading.registry_position < own.registry_position:
        return f"trading has heard the registry up to {trading.registry_position}, not to {own.registry_position}"
    return ""


def compare(
    trading: TradingBook, holdings: Iterable[Holding], own: OwnBook, clearing_position: int
) -> RecordReconciliation:
    """All books, row by row. `trading` and `own` must be comparable; `holdings` are as of trading.registry_position,
    `own` is as of clearing_position.
    """
    unheard = [entry for entry in own.entries_recent if entry.entry_number > trading.clearing_entry_number]
    obligations = [leg for leg in own.obligations if leg.trading_position <= trading.position]
    rows = [
        *unit_rows(trading, holdings),
        *fund_rows(trading, own.balances, unheard),
        *obligation_rows(trading, obligations),
        *blocked_rows(trading, own),
    ]
    differences = [row for row in rows if row.differs]
    in_flight = in_flight_rows(trading, unheard)
    return RecordReconciliation(
        settled_day=own.settled_day,
        registry_position=trading.registry_position,
        trading_position=trading.position,
        clearing_position=clearing_position,
        clearing_entry_number=trading.clearing_entry_number,
        rows_compared=len(rows),
        differences=tuple(differences[:DIFFERENCES_LISTED_MAX]),
        difference_count=len(differences),
        in_flight=tuple(in_flight[:IN_FLIGHT_LISTED_MAX]),
        in_flight_count=len(in_flight),
        disagreement=name_of(differences),
    )


def name_of(differences: Iterable[Difference]) -> str:
    """What differs, as one name: where, and by how much. Both sides may move on, the difference stays the same one."""
    found = [f"{row.figure:d} {row.account} {row.instrument} {row.by_tonnes} {row.by_fen}" for row in differences]
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else ""


def unit_rows(trading: TradingBook, holdings: Iterable[Holding]) -> list[Difference]:
    held = {(row.account, row.instrument): row.quantity_tonnes for row in holdings}
    expected = {
        (row.account, row.instrument): row.total_tonnes
        - row.bought_unsettled_tonnes
        + row.sold_unsettled_tonnes
        + row.returns_unacknowledged_tonnes
        for row in trading.units
    }
    return rows_of_units(Figure.UNITS, held, expected)


def fund_rows(trading: TradingBook, balances: Mapping[str, int], unheard: Iterable[FundEntry]) -> list[Difference]:
    held = dict(balances)
    for entry in unheard:
        held[entry.account] -= entry.amount_fen
    expected = {
        row.account: row.total_fen
        + row.paid_unsettled_fen
        - row.received_unsettled_fen
        + row.releases_unacknowledged_fen
        for row in trading.funds
    }
    return rows_of_money(Figure.FUNDS, held, expected)


def obligation_rows(trading: TradingBook, obligations: Iterable[ObligationRecorded]) -> list[Difference]:
    bought: Counter[tuple[str, str]] = Counter()
    sold: Counter[tuple[str, str]] = Counter()
    payable: Counter[str] = Counter()
    receivable: Counter[str] = Counter()
    for leg in obligations:
        bought[leg.buyer, leg.instrument] += leg.quantity_tonnes
        sold[leg.seller, leg.instrument] += leg.quantity_tonnes
        payable[leg.buyer] += leg.buyer_pays_fen
        receivable[leg.seller] += leg.seller_receives_fen
    # On most evenings nothing is unsettled: only what is, is compared.
    units, funds = trading.units, trading.funds
    expected_bought = {
        (row.account, row.instrument): tonnes for row in units if (tonnes := row.bought_unsettled_tonnes)
    }
    expected_sold = {(row.account, row.instrument): tonnes for row in units if (tonnes := row.sold_unsettled_tonnes)}
    expected_payable = {row.account: fen for row in funds if (fen := row.paid_unsettled_fen)}
    expected_receivable = {row.account: fen for row in funds if (fen := row.received_unsettled_fen)}
    return [
        *rows_of_units(Figure.BOUGHT, bought, expected_bought),
        *rows_of_units(Figure.SOLD, sold, expected_sold),
        *rows_of_money(Figure.PAYABLE, payable, expected_payable),
        *rows_of_money(Figure.RECEIVABLE, receivable, expected_receivable),
    ]


def blocked_rows(trading: TradingBook, own: OwnBook) -> list[Difference]:
    units: Counter[tuple[str, str]] = Counter()
    for leg in own.excluded:
        units[leg.seller, leg.instrument] += leg.quantity_tonnes
    funds = {account: fen for account, fen in own.blocked.items() if fen}
    expected_units = {(row.account, row.instrument): tonnes for row in trading.units if (tonnes := row.blocked_tonnes)}
    expected_funds = {row.account: fen for row in trading.funds if (fen := row.blocked_fen)}
    return [
        *rows_of_units(Figure.BLOCKED_UNITS, units, expected_units),
        *rows_of_money(Figure.BLOCKED_FUNDS, funds, expected_funds),
    ]


def rows_of_units(
    figure: Figure, held: Mapping[tuple[str, str], int], expected: Mapping[tuple[str, str], int]
) -> list[Difference]:
    """One row for every account and instrument that either side names with an amount other than zero."""
    return [
        Difference(figure, *key, held_tonnes=held_tonnes, expected_tonnes=expected_tonnes)
        for key, held_tonnes, expected_tonnes in side_by_side(held, expected)
    ]


def rows_of_money(figure: Figure, held: Mapping[str, int], expected: Mapping[str, int]) -> list[Difference]:
    """One row for every account that either side names with an amount other than zero."""
    return [
        Difference(figure, account, held_fen=held_fen, expected_fen=expected_fen)
        for account, held_fen, expected_fen in side_by_side(held, expected)
    ]


def side_by_side(held: Mapping[Key, int], expected: Mapping[Key, int]) -> list[tuple[Key, int, int]]:
    rows = ((key, held.get(key, 0), expected.get(key, 0)) for key in sorted(held.keys() | expected.keys()))
    return [row for row in rows if row[1] or row[2]]


def in_flight_rows(trading: TradingBook, unheard: Iterable[FundEntry]) -> list[InFlight]:
    net_fen: Counter[str] = Counter()
    for entry in unheard:
        net_fen[entry.account] += entry.amount_fen
    return [
        *(
            InFlight(kind, row.account, row.instrument, quantity_tonnes=tonnes)
            for row in trading.units
            for kind, tonnes in (
                (InFlightKind.RETURNING, row.returns_unacknowledged_tonnes),
                (InFlightKind.UNSETTLED_BOUGHT, row.bought_unsettled_tonnes),
                (InFlightKind.UNSETTLED_SOLD, row.sold_unsettled_tonnes),
            )
            if tonnes
        ),
        *(
            InFlight(InFlightKind.RELEASING, row.account, amount_fen=row.releases_unacknowledged_fen)
            for row in trading.funds
            if row.releases_unacknowledged_fen
        ),
        *(InFlight(InFlightKind.FUND_ENTRIES, account, amount_fen=fen) for account, fen in net_fen.items()),
    ]


# Decisions


def reconcile_again(state: State, command: ReconcileAgain, context: Context) -> list[object]:
    check_day(command.day)
    if command.day != state.runs.settled_day:
        raise Rejected("DAY_NOT_SETTLED_LAST", day=command.day, settled_day=state.runs.settled_day)
    if state.books.under_way:
        raise Rejected("RECONCILIATION_UNDER_WAY", day=command.day)

    return [ReconciliationOrdered(command.day)]


def record_reconciliation(state: State, command: RecordReconciliation, context: Context) -> list[object]:
    if not state.books.under_way:
        raise Rejected("ANSWER_NOT_AWAITED", day=command.settled_day)

    compared = [day for day in state.books.due if day <= command.settled_day]
    settled_since = [day for day in state.books.due if day > command.settled_day]
    return [
        *(books_reconciled(day, command) for day in compared),
        *(ReconciliationOrdered(day) for day in settled_since[:1]),
    ]


def books_reconciled(day: str, command: RecordReconciliation) -> BooksReconciled:
    return BooksReconciled(
        day=day,
        agreed=command.difference_count == 0,
        registry_position=command.registry_position,
        trading_position=command.trading_position,
        clearing_position=command.clearing_position,
        clearing_entry_number=command.clearing_entry_number,
        rows_compared=command.rows_compared,
        differences=command.differences,
        difference_count=command.difference_count,
        in_flight=command.in_flight,
        in_flight_count=command.in_flight_count,
        disagreement=command.disagreement,
    )


# Changes


def on_reconciliation_ordered(state: State, event: ReconciliationOrdered) -> None:
    assert not state.books.under_way
    state.books.under_way = True
    if event.day not in state.books.due:
        state.books.due.append(event.day)


def on_books_reconciled(state: State, event: BooksReconciled) -> None:
    assert state.books.due[0] == event.day
    state.books.due.remove(event.day)
    state.books.under_way = False
    state.funds.forget_entries(event.clearing_entry_number)


DECIDE: Decide[State] = merged(
    handles(ReconcileAgain, reconcile_again),
    handles(RecordReconciliation, record_reconciliation),
)

EVOLVE: Evolve[State] = merged(
    applies(ReconciliationOrdered, on_reconciliation_ordered),
    applies(BooksReconciled, on_books_reconciled),
)
