"""`carbonmarket events`: feeds and logs, read to their end or followed."""

import json
import signal
import subprocess
import sys
from typing import Any

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_events_pb2 as events
from support.client.fake_services import FakeMarket
from support.client.run import ran


def feed_of(*positions_and_times: tuple[int, int]) -> Any:
    def read(request: log.ReadFeedRequest) -> log.ReadFeedResponse:
        records = [
            log.FeedRecord(
                sequence=sequence,
                record=log.Record(
                    position=position,
                    type=events.OrderExpired.DESCRIPTOR.full_name,
                    data=events.OrderExpired(order_id=position, quantity_tonnes=1_000).SerializeToString(),
                    recorded_ms=time_ms,
                ),
            )
            for sequence, (position, time_ms) in enumerate(positions_and_times, 1)
        ]
        return log.ReadFeedResponse(records=records[request.after_sequence :])

    return read


def test_a_participants_feeds_of_all_services_come_in_the_order_of_time(fake_market: FakeMarket) -> None:
    fake_market.registry.will("ReadFeed", feed_of((3, 1_000), (9, 5_000)))
    fake_market.trading.will("ReadFeed", feed_of((7, 2_000)))
    fake_market.clearing.will("ReadFeed", feed_of())
    lines = [json.loads(line) for line in ran(fake_market, "events", "--json").splitlines()]
    assert [(line["service"], line["sequence"], line["position"]) for line in lines] == [
        ("registry", 1, 3),
        ("trading", 1, 7),
        ("registry", 2, 9),
    ]
    assert lines[0]["event"]["quantity_tonnes"] == 1_000
    assert "quantity: 1,000 t" in ran(fake_market, "events", "--service", "trading")


def test_following_ends_after_so_many_events(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ReadFeed", feed_of((7, 1_000), (8, 2_000), (9, 3_000)))
    said = ran(fake_market, "events", "--follow", "--service", "trading", "--after", "1", "--limit", "2", "--json")
    assert [json.loads(line)["position"] for line in said.splitlines()] == [8, 9]


def test_who_follows_several_services_sees_first_what_is_there_in_the_order_of_time(fake_market: FakeMarket) -> None:
    fake_market.registry.will("ReadFeed", feed_of((3, 1_000), (9, 5_000)))
    fake_market.trading.will("ReadFeed", feed_of((7, 2_000), (8, 6_000)))
    fake_market.clearing.will("ReadFeed", feed_of((4, 3_000)))
    lines = ran(fake_market, "events", "--follow", "--limit", "5", "--json").splitlines()
    assert [json.loads(line)["recorded_ms"] for line in lines] == [1_000, 2_000, 3_000, 5_000, 6_000]


def test_what_comes_while_one_follows_is_shown_after_what_was_there(fake_market: FakeMarket) -> None:
    there, later = feed_of((7, 2_000)), feed_of((7, 2_000), (8, 1_000))
    fake_market.registry.will("ReadFeed", feed_of((3, 3_000)))
    fake_market.trading.will("ReadFeed", lambda request: (later if request.wait_ms else there)(request))
    fake_market.clearing.will("ReadFeed", feed_of())
    lines = ran(fake_market, "events", "--follow", "--limit", "3", "--json").splitlines()
    assert [json.loads(line)["position"] for line in lines] == [7, 3, 8]


def test_following_goes_on_until_it_is_interrupted(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ReadFeed", feed_of((7, 1_000)))
    command = [sys.executable, "-m", "carbonmarket_client"]
    command += [*fake_market.arguments("events", "--follow", "--service", "trading", "--json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["position"] == 7
        following.send_signal(signal.SIGINT)
        assert following.wait(timeout=20) == 0
        assert following.stderr is not None
        assert following.stderr.read() == ""


def test_a_reader_that_has_seen_enough_may_leave(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ReadFeed", feed_of(*((position, 1_000) for position in range(1, 5_000))))
    command = [sys.executable, "-m", "carbonmarket_client"]
    command += [*fake_market.arguments("events", "--service", "trading", "--json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as events_of:
        assert events_of.stdout is not None
        events_of.stdout.readline()
        events_of.stdout.close()
        events_of.wait(timeout=20)
        assert events_of.stderr is not None
        assert "Traceback" not in events_of.stderr.read()


def test_events_of_one_type_only(fake_market: FakeMarket) -> None:
    fake_market.trading.will("ReadFeed", feed_of((7, 1_000)))
    assert ran(fake_market, "events", "--service", "trading", "--type", "OrderPlaced") == ""
    assert "OrderExpired" in ran(fake_market, "events", "--service", "trading", "--type", "OrderExpired")


def test_an_operator_reads_the_whole_log(fake_market: FakeMarket) -> None:
    fake_market.clearing.will("Read", log.ReadResponse())
    ran(fake_market, "events", "--service", "clearing", actor="auditor:kate")
    assert fake_market.clearing.only_call("Read").request.wait_ms == 0
