"""A second opinion on a plan: replays every action of it on books of its own and refuses the first that breaks a rule.

Written from the rulebook and the plan's own types alone; it shares no arithmetic with the planner (decimals here, whole
fen there). Waves are taken at their worst: what an action gives must be there when its wave begins, and a listing that
is taken must be within the best five levels although nothing of its wave has been taken yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from rehearsal.plan import Action, Block, CancelListing, DayPlan, DayRow, PlaceListing, Plan, TakeListing

CENT = Decimal("0.01")


class RuleBroken(AssertionError):
    def __init__(self, rule: str, day: date, action_id: str) -> None:
        super().__init__(f"{rule}: {day} {action_id}")
        self.rule = rule


@dataclass
class Result:
    """What the market's books say of one instrument's day. Prices and values in CNY, quantities in tonnes."""

    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    listed_tonnes: int = 0
    listed_value: Decimal = Decimal(0)
    block_tonnes: int = 0
    block_value: Decimal = Decimal(0)
    trades: int = 0


@dataclass
class Resting:
    instrument: str
    maker: str
    buys: bool
    price: Decimal
    wave: int
    left: int
    taken: bool = False


@dataclass
class CheckedMarket:
    """Money and tonnes that can be given now, by account; what arrives later in the day is kept apart."""

    money: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    tonnes: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    money_next_wave: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    tonnes_next_day: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    closes: dict[str, Decimal] = field(default_factory=dict)
    traded: set[str] = field(default_factory=set)
    idle_listings: int = 0
    trades: int = 0

    def end_wave(self) -> None:
        for account, amount in self.money_next_wave.items():
            self.money[account] += amount
        self.money_next_wave.clear()

    def end_day(self) -> None:
        self.end_wave()
        for key, quantity in self.tonnes_next_day.items():
            self.tonnes[key] += quantity
        self.tonnes_next_day.clear()


def cny(fen: int) -> Decimal:
    return Decimal(fen) / 100


def open_market(
    allocations: Mapping[str, Mapping[str, int]], deposits: Mapping[str, int], references: Mapping[str, int]
) -> CheckedMarket:
    market = CheckedMarket()
    for account, by_instrument in allocations.items():
        for instrument, quantity in by_instrument.items():
            market.tonnes[account, instrument] = quantity
    for account, fen in deposits.items():
        market.money[account] = cny(fen)
    market.closes = {instrument: cny(fen) for instrument, fen in references.items()}
    return market


def play_day(market: CheckedMarket, plan: DayPlan) -> dict[str, Result]:
    """The day's results by instrument. Raises RuleBroken at the first action that no exchange would accept."""
    replay = _Day(market, plan.day, {row.instrument for row in plan.rows})
    replay.play(plan.actions)
    return replay.results


@dataclass(frozen=True)
class CheckedPlan:
    """A plan, its days, the results by day and instrument, and the market after the last day."""

    plan: Plan
    days: tuple[DayPlan, ...]
    results: Mapping[tuple[date, str], Result]
    market: CheckedMarket


def play(plan: Plan) -> CheckedPlan:
    """The whole plan from its first day. Raises RuleBroken."""
    references = {instrument.code: instrument.reference_fen for instrument in plan.instruments}
    market = open_market(plan.allocations, plan.deposits, references)
    days = tuple(plan.stream())
    results = {(day.day, code): result for day in days for code, result in play_day(market, day).items()}
    return CheckedPlan(plan, days, results, market)


def result_of(row: DayRow, trades: int) -> Result:
    """What the books must say of a row's day; without a listed trade there is no price but the close."""
    traded = row.listed_tonnes > 0
    return Result(
        open=cny(row.open_fen) if traded else None,
        high=cny(row.high_fen) if traded else None,
        low=cny(row.low_fen) if traded else None,
        close=cny(row.close_fen),
        listed_tonnes=row.listed_tonnes,
        listed_value=cny(row.listed_value_fen),
        block_tonnes=row.block_tonnes,
        block_value=cny(row.block_value_fen),
        trades=trades,
    )


class _Day:
    def __init__(self, market: CheckedMarket, day: date, instruments: Iterable[str]) -> None:
        self.market = market
        self.day = day
        self.results = {instrument: Result() for instrument in instruments}
        self.book: dict[str, Resting] = {}
        self.levels: dict[tuple[str, bool], list[Decimal]] = {}
        self.opened: dict[str, int] = {}
        self.ids: set[str] = set()
        self.wave = -1

    def play(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.need(action.id not in self.ids, "AN_ID_IS_USED_ONCE", action)
            self.ids.add(action.id)
            self.need(action.wave >= self.wave, "WAVES_RISE", action)
            if action.wave > self.wave:
                self.wave = action.wave
                self.begin_wave(action)
            if isinstance(action, PlaceListing):
                self.place(action)
            elif isinstance(action, TakeListing):
                self.take(action)
            elif isinstance(action, CancelListing):
                self.cancel(action)
            else:
                self.block(action)
        self.close()

    def need(self, holds: bool, rule: str, action: Action) -> None:
        if not holds:
            raise RuleBroken(rule, self.day, action.id)

    def begin_wave(self, action: Action) -> None:
        self.market.end_wave()
        for instrument in self.results:
            here = [listing for listing in self.book.values() if listing.instrument == instrument and listing.left]
            bids = sorted({listing.price for listing in here if listing.buys}, reverse=True)
            asks = sorted({listing.price for listing in here if not listing.buys})
            self.need(not bids or not asks or bids[0] < asks[0], "THE_BOOK_DOES_NOT_CROSS", action)
            self.levels[instrument, True], self.levels[instrument, False] = bids, asks

    def within_limit(self, action: PlaceListing | Block, percent: int) -> None:
        previous = self.market.closes[action.instrument]
        up = (previous * (100 + percent) / 100).quantize(CENT, ROUND_HALF_UP)
        down = (previous * (100 - percent) / 100).quantize(CENT, ROUND_HALF_UP)
        self.need(down <= cny(action.price_fen) <= up, "PRICE_WITHIN_DAILY_LIMIT", action)

    def pay(self, account: str, amount: Decimal, action: Action) -> None:
        self.need(self.market.money[account] >= amount, "MONEY_IS_THERE", action)
        self.market.money[account] -= amount

    def give(self, account: str, instrument: str, quantity: int, action: Action) -> None:
        self.need(self.market.tonnes[account, instrument] >= quantity, "TONNES_ARE_THERE", action)
        self.market.tonnes[account, instrument] -= quantity

    def receive(self, instrument: str, buyer: str, seller: str, quantity: int, value: Decimal) -> None:
        self.market.tonnes_next_day[buyer, instrument] += quantity
        self.market.money_next_wave[seller] += value
        self.market.traded |= {buyer, seller}
        self.results[instrument].trades += 1

    def place(self, action: PlaceListing) -> None:
        self.need(1 <= action.quantity_tonnes <= 99_999, "LISTED_SIZE", action)
        self.within_limit(action, 10)
        price, buys = cny(action.price_fen), action.side == "buy"
        if buys:
            self.pay(action.account, price * action.quantity_tonnes, action)
        else:
            self.give(action.account, action.instrument, action.quantity_tonnes, action)
        quantity = action.quantity_tonnes
        self.book[action.id] = Resting(action.instrument, action.account, buys, price, action.wave, quantity)

    def take(self, action: TakeListing) -> None:
        listing, quantity = self.book[action.listing_id], action.quantity_tonnes
        instrument, price = action.instrument, listing.price
        self.need(listing.wave < action.wave, "TAKEN_IN_A_LATER_WAVE", action)
        self.need((listing.instrument, price) == (instrument, cny(action.price_fen)), "AS_THE_TAKER_SAW_IT", action)
        self.need(listing.maker != action.account, "TAKER_IS_NOT_MAKER", action)
        self.need(1 <= quantity <= listing.left, "NOT_MORE_THAN_IS_LEFT", action)
        self.need(price in self.levels[instrument, listing.buys][:5], "WITHIN_BEST_FIVE_LEVELS", action)
        if listing.buys:
            self.give(action.account, instrument, quantity, action)
            self.receive(instrument, listing.maker, action.account, quantity, price * quantity)
        else:
            self.pay(action.account, price * quantity, action)
            self.receive(instrument, action.account, listing.maker, quantity, price * quantity)
        listing.left -= quantity
        listing.taken = True

        result = self.results[instrument]
        if result.open is None:
            self.need(result.trades == 1, "THE_OPENING_COMES_FIRST", action)
            result.open, self.opened[instrument] = price, action.wave
        else:
            self.need(self.opened[instrument] < action.wave, "THE_OPENING_IS_ALONE", action)
        result.high = max(result.high or price, price)
        result.low = min(result.low or price, price)
        result.listed_tonnes += quantity
        result.listed_value += price * quantity

    def cancel(self, action: CancelListing) -> None:
        listing = self.book[action.listing_id]
        self.need(listing.maker == action.account, "ONLY_THE_MAKER_CANCELS", action)
        self.need(listing.wave < action.wave and listing.left > 0, "CANCELLED_WHILE_IT_RESTS", action)
        self.release(listing)

    def block(self, action: Block) -> None:
        self.need(action.wave.session == "afternoon", "BLOCKS_IN_THE_AFTERNOON", action)
        self.need(action.quantity_tonnes >= 100_000, "BLOCK_SIZE", action)
        self.need(action.initiator != action.counterparty, "TWO_SIDES", action)
        self.within_limit(action, 30)
        buyer, seller = action.initiator, action.counterparty
        if action.side == "sell":
            buyer, seller = seller, buyer
        value = cny(action.price_fen) * action.quantity_tonnes
        self.pay(buyer, value, action)
        self.give(seller, action.instrument, action.quantity_tonnes, action)
        self.receive(action.instrument, buyer, seller, action.quantity_tonnes, value)
        self.results[action.instrument].block_tonnes += action.quantity_tonnes
        self.results[action.instrument].block_value += value

    def release(self, listing: Resting) -> None:
        if listing.buys:
            self.market.money_next_wave[listing.maker] += listing.price * listing.left
        else:
            self.market.tonnes_next_day[listing.maker, listing.instrument] += listing.left
        listing.left = 0

    def close(self) -> None:
        for listing in self.book.values():
            self.market.idle_listings += not listing.taken
            self.release(listing)
        for instrument, result in self.results.items():
            self.market.trades += result.trades
            if result.listed_tonnes:
                average = result.listed_value / result.listed_tonnes
                self.market.closes[instrument] = average.quantize(CENT, ROUND_HALF_UP)
            result.close = self.market.closes[instrument]
        self.market.end_day()
