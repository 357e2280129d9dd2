"""What the services say, against what was planned and published: every difference is named, none is tolerated."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from rehearsal.plan import DayPlan, DayRow, Plan
from rehearsal.plan.feed_errors import FeedError, feed_error
from rehearsal.plan.monthly import MONTHS

COLUMNS = (
    "open_fen",
    "high_fen",
    "low_fen",
    "close_fen",
    "listed_tonnes",
    "listed_value_fen",
    "block_tonnes",
    "block_value_fen",
)
"""Of a daily row and of a bulletin's line, by the same names."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One figure that is not what it should be: of a row (day, instrument, column), a month or the whole."""

    where: str
    figure: str
    wanted: int
    found: int

    def __str__(self) -> str:
        return f"{self.where}: {self.figure} is {self.found:,}, not {self.wanted:,}"


@dataclass(slots=True)
class Bulletins:
    """The bulletins of the days played so far, added up."""

    rows_compared: int = 0
    days: list[str] = field(default_factory=list)
    closes_fen: dict[str, list[int]] = field(default_factory=dict)
    """By instrument, from its first day on."""

    listed_tonnes: list[int] = field(default_factory=list)
    block_tonnes: list[int] = field(default_factory=list)
    value_fen: list[int] = field(default_factory=list)
    trades: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    feed_errors: list[FeedError] = field(default_factory=list)
    """Of the file itself: known ones, named in place of a mismatch."""

    def add(self, bulletin: query.GetBulletinResponse, plan: DayPlan, composite: DayRow | None = None) -> None:
        """Take in a day's bulletin, after comparing it with the day's rows as they were given.

        Of the composite only the close follows from the rows: its path depends on an order of trades that no row shows.
        """
        lines = {line.instrument: line for line in bulletin.lines}
        for row in plan.rows:
            self.rows_compared += 1
            self.mismatches += row_mismatches(row, lines.get(row.instrument))
        if composite is not None:
            self.rows_compared += 1
            self._compare_composite(composite, bulletin.composite.close_fen)
        self.days.append(bulletin.day)
        for line in bulletin.lines:
            self.closes_fen.setdefault(line.instrument, []).append(line.close_fen)
        self.listed_tonnes.append(sum(line.listed_tonnes for line in bulletin.lines))
        self.block_tonnes.append(sum(line.block_tonnes for line in bulletin.lines))
        self.value_fen.append(bulletin.value_fen)
        self.trades += bulletin.trades

    def _compare_composite(self, row: DayRow, close_fen: int) -> None:
        known = feed_error(row.day, row.instrument, "close_fen", row.close_fen, close_fen)
        if known is not None:
            self.feed_errors.append(known)
            return
        where = f"{row.day} {row.instrument}"
        self.mismatches += differences(where, {"close_fen": row.close_fen}, {"close_fen": close_fen})

    def month(self, month: str) -> dict[str, int]:
        """What a month ("2021-07") came to, by the names of MonthFigures; its close is the first instrument's."""
        places = [place for place, day in enumerate(self.days) if day.startswith(month)]
        return {
            "days": len(places),
            "listed_tonnes": sum(self.listed_tonnes[place] for place in places),
            "block_tonnes": sum(self.block_tonnes[place] for place in places),
            "value_fen": sum(self.value_fen[place] for place in places),
            "close_fen": next(iter(self.closes_fen.values()))[places[-1]] if places else 0,
        }


def row_mismatches(row: DayRow, line: query.BulletinLine | None) -> list[Mismatch]:
    """Every figure of a row that the bulletin's line does not have."""
    where = f"{row.day} {row.instrument}"
    if line is None:
        return [Mismatch(where, "line", 1, 0)]
    return differences(where, figures_of(row, COLUMNS), figures_of(line, COLUMNS))


def figures_of(thing: object, names: Iterable[str]) -> dict[str, int]:
    """The figures that a thing has under these names."""
    return {name: getattr(thing, name) for name in names}


def differences(where: str, wanted: Mapping[str, int], found: Mapping[str, int]) -> list[Mismatch]:
    """Every figure of `wanted` that is another one in `found`."""
    return [Mismatch(where, name, value, found[name]) for name, value in wanted.items() if found[name] != value]


def published_mismatches(bulletins: Bulletins) -> list[Mismatch]:
    """Every figure published for a month that was played and that the services' bulletins do not come to."""
    played = {day[:7] for day in bulletins.days}
    mismatches = []
    for published in MONTHS:
        if published.month in played:
            found = bulletins.month(published.month)
            mismatches += differences(published.month, figures_of(published, found), found)
    return mismatches


def plan_totals(plan: Plan) -> dict[str, int]:
    """What the whole must come to."""
    return {
        "accounts": len(plan.accounts),
        "days": len(plan.days),
        "trades": plan.trades,
        "listed_tonnes": plan.listed_tonnes,
        "block_tonnes": plan.block_tonnes,
        "value_fen": plan.value_fen,
        "cleared_two_sided_fen": 2 * plan.value_fen,
        "days_settled": len(plan.days),
        "abnormal_days": 0,
    }
