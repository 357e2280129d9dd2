"""Seals: what chains up to a signed head is heard without asking anybody, and nothing else is."""

import asyncio
import base64
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.core.misconfigured import Misconfigured
from chassis.core.record import Record
from chassis.edges.broker import headers_of, record_of
from chassis.followers import hearing as hearing_module
from chassis.log.memory_log import MemoryLog, MemoryStore
from chassis.log.seals import Attestation, Forked, Seals, Signer, key_id_of
from chassis.process.configuration import read_settings
from rehearsal.keys import public_key, signing_key
from support.shell.hearing import (
    KEY,
    PUBLIC_KEY,
    SOURCE,
    FakeRemote,
    MemorySeals,
    hearing,
    sealed,
    source_records,
    until_heard,
)

NEXT_KEY = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
STRANGE_KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)


async def heard_with(arriving: Sequence[Record], monkeypatch: pytest.MonkeyPatch) -> tuple[int, bool]:
    """The total after these came on Kafka, and whether the source's log was read for it. The log has three ones."""
    monkeypatch.setattr(hearing_module, "SILENCE_SECONDS", 1_000.0)
    remote = FakeRemote()
    async with hearing(MemoryStore("tally"), remote) as (ear, consumer, writer):
        await until_heard(ear, 0)
        waits = asyncio.Event()

        async def next_batch(seconds: float) -> list[Record]:
            waits.set()
            return await consumer.batches.get()

        # From here on it is woken by Kafka alone.
        monkeypatch.setattr(consumer, "next_batch", next_batch)
        await waits.wait()
        remote.records = source_records(3)
        before = remote.reads
        await consumer.batches.put(list(arriving))
        await until_heard(ear, 3)
        assert not ear.halted_because
        return (await writer.read(lambda state: state.total)).value, remote.reads > before


async def test_what_chains_up_to_a_signed_head_is_heard_without_a_look_at_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await heard_with(await sealed(source_records(3)), monkeypatch) == (3, False)


async def test_what_lies_beyond_the_last_seal_is_read_from_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    records = source_records(3)
    assert await heard_with([*await sealed(records[:2]), records[2]], monkeypatch) == (3, True)
    assert await heard_with(records, monkeypatch) == (3, True)


def with_seal(records: Sequence[Record], seal: str) -> list[Record]:
    return [*records[:-1], replace(records[-1], seal=seal)]


async def test_forged_seals_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = source_records(3, amount=900)
    genuine = await sealed(source_records(3))
    other_log = await sealed(forged, log_id="other")
    other_position = (await sealed(forged[:2]))[-1].seal
    forgeries = [
        await sealed(forged, STRANGE_KEY),
        with_seal(forged, genuine[-1].seal),
        other_log,
        with_seal(forged, other_position),
        with_seal(forged, f"{key_id_of(PUBLIC_KEY)}:" + base64.b64encode(b"x" * 64).decode()),
        with_seal(forged, f"{key_id_of(PUBLIC_KEY)}:not base64"),
        with_seal(forged, ":"),
        with_seal(forged, "户:" + "x" * 10_000),
    ]
    for forgery in forgeries:
        assert await heard_with(forgery, monkeypatch) == (3, True)


async def test_a_sealed_batch_that_was_altered_repeated_cut_or_put_in_another_order_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    genuine = await sealed(source_records(3))
    altered = replace(genuine[1], data=b"\x08\x63")
    assert await heard_with([genuine[0], altered, genuine[2]], monkeypatch) == (3, True)
    assert await heard_with([*genuine, *genuine], monkeypatch) == (3, False)
    assert await heard_with(genuine[1:], monkeypatch) == (3, True)
    shuffled = list(genuine)
    random.Random(1).shuffle(shuffled)
    assert await heard_with(shuffled, monkeypatch) == (3, False)


async def test_two_keys_are_pinned_while_a_key_is_changed() -> None:
    next_public = NEXT_KEY.public_key().public_bytes_raw()
    both, new = Seals(SOURCE, [PUBLIC_KEY, next_public]), Seals(SOURCE, [next_public])
    by_old, by_new = (await sealed(source_records(1)))[0], (await sealed(source_records(1), NEXT_KEY))[0]
    assert (both.holds(by_old), both.holds(by_new)) == (True, True)
    assert (new.holds(by_old), new.holds(by_new)) == (False, True)


async def test_a_service_never_signs_two_digests_for_one_position() -> None:
    kept = MemorySeals()
    signer = Signer(SOURCE, KEY, kept)
    first = source_records(2)[-1]
    head = await signer.seal(first)
    assert signer.newest == head
    assert await signer.seal(first) == head
    with pytest.raises(Forked) as forked:
        await Signer(SOURCE, NEXT_KEY, kept).seal(source_records(2, amount=5)[-1])
    assert head.seal in str(forked.value)
    assert kept.kept == {2: head}


async def log_of(records: Sequence[Record]) -> MemoryLog:
    store = MemoryStore(SOURCE)
    store.records += records
    return MemoryLog(store)


@pytest.mark.parametrize("digest", ["another", "none"])
async def test_a_log_without_the_head_that_was_signed_last_is_not_signed_up_to_that_position(
    digest: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where no head of that position is kept: the signed end of the log covers it."""
    kept, signed, other = MemorySeals(), source_records(3), source_records(5, amount=5)
    head = await Signer(SOURCE, KEY, kept).seal(signed[-1])
    signer = Signer(SOURCE, KEY, kept)
    await signer.load(await log_of(other if digest == "another" else other[:2]))
    assert signer.newest is None
    assert head.seal in caplog.text and "has forked, no head is signed up to 3" in caplog.text
    for record in other[:3]:
        with pytest.raises(Forked, match=head.digest.hex()):
            await signer.seal(record)
    assert kept.kept == {3: head}


async def test_a_log_that_has_the_head_that_was_signed_last_is_signed_on(caplog: pytest.LogCaptureFixture) -> None:
    kept, records = MemorySeals(), source_records(5)
    head = await Signer(SOURCE, KEY, kept).seal(records[2])
    signer = Signer(SOURCE, KEY, kept)
    await signer.load(await log_of(records))
    assert (signer.newest, caplog.text) == (head, "")
    assert (await signer.seal(records[4])).position == 5


async def test_what_an_old_key_signed_is_given_out_with_a_signature_of_the_new_one() -> None:
    kept = MemorySeals()
    records = source_records(3)
    old = await Signer(SOURCE, KEY, kept).seal(records[-1])
    by_new = Seals(SOURCE, [NEXT_KEY.public_key().public_bytes_raw()])
    signer = Signer(SOURCE, NEXT_KEY, kept)
    await signer.load(await log_of(records))
    assert signer.newest is not None
    given_out = [signer.newest, await signer.seal(records[-1]), signer.seal_below(old, records[-1:])]
    assert [(head.position, head.digest) for head in given_out] == [(old.position, old.digest)] * 3
    assert all(by_new.holds(head) for head in given_out)
    assert kept.kept == {3: old}


def lines(body: bytes) -> list[str]:
    return [body.decode()]


async def test_of_two_attestations_under_one_name_only_the_first_is_ever_signed() -> None:
    store = MemorySeals()
    signer, replica = Signer(SOURCE, KEY, store), Signer(SOURCE, KEY, store)
    first = Attestation("supply", "2021-07-16", b"one", b"salt")
    kept, seal = await signer.seal_attestation(first, lines)
    assert kept == first
    other = replace(first, body=b"two", secret=b"pepper")
    assert await replica.seal_attestation(other, lines) == (first, seal)
    assert await replica.kept_attestation("supply", "2021-07-16") == first
    assert await replica.kept_attestation("supply", "2021-07-19") is None
    key_id, _, signature = seal.partition(":")
    signed = "\n".join(("supply", SOURCE, "2021-07-16", "one", key_id)).encode()
    KEY.public_key().verify(base64.b64decode(signature), signed)


async def test_an_attestation_that_an_old_key_signed_is_given_out_with_a_signature_of_the_new_one() -> None:
    store = MemorySeals()
    first = Attestation("supply", "2021-07-16", b"one", b"salt")
    await Signer(SOURCE, KEY, store).seal_attestation(first, lines)
    kept, seal = await Signer(SOURCE, NEXT_KEY, store).seal_attestation(first, lines, first)
    assert kept == first
    assert seal.partition(":")[0] == key_id_of(NEXT_KEY.public_key().public_bytes_raw())


def test_a_secret_is_the_same_for_every_replica_and_another_for_each_key_log_and_use() -> None:
    def secret(key: Ed25519PrivateKey = KEY, log_id: str = SOURCE, day: str = "2021-07-16") -> bytes:
        return Signer(log_id, key, MemorySeals()).secret_of("supply", day)

    assert secret() == secret()
    assert len({secret(), secret(key=NEXT_KEY), secret(log_id="trading"), secret(day="2021-07-19")}) == 4


async def test_a_seal_travels_as_a_text_header_and_a_record_without_one_has_none() -> None:
    (record,) = await sealed(source_records(1))
    headers = headers_of(record)
    assert all(value.decode().isascii() for _, value in headers)
    assert record_of(record.data, headers).seal == record.seal
    assert "seal" not in dict(headers_of(source_records(1)[0]))


ENVIRONMENT = {
    "CARBONMARKET_LISTEN": "127.0.0.1:7001",
    "CARBONMARKET_DATABASE_URL": "postgresql://registry@127.0.0.1/registry",
    "CARBONMARKET_KAFKA": "127.0.0.1:9092",
    "CARBONMARKET_TRADING_ADDRESS": "127.0.0.1:7002",
    "CARBONMARKET_ACTOR_FROM": "metadata",
}


def test_a_rehearsals_keys_are_made_once_for_their_owner_only_and_configure_a_service(tmp_path: Path) -> None:
    path = signing_key(tmp_path / "keys", "trading")
    written = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing_key(tmp_path / "keys", "trading").read_bytes() == written
    keys = {"CARBONMARKET_SIGNING_KEY": str(path), "CARBONMARKET_TRADING_PUBLIC_KEYS": public_key(path)}
    settings = read_settings({**ENVIRONMENT, **keys}, "clearing", ["trading"])
    assert settings.signing_key is not None
    assert list(settings.public_keys["trading"]) == [settings.signing_key.public_key().public_bytes_raw()]


def test_a_key_that_is_none_or_that_others_may_read_is_named_as_a_fault(tmp_path: Path) -> None:
    open_to_all, no_key, missing = tmp_path / "open", tmp_path / "none", tmp_path / "missing"
    open_to_all.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    open_to_all.chmod(0o644)
    no_key.write_text("no key")
    no_key.chmod(0o600)
    public = base64.b64encode(PUBLIC_KEY).decode()
    faulty = [("SIGNING_KEY", str(path)) for path in (open_to_all, no_key, missing)]
    faulty += [("TRADING_PUBLIC_KEYS", keys) for keys in ("short", "AAAA", ",".join([public] * 3))]
    for name, value in faulty:
        with pytest.raises(Misconfigured) as refused:
            read_settings({**ENVIRONMENT, f"CARBONMARKET_{name}": value}, "clearing", ["trading"])
        assert [f"CARBONMARKET_{name}" in fault for fault in refused.value.faults] == [True]
