"""Signed heads: the end of a log or of an account's feed as its service signed it, and the proof that a service forked.

SignedHead and SignedFeedHead in log_service.proto document what is signed. The reader pins the public keys that a
service may sign with, in CARBONMARKET_{SERVICE}_PUBLIC_KEYS. Two signed heads that contradict each other prove that the
service showed two histories: anybody who pins its keys can check them, without asking it.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from carbonmarket.log.v1 import log_service_pb2 as pb
from carbonmarket_client.errors import MarketError

LOG_PURPOSE = "carbonmarket log head"
FEED_PURPOSE = "carbonmarket feed head"
KEY_ID_CHARACTERS = 16

SignedHead = pb.SignedHead | pb.SignedFeedHead


class LogAltered(MarketError):
    """A log or feed is not what its service signed, or an entry does not continue the one before."""


class BookmarkRefused(MarketError):
    """A bookmark without a valid signature of the service: it is unknown whether the service had that history."""


@dataclass(frozen=True, slots=True)
class ForkProof:
    """Two heads of one service's log, or of one feed in it, that contradict each other."""

    service: str
    head: SignedHead
    other_head: SignedHead


class ForkProved(LogAltered):
    """A service signed two heads that contradict each other: `proof` shows it to anybody."""

    def __init__(self, proof: ForkProof) -> None:
        super().__init__(f"{proof.service} signed two histories: {worded(proof.head)}, and {worded(proof.other_head)}")
        self.proof = proof


def signed_by(service: str, head: SignedHead, public_keys: Sequence[bytes]) -> str:
    """The id of the pinned key that signed a head. Raises LogAltered."""
    if isinstance(head, pb.SignedFeedHead):
        lines = [FEED_PURPOSE, service, head.account, str(head.sequence), head.digest.hex(), str(head.position)]
    else:
        lines = [LOG_PURPOSE, service, str(head.position), head.digest.hex()]
    key_id = key_that_signed(lines, head.seal, public_keys)
    if key_id is None:
        raise LogAltered(f"{service}: {worded(head)} is not signed by a key that is pinned for the service")
    return key_id


def key_that_signed(lines: Sequence[str], seal: str, public_keys: Sequence[bytes]) -> str | None:
    """The id of the pinned key, if any, whose signature over these lines and its id the seal has."""
    key_id, _, signature = seal.partition(":")
    for key in public_keys:
        if hashlib.sha256(key).hexdigest()[:KEY_ID_CHARACTERS] == key_id:
            try:
                signed = base64.b64decode(signature, validate=True)
                if base64.b64encode(signed).decode() != signature:
                    break  # One seal, written in one way.
                Ed25519PublicKey.from_public_bytes(key).verify(signed, "\n".join((*lines, key_id)).encode())
            except (InvalidSignature, ValueError):
                break
            return key_id
    return None


def contradict(one: SignedHead, other: SignedHead) -> bool:
    """Whether no log can have both heads: two digests in one place, or a feed that was longer earlier."""
    if isinstance(one, pb.SignedFeedHead) and isinstance(other, pb.SignedFeedHead):
        if one.account != other.account:
            return False
        earlier, later = sorted((one, other), key=lambda head: head.position)
        if earlier.position == later.position and earlier.sequence != later.sequence:
            return True
        return earlier.sequence > later.sequence or (
            earlier.sequence == later.sequence and earlier.digest != later.digest
        )
    if isinstance(one, pb.SignedHead) and isinstance(other, pb.SignedHead):
        return one.position == other.position and one.digest != other.digest
    return False


def check_proof(proof: ForkProof, public_keys: Sequence[bytes]) -> Sequence[str]:
    """The ids of the keys that signed the two heads. Raises LogAltered where they prove nothing."""
    keys = [signed_by(proof.service, head, public_keys) for head in (proof.head, proof.other_head)]
    if not contradict(proof.head, proof.other_head):
        raise LogAltered(
            f"{proof.service}: {worded(proof.head)}, and {worded(proof.other_head)}: one log can have both, "
            "so they prove no fork"
        )
    return keys


def worded(head: SignedHead) -> str:
    if isinstance(head, pb.SignedFeedHead):
        return (
            f"the feed of {head.account} ending with entry {head.sequence:,}, digest {head.digest.hex()}, "
            f"as of position {head.position:,}"
        )
    return f"the log at position {head.position:,}, digest {head.digest.hex()}"


# How heads and proofs are kept in files.


def plain_head(head: SignedHead) -> dict[str, Any]:
    known: dict[str, Any] = {"position": head.position, "digest": head.digest.hex(), "seal": head.seal}
    if isinstance(head, pb.SignedFeedHead):
        known |= {"account": head.account, "sequence": head.sequence}
    return known


OF_LOG: Mapping[str, type] = {"position": int, "digest": str, "seal": str}
OF_FEED: Mapping[str, type] = {**OF_LOG, "account": str, "sequence": int}


def head_of(known: object, *, of_feed: bool | None = None) -> SignedHead:
    """Of a feed if `of_feed` says so, or if any field that only a feed's has is there. Raises ValueError on what is no
    head: what is missing is named, and never taken for a head of another kind.
    """
    if not isinstance(known, Mapping):
        raise ValueError("a signed head is an object")
    if of_feed is None:
        of_feed = bool(known.keys() & (OF_FEED.keys() - OF_LOG.keys()))
    fields = OF_FEED if of_feed else OF_LOG
    for name, kind in fields.items():
        if name not in known:
            raise ValueError(f"it has no `{name}`")
        if type(known[name]) is not kind:
            raise ValueError(f"its `{name}` is not {'a number' if kind is int else 'a text'}")
    foreign = sorted(known.keys() - fields.keys())
    if foreign:
        raise ValueError(f"it has `{foreign[0]}`, which no head of {'a feed' if of_feed else 'a log'} has")
    try:
        values = {**known, "digest": bytes.fromhex(known["digest"])}
    except ValueError:
        raise ValueError("its `digest` is not in hexadecimal digits") from None
    return pb.SignedFeedHead(**values) if of_feed else pb.SignedHead(**values)


def plain_proof(proof: ForkProof) -> dict[str, Any]:
    return {
        "service": proof.service,
        "head": plain_head(proof.head),
        "other_head": plain_head(proof.other_head),
    }


def proof_of(known: Mapping[str, Any]) -> ForkProof:
    """Raises ValueError on what is no proof."""
    for name in ("service", "head", "other_head"):
        if name not in known:
            raise ValueError(f"a proof has no `{name}`")
    heads = []
    for name in ("head", "other_head"):
        try:
            heads.append(head_of(known[name]))
        except ValueError as fault:
            raise ValueError(f"`{name}` of a proof: {fault}") from fault
    return ForkProof(str(known["service"]), *heads)
