"""The auditor finds what is wrong: an honest market, forged in one place at a time, and the rule that is named."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import grpc.aio
import pytest
from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from carbonmarket.clearing.v1 import clearing_types_pb2 as clearing_types
from carbonmarket.log.v1 import log_events_pb2 as log_events
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.log.v1.log_service_pb2 import Record
from carbonmarket.registry.v1 import registry_events_pb2 as registry
from carbonmarket.trading.v1 import trading_events_pb2 as trading
from chassis.core.feed_chain import FeedHead, empty_feed, next_head
from chassis.core.shell import SHELL_KINDS
from chassis.edges.remote import record_from
from support.auditor.answers import Answers
from support.auditor.audit import Audit
from support.auditor.chain import ABOUT, LogReader, digest_of
from support.auditor.compared import Compared
from support.auditor.findings import Findings
from support.days.day import DAYS
from support.simulation.loop import run_virtually
from support.simulation.market import SERVICES
from support.simulation.run import Played, audit_of, play_days, simulate
from support.simulation.weather import Weather

Logs = dict[str, list[Record]]
SEED = 4


@cache
def honest_market() -> Played:
    """Two days without any fault."""
    return simulate(SEED, lambda market, player: play_days(player, DAYS[:2]), Weather(), actions=120)


def honest_logs() -> Logs:
    logs = honest_market().logs
    return {name: [Record.FromString(each.SerializeToString()) for each in records] for name, records in logs.items()}


def audited(logs: Logs) -> Audit:
    return run_virtually(audit_of(logs))


def written_again(logs: Logs) -> Logs:
    """Positions and digests as the forger would have made them."""
    for log_id, records in logs.items():
        digest = hashlib.sha256(f"carbonmarket log {log_id}".encode()).digest()
        for position, record in enumerate(records, start=1):
            record.position = position
            digest = digest_of(digest, record)
            record.digest = digest
    return logs


def places(logs: Logs, log_id: str, kind: type[Message]) -> list[int]:
    return [at for at, record in enumerate(logs[log_id]) if record.type == kind.DESCRIPTOR.full_name]


def change(log_id: str, kind: type[Message], field: str, by: int, which: int = -1) -> Callable[[Logs], None]:
    def forge(logs: Logs) -> None:
        record = logs[log_id][places(logs, log_id, kind)[which]]
        event = kind.FromString(record.data)
        setattr(event, field, getattr(event, field) + by)
        record.data = event.SerializeToString()

    return forge


def remove(log_id: str, kind: type[Message], which: int = -1) -> Callable[[Logs], None]:
    def forge(logs: Logs) -> None:
        del logs[log_id][places(logs, log_id, kind)[which]]

    return forge


def double(log_id: str, kind: type[Message], which: int = 0) -> Callable[[Logs], None]:
    def forge(logs: Logs) -> None:
        at = places(logs, log_id, kind)[which]
        again = Record.FromString(logs[log_id][at].SerializeToString())
        logs[log_id].insert(at + 1, again)

    return forge


def trade_with_oneself(logs: Logs) -> None:
    record = logs["trading"][places(logs, "trading", trading.TradeExecuted)[0]]
    event = trading.TradeExecuted.FromString(record.data)
    event.seller = event.buyer
    record.data = event.SerializeToString()


def release_on_the_same_day(logs: Logs) -> None:
    at = places(logs, "trading", trading.TradeExecuted)[0]
    trade = trading.TradeExecuted.FromString(logs["trading"][at].data)
    released = trading.AllowancesReleased(
        trade_id=trade.trade_id, account=trade.buyer, instrument=trade.instrument, quantity_tonnes=trade.quantity_tonnes
    )
    record = Record.FromString(logs["trading"][at].SerializeToString())
    record.type, record.data = released.DESCRIPTOR.full_name, released.SerializeToString()
    logs["trading"].insert(at + 2, record)


def release_once_settled(logs: Logs) -> None:
    """The trade is settled, but its day is not over."""
    at = places(logs, "trading", trading.TradeMarkedSettled)[0]
    trade_id = trading.TradeMarkedSettled.FromString(logs["trading"][at].data).trade_id
    released = trading.AllowancesReleased(trade_id=trade_id)
    record = Record(type=released.DESCRIPTOR.full_name, data=released.SerializeToString())
    record.recorded_ms = logs["trading"][at].recorded_ms
    logs["trading"].insert(at + 1, record)


def deliver_a_leg_twice(logs: Logs) -> None:
    change_staged(logs, lambda page: page.legs.append(page.legs[-1]))


def deliver_a_tonne_more(logs: Logs) -> None:
    def add(page: registry.DeliveryLegsStaged) -> None:
        page.legs[0].quantity_tonnes += 1

    change_staged(logs, add)


def change_staged(logs: Logs, change: Callable[[registry.DeliveryLegsStaged], object]) -> None:
    record = logs["registry"][places(logs, "registry", registry.DeliveryLegsStaged)[0]]
    page = registry.DeliveryLegsStaged.FromString(record.data)
    change(page)
    record.data = page.SerializeToString()


def deposit_in_flight(logs: Logs) -> None:
    """The comparison names a deposit that clearing had not booked by then."""
    record = logs["clearing"][places(logs, "clearing", clearing.BooksReconciled)[-1]]
    event = clearing.BooksReconciled.FromString(record.data)
    event.in_flight.add(kind=clearing_types.IN_FLIGHT_KIND_FUND_ENTRIES, account="nobody", amount_fen=1)
    event.in_flight_count += 1
    record.data = event.SerializeToString()


def forge_root(field: str) -> Callable[[Logs], None]:
    """The last reconciliation states another root of what is in custody."""

    def forge(logs: Logs) -> None:
        place = places(logs, "clearing", clearing.BooksReconciled)[-1]
        event = clearing.BooksReconciled.FromString(logs["clearing"][place].data)
        setattr(event.trees[0], field, "0" * 64)
        logs["clearing"][place].data = event.SerializeToString()

    return forge


def another_actor(logs: Logs) -> None:
    logs["registry"][places(logs, "registry", registry.TransferredToTrading)[0]].account = "somebody-else"


FORGERIES: tuple[tuple[str, Callable[[Logs], None]], ...] = (
    ("no holding is negative", change("registry", registry.AllowancesAllocated, "quantity_tonnes", 10**9)),
    ("only its holder moves a holding", another_actor),
    ("every transfer is credited once", double("trading", trading.AllowancesCredited)),
    ("every transfer is credited once", remove("trading", trading.AllowancesCredited)),
    ("every fund entry is heard once", change("trading", trading.FundsCredited, "amount_fen", 1)),
    ("a trade is settled as it was made", change("clearing", clearing.TradeSettled, "value_fen", 1)),
    ("a trade is settled once, when delivered", double("clearing", clearing.TradeSettled)),
    ("delivered if and only if paid", remove("clearing", clearing.TradeSettled)),
    ("each trade is delivered once", deliver_a_leg_twice),
    ("a delivery is whole", remove("registry", registry.DeliveryLegsStaged)),
    ("delivered if and only if paid", deliver_a_tonne_more),
    ("a leg is reported once, after its delivery", double("registry", registry.AllowancesDelivered)),
    ("every delivered leg is reported", remove("registry", registry.AllowancesDelivered, -1)),
    ("a leg is reported as it was delivered", change("registry", registry.AllowancesDelivered, "quantity_tonnes", 1)),
    ("an order carries what is ordered", change("clearing", clearing.DeliveryOrdered, "legs", 1)),
    ("cash legs add up", change("clearing", clearing.CashLegsReplayed, "last_trade_id", -1)),
    ("every trade becomes one obligation", remove("clearing", clearing.ObligationRecorded)),
    ("the completeness barrier holds", change("clearing", clearing.ClearingRunOpened, "trades", 1)),
    ("a run goes step by step", remove("clearing", clearing.CashLegsProven)),
    ("a run is the sum of its obligations", change("clearing", clearing.ClearingRunComputed, "buyers_pay_fen", 1)),
    ("both sides confirm a run", remove("trading", trading.ClearingRunConfirmed)),
    ("orders are numbered", change("trading", trading.OrderPlaced, "order_id", 1)),
    ("listed prices keep the day's limits", change("trading", trading.OrderPlaced, "price_fen", 10_000)),
    ("listed sizes keep the rules", change("trading", trading.OrderPlaced, "quantity_tonnes", 100_000)),
    ("what is open expires at the close", remove("trading", trading.OrderExpired)),
    (
        "what is left of a lock is unlocked at the order's end",
        change("trading", trading.OrderExpired, "unlocked_fen", 1),
    ),
    ("a trade's value and fees", change("trading", trading.TradeExecuted, "buyer_fee_fen", 1)),
    ("nobody trades with themselves", trade_with_oneself),
    ("only settled purchases are released", release_on_the_same_day),
    ("units bought today are not sold today (T+1)", release_once_settled),
    ("settled purchases are released at the next opening (T+1)", remove("trading", trading.AllowancesReleased)),
    ("trading hears every settled trade", remove("trading", trading.TradeMarkedSettled)),
    ("only settled money is withdrawn", change("trading", trading.FundsReleased, "amount_fen", 10**12)),
    ("a day's prices are those of its listed trades", change("trading", trading.InstrumentDayClosed, "close_fen", 1)),
    ("the composite is the weighted mean", change("trading", trading.CompositePriced, "close_fen", 1)),
    ("a day's close carries its trades", change("trading", trading.TradingDayClosed, "value_fen", 1)),
    ("time never goes back", lambda logs: setattr(logs["registry"][-1], "recorded_ms", 1)),
    ("a stated root is that of the log", forge_root("held_root")),
    ("a stated root is that of the log", forge_root("expected_root")),
    ("the three books agree", change("clearing", clearing.BooksReconciled, "difference_count", 1)),
    (
        "books are compared after the day, at a past position",
        change("clearing", clearing.BooksReconciled, "clearing_position", 10**6),
    ),
    ("clearing's side is its log's at the stated position", deposit_in_flight),
    ("hearing is exactly once", lambda logs: setattr(logs["clearing"][-1], "source_log_id", "trading")),
)


def test_an_honest_market_gives_no_finding() -> None:
    audit = audited(honest_logs())
    assert audit.findings.clean, audit.findings.lines()
    assert audit.figures()["trades"] > 20


@pytest.mark.parametrize(("rule", "forge"), FORGERIES, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(FORGERIES)])
def test_a_forged_market_is_found_out_by_the_rule_it_breaks(rule: str, forge: Callable[[Logs], None]) -> None:
    logs = honest_logs()
    forge(logs)
    audit = audited(written_again(logs))
    assert rule in audit.findings.counts, audit.findings.lines()


def test_a_changed_byte_breaks_the_chain() -> None:
    logs = honest_logs()
    logs["trading"][10].data += b"\x00"
    assert "digests chain" in audited(logs).findings.counts


def test_a_missing_record_leaves_a_gap() -> None:
    logs = honest_logs()
    del logs["clearing"][-1]
    del logs["registry"][-2]
    assert "positions have no gap" in audited(logs).findings.counts


@pytest.mark.parametrize(("meanwhile", "is_found"), [("CEA", True), ("CEA21", False)])
def test_an_approval_of_a_proposal_that_another_event_has_outdated_is_found(meanwhile: str, is_found: bool) -> None:
    shown = trading.TradingSuspended(instrument="CEA", ground="a fault")
    effect = log_events.Effect(type=shown.DESCRIPTOR.full_name, data=shown.SerializeToString())
    events: tuple[tuple[str, Message], ...] = (
        ("ann", log_events.CommandProposed(proposer="exchange_operator:ann", effects=[effect])),
        ("eve", trading.TradingSuspended(instrument=meanwhile, ground="a storm")),
        ("eve", trading.TradingResumed(instrument=meanwhile)),
        ("ben", log_events.ProposalApproved(proposal_id=1)),
    )
    reader = LogReader("trading", Findings())
    for position, (subject, event) in enumerate(events, start=1):
        record = Record(position=position, type=event.DESCRIPTOR.full_name, data=event.SerializeToString())
        record.subject, record.role = subject, "exchange_operator"
        reader.take(record)
        if record.type.startswith("carbonmarket.log."):
            reader.take_shell_event(record)
    assert ("no outdated proposal is approved" in reader.findings.counts) == is_found


def test_the_auditor_knows_what_every_event_changes() -> None:
    about = {
        kind.type_name: kind.about[1:]
        for service in SERVICES.values()
        for kind in (*service.wire.by_name.values(), *SHELL_KINDS)
        if kind.about
    }
    assert about == {type_name: (field,) for type_name, (_, field) in ABOUT.items()}


class Signed:
    """Services that sign the feeds of these logs as the shell makes them, but for what is planted."""

    def __init__(self, logs: Logs) -> None:
        self.heads: dict[tuple[str, str], log.SignedFeedHead] = {}
        self.entries_after: dict[tuple[str, str], list[log.FeedRecord]] = {}
        for name, records in logs.items():
            wire = SERVICES[name].wire
            for record in map(record_from, records):
                if record.type not in wire.by_name:
                    continue  # the shell's
                event = wire.decode(record.type, record.data)
                for account in set(wire.by_event[type(event)].accounts(event)):
                    before = self.heads.get((name, account))
                    end = FeedHead(before.sequence, before.digest) if before else empty_feed(name, account)
                    end = next_head(name, account, end, record)
                    self.heads[name, account] = log.SignedFeedHead(
                        account=account, sequence=end.sequence, digest=end.digest, position=record.position
                    )

    async def ask(self, service: str, request: Any, answer: type[Message]) -> Any:
        if isinstance(request, log.ReadFeedRequest):
            return log.ReadFeedResponse(records=self.entries_after.get((service, request.account), []))
        head = self.heads[service, request.account]
        if request.sequence > head.sequence:
            raise beyond_the_end()
        return log.GetSignedFeedHeadResponse(head=head)


def beyond_the_end() -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.OUT_OF_RANGE, nothing, nothing, "SEQUENCE_BEYOND_END")


def feeds_found_wanting(plant: Callable[[Signed], object]) -> list[str]:
    """What the auditor finds of the feeds of an honest market whose services sign something else in one place."""
    logs = honest_logs()
    signed = Signed(logs)
    plant(signed)
    audit = audited(logs)
    services: Any = signed
    asyncio.run(Answers(audit, services).check_feeds())
    return audit.findings.lines()


def test_every_feed_is_signed_as_the_auditor_recomputes_it_from_the_log() -> None:
    assert feeds_found_wanting(lambda signed: None) == []


@pytest.mark.parametrize("service", ["registry", "trading", "clearing"])
def test_a_feed_that_is_signed_otherwise_than_its_log_has_it_is_found(service: str) -> None:
    place = service, "power-0001"

    def hide_the_last(signed: Signed) -> None:
        signed.heads[place].sequence -= 1

    def add_one(signed: Signed) -> None:
        signed.entries_after[place] = [log.FeedRecord(sequence=signed.heads[place].sequence + 1)]

    for plant in (
        lambda signed: setattr(signed.heads[place], "digest", bytes(32)),
        lambda signed: setattr(signed.heads[place], "position", 1),
        lambda signed: signed.heads[place].CopyFrom(signed.heads[service, "power-0002"]),
        hide_the_last,
        add_one,
    ):
        (found,) = feeds_found_wanting(plant)
        assert found.startswith(
            f"a feed is signed as it follows from the log: query {service} GetSignedFeedHead power-0001"
        )


def compared_at(clearing_position: int) -> Findings:
    """What was in flight at position 5: a deposit of 70 fen, and a trade of 40 t that was settled at position 7."""
    findings = Findings()
    compared = Compared(findings)
    compared.complete(1, "2021-07-16")
    compared.enter(2, 1, "steel-0002", 50)
    compared.enter(3, 2, "steel-0002", 70)
    compared.record(
        clearing.ObligationRecorded(
            trade_id=1,
            instrument="CEA",
            quantity_tonnes=40,
            buyer="power-0001",
            seller="steel-0002",
            trading_position=900,
        )
    )
    compared.enter(6, 3, "power-0001", -10)
    compared.end(7, 1)
    kinds = clearing_types.InFlightKind
    event = clearing.BooksReconciled(
        day="2021-07-16",
        trading_position=900,
        clearing_position=clearing_position,
        clearing_entry_number=1,
        in_flight=[
            clearing_types.InFlight(kind=kinds.IN_FLIGHT_KIND_FUND_ENTRIES, account="steel-0002", amount_fen=70),
            *(
                clearing_types.InFlight(kind=kind, account=account, instrument="CEA", quantity_tonnes=40)
                for kind, account in (
                    (kinds.IN_FLIGHT_KIND_UNSETTLED_BOUGHT, "power-0001"),
                    (kinds.IN_FLIGHT_KIND_UNSETTLED_SOLD, "steel-0002"),
                )
            ),
        ],
        in_flight_count=3,
    )
    compared.check(event, 8)
    return findings


def test_clearings_side_of_a_comparison_is_taken_back_to_the_stated_position() -> None:
    assert compared_at(5).clean
    for other in (2, 6, 7):
        assert "clearing's side is its log's at the stated position" in compared_at(other).counts
    for other in (0, 8):
        assert "books are compared after the day, at a past position" in compared_at(other).counts
