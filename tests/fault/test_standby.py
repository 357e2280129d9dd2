"""Two replicas of a service: the standby passes calls on, takes over when the leader is killed, and loses nothing."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from carbonmarket.log.v1 import log_events_pb2, log_service_pb2
from rehearsal.postgres import Postgres
from support.days.calls import ProcessPort
from support.days.day import DAYS, Player
from support.processes.kafka import Kafka
from support.processes.market import RunningMarket, running_market

pytestmark = pytest.mark.fault

END_LEADERS_SESSION = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND granted AND datname = current_database()
"""


async def kill(market: RunningMarket, service: str) -> None:
    await market.kill(service)


async def end_its_session(market: RunningMarket, service: str) -> None:
    """The leader's session with PostgreSQL ends, and with it the lock; the process still runs."""
    connection = await asyncpg.connect(market.postgres.url(market.database(service)))
    try:
        ended = await connection.fetch(END_LEADERS_SESSION)
    finally:
        await connection.close()
    assert len(ended) == 1, "one session leads"


@pytest.mark.parametrize(("service", "bring_down"), [("trading", kill), ("clearing", end_its_session)])
async def test_a_standby_passes_calls_on_and_takes_over_from_a_leader_that_is_brought_down(
    postgres: Postgres,
    kafka: Kafka,
    tmp_path: Path,
    service: str,
    bring_down: Callable[[RunningMarket, str], Awaitable[None]],
) -> None:
    async with running_market(postgres, kafka.address, tmp_path) as market:
        second = await market.start_replica(service)
        through_second = ProcessPort({**market.addresses, service: second})
        player = Player(through_second, seed=4, actions=16)
        await player.set_up()
        assert (await through_second.status(service)).leader_address == market.addresses[service]

        await player.open(DAYS[0])
        await bring_down(market, service)
        await player.trade(DAYS[0])
        await player.close(DAYS[0])
        await player.settled(DAYS[0])
        await player.evening()

        leaders = [taken.address for taken in leaderships(await through_second.whole_log(service))]
        assert leaders[0] == market.addresses[service]
        assert second in leaders
        # The killed leader is back, as a standby or after another turn: whoever is asked, the answer is the same.
        await market.ready([service])
        asked = [await port.status(service) for port in (market.port, through_second)]
        assert asked[0].leader_address == asked[1].leader_address == leaders[-1]
        market.port.answered += through_second.answered
        await player.day(DAYS[1])
        await through_second.close()
        assert (await market.audit())["days_settled"] == 2
        assert await market.misplaced_answers() == []


def leaderships(records: list[log_service_pb2.Record]) -> list[log_events_pb2.LeadershipTaken]:
    kind = log_events_pb2.LeadershipTaken
    return [kind.FromString(record.data) for record in records if record.type == kind.DESCRIPTOR.full_name]
