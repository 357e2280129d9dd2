"""A service whose database comes back older than what others heard of it, and the way out that two people walk.

What was lost is given again before anything else is, as the runbook says: till then the service itself refuses who acts
for an account. Hearing goes on from the last record that both have, or an earlier one; what another service cannot
apply, because it did so before, it sets aside.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from chassis.core.record import Record
from support.days.day import ACCOUNTS, CLEARING_OPERATOR, REGISTRY_OPERATOR, SETTLEMENT_BANK, Player, deposit
from support.simulation.corrections import Operators
from support.simulation.market import SimulatedMarket
from support.simulation.trouble import runs_blocked

KNOWS_ACCOUNTS = "trading knows every account"
BOOKED_ONCE = "every return is booked once"
HEARD_ONCE = "every fund entry is heard once"
"""The auditor's rules by which each fork leaves a finding: another service took in the record that was lost, and names
its position, or has an account from it.
"""
HEARD_AGAIN = ("trading hears every settled trade", HEARD_ONCE)
LEFT_BY_A_LOST_RUN = {
    "clearing and registry agree on every delivery": 2,
    "trading hears every settled day": 1,
    "trading hears every reconciliation": 1,
    "both sides confirm a run": 2,
}
"""By these it leaves as many findings as trading set events aside, by those so many at most: each names a record of
clearing that is lost, or one by which clearing did it again.
"""
OLDER = "a log came back older"
KEPT_AWAY = "somebody kept away from a log that came back older"
RESTARTED = "a log that came back older, restarted alone"
MORE_THAN_THERE_IS = 10**15
EARLIER_MAX = 5
"""So many records before the last common one hearing may be put back: what was taken in is known."""


class Forks:
    def __init__(self, market: SimulatedMarket, player: Player, operators: Operators, draw: random.Random) -> None:
        self._market = market
        self._player = player
        self._operators = operators
        self._draw = draw

    async def of_registry(self, account: str) -> None:
        """An account's opening is lost. It is opened again; trading knows it already, and sets the event aside."""
        opening = institution(account)
        # Given again under the same name: a late repeat of the lost call may have come before it.
        opening.request_id = f"lost {self._player.commands}"

        async def open_it() -> None:
            await self._market.port.call(REGISTRY_OPERATOR, opening)

        last = await self.lose("registry", open_it)
        await self.is_kept_away("registry", f"participant:{ACCOUNTS[0]}", transfer_of_too_much())
        await open_it()
        await self._operators.resume("trading", self.or_earlier("registry", last), "registry")
        await self._operators.drop_set_aside("trading")
        self._market.left_by_forks[KNOWS_ACCOUNTS] += 1

    async def of_trading(self) -> None:
        """A return to the registry is lost, or a release of money, which the other service has booked. The holder gives
        it again, under its old number; the other service sets it aside as one that it has booked. Trading, which hears
        nothing till then, takes the booking in; if it hears it too early, it sets it aside until then.
        """
        account, may_leave = await self._who_has_something()
        of_units = trading.ReturnToRegistryRequest(account=account, instrument="CEA", quantity_tonnes=1)
        of_money = trading.ReleaseFundsRequest(account=account, amount_fen=1)
        of_units.request_id = of_money.request_id = f"lost {self._player.commands}"
        given, booked_by = (of_money, "clearing") if may_leave == "money" else (of_units, "registry")

        async def give(given_again: bool = False) -> None:
            await self._market.port.call(f"participant:{account}", given, given_again)

        last = await self.lose("trading", give)
        of_too_much = trading.ReleaseFundsRequest(account=account, amount_fen=MORE_THAN_THERE_IS)
        await self.is_kept_away("trading", f"participant:{account}", of_too_much)
        # The order that the runbook names; or operators have hearing resumed first, and the booking is set aside.
        in_order = self._draw.random() < 0.5
        if in_order:
            await give(given_again=True)
        for service in ("registry", "clearing"):
            await self._operators.resume(service, self.or_earlier("trading", last), "trading")
        if not in_order:
            await self._operators.set_aside("trading")
            await give(given_again=True)
        await self._operators.drop_set_aside(booked_by)
        if not in_order:
            await self._operators.decide_set_aside_again("trading")
        self._player.releases += given is of_money
        self._market.left_by_forks[HEARD_ONCE if given is of_money else BOOKED_ONCE] += 1

    async def of_clearing(self) -> None:
        """A deposit is lost. The bank reports it again; trading has it already, and sets the entry aside."""
        account = self._draw.choice(ACCOUNTS)
        paid_in = deposit(account, f"lost {self._player.commands}", 77_700)
        paid_in.request_id = paid_in.bank_reference

        async def report(given_again: bool = False) -> None:
            await self._market.port.call(SETTLEMENT_BANK, paid_in, given_again)

        last = await self.lose("clearing", report)
        await self.is_kept_away("clearing", SETTLEMENT_BANK, deposit("nobody-0001", "of nobody", 1))
        await report(given_again=True)
        await self._operators.resume("trading", self.or_earlier("clearing", last), "clearing")
        await self._operators.drop_set_aside("trading")
        self._market.left_by_forks[HEARD_ONCE] += 1

    async def of_a_run(self, day: str, whole_day: Callable[[], Awaitable[None]]) -> None:
        """Clearing loses a day that trading closed and the registry delivered. It hears of the day again and settles it
        again: trading compares the run once more, the registry answers that it delivered these legs before, and what
        trading hears for the second time it sets aside.
        """
        last = await self.lose("clearing", whole_day)
        await self._operators.resume("trading", self.or_earlier("clearing", last), "clearing")
        await self._market.until(lambda: self._settled_again(day), f"{day} to be settled again")
        await self._market.come_to_rest()
        await self._drop_what_was_heard_again()
        self._market.left_by_forks += Counter(LEFT_BY_A_LOST_RUN)

    async def _settled_again(self, day: str) -> bool:
        """Does what operators do about a run that was lost, until it is settled."""
        operators, market = self._operators, self._market
        if await operators.refused_orders():
            await operators.rename_refused_order()
        # Trading confirms no run while something is set aside.
        await self._drop_what_was_heard_again()
        for run_id in await market.look("clearing", lambda state: runs_blocked(state, "TRADING_DISAGREES")):
            await self._player.may(CLEARING_OPERATOR, clearing.RetryRunRequest(run_id=run_id))
        settled_day: str = await market.look("clearing", lambda state: state.runs.settled_day)
        return settled_day >= day

    async def _drop_what_was_heard_again(self) -> None:
        dropped = await self._operators.drop_all_set_aside("trading")
        self._market.left_by_forks += Counter(dict.fromkeys(HEARD_AGAIN, dropped))

    async def _who_has_something(self) -> tuple[str, str]:
        """An account, and what of it may leave: money or units."""
        found = []
        for account in ACCOUNTS:
            if account == self._player.restricted:
                continue
            asked = trading_queries.GetPositionRequest(account=account)
            stated = await self._market.port.call(f"participant:{account}", asked)
            if stated.funds.withdrawable_fen:
                found.append((account, "money"))
            if any(units.instrument == "CEA" and units.available_tonnes for units in stated.units):
                found.append((account, "units"))
        return self._draw.choice(found)

    async def lose(self, service: str, act: Callable[[], Awaitable[None]]) -> Record:
        """Does something that everybody hears of, and brings the service back from before it. The last record that is
        left. Nobody gets through until the service knows that others heard more, and keeps people away by itself.
        """
        market, port = self._market, self._market.port
        market.network.closed_to_people = True
        market.chance.counts[OLDER] += 1
        await market.come_to_rest()
        database = market.databases[service]
        restore, last = database.copy(), database.store.records[-1]
        await act()
        await market.come_to_rest()
        await market.stop(service)
        restore()
        port.answered = [a for a in port.answered if a.service != service or a.position <= last.position]
        for follower in (*market.readers, *market.watchers):
            if follower.service == service:
                follower.begin_anew()
        forget_later(market.broker.digests[service], last.position)
        market.start(service)

        async def knows() -> bool:
            return all(source.keeps_away_because for source in (await port.status(service)).sources)

        await market.until(knows, f"{service} to learn that others heard more of its log")
        if self._draw.random() < 0.5:
            await self._restart_while_others_are_away(service, knows)
        market.network.closed_to_people = False
        return last

    async def _restart_while_others_are_away(self, service: str, knows: Callable[[], Awaitable[bool]]) -> None:
        """It knows at once what they said before: nobody can be asked now."""
        market, others = self._market, {"registry", "trading", "clearing"} - {service}
        hears = len((await market.port.status(service)).sources)

        async def is_kept() -> bool:
            ((kept,),) = market.databases[service].tables.execute("SELECT count(*) FROM lost_heads").fetchall()
            return bool(kept == hears)

        await market.until(is_kept, f"{service} to keep what others heard more of its log")
        market.network.away |= others
        await market.stop(service)
        market.start(service)
        assert await knows(), f"{service} forgot over a restart that others heard more of its log"
        market.network.away -= others
        market.chance.counts[RESTARTED] += 1

    async def is_kept_away(self, service: str, actor: str, command: Any) -> None:
        """Somebody gives a new command before what was lost is given again. It could not be accepted at any time: while
        a new leader has not asked yet, it is let in.
        """
        market = self._market
        command.request_id = "before what was lost is given again"

        async def refused_as_older() -> bool:
            return await market.port.reason_of(actor, command) == "LOG_CAME_BACK_OLDER"

        await market.until(refused_as_older, f"{actor} to be kept away from {service}")
        market.chance.counts[KEPT_AWAY] += 1

    def or_earlier(self, source: str, last: Record) -> Record:
        records = self._market.databases[source].store.records
        return records[last.position - 1 - self._draw.choice([0, self._draw.randint(1, EARLIER_MAX)])]


def forget_later(digests: dict[int, bytes], position: int) -> None:
    """What was sent of records that are lost."""
    for lost in [each for each in digests if each > position]:
        del digests[lost]


def transfer_of_too_much() -> registry.TransferToTradingRequest:
    return registry.TransferToTradingRequest(account=ACCOUNTS[0], vintage="CEA", quantity_tonnes=10**9)


def institution(account: str) -> registry.OpenAccountRequest:
    kind = registry_types.ACCOUNT_KIND_INSTITUTION
    return registry.OpenAccountRequest(account=account, name=account, kind=kind, eligible_to_trade=True)
