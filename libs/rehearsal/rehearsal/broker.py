"""The embedded broker: librdkafka's own, from the confluent-kafka wheel, as a process with an address that lasts.

It speaks the real protocol and keeps everything in memory, roughly the newest 5 MB of each partition: enough, because
the services' logs are the truth and what a reader misses here it reads there. Topics come into being when first written
to, with four partitions (a log is published to partition 0); record timestamps mean nothing; there is no admin api.

librdkafka lets nobody choose its port, and a broker that is killed and started again must be found where it was. So a
relay listens on the chosen port and passes every byte on, except that in the two answers in which a broker tells
its address (Metadata, FindCoordinator) it tells the relay's.

`python -m rehearsal.broker --port 20092` runs it until SIGTERM; killing and restarting it is how a broker is wiped.
"""

import argparse
import asyncio
import signal
import struct
import sys

from confluent_kafka import Producer

from rehearsal.processes import Program, printed

HOST = "127.0.0.1"
ADDRESS_TELLING_API_KEYS = {3, 10}  # Metadata, FindCoordinator
FRAME_BYTES_MAX = 64 * 1024 * 1024
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
        self._told = address_bytes(broker_port)
        self._to_tell = address_bytes(port)

    async def serve(self) -> asyncio.Server:
        """Listen for clients. Raises OSError when the port is taken."""
        return await asyncio.start_server(self._connection, HOST, self.port)

    async def _connection(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        broker, to_broker = await asyncio.open_connection(HOST, self.broker_port)
        telling: set[int] = set()
        requests = asyncio.create_task(pass_requests(client, to_broker, telling))
        answers = asyncio.create_task(self._pass_answers(broker, to_client, telling))
        await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
        for task in (requests, answers):
            task.cancel()
        await asyncio.gather(requests, answers, return_exceptions=True)
        for writer in (to_client, to_broker):
            writer.close()

    async def _pass_answers(
        self, broker: asyncio.StreamReader, to_client: asyncio.StreamWriter, telling: set[int]
    ) -> None:
        while frame := await read_frame(broker):
            (correlation_id,) = struct.unpack_from(">i", frame, 4)
            if correlation_id in telling:
                telling.remove(correlation_id)
                frame = frame.replace(self._told, self._to_tell)
            to_client.write(frame)
            await to_client.drain()


async def pass_requests(client: asyncio.StreamReader, to_broker: asyncio.StreamWriter, telling: set[int]) -> None:
    """Pass a client's requests on; put into `telling` those whose answers will tell the broker's address."""
    while frame := await read_frame(client):
        api_key, _, correlation_id = struct.unpack_from(">hhi", frame, 4)
        if api_key in ADDRESS_TELLING_API_KEYS:
            telling.add(correlation_id)
        to_broker.write(frame)
        await to_broker.drain()


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame with its length in front, or nothing when the other side has hung up."""
    try:
        head = await reader.readexactly(4)
        (length,) = struct.unpack(">i", head)
        assert 0 < length <= FRAME_BYTES_MAX
        return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


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
