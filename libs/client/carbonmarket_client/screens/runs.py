"""Screens of a day's settlement: runs with their steps and legs, and obligations."""

from rich.console import RenderableType

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket_client.screens.layout import (
    Screen,
    card,
    more,
    named,
    numbers,
    said,
    words,
)
from carbonmarket_client.values import amount, clock, moment, money, tonnes


def runs_screen(answer: clearing.ListRunsResponse) -> Screen:
    return Screen(
        more("Runs", answer.next_page_token),
        [
            numbers("run"),
            words("day"),
            words("phase"),
            numbers("attempt", spare=2),
            numbers("trades", spare=1),
            numbers("excluded", spare=1),
            numbers("tonnes"),
            numbers("value CNY"),
            words("blocked because", wraps=True),
        ],
        [
            (
                str(run.run_id),
                run.day,
                said(run, "phase"),
                str(run.attempt),
                f"{run.trades:,}",
                f"{run.excluded_trades:,}",
                tonnes(run.quantity_tonnes),
                amount(run.value_fen),
                run.blocked_because,
            )
            for run in answer.runs
        ],
        "There are no such runs: a run opens when trading closes a day.",
    )


def run_screens(answer: clearing.GetRunResponse) -> list[RenderableType]:
    """One run: a card, its steps, exclusions where there are any, and its legs."""
    screens: list[RenderableType] = [run_card(answer.run), steps_screen(answer)]
    if answer.exclusions:
        screens.append(exclusions_screen(answer))
    screens.append(legs_screen(answer))
    return screens


def run_card(run: clearing.Run) -> RenderableType:
    rows = [
        ("phase", said(run, "phase")),
        ("attempt", str(run.attempt)),
        ("trades", f"{run.trades:,}, {tonnes(run.quantity_tonnes)} t, {money(run.value_fen)}"),
        ("fees", money(run.fees_fen)),
        ("opened", moment(run.opened_ms)),
    ]
    if run.blocked_because:
        rows.insert(1, ("blocked because", named(run.blocked_because, run.facts)))
    if run.excluded_trades:
        rows.append(("excluded", f"{run.excluded_trades:,} trades"))
    if run.completed_ms:
        rows.append(("completed", moment(run.completed_ms)))
    return card(f"Run {run.run_id} of {run.day}", rows)


def steps_screen(answer: clearing.GetRunResponse) -> Screen:
    return Screen(
        "Steps",
        [numbers("position"), words("time"), numbers("attempt", spare=1), words("step"), words("why", wraps=True)],
        [
            (
                f"{step.log_position:,}",
                moment(step.recorded_ms),
                str(step.attempt),
                step.step,
                named(step.reason, step.facts),
            )
            for step in answer.steps
        ],
    )


def exclusions_screen(answer: clearing.GetRunResponse) -> Screen:
    return Screen(
        "Exclusions",
        [
            numbers("exclusion", spare=2),
            words("proposed by", spare=1),
            words("approved by"),
            words("trades", wraps=True),
            words("ground", wraps=True),
        ],
        [
            (
                str(exclusion.exclusion_id),
                exclusion.proposed_by,
                exclusion.approved_by,
                ", ".join(map(str, exclusion.trade_ids)),
                exclusion.ground,
            )
            for exclusion in answer.exclusions
        ],
    )


def legs_screen(answer: clearing.GetRunResponse) -> Screen:
    return Screen(
        more("Legs", answer.next_page_token),
        [
            numbers("trade"),
            words("instrument"),
            numbers("tonnes"),
            words("seller"),
            words("buyer"),
            numbers("buyer pays CNY"),
            numbers("seller receives CNY", spare=1),
        ],
        [
            (
                str(leg.trade_id),
                leg.instrument,
                tonnes(leg.quantity_tonnes),
                leg.seller,
                leg.buyer,
                amount(leg.buyer_pays_fen),
                amount(leg.seller_receives_fen),
            )
            for leg in answer.legs
        ],
        "The run has no legs.",
    )


def obligations_screen(day: str, answer: clearing.ListObligationsResponse) -> Screen:
    return Screen(
        more(f"Obligations of {day}", answer.next_page_token),
        [
            numbers("trade"),
            words("time", spare=2),
            words("instrument"),
            numbers("CNY/t"),
            numbers("tonnes"),
            numbers("value CNY", spare=1),
            words("buyer"),
            words("seller"),
            words("state"),
            numbers("run", spare=2),
        ],
        [
            (
                str(known.trade_id),
                clock(known.executed_ms),
                known.instrument,
                amount(known.price_fen),
                tonnes(known.quantity_tonnes),
                amount(known.value_fen),
                known.buyer,
                known.seller,
                said(known, "state"),
                str(known.run_id or ""),
            )
            for known in answer.obligations
        ],
        "No obligation was recorded on this day.",
    )
