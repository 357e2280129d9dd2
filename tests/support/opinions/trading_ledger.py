"""A second opinion on trading, from its events alone: who has what, what may be sold, and what a day's prices are.

Written from the rulebook, the slow way; it shares no code with the service's domain and reads its events as plain
values.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from support.opinions.naive_book import NaiveBook

LISTED = 1
BUY = 1


@dataclass
class Holding:
    """Units of one account and instrument: from custody and earlier days, and what each day's purchases brought."""

    sellable: int = 0
    locked: int = 0
    bought_on: dict[int, tuple[str, int]] = field(default_factory=dict)
    blocked: int = 0


@dataclass
class Ledger:
    """Feed it every event in order; it raises AssertionError at the first that breaks a rule."""

    holdings: dict[tuple[str, str], Holding] = field(default_factory=lambda: defaultdict(Holding))
    given_units: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    given_fen: int = 0
    fees_fen: int = 0
    books: dict[str, NaiveBook] = field(default_factory=lambda: defaultdict(NaiveBook))
    orders: dict[int, Any] = field(default_factory=dict)
    blocks: dict[int, tuple[str, str, str, int]] = field(default_factory=dict)
    trades: dict[int, Any] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    released: set[int] = field(default_factory=set)
    day: str = ""
    limits: dict[str, Any] = field(default_factory=dict)
    day_trades: list[Any] = field(default_factory=list)

    def note(self, event: Any) -> None:
        handle = getattr(self, f"on_{type(event).__name__}", None)
        if handle is not None:
            handle(event)
        for holding in self.holdings.values():
            assert holding.sellable >= 0, event
            assert holding.locked >= 0, event

    def units_of(self, instrument: str) -> int:
        """All units of an instrument, in every state."""
        return sum(
            one.sellable + one.locked + one.blocked + sum(tonnes for _, tonnes in one.bought_on.values())
            for (_, held), one in self.holdings.items()
            if held == instrument
        )

    # Custody

    def on_AllowancesCredited(self, event: Any) -> None:
        self.holdings[event.account, event.instrument].sellable += event.quantity_tonnes
        self.given_units[event.instrument] += event.quantity_tonnes

    def on_AllowancesReturned(self, event: Any) -> None:
        self.holdings[event.account, event.instrument].sellable -= event.quantity_tonnes
        self.given_units[event.instrument] -= event.quantity_tonnes

    def on_FundsCredited(self, event: Any) -> None:
        self.given_fen += event.amount_fen

    def on_FundsReleased(self, event: Any) -> None:
        self.given_fen -= event.amount_fen

    # Listings

    def on_OrderPlaced(self, event: Any) -> None:
        limits = self.limits[event.instrument]
        assert limits.listed_low_fen <= event.price_fen <= limits.listed_high_fen
        assert 1 <= event.quantity_tonnes < 100_000
        self.orders[event.order_id] = event
        self.books[event.instrument].post(event.order_id, event.side == BUY, event.price_fen, event.quantity_tonnes)
        if event.side != BUY:
            self.lock(event.account, event.instrument, event.quantity_tonnes)

    def on_OrderFilled(self, event: Any) -> None:
        self.end_order(event.order_id)

    def on_OrderCancelled(self, event: Any) -> None:
        self.end_order(event.order_id)

    def on_OrderExpired(self, event: Any) -> None:
        self.end_order(event.order_id)

    def end_order(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        left = self.books[order.instrument].find(order_id).tonnes
        self.books[order.instrument].take_out(order_id)
        if order.side != BUY:
            self.lock(order.account, order.instrument, -left)

    def lock(self, account: str, instrument: str, tonnes: int) -> None:
        self.holdings[account, instrument].sellable -= tonnes
        self.holdings[account, instrument].locked += tonnes

    # Blocks: (instrument, seller, proposer, tonnes locked)

    def on_BlockOffered(self, event: Any) -> None:
        seller = event.counterparty if event.side == BUY else event.account
        self.put_terms(event.block_id, event.instrument, seller, event.account, event)

    def on_BlockQuoted(self, event: Any) -> None:
        instrument, seller, _, _ = self.drop_terms(event.block_id)
        self.put_terms(event.block_id, instrument, seller, event.account, event)

    def put_terms(self, block_id: int, instrument: str, seller: str, proposer: str, event: Any) -> None:
        limits = self.limits[instrument]
        assert limits.block_low_fen <= event.price_fen <= limits.block_high_fen
        assert event.quantity_tonnes >= 100_000
        locked = event.quantity_tonnes if proposer == seller else 0
        self.lock(seller, instrument, locked)
        self.blocks[block_id] = (instrument, seller, proposer, locked)

    def drop_terms(self, block_id: int) -> tuple[str, str, str, int]:
        terms = self.blocks.pop(block_id)
        self.lock(terms[1], terms[0], -terms[3])
        return terms

    def on_BlockDeclined(self, event: Any) -> None:
        self.drop_terms(event.block_id)

    def on_BlockWithdrawn(self, event: Any) -> None:
        self.drop_terms(event.block_id)

    def on_BlockExpired(self, event: Any) -> None:
        self.drop_terms(event.block_id)

    # Trades

    def on_TradeExecuted(self, event: Any) -> None:
        assert event.trade_id == len(self.trades) + 1, "no trade is lost or doubled"
        assert event.day == self.day
        assert event.value_fen == event.price_fen * event.quantity_tonnes
        seller = self.holdings[event.seller, event.instrument]
        if event.method == LISTED:
            book = self.books[event.instrument]
            assert book.may_pick(event.maker_order_id, 5), "within the best five levels"
            assert book.find(event.maker_order_id).price_fen == event.price_fen
            book.trade(event.maker_order_id, event.quantity_tonnes)
        else:
            self.drop_terms(event.block_id)
        if event.method == LISTED and event.maker_account == event.seller:
            seller.locked -= event.quantity_tonnes
        else:
            seller.sellable -= event.quantity_tonnes
        bought = self.holdings[event.buyer, event.instrument].bought_on
        bought[event.trade_id] = (event.day, event.quantity_tonnes)
        self.trades[event.trade_id] = event
        self.day_trades.append(event)
        self.fees_fen += event.buyer_fee_fen + event.seller_fee_fen

    def on_TradeMarkedSettled(self, event: Any) -> None:
        assert event.trade_id not in self.settled
        self.settled.add(event.trade_id)

    def on_TradeBlocked(self, event: Any) -> None:
        trade = self.trades[event.trade_id]
        assert event.trade_id not in self.settled
        del self.holdings[trade.buyer, trade.instrument].bought_on[event.trade_id]
        self.holdings[trade.seller, trade.instrument].blocked += trade.quantity_tonnes
        self.fees_fen -= trade.buyer_fee_fen + trade.seller_fee_fen

    def on_AllowancesReleased(self, event: Any) -> None:
        """T+1: on a later day than the trade's, once it is settled, and once."""
        assert event.trade_id in self.settled - self.released
        self.released.add(event.trade_id)
        holding = self.holdings[event.account, event.instrument]
        bought_on, tonnes = holding.bought_on.pop(event.trade_id)
        assert bought_on < self.day
        holding.sellable += tonnes

    # Days

    def on_DayOpened(self, event: Any) -> None:
        assert event.day > self.day
        self.day = event.day
        self.day_trades = []
        self.limits = {limits.instrument: limits for limits in event.limits}

    def on_InstrumentDayClosed(self, event: Any) -> None:
        """Prices are of listed trades only; the close is their average, a half upwards."""
        trades = [trade for trade in self.day_trades if trade.instrument == event.instrument]
        listed = [trade for trade in trades if trade.method == LISTED]
        previous_fen = self.limits[event.instrument].previous_close_fen
        prices = [trade.price_fen for trade in listed] or [previous_fen]
        close_fen = previous_fen
        if listed:
            average = Fraction(
                sum(trade.price_fen * trade.quantity_tonnes for trade in listed),
                sum(trade.quantity_tonnes for trade in listed),
            )
            close_fen = (average + Fraction(1, 2)).__floor__()
        assert (event.open_fen, event.high_fen, event.low_fen) == (prices[0], max(prices), min(prices))
        assert event.close_fen == close_fen
        assert event.listed_tonnes == sum(trade.quantity_tonnes for trade in listed)
        assert event.listed_tonnes + event.block_tonnes == sum(trade.quantity_tonnes for trade in trades)
        assert event.trades == len(trades)

    def on_TradingDayClosed(self, event: Any) -> None:
        assert not self.orders, "listings are valid for the day"
        assert not self.blocks, "offers are valid for the day"
        assert (event.trades, event.value_fen) == (
            len(self.day_trades),
            sum(trade.value_fen for trade in self.day_trades),
        )
