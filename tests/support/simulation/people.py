"""What people do in a seeded market, day after day: everything that they can do today, and what they do about trouble.

Each day is of a kind that the seed draws. Whatever happens on it, it is settled in the end, all queues are empty, and
what two people had to put right is put right.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.log.v1 import log_service_pb2 as log
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from clearing.domain.state import State
from registry.domain.state import AccountState
from support.days.day import ACCOUNTS, CLEARING_OPERATOR, DAYS, REGISTRY_OPERATOR, Player
from support.simulation.corrections import Operators
from support.simulation.forks import Forks, institution
from support.simulation.market import SERVICES, SimulatedMarket
from support.simulation.programs import order_in_bulk
from support.simulation.trouble import (
    CONFIRM,
    DELIVER,
    ORDERS,
    blocked_run,
    exclude,
    give_name_away,
    misstate_confirmations,
    misstate_holdings,
    spoil_deliveries,
)

DAYS_PLAYED = 3
A_WEEK_LATER = "2021-07-28"
AWAY_S_MAX = 60.0
SPOILT_ATTEMPTS_MAX = 3


class People:
    def __init__(self, market: SimulatedMarket, player: Player) -> None:
        self.market = market
        self.player = player
        player.revoked_share = 0.1
        self.random = market.chance.stream("people")
        self.operators = Operators(market, self.random)
        self.forks = Forks(market, player, self.operators, self.random)
        self.accounts_opened = 0

    async def play(self) -> None:
        days = list(DAYS[:DAYS_PLAYED])
        rules = log.SetApprovalRulesRequest(valid_from_day=days[1], commands=["SetFees"], open_hours=24)
        rules.source = "minutes 31"
        await self.operators.give("trading", rules)
        for service in SERVICES:
            self.market.follow(service, self.random.choice(ACCOUNTS))
        self.market.watch("CEA", self.random.choice(ACCOUNTS))
        while days:
            kind = self.random.choice([name for name in KINDS if name != TWO_DAYS or len(days) > 1])
            self.market.chance.counts[kind] += 1
            took, days = (days[:2], days[2:]) if kind == TWO_DAYS else (days[:1], days[1:])
            await KINDS[kind](self, *took)
            for _ in took:
                await self.player.evening()
            await self.market.come_to_rest()
        if self.random.random() < 0.3:
            await self.proposal_expires()

    # Pieces of a day

    async def session(self, day: str, override: bool = False) -> None:
        await self.player.open(day, override)
        await self.withdraw(0.5)
        await self.player.trade(day)
        await order_in_bulk(self.market, self.player, self.random.choice(ACCOUNTS), self.random)
        await self.withdraw(0.5)
        await self.player.close(day)

    async def withdraw(self, share: float) -> None:
        """So many of the accounts take out all that trading says may leave."""
        for account in ACCOUNTS:
            if self.random.random() > share * 0.5:
                continue
            holder = f"participant:{account}"
            stated = await self.market.port.call(holder, trading_queries.GetPositionRequest(account=account))
            amount_fen = stated.funds.withdrawable_fen // self.random.randint(1, 4)
            if amount_fen:
                release = trading.ReleaseFundsRequest(account=account, amount_fen=amount_fen)
                self.player.releases += await self.player.may(holder, release) is not None

    async def proposal_expires(self) -> None:
        """In the week after the last day."""
        suspend = trading.SuspendTradingRequest(instrument="CEA", ground="sharp swings")

        async def a_week_goes_by() -> None:
            await self.player.clocks(A_WEEK_LATER, 9)

        await self.operators.let_expire("trading", suspend, a_week_goes_by)

    def new_account(self) -> str:
        self.accounts_opened += 1
        return f"late-{self.accounts_opened:04}"

    # Kinds of days

    async def plain(self, day: str) -> None:
        await self.session(day)
        await self.player.settled(day)

    async def refused_delivery(self, day: str) -> None:
        """Two people take trades out of every attempt that the registry refuses, or it is tried again."""
        attempts = self.random.randint(1, SPOILT_ATTEMPTS_MAX)
        spoil_deliveries(self.market, {(day, attempt) for attempt in range(1, attempts + 1)})
        await self.session(day)

        def reason(state: State) -> str:
            waiting = [run.reason for run in state.runs.open.values() if run.day == day]
            return waiting[0] if waiting else "settled" if state.runs.settled_day >= day else ""

        async def waits_or_is_settled() -> bool:
            return await self.market.look("clearing", reason) in ("DELIVERY_REFUSED", "settled")

        for _ in range(attempts):
            await self.market.until(waits_or_is_settled, f"{day} to be settled or to wait for people")
            if await self.market.look("clearing", reason) == "settled":
                break
            run_id, legs = await self.market.look("clearing", lambda state: run_and_legs(state, day))
            await self.withdraw(0.3)
            if self.random.random() < 0.3:
                await self.player.ask(CLEARING_OPERATOR, clearing.RetryRunRequest(run_id=run_id))
            else:
                await exclude(self.player, run_id, sorted(self.random.sample(legs, min(len(legs), 2))))
            await self.withdraw(0.3)
        await self.player.settled(day)

    async def disputed_run(self, day: str) -> None:
        misstate_confirmations(self.market, {(day, 1)})
        await self.session(day)
        run_id = await blocked_run(self.market, "TRADING_DISAGREES")
        await self.player.ask(CLEARING_OPERATOR, clearing.RetryRunRequest(run_id=run_id))
        await self.player.settled(day)

    async def disagreement(self, day: str) -> None:
        """The registry's answer is a tonne off; the books are compared again when that is over."""

        misstate_holdings(self.market, lambda: 1)
        records = self.market.databases["clearing"].store.records
        before = sum(record.type.endswith(".BooksReconciled") for record in records)
        await self.session(day)

        async def is_compared() -> bool:
            return sum(record.type.endswith(".BooksReconciled") for record in records) > before

        await self.market.until(is_compared, "the books to be compared")
        self.market.network.change_answer = lambda method, answer: answer
        await self.player.must(CLEARING_OPERATOR, clearing.ReconcileAgainRequest(day=day))
        await self.player.settled(day)

    async def service_away(self, day: str) -> None:
        """A whole service is down for a while, from the middle of the session on."""
        name = self.random.choice(list(SERVICES))

        async def comes_back() -> None:
            await self.market.stop(name)
            await asyncio.sleep(self.random.random() * AWAY_S_MAX)
            self.market.start(name)

        going = asyncio.create_task(comes_back())
        await self.session(day)
        await going
        await self.player.settled(day)

    async def clearing_away_over_night(self, day: str, morrow: str) -> None:
        await self.player.open(day)
        await self.player.trade(day)
        await self.market.stop("clearing")
        self.player.services.remove("clearing")
        await self.player.close(day)
        await self.session(morrow, override=True)
        self.market.start("clearing")
        self.player.services.append("clearing")
        await self.player.settled(day)
        await self.player.settled(morrow)

    async def leaver(self, day: str) -> None:
        """An account comes, changes its name and goes."""
        await self.session(day)
        account = self.new_account()
        await self.player.may(REGISTRY_OPERATOR, institution(account))
        change = registry.ChangeAccountDataRequest(account=account, name="Renamed", basis="its own request")
        await self.player.ask(REGISTRY_OPERATOR, change)
        restrict = registry.RestrictAccountRequest(account=account, ground="dissolved")
        await self.player.must(REGISTRY_OPERATOR, restrict)
        close = registry.CloseAccountRequest(account=account, ground="dissolved")

        async def is_closed() -> bool:
            # Refused while the account is wound up; a late repeat of a refused call may be what closes it.
            await self.player.may(REGISTRY_OPERATOR, close)
            return await self.market.look(
                "registry", lambda state: state.accounts[account].state is AccountState.CLOSED
            )

        await self.market.until(is_closed, "the account to be closed")
        await self.player.settled(day)

    async def registry_restored_older(self, day: str) -> None:
        await self.plain(day)
        await self.forks.of_registry(self.new_account())

    async def trading_restored_older(self, day: str) -> None:
        await self.plain(day)
        await self.forks.of_trading()

    async def clearing_restored_older(self, day: str) -> None:
        await self.plain(day)
        await self.forks.of_clearing()

    async def order_known_otherwise(self, day: str) -> None:
        """The receiver of an order knows another command by its name: two people have it sent under another one."""
        rpc = self.random.choice(sorted(ORDERS))
        give_name_away(self.market, (day, 1), rpc)
        await self.session(day)
        await self.operators.rename_refused_order()
        self.market.left_by_forks[BOTH_SIDES[rpc]] += 2
        if rpc == DELIVER:
            # What the registry refused under the old name, it refuses of this attempt.
            run_id = await blocked_run(self.market, "DELIVERY_REFUSED")
            await self.player.ask(CLEARING_OPERATOR, clearing.RetryRunRequest(run_id=run_id))
        await self.player.settled(day)

    async def clearing_loses_a_run(self, day: str) -> None:
        async def whole_day() -> None:
            await self.plain(day)

        await self.forks.of_a_run(day, whole_day)


def run_and_legs(state: State, day: str) -> tuple[int, list[int]]:
    run_id = next(run.run_id for run in state.runs.open.values() if run.day == day)
    return run_id, [leg.trade_id for leg in state.obligations.unsettled.values() if leg.day == day]


TWO_DAYS = "clearing away over night"
BOTH_SIDES = {CONFIRM: "both sides confirm a run", DELIVER: "clearing and registry agree on every delivery"}
"""The auditor's rules by which an answer that clearing never got leaves two findings: one side has it, the other the
answer under the new name.
"""

KINDS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "plain day": People.plain,
    "refused delivery": People.refused_delivery,
    "disputed run": People.disputed_run,
    "disagreement of the books": People.disagreement,
    "service away": People.service_away,
    TWO_DAYS: People.clearing_away_over_night,
    "leaver": People.leaver,
    "registry restored older": People.registry_restored_older,
    "trading restored older": People.trading_restored_older,
    "clearing restored older": People.clearing_restored_older,
    "clearing loses a run": People.clearing_loses_a_run,
    "order known otherwise": People.order_known_otherwise,
}


async def everything(market: SimulatedMarket, player: Player) -> None:
    """A seed's market."""
    await People(market, player).play()
