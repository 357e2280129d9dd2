"""A plan of days, played through a venue as its people would: what is before the first day, then day after day."""

import asyncio
from collections import defaultdict
from datetime import date, time, timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from chassis.core.asides import SetAsideNoted
from chassis.core.engine import Batch
from clearing.domain.exclusion import TradeExcluded
from clearing.domain.reconciliation import BooksReconciled
from clearing.domain.run import ClearingRunBlocked, ClearingRunComputed
from clearing.domain.settlement import ClearingRunDisagreed, DeliveryVoided, SettlementDayCompleted
from rehearsal.opening import PROVINCE, rules_of_2021
from rehearsal.people import BANK, EXCHANGE_OPERATOR, REGISTRY_OPERATOR, SETTLEMENT_BANK, china_ms
from rehearsal.plan import Action, Block, CancelListing, DayPlan, PlaceListing, Plan, Session, Side, TakeListing
from rehearsal.plan.composite import notices_of
from rehearsal.year.opening import BASIS, compliance_year
from rehearsal.year.player import days_ahead
from support.days.calls import RPCS
from support.simulation.market import SERVICES, SimulatedMarket
from support.simulation.weather import Chance, Weather
from trading.domain.closing import CompositePriced, InstrumentDayClosed, TradingDayClosed

R = TypeVar("R", bound=Message)

EVE, MORNING, CLOSE = time(8), time(9), time(15)
SESSION_OPENS = {Session.MORNING: time(9, 30), Session.AFTERNOON: time(13)}
SIDES = {Side.BUY: trading_types.SIDE_BUY, Side.SELL: trading_types.SIDE_SELL}

ABNORMAL = (ClearingRunBlocked, ClearingRunDisagreed, DeliveryVoided, TradeExcluded, SetAsideNoted)
"""What no day of a plan may need."""

KEPT = (
    *ABNORMAL,
    InstrumentDayClosed,
    CompositePriced,
    TradingDayClosed,
    ClearingRunComputed,
    SettlementDayCompleted,
    BooksReconciled,
)


class PlannedMarket:
    """A market in which nothing goes wrong, one replica a service, that plays a plan. `kept` has the events that days
    are judged by, of each type in their order.
    """

    def __init__(self, plan: Plan) -> None:
        self.kept: defaultdict[type, list[Any]] = defaultdict(list)
        self.plan = plan
        self.commands = 0
        self._order_ids: dict[str, int] = {}
        self._last_announced = ""

    def _note(self, batch: Batch) -> None:
        for event in batch.events:
            if type(event) in KEPT:
                self.kept[type(event)].append(event)

    async def play(self) -> None:
        """The whole plan. Raises Refused when the market refuses what the plan says is within the rules."""
        begins_ms = china_ms(self.plan.days[0] - timedelta(days=1), EVE)
        self._market = SimulatedMarket(Chance(0, Weather(slow=0)), replicas=1, begins_ms=begins_ms)
        await self._market.come_to_rest()
        for name in SERVICES:
            await self._market.look(name, lambda _: None)
            leader = self._market.leader(name)
            assert leader is not None
            leader.replica.parts.writer.after_commit.append(self._note)
        await self.open_market()
        for day in self.plan.stream():
            await self.play_day(day)
        await self._market.close()

    async def _ask(self, actor: str, request: Message, answer: type[R]) -> R:
        self.commands += 1
        rpc = RPCS[request.DESCRIPTOR.full_name]
        return await self._market.port.ask_once(rpc.service, rpc.path, actor, request, answer)

    async def _move_clocks(self, to_ms: int) -> None:
        """Trading's last: what falls due there is cleared at the new time."""
        for service in ("registry", "clearing", "trading"):
            await self._market.port.move_clock(service, to_ms)

    # Before the first day

    async def open_market(self) -> None:
        """Accounts, allowances in trading, the rules and the calendar, money."""
        await self._open_accounts()
        await self._issue()
        await self._market.come_to_rest()
        await self._announce()
        banks = clearing.SetSettlementBanksRequest(
            request_id="banks", valid_from_day="2021-01-01", banks=[BANK], source="the registry's announcement"
        )
        await self._ask(REGISTRY_OPERATOR, banks, clearing.SetSettlementBanksResponse)
        for account, amount_fen in self.plan.deposits.items():
            reference = f"{BANK}-{account}"
            deposit = clearing.RecordDepositRequest(
                request_id=reference, bank_reference=reference, account=account, amount_fen=amount_fen
            )
            await self._ask(SETTLEMENT_BANK, deposit, clearing.RecordDepositResponse)
        await self._market.come_to_rest()

    async def _open_accounts(self) -> None:
        of_province = registry.OpenAccountRequest(
            request_id=PROVINCE, account=PROVINCE, kind=registry_types.ACCOUNT_KIND_PROVINCE, name="Hubei"
        )
        of_entities = [
            registry.OpenAccountRequest(
                request_id=account,
                account=account,
                kind=registry_types.ACCOUNT_KIND_KEY_EMITTING_ENTITY,
                name=account,
                province=PROVINCE,
                eligible_to_trade=True,
            )
            for account in self.plan.accounts
        ]
        for request in (of_province, *of_entities):
            await self._ask(REGISTRY_OPERATOR, request, registry.OpenAccountResponse)

    async def _issue(self) -> None:
        """Each account gets from its province what it needs, and makes all of it tradable."""
        for instrument in self.plan.instruments:
            code = instrument.code
            create = registry.CreateVintageRequest(
                request_id=f"create {code}", vintage=code, compliance_year=compliance_year(code)
            )
            await self._ask(REGISTRY_OPERATOR, create, registry.CreateVintageResponse)
            issue = registry.IssueAllowancesRequest(
                request_id=f"issue {code}",
                vintage=code,
                account=PROVINCE,
                quantity_tonnes=sum(allocated.get(code, 0) for allocated in self.plan.allocations.values()),
                basis=BASIS,
            )
            await self._ask(REGISTRY_OPERATOR, issue, registry.IssueAllowancesResponse)
        for account, allocated in self.plan.allocations.items():
            for code, quantity_tonnes in allocated.items():
                await self._make_tradable(account, code, quantity_tonnes)

    async def _make_tradable(self, account: str, vintage: str, quantity_tonnes: int) -> None:
        allocate = registry.AllocateAllowancesRequest(
            request_id=f"{account} {vintage}",
            vintage=vintage,
            from_account=PROVINCE,
            account=account,
            quantity_tonnes=quantity_tonnes,
            basis=BASIS,
        )
        await self._ask(f"province:{PROVINCE}", allocate, registry.AllocateAllowancesResponse)
        transfer = registry.TransferToTradingRequest(
            request_id=vintage, account=account, vintage=vintage, quantity_tonnes=quantity_tonnes
        )
        await self._ask(f"participant:{account}", transfer, registry.TransferToTradingResponse)

    async def _announce(self) -> None:
        """Days, rules, equal weights of all vintages in the composite, and the vintages."""
        ask = self._ask
        await self._announce_days(self.plan.days[0])
        set_rules = trading.SetTradingRulesRequest(request_id="rules", rules=rules_of_2021(self.plan.days[0]))
        await ask(EXCHANGE_OPERATOR, set_rules, trading.SetTradingRulesResponse)
        codes = [instrument.code for instrument in self.plan.instruments]
        for notice in notices_of(codes, self.plan.days[0], self.plan.days[-1]):
            weights = [trading_types.CompositeWeight(instrument=code, weight=weight) for code, weight in notice.weights]
            day = notice.valid_from.isoformat()
            set_weights = trading.SetCompositeWeightsRequest(
                request_id=f"weights {day}", valid_from_day=day, weights=weights, source=notice.source
            )
            await ask(EXCHANGE_OPERATOR, set_weights, trading.SetCompositeWeightsResponse)
        await self._list(self.plan.days[0])
        await self._market.come_to_rest()

    async def _announce_days(self, today: date) -> None:
        days = days_ahead(self.plan.days, today)
        self._last_announced = days[-1]
        announce = trading.AnnounceTradingDaysRequest(request_id=f"days {days[0]}", days=days)
        await self._ask(EXCHANGE_OPERATOR, announce, trading.AnnounceTradingDaysResponse)

    async def _list(self, day: date) -> None:
        """The instruments that are new on a day: on the first at a given reference, later at the composite's close."""
        for instrument in self.plan.instruments:
            if instrument.first_day == day:
                listing = trading.AdmitInstrumentRequest(
                    request_id=f"list {instrument.code}",
                    instrument=instrument.code,
                    day=day.isoformat(),
                    reference_price_fen=instrument.reference_fen if day == self.plan.days[0] else 0,
                )
                await self._ask(EXCHANGE_OPERATOR, listing, trading.AdmitInstrumentResponse)

    # A day

    async def play_day(self, plan: DayPlan) -> None:
        """From the opening to the evening on which all three books agree."""
        self._order_ids = {}
        day = plan.day.isoformat()
        await self._move_clocks(china_ms(plan.day, MORNING))
        if day > self._last_announced:
            await self._announce_days(plan.day)
        if plan.day != self.plan.days[0]:
            await self._list(plan.day)
        open_day = trading.OpenDayRequest(request_id=day, day=day)
        await self._ask(EXCHANGE_OPERATOR, open_day, trading.OpenDayResponse)
        session: Session | None = None
        for wave, actions in plan.waves():
            if wave.session is not session:
                session = wave.session
                await self._move_clocks(china_ms(plan.day, SESSION_OPENS[session]))
            # What is in one wave does not depend on each other, and is sent at once.
            await asyncio.gather(*(self._act(action) for action in actions))
        await self._move_clocks(china_ms(plan.day, CLOSE))
        await self._market.come_to_rest()

    async def _act(self, action: Action) -> None:
        match action:
            case PlaceListing():
                await self._place(action)
            case TakeListing():
                await self._take(action)
            case CancelListing():
                order_id = self._order_ids[action.listing_id]
                cancel = trading.CancelOrderRequest(request_id=action.id, order_id=order_id)
                await self._ask(f"participant:{action.account}", cancel, trading.CancelOrderResponse)
            case Block():
                await self._agree(action)

    async def _place(self, action: PlaceListing) -> None:
        place = trading.PlaceOrderRequest(
            request_id=action.id,
            account=action.account,
            instrument=action.instrument,
            side=SIDES[action.side],
            price_fen=action.price_fen,
            quantity_tonnes=action.quantity_tonnes,
        )
        placed = await self._ask(f"participant:{action.account}", place, trading.PlaceOrderResponse)
        self._order_ids[action.id] = placed.order_id

    async def _take(self, action: TakeListing) -> None:
        take = trading.TakeListingRequest(
            request_id=action.id,
            account=action.account,
            order_id=self._order_ids[action.listing_id],
            quantity_tonnes=action.quantity_tonnes,
            price_fen=action.price_fen,
        )
        await self._ask(f"participant:{action.account}", take, trading.TakeListingResponse)

    async def _agree(self, action: Block) -> None:
        offer = trading.OfferBlockRequest(
            request_id=f"{action.id}-offer",
            account=action.initiator,
            counterparty=action.counterparty,
            instrument=action.instrument,
            side=SIDES[action.side],
            price_fen=action.price_fen,
            quantity_tonnes=action.quantity_tonnes,
        )
        offered = await self._ask(f"participant:{action.initiator}", offer, trading.OfferBlockResponse)
        confirm = trading.ConfirmBlockRequest(
            request_id=f"{action.id}-confirm",
            block_id=offered.block_id,
            price_fen=action.price_fen,
            quantity_tonnes=action.quantity_tonnes,
        )
        await self._ask(f"participant:{action.counterparty}", confirm, trading.ConfirmBlockResponse)
