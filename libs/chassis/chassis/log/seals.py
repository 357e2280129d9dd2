"""Seals: a service signs the heads of its own log and of its accounts' feeds, so that records which chain up to a
signed head need no other proof. It also signs attestations: each says once what is so, under a name.

The signed text names the purpose, the log, for a feed the account, then position or sequence, digest, and the key's id.
A seal is written `KEY_ID:SIGNATURE`, so that it fits a header. The signature is Ed25519; a key's id is the beginning of
the SHA-256 of its public half.

A service never signs two digests for one position, nor for one sequence of an account's feed: before it gives a
signature out, it stores the head in its database, or a later stored head covers it. (A digest covers all records before
it, so a head whose records chain up to a stored one needs no row of its own. So the rows grow with what is published,
however many positions callers ask for.) If the log now has another record there, it signs nothing and reports that its
log has forked. The newest stored head is compared with the log before a replica leads: where the log has another record
there, or ends before it, no head is signed up to that position, because it would be of another history than the one
that was signed.

An attestation is kept in the same way: of two that are made under one name the first is kept, and only what is kept is
signed. What makes it may need a secret (salts, for example). That is derived from the key and from what it is for, so
that both replicas, and a database that was restored from an older backup, come to the same; it is kept with the
attestation, so that it outlives the key.

A reader pins the public keys of a service, at most KEYS_MAX of them, so that a key can be changed: first every reader
pins the new key beside the old one, then the service signs with the new one, then the old one is removed. Heads that
the old key signed are given out with a signature of the new one, over the same digest.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis.core.feed_chain import FeedHead
from chassis.core.record import Head, Record, sequel
from chassis.log.protocol import Log

PURPOSE = "carbonmarket log head"
FEED_PURPOSE = "carbonmarket feed head"
SECRET_PURPOSE = "carbonmarket secret"
KEYS_MAX = 2
PUBLIC_KEY_BYTES = 32
KEY_ID_CHARACTERS = 16
KEY_FILE_MODE_MAX = 0o600

logger = logging.getLogger(__name__)


class Forked(Exception):
    """Another digest was signed for this place before: two signed heads would be one too many."""

    def __init__(self, place: str, kept: "SealedHead | SealedFeed", digest: bytes) -> None:
        now = f"it is {digest.hex()}" if digest else "the log ends before it"
        super().__init__(f"{place}: signed was digest {kept.digest.hex()} by {kept.seal}, now {now}")
        self.signed_digest = kept.digest.hex()
        self.digest = digest.hex()


@dataclass(frozen=True, slots=True)
class SealedHead:
    """The end of a log as its service signed it."""

    position: int
    digest: bytes
    seal: str


@dataclass(frozen=True, slots=True)
class SealedFeed:
    """The end of an account's feed as its service signed it: as of `position` of the log the feed ends with the entry
    of this sequence and digest.
    """

    account: str
    sequence: int
    digest: bytes
    position: int
    seal: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a service says once, under a name among those of one purpose."""

    purpose: str
    name: str
    body: bytes
    secret: bytes


class SealStore(Protocol):
    """Where a service keeps the heads that it signed, and its attestations."""

    async def newest_seal(self) -> SealedHead | None: ...

    async def seal_from(self, position: int) -> SealedHead | None:
        """The first kept head at a position or after it."""
        ...

    async def keep_seal(self, head: SealedHead) -> SealedHead:
        """Keeps a signed head, unless one of its position is kept already; the one that is kept."""
        ...

    async def feed_seal(self, account: str, sequence: int) -> SealedFeed | None:
        """The kept end of a feed as it was with an entry; None where it was never signed."""
        ...

    async def keep_feed_seal(self, head: SealedFeed) -> SealedFeed:
        """Keeps a signed end of a feed, unless one of its account and sequence is kept already; the one that is."""
        ...

    async def attestation(self, purpose: str, name: str) -> Attestation | None:
        """The attestation that is kept under a name."""
        ...

    async def keep_attestation(self, attestation: Attestation) -> Attestation:
        """Keeps an attestation, unless one is kept under its name already; the one that is kept."""
        ...


def signed_text(log_id: str, position: int, digest: bytes, key_id: str) -> bytes:
    return "\n".join((PURPOSE, log_id, str(position), digest.hex(), key_id)).encode()


def signed_feed_text(log_id: str, head: SealedFeed, key_id: str) -> bytes:
    place = (FEED_PURPOSE, log_id, head.account, str(head.sequence), head.digest.hex(), str(head.position))
    return "\n".join((*place, key_id)).encode()


def key_id_of(public_key: bytes) -> str:
    return hashlib.sha256(public_key).hexdigest()[:KEY_ID_CHARACTERS]


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Raises ValueError, with how to correct it, on what is no key for this or may be read by others."""
    if path.stat().st_mode & 0o777 & ~KEY_FILE_MODE_MAX:
        raise ValueError(f"{path} may be read by others: chmod 600")
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is no Ed25519 key: openssl genpkey -algorithm ed25519")
    return key


class Signer:
    """Seals the heads of one log and its feeds. Its leader has it; `newest` is the last head of the log that was
    sealed.
    """

    def __init__(self, log_id: str, key: Ed25519PrivateKey, store: SealStore) -> None:
        self._log_id = log_id
        self._key = key
        self._store = store
        self._key_id = key_id_of(key.public_key().public_bytes_raw())
        self._contradicted: tuple[SealedHead, bytes] | None = None
        self.newest: SealedHead | None = None

    async def load(self, log: Log) -> None:
        """The newest head that was sealed, before anybody may ask, and whether the log still has it."""
        kept = await self._store.newest_seal()
        if kept is None:
            return
        found = await log.read(kept.position - 1, 1)
        digest = found[0].digest if found else b""
        if digest == kept.digest:
            self.newest = self._sealed(kept)
            return
        self._contradicted = kept, digest
        logger.critical(
            "this log has forked, no head is signed up to %d: %s",
            kept.position,
            Forked(f"position {kept.position}", kept, digest),
            extra={"position": kept.position},
        )

    def check_is_the_log_signed(self, position: int) -> None:
        """Raises Forked where the newest head that was kept lies at a position or after it, and is not of this log."""
        if self._contradicted is not None and position <= self._contradicted[0].position:
            kept, digest = self._contradicted
            raise Forked(f"position {kept.position}", kept, digest)

    async def seal(self, head: Record | Head) -> SealedHead:
        """Raises Forked."""
        self.check_is_the_log_signed(head.position)
        made = self._sealed(head)
        kept = await self._store.keep_seal(made)
        if kept.digest != made.digest:
            raise Forked(f"position {made.position}", kept, made.digest)
        if self.newest is None or self.newest.position < made.position:
            self.newest = made
        return made

    async def kept_from(self, position: int) -> SealedHead | None:
        """The first kept head at a position or after it; None where nothing so late was signed."""
        return await self._store.seal_from(position)

    def seal_below(self, kept: SealedHead, records: Sequence[Record]) -> SealedHead:
        """The head of the first of these records, which reach up to a kept head. Nothing is written. Raises Forked."""
        first, *following = records
        end = Head(first.position, first.digest)
        for record in sequel(end, following).ready:
            end = Head(record.position, record.digest)
        if end != Head(kept.position, kept.digest):
            raise Forked(f"position {kept.position}", kept, end.digest)
        return self._sealed(first)

    async def kept_feed(self, account: str, sequence: int) -> SealedFeed | None:
        return await self._store.feed_seal(account, sequence)

    async def seal_feed(
        self, account: str, head: FeedHead, position: int, kept: SealedFeed | None = None
    ) -> SealedFeed:
        """Nothing is written where it is known to be kept. Of an empty feed nothing is kept: its digest follows from
        the names of log and account. Raises Forked.
        """
        unsigned = SealedFeed(account, head.sequence, head.digest, position, "")
        made = replace(unsigned, seal=self._seal_of(signed_feed_text(self._log_id, unsigned, self._key_id)))
        if kept is None:
            kept = await self._store.keep_feed_seal(made) if head.sequence else made
        if kept.digest != head.digest:
            raise Forked(f"entry {head.sequence} of the feed of {account}", kept, head.digest)
        return made

    async def kept_attestation(self, purpose: str, name: str) -> Attestation | None:
        return await self._store.attestation(purpose, name)

    async def seal_attestation(
        self, made: Attestation, in_lines: Callable[[bytes], Sequence[str]], kept: Attestation | None = None
    ) -> tuple[Attestation, str]:
        """The attestation that is kept under the name, and the seal of what it says in lines. Nothing is written where
        it is known to be kept.
        """
        kept = kept or await self._store.keep_attestation(made)
        lines = (kept.purpose, self._log_id, kept.name, *in_lines(kept.body), self._key_id)
        return kept, self._seal_of("\n".join(lines).encode())

    def secret_of(self, *of: str) -> bytes:
        """What only who has the key can compute."""
        text = "\n".join((SECRET_PURPOSE, self._log_id, *of)).encode()
        return hmac.digest(self._key.private_bytes_raw(), text, "sha256")

    def _sealed(self, head: Record | Head | SealedHead) -> SealedHead:
        """Signed by the present key, also if a head is kept that an older key signed: that key may be unpinned."""
        text = signed_text(self._log_id, head.position, head.digest, self._key_id)
        return SealedHead(head.position, head.digest, self._seal_of(text))

    def _seal_of(self, text: bytes) -> str:
        return f"{self._key_id}:{base64.b64encode(self._key.sign(text)).decode()}"


class Seals:
    """The public keys of one log that are pinned here."""

    def __init__(self, log_id: str, public_keys: Sequence[bytes] = ()) -> None:
        self._log_id = log_id
        self._keys: Mapping[str, Ed25519PublicKey] = {
            key_id_of(raw): Ed25519PublicKey.from_public_bytes(raw) for raw in public_keys
        }

    @property
    def are_pinned(self) -> bool:
        """Whether there is any key: without one no seal tells anything."""
        return bool(self._keys)

    def names_key(self, head: SealedHead) -> bool:
        """Whether a seal names a pinned key. Only then does `holds` verify a signature."""
        return head.seal.partition(":")[0] in self._keys

    def holds(self, head: Record | SealedHead) -> bool:
        """Whether a record, or a head, carries a valid seal of its service."""
        key_id, _, signature = head.seal.partition(":")
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(
                base64.b64decode(signature, validate=True),
                signed_text(self._log_id, head.position, head.digest, key_id),
            )
        except (InvalidSignature, ValueError):
            return False
        return True
