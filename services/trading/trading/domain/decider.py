"""Trading's decider: the tables of all concepts, merged, and the timer that ends a day."""

from chassis.decider import Decider, merged
from trading.domain import (
    accounts,
    block,
    calendar,
    closing,
    confirmation,
    custody,
    instruments,
    listed,
    negotiations,
    opening,
    restriction,
    rules,
    settlement,
    suspension,
    trades,
)
from trading.domain.market import Market

DECIDER: Decider[Market] = Decider(
    initial=Market,
    decide=merged(
        calendar.DECIDE,
        rules.DECIDE,
        instruments.DECIDE,
        accounts.DECIDE,
        listed.DECIDE,
        block.DECIDE,
        custody.DECIDE,
        settlement.DECIDE,
        suspension.DECIDE,
        restriction.DECIDE,
        confirmation.DECIDE,
        opening.DECIDE,
        closing.DECIDE,
    ),
    evolve=merged(
        calendar.EVOLVE,
        rules.EVOLVE,
        instruments.EVOLVE,
        accounts.EVOLVE,
        trades.EVOLVE,
        listed.EVOLVE,
        negotiations.EVOLVE,
        custody.EVOLVE,
        settlement.EVOLVE,
        suspension.EVOLVE,
        restriction.EVOLVE,
        confirmation.EVOLVE,
        opening.EVOLVE,
        closing.EVOLVE,
    ),
    due=closing.due,
)
