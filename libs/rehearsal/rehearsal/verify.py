"""`make verify`: every log of the market that `make market` keeps, checked digest by digest by its own service, and
against what the other services have heard of it.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from carbonmarket_client.screens.layout import WIDTH
from carbonmarket_client.settings import address_variable
from rehearsal.folder import FolderRefused, alone, has_data, one_line
from rehearsal.postgres import Postgres
from rehearsal.processes import Child, ChildFailed, Program
from rehearsal.stack import HOST, SERVICES

NOWHERE = f"{HOST}:1"
"""An address for what a check never calls."""

VERIFY_S_MAX = 600.0
INDENT = "  "


async def verify(folder: Path) -> int:
    """Check all logs in a market's folder and print what each service says; return the exit code.

    Raises ChildFailed and OSError.
    """
    postgres = Postgres(folder / "postgres")
    await postgres.start()
    try:
        databases = {service: await postgres.create_database(service) for service in SERVICES}
        heard_by: dict[str, list[str]] = {service: [] for service in SERVICES}
        for service in SERVICES:
            for log, position, digest in await postgres.heard(service):
                heard_by[log].append(f"{service}:{position}:{digest.hex()}")
        codes = [await _verify(service, databases[service], heard_by[service], folder) for service in SERVICES]
    finally:
        await postgres.stop()
    return max(codes)


async def _verify(service: str, database_url: str, heard_by: Sequence[str], folder: Path) -> int:
    environment = {
        "CARBONMARKET_LISTEN": NOWHERE,
        "CARBONMARKET_DATABASE_URL": database_url,
        "CARBONMARKET_KAFKA": NOWHERE,
        "CARBONMARKET_ACTOR_FROM": "metadata",
        **{address_variable(other): NOWHERE for other in SERVICES},
    }
    witnesses = [f"--heard-by={witness}" for witness in heard_by]
    command = (sys.executable, "-m", service, "verify", *witnesses)
    child = Child(Program(f"{service}-verify", command, environment), folder / "log")
    await child.spawn()
    assert child.process is not None
    code = await asyncio.wait_for(child.process.wait(), VERIFY_S_MAX)
    verdicts = [on_the_screen(line) for line in child.output().splitlines() if line.startswith(f"{service}: ")]
    print("\n".join(verdicts) or child.tail())
    return code


def on_the_screen(verdict: str) -> str:
    """A service's verdict, with its last part on a line of its own where one line is too narrow for all."""
    head, semicolon, tail = verdict.rpartition("; ")
    return verdict if len(verdict) <= WIDTH or not semicolon else f"{head};\n{INDENT}{tail}"


def run(folder: Path) -> int:
    """Check the market in `folder`, which must not run; return the exit code."""
    try:
        if not has_data(folder):
            print(f"There is no market in {folder}/; `make market` opens one.", file=sys.stderr)
            return 1
        with alone(folder):
            return asyncio.run(verify(folder))
    except (ChildFailed, FolderRefused) as failure:
        print(failure, file=sys.stderr)
    except OSError as failure:
        print(f"{folder}/ cannot be checked: {one_line(failure)}", file=sys.stderr)
    return 1
