"""The trading service: `python -m trading` serves; `python -m trading verify` checks its log's digest chain."""

from pathlib import Path

from carbonmarket.trading.v1 import trading_query_service_pb2, trading_service_pb2
from chassis.process.gauges import Figure
from chassis.process.main import run
from chassis.process.service import Parts, Service
from chassis.serving.server import Api
from trading.answers.commitments import trees
from trading.api import TradingService
from trading.domain.calendar import unfinished
from trading.domain.decider import DECIDER
from trading.domain.state import Market
from trading.projections import HANDLERS
from trading.queries import TradingQueryService
from trading.reactions import REACTIONS
from trading.wire import COMMANDS, WIRE


def services(parts: Parts[Market]) -> Api:
    commands = trading_service_pb2.DESCRIPTOR.services_by_name["TradingService"]
    queries = trading_query_service_pb2.DESCRIPTOR.services_by_name["TradingQueryService"]
    return [(commands, TradingService(parts.writer)), (queries, TradingQueryService(parts.tables, parts.writer))]


def days_unfinished(market: Market, now_ms: int) -> float:
    return len(unfinished(market.calendar))


TRADING: Service[Market] = Service(
    name="trading",
    decider=DECIDER,
    wire=WIRE,
    commands=COMMANDS,
    reactions=REACTIONS,
    handlers=HANDLERS,
    migrations=Path(__file__).parent / "migrations",
    services=services,
    gauges={"carbonmarket.day.unfinished": Figure("{day}", "Closed days not settled and agreed upon", days_unfinished)},
    commitments=trees,
)


if __name__ == "__main__":
    run(TRADING)
