"""`runs`, `obligations`, `reconciliations`: how a day is settled, and the proof that the three books agree."""

from collections.abc import Mapping, Sequence

import click
from rich.console import RenderableType

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from carbonmarket_client.cli.accounts import more
from carbonmarket_client.cli.app import (
    DAY,
    Noun,
    Session,
    cli,
    command,
    gathered,
    limit_option,
    request_id_option,
)
from carbonmarket_client.cli.screens import Screen, card, fact, label, numbers, said, words, yes
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.values import amount, clock, moment, money, tonnes
from carbonmarket_client.words import word_of


@cli.group(cls=Noun)
def runs() -> None:
    """Runs: the clearing of each day, trade by trade, delivery versus payment."""


@command(runs, "list", ["carbonmarket runs", "carbonmarket runs list --open"])
@click.option("--open", "open_only", is_flag=True, help="Only runs that are not completed.")
@limit_option
async def list_runs(market: CarbonMarket, session: Session, open_only: bool, limit: int) -> None:
    """List runs, newest first."""
    answer = await gathered(
        lambda size, token: market.clearing.list_runs(open_only=open_only, page_size=size, page_token=token),
        "runs",
        limit,
    )
    session.show(answer, runs_screen(answer))


@command(runs, "show", ["carbonmarket runs show 1", "carbonmarket runs show 1 --limit 0 --json"])
@click.argument("run_id", type=int)
@limit_option
async def show_run(market: CarbonMarket, session: Session, run_id: int, limit: int) -> None:
    """Show one run: where it stands, why it waits, the steps it took, and its legs."""
    answer = await gathered(
        lambda size, token: market.clearing.get_run(run_id, page_size=size, page_token=token), "legs", limit
    )
    session.show(answer, *run_screens(answer))


@command(runs, "retry", ["carbonmarket runs retry 1"])
@click.argument("run_id", type=int)
@request_id_option
async def retry(market: CarbonMarket, session: Session, run_id: int, request_id: str) -> None:
    """Try a blocked run again, from the completeness barrier on, as a new attempt."""
    answer = await market.clearing.retry_run(run_id, request_id=request_id)
    session.done(answer, request_id, attempt_sentence(run_id, answer.attempt, answer.blocked_because))


@command(runs, "exclude", ['carbonmarket runs exclude 1 17 18 --ground "bank recalled the deposit"'])
@click.argument("run_id", type=int)
@click.argument("trade_ids", type=int, nargs=-1, required=True)
@click.option("--ground", required=True, help="Why these trades cannot settle.")
@request_id_option
async def exclude(
    market: CarbonMarket, session: Session, run_id: int, trade_ids: Sequence[int], ground: str, request_id: str
) -> None:
    """Propose to take trades out of a blocked run; the trades that only they funded go with them."""
    answer = await market.clearing.propose_exclusion(run_id, trade_ids, ground, request_id=request_id)
    session.done(
        answer,
        request_id,
        f"Exclusion {answer.exclusion_id} is proposed: trades {', '.join(map(str, answer.trade_ids))}. "
        f"Another clearing operator approves it: carbonmarket runs approve {answer.exclusion_id}",
    )


@command(runs, "approve", ["carbonmarket runs approve 2"])
@click.argument("exclusion_id", type=int)
@request_id_option
async def approve(market: CarbonMarket, session: Session, exclusion_id: int, request_id: str) -> None:
    """Approve the exclusion that another operator proposed; the run goes on without its trades."""
    answer = await market.clearing.approve_exclusion(exclusion_id, request_id=request_id)
    sentence = f"Attempt {answer.attempt} is under way without the trades."
    if answer.blocked_because:
        sentence = f"Attempt {answer.attempt} is blocked too: {answer.blocked_because}."
    session.done(answer, request_id, f"Exclusion {exclusion_id} is approved. {sentence}")


@cli.group(cls=Noun)
def obligations() -> None:
    """Obligations: what the two sides of each trade owe each other."""


@command(
    obligations,
    "list",
    ["carbonmarket obligations 2021-07-16", "carbonmarket obligations 2021-07-16 --account power-0007"],
)
@click.argument("day", type=DAY)
@click.option("--account", help="Whose; else a participant's own, for others everybody's.")
@limit_option
async def list_obligations(market: CarbonMarket, session: Session, day: str, account: str | None, limit: int) -> None:
    """List the obligations of a day, in the order of their trades."""
    whose = session.own_or_all(account)
    answer = await gathered(
        lambda size, token: market.clearing.list_obligations(day, account=whose, page_size=size, page_token=token),
        "obligations",
        limit,
    )
    session.show(answer, obligations_screen(day, answer))


@cli.group(cls=Noun)
def reconciliations() -> None:
    """Reconciliations: registry, trading and clearing compared at stated positions, every day."""


@command(reconciliations, "list", ["carbonmarket reconciliations"])
@limit_option
async def list_reconciliations(market: CarbonMarket, session: Session, limit: int) -> None:
    """List reconciliations, newest first."""
    answer = await gathered(
        lambda size, token: market.clearing.list_reconciliations(page_size=size, page_token=token),
        "reconciliations",
        limit,
    )
    session.show(answer, reconciliations_screen(answer))


@command(reconciliations, "show", ["carbonmarket reconciliations show 2021-07-16"])
@click.argument("day", type=DAY)
async def show_reconciliation(market: CarbonMarket, session: Session, day: str) -> None:
    """Show a day's latest reconciliation, with its differences and what was in flight."""
    answer = await market.clearing.get_reconciliation(day)
    session.show(answer, *reconciliation_screens(answer))


@command(reconciliations, "again", ["carbonmarket reconciliations again 2021-07-16"])
@click.argument("day", type=DAY)
@request_id_option
async def again(market: CarbonMarket, session: Session, day: str, request_id: str) -> None:
    """Compare the three books once more, after the day settled last."""
    answer = await market.clearing.reconcile_again(day, request_id=request_id)
    session.done(answer, request_id, f"The books of {day} are compared again: carbonmarket reconciliations show {day}")


# Screens


def attempt_sentence(run_id: int, attempt: int, blocked_because: str) -> str:
    if blocked_because:
        see = f"carbonmarket runs show {run_id}"
        return f"Run {run_id}, attempt {attempt}, is blocked again: {blocked_because}. See: {see}"
    return f"Run {run_id} is under way again as attempt {attempt}."


def runs_screen(answer: query.ListRunsResponse) -> Screen:
    return Screen(
        more("Runs", answer.next_page_token),
        [
            numbers("run"),
            words("day"),
            words("phase"),
            numbers("attempt"),
            numbers("trades"),
            numbers("excluded", spare=True),
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
                f"{run.excluded:,}",
                tonnes(run.quantity_tonnes),
                amount(run.value_fen),
                run.blocked_because,
            )
            for run in answer.runs
        ],
        "There are no such runs: a run opens when trading closes a day.",
    )


def run_screens(answer: query.GetRunResponse) -> list[RenderableType]:
    run = answer.run
    rows = [
        ("phase", said(run, "phase")),
        ("attempt", str(run.attempt)),
        ("trades", f"{run.trades:,}, {tonnes(run.quantity_tonnes)} t, {money(run.value_fen)}"),
        ("fees", money(run.fees_fen)),
        ("opened", moment(run.opened_ms)),
    ]
    if run.blocked_because:
        rows.insert(1, ("blocked because", named(run.blocked_because, run.facts)))
    if run.excluded:
        rows.append(("excluded", f"{run.excluded:,} trades"))
    if run.completed_ms:
        rows.append(("completed", moment(run.completed_ms)))
    screens: list[RenderableType] = [
        card(f"Run {run.run_id} of {run.day}", rows),
        Screen(
            "Steps",
            [numbers("position"), words("time"), numbers("attempt"), words("step"), words("why", wraps=True)],
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
        ),
    ]
    if answer.exclusions:
        screens.append(
            Screen(
                "Exclusions",
                [
                    numbers("exclusion"),
                    words("proposed by"),
                    words("approved by"),
                    words("trades", wraps=True),
                    words("ground", wraps=True),
                ],
                [
                    (
                        str(exclusion.exclusion_id),
                        exclusion.proposer,
                        exclusion.approver or "nobody yet",
                        ", ".join(map(str, exclusion.trade_ids)),
                        exclusion.ground,
                    )
                    for exclusion in answer.exclusions
                ],
            )
        )
    screens.append(
        Screen(
            more("Legs", answer.next_page_token),
            [
                numbers("trade"),
                words("instrument"),
                numbers("tonnes"),
                words("seller"),
                words("buyer"),
                numbers("buyer pays CNY"),
                numbers("seller receives CNY"),
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
    )
    return screens


def named(reason: str, facts: Mapping[str, str]) -> str:
    """A reason with its facts behind it."""
    known = ", ".join(f"{label(name)} {fact(name, text)}" for name, text in sorted(facts.items()))
    return f"{reason} ({known})" if known else reason


def obligations_screen(day: str, answer: query.ListObligationsResponse) -> Screen:
    return Screen(
        more(f"Obligations of {day}", answer.next_page_token),
        [
            numbers("trade"),
            words("recorded", spare=True),
            words("instrument"),
            numbers("CNY/t"),
            numbers("tonnes"),
            numbers("value CNY"),
            words("buyer"),
            words("seller"),
            words("state"),
            numbers("run", spare=True),
        ],
        [
            (
                str(known.trade_id),
                clock(known.recorded_ms),
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


def reconciliations_screen(answer: query.ListReconciliationsResponse) -> Screen:
    return Screen(
        more("Reconciliations, as of log positions", answer.next_page_token),
        [
            words("day"),
            words("agreed"),
            numbers("registry at"),
            numbers("trading at"),
            numbers("fund entry"),
            numbers("rows"),
            numbers("differences"),
            numbers("in flight"),
            words("recorded", spare=True),
        ],
        [
            (
                known.day,
                yes(known.agreed),
                f"{known.registry_position:,}",
                f"{known.trading_position:,}",
                f"{known.clearing_entry:,}",
                f"{known.rows_compared:,}",
                f"{known.difference_count:,}",
                f"{known.in_flight_count:,}",
                moment(known.recorded_ms),
            )
            for known in answer.reconciliations
        ],
        "No books were compared yet: that happens after each day's settlement.",
    )


def reconciliation_screens(answer: query.GetReconciliationResponse) -> list[RenderableType]:
    known = answer.reconciliation
    screens: list[RenderableType] = [
        card(
            f"The three books after {known.day}: {'they agree' if known.agreed else 'THEY DO NOT AGREE'}",
            [
                ("registry", f"as of position {known.registry_position:,}"),
                ("trading", f"as of position {known.trading_position:,}"),
                ("clearing", f"as of fund entry {known.clearing_entry:,}"),
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
                [words("book"), words("account"), words("instrument"), numbers("held"), numbers("expected")],
                [
                    (
                        said(row, "book"),
                        row.account,
                        row.instrument,
                        in_unit(row.instrument, row.held),
                        in_unit(row.instrument, row.expected),
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
                        word_of(types.InFlightKind.DESCRIPTOR, row.kind).replace("_", " "),
                        row.account,
                        row.instrument,
                        in_unit(row.instrument, row.amount),
                    )
                    for row in answer.in_flight
                ],
            )
        )
    return screens


def in_unit(instrument: str, number: int) -> str:
    """Tonnes where an instrument is named, else money."""
    return f"{tonnes(number)} t" if instrument else money(number)
