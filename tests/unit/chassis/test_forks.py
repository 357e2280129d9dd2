"""Two signed heads of one position prove a fork: both are kept, and what that key signs is not believed any more."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.core.record import Head, Record
from chassis.followers import hearing as hearing_module
from chassis.log.forks import ForkProof
from chassis.log.memory_log import MemoryStore
from chassis.log.seals import SealedHead
from support.shell.hearing import (
    SOURCE,
    FakeRemote,
    MemoryForks,
    hearing,
    sealed,
    source_records,
    until_halted,
    until_heard,
)

NEXT_KEY = Ed25519PrivateKey.from_private_bytes(b"n" * 32)


def head_of(records: Sequence[Record]) -> SealedHead:
    return SealedHead(records[-1].position, records[-1].digest, records[-1].seal)


async def test_two_signed_heads_that_kafka_brings_for_one_position_are_kept_as_the_proof_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    remote, forks = FakeRemote(), MemoryForks()
    true, other = await sealed(source_records(3)), await sealed(source_records(3, amount=7))
    remote.records = source_records(3)
    async with hearing(MemoryStore("tally"), remote, forks=forks) as (ear, consumer, writer):
        await consumer.batches.put(true)
        await until_heard(ear, 3)
        await consumer.batches.put(other)
        await consumer.batches.put(other)
        await until_heard(ear, 3)
        assert forks.proofs == [ForkProof(SOURCE, head_of(true), head_of(other))]
        assert not ear.halted_because, "the log itself has not changed"
        assert (await writer.read(lambda state: state.total)).value == 3
    (alarm,) = [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]
    assert true[-1].digest.hex() in alarm
    assert other[-1].digest.hex() in alarm


async def test_a_key_that_signed_a_fork_is_not_believed_until_it_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing_module, "SILENCE_SECONDS", 1_000.0)
    forks, store = MemoryForks(), MemoryStore("tally")
    forks.proofs.append(
        ForkProof(SOURCE, head_of(await sealed(source_records(1))), head_of(await sealed(source_records(1, amount=7))))
    )
    remote = FakeRemote()
    async with hearing(store, remote, forks=forks) as (ear, consumer, _):
        await until_heard(ear, 0)
        remote.away = True
        await consumer.batches.put(await sealed(source_records(2)))
        await until_heard(ear, 0)
        assert ear.upto.position == 0
        remote.away = False
        remote.records = source_records(2)
        await until_heard(ear, 2)
    next_public = NEXT_KEY.public_key().public_bytes_raw()
    async with hearing(store, remote, forks=forks, keys=[next_public]) as (ear, consumer, _):
        await until_heard(ear, 2)
        remote.away = True
        await consumer.batches.put(await sealed(source_records(3), NEXT_KEY))
        await until_heard(ear, 3)
        assert ear.upto.position == 3


async def test_a_source_that_forked_is_asked_for_its_signature_and_so_proves_it() -> None:
    remote, forks, store = FakeRemote(), MemoryForks(), MemoryStore("tally")
    heard = await sealed(source_records(4))
    remote.records = source_records(4)
    async with hearing(store, remote, forks=forks) as (ear, consumer, _):
        await consumer.batches.put(heard)
        await until_heard(ear, 4)
    head = Head(2, heard[1].digest)
    remote.records = [*source_records(2), *source_records(4, head, amount=7)]
    async with hearing(store, remote, forks=forks) as (ear, _, _):
        await until_halted(ear)
        await until_heard(ear, 9)
    (proof,) = forks.proofs
    assert proof.head == head_of(heard)
    assert (proof.other.position, proof.other.digest) == (4, remote.records[3].digest)


async def test_what_another_key_or_another_log_signed_proves_nothing() -> None:
    remote, forks = FakeRemote(), MemoryForks()
    remote.records = source_records(2)
    async with hearing(MemoryStore("tally"), remote, forks=forks) as (ear, consumer, _):
        await consumer.batches.put(await sealed(source_records(2)))
        for strange in (
            await sealed(source_records(2, amount=7), NEXT_KEY),
            await sealed(source_records(2, amount=7), log_id="other"),
        ):
            await consumer.batches.put(strange)
        await until_heard(ear, 2)
    assert forks.proofs == []
    assert set(forks.heads) == {(SOURCE, 2)}
