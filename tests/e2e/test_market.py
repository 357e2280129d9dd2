"""`make market` from the outside: it starts, offers what works, survives a crash, stops cleanly and keeps its data; the
auditor finds nothing before it ends.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from rehearsal.postgres import Postgres
from support.auditor import assert_clean
from support.source.repository import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

READY = "Ctrl-C stops it"
READY_S_MAX = 120.0
BACK_S_MAX = 120.0
STOP_S_MAX = 60.0
SETTLED_S_MAX = 120.0
REFUSED = 1
BROKEN_LOG = 65


class Market:
    """A market in a folder, as a person runs it in one terminal and uses it from another."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, screen: str) -> None:
        self.folder = folder
        self.process = process
        self.screen = screen

    @property
    def things_to_try(self) -> list[str]:
        """The command lines on the welcome screen."""
        return re.findall(r"^     (carbonmarket .*)$", self.screen, re.MULTILINE)

    @property
    def source(self) -> str:
        """The command line on the welcome screen that lets a shell find the market."""
        found = re.search(r"^  (source .*)$", self.screen, re.MULTILINE)
        assert found is not None
        return found[1]

    async def shell(self, command: str) -> tuple[int, str]:
        """Run a command line in a shell that has sourced the market's env file: (exit code, what it printed)."""
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"{self.source}; {command}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await shell.communicate()
        assert shell.returncode is not None
        return shell.returncode, output.decode()

    async def done(self, command: str) -> str:
        """Run a command line that must succeed."""
        code, output = await self.shell(command)
        assert code == 0, f"{command}\n{output}"
        return output

    async def back(self) -> None:
        """Wait until every service answers and trading takes an order."""
        order = "carbonmarket --as participant:power-0001 orders place CEA sell 1 49.00"
        async with asyncio.timeout(BACK_S_MAX):
            while (await self.shell(f"{order} && carbonmarket funds && carbonmarket holdings"))[0] != 0:
                await asyncio.sleep(0.2)

    async def settled(self, day: str) -> bool:
        """Whether a day is settled and the books agree."""
        answer = json.loads(await self.done(f"carbonmarket days --json {day}"))
        return bool(answer["settled"] and answer["books_agreed"])

    async def rest_of_screen(self) -> str:
        """What it has said since it was ready, to its end."""
        assert self.process.stdout is not None
        return (await self.process.stdout.read()).decode()

    async def audit(self) -> None:
        """The market comes to rest, and the auditor finds nothing."""
        environment = (self.folder / "env").read_text()
        found = re.findall(r"^export CARBONMARKET_([A-Z]+)_ADDRESS=(.*)$", environment, re.MULTILINE)
        await assert_clean({service.lower(): address for service, address in found})

    async def stop(self, told: signal.Signals = signal.SIGINT) -> int:
        """Tell it to stop, as Ctrl-C does; return its exit code."""
        self.process.send_signal(told)
        return await asyncio.wait_for(self.process.wait(), STOP_S_MAX)


@asynccontextmanager
async def market(folder: Path) -> AsyncIterator[Market]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rehearsal", "market", "--folder", str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    screen = ""
    try:
        async with asyncio.timeout(READY_S_MAX):
            while READY not in screen:
                line = await process.stdout.readline()
                assert line, f"the market ended:\n{screen}"
                screen += line.decode()
        yield Market(folder, process, screen)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def processes_of(folder: Path) -> dict[int, str]:
    """Every process that has to do with a folder, by its id: its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder) in command or str(folder).encode() in environment:
            found[int(entry.name)] = command
    return found


def process_of(folder: Path, service: str) -> int:
    (number,) = (
        number for number, command in processes_of(folder).items() if command.rstrip().endswith(f"-m {service}")
    )
    return number


async def test_everything_a_new_market_offers_to_try_works(tmp_path: Path) -> None:
    async with market(tmp_path / 'a "$HOME" market') as running:
        codes = {command: (await running.shell(command))[0] for command in running.things_to_try}
        refused = [command for command, code in codes.items() if code == REFUSED]
        assert len(codes) >= 3
        assert len(refused) == 1 and "52.81" in refused[0], "the one that asks for too much"
        assert set(codes.values()) == {0, REFUSED}
        async with asyncio.timeout(SETTLED_S_MAX):
            while not await running.settled("2021-07-16"):
                await asyncio.sleep(0.2)
        await running.audit()
        assert await running.stop() == 0


def postgres_of(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])


async def cut_off_with_all_that_its_database_knew(folder: Path, service: str) -> None:
    """A log that came back as of its third record, as an older copy of its database would have it."""
    postgres = Postgres(folder / "postgres")
    await postgres.start()
    connection = await asyncpg.connect(postgres.url(service))
    await connection.execute("DELETE FROM log WHERE position > 3; DELETE FROM snapshots; DELETE FROM checkpoints")
    await connection.close()
    await postgres.stop()


async def test_a_market_survives_the_killing_of_each_service_and_of_its_database(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    async with market(folder) as running:
        for service in ("trading", "registry", "clearing"):
            os.kill(process_of(folder, service), signal.SIGKILL)
        await running.back()
        os.kill(postgres_of(folder), signal.SIGKILL)
        await running.back()
        assert "Trade 1:" in await running.done("carbonmarket orders take 1 1000 48.50")
        await running.audit()
        assert await running.stop() == 0
        screen = await running.rest_of_screen()
    for service in ("trading", "registry", "clearing"):
        log = folder / "log" / f"{service}.log"
        assert f"{service} ended with SIGKILL and is started again; its log: {log}\n" in screen
        assert f"{service} is ready again\n" in screen
    assert "postgres ended with SIGKILL and is started again" in screen


async def test_a_market_leaves_no_process_behind_and_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    verify = f"carbonmarket --as participant:power-0001 events --verify --bookmark {tmp_path / 'bookmark.json'}"
    async with market(folder) as running:
        await running.done("carbonmarket orders take 1 1000 48.50")
        assert (await running.done(verify)).count("entries 1 to ") == 3
        await running.audit()
        assert await running.stop(signal.SIGTERM) == 0
    assert processes_of(folder) == {}
    async with market(folder) as running:
        (trade,) = json.loads(await running.done("carbonmarket trades --json"))["trades"]
        assert (trade["trade_id"], trade["quantity_tonnes"], trade["price_fen"]) == (1, 1000, 4850)
        assert (await running.shell(running.things_to_try[0]))[0] == 0
        verified = await running.done(verify)
        assert verified.count("signed up to ") == 3, "what was signed before the restart is what the feeds continue"
        assert "entries 1 to " not in verified
        await running.audit()
        running.process.kill()
        await running.process.wait()
        async with asyncio.timeout(STOP_S_MAX):
            while processes_of(folder):
                await asyncio.sleep(0.1)


async def test_a_running_market_is_neither_cleared_nor_started_twice_and_a_stopped_one_is_verified_and_cleared(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "var"
    async with market(folder) as running:
        for play in ("market", "reset", "verify"):
            code, output = await running.shell(f"{sys.executable} -m rehearsal {play} --folder {folder}")
            assert code == 1
            assert "a market runs in" in output
        await running.audit()
        assert await running.stop() == 0
        verified = await running.done(f"{sys.executable} -m rehearsal verify --folder {folder}")
        assert verified.count("each continues the one before") == 3
        await cut_off_with_all_that_its_database_knew(folder, "registry")
        code, output = await running.shell(f"{sys.executable} -m rehearsal verify --folder {folder}")
        assert code == BROKEN_LOG
        assert re.search(r"^registry: ends at 3, but trading knew it up to \d+: it was cut off$", output, re.MULTILINE)
        assert output.count("each continues the one before") == 2
        await running.done(f"{sys.executable} -m rehearsal reset --folder {folder}")
    assert {path.name for path in folder.iterdir()} <= {"lock"}


def drill() -> list[str]:
    """The command lines of the runbook's drill, in their order."""
    section = (ROOT / "docs" / "runbook.md").read_text().partition("## Practise it")[2]
    return re.findall(r"^((?:carbonmarket|kill) .*)$", section, re.MULTILINE)


async def test_the_runbooks_drill_can_be_followed_to_its_end(tmp_path: Path) -> None:
    """A run that waits, a day that two people open nevertheless, and the way out, as a newcomer types them."""
    refused = {"days open": "EARLIER_DAY_NOT_SETTLED", "chen pending approve": "SECOND_PERSON_REQUIRED"}
    refused["runs retry"] = "EARLIER_DAY_NOT_SETTLED"
    proposal, said = "", []
    async with market(tmp_path / "market") as running:
        for line in drill():
            command = line.replace("var/", f"{running.folder}/").replace("PROPOSAL", proposal)
            code, output = await running.shell(command)
            said.append(output)
            if found := re.search(r"Proposed as (trading/\d+)", output):
                proposal = found[1]
            reason = next((refused.pop(part) for part in list(refused) if part in line), "")
            away = "status" in line or line.endswith("pending")  # the registry, which these ask too, does not answer
            assert reason in output and code == (1 if reason else 3 if away else 0), f"{command}\n{output}"
        assert not refused
        assert any("blocked" in output and "delivering" in output for output in said)

        async def completed() -> bool:
            runs = await running.done("carbonmarket --as clearing_operator:lin runs")
            return runs.count("completed") == 2 and await running.settled("2021-07-19")

        async with asyncio.timeout(SETTLED_S_MAX):
            while not await completed():
                await asyncio.sleep(0.2)
        await running.audit()
        assert await running.stop() == 0
