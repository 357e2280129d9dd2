"""Screens of listed agreement: orders and trades."""

from rich.console import RenderableType

from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket_client.screens.layout import (
    Screen,
    card,
    more,
    numbers,
    said,
    words,
)
from carbonmarket_client.values import amount, clock, moment, money, tonnes


def orders_screen(account: str, answer: trading.ListOrdersResponse) -> Screen:
    whose = [] if account else [words("account", spare=1)]
    return Screen(
        more(f"Orders of {account or 'everybody'}", answer.next_page_token),
        [
            numbers("order"),
            words("placed"),
            *whose,
            words("instrument"),
            words("side"),
            numbers("price CNY"),
            numbers("tonnes"),
            numbers("filled"),
            words("state"),
        ],
        [
            (
                str(order.order_id),
                moment(order.placed_ms),
                *([] if account else [order.account]),
                order.instrument,
                said(order, "side"),
                amount(order.price_fen),
                tonnes(order.quantity_tonnes),
                tonnes(order.filled_tonnes),
                said(order, "state"),
            )
            for order in answer.orders
        ],
        "There are no such orders: `carbonmarket orders place --help` shows how to place one.",
    )


def order_card(order: trading.Order) -> RenderableType:
    rows = [
        ("account", order.account),
        ("terms", f"{said(order, 'side')} {tonnes(order.quantity_tonnes)} t of {order.instrument}"),
        ("price", f"{money(order.price_fen)} a tonne"),
        ("filled", f"{tonnes(order.filled_tonnes)} t"),
        ("state", said(order, "state")),
        ("placed", moment(order.placed_ms)),
    ]
    if order.ended_ms:
        rows.append(("ended", moment(order.ended_ms)))
    if order.trace_id:
        rows.append(("trace", order.trace_id))
    return card(f"Order {order.order_id} of {order.day}", rows)


def trades_screen(account: str, day: str, answer: trading.ListTradesResponse) -> Screen:
    of_day = f" on {day}" if day else ""
    when = [words("time")] if day else [words("day"), words("time", spare=2)]
    return Screen(
        more(f"Trades of {account or 'everybody'}{of_day}", answer.next_page_token),
        [
            numbers("trade"),
            *when,
            words("instrument"),
            words("method", spare=3),
            numbers("CNY/t"),
            numbers("tonnes"),
            numbers("value CNY", spare=1),
            words("buyer"),
            words("seller"),
            words("state", spare=1),
        ],
        [
            (
                str(trade.trade_id),
                *([] if day else [trade.day]),
                clock(trade.executed_ms),
                trade.instrument,
                said(trade, "method"),
                amount(trade.price_fen),
                tonnes(trade.quantity_tonnes),
                amount(trade.value_fen),
                trade.buyer,
                trade.seller,
                said(trade, "state"),
            )
            for trade in answer.trades
        ],
        "There are no such trades.",
    )


def trade_card(trade: trading.Trade) -> RenderableType:
    came_from = f"listing {trade.maker_order_id}" if trade.maker_order_id else f"block {trade.block_id}"
    rows = [
        ("executed", moment(trade.executed_ms)),
        ("method", f"{said(trade, 'method')}, {came_from}"),
        ("quantity", f"{tonnes(trade.quantity_tonnes)} t of {trade.instrument}"),
        ("price", f"{money(trade.price_fen)} a tonne"),
        ("value", money(trade.value_fen)),
        ("buyer", f"{trade.buyer}, fee {money(trade.buyer_fee_fen)}"),
        ("seller", f"{trade.seller}, fee {money(trade.seller_fee_fen)}"),
        ("maker", trade.maker_account),
        ("taker", trade.taker_account),
        ("state", said(trade, "state")),
    ]
    if trade.trace_id:
        rows.append(("trace", f"{trade.trace_id} (`carbonmarket trace {trade.trade_id}` draws it)"))
    return card(f"Trade {trade.trade_id} of {trade.day}", rows)
