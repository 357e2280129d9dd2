"""Screens of the three-way reconciliation."""

from collections.abc import Sequence

from rich.console import RenderableType

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
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

DIFFERENCES_COUNTED_MAX = 5_000
"""By clearing: so many are "at least so many"."""
ROOT_DIGITS_SHOWN = 16
ROOT_DIGITS_IN_A_LIST = 6
"""Of 64; `--json` has them all."""


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
            numbers("leaves", spare=1),
            numbers("differences"),
            numbers("in flight"),
            words("recorded", spare=2),
            words("roots", spare=1),
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
                differences_of(known),
                f"{known.in_flight_count:,}",
                moment(known.recorded_ms),
                root_shown(known.trees),
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
                ("leaves compared", f"{known.rows_compared:,}"),
                ("differences", differences_of(known)),
                ("in flight", f"{known.in_flight_count:,}"),
                ("recorded", moment(known.recorded_ms)),
            ],
        )
    ]
    if known.trees:
        screens.append(commitments_screen(known.trees))
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


def differences_of(known: clearing.Reconciliation) -> str:
    at_least = "at least " if known.difference_count >= DIFFERENCES_COUNTED_MAX else ""
    return f"{at_least}{known.difference_count:,}"


def commitments_screen(trees: Sequence[types.ComparedTree]) -> Screen:
    return Screen(
        "Commitments: equal roots mean equal books",
        [words("tree"), numbers("leaves"), words("root of registry or clearing"), words("root of trading")],
        [
            (
                each.tree,
                leaves_of(each),
                each.held_root[:ROOT_DIGITS_SHOWN],
                "the same" if each.held_root == each.expected_root else each.expected_root[:ROOT_DIGITS_SHOWN],
            )
            for each in trees
        ],
    )


def leaves_of(tree: types.ComparedTree) -> str:
    """Of both sides, where they differ."""
    if tree.held_leaves == tree.expected_leaves:
        return f"{tree.held_leaves:,}"
    return f"{tree.held_leaves:,} / {tree.expected_leaves:,}"


def root_shown(trees: Sequence[types.ComparedTree]) -> str:
    """The roots of a comparison in one word each: enough to compare by eye; `--json` has them whole."""
    return " ".join(tree.held_root[:ROOT_DIGITS_IN_A_LIST] for tree in trees)


def either(instrument: str, quantity_tonnes: int, amount_fen: int) -> str:
    """Tonnes where an instrument is named, else money."""
    return f"{tonnes(quantity_tonnes)} t" if instrument else money(amount_fen)
