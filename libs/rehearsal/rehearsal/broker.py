"""The embedded broker: librdkafka's own, from the confluent-kafka wheel, as a process with an address that lasts.

It speaks the real protocol and keeps everything in memory, roughly the newest 5 MB of each partition: enough, because
the services' logs are the truth and what a reader misses here it reads there. Topics come into being when first written
to, with four partitions (a log is published to partition 0); record timestamps mean nothing; there is no admin api.

librdkafka lets nobody choose its port, and a broker that is killed and started again must be found where it was. So a
relay listens on the chosen port and passes every byte on, except that in the two answers in which a broker states
its address (Metadata, FindCoordinator) it states the relay's.

It also answers a fetch that finds nothing only when the fetch's whole wait is over, even if a record comes at once. So
the relay holds such a fetch itself, until something is produced to a topic that it names or the wait is over, and then
lets the broker answer without waiting. A fetch that finds something is not held: it brings one produced batch of a
partition and no more, so a reader that pauses between fetches falls behind for good.

`python -m rehearsal.broker --port 20092` runs it until SIGTERM; killing and restarting it is how a broker is wiped.
"""

import argparse
import asyncio
import contextlib
import signal
import struct
import sys

from confluent_kafka import Producer

from rehearsal.processes import Program, printed

HOST = "127.0.0.1"
PRODUCE_API_KEY, FETCH_API_KEY = 0, 1
ADDRESS_TELLING_API_KEYS = (3, 10)  # Metadata, FindCoordinator
FETCH_VERSION_HELD_MAX = 11  # later ones are laid out otherwise, and are passed on as they are
FETCH_VERSION_SESSION_MIN = 7  # within a session a fetch may leave out topics that an earlier one named
PRODUCE_VERSION_TRANSACTIONAL_MIN = 3
FRAME_BYTES_MAX = 64 * 1024 * 1024
AFTER_HEAD = 12  # a request's length, api key, version and correlation id
START_S_MAX = 10.0


def broker_program(port: int) -> Program:
    """Return how to run the embedded broker at 127.0.0.1:`port`."""
    command = (sys.executable, "-m", "rehearsal.broker", "--port", str(port))
    return Program(name="broker", command=command, ready=printed("broker ready at"))


class Relay:
    """Passes Kafka's frames between clients and the broker at `broker_port`, telling them `port` for its address."""

    def __init__(self, port: int, broker_port: int) -> None:
        self.port = port
        self.broker_port = broker_port
        self.broker_address = address_bytes(broker_port)
        self.relay_address = address_bytes(port)
        self.connections: set[Connection] = set()

    async def serve(self) -> asyncio.Server:
        """Listen for clients. Raises OSError when the port is taken."""
        return await asyncio.start_server(self._connection, HOST, self.port)

    def note_produced(self, topic: bytes) -> None:
        """Wake the fetches that ask for it: there may be something for them."""
        for connection in self.connections:
            connection.note_produced(topic)

    async def _connection(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        broker, to_broker = await asyncio.open_connection(HOST, self.broker_port)
        passing = Connection(self)
        self.connections.add(passing)
        requests = asyncio.create_task(passing.requests(client, to_broker))
        answers = asyncio.create_task(passing.answers(broker, to_client))
        # At the relay's own end this task is cancelled, which asyncio's streams would report as an error.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
        for task in (requests, answers):
            task.cancel()
        await asyncio.gather(requests, answers, return_exceptions=True)
        self.connections.remove(passing)
        for writer in (to_client, to_broker):
            writer.close()


class Connection:
    """One client's connection: what was asked decides what is done to the answer."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        # By correlation id: the request's api key and its bytes.
        self._asked: dict[int, tuple[int, bytes]] = {}
        # The last fetch, and whether it may ask for more than it names.
        self._fetched = b""
        self._fetches_unnamed = False
        # Whether there may be something for the next fetch: before the first one, after one that found something and
        # may have left more, and when something was produced since one was passed on.
        self.may_find = asyncio.Event()
        self.may_find.set()

    def note_produced(self, topic: bytes) -> None:
        """The next fetch may find something, if it asks for this topic."""
        if topic in self._fetched or self._fetches_unnamed:
            self.may_find.set()

    async def requests(self, client: asyncio.StreamReader, to_broker: asyncio.StreamWriter) -> None:
        """Pass the client's requests on, holding the fetches for which there is nothing yet."""
        while frame := await read_frame(client):
            api_key, version, correlation_id = struct.unpack_from(">hhi", frame, 4)
            if api_key in (*ADDRESS_TELLING_API_KEYS, FETCH_API_KEY):
                self._asked[correlation_id] = (api_key, frame)
            elif api_key == PRODUCE_API_KEY:
                self._asked[correlation_id] = (api_key, topic_written_to(frame))
            if api_key == FETCH_API_KEY and version <= FETCH_VERSION_HELD_MAX:
                frame = await self.held(frame)
            to_broker.write(frame)
            await to_broker.drain()

    async def answers(self, broker: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Pass the broker's answers on, telling the relay's address for the broker's."""
        while frame := await read_frame(broker):
            (correlation_id,) = struct.unpack_from(">i", frame, 4)
            asked, what = self._asked.pop(correlation_id, (None, b""))
            if asked in ADDRESS_TELLING_API_KEYS:
                frame = frame.replace(self._relay.broker_address, self._relay.relay_address)
            elif asked == PRODUCE_API_KEY:
                self._relay.note_produced(what)
            elif asked == FETCH_API_KEY and found_something(what, frame):
                self.may_find.set()
            to_client.write(frame)
            await to_client.drain()

    async def held(self, frame: bytes) -> bytes:
        """Return a fetch to be passed on, once there may be something for it or its wait is over."""
        wait_at = after_text(frame, AFTER_HEAD) + 4  # after the client's id and the replica's
        (wait_ms,) = struct.unpack_from(">i", frame, wait_at)
        self._fetched, self._fetches_unnamed = frame, fetches_in_session(frame, wait_at)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000):
                await self.may_find.wait()
        self.may_find.clear()
        return frame[:wait_at] + struct.pack(">i", 1) + frame[wait_at + 4 :]


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame with its length in front, or nothing when the other side has hung up."""
    try:
        head = await reader.readexactly(4)
        (length,) = struct.unpack(">i", head)
        assert 0 < length <= FRAME_BYTES_MAX
        return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def found_something(request: bytes, answer: bytes) -> bool:
    """Whether a fetch's answer holds a record: without one it has less than two bytes for each of the request's."""
    return len(answer) > 2 * len(request)


def fetches_in_session(request: bytes, wait_at: int) -> bool:
    """Whether a fetch, whose wait is at a place, belongs to a session."""
    if api_version(request) < FETCH_VERSION_SESSION_MIN:
        return False
    (session,) = struct.unpack_from(">i", request, wait_at + 13)  # after the wait, two limits of bytes, the isolation
    return bool(session != 0)


def topic_written_to(request: bytes) -> bytes:
    """The first topic that a produce names: our producers name one."""
    at = after_text(request, AFTER_HEAD)
    if api_version(request) >= PRODUCE_VERSION_TRANSACTIONAL_MIN:
        at = after_text(request, at)
    at += 10  # what must acknowledge it, its time limit, and how many topics follow
    return request[at + 2 : after_text(request, at)]


def api_version(request: bytes) -> int:
    """Return the version in which a request is laid out."""
    (version,) = struct.unpack_from(">h", request, 6)
    return int(version)


def after_text(request: bytes, at: int) -> int:
    """Return where a text ends that begins at a place with its length, which is negative for none."""
    (length,) = struct.unpack_from(">h", request, at)
    return at + 2 + int(max(length, 0))


def address_bytes(port: int) -> bytes:
    """Return how an answer spells the address: the host's characters, then the port as a 32-bit integer."""
    return HOST.encode() + struct.pack(">i", port)


async def run(port: int) -> None:
    """Run the broker at 127.0.0.1:`port` until SIGTERM or SIGINT."""
    embedded = Producer({"bootstrap.servers": HOST, "test.mock.num.brokers": 1})
    (broker,) = embedded.list_topics(timeout=START_S_MAX).brokers.values()
    stopped = asyncio.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stopped.set)
    server = await Relay(port, broker.port).serve()
    print(f"broker ready at {HOST}:{port}", flush=True)
    await stopped.wait()
    server.close()


def main() -> None:
    """Read the port from the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.broker", description="Run the embedded Kafka broker.")
    parser.add_argument("--port", type=int, required=True, help="loopback port to listen on")
    asyncio.run(run(parser.parse_args().port))


if __name__ == "__main__":
    main()
