"""The three books stated and compared row by row: what clearing finds by its commitments must be the same.

`Others` answers for trading and the registry as they would with these rows. `compare` runs clearing's comparison
against them and holds its result against the one made row by row.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from chassis.core.sum_tree import Key, Quantities, SumTree
from chassis.followers.caller import Outgoing
from chassis.log.writer import Read
from chassis.serving.trees import KeptTrees, parts
from clearing import calls
from clearing.domain.balances import MONEY, FundEntry
from clearing.domain.books import Difference, Figure, InFlight, InFlightKind, OwnBook, TradingStatement, own_book
from clearing.domain.reconciliation import (
    CUSTODY,
    DIFFERENCES_COUNTED_MAX,
    DIFFERENCES_LISTED_MAX,
    ReconciliationOrdered,
    RecordReconciliation,
    name_of,
)
from clearing.domain.state import State
from clearing.domain.trades import ObligationRecorded
from clearing.domain.units_due import UNITS_DUE

KeyOf = TypeVar("KeyOf", str, tuple[str, str])
"""An account, or an account and an instrument."""


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

    @property
    def custody_tonnes(self) -> int:
        return (
            self.total_tonnes
            - self.bought_unsettled_tonnes
            + self.sold_unsettled_tonnes
            + self.returns_unacknowledged_tonnes
        )


@dataclass(frozen=True, slots=True)
class FundPosition:
    """Trading's view of an account's money."""

    account: str
    total_fen: int
    paid_unsettled_fen: int
    received_unsettled_fen: int
    releases_unacknowledged_fen: int
    blocked_fen: int

    @property
    def balance_fen(self) -> int:
        return self.total_fen + self.paid_unsettled_fen - self.received_unsettled_fen + self.releases_unacknowledged_fen


@dataclass(frozen=True, slots=True)
class StatedBook:
    """All of trading's view at one position, and how far trading had heard the others by then."""

    position: int
    registry_position: int
    clearing_entry_number: int
    settled_day: str
    units: tuple[UnitPosition, ...] = ()
    funds: tuple[FundPosition, ...] = ()

    @property
    def can_be_committed_to(self) -> bool:
        """No leaf is negative."""
        return all(min(row.custody_tonnes, row.blocked_tonnes) >= 0 for row in self.units) and all(
            row.balance_fen >= 0 for row in self.funds
        )


@dataclass(frozen=True, slots=True)
class HeldUnits:
    """What the registry holds in trading's custody for an account."""

    account: str
    instrument: str
    quantity_tonnes: int


# The other two services, as they would answer


def tree_of_custody(quantities: Mapping[Key, Quantities]) -> SumTree:
    return SumTree(CUSTODY).changed(quantities)


@dataclass
class Others:
    """Trading and the registry: `answer` takes the requests of both."""

    trading: StatedBook
    holdings: Sequence[HeldUnits]
    asked: list[Any] = field(default_factory=list)
    of_trading: KeptTrees = field(default_factory=KeptTrees)
    of_registry: KeptTrees = field(default_factory=KeptTrees)

    @property
    def answers(self) -> dict[str, Callable[[Any], Message]]:
        """By rpc: both services have the same two."""
        return {"GetCommitments": self.roots, "GetTreeParts": self.parts}

    def roots(self, request: Any) -> Message:
        self.asked.append(request)
        if isinstance(request, registry_queries.GetCommitmentsRequest):
            held: dict[Key, Quantities] = {
                (row.account, row.instrument): (row.quantity_tonnes,) for row in self.holdings
            }
            position = request.as_of_position
            trees = self.of_registry.keep(position, [tree_of_custody(held)])
            return registry_queries.GetCommitmentsResponse(trees=trees, position=position)
        return self._trading_roots()

    def _trading_roots(self) -> trading_queries.GetCommitmentsResponse:
        book = self.trading
        units = {(row.account, row.instrument): row for row in book.units}
        trees = [
            tree_of_custody({key: (row.custody_tonnes,) for key, row in units.items()}),
            SumTree(UNITS_DUE).changed(
                {
                    key: (row.bought_unsettled_tonnes, row.sold_unsettled_tonnes, row.blocked_tonnes)
                    for key, row in units.items()
                }
            ),
            SumTree(MONEY).changed(
                {
                    (row.account,): (
                        row.balance_fen,
                        row.paid_unsettled_fen,
                        row.received_unsettled_fen,
                        row.blocked_fen,
                    )
                    for row in book.funds
                }
            ),
        ]
        returning = [(key, row.returns_unacknowledged_tonnes) for key, row in units.items()]
        releasing = [(row.account, row.releases_unacknowledged_fen) for row in book.funds]
        return trading_queries.GetCommitmentsResponse(
            trees=self.of_trading.keep(book.position, trees),
            position=book.position,
            heard_registry_position=book.registry_position,
            heard_clearing_entry_number=book.clearing_entry_number,
            settled_day=book.settled_day,
            returning=[
                trading_queries.UnitsReturning(account=key[0], instrument=key[1], quantity_tonnes=tonnes)
                for key, tonnes in returning
                if tonnes
            ],
            returning_count=sum(tonnes > 0 for _, tonnes in returning),
            releasing=[
                trading_queries.MoneyReleasing(account=account, amount_fen=fen) for account, fen in releasing if fen
            ],
            releasing_count=sum(fen > 0 for _, fen in releasing),
        )

    def parts(self, request: Any) -> Message:
        self.asked.append(request)
        kind: Any = trading_queries
        kept = self.of_trading
        if isinstance(request, registry_queries.GetTreePartsRequest):
            kind, kept = registry_queries, self.of_registry
        found = parts(kept, request.position, request.tree, request.places)
        answer: Message = kind.GetTreePartsResponse(kept=found is not None, places=found)
        return answer


@dataclass
class Asking:
    """An order on its way, as calls.py sees it."""

    state: State
    others: Others
    position: int

    async def unary(self, service: str, rpc: str, request: Message, response: type[Message]) -> Message:
        assert rpc.startswith(f"carbonmarket.{service}.v1.")
        answer = self.others.answers[rpc.rpartition("/")[2]](request)
        assert isinstance(answer, response)
        return answer

    async def read(self, look: Callable[[State], Any]) -> Read[Any]:
        return Read(look(self.state), self.position, {})

    async def until_heard(self, source: str, position: int) -> None:
        pass


def compare(
    trading: StatedBook, holdings: Sequence[HeldUnits], state: State, clearing_position: int
) -> RecordReconciliation:
    """What clearing finds. Raises NotYet where the books cannot be compared."""
    asking = Asking(state, Others(trading, holdings), clearing_position)
    order = ReconciliationOrdered(trading.settled_day)
    found = asyncio.run(calls.reconcile(order, cast(Outgoing, asking)))
    differences, in_flight = row_by_row(trading, holdings, state)
    assert found.differences == tuple(differences[:DIFFERENCES_LISTED_MAX])
    assert found.difference_count == len(differences) < DIFFERENCES_COUNTED_MAX
    assert found.disagreement == name_of(differences, found.trees)
    assert found.in_flight_count == len(in_flight)
    assert set(found.in_flight) <= set(in_flight)
    assert all((tree.held_root == tree.expected_root) <= (tree.held_sums == tree.expected_sums) for tree in found.trees)
    return found


def own_now(state: State, trading: StatedBook) -> OwnBook:
    """Clearing's side of a comparison."""
    while True:
        own = own_book(state, trading.position, trading.clearing_entry_number)
        if own is not None:
            return own


def statement_of(trading: StatedBook) -> TradingStatement:
    """Without its trees."""
    return TradingStatement(
        trading.position, trading.registry_position, trading.clearing_entry_number, trading.settled_day, {}
    )


# Row by row


def row_by_row(
    trading: StatedBook, holdings: Iterable[HeldUnits], state: State
) -> tuple[list[Difference], list[InFlight]]:
    unheard = [entry for entry in state.funds.entries_recent if entry.entry_number > trading.clearing_entry_number]
    obligations = [leg for leg in state.obligations.unsettled.values() if leg.trading_position <= trading.position]
    balances = {account: money.balance_fen for account, money in state.funds.accounts.items()}
    rows = [
        *unit_rows(trading, holdings),
        *fund_rows(trading, balances, unheard),
        *obligation_rows(trading, obligations),
        *blocked_rows(trading, state),
    ]
    return [row for row in rows if row.differs], in_flight_rows(trading, obligations, unheard)


def unit_rows(trading: StatedBook, holdings: Iterable[HeldUnits]) -> list[Difference]:
    held = {(row.account, row.instrument): row.quantity_tonnes for row in holdings}
    expected = {
        (row.account, row.instrument): row.total_tonnes
        - row.bought_unsettled_tonnes
        + row.sold_unsettled_tonnes
        + row.returns_unacknowledged_tonnes
        for row in trading.units
    }
    return rows_of_units(Figure.UNITS, held, expected)


def fund_rows(trading: StatedBook, balances: Mapping[str, int], unheard: Iterable[FundEntry]) -> list[Difference]:
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


def obligation_rows(trading: StatedBook, obligations: Iterable[ObligationRecorded]) -> list[Difference]:
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


def blocked_rows(trading: StatedBook, state: State) -> list[Difference]:
    units: Counter[tuple[str, str]] = Counter()
    for leg in state.obligations.excluded.values():
        units[leg.seller, leg.instrument] += leg.quantity_tonnes
    funds = {
        account: fen
        for account, fen in ((name, money.blocked_fen) for name, money in state.funds.accounts.items())
        if fen
    }
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


def side_by_side(held: Mapping[KeyOf, int], expected: Mapping[KeyOf, int]) -> list[tuple[KeyOf, int, int]]:
    rows = ((key, held.get(key, 0), expected.get(key, 0)) for key in sorted(held.keys() | expected.keys()))
    return [row for row in rows if row[1] or row[2]]


def in_flight_rows(
    trading: StatedBook, obligations: Iterable[ObligationRecorded], unheard: Iterable[FundEntry]
) -> list[InFlight]:
    net_fen: Counter[str] = Counter()
    for entry in unheard:
        net_fen[entry.account] += entry.amount_fen
    bought: Counter[tuple[str, str]] = Counter()
    sold: Counter[tuple[str, str]] = Counter()
    for leg in obligations:
        bought[leg.buyer, leg.instrument] += leg.quantity_tonnes
        sold[leg.seller, leg.instrument] += leg.quantity_tonnes
    return [
        *(
            InFlight(InFlightKind.RETURNING, row.account, row.instrument, row.returns_unacknowledged_tonnes)
            for row in trading.units
            if row.returns_unacknowledged_tonnes
        ),
        *(InFlight(InFlightKind.UNSETTLED_BOUGHT, *key, quantity_tonnes=tonnes) for key, tonnes in bought.items()),
        *(InFlight(InFlightKind.UNSETTLED_SOLD, *key, quantity_tonnes=tonnes) for key, tonnes in sold.items()),
        *(
            InFlight(InFlightKind.RELEASING, row.account, amount_fen=row.releases_unacknowledged_fen)
            for row in trading.funds
            if row.releases_unacknowledged_fen
        ),
        *(InFlight(InFlightKind.FUND_ENTRIES, account, amount_fen=fen) for account, fen in net_fen.items()),
    ]
