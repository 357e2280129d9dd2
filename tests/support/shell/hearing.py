"""Hearing one source whose log and whose Kafka are as the test decides."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import cast

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import wrappers_pb2

from chassis.core.call import NotYet, Refused, Unavailable
from chassis.core.decider import Decider
from chassis.core.engine import Engine, StateUnusable
from chassis.core.reaction import Heard, Reactions
from chassis.core.record import Head, HeardUpTo, Record, chain, genesis
from chassis.core.wire import Wire
from chassis.edges.remote import LogRead, Remote
from chassis.followers.hearing import Hearing
from chassis.log.forks import ForkProof
from chassis.log.machine_clock import MachineClock
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.seals import Attestation, SealedFeed, SealedHead, Seals, Signer
from chassis.log.writer import Writer
from chassis.say.telemetry import Metrics
from chassis.say.tracing import Tracing
from support.shell import tally
from support.shell.tally import Add, Tally
from support.shell.two_people import declared

SOURCE = "google"
"""The source's name is part of its events' type names, as a service's does."""
TURN_S = 0.005
TURNS_MAX = 2_000
"""Ten seconds at least: a planted fault waits for all of it."""


KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC_KEY = KEY.public_key().public_bytes_raw()


class MemorySeals:
    """What a service signed, in memory."""

    def __init__(self) -> None:
        self.kept: dict[int, SealedHead] = {}
        self.feeds: dict[tuple[str, int], SealedFeed] = {}
        self.attestations: dict[tuple[str, str], Attestation] = {}

    async def newest_seal(self) -> SealedHead | None:
        return self.kept[max(self.kept)] if self.kept else None

    async def seal_from(self, position: int) -> SealedHead | None:
        later = [kept for kept in self.kept if kept >= position]
        return self.kept[min(later)] if later else None

    async def keep_seal(self, head: SealedHead) -> SealedHead:
        return self.kept.setdefault(head.position, head)

    async def feed_seal(self, account: str, sequence: int) -> SealedFeed | None:
        return self.feeds.get((account, sequence))

    async def keep_feed_seal(self, head: SealedFeed) -> SealedFeed:
        return self.feeds.setdefault((head.account, head.sequence), head)

    async def attestation(self, purpose: str, name: str) -> Attestation | None:
        return self.attestations.get((purpose, name))

    async def keep_attestation(self, made: Attestation) -> Attestation:
        return self.attestations.setdefault((made.purpose, made.name), made)


class MemoryForks:
    """The signed heads that a service met, and the proofs, in memory."""

    def __init__(self) -> None:
        self.heads: dict[tuple[str, int], SealedHead] = {}
        self.proofs: list[ForkProof] = []
        self.lost: dict[str, Head] = {}

    async def keep_heard_head(self, log_id: str, head: SealedHead) -> SealedHead:
        return self.heads.setdefault((log_id, head.position), head)

    async def newest_heard_head(self, log_id: str) -> SealedHead | None:
        found = [head for (log, _), head in self.heads.items() if log == log_id]
        return max(found, key=lambda head: head.position, default=None)

    async def keep_fork_proof(self, proof: ForkProof) -> None:
        self.proofs.append(proof)

    async def fork_proofs(self, proofs_max: int) -> Sequence[ForkProof]:
        return self.proofs[:proofs_max]

    async def keep_lost_head(self, witness: str, head: Head | None) -> None:
        self.lost.pop(witness, None)
        if head is not None:
            self.lost[witness] = head

    async def lost_head(self, witness: str) -> Head | None:
        return self.lost.get(witness)


async def sealed(records: Sequence[Record], key: Ed25519PrivateKey = KEY, log_id: str = SOURCE) -> list[Record]:
    """The records as they are sent together: the last one has a seal."""
    head = await Signer(log_id, key, MemorySeals()).seal(records[-1])
    return [*records[:-1], replace(records[-1], seal=head.seal)]


class FakeConsumer:
    """What arrives on Kafka, as the test decides."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[list[Record]] = asyncio.Queue()
        self.unreadable = 0

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def next_batch(self, seconds: float) -> list[Record]:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                return await self.batches.get()
        return []


class FakeRemote:
    """The source's log; away, or without an answer, as the test decides."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.away = False
        self.refuses = False
        self.hangs = False
        self.may_sign = asyncio.Event()
        self.may_sign.set()
        self.key = KEY
        self.reads = 0
        self.heard_of_us: HeardUpTo | None = None

    async def read_log(self, after_position: int, records_max: int) -> LogRead:
        self.reads += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise NotYet("away")
        if self.refuses:
            raise Refused(grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", {})
        return LogRead(self.records[after_position : after_position + records_max], len(self.records), self.heard_of_us)

    async def signed_head(self, position: int) -> SealedHead:
        await self.may_sign.wait()
        if self.away or position > len(self.records):
            raise NotYet("away")
        record = (await sealed(self.records[:position], self.key))[-1]
        return SealedHead(record.position, record.digest, record.seal)


def source_records(count: int, head: Head | None = None, amount: int = 1) -> list[Record]:
    head = head or genesis(SOURCE)
    records = []
    for _ in range(count):
        data = wrappers_pb2.Int64Value(value=amount).SerializeToString()
        bare = Record(head.position + 1, "google.protobuf.Int64Value", data, 1_000, "participant:ada")
        records.append(replace(bare, digest=chain(head.digest, bare)))
        head = Head(records[-1].position, records[-1].digest)
    return records


def on_value(event: wrappers_pb2.Int64Value, heard: Heard) -> Add | None:
    return Add(event.value) if event.value else None


REACTIONS: Reactions = {wrappers_pb2.Int64Value: on_value}


@asynccontextmanager
async def hearing(
    store: MemoryStore,
    remote: FakeRemote,
    decider: Decider[Tally] | None = None,
    release: str = "",
    keys: Sequence[bytes] = (PUBLIC_KEY,),
    forks: MemoryForks | None = None,
    wire: Wire = tally.WIRE,
    release_level: int = 0,
) -> AsyncIterator[tuple[Hearing, FakeConsumer, Writer[Tally]]]:
    log = MemoryLog(store)
    await log.lead()
    engine: Engine[Tally] = Engine(
        "tally",
        decider or tally.decider(),
        wire,
        Tracing(),
        declared=declared(release_level, reactions={SOURCE: REACTIONS}),
    )
    for record in await log.read(0, 1_000):
        engine.apply(record)
    engine.hear_from(await log.heard())
    writer = Writer(engine, log, Metrics(), release=release)
    consumer = FakeConsumer()
    ear = Hearing(
        SOURCE,
        REACTIONS,
        writer,
        cast(Remote, remote),
        consumer,
        Tracing(),
        MachineClock(),
        Seals(SOURCE, keys),
        forks or MemoryForks(),
    )
    tasks = [asyncio.create_task(writer.run()), asyncio.create_task(ear.run())]
    yield ear, consumer, writer
    for task in reversed(tasks):
        task.cancel()
        with suppress(asyncio.CancelledError, StateUnusable, Unavailable):
            await task
    await log.close()


async def until(holds: Callable[[], bool]) -> None:
    """Counts turns of the loop and no seconds: however long the machine pauses, it is one turn."""
    for _ in range(TURNS_MAX):
        if holds():
            return
        await asyncio.sleep(TURN_S)
    raise TimeoutError


async def until_halted(ear: Hearing) -> None:
    await until(lambda: bool(ear.halted_because))


async def until_heard(ear: Hearing, position: int) -> None:
    await until(lambda: ear.upto.position >= position or bool(ear.halted_because))
    await asyncio.sleep(0.03)


async def until_goes_on(ear: Hearing) -> None:
    await until(lambda: not ear.halted_because)
