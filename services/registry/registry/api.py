"""RegistryService: requests in, answers out. No rule lives here."""

from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.call import Call
from chassis.writer import Writer
from registry.domain import accounts, delivery, issuance, restrictions, transfers, vintages
from registry.domain.state import Registry
from registry.wire import delivery_completed, delivery_refused, delivery_repeated


class RegistryService:
    """The commands. Roles and refusals are listed at each rpc in registry_service.proto."""

    def __init__(self, writer: Writer[Registry]) -> None:
        self.writer = writer

    async def OpenAccount(self, request: pb.OpenAccountRequest, call: Call) -> pb.OpenAccountResponse:
        command = accounts.OpenAccount(
            account=request.account,
            kind=request.kind,
            name=request.name,
            province=request.province,
            eligible_to_trade=request.eligible_to_trade,
        )
        done = await self.writer.submit(command, request.request_id, call)
        return pb.OpenAccountResponse(position=done.position)

    async def ChangeAccountData(self, request: pb.ChangeAccountDataRequest, call: Call) -> pb.ChangeAccountDataResponse:
        command = accounts.ChangeAccountData(account=request.account, name=request.name, basis=request.basis)
        done = await self.writer.submit(command, request.request_id, call)
        return pb.ChangeAccountDataResponse(position=done.position)

    async def RestrictAccount(self, request: pb.RestrictAccountRequest, call: Call) -> pb.RestrictAccountResponse:
        command = restrictions.RestrictAccount(account=request.account, ground=request.ground)
        done = await self.writer.submit(command, request.request_id, call)
        return pb.RestrictAccountResponse(position=done.position)

    async def LiftRestriction(self, request: pb.LiftRestrictionRequest, call: Call) -> pb.LiftRestrictionResponse:
        command = restrictions.LiftRestriction(account=request.account)
        done = await self.writer.submit(command, request.request_id, call)
        return pb.LiftRestrictionResponse(position=done.position)

    async def CloseAccount(self, request: pb.CloseAccountRequest, call: Call) -> pb.CloseAccountResponse:
        command = accounts.CloseAccount(account=request.account, ground=request.ground)
        done = await self.writer.submit(command, request.request_id, call)
        return pb.CloseAccountResponse(position=done.position)

    async def CreateVintage(self, request: pb.CreateVintageRequest, call: Call) -> pb.CreateVintageResponse:
        command = vintages.CreateVintage(vintage=request.vintage, compliance_year=request.compliance_year)
        done = await self.writer.submit(command, request.request_id, call)
        return pb.CreateVintageResponse(position=done.position)

    async def IssueAllowances(self, request: pb.IssueAllowancesRequest, call: Call) -> pb.IssueAllowancesResponse:
        command = issuance.IssueAllowances(
            vintage=request.vintage,
            account=request.account,
            quantity_tonnes=request.quantity_tonnes,
            basis=request.basis,
        )
        done = await self.writer.submit(command, request.request_id, call)
        return pb.IssueAllowancesResponse(position=done.position)

    async def AllocateAllowances(
        self, request: pb.AllocateAllowancesRequest, call: Call
    ) -> pb.AllocateAllowancesResponse:
        command = issuance.AllocateAllowances(
            vintage=request.vintage,
            from_account=request.from_account,
            account=request.account,
            quantity_tonnes=request.quantity_tonnes,
            basis=request.basis,
        )
        done = await self.writer.submit(command, request.request_id, call)
        return pb.AllocateAllowancesResponse(position=done.position)

    async def TransferToTrading(self, request: pb.TransferToTradingRequest, call: Call) -> pb.TransferToTradingResponse:
        command = transfers.TransferToTrading(
            account=request.account, vintage=request.vintage, quantity_tonnes=request.quantity_tonnes
        )
        done = await self.writer.submit(command, request.request_id, call)
        return pb.TransferToTradingResponse(position=done.position)

    async def DeliverAllowances(self, request: pb.DeliverAllowancesRequest, call: Call) -> pb.DeliverAllowancesResponse:
        command = delivery.DeliverAllowances(
            run_id=request.run_id,
            attempt=request.attempt,
            day=request.day,
            legs=tuple(
                delivery.Leg(
                    trade_id=leg.trade_id,
                    vintage=leg.vintage,
                    quantity_tonnes=leg.quantity_tonnes,
                    seller=leg.seller,
                    buyer=leg.buyer,
                )
                for leg in request.legs
            ),
        )
        # Each leg's record continues its trade's trace; a repeat need not know it.
        call.subject_traces = {f"trade/{leg.trade_id}": leg.traceparent for leg in request.legs if leg.traceparent}
        done = await self.writer.submit(command, request.request_id, call)
        refused = done.all(delivery.DeliveryRefused)
        if refused:
            return pb.DeliverAllowancesResponse(refused=delivery_refused(refused[0]), position=done.position)
        repeated = done.all(delivery.DeliveryRepeated)
        if repeated:
            return pb.DeliverAllowancesResponse(repeated=delivery_repeated(repeated[0]), position=done.position)
        completed = done.only(delivery.DeliveryCompleted)
        return pb.DeliverAllowancesResponse(completed=delivery_completed(completed), position=done.position)
