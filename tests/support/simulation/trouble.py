"""Runs that cannot move, made on purpose in a simulated market, and what people then do."""

from collections.abc import Callable, Container
from functools import partial
from typing import Any

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing_events
from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry_queries
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from chassis.core.sum_tree import Key, Quantities, SumTree
from chassis.serving.trees import KeptTrees, parts
from clearing.domain.state import State
from registry.domain.decider import DECIDER
from registry.domain.state import CUSTODY, Registry
from registry.wire import WIRE
from support.days.day import CLEARING_OPERATOR, SECOND_CLEARING_OPERATOR, Player
from support.days.proposing import by_two
from support.simulation.market import SimulatedMarket
from support.simulation.network import no_answer

CONFIRM, DELIVER = "ConfirmClearingRun", "DeliverAllowances"
ORDERS: dict[str, type[Any]] = {
    CONFIRM: trading.ConfirmClearingRunRequest,
    DELIVER: registry.DeliverAllowancesRequest,
}
"""Of clearing to others, by the rpc that carries them."""

Attempt = tuple[str, int]
"""The day of a run, and the number of its attempt."""


def spoil_deliveries(market: SimulatedMarket, spoilt: Container[Attempt]) -> None:
    """The registry is asked for a tonne more than was staged, in these attempts."""
    market.network.change = partial(misstated, DELIVER, spoilt)


def misstate_confirmations(market: SimulatedMarket, misstatements: Container[Attempt]) -> None:
    """Trading is asked to confirm a fen too much, in these attempts."""
    market.network.change = partial(misstated, CONFIRM, misstatements)


def give_name_away(market: SimulatedMarket, attempt: Attempt, rpc: str) -> None:
    """The receiver decides a command that clearing did not give, under the name of the order that this attempt sends by
    the rpc, and no answer to it arrives.
    """
    is_decided = False

    def change(method: str, data: bytes) -> bytes:
        return data if is_decided else misstated(rpc, {attempt}, method, data)

    def lose(method: str, answer: bytes) -> bytes:
        nonlocal is_decided
        if not is_decided and method.endswith(f"/{rpc}"):
            is_decided = True
            raise no_answer("the connection broke")
        return answer

    market.network.change, market.network.change_answer = change, lose


def misstated(rpc: str, attempts: Container[Attempt], method: str, data: bytes) -> bytes:
    """An order with a figure that is one too high, in these attempts."""
    if not method.endswith(f"/{rpc}"):
        return data
    request: Any = ORDERS[rpc].FromString(data)
    if (request.day, request.attempt) not in attempts:
        return data
    if rpc == DELIVER:
        request.quantity_tonnes += 1
    else:
        request.value_fen += 1
        request.totals[0].value_fen += 1
    return bytes(request.SerializeToString())


async def blocked_run(market: SimulatedMarket, reason: str) -> int:
    """The id of the run that waits for people."""

    async def is_blocked() -> bool:
        return bool(await market.look("clearing", partial(runs_blocked, reason=reason)))

    await market.until(is_blocked, f"a run to be blocked: {reason}")
    (run_id,) = await market.look("clearing", partial(runs_blocked, reason=reason))
    return run_id


def runs_blocked(state: State, reason: str) -> list[int]:
    return [run.run_id for run in state.runs.open.values() if run.reason == reason]


async def exclude(player: Player, run_id: int, trade_ids: list[int]) -> list[int]:
    """Two people take trades out of a run; all that went with them."""
    command = clearing.ExcludeTradesRequest(run_id=run_id, trade_ids=trade_ids, ground="units are disputed")
    proposed = await by_two(player, CLEARING_OPERATOR, SECOND_CLEARING_OPERATOR, command)
    (shown,) = (one.data for one in proposed.effects if one.type.endswith(".ExclusionApproved"))
    taken_out = clearing_events.ExclusionApproved.FromString(shown).trade_ids
    assert set(trade_ids) <= set(taken_out)
    return list(taken_out)


def misstate_holdings(market: SimulatedMarket, off_tonnes: Callable[[], int]) -> None:
    """The registry states so many tonnes too much of one account, that of the first leaf of its tree, and all else as
    it follows from that: otherwise it would be no answer.
    """
    misstated_trees = KeptTrees()
    stated_position = 0

    def change(method: str, answer: bytes) -> bytes:
        nonlocal stated_position
        if not off_tonnes():
            return answer
        if method.endswith("RegistryQueryService/GetCommitments"):
            stated = registry_queries.GetCommitmentsResponse.FromString(answer)
            stated_position = stated.position
            tree = custody_at(market, stated_position)
            first = next(tree.all_leaves())
            misstated = tree.changed({first.key: (first.sums[0] + off_tonnes(),)})
            del stated.trees[:]
            stated.trees.extend(misstated_trees.keep(stated_position, [misstated]))
            return stated.SerializeToString()
        if method.endswith("RegistryQueryService/GetTreeParts"):
            found = registry_queries.GetTreePartsResponse.FromString(answer)
            places = [below.parts[0].place[:-1] for below in found.places]
            del found.places[:]
            found.places.extend(parts(misstated_trees, stated_position, str(CUSTODY), places) or ())
            return found.SerializeToString()
        return answer

    market.network.change_answer = change


def custody_at(market: SimulatedMarket, position: int) -> SumTree:
    """What the registry held for trading, by its log."""
    books = Registry()
    for record in market.databases["registry"].store.records[:position]:
        if record.type in WIRE.by_name:
            event = WIRE.decode(record.type, record.data)
            DECIDER.evolve[type(event)](books, event)
    held: dict[Key, Quantities] = {
        (account, vintage): (holding.trading_tonnes,)
        for account, holdings in books.holdings.items()
        for vintage, holding in holdings.items()
    }
    return SumTree(CUSTODY).changed(held)
