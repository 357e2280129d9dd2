"""Where the processors' time goes in P1, by service and stage: `make bench ONLY=stages`.

Each service is sampled from outside while the published year is played (py-spy, fifty times a second, without stopping
it). A sample is a stack of calls; its stage is that of the innermost call that STAGES names, so what a library does
counts for who called it. What no stage claims is the event loop's own: sockets, tasks and callbacks, of gRPC and of
asyncpg too, whose protocols run outside any call of ours. Seconds are a stage's share of the samples, of the time that
the operating system counted for the process.
"""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.harness.row import Place
from bench.packages import install
from bench.rows.year import task_for, year_s
from bench.usage import used_by
from rehearsal.stack import SERVICES, Stack
from rehearsal.year.main import start_of

SAMPLES_PER_S = 50
STOP_S_MAX = 60.0
LOOP, IDLE = "loop", "idle"
STAGES = (
    ("evolve", r"core/engine\.py", r"_evolve|apply"),
    ("encode", r"core/engine\.py", r"_encode|_record|take_batch"),
    ("encode", r"core/(record|wire|codec|command_digest)\.py", r""),
    ("decide", r"core/(engine|look|decider|claims|shell|proposals)\.py", r""),
    ("decide", r"log/writer\.py", r"_decide\w*|_one_batch|_take"),
    ("append", r"log/postgres_log\.py", r""),
    ("append", r"log/writer\.py", r""),
    ("publish", r"followers/publisher\.py|log/seals\.py", r""),
    ("publish", r"edges/broker\.py", r"send|_add|_connected|headers_of"),
    ("hear", r"followers/(hearing|forgeries|caller|timers)\.py|edges/(broker|remote)\.py", r""),
    ("hear", r"/(reactions|calls)\.py", r""),
    ("project", r"followers/(projections|rows)\.py|edges/postgres_tables\.py|/projections\.py", r""),
    ("parse", r"chassis/serving/", r""),
    ("parse", r"/(api|queries)\.py|/answers/|^grpc/", r""),
    ("hear", r"^aiokafka/consumer/", r""),
    ("publish", r"^aiokafka/producer/", r""),
)
"""A stage, the file of a call by the end of its path, and the function where only some of the file's count."""
WAITS = "EpollSelector.select "
"""The loop has nothing to do."""
ORDER = ("parse", "decide", "evolve", "encode", "append", "publish", "hear", "project", LOOP)
CALL = re.compile(r"(?P<function>\S+) \((?P<file>[^():]+)(?::\d+)?\)")
PATTERNS = tuple((stage, re.compile(rf"(?:{file})"), re.compile(function)) for stage, file, function in STAGES)


def stage_of(stack: str) -> str:
    """Of a stack as py-spy writes it: the outermost call first, a semicolon between two."""
    calls = stack.split(";")
    if calls[-1].startswith(WAITS):
        return IDLE
    for call in reversed(calls):
        parts = CALL.fullmatch(call.strip())
        if parts is None:
            continue
        for stage, file, function in PATTERNS:
            if file.search(parts["file"]) and (
                not function.pattern or function.fullmatch(parts["function"].rpartition(".")[2])
            ):
                return stage
    return LOOP


def samples_by_stage(lines: Iterable[str]) -> Counter[str]:
    """Of py-spy's raw output: a stack and how often it was seen, a line each."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, times = line.rpartition(" ")
        found[stage_of(stack)] += int(times)
    del found[IDLE]
    return found


@asynccontextmanager
async def sampled(pid: int, output: Path) -> AsyncIterator[None]:
    """Samples a process into a file until it is left."""
    spy = install() / "bin" / "py-spy"
    command = (str(spy), "record", "--pid", str(pid), "--rate", str(SAMPLES_PER_S), "--format", "raw")
    child = await asyncio.create_subprocess_exec(
        *command, "--nonblocking", "--output", str(output), stdout=asyncio.subprocess.DEVNULL, stderr=None
    )
    try:
        yield
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGINT)
        await asyncio.wait_for(child.wait(), STOP_S_MAX)


async def seconds_by_stage(folder: Path, place: Place) -> dict[str, dict[str, float]]:
    """Plays the year under samplers; gives the processor's seconds by process, and by stage where it is a service."""
    task = task_for(place)
    async with Stack(folder, start_of(task.plan)) as stack:
        outputs = {service: stack.logs / f"{service}.samples" for service in SERVICES}
        children = stack.supervisor.children
        samplers = [sampled(children[service].pid, output) for service, output in outputs.items()]
        async with samplers[0], samplers[1], samplers[2]:
            before = used_by(stack).cpu_s
            await year_s(stack, task)
            after = used_by(stack).cpu_s
        used = {name: after[name] - before[name] for name in after}
    found = {name: {LOOP: seconds} for name, seconds in used.items()}
    for service, output in outputs.items():
        samples = samples_by_stage(output.read_text().splitlines())
        found[service] = {stage: used[service] * times / samples.total() for stage, times in samples.items()}
    return found


def table_of(found: Mapping[str, Mapping[str, float]]) -> Table:
    """A column for each service; what is sampled of none has its sum alone."""
    table = Table(title="P1: processor seconds by stage", title_justify="left")
    table.add_column("stage")
    for service in SERVICES:
        table.add_column(service, justify="right")
    table.add_column("all", justify="right")
    for stage in ORDER:
        of_services = [found[service].get(stage, 0.0) for service in SERVICES]
        table.add_row(stage, *(f"{seconds:,.1f}" for seconds in of_services), f"{sum(of_services):,.1f}")
    for name in sorted(found.keys() - set(SERVICES)):
        table.add_row(name, *[""] * len(SERVICES), f"{sum(found[name].values()):,.1f}")
    sums = [sum(found[service].values()) for service in SERVICES]
    table.add_row(
        "sum", *(f"{seconds:,.1f}" for seconds in sums), f"{sum(sum(one.values()) for one in found.values()):,.1f}"
    )
    return table


async def run(folder: Path) -> None:
    Console(width=80).print(table_of(await seconds_by_stage(folder / "year", Place(folder))))
