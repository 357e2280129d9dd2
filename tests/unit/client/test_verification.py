"""A log is held against its service's signature: what was changed, cut or signed by another key is found."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.errors import NotConfigured
from carbonmarket_client.heads import LogAltered
from carbonmarket_client.link import Link
from carbonmarket_client.settings import pinned_keys
from carbonmarket_client.verification import Verified, verify_log
from chassis.core.record import genesis
from chassis.edges.remote import record_to
from support.shell.hearing import KEY, PUBLIC_KEY, SOURCE, sealed, source_records

STRANGE_KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)


class LogOf:
    """A link to a service whose log and signed head are as given."""

    service = SOURCE

    def __init__(self, records: list[pb.Record], head: pb.SignedHead | None) -> None:
        self.records = records
        self.head = head

    async def call(self, request: pb.ReadRequest, answer_type: object, *, deadline_s: float) -> pb.ReadResponse:
        after = request.after_position
        records = self.records[after : after + 2]
        return pb.ReadResponse(records=records, head_position=len(self.records), signed_head=self.head)


async def log_of(count: int = 5, signed: int = 4, key: Ed25519PrivateKey = KEY) -> LogOf:
    records = source_records(count)
    head = (await sealed(records[:signed], key))[-1]
    return LogOf(
        [record_to(record) for record in records],
        pb.SignedHead(position=head.position, digest=head.digest, seal=head.seal),
    )


async def verify(log: LogOf) -> Verified:
    return await verify_log(cast(Link, log), [PUBLIC_KEY])


async def test_a_log_that_its_service_signed_is_good_up_to_its_signed_head() -> None:
    key_id = hashlib.sha256(PUBLIC_KEY).hexdigest()[:16]
    assert await verify(await log_of()) == Verified(SOURCE, 5, 4, key_id)


def alter(log: Any) -> None:
    log.records[2].data = b"\x08\x63"


def cut(log: Any) -> None:
    del log.records[3:]


def leave_one_out(log: Any) -> None:
    del log.records[1]


def write_anew(log: Any) -> None:
    log.records = [record_to(record) for record in source_records(5, amount=9)]


def sign_nothing(log: Any) -> None:
    log.head = None


def break_the_signature(log: Any) -> None:
    key_id = log.head.seal.partition(":")[0]
    log.head.seal = f"{key_id}:{base64.b64encode(b'x' * 64).decode()}"


def begin_elsewhere(log: Any) -> None:
    log.records = [record_to(record) for record in source_records(5, genesis("another"))]


@pytest.mark.parametrize(
    "spoil", [alter, cut, leave_one_out, write_anew, sign_nothing, break_the_signature, begin_elsewhere]
)
async def test_a_log_that_was_tampered_with_is_found(spoil: Callable[[Any], None]) -> None:
    log = await log_of()
    spoil(log)
    with pytest.raises(LogAltered):
        await verify(log)


async def test_a_key_that_is_not_pinned_signs_nothing() -> None:
    with pytest.raises(LogAltered):
        await verify(await log_of(key=STRANGE_KEY))


def test_public_keys_are_pinned_in_the_environment() -> None:
    both = f"{base64.b64encode(PUBLIC_KEY).decode()}, {base64.b64encode(b'n' * 32).decode()}"
    assert pinned_keys("registry", {"CARBONMARKET_REGISTRY_PUBLIC_KEYS": both}) == [PUBLIC_KEY, b"n" * 32]
    for wrong in ("", "short", "AAAA"):
        with pytest.raises(NotConfigured):
            pinned_keys("registry", {"CARBONMARKET_REGISTRY_PUBLIC_KEYS": wrong})
