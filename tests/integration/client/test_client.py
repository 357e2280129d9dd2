"""The client against services that answer what a test tells them to."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import grpc
import pytest
from opentelemetry import trace

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.log.v1 import refusal_pb2
from carbonmarket.trading.v1 import trading_events_pb2 as events
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as types
from carbonmarket_client import (
    Busy,
    CarbonMarket,
    Failed,
    FeedBroken,
    Malformed,
    MarketError,
    NotConfigured,
    NotFound,
    NotPermitted,
    Record,
    Refused,
    RequestIdReused,
    Unavailable,
    UnknownEvent,
    link,
    new_trace,
    pages,
)
from support.client.fake_services import FakeMarket, Says

AWAY = Says(grpc.StatusCode.UNAVAILABLE)


async def place(market: CarbonMarket, request_id: str = "") -> trading.PlaceOrderResponse:
    return await market.trading.place_order(
        "power-0007", "CEA", "sell", price_fen=5123, quantity_tonnes=1_000, request_id=request_id
    )


async def test_a_command_says_who_asks_for_what(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12, position=40))
    async with fake_market.connect() as market:
        answer = await place(market)
    call = fake_market.trading.only_call("PlaceOrder")
    assert answer.order_id == 12
    assert call.metadata["carbonmarket-actor"] == "participant:power-0007"
    assert call.request.side == types.SIDE_SELL
    assert call.request.price_fen == 5123
    assert call.request.quantity_tonnes == 1_000


async def test_a_command_without_a_method_is_given_by_its_request(fake_market: FakeMarket) -> None:
    fake_market.trading.will("CancelOrder", trading.CancelOrderResponse(quantity_tonnes=7, position=41))
    async with fake_market.connect() as market:
        answer = await market.trading.call(trading.CancelOrderRequest(order_id=12))
    assert answer == trading.CancelOrderResponse(quantity_tonnes=7, position=41)
    assert fake_market.trading.only_call("CancelOrder").request.request_id


async def test_a_command_tried_again_keeps_its_request_id(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", AWAY, AWAY, trading.PlaceOrderResponse(order_id=12))
    async with fake_market.connect() as market:
        assert (await place(market)).order_id == 12
    ids = [call.request.request_id for call in fake_market.trading.calls]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert ids[0]


async def test_two_commands_have_two_request_ids(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12))
    async with fake_market.connect() as market:
        await place(market)
        await place(market)
        await place(market, request_id="mine")
    ids = [call.request.request_id for call in fake_market.trading.calls]
    assert len(set(ids)) == 3
    assert ids[2] == "mine"


async def test_tries_are_bounded_and_the_error_names_the_request_id(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSE_S_MAX", 0.001)
    fake_market.trading.will("PlaceOrder", AWAY)
    async with fake_market.connect() as market:
        with pytest.raises(Unavailable) as gone:
            await place(market, request_id="order-118")
    assert len(fake_market.trading.calls) == link.TRIES_MAX
    assert gone.value.request_id == "order-118"


async def test_a_call_ends_at_its_deadline(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", AWAY)
    async with fake_market.connect(deadline_s=0.2) as market:
        with pytest.raises(Unavailable):
            await place(market)
    assert len(fake_market.trading.calls) < link.TRIES_MAX


REFUSALS = [
    (grpc.StatusCode.FAILED_PRECONDITION, Refused),
    (grpc.StatusCode.INVALID_ARGUMENT, Malformed),
    (grpc.StatusCode.NOT_FOUND, NotFound),
    (grpc.StatusCode.PERMISSION_DENIED, NotPermitted),
    (grpc.StatusCode.UNAUTHENTICATED, NotPermitted),
    (grpc.StatusCode.ALREADY_EXISTS, RequestIdReused),
]


@pytest.mark.parametrize(("code", "kind"), REFUSALS)
async def test_a_refusal_carries_its_reason_facts_and_mend(
    fake_market: FakeMarket, code: grpc.StatusCode, kind: type[Refused]
) -> None:
    fake_market.trading.will("PlaceOrder", Says(code, "PRICE_OUTSIDE_DAILY_LIMIT", price_fen=6000, high_fen=5635))
    async with fake_market.connect() as market:
        with pytest.raises(Refused) as refused:
            await place(market)
    assert type(refused.value) is kind
    assert refused.value.reason == "PRICE_OUTSIDE_DAILY_LIMIT"
    assert refused.value.facts == {"price_fen": "6000", "high_fen": "5635"}
    assert "between the day's limits" in refused.value.fix
    assert len(fake_market.trading.calls) == 1, "a refusal is not tried again"


@pytest.mark.parametrize(
    ("code", "kind"), [(grpc.StatusCode.INTERNAL, Failed), (grpc.StatusCode.RESOURCE_EXHAUSTED, Busy)]
)
async def test_what_is_no_refusal_is_told_apart(
    fake_market: FakeMarket, code: grpc.StatusCode, kind: type[MarketError]
) -> None:
    fake_market.trading.will("PlaceOrder", Says(code))
    async with fake_market.connect() as market:
        with pytest.raises(kind):
            await place(market)


async def test_a_status_without_details_is_still_a_refusal(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", Says(grpc.StatusCode.FAILED_PRECONDITION))
    async with fake_market.connect() as market:
        with pytest.raises(Refused) as refused:
            await place(market)
    assert refused.value.facts == {"detail": "as the test wanted"}


async def test_who_wrote_reads_what_it_wrote(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12, position=40))
    fake_market.trading.will("GetOrder", query.GetOrderResponse())
    async with fake_market.connect() as market:
        await market.trading.get_order(12)
        await place(market)
        await market.trading.get_order(12)
        await market.trading.get_order(12, min_position=7)
    asked = [call.request.min_position for call in fake_market.trading.calls if call.rpc == "GetOrder"]
    assert asked == [0, 40, 7]


async def test_a_list_is_read_page_by_page(fake_market: FakeMarket) -> None:
    fake_market.clearing.will(
        "ListPayouts",
        clearing.ListPayoutsResponse(payouts=[clearing.Payout(payout_id=1)], next_page_token="second"),
        clearing.ListPayoutsResponse(payouts=[clearing.Payout(payout_id=2)]),
    )
    async with fake_market.connect() as market:
        read = pages(lambda token: market.clearing.list_payouts(page_token=token))
        assert [payout.payout_id async for page in read for payout in page.payouts] == [1, 2]
    assert [call.request.page_token for call in fake_market.clearing.calls] == ["", "second"]


async def test_a_trace_begun_by_the_caller_goes_with_every_call(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12))
    async with fake_market.connect() as market:
        with new_trace() as trace_id:
            await place(market)
            await place(market)
        await place(market)
    headers = [call.metadata.get("traceparent", "") for call in fake_market.trading.calls]
    assert [header.split("-")[1] for header in headers[:2]] == [trace_id, trace_id]
    assert headers[2] == ""


async def test_a_span_that_is_current_in_the_program_is_continued(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12))
    span = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=trace.TraceFlags(1)))
    async with fake_market.connect(begin_traces=True) as market:
        with trace.use_span(span):
            await place(market)
    header = fake_market.trading.only_call("PlaceOrder").metadata["traceparent"]
    assert header == f"00-{0xABC:032x}-{0xDEF:016x}-01"


async def test_every_command_begins_a_trace_when_asked_to(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12))
    fake_market.trading.will("GetOrder", query.GetOrderResponse())
    async with fake_market.connect(begin_traces=True) as market:
        await place(market)
        await place(market)
        await market.trading.get_order(12)
    headers = [call.metadata.get("traceparent", "") for call in fake_market.trading.calls]
    assert len({header.split("-")[1] for header in headers[:2]}) == 2
    assert headers[2] == ""


async def test_another_actor_uses_the_same_channels(fake_market: FakeMarket) -> None:
    fake_market.trading.will("PlaceOrder", trading.PlaceOrderResponse(order_id=12))
    async with fake_market.connect() as market:
        other = market.acting_as("participant:steel-0002")
        await place(market)
        await place(other)
        assert other.trading.link.shared is market.trading.link.shared
    actors = [call.metadata["carbonmarket-actor"] for call in fake_market.trading.calls]
    assert actors == ["participant:power-0007", "participant:steel-0002"]


async def test_a_service_nobody_told_of_is_missed_only_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REGISTRY_ADDRESS", "TRADING_ADDRESS", "CLEARING_ADDRESS", "ACTOR"):
        monkeypatch.delenv(f"CARBONMARKET_{name}", raising=False)
    async with CarbonMarket.connect(registry="127.0.0.1:1", actor="auditor:kate") as market:
        assert market.registry.link.service == "registry"
        with pytest.raises(NotConfigured, match="CARBONMARKET_TRADING_ADDRESS"):
            _ = market.trading


@pytest.mark.parametrize("actor", ["kate", "auditor:", ":kate"])
async def test_an_actor_without_role_or_name_is_told_how_to_write_it(fake_market: FakeMarket, actor: str) -> None:
    async with fake_market.connect(actor) as market:
        with pytest.raises(NotConfigured, match=f"'{actor}' is not an actor: write ROLE:NAME"):
            await market.trading.get_day()


# Feeds


def record(position: int, event: events.OrderExpired | None = None, type_name: str = "") -> log.Record:
    event = event or events.OrderExpired(order_id=position)
    return log.Record(position=position, type=type_name or event.DESCRIPTOR.full_name, data=event.SerializeToString())


async def read_log(market: CarbonMarket, after: int = 0) -> list[Record]:
    return [record async for record in market.trading.follow_log(after, wait=False)]


async def test_a_log_is_read_from_where_the_reader_stood(fake_market: FakeMarket) -> None:
    records = {after: [record(after + 1)] if after < 7 else [] for after in range(10)}
    fake_market.trading.will("Read", lambda request: log.ReadResponse(records=records[request.after_position]))
    async with fake_market.connect("auditor:kate") as market:
        read = await read_log(market, after=4)
    assert [entry.position for entry in read] == [5, 6, 7]
    assert isinstance(read[0].event, events.OrderExpired)
    assert read[0].event.order_id == 5


async def test_a_feed_goes_on_after_a_broken_connection_without_repeating(fake_market: FakeMarket) -> None:
    def page(after: int) -> log.ReadFeedResponse:
        return log.ReadFeedResponse(records=[log.FeedRecord(sequence=after + 1, record=record(100 + after))])

    fake_market.trading.will(
        "ReadFeed", lambda request: page(0), AWAY, AWAY, lambda request: page(request.after_sequence)
    )
    async with fake_market.connect() as market:
        feed = market.trading.follow_feed("power-0007")
        seen = [(await anext(feed)).sequence for _ in range(4)]
    assert seen == [1, 2, 3, 4]


async def test_who_follows_is_told_when_a_service_is_away_and_when_it_is_back(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link, "TRIES_MAX", 1)
    entry = log.FeedRecord(sequence=1, record=record(100))
    fake_market.trading.will("ReadFeed", AWAY, AWAY, log.ReadFeedResponse(records=[entry]))
    async with fake_market.connect() as market, aclosing(market.trading.follow_feed("power-0007")) as feed:
        await anext(feed)
    assert [message.getMessage() for message in caplog.records] == [
        f"trading gave no answer: there is no connection to {fake_market.trading.address}; waiting for it",
        "trading answers again",
    ]


async def test_a_number_left_out_of_a_log_is_not_passed_over(fake_market: FakeMarket) -> None:
    fake_market.trading.will("Read", log.ReadResponse(records=[record(1), record(3)]))
    async with fake_market.connect("auditor:kate") as market:
        with pytest.raises(FeedBroken) as broken:
            await read_log(market)
    assert (broken.value.expected, broken.value.came) == (2, 3)


async def test_an_event_this_release_does_not_know_stops_the_reader(fake_market: FakeMarket) -> None:
    fake_market.trading.will("Read", log.ReadResponse(records=[record(1, type_name="carbonmarket.trading.v1.Newer")]))
    async with fake_market.connect("auditor:kate") as market:
        with pytest.raises(UnknownEvent, match="Newer"):
            await read_log(market)


async def test_market_data_is_taken_up_again_after_a_break(fake_market: FakeMarket) -> None:
    def breaks(_request: object) -> Iterator[query.StreamMarketDataResponse]:
        yield query.StreamMarketDataResponse(position=1)
        raise AWAY

    def goes_on(_request: object) -> Iterator[query.StreamMarketDataResponse]:
        yield query.StreamMarketDataResponse(position=2)

    fake_market.trading.will("StreamMarketData", breaks, goes_on)
    async with fake_market.connect() as market:
        pictures = [picture.position async for picture in market.trading.stream_market_data("CEA")]
    assert pictures == [1, 2]


# Bulk entry


def cancels(count: int) -> list[trading.CancelOrderRequest]:
    return [trading.CancelOrderRequest(order_id=number) for number in range(1, count + 1)]


def decide_each(request: trading.SubmitManyRequest) -> trading.SubmitManyResponse:
    """Refuse every order whose number ends in 5, cancel the others."""
    outcomes = []
    for command in request.commands:
        number = command.cancel_order.order_id
        if number % 10 == 5:
            refusal = refusal_pb2.Refusal(
                code=grpc.StatusCode.NOT_FOUND.value[0], reason="ORDER_UNKNOWN", facts={"order_id": str(number)}
            )
            outcomes.append(trading.ManyOutcome(refusal=refusal))
        else:
            done = trading.CancelOrderResponse(quantity_tonnes=number)
            outcomes.append(trading.ManyOutcome(cancel_order=done))
    return trading.SubmitManyResponse(outcomes=outcomes)


def check_outcomes(outcomes: list[tuple[int, int | None, str]], count: int) -> None:
    expected = [(n, None, "ORDER_UNKNOWN") if n % 10 == 5 else (n, n, "") for n in range(1, count + 1)]
    assert outcomes == expected


async def send(market: CarbonMarket, count: int) -> list[tuple[int, int | None, str]]:
    outcomes: list[tuple[int, int | None, str]] = []
    async for outcome in market.trading.submit_many(cancels(count)):
        assert isinstance(outcome.command, trading.CancelOrderRequest)
        if outcome.refusal is None:
            assert isinstance(outcome.answer, trading.CancelOrderResponse)
            outcomes.append((outcome.command.order_id, outcome.answer.quantity_tonnes, ""))
        else:
            assert isinstance(outcome.refusal, NotFound)
            outcomes.append((outcome.command.order_id, None, outcome.refusal.reason))
    return outcomes


async def test_many_commands_come_back_each_with_its_own_outcome_in_order(fake_market: FakeMarket) -> None:
    fake_market.trading.will("SubmitMany", decide_each)
    async with fake_market.connect() as market:
        check_outcomes(await send(market, 1_234), 1_234)
    sizes = [len(call.request.commands) for call in fake_market.trading.calls]
    assert sizes == [500, 500, 234]


async def test_what_had_no_outcome_is_sent_again_under_its_request_id(fake_market: FakeMarket) -> None:
    fake_market.trading.will("SubmitMany", decide_each, AWAY, decide_each)
    async with fake_market.connect() as market:
        check_outcomes(await send(market, 2_600), 2_600)
    ids: dict[int, set[str]] = {}
    for call in fake_market.trading.calls:
        for command in call.request.commands:
            ids.setdefault(command.cancel_order.order_id, set()).add(command.cancel_order.request_id)
    assert all(len(known) == 1 for known in ids.values())
    assert len(fake_market.trading.calls) > 6, "something was sent twice"


async def test_a_stream_that_is_refused_as_a_whole_raises(fake_market: FakeMarket) -> None:
    fake_market.trading.will("SubmitMany", Says(grpc.StatusCode.UNAUTHENTICATED, "ACTOR_MISSING"))
    async with fake_market.connect() as market:
        with pytest.raises(NotPermitted):
            await send(market, 3)


async def test_no_commands_have_no_outcomes(fake_market: FakeMarket) -> None:
    fake_market.trading.will("SubmitMany", decide_each)
    async with fake_market.connect() as market:
        assert await asyncio.wait_for(send(market, 0), 60) == []
