"""ClearingService: what is answered to commands that answer with more than a position. The others need no method
(command_service). No rule lives here.
"""

from carbonmarket.clearing.v1 import clearing_service_pb2 as pb
from chassis.core.engine import Done
from chassis.log.writer import Writer
from chassis.serving.command_service import CommandService
from clearing.domain import funds, payouts, run
from clearing.domain.state import State
from clearing.wire import COMMANDS


class ClearingService(CommandService[State]):
    """The commands. Roles and refusals are listed at each rpc in clearing_service.proto."""

    def __init__(self, writer: Writer[State]) -> None:
        super().__init__(writer, COMMANDS)

    def RecordDeposit(self, done: Done) -> pb.RecordDepositResponse:
        return pb.RecordDepositResponse(
            entry_number=done.only(funds.FundsDeposited).entry_number, position=done.position
        )

    def RecordPayoutReturned(self, done: Done) -> pb.RecordPayoutReturnedResponse:
        return pb.RecordPayoutReturnedResponse(
            entry_number=done.only(payouts.FundsRestored).entry_number, position=done.position
        )

    def RetryRun(self, done: Done) -> pb.RetryRunResponse:
        attempt, blocked_because = attempt_of(done)
        return pb.RetryRunResponse(attempt=attempt, blocked_because=blocked_because, position=done.position)


def attempt_of(done: Done) -> tuple[int, str]:
    """The new attempt's number, and why it is blocked, if it is."""
    for blocked in done.all(run.ClearingRunBlocked):
        return blocked.attempt, blocked.reason
    return done.only(run.ClearingRunBegun).attempt, ""
