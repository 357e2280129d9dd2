"""Clearing's books from its events: balances, payouts, obligations, runs, reconciliations.

Invariants recomputed: no balance is negative after any event; what the banks hold = balances + open payouts + fees;
every trade is paid once and only with its delivery; days are settled in order; every reconciliation agreed, as of a
position at which clearing's log says what was compared; an excluded purchase blocks what its buyer's balance still
holds, to the fen, and money that is blocked or owed for trades never leaves.
"""

from collections import Counter
from dataclasses import dataclass, field

from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from carbonmarket.log.v1.log_service_pb2 import Record
from support.auditor.book import Book, Handler
from support.auditor.chain import actor_of, acts_for
from support.auditor.commitments import Commitments
from support.auditor.compared import Compared
from support.auditor.days import Dated
from support.auditor.findings import Findings
from support.auditor.pairs import Pairs
from support.auditor.rules import china_day
from support.auditor.runs import Runs


@dataclass(slots=True)
class Payout:
    account: str
    amount_fen: int
    bank: str = ""
    revoked_from: set[str] = field(default_factory=set)


class ClearingBook(Book):
    """All of clearing, as of the last record taken."""

    def __init__(self, findings: Findings, pairs: Pairs, commitments: Commitments | None = None) -> None:
        super().__init__("clearing", findings, pairs, commitments)
        self.runs = Runs(findings)
        self.compared = Compared(findings)
        self.balances: dict[str, int] = {}
        self.payable: Counter[str] = Counter()  # for trades that are neither settled nor excluded
        self.blocked: Counter[str] = Counter()
        self.exclusion = 0
        self.left: dict[str, int] = {}  # what the exclusion under way may still block, by account
        self.restricted: set[str] = set()
        self.payouts: dict[int, Payout] = {}
        self.returned_payout = 0
        self.closed_payouts: Counter[str] = Counter()
        self.banks = Dated()
        self.references: set[tuple[str, str]] = set()
        self.last_ids = {"entry": 0, "payout": 0}
        self.figures = {
            "deposits_fen": 0,
            "paid_out_fen": 0,
            "fees_fen": 0,
            "settled": 0,
            "excluded": 0,
            "value_fen": 0,
        }
        self.reconciliations: list[pb.BooksReconciled] = []
        self.days_completed = 0

    def table(self) -> dict[type[Message], Handler]:
        step = self.runs_step
        return {
            pb.SettlementBanksSet: lambda event, record: self.banks.put(event.valid_from_day, event.banks),
            pb.FundAccountOpened: self.on_fund_account_opened,
            pb.FundAccountRestricted: lambda event, record: self.restricted.add(event.account),
            pb.FundAccountRestrictionLifted: lambda event, record: self.restricted.discard(event.account),
            pb.FundAccountClosed: lambda event, record: None,
            pb.FundsDeposited: self.on_funds_deposited,
            pb.PayoutRequested: self.on_payout_requested,
            pb.PayoutInstructed: self.on_payout_instructed,
            pb.PayoutInstructionRevoked: self.on_payout_instruction_revoked,
            pb.PayoutPaid: self.on_payout_paid,
            pb.PayoutReturned: self.on_payout_returned,
            pb.FundsRestored: self.on_funds_restored,
            pb.ObligationRecorded: self.on_obligation_recorded,
            pb.TradingDaysNoted: lambda event, record: None,
            pb.ClearingRunOpened: self.on_clearing_run_opened,
            pb.ClearingRunBlocked: lambda event, record: self.runs.block(event),
            pb.ClearingRunBegun: lambda event, record: self.runs.begin(event),
            pb.ClearingRunComputed: lambda event, record: self.runs.compute(event),
            pb.ClearingRunLegsListed: lambda event, record: self.runs.list_legs(event, record.position),
            pb.ConfirmationOrdered: lambda event, record: self.runs.order(
                event, "ordered confirmation", after="computed"
            ),
            pb.CashLegsReplayed: lambda event, record: self.runs.replay(event),
            pb.ClearingRunAgreed: self.on_clearing_run_agreed,
            pb.ClearingRunDisagreed: self.on_clearing_run_disagreed,
            pb.CashLegsProven: step("proven", after="agreed"),
            pb.DeliveryOrdered: lambda event, record: self.runs.order(event, "ordered delivery", after="proven"),
            pb.DeliveryConfirmed: self.on_delivery_confirmed,
            pb.DeliveryVoided: self.on_delivery_voided,
            pb.TradeSettled: self.on_trade_settled,
            pb.SettlementDayCompleted: self.on_settlement_day_completed,
            pb.ExclusionApproved: lambda event, record: self.runs.approve(event, self.reader.two_of(record)),
            pb.TradeExcluded: self.on_trade_excluded,
            pb.ReconciliationOrdered: lambda event, record: None,
            pb.BooksReconciled: self.on_books_reconciled,
        }

    def runs_step(self, step: str, after: str) -> Handler:
        def on_step(event: pb.DeliveryOrdered, record: Record) -> None:
            self.runs.step(event.run_id, event.attempt, step, after)

        return on_step

    # Funds

    def on_fund_account_opened(self, event: pb.FundAccountOpened, record: Record) -> None:
        self.balances[event.account] = 0
        self.pairs.say(
            "clearing has a fund account for every account", "clearing", event.account, record.source_position
        )

    def on_funds_deposited(self, event: pb.FundsDeposited, record: Record) -> None:
        if acts_for(record) != f"settlement_bank:{event.bank}":
            self.say("a bank reports its own movements", f"{actor_of(record)} for {event.bank}")
        self._known_bank(event.bank, record)
        self._reference(event.bank, event.bank_reference)
        self._enter(event.entry_number, event.account, event.amount_fen, record.position)
        self.figures["deposits_fen"] += event.amount_fen

    def on_payout_requested(self, event: pb.PayoutRequested, record: Record) -> None:
        self.caused_by(record, "trading")
        self.same("payouts are numbered", "payout", event.payout_id, self.last_ids["payout"] + 1)
        self.last_ids["payout"] = event.payout_id
        self.payouts[event.payout_id] = Payout(event.account, event.amount_fen)
        self.pairs.say("every release is paid out once", "clearing", event.release_id, event.account, event.amount_fen)
        self._enter(event.entry_number, event.account, -event.amount_fen, record.position)
        kept = self.payable[event.account] + self.blocked[event.account]
        if self.balances[event.account] < kept:
            self.say("a payout leaves what trades need or block", f"{event.account}: {kept} of {self.balances}")

    def on_payout_instructed(self, event: pb.PayoutInstructed, record: Record) -> None:
        payout = self.payouts[event.payout_id]
        if payout.bank or event.account in self.restricted:
            self.say("a payout is instructed once, of a free account", f"payout {event.payout_id}: {payout}")
        payout.bank = event.bank
        self._known_bank(event.bank, record)

    def on_payout_instruction_revoked(self, event: pb.PayoutInstructionRevoked, record: Record) -> None:
        payout = self.payouts[event.payout_id]
        self.same("an instruction is revoked from its bank", f"payout {event.payout_id}", event.bank, payout.bank)
        stated = (event.proposed_by, event.approved_by)
        self.same("two people revoke an instruction", f"payout {event.payout_id}", stated, self.reader.two_of(record))
        payout.revoked_from.add(payout.bank)
        payout.bank = ""

    def _known_bank(self, bank: str, record: Record) -> None:
        if bank not in (self.banks.on(china_day(record.recorded_ms)) or ()):
            self.say("only a settlement bank of the day moves money", bank)

    def on_payout_paid(self, event: pb.PayoutPaid, record: Record) -> None:
        self._reference(event.bank, event.bank_reference)
        payout = self._close_payout(event.payout_id, record)
        self.figures["paid_out_fen"] += payout.amount_fen
        self.closed_payouts["PAYOUT_STATE_PAID"] += 1

    def on_payout_returned(self, event: pb.PayoutReturned, record: Record) -> None:
        self.returned_payout = event.payout_id

    def on_funds_restored(self, event: pb.FundsRestored, record: Record) -> None:
        self.same(
            "only a returned payout is restored", f"payout {event.payout_id}", event.payout_id, self.returned_payout
        )
        self.returned_payout = 0
        payout = self._close_payout(event.payout_id, record)
        self.closed_payouts["PAYOUT_STATE_RETURNED"] += 1
        self.same("a payout is restored whole", f"payout {event.payout_id}", event.amount_fen, payout.amount_fen)
        self._enter(event.entry_number, event.account, event.amount_fen, record.position)

    def _close_payout(self, payout_id: int, record: Record) -> Payout:
        payout = self.payouts.pop(payout_id, None)
        told = {payout.bank, *payout.revoked_from} if payout is not None else set()
        if payout is None or acts_for(record) not in {f"settlement_bank:{bank}" for bank in told}:
            self.say("a payout ends once, by the bank that was told", f"{payout_id}: {payout}, {actor_of(record)}")
        return payout or Payout("", 0)

    def _reference(self, bank: str, reference: str) -> None:
        if (bank, reference) in self.references:
            self.say("a bank reference names one movement", f"{bank} {reference}")
        self.references.add((bank, reference))

    def _enter(self, entry: int, account: str, change_fen: int, position: int) -> None:
        self.same("fund entries are numbered", "entry", entry, self.last_ids["entry"] + 1)
        self.last_ids["entry"] = entry
        self._book(account, change_fen)
        self.compared.enter(position, entry, account, change_fen)
        self.commitments.held["money/1"].add(position, (account,), "balance_fen", change_fen, waits_for=(entry, 0))
        self.pairs.say("every fund entry is heard once", "clearing", entry, account, abs(change_fen), position)

    def _book(self, account: str, change_fen: int) -> None:
        if account not in self.balances:
            self.say("money is of a known account", account)
        balance = self.balances[account] = self.balances.get(account, 0) + change_fen
        if balance < self.blocked[account]:
            self.say("no balance is less than what is blocked", f"{account}: {balance}, {self.blocked[account]}")

    # Obligations and runs

    def on_obligation_recorded(self, event: pb.ObligationRecorded, record: Record) -> None:
        self.caused_by(record, "trading")
        self.runs.record(event)
        self.compared.record(event)
        self._due(event, record.position, 1, event.trading_position)
        self.payable[event.buyer] += event.value_fen + event.buyer_fee_fen
        self.pairs.say(
            "every trade becomes one obligation",
            "clearing",
            event.trade_id,
            event.day,
            event.instrument,
            event.method,
            event.price_fen,
            event.quantity_tonnes,
            event.value_fen,
            event.buyer,
            event.seller,
            event.buyer_fee_fen,
            event.seller_fee_fen,
            event.trading_position,
        )

    def on_clearing_run_opened(self, event: pb.ClearingRunOpened, record: Record) -> None:
        self.caused_by(record, "trading")
        self.runs.open_run(event)
        what = (event.trades, event.quantity_tonnes, event.value_fen, event.first_trade_id, event.last_trade_id)
        self.pairs.say("every closed day has its run", "clearing", event.day, *what, event.trading_position)

    def on_clearing_run_agreed(self, event: pb.ClearingRunAgreed, record: Record) -> None:
        self.runs.step(event.run_id, event.attempt, "agreed", after="ordered confirmation")
        self.pairs.say("both sides confirm a run", "clearing", (event.run_id, event.attempt), "")

    def on_clearing_run_disagreed(self, event: pb.ClearingRunDisagreed, record: Record) -> None:
        self.runs.step(event.run_id, event.attempt, "disagreed", after="ordered confirmation")
        self.pairs.say("both sides confirm a run", "clearing", (event.run_id, event.attempt), event.reason)

    def on_delivery_confirmed(self, event: pb.DeliveryConfirmed, record: Record) -> None:
        self.runs.step(event.run_id, event.attempt, "delivered", after="ordered delivery")
        key = (event.run_id, event.attempt)
        self.pairs.say("clearing and registry agree on every delivery", "clearing", key, "", event.registry_position)

    def on_delivery_voided(self, event: pb.DeliveryVoided, record: Record) -> None:
        self.runs.step(event.run_id, event.attempt, "voided", after="ordered delivery")
        key = (event.run_id, event.attempt)
        self.pairs.say("clearing and registry agree on every delivery", "clearing", key, event.reason, 0)

    def on_trade_settled(self, event: pb.TradeSettled, record: Record) -> None:
        self.pairs.say(
            "delivered if and only if paid",
            "clearing",
            event.trade_id,
            event.run_id,
            event.day,
            event.instrument,
            event.quantity_tonnes,
            event.buyer,
            event.seller,
        )
        self.pairs.say("trading hears every settled trade", "clearing", event.trade_id, record.position)
        self.compared.end(record.position, event.trade_id)
        if self.runs.settle(event) is None:
            return
        self.payable[event.buyer] -= event.value_fen + event.buyer_fee_fen
        self._due(event, record.position, -1)
        money = self.commitments.held["money/1"]
        money.add(record.position, (event.buyer,), "balance_fen", -(event.value_fen + event.buyer_fee_fen))
        money.add(record.position, (event.seller,), "balance_fen", event.value_fen - event.seller_fee_fen)
        self._book(event.buyer, -(event.value_fen + event.buyer_fee_fen))
        self._book(event.seller, event.value_fen - event.seller_fee_fen)
        self.figures["fees_fen"] += event.buyer_fee_fen + event.seller_fee_fen
        self.figures["settled"] += 1
        self.figures["value_fen"] += event.value_fen

    def on_trade_excluded(self, event: pb.TradeExcluded, record: Record) -> None:
        if self.exclusion != event.exclusion_id:
            free = {account: balance - self.blocked[account] for account, balance in self.balances.items()}
            self.exclusion = event.exclusion_id
            self.left = self.runs.left_when_all_is_paid(free, self.runs.approved.get(event.exclusion_id, frozenset()))
        costs = event.value_fen + event.buyer_fee_fen
        blocked = min(costs, self.left[event.buyer])
        self.same("an excluded purchase blocks what is left", f"trade {event.trade_id}", event.blocked_fen, blocked)
        self.left[event.buyer] -= blocked
        self.payable[event.buyer] -= costs
        self.blocked[event.buyer] += event.blocked_fen
        self.runs.exclude(event)
        self.compared.end(record.position, event.trade_id)
        self._due(event, record.position, -1)
        self.commitments.held["units_due/1"].add(
            record.position, (event.seller, event.instrument), "blocked_tonnes", event.quantity_tonnes
        )
        self.commitments.held["money/1"].add(record.position, (event.buyer,), "blocked_fen", event.blocked_fen)
        self.figures["excluded"] += 1
        self.pairs.say(
            "trading hears every excluded trade", "clearing", event.trade_id, record.position, event.blocked_fen
        )

    def on_settlement_day_completed(self, event: pb.SettlementDayCompleted, record: Record) -> None:
        self.runs.complete(event)
        self.compared.complete(record.position, event.day)
        self.days_completed += 1
        self.pairs.say("trading hears every settled day", "clearing", record.position, event.day)

    def on_books_reconciled(self, event: pb.BooksReconciled, record: Record) -> None:
        self.reconciliations.append(event)
        self.compared.check(event, record.position)
        self.commitments.reconciled(event, record.position)
        if not event.agreed or event.difference_count:
            self.say("the three books agree", f"{event.day}: {event.difference_count}, {list(event.differences)[:3]}")
        self.pairs.say("trading hears every reconciliation", "clearing", record.position, event.day, event.agreed)

    def _due(
        self,
        event: pb.ObligationRecorded | pb.TradeSettled | pb.TradeExcluded,
        position: int,
        sign: int,
        trading_position: int = 0,
    ) -> None:
        """What a trade makes its two sides owe, or ends that they owe it."""
        units, money, heard = (
            self.commitments.held["units_due/1"],
            self.commitments.held["money/1"],
            (0, trading_position),
        )
        tonnes, instrument = sign * event.quantity_tonnes, event.instrument
        pays_fen, receives_fen = event.value_fen + event.buyer_fee_fen, event.value_fen - event.seller_fee_fen
        units.add(position, (event.buyer, instrument), "bought_tonnes", tonnes, waits_for=heard)
        units.add(position, (event.seller, instrument), "sold_tonnes", tonnes, waits_for=heard)
        money.add(position, (event.buyer,), "payable_fen", sign * pays_fen, waits_for=heard)
        money.add(position, (event.seller,), "receivable_fen", sign * receives_fen, waits_for=heard)

    def conclude(self) -> None:
        self.findings.at = "clearing, at the end"
        held = self.figures["deposits_fen"] - self.figures["paid_out_fen"]
        owed = sum(self.balances.values()) + sum(payout.amount_fen for payout in self.payouts.values())
        self.same("what the banks hold = balances + open payouts + fees", "fen", held, owed + self.figures["fees_fen"])
