"""`python -m bench [NAME ...]`: runs the benchmarks named, or all, one after the other, on servers of their own."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from bench import append, codec, commands, day, snapshots, waiting

BENCHMARKS: Mapping[str, Callable[[Path], Coroutine[Any, Any, None]]] = {
    "codec": lambda _: codec.run(),
    "append": append.run,
    "commands": commands.run,
    "waiting": waiting.run,
    "snapshots": lambda _: snapshots.run(),
    "day": day.run,
}


def main() -> None:
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL runs as another user where we are root.
        Path(folder).chmod(0o755)
        for name in names:
            asyncio.run(BENCHMARKS[name](Path(folder) / name))


main()
