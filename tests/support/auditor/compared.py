"""Clearing's side of a reconciliation, summed up as of the position of its log that the reconciliation states.

What may still be asked of a past position is kept until the next reconciliation, so that memory stays bounded.
"""

from collections import Counter

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from support.auditor.findings import Findings

KINDS_OF_SIDES = (types.IN_FLIGHT_KIND_UNSETTLED_BOUGHT, types.IN_FLIGHT_KIND_UNSETTLED_SOLD)
"""Of a trade that is not settled: the buyer's, the seller's."""

Row = tuple[int, str, str, str]
"""Kind of what is in flight, account, instrument, unit."""


class Compared:
    """What clearing's balances and obligations were at any position since the last reconciliation."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._entries: list[tuple[int, int, str, int]] = []
        self._unsettled: dict[int, pb.ObligationRecorded] = {}
        self._ended: list[tuple[int, pb.ObligationRecorded]] = []
        self._completed: dict[str, int] = {}

    def enter(self, position: int, entry: int, account: str, change_fen: int) -> None:
        self._entries.append((position, entry, account, change_fen))

    def record(self, event: pb.ObligationRecorded) -> None:
        self._unsettled[event.trade_id] = event

    def end(self, position: int, trade_id: int) -> None:
        """The trade is settled or excluded."""
        obligation = self._unsettled.pop(trade_id, None)
        if obligation is not None:
            self._ended.append((position, obligation))

    def complete(self, position: int, day: str) -> None:
        self._completed[day] = position

    def check(self, event: pb.BooksReconciled, position: int) -> None:
        at = event.clearing_position
        if not self._completed.get(event.day, position) <= at < position:
            self._findings.say("books are compared after the day, at a past position", f"{event.day}: clearing at {at}")
        if event.in_flight_count == len(event.in_flight):
            kinds = (types.IN_FLIGHT_KIND_FUND_ENTRIES, *KINDS_OF_SIDES)
            stated = {
                (row.kind, row.account, row.instrument, unit): amount
                for row in event.in_flight
                for unit, amount in (("t", row.quantity_tonnes), ("fen", row.amount_fen))
                if amount
            }
            self._findings.same(
                "clearing's side is its log's at the stated position",
                f"{event.day}, at {at}",
                {row: amount for row, amount in stated.items() if row[0] in kinds},
                dict(self._in_flight(event)),
            )
        self._entries = [kept for kept in self._entries if kept[1] > event.clearing_entry_number]
        self._ended = [kept for kept in self._ended if kept[0] > at]

    def _in_flight(self, event: pb.BooksReconciled) -> Counter[Row]:
        """Entries that trading had not heard of, and trades that were not settled."""
        at, rows = event.clearing_position, Counter[Row]()
        for position, entry, account, change_fen in self._entries:
            if entry > event.clearing_entry_number and position <= at:
                rows[types.IN_FLIGHT_KIND_FUND_ENTRIES, account, "", "fen"] += change_fen
        ended_since = (obligation for position, obligation in self._ended if position > at)
        for obligation in (*self._unsettled.values(), *ended_since):
            if obligation.trading_position <= event.trading_position:
                sides = zip(KINDS_OF_SIDES, (obligation.buyer, obligation.seller), strict=True)
                for kind, account in sides:
                    rows[kind, account, obligation.instrument, "t"] += obligation.quantity_tonnes
        return rows
