"""Trading's decider: the tables of all concepts, merged, and the timer that ends a day."""

from chassis.decider import Decider
from trading.domain import (
    accounts,
    block,
    calendar,
    custody,
    day,
    instruments,
    listed,
    rules,
    settlement,
    suspension,
    trades,
)
from trading.domain.market import Market

DECIDER: Decider[Market] = Decider(
    initial=Market,
    decide={
        **calendar.DECIDE,
        **rules.DECIDE,
        **instruments.DECIDE,
        **accounts.DECIDE,
        **listed.DECIDE,
        **block.DECIDE,
        **custody.DECIDE,
        **settlement.DECIDE,
        **suspension.DECIDE,
        **day.DECIDE,
    },
    evolve={
        **calendar.EVOLVE,
        **rules.EVOLVE,
        **instruments.EVOLVE,
        **accounts.EVOLVE,
        **trades.EVOLVE,
        **listed.EVOLVE,
        **block.EVOLVE,
        **custody.EVOLVE,
        **settlement.EVOLVE,
        **suspension.EVOLVE,
        **day.EVOLVE,
    },
    due=day.due,
)
