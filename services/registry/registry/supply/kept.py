"""Supply trees, made when they are asked for and kept in memory.

They are made from the tables as of a position, outside the writer, for one day at a time, in short steps. After each
the loop has PAUSE_SECONDS for other work: a command takes many turns of the loop, which must not each wait for a step.
Those of the days asked for last are kept, as many as have LEAVES_KEPT_MAX leaves together, but at least one day's.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from chassis.core.call import Unavailable
from chassis.followers.projections import Tables
from chassis.serving.shared_work import SharedWork
from registry.supply import rows
from registry.supply.tree import STEP_NODES_MAX, Growing, SupplyTree, TreeOf

PAUSE_SECONDS = 0.002
LEAVES_KEPT_MAX = 2**20
"""47 MB."""

Trees = Mapping[tuple[str, str], SupplyTree]
"""By vintage and state."""

logger = logging.getLogger(__name__)


class SupplyTrees:
    def __init__(self, log_id: str, tables: Tables) -> None:
        self._log_id = log_id
        self._tables = tables
        self._kept: OrderedDict[str, Trees] = OrderedDict()
        self._making = SharedWork[Trees]()
        self._made_now = ""

    async def of(self, day: str, position: int, secret: bytes, vintages: Iterable[str]) -> Trees:
        """A day's trees, one for each of the vintages and each state. Raises Unavailable while another day's are
        made.
        """
        kept = self._kept.get(day)
        if kept is not None:
            self._kept.move_to_end(day)
            return kept
        if self._made_now not in ("", day):
            raise Unavailable(f"the supply of {self._made_now} is being made; ask again")
        return await self._making.result(day, lambda: self._make(day, position, secret, list(vintages)))

    async def _make(self, day: str, position: int, secret: bytes, vintages: list[str]) -> Trees:
        loop = asyncio.get_running_loop()
        begun, self._made_now = loop.time(), day
        try:
            growing = {
                (vintage, state): Growing(TreeOf(self._log_id, day, vintage, state), secret)
                for vintage in vintages
                for state in rows.STATES
            }
            await self._add_holdings(growing, position)
            trees = {of: await grown(tree) for of, tree in growing.items()}
        finally:
            self._made_now = ""
        self._keep(day, trees)
        logger.info("made the supply trees of %s: %d leaves in %.1f s", day, leaves_of([trees]), loop.time() - begun)
        return trees

    async def _add_holdings(self, growing: Mapping[tuple[str, str], Growing], position: int) -> None:
        since_pause = 0
        async for held in rows.holdings(self._tables, position):
            for state, tonnes in held.tonnes.items():
                if tonnes:
                    since_pause += growing[held.vintage, state].add(held.account, tonnes)
            if since_pause >= STEP_NODES_MAX:
                since_pause = 0
                await asyncio.sleep(PAUSE_SECONDS)

    def _keep(self, day: str, trees: Trees) -> None:
        self._kept[day] = trees
        while len(self._kept) > 1 and leaves_of(self._kept.values()) > LEAVES_KEPT_MAX:
            self._kept.popitem(last=False)


async def grown(growing: Growing) -> SupplyTree:
    made: list[SupplyTree] = []
    for _ in growing.steps(made):
        await asyncio.sleep(PAUSE_SECONDS)
    return made[0]


def leaves_of(kept: Iterable[Trees]) -> int:
    return sum(tree.leaves for trees in kept for tree in trees.values())
