"""Where a figure was measured, and how much of its processors' time the host gave to others meanwhile (Linux only)."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

STEAL_COLUMN = 7
COLUMNS_COUNTED = 8
"""Of the line `cpu` in /proc/stat: the time of guests, behind them, is in user time already."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What has to be equal for figures that depend on the machine to be compared."""

    processor: str
    cores: int
    memory_gb: int
    kernel: str
    python: str


def this_machine() -> Machine:
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", info, re.MULTILINE)
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=model[1] if model else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(memory_bytes / 2**30),
        kernel=platform.release(),
        python=platform.python_version(),
    )


@dataclass(frozen=True, slots=True)
class Ticks:
    """The processors' time since the machine started, all of it and what the host took."""

    all: int
    stolen: int

    def stolen_since(self, before: "Ticks") -> float:
        """The share that was taken in between."""
        passed = self.all - before.all
        return (self.stolen - before.stolen) / passed if passed > 0 else 0.0


def ticks_in(stat: str) -> Ticks:
    """Of the text of /proc/stat."""
    line = stat.partition("\n")[0].split()
    assert line[0] == "cpu", "the first line sums up all processors"
    columns = [int(text) for text in line[1 : 1 + COLUMNS_COUNTED]]
    return Ticks(sum(columns), columns[STEAL_COLUMN])


def ticks_now() -> Ticks:
    return ticks_in(Path("/proc/stat").read_text())
