"""A log held against its service's signature: every record continues the one before, up to a head that is signed.

What a digest is made of and what is signed is said at Record and SignedHead in log_service.proto. Which public keys a
service may sign with is pinned by the reader, in CARBONMARKET_{SERVICE}_PUBLIC_KEYS.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.errors import MarketError
from carbonmarket_client.link import Link

RECORDS_MAX = 1_000
ANSWER_S_MAX = 30.0
PURPOSE = "carbonmarket log head"
FORMAT = 1


class LogAltered(MarketError):
    """A log is not what its service signed, or a record does not continue the one before."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A log's records, and up to where they are signed, by which key."""

    service: str
    records: int
    signed_position: int
    key_id: str


async def verify_log(link: Link, public_keys: Sequence[bytes]) -> Verified:
    """Read a whole log and hold it against the newest head that its service signed. Raises LogAltered, MarketError."""
    digests = [hashlib.sha256(f"carbonmarket log {link.service}".encode()).digest()]
    while True:
        request = pb.ReadRequest(after_position=len(digests) - 1, records_max=RECORDS_MAX)
        answer = await link.call(request, pb.ReadResponse, deadline_s=ANSWER_S_MAX)
        for record in answer.records:
            if record.position != len(digests) or record.digest != digest_of(digests[-1], record):
                raise LogAltered(
                    f"{link.service}: record {record.position} does not continue record {len(digests) - 1}"
                )
            digests.append(record.digest)
        if not answer.records:
            break
    head = answer.signed_head
    if not head.seal:
        raise LogAltered(f"{link.service}: no head of the log is signed")
    key_id = signed_by(link.service, head, public_keys)
    if head.position >= len(digests) or digests[head.position] != head.digest:
        raise LogAltered(f"{link.service}: signed is another record {head.position} than the log has")
    return Verified(link.service, len(digests) - 1, head.position, key_id)


def signed_by(service: str, head: pb.SignedHead, public_keys: Sequence[bytes]) -> str:
    """The id of the pinned key that signed a head. Raises LogAltered."""
    key_id, _, signature = head.seal.partition(":")
    text = "\n".join((PURPOSE, service, str(head.position), head.digest.hex(), key_id)).encode()
    for key in public_keys:
        if hashlib.sha256(key).hexdigest()[: len(key_id)] == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature), text)
            except (InvalidSignature, ValueError):
                break
            return key_id
    raise LogAltered(f"{service}: head {head.position} is signed by no key that is pinned for the service")


def digest_of(before: bytes, record: pb.Record) -> bytes:
    """The digest that a record must have. Raises LogAltered on a format that this release does not know."""
    if record.format != FORMAT:
        raise LogAltered(f"record {record.position} has format {record.format}: update the client")
    sha = hashlib.sha256(before)
    for number in (record.format, record.position, record.recorded_ms, record.source_position, record.command_events):
        sha.update(number.to_bytes(8, "big", signed=True))
    who = (record.subject, record.role, record.account, record.approval)
    texts = (record.type, *who, record.request_id, record.traceparent, record.source_log_id)
    for written in (*(text.encode() for text in texts), record.command_digest):
        sha.update(len(written).to_bytes(4, "big") + written)
    sha.update(record.data)
    return sha.digest()
