"""Work that many wait for is done once, and whoever leaves takes nothing from the others."""

import asyncio
import gc
from typing import Any

import pytest

from chassis.core.call import Unavailable
from chassis.serving.shared_work import SharedWork


class Counted:
    """Work that ends when it may, and counts how often it was begun."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self._error = error

    async def work(self) -> int:
        self.begun += 1
        await self.may_end.wait()
        if self._error is not None:
            raise self._error
        return self.begun


async def test_all_who_ask_meanwhile_share_one_result_and_who_asks_later_gets_a_new_one() -> None:
    shared, counted = SharedWork[str, int](), Counted()
    waiting = [asyncio.create_task(shared.result("a", counted.work)) for _ in range(3)]
    await asyncio.sleep(0)
    counted.may_end.set()
    assert await asyncio.gather(*waiting) == [1, 1, 1]
    assert await shared.result("a", counted.work) == 2


async def test_work_of_another_name_is_done_beside_it() -> None:
    shared, counted = SharedWork[str, int](), Counted()
    counted.may_end.set()
    await asyncio.gather(shared.result("a", counted.work), shared.result("b", counted.work))
    assert counted.begun == 2


async def test_its_error_reaches_all_who_wait() -> None:
    shared, counted = SharedWork[str, int](), Counted(Unavailable("not now"))
    waiting = [asyncio.create_task(shared.result("a", counted.work)) for _ in range(2)]
    counted.may_end.set()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in ended] == [Unavailable, Unavailable]


async def test_who_leaves_does_not_end_it_for_the_others() -> None:
    shared, counted = SharedWork[str, int](), Counted()
    leaver, stayer = (asyncio.create_task(shared.result("a", counted.work)) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.sleep(0)
    counted.may_end.set()
    assert await stayer == 1


@pytest.mark.parametrize("error", [None, Unavailable("not now")])
async def test_its_end_after_all_have_left_is_not_logged_as_forgotten(error: Exception | None) -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    shared, counted = SharedWork[str, int](), Counted(error)
    leaver = asyncio.create_task(shared.result("a", counted.work))
    await asyncio.sleep(0)
    leaver.cancel()
    counted.may_end.set()
    await asyncio.gather(leaver, return_exceptions=True)
    await asyncio.sleep(0.01)
    del leaver  # Its traceback holds the work.
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert logged == []
