"""Supply trees, made when they are asked for and kept in memory.

They are made from the tables as of a position, outside the writer, for one day at a time, in short steps. After each
the loop has PAUSE_SECONDS for other work: a command takes many turns of the loop, which must not each wait for a step.
Those of the days asked for last are kept, as many as have LEAVES_KEPT_MAX leaves together, but at least one day's.

Wrong tables give wrong trees. They are kept like others, so that asking again costs nothing, but not over a rebuild of
the tables: what trees are made from is part of the name under which they are kept.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What trees follow from. `times_emptied` is how often the tables had been emptied to be written anew."""

    day: str
    position: int
    secret: bytes
    times_emptied: int


class SupplyTrees:
    def __init__(self, log_id: str, tables: Tables) -> None:
        self._log_id = log_id
        self._tables = tables
        self._kept: OrderedDict[MadeFrom, Trees] = OrderedDict()
        self._making = SharedWork[MadeFrom, Trees]()
        self._made_now = ""
        self._reported: set[MadeFrom] = set()

    async def of(self, day: str, position: int, secret: bytes, vintages: Iterable[str]) -> Trees:
        """A day's trees, one for each of the vintages and each state. Raises Unavailable while another day's are
        made.
        """
        made_from = self._made_from(day, position, secret)
        kept = self._kept.get(made_from)
        if kept is not None:
            self._kept.move_to_end(made_from)
            return kept
        if self._made_now not in ("", day):
            raise Unavailable(f"the supply of {self._made_now} is being made; ask again")

        def begin() -> Coroutine[object, object, Trees]:
            # At once, not in the task's first step: whoever asks for another day before that is to be turned away.
            self._made_now = day
            return self._make(made_from, list(vintages))

        return await self._making.result(made_from, begin)

    def report(self, day: str, position: int, secret: bytes, what: str) -> None:
        """Logs what is wrong with a day's trees, once for the same ones: anybody may ask again and again."""
        made_from = self._made_from(day, position, secret)
        if made_from not in self._reported:
            self._reported.add(made_from)
            logger.critical("no proof of the supply of %s: %s", day, what)

    def _made_from(self, day: str, position: int, secret: bytes) -> MadeFrom:
        return MadeFrom(day, position, secret, self._tables.times_emptied)

    async def _make(self, made_from: MadeFrom, vintages: list[str]) -> Trees:
        loop = asyncio.get_running_loop()
        begun, day = loop.time(), made_from.day
        try:
            growing = {
                (vintage, state): Growing(TreeOf(self._log_id, day, vintage, state), made_from.secret)
                for vintage in vintages
                for state in rows.STATES
            }
            await self._add_holdings(growing, made_from.position)
            trees = {of: await grown(tree) for of, tree in growing.items()}
        finally:
            self._made_now = ""
        self._keep(made_from, trees)
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

    def _keep(self, made_from: MadeFrom, trees: Trees) -> None:
        self._kept[made_from] = trees
        while len(self._kept) > 1 and leaves_of(self._kept.values()) > LEAVES_KEPT_MAX:
            self._kept.popitem(last=False)


async def grown(growing: Growing) -> SupplyTree:
    made: list[SupplyTree] = []
    for _ in growing.steps(made):
        await asyncio.sleep(PAUSE_SECONDS)
    return made[0]


def leaves_of(kept: Iterable[Trees]) -> int:
    return sum(tree.leaves for trees in kept for tree in trees.values())
