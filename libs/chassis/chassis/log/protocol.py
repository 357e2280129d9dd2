"""What a log is: the interface of the PostgreSQL log and the in-memory log, under one suite of contract tests.

Invariants: positions are 1, 2, 3 … without a gap; each record chains over the one before; an append that does not
extend the head it names changes nothing and raises `Fenced`; an append is whole or not at all; one that is repeated
after a lost answer succeeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.core.decider import Claim, Claimed, Facts
from chassis.core.keys import Found, Key
from chassis.core.record import Head, HeardUpTo, Record

READ_RECORDS_MAX = 1_000


class Fenced(Exception):
    """The log's head is not the one this writer knows: another writer, or a database that came back older. The
    process must end.
    """


class LogUnavailable(Exception):
    """The log cannot be reached or cannot store (a lost connection, a full disk). Whether the append happened is not
    known.
    """


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The folded state at a position, valid only for the code that folded it."""

    position: int
    digest: bytes
    fold_version: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Witness:
    """Who knew a log at a position, and the digest that it had there, where it was kept."""

    who: str
    position: int
    digest: bytes | None


class Readable(Protocol):
    """What of a log is its records."""

    async def read(self, after_position: int, records_max: int) -> list[Record]: ...


class Log(Readable, Protocol):
    """One service's log."""

    @property
    def log_id(self) -> str: ...

    async def lead(self) -> bool:
        """Takes the leadership if it is free. Kept until the session ends; True as well when it is held already."""
        ...

    async def clock_ms(self) -> int:
        """What the database's clock shows, of which the log's time is to be no other."""
        ...

    async def append(
        self,
        head: Head,
        records: Sequence[Record],
        heard: Sequence[HeardUpTo],
        host_ms: Callable[[], int] | None = None,
        claims: Sequence[Claimed] = (),
    ) -> None:
        """Extends `head` by `records`, notes what was heard and what names were taken, in one transaction on the
        leader's session.

        With no records it proves that this writer still leads, and is as durable as any other. `host_ms` is the host's
        clock, held against the database's (chassis.log.clocks); none for a rehearsal, which has its own time. Raises
        Fenced, LogUnavailable or ClockSkewed; each ends the process.
        """
        ...

    async def find(self, keys: Sequence[Key]) -> Mapping[Key, Found]: ...

    async def find_claims(self, claims: Sequence[Claim]) -> Mapping[Claim, Facts]:
        """Those of the names that are taken."""
        ...

    async def heard(self) -> list[HeardUpTo]: ...

    async def note_culprit(self, name: str, release: str, why: str) -> None:
        """Keeps what a release could not apply the events of."""
        ...

    async def culprits(self, release: str) -> Mapping[str, str]:
        """What a release could not apply, and why, by name."""
        ...

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keeps this and the one before it."""
        ...

    async def load_snapshot(self, fold_version: str) -> Snapshot | None: ...

    async def close(self) -> None: ...
