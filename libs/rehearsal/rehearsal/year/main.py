"""From the command line of `make year` to its exit code: plan, stack, play, compare, write, draw."""

import asyncio
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

from carbonmarket_client.calendar import proposed_days
from carbonmarket_client.errors import MarketError
from carbonmarket_client.screens.layout import card
from carbonmarket_client.values import money, tonnes
from rehearsal.folder import FolderRefused, alone, begin, one_line, remove
from rehearsal.people import People
from rehearsal.plan import DayRow, DaysDiffer, NoDraft, Plan, PlanRefused, RowError, build_plan, read_rows
from rehearsal.plan.monthly import MONTHS, month_of
from rehearsal.processes import ChildFailed
from rehearsal.settled import NotSettled
from rehearsal.stack import Stack, Start, ThenFailed
from rehearsal.telling import console
from rehearsal.year.chart import draw
from rehearsal.year.compare import Bulletins, plan_totals, published_mismatches
from rehearsal.year.opening import OpeningRefused, open_market
from rehearsal.year.player import Player, PlayRefused
from rehearsal.year.progress import PlayProgress
from rehearsal.year.results import Results, gather_results

SEED = 20210716
FIRST_DAY, LAST_DAY = "2021-07-16", "2022-12-31"
MISMATCHES_SHOWN_MAX = 20
"""On the screen; year.json has all."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to play. `published` is whether the months' published figures must come out; `composites` are the rows of
    the composite that came with a file, by day.
    """

    plan: Plan
    published: bool = False
    composites: Mapping[date, DayRow] = field(default_factory=dict)


def task_of(plan_file: Path | None, months: int | None, previous_closes: Mapping[str, int] | None = None) -> Task:
    """The published span, or a file's days, or the first `months` of either. `previous_closes` in fen, by instrument,
    are those before a file's first days, where they are known.

    Raises PlanRefused, RowError, DaysDiffer, NoDraft or OSError.
    """
    if plan_file is not None:
        rows = read_rows(plan_file)
        wanted = _first_months((month_of(row.day) for row in rows.vintages), months)
        composites = {row.day: row for row in rows.composites}
        plan = build_plan(seed=SEED, rows=rows, references=previous_closes, months=wanted)
        return Task(plan, composites=composites)
    if previous_closes:
        raise PlanRefused("previous closes are of a file's instruments: give a file too")
    days = [date.fromisoformat(day) for day in proposed_days(FIRST_DAY, LAST_DAY)]
    wanted = _first_months((figures.month for figures in MONTHS), months)
    return Task(build_plan(seed=SEED, days=days, months=wanted), published=True)


async def play(stack: Stack, people: People, task: Task, out: Console) -> tuple[Results, Bulletins]:
    """Play a task through a running stack.

    Raises OpeningRefused, PlayRefused, NotSettled, TimeoutError and MarketError.
    """
    began = time.monotonic()
    plan, bulletins, player = task.plan, Bulletins(), Player(people, task.plan)
    with PlayProgress(out, len(plan.days)) as progress:
        player.commands += await open_market(people, plan, bool(task.composites), progress.step)
        progress.begin_days()
        for day in plan.stream():
            bulletins.add(await player.play(day), day, task.composites.get(day.day))
            progress.day_over(bulletins)
        progress.month_over(bulletins)
    mismatches = [*bulletins.mismatches, *(published_mismatches(bulletins) if task.published else ())]
    results = await gather_results(
        people,
        bulletins,
        plan_totals(plan),
        mismatches=tuple(mismatches),
        commands=player.commands,
        wall_s=time.monotonic() - began,
        services=stack.usages(),
    )
    return results, bulletins


def start_of(plan: Plan, kafka: str = "") -> Start:
    """How a stack is run for a plan: its clock begins on the day before the first. Nobody reads the spans of a year."""
    day_before = plan.days[0] - timedelta(days=1)
    return Start(clock=f"{day_before}T08:00:00+08:00", spans=False, kafka=kafka)


async def _play_all(folder: Path, task: Task, then: str, out: Console) -> Results:
    async with Stack(folder / "year", start_of(task.plan)) as stack, People(stack.addresses) as people:
        results, bulletins = await play(stack, people, task, out)
        results.write(folder / "year.json")
        draw(bulletins, folder / "year.png")
        if then:
            await stack.then(then)
    return results


def run(folder: Path, plan_file: Path | None, months: int | None, previous_closes: Mapping[str, int], then: str) -> int:
    """Play, and leave year.json and year.png in a folder; return the exit code.

    `then` is a shell command that runs before the services stop, with their addresses in its environment.
    """
    out = console()
    work = folder / "year"
    out.print("Making the plan …")
    try:
        task = task_of(plan_file, months, previous_closes)
    except (PlanRefused, RowError, DaysDiffer, NoDraft, OSError) as failure:
        print(f"There is no plan: {failure}", file=sys.stderr)
        return 2
    for one in task.plan.impossible:
        out.print(f"The rules do not allow {one.column} of {one.instrument} on {one.day}: {one.reason}")
    out.print(f"{len(task.plan.days)} days, {task.plan.trades:,} trades. Starting the services …")
    try:
        with alone(work):
            begin(work)
            try:
                results = asyncio.run(_play_all(folder, task, then, out))
            finally:
                remove(work / "postgres")
    except (ChildFailed, MarketError, NotSettled, OpeningRefused, PlayRefused, ThenFailed, TimeoutError) as failure:
        print(f"The year ended early: {failure!r}\nWhat the processes printed is in {work}/log/.", file=sys.stderr)
        return 1
    except FolderRefused as failure:
        print(failure, file=sys.stderr)
        return 1
    except OSError as failure:
        print(f"No year in {work}/: {one_line(failure)}", file=sys.stderr)
        return 1
    out.print(_verdict(results, folder))
    return 0 if results.flawless else 1


def _first_months(of_days: Iterable[str], months: int | None) -> list[str] | None:
    return sorted(set(of_days))[:months] if months else None


def _verdict(results: Results, folder: Path) -> Group:
    traded_tonnes = results.listed_tonnes + results.block_tonnes
    usages = "; ".join(
        f"{name} {usage.cpu_s:.0f} s, {usage.rss_mb_max:.0f} MB" for name, usage in results.services.items()
    )
    rows = [
        ("days", f"{results.days_settled} of {results.days} settled, {results.abnormal_days} abnormal"),
        ("accounts", f"{results.accounts:,} of entities, beside the province's"),
        ("traded", f"{results.trades:,} trades, {tonnes(traded_tonnes)} t, {money(results.value_fen)}"),
        ("cleared", f"{money(results.cleared_two_sided_fen)} counted on both sides"),
        ("compared", f"{results.rows_compared:,} daily rows, {len(results.mismatches)} mismatches"),
        ("reconciled", f"{results.reconciled_rows:,} rows of the three books"),
        ("took", f"{results.wall_s:.0f} s for {results.commands:,} commands and {results.events:,} events"),
        ("services", usages),
        ("files", f"{folder / 'year.json'}, {folder / 'year.png'}"),
    ]
    named = [Text(f"✗ {mismatch}") for mismatch in results.mismatches[:MISMATCHES_SHOWN_MAX]]
    named += [Text(f"An error of the file itself: {error}") for error in results.feed_errors]
    title = "Every figure is met" if results.flawless else "NOT EVERY FIGURE IS MET"
    return Group(Text(), card(title, rows), *named)
