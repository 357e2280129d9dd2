"""Snapshots of the folded state, so that a start reads a snapshot and the log's tail rather than all of history.

A snapshot is only a cache: it is used if the code that would fold the log is byte for byte the code that folded it,
and thrown away otherwise. That is why the state may be pickled as it is; unpickling admits nothing but the service's
own and the shell's types.
"""

import hashlib
import io
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chassis.engine import Engine
from chassis.log import Log, Snapshot
from chassis.record import Head

SNAPSHOT_EVERY_RECORDS = 20_000
PLAIN_TYPES = {"builtins", "collections", "_operator", "datetime", "enum", "copyreg"}


def fold_version(files: Iterable[Path]) -> str:
    """A digest of the code that folds: any change to it makes older snapshots unusable."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Snapshots:
    """Takes and restores snapshots of one engine."""

    def __init__(
        self, log: Log, version: str, packages: Iterable[str], every_records: int = SNAPSHOT_EVERY_RECORDS
    ) -> None:
        self._log = log
        self._version = version
        self._packages = {*packages, "chassis"}
        self._every_records = every_records
        self._last = 0

    def take_if_due(self, engine: Engine[Any]) -> Snapshot | None:
        if engine.head.position - self._last < self._every_records:
            return None
        return self.take(engine)

    def take(self, engine: Engine[Any]) -> Snapshot:
        """The state as of the engine's head; to be saved only when that position is committed."""
        self._last = engine.head.position
        data = pickle.dumps((engine.shell, engine.state), pickle.HIGHEST_PROTOCOL)
        return Snapshot(engine.head.position, engine.head.digest, self._version, data)

    async def save(self, snapshot: Snapshot) -> None:
        await self._log.save_snapshot(snapshot)

    async def restore(self, engine: Engine[Any]) -> None:
        """Puts the newest usable snapshot into an empty engine, if there is one."""
        snapshot = await self._log.load_snapshot(self._version)
        if snapshot is None:
            return
        stored = await self._log.read(snapshot.position - 1, 1)
        if not stored or stored[0].digest != snapshot.digest:
            return
        engine.shell, engine.state = _Restricted(snapshot.data, self._packages).load()
        engine.restart_at(Head(snapshot.position, snapshot.digest))
        self._last = snapshot.position


class _Restricted(pickle.Unpickler):
    def __init__(self, data: bytes, packages: set[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._packages = packages

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in self._packages and module not in PLAIN_TYPES:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a snapshot")
        return super().find_class(module, name)
