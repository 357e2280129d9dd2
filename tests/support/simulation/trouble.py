"""Runs that cannot move, made on purpose in a simulated market, and what people then do."""

from collections.abc import Container

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing_events
from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from clearing.domain.state import State
from support.days.day import CLEARING_OPERATOR, SECOND_CLEARING_OPERATOR, Player
from support.days.proposing import by_two
from support.simulation.market import SimulatedMarket

Attempt = tuple[str, int]
"""The day of a run, and the number of its attempt."""


def spoil_deliveries(market: SimulatedMarket, spoilt: Container[Attempt]) -> None:
    """The registry is asked for a tonne more than was staged, in these attempts."""

    def change(method: str, data: bytes) -> bytes:
        if not method.endswith("/DeliverAllowances"):
            return data
        request = registry.DeliverAllowancesRequest.FromString(data)
        if (request.day, request.attempt) not in spoilt:
            return data
        request.quantity_tonnes += 1
        return request.SerializeToString()

    market.network.change = change


def misstate_confirmations(market: SimulatedMarket, misstated: Container[Attempt]) -> None:
    """Trading is asked to confirm a fen too much, in these attempts."""

    def change(method: str, data: bytes) -> bytes:
        if not method.endswith("/ConfirmClearingRun"):
            return data
        request = trading.ConfirmClearingRunRequest.FromString(data)
        if (request.day, request.attempt) not in misstated:
            return data
        request.value_fen += 1
        request.totals[0].value_fen += 1
        return request.SerializeToString()

    market.network.change = change


async def blocked_run(market: SimulatedMarket, reason: str) -> int:
    """The id of the run that waits for people."""

    def blocked(state: State) -> list[int]:
        return [run.run_id for run in state.runs.open.values() if run.reason == reason]

    async def is_blocked() -> bool:
        return bool(await market.look("clearing", blocked))

    await market.until(is_blocked, f"a run to be blocked: {reason}")
    (run_id,) = await market.look("clearing", blocked)
    return run_id


async def exclude(player: Player, run_id: int, trade_ids: list[int]) -> list[int]:
    """Two people take trades out of a run; all that went with them."""
    command = clearing.ExcludeTradesRequest(run_id=run_id, trade_ids=trade_ids, ground="units are disputed")
    proposed = await by_two(player, CLEARING_OPERATOR, SECOND_CLEARING_OPERATOR, command)
    (shown,) = (one.data for one in proposed.effects if one.type.endswith(".ExclusionApproved"))
    taken_out = clearing_events.ExclusionApproved.FromString(shown).trade_ids
    assert set(trade_ids) <= set(taken_out)
    return list(taken_out)
