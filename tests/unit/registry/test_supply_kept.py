"""Supply trees are made for one day at a time, and kept under all that they follow from."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from chassis.core.call import Unavailable
from chassis.followers.projections import Tables
from registry.supply.kept import SupplyTrees, Trees

FRIDAY, SATURDAY = "2021-07-16", "2021-07-17"
OF = ("CEA", "trading")
SECRET = b"secret"


class Holdings:
    """Tables with one holding of one account."""

    def __init__(self) -> None:
        self.times_emptied = 0
        self.trading_tonnes = 500
        self.times_read = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Holdings"]:
        yield self

    async def fetch(self, sql: str, *arguments: object) -> Sequence[dict[str, Any]]:
        self.times_read += 1
        row = {"account": "power-0001", "vintage": "CEA", "registry_available": 0, "trading": self.trading_tonnes}
        return [row]


def trees_of(tables: Holdings) -> SupplyTrees:
    return SupplyTrees("registry", cast(Tables, tables))


async def made(trees: SupplyTrees, day: str, secret: bytes = SECRET, position: int = 7) -> Trees:
    return await trees.of(day, position, secret, ["CEA"])


async def test_of_two_days_asked_for_at_once_one_is_made_and_the_other_is_to_be_asked_for_again() -> None:
    trees = trees_of(Holdings())
    friday, saturday = await asyncio.gather(made(trees, FRIDAY), made(trees, SATURDAY), return_exceptions=True)
    assert not isinstance(friday, BaseException)
    assert isinstance(saturday, Unavailable)
    assert await made(trees, SATURDAY)


async def test_all_who_ask_for_a_day_at_once_get_the_trees_that_were_made_once() -> None:
    tables = Holdings()
    trees = trees_of(tables)
    first, *others = await asyncio.gather(*(made(trees, FRIDAY) for _ in range(5)))
    assert all(other is first for other in others)
    assert tables.times_read == 1


async def test_trees_of_tables_that_were_written_anew_are_made_anew() -> None:
    tables = Holdings()
    trees = trees_of(tables)
    wrong = await made(trees, FRIDAY)
    tables.trading_tonnes, tables.times_emptied = 400, 1
    assert (await made(trees, FRIDAY))[OF].root != wrong[OF].root


async def test_trees_of_another_secret_or_position_are_not_taken_for_those_that_are_kept() -> None:
    trees = trees_of(Holdings())
    first = await made(trees, FRIDAY)
    assert (await made(trees, FRIDAY, b"another"))[OF].root != first[OF].root
    assert await made(trees, FRIDAY, position=8) is not first
    assert await made(trees, FRIDAY) is first


async def test_a_day_whose_making_failed_can_be_asked_for_again() -> None:
    tables = Holdings()
    trees = trees_of(tables)
    tables.trading_tonnes = -1
    with pytest.raises(AssertionError):
        await made(trees, FRIDAY)
    tables.trading_tonnes = 500
    assert await made(trees, SATURDAY)
    assert await made(trees, FRIDAY)


def test_what_is_wrong_with_the_same_trees_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    tables = Holdings()
    trees = trees_of(tables)
    with caplog.at_level(logging.CRITICAL):
        for _ in range(3):
            trees.report(FRIDAY, 7, SECRET, "the root of CEA is not the one stated")
        assert len(caplog.records) == 1
        tables.times_emptied = 1
        trees.report(FRIDAY, 7, SECRET, "the root of CEA is not the one stated")
    assert len(caplog.records) == 2
