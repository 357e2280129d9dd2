"""A short plan through real processes: every row met, every total met, the auditor finds nothing."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from rehearsal.people import People
from rehearsal.plan import build_plan, parse_rows
from rehearsal.stack import Stack
from rehearsal.year.chart import draw
from rehearsal.year.main import Task, play, start_of
from support.auditor import assert_clean
from support.processes.kafka import Kafka

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HEADER = "trade_date,instrument,open,high,low,close,listed_volume_t,listed_amount_cny,block_volume_t,block_amount_cny"
ROWS = (
    # Invented: a first day, blocks at the limit, a second vintage at the composite's close, a vintage without trades.
    "2021-07-16,CEA,48.00,52.80,47.10,49.50,20000,990000.00,0,0",
    "2021-07-19,CEA,49.00,50.00,48.00,49.00,3000,147000.00,250000,9250000.00",
    "2021-07-20,CEA,49.00,49.00,49.00,49.00,0,0,100000,3430000.00",
    "2021-07-20,CEA21,49.00,51.00,47.00,49.00,2000,98000.00,0,0",
    "2021-07-21,CEA,49.00,49.00,49.00,49.00,0,0,0,0",
    "2021-07-21,CEA21,48.50,50.00,48.00,49.20,1500,73800.00,0,0",
    "2021-07-21,COMCEA,49.00,49.00,49.00,49.10,1500,73800.00,0,0",
)
ACCOUNTS, TRADES = 30, 60


async def test_a_short_plan_of_two_vintages_meets_every_row_and_total(tmp_path: Path, kafka: Kafka) -> None:
    rows = parse_rows([HEADER, *ROWS])
    plan = build_plan(seed=7, rows=rows, accounts=ACCOUNTS, trades=TRADES)
    assert plan.impossible == ()
    task = Task(plan, composites={row.day: row for row in rows.composites})
    async with Stack(tmp_path, start_of(plan, kafka.address)) as stack, People(stack.addresses) as people:
        results, bulletins = await play(stack, people, task, Console(quiet=True))
        audited = await assert_clean(stack.addresses)
    assert results.mismatches == ()
    assert results.flawless
    assert (results.days, results.days_settled, results.rows_compared) == (4, 4, len(ROWS))
    assert (results.accounts, results.trades) == (ACCOUNTS, TRADES)
    assert (results.listed_tonnes, results.block_tonnes) == (26_500, 350_000)
    assert results.value_fen == 13_988_800_00
    assert results.cleared_two_sided_fen == 2 * results.value_fen
    assert audited["trades"] == TRADES

    results.write(tmp_path / "year.json")
    written = json.loads((tmp_path / "year.json").read_text())
    assert written["value_fen"] == results.value_fen
    assert set(written["services"]) == {"registry", "trading", "clearing"}
    draw(bulletins, tmp_path / "year.png")
    assert (tmp_path / "year.png").read_bytes().startswith(b"\x89PNG")
