"""RegistryQueryService: what the books say, now and as of any past position of the log.

An answer's position is read before its rows, so that the rows show at least that much; a statement and the trading
holdings show exactly that much. A holder sees its own account; the services, operators and supervisors see all.
"""

import re
from dataclasses import dataclass

import asyncpg

from carbonmarket.registry.v1 import registry_query_service_pb2 as pb
from chassis.call import Call
from chassis.decider import Malformed, NotFound, NotPermitted
from chassis.projections import Tables
from registry.domain.values import ACCOUNT, SHOWN_CHARACTERS_MAX, VINTAGE, check_account

PAGE_ROWS_MAX = 1_000

HOLDER_ROLES = ("participant", "province")

POSITION = re.compile(r"[0-9]{1,18}")
ACCOUNT_AND_VINTAGE = re.compile(f"(?:{ACCOUNT.pattern})/(?:{VINTAGE.pattern})")

# Accounts as they stood after position $1; state 2 is a restricted account's.
ACCOUNTS_AS_OF = """
SELECT accounts.account, kind, name, province, eligible_to_trade, state, ground, opened_ms, since_ms,
       state = 2 AND EXISTS (
           SELECT FROM restrictions_in_effect AS effect
           WHERE effect.account = accounts.account AND effect.restriction = states.restriction AND effect.position <= $1
       ) AS restriction_in_effect
FROM accounts
CROSS JOIN LATERAL (
    SELECT name FROM account_names
    WHERE account_names.account = accounts.account AND position <= $1 ORDER BY position DESC LIMIT 1
) AS names
CROSS JOIN LATERAL (
    SELECT state, ground, restriction, since_ms FROM account_states
    WHERE account_states.account = accounts.account AND position <= $1 ORDER BY position DESC LIMIT 1
) AS states
WHERE opened_position <= $1
"""

ACCOUNT_AS_OF = ACCOUNTS_AS_OF + "AND accounts.account = $2"

ACCOUNTS_PAGE = ACCOUNTS_AS_OF + "AND accounts.account > $2 ORDER BY accounts.account LIMIT $3"

VINTAGES_PAGE = """
SELECT vintage, compliance_year, issued_tonnes,
       coalesce(sum(registry_available_tonnes), 0)::bigint AS registry_available_tonnes,
       coalesce(sum(trading_tonnes), 0)::bigint AS trading_tonnes
FROM vintages LEFT JOIN holdings USING (vintage)
WHERE vintage > $1 GROUP BY vintage, compliance_year, issued_tonnes ORDER BY vintage LIMIT $2
"""

HOLDINGS_PAGE = """
SELECT vintage, registry_available_tonnes, trading_tonnes FROM holdings
WHERE account = $1 AND vintage > $2 ORDER BY vintage LIMIT $3
"""

MOVEMENTS_PAGE = """
SELECT position, recorded_ms, vintage, kind, registry_available_change_tonnes, trading_change_tonnes, counterparty,
       trade_id, run_id, basis, traceparent
FROM movements WHERE account = $1 AND position > $2 ORDER BY position LIMIT $3
"""

HOLDINGS_AS_OF = """
SELECT vintage,
       sum(registry_available_change_tonnes)::bigint AS registry_available_tonnes,
       sum(trading_change_tonnes)::bigint AS trading_tonnes
FROM movements WHERE account = $1 AND position <= $2 GROUP BY vintage ORDER BY vintage
"""

# What is held now, less what came since: the asked position is mostly a recent one.
TRADING_HOLDINGS_AS_OF = """
SELECT account, vintage, sum(tonnes)::bigint AS quantity_tonnes
FROM (
    SELECT account, vintage, trading_tonnes AS tonnes FROM holdings
    UNION ALL
    SELECT account, vintage, -trading_change_tonnes FROM movements WHERE position > $1
) AS now_and_since
WHERE (account, vintage) > ($2, $3)
GROUP BY account, vintage HAVING sum(tonnes) <> 0 ORDER BY account, vintage LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Page:
    """So many rows after the one that `after` names; one more is fetched, to know whether another page follows."""

    rows_max: int
    after: str

    @property
    def fetched_max(self) -> int:
        return self.rows_max + 1


class RegistryQueryService:
    """The queries. Roles and refusals are listed at each rpc in registry_query_service.proto."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def GetAccount(self, request: pb.GetAccountRequest, call: Call) -> pb.GetAccountResponse:
        check_may_read(request.account, call)
        position = self._position(request.min_position)
        account = await self._account(request.account, position)
        return pb.GetAccountResponse(account=account, position=position)

    async def ListAccounts(self, request: pb.ListAccountsRequest, call: Call) -> pb.ListAccountsResponse:
        page = page_of(request.page_size, request.page_token, ACCOUNT)
        position = self._position(request.min_position)
        rows = await self.tables.fetch(ACCOUNTS_PAGE, position, page.after, page.fetched_max, min_position=position)
        shown = rows[: page.rows_max]
        return pb.ListAccountsResponse(
            accounts=[account_of(row) for row in shown],
            next_page_token=shown[-1]["account"] if len(rows) > page.rows_max else "",
            position=position,
        )

    async def ListVintages(self, request: pb.ListVintagesRequest, call: Call) -> pb.ListVintagesResponse:
        page = page_of(request.page_size, request.page_token, VINTAGE)
        position = self._position(request.min_position)
        rows = await self.tables.fetch(VINTAGES_PAGE, page.after, page.fetched_max, min_position=position)
        shown = rows[: page.rows_max]
        return pb.ListVintagesResponse(
            vintages=[
                pb.Vintage(
                    vintage=row["vintage"],
                    compliance_year=row["compliance_year"],
                    issued_tonnes=row["issued_tonnes"],
                    registry_available_tonnes=row["registry_available_tonnes"],
                    trading_tonnes=row["trading_tonnes"],
                )
                for row in shown
            ],
            next_page_token=shown[-1]["vintage"] if len(rows) > page.rows_max else "",
            position=position,
        )

    async def ListHoldings(self, request: pb.ListHoldingsRequest, call: Call) -> pb.ListHoldingsResponse:
        page = page_of(request.page_size, request.page_token, VINTAGE)
        check_may_read(request.account, call)
        position = self._position(request.min_position)
        await self._account(request.account, position)
        rows = await self.tables.fetch(HOLDINGS_PAGE, request.account, page.after, page.fetched_max)
        shown = rows[: page.rows_max]
        return pb.ListHoldingsResponse(
            holdings=[holding_of(row) for row in shown],
            next_page_token=shown[-1]["vintage"] if len(rows) > page.rows_max else "",
            position=position,
        )

    async def ListMovements(self, request: pb.ListMovementsRequest, call: Call) -> pb.ListMovementsResponse:
        page = page_of(request.page_size, request.page_token, POSITION)
        check_may_read(request.account, call)
        position = self._position(request.min_position)
        await self._account(request.account, position)
        rows = await self.tables.fetch(MOVEMENTS_PAGE, request.account, int(page.after or 0), page.fetched_max)
        shown = rows[: page.rows_max]
        return pb.ListMovementsResponse(
            movements=[movement_of(row) for row in shown],
            next_page_token=str(shown[-1]["position"]) if len(rows) > page.rows_max else "",
            position=position,
        )

    async def GetStatement(self, request: pb.GetStatementRequest, call: Call) -> pb.GetStatementResponse:
        position = self._as_of(request.as_of_position, request.min_position)
        check_may_read(request.account, call)
        account = await self._account(request.account, position)
        rows = await self.tables.fetch(HOLDINGS_AS_OF, request.account, position)
        return pb.GetStatementResponse(account=account, holdings=[holding_of(row) for row in rows], position=position)

    async def ListTradingHoldings(
        self, request: pb.ListTradingHoldingsRequest, call: Call
    ) -> pb.ListTradingHoldingsResponse:
        page = page_of(request.page_size, request.page_token, ACCOUNT_AND_VINTAGE)
        position = self._as_of(request.as_of_position, request.min_position)
        account, _, vintage = page.after.partition("/")
        rows = await self.tables.fetch(
            TRADING_HOLDINGS_AS_OF, position, account, vintage, page.fetched_max, min_position=position
        )
        shown = rows[: page.rows_max]
        return pb.ListTradingHoldingsResponse(
            holdings=[
                pb.TradingHolding(
                    account=row["account"], vintage=row["vintage"], quantity_tonnes=row["quantity_tonnes"]
                )
                for row in shown
            ],
            next_page_token=f"{shown[-1]['account']}/{shown[-1]['vintage']}" if len(rows) > page.rows_max else "",
            position=position,
        )

    def _position(self, min_position: int) -> int:
        """What the answer will show at least."""
        return max(self.tables.position, min_position)

    def _as_of(self, as_of_position: int, min_position: int) -> int:
        """What the answer will show exactly; 0 asks for all that is shown now."""
        if as_of_position < 0:
            raise Malformed("AS_OF_POSITION_OUT_OF_RANGE", as_of_position=as_of_position)
        return as_of_position or self._position(min_position)

    async def _account(self, account: str, position: int) -> pb.Account:
        row = await self.tables.fetch_one(ACCOUNT_AS_OF, position, account, min_position=position)
        if row is None:
            raise NotFound("ACCOUNT_UNKNOWN", account=account)
        return account_of(row)


def check_may_read(account: str, call: Call) -> None:
    check_account(account)
    if call.role in HOLDER_ROLES and call.name != account:
        raise NotPermitted("NOT_OWNER_OF_ACCOUNT", account=account, actor=call.actor)


def page_of(page_size: int, page_token: str, token: re.Pattern[str]) -> Page:
    if not 0 <= page_size <= PAGE_ROWS_MAX:
        raise Malformed("PAGE_SIZE_OUT_OF_RANGE", page_size=page_size, page_size_max=PAGE_ROWS_MAX)
    if page_token and not token.fullmatch(page_token):
        raise Malformed("PAGE_TOKEN_MALFORMED", page_token=page_token[:SHOWN_CHARACTERS_MAX])
    return Page(page_size or PAGE_ROWS_MAX, page_token)


def account_of(row: asyncpg.Record) -> pb.Account:
    return pb.Account(
        account=row["account"],
        kind=row["kind"],
        name=row["name"],
        province=row["province"],
        eligible_to_trade=row["eligible_to_trade"],
        state=row["state"],
        ground=row["ground"],
        restriction_in_effect=row["restriction_in_effect"],
        opened_ms=row["opened_ms"],
        state_since_ms=row["since_ms"],
    )


def holding_of(row: asyncpg.Record) -> pb.Holding:
    return pb.Holding(
        vintage=row["vintage"],
        registry_available_tonnes=row["registry_available_tonnes"],
        trading_tonnes=row["trading_tonnes"],
    )


def movement_of(row: asyncpg.Record) -> pb.Movement:
    return pb.Movement(
        position=row["position"],
        recorded_ms=row["recorded_ms"],
        vintage=row["vintage"],
        kind=row["kind"],
        registry_available_change_tonnes=row["registry_available_change_tonnes"],
        trading_change_tonnes=row["trading_change_tonnes"],
        counterparty=row["counterparty"],
        trade_id=row["trade_id"],
        run_id=row["run_id"],
        basis=row["basis"],
        traceparent=row["traceparent"],
    )
