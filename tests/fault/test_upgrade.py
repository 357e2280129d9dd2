"""A release takes over the logs that the one before wrote, service by service, and the way back is open.

The released code is checked out of this repository at the commit that `releases/` names, and runs in this environment.
Until a release level is activated the two may take turns on a log.
"""

import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.postgres import Postgres
from rehearsal.processes import Program
from support.days.day import DAYS, Player
from support.processes.kafka import Kafka
from support.processes.market import SERVICES, RunningMarket
from support.source.releases import newest_released_commit, source_of

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]


def import_path(source: Path) -> str:
    """What PYTHONPATH must be for the packages of a source folder to come before this one's."""
    roots = tomllib.loads((source / "pyproject.toml").read_text())["tool"]["carbonmarket"]["roots"]
    return ":".join(str(source / root) for root in roots)


class TwoReleases(RunningMarket):
    """A market in which each service runs this code or the released one."""

    def __init__(self, postgres: Postgres, kafka_address: str, folder: Path, released: Path) -> None:
        super().__init__(postgres, kafka_address, folder)
        self.released = released
        self.runs_released = dict.fromkeys(SERVICES, True)

    def program(self, service: str, replica: int = 1) -> Program:
        program = super().program(service, replica)
        if not self.runs_released[service]:
            return program
        environment = {**program.environment, "PYTHONPATH": import_path(self.released)}
        return replace(program, environment=environment)

    async def put(self, service: str, *, released: bool) -> None:
        """Stops a service and starts it again with the released code or with this one."""
        await self.stop_service(service)
        self.runs_released[service] = released
        await self.start([service])


@asynccontextmanager
async def a_released_market(postgres: Postgres, kafka: Kafka, folder: Path) -> AsyncIterator[TwoReleases]:
    market = TwoReleases(postgres, kafka.address, folder, source_of(newest_released_commit(), folder))
    await market.create_databases()
    try:
        await market.start()
        yield market
    finally:
        await market.stop()


def test_the_released_code_is_what_runs_under_its_import_path(tmp_path: Path) -> None:
    source = source_of(newest_released_commit(), tmp_path)
    for package in ("chassis", *SERVICES):
        asked = (sys.executable, "-c", f"import {package}; print({package}.__file__)")
        said = subprocess.run(
            asked, env={"PYTHONPATH": import_path(source)}, capture_output=True, text=True, check=True
        )
        assert Path(said.stdout.strip()).is_relative_to(source)


async def test_this_release_goes_on_where_the_last_one_stopped_and_the_last_one_goes_on_where_this_one_stopped(
    postgres: Postgres, kafka: Kafka, tmp_path: Path
) -> None:
    async with a_released_market(postgres, kafka, tmp_path) as market:
        player = Player(market.port, seed=11, actions=16)
        await player.set_up()
        await player.day(DAYS[0])

        # One service after the other, in the middle of a day.
        await player.open(DAYS[1])
        await market.put("clearing", released=False)
        await player.trade(DAYS[1])
        await market.put("trading", released=False)
        await player.close(DAYS[1])
        await market.put("registry", released=False)
        await player.settled(DAYS[1])
        await player.evening()
        await player.day(DAYS[2])

        # And back: no release level was activated.
        for service in SERVICES:
            await market.put(service, released=True)
        await player.day(DAYS[3])
        # Release 1 states no supply of a day.
        assert (await market.audit(ask_supply=False))["days_settled"] == 4
        assert await market.misplaced_answers() == []
