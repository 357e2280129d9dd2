"""Listings and trades: domain values and their messages, field by field."""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from trading.domain import listed, trades
from trading.domain.values import Method, Side


def order_placed(event: listed.OrderPlaced) -> pb.OrderPlaced:
    return pb.OrderPlaced(
        order_id=event.order_id,
        account=event.account,
        instrument=event.instrument,
        side=types.Side.ValueType(event.side),
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
        day=event.day,
        placed_ms=event.placed_ms,
        locked_fen=event.locked_fen,
    )


def to_order_placed(message: pb.OrderPlaced) -> listed.OrderPlaced:
    return listed.OrderPlaced(
        order_id=message.order_id,
        account=message.account,
        instrument=message.instrument,
        side=Side(message.side),
        price_fen=message.price_fen,
        quantity_tonnes=message.quantity_tonnes,
        day=message.day,
        placed_ms=message.placed_ms,
        locked_fen=message.locked_fen,
    )


def order_filled(event: listed.OrderFilled) -> pb.OrderFilled:
    return pb.OrderFilled(
        order_id=event.order_id,
        account=event.account,
    )


def to_order_filled(message: pb.OrderFilled) -> listed.OrderFilled:
    return listed.OrderFilled(
        order_id=message.order_id,
        account=message.account,
    )


def order_cancelled(event: listed.OrderCancelled) -> pb.OrderCancelled:
    return pb.OrderCancelled(
        order_id=event.order_id,
        account=event.account,
        reason=types.CancelReason.ValueType(event.reason),
        quantity_tonnes=event.quantity_tonnes,
        unlocked_fen=event.unlocked_fen,
    )


def to_order_cancelled(message: pb.OrderCancelled) -> listed.OrderCancelled:
    return listed.OrderCancelled(
        order_id=message.order_id,
        account=message.account,
        reason=listed.CancelReason(message.reason),
        quantity_tonnes=message.quantity_tonnes,
        unlocked_fen=message.unlocked_fen,
    )


def order_expired(event: listed.OrderExpired) -> pb.OrderExpired:
    return pb.OrderExpired(
        order_id=event.order_id,
        account=event.account,
        quantity_tonnes=event.quantity_tonnes,
        unlocked_fen=event.unlocked_fen,
    )


def to_order_expired(message: pb.OrderExpired) -> listed.OrderExpired:
    return listed.OrderExpired(
        order_id=message.order_id,
        account=message.account,
        quantity_tonnes=message.quantity_tonnes,
        unlocked_fen=message.unlocked_fen,
    )


def trade_executed(event: trades.TradeExecuted) -> pb.TradeExecuted:
    return pb.TradeExecuted(
        trade_id=event.trade_id,
        day=event.day,
        instrument=event.instrument,
        method=types.TradeMethod.ValueType(event.method),
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyer=event.buyer,
        seller=event.seller,
        buyer_fee_fen=event.buyer_fee_fen,
        seller_fee_fen=event.seller_fee_fen,
        maker_account=event.maker_account,
        taker_account=event.taker_account,
        maker_order_id=event.maker_order_id,
        block_id=event.block_id,
        executed_ms=event.executed_ms,
        lock_change_fen=event.lock_change_fen,
    )


def to_trade_executed(message: pb.TradeExecuted) -> trades.TradeExecuted:
    return trades.TradeExecuted(
        trade_id=message.trade_id,
        day=message.day,
        instrument=message.instrument,
        method=Method(message.method),
        price_fen=message.price_fen,
        quantity_tonnes=message.quantity_tonnes,
        value_fen=message.value_fen,
        buyer=message.buyer,
        seller=message.seller,
        buyer_fee_fen=message.buyer_fee_fen,
        seller_fee_fen=message.seller_fee_fen,
        maker_account=message.maker_account,
        taker_account=message.taker_account,
        maker_order_id=message.maker_order_id,
        block_id=message.block_id,
        executed_ms=message.executed_ms,
        lock_change_fen=message.lock_change_fen,
    )
