"""Exclusions, deposits, trades and withdrawals in any order: clearing pays all that trading says may leave.

Everybody lives from hand to mouth: what may be withdrawn is withdrawn again and again, also while a run is blocked and
between an exclusion and the moment that trading hears of it, so that trades are paid by the proceeds of others and
exclusions cut through chains of them. Two services that count the money of an excluded trade differently would let a
release be set aside, or never pay it.
"""

import random
from dataclasses import dataclass

import pytest

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from clearing.domain.state import State
from support.days.day import ACCOUNTS, CLEARING_OPERATOR, DAYS, SETTLEMENT_BANK, Player, deposit
from support.days.seeds import seeds
from support.simulation.market import SimulatedMarket
from support.simulation.run import sound
from support.simulation.trouble import Attempt, exclude, spoil_deliveries

DAYS_PLAYED = 4
ATTEMPTS_SPOILT_MAX = 3


@dataclass
class HandToMouth:
    """A few days on which deliveries fail, trades are taken out, and money leaves as soon as it may."""

    market: SimulatedMarket
    player: Player
    random: random.Random
    withdrawals: int = 0
    taken_out: int = 0

    async def play(self) -> None:
        spoilt = self.spoilt_attempts()
        spoil_deliveries(self.market, spoilt)
        open_days: list[str] = []
        for day in DAYS[:DAYS_PLAYED]:
            await self.open(day, open_days)
            await self.withdraw(self.random.random())
            await self.pay_in()
            await self.market.come_to_rest()
            await self.player.trade(day)
            await self.withdraw(0.5)
            await self.player.close(day)
            open_days.append(day)
            if (day, 1) in spoilt and day != DAYS[DAYS_PLAYED - 1] and self.random.random() < 0.3:
                continue
            for each in open_days:
                await self.settle(each)
            open_days = []
        await self.market.come_to_rest()
        await self.withdraw(1)
        await self.market.come_to_rest()

    def spoilt_attempts(self) -> set[Attempt]:
        return {
            (day, attempt)
            for day in DAYS[:DAYS_PLAYED]
            if self.random.random() < 0.7
            for attempt in range(1, self.random.randint(2, ATTEMPTS_SPOILT_MAX + 1))
        }

    async def open(self, day: str, earlier: list[str]) -> None:
        """Two people open a day although an earlier one waits for people."""
        for each in earlier[:1]:
            assert await self.is_refused(each)
        await self.market.come_to_rest()
        await self.player.open(day, override=bool(earlier))

    async def settle(self, day: str) -> None:
        """Two people take trades out of every attempt that the registry refuses, or it is tried again."""
        while await self.is_refused(day):
            run_id, legs = await self.market.look("clearing", lambda state: run_and_legs(state, day))
            await self.withdraw(0.5)
            if self.random.random() < 0.2:
                await self.player.ask(CLEARING_OPERATOR, clearing.RetryRunRequest(run_id=run_id))
            else:
                named = sorted(self.random.sample(legs, min(len(legs), self.random.randint(1, 3))))
                self.taken_out += len(await exclude(self.player, run_id, named))
            await self.withdraw(0.5)
            await self.pay_in()
        await self.player.settled(day)

    async def is_refused(self, day: str) -> bool:
        """Once the day is settled, or waits for people."""

        def reason_or_day(state: State) -> tuple[str, str]:
            reasons = [run.reason for run in state.runs.open.values() if run.day == day]
            return reasons[0] if reasons else "", state.runs.settled_day

        async def waits_or_is_settled() -> bool:
            reason, settled_day = await self.market.look("clearing", reason_or_day)
            return settled_day >= day or reason == "DELIVERY_REFUSED"

        await self.market.until(waits_or_is_settled, f"{day} to be settled or to wait for people")
        return bool(await self.market.look("clearing", lambda state: state.runs.settled_day) < day)

    # Money

    async def withdraw(self, share: float) -> None:
        """So many of the accounts take out all that trading says may leave."""
        for account in ACCOUNTS:
            if self.random.random() > share:
                continue
            holder = f"participant:{account}"
            stated = await self.market.port.call(holder, trading_queries.GetPositionRequest(account=account))
            if stated.funds.withdrawable_fen:
                release = trading.ReleaseFundsRequest(account=account, amount_fen=stated.funds.withdrawable_fen)
                released = await self.player.may(holder, release)
                self.withdrawals += released is not None

    async def pay_in(self) -> None:
        for account in self.random.sample(ACCOUNTS, 2):
            reference = f"{self.player.seed}/{self.player.commands}"
            await self.player.ask(SETTLEMENT_BANK, deposit(account, reference, self.random.randint(1, 10**8)))


def run_and_legs(state: State, day: str) -> tuple[int, list[int]]:
    run_id = next(run.run_id for run in state.runs.open.values() if run.day == day)
    return run_id, [leg.trade_id for leg in state.obligations.unsettled.values() if leg.day == day]


async def assert_all_was_paid(market: SimulatedMarket) -> None:
    """No release waits for its payout, and both say the same of every account's money."""
    views = await market.look("trading", lambda state: {name: held.funds for name, held in state.accounts.items()})
    assert await market.look("trading", lambda state: dict(state.releases)) == {}
    for account, funds in (await market.look("clearing", lambda state: dict(state.funds.accounts))).items():
        view = views[account]
        assert (view.settled_fen, view.blocked_fen, view.owed_fen) == (funds.balance_fen, funds.blocked_fen, 0)
        free_fen = funds.balance_fen - funds.blocked_fen - funds.unsettled_out_fen
        assert view.withdrawable_fen <= free_fen


@pytest.mark.parametrize("seed", seeds(3))
def test_what_trading_says_may_leave_is_paid_whatever_was_excluded(seed: int) -> None:
    played: list[HandToMouth] = []

    async def play(market: SimulatedMarket, player: Player) -> None:
        played.append(HandToMouth(market, player, random.Random(f"hand to mouth {seed}")))
        await played[0].play()
        await assert_all_was_paid(market)

    figures = sound(seed, play)
    assert figures["days_settled"] == DAYS_PLAYED
    assert figures["trades_excluded"] == played[0].taken_out
    assert played[0].withdrawals > 0
