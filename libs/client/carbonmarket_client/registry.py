"""The registry: who owns which allowance."""

from collections.abc import AsyncIterator, Iterable, Sequence

from google.protobuf.message import Message

from carbonmarket.registry.v1 import registry_query_service_pb2 as query
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from carbonmarket.registry.v1 import registry_types_pb2 as types
from carbonmarket_client.bulk import Outcome, submit_many
from carbonmarket_client.service import ServiceClient
from carbonmarket_client.words import AccountKind, number_of

SUPPLY_S_MAX = 120.0
"""Of a day that nobody asked for yet, with very many accounts."""


class RegistryClient(ServiceClient):
    """Accounts, vintages, issuance, holdings, and the transfer of allowances to trading."""

    # Commands

    async def open_account(
        self,
        account: str,
        kind: AccountKind,
        name: str,
        *,
        province: str = "",
        eligible_to_trade: bool = True,
        request_id: str = "",
    ) -> pb.OpenAccountResponse:
        """Open the registration account of an entity; province is the account of its province."""
        request = pb.OpenAccountRequest(
            request_id=request_id,
            account=account,
            kind=number_of(types.AccountKind, kind),
            name=name,
            province=province,
            eligible_to_trade=eligible_to_trade,
        )
        return await self.link.call(request, pb.OpenAccountResponse)

    async def change_account_data(
        self, account: str, name: str, basis: str, *, request_id: str = ""
    ) -> pb.ChangeAccountDataResponse:
        """Change an entity's registered data; basis names the document that proves the change."""
        request = pb.ChangeAccountDataRequest(request_id=request_id, account=account, name=name, basis=basis)
        return await self.link.call(request, pb.ChangeAccountDataResponse)

    async def restrict_account(self, account: str, ground: str, *, request_id: str = "") -> pb.RestrictAccountResponse:
        """Restrict an account's use, in the registry at once, in trading as soon as trading has heard of it."""
        request = pb.RestrictAccountRequest(request_id=request_id, account=account, ground=ground)
        return await self.link.call(request, pb.RestrictAccountResponse)

    async def lift_restriction(self, account: str, *, request_id: str = "") -> pb.LiftRestrictionResponse:
        """Lift an account's restriction."""
        request = pb.LiftRestrictionRequest(request_id=request_id, account=account)
        return await self.link.call(request, pb.LiftRestrictionResponse)

    async def close_account(self, account: str, ground: str, *, request_id: str = "") -> pb.CloseAccountResponse:
        """Close an empty account for ever."""
        request = pb.CloseAccountRequest(request_id=request_id, account=account, ground=ground)
        return await self.link.call(request, pb.CloseAccountResponse)

    async def create_vintage(
        self, vintage: str, compliance_year: int, *, request_id: str = ""
    ) -> pb.CreateVintageResponse:
        """Create the vintage of a compliance year."""
        request = pb.CreateVintageRequest(request_id=request_id, vintage=vintage, compliance_year=compliance_year)
        return await self.link.call(request, pb.CreateVintageResponse)

    async def issue_allowances(
        self, vintage: str, account: str, quantity_tonnes: int, basis: str, *, request_id: str = ""
    ) -> pb.IssueAllowancesResponse:
        """Issue new allowances to a province's account."""
        request = pb.IssueAllowancesRequest(
            request_id=request_id, vintage=vintage, account=account, quantity_tonnes=quantity_tonnes, basis=basis
        )
        return await self.link.call(request, pb.IssueAllowancesResponse)

    async def allocate_allowances(
        self, vintage: str, from_account: str, account: str, quantity_tonnes: int, basis: str, *, request_id: str = ""
    ) -> pb.AllocateAllowancesResponse:
        """Give allowances from a province's own account to an entity's."""
        request = pb.AllocateAllowancesRequest(
            request_id=request_id,
            vintage=vintage,
            from_account=from_account,
            account=account,
            quantity_tonnes=quantity_tonnes,
            basis=basis,
        )
        return await self.link.call(request, pb.AllocateAllowancesResponse)

    async def transfer_to_trading(
        self, account: str, vintage: str, quantity_tonnes: int, *, request_id: str = ""
    ) -> pb.TransferToTradingResponse:
        """Transfer allowances to trading, where they can be sold; they come back by
        TradingClient.return_to_registry.
        """
        request = pb.TransferToTradingRequest(
            request_id=request_id, account=account, vintage=vintage, quantity_tonnes=quantity_tonnes
        )
        return await self.link.call(request, pb.TransferToTradingResponse)

    def submit_many(self, commands: Iterable[Message]) -> AsyncIterator[Outcome]:
        """Send many commands (request messages of this service) on one stream; one Outcome comes for each, in order."""
        return submit_many(self.link, commands, pb.SubmitManyRequest, pb.SubmitManyResponse)

    # Queries

    async def get_account(self, account: str, *, min_position: int = 0) -> query.GetAccountResponse:
        """One account's data and state."""
        request = query.GetAccountRequest(min_position=min_position, account=account)
        return await self.link.call(request, query.GetAccountResponse)

    async def list_accounts(
        self, *, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListAccountsResponse:
        """All accounts, by id, in pages."""
        request = query.ListAccountsRequest(min_position=min_position, page_size=page_size, page_token=page_token)
        return await self.link.call(request, query.ListAccountsResponse)

    async def list_vintages(
        self, *, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListVintagesResponse:
        """All vintages, and where they are: issued = available in the registry + in trading."""
        request = query.ListVintagesRequest(min_position=min_position, page_size=page_size, page_token=page_token)
        return await self.link.call(request, query.ListVintagesResponse)

    async def list_holdings(
        self, account: str, *, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListHoldingsResponse:
        """What an account holds, by vintage and state."""
        request = query.ListHoldingsRequest(
            min_position=min_position, account=account, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.ListHoldingsResponse)

    async def list_movements(
        self,
        account: str,
        *,
        after_position: int = 0,
        page_size: int = 0,
        page_token: str = "",
        min_position: int = 0,
    ) -> query.ListMovementsResponse:
        """Every change of an account's holdings, oldest first, in pages; all, or those after a position."""
        request = query.ListMovementsRequest(
            min_position=min_position,
            account=account,
            after_position=after_position,
            page_size=page_size,
            page_token=page_token,
        )
        return await self.link.call(request, query.ListMovementsResponse)

    async def get_statement(
        self, account: str, *, as_of_position: int = 0, min_position: int = 0
    ) -> query.GetStatementResponse:
        """An account and its holdings as of any past position of the log; 0 is now."""
        request = query.GetStatementRequest(min_position=min_position, account=account, as_of_position=as_of_position)
        return await self.link.call(request, query.GetStatementResponse)

    async def list_trading_holdings(
        self, *, as_of_position: int = 0, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListTradingHoldingsResponse:
        """What every account had in trading as of a position, in pages: one side of the reconciliation."""
        request = query.ListTradingHoldingsRequest(
            min_position=min_position, as_of_position=as_of_position, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.ListTradingHoldingsResponse)

    async def get_commitments(self, *, as_of_position: int = 0, min_position: int = 0) -> query.GetCommitmentsResponse:
        """The root of what every account had in trading, as of any past position of the log; 0 is now."""
        request = query.GetCommitmentsRequest(min_position=min_position, as_of_position=as_of_position)
        return await self.link.call(request, query.GetCommitmentsResponse)

    async def get_supply(self, day: str = "", *, min_position: int = 0) -> query.GetSupplyResponse:
        """What was issued and where it was when a day ended, signed; without a day, the last that is over."""
        request = query.GetSupplyRequest(min_position=min_position, day=day)
        return await self.link.call(request, query.GetSupplyResponse, deadline_s=SUPPLY_S_MAX)

    async def get_holding_proof(
        self, account: str, day: str = "", *, min_position: int = 0
    ) -> query.GetHoldingProofResponse:
        """The private proof that an account's holdings are counted in that supply (`proofs.check_proof`)."""
        request = query.GetHoldingProofRequest(min_position=min_position, account=account, day=day)
        return await self.link.call(request, query.GetHoldingProofResponse, deadline_s=SUPPLY_S_MAX)

    async def get_tree_parts(self, position: int, tree: str, places: Sequence[bytes]) -> query.GetTreePartsResponse:
        """What is below places of a tree that get_commitments stated the root of; no digit leads to the root."""
        request = query.GetTreePartsRequest(position=position, tree=tree, places=places)
        return await self.link.call(request, query.GetTreePartsResponse)
