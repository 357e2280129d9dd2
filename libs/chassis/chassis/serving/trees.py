"""Sum trees that a service states the roots of, kept so that whoever compares them can go down to what differs.

Trees are values that share what did not change, so a kept one costs what has changed since. Only the last few positions
are kept: a comparison that takes longer than that many others starts again.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from carbonmarket.log.v1 import sum_trees_pb2 as pb
from chassis.core.call import Unavailable
from chassis.core.decider import Malformed, NotFound
from chassis.core.sum_tree import DEPTH_MAX, FAN_OUT, SumTree
from chassis.followers.descent import PLACES_MAX, parts_below
from chassis.log.writer import Read

T = TypeVar("T")

STEPS_MAX = 20_000
"""Of the writer, to bring the trees up to date: ten million keys."""

AT_START_PAUSE_SECONDS = 0.05
"""Between two steps: others get more of the writer's time than the trees."""

POSITIONS_KEPT_MAX = 8

logger = logging.getLogger(__name__)


Reading = Callable[[Callable[[Any], T | None]], Awaitable[Read[T | None]]]
"""Of the state, by a look at it."""


async def up_to_date(read: Reading[T], look: Callable[[Any], T | None], pause_s: float = 0.0) -> Read[T]:
    """What a look at the state sees as soon as it sees something: each brings the trees a step further, and others are
    served in between. Raises Unavailable.
    """
    for _ in range(STEPS_MAX):
        seen = await read(look)
        if seen.value is not None:
            return Read(seen.value, seen.position, seen.heard)
        await asyncio.sleep(pause_s)
    raise Unavailable(f"the commitments are not up to date after {STEPS_MAX} steps; ask again")


async def make_trees(read: Reading[T], look: Callable[[Any], T | None]) -> None:
    """At a start, so that no evening pays for all there is. It takes its time, and stops nothing: whoever asks for the
    roots later meets the same error.
    """
    try:
        await up_to_date(read, look, AT_START_PAUSE_SECONDS)
    except Unavailable as error:
        logger.info("the commitments are not made yet: %s", error)
    except Exception as error:
        logger.error("the commitments cannot be made: %r", error, exc_info=error)


class KeptTrees:
    def __init__(self) -> None:
        self._kept: OrderedDict[int, dict[str, SumTree]] = OrderedDict()

    def at(self, position: int) -> list[SumTree] | None:
        kept = self._kept.get(position)
        return list(kept.values()) if kept is not None else None

    def keep(self, position: int, trees: Iterable[SumTree]) -> list[pb.SumTreeRoot]:
        """Keeps them instead of the oldest ones, and says their roots."""
        self._kept[position] = {str(tree.form): tree for tree in trees}
        self._kept.move_to_end(position)
        while len(self._kept) > POSITIONS_KEPT_MAX:
            self._kept.popitem(last=False)
        return [
            pb.SumTreeRoot(tree=name, digest=tree.digest, leaves=tree.leaves, sums=tree.sums)
            for name, tree in self._kept[position].items()
        ]

    def tree(self, position: int, name: str) -> SumTree | None:
        """None if the trees of that position are not kept. Raises KeyError for one that none of its trees is."""
        kept = self._kept.get(position)
        return kept[name] if kept is not None else None


def parts(kept: KeptTrees, position: int, name: str, places: Sequence[bytes]) -> list[pb.SumTreeParts] | None:
    """What is below each place; None if the trees of that position are not kept. Raises Malformed and NotFound."""
    if len(places) > PLACES_MAX:
        raise Malformed("TOO_MANY_PLACES", "places", places=len(places), places_max=PLACES_MAX)
    for place in places:
        if len(place) >= DEPTH_MAX or any(digit >= FAN_OUT for digit in place):
            raise Malformed("PLACE_MALFORMED", "places", place=place.hex())
    try:
        tree = kept.tree(position, name)
    except KeyError:
        raise NotFound("TREE_UNKNOWN", tree=name) from None
    return [pb.SumTreeParts(parts=parts_below(tree, place)) for place in places] if tree is not None else None
