"""The clearing service: `python -m clearing` serves; `python -m clearing verify` checks its log's digest chain."""

from pathlib import Path

from carbonmarket.clearing.v1 import clearing_query_service_pb2, clearing_service_pb2
from chassis.process.gauges import Figure
from chassis.process.main import run
from chassis.process.service import Parts, Service
from chassis.serving.server import Api
from clearing.api import ClearingService
from clearing.calls import CALLS
from clearing.domain.books import trees
from clearing.domain.decider import DECIDER
from clearing.domain.state import State
from clearing.projections import HANDLERS
from clearing.queries import ClearingQueryService
from clearing.reactions import REACTIONS
from clearing.wire import COMMANDS, WIRE

MS_PER_SECOND = 1_000


def services(parts: Parts[State]) -> Api:
    commands = clearing_service_pb2.DESCRIPTOR.services_by_name["ClearingService"]
    queries = clearing_query_service_pb2.DESCRIPTOR.services_by_name["ClearingQueryService"]
    return [(commands, ClearingService(parts.writer)), (queries, ClearingQueryService(parts.tables, parts.writer))]


def runs_open(state: State, now_ms: int) -> float:
    return len(state.runs.open)


def oldest_run_age_seconds(state: State, now_ms: int) -> float:
    oldest_ms = min((run.opened_ms for run in state.runs.open.values()), default=now_ms)
    return (now_ms - oldest_ms) / MS_PER_SECOND


CLEARING: Service[State] = Service(
    name="clearing",
    decider=DECIDER,
    wire=WIRE,
    commands=COMMANDS,
    reactions=REACTIONS,
    handlers=HANDLERS,
    migrations=Path(__file__).parent / "migrations",
    services=services,
    calls=CALLS,
    calls_to=("registry",),
    gauges={
        "carbonmarket.run.open": Figure("{run}", "Clearing runs that are not completed", runs_open),
        "carbonmarket.run.age.seconds": Figure("s", "Age of the oldest open run", oldest_run_age_seconds),
    },
    commitments=trees,
)


if __name__ == "__main__":
    run(CLEARING)
