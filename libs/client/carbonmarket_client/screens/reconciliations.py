"""Screens of the three-way reconciliation."""

from rich.console import RenderableType

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket_client.screens.layout import (
    Screen,
    card,
    more,
    numbers,
    said,
    words,
    yes,
)
from carbonmarket_client.values import moment, money, tonnes


def reconciliations_screen(answer: clearing.ListReconciliationsResponse) -> Screen:
    return Screen(
        more("Reconciliations, as of log positions", answer.next_page_token),
        [
            words("day"),
            words("agreed"),
            numbers("registry at"),
            numbers("trading at"),
            numbers("clearing at"),
            numbers("fund entry", spare=1),
            numbers("rows", spare=1),
            numbers("differences"),
            numbers("in flight"),
            words("recorded", spare=1),
        ],
        [
            (
                known.day,
                yes(known.agreed),
                f"{known.registry_position:,}",
                f"{known.trading_position:,}",
                f"{known.clearing_position:,}",
                f"{known.clearing_entry_number:,}",
                f"{known.rows_compared:,}",
                f"{known.difference_count:,}",
                f"{known.in_flight_count:,}",
                moment(known.recorded_ms),
            )
            for known in answer.reconciliations
        ],
        "No books were compared yet: that happens after each day's settlement.",
    )


def reconciliation_screens(answer: clearing.GetReconciliationResponse) -> list[RenderableType]:
    known = answer.reconciliation
    screens: list[RenderableType] = [
        card(
            f"The three books after {known.day}: {'they agree' if known.agreed else 'THEY DO NOT AGREE'}",
            [
                ("registry", f"as of position {known.registry_position:,}"),
                ("trading", f"as of position {known.trading_position:,}"),
                ("clearing", f"as of position {known.clearing_position:,}"),
                ("fund entries heard by trading", f"up to {known.clearing_entry_number:,}"),
                ("rows compared", f"{known.rows_compared:,}"),
                ("differences", f"{known.difference_count:,}"),
                ("in flight", f"{known.in_flight_count:,}"),
                ("recorded", moment(known.recorded_ms)),
            ],
        )
    ]
    if answer.differences:
        screens.append(
            Screen(
                "Differences",
                [words("figure"), words("account"), words("instrument"), numbers("held"), numbers("expected")],
                [
                    (
                        said(row, "figure"),
                        row.account,
                        row.instrument,
                        either(row.instrument, row.held_tonnes, row.held_fen),
                        either(row.instrument, row.expected_tonnes, row.expected_fen),
                    )
                    for row in answer.differences
                ],
            )
        )
    if answer.in_flight:
        screens.append(
            Screen(
                "In flight: in one book and not yet in another, for a known reason",
                [words("what"), words("account"), words("instrument"), numbers("amount")],
                [
                    (
                        said(row, "kind"),
                        row.account,
                        row.instrument,
                        either(row.instrument, row.quantity_tonnes, row.amount_fen),
                    )
                    for row in answer.in_flight
                ],
            )
        )
    return screens


def either(instrument: str, quantity_tonnes: int, amount_fen: int) -> str:
    """Tonnes where an instrument is named, else money."""
    return f"{tonnes(quantity_tonnes)} t" if instrument else money(amount_fen)
