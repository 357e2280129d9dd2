"""RegistryService: requests in, answers out. No rule lives here."""

from carbonmarket.registry.v1 import registry_events_pb2 as events
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.call import Call
from chassis.core.codec import codec_of
from chassis.log.writer import Writer
from registry.domain import delivery
from registry.domain.state import Registry
from registry.wire import COMMANDS

COMPLETED = codec_of(delivery.DeliveryCompleted, events.DeliveryCompleted)
REFUSED = codec_of(delivery.DeliveryRefused, events.DeliveryRefused)
REPEATED = codec_of(delivery.DeliveryRepeated, events.DeliveryRepeated)


class RegistryService:
    """The commands. Roles and refusals are listed at each rpc in registry_service.proto."""

    def __init__(self, writer: Writer[Registry]) -> None:
        self.writer = writer

    async def OpenAccount(self, request: pb.OpenAccountRequest, call: Call) -> pb.OpenAccountResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.OpenAccountResponse(position=done.position)

    async def ChangeAccountData(self, request: pb.ChangeAccountDataRequest, call: Call) -> pb.ChangeAccountDataResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.ChangeAccountDataResponse(position=done.position)

    async def RestrictAccount(self, request: pb.RestrictAccountRequest, call: Call) -> pb.RestrictAccountResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.RestrictAccountResponse(position=done.position)

    async def LiftRestriction(self, request: pb.LiftRestrictionRequest, call: Call) -> pb.LiftRestrictionResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.LiftRestrictionResponse(position=done.position)

    async def CloseAccount(self, request: pb.CloseAccountRequest, call: Call) -> pb.CloseAccountResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.CloseAccountResponse(position=done.position)

    async def CreateVintage(self, request: pb.CreateVintageRequest, call: Call) -> pb.CreateVintageResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.CreateVintageResponse(position=done.position)

    async def IssueAllowances(self, request: pb.IssueAllowancesRequest, call: Call) -> pb.IssueAllowancesResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.IssueAllowancesResponse(position=done.position)

    async def AllocateAllowances(
        self, request: pb.AllocateAllowancesRequest, call: Call
    ) -> pb.AllocateAllowancesResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.AllocateAllowancesResponse(position=done.position)

    async def TransferToTrading(self, request: pb.TransferToTradingRequest, call: Call) -> pb.TransferToTradingResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.TransferToTradingResponse(position=done.position)

    async def StageDeliveryLegs(self, request: pb.StageDeliveryLegsRequest, call: Call) -> pb.StageDeliveryLegsResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        return pb.StageDeliveryLegsResponse(position=done.position)

    async def DeliverAllowances(self, request: pb.DeliverAllowancesRequest, call: Call) -> pb.DeliverAllowancesResponse:
        done = await self.writer.submit(COMMANDS.read(request), call)
        refused = done.all(delivery.DeliveryRefused)
        if refused:
            return pb.DeliverAllowancesResponse(refused=REFUSED.encode(refused[0]), position=done.position)
        repeated = done.all(delivery.DeliveryRepeated)
        if repeated:
            return pb.DeliverAllowancesResponse(repeated=REPEATED.encode(repeated[0]), position=done.position)
        completed = done.only(delivery.DeliveryCompleted)
        return pb.DeliverAllowancesResponse(completed=COMPLETED.encode(completed), position=done.position)
