"""`make market`: one market kept running on this machine, with everything it knows in a folder.

The first start opens a small market: accounts, allowances, money, an open day with a book. Every later start goes on
where the last one ended, clock included; a process that crashes is started again, and the screen says so. What a first
start did not finish is begun anew, because a market opened by half is none.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from carbonmarket_client.errors import MarketError
from carbonmarket_client.settings import ACTOR_VARIABLE
from carbonmarket_client.words import Side
from rehearsal import opening
from rehearsal.opening import FIRST_DAY, INSTRUMENT
from rehearsal.people import People, china_ms
from rehearsal.processes import ChildFailed
from rehearsal.stack import Stack, Start
from rehearsal.telling import console
from rehearsal.welcome import welcome

VISITOR = "participant:power-0003"
"""Who the visitor is, unless another actor is named: a company with money and no allowances to sell."""

OPENED = "opened"
"""The file that says that the first start came to its end."""

LISTINGS: tuple[tuple[str, Side, int, int], ...] = (
    ("power-0001", "sell", 48_50, 5_000),
    ("power-0001", "sell", 49_20, 8_000),
    ("power-0002", "sell", 48_90, 3_000),
    ("power-0002", "sell", 48_90, 12_000),
    ("power-0004", "buy", 47_80, 4_000),
    ("power-0003", "buy", 47_10, 20_000),
)


class MarketRuns(Exception):
    """Another process keeps a market in this folder."""


async def keep(folder: Path, out: Console) -> None:
    """Run the market in `folder` until the task is cancelled.

    Raises ChildFailed, MarketRuns, MarketError and TimeoutError.
    """
    with alone(folder):
        first = not (folder / OPENED).exists()
        if first:
            clear(folder)
        out.print(f"Starting PostgreSQL, a broker and three services; all they know is in {folder}/ …")
        start = Start(clock=opening.CLOCK_START, restart=True)
        async with Stack(folder, start, lambda sentence: out.print(Text(sentence), soft_wrap=True)) as stack:
            async with People(stack.addresses) as people:
                if first:
                    await _open(people)
                    (folder / OPENED).touch()
                _write_environment(folder, stack)
                out.print(await welcome(people, stack, folder))
            await stack.failed.wait()
            assert stack.supervisor.failure is not None
            raise stack.supervisor.failure


def run(folder: Path) -> int:
    """Keep the market until Ctrl-C or SIGTERM; return the exit code."""
    out = console()

    async def until_told() -> int:
        task = asyncio.current_task()
        assert task is not None
        for told in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(told, task.cancel)
        try:
            await keep(folder, out)
        except asyncio.CancelledError:
            out.print(f"Stopped. The data stays in {folder}/: `make market` goes on with it, `make reset` clears it.")
            return 0
        except (ChildFailed, MarketRuns, MarketError, TimeoutError) as failure:
            print(failure, file=sys.stderr)
        return 1

    return asyncio.run(until_told())


def clear(folder: Path) -> None:
    """Remove everything a market left in its folder, except the lock of who clears it."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a market's folder, so that nobody else runs, clears or checks it meanwhile. Raises MarketRuns."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MarketRuns(f"a market runs in {folder}/ already; stop it with Ctrl-C in its own terminal") from None
        yield


async def _open(people: People) -> None:
    await opening.open_market(people)
    await people.move_clocks(china_ms(FIRST_DAY, time(10)))
    for account, side, price_fen, quantity_tonnes in LISTINGS:
        await people.participant(account).trading.place_order(
            account, INSTRUMENT, side, price_fen=price_fen, quantity_tonnes=quantity_tonnes
        )


def _write_environment(folder: Path, stack: Stack) -> None:
    """Write the variables that let `carbonmarket` find this market, for `source`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}$PATH"
    values = {**stack.environment, ACTOR_VARIABLE: VISITOR, "PATH": path}
    lines = [f'export {name}="{value}"' for name, value in values.items()]
    (folder / "env").write_text("\n".join([*lines, ""]))


def reset(folder: Path) -> int:
    """Clear what a market left in its folder; return the exit code."""
    try:
        with alone(folder):
            clear(folder)
    except MarketRuns as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{folder}/ is cleared: the next `make market` opens a new market.")
    return 0
