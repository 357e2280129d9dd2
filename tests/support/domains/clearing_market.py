"""A small market around clearing's domain: trading, the registry and a bank, each as naive as can be.

Trading and the registry keep plain lists of what happened; what they state is summed up from those lists each time.
Trading hears clearing and the registry late, by as much as a history wants.
"""

from collections import Counter
from dataclasses import dataclass, field

from chassis.core.decider import Rejected
from clearing.domain.banks import SetSettlementBanks
from clearing.domain.exclusion import ExcludeTrades, TradeExcluded
from clearing.domain.funds import FundsDeposited, OpenFundAccount, RecordDeposit
from clearing.domain.obligations import RecordObligation
from clearing.domain.payouts import (
    FundsRestored,
    InstructPayout,
    PayoutRequested,
    RecordPayoutPaid,
    RecordPayoutReturned,
    RequestPayout,
)
from clearing.domain.reconciliation import not_comparable_because
from clearing.domain.run import ClearingRunLegsListed, OpenRun, RetryRun
from clearing.domain.settlement import RecordConfirmation, RecordDelivery, SettlementDayCompleted, TradeSettled
from clearing.domain.state import DayTotals, Phase, State
from clearing.domain.trades import Method, ObligationRecorded
from support.domains.clearing_books import ANN, BOB, ICBC, NOW_MS, OWN, REGISTRAR, TRADING, Remembering, play
from support.domains.row_by_row import (
    FundPosition,
    HeldUnits,
    StatedBook,
    UnitPosition,
    compare,
    own_now,
    statement_of,
)

ACCOUNTS = ("power-0001", "steel-0002", "cement-0003", "fund-0004")
UNITS_AT_FIRST = 1_000_000
"""Every account's tonnes in trading's custody when the history begins."""
DAYS_MAX = 28
RETRIES_MAX = 200


@dataclass(slots=True)
class NaiveMarket:
    """One clearing, everything it said, and the others around it."""

    state: State = field(default_factory=Remembering)
    said: list[object] = field(default_factory=list)
    trades: list[ObligationRecorded] = field(default_factory=list)
    releases: list[RequestPayout] = field(default_factory=list)
    returned: list[tuple[str, int]] = field(default_factory=list)
    registry: list[tuple[str, tuple[int, ...]]] = field(default_factory=lambda: [("transferred", ())])
    delivered: list[int] = field(default_factory=list)
    trading_position: int = 0
    day: int = 1
    references: int = 0
    clearing_heard: int = 0
    registry_heard: int = 1

    def open(self) -> "NaiveMarket":
        self.do(REGISTRAR, SetSettlementBanks("2021-01-01", ("icbc",), "announcement 7"))
        for account in ACCOUNTS:
            self.do(TRADING, OpenFundAccount(account))
        return self

    def do(self, actor: str, command: object, proposed_by: str = "") -> list[object]:
        """One command; a refusal changes nothing and is no news here."""
        try:
            events = play(self.state, actor, command, proposed_by=proposed_by)
        except Rejected:
            return []
        self.said += events
        return events

    @property
    def today(self) -> str:
        return f"2021-02-{self.day:02}"

    # What people and services do

    def deposit(self, account: int, amount_fen: int) -> None:
        self.references += 1
        self.do(ICBC, RecordDeposit(f"r{self.references}", ACCOUNTS[account], amount_fen))

    def execute(self, buyer: int, seller: int, value_fen: int, fee_fen: int) -> None:
        """Trading executes a trade; the fund of this market does not ask whether the buyer can pay."""
        if buyer == seller:
            return
        self.trading_position += 1
        made = ObligationRecorded(
            trade_id=len(self.trades) + 1,
            day=self.today,
            instrument="CEA",
            method=Method.LISTED,
            price_fen=1,
            quantity_tonnes=value_fen,
            value_fen=value_fen,
            buyer=ACCOUNTS[buyer],
            seller=ACCOUNTS[seller],
            buyer_fee_fen=fee_fen,
            seller_fee_fen=min(fee_fen, value_fen),
            trading_position=self.trading_position,
            executed_ms=NOW_MS,
        )
        self.trades.append(made)
        assert self.do(TRADING, RecordObligation(made))

    def close(self) -> None:
        if self.day == DAYS_MAX:
            return
        of_day = [one for one in self.trades if one.day == self.today]
        totals = DayTotals()
        if of_day:
            quantity_tonnes = sum(one.quantity_tonnes for one in of_day)
            value_fen = sum(one.value_fen for one in of_day)
            totals = DayTotals(len(of_day), quantity_tonnes, value_fen, of_day[0].trade_id, of_day[-1].trade_id)
        self.trading_position += 1
        assert self.do(
            TRADING,
            OpenRun(
                self.today,
                totals.trades,
                totals.quantity_tonnes,
                totals.value_fen,
                totals.first_trade_id,
                totals.last_trade_id,
                self.trading_position,
            ),
        )
        self.day += 1

    def release(self, account: int, amount_fen: int) -> None:
        """Trading releases money that is settled and not needed."""
        funds = self.state.funds.accounts[ACCOUNTS[account]]
        if amount_fen > funds.balance_fen - funds.unsettled_out_fen - funds.blocked_fen:
            return
        self.trading_position += 1
        released = RequestPayout(ACCOUNTS[account], amount_fen, len(self.releases) + 1)
        self.releases.append(released)
        assert self.do(TRADING, released)

    def pay(self, payout_id: int, paid: bool) -> None:
        self.do(ANN, InstructPayout(payout_id, "icbc"))
        self.references += 1
        answer = (
            RecordPayoutPaid(payout_id, f"r{self.references}") if paid else RecordPayoutReturned(payout_id, "closed")
        )
        self.do(ICBC, answer)

    def give_back(self, account: int, quantity_tonnes: int) -> None:
        """Trading returns units, and the registry books the return."""
        self.trading_position += 1
        self.returned.append((ACCOUNTS[account], quantity_tonnes))
        self.registry.append(("returned", (len(self.returned) - 1,)))

    def answer(self, yes: bool) -> None:
        """Trading or the registry answers the order that waits, if one does."""
        for run in list(self.state.runs.open.values()):
            if run.phase is Phase.CONFIRMING:
                self.do(
                    OWN, RecordConfirmation(run.run_id, run.attempt, agreed=yes, reason="" if yes else "TRADES_DIFFER")
                )
            elif run.phase is Phase.DELIVERING:
                self.deliver(run.run_id, run.attempt, yes)

    def deliver(self, run_id: int, attempt: int, yes: bool) -> None:
        """The registry moves exactly the legs that were listed, and every one of them is paid in the same decision."""
        legs = tuple(
            leg.trade_id
            for event in self.said
            if isinstance(event, ClearingRunLegsListed) and (event.run_id, event.attempt) == (run_id, attempt)
            for leg in event.legs
        )
        if yes:
            self.registry.append(("delivered", legs))
            self.delivered += legs
        reason = "" if yes else "INSUFFICIENT_ALLOWANCES"
        events = self.do(OWN, RecordDelivery(run_id, attempt, yes, len(self.registry) if yes else 0, reason))
        settled = [event.trade_id for event in events if isinstance(event, TradeSettled)]
        assert settled == (list(legs) if yes else []), "delivered if and only if paid"

    def retry(self) -> None:
        for run_id in list(self.state.runs.open):
            self.do(ANN, RetryRun(run_id))

    def exclude(self, nth: int) -> None:
        """Two people take a trade out of the run that is blocked."""
        for run in self.state.runs.open.values():
            legs = [leg.trade_id for leg in self.state.obligations.unsettled.values() if leg.day == run.day]
            if not legs:
                return
            self.do(BOB, ExcludeTrades(run.run_id, (legs[nth % len(legs)],), "default"), proposed_by=ANN)
            return

    def hear(self, clearing: int, registry: int) -> None:
        """Trading hears so many more records of the others."""
        self.clearing_heard = min(len(self.said), self.clearing_heard + clearing)
        self.registry_heard = min(len(self.registry), self.registry_heard + registry)

    def reconcile(self) -> None:
        """Clearing compares the books if it is to and if they belong together; honest books agree."""
        trading = self.trading_book()
        if not_comparable_because(statement_of(trading), own_now(self.state, trading)) == "":
            found = compare(trading, self.holdings(trading.registry_position), self.state, len(self.said))
            assert found.differences == ()
            self.do(OWN, found)

    def settle_all(self) -> None:
        """Everybody tops up, everybody agrees: nothing may stay open."""
        for account in range(len(ACCOUNTS)):
            self.deposit(account, 10**9)
        for _ in range(RETRIES_MAX):
            if not self.state.runs.open:
                return
            self.answer(yes=True)
            self.retry()
        raise AssertionError("a run does not come to its end")

    # What trading and the registry state

    def heard_by_trading(self) -> list[object]:
        return self.said[: self.clearing_heard]

    def trades_standing(self) -> tuple[list[ObligationRecorded], list[ObligationRecorded]]:
        """The trades that trading does not know to be excluded, and those of them not known to be settled."""
        heard = self.heard_by_trading()
        settled = {event.trade_id for event in heard if isinstance(event, TradeSettled)}
        excluded = {event.trade_id for event in self.excluded_heard()}
        standing = [one for one in self.trades if one.trade_id not in excluded]
        return standing, [one for one in standing if one.trade_id not in settled]

    def excluded_heard(self) -> list[TradeExcluded]:
        return [event for event in self.heard_by_trading() if isinstance(event, TradeExcluded)]

    def trading_book(self) -> StatedBook:
        """Trading's view, summed up from what it did and what it has heard."""
        heard = self.heard_by_trading()
        entries = [event for event in heard if isinstance(event, FundsDeposited | FundsRestored | PayoutRequested)]
        days = [event.day for event in heard if isinstance(event, SettlementDayCompleted)]
        return StatedBook(
            position=self.trading_position,
            registry_position=self.registry_heard,
            clearing_entry_number=max((event.entry_number for event in entries), default=0),
            settled_day=days[-1] if days else "",
            units=self.unit_positions(),
            funds=self.fund_positions(entries),
        )

    def unit_positions(self) -> tuple[UnitPosition, ...]:
        """Units, with every standing trade as if it were settled."""
        standing, unsettled = self.trades_standing()
        heard = self.registry[: self.registry_heard]
        booked = {number for kind, numbers in heard if kind == "returned" for number in numbers}
        on_the_way = [one for number, one in enumerate(self.returned) if number not in booked]
        units = Counter(dict.fromkeys(ACCOUNTS, UNITS_AT_FIRST))
        for account, quantity_tonnes in self.returned:
            units[account] -= quantity_tonnes
        for made in standing:
            units[made.buyer] += made.quantity_tonnes
            units[made.seller] -= made.quantity_tonnes
        return tuple(
            UnitPosition(
                account,
                "CEA",
                units[account],
                sum(one.quantity_tonnes for one in unsettled if one.buyer == account),
                sum(one.quantity_tonnes for one in unsettled if one.seller == account),
                sum(tonnes for holder, tonnes in on_the_way if holder == account),
                sum(event.quantity_tonnes for event in self.excluded_heard() if event.seller == account),
            )
            for account in ACCOUNTS
        )

    def fund_positions(
        self, entries: list[FundsDeposited | FundsRestored | PayoutRequested]
    ) -> tuple[FundPosition, ...]:
        """Money, with every standing trade as if it were settled."""
        standing, unsettled = self.trades_standing()
        acknowledged = {event.release_id for event in entries if isinstance(event, PayoutRequested)}
        on_the_way = [one for one in self.releases if one.release_id not in acknowledged]
        money: Counter[str] = Counter()
        for event in entries:
            if not isinstance(event, PayoutRequested):
                money[event.account] += event.amount_fen
        for released in self.releases:
            money[released.account] -= released.amount_fen
        for made in standing:
            money[made.buyer] -= made.value_fen + made.buyer_fee_fen
            money[made.seller] += made.value_fen - made.seller_fee_fen
        return tuple(
            FundPosition(
                account,
                money[account],
                sum(one.value_fen + one.buyer_fee_fen for one in unsettled if one.buyer == account),
                sum(one.value_fen - one.seller_fee_fen for one in unsettled if one.seller == account),
                sum(one.amount_fen for one in on_the_way if one.account == account),
                sum(event.blocked_fen for event in self.excluded_heard() if event.buyer == account),
            )
            for account in ACCOUNTS
        )

    def holdings(self, registry_position: int) -> list[HeldUnits]:
        """What the registry held in trading's custody after so many of its records."""
        units = Counter(dict.fromkeys(ACCOUNTS, UNITS_AT_FIRST))
        for kind, numbers in self.registry[:registry_position]:
            for number in numbers:
                if kind == "returned":
                    account, quantity_tonnes = self.returned[number]
                    units[account] -= quantity_tonnes
                else:
                    made = self.trades[number - 1]
                    units[made.buyer] += made.quantity_tonnes
                    units[made.seller] -= made.quantity_tonnes
        return [HeldUnits(account, "CEA", units[account]) for account in ACCOUNTS]
