"""Screens of instruments and of the rules they are traded by."""

from collections.abc import Sequence

from rich.console import RenderableType

from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from carbonmarket_client.screens.layout import (
    Screen,
    card,
    numbers,
    words,
)
from carbonmarket_client.values import amount, minutes, money, percent, share, tonnes


def sessions_text(sessions: Sequence[trading_types.Session]) -> str:
    return ", ".join(f"{minutes(part.open_minute)}-{minutes(part.close_minute)}" for part in sessions) or "-"


def instruments_screens(answer: trading.ListInstrumentsResponse) -> list[RenderableType]:
    rows = []
    for known in answer.instruments:
        limits, blocks, prices = "", "", known.prices
        if known.HasField("limits"):
            limits = f"{amount(known.limits.listed_low_fen)} - {amount(known.limits.listed_high_fen)}"
            blocks = f"{amount(known.limits.block_low_fen)} - {amount(known.limits.block_high_fen)}"
        state = (
            f"suspended: {known.suspended_ground}"
            if known.suspended_ground
            else "listed"
            if known.first_day
            else "not listed"
        )
        rows.append(
            (
                known.instrument,
                known.first_day,
                amount(known.previous_close_fen) if known.previous_close_fen else "",
                limits,
                blocks,
                amount(prices.last_fen) if prices.last_fen else "",
                amount(prices.average_fen) if prices.average_fen else "",
                state,
            )
        )
    return [
        Screen(
            "Instruments, CNY a tonne",
            [
                words("instrument"),
                words("listed from"),
                numbers("previous close"),
                numbers("listed limits"),
                numbers("block limits", spare=1),
                numbers("last"),
                numbers("average", spare=2),
                words("state", wraps=True),
            ],
            rows,
            "There are no instruments yet: the registry creates vintages, `carbonmarket vintages create --help`.",
        )
    ]


def rules_card(answer: trading.ListInstrumentsResponse) -> RenderableType:
    if not answer.HasField("rules"):
        return "No rules are set yet: `carbonmarket rules set --help`."
    rules = answer.rules
    return card(
        f"Rules valid from {rules.valid_from_day}",
        [
            ("source", rules.source),
            ("listed price", f"within {percent(rules.listed_band_bp)[1:]} of the previous close"),
            ("block price", f"within {percent(rules.block_band_bp)[1:]} of the previous close"),
            ("price tick", money(rules.price_tick_fen)),
            ("quantity tick", f"{tonnes(rules.quantity_tick_tonnes)} t"),
            ("listed order", f"{tonnes(rules.listed_tonnes_max)} t at most"),
            ("block", f"{tonnes(rules.block_tonnes_min)} t at least"),
            ("listed sessions", sessions_text(rules.listed_sessions)),
            ("block sessions", sessions_text(rules.block_sessions)),
            ("book", f"the best {rules.book_levels} levels of each side may be taken"),
            (
                "day",
                f"{rules.day_trades_max:,} trades at most" if rules.day_trades_max else "as many as can be settled",
            ),
            ("fees", f"buyer {share(answer.buyer_fee_ppm)}, seller {share(answer.seller_fee_ppm)} of the value"),
        ],
    )
