"""One planned day through the running services: the clocks, the waves of orders, the close, and its settlement.

The actions of a wave are sent side by side, at most IN_FLIGHT_MAX at a time, each by its own participant; the next
wave waits for all of them. Every action's id is its request id, so a repeated send is done once.
"""

from collections.abc import Sequence
from datetime import date, time, timedelta

from carbonmarket.trading.v1.trading_query_service_pb2 import GetBulletinResponse
from carbonmarket_client import Refused
from carbonmarket_client.trading import TradingClient
from rehearsal.people import EXCHANGE_OPERATOR, People, china_ms
from rehearsal.plan import Action, Block, CancelListing, DayPlan, PlaceListing, Plan, Session, TakeListing
from rehearsal.settled import wait_until_settled
from rehearsal.year.opening import at_most_in_flight

ANNOUNCED_AHEAD = timedelta(days=365)
"""So far ahead are days announced: a plan may span more years than the exchange takes at once."""
OPENING, CLOSE = time(9), time(15)
SESSION_OPENS = {Session.MORNING: time(9, 30), Session.AFTERNOON: time(13)}


class PlayRefused(Exception):
    """The venue refused what the plan says is within the rules."""


class Player:
    """Plays day after day, in order. `commands` counts what it has sent."""

    def __init__(self, people: People, plan: Plan) -> None:
        self.commands = 0
        self._days = plan.days
        self._instruments = plan.instruments
        self._last_announced = ""
        self._people = people
        self._exchange = people.acting_as(EXCHANGE_OPERATOR).trading
        self._order_ids: dict[str, int] = {}

    async def play(self, plan: DayPlan) -> GetBulletinResponse:
        """Play one day to its settlement and return its bulletin. Raises PlayRefused, NotSettled and MarketError."""
        day = plan.day.isoformat()
        self._order_ids = {}
        await self._move(plan, OPENING)
        await self._announce_ahead(plan.day)
        await self._list_new_vintages(plan.day)
        await self._exchange.open_day(day)
        self.commands += 1
        session: Session | None = None
        for wave, actions in plan.waves():
            if wave.session is not session:
                session = wave.session
                await self._move(plan, SESSION_OPENS[session])
            await at_most_in_flight(self._act(action) for action in actions)
        await self._move(plan, CLOSE)
        settled = await wait_until_settled(self._people, day)
        return await self._exchange.get_bulletin(day, min_position=settled.position)

    async def _announce_ahead(self, today: date) -> None:
        if today.isoformat() <= self._last_announced:
            return
        days = days_ahead(self._days, today)
        await self._exchange.announce_trading_days(days)
        self._last_announced = days[-1]
        self.commands += 1

    async def _list_new_vintages(self, day: date) -> None:
        """A vintage that comes later than the market is listed on its first day, at the composite's close before it."""
        if day == self._instruments[0].first_day:
            return
        for instrument in self._instruments:
            if instrument.first_day == day:
                await self._exchange.admit_instrument(instrument.code, day.isoformat())
                self.commands += 1

    async def _move(self, plan: DayPlan, at: time) -> None:
        await self._people.move_clocks(china_ms(plan.day, at))
        self.commands += 3

    async def _act(self, action: Action) -> None:
        try:
            match action:
                case PlaceListing():
                    await self._place(action)
                case TakeListing():
                    await self._take(action)
                case CancelListing():
                    await self._trading(action.account).cancel_order(
                        self._order_ids[action.listing_id], request_id=action.id
                    )
                case Block():
                    await self._agree(action)
        except Refused as refusal:
            raise PlayRefused(f"{action}: {refusal}") from refusal
        self.commands += 2 if isinstance(action, Block) else 1

    async def _place(self, action: PlaceListing) -> None:
        placed = await self._trading(action.account).place_order(
            action.account,
            action.instrument,
            action.side.value,
            price_fen=action.price_fen,
            quantity_tonnes=action.quantity_tonnes,
            request_id=action.id,
        )
        self._order_ids[action.id] = placed.order_id

    async def _take(self, action: TakeListing) -> None:
        await self._trading(action.account).take_listing(
            action.account,
            self._order_ids[action.listing_id],
            quantity_tonnes=action.quantity_tonnes,
            price_fen=action.price_fen,
            request_id=action.id,
        )

    async def _agree(self, action: Block) -> None:
        offered = await self._trading(action.initiator).offer_block(
            action.initiator,
            action.counterparty,
            action.instrument,
            action.side.value,
            price_fen=action.price_fen,
            quantity_tonnes=action.quantity_tonnes,
            request_id=f"{action.id}-offer",
        )
        await self._trading(action.counterparty).confirm_block(
            offered.block_id,
            price_fen=action.price_fen,
            quantity_tonnes=action.quantity_tonnes,
            request_id=f"{action.id}-confirm",
        )

    def _trading(self, account: str) -> TradingClient:
        return self._people.participant(account).trading


def days_ahead(days: Sequence[date], today: date) -> list[str]:
    """Which of a plan's days are to be announced next, on the first that is not announced."""
    return [day.isoformat() for day in days if today <= day < today + ANNOUNCED_AHEAD]
