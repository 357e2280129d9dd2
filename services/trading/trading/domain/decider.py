"""Trading's decider: the tables of all concepts merged, and the timers that release purchases and close a day."""

from chassis.core.decider import Decider, Timer, merged
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
    overriding,
    restriction,
    rules,
    settlement,
    suspension,
    trades,
)
from trading.domain.state import Market


def due(market: Market) -> Timer | None:
    return settlement.due(market) or closing.due(market)


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
        overriding.DECIDE,
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
        overriding.EVOLVE,
        opening.EVOLVE,
        closing.EVOLVE,
    ),
    due=due,
    needs_two=frozenset({overriding.OverrideOpening}),
)
