"""An account's day, joined from two books: money and trades are clearing's, allowances the registry's.

Clearing's statement says where the registry's log was when the day's books first agreed, and when those of the settled
day before did. What the registry recorded in between is what the day did to the account's allowances; so a day opens
with what the one before closed with, and what was issued, allocated or transferred to trading between two days belongs
to the later one. So does money that came or went between two trading days.
If clearing compared several days at once, the first has the changes of all of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_query_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as types
from carbonmarket_client.errors import NotFound
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.service import pages

WITHIN_THE_ACCOUNT = (types.MOVEMENT_KIND_TRANSFERRED_TO_TRADING, types.MOVEMENT_KIND_RETURNED_FROM_TRADING)


@dataclass(frozen=True, slots=True)
class VintageLine:
    """What a day did to an account's allowances of a vintage: opening + issued + allocated + bought - sold = closing =
    registry available + trading. Allocated is what came less what was given away. Transfers and returns move allowances
    within the account.
    """

    vintage: str
    opening_tonnes: int
    issued_tonnes: int
    allocated_tonnes: int
    bought_tonnes: int
    sold_tonnes: int
    closing_tonnes: int
    registry_available_tonnes: int
    trading_tonnes: int
    blocked_tonnes: int
    sellable_next_day_tonnes: int
    transferred_to_trading_tonnes: int
    returned_from_trading_tonnes: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`vintages` is empty until the day's books have agreed."""

    clearing: clearing.GetStatementResponse
    vintages: tuple[VintageLine, ...]


async def read_statement(market: CarbonMarket, account: str, day: str, *, min_position: int = 0) -> Statement:
    """An account's statement of a day; min_position is of clearing's log."""
    stated = await market.clearing.get_statement(account, day, min_position=min_position)
    closing_at, opening_at = stated.registry_position, stated.registry_position_before
    if not closing_at:
        return Statement(stated, ())
    try:
        held = await market.registry.get_statement(account, as_of_position=closing_at)
    except NotFound:
        return Statement(stated, ())  # The account is younger than the day.
    movements: list[registry.Movement] = []
    async for page in pages(
        lambda token: market.registry.list_movements(account, after_position=opening_at, page_token=token)
    ):
        movements += [movement for movement in page.movements if movement.position <= closing_at]
        if page.movements and page.movements[-1].position > closing_at:
            break
    return Statement(stated, vintage_lines(stated, held, movements))


def vintage_lines(
    stated: clearing.GetStatementResponse,
    held: registry.GetStatementResponse,
    movements: Iterable[registry.Movement],
) -> tuple[VintageLine, ...]:
    """A line for every vintage that the account holds or held on the day. What it has in trading after the settlement
    may be sold on the next day, purchases of the day included (T+1); only what is blocked may not, and nothing of an
    account that is restricted.
    """
    moved: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for movement in movements:
        change = movement.registry_available_change_tonnes + movement.trading_change_tonnes
        if movement.kind in WITHIN_THE_ACCOUNT:
            change = abs(movement.trading_change_tonnes)
        moved[movement.vintage][movement.kind] += change
    blocked = {line.instrument: line.blocked_tonnes for line in stated.instruments}
    may_sell = held.account.state == types.ACCOUNT_STATE_OPEN
    lines = []
    for holding in held.holdings:
        by_kind = moved[holding.vintage]
        closing_tonnes = holding.registry_available_tonnes + holding.trading_tonnes
        changes = sum(tonnes for kind, tonnes in by_kind.items() if kind not in WITHIN_THE_ACCOUNT)
        blocked_tonnes = blocked.get(holding.vintage, 0)
        line = VintageLine(
            vintage=holding.vintage,
            opening_tonnes=closing_tonnes - changes,
            issued_tonnes=by_kind[types.MOVEMENT_KIND_ISSUED],
            allocated_tonnes=by_kind[types.MOVEMENT_KIND_ALLOCATED_IN] + by_kind[types.MOVEMENT_KIND_ALLOCATED_OUT],
            bought_tonnes=by_kind[types.MOVEMENT_KIND_DELIVERED_IN],
            sold_tonnes=-by_kind[types.MOVEMENT_KIND_DELIVERED_OUT],
            closing_tonnes=closing_tonnes,
            registry_available_tonnes=holding.registry_available_tonnes,
            trading_tonnes=holding.trading_tonnes,
            blocked_tonnes=blocked_tonnes,
            sellable_next_day_tonnes=holding.trading_tonnes - blocked_tonnes if may_sell else 0,
            transferred_to_trading_tonnes=by_kind[types.MOVEMENT_KIND_TRANSFERRED_TO_TRADING],
            returned_from_trading_tonnes=by_kind[types.MOVEMENT_KIND_RETURNED_FROM_TRADING],
        )
        if closing_tonnes or by_kind:
            lines.append(line)
    return tuple(lines)
