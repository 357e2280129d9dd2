"""Rows of the tables as messages."""

from carbonmarket.trading.v1 import trading_query_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.edges import Row
from chassis.tracing import trace_id_of
from trading.projections import BlockState, OrderState, TradeState


def order_of(row: Row) -> pb.Order:
    filled = row["filled_tonnes"] == row["quantity_tonnes"]
    return pb.Order(
        order_id=row["order_id"],
        account=row["account"],
        instrument=row["instrument"],
        side=types.Side.ValueType(row["side"]),
        price_fen=row["price_fen"],
        quantity_tonnes=row["quantity_tonnes"],
        filled_tonnes=row["filled_tonnes"],
        state=pb.OrderState.ValueType(OrderState.FILLED if filled else row["state"]),
        day=row["day"],
        placed_ms=row["placed_ms"],
        ended_ms=row["filled_ms"] if filled else row["ended_ms"],
        trace_id=trace_id_of(row["traceparent"]),
    )


def trade_of(row: Row) -> pb.Trade:
    return pb.Trade(
        trade_id=row["trade_id"],
        day=row["day"],
        instrument=row["instrument"],
        method=types.TradeMethod.ValueType(row["method"]),
        price_fen=row["price_fen"],
        quantity_tonnes=row["quantity_tonnes"],
        value_fen=row["value_fen"],
        buyer=row["buyer"],
        seller=row["seller"],
        buyer_fee_fen=row["buyer_fee_fen"],
        seller_fee_fen=row["seller_fee_fen"],
        maker_account=row["maker_account"],
        taker_account=row["taker_account"],
        maker_order_id=row["maker_order_id"],
        block_id=row["block_id"],
        executed_ms=row["executed_ms"],
        state=pb.TradeState.ValueType(TradeState(row["state"])),
        trace_id=trace_id_of(row["traceparent"]),
    )


def block_of(row: Row) -> pb.Block:
    return pb.Block(
        block_id=row["block_id"],
        day=row["day"],
        instrument=row["instrument"],
        buyer=row["buyer"],
        seller=row["seller"],
        proposer=row["proposer"],
        price_fen=row["price_fen"],
        quantity_tonnes=row["quantity_tonnes"],
        state=pb.BlockState.ValueType(BlockState(row["state"])),
        trade_id=row["trade_id"],
        offered_ms=row["offered_ms"],
        ended_ms=row["ended_ms"],
    )


def composite_of(row: Row) -> pb.BulletinComposite:
    return pb.BulletinComposite(
        open_fen=row["open_fen"],
        high_fen=row["high_fen"],
        low_fen=row["low_fen"],
        close_fen=row["close_fen"],
        previous_close_fen=row["previous_close_fen"],
        change_bp=row["change_bp"],
    )


def line_of(row: Row) -> pb.BulletinLine:
    return pb.BulletinLine(
        instrument=row["instrument"],
        open_fen=row["open_fen"],
        high_fen=row["high_fen"],
        low_fen=row["low_fen"],
        close_fen=row["close_fen"],
        previous_close_fen=row["previous_close_fen"],
        change_bp=row["change_bp"],
        listed_tonnes=row["listed_tonnes"],
        listed_value_fen=row["listed_value_fen"],
        block_tonnes=row["block_tonnes"],
        block_value_fen=row["block_value_fen"],
        trades=row["trades"],
        year_tonnes=row["year_tonnes"],
        year_value_fen=row["year_value_fen"],
        total_tonnes=row["total_tonnes"],
        total_value_fen=row["total_value_fen"],
    )
