"""Page by page: work for every leg of a run is done in pages, each in a decision of its own that a timer makes at once.

So no decision occupies the writer for long, and after a crash the run goes on after the last page in the log. Between
two pages other commands are decided. That is safe because the barrier fixes an attempt's legs (no trade of a closed day
is recorded or excluded while its run goes on), and because an account's money leaves clearing only beyond all that it
still has to pay (payouts.py): no later command undoes what a page has proved.

A page is named by the last trade before it, never by a number. So a release with larger or smaller pages can go on in
the middle of a run, and uses no name a second time.
"""

from dataclasses import dataclass

from chassis.core.decider import Context, Decide, Timer, handles
from clearing.domain.run import list_legs
from clearing.domain.settlement import pay_trades, replay_cash
from clearing.domain.state import Phase, Run, State

# Commands


@dataclass(frozen=True, slots=True)
class ContinueRun:
    """Due at once in a phase that goes page by page: the legs after a trade, or when there are none what follows."""

    run_id: int
    attempt: int
    phase: Phase
    after_trade_id: int


# Decisions

STEPS = {Phase.LISTING: list_legs, Phase.PROVING: replay_cash, Phase.PAYING: pay_trades}
"""What continues by itself in each phase; in the others an answer or people are awaited."""


def continue_run(state: State, command: ContinueRun, context: Context) -> list[object]:
    run = state.runs.open[command.run_id]
    as_due = (run.attempt, run.phase, last_trade_id(run))
    assert as_due == (command.attempt, command.phase, command.after_trade_id), "a timer is decided only while it is due"
    return STEPS[run.phase](state, run, context)


def last_trade_id(run: Run) -> int:
    """Of the pages of the phase so far; zero before the first."""
    last = {
        Phase.LISTING: run.listing.last_trade_id,
        Phase.PROVING: run.replay.last_trade_id,
        Phase.PAYING: run.payment.last_trade_id,
    }
    return last[run.phase]


def due(state: State) -> Timer | None:
    """Days are settled in their order: only the earliest run moves."""
    run = next(iter(state.runs.open.values()), None)
    if run is None or run.phase not in STEPS:
        return None
    after = last_trade_id(run)
    name = f"{run.phase.name.lower()}/{run.run_id}/{run.attempt}/{after}"
    command = ContinueRun(run.run_id, run.attempt, run.phase, after)
    return Timer(run.opened_ms, name, command, subject=f"run/{run.run_id}")


DECIDE: Decide[State] = handles(ContinueRun, continue_run)
