"""One trade's way through three processes, Kafka, a kill of each of them at every step, and a night: one trace."""

from pathlib import Path

import pytest

from rehearsal.postgres import Postgres
from support.day import DAYS, SERVICES, Player
from support.kafka import Kafka
from support.market import Market, running_market
from support.one_trade import make_trade
from support.telemetry import Spans, Step

pytestmark = pytest.mark.e2e

SPAN_DELAY_MS = "50"
SPANS_S_MAX = 15.0

TAKE, TRADED = ("trading", "TradingService/TakeListing"), ("trading", "TradeExecuted")
RECORDED = ("clearing", "hear TradeExecuted")
DELIVERED = ("registry", "AllowancesDelivered")
SETTLED, KNOWN_SETTLED = ("clearing", "TradeSettled"), ("trading", "hear TradeSettled")
RELEASED = ("trading", "AllowancesReleased")
PLACE, OPEN = ("trading", "TradingService/PlaceOrder"), ("trading", "TradingService/OpenDay")

CLOSE, OPEN_RUN = ("trading", "timer CloseDay"), ("clearing", "hear TradingDayClosed")
LEGS = ("clearing", "ClearingRunLegsListed")
ORDER_CONFIRMATION, CONFIRM = (
    ("clearing", "order ConfirmationOrdered"),
    ("trading", "TradingService/ConfirmClearingRun"),
)
ORDER_DELIVERY, DELIVER = ("clearing", "order DeliveryOrdered"), ("registry", "RegistryService/DeliverAllowances")
DAY_DONE = ("trading", "hear SettlementDayCompleted")
ORDER_BOOKS = ("clearing", "order ReconciliationOrdered")
STATE_POSITIONS = ("trading", "TradingQueryService/StatePositions")
LIST_HOLDINGS = ("registry", "RegistryQueryService/ListTradingHoldings")
BOOKS_AGREE = ("trading", "hear BooksReconciled")

Edges = set[tuple[Step | None, Step]]

# Who caused whom in the trade's own trace, and which steps of other traces it links, by the time of day.
IN_SESSION: Edges = {(None, TAKE), (TAKE, TRADED), (TRADED, RECORDED)}
SESSION_LINKS = {(TRADED, PLACE)}
AT_SETTLEMENT: Edges = {(RECORDED, DELIVERED), (RECORDED, SETTLED), (SETTLED, KNOWN_SETTLED)}
SETTLEMENT_LINKS = {(DELIVERED, DELIVER), (SETTLED, ORDER_DELIVERY)}
NEXT_MORNING: Edges = {(KNOWN_SETTLED, RELEASED)}
MORNING_LINKS = {(RELEASED, OPEN)}

# The run's trace, begun by trading's timer. It links every trade it lists.
RUN_EDGES: Edges = {
    (None, CLOSE),
    (CLOSE, OPEN_RUN),
    (OPEN_RUN, LEGS),
    (OPEN_RUN, ORDER_CONFIRMATION),
    (ORDER_CONFIRMATION, CONFIRM),
    (ORDER_CONFIRMATION, ORDER_DELIVERY),
    (ORDER_DELIVERY, DELIVER),
    (ORDER_DELIVERY, DAY_DONE),
    (ORDER_DELIVERY, ORDER_BOOKS),
    (ORDER_BOOKS, STATE_POSITIONS),
    (ORDER_BOOKS, LIST_HOLDINGS),
    (ORDER_BOOKS, BOOKS_AGREE),
}
RUN_LINKS = {(LEGS, RECORDED)}

TRADE_RECORDS = [
    ("registry", "AllowancesDelivered"),
    ("trading", "TradeExecuted"),
    ("trading", "TradeMarkedSettled"),
    ("trading", "AllowancesReleased"),
    ("clearing", "ObligationRecorded"),
    ("clearing", "TradeSettled"),
]


async def test_a_trades_trace_goes_on_in_every_service_after_every_kill_and_links_its_run_both_ways(
    postgres: Postgres, kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", SPAN_DELAY_MS)
    async with running_market(postgres, kafka.address, tmp_path) as market:
        player = Player(market.port, seed=1)
        await player.set_up()
        await player.open(DAYS[0])
        await player.clocks(DAYS[0], 9, 30)
        trades = [(await make_trade(player)).trace_id for _ in range(2)]
        await are_drawn(market, trades, IN_SESSION, SESSION_LINKS)
        await kill_all(market)

        await player.close(DAYS[0])
        await player.settled(DAYS[0])
        await are_drawn(market, trades, IN_SESSION | AT_SETTLEMENT, SESSION_LINKS | SETTLEMENT_LINKS)
        run = run_of(Spans(market.folder / "spans"))
        await are_drawn(market, [run], RUN_EDGES, RUN_LINKS)
        await kill_all(market)

        await player.open(DAYS[1])
        links = SESSION_LINKS | SETTLEMENT_LINKS | MORNING_LINKS
        await are_drawn(market, trades, IN_SESSION | AT_SETTLEMENT | NEXT_MORNING, links)
        for trace_id in trades:
            assert await records_under(market, trace_id) == TRADE_RECORDS
        spans = Spans(market.folder / "spans")
        (legs,) = [span for span in spans.trace(run) if span.step == LEGS]
        assert {trace_id for trace_id, _ in legs.links} == set(trades)
        for trace_id in trades:
            writers = {span.process for span in spans.trace(trace_id) if span.step[0] == "trading"}
            assert len(writers) == 3, "trading was killed twice, and each of its processes went on with the trace"


def run_of(spans: Spans) -> str:
    (run,) = {span.trace_id for span in spans.all if span.step == LEGS}
    return run


async def are_drawn(market: Market, traces: list[str], edges: Edges, links: set[tuple[Step, Step]]) -> None:
    """Returns when the files draw these traces so, and not otherwise. What was not written when a process is killed
    is lost, so this is waited for before a kill.
    """

    async def drawn() -> bool:
        spans = Spans(market.folder / "spans")
        return all(spans.edges(trace_id) == edges and spans.links(trace_id) == links for trace_id in traces)

    try:
        await market.until(drawn, "the spans to be written", SPANS_S_MAX)
    except AssertionError:
        spans = Spans(market.folder / "spans")
        for trace_id in traces:
            assert spans.edges(trace_id) == edges
            assert spans.links(trace_id) == links
        raise


async def kill_all(market: Market) -> None:
    """kill -9 of each service; all come back."""
    before = {service: market.child(service).pid for service in SERVICES}

    async def are_others() -> bool:
        return all(market.child(name).running and market.child(name).pid != pid for name, pid in before.items())

    for service in SERVICES:
        await market.kill(service)
    await market.until(are_others, "each service to be started again")
    await market.ready()


async def records_under(market: Market, trace_id: str) -> list[tuple[str, str]]:
    """The records of all three logs that carry a trace, by service and type."""
    return [
        (service, record.type.rpartition(".")[2])
        for service in SERVICES
        for record in await market.port.whole_log(service)
        if record.traceparent[3:35] == trace_id
    ]
