"""The barrier: a day is cleared only when everything about it was heard.

Trading's log has no gaps and its close of the day comes after every trade, so whoever has heard the close has heard
every trade. The barrier checks it nevertheless: the totals that trading states are compared, nothing heard may be set
aside, and trading must still be heard.
"""

from chassis.core.decider import Context, Facts, as_facts, doubts
from clearing.domain.state import DayTotals, State

RUN_TRADES_MAX = 200_000
"""What the registry takes in one delivery, and trading at admission (rulebook 3.2)."""


def barrier(state: State, day: str, closed: DayTotals, context: Context) -> tuple[str, Facts] | None:
    """Why the run may not begin, and the facts; None when it may."""
    for doubt in doubts(context):
        return doubt.reason, as_facts(**doubt.facts)
    heard = state.obligations.days.get(day, DayTotals())
    if heard != closed:
        return "TOTALS_DIFFER", as_facts(
            trades=heard.trades,
            trades_closed=closed.trades,
            quantity_tonnes=heard.quantity_tonnes,
            quantity_tonnes_closed=closed.quantity_tonnes,
            value_fen=heard.value_fen,
            value_fen_closed=closed.value_fen,
            first_trade_id=heard.first_trade_id,
            first_trade_id_closed=closed.first_trade_id,
            last_trade_id=heard.last_trade_id,
            last_trade_id_closed=closed.last_trade_id,
        )
    if heard.trades > RUN_TRADES_MAX:
        return "RUN_TOO_LARGE", as_facts(trades=heard.trades, trades_max=RUN_TRADES_MAX)
    return None
