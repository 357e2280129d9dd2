"""The registry service: `python -m registry` serves; `python -m registry verify` checks its log's digest chain."""

from pathlib import Path

from carbonmarket.registry.v1 import registry_query_service_pb2, registry_service_pb2
from chassis.process.main import run
from chassis.process.service import Parts, Service
from chassis.serving.server import Api
from registry.api import RegistryService
from registry.domain.decider import DECIDER
from registry.domain.holdings import custody_now
from registry.domain.state import Registry
from registry.projections import HANDLERS
from registry.queries import RegistryQueryService
from registry.reactions import REACTIONS
from registry.wire import COMMANDS, WIRE


def services(parts: Parts[Registry]) -> Api:
    commands = registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"]
    queries = registry_query_service_pb2.DESCRIPTOR.services_by_name["RegistryQueryService"]
    return [
        (commands, RegistryService(parts.writer)),
        (queries, RegistryQueryService(parts.tables, parts.writer, parts.signer)),
    ]


REGISTRY: Service[Registry] = Service(
    name="registry",
    decider=DECIDER,
    wire=WIRE,
    commands=COMMANDS,
    reactions=REACTIONS,
    handlers=HANDLERS,
    migrations=Path(__file__).parent / "migrations",
    services=services,
    commitments=custody_now,
)


if __name__ == "__main__":
    run(REGISTRY)
