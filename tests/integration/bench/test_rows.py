"""Every row of the bench is played once, at the size that shows that it works and not how fast. What is played only on
request is P7 at another size.
"""

from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.harness.machine import Ticks
from bench.harness.rounds import take
from bench.harness.row import Place, Row
from bench.market import Endowment, Market, running_market
from bench.rows import ROWS, book
from bench.rows.book import AddOrder

LENT_TO = ("P2a", "P2b", "P4", "P7", "P3")
"""In this order: P4 and P7 count all trades of a day, and begin the next one."""
FAR_S = 600.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
async def market(folder: Path) -> AsyncIterator[Market]:
    async with running_market(folder / "lent", Endowment(pairs=128, each_tonnes=2_000)) as running:
        yield running


@pytest.mark.parametrize("name", LENT_TO)
async def test_a_row_on_a_market_of_the_bench_is_played(name: str, market: Market, folder: Path) -> None:
    (row,) = [row for row in ROWS if row.name == name]
    await played(row, Place(folder, tiny=True, lent=market))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("row", [row for row in ROWS if row.name in ("P1", "P6")], ids=lambda row: row.name)
async def test_a_row_on_markets_of_its_own_is_played(row: Row, folder: Path) -> None:
    await played(row, Place(folder, tiny=True))


async def test_orders_and_picks_are_the_same_for_the_peer(folder: Path) -> None:
    """The package itself is not part of the environment: in its place is the least that its adapter needs."""
    await played(book.row_against(smallest_book), Place(folder, tiny=True))


def smallest_book() -> AddOrder:
    resting: dict[int, deque[int]] = {}

    def add(price_fen: int, buys: bool) -> int:
        if not buys:
            resting.setdefault(price_fen, deque()).append(1)
            return 0
        resting[price_fen].popleft()
        return 1

    return add


async def played(row: Row, place: Place) -> None:
    found = await take(row, place, FAR_S, ticks=lambda: Ticks(0, 0), now_s=lambda: 0.0)
    assert [one.figure for one in found] == list(row.figures)
    assert all(pair.value > 0 and pair.floor > 0 for one in found for pair in one.pairs)
