"""RegistryService: what is answered to commands that answer with more than a position. The others need no method
(command_service). No rule lives here.
"""

from carbonmarket.registry.v1 import registry_events_pb2 as events
from carbonmarket.registry.v1 import registry_service_pb2 as pb
from chassis.core.codec import codec_of
from chassis.core.engine import Done
from chassis.log.writer import Writer
from chassis.serving.command_service import CommandService
from registry.domain import delivery
from registry.domain.state import Registry
from registry.wire import COMMANDS

COMPLETED = codec_of(delivery.DeliveryCompleted, events.DeliveryCompleted)
REFUSED = codec_of(delivery.DeliveryRefused, events.DeliveryRefused)
REPEATED = codec_of(delivery.DeliveryRepeated, events.DeliveryRepeated)


class RegistryService(CommandService[Registry]):
    """The commands. Roles and refusals are listed at each rpc in registry_service.proto."""

    def __init__(self, writer: Writer[Registry]) -> None:
        super().__init__(writer, COMMANDS)

    def DeliverAllowances(self, done: Done) -> pb.DeliverAllowancesResponse:
        refused = done.all(delivery.DeliveryRefused)
        if refused:
            return pb.DeliverAllowancesResponse(refused=REFUSED.encode(refused[0]), position=done.position)
        repeated = done.all(delivery.DeliveryRepeated)
        if repeated:
            return pb.DeliverAllowancesResponse(repeated=REPEATED.encode(repeated[0]), position=done.position)
        completed = done.only(delivery.DeliveryCompleted)
        return pb.DeliverAllowancesResponse(completed=COMPLETED.encode(completed), position=done.position)
