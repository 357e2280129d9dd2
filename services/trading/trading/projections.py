"""Rows that queries read: orders, trades and blocks with how they ended, and the bulletins of closed days.

The filled quantity of an order is not stored: queries sum its trades.
"""

from enum import IntEnum

from chassis.core.decider import merged
from chassis.core.record import Record
from chassis.followers.projections import Handlers, writes
from chassis.followers.rows import Rows, values_of
from chassis.say.tracing import trace_id_of
from trading.domain import closing, listed, negotiations, settlement, trades
from trading.domain.values import Side


class OrderState(IntEnum):
    """Numbered as in the proto."""

    OPEN = 1
    FILLED = 2
    CANCELLED = 3
    EXPIRED = 4


class TradeState(IntEnum):
    """Numbered as in the proto."""

    EXECUTED = 1
    SETTLED = 2
    RELEASED = 3
    BLOCKED = 4


class BlockState(IntEnum):
    """Numbered as in the proto."""

    OPEN = 1
    CONFIRMED = 2
    DECLINED = 3
    WITHDRAWN = 4
    EXPIRED = 5


# Orders


def on_order_placed(rows: Rows, event: listed.OrderPlaced, record: Record) -> None:
    trace_id = trace_id_of(record.traceparent)
    rows.insert("orders", **values_of(event, without="locked_fen"), state=OrderState.OPEN, trace_id=trace_id)


def on_order_cancelled(rows: Rows, event: listed.OrderCancelled, record: Record) -> None:
    end_order(rows, event.order_id, OrderState.CANCELLED, record)


def on_order_expired(rows: Rows, event: listed.OrderExpired, record: Record) -> None:
    end_order(rows, event.order_id, OrderState.EXPIRED, record)


def end_order(rows: Rows, order_id: int, state: OrderState, record: Record) -> None:
    rows.update("orders", {"order_id": order_id}, state=state, ended_ms=record.recorded_ms)


# Trades


def on_trade_executed(rows: Rows, event: trades.TradeExecuted, record: Record) -> None:
    trace_id = trace_id_of(record.traceparent)
    rows.insert("trades", **values_of(event, without="lock_change_fen"), state=TradeState.EXECUTED, trace_id=trace_id)


def on_trade_marked_settled(rows: Rows, event: settlement.TradeMarkedSettled, record: Record) -> None:
    rows.update("trades", {"trade_id": event.trade_id}, state=TradeState.SETTLED)


def on_allowances_released(rows: Rows, event: settlement.AllowancesReleased, record: Record) -> None:
    rows.update("trades", {"trade_id": event.trade_id}, state=TradeState.RELEASED)


def on_trade_blocked(rows: Rows, event: settlement.TradeBlocked, record: Record) -> None:
    rows.update("trades", {"trade_id": event.trade_id}, state=TradeState.BLOCKED)


# Blocks


def on_block_offered(rows: Rows, event: negotiations.BlockOffered, record: Record) -> None:
    parties = (event.account, event.counterparty)
    buyer, seller = parties if event.side is Side.BUY else reversed(parties)
    rows.insert(
        "blocks",
        **values_of(event, "block_id", "day", "instrument", "price_fen", "quantity_tonnes", "offered_ms"),
        buyer=buyer,
        seller=seller,
        proposer=event.account,
        state=BlockState.OPEN,
    )


def on_block_quoted(rows: Rows, event: negotiations.BlockQuoted, record: Record) -> None:
    terms = values_of(event, "price_fen", "quantity_tonnes")
    rows.update("blocks", {"block_id": event.block_id}, **terms, proposer=event.account)


def on_block_confirmed(rows: Rows, event: negotiations.BlockConfirmed, record: Record) -> None:
    end_block(rows, event.block_id, BlockState.CONFIRMED, record, event.trade_id)


def on_block_declined(rows: Rows, event: negotiations.BlockDeclined, record: Record) -> None:
    end_block(rows, event.block_id, BlockState.DECLINED, record)


def on_block_withdrawn(rows: Rows, event: negotiations.BlockWithdrawn, record: Record) -> None:
    end_block(rows, event.block_id, BlockState.WITHDRAWN, record)


def on_block_expired(rows: Rows, event: negotiations.BlockExpired, record: Record) -> None:
    end_block(rows, event.block_id, BlockState.EXPIRED, record)


def end_block(rows: Rows, block_id: int, state: BlockState, record: Record, trade_id: int = 0) -> None:
    rows.update("blocks", {"block_id": block_id}, state=state, trade_id=trade_id, ended_ms=record.recorded_ms)


# Bulletins


def on_instrument_day_closed(rows: Rows, event: closing.InstrumentDayClosed, record: Record) -> None:
    rows.insert("bulletin_lines", **values_of(event))


def on_composite_priced(rows: Rows, event: closing.CompositePriced, record: Record) -> None:
    rows.insert("composites", **values_of(event))


def on_trading_day_closed(rows: Rows, event: closing.TradingDayClosed, record: Record) -> None:
    rows.insert("bulletins", **values_of(event, "day", "trades", "quantity_tonnes", "value_fen"))


HANDLERS: Handlers = merged(
    writes(listed.OrderPlaced, on_order_placed),
    writes(listed.OrderCancelled, on_order_cancelled),
    writes(listed.OrderExpired, on_order_expired),
    writes(trades.TradeExecuted, on_trade_executed),
    writes(settlement.TradeMarkedSettled, on_trade_marked_settled),
    writes(settlement.AllowancesReleased, on_allowances_released),
    writes(settlement.TradeBlocked, on_trade_blocked),
    writes(negotiations.BlockOffered, on_block_offered),
    writes(negotiations.BlockQuoted, on_block_quoted),
    writes(negotiations.BlockConfirmed, on_block_confirmed),
    writes(negotiations.BlockDeclined, on_block_declined),
    writes(negotiations.BlockWithdrawn, on_block_withdrawn),
    writes(negotiations.BlockExpired, on_block_expired),
    writes(closing.InstrumentDayClosed, on_instrument_day_closed),
    writes(closing.CompositePriced, on_composite_priced),
    writes(closing.TradingDayClosed, on_trading_day_closed),
)
