"""ClearingService: requests in, answers out. No rule lives here."""

from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from chassis.core.call import Call
from chassis.core.engine import Done
from chassis.log.writer import Writer
from clearing.domain import funds, payouts, run
from clearing.domain.state import State
from clearing.wire import COMMANDS


class ClearingService:
    """The commands. Roles and refusals are listed at each rpc in clearing_service.proto."""

    def __init__(self, writer: Writer[State]) -> None:
        self.writer = writer

    async def SetSettlementBanks(
        self, request: pb.SetSettlementBanksRequest, call: Call
    ) -> pb.SetSettlementBanksResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.SetSettlementBanksResponse(position=done.position)

    async def RecordDeposit(self, request: pb.RecordDepositRequest, call: Call) -> pb.RecordDepositResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.RecordDepositResponse(
            entry_number=done.only(funds.FundsDeposited).entry_number, position=done.position
        )

    async def InstructPayout(self, request: pb.InstructPayoutRequest, call: Call) -> pb.InstructPayoutResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.InstructPayoutResponse(position=done.position)

    async def RevokePayoutInstruction(
        self, request: pb.RevokePayoutInstructionRequest, call: Call
    ) -> pb.RevokePayoutInstructionResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.RevokePayoutInstructionResponse(position=done.position)

    async def RecordPayoutPaid(self, request: pb.RecordPayoutPaidRequest, call: Call) -> pb.RecordPayoutPaidResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.RecordPayoutPaidResponse(position=done.position)

    async def RecordPayoutReturned(
        self, request: pb.RecordPayoutReturnedRequest, call: Call
    ) -> pb.RecordPayoutReturnedResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.RecordPayoutReturnedResponse(
            entry_number=done.only(payouts.FundsRestored).entry_number, position=done.position
        )

    async def RetryRun(self, request: pb.RetryRunRequest, call: Call) -> pb.RetryRunResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        attempt, blocked_because = attempt_of(done)
        return pb.RetryRunResponse(attempt=attempt, blocked_because=blocked_because, position=done.position)

    async def ExcludeTrades(self, request: pb.ExcludeTradesRequest, call: Call) -> pb.ExcludeTradesResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.ExcludeTradesResponse(position=done.position)

    async def ReconcileAgain(self, request: pb.ReconcileAgainRequest, call: Call) -> pb.ReconcileAgainResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.ReconcileAgainResponse(position=done.position)


def attempt_of(done: Done) -> tuple[int, str]:
    """The new attempt's number, and why it is blocked, if it is."""
    for blocked in done.all(run.ClearingRunBlocked):
        return blocked.attempt, blocked.reason
    return done.only(run.ClearingRunBegun).attempt, ""
