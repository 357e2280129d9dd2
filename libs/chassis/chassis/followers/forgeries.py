"""What comes on a source's topic and is not the source's: counted for operators, and said in a warning.

None of it is ever heard (hearing.py), so it does no harm. But somebody besides the service writes to its topic, and
operators should know. Three things show it: a seal that no pinned key made; a record at the next position that does not
continue what was heard; a record that the source's log, read after it had come, has not. A record without a verified
seal is therefore remembered until the log has been read. A record of a format that this release does not know may be a
newer release's: only the log tells.

A warning of one kind is given at most once in WARN_SECONDS, with how many there were.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from chassis.core.record import Record
from chassis.log.clocks import Clock

WARN_SECONDS = 60.0
CLAIMED_MAX = 1_000
"""So many records are remembered until the log is read; of more, the newest."""

VOID_SEAL = "carry a seal that no pinned key made"
NO_SEQUEL = "do not continue the record before them"
NOT_IN_LOG = "are not in its log"

logger = logging.getLogger(__name__)


class Forgeries:
    """What was met of one source since this replica began to hear it."""

    def __init__(self, source: str, clock: Clock) -> None:
        self.records = 0
        self._source = source
        self._clock = clock
        self._claimed: dict[int, bytes] = {}
        self._unsaid: Counter[str] = Counter()
        self._warned_at: dict[str, float] = {}

    def note(self, kind: str, records: Sequence[Record]) -> None:
        if records:
            self._count(kind, [record.position for record in records])

    def claim(self, heard_position: int, records: Sequence[Record]) -> None:
        """Remembers what came and was not heard, until the log is read."""
        self._remember({one.position: one.digest for one in records if one.position > heard_position})

    def claimed(self) -> Mapping[int, bytes]:
        """What was claimed before the log is read; what comes from now on is judged by the next reading."""
        claimed, self._claimed = self._claimed, {}
        return claimed

    def not_read(self, claimed: Mapping[int, bytes]) -> None:
        """The log could not be read: what was claimed waits for the next reading."""
        newer = self._claimed
        self._claimed = {}
        self._remember({**claimed, **newer})

    def _remember(self, claimed: Mapping[int, bytes]) -> None:
        self._claimed |= claimed
        for position in list(self._claimed)[:-CLAIMED_MAX]:
            del self._claimed[position]

    def judge(self, claimed: Mapping[int, bytes], records: Sequence[Record], head_position: int) -> None:
        """Compares what was claimed with what the log has: to where it was read, and beyond its end."""
        has = {record.position: record.digest for record in records}
        false = [at for at, digest in claimed.items() if at > head_position or has.get(at, digest) != digest]
        if false:
            self._count(NOT_IN_LOG, false)

    def _count(self, kind: str, positions: Sequence[int]) -> None:
        self.records += len(positions)
        self._unsaid[kind] += len(positions)
        now = self._clock.seconds()
        if now < self._warned_at.get(kind, now - WARN_SECONDS) + WARN_SECONDS:
            return
        self._warned_at[kind] = now
        logger.warning(
            "%d records came on Kafka in the name of %s that %s, the last for position %d: they are not heard. "
            "Somebody besides the service writes to its topic",
            self._unsaid.pop(kind),
            self._source,
            kind,
            positions[-1],
            extra={"source": self._source, "source_position": positions[-1]},
        )
