"""Clearing: the participants' money, the day's run, and the proof that the books agree."""

from collections.abc import AsyncIterator, Iterable, Sequence

from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket_client.bulk import Outcome, submit_many
from carbonmarket_client.service import ServiceClient
from carbonmarket_client.words import PayoutState, number_of


class ClearingClient(ServiceClient):
    """Funds, obligations, runs, payouts, statements and reconciliations."""

    # Commands of settlement banks

    async def record_deposit(
        self, bank_reference: str, account: str, amount_fen: int, *, request_id: str = ""
    ) -> pb.RecordDepositResponse:
        """Record money that arrived at the calling bank; its reference names one movement of money for ever."""
        request = pb.RecordDepositRequest(
            request_id=request_id, bank_reference=bank_reference, account=account, amount_fen=amount_fen
        )
        return await self.link.call(request, pb.RecordDepositResponse)

    async def record_payout_paid(
        self, payout_id: int, bank_reference: str, *, request_id: str = ""
    ) -> pb.RecordPayoutPaidResponse:
        """Record that the calling bank has paid a payout it was instructed to pay."""
        request = pb.RecordPayoutPaidRequest(request_id=request_id, payout_id=payout_id, bank_reference=bank_reference)
        return await self.link.call(request, pb.RecordPayoutPaidResponse)

    async def record_payout_returned(
        self, payout_id: int, ground: str, *, request_id: str = ""
    ) -> pb.RecordPayoutReturnedResponse:
        """Record that the calling bank could not pay; the money is in the account's balance again."""
        request = pb.RecordPayoutReturnedRequest(request_id=request_id, payout_id=payout_id, ground=ground)
        return await self.link.call(request, pb.RecordPayoutReturnedResponse)

    # Commands of the registry's operator

    async def set_settlement_banks(
        self, valid_from_day: str, banks: Sequence[str], source: str, *, request_id: str = ""
    ) -> pb.SetSettlementBanksResponse:
        """Set the list of all settlement banks from a day on; only they report deposits and are instructed to pay."""
        request = pb.SetSettlementBanksRequest(
            request_id=request_id, valid_from_day=valid_from_day, banks=banks, source=source
        )
        return await self.link.call(request, pb.SetSettlementBanksResponse)

    # Commands of clearing operators

    async def instruct_payout(self, payout_id: int, bank: str, *, request_id: str = "") -> pb.InstructPayoutResponse:
        """Instruct a bank to pay a requested payout."""
        request = pb.InstructPayoutRequest(request_id=request_id, payout_id=payout_id, bank=bank)
        return await self.link.call(request, pb.InstructPayoutResponse)

    async def revoke_payout_instruction(
        self, payout_id: int, ground: str, *, request_id: str = ""
    ) -> log.ProposeCommandResponse:
        """Propose to revoke the instruction of a payout."""
        command = pb.RevokePayoutInstructionRequest(payout_id=payout_id, ground=ground)
        return await self.propose_command(command, request_id=request_id)

    async def retry_run(self, run_id: int, *, request_id: str = "") -> pb.RetryRunResponse:
        """Try a blocked run again as a new attempt; the answer gives its state."""
        return await self.link.call(pb.RetryRunRequest(request_id=request_id, run_id=run_id), pb.RetryRunResponse)

    async def exclude_trades(
        self, run_id: int, trade_ids: Sequence[int], ground: str, *, request_id: str = ""
    ) -> log.ProposeCommandResponse:
        """Propose to exclude trades from a blocked run; the answer shows all trades that would be excluded."""
        command = pb.ExcludeTradesRequest(run_id=run_id, trade_ids=trade_ids, ground=ground)
        return await self.propose_command(command, request_id=request_id)

    async def reconcile_again(self, day: str, *, request_id: str = "") -> pb.ReconcileAgainResponse:
        """Compare the three books again, for the day that was settled last."""
        request = pb.ReconcileAgainRequest(request_id=request_id, day=day)
        return await self.link.call(request, pb.ReconcileAgainResponse)

    def submit_many(self, commands: Iterable[Message]) -> AsyncIterator[Outcome]:
        """Send many commands (request messages of this service) on one stream; one Outcome comes for each, in order."""
        return submit_many(self.link, commands, pb.SubmitManyRequest, pb.SubmitManyResponse)

    # Queries

    async def get_settlement_banks(self, *, min_position: int = 0) -> query.GetSettlementBanksResponse:
        """The settlement banks, by the day from which each list is valid."""
        request = query.GetSettlementBanksRequest(min_position=min_position)
        return await self.link.call(request, query.GetSettlementBanksResponse)

    async def get_funds(self, account: str, *, min_position: int = 0) -> query.GetFundsResponse:
        """An account's money: balance, what is unsettled in and out, payouts not paid yet."""
        request = query.GetFundsRequest(min_position=min_position, account=account)
        return await self.link.call(request, query.GetFundsResponse)

    async def list_entries(
        self, account: str, *, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListEntriesResponse:
        """The changes of an account's balance, oldest first, in pages."""
        request = query.ListEntriesRequest(
            min_position=min_position, account=account, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.ListEntriesResponse)

    async def list_payouts(
        self,
        *,
        account: str = "",
        state: PayoutState | None = None,
        page_size: int = 0,
        page_token: str = "",
        min_position: int = 0,
    ) -> query.ListPayoutsResponse:
        """Payouts, oldest first, in pages; of one account or in one state when these are given."""
        request = query.ListPayoutsRequest(
            min_position=min_position,
            account=account,
            state=number_of(types.PayoutState, state or ""),
            page_size=page_size,
            page_token=page_token,
        )
        return await self.link.call(request, query.ListPayoutsResponse)

    async def list_obligations(
        self, day: str, *, account: str = "", page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListObligationsResponse:
        """The obligations of a day, in the order of their trades, in pages; a participant names its own account."""
        request = query.ListObligationsRequest(
            min_position=min_position, day=day, account=account, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.ListObligationsResponse)

    async def list_runs(
        self, *, open_only: bool = False, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListRunsResponse:
        """The runs, newest first, in pages."""
        request = query.ListRunsRequest(
            min_position=min_position, open_only=open_only, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.ListRunsResponse)

    async def get_run(
        self, run_id: int, *, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.GetRunResponse:
        """One run: its state, why it waits, the steps it took, and a page of its legs."""
        request = query.GetRunRequest(
            min_position=min_position, run_id=run_id, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.GetRunResponse)

    async def get_statement(self, account: str, day: str, *, min_position: int = 0) -> query.GetStatementResponse:
        """An account's statement of a day: cash, trades, fees, and until when it may be objected to."""
        request = query.GetStatementRequest(min_position=min_position, account=account, day=day)
        return await self.link.call(request, query.GetStatementResponse)

    async def list_reconciliations(
        self, *, page_size: int = 0, page_token: str = "", min_position: int = 0
    ) -> query.ListReconciliationsResponse:
        """The reconciliations, newest first, in pages, without their rows."""
        request = query.ListReconciliationsRequest(
            min_position=min_position, page_size=page_size, page_token=page_token
        )
        return await self.link.call(request, query.ListReconciliationsResponse)

    async def get_reconciliation(self, day: str, *, min_position: int = 0) -> query.GetReconciliationResponse:
        """The latest reconciliation of a day, with its differences and what was in flight."""
        request = query.GetReconciliationRequest(min_position=min_position, day=day)
        return await self.link.call(request, query.GetReconciliationResponse)
