"""Whatever people, clearing and the clock do in whatever order, the books hold and no rule is broken.

A history is a list of steps; each is a kind and a seed from which its details are drawn, mostly sensible, sometimes
not. The auditor, which shares no code with the domain, reads every event as a record of trading's log.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.core.decider import Context, Rejected
from chassis.core.sum_tree import Key
from support.auditor.findings import Findings
from support.auditor.pairs import Pairs
from support.auditor.trading_book import TradingBook
from support.domains.audited_log import AuditedLog
from support.domains.kept_trees import assert_commits_to, restored, up_to_date
from support.domains.trading_floor import ANN, BOB, CLEARING, DAYS, REGISTRY, Floor, made_quiet, settled
from support.shell.asking import acting
from trading.answers.commitments import stated
from trading.domain.balances import Units
from trading.domain.block import ConfirmBlock, DeclineBlock, OfferBlock, QuoteBlock, WithdrawBlock
from trading.domain.closing import CloseDay
from trading.domain.commitments import CUSTODY, MONEY, UNITS_DUE
from trading.domain.custody import (
    AcknowledgeRelease,
    AcknowledgeReturn,
    AllowancesCredited,
    AllowancesReturned,
    CreditAllowances,
    FundsCredited,
    FundsReleased,
    ReleaseFunds,
    ReturnToRegistry,
)
from trading.domain.decider import DECIDER
from trading.domain.fees import lock_fen
from trading.domain.instruments import AdmitInstrument, NoteVintage
from trading.domain.listed import CancelOrder, PlaceOrder, TakeListing
from trading.domain.opening import OpenDay
from trading.domain.overriding import OverrideOpening
from trading.domain.restriction import ResumeTradingAccount, StopTradingAccount
from trading.domain.rules import SetFees
from trading.domain.settlement import BlockTrade, NoteBooksAgreement, NoteSettlementDay, TradeBlocked
from trading.domain.state import DayPhase, Market, Settlement
from trading.domain.suspension import ResumeTrading, SuspendTrading
from trading.domain.trades import TradeExecuted
from trading.domain.values import Side
from trading.wire import WIRE

ACCOUNTS = ("power", "steel", "cement")
INSTRUMENTS = ("CEA", "CEA21")
CLOCKS = ("10:00", "11:00", "13:30", "14:30")


class History(Floor):
    """A floor that keeps its events and has the auditor read them."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[object] = []
        findings = Findings()
        self.book = TradingBook(findings, Pairs(findings))
        self.log = AuditedLog(self.book, WIRE)
        self.registry_position = 0

    def play(self, actor: str, command: object, proposed_by: str = "") -> list[object]:
        approval = self.log.approve(acting(proposed_by), acting(actor), self.now_ms) if proposed_by else ""
        context = Context(self.now_ms, acting(actor), self.set_aside, approval=approval, proposed_by=proposed_by)
        events = DECIDER.decide[type(command)](self.market, command, context)
        for event in events:
            DECIDER.evolve[type(event)](self.market, event)
        self.log.record(events, acting(actor), self.now_ms, approval)
        self.events += events
        return events

    def at(self, clock: str) -> "Floor":
        """As in a log, time never goes back."""
        before_ms = self.now_ms
        super().at(clock)
        self.now_ms = max(before_ms, self.now_ms)
        return self

    def credit(self, account: str, instrument: str, tonnes: int) -> None:
        """The registry makes units over, if it may."""
        self.registry_position += 1
        self.attempt(REGISTRY, CreditAllowances(account, instrument, tonnes, self.registry_position))

    def given_fen(self) -> int:
        """What clearing credited, less what went back and what the exchange has of it as fees."""
        given = fees = 0
        trades = {event.trade_id: event for event in self.events if isinstance(event, TradeExecuted)}
        for event in self.events:
            match event:
                case FundsCredited(amount_fen=amount_fen):
                    given += amount_fen
                case FundsReleased(amount_fen=amount_fen):
                    given -= amount_fen
                case TradeExecuted():
                    fees += event.buyer_fee_fen + event.seller_fee_fen
                case TradeBlocked(trade_id=trade_id):
                    fees -= trades[trade_id].buyer_fee_fen + trades[trade_id].seller_fee_fen
        return given - fees

    def given_tonnes(self, instrument: str) -> int:
        """What the registry transferred, less what went back."""
        given = [one for one in self.events if isinstance(one, AllowancesCredited | AllowancesReturned)]
        return sum(
            one.quantity_tonnes if isinstance(one, AllowancesCredited) else -one.quantity_tonnes
            for one in given
            if one.instrument == instrument
        )

    def attempt(self, actor: str, command: object, proposed_by: str = "") -> None:
        """A refusal is one of the answers."""
        try:
            self.play(actor, command, proposed_by)
        except Rejected:
            return


def begin() -> History:
    history = made_quiet(History())
    history.play(REGISTRY, NoteVintage("CEA21"))
    history.play(ANN, AdmitInstrument("CEA21", DAYS[0], 4_500))
    history.play(ANN, SetFees(DAYS[0], 137, 59, "the exchange's tariff"))
    for account in ACCOUNTS:
        for instrument in INSTRUMENTS:
            history.credit(account, instrument, 250_000)
            history.give(account, fen=600_000_000)
    history.open(DAYS[0])
    history.at("10:00")
    return history


# Steps


def place(history: History, random: Random) -> None:
    account, instrument = random.choice(ACCOUNTS), random.choice(INSTRUMENTS)
    close_fen = history.market.instruments[instrument].previous_close_fen
    price_fen = close_fen + random.randint(-12, 12) * close_fen // 110
    tonnes = random.choice((1, 7, 1_000, 99_999, 100_000))
    side = random.choice((Side.BUY, Side.SELL))
    history.attempt(f"participant:{account}", PlaceOrder(account, instrument, side, price_fen, tonnes))


def take(history: History, random: Random) -> None:
    account = random.choice(ACCOUNTS)
    order_id = random.choice(list(history.market.orders) or [history.market.order_id_last or 1])
    listing = history.market.orders.get(order_id)
    price_fen = listing.price_fen if listing else 4_800
    tonnes = random.choice((1, 3, listing.remaining_tonnes if listing else 5))
    history.attempt(f"participant:{account}", TakeListing(account, order_id, tonnes, price_fen))


def cancel(history: History, random: Random) -> None:
    order_id = random.choice(list(history.market.orders) or [1])
    history.attempt(f"participant:{random.choice(ACCOUNTS)}", CancelOrder(order_id))


def offer(history: History, random: Random) -> None:
    history.at(random.choice(("10:00", "13:30", "13:30", "13:30")))
    account, counterparty = random.sample(ACCOUNTS, 2)
    instrument, side = random.choice(INSTRUMENTS), random.choice((Side.BUY, Side.SELL))
    price_fen, tonnes = random.randint(3_000, 6_500), random.choice((100_000, 150_000, 99_999))
    command = OfferBlock(account, counterparty, instrument, side, price_fen, tonnes)
    history.attempt(f"participant:{account}", command)


def answer(history: History, random: Random) -> None:
    for block in list(history.market.blocks.values())[:1]:
        answers: Sequence[object] = (
            ConfirmBlock(block.block_id, block.price_fen, block.quantity_tonnes),
            ConfirmBlock(block.block_id, block.price_fen, block.quantity_tonnes),
            QuoteBlock(block.block_id, random.randint(3_300, 6_300), random.choice((100_000, 120_000))),
            DeclineBlock(block.block_id),
            WithdrawBlock(block.block_id),
        )
        side = random.choice((block.responder, block.responder, block.proposer))
        history.attempt(f"participant:{side}", random.choice(answers))


def give_back(history: History, random: Random) -> None:
    account = random.choice(ACCOUNTS)
    actor = f"participant:{account}"
    history.attempt(actor, ReturnToRegistry(account, random.choice(INSTRUMENTS), random.choice((1, 5_000, 250_000))))
    amount_fen = random.choice((1, history.market.accounts[account].funds.withdrawable_fen or 1, 10**9))
    history.attempt(actor, ReleaseFunds(account, amount_fen))


def hear_custody(history: History, random: Random) -> None:
    market = history.market
    account = random.choice(ACCOUNTS)
    if not market.accounts[account].stopped_ground:  # the registry makes nothing over for an account that it restricted
        history.credit(account, random.choice(INSTRUMENTS), random.randint(1, 10_000))
    history.entry = market.entries_counted.last
    history.give(account, fen=random.randint(1, 10**7))
    for return_id, returned in list(market.returns.items())[:1]:
        history.play(
            REGISTRY,
            AcknowledgeReturn(return_id, returned.account, returned.instrument, returned.quantity_tonnes, 1),
        )
    for release_id, released in list(market.releases.items())[:1]:
        entry = market.entries_counted.last + 1
        history.play(CLEARING, AcknowledgeRelease(release_id, released.account, released.amount_fen, entry))


def hear_settled(history: History, random: Random) -> None:
    """Of a closed day: clearing settles in the order of trades, and takes one out now and then."""
    open_day = history.market.calendar.open_day
    for trade in list(history.market.trades.values()):
        if trade.settlement is not Settlement.AWAITED or trade.day == open_day or random.random() < 0.3:
            continue
        unpaid = trade.buyer_pays_fen > history.market.accounts[trade.buyer].funds.settled_fen
        if unpaid or random.random() < 0.2:
            blocked_fen = random.choice((0, random.randint(0, trade.buyer_pays_fen), trade.buyer_pays_fen))
            history.play(CLEARING, BlockTrade(trade.trade_id, blocked_fen))
        else:
            history.play(CLEARING, settled(history.market, trade.trade_id))


def stop(history: History, random: Random) -> None:
    account = random.choice(ACCOUNTS)
    history.registry_position += 1
    history.attempt(REGISTRY, StopTradingAccount(account, "risk", history.registry_position))
    assert not any(units.available_tonnes for units in history.market.accounts[account].units.values())
    history.attempt(ANN, SuspendTrading(random.choice(("", *INSTRUMENTS)), "a fault"))


def resume(history: History, random: Random) -> None:
    for account in ACCOUNTS:
        history.attempt(REGISTRY, ResumeTradingAccount(account))
    for instrument in ("", *INSTRUMENTS):
        history.attempt(ANN, ResumeTrading(instrument))


def wait(history: History, random: Random) -> None:
    """It becomes later in the day, or does not."""
    history.at(random.choice(CLOCKS))


def end_day(history: History, random: Random) -> None:
    """The day closes; the next opens, settled as it should be or overridden by two people."""
    market = history.market
    if DAYS.index(history.day) + 1 == len(DAYS):
        return
    history.at("15:00")
    history.attempt("timer:trading", CloseDay(history.day))
    if random.random() < 0.7:
        hear_settled(history, random)
        while any(trade.settlement is Settlement.AWAITED for trade in market.trades.values()):
            hear_settled(history, random)
        for day in [one.day for one in market.calendar.days.values() if one.phase is DayPhase.CLOSED]:
            history.play(CLEARING, NoteSettlementDay(day))
            history.play(CLEARING, NoteBooksAgreement(day, True))
    history.day = DAYS[DAYS.index(history.day) + 1]
    history.at("09:00")
    history.attempt(BOB, OverrideOpening(history.day, "the committee decided"), proposed_by=ANN)
    history.play(ANN, OpenDay(history.day))
    history.at("10:00")


STEPS: dict[str, Callable[[History, Random], None]] = {
    step.__name__: step
    for step in (
        place,
        take,
        cancel,
        offer,
        answer,
        give_back,
        hear_custody,
        hear_settled,
        stop,
        resume,
        wait,
        end_day,
    )
}
KINDS = (
    ["place"] * 10 + ["take"] * 10 + ["offer"] * 4 + ["answer"] * 6 + ["resume"] * 3
    + ["cancel", "give_back", "hear_custody", "hear_settled", "stop", "wait", "end_day"]
)  # fmt: skip

histories = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2**32)), min_size=20, max_size=120)


def run(steps: Sequence[tuple[str, int]]) -> History:
    history = begin()
    for kind, seed in steps:
        STEPS[kind](history, Random(seed))
        assert_conserved(history)
    return history


def assert_conserved(history: History) -> None:
    """Nothing is negative (the domain asserts it, too); no unit and no fen comes from nowhere or goes astray."""
    history.assert_books()
    accounts = history.market.accounts.values()
    for instrument in INSTRUMENTS:
        total_tonnes = sum(account.units[instrument].total_tonnes for account in accounts)
        assert total_tonnes == history.given_tonnes(instrument)
    custody = history.book.custody
    for account in accounts:
        for instrument, units in account.units.items():
            audited = custody.units_of(account.account, instrument)
            assert (units.available_tonnes, units.locked_tonnes) == (audited.available, audited.locked)
            assert (units.bought_tonnes, units.blocked_tonnes) == (audited.bought, audited.blocked)
        funds = custody.funds_of(account.account)
        assert (account.funds.total_fen, account.funds.locked_fen) == (funds.total, funds.locked)
    assert sum(account.funds.total_fen for account in accounts) == history.given_fen()
    for account in accounts:
        orders = sum(one.bidding_fen for one in history.market.orders.values() if one.account == account.account)
        blocks = sum(one.bidding_fen for one in history.market.blocks.values() if one.proposer == account.account)
        assert account.bidding_fen == orders + blocks
        if history.market.calendar.open_day:
            assert account.funds.locked_fen == lock_fen(history.market, account)
        else:
            assert account.funds.locked_fen == 0


@settings(max_examples=150, deadline=None)
@given(histories)
def test_units_and_money_are_conserved_and_no_rule_is_broken(steps: list[tuple[str, int]]) -> None:
    run(steps)


@settings(max_examples=40, deadline=None)
@given(histories)
def test_the_fold_of_the_stored_events_is_the_live_state(steps: list[tuple[str, int]]) -> None:
    history = run(steps)
    replayed = Market()
    for event in history.events:
        DECIDER.evolve[type(event)](replayed, WIRE.decode(*WIRE.encode(event)))
    assert replayed == history.market
    assert isinstance(replayed, Market)


def assert_commitments_are_the_books(market: Market) -> None:
    """What the registry and clearing must have, of fields that no move computes it from."""
    trees = {tree.form: tree for tree in up_to_date(lambda: stated(market)).trees}
    returning = Counter[Key]()
    for one in market.returns.values():
        returning[one.account, one.instrument] += one.quantity_tonnes
    releasing = Counter[Key]()
    for release in market.releases.values():
        releasing[release.account,] += release.amount_fen
    units: dict[Key, Units] = {
        (account.account, instrument): units
        for account in market.accounts.values()
        for instrument, units in account.units.items()
    }
    assert_commits_to(trees[CUSTODY], {key: (one.custody_tonnes + returning[key],) for key, one in units.items()})
    assert_commits_to(
        trees[UNITS_DUE],
        {
            key: (one.bought_unsettled_tonnes, one.sold_unsettled_tonnes, one.blocked_tonnes)
            for key, one in units.items()
        },
    )
    assert_commits_to(
        trees[MONEY],
        {
            (account.account,): (
                account.funds.settled_fen + releasing[account.account,],
                account.funds.paid_unsettled_fen,
                account.funds.received_unsettled_fen,
                account.funds.blocked_fen,
            )
            for account in market.accounts.values()
        },
    )


@settings(max_examples=60, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_the_commitments_are_those_of_the_books_whenever_they_are_looked_at(
    steps: list[tuple[str, int]], random: Random
) -> None:
    """Also after a snapshot, which keeps no tree, and from which every account goes on as before."""
    history = begin()
    for kind, seed in steps:
        STEPS[kind](history, Random(seed))
        chance = random.random()
        if chance < 0.05:
            history.market = restored(history.market)
        if chance < 0.3:
            assert_commitments_are_the_books(history.market)
    assert_commitments_are_the_books(history.market)
