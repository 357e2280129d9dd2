"""ClearingQueryService: what the books say.

An account's money now comes from live state, everything else from the tables: all that one answer shows is of one
reading, as of the position that it names. A holder sees its own account, a settlement bank the payouts it was
instructed to pay; operators and supervisors see all.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from chassis.core.call import HOLDER_ROLES, Call, check_may_see
from chassis.core.days import day_of
from chassis.core.decider import NotFound, known_account
from chassis.core.shapes import check_account, check_day
from chassis.edges.protocols import Reading, Row
from chassis.followers.projections import Tables
from chassis.followers.rows import from_row, from_value
from chassis.log.writer import Writer
from chassis.serving.pages import NUMBER_MAX, Page, page_of
from chassis.serving.slices import in_slices
from clearing.domain.barrier import RUN_TRADES_MAX
from clearing.domain.state import State
from clearing.projections import EntryKind, ObligationState

RUN_STEPS_MAX = 1_000
RUN_EXCLUSIONS_MAX = 100

BANK_ROLE = "settlement_bank"

ACCOUNT = "SELECT account FROM fund_accounts WHERE account = $1"

ENTRIES_PAGE = """
SELECT *, position AS log_position FROM entries
WHERE account = $1 AND position > $2 ORDER BY position, kind LIMIT $3
"""

PAYOUTS = "SELECT * FROM payouts "

OF_OBLIGATIONS = "trade_id > $2 AND ($3 = '' OR buyer = $3 OR seller = $3) ORDER BY trade_id LIMIT $4"
OBLIGATIONS_PAGE = f"SELECT * FROM obligations WHERE day = $1 AND {OF_OBLIGATIONS}"
# Of no day in particular: $1 is empty.
OBLIGATIONS_OF_EVERY_DAY_PAGE = f"SELECT * FROM obligations WHERE $1 = '' AND {OF_OBLIGATIONS}"

RUNS_PAGE = """
SELECT * FROM runs WHERE run_id < $1 AND (NOT $2 OR completed_ms = 0) ORDER BY run_id DESC LIMIT $3
"""

RUN = "SELECT * FROM runs WHERE run_id = $1"

RUN_STEPS = """
SELECT position AS log_position, CASE attempt WHEN 0 THEN latest_attempt ELSE attempt END AS attempt, step, reason,
       facts, recorded_ms
FROM (SELECT *, max(attempt) OVER (ORDER BY position) AS latest_attempt
      FROM run_steps WHERE run_id = $1 ORDER BY position DESC LIMIT $2) AS latest
ORDER BY position
"""

RUN_EXCLUSIONS = """
SELECT *
FROM (SELECT * FROM exclusions WHERE run_id = $1 ORDER BY exclusion_id DESC LIMIT $2) AS latest ORDER BY exclusion_id
"""

RUN_LEGS_PAGE = """
SELECT * FROM run_legs WHERE run_id = $1 AND attempt = $2 AND trade_id > $3 ORDER BY trade_id LIMIT $4
"""

# Of trading day $2; $3 is the trading day before it. What banks report on days in between belongs to $2.
# The fee is part of the amount and shown apart.
STATEMENT_SUMS = f"""
SELECT coalesce(sum(amount_fen) FILTER (WHERE day <= $3), 0)::bigint AS opening_fen,
       coalesce(sum(amount_fen) FILTER (WHERE day > $3 AND kind = {EntryKind.DEPOSIT:d}), 0)::bigint AS deposits_fen,
       coalesce(-sum(amount_fen) FILTER (WHERE day > $3 AND kind IN ({EntryKind.PAYOUT:d}, {EntryKind.RESTORED:d})),
                0)::bigint AS payouts_fen,
       coalesce(-sum(amount_fen + fee_fen) FILTER (WHERE day > $3 AND kind = {EntryKind.BOUGHT:d}),
                0)::bigint AS bought_fen,
       coalesce(sum(amount_fen + fee_fen) FILTER (WHERE day > $3 AND kind = {EntryKind.SOLD:d}), 0)::bigint AS sold_fen,
       coalesce(sum(fee_fen) FILTER (WHERE day > $3), 0)::bigint AS fees_fen,
       coalesce(sum(amount_fen), 0)::bigint AS closing_fen
FROM entries WHERE account = $1 AND day <= $2
"""

# Days are settled in order, so once a day is, no trade up to it is excluded any more.
BLOCKED = f"""
SELECT instrument,
       coalesce(sum(quantity_tonnes) FILTER (WHERE seller = $1), 0)::bigint AS blocked_tonnes,
       coalesce(sum(blocked_fen) FILTER (WHERE buyer = $1), 0)::bigint AS blocked_fen
FROM obligations WHERE state = {ObligationState.EXCLUDED:d} AND day <= $2 AND (buyer = $1 OR seller = $1)
GROUP BY instrument
"""

# The first comparison that agreed: those repeated on demand are of a later hour, and a statement stays what it was.
REGISTRY_POSITIONS = """
SELECT coalesce((SELECT registry_position FROM reconciliations WHERE day = $1 AND agreed
                 ORDER BY position LIMIT 1), 0) AS registry_position,
       coalesce((SELECT registry_position FROM reconciliations WHERE day < $1 AND agreed
                 ORDER BY day DESC, position LIMIT 1), 0) AS registry_position_before
"""

# A day that trading has traded on has begun, also by a clock that is behind (in a rehearsal each service has its own).
TRADING_DAY = """
SELECT EXISTS (SELECT FROM trading_days WHERE day = $1) AS known,
       EXISTS (SELECT FROM obligations WHERE day >= $1) OR EXISTS (SELECT FROM runs WHERE day >= $1) AS traded,
       coalesce((SELECT max(day) FROM trading_days WHERE day < $1), '') AS day_before,
       coalesce((SELECT min(day) FROM trading_days WHERE day > $1), '') AS day_after
"""

RECONCILIATIONS_PAGE = """
SELECT *, position AS log_position FROM reconciliations WHERE position < $1 ORDER BY position DESC LIMIT $2
"""

RECONCILIATION = """
SELECT *, position AS log_position FROM reconciliations WHERE day = $1 ORDER BY position DESC LIMIT 1
"""


class ClearingQueryService:
    """The queries. Roles and refusals are listed at each rpc in clearing_query_service.proto."""

    def __init__(self, tables: Tables, writer: Writer[State]) -> None:
        self.tables = tables
        self.writer = writer

    async def GetSettlementBanks(
        self, request: pb.GetSettlementBanksRequest, call: Call
    ) -> pb.GetSettlementBanksResponse:
        read = await self.writer.read(lambda state: sorted(state.banks.items()))
        lists = [
            pb.SettlementBankList(valid_from_day=day, banks=valid.banks, source=valid.source)
            for day, valid in read.value
        ]
        return pb.GetSettlementBanksResponse(lists=lists, position=read.position)

    async def GetFunds(self, request: pb.GetFundsRequest, call: Call) -> pb.GetFundsResponse:
        check_may_read(request.account, call)
        account = request.account

        def look(state: State) -> pb.GetFundsResponse:
            return from_value(
                pb.GetFundsResponse, known_account(state.funds.accounts, account), account=account, position=0
            )

        read = await self.writer.read(look)
        read.value.position = read.position
        return read.value

    async def ListEntries(self, request: pb.ListEntriesRequest, call: Call) -> pb.ListEntriesResponse:
        page = page_of(request, call)
        check_may_read(request.account, call)
        async with self.tables.reading() as reading:
            await check_known(reading, request.account)
            rows = await reading.fetch(ENTRIES_PAGE, request.account, page.after(), page.fetched_max)
        shown, next_page_token = page.shown(rows, "position")
        entries = [from_row(pb.Entry, row) for row in shown]
        return pb.ListEntriesResponse(entries=entries, next_page_token=next_page_token, position=reading.position)

    async def ListPayouts(self, request: pb.ListPayoutsRequest, call: Call) -> pb.ListPayoutsResponse:
        page = page_of(request, call)
        bank = call.account if call.role == BANK_ROLE else ""
        async with self.tables.reading() as reading:
            account = await account_listed(reading, request.account, call)
            asked: dict[str, str | int] = {"account": account, "bank": bank, "state": request.state}
            rows = await reading.fetch(*payouts_page({name: one for name, one in asked.items() if one}, page))
        shown, next_page_token = page.shown(rows, "payout_id")
        payouts = [from_row(pb.Payout, row) for row in shown]
        return pb.ListPayoutsResponse(payouts=payouts, next_page_token=next_page_token, position=reading.position)

    async def ListObligations(self, request: pb.ListObligationsRequest, call: Call) -> pb.ListObligationsResponse:
        page = page_of(request, call)
        if request.day:
            check_day(request.day)
        obligations_page = OBLIGATIONS_PAGE if request.day else OBLIGATIONS_OF_EVERY_DAY_PAGE
        async with self.tables.reading() as reading:
            account = await account_listed(reading, request.account, call)
            if request.day:
                await known_day(reading, request.day)
            rows = await reading.fetch(obligations_page, request.day, page.after(), account, page.fetched_max)
        shown, next_page_token = page.shown(rows, "trade_id")
        obligations = [from_row(pb.Obligation, row) for row in shown]
        return pb.ListObligationsResponse(
            obligations=obligations, next_page_token=next_page_token, position=reading.position
        )

    async def ListRuns(self, request: pb.ListRunsRequest, call: Call) -> pb.ListRunsResponse:
        page = page_of(request, call)
        async with self.tables.reading() as reading:
            rows = await reading.fetch(RUNS_PAGE, page.after(NUMBER_MAX), request.open_only, page.fetched_max)
        shown, next_page_token = page.shown(rows, "run_id")
        runs = [from_row(pb.Run, row) for row in shown]
        return pb.ListRunsResponse(runs=runs, next_page_token=next_page_token, position=reading.position)

    async def GetRun(self, request: pb.GetRunRequest, call: Call) -> pb.GetRunResponse:
        page = page_of(request, call)
        run_id = request.run_id
        async with self.tables.reading() as reading:
            run = await reading.fetch_one(RUN, run_id)
            if run is None:
                raise NotFound("RUN_UNKNOWN", run_id=run_id)
            steps = await reading.fetch(RUN_STEPS, run_id, RUN_STEPS_MAX)
            exclusions = await reading.fetch(RUN_EXCLUSIONS, run_id, RUN_EXCLUSIONS_MAX)
            rows = await reading.fetch(RUN_LEGS_PAGE, run_id, run["computed_attempt"], page.after(), page.fetched_max)
        legs, next_page_token = page.shown(rows, "trade_id")
        return pb.GetRunResponse(
            run=from_row(pb.Run, run),
            totals=[types.RunTotal(**total) for total in json.loads(run["totals"])],
            steps=[from_row(pb.RunStep, row) for row in steps],
            exclusions=[from_row(pb.Exclusion, row) for row in exclusions],
            legs=[from_row(types.RunLeg, row) for row in legs],
            next_page_token=next_page_token,
            position=reading.position,
        )

    async def GetStatement(self, request: pb.GetStatementRequest, call: Call) -> pb.GetStatementResponse:
        check_day(request.day)
        check_may_read(request.account, call)
        account, day = request.account, request.day
        today = day_of(self.writer.context(call.actor).now_ms)
        async with self.tables.reading() as reading:
            await check_known(reading, account)
            days = await known_day(reading, day)
            if day > today and not days["traded"]:
                raise NotFound("DAY_NOT_BEGUN", day=day, today=today)
            sums = await reading.fetch_one(STATEMENT_SUMS, account, day, days["day_before"])
            trades = await reading.fetch(OBLIGATIONS_PAGE, day, 0, account, RUN_TRADES_MAX)
            blocked = await reading.fetch(BLOCKED, account, day)
            positions = await reading.fetch_one(REGISTRY_POSITIONS, day)
        assert sums is not None and positions is not None, "each always has its row"
        statement = pb.GetStatementResponse(
            account=account,
            day=day,
            **dict(sums),
            objection_before_day=days["day_after"],
            blocked_fen=sum(row["blocked_fen"] for row in blocked),
            **dict(positions),
            position=reading.position,
        )
        instruments = blocked_instruments(blocked)
        async for some in in_slices(trades):
            lines = [line for row in some for line in lines_of(row, account)]
            statement.unsettled_fen += unsettled_of(lines)
            add_lines(instruments, lines)
            statement.lines.extend(lines)
        statement.instruments.extend(instruments[name] for name in sorted(instruments))
        return statement

    async def ListReconciliations(
        self, request: pb.ListReconciliationsRequest, call: Call
    ) -> pb.ListReconciliationsResponse:
        page = page_of(request, call)
        async with self.tables.reading() as reading:
            rows = await reading.fetch(RECONCILIATIONS_PAGE, page.after(NUMBER_MAX), page.fetched_max)
        shown, next_page_token = page.shown(rows, "position")
        reconciliations = [from_row(pb.Reconciliation, row) for row in shown]
        return pb.ListReconciliationsResponse(
            reconciliations=reconciliations, next_page_token=next_page_token, position=reading.position
        )

    async def GetReconciliation(self, request: pb.GetReconciliationRequest, call: Call) -> pb.GetReconciliationResponse:
        check_day(request.day)
        async with self.tables.reading() as reading:
            await known_day(reading, request.day)
            row = await reading.fetch_one(RECONCILIATION, request.day)
        if row is None:
            raise NotFound("DAY_NOT_RECONCILED", day=request.day)
        return pb.GetReconciliationResponse(
            reconciliation=from_row(pb.Reconciliation, row),
            differences=[types.BookDifference(**difference) for difference in json.loads(row["differences"])],
            in_flight=[types.InFlight(**flight) for flight in json.loads(row["in_flight"])],
            position=reading.position,
        )


def payouts_page(asked: Mapping[str, str | int], page: Page) -> tuple[Any, ...]:
    """The query and its arguments: only what is asked for is compared, so that an index leads to it."""
    conditions = ["payout_id > $1", *(f"{name} = ${number}" for number, name in enumerate(asked, 3))]
    sql = f"{PAYOUTS}WHERE {' AND '.join(conditions)} ORDER BY payout_id LIMIT $2"
    return sql, page.after(), page.fetched_max, *asked.values()


async def account_listed(reading: Reading, account: str, call: Call) -> str:
    """Whose rows a list shows: of the account named, else of all that the caller may see; empty for everybody's."""
    account = account or (call.account if call.role in HOLDER_ROLES else "")
    if account:
        check_may_read(account, call)
        await check_known(reading, account)
    return account


async def check_known(reading: Reading, account: str) -> None:
    if await reading.fetch_one(ACCOUNT, account) is None:
        raise NotFound("ACCOUNT_UNKNOWN", account=account)


async def known_day(reading: Reading, day: str) -> Row:
    """The trading day and those before and after it. Raises NotFound for a day that trading has not announced."""
    days = await reading.fetch_one(TRADING_DAY, day)
    assert days is not None, "it always has its row"
    if not days["known"]:
        raise NotFound("DAY_UNKNOWN", day=day, day_before=days["day_before"], day_after=days["day_after"])
    return days


def check_may_read(account: str, call: Call) -> None:
    check_account(account)
    check_may_see(account, call)


def lines_of(row: Row, account: str) -> list[pb.StatementLine]:
    """The trade as the account sees it; both sides, if it was on both."""
    sides = (
        (types.SIDE_BUY, row["buyer"], row["seller"], row["buyer_fee_fen"]),
        (types.SIDE_SELL, row["seller"], row["buyer"], row["seller_fee_fen"]),
    )
    return [
        from_row(pb.StatementLine, row, side=side, fee_fen=fee_fen, counterparty=counterparty)
        for side, holder, counterparty, fee_fen in sides
        if holder == account
    ]


def unsettled_of(lines: list[pb.StatementLine]) -> int:
    """How the balance will change when the day is settled."""
    return sum(
        (line.value_fen if line.side == types.SIDE_SELL else -line.value_fen) - line.fee_fen
        for line in lines
        if line.state == types.OBLIGATION_STATE_UNSETTLED
    )


def blocked_instruments(blocked: Sequence[Row]) -> dict[str, pb.StatementInstrument]:
    return {
        row["instrument"]: pb.StatementInstrument(instrument=row["instrument"], blocked_tonnes=row["blocked_tonnes"])
        for row in blocked
        if row["blocked_tonnes"]
    }


def add_lines(found: dict[str, pb.StatementInstrument], lines: list[pb.StatementLine]) -> None:
    """Adds what was bought and sold to the statement's instruments, by name."""
    for line in lines:
        if line.state == types.OBLIGATION_STATE_EXCLUDED:
            continue
        instrument = found.setdefault(line.instrument, pb.StatementInstrument(instrument=line.instrument))
        if line.side == types.SIDE_BUY:
            instrument.bought_tonnes += line.quantity_tonnes
        else:
            instrument.sold_tonnes += line.quantity_tonnes
