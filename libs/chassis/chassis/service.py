"""A service, as its __main__ describes it: its domain, its wire table, what it hears, offers and calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from chassis.caller import Calls
from chassis.commands import Commands
from chassis.decider import Decider
from chassis.gauges import Figure
from chassis.log_service import NOT_PROPOSED, SHELL_COMMANDS
from chassis.look import Declared
from chassis.projections import Handlers, Tables
from chassis.proposals import Proposable
from chassis.reaction import Reactions, ReactionTable
from chassis.server import Api
from chassis.wire import Wire
from chassis.writer import Writer

S = TypeVar("S")

FOLDING = (
    "codec",
    "commands",
    "corrections",
    "decider",
    "engine",
    "proposals",
    "record",
    "releases",
    "set_aside",
    "shell",
    "wire",
)
"""What of the shell folds a log."""


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """What a service's apis are made of."""

    writer: Writer[S]
    tables: Tables


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """`commands` are those that can be asked for, `reactions` what it does on hearing each of its sources, `calls_to`
    services that it only calls. `gauges` are its own figures for operators, by metric name. `release_level` is the
    highest that its code knows: releases.py.
    """

    name: str
    decider: Decider[S]
    wire: Wire
    commands: Commands
    reactions: Mapping[str, Reactions]
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
        return [*folded, package / "wire.py", *(shell / f"{name}.py" for name in FOLDING)]

    @property
    def sources(self) -> Sequence[str]:
        """The services that it hears."""
        return tuple(self.reactions)

    def declared(self, logs: Mapping[str, str]) -> Declared:
        """`logs` are those that it hears, and the service that each is of."""
        tables = {log_id: ReactionTable(self.reactions[service]) for log_id, service in logs.items()}
        return Declared(tables, Proposable((self.commands, SHELL_COMMANDS), NOT_PROPOSED), self.release_level)
