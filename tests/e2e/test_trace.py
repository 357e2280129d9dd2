"""One trade's way through three processes, Kafka, two kills of each of them and a night: one trace, as documented."""

from pathlib import Path

import pytest

from rehearsal.postgres import Postgres
from support.days.day import DAYS, SERVICES, Player
from support.days.one_trade import make_trade
from support.processes.kafka import Kafka
from support.processes.market import RunningMarket, running_market
from support.processes.telemetry import Spans, Step

pytestmark = pytest.mark.e2e

TRACING = Path(__file__).parents[2] / "docs" / "tracing.md"
SPAN_DELAY_MS = "50"
SPANS_S_MAX = 60.0

LEGS = ("clearing", "ClearingRunLegsListed")

Edges = set[tuple[Step | None, Step]]
Links = set[tuple[Step, Step]]

TRADE_RECORDS = [
    ("registry", "AllowancesDelivered"),
    ("trading", "TradeExecuted"),
    ("trading", "TradeMarkedSettled"),
    ("trading", "AllowancesReleased"),
    ("clearing", "ObligationRecorded"),
    ("clearing", "TradeSettled"),
]


def drawn_in(section: str, *moments: str) -> tuple[Edges, Links]:
    """Who caused whom and who links whom, by the table of a section of docs/tracing.md."""
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in TRACING.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0].splitlines()
        if line.startswith("| ") and "`" in line
    ]
    chosen = [row[1:] for row in rows if row[0] in moments]
    assert {row[0] for row in rows} >= set(moments), f"the table of {section!r} says nothing of {moments}"
    edges: Edges = {(step_of(cause) if cause else None, step_of(step)) for step, cause, _ in chosen}
    links = ((step, linked) for step, _, cell in chosen if cell for linked in cell.split(", "))
    return edges, {(step_of(step), step_of(linked)) for step, linked in links}


def step_of(cell: str) -> Step:
    service, _, name = cell.strip("`").partition(" ")
    return service, name


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
        await are_drawn(market, trades, *drawn_in("A trade", "in session"))
        await kill_all(market)

        await player.close(DAYS[0])
        await player.settled(DAYS[0])
        await are_drawn(market, trades, *drawn_in("A trade", "in session", "at settlement"))
        run = run_of(Spans(market.folder / "spans"))
        await are_drawn(market, [run], *drawn_in("The run of its day", "at settlement"))
        await kill_all(market)

        await player.open(DAYS[1])
        await are_drawn(market, trades, *drawn_in("A trade", "in session", "at settlement", "next morning"))
        for trace_id in trades:
            assert await records_under(market, trace_id) == TRADE_RECORDS
        spans = Spans(market.folder / "spans")
        (legs,) = [span for span in spans.trace(run) if span.step == LEGS]
        assert {trace_id for trace_id, _ in legs.links} == set(trades)
        for trace_id in trades:
            writers = {span.process for span in spans.trace(trace_id) if span.step[0] == "trading"}
            assert len(writers) == 3, "trading was killed twice, and each of its processes went on with the trace"
        await market.audit()


def run_of(spans: Spans) -> str:
    (run,) = {span.trace_id for span in spans.all if span.step == LEGS}
    return run


async def are_drawn(market: RunningMarket, traces: list[str], edges: Edges, links: Links) -> None:
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


async def kill_all(market: RunningMarket) -> None:
    """kill -9 of each service; all come back."""
    before = {service: market.child(service).pid for service in SERVICES}

    async def are_others() -> bool:
        return all(market.child(name).running and market.child(name).pid != pid for name, pid in before.items())

    for service in SERVICES:
        await market.kill(service)
    await market.until(are_others, "each service to be started again")
    await market.ready()


async def records_under(market: RunningMarket, trace_id: str) -> list[tuple[str, str]]:
    """The records of all three logs that carry a trace, by service and type."""
    return [
        (service, record.type.rpartition(".")[2])
        for service in SERVICES
        for record in await market.port.whole_log(service)
        if record.traceparent[3:35] == trace_id
    ]
