"""An event as it happened."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from carbonmarket_client.feed import Record
from carbonmarket_client.screens.layout import described, in_lines
from carbonmarket_client.values import moment


@dataclass(frozen=True, slots=True)
class EventLines:
    """When, where and what on a line of its own; below it what the event says."""

    record: Record

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        record = self.record
        number = f"#{record.sequence}, log {record.position:,}" if record.sequence else f"{record.position:,}"
        head = Text(f"{moment(record.recorded_ms)}  {record.service:<8}  {number:>8}  ")
        head.append(record.type.rpartition(".")[2], style="bold")
        yield head
        yield from in_lines(described(record.event), console, options.max_width)
