"""Screens of block agreement."""

from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket_client.screens.layout import (
    Screen,
    more,
    numbers,
    said,
    words,
)
from carbonmarket_client.values import amount, moment, tonnes


def blocks_screen(account: str, answer: trading.ListBlocksResponse) -> Screen:
    return Screen(
        more(f"Blocks of {account or 'everybody'}", answer.next_page_token),
        [
            numbers("block"),
            words("offered", spare=1),
            words("instrument"),
            numbers("CNY/t"),
            numbers("tonnes"),
            words("buyer"),
            words("seller"),
            words("terms of"),
            words("state"),
            numbers("trade", spare=2),
        ],
        [
            (
                str(block.block_id),
                moment(block.offered_ms)[:16],
                block.instrument,
                amount(block.price_fen),
                tonnes(block.quantity_tonnes),
                block.buyer,
                block.seller,
                "buyer" if block.proposer == block.buyer else "seller",
                said(block, "state"),
                str(block.trade_id or ""),
            )
            for block in answer.blocks
        ],
        "There are no such blocks: `carbonmarket blocks offer --help` shows how to offer one.",
    )
