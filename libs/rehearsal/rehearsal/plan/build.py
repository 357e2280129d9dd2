"""The plan of a market: from monthly figures and a seed, or from daily rows, to what every account must own and do.

Nothing is kept that can be made again: the days are cast once to find what the accounts need beforehand, and cast
again, the same, when they are streamed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from rehearsal.plan.actions import DayPlan
from rehearsal.plan.counts import Counts, trade_counts
from rehearsal.plan.fit import Impossible, fit
from rehearsal.plan.generate import INSTRUMENT, generate_month
from rehearsal.plan.monthly import ACCOUNTS_PUBLISHED, DAYS_PUBLISHED, MONTHS, TRADES_PUBLISHED, check_days, month_of
from rehearsal.plan.participants import ACCOUNTS_MAX, Cast, Deal, account_names
from rehearsal.plan.rows import DayRow, Rows
from rehearsal.plan.rules import FIRST_DAY, FIRST_REFERENCE_FEN, RULES_2021, Rules, half_up, limits_fen
from rehearsal.plan.trades import trades_of

TRADES_MAX = 1_000_000
"""More trades than any span this is meant for; rows that need more are a broken file."""


class PlanRefused(ValueError):
    """A plan that cannot be made from what was given."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A vintage of the plan: the first day it is listed, and the reference price of that day, the close before it."""

    code: str
    first_day: date
    reference_fen: int


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row as given, the one the venue must compute, the close before it, and its number of trades."""

    given: DayRow
    expected: DayRow
    previous_fen: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. Money in fen, quantities in tonnes; totals are of what the venue must compute.

    `allocations[account][instrument]` and `deposits[account]` are what each account needs before the first day, least
    possible, nothing where nothing is needed. Fees are taken as zero. `impossible` names every number of the rows given
    that the rules do not allow.
    """

    accounts: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    days: tuple[date, ...]
    trades: int
    accounts_trading: int
    listed_tonnes: int
    block_tonnes: int
    value_fen: int
    allocations: Mapping[str, Mapping[str, int]]
    deposits: Mapping[str, int]
    impossible: tuple[Impossible, ...]
    _rows: Mapping[date, tuple[PlannedRow, ...]] = field(repr=False)
    _seed: int
    _rules: Rules = field(repr=False)

    def stream(self) -> Iterator[DayPlan]:
        """The days in order, each made when it is asked for; the same whenever it is called."""
        cast = Cast(self.accounts, self.trades, self._seed, self._rules)
        yield from _cast_days(cast, self._rows, self._seed, self._rules)


def build_plan(
    *,
    seed: int,
    days: Sequence[date] | None = None,
    rows: Rows | None = None,
    references: Mapping[str, int] | None = None,
    accounts: int = ACCOUNTS_PUBLISHED,
    trades: int | None = None,
    months: Collection[str] | None = None,
    rules: Rules = RULES_2021,
) -> Plan:
    """A plan from `days`, the published span's trading days (figures are generated), or from `rows` of a file. Give one
    of the two.

    `months` ("2021-07") leaves only those in; `trades` is for all days given, before months are left out, by default
    the published number per day. `references` are the closes in fen before an instrument's first day of a file. By
    default it is the market's first base on the market's first day (rulebook 3.3); where a file begins on another day
    the price nearest to the row's open whose limits allow the row; for a vintage that comes later the composite's close
    of the day before, or the mean of the other vintages' closes. Raises PlanRefused, DaysDiffer or NoDraft.
    """
    if not 2 <= accounts <= ACCOUNTS_MAX:
        raise PlanRefused(f"{accounts} accounts: a plan takes 2 to {ACCOUNTS_MAX}")
    if (days is None) == (rows is None):
        raise PlanRefused("give either trading days or rows")
    if rows is not None:
        given = rows.vintages
        before = _references(rows, references or {}, rules)
    else:
        assert days is not None
        given = _generated(days, seed, rules)
        before = {INSTRUMENT: FIRST_REFERENCE_FEN}
    if not given:
        raise PlanRefused("no rows to play")

    planned, impossible = _planned(given, before, trades, rules)
    if months is not None:
        planned = [row for row in planned if month_of(row.given.day) in months]
        impossible = [one for one in impossible if month_of(one.day) in months]
        if not planned:
            raise PlanRefused(f"no trading day in {', '.join(sorted(months)) or 'no month'}")
    return _plan(planned, impossible, account_names(accounts), seed, rules)


def _generated(days: Sequence[date], seed: int, rules: Rules) -> tuple[DayRow, ...]:
    check_days(days)
    rows: list[DayRow] = []
    previous_fen = FIRST_REFERENCE_FEN
    for figures in MONTHS:
        of_month = [day for day in days if month_of(day) == figures.month]
        rows.extend(generate_month(figures, of_month, previous_fen, seed, rules))
        previous_fen = figures.close_fen
    return tuple(rows)


def _references(rows: Rows, given: Mapping[str, int], rules: Rules) -> dict[str, int]:
    """The close before each instrument's first row."""
    unknown = given.keys() - {row.instrument for row in rows.vintages}
    if unknown:
        raise PlanRefused(f"a previous close is given of {', '.join(sorted(unknown))}, which no row names")
    composite_closes = {row.day: row.close_fen for row in rows.composites}
    closes: dict[str, int] = {}
    references: dict[str, int] = {}
    day_before: date | None = None
    for day in sorted({row.day for row in rows.vintages}):
        of_day = [row for row in rows.vintages if row.day == day]
        for row in of_day:
            if row.instrument in references:
                continue
            if day_before is None:
                usual_fen = FIRST_REFERENCE_FEN if day == FIRST_DAY else nearest_reference_fen(row, rules)
            else:
                usual_fen = composite_closes.get(day_before, half_up(sum(closes.values()), len(closes)))
            references[row.instrument] = given.get(row.instrument, usual_fen)
        closes.update((row.instrument, row.close_fen) for row in of_day)
        day_before = day
    return references


def nearest_reference_fen(row: DayRow, rules: Rules) -> int:
    """A close before the row that its prices are possible after: of all whose limits hold its low and its high the one
    nearest to its open; the open itself where there is none. Without a listed trade only the open is possible.
    """
    if row.listed_tonnes == 0:
        return row.open_fen
    least = row.high_fen * 100 // (100 + rules.listed_band_percent)
    while limits_fen(least, rules.listed_band_percent)[1] < row.high_fen:
        least += 1
    most = -(-row.low_fen * 100 // (100 - rules.listed_band_percent))
    while limits_fen(most, rules.listed_band_percent)[0] > row.low_fen:
        most -= 1
    return min(max(row.open_fen, least), most) if least <= most else row.open_fen


def _planned(
    rows: Sequence[DayRow], references: Mapping[str, int], trades: int | None, rules: Rules
) -> tuple[list[PlannedRow], list[Impossible]]:
    closes = dict(references)
    fitted: list[DayRow] = []
    previous_fens: list[int] = []
    impossible: list[Impossible] = []
    for row in rows:
        previous_fen = closes[row.instrument]
        expected, reasons = fit(row, previous_fen, rules)
        fitted.append(expected)
        previous_fens.append(previous_fen)
        impossible.extend(reasons)
        closes[row.instrument] = expected.close_fen
    if trades is None:
        trades = half_up(TRADES_PUBLISHED * len({row.day for row in rows}), DAYS_PUBLISHED)
    counts = trade_counts(fitted, previous_fens, trades, rules)
    return [PlannedRow(*four) for four in zip(rows, fitted, previous_fens, counts, strict=True)], impossible


def _plan(
    planned: Sequence[PlannedRow], impossible: Sequence[Impossible], names: tuple[str, ...], seed: int, rules: Rules
) -> Plan:
    by_day: dict[date, list[PlannedRow]] = {}
    instruments: dict[str, Instrument] = {}
    for row in planned:
        by_day.setdefault(row.given.day, []).append(row)
        code = row.given.instrument
        instruments.setdefault(code, Instrument(code, row.given.day, row.previous_fen))
    rows = {day: tuple(of_day) for day, of_day in by_day.items()}

    trades = sum(row.counts.listed + row.counts.blocks for row in planned)
    if trades > TRADES_MAX:
        raise PlanRefused(f"{trades} trades: a plan takes {TRADES_MAX}")
    cast = Cast(names, trades, seed, rules)
    for _ in _cast_days(cast, rows, seed, rules):
        pass
    allocations: dict[str, dict[str, int]] = {}
    for code, purses in cast.purses.tonnes.items():
        for name, purse in zip(names, purses, strict=True):
            if purse.needed:
                allocations.setdefault(name, {})[code] = purse.needed
    return Plan(
        accounts=names,
        instruments=tuple(instruments.values()),
        days=tuple(rows),
        trades=trades,
        accounts_trading=cast.accounts_trading,
        listed_tonnes=sum(row.expected.listed_tonnes for row in planned),
        block_tonnes=sum(row.expected.block_tonnes for row in planned),
        value_fen=sum(row.expected.listed_value_fen + row.expected.block_value_fen for row in planned),
        allocations={name: allocations[name] for name in names if name in allocations},
        deposits={name: purse.needed for name, purse in zip(names, cast.purses.money, strict=True) if purse.needed},
        impossible=tuple(impossible),
        _rows=rows,
        _seed=seed,
        _rules=rules,
    )


def _cast_days(cast: Cast, rows: Mapping[date, tuple[PlannedRow, ...]], seed: int, rules: Rules) -> Iterator[DayPlan]:
    for day, of_day in rows.items():
        deals = []
        for row in of_day:
            random = Random(f"{seed}/trades/{day}/{row.given.instrument}")
            trades = trades_of(row.expected, row.previous_fen, row.counts.listed, row.counts.blocks, rules, random)
            deals.append(Deal(row.expected, row.previous_fen, trades, rules, random))
        yield DayPlan(
            day=day,
            rows=tuple(row.given for row in of_day),
            expected=tuple(row.expected for row in of_day),
            actions=cast.day(f"{day:%Y%m%d}", deals),
        )
