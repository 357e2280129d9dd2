"""A service, as its __main__ describes it: its domain, its wire table, what it hears, offers and calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from chassis import core
from chassis.core.commands import Commands
from chassis.core.decider import Decider
from chassis.core.look import Declared
from chassis.core.proposals import Proposable
from chassis.core.reaction import Reactions, ReactionTable
from chassis.core.wire import Wire
from chassis.followers.caller import Calls
from chassis.followers.projections import Handlers, Tables
from chassis.log.seals import Signer
from chassis.log.writer import Writer
from chassis.process.gauges import Figure
from chassis.serving.log_service import NOT_PROPOSED, SHELL_COMMANDS
from chassis.serving.server import Api

S = TypeVar("S")


def everything_is_up_to_date(state: object) -> object:
    """Of a service that commits to nothing."""
    return state


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """What a service's apis are made of."""

    writer: Writer[S]
    tables: Tables
    signer: Signer | None


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """`commands` are those that can be asked for, `reactions` what it does on hearing each of its sources, `calls_to`
    services that it only calls. `gauges` are its own figures for operators, by metric name. `release_level` is the
    highest that its code knows: releases.py. `commitments` is a look that brings the trees that it commits to its books
    by a step further, and sees something as soon as they are up to date (serving/trees.py).
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
    commitments: Callable[[S], object | None] = everything_is_up_to_date

    @property
    def package(self) -> str:
        """The Python package that the service is, and is started as."""
        return self.migrations.parent.name

    @property
    def fold_files(self) -> list[Path]:
        """The code that a snapshot depends on: the domain, the wire, and the shell's core, which folds them."""
        package = self.migrations.parent
        return [*package.glob("domain/**/*.py"), package / "wire.py", *Path(core.__file__).parent.glob("*.py")]

    @property
    def sources(self) -> Sequence[str]:
        """The services that it hears."""
        return tuple(self.reactions)

    def declared(self, logs: Mapping[str, str]) -> Declared:
        """`logs` are those that it hears, and the service that each is of."""
        tables = {log_id: ReactionTable(self.reactions[service]) for log_id, service in logs.items()}
        return Declared(tables, Proposable((self.commands, SHELL_COMMANDS), NOT_PROPOSED), self.release_level)
