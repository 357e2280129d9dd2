"""The three books side by side: taken record by record, then compared with each other at the end.

Memory is bounded by what is open (accounts, orders, unsettled trades, statements on their way) and by the days, not
by the length of the logs: records are read in the order of their time, so that counterparts meet early.
"""

from collections.abc import AsyncIterator, Mapping

from carbonmarket.log.v1.log_service_pb2 import Record
from support.auditor.book import Book
from support.auditor.clearing_book import ClearingBook
from support.auditor.commitments import Commitments
from support.auditor.findings import Findings
from support.auditor.pairs import Pairs
from support.auditor.registry_book import RegistryBook
from support.auditor.trading_book import TradingBook


class Audit:
    """One audit of a market at rest: nothing on its way between services, no command being entered."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.pairs = Pairs(self.findings)
        self.commitments = Commitments(self.findings)
        self.registry = RegistryBook(self.findings, self.pairs, self.commitments)
        self.trading = TradingBook(self.findings, self.pairs, self.commitments)
        self.clearing = ClearingBook(self.findings, self.pairs, self.commitments)

    @property
    def books(self) -> tuple[Book, ...]:
        return self.registry, self.trading, self.clearing

    def take(self, log_id: str, record: Record) -> None:
        next(book for book in self.books if book.log_id == log_id).take(record)
        self.commitments.check(*self._positions)

    @property
    def _positions(self) -> tuple[int, int]:
        return self.registry.reader.position, self.trading.reader.position

    def conclude(self) -> None:
        """What can be said only when every record is read."""
        for book in self.books:
            book.reader.conclude()
        self.registry.conclude()
        self.trading.conclude()
        self.clearing.conclude()
        self.commitments.conclude(*self._positions)
        self._compare_units()
        self._compare_funds()
        self._compare_blocked()
        self._compare_trades()
        self.pairs.conclude()

    def _compare_units(self) -> None:
        self.findings.at = "registry and trading, at the end"
        held = {
            key: holding.trading_tonnes for key, holding in self.registry.holdings.items() if holding.trading_tonnes
        }
        viewed = {key: units.in_registry for key, units in self.trading.custody.units.items() if units.in_registry}
        for key in sorted(held.keys() | viewed.keys()):
            self.findings.same(
                "trading's view = the registry's holding", f"{key}", viewed.get(key, 0), held.get(key, 0)
            )

    def _compare_funds(self) -> None:
        self.findings.at = "clearing and trading, at the end"
        viewed = {account: funds.in_clearing for account, funds in self.trading.custody.funds.items()}
        for account in sorted(self.clearing.balances.keys() | viewed.keys()):
            stated, recomputed = viewed.get(account, 0), self.clearing.balances.get(account, 0)
            self.findings.same("trading's view = clearing's balance", account, stated, recomputed)

    def _compare_blocked(self) -> None:
        self.findings.at = "clearing and trading, at the end"
        for account, funds in self.trading.custody.funds.items():
            self.findings.same("both block the same money", account, funds.blocked, self.clearing.blocked[account])

    def _compare_trades(self) -> None:
        """A trade that is neither settled nor taken out is of a day whose run is still to be completed."""
        open_in_clearing = {trade_id for day in self.clearing.runs.obligations.values() for trade_id in day}
        open_in_trading = {trade_id for trade_id, trade in self.trading.trades.items() if not trade.settled}
        self.findings.at = "clearing and trading, at the end"
        for trade_id in sorted(open_in_clearing ^ open_in_trading):
            self.findings.say("no trade is lost", f"trade {trade_id} is unsettled on one side only")
        late = [
            trade
            for trade in self.trading.trades.values()
            if trade.day <= self.clearing.runs.completed_day and not trade.settled
        ]
        if late:
            self.findings.say("a completed day has no trade left", f"{len(late)} trades, first {late[0]}")

    def figures(self) -> dict[str, int]:
        """What the operator asks of a year."""
        traded, cleared = self.trading.figures, self.clearing.figures
        return {
            "days": traded["days"],
            "days_settled": self.clearing.days_completed,
            "accounts": len(self.trading.custody.accounts),
            "trades": traded["trades"],
            "listed_tonnes": traded["listed_tonnes"],
            "block_tonnes": traded["block_tonnes"],
            "value_fen": traded["value_fen"],
            "cleared_two_sided_fen": 2 * cleared["value_fen"],
            "trades_settled": cleared["settled"],
            "trades_excluded": cleared["excluded"],
            "events": sum(book.events for book in self.books),
        }


async def take_all(audit: Audit, logs: Mapping[str, AsyncIterator[Record]]) -> None:
    """Reads every log to its end, always the one whose next record is the earliest."""
    waiting: dict[str, Record] = {}
    for log_id, records in logs.items():
        record = await anext(records, None)
        if record is not None:
            waiting[log_id] = record
    while waiting:
        log_id = min(waiting, key=lambda each: waiting[each].recorded_ms)
        audit.take(log_id, waiting[log_id])
        record = await anext(logs[log_id], None)
        if record is None:
            del waiting[log_id]
        else:
            waiting[log_id] = record
