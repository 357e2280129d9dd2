"""Databases for tests: each test has a new one on the run's embedded PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from rehearsal.postgres import Postgres

NUMBERS = count(1)


@asynccontextmanager
async def new_database(postgres: Postgres) -> AsyncIterator[str]:
    """Yield the URL of a new, empty database; drop it afterwards, open sessions or not."""
    name = f"test_{next(NUMBERS)}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)
