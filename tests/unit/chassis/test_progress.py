"""A position that grows: who waits is woken when it has gone far enough, and not before."""

import asyncio

from chassis.log.progress import Progress


async def test_what_is_reached_already_is_not_waited_for() -> None:
    progress = Progress()
    assert not await progress.beyond(0, seconds=0)
    progress.reach(3)
    assert progress.position == 3
    assert await progress.beyond(2, seconds=0)
    assert not await progress.beyond(3, seconds=0)


async def test_all_who_wait_are_woken_each_when_its_own_position_is_passed() -> None:
    progress = Progress()
    near = [asyncio.create_task(progress.beyond(0)) for _ in range(2)]
    far = asyncio.create_task(progress.beyond(1))
    await asyncio.sleep(0)
    progress.reach(1)
    async with asyncio.timeout(30):
        assert await asyncio.gather(*near) == [True, True]
    assert not far.done()
    progress.reach(2)
    async with asyncio.timeout(30):
        assert await far


async def test_who_waits_so_many_seconds_is_told_that_it_was_in_vain() -> None:
    progress = Progress()
    waiting = asyncio.create_task(progress.beyond(5, seconds=0.02))
    await asyncio.sleep(0)
    progress.reach(5)
    async with asyncio.timeout(30):
        assert not await waiting
