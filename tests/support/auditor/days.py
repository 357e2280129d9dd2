"""Every trading day's rules, limits, prices and volumes, recomputed trade by trade."""

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import Any

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from support.auditor.findings import Findings
from support.auditor.rules import change_bp, china_day, limits_of, nearest

Obstacle = tuple[str, str]
"""What keeps a day from being opened: a reason, and of what."""

SET_ASIDE = "SET_ASIDE_PENDING"
DOUBTS = ("HEARING_HALTED", SET_ASIDE)
"""Obstacles that the shell's records make."""


class Dated:
    """What is valid from which day on; a later set for the same day replaces the earlier."""

    def __init__(self) -> None:
        self._days: list[str] = []
        self._sets: dict[str, Any] = {}

    def put(self, day: str, dated: Any) -> None:
        if day not in self._sets:
            insort(self._days, day)
        self._sets[day] = dated

    def on(self, day: str) -> Any:
        index = bisect_right(self._days, day)
        return self._sets[self._days[index - 1]] if index else None


@dataclass(slots=True)
class Traded:
    """One instrument's day."""

    prices: list[int] = field(default_factory=list)  # first, highest, lowest, last of the listed trades
    listed_tonnes: int = 0
    listed_value_fen: int = 0
    block_tonnes: int = 0
    block_value_fen: int = 0
    trades: int = 0

    def add(self, event: pb.TradeExecuted) -> None:
        self.trades += 1
        if event.method == types.TRADE_METHOD_BLOCK:
            self.block_tonnes += event.quantity_tonnes
            self.block_value_fen += event.value_fen
            return
        self.listed_tonnes += event.quantity_tonnes
        self.listed_value_fen += event.value_fen
        price = event.price_fen
        first, high, low, _ = self.prices or [price] * 4
        self.prices = [first, max(high, price), min(low, price), price]


@dataclass(slots=True)
class Instrument:
    first_day: str = ""
    close_fen: int = 0
    today: Traded = field(default_factory=Traded)
    sums: dict[str, list[int]] = field(default_factory=dict)  # by year and in all: tonnes, value


class Days:
    """The calendar and the prices."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.rules, self.fees, self.weights = Dated(), Dated(), Dated()
        self.instruments: dict[str, Instrument] = {}
        self.announced: set[str] = set()
        self.open_day = ""
        self.last_opened = ""
        self.limits: dict[str, types.InstrumentLimits] = {}
        self.unsettled: set[str] = set()
        self.settled_last = ""
        self.compared = ("", "")  # after which day last, and what differed
        self.covered: set[Obstacle] = set()
        self.suspended: set[str] = set()
        self.composite_close_fen = 0
        self.path: list[int] = []  # first, highest, lowest of the composite today
        self.whole = [0, 0, 0, 0, 0]  # trades, tonnes, value, first and last trade id of the day
        self.bulletins: dict[str, list[pb.InstrumentDayClosed]] = {}
        self.closed_today: set[str] = set()
        self.priced_today = False

    def open(self, event: pb.DayOpened) -> None:
        say, same = self._findings.say, self._findings.same
        if self.open_day or event.day <= self.last_opened:
            say("days open one after the other", f"{event.day} after {self.last_opened}, open {self.open_day!r}")
        if event.day not in self.announced or china_day(event.opened_ms) != event.day:
            say("an announced day opens on its own date", event.day)
        stated = {(each.reason, each.subject) for each in event.overridden}
        of_books = {each for each in stated if each[0] not in DOUBTS}
        same("a day opens after settlement and agreement", event.day, of_books, self._obstacles())
        for reason, subject in sorted(stated - self.covered):
            up_to = [int(each[1]) for each in self.covered if each[0] == SET_ASIDE]
            if reason != SET_ASIDE or int(subject) > max(up_to, default=0):
                say("two people override an opening", f"{event.day}: {reason} {subject}")
        self.covered = stated
        weights = self._weights_on(event.day)
        known = [
            (self.instruments[name].close_fen, weight) for name, weight in weights if self.instruments[name].close_fen
        ]
        composite = self.composite_close_fen or mean(known)
        same("the composite goes on from its close", event.day, event.composite_previous_close_fen, composite)
        listed = sorted(name for name, one in self.instruments.items() if one.first_day and one.first_day <= event.day)
        rules = self.rules.on(event.day)
        limits = [limits_of(name, self.instruments[name].close_fen or composite, rules) for name in listed]
        same("limits are half-up of the previous close", event.day, list(event.limits), limits)
        self.open_day = self.last_opened = event.day
        self.limits = {each.instrument: each for each in event.limits}
        for name in listed:
            self.instruments[name].close_fen = self.limits[name].previous_close_fen
            self.instruments[name].today = Traded()
        self.composite_close_fen = event.composite_previous_close_fen
        self.path, self.whole = [], [0, 0, 0, 0, 0]
        self.closed_today, self.priced_today = set(), False
        self.unsettled.add(event.day)

    def settle(self, day: str) -> None:
        self.unsettled.discard(day)
        self.settled_last = day

    def compare(self, event: pb.BooksAgreementNoted) -> None:
        """Books are cumulative: the last comparison counts, for all days before it."""
        self._findings.same("what differs has a name", event.day, event.agreed, not event.disagreement)
        if event.day >= self.compared[0]:
            self.compared = (event.day, event.disagreement)

    def override(self, event: pb.OpeningOverridden, signed: tuple[str, str]) -> None:
        """`signed` are the two people whom the records name."""
        stated = (event.proposed_by, event.approved_by)
        self._findings.same("two people override an opening", event.day, stated, signed)
        self.covered |= {(each.reason, each.subject) for each in event.obstacles}

    def _obstacles(self) -> set[Obstacle]:
        """What keeps a day closed, as far as the days themselves say."""
        compared, disagreement = self.compared
        found = {("EARLIER_DAY_NOT_SETTLED", day) for day in self.unsettled}
        if compared < self.settled_last:
            return found | {("BOOKS_NOT_COMPARED", self.settled_last)}
        return found | ({("BOOKS_NOT_AGREED", disagreement)} if disagreement else set())

    def _weights_on(self, day: str) -> list[tuple[str, int]]:
        dated = self.weights.on(day)
        if dated is None:
            return []
        return [
            (each.instrument, each.weight)
            for each in dated.weights
            if each.weight and "" < self.instruments[each.instrument].first_day <= day
        ]

    def trade(self, event: pb.TradeExecuted) -> None:
        self.instruments[event.instrument].today.add(event)
        first = self.whole[3] or event.trade_id
        self.whole = [
            self.whole[0] + 1,
            self.whole[1] + event.quantity_tonnes,
            self.whole[2] + event.value_fen,
            first,
            event.trade_id,
        ]
        weights = self._weights_on(event.day)
        if event.method == types.TRADE_METHOD_LISTED and any(name == event.instrument for name, _ in weights):
            now = mean([(self._last(name), weight) for name, weight in weights])
            self.path = [self.path[0], max(self.path[1], now), min(self.path[2], now)] if self.path else [now] * 3

    def _last(self, name: str) -> int:
        one = self.instruments[name]
        return one.today.prices[3] if one.today.prices else one.close_fen

    def _close(self, name: str) -> int:
        one = self.instruments[name]
        return (
            nearest(one.today.listed_value_fen, one.today.listed_tonnes) if one.today.listed_tonnes else one.close_fen
        )

    def close_instrument(self, event: pb.InstrumentDayClosed) -> None:
        one = self.instruments[event.instrument]
        today, previous, close = one.today, one.close_fen, self._close(event.instrument)
        first, high, low, _ = today.prices or [previous] * 4
        sums = [self._add_up(one, period, today) for period in (event.day[:4], "all")]
        recomputed = pb.InstrumentDayClosed(
            day=self.open_day,
            instrument=event.instrument,
            open_fen=first,
            high_fen=high,
            low_fen=low,
            close_fen=close,
            previous_close_fen=previous,
            change_bp=change_bp(close, previous),
            listed_tonnes=today.listed_tonnes,
            listed_value_fen=today.listed_value_fen,
            block_tonnes=today.block_tonnes,
            block_value_fen=today.block_value_fen,
            trades=today.trades,
            year_tonnes=sums[0][0],
            year_value_fen=sums[0][1],
            total_tonnes=sums[1][0],
            total_value_fen=sums[1][1],
        )
        self._findings.same("a day's prices are those of its listed trades", event.instrument, event, recomputed)
        self.closed_today.add(event.instrument)
        self.bulletins.setdefault(event.day, []).append(event)

    def _add_up(self, one: Instrument, period: str, today: Traded) -> list[int]:
        sums = one.sums.setdefault(period, [0, 0])
        sums[0] += today.listed_tonnes + today.block_tonnes
        sums[1] += today.listed_value_fen + today.block_value_fen
        return sums

    def price_composite(self, event: pb.CompositePriced) -> None:
        close = mean([(self._close(name), weight) for name, weight in self._weights_on(event.day)])
        first, high, low = self.path or [close] * 3
        previous = self.composite_close_fen
        recomputed = pb.CompositePriced(
            day=self.open_day,
            open_fen=first,
            high_fen=high,
            low_fen=low,
            close_fen=close,
            previous_close_fen=previous,
            change_bp=change_bp(close, previous),
        )
        self._findings.same("the composite is the weighted mean", event.day, event, recomputed)
        self.composite_close_fen = close
        self.priced_today = True

    def close(self, event: pb.TradingDayClosed) -> None:
        stated = [event.trades, event.quantity_tonnes, event.value_fen, event.first_trade_id, event.last_trade_id]
        self._findings.same(
            "a day's close carries its trades", event.day, (event.day, stated), (self.open_day, self.whole)
        )
        self._findings.same("every instrument's day is closed", event.day, self.closed_today, set(self.limits))
        self._findings.same(
            "the composite is priced daily", event.day, self.priced_today, bool(self._weights_on(event.day))
        )
        for name in self.closed_today:
            self.instruments[name].close_fen = self._close(name)
        self.open_day = ""


def mean(weighted: list[tuple[int, int]]) -> int:
    """The weighted mean of (price, weight), half-up; zero of nothing."""
    weights = sum(weight for _, weight in weighted)
    return nearest(sum(price * weight for price, weight in weighted), weights) if weights else 0
