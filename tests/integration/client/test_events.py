"""`carbonmarket events`: feeds and logs, read to their end or followed."""

import asyncio
import base64
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.trading.v1 import trading_events_pb2 as events
from chassis.core.feed_chain import FeedHead, as_shown_in_feed, empty_feed, next_head
from chassis.edges.remote import record_to
from chassis.log.seals import Signer
from chassis.serving.log_service import signed_feed_head
from support.client.fake_services import FakeMarket
from support.client.run import ran, run
from support.shell.hearing import KEY, PUBLIC_KEY, MemorySeals, sealed, source_records


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
        assert following.wait(timeout=60) == 0
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
        events_of.wait(timeout=60)
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


def signed_feed(monkeypatch: pytest.MonkeyPatch, count: int, amount: int = 1, position: int = 100) -> Any:
    """Trading's feed of power-0007, signed, with trading's public key pinned."""
    monkeypatch.setenv("CARBONMARKET_TRADING_PUBLIC_KEYS", base64.b64encode(PUBLIC_KEY).decode())
    head, entries = empty_feed("trading", "power-0007"), []
    for record in source_records(count, amount=amount):
        head = next_head("trading", "power-0007", head, record)
        entries.append(
            log.FeedRecord(sequence=head.sequence, record=record_to(as_shown_in_feed(record)), digest=head.digest)
        )

    async def sign(end: FeedHead, position: int) -> log.SignedFeedHead:
        return signed_feed_head(await Signer("trading", KEY, MemorySeals()).seal_feed("power-0007", end, position))

    signed = asyncio.run(sign(head, position))

    def read(request: log.ReadFeedRequest) -> log.ReadFeedResponse:
        return log.ReadFeedResponse(records=entries[request.after_sequence :], signed_head=signed)

    def sign_again(request: log.GetSignedFeedHeadRequest) -> log.GetSignedFeedHeadResponse:
        entry = entries[request.sequence - 1]
        end = FeedHead(entry.sequence, entry.digest)
        return log.GetSignedFeedHeadResponse(head=asyncio.run(sign(end, entry.record.position)))

    return read, sign_again


def test_a_participant_verifies_its_feed_and_goes_on_from_its_bookmark(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bookmark = str(tmp_path / "bookmark.json")
    command = ("events", "--verify", "--service", "trading", "--bookmark", bookmark)
    fake_market.trading.will("ReadFeed", signed_feed(monkeypatch, 3)[0])
    said = ran(fake_market, *command)
    assert "trading, feed of power-0007: entries 1 to 3, each continues the one before" in said
    assert "signed up to 3, as of log position 100 by key" in said
    fake_market.trading.will("ReadFeed", signed_feed(monkeypatch, 5, position=200)[0])
    assert "entries 4 to 5, each continues the one before;\n  signed up to 5" in ran(fake_market, *command)
    assert json.loads(ran(fake_market, *command, "--json"))["after"] == 5
    Path(bookmark).write_text(Path(bookmark).read_text().replace('"sequence": 5', '"sequence": 4'))
    refused = run(fake_market, *command)
    assert refused.exit_code == 2
    assert "the bookmark was changed" in refused.output
    assert "Pin the key that signed it" in refused.output


def test_a_proof_of_a_fork_is_kept_beside_the_bookmark_and_is_checked_without_any_service(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ("events", "--verify", "--service", "trading", "--bookmark", str(tmp_path / "bookmark.json"))
    fake_market.trading.will("ReadFeed", signed_feed(monkeypatch, 3)[0])
    ran(fake_market, *command)
    read, sign_again = signed_feed(monkeypatch, 5, amount=7, position=200)
    fake_market.trading.will("ReadFeed", read)
    fake_market.trading.will("GetSignedFeedHead", sign_again)
    result = run(fake_market, *command)
    assert result.exit_code == 6
    assert "trading signed two histories" in result.output
    proof = tmp_path / "bookmark.json.fork-trading.json"
    assert str(proof) in result.output
    assert "Proved: trading signed both" in ran(fake_market, "forks", "--check", str(proof))
    proof.write_text(proof.read_text().replace('"sequence": 3', '"sequence": 2'))
    assert run(fake_market, "forks", "--check", str(proof)).exit_code == 6
    proof.write_text('{"proofs": []}')
    assert run(fake_market, "forks", "--check", str(proof)).exit_code == 2


def test_the_proofs_that_services_keep_are_shown_and_can_be_checked_from_their_json(
    fake_market: FakeMarket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CARBONMARKET_REGISTRY_PUBLIC_KEYS", base64.b64encode(PUBLIC_KEY).decode())
    one, other = (asyncio.run(sealed(source_records(2, amount=amount), log_id="registry"))[-1] for amount in (1, 7))
    heads = [log.SignedHead(position=2, digest=head.digest, seal=head.seal) for head in (one, other)]
    proof = log.ForkProof(log_id="registry", head=heads[0], other_head=heads[1])
    for fake in (fake_market.registry, fake_market.clearing):
        fake.will("GetForkProofs", log.GetForkProofsResponse())
    fake_market.trading.will("GetForkProofs", log.GetForkProofsResponse(proofs=[proof]))
    assert "trading keeps the proof that registry forked" in ran(fake_market, "forks")
    file = tmp_path / "proofs.json"
    file.write_text(ran(fake_market, "forks", "--json"))
    assert "Proved: registry signed both" in ran(fake_market, "forks", "--check", str(file))
    fake_market.trading.will("GetForkProofs", log.GetForkProofsResponse())
    assert "No service keeps a proof of a fork." in ran(fake_market, "forks")
