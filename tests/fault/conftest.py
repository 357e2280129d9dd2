"""Fixtures of the fault lane: a PostgreSQL that the test may kill."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from rehearsal.postgres import Postgres


@pytest_asyncio.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    """A server of this test alone."""
    server = Postgres(tmp_path / "postgres")
    await server.start()
    yield server
    await server.stop()
