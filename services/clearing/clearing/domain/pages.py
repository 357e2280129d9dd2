"""Page by page: whatever takes time for every leg of a run is done in pages, each a decision of its own that a timer
makes at once.

So the writer is never held for long, and after a crash the next page follows the last that is in the log. Between two
pages other commands are decided. That is safe because an attempt's legs are settled by the barrier (no trade of a
closed day is recorded or excluded while its run moves) and because money leaves clearing only beyond all that an
account is still to pay (payouts.py): what one page has proved no later command takes back.

A page is named by the last trade before it, never by a number: a release that makes larger or smaller pages goes on in
the middle of a run, and no name that it gives was given before.
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
