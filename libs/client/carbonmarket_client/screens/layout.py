"""What people see: tables and cards that read well in 100 columns, in one colour or none.

Numbers are right-aligned under a heading that has their unit; no meaning depends on colour alone. A table that is
wider than the screen leaves out spare columns, the least important first, and says which; `--json` always has them.
Where the others are still too wide, each row is shown by itself, whole: no figure, name or date is ever broken to fit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any
from unicodedata import category

from google.protobuf.message import Message
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from carbonmarket_client import values
from carbonmarket_client.words import word_of

WIDTH = 100
"""How wide a screen is where the output is no terminal."""

UNSEEN = "\N{REPLACEMENT CHARACTER}"

GAP = 2
"""Columns are so far apart: a cell's padding and the divider."""

WRAPPED_WIDTH = 20
"""A column that may wrap is given at least this."""

INDENT, BETWEEN = "    ", "  "
"""Before a line of fields, and between two fields."""

STROKES = "│├└─ "
"""What a tree is drawn with."""

RULE = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how the cells below it are aligned.

    spare ranks what may be left out where the screen is too narrow: 0 never is, else the highest goes first, of equal
    ones the last. A cell of a tree begins with its strokes.
    """

    heading: str
    right: bool = False
    spare: int = 0
    wraps: bool = False
    tree: bool = False


def shown(text: str, *, bold: bool = False) -> Text:
    """What somebody else wrote, without the characters by which it could take over a terminal."""
    harmless = (UNSEEN if category(each) in ("Cc", "Cf") and each != "\n" else each for each in text)
    return Text("".join(harmless), style="bold" if bold else "")


def words(heading: str, *, spare: int = 0, wraps: bool = False, tree: bool = False) -> Column:
    return Column(heading, spare=spare, wraps=wraps, tree=tree)


def numbers(heading: str, *, spare: int = 0) -> Column:
    return Column(heading, right=True, spare=spare)


@dataclass(frozen=True, slots=True)
class Screen:
    """A table before it is known how wide it may be."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    nothing: str = "Nothing to show."
    elsewhere: str = "--json has it"
    """Where what is left out on a narrow screen can be seen."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[RenderableType]:
        yield shown(self.title, bold=True)
        if not self.rows:
            yield Text(self.nothing)
            return
        kept = list(range(len(self.columns)))
        if self._width(kept) > options.max_width:
            yield from self._narrow(kept, console, options.max_width)
            return
        yield self._table(kept, self.columns)

    def _narrow(self, kept: list[int], console: Console, width: int) -> Iterable[RenderableType]:
        """Headings are broken between words, then spare columns are left out, then rows are shown one by one."""
        columns = [
            replace(column, heading=self._broken(column.heading, place)) for place, column in enumerate(self.columns)
        ]
        narrow = replace(self, columns=columns)
        while narrow._width(kept) > width and any(columns[place].spare for place in kept):
            kept.remove(max(kept, key=lambda place: (columns[place].spare, place)))
        if narrow._width(kept) > width:
            yield from self._one_by_one(console, width)
            return
        yield narrow._table(kept, columns)
        left_out = [column.heading for place, column in enumerate(self.columns) if place not in kept]
        if left_out:
            yield Text(f"(left out: {', '.join(left_out)}; {self.elsewhere})")

    def _one_by_one(self, console: Console, width: int) -> Iterable[RenderableType]:
        """Each row with its first cell on a line of its own, and all others that are not empty below it."""
        key, *others = self.columns
        for first, *cells in self.rows:
            if first:
                yield shown(first if key.tree else f"{key.heading} {first}")
            fields = [(column.heading, cell.replace("\n", BETWEEN)) for column, cell in zip(others, cells, strict=True)]
            yield from in_lines(
                (field for field in fields if field[1]), console, width, below(first if key.tree else "")
            )

    def _broken(self, heading: str, place: int) -> str:
        """A heading in lines that are no longer than the cells below it, as far as its words allow."""
        widest = max((cell_len(line) for row in self.rows for line in row[place].split("\n")), default=0)
        longest_word = max(map(cell_len, heading.split()))
        return "\n".join(wrap(heading, max(widest, longest_word), break_long_words=False, break_on_hyphens=False))

    def _width(self, kept: Sequence[int]) -> int:
        """How wide the table is with these columns, those that may wrap taken at their narrowest."""
        return sum(map(self._column_width, kept)) + GAP * (len(kept) - 1)

    def _column_width(self, place: int) -> int:
        cells = [self.columns[place].heading, *(row[place] for row in self.rows)]
        width = max(cell_len(line) for cell in cells for line in cell.split("\n"))
        if not self.columns[place].wraps:
            return width
        longest_word = max((cell_len(word) for cell in cells for word in cell.split()), default=0)
        return max(longest_word, min(width, WRAPPED_WIDTH))

    def _table(self, kept: Sequence[int], columns: Sequence[Column]) -> Table:
        table = Table(box=RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
        for column, place in ((columns[place], place) for place in kept):
            table.add_column(
                column.heading,
                justify="right" if column.right else "left",
                no_wrap=not column.wraps,
                min_width=self._column_width(place),
            )
        for row in self.rows:
            table.add_row(*(shown(row[place]) for place in kept))
        return table


def below(head: str) -> str:
    """What begins the lines below a line of a tree, so that its strokes go on."""
    lead = head[: len(head) - len(head.lstrip(STROKES))]
    return lead.replace("├─", "│ ").replace("└─", "  ") + INDENT


def in_lines(fields: Iterable[tuple[str, str]], console: Console, width: int, indent: str = INDENT) -> Iterator[Text]:
    """Labels and values one after another, broken between fields. A field that is longer than a line is folded,
    indented further.
    """
    line = ""
    for name, value in fields:
        said = f"{name}: {value}"
        if line and cell_len(indent + line + BETWEEN + said) > width:
            yield from _folded(line, console, width, indent)
            line = ""
        line += BETWEEN + said if line else said
    yield from _folded(line, console, width, indent)


def _folded(line: str, console: Console, width: int, indent: str) -> Iterator[Text]:
    hanging = indent + BETWEEN
    if cell_len(indent + line) <= width:
        parts = [shown(line)] if line else []
    else:
        parts = list(shown(line).wrap(console, max(width - len(hanging), 1)))
    for place, part in enumerate(parts):
        part.rstrip()
        yield Text.assemble(hanging if place else indent, part)


def card(title: str, rows: Iterable[tuple[str, str]], *, right: bool = False) -> RenderableType:
    """One thing, a line per property. Figures, which are at the right, are never broken, their labels are."""
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=not right)
    grid.add_column(justify="right" if right else "left", overflow="fold", no_wrap=right)
    for label, value in rows:
        grid.add_row(shown(label), shown(value))
    return Group(shown(title, bold=True), grid)


def described(message: Message) -> list[tuple[str, str]]:
    """The fields of a message that are set, as label and text."""
    rows = []
    for field, value in message.ListFields():
        if field.message_type is not None and not field.is_repeated:
            text = ", ".join(f"{name} {shown}" for name, shown in described(value))
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            text = ", ".join(f"{label(name)} {fact(name, said)}" for name, said in sorted(value.items()))
        elif field.message_type is not None:
            text = "; ".join(", ".join(f"{name} {shown}" for name, shown in described(item)) for item in value)
        elif field.is_repeated:
            text = ", ".join(_scalar(field, item) for item in value)
        else:
            text = _scalar(field, value)
        rows.append((label(field.name), text))
    return rows


def label(name: str) -> str:
    """A field's name without its unit, for people: `low_fen` is `low`, `price_fen_max` is `price max`."""
    bound = next((end for end in ("_min", "_max") if name.endswith(end)), "")
    bare = name.removesuffix(bound)
    for unit in ("_fen", "_tonnes", "_ms", "_bp", "_ppm"):
        bare = bare.removesuffix(unit)
    return f"{bare}{bound}".replace("_", " ")


def fact(name: str, value: str | int) -> str:
    """A value under a field's name, with the unit that the name ends in."""
    text = str(value)
    if not text.removeprefix("-").isdecimal():
        return text
    number, bare = int(text), name.removesuffix("_min").removesuffix("_max")
    if bare.endswith("_fen"):
        return values.money(number)
    if bare.endswith("_tonnes"):
        return f"{values.tonnes(number)} t"
    if bare.endswith("_ms"):
        return values.moment(number)
    if bare.endswith("_bp"):
        return values.percent(number)
    if bare.endswith("_ppm"):
        return values.share(number)
    return text


def spaced(word: str) -> str:
    """An enumeration's word for people: `key_emitting_entity` is `key emitting entity`."""
    return word.replace("_", " ")


def yes(value: bool) -> str:
    return "yes" if value else "no"


def said(message: Message, name: str) -> str:
    """The word of an enumeration field, for people."""
    enum = message.DESCRIPTOR.fields_by_name[name].enum_type
    assert enum is not None, name
    return spaced(word_of(enum, getattr(message, name)))


def _scalar(field: Any, value: Any) -> str:
    if field.enum_type is not None:
        return spaced(word_of(field.enum_type, value))
    if isinstance(value, bool):
        return yes(value)
    if isinstance(value, bytes):
        return value.hex()
    return fact(field.name, value)


def change(quantity_tonnes: int) -> str:
    """A change with its sign; nothing at all where nothing changed."""
    if quantity_tonnes == 0:
        return ""
    return f"+{values.tonnes(quantity_tonnes)}" if quantity_tonnes > 0 else values.tonnes(quantity_tonnes)


def more(title: str, next_page_token: str) -> str:
    return f"{title} (more with --limit 0)" if next_page_token else title


def named(reason: str, facts: Mapping[str, str]) -> str:
    """A reason with its facts behind it."""
    known = ", ".join(f"{label(name)} {fact(name, text)}" for name, text in sorted(facts.items()))
    return f"{reason} ({known})" if known else reason
