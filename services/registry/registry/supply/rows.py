"""What the tables say of a day: where it ended in the log, what was issued until then, and who had it.

What was so at a past position is what is so now, less what came since: the position asked for is mostly a recent one.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from chassis.core.record import Head
from chassis.edges.protocols import Reading, Row
from chassis.followers.projections import Tables
from registry.projections import MovementKind

PAGE_ROWS_MAX = 1_000

# Positions have no gaps and times never fall along a log, so halves tell it: whatever the log's length, some thirty
# records are looked at. Everything before `first` was recorded before the time, nothing from `beyond` on.
LAST_BEFORE = """
WITH RECURSIVE halves(first, beyond) AS (
    SELECT 1::bigint, coalesce(max(position), 0) + 1 FROM log
    UNION ALL
    SELECT CASE WHEN recorded_ms < $1 THEN position + 1 ELSE first END,
           CASE WHEN recorded_ms < $1 THEN beyond ELSE position END
    FROM halves CROSS JOIN LATERAL (SELECT * FROM log WHERE position = (first + beyond) / 2 LIMIT 1) AS middle
    WHERE first < beyond
)
SELECT position, digest FROM log WHERE position = (SELECT first - 1 FROM halves WHERE first = beyond)
"""

ISSUED = f"""
SELECT vintage, (issued_tonnes - coalesce((
    SELECT sum(registry_available_change_tonnes) FROM movements
    WHERE movements.vintage = vintages.vintage AND kind = {MovementKind.ISSUED:d} AND position > $1
), 0))::bigint AS issued_tonnes
FROM vintages ORDER BY vintage
"""

AS_OF = """
SELECT account, vintage,
       (registry_available_tonnes - coalesce(since.registry_available_change_tonnes, 0))::bigint AS registry_available,
       (trading_tonnes - coalesce(since.trading_change_tonnes, 0))::bigint AS trading
FROM held
CROSS JOIN LATERAL (
    SELECT sum(registry_available_change_tonnes) AS registry_available_change_tonnes,
           sum(trading_change_tonnes) AS trading_change_tonnes
    FROM movements
    WHERE movements.account = held.account AND movements.vintage = held.vintage AND position > $1
) AS since
ORDER BY account, vintage
"""

HELD_PAGE = f"""
WITH held AS (SELECT * FROM holdings WHERE (account, vintage) > ($2, $3) ORDER BY account, vintage LIMIT $4)
{AS_OF}
"""

HELD_BY = f"WITH held AS (SELECT * FROM holdings WHERE account = $2) {AS_OF}"

HELD_STATES = ("registry_available", "trading")
STATES = (*HELD_STATES, "surrendered", "cancelled")
"""No command leads to the last two yet. They are stated nevertheless, so that nobody has to guess where units went."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an account has of a vintage, by state."""

    account: str
    vintage: str
    tonnes: dict[str, int]


async def last_before(tables: Tables, end_ms: int) -> Head | None:
    """The last record that was recorded before a time."""
    async with tables.reading() as reading:
        row = await reading.fetch_one(LAST_BEFORE, end_ms)
    return Head(row["position"], row["digest"]) if row else None


async def issued(tables: Tables, position: int) -> dict[str, int]:
    """By vintage, as of a position."""
    async with tables.reading() as reading:
        rows = await reading.fetch(ISSUED, position)
    return {row["vintage"]: row["issued_tonnes"] for row in rows if row["issued_tonnes"]}


async def holdings(tables: Tables, position: int) -> AsyncIterator[Held]:
    """All holdings as of a position, page by page."""
    last = ("", "")
    while True:
        async with tables.reading() as reading:
            rows = await reading.fetch(HELD_PAGE, position, *last, PAGE_ROWS_MAX)
        for row in rows:
            yield held(row)
        if len(rows) < PAGE_ROWS_MAX:
            return
        last = (rows[-1]["account"], rows[-1]["vintage"])


async def holdings_of(reading: Reading, position: int, account: str) -> list[Held]:
    """One account's holdings as of a position; at most one for each vintage there is."""
    return [held(row) for row in await reading.fetch(HELD_BY, position, account)]


def held(row: Row) -> Held:
    return Held(row["account"], row["vintage"], {state: row[state] for state in HELD_STATES})
