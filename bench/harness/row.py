"""A row of the bench: its figures, how many rounds, and how one round is played."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.harness.figures import Figure, Pairs


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row is played: a folder that all rows of a run share, and whether at the size that only proves that it
    works. A tiny row may be lent a running market, instead of starting one.
    """

    folder: Path
    tiny: bool = False
    lent: object = None

    def own(self, name: str) -> Path:
        """A folder that is not there yet."""
        return next(path for number in range(1_000) if not (path := self.folder / f"{name}-{number}").exists())


Round = Callable[[], Awaitable[Pairs]]
"""Takes the value and its floor in turn."""


@dataclass(frozen=True, slots=True)
class Row:
    """`seconds_max` is its part of the hour, which the rows before it leave: what is opened for it, and all its rounds.
    `open` prepares what every round needs, and takes it down. `seed` names what is played: a seed, or the digest of a
    list of commands.
    """

    name: str
    figures: tuple[Figure, ...]
    rounds: int
    seconds_max: int
    open: Callable[[Place], AbstractAsyncContextManager[Round]]
    seed: str = "nothing is drawn"
    on_request: bool = False
    """Played only where it is named."""
