"""`make market`: one market kept running on this machine, with everything it knows in a folder.

The first start opens a small market: accounts, allowances, money, an open day with a book. Every later start goes on
where the last one ended, clock included; a process that crashes is started again, and the screen says so. What a first
start did not finish is begun anew, because a market opened by half is none.
"""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from datetime import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from carbonmarket_client.errors import MarketError
from carbonmarket_client.settings import ACTOR_VARIABLE
from carbonmarket_client.words import Side
from rehearsal import opening
from rehearsal.folder import ENVIRONMENT, OPENED, FolderRefused, alone, begin, clear, one_line, set_opened
from rehearsal.opening import FIRST_DAY, INSTRUMENT
from rehearsal.people import People, china_ms
from rehearsal.processes import ChildFailed
from rehearsal.stack import Stack, Start
from rehearsal.telling import console
from rehearsal.welcome import welcome

VISITOR = "participant:power-0003"
"""Who the visitor is, unless another actor is named: a company with money and no allowances to sell."""

LISTINGS: tuple[tuple[str, Side, int, int], ...] = (
    ("power-0001", "sell", 48_50, 5_000),
    ("power-0001", "sell", 49_20, 8_000),
    ("power-0002", "sell", 48_90, 3_000),
    ("power-0002", "sell", 48_90, 12_000),
    ("power-0004", "buy", 47_80, 4_000),
    ("power-0003", "buy", 47_10, 20_000),
)


async def keep(folder: Path, out: Console) -> None:
    """Run the market in `folder` until the task is cancelled.

    Raises ChildFailed, FolderRefused, MarketError and OSError (TimeoutError is one).
    """
    with alone(folder):
        first = not (folder / OPENED).exists()
        if first:
            begin(folder)
        out.print(f"Starting PostgreSQL, a broker and three services; all they know is in {folder}/ …")
        start = Start(clock=opening.CLOCK_START, restart=True)
        async with Stack(folder, start, lambda sentence: out.print(Text(sentence), soft_wrap=True)) as stack:
            async with People(stack.addresses) as people:
                if first:
                    await _open(people)
                    set_opened(folder)
                _write_environment(folder, stack)
                out.print(await welcome(people, stack, folder))
            await stack.failed.wait()
            assert stack.supervisor.failure is not None
            raise stack.supervisor.failure


def run(folder: Path) -> int:
    """Keep the market until Ctrl-C or SIGTERM; return the exit code."""
    out = console()

    async def until_stopped() -> int:
        task = asyncio.current_task()
        assert task is not None
        for stop in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(stop, task.cancel)
        try:
            await keep(folder, out)
        except asyncio.CancelledError:
            out.print(stopped(folder))
            return 0
        except (ChildFailed, FolderRefused, MarketError, TimeoutError) as failure:
            print(failure, file=sys.stderr)
        except OSError as failure:
            print(f"No market in {folder}/: {one_line(failure)}", file=sys.stderr)
        return 1

    return asyncio.run(until_stopped())


def stopped(folder: Path) -> Text:
    """What becomes of the data of a market that was asked to stop."""
    if (folder / OPENED).exists():
        return Text(f"Stopped. The data stays in {folder}/: `make market` goes on with it, `make reset` clears it.")
    return Text(f"Stopped before the market was opened: the next `make market` begins {folder}/ anew.")


async def _open(people: People) -> None:
    await opening.open_market(people)
    await people.move_clocks(china_ms(FIRST_DAY, time(10)))
    for account, side, price_fen, quantity_tonnes in LISTINGS:
        await people.participant(account).trading.place_order(
            account, INSTRUMENT, side, price_fen=price_fen, quantity_tonnes=quantity_tonnes
        )


def _write_environment(folder: Path, stack: Stack) -> None:
    """Write the variables that let `carbonmarket` find this market, for `source`."""
    (folder / ENVIRONMENT).write_text(exports({**stack.environment, ACTOR_VARIABLE: VISITOR}))


def exports(values: Mapping[str, str]) -> str:
    """The lines that set variables, and that put the programs of this environment first, in a shell."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    programs = shlex.quote(str(Path(sys.executable).parent))
    return "\n".join([*lines, f'export PATH={programs}{os.pathsep}"$PATH"', ""])


def reset(folder: Path) -> int:
    """Clear what a market left in its folder; return the exit code."""
    try:
        with alone(folder):
            clear(folder)
    except FolderRefused as failure:
        print(failure, file=sys.stderr)
        return 1
    except OSError as failure:
        print(f"{folder}/ is not cleared: {one_line(failure)}", file=sys.stderr)
        return 1
    print(f"{folder}/ is cleared: the next `make market` opens a new market.")
    return 0
