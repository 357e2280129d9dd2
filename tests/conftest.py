"""Fixtures for every lane: the run's PostgreSQL, a new database per test, the run's broker, cleared per test.

All tests and fixtures share one event loop, because processes that live as long as the run belong to it.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import settings

from rehearsal.postgres import Postgres
from support.processes.kafka import Kafka, choose_kafka
from support.processes.postgres import new_database

# A suite's assertions say as much as those of the module that runs it.
pytest.register_assert_rewrite("support.suites.commands", "support.suites.stored")

KAFKA_NAMES: list[str] = []

# The machine may pause at any moment: how long one example takes says nothing about it.
settings.register_profile("untimed", deadline=None, print_blob=True)
settings.load_profile("untimed")


@pytest_asyncio.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """The run's PostgreSQL, shared: whoever kills it makes its own."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    """The URL of a new, empty database."""
    async with new_database(postgres) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def run_kafka(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    """The run's broker; tests take `kafka`."""
    broker = choose_kafka(tmp_path_factory.mktemp("kafka"))
    KAFKA_NAMES.append(broker.name)
    say_broker(pytestconfig.pluginmanager.getplugin("terminalreporter"))
    await broker.start()
    yield broker
    await broker.stop()


@pytest_asyncio.fixture
async def kafka(run_kafka: Kafka) -> Kafka:
    """The run's broker without any topic."""
    await run_kafka.clear()
    return run_kafka


@pytest_asyncio.fixture
async def real_kafka(kafka: Kafka) -> Kafka:
    """The run's broker where it is Apache Kafka; elsewhere the test is skipped, aloud."""
    if not kafka.real:
        pytest.skip(f"only Apache Kafka can prove this; this run has the {kafka.name}")
    return kafka


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the run's broker, so that `-m kafka` runs all of them and nothing else."""
    for item in items:
        if "run_kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end, too, which broker the run had."""
    say_broker(terminalreporter)


def say_broker(reporter: pytest.TerminalReporter) -> None:
    """Write which broker the run has, if any test asked for one."""
    for name in KAFKA_NAMES:
        reporter.ensure_newline()
        reporter.write_line(f"broker of this run: {name}")
