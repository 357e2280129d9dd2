"""Child processes of a rehearsal: start, wait until ready, restart, stop; never an orphan.

A `Program` says how a process is run, a `Child` is one run of it (and its next runs), a `Supervisor` keeps a set of
children: starts them, restarts the ones that crash when asked to, and stops all of them, the youngest first.

Invariants: a child never outlives this process (the kernel signals it when its parent dies, on Linux); it has a session
of its own, so Ctrl-C reaches only the supervisor, which then stops its children in order; what a child prints is in its
log file.
"""

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc.aio
from grpc_health.v1 import health_pb2

READY_S_MAX = 30.0
STOP_S_MAX = 15.0
POLL_S = 0.05
RESTARTS_MAX = 5  # without being ready in between
RESTART_PAUSE_S_FIRST = 0.2
RESTART_PAUSE_S_MAX = 5.0
LOG_TAIL_LINES_MAX = 20
PORTS = range(20_000, 32_000)  # below the range from which Linux takes outgoing ports
PORT_TRIES_MAX = 100
RESERVED_PORTS_MAX = 256

Ready = Callable[["Child"], Awaitable[bool]]
Say = Callable[[str], None]
"""Takes a sentence about a child for whoever looks on."""


class ChildFailed(Exception):
    """A child ended or was not ready in time; the text ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """How to run one process.

    `environment` is added to this process's own. `ready` says whether a started child can be used (None: at once).
    `stop_signal` asks it to end. `setpriv` are further options of setpriv(1) under which it runs.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Ready | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    setpriv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a running child has used: processor seconds, and the most memory it ever had, in MB."""

    cpu_s: float
    rss_mb_max: float


class Child:
    """One process, startable again after it has ended."""

    def __init__(self, program: Program, log_folder: Path) -> None:
        self.program = program
        self.log_path = log_folder / f"{program.name}.log"
        self.process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self.process is not None and self.process.returncode is None

    @property
    def pid(self) -> int:
        """The process id of the latest run."""
        assert self.process is not None, f"{self.program.name} was never started"
        return self.process.pid

    async def start(self, ready_s_max: float = READY_S_MAX) -> None:
        """Start the process and return when it is ready. Raises ChildFailed."""
        await self.spawn()
        await self.wait_ready(ready_s_max)

    async def spawn(self) -> None:
        """Start the process without waiting until it is ready. Where this is cancelled, `stop` ends what was started:
        a process that asyncio is still connecting to would be lost.
        """
        assert not self.running, f"{self.program.name} runs already"
        spawning = asyncio.create_task(self._spawn())
        try:
            await asyncio.shield(spawning)
        except asyncio.CancelledError:
            await asyncio.wait({spawning})
            raise

    async def _spawn(self) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                *guarded(self.program),
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def wait_ready(self, ready_s_max: float = READY_S_MAX) -> None:
        """Return when the program's `ready` says so. Raises ChildFailed when the process ends or takes too long."""
        ready = self.program.ready
        try:
            async with asyncio.timeout(ready_s_max):
                while self.running and not (ready is None or await ready(self)):
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            await self.kill()
            raise ChildFailed(f"{self.program.name} was not ready after {ready_s_max:g} s\n{self.tail()}") from None
        if not self.running:
            raise ChildFailed(f"{self.program.name} {await self.ended()}\n{self.tail()}")

    async def ended(self) -> str:
        """Wait until the process ends; return how: `ended with code 70`, `ended with SIGKILL`."""
        assert self.process is not None
        code = await self.process.wait()
        return f"ended with {f'code {code}' if code >= 0 else signal.Signals(-code).name}"

    async def stop(self) -> None:
        """Ask the process to end; kill it when it has not after STOP_S_MAX. Nothing when it does not run."""
        if not self.running:
            return
        assert self.process is not None
        self.process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S_MAX)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process as a crash would (SIGKILL) and wait until it is gone."""
        if self.running:
            assert self.process is not None
            self.process.kill()
            await self.process.wait()

    def output(self) -> str:
        """Return what the latest run has printed so far."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self) -> str:
        """Return the last lines of the latest run's output, under the name of their file."""
        return "\n".join([f"last lines of {self.log_path}:", *self.output().splitlines()[-LOG_TAIL_LINES_MAX:]])

    def usage(self) -> Usage:
        """Return what the running process has used so far (Linux only)."""
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        ticks = int(stat[11]) + int(stat[12])
        return Usage(cpu_s=ticks / os.sysconf("SC_CLK_TCK"), rss_mb_max=int(status["VmHWM"].split()[0]) / 1024)


def say_nothing(sentence: str) -> None:
    """For those who do not look on."""


class Supervisor:
    """A set of children that is started, watched and stopped as one.

    With `restart`, a child that ends without having been stopped is started again, after a pause that doubles up to
    RESTART_PAUSE_S_MAX, and each step is reported to `say`. `failed` is set, and the reason kept in `failure`, when
    one is given up after RESTARTS_MAX.
    """

    def __init__(self, log_folder: Path, *, restart: bool = False, say: Say = say_nothing) -> None:
        self.log_folder = log_folder
        self.restart = restart
        self.say = say
        self.children: dict[str, Child] = {}
        self.failed = asyncio.Event()
        self.failure: ChildFailed | None = None
        self._watches: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, program: Program) -> Child:
        """Start a program under its name and return when it is ready. Raises ChildFailed."""
        return (await self.start_all([program]))[0]

    async def start_all(self, programs: list[Program]) -> list[Child]:
        """Start programs side by side and return when all are ready. Raises ChildFailed."""
        children = [Child(program, self.log_folder) for program in programs]
        for child in children:
            assert child.program.name not in self.children, f"{child.program.name} is started already"
            self.children[child.program.name] = child
            await child.spawn()
        await asyncio.gather(*(child.wait_ready() for child in children))
        for child in children:
            self.take_in(child)
        return children

    def take_in(self, child: Child) -> None:
        """Watch and stop a child that runs, wherever it was started, as one of the set."""
        self.children[child.program.name] = child
        if self.restart:
            self._watches[child.program.name] = asyncio.create_task(self._watch(child))

    async def stop_child(self, name: str) -> None:
        """Stop one child and forget it."""
        watch = self._watches.pop(name, None)
        if watch is not None:
            watch.cancel()
            await asyncio.wait([watch])
        await self.children.pop(name).stop()

    async def stop(self) -> None:
        """Stop every child, the youngest first."""
        for name in reversed(list(self.children)):
            await self.stop_child(name)

    async def _watch(self, child: Child) -> None:
        name = child.program.name
        while True:
            self.say(f"{name} {await child.ended()} and is started again; its log: {child.log_path}")
            try:
                await self._start_again(child)
            except ChildFailed as failure:
                self.failure = failure
                self.failed.set()
                return
            self.say(f"{name} is ready again")

    async def _start_again(self, child: Child) -> None:
        """Try until it is ready. Raises ChildFailed when it is given up."""
        for tried in range(RESTARTS_MAX):
            await asyncio.sleep(min(RESTART_PAUSE_S_FIRST * 2**tried, RESTART_PAUSE_S_MAX))
            try:
                await child.start()
            except ChildFailed as error:
                failure = error
                self.say(f"start {tried + 1} of at most {RESTARTS_MAX}: {str(error).splitlines()[0]}")
            else:
                return
        raise ChildFailed(f"{child.program.name} is given up after {RESTARTS_MAX} starts: {failure}")


def guarded(program: Program) -> tuple[str, ...]:
    """Return the command under which the kernel signals the process when its parent dies."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        assert not program.setpriv, "Missing: setpriv. How to get it: `apt install util-linux`"
        return program.command
    death_signal = program.stop_signal.name.removeprefix("SIG")
    return (setpriv, "--pdeathsig", death_signal, *program.setpriv, "--", *program.command)


def healthy(address: str) -> Ready:
    """Return a `ready` that asks the standard gRPC health service at `address`."""

    async def ready(child: Child) -> bool:
        async with grpc.aio.insecure_channel(address) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=1.0)
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return ready


def printed(text: str) -> Ready:
    """Return a `ready` that waits until the child has printed `text`."""

    async def ready(child: Child) -> bool:
        return text in child.output()

    return ready


reserved_ports: deque[int] = deque()
"""The file descriptors of the sockets that reserve them, the oldest first."""


def free_port() -> int:
    """Return a loopback port that nobody listens on, nor was given by this function to anybody who still runs: between
    its choice and its first use another process may choose, too. Raises OSError when none of PORT_TRIES_MAX was free.

    A port is reserved by its number as a UDP port, which nothing here uses, until this process ends.
    """
    for _ in range(PORT_TRIES_MAX):
        port = random.choice(PORTS)
        reserved = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as probe:
            try:
                reserved.bind(("127.0.0.1", port))
                probe.bind(("127.0.0.1", port))
            except OSError:
                reserved.close()
                continue
        reserved_ports.append(reserved.detach())
        if len(reserved_ports) > RESERVED_PORTS_MAX:
            os.close(reserved_ports.popleft())
        return port
    raise OSError(f"no free port among {PORT_TRIES_MAX} tried from {PORTS.start} to {PORTS.stop - 1}")
