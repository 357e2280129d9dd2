"""`make verify`: every log of the market that `make market` keeps, checked digest by digest by its own service."""

import asyncio
import sys
from pathlib import Path

from carbonmarket_client.settings import address_variable
from rehearsal.market import MarketRuns, alone
from rehearsal.postgres import Postgres
from rehearsal.processes import Child, ChildFailed, Program
from rehearsal.stack import HOST, SERVICES

NOWHERE = f"{HOST}:1"
"""An address for what a check never calls."""

VERIFY_S_MAX = 600.0


async def verify(folder: Path) -> int:
    """Check all logs in a market's folder and print what each service says; return the exit code.

    Raises ChildFailed.
    """
    postgres = Postgres(folder / "postgres")
    await postgres.start()
    try:
        codes = [await _verify(service, await postgres.create_database(service), folder) for service in SERVICES]
    finally:
        await postgres.stop()
    return max(codes)


async def _verify(service: str, database_url: str, folder: Path) -> int:
    environment = {
        "CARBONMARKET_LISTEN": NOWHERE,
        "CARBONMARKET_DATABASE_URL": database_url,
        "CARBONMARKET_KAFKA": NOWHERE,
        "CARBONMARKET_ACTOR_FROM": "metadata",
        **{address_variable(other): NOWHERE for other in SERVICES},
    }
    child = Child(Program(f"{service}-verify", (sys.executable, "-m", service, "verify"), environment), folder / "log")
    await child.spawn()
    assert child.process is not None
    code = await asyncio.wait_for(child.process.wait(), VERIFY_S_MAX)
    verdicts = [line for line in child.output().splitlines() if line.startswith(f"{service}: ")]
    print(verdicts[-1] if verdicts else child.tail())
    return code


def run(folder: Path) -> int:
    """Check the market in `folder`, which must not run; return the exit code."""
    if not (folder / "postgres" / "data" / "PG_VERSION").exists():
        print(f"There is no market in {folder}/; `make market` opens one.", file=sys.stderr)
        return 1
    try:
        with alone(folder):
            return asyncio.run(verify(folder))
    except (ChildFailed, MarketRuns) as failure:
        print(failure, file=sys.stderr)
        return 1
