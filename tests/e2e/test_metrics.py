"""What operators see: every metric of docs/telemetry.yaml arrives at a collector, and tells a run that waits."""

from pathlib import Path

import pytest
import yaml

from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as types
from chassis.say.tracing import is_sampled
from rehearsal.collector import Collector, collector
from rehearsal.postgres import Postgres
from support.days.calls import Refused
from support.days.day import ACCOUNTS, DAYS, SERVICES, Player, at_ms
from support.days.one_trade import make_trade
from support.processes.kafka import Kafka
from support.processes.market import RunningMarket, running_market
from support.processes.telemetry import log_lines

pytestmark = pytest.mark.e2e

REGISTRY_FILE = Path(__file__).parents[2] / "docs" / "telemetry.yaml"
EXPORT_INTERVAL_MS = 200
HOUR_S = 3_600
HEARS = (("registry", "trading"), ("trading", "registry"), ("trading", "clearing"), ("clearing", "trading"))
RUNS_OPEN, RUN_AGE = "carbonmarket.run.open", "carbonmarket.run.age.seconds"
COMMANDS, UNANSWERED = "carbonmarket.command.duration", "carbonmarket.orders.unanswered"
LAG_RECORDS, LAG_SECONDS = "carbonmarket.hearing.lag.records", "carbonmarket.hearing.lag.seconds"
HALTED, FOLLOWER_LAG = "carbonmarket.hearing.halted", "carbonmarket.follower.lag.records"
AWAY_S = 3.0
"""Well above the second that a source in step shows."""


async def test_every_metric_of_the_registry_arrives_and_tells_a_run_that_waits(
    postgres: Postgres, kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with collector(EXPORT_INTERVAL_MS) as seen:
        for name, value in seen.environment.items():
            monkeypatch.setenv(name, value)
        async with running_market(postgres, kafka.address, tmp_path) as market:
            player = Player(market.port, seed=1)
            await player.set_up()
            await player.open(DAYS[0])
            await player.clocks(DAYS[0], 9, 30)
            await make_trade(player)
            await be_refused(player)
            await market.stop_service("registry")
            for service in ("clearing", "trading"):
                await market.port.move_clock(service, at_ms(DAYS[0], 15))
            await seen.until(lambda: seen.newest("clearing", RUNS_OPEN) == 1)
            await market.port.move_clock("clearing", at_ms(DAYS[0], 16))
            await tells_the_run_that_waits(seen)
            says_what_waits_and_what_was_refused(market)
            await market.start(["registry"])
            await player.clocks(DAYS[0], 16)
            await player.settled(DAYS[0])
            await tells_that_all_is_done(seen)
            await market.audit()
        arrived_as_listed(seen)
        assert ("trading", "TradeExecuted") in seen.spans
        assert not (market.folder / "spans").exists(), "spans go to the collector or to files, not to both"


async def be_refused(player: Player) -> None:
    order = trading.PlaceOrderRequest(account=ACCOUNTS[0], instrument="CEA", side=types.SIDE_BUY, quantity_tonnes=1)
    order.price_fen = 1
    with pytest.raises(Refused, match="PRICE_OUTSIDE_DAILY_LIMIT"):
        await player.ask(f"participant:{ACCOUNTS[0]}", order)


async def tells_the_run_that_waits(seen: Collector) -> None:
    """The registry is away: clearing's order has no answer, the run ages by the market's clock, trading lags."""
    await seen.until(lambda: seen.newest("clearing", RUN_AGE) == HOUR_S)
    await seen.until(lambda: seen.newest("clearing", UNANSWERED) == 1)
    await seen.until(lambda: seen.newest("trading", LAG_SECONDS, source="registry") > AWAY_S)


def says_what_waits_and_what_was_refused(market: RunningMarket) -> None:
    waits = [line for line in log_lines(market.folder / "clearing.log") if "DeliveryOrdered" in line["message"]]
    assert waits and all(line["position"] > 0 and is_sampled(line["traceparent"]) for line in waits)
    refused = [line for line in log_lines(market.folder / "trading.log") if "reason" in line]
    told = [(line["rpc"], line["actor"], line["reason"], is_sampled(line["traceparent"])) for line in refused]
    assert ("TradingService/PlaceOrder", f"participant:{ACCOUNTS[0]}", "PRICE_OUTSIDE_DAILY_LIMIT", True) in told


async def tells_that_all_is_done(seen: Collector) -> None:
    await seen.until(lambda: seen.newest("clearing", RUNS_OPEN) == 0 and seen.newest("clearing", RUN_AGE) == 0)
    await seen.until(lambda: seen.newest("clearing", UNANSWERED) == 0)
    await seen.until(lambda: all(in_step(seen, service, source) for service, source in HEARS))
    await seen.until(lambda: all(followed(seen, service) for service in SERVICES))
    assert seen.newest("trading", COMMANDS, rpc="TradingService/TakeListing", outcome="OK") == 1
    refused = {"rpc": "TradingService/PlaceOrder", "outcome": "PRICE_OUTSIDE_DAILY_LIMIT"}
    assert seen.newest("trading", COMMANDS, **refused) == 1


def in_step(seen: Collector, service: str, source: str) -> bool:
    return (
        seen.newest(service, LAG_RECORDS, source=source) == 0
        and seen.newest(service, LAG_SECONDS, source=source) < AWAY_S
        and seen.newest(service, HALTED, source=source) == 0
    )


def followed(seen: Collector, service: str) -> bool:
    return all(seen.newest(service, FOLLOWER_LAG, follower=one) == 0 for one in ("publisher", "projections"))


def arrived_as_listed(seen: Collector) -> None:
    """Name, kind, unit and labels of all that came are those of the file, and nothing of the file is missing."""
    listed = yaml.safe_load(REGISTRY_FILE.read_text())["metrics"]
    assert set(seen.points) == set(listed)
    for name, points in seen.points.items():
        for point in points:
            assert (point.kind, point.unit) == (listed[name]["kind"], listed[name]["unit"]), name
            assert set(point.labels) == set(listed[name].get("labels", [])), name
            if point.unit == "s" and point.kind == "histogram":
                assert point.bounds[0] < 0.001, f"{name} is in seconds, and most answers take milliseconds"
