"""The broker: it loses, repeats, reorders, delays and forges messages, and forgets everything when it is wiped."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from chassis.core.record import Record, chain
from chassis.edges.broker import headers_of, record_of
from chassis.edges.protocols import BrokerAway
from support.simulation.weather import Chance

LATENCY_S = 0.03
AWAY_S = 3.0


class ConsumingProcess(Protocol):
    """Who consumes; its end is its consumer's."""

    alive: bool


class Broker:
    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.away = False
        self._consumers: list[Consumer] = []
        self.digests: dict[str, dict[int, bytes]] = {}
        """What a forger can read: the digest of every record that went by."""

    def producer(self, log_id: str, place: str) -> "Producer":
        return Producer(self, log_id, place)

    def consumer(self, log_id: str, by: ConsumingProcess) -> "Consumer":
        return Consumer(self, log_id, by)

    def subscribe(self, consumer: "Consumer") -> None:
        self._consumers.append(consumer)

    def unsubscribe(self, consumer: "Consumer") -> None:
        self._consumers.remove(consumer)

    def consumers(self, log_id: str) -> "list[Consumer]":
        return [one for one in self._consumers if one.log_id == log_id]

    async def wipe(self) -> None:
        """Everything that waits is gone, and the broker is away for a while."""
        self.chance.counts["broker wiped"] += 1
        self.away = True
        for consumer in self._consumers:
            consumer.forget()
        await asyncio.sleep(AWAY_S)
        self.away = False


class Producer:
    """Keeps chassis.edges.protocols.Producer."""

    def __init__(self, broker: Broker, log_id: str, place: str) -> None:
        self._broker = broker
        self._log_id = log_id
        self._draw = broker.chance.stream(f"broker {place}")

    async def send(self, records: Sequence[Record]) -> None:
        draw, chance = self._draw, self._broker.chance
        weather = chance.weather
        await asyncio.sleep(draw.random() * LATENCY_S * weather.slow)
        if self._broker.away:
            raise BrokerAway("wiped")
        digests = self._broker.digests.setdefault(self._log_id, {})
        digests |= {record.position: record.digest for record in records}
        sent = [record_of(record.data, headers_of(record)) for record in records]
        if chance.happens(draw, "message forged", weather.forge):
            place = draw.randrange(len(sent))
            sent[place] = forged(sent[place], digests)
        sent = [each for each in sent if not chance.happens(draw, "message lost", weather.lose_message)]
        sent += [each for each in sent if chance.happens(draw, "message repeated", weather.repeat_message)]
        if chance.happens(draw, "messages out of order", weather.disorder):
            draw.shuffle(sent)
        for consumer in self._broker.consumers(self._log_id):
            consumer.arrive(sent, draw.random() * LATENCY_S * weather.slow)


class Consumer:
    """Keeps chassis.edges.protocols.Consumer."""

    def __init__(self, broker: Broker, log_id: str, by: ConsumingProcess) -> None:
        self.log_id = log_id
        self._broker = broker
        self._by = by
        self._batches: asyncio.Queue[list[Record]] = asyncio.Queue()
        self.unreadable = 0

    async def run(self) -> None:
        self._broker.subscribe(self)
        try:
            await asyncio.Event().wait()
        finally:
            self._broker.unsubscribe(self)

    async def next_batch(self, seconds: float) -> list[Record]:
        try:
            async with asyncio.timeout(seconds):
                return await self._batches.get()
        except TimeoutError:
            return []

    def arrive(self, records: list[Record], after_s: float) -> None:
        if records:
            asyncio.get_running_loop().call_later(after_s, self._batches.put_nowait, records)

    def forget(self) -> None:
        while not self._batches.empty():
            self._batches.get_nowait()


def forged(record: Record, digests: dict[int, bytes]) -> Record:
    """Another's record in its place, which chains over what came before: anybody can compute that."""
    false = replace(record, subject="mallory", request_id="forged")
    before = digests.get(record.position - 1, b"")
    return replace(false, digest=chain(before, false))
