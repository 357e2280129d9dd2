"""The processor time and memory of everything that a stack runs: services, broker, database (Linux only).

A process counts with its children, those that have ended too: PostgreSQL has one for each session.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rehearsal.stack import Stack

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
USER_COLUMN, ENDED_CHILDREN_COLUMN = 11, 15
"""In /proc/PID/stat behind the name: user and system time, then those of children that have ended."""


@dataclass(frozen=True, slots=True)
class Used:
    """By process of the stack: seconds of a processor so far, and megabytes in memory now."""

    cpu_s: dict[str, float]
    memory_mb: dict[str, float]

    @property
    def all_cpu_s(self) -> float:
        return sum(self.cpu_s.values())

    @property
    def all_memory_mb(self) -> float:
        return sum(self.memory_mb.values())


def used_by(stack: Stack) -> Used:
    trees = {name: list(tree(child.pid)) for name, child in stack.supervisor.children.items() if child.running}
    return Used(
        {name: sum(map(cpu_s, pids)) for name, pids in trees.items()},
        {name: sum(map(memory_mb, pids)) for name, pids in trees.items()},
    )


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from tree(int(child))


def cpu_s(pid: int) -> float:
    """Of a process, and of its children that have ended."""
    try:
        columns = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(text) for text in columns[USER_COLUMN:ENDED_CHILDREN_COLUMN]) / TICKS_PER_S


def memory_mb(pid: int) -> float:
    """What is a process's own: memory that several share counts in parts (Pss)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
