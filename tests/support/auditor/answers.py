"""The services' queries against the recomputed books: what queries answer must be what happened."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import grpc.aio

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing_queries
from carbonmarket.clearing.v1 import clearing_types_pb2 as clearing_types
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from support.auditor.audit import Audit
from support.auditor.book import Book
from support.auditor.rules import china_day
from support.auditor.services import Services, every_page

STATEMENTS_MAX = 300
"""So many accounts are asked for a statement; of more, evenly chosen ones."""
SIGNED_FEEDS = "a feed is signed as it follows from the log"
FEEDS_MAX = 300
"""So many feeds of a service are compared with their signed ends; of more, evenly chosen ones."""


class Answers:
    """Asks everything that can be asked of the present state, and of every closed day."""

    def __init__(self, audit: Audit, services: Services) -> None:
        self._audit = audit
        self._services = services
        self._same = audit.findings.same

    async def check(self) -> None:
        await self._status()
        await self.check_feeds()
        await self._registry()
        await self._registry_then()
        await self._trading_positions()
        await self._trading_accounts()
        await self._trading_lists()
        await self._clearing_funds()
        await self._payouts()
        await self._statements()
        await self._clearing_days()

    def _at(self, what: str) -> None:
        self._audit.findings.at = f"query {what}"

    async def _status(self) -> None:
        """The market is at rest: every log is heard to its end and every order is answered."""
        heads = {book.log_id: book.reader.position for book in self._audit.books}
        for book in self._audit.books:
            self._at(f"{book.log_id} GetStatus")
            status = await self._services.ask(book.log_id, log.GetStatusRequest(), log.GetStatusResponse)
            self._same("the market rests while it is audited", "head", status.head_position, book.reader.position)
            self._same("every order is answered", "unanswered", list(status.unanswered_positions), [])
            self._same("nothing heard is set aside", "set aside", len(status.set_aside), 0)
            self._same("nothing heard is set aside", "causes", len(status.set_aside_causes), 0)
            for source in status.sources:
                self._same("hearing goes on", source.log_id, source.halted_because, "")
                self._same("every record is heard", source.log_id, source.heard_position, heads[source.log_id])

    async def check_feeds(self) -> None:
        """Each service signs the end of each account's feed as it follows from the log."""
        for book in self._audit.books:
            accounts = book.feeds.accounts
            for account in accounts[:: len(accounts) // FEEDS_MAX + 1]:
                self._at(f"{book.log_id} GetSignedFeedHead {account}")
                await self._feed(book, account)

    async def _feed(self, book: Book, account: str) -> None:
        """The end is asked for by its sequence: the newest may have been signed up to a second ago. That no entry comes
        after it is seen by reading on.
        """
        end = book.feeds.end(account)
        request = log.GetSignedFeedHeadRequest(account=account, sequence=end.sequence)
        try:
            head = (await self._services.ask(book.log_id, request, log.GetSignedFeedHeadResponse)).head
        except grpc.aio.AioRpcError as error:
            self._audit.findings.say(SIGNED_FEEDS, f"entry {end.sequence}: {error.details()}")
            return
        stated = (head.account, head.sequence, head.digest.hex(), head.position)
        self._same(SIGNED_FEEDS, "end", stated, (account, end.sequence, end.digest.hex(), end.position))
        after = log.ReadFeedRequest(account=account, after_sequence=end.sequence)
        read = await self._services.ask(book.log_id, after, log.ReadFeedResponse)
        self._same(SIGNED_FEEDS, "entries beyond the end", [entry.record.position for entry in read.records], [])

    # Registry

    async def _registry(self) -> None:
        book = self._audit.registry
        at: dict[str, Any] = {"min_position": book.reader.position}
        self._at("registry ListVintages")
        stated: dict[Any, Any] = {}
        async for page in self._pages(
            "registry", registry_queries.ListVintagesRequest, registry_queries.ListVintagesResponse, at
        ):
            for row in page.vintages:
                stated[row.vintage] = (row.issued_tonnes, row.registry_available_tonnes + row.trading_tonnes)
        lines = {vintage: (line.issued_tonnes, line.held_tonnes) for vintage, line in book.vintages.items()}
        self._same("answers are the books", "vintages", stated, lines)
        self._at("registry ListAccounts")
        stated = {}
        async for page in self._pages(
            "registry", registry_queries.ListAccountsRequest, registry_queries.ListAccountsResponse, at
        ):
            for row in page.accounts:
                stated[row.account] = (row.kind, row.state, row.eligible_to_trade)
        states = {
            name: (account.kind, state_of(account.closed, account.restricted), account.eligible_to_trade)
            for name, account in book.accounts.items()
        }
        self._rows("accounts", stated, states)
        await self._holdings()
        self._at("registry ListTradingHoldings")
        stated = {}
        asked = {"as_of_position": book.reader.position}
        kinds = (registry_queries.ListTradingHoldingsRequest, registry_queries.ListTradingHoldingsResponse)
        async for page in self._pages("registry", *kinds, asked):
            stated |= {(row.account, row.vintage): row.quantity_tonnes for row in page.holdings}
        held = {key: holding.trading_tonnes for key, holding in book.holdings.items() if holding.trading_tonnes}
        self._rows("trading holdings", stated, held)

    async def _holdings(self) -> None:
        book = self._audit.registry
        requests = [
            registry_queries.ListHoldingsRequest(account=account, min_position=book.reader.position)
            for account in book.accounts
        ]
        async for request, answer in self._services.each("registry", requests, registry_queries.ListHoldingsResponse):
            account = request.account
            self._at(f"registry ListHoldings {account}")
            stated = {row.vintage: (row.registry_available_tonnes, row.trading_tonnes) for row in answer.holdings}
            held = {
                vintage: (
                    book.holdings[account, vintage].registry_available_tonnes,
                    book.holdings[account, vintage].trading_tonnes,
                )
                for vintage in book.vintages
                if (account, vintage) in book.holdings
            }
            self._rows(account, nonzero(stated), nonzero(held))

    async def _registry_then(self) -> None:
        """The registry's books as of a past position."""
        book, as_of = self._audit.registry, self._audit.registry.remember_at
        if not as_of:
            return
        self._at(f"registry ListTradingHoldings as of {as_of}")
        stated: dict[Any, Any] = {}
        kinds = (registry_queries.ListTradingHoldingsRequest, registry_queries.ListTradingHoldingsResponse)
        async for page in self._pages("registry", *kinds, {"as_of_position": as_of}):
            stated |= {(row.account, row.vintage): row.quantity_tonnes for row in page.holdings}
        held = {key: trading for key, (_, trading) in book.remembered.items() if trading}
        self._rows("trading holdings", stated, held)
        accounts = sorted({account for account, _ in book.remembered})
        for account in accounts[:: len(accounts) // STATEMENTS_MAX + 1]:
            self._at(f"registry GetStatement {account} as of {as_of}")
            request = registry_queries.GetStatementRequest(account=account, as_of_position=as_of)
            answer = await self._services.ask("registry", request, registry_queries.GetStatementResponse)
            told = {row.vintage: (row.registry_available_tonnes, row.trading_tonnes) for row in answer.holdings}
            kept = {vintage: row for (of, vintage), row in book.remembered.items() if of == account}
            self._rows(account, nonzero(told), nonzero(kept))

    # Trading

    async def _trading_positions(self) -> None:
        custody = self._audit.trading.custody
        self._at("trading GetAllPositions")
        request = trading_queries.GetAllPositionsRequest(min_position=self._audit.trading.reader.position)
        answer = await self._services.ask("trading", request, trading_queries.GetAllPositionsResponse)
        units = {
            (row.account, row.instrument): (
                row.total_tonnes,
                row.bought_unsettled_tonnes,
                row.sold_unsettled_tonnes,
                row.returns_unacknowledged_tonnes,
                row.blocked_tonnes,
            )
            for row in answer.units
        }
        made_units = {
            key: (each.total, each.bought_unsettled, each.sold_unsettled, each.returning, each.blocked)
            for key, each in custody.units.items()
        }
        self._rows("units", nonzero(units), nonzero(made_units))
        funds = {
            row.account: (
                row.total_fen,
                row.paid_unsettled_fen,
                row.received_unsettled_fen,
                row.releases_unacknowledged_fen,
                row.blocked_fen,
            )
            for row in answer.funds
        }
        made_funds = {
            account: (each.total, each.paid_unsettled, each.unsettled_proceeds, each.releasing, each.blocked)
            for account, each in custody.funds.items()
        }
        self._rows("funds", nonzero(funds), nonzero(made_funds))
        self._same(
            "answers are the books",
            "last fund entry",
            answer.heard_clearing_entry_number,
            self._audit.clearing.last_ids["entry"],
        )

    async def _trading_accounts(self) -> None:
        custody = self._audit.trading.custody
        requests = [
            trading_queries.GetPositionRequest(account=account, min_position=self._audit.trading.reader.position)
            for account in custody.accounts
        ]
        async for request, answer in self._services.each("trading", requests, trading_queries.GetPositionResponse):
            account = request.account
            self._at(f"trading GetPosition {account}")
            stated = {
                row.instrument: (row.available_tonnes, row.locked_tonnes, row.bought_tonnes, row.blocked_tonnes)
                for row in answer.units
            }
            made = {
                instrument: (each.available, each.locked, each.bought, each.blocked)
                for instrument in self._audit.trading.days.instruments
                if (each := custody.units.get((account, instrument))) is not None
            }
            self._rows(account, nonzero(stated), nonzero(made))
            funds, money = answer.funds, custody.funds_of(account)
            told = (funds.available_fen - funds.owed_fen, funds.locked_fen, funds.blocked_fen, funds.withdrawable_fen)
            withdrawable = max(money.free - money.unsettled_proceeds, 0)
            self._same("answers are the books", account, told, (money.free, money.locked, money.blocked, withdrawable))

    async def _trading_lists(self) -> None:
        book = self._audit.trading
        at = {"min_position": book.reader.position}
        self._at("trading ListOrders")
        stated: dict[Any, Any] = {}
        states = trading_queries.OrderState
        ended: Counter[int] = Counter()
        kinds = (trading_queries.ListOrdersRequest, trading_queries.ListOrdersResponse)
        async for page in self._pages("trading", *kinds, {"page_size": 1_000, **at}):
            for row in page.orders:
                if row.state == states.ORDER_STATE_OPEN:
                    stated[row.order_id] = (row.account, row.price_fen, row.quantity_tonnes - row.filled_tonnes)
                else:
                    ended[row.state] += 1
        ways = book.orders.ended
        meant = {
            states.ORDER_STATE_FILLED: ways["OrderFilled"],
            states.ORDER_STATE_CANCELLED: ways["OrderCancelled"],
            states.ORDER_STATE_EXPIRED: ways["OrderExpired"],
        }
        self._rows("orders ended", ended, {state: count for state, count in meant.items() if count})
        made = {
            order_id: (order.account, order.price_fen, order.remaining_tonnes)
            for order_id, order in book.orders.open.items()
        }
        self._rows("open orders", stated, made)
        await self._trades()
        for day, lines in book.days.bulletins.items():
            self._at(f"trading GetBulletin {day}")
            request = trading_queries.GetBulletinRequest(day=day, **at)
            answer = await self._services.ask("trading", request, trading_queries.GetBulletinResponse)
            told = [
                (line.instrument, line.open_fen, line.high_fen, line.low_fen, line.close_fen) for line in answer.lines
            ]
            priced = [(line.instrument, line.open_fen, line.high_fen, line.low_fen, line.close_fen) for line in lines]
            self._same("answers are the books", day, told, priced)
            self._same("answers are the books", day, answer.trades, sum(line.trades for line in lines))

    async def _trades(self) -> None:
        """Every trade's standing: executed, settled, released, blocked."""
        self._at("trading ListTrades")
        book = self._audit.trading
        states, seen = trading_queries.TradeState, 0
        kinds = (trading_queries.ListTradesRequest, trading_queries.ListTradesResponse)
        asked = {"page_size": 1_000, "min_position": book.reader.position}
        async for page in self._pages("trading", *kinds, asked):
            for row in page.trades:
                seen += 1
                trade = book.trades.get(row.trade_id)
                if row.trade_id in book.blocked_trades:
                    meant = states.TRADE_STATE_BLOCKED
                elif trade is None:
                    meant = states.TRADE_STATE_RELEASED
                else:
                    meant = states.TRADE_STATE_SETTLED if trade.settled else states.TRADE_STATE_EXECUTED
                self._same("answers are the books", f"trade {row.trade_id}", row.state, meant)
        self._same("answers are the books", "number of trades", seen, book.figures["trades"])

    # Clearing

    async def _clearing_funds(self) -> None:
        book = self._audit.clearing
        requests = [
            clearing_queries.GetFundsRequest(account=account, min_position=book.reader.position)
            for account in book.balances
        ]
        async for request, answer in self._services.each("clearing", requests, clearing_queries.GetFundsResponse):
            self._at(f"clearing GetFunds {request.account}")
            self._same("answers are the books", "balance", answer.balance_fen, book.balances[request.account])

    async def _payouts(self) -> None:
        book, states = self._audit.clearing, clearing_types.PayoutState
        self._at("clearing ListPayouts")
        stated: dict[Any, Any] = {}
        closed: Counter[str] = Counter()
        kinds = (clearing_queries.ListPayoutsRequest, clearing_queries.ListPayoutsResponse)
        async for page in self._pages("clearing", *kinds, {"min_position": book.reader.position}):
            for row in page.payouts:
                if row.state in (states.PAYOUT_STATE_REQUESTED, states.PAYOUT_STATE_INSTRUCTED):
                    stated[row.payout_id] = (row.account, row.amount_fen, row.bank)
                else:
                    closed[states.Name(row.state)] += 1
        made = {payout_id: (each.account, each.amount_fen, each.bank) for payout_id, each in book.payouts.items()}
        self._rows("open payouts", stated, made)
        self._rows("payouts closed", closed, book.closed_payouts)

    async def _statements(self) -> None:
        """On the day settled last, as long as it is that day: the closing cash of a statement is the balance."""
        book = self._audit.clearing
        day = book.runs.completed_day
        if day != china_day(book.reader.now_ms):
            return
        accounts = sorted(book.balances)
        for account in accounts[:: len(accounts) // STATEMENTS_MAX + 1]:
            self._at(f"clearing GetStatement {account} {day}")
            request = clearing_queries.GetStatementRequest(account=account, day=day, min_position=book.reader.position)
            answer = await self._services.ask("clearing", request, clearing_queries.GetStatementResponse)
            moved = answer.deposits_fen - answer.payouts_fen - answer.bought_fen + answer.sold_fen - answer.fees_fen
            self._same("answers are the books", "closing cash", answer.closing_fen, book.balances[account])
            self._same("a statement adds up", account, answer.closing_fen, answer.opening_fen + moved)
            positions = (answer.registry_position_before, answer.registry_position)
            self._same("answers are the books", "registry positions", positions, self._agreed_up_to(day))
            blocked = {line.instrument: line.blocked_tonnes for line in answer.instruments if line.blocked_tonnes}
            excluded = [each for of_day in book.runs.excluded.values() for each in of_day.values()]
            sold: Counter[str] = Counter()
            for each in excluded:
                if each.seller == account:
                    sold[each.instrument] += each.quantity_tonnes
            stays = book.blocked[account]
            self._same("answers are the books", "blocked", (answer.blocked_fen, blocked), (stays, dict(sold)))

    def _agreed_up_to(self, day: str) -> tuple[int, int]:
        """Where the registry's log was when the books first agreed: of the last day before, and of the day."""
        first: dict[str, int] = {}
        for event in self._audit.clearing.reconciliations:
            if event.agreed:
                first.setdefault(event.day, event.registry_position)
        earlier = [agreed for agreed in first if agreed < day]
        return first[max(earlier)] if earlier else 0, first.get(day, 0)

    async def _clearing_days(self) -> None:
        book = self._audit.clearing
        at = {"min_position": book.reader.position}
        self._at("clearing ListRuns, open only")
        kinds = (clearing_queries.ListRunsRequest, clearing_queries.ListRunsResponse)
        stated = [
            row.run_id async for page in self._pages("clearing", *kinds, {"open_only": True, **at}) for row in page.runs
        ]
        self._same("answers are the books", "open runs", sorted(stated), sorted(book.runs.open))
        self._at("clearing ListReconciliations")
        told = [
            (row.day, row.agreed, row.clearing_position, row.clearing_entry_number)
            async for page in self._pages(
                "clearing",
                clearing_queries.ListReconciliationsRequest,
                clearing_queries.ListReconciliationsResponse,
                at,
            )
            for row in page.reconciliations
        ]
        meant = [
            (event.day, event.agreed, event.clearing_position, event.clearing_entry_number)
            for event in reversed(book.reconciliations)
        ]
        self._same("answers are the books", "reconciliations", told, meant)

    # What the methods above are made of

    def _pages(self, service: str, request: Callable[..., Any], answer: Any, fields: dict[str, Any]) -> Any:
        return every_page(lambda token: self._services.ask(service, request(page_token=token, **fields), answer))

    def _rows(self, what: str, stated: Mapping[Any, Any], made: Mapping[Any, Any]) -> None:
        """Row by row, so that a finding names the row."""
        for key in sorted(stated.keys() | made.keys()):
            self._same("answers are the books", f"{what} {key}", stated.get(key), made.get(key))


def state_of(closed: bool, restricted: bool) -> int:
    if closed:
        return registry_types.ACCOUNT_STATE_CLOSED
    return registry_types.ACCOUNT_STATE_RESTRICTED if restricted else registry_types.ACCOUNT_STATE_OPEN


def nonzero(rows: Mapping[Any, tuple[int, ...]]) -> dict[Any, tuple[int, ...]]:
    return {key: row for key, row in rows.items() if any(row)}
