"""What people see: tables and cards that read well in 100 columns, in one colour or none.

Numbers are right-aligned under a heading that has their unit; no meaning depends on colour alone. A table that is
wider than the screen leaves out spare columns, the least important first, and says which; `--json` always has them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any
from unicodedata import category

from google.protobuf.message import Message
from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
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

STROKES = "│├└─ "
"""What a tree is drawn with."""

RULE = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how the cells below it are aligned.

    spare ranks what may be left out where the screen is too narrow: 0 never is, else the highest goes first, of equal
    ones the last. A cell that hangs begins with a tree's strokes, and goes on below them where it must be folded.
    """

    heading: str
    right: bool = False
    spare: int = 0
    wraps: bool = False
    hangs: bool = False


def shown(text: str, *, bold: bool = False) -> Text:
    """What somebody else wrote, without the characters by which it could take over a terminal."""
    harmless = (UNSEEN if category(each) in ("Cc", "Cf") and each != "\n" else each for each in text)
    return Text("".join(harmless), style="bold" if bold else "")


def words(heading: str, *, spare: int = 0, wraps: bool = False, hangs: bool = False) -> Column:
    return Column(heading, spare=spare, wraps=wraps, hangs=hangs)


def numbers(heading: str, *, spare: int = 0) -> Column:
    return Column(heading, right=True, spare=spare)


@dataclass(frozen=True, slots=True)
class Screen:
    """A table before it is known how wide it may be."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    nothing: str = "Nothing to show."

    def __rich_console__(self, console: Console, options: Any) -> Iterable[RenderableType]:
        yield shown(self.title, bold=True)
        if not self.rows:
            yield Text(self.nothing)
            return
        kept = list(range(len(self.columns)))
        if self._width(kept) > options.max_width:
            yield from self._narrow(kept, options.max_width)
            return
        yield self._table(kept, self.columns, options.max_width)

    def _narrow(self, kept: list[int], width: int) -> Iterable[RenderableType]:
        """Headings are broken between words, then spare columns are left out."""
        columns = [
            replace(column, heading=self._broken(column.heading, place)) for place, column in enumerate(self.columns)
        ]
        narrow = replace(self, columns=columns)
        while narrow._width(kept) > width and any(columns[place].spare for place in kept):
            kept.remove(max(kept, key=lambda place: (columns[place].spare, place)))
        yield narrow._table(kept, columns, width)
        left_out = [column.heading for place, column in enumerate(self.columns) if place not in kept]
        if left_out:
            yield Text(f"(left out: {', '.join(left_out)}; --json has it)")

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

    def _table(self, kept: Sequence[int], columns: Sequence[Column], width: int) -> Table:
        """Words that do not fit even so are folded; a number never is."""
        left = width - self._width(kept)
        table = Table(box=RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
        for column, place in ((columns[place], place) for place in kept):
            table.add_column(
                column.heading,
                justify="right" if column.right else "left",
                no_wrap=column.right or (left >= 0 and not column.wraps),
                overflow="fold",
                min_width=self._column_width(place) if left >= 0 else None,
            )
        hanging = {place: self._column_width(place) + left for place in kept if columns[place].hangs and left < 0}
        for row in self.rows:
            cells = {place: hung(row[place], hanging[place]) if place in hanging else row[place] for place in kept}
            table.add_row(*map(shown, cells.values()))
        return table


def hung(text: str, width: int) -> str:
    """Text below a tree's strokes, folded so that what follows begins where the text did, and the strokes go on."""
    name = text.lstrip(STROKES)
    lead = text[: len(text) - len(name)]
    room = max(width - len(lead), 1)
    below = lead.replace("├─", "│ ").replace("└─", "  ")
    parts = [name[start : start + room] for start in range(0, len(name), room)] or [""]
    return "\n".join([lead + parts[0], *(below + part for part in parts[1:])])


def card(title: str, rows: Iterable[tuple[str, str]], *, right: bool = False) -> RenderableType:
    """One thing, a line per property."""
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right" if right else "left", overflow="fold")
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
