"""Clearing's domain, whole: one table of decisions, one of changes."""

from chassis.core.decider import Decider, merged
from clearing.domain import banks, exclusion, funds, obligations, pages, payouts, reconciliation, run, settlement
from clearing.domain.state import State

DECIDER: Decider[State] = Decider(
    initial=State,
    decide=merged(
        banks.DECIDE,
        funds.DECIDE,
        payouts.DECIDE,
        obligations.DECIDE,
        run.DECIDE,
        settlement.DECIDE,
        pages.DECIDE,
        exclusion.DECIDE,
        reconciliation.DECIDE,
    ),
    evolve=merged(
        banks.EVOLVE,
        funds.EVOLVE,
        payouts.EVOLVE,
        obligations.EVOLVE,
        run.EVOLVE,
        settlement.EVOLVE,
        exclusion.EVOLVE,
        reconciliation.EVOLVE,
    ),
    needs_two=frozenset({payouts.RevokePayoutInstruction, exclusion.ExcludeTrades}),
    asks=merged(funds.ASKS, payouts.ASKS),
    claims=merged(funds.CLAIMS, payouts.CLAIMS),
    due=pages.due,
)
