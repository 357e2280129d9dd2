"""A service, as its __main__ describes it: its domain, its wire table, what it hears, offers and calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from chassis.caller import Calls
from chassis.decider import Decider
from chassis.gauges import Figure
from chassis.hearing import Reactions
from chassis.projections import Handlers, Tables
from chassis.server import Api
from chassis.wire import Wire
from chassis.writer import Writer

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """What a service's apis are made of."""

    writer: Writer[S]
    tables: Tables


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """`sources` are the services it hears, `calls_to` those that it only calls. `gauges` are its own figures for
    operators, by metric name. `release_level` is the highest that its code knows: releases.py.
    """

    name: str
    decider: Decider[S]
    wire: Wire
    sources: Sequence[str]
    reactions: Reactions
    handlers: Handlers
    migrations: Path
    services: Callable[[Parts[S]], Api]
    calls: Calls = field(default_factory=dict)
    calls_to: Sequence[str] = ()
    gauges: Mapping[str, Figure[S]] = field(default_factory=dict)
    release_level: int = 0

    @property
    def package(self) -> str:
        """The Python package that the service is, and is started as."""
        return self.migrations.parent.name

    @property
    def fold_files(self) -> list[Path]:
        """The code that a snapshot depends on: the domain, the wire, and what of the shell folds them."""
        package = self.migrations.parent
        shell = Path(__file__).parent
        folded = package.glob("domain/**/*.py")
        own = ("codec", "commands", "corrections", "decider", "engine", "record", "releases", "shell", "wire")
        return [*folded, package / "wire.py", *(shell / f"{name}.py" for name in own)]

    def reactions_to(self, source: str) -> Reactions:
        mark = f".{source}."
        return {kind: react for kind, react in self.reactions.items() if mark in kind.DESCRIPTOR.full_name}
