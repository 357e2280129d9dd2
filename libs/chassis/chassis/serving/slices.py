"""Large answers are made slice by slice, so that no step of one holds the loop for long
(docs/decisions/0021-garbage-is-collected-of-what-is-new.md).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")

SLICE_ROWS_MAX = 1_000


async def in_slices(rows: Sequence[T], rows_max: int = SLICE_ROWS_MAX) -> AsyncIterator[Sequence[T]]:
    """Yields the rows in their order, and lets the loop do other work after each slice."""
    for start in range(0, len(rows), rows_max):
        yield rows[start : start + rows_max]
        await asyncio.sleep(0)
