"""Snapshots of the folded state, so that a start reads a snapshot and the log's tail rather than all of history.

A snapshot is only a cache: it is used if the code that would fold the log is byte for byte the code that folded it, and
ignored otherwise. That is why the state may be pickled as it is; unpickling admits only types of the service's own
modules and of the shell's state. A snapshot that cannot be made, stored or read stops nothing.

While a replica leads, its snapshots are made by a separate process (chassis.process.main), which folds the log as every
start does: pickling a large state takes seconds, and the writer must not wait for it.
"""

import hashlib
import io
import logging
import pickle
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from chassis.core.engine import Engine
from chassis.core.record import Head
from chassis.log.progress import Progress
from chassis.log.protocol import Log, Snapshot

SNAPSHOT_EVERY_RECORDS = 20_000
SHELL_MODULES = (
    "chassis.core.approvals",
    "chassis.core.asides",
    "chassis.core.commitment",
    "chassis.core.decider",
    "chassis.core.numbers_taken",
    "chassis.core.proposals",
    "chassis.core.shell",
    "chassis.core.sum_tree",
)
"""Where the types of ShellState are defined, and what every domain's state may have; a test walks them all."""
PLAIN_TYPES = {
    "builtins": {"bytearray", "dict", "frozenset", "int", "list", "set", "str", "tuple"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta"},
}

logger = logging.getLogger(__name__)


def fold_version(files: Iterable[Path]) -> str:
    """A digest of the code that folds: any change to it makes older snapshots unusable."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Snapshots:
    """Takes and restores snapshots of one engine."""

    def __init__(self, log: Log, version: str, packages: Iterable[str]) -> None:
        self._log = log
        self._version = version
        self._packages = tuple(packages)
        self.restored_from = 0

    def take(self, engine: Engine[Any]) -> Snapshot:
        """The state as of the engine's head; to be saved only when that position is committed."""
        data = pickle.dumps((engine.shell, engine.state), pickle.HIGHEST_PROTOCOL)
        return Snapshot(engine.head.position, engine.head.digest, self._version, data)

    async def save(self, snapshot: Snapshot) -> None:
        try:
            await self._log.save_snapshot(snapshot)
        except Exception as error:
            logger.warning("the snapshot of %d is not kept: %r", snapshot.position, error)

    async def restore(self, engine: Engine[Any]) -> None:
        """Puts the newest usable snapshot into an empty engine, if there is one."""
        snapshot = await self._log.load_snapshot(self._version)
        if snapshot is None:
            return
        stored = await self._log.read(snapshot.position - 1, 1)
        if not stored or stored[0].digest != snapshot.digest:
            return
        try:
            engine.shell, engine.state = unpickled(snapshot.data, self._packages)
        except Exception as error:
            logger.warning("the snapshot of %d cannot be read, the whole log is: %r", snapshot.position, error)
            return
        engine.restart_at(Head(snapshot.position, snapshot.digest))
        self.restored_from = snapshot.position


MakeSnapshot = Callable[[], Awaitable[None]]
"""Make and store a snapshot of what is committed, without delaying callers."""


class SnapshotSchedule:
    """Follows the log of a leader and has a snapshot made every so many records, one at a time."""

    def __init__(self, committed: Progress, make: MakeSnapshot, every_records: int = SNAPSHOT_EVERY_RECORDS) -> None:
        self._committed = committed
        self.make = make
        self._every_records = every_records

    async def run(self, last: int) -> None:
        """Until cancelled; the last snapshot is of position `last`."""
        while True:
            await self._committed.beyond(last + self._every_records - 1)
            last = self._committed.position
            try:
                await self.make()
            except Exception as error:
                logger.error("no snapshot at %d: %r", last, error, exc_info=error)


def unpickled(data: bytes, packages: tuple[str, ...]) -> Any:
    """Raises whatever a pickle that is broken, or names anything that has no place in a snapshot, can raise."""
    return _Restricted(data, packages).load()


class _Restricted(pickle.Unpickler):
    """Finds classes that a module of the service or of the shell's state defines, under their own names; no function
    and nothing that such a module imports.
    """

    def __init__(self, data: bytes, packages: tuple[str, ...]) -> None:
        super().__init__(io.BytesIO(data))
        self._prefixes = tuple(f"{package}." for package in packages)

    def find_class(self, module: str, name: str) -> Any:
        if name in PLAIN_TYPES.get(module, ()):
            return super().find_class(module, name)
        if module in SHELL_MODULES or module.startswith(self._prefixes):
            found = super().find_class(module, name)
            if isinstance(found, type) and (found.__module__, found.__qualname__) == (module, name):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a snapshot")
