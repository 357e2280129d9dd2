"""RegistryQueryService: what the books say, now and as of any past position of the log.

All that one answer shows is of one reading, as of the position that it names; a statement and the trading holdings can
be asked for as of an earlier one. A holder sees its own account; the services, operators and supervisors see all.
"""

import re
from collections import Counter

from carbonmarket.registry.v1 import registry_query_service_pb2 as pb
from chassis.core.call import Call, check_may_see
from chassis.core.commitment import KEYS_PER_STEP_MAX
from chassis.core.decider import NotFound
from chassis.core.shapes import CODE, NAME, check_account, check_position
from chassis.core.sum_tree import Key, SumTree
from chassis.edges.protocols import Reading
from chassis.followers.projections import Tables
from chassis.followers.rows import from_row
from chassis.log.seals import Signer
from chassis.log.writer import Writer
from chassis.serving.pages import NUMBER, NUMBER_MAX, page_of
from chassis.serving.slices import in_slices
from chassis.serving.trees import KeptTrees, parts, up_to_date
from registry.domain.holdings import custody_now
from registry.domain.state import AccountState, Registry
from registry.supply.days import SupplyDays, day_over, end_of, proof_of_account, supply_of_day
from registry.supply.kept import SupplyTrees

POSITION_AND_TRADE = re.compile(f"({NUMBER.pattern})/({NUMBER.pattern})")
POSITION_ACCOUNT_AND_VINTAGE = re.compile(f"({NUMBER.pattern})/({NAME.form.pattern})/({CODE.form.pattern})")

# Accounts as of position $1.
ACCOUNTS_AS_OF = f"""
SELECT accounts.account, kind, name, province, eligible_to_trade, state, ground, opened_ms, state_since_ms,
       state = {AccountState.RESTRICTED:d} AND EXISTS (
           SELECT FROM restrictions_in_effect AS effect
           WHERE effect.account = accounts.account AND effect.restriction_number = states.restriction_number
                 AND effect.position <= $1
       ) AS restriction_in_effect,
       state = {AccountState.RESTRICTED:d} AND EXISTS (
           SELECT FROM accounts_wound_up AS wound_up
           WHERE wound_up.account = accounts.account AND wound_up.restriction_number = states.restriction_number
                 AND wound_up.position <= $1
       ) AS wound_up
FROM accounts
CROSS JOIN LATERAL (
    SELECT name FROM account_names
    WHERE account_names.account = accounts.account AND position <= $1 ORDER BY position DESC LIMIT 1
) AS names
CROSS JOIN LATERAL (
    SELECT state, ground, restriction_number, since_ms AS state_since_ms FROM account_states
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
FROM movements WHERE account = $1 AND (position, trade_id) > ($2, $3) ORDER BY position, trade_id LIMIT $4
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


# What came after one position and up to another: that does not change any more.
CUSTODY_CHANGED = """
SELECT account, vintage, sum(trading_change_tonnes)::bigint AS tonnes FROM movements
WHERE position > $1 AND position <= $2 GROUP BY account, vintage HAVING sum(trading_change_tonnes) <> 0
"""
POSITIONS_PER_STEP_MAX = 10_000


class RegistryQueryService:
    """The queries. Roles and refusals are listed at each rpc in registry_query_service.proto."""

    def __init__(self, tables: Tables, writer: Writer[Registry], signer: Signer | None) -> None:
        self.tables = tables
        self.writer = writer
        self.trees = KeptTrees()
        self.days = SupplyDays(tables, writer, signer, SupplyTrees(writer.engine.shell.log_id, tables))

    async def GetAccount(self, request: pb.GetAccountRequest, call: Call) -> pb.GetAccountResponse:
        check_may_read(request.account, call)
        async with self.tables.reading() as reading:
            account = await account_as_of(reading, request.account, reading.position)
        return pb.GetAccountResponse(account=account, position=reading.position)

    async def ListAccounts(self, request: pb.ListAccountsRequest, call: Call) -> pb.ListAccountsResponse:
        page = page_of(request, call, NAME.form)
        async with self.tables.reading() as reading:
            rows = await reading.fetch(ACCOUNTS_PAGE, reading.position, page.key, page.fetched_max)
        shown, next_page_token = page.shown(rows, "account")
        accounts = [from_row(pb.Account, row) for row in shown]
        return pb.ListAccountsResponse(accounts=accounts, next_page_token=next_page_token, position=reading.position)

    async def ListVintages(self, request: pb.ListVintagesRequest, call: Call) -> pb.ListVintagesResponse:
        page = page_of(request, call, CODE.form)
        async with self.tables.reading() as reading:
            rows = await reading.fetch(VINTAGES_PAGE, page.key, page.fetched_max)
        shown, next_page_token = page.shown(rows, "vintage")
        vintages = [from_row(pb.Vintage, row) for row in shown]
        return pb.ListVintagesResponse(vintages=vintages, next_page_token=next_page_token, position=reading.position)

    async def ListHoldings(self, request: pb.ListHoldingsRequest, call: Call) -> pb.ListHoldingsResponse:
        page = page_of(request, call, CODE.form)
        check_may_read(request.account, call)
        async with self.tables.reading() as reading:
            await account_as_of(reading, request.account, reading.position)
            rows = await reading.fetch(HOLDINGS_PAGE, request.account, page.key, page.fetched_max)
        shown, next_page_token = page.shown(rows, "vintage")
        holdings = [from_row(pb.Holding, row) for row in shown]
        return pb.ListHoldingsResponse(holdings=holdings, next_page_token=next_page_token, position=reading.position)

    async def ListMovements(self, request: pb.ListMovementsRequest, call: Call) -> pb.ListMovementsResponse:
        page = page_of(request, call, POSITION_AND_TRADE)
        check_may_read(request.account, call)
        end_position = await self.tables.log_end(request.after_position)
        check_position(request.after_position, end_position, "after_position")
        # A delivery moves many legs at one position: the next page begins after one of them.
        after, trade_id = page.key.split("/") if page.key else (str(request.after_position), str(NUMBER_MAX))
        async with self.tables.reading() as reading:
            await account_as_of(reading, request.account, reading.position)
            rows = await reading.fetch(MOVEMENTS_PAGE, request.account, int(after), int(trade_id), page.fetched_max)
        shown, next_page_token = page.shown(rows, "position", "trade_id")
        movements = [from_row(pb.Movement, row) for row in shown]
        return pb.ListMovementsResponse(movements=movements, next_page_token=next_page_token, position=reading.position)

    async def GetStatement(self, request: pb.GetStatementRequest, call: Call) -> pb.GetStatementResponse:
        await self._wait_for(request.as_of_position)
        check_may_read(request.account, call)
        async with self.tables.reading() as reading:
            position = request.as_of_position or reading.position
            account = await account_as_of(reading, request.account, position)
            rows = await reading.fetch(HOLDINGS_AS_OF, request.account, position)
        holdings = [from_row(pb.Holding, row) for row in rows]
        return pb.GetStatementResponse(account=account, holdings=holdings, position=position)

    async def ListTradingHoldings(
        self, request: pb.ListTradingHoldingsRequest, call: Call
    ) -> pb.ListTradingHoldingsResponse:
        """The pages that follow are as of the first one's position, which their token names."""
        page = page_of(request, call, POSITION_ACCOUNT_AND_VINTAGE)
        first, account, vintage = page.key.split("/") if page.key else ("0", "", "")
        as_of_position = int(first) or request.as_of_position
        await self._wait_for(as_of_position)
        async with self.tables.reading() as reading:
            position = as_of_position or reading.position
            rows = await reading.fetch(TRADING_HOLDINGS_AS_OF, position, account, vintage, page.fetched_max)
        shown, next_page_token = page.shown(rows, "account", "vintage", before=f"{position}/")
        holdings = [from_row(pb.TradingHolding, row) for row in shown]
        return pb.ListTradingHoldingsResponse(holdings=holdings, next_page_token=next_page_token, position=position)

    async def GetCommitments(self, request: pb.GetCommitmentsRequest, call: Call) -> pb.GetCommitmentsResponse:
        await self._wait_for(request.as_of_position)
        position, trees = request.as_of_position, self.trees.at(request.as_of_position)
        if position == 0 or trees is None:
            seen = await up_to_date(self.writer.read, custody_now)
            position = position or seen.position
            trees = [await self._put_back(seen.value, seen.position, position)]
        return pb.GetCommitmentsResponse(trees=self.trees.keep(position, trees), position=position)

    async def _put_back(self, tree: SumTree, position: int, as_of_position: int) -> SumTree:
        """The tree as it was at an earlier position, which the movements since then say; each is read once."""
        assert as_of_position <= position, "the tables follow the state"
        if as_of_position == position:
            return tree
        await self.tables.wait_for(position)
        since = Counter[Key]()
        for after in range(as_of_position, position, POSITIONS_PER_STEP_MAX):
            upto = min(after + POSITIONS_PER_STEP_MAX, position)
            async with self.tables.reading() as reading:
                rows = await reading.fetch(CUSTODY_CHANGED, after, upto)
            async for some in in_slices(rows):
                for row in some:
                    since[row["account"], row["vintage"]] += row["tonnes"]
        async for changes in in_slices(list(since.items()), KEYS_PER_STEP_MAX):
            tree = tree.changed({key: (tree.quantities(key)[0] - tonnes,) for key, tonnes in changes})
        return tree

    async def GetTreeParts(self, request: pb.GetTreePartsRequest, call: Call) -> pb.GetTreePartsResponse:
        places = parts(self.trees, request.position, request.tree, request.places)
        return pb.GetTreePartsResponse(kept=places is not None, places=places)

    async def GetSupply(self, request: pb.GetSupplyRequest, call: Call) -> pb.GetSupplyResponse:
        _, supply = await supply_of_day(self.days, request.day)
        return supply

    async def GetHoldingProof(self, request: pb.GetHoldingProofRequest, call: Call) -> pb.GetHoldingProofResponse:
        check_may_read(request.account, call)
        day = await day_over(self.writer, request.day)
        end = await end_of(self.days, day)
        async with self.tables.reading() as reading:
            await account_as_of(reading, request.account, end.position)
        return await proof_of_account(self.days, request.account, day)

    async def _wait_for(self, as_of_position: int) -> None:
        """Until the tables show the position asked for; 0 asks for all that they show now."""
        check_position(as_of_position, await self.tables.log_end(as_of_position), "as_of_position")
        await self.tables.wait_for(as_of_position)


async def account_as_of(reading: Reading, account: str, position: int) -> pb.Account:
    row = await reading.fetch_one(ACCOUNT_AS_OF, position, account)
    if row is None:
        raise NotFound("ACCOUNT_UNKNOWN", account=account)
    return from_row(pb.Account, row)


def check_may_read(account: str, call: Call) -> None:
    check_account(account)
    check_may_see(account, call)
