"""Slices: a large answer gives the loop away between its parts."""

import asyncio

from chassis.serving.slices import SLICE_ROWS_MAX, in_slices


async def test_rows_come_in_their_order_and_other_work_is_done_between_slices() -> None:
    turns: list[int] = []

    async def count() -> None:
        while True:
            turns.append(0)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    rows = list(range(3 * SLICE_ROWS_MAX + 1))
    slices = [list(one) async for one in in_slices(rows)]
    assert [row for one in slices for row in one] == rows
    assert [len(one) for one in slices] == [SLICE_ROWS_MAX] * 3 + [1]
    assert len(turns) >= 4
    counting.cancel()
    nothing: list[int] = []
    assert [one async for one in in_slices(nothing)] == []
