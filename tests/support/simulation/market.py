"""The market of a seed: three services, two replicas each, and what befalls them.

Processes that end, killed or in doubt, start again after a while, as an operator's platform would have it. What ends a
process otherwise is a fault of the code, and is kept in `broken`.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from carbonmarket_client.link import Link
from chassis.core.call import Unavailable
from chassis.core.wire import Wire
from chassis.log.clocks import CLOCK_SKEW_MS_MAX, ClockSkewed
from chassis.log.protocol import Fenced, LogUnavailable
from chassis.process.main import root_cause
from chassis.process.service import Service
from clearing.__main__ import CLEARING
from registry.__main__ import REGISTRY
from support.days.calls import ProcessPort
from support.simulation.broker import Broker
from support.simulation.clocks import Time
from support.simulation.database import Database
from support.simulation.network import Network
from support.simulation.process import Process, note_tasks
from support.simulation.readers import Reader, Watcher, link_over
from support.simulation.weather import Chance
from trading.__main__ import TRADING

T = TypeVar("T")

SERVICES: dict[str, Service[Any]] = {service.name: service for service in (REGISTRY, TRADING, CLEARING)}
BEGINS_MS = 1_626_307_200_000  # 2021-07-15, 08:00 in China
REPLICAS = 2
RESTART_S_MAX = 3.0
ANSWER_S_MAX = 1_000.0
"""Of virtual time: within it every command is answered, and whatever waits has come."""
LOOK_S_MAX = 5.0
SNAPSHOTS_PER_S = 0.02
PAUSE_S = 0.2
SOON_S = 100.0
PAUSE_LATER_S = 5.0
"""Of virtual time as well: what has not come soon is looked for less often, so that a seed that fails fails quickly."""
IN_DOUBT = (LogUnavailable, Fenced, Unavailable)
CLOCK_OFF_S_MAX = 20.0
NEAR_MS = CLOCK_SKEW_MS_MAX * 9 // 10
TOO_FAR_MS = (1_500, 60_000, 40 * 365 * 86_400_000)
"""The first is no further off than what a slow line cannot explain."""


class SimulatedPort(ProcessPort):
    """What people use. Where the market is no rehearsal, they wait instead of moving its clocks."""

    time: Time | None = None

    async def move_clock(self, service: str, to_ms: int) -> None:
        if self.time is None:
            await super().move_clock(service, to_ms)
        else:
            self.time.jump(to_ms)

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        while not await condition():
            waited_s = now_s() - began_s
            assert waited_s < ANSWER_S_MAX, f"waited {ANSWER_S_MAX:g} s for {what}"
            await asyncio.sleep(PAUSE_S if waited_s < SOON_S else PAUSE_LATER_S)


class SimulatedMarket:
    """Made and used within a virtual loop. `port` is what people use."""

    def __init__(self, chance: Chance, replicas: int = REPLICAS, begins_ms: int = BEGINS_MS) -> None:
        note_tasks(asyncio.get_running_loop())
        self.chance = chance
        self._begins_ms = begins_ms
        self.network = Network(chance)
        self.broker = Broker(chance)
        self.time = None if chance.weather.rehearsal else Time(begins_ms)
        self.databases = {name: Database(name, service.migrations, self.time) for name, service in SERVICES.items()}
        self.processes: dict[str, list[Process | None]] = {name: [None] * replicas for name in SERVICES}
        self.broken: list[str] = []
        self.port = SimulatedPort(
            {name: name for name in SERVICES},
            lambda address: self.network.channel(address, None, "people"),
            ANSWER_S_MAX,
            PAUSE_S,
        )
        self.port.time = self.time
        self.readers: list[Reader] = []
        self.watchers: list[Watcher] = []
        self.left_by_forks: Counter[str] = Counter()
        """What the auditor may find of logs that came back older, by its rules."""
        self._stopped: set[str] = set()
        self._too_far_off: set[str] = set()
        """Hosts whose clock is, or was, so wrong that their processes have to end."""
        self._tasks = [asyncio.create_task(self._keep(name, number)) for name in SERVICES for number in range(replicas)]
        befalls = (self._trouble(), self._wipe_now_and_then(), self._set_clocks_wrong())
        self._tasks += [asyncio.create_task(each) for each in befalls]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for follower in (*self.readers, *self.watchers):
            follower.close()
        for processes in self.processes.values():
            for process in processes:
                if process is not None:
                    process.kill()
        await asyncio.sleep(0.1)
        for database in self.databases.values():
            database.close()

    # What befalls it

    async def _keep(self, name: str, number: int) -> None:
        """One replica, life after life."""
        draw = self.chance.stream(f"platform {name}:{number}")
        life = 0
        while True:
            while name in self._stopped:
                await asyncio.sleep(0.1)
            life += 1
            process = Process(
                SERVICES[name],
                number,
                life,
                self.databases[name],
                self.network,
                self.broker,
                self._begins_ms,
                self.time,
            )
            self.processes[name][number] = process
            try:
                await process.run()
            except Exception as error:
                cause = root_cause(error)
                if isinstance(cause, ClockSkewed) and process.address in self._too_far_off:
                    self.chance.counts["clock of a host too far off"] += 1
                elif not isinstance(cause, IN_DOUBT):
                    self.broken.append(f"{process.place} ended: {cause!r}")
            self.processes[name][number] = None
            await asyncio.sleep(draw.random() * RESTART_S_MAX)

    async def _trouble(self) -> None:
        draw = self.chance.stream("trouble")
        while True:
            await asyncio.sleep(draw.expovariate(1.0))
            name, number = draw.choice(list(SERVICES)), draw.randrange(len(self.processes["registry"]))
            process, killed = self.processes[name][number], draw.random() < 0.5
            if process is not None and process.leads and draw.random() < SNAPSHOTS_PER_S:
                await self._snapshot(process)
            if draw.random() >= self.chance.weather.kills_per_s or process is None or not process.alive:
                continue
            if killed:
                self.chance.counts["process killed"] += 1
                process.kill()
            elif process.leads:
                self.chance.counts["session ended"] += 1
                process.session.end_session()

    async def _snapshot(self, process: Process) -> None:
        """Has the leader make one: the next start, or a takeover, begins from it."""

        async def make() -> None:
            await process.replica.parts.snapshot_schedule.make()

        making = asyncio.get_running_loop().create_task(make(), context=process.context)
        done, _ = await asyncio.wait({making}, timeout=LOOK_S_MAX)
        self.chance.counts["snapshot"] += bool(done) and not making.cancelled() and making.exception() is None

    async def _wipe_now_and_then(self) -> None:
        draw = self.chance.stream("wipes")
        while True:
            await asyncio.sleep(draw.expovariate(1.0))
            if draw.random() < self.chance.weather.wipes_per_s:
                await self.broker.wipe()

    async def _set_clocks_wrong(self) -> None:
        """One host's at a time, so that of two replicas one goes on."""
        draw, time = self.chance.stream("clocks"), self.time
        while time is not None:
            await asyncio.sleep(draw.expovariate(1.0))
            name, number = draw.choice(list(SERVICES)), draw.randrange(len(self.processes["registry"]))
            host, way, near = f"{name}:{number}", draw.choice([1, -1]), draw.random() < 0.5
            off_ms, for_s = draw.randint(1, NEAR_MS) if near else draw.choice(TOO_FAR_MS), draw.random()
            if draw.random() >= self.chance.weather.clocks_off_per_s:
                continue
            if near:
                self.chance.counts["clock of a host off, but near enough"] += 1
            else:
                self._too_far_off.add(host)
            time.off_ms[host] = way * off_ms
            await asyncio.sleep(for_s * CLOCK_OFF_S_MAX)
            time.off_ms[host] = 0

    async def stop(self, name: str) -> None:
        """Ends a service, all of it, until `start`."""
        self._stopped.add(name)
        for process in self.processes[name]:
            if process is not None:
                process.kill()
        await asyncio.sleep(0.1)

    def start(self, name: str) -> None:
        self._stopped.remove(name)

    # What a test sees

    def leader(self, name: str) -> Process | None:
        """The process that leads by its database's word, once it serves."""
        store = self.databases[name].store
        for process in self.processes[name]:
            if process is not None and process.leads and store.leader is process.session:
                return process
        return None

    def wire(self, name: str) -> Wire:
        """All events of a service's log, the shell's among them."""
        process = next(process for process in self.processes[name] if process is not None)
        return process.replica.parts.engine.wire

    def follow(self, service: str, account: str) -> None:
        """Has a reader follow an account's feed from its beginning."""
        channel = self.network.channel(service, None, f"reader of {account}")
        self.readers.append(Reader(service, account, channel))

    def watch(self, instrument: str, account: str) -> None:
        """Has somebody watch an instrument's market data."""
        channel = self.network.channel("trading", None, f"watcher of {instrument}")
        self.watchers.append(Watcher(instrument, account, channel))

    def link(self, service: str, actor: str) -> Link:
        """The client's way to a service."""
        return link_over(self.network.channel(service, None, f"program of {actor}"), service, actor)

    async def look(self, name: str, look: Callable[[Any], T]) -> T:
        """Looks at a service's committed state, once somebody leads. `look` must copy what it keeps."""
        found: list[T] = []

        async def seen() -> bool:
            process = self.leader(name)
            if process is None:
                return False
            try:
                async with asyncio.timeout(LOOK_S_MAX):
                    found.append((await process.replica.parts.writer.read(look)).value)
            except (TimeoutError, Unavailable):
                return False
            return True

        await self.until(seen, f"a leader of {name}")
        return found[0]

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        async def holds() -> bool:
            assert not self.broken, self.broken
            return await condition()

        await self.port.until(holds, what)

    async def come_to_rest(self) -> None:
        await self.until(self.port.at_rest, "the market to come to rest")

    async def come_to_an_end(self) -> None:
        """Rest for good: no call is on its way that may still change something."""

        async def all_delivered() -> bool:
            return not self.network.has_repeats

        await self.until(all_delivered, "every call to be delivered")
        await self.come_to_rest()
