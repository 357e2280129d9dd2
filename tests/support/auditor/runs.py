"""Every day's run, attempt by attempt: what it must hold before money moves, and that it then moves once."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from hashlib import sha256

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from support.auditor.findings import Findings

LEGS_PER_PAGE_MAX = 500


@dataclass(frozen=True, slots=True)
class Obligation:
    day: str
    instrument: str
    method: int
    quantity_tonnes: int
    value_fen: int
    buyer: str
    seller: str
    buyer_fee_fen: int
    seller_fee_fen: int

    @property
    def facts(self) -> tuple[object, ...]:
        return (
            self.buyer,
            self.seller,
            self.instrument,
            self.quantity_tonnes,
            self.value_fen,
            self.buyer_fee_fen,
            self.seller_fee_fen,
        )


@dataclass(slots=True)
class Run:
    run_id: int
    day: str
    closed: tuple[int, int, int]
    attempt: int = 0
    steps: list[str] = field(default_factory=list)  # of the latest attempt
    positions: list[int] = field(default_factory=list)
    digest: bytes = bytes(32)
    replayed: int = 0
    cash: Counter[str] = field(default_factory=Counter)
    legs: dict[int, types.RunLeg] = field(default_factory=dict)
    settled: int = 0


class Runs:
    """Open runs and the obligations that are neither settled nor excluded."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.obligations: dict[str, dict[int, Obligation]] = {}
        self.excluded: dict[str, dict[int, Obligation]] = {}
        self.open: dict[int, Run] = {}
        self.last_run_id = 0
        self.last_trade_id = 0
        self.completed_day = ""
        self.approved: dict[int, frozenset[int]] = {}

    def record(self, event: pb.ObligationRecorded) -> None:
        self._findings.same("obligations follow the trades", "trade", event.trade_id, self.last_trade_id + 1)
        self.last_trade_id = event.trade_id
        self.obligations.setdefault(event.day, {})[event.trade_id] = Obligation(
            event.day,
            event.instrument,
            event.method,
            event.quantity_tonnes,
            event.value_fen,
            event.buyer,
            event.seller,
            event.buyer_fee_fen,
            event.seller_fee_fen,
        )

    def open_run(self, event: pb.ClearingRunOpened) -> None:
        self._findings.same("runs are numbered", "run", event.run_id, self.last_run_id + 1)
        self.last_run_id = event.run_id
        closed = (event.trades, event.quantity_tonnes, event.value_fen)
        self.open[event.run_id] = Run(event.run_id, event.day, closed)

    def begin(self, event: pb.ClearingRunBegun) -> None:
        run = self._run(event.run_id)
        self._findings.same("attempts are numbered", f"run {event.run_id}", event.attempt, run.attempt + 1)
        if run.day != event.day or run is not next(iter(self.open.values())):
            self._findings.say("days are settled in order", f"run {event.run_id} of {event.day} is begun")
        run.attempt, run.steps, run.legs, run.settled = event.attempt, ["begun"], {}, 0
        run.positions, run.digest, run.replayed, run.cash = [], bytes(32), 0, Counter()

    def compute(self, event: pb.ClearingRunComputed) -> None:
        """The barrier held: what is computed and what two people took out is all that trading closed with."""
        run = self._run(event.run_id)
        self.step(event.run_id, event.attempt, "computed", after="begun")
        self._findings.same("legs come in pages", f"run {event.run_id}", event.pages, len(run.positions))
        self._findings.same(
            "legs come in pages", f"run {event.run_id}, digest", event.legs_digest.hex(), run.digest.hex()
        )
        due = list(self.obligations.get(event.day, {}).values())
        out = list(self.excluded.get(event.day, {}).values())
        self._findings.same("the completeness barrier holds", f"run {event.run_id}", run.closed, totals([*due, *out]))
        fees = sum(each.buyer_fee_fen + each.seller_fee_fen for each in due)
        pays = sum(each.value_fen + each.buyer_fee_fen for each in due)
        receives = sum(each.value_fen - each.seller_fee_fen for each in due)
        stated = (
            (event.trades, event.quantity_tonnes, event.value_fen),
            event.buyers_pay_fen,
            event.sellers_receive_fen,
            event.fees_fen,
            event.excluded_trades,
        )
        made = (totals(due), pays, receives, fees, len(out))
        self._findings.same("a run is the sum of its obligations", f"run {event.run_id}", stated, made)
        split: dict[tuple[str, int], list[Obligation]] = {}
        for each in due:
            split.setdefault((each.instrument, each.method), []).append(each)
        named = {
            (total.instrument, total.method): (total.trades, total.quantity_tonnes, total.value_fen)
            for total in event.totals
        }
        made_split = {key: totals(some) for key, some in split.items()}
        self._findings.same("a run is the sum of its obligations", f"run {event.run_id}, by method", named, made_split)

    def list_legs(self, event: pb.ClearingRunLegsListed, position: int) -> None:
        run = self._run(event.run_id)
        if event.page != len(run.positions) + 1 or not 0 < len(event.legs) <= LEGS_PER_PAGE_MAX:
            self._findings.say("legs come in pages", f"run {event.run_id} page {event.page} after {run.positions}")
        self._findings.same("a page says where it stands", f"run {event.run_id}", event.position, position)
        run.positions.append(position)
        for leg in event.legs:
            values = (leg.trade_id, leg.instrument, leg.quantity_tonnes, leg.seller, leg.buyer)
            run.digest = sha256(run.digest + b"".join(f"{value}".encode() + bytes(1) for value in values)).digest()
            due = self.obligations.get(run.day, {}).get(leg.trade_id)
            if due is None or leg.trade_id in run.legs:
                self._findings.say("each obligation is one leg", f"run {event.run_id}: trade {leg.trade_id}, {due}")
                continue
            run.legs[leg.trade_id] = leg
            stated = (
                leg.instrument,
                leg.quantity_tonnes,
                leg.seller,
                leg.buyer,
                leg.buyer_pays_fen,
                leg.seller_receives_fen,
            )
            made = (
                due.instrument,
                due.quantity_tonnes,
                due.seller,
                due.buyer,
                due.value_fen + due.buyer_fee_fen,
                due.value_fen - due.seller_fee_fen,
            )
            self._findings.same("trade by trade, gross", f"trade {leg.trade_id}", stated, made)

    def step(self, run_id: int, attempt: int, step: str, after: str) -> None:
        """One step of an attempt, straight after the one it needs."""
        run = self._run(run_id)
        if run.attempt != attempt or after not in run.steps or step in run.steps:
            self._findings.say("a run goes step by step", f"run {run_id}/{attempt}: {step} after {run.steps}")
        if step == "ordered confirmation":
            self._findings.same(
                "each obligation is one leg", f"run {run_id}", set(run.legs), set(self.obligations.get(run.day, {}))
            )
        run.steps.append(step)

    def order(self, event: pb.ConfirmationOrdered | pb.DeliveryOrdered, step: str, after: str) -> None:
        """An order says itself what is ordered, and where it is listed."""
        run = self._run(event.run_id)
        stated = (event.legs, event.legs_digest.hex(), list(event.page_positions))
        made = (len(run.legs), run.digest.hex(), run.positions)
        self._findings.same("an order carries what is ordered", f"run {event.run_id}: {step}", stated, made)
        self.step(event.run_id, event.attempt, step, after)

    def replay(self, event: pb.CashLegsReplayed) -> None:
        """Page by page the trades are paid on paper, from the first to the last."""
        run = self._run(event.run_id)
        if "agreed" not in run.steps:
            self._findings.say("a run goes step by step", f"run {event.run_id}: replayed after {run.steps}")
        page = [leg for trade_id, leg in run.legs.items() if run.replayed < trade_id <= event.last_trade_id]
        run.replayed = event.last_trade_id
        if event.unfunded_trades:
            return
        for leg in page:
            run.cash[leg.buyer] -= leg.buyer_pays_fen
            run.cash[leg.seller] += leg.seller_receives_fen
        touched = {account for leg in page for account in (leg.buyer, leg.seller)}
        stated = {change.account: change.change_fen for change in event.changes}
        made = {account: run.cash[account] for account in touched}
        self._findings.same("cash legs add up", f"run {event.run_id} up to {event.last_trade_id}", stated, made)

    def block(self, event: pb.ClearingRunBlocked) -> None:
        run = self._run(event.run_id)
        if "delivered" in run.steps:
            self._findings.say("a delivered run is paid", f"run {event.run_id} is blocked after its delivery")
        run.attempt, run.steps, run.legs = event.attempt, [], {}

    def settle(self, event: pb.TradeSettled) -> Obligation | None:
        run = self._run(event.run_id)
        due = self.obligations.get(event.day, {}).pop(event.trade_id, None)
        if due is None or "delivered" not in run.steps or event.trade_id not in run.legs or run.day != event.day:
            self._findings.say("a trade is settled once, when delivered", f"trade {event.trade_id}, run {event.run_id}")
            return None
        run.settled += 1
        stated = (
            event.buyer,
            event.seller,
            event.instrument,
            event.quantity_tonnes,
            event.value_fen,
            event.buyer_fee_fen,
            event.seller_fee_fen,
        )
        self._findings.same("a trade is settled as it was made", f"trade {event.trade_id}", stated, due.facts)
        return due

    def exclude(self, event: pb.TradeExcluded) -> None:
        due = self.obligations.get(event.day, {}).pop(event.trade_id, None)
        if due is None or event.trade_id not in self.approved.get(event.exclusion_id, ()):
            self._findings.say("two people exclude a trade", f"trade {event.trade_id}, exclusion {event.exclusion_id}")
            return
        self.excluded.setdefault(event.day, {})[event.trade_id] = due

    def left_when_all_is_paid(self, free: Mapping[str, int], without: Set[int]) -> dict[str, int]:
        """The least that each account has at any time while every trade that stays is paid, in their order."""
        now, least = dict(free), dict(free)
        for trade_id, due in sorted(each for of_day in self.obligations.values() for each in of_day.items()):
            if trade_id in without:
                continue
            now[due.buyer] -= due.value_fen + due.buyer_fee_fen
            now[due.seller] += due.value_fen - due.seller_fee_fen
            least[due.buyer] = min(least[due.buyer], now[due.buyer])
            if now[due.buyer] < 0:
                self._findings.say("what an exclusion leaves in can be paid", f"trade {trade_id}: {-now[due.buyer]}")
        return least

    def approve(self, event: pb.ExclusionApproved, signed: tuple[str, str]) -> None:
        """`signed` are the two people whom the records name."""
        stated = (event.proposed_by, event.approved_by)
        self._findings.same("two people exclude a trade", f"exclusion {event.exclusion_id}", stated, signed)
        self.approved[event.exclusion_id] = frozenset(event.trade_ids)

    def complete(self, event: pb.SettlementDayCompleted) -> None:
        run = self.open.pop(event.run_id)
        if event.day <= self.completed_day or run.day != event.day:
            self._findings.say("days are settled in order", f"{event.day} after {self.completed_day}")
        self.completed_day = event.day
        left = self.obligations.pop(event.day, {})
        out = self.excluded.get(event.day, {})
        if left:
            self._findings.say("a completed day has no trade left", f"{event.day}: trades {sorted(left)[:10]}")
        moved = tuple(total - taken for total, taken in zip(run.closed, totals(list(out.values())), strict=True))
        stated = (event.trades, event.quantity_tonnes, event.value_fen)
        self._findings.same("a completed day's totals", event.day, (stated, event.excluded_trades), (moved, len(out)))
        self._findings.same("every leg is paid", event.day, run.settled, len(run.legs))

    def _run(self, run_id: int) -> Run:
        run = self.open.get(run_id)
        if run is None:
            self._findings.say("a run is opened before it moves", f"run {run_id}")
            run = self.open[run_id] = Run(run_id, "", (0, 0, 0))
        return run


def totals(some: list[Obligation]) -> tuple[int, int, int]:
    return len(some), sum(each.quantity_tonnes for each in some), sum(each.value_fen for each in some)
