"""An event as it happened."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from carbonmarket_client.feed import Record
from carbonmarket_client.screens.layout import (
    described,
)
from carbonmarket_client.values import moment


def event_lines(record: Record) -> RenderableType:
    """An event on a line of its own, and below it what it says."""
    number = f"#{record.sequence}, log {record.position:,}" if record.sequence else f"{record.position:,}"
    head = Text(f"{moment(record.recorded_ms)}  {record.service:<8}  {number:>8}  ")
    head.append(record.type.rpartition(".")[2], style="bold")
    said = "  ".join(f"{name}: {value}" for name, value in described(record.event))
    return Group(head, Padding(Text(said), (0, 0, 0, 4))) if said else head
