"""Trading's domain, played in memory: what its unit and property tests share."""

import copy
from collections.abc import Sequence
from typing import TypeVar

import pytest

from chassis.core.days import MINUTE_MS, day_start_ms
from chassis.core.decider import Context, Rejected
from support.domains.refused import naming_its_field
from support.shell.asking import acting
from trading.domain.accounts import OpenTradingAccount
from trading.domain.calendar import AnnounceTradingDays
from trading.domain.closing import CloseDay
from trading.domain.custody import CreditAllowances, CreditFunds
from trading.domain.decider import DECIDER
from trading.domain.instruments import AdmitInstrument, NoteVintage
from trading.domain.opening import OpenDay
from trading.domain.rules import SetCompositeWeights, SetTradingRules
from trading.domain.settlement import MarkTradeSettled, NoteBooksAgreement, NoteSettlementDay
from trading.domain.state import Market, Session, Settlement, TradingRules, Weight

DAYS = ("2021-07-16", "2021-07-19", "2021-07-20", "2021-07-21", "2021-07-22")
FRIDAY, MONDAY, TUESDAY = DAYS[:3]

ANN, BOB = "exchange_operator:ann", "exchange_operator:bob"
POWER, STEEL, CEMENT = "participant:power", "participant:steel", "participant:cement"
REGISTRY, CLEARING, TIMER = "service:registry", "service:clearing", "timer:trading"

REFERENCE_FEN = 4_800
"""The limits of the first day: 43.20 to 52.80 for listings, 33.60 to 62.40 for blocks."""

RULES = TradingRules(
    valid_from_day=FRIDAY,
    source="the exchange's announcement",
    listed_band_bp=1_000,
    block_band_bp=3_000,
    price_tick_fen=1,
    quantity_tick_tonnes=1,
    listed_tonnes_max=99_999,
    block_tonnes_min=100_000,
    listed_sessions=(Session(9 * 60 + 30, 11 * 60 + 30), Session(13 * 60, 15 * 60)),
    block_sessions=(Session(13 * 60, 15 * 60),),
    book_levels=5,
)

F = TypeVar("F", bound="Floor")
Line = tuple[str, str, object, object]
"""When, who asks, for what, and the answer: the reason of a refusal, the events, or None where any events will do."""


class Floor:
    """A market and its clock."""

    def __init__(self) -> None:
        self.market = Market()
        self.day = FRIDAY
        self.now_ms = moment(FRIDAY, "08:00")
        self.set_aside = 0
        self.set_aside_last = 0
        self.halted: tuple[str, ...] = ()
        self.entry = 0

    def play(self, actor: str, command: object, proposed_by: str = "") -> list[object]:
        """Decide and evolve one command, approved by the actor if another proposed it; the books must hold after every
        event.
        """
        context = Context(
            self.now_ms,
            acting(actor),
            self.set_aside,
            self.halted,
            set_aside_last=self.set_aside_last,
            approval="trading/1" if proposed_by else "",
            proposed_by=proposed_by,
        )
        with naming_its_field(command):
            events = DECIDER.decide[type(command)](self.market, command, context)
        for event in events:
            DECIDER.evolve[type(event)](self.market, event)
        return events

    def at(self, clock: str) -> "Floor":
        """It is so late on the current day: `09:30`, China time."""
        self.now_ms = moment(self.day, clock)
        return self

    def refusal(self, actor: str, command: object) -> tuple[str, dict[str, int | str]]:
        """Reason and facts; a refusal changes nothing."""
        before = copy.deepcopy(self.market)
        with pytest.raises(Rejected) as refused:
            self.play(actor, command)
        assert self.market == before, "a refusal changes nothing"
        return refused.value.reason, refused.value.facts

    def climb(self, ladder: Sequence[Line]) -> None:
        """Play a table line by line."""
        for clock, actor, command, answer in ladder:
            self.at(clock)
            if isinstance(answer, str):
                assert self.refusal(actor, command)[0] == answer, f"{answer}: {command}"
            else:
                events = self.play(actor, command)
                assert answer in (events, None), (command, events)

    # The course of days

    def give(self, account: str, *, tonnes: int = 0, fen: int = 0, instrument: str = "CEA") -> None:
        """The registry and clearing make something over to an account."""
        if tonnes:
            self.play(REGISTRY, CreditAllowances(account, instrument, tonnes, 1))
        if fen:
            self.entry += 1
            self.play(CLEARING, CreditFunds(account, fen, self.entry, 1))

    def open(self, day: str) -> list[object]:
        self.day = day
        self.at("09:00")
        return self.play(ANN, OpenDay(day))

    def close(self) -> list[object]:
        self.at("15:00")
        return self.play(TIMER, CloseDay(self.day))

    def settle(self) -> None:
        """Clearing settles every trade that waits and completes the day; the books agree."""
        for trade in list(self.market.trades.values()):
            if trade.day == self.day and trade.settlement is Settlement.AWAITED:
                self.play(CLEARING, settled(self.market, trade.trade_id))
        self.play(CLEARING, NoteSettlementDay(self.day))
        self.play(CLEARING, NoteBooksAgreement(self.day, True))

    def assert_books(self) -> None:
        for account in self.market.accounts.values():
            account.check()


def moment(day: str, clock: str) -> int:
    hour, minute = clock.split(":")
    return day_start_ms(day) + (int(hour) * 60 + int(minute)) * MINUTE_MS


def settled(market: Market, trade_id: int) -> MarkTradeSettled:
    """What clearing says of a trade that it settled as it was made."""
    trade = market.trades[trade_id]
    return MarkTradeSettled(
        trade_id=trade_id,
        buyer=trade.buyer,
        seller=trade.seller,
        instrument=trade.instrument,
        quantity_tonnes=trade.quantity_tonnes,
        value_fen=trade.value_fen,
    )


def quiet_floor() -> Floor:
    return made_quiet(Floor())


def made_quiet(floor: F) -> F:
    """Days announced, rules set, CEA listed at 48.00, three accounts; nobody has anything, no day is open."""
    floor.play(ANN, AnnounceTradingDays(DAYS))
    floor.play(ANN, SetTradingRules(RULES))
    floor.play(REGISTRY, NoteVintage("CEA"))
    floor.play(ANN, SetCompositeWeights(FRIDAY, (Weight("CEA", 1),), "the exchange's notice"))
    floor.play(ANN, AdmitInstrument("CEA", FRIDAY, REFERENCE_FEN))
    for account in ("power", "steel", "cement"):
        floor.play(REGISTRY, OpenTradingAccount(account, True))
    return floor


def open_floor() -> Floor:
    """The first day at 10:00: power has 300,000 t of CEA, steel has CNY 10 million, cement has both."""
    floor = quiet_floor()
    floor.give("power", tonnes=300_000)
    floor.give("steel", fen=1_000_000_000)
    floor.give("cement", tonnes=100_000, fen=1_000_000_000)
    floor.open(FRIDAY)
    return floor.at("10:00")
