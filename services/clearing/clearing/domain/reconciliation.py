"""Reconciliation: after each settled day the three books must agree, at stated positions (decisions 0007 and 0023).

Each service keeps sum trees of its books, and equal roots mean equal books. Trading states the roots of its view at one
position of its log, and how far it had then heard the other two. The registry states the root of what was in trading's
custody at the position that trading had heard; clearing looks at its own trees at one position of its log and takes out
of them what trading had not heard of. Amounts on their way between two books are known and listed as in flight. Where
two roots differ, both trees are descended to the leaves that differ: these are the differences.

Differences are counted up to a bound, so that a record is made in bounded time however much differs. A count that
reaches it says "at least so many"; not all were looked at then, and the disagreement's name covers the roots as well.

One comparison is in progress at a time. Its answer is valid for every day that was settled by then; days settled since
are compared by the next one.

Compared, per account (and instrument), with trading's figures as if every trade made so far settles:
- custody:   registry's trading holding = total - bought unsettled + sold unsettled + returns unacknowledged
- units_due: clearing's obligations that are not settled, bought and sold = trading's trades that are not;
             what excluded trades block = what trading keeps blocked
- money:     clearing's balance = total + paid unsettled - received unsettled + releases unacknowledged;
             payable, receivable and blocked likewise

Excluded trades are in no other figure: trading counts them as if they had not been made. Because both services block
the same amounts, clearing can pay out whatever trading releases.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Evolve, Rejected, applies, handles, merged
from chassis.core.shapes import CODE, NAME, check_day
from chassis.core.sum_tree import Form, Key, Quantities, Root
from clearing.domain.balances import MONEY
from clearing.domain.books import (
    Difference,
    Figure,
    InFlight,
    InFlightKind,
    OwnBook,
    TradingStatement,
)
from clearing.domain.state import State
from clearing.domain.units_due import UNITS_DUE

DIFFERENCES_LISTED_MAX = 200
DIFFERENCES_COUNTED_MAX = 5_000
"""Of all trees; of each, as many leaves are looked for. Of so many leaves a tree, a record takes about 130 ms."""
IN_FLIGHT_LISTED_MAX = 200

CUSTODY = Form("custody", 1, ("custody_tonnes",))
"""By account and instrument: the tree of which the registry has one and trading the other."""
FIGURES = {
    CUSTODY: (Figure.UNITS,),
    UNITS_DUE: (Figure.BOUGHT, Figure.SOLD, Figure.BLOCKED_UNITS),
    MONEY: (Figure.FUNDS, Figure.PAYABLE, Figure.RECEIVABLE, Figure.BLOCKED_FUNDS),
}
"""What the states of each tree's form are, in their order."""
KEYS = {CUSTODY: (NAME, CODE), UNITS_DUE: (NAME, CODE), MONEY: (NAME,)}
"""What the keys of each tree are made of: an account, or an account and an instrument."""


@dataclass(frozen=True, slots=True)
class ComparedTree:
    """Both sides of a tree: the registry's or clearing's, and what it should be by trading's view. Roots are in
    hexadecimal.
    """

    tree: str
    held_root: str
    held_leaves: int
    held_sums: tuple[int, ...]
    expected_root: str
    expected_leaves: int
    expected_sums: tuple[int, ...]


Differing = Mapping[Key, tuple[Quantities, Quantities]]
"""The leaves that two trees do not have in common, no more than DIFFERENCES_COUNTED_MAX: held and expected, by key."""


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
    trees: tuple[ComparedTree, ...] = ()


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
    trees: tuple[ComparedTree, ...] = ()


# The comparison


class Unsettled:
    """What is bought and sold in trades that are not settled, leaf by leaf: the first of it, and how much there is."""

    def __init__(self) -> None:
        self.listed: list[InFlight] = []
        self.count = 0

    def add(self, key: Key, quantities: Quantities) -> None:
        account, instrument = key
        bought_tonnes, sold_tonnes, _ = quantities
        for kind, tonnes in (
            (InFlightKind.UNSETTLED_BOUGHT, bought_tonnes),
            (InFlightKind.UNSETTLED_SOLD, sold_tonnes),
        ):
            if tonnes:
                self.count += 1
                if len(self.listed) < IN_FLIGHT_LISTED_MAX:
                    self.listed.append(InFlight(kind, account, instrument, quantity_tonnes=tonnes))


def not_comparable_because(trading: TradingStatement, own: OwnBook) -> str:
    """Why the books cannot be compared yet, in words; empty when they can."""
    if own.moving:
        return "a run is being delivered or has lost trades"
    if trading.settled_day != own.settled_day:
        return f"trading has heard of settlement up to {trading.settled_day or 'no day'}, not yet of {own.settled_day}"
    if trading.registry_position < own.registry_position:
        return f"trading has heard the registry up to {trading.registry_position}, not to {own.registry_position}"
    return ""


def compared(
    trading: TradingStatement,
    own: OwnBook,
    clearing_position: int,
    held: Mapping[Form, Root],
    differing: Mapping[Form, Differing],
    unsettled: Unsettled,
) -> RecordReconciliation:
    """The result, by tree. `trading` and `own` are comparable; `held` and `differing` are as of what trading had heard,
    `own` is as of clearing_position.
    """
    differences = sorted(
        (row for form, leaves in differing.items() for row in differences_of(form, leaves)),
        key=lambda row: (row.figure, row.account, row.instrument),
    )
    net_fen: Counter[str] = Counter()
    for entry in own.unheard:
        net_fen[entry.account] += entry.amount_fen
    unheard = [InFlight(InFlightKind.FUND_ENTRIES, account, amount_fen=fen) for account, fen in net_fen.items()]
    in_flight = sorted(
        (*trading.returning, *trading.releasing, *unsettled.listed, *unheard),
        key=lambda row: (row.kind, row.account, row.instrument),
    )
    in_flight_count = trading.returning_count + unsettled.count + trading.releasing_count + len(unheard)
    trees = [compared_tree(form, held[form], trading.roots[form]) for form in FIGURES]
    return RecordReconciliation(
        settled_day=own.settled_day,
        registry_position=trading.registry_position,
        trading_position=trading.position,
        clearing_position=clearing_position,
        clearing_entry_number=trading.clearing_entry_number,
        rows_compared=sum(max(tree.held_leaves, tree.expected_leaves) for tree in trees),
        differences=tuple(differences[:DIFFERENCES_LISTED_MAX]),
        difference_count=min(len(differences), DIFFERENCES_COUNTED_MAX),
        in_flight=tuple(in_flight[:IN_FLIGHT_LISTED_MAX]),
        in_flight_count=in_flight_count,
        disagreement=name_of(differences, trees),
        trees=tuple(trees),
    )


def compared_tree(form: Form, held: Root, expected: Root) -> ComparedTree:
    return ComparedTree(
        tree=str(form),
        held_root=held.digest.hex(),
        held_leaves=held.leaves,
        held_sums=held.sums,
        expected_root=expected.digest.hex(),
        expected_leaves=expected.leaves,
        expected_sums=expected.sums,
    )


def is_key(form: Form, key: Key) -> bool:
    """Whether there can be such an account, or account and instrument."""
    shapes = KEYS[form]
    return len(key) == len(shapes) and all(shape.form.fullmatch(part) for shape, part in zip(shapes, key, strict=True))


def with_below_zero(differing: Differing, below_zero: Mapping[Key, Quantities]) -> Differing:
    """The same with what is less than nothing at our side: in the tree that was compared it was nothing, so trading's
    side has nothing there either, if all leaves were looked at and this one does not differ.
    """
    found = dict(differing)
    all_found = len(differing) < DIFFERENCES_COUNTED_MAX
    for key, quantities in below_zero.items():
        if key in found or all_found:
            _, expected = found.get(key, ((), tuple([max(amount, 0) for amount in quantities])))
            found[key] = (quantities, expected)
    return found


def differences_of(form: Form, leaves: Differing) -> list[Difference]:
    """One for each state of a leaf that differs."""
    return [
        difference(figure, key, held, expected)
        for key, both in leaves.items()
        for figure, held, expected in zip(FIGURES[form], *both, strict=True)
        if held != expected
    ]


def difference(figure: Figure, key: Key, held: int, expected: int) -> Difference:
    if len(key) == 1:
        return Difference(figure, key[0], held_fen=held, expected_fen=expected)
    account, instrument = key
    return Difference(figure, account, instrument, held_tonnes=held, expected_tonnes=expected)


def name_of(differences: Sequence[Difference], trees: Iterable[ComparedTree]) -> str:
    """What differs, as one name: where, and by how much. Both sides may move on, the difference stays the same one.
    Where there may be more than was looked at, it stays the same one only while both sides stay what they are: so
    nobody who overrides an opening for this disagreement covers one that comes later.
    """
    found = [f"{row.figure:d} {row.account} {row.instrument} {row.by_tonnes} {row.by_fen}" for row in differences]
    if len(differences) >= DIFFERENCES_COUNTED_MAX:
        found += [f"{tree.tree} {tree.held_root} {tree.expected_root}" for tree in trees]
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else ""


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

    days = [day for day in state.books.due if day <= command.settled_day]
    settled_since = [day for day in state.books.due if day > command.settled_day]
    return [
        *(books_reconciled(day, command) for day in days),
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
        trees=command.trees,
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
