"""The relay in front of the embedded broker: which fetches it wakes when something is produced."""

import struct
from typing import Any

import pytest
from aiokafka.protocol import fetch, produce

from rehearsal.broker import FETCH_API_KEY, PRODUCE_API_KEY, Connection, Relay, topic_written_to

TRADING, CLEARING = "carbonmarket.trading.v1", "carbonmarket.clearing.v1"
FIRST, LAST = 1, 2
"""The ports of a relay that listens nowhere."""


def framed(api_key: int, version: int, body: bytes, client_id: bytes | None = b"reader") -> bytes:
    name = struct.pack(">h", -1) if client_id is None else struct.pack(">h", len(client_id)) + client_id
    rest = struct.pack(">hhi", api_key, version, 7) + name + body
    return struct.pack(">i", len(rest)) + rest


def fetch_of(topic: str, version: int, session: int = 0) -> bytes:
    asked: dict[int, Any] = {
        4: [(topic, [(0, 1, 1)])],
        11: [(topic, [(0, -1, 1, -1, 1)])],
    }
    of_version: dict[int, tuple[Any, ...]] = {
        4: (-1, 0, 1, 1, 0, asked[4]),
        11: (-1, 0, 1, 1, 0, session, -1, asked[11], [], ""),
    }
    body = getattr(fetch, f"FetchRequest_v{version}")(*of_version[version]).encode()
    return framed(FETCH_API_KEY, version, body)


@pytest.mark.parametrize("version", range(9))
@pytest.mark.parametrize("client_id", [b"writer", None])
def test_the_topic_of_a_write_is_read_in_every_version_of_the_request(version: int, client_id: bytes | None) -> None:
    transactional = () if version < 3 else (None,)
    request = getattr(produce, f"ProduceRequest_v{version}")
    body = request(*transactional, -1, 1_000, [(TRADING, [(0, b"records")])]).encode()
    assert topic_written_to(framed(PRODUCE_API_KEY, version, body, client_id)) == TRADING.encode()


@pytest.mark.parametrize(
    ("version", "session", "topic", "woken"),
    [
        (4, 0, TRADING, True),
        (4, 0, CLEARING, False),
        (11, 0, TRADING, True),
        (11, 0, CLEARING, False),
        (11, 9, CLEARING, True),
    ],
)
async def test_a_fetch_is_woken_by_what_it_asks_for_alone_and_in_a_session_by_everything(
    version: int, session: int, topic: str, woken: bool
) -> None:
    relay = Relay(FIRST, LAST)
    connection = Connection(relay)
    relay.connections.add(connection)
    await connection.held(fetch_of(TRADING, version, session))
    assert not connection.may_find.is_set()
    relay.note_produced(topic.encode())
    assert connection.may_find.is_set() is woken
