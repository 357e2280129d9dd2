"""Seeded market days, played through public calls: orders, takes, blocks, cancels, refusals, restrictions, withdrawals.

The player keeps no books of its own: it asks for what is on the market, tries what a person might, and takes a refusal
for an answer. Who is right is for the auditor to say. The same seed asks the same, so far as the market answers the
same.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from support.days.calls import Port, Refused
from support.days.proposing import by_two

CHINA = timezone(timedelta(hours=8))
DAYS = ("2021-07-16", "2021-07-19", "2021-07-20", "2021-07-21", "2021-07-22", "2021-07-23", "2021-07-26", "2021-07-27")
PROVINCE = "hubei"
ACCOUNTS = ("power-0001", "power-0002", "power-0003", "power-0004", "power-0005", "fund-0001")
NOT_ELIGIBLE = "school-0001"
BANK = "icbc"
REFERENCE_FEN = 4_800
ISSUED_TONNES = 20_000_000
ALLOCATED_TONNES = 2_000_000
TRANSFERRED_TONNES = 350_000
DEPOSIT_FEN = 1_200_000_000
REGISTRY_OPERATOR = "registry_operator:ann"
EXCHANGE_OPERATOR = "exchange_operator:bo"
SECOND_EXCHANGE_OPERATOR = "exchange_operator:chen"
CLEARING_OPERATOR = "clearing_operator:dai"
SECOND_CLEARING_OPERATOR = "clearing_operator:eve"
SETTLEMENT_BANK = f"settlement_bank:{BANK}"
SERVICES = ("registry", "trading", "clearing")

AtStep = Callable[[str], Awaitable[None]]


async def nothing(step: str) -> None:
    """What happens at a step of an undisturbed day."""


def at_ms(day: str, hour: int, minute: int = 0) -> int:
    year, month, date = map(int, day.split("-"))
    return int(datetime(year, month, date, hour, minute, tzinfo=CHINA).timestamp() * 1000)


class Player:
    """All the people of a small market. `at_step` is called where a test may want to break something: five times in
    the set-up, and once at every other step of a day.
    """

    def __init__(self, port: Port, seed: int, actions: int = 40, at_step: AtStep = nothing) -> None:
        self.port = port
        self.random = random.Random(seed)
        self.seed = seed
        self.services = list(SERVICES)  # whose clocks go on
        self.actions = actions
        self.at_step = at_step
        self.commands = 0
        self.open_orders: dict[int, str] = {}
        self.open_blocks: dict[int, tuple[str, str]] = {}
        self.releases = 0
        self.payouts_seen = 0
        self.revoked_share = 0.0
        self.restricted = ""

    # How it asks

    async def ask(self, actor: str, command: Message) -> Any:
        """Sends a command under a request id of its own. Raises Refused."""
        setattr(command, "request_id", self.next_id())  # noqa: B010  a command of any kind has one
        return await self.port.call(actor, command)

    async def must(self, actor: str, command: Message) -> Any:
        """A command that is only refused for what is still on its way: asked again until it is accepted."""
        answers: list[Any] = []

        async def accepted() -> bool:
            answer = await self.may(actor, command)
            answers.append(answer)
            return answer is not None

        await self.port.until(accepted, f"{command.DESCRIPTOR.name} to be accepted")
        return answers[-1]

    async def may(self, actor: str, command: Message) -> Any | None:
        """A command of which the market may think what it likes."""
        try:
            return await self.ask(actor, command)
        except Refused:
            return None

    def next_id(self) -> str:
        self.commands += 1
        return f"{self.seed}/{self.commands}"

    async def clocks(self, day: str, hour: int, minute: int = 0) -> None:
        for service in self.services:
            await self.port.move_clock(service, at_ms(day, hour, minute))

    # Before the first day

    async def set_up(self) -> None:
        ask, operator = self.ask, REGISTRY_OPERATOR
        kind = registry_types.ACCOUNT_KIND_PROVINCE
        await ask(operator, registry.OpenAccountRequest(account=PROVINCE, kind=kind, name="Hubei"))
        for account in (*ACCOUNTS, NOT_ELIGIBLE):
            await ask(operator, opening(account))
        await self.at_step("set-up")
        for vintage, year in (("CEA", 2020), ("CEA21", 2021)):
            await ask(operator, registry.CreateVintageRequest(vintage=vintage, compliance_year=year))
            issue = registry.IssueAllowancesRequest(vintage=vintage, account=PROVINCE, basis="plan 2021")
            issue.quantity_tonnes = ISSUED_TONNES
            await ask(operator, issue)
        await self.at_step("set-up")
        banks = clearing.SetSettlementBanksRequest(
            valid_from_day=DAYS[0][:4] + "-01-01", banks=[BANK], source="notice 1"
        )
        await ask(operator, banks)
        await self.announce()
        await self.at_step("set-up")
        for account in ACCOUNTS:
            if account in ACCOUNTS[1:3]:
                await self.at_step("set-up")
            for vintage in ("CEA", "CEA21"):
                allocate = registry.AllocateAllowancesRequest(vintage=vintage, account=account, basis="list 7")
                allocate.from_account, allocate.quantity_tonnes = PROVINCE, ALLOCATED_TONNES
                await ask(f"province:{PROVINCE}", allocate)
                transfer = registry.TransferToTradingRequest(account=account, vintage=vintage)
                transfer.quantity_tonnes = TRANSFERRED_TONNES
                await ask(f"participant:{account}", transfer)
            await self.must(SETTLEMENT_BANK, deposit(account, f"first/{account}", DEPOSIT_FEN))
        await self.port.until(self.port.at_rest, "the set-up to arrive everywhere")

    async def announce(self) -> None:
        """Calendar, rules, fees, instruments, weights."""
        ask, must, operator = self.ask, self.must, EXCHANGE_OPERATOR
        await ask(operator, trading.AnnounceTradingDaysRequest(days=DAYS))
        await ask(operator, trading.SetTradingRulesRequest(rules=trading_rules(DAYS[0])))
        fees = trading.SetFeesRequest(valid_from_day=DAYS[1], buyer_fee_ppm=300, seller_fee_ppm=500, source="notice 3")
        await ask(operator, fees)
        listing = trading.AdmitInstrumentRequest(instrument="CEA", day=DAYS[0], reference_price_fen=REFERENCE_FEN)
        await must(operator, listing)
        weights = [trading_types.CompositeWeight(instrument=each, weight=1) for each in ("CEA", "CEA21")]
        set_weights = trading.SetCompositeWeightsRequest(valid_from_day=DAYS[0], weights=weights, source="notice 4")
        await must(operator, set_weights)

    # A day

    async def day(self, day: str, override: bool = False) -> None:
        """From the morning to the evening after settlement."""
        await self.open(day, override)
        await self.trade(day)
        await self.close(day)
        await self.settled(day)
        await self.evening()
        await self.at_step("next morning")

    async def open(self, day: str, override: bool = False) -> None:
        self.open_orders, self.open_blocks = {}, {}
        await self.clocks(day, 9)
        if self.restricted:
            await self.ask(REGISTRY_OPERATOR, registry.LiftRestrictionRequest(account=self.restricted))
            self.restricted = ""
        if day == DAYS[1]:
            await self.may(EXCHANGE_OPERATOR, trading.AdmitInstrumentRequest(instrument="CEA21", day=day))
        if override:
            command = trading.OverrideOpeningRequest(day=day, ground="clearing is away")
            await by_two(self, EXCHANGE_OPERATOR, SECOND_EXCHANGE_OPERATOR, command)
        await self.must(EXCHANGE_OPERATOR, trading.OpenDayRequest(day=day))

    async def trade(self, day: str) -> None:
        await self.may(EXCHANGE_OPERATOR, trading.CloseDayRequest(day=day))
        await self.place_order("CEA")
        await self.clocks(day, 9, 30)
        await self.sure_trade()
        for number in range(self.actions):
            if number == self.actions // 2:
                await self.at_step("orders")
                await self.clocks(day, 13)
            await self.act()
        if not self.restricted and self.random.random() < 0.5:
            await self.restrict(self.random.choice(ACCOUNTS))

    async def sure_trade(self) -> None:
        """A tonne at the previous close, so that no day is without a trade: between the first who can."""
        answer = await self.port.call(EXCHANGE_OPERATOR, trading_queries.ListInstrumentsRequest())
        price_fen = next(each.previous_close_fen for each in answer.instruments if each.instrument == "CEA")
        for seller in ACCOUNTS:
            order = trading.PlaceOrderRequest(account=seller, instrument="CEA", side=trading_types.SIDE_SELL)
            order.price_fen, order.quantity_tonnes = price_fen, 1
            placed = await self.may(f"participant:{seller}", order)
            if placed is not None:
                break
        assert placed is not None, "nobody can sell a tonne"
        for buyer in ACCOUNTS:
            take = trading.TakeListingRequest(account=buyer, order_id=placed.order_id, price_fen=price_fen)
            take.quantity_tonnes = 1
            if await self.may(f"participant:{buyer}", take) is not None:
                return
        raise AssertionError("nobody can buy a tonne")

    async def close(self, day: str) -> None:
        """The clock closes the day by itself: a rehearsal's when it is moved, another one soon after its time."""
        await self.clocks(day, 15)

        async def is_closed() -> bool:
            return bool((await self.port.call(EXCHANGE_OPERATOR, trading_queries.GetDayRequest(day=day))).closed_ms)

        await self.port.until(is_closed, f"{day} to be closed")
        await self.at_step("close")

    async def settled(self, day: str) -> None:
        async def is_settled() -> bool:
            answer = await self.port.call(EXCHANGE_OPERATOR, trading_queries.GetDayRequest(day=day))
            return bool(answer.settled and answer.books_agreed)

        await self.port.until(is_settled, f"{day} to be settled and the books to agree")

    async def evening(self) -> None:
        """Units go back to the registry, money leaves, banks report."""
        for account in self.random.sample(ACCOUNTS, 3):
            back = trading.ReturnToRegistryRequest(account=account, instrument="CEA")
            back.quantity_tonnes = self.random.randint(1, 5_000)
            await self.may(f"participant:{account}", back)
            amount_fen = self.random.choice([1, 777_777, DEPOSIT_FEN // 10, DEPOSIT_FEN * 2])
            release = trading.ReleaseFundsRequest(account=account, amount_fen=amount_fen)
            released = await self.may(f"participant:{account}", release)
            self.releases += released is not None
        for account in self.random.sample(ACCOUNTS, 2):
            paid_in = deposit(account, f"{self.seed}/{self.commands}", self.random.randint(1, 10**8))
            await self.may(SETTLEMENT_BANK, paid_in)
        await self.port.until(self.port.at_rest, "the evening's business to be heard")
        while self.payouts_seen < self.releases:
            self.payouts_seen += 1
            await self.pay_out(self.payouts_seen)

    async def pay_out(self, payout_id: int) -> None:
        """A restricted account's payout waits."""
        if await self.may(CLEARING_OPERATOR, clearing.InstructPayoutRequest(payout_id=payout_id, bank=BANK)) is None:
            return
        if self.random.random() < self.revoked_share:
            await self.revoke_and_instruct_again(payout_id)
        if self.random.random() < 0.3:
            returned = clearing.RecordPayoutReturnedRequest(payout_id=payout_id, ground="account number unknown")
            await self.ask(SETTLEMENT_BANK, returned)
        else:
            paid = clearing.RecordPayoutPaidRequest(payout_id=payout_id, bank_reference=f"out/{payout_id}")
            await self.ask(SETTLEMENT_BANK, paid)

    async def revoke_and_instruct_again(self, payout_id: int) -> None:
        """Two people; the bank had not paid."""
        revoke = clearing.RevokePayoutInstructionRequest(payout_id=payout_id, ground="the bank has no such account")
        await by_two(self, CLEARING_OPERATOR, SECOND_CLEARING_OPERATOR, revoke)
        await self.must(CLEARING_OPERATOR, clearing.InstructPayoutRequest(payout_id=payout_id, bank=BANK))

    # What people do in a session

    async def act(self) -> None:
        instrument = "CEA" if self.random.random() < 0.8 else "CEA21"
        kinds: Sequence[tuple[int, Callable[[str], Awaitable[None]]]] = (
            (16, self.place_order),
            (20, self.take_listing),
            (3, self.cancel_order),
            (6, self.offer_block),
            (6, self.answer_block),
            (1, self.suspend_for_a_moment),
        )
        (act,) = self.random.choices([act for _, act in kinds], [weight for weight, _ in kinds])
        await act(instrument)

    def price_fen(self) -> int:
        return self.random.randint(4_500, 5_000) + self.random.choice([0] * 12 + [900])

    def side(self) -> trading_types.Side.ValueType:
        return self.random.choice([trading_types.SIDE_BUY, trading_types.SIDE_SELL])

    async def place_order(self, instrument: str) -> None:
        account = self.random.choice((*ACCOUNTS, *ACCOUNTS, NOT_ELIGIBLE))
        order = trading.PlaceOrderRequest(account=account, instrument=instrument, side=self.side())
        order.price_fen = self.price_fen()
        order.quantity_tonnes = self.random.choice(
            [1, 10, self.random.randint(1, 50_000), 99_999, self.random.choice([50_000, 100_000])]
        )
        placed = await self.may(f"participant:{account}", order)
        if placed is not None:
            self.open_orders[placed.order_id] = account

    async def take_listing(self, instrument: str) -> None:
        book = (await self.port.call(EXCHANGE_OPERATOR, trading_queries.GetBookRequest(instrument=instrument))).book
        levels = [(level.price_fen, listing) for level in (*book.bids, *book.asks) for listing in level.listings]
        if not levels:
            return
        price_fen, listing = self.random.choice(levels)
        take = trading.TakeListingRequest(account=self.random.choice(ACCOUNTS), order_id=listing.order_id)
        part = self.random.randint(1, listing.quantity_tonnes)
        take.quantity_tonnes = self.random.choice([1, part, listing.quantity_tonnes, listing.quantity_tonnes + 1])
        take.price_fen = price_fen + (self.random.random() < 0.1)
        await self.may(f"participant:{take.account}", take)

    async def cancel_order(self, instrument: str) -> None:
        if self.open_orders:
            order_id, account = self.random.choice(sorted(self.open_orders.items()))
            actor = self.random.choice([account, account, ACCOUNTS[0]])
            await self.may(f"participant:{actor}", trading.CancelOrderRequest(order_id=order_id))

    async def offer_block(self, instrument: str) -> None:
        account, counterparty = self.random.choices(ACCOUNTS, k=2)
        offer = trading.OfferBlockRequest(account=account, counterparty=counterparty, instrument=instrument)
        offer.side, offer.price_fen = self.side(), self.random.randint(3_500, 6_000)
        offer.quantity_tonnes = self.random.choice([99_999, 100_000, 100_000, self.random.randint(100_000, 300_000)])
        offered = await self.may(f"participant:{account}", offer)
        if offered is None:
            return
        self.open_blocks[offered.block_id] = (account, counterparty)
        if self.random.random() < 0.6:
            confirm = trading.ConfirmBlockRequest(block_id=offered.block_id, price_fen=offer.price_fen)
            confirm.quantity_tonnes = offer.quantity_tonnes
            await self.may(f"participant:{counterparty}", confirm)

    async def answer_block(self, instrument: str) -> None:
        if not self.open_blocks:
            return
        block_id, sides = self.random.choice(sorted(self.open_blocks.items()))
        quote = trading.QuoteBlockRequest(block_id=block_id, price_fen=self.price_fen())
        quote.quantity_tonnes = self.random.randint(100_000, 200_000)
        decline, withdraw = (
            trading.DeclineBlockRequest(block_id=block_id),
            trading.WithdrawBlockRequest(block_id=block_id),
        )
        answer: Message = self.random.choice([quote, decline, withdraw])
        await self.may(f"participant:{self.random.choice(sides)}", answer)

    async def suspend_for_a_moment(self, instrument: str) -> None:
        await self.may(EXCHANGE_OPERATOR, trading.SuspendTradingRequest(instrument=instrument, ground="sharp swings"))
        await self.place_order(instrument)
        await self.may(EXCHANGE_OPERATOR, trading.ResumeTradingRequest(instrument=instrument))

    async def restrict(self, account: str) -> None:
        """The account is stopped here at once, in trading soon; its trades still settle."""
        restrict = registry.RestrictAccountRequest(account=account, ground="licence does not match")
        await self.ask(REGISTRY_OPERATOR, restrict)
        self.restricted = account


def opening(account: str) -> registry.OpenAccountRequest:
    return registry.OpenAccountRequest(
        account=account,
        kind=registry_types.ACCOUNT_KIND_KEY_EMITTING_ENTITY,
        name=account,
        province=PROVINCE,
        eligible_to_trade=account != NOT_ELIGIBLE,
    )


def deposit(account: str, bank_reference: str, amount_fen: int) -> clearing.RecordDepositRequest:
    return clearing.RecordDepositRequest(account=account, bank_reference=bank_reference, amount_fen=amount_fen)


def trading_rules(day: str) -> trading_types.TradingRules:
    """The rules the market began with (rulebook 3.2)."""
    return trading_types.TradingRules(
        valid_from_day=day,
        source="rulebook 3.2",
        listed_band_bp=1_000,
        block_band_bp=3_000,
        price_tick_fen=1,
        quantity_tick_tonnes=1,
        listed_tonnes_max=99_999,
        block_tonnes_min=100_000,
        listed_sessions=[session(9 * 60 + 30, 11 * 60 + 30), session(13 * 60, 15 * 60)],
        block_sessions=[session(13 * 60, 15 * 60)],
        book_levels=5,
    )


def session(open_minute: int, close_minute: int) -> trading_types.Session:
    return trading_types.Session(open_minute=open_minute, close_minute=close_minute)
