"""Runs that cannot move, made on purpose in a simulated market, and what people then do."""

from collections.abc import Container
from typing import Any

from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from support.day import CLEARING_OPERATOR, Player
from support.world import World

SECOND_CLEARING_OPERATOR = "clearing_operator:eve"

Attempt = tuple[str, int]
"""The day of a run, and the number of its attempt."""


def spoil_deliveries(world: World, spoilt: Container[Attempt]) -> None:
    """The registry is asked for more than the first seller has, in these attempts."""

    def change(service: str, request: Message) -> Message:
        if not isinstance(request, registry.DeliverAllowancesRequest) or (request.day, request.attempt) not in spoilt:
            return request
        changed = registry.DeliverAllowancesRequest.FromString(request.SerializeToString())
        changed.legs[0].quantity_tonnes = 10**11
        return changed

    world.change_request = change


def misstate_confirmations(world: World, misstated: Container[Attempt]) -> None:
    """Trading is asked to confirm a fen too much, in these attempts."""

    def change(service: str, request: Message) -> Message:
        if (
            not isinstance(request, trading.ConfirmClearingRunRequest)
            or (request.day, request.attempt) not in misstated
        ):
            return request
        changed = trading.ConfirmClearingRunRequest.FromString(request.SerializeToString())
        changed.value_fen += 1
        changed.totals[0].value_fen += 1
        return changed

    world.change_request = change


async def blocked_run(world: World, reason: str) -> Any:
    """The run that waits for people."""

    async def is_blocked() -> bool:
        node = world.nodes["clearing"]
        return node.up and any(run.reason == reason for run in node.engine.state.runs.open.values())

    await world.until(is_blocked, f"a run to be blocked: {reason}")
    return next(run for run in world.nodes["clearing"].engine.state.runs.open.values() if run.reason == reason)


async def exclude(player: Player, run_id: int, trade_ids: list[int]) -> list[int]:
    """Two people take trades out of a run; all that went with them."""
    propose = clearing.ProposeExclusionRequest(run_id=run_id, trade_ids=trade_ids, ground="units are disputed")
    proposed = await player.ask(CLEARING_OPERATOR, propose)
    assert set(trade_ids) <= set(proposed.trade_ids)
    approve = clearing.ApproveExclusionRequest(exclusion_id=proposed.exclusion_id)
    assert await player.may(CLEARING_OPERATOR, approve) is None, "the proposer approves nothing"
    await player.ask(SECOND_CLEARING_OPERATOR, approve)
    return list(proposed.trade_ids)
