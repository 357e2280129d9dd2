"""Days on which a run cannot move, or a service stays away: what people then do leaves books that agree."""

import random
from itertools import pairwise

import grpc
import pytest
from grpc_status import rpc_status

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading_queries
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from chassis.serving.errors import Failure
from registry.domain.state import Registry
from support.days.calls import Refused
from support.days.day import (
    ACCOUNTS,
    CLEARING_OPERATOR,
    DAYS,
    EXCHANGE_OPERATOR,
    REGISTRY_OPERATOR,
    SETTLEMENT_BANK,
    Player,
    deposit,
)
from support.days.seeds import seeds
from support.simulation.market import SimulatedMarket
from support.simulation.network import failed, no_answer
from support.simulation.run import play_days, simulate, sound
from support.simulation.trouble import blocked_run, exclude, misstate_confirmations, misstate_holdings, spoil_deliveries
from support.simulation.weather import Weather

SEEDS = 2

NO_ANSWERS = [
    ("REQUEST_ID_REUSED", grpc.StatusCode.ALREADY_EXISTS),
    ("ROLE_NOT_ALLOWED", grpc.StatusCode.PERMISSION_DENIED),
    ("LEGS_OUT_OF_RANGE", grpc.StatusCode.INVALID_ARGUMENT),
    ("RELEASE_NOT_ACTIVE", grpc.StatusCode.FAILED_PRECONDITION),
]


async def play_to_close(player: Player, day: str) -> None:
    await player.open(day)
    await player.trade(day)
    await player.close(day)


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_a_run_that_trading_disputes_moves_nothing_and_its_retry_settles_the_day(seed: int) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        misstate_confirmations(market, {(DAYS[0], 1)})
        await play_to_close(player, DAYS[0])
        run_id = await blocked_run(market, "TRADING_DISAGREES")
        assert await market.look("clearing", lambda state: state.runs.settled_day) == ""
        await player.ask(CLEARING_OPERATOR, clearing.RetryRunRequest(run_id=run_id))
        await player.settled(DAYS[0])
        await play_days(player, DAYS[1:2])

    assert sound(seed, play)["days_settled"] == 2


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_a_refused_delivery_moves_nothing_and_its_retry_settles_the_day(seed: int) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        spoil_deliveries(market, {(DAYS[0], 1)})
        await play_to_close(player, DAYS[0])
        run_id = await blocked_run(market, "DELIVERY_REFUSED")
        await player.ask(CLEARING_OPERATOR, clearing.RetryRunRequest(run_id=run_id))
        await player.settled(DAYS[0])
        await play_days(player, DAYS[1:2])

    assert sound(seed, play)["trades_excluded"] == 0


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_a_delivery_whose_answer_was_lost_is_paid_whatever_refuses_its_next_send(seed: int) -> None:
    """A role taken away, a digest that a release makes otherwise: neither says that the run was not delivered."""
    refused = [0]

    def lose_first_answer(method: str, answer: bytes) -> bytes:
        if method.endswith("/DeliverAllowances") and not refused[0]:
            refused[0] = 1
            raise no_answer("the connection broke")
        return answer

    def refuse_next(method: str, request: bytes) -> bytes:
        if method.endswith("/DeliverAllowances") and 1 <= refused[0] < 5:
            refused[0] += 1
            reason, code = random.Random(seed).choice(NO_ANSWERS)
            status = rpc_status.to_status(Failure(code, reason, {}).status())
            raise failed(code, reason, status.trailing_metadata)
        return request

    async def play(market: SimulatedMarket, player: Player) -> None:
        market.network.change, market.network.change_answer = refuse_next, lose_first_answer
        await play_to_close(player, DAYS[0])
        await player.settled(DAYS[0])
        assert refused[0] == 5
        await play_days(player, DAYS[1:2])

    assert sound(seed, play, expected_errors=["waits for people"])["days_settled"] == 2


def test_an_order_whose_answer_was_lost_is_sent_again_although_nothing_else_goes_wrong() -> None:
    """In no weather at all: where a process ends, its orders are sent again at the next start anyway."""
    lost: list[str] = []

    def lose_first_answer(method: str, answer: bytes) -> bytes:
        if method.endswith("/DeliverAllowances") and not lost:
            lost.append(method)
            raise no_answer("the connection broke")
        return answer

    async def play(market: SimulatedMarket, player: Player) -> None:
        market.network.change_answer = lose_first_answer
        await play_to_close(player, DAYS[0])
        await player.settled(DAYS[0])
        assert lost

    assert sound(0, play, Weather())["days_settled"] == 1


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_trades_that_two_people_take_out_stay_blocked_and_all_others_settle(seed: int) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        spoil_deliveries(market, {(DAYS[0], 1)})
        await play_to_close(player, DAYS[0])
        run_id = await blocked_run(market, "DELIVERY_REFUSED")
        trades = await market.look("clearing", lambda state: sorted(state.obligations.unsettled))
        named = sorted(random.Random(seed).sample(trades, min(2, len(trades))))
        await exclude(player, run_id, named)
        await player.settled(DAYS[0])
        await play_days(player, DAYS[1:3])

    figures = sound(seed, play)
    assert figures["trades_excluded"] > 0
    assert figures["trades_settled"] + figures["trades_excluded"] == figures["trades"]


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_clearing_comes_back_after_two_days_and_settles_both_in_order(seed: int) -> None:
    async def play(market: SimulatedMarket, player: Player) -> None:
        await player.day(DAYS[0])
        await market.stop("clearing")
        player.services.remove("clearing")
        for day, override in ((DAYS[1], False), (DAYS[2], True)):
            await player.open(day, override)
            await player.trade(day)
            await player.close(day)
        market.start("clearing")
        player.services.append("clearing")
        await player.settled(DAYS[1])
        await player.settled(DAYS[2])
        await play_days(player, DAYS[3:4])

    assert sound(seed, play)["days_settled"] == 4


@pytest.mark.parametrize("seed", seeds(1))
def test_a_disagreement_needs_two_people_on_one_morning_and_is_over_when_the_books_agree(seed: int) -> None:
    """The registry states a tonne too much for two evenings: the second morning is covered by the first's override."""
    off_tonnes = [1]

    async def play(market: SimulatedMarket, player: Player) -> None:
        misstate_holdings(market, lambda: off_tonnes[0])
        await play_to_close(player, DAYS[0])
        await market.come_to_rest()
        await player.clocks(DAYS[1], 9)
        assert await player.may(EXCHANGE_OPERATOR, trading.OpenDayRequest(day=DAYS[1])) is None
        await player.open(DAYS[1], override=True)
        for today, day in pairwise(DAYS[1:5]):
            await player.trade(today)
            off_tonnes[0] = int(day < DAYS[3])
            await player.close(today)
            await market.come_to_rest()
            await player.open(day)
        await market.come_to_rest()
        days = await market.look("trading", lambda state: dict(state.calendar.days))
        assert [days[day].books_agreed for day in DAYS[:4]] == [True] * 4

    found = simulate(seed, play).faults
    assert found and all(line.startswith("the three books agree") for line in found), found


LEAVER = "leaver-0001"


async def open_leaver(player: Player) -> None:
    """An account with money and without allowances."""
    request = registry.OpenAccountRequest(account=LEAVER, name="Leaver", eligible_to_trade=True)
    request.kind = registry_types.ACCOUNT_KIND_INSTITUTION
    await player.ask(REGISTRY_OPERATOR, request)
    await player.must(SETTLEMENT_BANK, deposit(LEAVER, "leaver", 10**8))


async def buy_a_tonne(market: SimulatedMarket, player: Player) -> None:
    """The leaver buys."""
    answer = await market.port.call(EXCHANGE_OPERATOR, trading_queries.ListInstrumentsRequest())
    price_fen = next(each.previous_close_fen for each in answer.instruments if each.instrument == "CEA")
    order = trading.PlaceOrderRequest(account=LEAVER, instrument="CEA", side=trading_types.SIDE_BUY)
    order.price_fen, order.quantity_tonnes = price_fen, 1
    placed = await player.must(f"participant:{LEAVER}", order)
    for seller in ACCOUNTS:
        take = trading.TakeListingRequest(account=seller, order_id=placed.order_id, price_fen=price_fen)
        take.quantity_tonnes = 1
        if await player.may(f"participant:{seller}", take) is not None:
            return
    raise AssertionError("nobody can sell a tonne")


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_an_account_is_not_closed_before_its_trades_are_settled_and_the_day_settles_whole(seed: int) -> None:
    close = registry.CloseAccountRequest(account=LEAVER, ground="dissolved")

    async def refusal(player: Player) -> str:
        with pytest.raises(Refused) as refused:
            await player.ask(REGISTRY_OPERATOR, close)
        return refused.value.reason

    async def play(market: SimulatedMarket, player: Player) -> None:
        await open_leaver(player)
        await player.open(DAYS[0])
        await player.clocks(DAYS[0], 9, 30)
        await buy_a_tonne(market, player)
        assert await refusal(player) == "ACCOUNT_IN_USE"
        await player.ask(REGISTRY_OPERATOR, registry.RestrictAccountRequest(account=LEAVER, ground="dissolved"))
        await player.trade(DAYS[0])
        assert await refusal(player) == "ACCOUNT_NOT_WOUND_UP"
        await player.close(DAYS[0])
        await player.settled(DAYS[0])
        await market.until(lambda: wound_up(market, LEAVER), "the leaver to be wound up")
        assert await refusal(player) == "ACCOUNT_NOT_EMPTY"
        await player.open(DAYS[1])
        await market.until(lambda: returned_a_tonne(market), "the leaver's tonne to be back")
        await player.trade(DAYS[1])
        await player.close(DAYS[1])
        await player.settled(DAYS[1])

    figures = sound(seed, play)
    assert (figures["trades_excluded"], figures["days_settled"]) == (0, 2)


async def wound_up(market: SimulatedMarket, account: str) -> bool:
    times = await market.look("registry", lambda state: state.accounts[account].restrictions_wound_up)
    return bool(times == 1)


async def returned_a_tonne(market: SimulatedMarket) -> bool:
    def held(state: Registry) -> tuple[int, int]:
        holding = state.holdings[LEAVER]["CEA"]
        return holding.registry_available_tonnes, holding.trading_tonnes

    return bool(await market.look("registry", held) == (1, 0))
