"""How long a snapshot of a large state holds up the writer. Floor: a state of one row. Peer: pickled in place.

The state is a list of rows such as a trading day's trades, as many as a busy day may have. What the writer's process
does for a snapshot is to start another, which folds the log on another core; that one is not measured.
"""

import asyncio
import pickle
import sys
from dataclasses import dataclass

from bench.harness.report import show
from bench.micros import held_against, measure

ROWS = 200_000


@dataclass(slots=True)
class Trade:
    trade_id: int
    buyer: str
    seller: str
    quantity_tonnes: int
    value_fen: int


def state_of(rows: int) -> list[Trade]:
    return [Trade(n, f"power-{n % 5_000}", f"power-{n % 4_999}", 100 + n % 7, 10**6 + n) for n in range(rows)]


async def run() -> None:
    small, large = state_of(1), state_of(ROWS)
    started: list[asyncio.subprocess.Process] = []

    async def start_process() -> None:
        started.append(await asyncio.create_subprocess_exec(sys.executable, "-c", ""))

    async def pickle_large() -> None:
        pickle.dumps(large, pickle.HIGHEST_PROTOCOL)

    async def pickle_small() -> None:
        pickle.dumps(small, pickle.HIGHEST_PROTOCOL)

    floor = await measure("a state of one row, in place", 1, pickle_small)
    rows = [
        await measure(f"{ROWS:,} rows, by a process of its own", 1, start_process),
        await measure(f"peer: {ROWS:,} rows, in place", 1, pickle_large),
    ]
    await asyncio.gather(*(process.wait() for process in started))
    show("Snapshot: how long the writer is blocked", held_against(floor, "snapshot", rows))
