"""Rows that queries read: orders, trades and blocks as they came and ended, and the bulletins of closed days.

How much of an order was filled is not written down again: it is the sum of its trades.
"""

from enum import IntEnum

from chassis.projections import Handlers, Rows
from chassis.record import Record
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

PLACE = """
INSERT INTO orders (order_id, account, instrument, side, price_fen, quantity_tonnes, day, placed_ms, state, traceparent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
END_ORDER = "UPDATE orders SET state = $2, ended_ms = $3 WHERE order_id = $1"


def on_order_placed(rows: Rows, event: listed.OrderPlaced, record: Record) -> None:
    rows.execute(
        PLACE,
        event.order_id,
        event.account,
        event.instrument,
        event.side,
        event.price_fen,
        event.quantity_tonnes,
        event.day,
        event.placed_ms,
        OrderState.OPEN,
        record.traceparent,
    )


def on_order_cancelled(rows: Rows, event: listed.OrderCancelled, record: Record) -> None:
    rows.execute(END_ORDER, event.order_id, OrderState.CANCELLED, record.recorded_ms)


def on_order_expired(rows: Rows, event: listed.OrderExpired, record: Record) -> None:
    rows.execute(END_ORDER, event.order_id, OrderState.EXPIRED, record.recorded_ms)


# Trades

EXECUTE = """
INSERT INTO trades (trade_id, day, instrument, method, price_fen, quantity_tonnes, value_fen, buyer, seller,
                    buyer_fee_fen, seller_fee_fen, maker_account, taker_account, maker_order_id, block_id, executed_ms,
                    state, traceparent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""
MOVE_TRADE_ON = "UPDATE trades SET state = $2 WHERE trade_id = $1"


def on_trade_executed(rows: Rows, event: trades.TradeExecuted, record: Record) -> None:
    rows.execute(
        EXECUTE,
        event.trade_id,
        event.day,
        event.instrument,
        event.method,
        event.price_fen,
        event.quantity_tonnes,
        event.value_fen,
        event.buyer,
        event.seller,
        event.buyer_fee_fen,
        event.seller_fee_fen,
        event.maker_account,
        event.taker_account,
        event.maker_order_id,
        event.block_id,
        event.executed_ms,
        TradeState.EXECUTED,
        record.traceparent,
    )


def on_trade_marked_settled(rows: Rows, event: settlement.TradeMarkedSettled, record: Record) -> None:
    rows.execute(MOVE_TRADE_ON, event.trade_id, TradeState.SETTLED)


def on_allowances_released(rows: Rows, event: settlement.AllowancesReleased, record: Record) -> None:
    rows.execute(MOVE_TRADE_ON, event.trade_id, TradeState.RELEASED)


def on_trade_blocked(rows: Rows, event: settlement.TradeBlocked, record: Record) -> None:
    rows.execute(MOVE_TRADE_ON, event.trade_id, TradeState.BLOCKED)


# Blocks

OFFER = """
INSERT INTO blocks (block_id, day, instrument, buyer, seller, proposer, price_fen, quantity_tonnes, state, offered_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
QUOTE = "UPDATE blocks SET proposer = $2, price_fen = $3, quantity_tonnes = $4 WHERE block_id = $1"
END_BLOCK = "UPDATE blocks SET state = $2, trade_id = $3, ended_ms = $4 WHERE block_id = $1"


def on_block_offered(rows: Rows, event: negotiations.BlockOffered, record: Record) -> None:
    buys = event.side is Side.BUY
    rows.execute(
        OFFER,
        event.block_id,
        event.day,
        event.instrument,
        event.account if buys else event.counterparty,
        event.counterparty if buys else event.account,
        event.account,
        event.price_fen,
        event.quantity_tonnes,
        BlockState.OPEN,
        event.offered_ms,
    )


def on_block_quoted(rows: Rows, event: negotiations.BlockQuoted, record: Record) -> None:
    rows.execute(QUOTE, event.block_id, event.account, event.price_fen, event.quantity_tonnes)


def on_block_confirmed(rows: Rows, event: negotiations.BlockConfirmed, record: Record) -> None:
    rows.execute(END_BLOCK, event.block_id, BlockState.CONFIRMED, event.trade_id, record.recorded_ms)


def on_block_declined(rows: Rows, event: negotiations.BlockDeclined, record: Record) -> None:
    rows.execute(END_BLOCK, event.block_id, BlockState.DECLINED, 0, record.recorded_ms)


def on_block_withdrawn(rows: Rows, event: negotiations.BlockWithdrawn, record: Record) -> None:
    rows.execute(END_BLOCK, event.block_id, BlockState.WITHDRAWN, 0, record.recorded_ms)


def on_block_expired(rows: Rows, event: negotiations.BlockExpired, record: Record) -> None:
    rows.execute(END_BLOCK, event.block_id, BlockState.EXPIRED, 0, record.recorded_ms)


# Bulletins

LINE = """
INSERT INTO bulletin_lines (day, instrument, open_fen, high_fen, low_fen, close_fen, previous_close_fen, change_bp,
                            listed_tonnes, listed_value_fen, block_tonnes, block_value_fen, trades, year_tonnes,
                            year_value_fen, total_tonnes, total_value_fen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
COMPOSITE = """
INSERT INTO composites (day, open_fen, high_fen, low_fen, close_fen, previous_close_fen, change_bp)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
BULLETIN = "INSERT INTO bulletins (day, trades, quantity_tonnes, value_fen) VALUES ($1, $2, $3, $4)"


def on_instrument_day_closed(rows: Rows, event: closing.InstrumentDayClosed, record: Record) -> None:
    rows.execute(
        LINE,
        event.day,
        event.instrument,
        event.open_fen,
        event.high_fen,
        event.low_fen,
        event.close_fen,
        event.previous_close_fen,
        event.change_bp,
        event.listed_tonnes,
        event.listed_value_fen,
        event.block_tonnes,
        event.block_value_fen,
        event.trades,
        event.year_tonnes,
        event.year_value_fen,
        event.total_tonnes,
        event.total_value_fen,
    )


def on_composite_priced(rows: Rows, event: closing.CompositePriced, record: Record) -> None:
    rows.execute(
        COMPOSITE,
        event.day,
        event.open_fen,
        event.high_fen,
        event.low_fen,
        event.close_fen,
        event.previous_close_fen,
        event.change_bp,
    )


def on_trading_day_closed(rows: Rows, event: closing.TradingDayClosed, record: Record) -> None:
    rows.execute(BULLETIN, event.day, event.trades, event.quantity_tonnes, event.value_fen)


HANDLERS: Handlers = {
    listed.OrderPlaced: on_order_placed,
    listed.OrderCancelled: on_order_cancelled,
    listed.OrderExpired: on_order_expired,
    trades.TradeExecuted: on_trade_executed,
    settlement.TradeMarkedSettled: on_trade_marked_settled,
    settlement.AllowancesReleased: on_allowances_released,
    settlement.TradeBlocked: on_trade_blocked,
    negotiations.BlockOffered: on_block_offered,
    negotiations.BlockQuoted: on_block_quoted,
    negotiations.BlockConfirmed: on_block_confirmed,
    negotiations.BlockDeclined: on_block_declined,
    negotiations.BlockWithdrawn: on_block_withdrawn,
    negotiations.BlockExpired: on_block_expired,
    closing.InstrumentDayClosed: on_instrument_day_closed,
    closing.CompositePriced: on_composite_priced,
    closing.TradingDayClosed: on_trading_day_closed,
}
