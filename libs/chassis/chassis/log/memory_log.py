"""A log in memory, for tests and simulation. What survives a `session` is what a database would keep."""

from collections.abc import Callable, Mapping, Sequence

from chassis.core.decider import Claim, Claimed, Facts
from chassis.core.keys import Found, Key
from chassis.core.record import Head, HeardUpTo, Record, genesis
from chassis.log.clocks import check_why_not, may_extend
from chassis.log.machine_clock import MachineClock
from chassis.log.protocol import READ_RECORDS_MAX, Fenced, LogUnavailable, Snapshot


class MemoryStore:
    """What a database would hold, shared by the sessions of competing replicas; `clock_ms` is its clock."""

    def __init__(self, log_id: str, clock_ms: Callable[[], int] | None = None) -> None:
        self.log_id = log_id
        self.clock_ms = clock_ms or MachineClock().now_ms
        self.records: list[Record] = []
        self.heard: dict[str, HeardUpTo] = {}
        self.commands: dict[Key, Found] = {}
        self.claims: dict[Claim, Facts] = {}
        self.culprits: dict[tuple[str, str], str] = {}
        self.snapshots: list[Snapshot] = []
        self.leader: MemoryLog | None = None

    def head(self) -> Head:
        if not self.records:
            return genesis(self.log_id)
        return Head(self.records[-1].position, self.records[-1].digest)


class MemoryLog:
    """One session on a store. Keeps chassis.log.protocol.Log."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @property
    def log_id(self) -> str:
        return self._store.log_id

    async def lead(self) -> bool:
        if self._store.leader is None:
            self._store.leader = self
        return self._store.leader is self

    async def clock_ms(self) -> int:
        return self._store.clock_ms()

    async def append(
        self,
        head: Head,
        records: Sequence[Record],
        heard: Sequence[HeardUpTo],
        host_ms: Callable[[], int] | None = None,
        claims: Sequence[Claimed] = (),
    ) -> None:
        if self._store.leader is not self:
            raise Fenced("this session does not lead")
        if records and self._is_there(records):
            return
        if self._store.head() != head:
            raise Fenced(f"head is {self._store.head().position}, this writer knows {head.position}")
        if host_ms is not None:
            self._compare_clocks(host_ms(), records)
        if any(claim in self._store.claims for claim, _ in claims):
            raise LogUnavailable("a name that is taken cannot be taken again")
        named = [Key(one.subject, one.account, one.request_id) for one in records if one.command_events > 0]
        if len(set(named)) < len(named) or any(key in self._store.commands for key in named):
            raise LogUnavailable("a command that was accepted cannot be accepted again")
        self._store.claims |= dict(claims)
        self._store.records.extend(records)
        for record in records:
            if record.command_digest:
                found = Found(record.command_digest, record.position, record.command_events)
                self._store.commands[Key(record.subject, record.account, record.request_id)] = found
        for upto in heard:
            self._store.heard[upto.log_id] = upto

    def _compare_clocks(self, host_ms: int, records: Sequence[Record]) -> None:
        database_ms = self._store.clock_ms()
        recorded_ms = records[-1].recorded_ms if records else 0
        if not may_extend(host_ms, database_ms, recorded_ms):
            check_why_not(host_ms, database_ms, host_ms, recorded_ms)

    def _is_there(self, records: Sequence[Record]) -> bool:
        """A retry: the log has the last of these rows and therefore, by the chain, all of them."""
        last = records[-1]
        stored = self._store.records[last.position - 1 : last.position]
        return bool(stored) and stored[0].digest == last.digest

    async def read(self, after_position: int, records_max: int) -> list[Record]:
        return self._store.records[after_position : after_position + min(records_max, READ_RECORDS_MAX)]

    async def find(self, keys: Sequence[Key]) -> Mapping[Key, Found]:
        return {key: self._store.commands[key] for key in keys if key in self._store.commands}

    async def find_claims(self, claims: Sequence[Claim]) -> Mapping[Claim, Facts]:
        return {claim: self._store.claims[claim] for claim in claims if claim in self._store.claims}

    async def heard(self) -> list[HeardUpTo]:
        return list(self._store.heard.values())

    async def note_culprit(self, name: str, release: str, why: str) -> None:
        self._store.culprits[name, release] = why

    async def culprits(self, release: str) -> Mapping[str, str]:
        return {name: why for (name, of), why in self._store.culprits.items() if of == release}

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        self._store.snapshots = [*self._store.snapshots[-1:], snapshot]

    async def load_snapshot(self, fold_version: str) -> Snapshot | None:
        fitting = [kept for kept in self._store.snapshots if kept.fold_version == fold_version]
        return fitting[-1] if fitting else None

    async def close(self) -> None:
        if self._store.leader is self:
            self._store.leader = None
