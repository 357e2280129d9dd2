"""What comes on a topic and is not its source's is counted and said to operators; a message that came twice is not."""

import asyncio
import base64
import logging
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis.core.record import Head, Record
from chassis.followers import forgeries
from chassis.followers.forgeries import NOT_IN_LOG, WARN_SECONDS, Forgeries
from chassis.log import seals
from chassis.log.forks import SEALS_VERIFIED_MAX
from chassis.log.memory_log import MemoryStore
from chassis.log.seals import key_id_of
from support.shell.hearing import (
    PUBLIC_KEY,
    SOURCE,
    FakeRemote,
    hearing,
    sealed,
    source_records,
    until_halted,
    until_heard,
)

NEXT_PUBLIC_KEY = Ed25519PrivateKey.from_private_bytes(b"n" * 32).public_key().public_bytes_raw()


class Seconds:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def seconds(self) -> float:
        return self.now

    def now_ms(self) -> int:
        return 0


async def heard_beside(
    forged: Sequence[Record], caplog: pytest.LogCaptureFixture, keys: Sequence[bytes] = (PUBLIC_KEY,)
) -> tuple[int, list[str]]:
    """How many forgeries are counted, and what is warned of, where these come before the five genuine records."""
    caplog.set_level(logging.WARNING)
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote, keys=keys) as (ear, consumer, writer):
        # The log can be read only after Kafka's messages have come: else they are nothing new.
        remote.away = True
        await asyncio.sleep(0.05)
        await consumer.batches.put(list(forged))
        for _ in range(20):
            await asyncio.sleep(0.005)
        remote.records = source_records(5)
        remote.away = False
        await until_heard(ear, 5)
        assert (await writer.read(lambda state: state.total)).value == 5
        return ear.forged_records, [record.message for record in caplog.records if "forgeries" in record.name]


GENUINE = source_records(5)
OTHER = source_records(3, Head(2, GENUINE[1].digest), amount=9)


@pytest.mark.parametrize(
    ("forged", "kind"),
    [
        ([replace(GENUINE[0], data=b"\x08\x63")], forgeries.NO_SEQUEL),
        ([replace(GENUINE[0], seal="0123456789abcdef:bm8gc2VhbA==")], forgeries.VOID_SEAL),
        ([replace(GENUINE[3], seal="nonsense")], forgeries.VOID_SEAL),
        ([*GENUINE[:2], OTHER[0]], forgeries.NOT_IN_LOG),
        ([replace(GENUINE[4], position=10**12)], forgeries.NOT_IN_LOG),
    ],
)
async def test_a_forged_message_is_counted_and_said_to_operators_once(
    forged: list[Record], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    count, warnings = await heard_beside(forged, caplog)
    assert count == 1
    (warning,) = warnings
    assert warning.startswith(f"1 records came on Kafka in the name of {SOURCE} that {kind}, the last for position ")


async def test_a_flood_is_counted_whole_and_said_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    flood = [replace(GENUINE[number % 5], position=100 + number, data=b"\x08\x63") for number in range(500)]
    count, warnings = await heard_beside(flood, caplog)
    assert count == 500
    assert len(warnings) == 1


class CountedKey:
    """A public key that counts how often a signature is verified with it."""

    verified = 0

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @classmethod
    def from_public_bytes(cls, raw: bytes) -> "CountedKey":
        return cls(Ed25519PublicKey.from_public_bytes(raw))

    def verify(self, signature: bytes, text: bytes) -> None:
        CountedKey.verified += 1
        self._key.verify(signature, text)


async def test_a_flood_of_forged_seals_is_counted_whole_and_costs_little_work(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = f"{key_id_of(PUBLIC_KEY)}:" + base64.b64encode(b"x" * 64).decode()
    chained = source_records(500, amount=9)
    far_away = [replace(record, position=record.position + 10_000) for record in chained]
    flood = [replace(record, seal=seal) for record in (*chained, *far_away)]
    compared = 0

    def compare(one: Record, other: object) -> bool:
        nonlocal compared
        compared += 1
        return one is other

    monkeypatch.setattr(seals, "Ed25519PublicKey", CountedKey)
    monkeypatch.setattr(CountedKey, "verified", 0)
    monkeypatch.setattr(Record, "__eq__", compare)
    count, _ = await heard_beside(flood, caplog)
    assert count == 1_000
    assert compared == 0
    assert 0 < CountedKey.verified <= 2 * SEALS_VERIFIED_MAX


async def test_a_record_of_a_newer_format_is_not_counted_as_an_intruders(caplog: pytest.LogCaptureFixture) -> None:
    assert await heard_beside([replace(GENUINE[0], format=99)], caplog) == (0, [])


async def test_what_was_claimed_of_a_log_that_forked_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    remote = FakeRemote()
    remote.records = source_records(5)
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, _):
        await until_heard(ear, 5)
        remote.away = True
        await asyncio.sleep(0.05)
        await consumer.batches.put(source_records(7)[5:])
        await asyncio.sleep(0.05)
        remote.records = source_records(7, amount=9)
        remote.away = False
        await until_halted(ear)
        assert ear.forged_records == 0


@pytest.mark.parametrize("seed", range(3))
async def test_what_kafka_loses_repeats_and_reorders_is_no_forgery(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(seed)
    arriving = [*(await sealed(GENUINE[:3])), *GENUINE, *GENUINE[1:4]]
    chance.shuffle(arriving)
    assert await heard_beside(arriving[seed:], caplog) == (0, [])


async def test_without_a_pinned_key_no_seal_is_called_void(caplog: pytest.LogCaptureFixture) -> None:
    assert await heard_beside(await sealed(GENUINE), caplog, keys=()) == (0, [])


async def test_a_key_that_is_not_pinned_is_said_to_operators(caplog: pytest.LogCaptureFixture) -> None:
    count, warnings = await heard_beside(await sealed(GENUINE), caplog, keys=(NEXT_PUBLIC_KEY,))
    assert count == 1
    assert "carry a seal that no pinned key made" in warnings[0]


def test_one_kind_is_said_once_a_minute_with_how_many_there_were(caplog: pytest.LogCaptureFixture) -> None:
    clock = Seconds()
    met = Forgeries(SOURCE, clock)
    for _ in range(10):
        met.judge({7: b"forged"}, [], 5)
    clock.now = WARN_SECONDS
    met.judge({7: b"forged"}, [], 5)
    assert [record.message.partition(" in the")[0] for record in caplog.records] == [
        "1 records came on Kafka",
        "10 records came on Kafka",
    ]
    assert all(NOT_IN_LOG in record.message for record in caplog.records)
    assert met.records == 11


def test_what_is_remembered_until_the_log_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgeries, "CLAIMED_MAX", 3)
    met = Forgeries(SOURCE, Seconds())
    met.claim(0, GENUINE)
    assert list(met.claimed()) == [3, 4, 5]
    assert not met.claimed(), "a reading judges what came before it, once"


def test_what_was_claimed_while_the_log_could_not_be_read_waits_for_the_next_reading() -> None:
    met = Forgeries(SOURCE, Seconds())
    met.claim(0, GENUINE[:2])
    claimed = met.claimed()
    met.claim(0, GENUINE[2:3])
    met.not_read(claimed)
    assert list(met.claimed()) == [1, 2, 3]
