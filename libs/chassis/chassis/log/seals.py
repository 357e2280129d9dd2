"""Seals: a service signs the heads of its own log, so that what chains up to one needs no other proof.

Signed is a text: what for, which log, which position, which digest, by which key. A seal is written `KEY_ID:SIGNATURE`,
so that it fits a header. Ed25519; a key's id is the beginning of the SHA-256 of its public half.

A service never signs two digests for one position: each head that it signs is kept in its database first. Where the log
has come to hold another record there, it signs nothing and says so: its log has forked.

Who reads pins the public keys of a service, at most KEYS_MAX of them, so that a key can be changed: first everybody
pins the next one beside the old one, then the service signs with it, then the old one is let go.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis.core.record import Record

PURPOSE = "carbonmarket log head"
KEYS_MAX = 2
PUBLIC_KEY_BYTES = 32
KEY_ID_CHARACTERS = 16
KEY_FILE_MODE_MAX = 0o600


class Forked(Exception):
    """Another digest was signed for this position before: two signed heads would be one too many."""


@dataclass(frozen=True, slots=True)
class SealedHead:
    """The end of a log as its service signed it."""

    position: int
    digest: bytes
    seal: str


class SealStore(Protocol):
    """Where a service keeps the heads that it signed."""

    async def newest_seal(self) -> SealedHead | None: ...

    async def keep_seal(self, head: SealedHead) -> SealedHead:
        """Keeps a signed head, unless one of its position is kept already; the one that is kept."""
        ...


def signed_text(log_id: str, position: int, digest: bytes, key_id: str) -> bytes:
    return "\n".join((PURPOSE, log_id, str(position), digest.hex(), key_id)).encode()


def key_id_of(public_key: bytes) -> str:
    return hashlib.sha256(public_key).hexdigest()[:KEY_ID_CHARACTERS]


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Raises ValueError, with how to mend it, on what is no key for this or may be read by others."""
    if path.stat().st_mode & 0o777 & ~KEY_FILE_MODE_MAX:
        raise ValueError(f"{path} may be read by others: chmod 600")
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is no Ed25519 key: openssl genpkey -algorithm ed25519")
    return key


class Signer:
    """Seals the heads of one log. Its leader has it; `newest` is the last head that was sealed."""

    def __init__(self, log_id: str, key: Ed25519PrivateKey, store: SealStore) -> None:
        self._log_id = log_id
        self._key = key
        self._store = store
        self._key_id = key_id_of(key.public_key().public_bytes_raw())
        self.newest: SealedHead | None = None

    async def load(self) -> None:
        """The newest head that was sealed, before anybody may ask."""
        self.newest = await self._store.newest_seal()

    async def seal(self, head: Record) -> str:
        """Raises Forked."""
        text = signed_text(self._log_id, head.position, head.digest, self._key_id)
        made = SealedHead(
            head.position, head.digest, f"{self._key_id}:{base64.b64encode(self._key.sign(text)).decode()}"
        )
        kept = await self._store.keep_seal(made)
        if kept.digest != head.digest:
            raise Forked(
                f"position {head.position}: sealed was digest {kept.digest.hex()} by {kept.seal}, "
                f"now the log has {head.digest.hex()}"
            )
        if self.newest is None or self.newest.position < kept.position:
            self.newest = kept
        return kept.seal


class Seals:
    """The public keys of one log that are pinned here."""

    def __init__(self, log_id: str, public_keys: Sequence[bytes] = ()) -> None:
        self._log_id = log_id
        self._keys: Mapping[str, Ed25519PublicKey] = {
            key_id_of(raw): Ed25519PublicKey.from_public_bytes(raw) for raw in public_keys
        }

    def holds(self, record: Record) -> bool:
        """Whether the record bears its service's seal."""
        key_id, _, signature = record.seal.partition(":")
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(
                base64.b64decode(signature, validate=True),
                signed_text(self._log_id, record.position, record.digest, key_id),
            )
        except (InvalidSignature, ValueError):
            return False
        return True

    def sealed(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records up to the last one that bears a seal."""
        for count in range(len(records), 0, -1):
            if records[count - 1].seal and self.holds(records[count - 1]):
                return records[:count]
        return ()
