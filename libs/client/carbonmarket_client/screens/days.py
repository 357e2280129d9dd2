"""Screens of trading days and their bulletins."""

from collections.abc import Sequence

from rich.console import RenderableType

from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket_client.screens.instruments import sessions_text
from carbonmarket_client.screens.layout import (
    Screen,
    card,
    fact,
    label,
    numbers,
    said,
    words,
    yes,
)
from carbonmarket_client.values import amount, moment, money, percent, tonnes


def day_card(answer: trading.GetDayResponse) -> RenderableType:
    phase = said(answer, "phase")
    rows = [
        ("market's time", moment(answer.now_ms)),
        ("listed agreement", sessions_text(answer.listed_sessions)),
        ("block agreement", sessions_text(answer.block_sessions)),
    ]
    if answer.opened_ms:
        rows.append(("opened", moment(answer.opened_ms)))
    if answer.override_approved_by:
        rows.append(("opened nevertheless by", f"{answer.override_proposed_by} and {answer.override_approved_by}"))
    for obstacle in answer.obstacles:
        named = ", ".join(f"{label(name)} {fact(name, text)}" for name, text in sorted(obstacle.facts.items()))
        what = "opens in spite of" if obstacle.covered else "cannot open"
        rows.append((what, f"{obstacle.reason} ({named})" if named else obstacle.reason))
    if answer.opened_ms:
        rows.append(("trades", f"{answer.trades:,}, {tonnes(answer.quantity_tonnes)} t, {money(answer.value_fen)}"))
    if answer.closed_ms:
        rows.append(("closed", moment(answer.closed_ms)))
        rows.append(("settled", yes(answer.settled)))
        rows.append(("books agreed", yes(answer.books_agreed)))
    return card(f"{answer.day}: {phase}", rows)


def days_screen(answers: Sequence[trading.GetDayResponse]) -> Screen:
    return Screen(
        "Trading days",
        [
            words("day"),
            words("phase"),
            words("settled"),
            words("books agreed"),
            numbers("trades"),
            numbers("tonnes"),
            numbers("value CNY"),
        ],
        [
            (
                answer.day,
                said(answer, "phase"),
                yes(answer.settled) if answer.closed_ms else "",
                yes(answer.books_agreed) if answer.closed_ms else "",
                f"{answer.trades:,}",
                tonnes(answer.quantity_tonnes),
                amount(answer.value_fen),
            )
            for answer in answers
        ],
        "No trading day is announced in this span: `carbonmarket days announce --help`.",
    )


def bulletin_screens(answer: trading.GetBulletinResponse) -> list[RenderableType]:
    prices = [
        (
            line.instrument,
            amount(line.open_fen),
            amount(line.high_fen),
            amount(line.low_fen),
            amount(line.close_fen),
            amount(line.previous_close_fen),
            percent(line.change_bp),
        )
        for line in answer.lines
    ]
    if answer.HasField("composite"):
        composite = answer.composite
        prices.append(
            (
                "composite",
                amount(composite.open_fen),
                amount(composite.high_fen),
                amount(composite.low_fen),
                amount(composite.close_fen),
                amount(composite.previous_close_fen),
                percent(composite.change_bp),
            )
        )
    volumes = [
        row
        for line in answer.lines
        for row in (
            (line.instrument, "listed", tonnes(line.listed_tonnes), amount(line.listed_value_fen)),
            ("", "block", tonnes(line.block_tonnes), amount(line.block_value_fen)),
            ("", "this year", tonnes(line.year_tonnes), amount(line.year_value_fen)),
            ("", "since listing", tonnes(line.total_tonnes), amount(line.total_value_fen)),
        )
    ]
    trades = "1 trade" if answer.trades == 1 else f"{answer.trades:,} trades"
    volumes.append(("the day", trades, tonnes(answer.quantity_tonnes), amount(answer.value_fen)))
    return [
        Screen(
            f"Bulletin of {answer.day}: prices of listed trades, CNY a tonne",
            [words("instrument"), *map(numbers, ("open", "high", "low", "close", "previous close", "change"))],
            prices,
        ),
        Screen(
            "Volumes",
            [words("instrument"), words("of"), numbers("tonnes"), numbers("value CNY")],
            volumes,
        ),
    ]
