"""One market day as its people live it, scene by scene, every step a call of the public API.

Everything that is printed comes from the answers. A refusal is part of the story: it is tried, must be refused for the
reason named, and changes nothing. Anything else that is refused ends the story.
"""

from collections.abc import Awaitable
from datetime import date, time

from carbonmarket.clearing.v1 import clearing_types_pb2 as clearing_types
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket_client import Refused
from carbonmarket_client.screens.book import levels_screen
from carbonmarket_client.screens.runs import steps_screen
from carbonmarket_client.trading import TradingClient
from carbonmarket_client.values import amount, money, tonnes
from carbonmarket_client.words import Side
from rehearsal import opening
from rehearsal.opening import DAY_BEFORE, FIRST_DAY, INSTRUMENT, NEXT_DAY
from rehearsal.people import (
    BANK,
    CLEARING_OPERATOR,
    EXCHANGE_OPERATOR,
    REGULATOR,
    SETTLEMENT_BANK,
    People,
    china_ms,
    wait_until_heard,
)
from rehearsal.settled import wait_until_settled
from rehearsal.telling import Telling

RED_BLUFF, EAST_LAKE, WHITE_CLOUD, THREE_GORGES = (entity.account for entity in opening.ENTITIES[:4])
FUND = opening.ENTITIES[4].account
DAY = FIRST_DAY.isoformat()
BLOCK_TONNES = 150_000
PAYOUT_FEN = 5_000_000_00


class StoryBroken(Exception):
    """Something was allowed that a rule forbids, or refused for another reason than it should be."""


class Story:
    """The scenes, in order; each leaves what the next one needs. The way of trade `traced` is shown at the end."""

    def __init__(self, people: People, telling: Telling) -> None:
        self.people = people
        self.telling = telling
        self.traced = 0
        self.run_id = 0

    async def day_before(self) -> None:
        """The books are opened."""
        self.telling.scene("The day before: the books are opened", china_ms(DAY_BEFORE, time(8)))
        for step in (opening.open_accounts, opening.issue, opening.announce, opening.fund):
            await step(self.people, self.telling.tell)
        registry = self.people.acting_as(REGULATOR).registry
        (vintage,) = (await registry.list_vintages(min_position=await self.people.head("registry"))).vintages
        held = (
            f"{tonnes(vintage.registry_available_tonnes)} t in registry + {tonnes(vintage.trading_tonnes)} t in trading"
        )
        self.telling.tell(REGULATOR, f"sees {tonnes(vintage.issued_tonnes)} t issued = {held}")

    async def morning(self) -> None:
        """The day is opened, before its first session."""
        await self._move("A trading day is opened", FIRST_DAY, time(9))
        await self._exchange.open_day(DAY)
        limits = (await self._exchange.list_instruments()).instruments[0].limits
        between = f"{money(limits.listed_low_fen)} and {money(limits.listed_high_fen)}"
        self.telling.tell(EXCHANGE_OPERATOR, f"opens {DAY}: listed prices between {between}")
        await self._refused(
            "OUT_OF_SESSION",
            RED_BLUFF,
            "wants to list at nine o'clock",
            self._trading(RED_BLUFF).place_order(RED_BLUFF, INSTRUMENT, "sell", price_fen=48_00, quantity_tonnes=5_000),
        )

    async def listed_agreement(self) -> None:
        """Listings are put into the book; takers pick from its best five levels."""
        await self._move("Listed agreement: pick from the book", FIRST_DAY, time(9, 30))
        await self._place(RED_BLUFF, "sell", 48_00, 5_000)
        high = await self._place(RED_BLUFF, "sell", 49_50, 8_000)
        limit = await self._place(RED_BLUFF, "sell", 52_80, 3_000)
        low = await self._place(EAST_LAKE, "sell", 48_00, 2_000)
        bid = await self._place(WHITE_CLOUD, "buy", 47_20, 4_000)
        await self._mistakes_of_listing()
        self.telling.show(levels_screen((await self._exchange.get_book(INSTRUMENT)).book))
        self.telling.out.print()
        self.traced = (await self._take(THREE_GORGES, low, 2_000, 48_00)).trade_id
        await self._take(WHITE_CLOUD, high, 5_000, 49_50)
        await self._take(EAST_LAKE, bid, 4_000, 47_20)
        await self._mistakes_of_taking(high, limit)
        left = (await self._trading(RED_BLUFF).cancel_order(limit)).quantity_tonnes
        self.telling.tell(_who(RED_BLUFF), f"cancels listing {limit}; its {tonnes(left)} t are free again")

    async def _mistakes_of_listing(self) -> None:
        await self._refused(
            "PRICE_OUTSIDE_DAILY_LIMIT",
            EAST_LAKE,
            "wants CNY 52.81, a fen above the limit",
            self._trading(EAST_LAKE).place_order(EAST_LAKE, INSTRUMENT, "sell", price_fen=52_81, quantity_tonnes=500),
        )
        await self._refused(
            "ACCOUNT_NOT_ELIGIBLE_TO_TRADE",
            FUND,
            "wants to buy; funds were not yet admitted in 2021",
            self._trading(FUND).place_order(FUND, INSTRUMENT, "buy", price_fen=48_00, quantity_tonnes=1_000),
        )
        await self._refused(
            "QUANTITY_ABOVE_LISTED_MAX",
            WHITE_CLOUD,
            "wants to list for 100,000 t, which is a block",
            self._trading(WHITE_CLOUD).place_order(
                WHITE_CLOUD, INSTRUMENT, "buy", price_fen=47_00, quantity_tonnes=100_000
            ),
        )

    async def _mistakes_of_taking(self, high: int, limit: int) -> None:
        await self._refused(
            "QUANTITY_ABOVE_LISTING",
            WHITE_CLOUD,
            f"wants 4,000 t more of listing {high}",
            self._trading(WHITE_CLOUD).take_listing(WHITE_CLOUD, high, quantity_tonnes=4_000, price_fen=49_50),
        )
        await self._refused(
            "INSUFFICIENT_ALLOWANCES",
            THREE_GORGES,
            "wants to sell 22,000 t, the 2,000 t just bought among them (T+1)",
            self._trading(THREE_GORGES).place_order(
                THREE_GORGES, INSTRUMENT, "sell", price_fen=50_00, quantity_tonnes=22_000
            ),
        )
        await self._refused(
            "NOT_OWNER_OF_ACCOUNT",
            WHITE_CLOUD,
            f"wants to cancel {RED_BLUFF}'s listing",
            self._trading(WHITE_CLOUD).cancel_order(limit),
        )

    async def block_agreement(self) -> None:
        """Two companies negotiate a block; then the seller tries to have the money before it is settled."""
        await self._move("Block agreement: offer, quote, confirm", FIRST_DAY, time(13))
        seller, buyer = self._trading(RED_BLUFF), self._trading(WHITE_CLOUD)
        await self._refused(
            "QUANTITY_BELOW_BLOCK_MIN",
            RED_BLUFF,
            "offers a block of 99,999 t",
            seller.offer_block(RED_BLUFF, WHITE_CLOUD, INSTRUMENT, "sell", price_fen=43_00, quantity_tonnes=99_999),
        )
        offered = await seller.offer_block(
            RED_BLUFF, WHITE_CLOUD, INSTRUMENT, "sell", price_fen=43_00, quantity_tonnes=BLOCK_TONNES
        )
        block = offered.block_id
        self.telling.tell(_who(RED_BLUFF), f"offers {WHITE_CLOUD} {tonnes(BLOCK_TONNES)} t at {money(43_00)}")
        await buyer.quote_block(block, price_fen=41_50, quantity_tonnes=BLOCK_TONNES)
        self.telling.tell(_who(WHITE_CLOUD), f"quotes {money(41_50)}")
        terms = {"price_fen": 41_50, "quantity_tonnes": BLOCK_TONNES}
        made = await seller.confirm_block(block, **terms, request_id="confirm-1")
        self.telling.tell(_who(RED_BLUFF), f"confirms: trade {made.trade_id}, {money(made.value_fen)}")
        again = await seller.confirm_block(block, **terms, request_id="confirm-1")
        if again.trade_id != made.trade_id:
            raise StoryBroken(f"a repeated request made trade {again.trade_id} beside {made.trade_id}")
        self.telling.tell(
            _who(RED_BLUFF), f"sends the same request again and gets the same answer: trade {again.trade_id}"
        )
        await self._refused(
            "INSUFFICIENT_WITHDRAWABLE_FUNDS",
            RED_BLUFF,
            f"wants {money(PAYOUT_FEN)} paid out before the trade is settled",
            seller.release_funds(RED_BLUFF, PAYOUT_FEN),
        )

    async def close(self) -> None:
        """The clock strikes three: the day closes by itself, and everything is settled."""
        await self._move("The close, the clearing run, delivery against payment", FIRST_DAY, time(15))
        self.telling.tell("timer", f"closes {DAY}; listings left expire and unlock what they held")
        await wait_until_settled(self.people, DAY)
        clearing = self.people.acting_as(CLEARING_OPERATOR).clearing
        run = (await clearing.list_runs(min_position=await self.people.head("clearing"))).runs[0]
        self.run_id = run.run_id
        self.telling.tell(
            "service:clearing",
            f"settles run {run.run_id}: {run.trades} trades, {tonnes(run.quantity_tonnes)} t, {money(run.value_fen)}",
        )
        self.telling.show(steps_screen(await clearing.get_run(run.run_id)))

    async def payout(self) -> None:
        """Settled money leaves the market."""
        await self._move("Money leaves the market", FIRST_DAY, time(15, 30))
        released = await self._trading(RED_BLUFF).release_funds(RED_BLUFF, PAYOUT_FEN)
        self.telling.tell(_who(RED_BLUFF), f"releases {money(PAYOUT_FEN)} of its sales")
        heard = await wait_until_heard(self.people, "clearing", "trading", released.position)
        operator = self.people.acting_as(CLEARING_OPERATOR).clearing
        (payout,) = (await operator.list_payouts(account=RED_BLUFF, state="requested", min_position=heard)).payouts
        await operator.instruct_payout(payout.payout_id, BANK)
        self.telling.tell(CLEARING_OPERATOR, f"instructs {BANK} to pay payout {payout.payout_id}")
        bank = self.people.acting_as(SETTLEMENT_BANK).clearing
        recorded = await bank.record_payout_paid(payout.payout_id, f"{BANK}-out-0001")
        (paid,) = (await operator.list_payouts(account=RED_BLUFF, min_position=recorded.position)).payouts
        if paid.state != clearing_types.PAYOUT_STATE_PAID:
            raise StoryBroken(f"payout {paid.payout_id} was recorded as paid and is not")
        self.telling.tell(SETTLEMENT_BANK, f"records it as paid, {money(paid.amount_fen)}")

    async def next_morning(self) -> None:
        """What was bought on the first day can be sold on the second."""
        await self._move("The next trading day: what was bought can be sold", NEXT_DAY, time(9))
        await self._exchange.open_day(NEXT_DAY.isoformat())
        self.telling.tell(EXCHANGE_OPERATOR, f"opens {NEXT_DAY}; Friday's purchases are released")
        await self.people.move_clocks(china_ms(NEXT_DAY, time(9, 30)))
        await self._place(THREE_GORGES, "sell", 50_00, 22_000)

    # Steps

    @property
    def _exchange(self) -> TradingClient:
        return self.people.acting_as(EXCHANGE_OPERATOR).trading

    def _trading(self, account: str) -> TradingClient:
        return self.people.participant(account).trading

    async def _move(self, title: str, day: date, at: time) -> None:
        await self.people.move_clocks(china_ms(day, at))
        self.telling.scene(title, china_ms(day, at))

    async def _place(self, account: str, side: Side, price_fen: int, quantity_tonnes: int) -> int:
        placed = await self._trading(account).place_order(
            account, INSTRUMENT, side, price_fen=price_fen, quantity_tonnes=quantity_tonnes
        )
        terms = f"to {side} {tonnes(quantity_tonnes)} t at {money(price_fen)}"
        self.telling.tell(_who(account), f"lists {terms}: listing {placed.order_id}")
        return placed.order_id

    async def _take(self, account: str, order_id: int, quantity_tonnes: int, price_fen: int) -> pb.TakeListingResponse:
        made = await self._trading(account).take_listing(
            account, order_id, quantity_tonnes=quantity_tonnes, price_fen=price_fen
        )
        what = f"{tonnes(quantity_tonnes)} t of listing {order_id}"
        self.telling.tell(_who(account), f"takes {what}: trade {made.trade_id} at {amount(made.price_fen)}")
        return made

    async def _refused(self, reason: str, account: str, attempt: str, call: Awaitable[object]) -> None:
        try:
            await call
        except Refused as refusal:
            if refusal.reason != reason:
                raise StoryBroken(f"{account} {attempt}: refused by {refusal}, and not by {reason}") from refusal
            self.telling.refuse(_who(account), attempt, refusal)
        else:
            raise StoryBroken(f"{account} {attempt}: that was allowed, and {reason} should forbid it")


def _who(account: str) -> str:
    return f"participant:{account}"
