"""An event as it happened."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from carbonmarket_client.feed import Record
from carbonmarket_client.screens.layout import described, shown
from carbonmarket_client.values import moment

INDENT = "    "
HANGING = INDENT + "  "
BETWEEN = "  "


@dataclass(frozen=True, slots=True)
class EventLines:
    """When, where and what on a line of its own; below it what the event says, broken between its fields. A field that
    is longer than a line is folded, indented further.
    """

    record: Record

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        record = self.record
        number = f"#{record.sequence}, log {record.position:,}" if record.sequence else f"{record.position:,}"
        head = Text(f"{moment(record.recorded_ms)}  {record.service:<8}  {number:>8}  ")
        head.append(record.type.rpartition(".")[2], style="bold")
        yield head
        line = ""
        for name, value in described(record.event):
            said = f"{name}: {value}"
            if line and cell_len(INDENT + line + BETWEEN + said) > options.max_width:
                yield from _folded(line, console, options.max_width)
                line = ""
            line += BETWEEN + said if line else said
        yield from _folded(line, console, options.max_width)


def _folded(line: str, console: Console, width: int) -> Iterator[Text]:
    if cell_len(INDENT + line) <= width:
        parts = [shown(line)] if line else []
    else:
        parts = list(shown(line).wrap(console, max(width - len(HANGING), 1)))
    for place, part in enumerate(parts):
        part.rstrip()
        yield Text.assemble(HANGING if place else INDENT, part)
