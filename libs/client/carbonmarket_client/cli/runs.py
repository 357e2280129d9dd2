"""`runs`, `obligations`, `reconciliations`: how a day is settled, and the proof that the three books agree."""

from collections.abc import Sequence

import click

from carbonmarket_client.cli.app import (
    DAY,
    NUMBER,
    Noun,
    Session,
    cli,
    command,
    gathered,
    limit_option,
    request_id_option,
)
from carbonmarket_client.cli.days import last_closed_day
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.pending import another_approves
from carbonmarket_client.screens.reconciliations import reconciliation_screens, reconciliations_screen
from carbonmarket_client.screens.runs import obligations_screen, run_screens, runs_screen


@cli.group(cls=Noun)
def runs() -> None:
    """Runs: the clearing of each day, trade by trade, delivery versus payment.

    For operators, auditors and the regulator; a participant sees its trades' by `carbonmarket obligations`.
    """


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
@click.argument("run_id", type=NUMBER)
@limit_option
async def show_run(market: CarbonMarket, session: Session, run_id: int, limit: int) -> None:
    """Show one run: its state, why it waits, the steps it took, and its legs."""
    answer = await gathered(
        lambda size, token: market.clearing.get_run(run_id, page_size=size, page_token=token), "legs", limit
    )
    session.show(answer, *run_screens(answer))


@command(runs, "retry", ["carbonmarket runs retry 1"])
@click.argument("run_id", type=NUMBER)
@request_id_option
async def retry(market: CarbonMarket, session: Session, run_id: int, request_id: str) -> None:
    """Try a blocked run again, from the completeness barrier on, as a new attempt."""
    answer = await market.clearing.retry_run(run_id, request_id=request_id)
    session.done(answer, request_id, attempt_sentence(run_id, answer.attempt, answer.blocked_because))


@command(runs, "exclude", ['carbonmarket runs exclude 1 17 18 --ground "bank recalled the deposit"'])
@click.argument("run_id", type=NUMBER)
@click.argument("trade_ids", type=NUMBER, nargs=-1, required=True)
@click.option("--ground", required=True, help="Why these trades cannot settle.")
@request_id_option
async def exclude(
    market: CarbonMarket, session: Session, run_id: int, trade_ids: Sequence[int], ground: str, request_id: str
) -> None:
    """Propose to take trades out of a blocked run. It takes two operators.

    The trades that only they funded go with them. Then the run goes on as a new attempt.
    """
    answer = await market.clearing.exclude_trades(run_id, trade_ids, ground, request_id=request_id)
    session.done(answer, request_id, another_approves("clearing", answer))


@cli.group(cls=Noun)
def obligations() -> None:
    """Obligations: what the two sides of each trade owe each other."""


@command(
    obligations,
    "list",
    ["carbonmarket obligations", "carbonmarket obligations 2021-07-16 --account power-0007"],
)
@click.argument("day", type=DAY, required=False)
@click.option("--account", help="Whose; else a participant's own, for others everybody's.")
@limit_option
async def list_obligations(
    market: CarbonMarket, session: Session, day: str | None, account: str | None, limit: int
) -> None:
    """List the obligations of a day, in the order of their trades. Without a day of the last closed one."""
    of_day = day or await last_closed_day(market)
    whose = session.own_or_all(account)
    answer = await gathered(
        lambda size, token: market.clearing.list_obligations(of_day, account=whose, page_size=size, page_token=token),
        "obligations",
        limit,
    )
    session.show(answer, obligations_screen(of_day, answer))


@cli.group(cls=Noun)
def reconciliations() -> None:
    """Reconciliations: registry, trading and clearing compared every day.

    Each says at which positions. For operators, auditors and the regulator; a participant sees its own books by
    `carbonmarket statements`.
    """


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
@click.argument("day", type=DAY, required=False)
async def show_reconciliation(market: CarbonMarket, session: Session, day: str | None) -> None:
    """Show a day's latest reconciliation, with its differences and what was in flight.

    Without a day it is the last closed one's.
    """
    answer = await market.clearing.get_reconciliation(day or await last_closed_day(market))
    session.show(answer, *reconciliation_screens(answer))


@command(reconciliations, "again", ["carbonmarket reconciliations again 2021-07-16"])
@click.argument("day", type=DAY)
@request_id_option
async def again(market: CarbonMarket, session: Session, day: str, request_id: str) -> None:
    """Compare the three books again, for the day that was settled last."""
    answer = await market.clearing.reconcile_again(day, request_id=request_id)
    session.done(answer, request_id, f"The books of {day} are compared again: carbonmarket reconciliations show {day}")


def attempt_sentence(run_id: int, attempt: int, blocked_because: str) -> str:
    if blocked_because:
        see = f"carbonmarket runs show {run_id}"
        return f"Run {run_id}, attempt {attempt}, is blocked again: {blocked_because}. See: {see}"
    return f"Run {run_id} is under way again as attempt {attempt}."
