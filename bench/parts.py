"""Parts that are looked into one by one, on request: `make bench ONLY="append codec"`.

They say where a row's time may go, in tables of their own, and are neither kept in bench.json nor compared.
"""

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from bench import append, codec, commands, day, evening, snapshots, stages, supply, waiting

PARTS: Mapping[str, Callable[[Path], Coroutine[Any, Any, None]]] = {
    "codec": lambda _: codec.run(),
    "append": append.run,
    "commands": commands.run,
    "waiting": waiting.run,
    "snapshots": lambda _: snapshots.run(),
    "evening": evening.run,
    "supply": supply.run,
    "day": day.run,
    "stages": stages.run,
}


def help_text() -> str:
    return f"parts ({', '.join(PARTS)})"
