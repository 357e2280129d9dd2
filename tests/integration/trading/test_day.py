"""Days as the running service lives them: opened, traded, closed by the clock, settled, and the next morning."""

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from carbonmarket.trading.v1 import trading_query_service_pb2 as query
from carbonmarket.trading.v1 import trading_service_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from support.domains.trading_floor import FRIDAY, MONDAY, moment
from support.processes.running_trading import ANN, AUDITOR, Venue, order, refusal, settled, take

BOB = "exchange_operator:bob"
POWER, STEEL, CLEARING = "participant:power", "participant:steel", "service:clearing"


async def open_day(venue: Venue, day: str) -> None:
    venue.day = day
    await venue.at("09:00")
    await venue.ask(ANN, pb.OpenDayRequest(day=day))
    await venue.at("10:00")


async def sell_to_steel(venue: Venue, quantity_tonnes: int, price_fen: int = 4_800) -> int:
    placed = await venue.ask(POWER, order(price_fen=price_fen, quantity_tonnes=quantity_tonnes))
    taken = await venue.ask(STEEL, take(placed.order_id, price_fen=price_fen, quantity_tonnes=quantity_tonnes))
    trade_id: int = taken.trade_id
    return trade_id


async def position_of(venue: Venue, account: str) -> query.GetPositionResponse:
    answer: query.GetPositionResponse = await venue.see(AUDITOR, query.GetPositionRequest(account=account))
    return answer


async def day_of(venue: Venue, day: str) -> query.GetDayResponse:
    answer: query.GetDayResponse = await venue.see(AUDITOR, query.GetDayRequest(day=day))
    return answer


async def test_bought_units_are_sold_on_the_next_day_when_the_day_before_is_settled(morning: Venue) -> None:
    await open_day(morning, FRIDAY)
    trade_id = await sell_to_steel(morning, 100)
    assert (await position_of(morning, "steel")).units[0].bought_tonnes == 100
    assert await refusal(morning, STEEL, order("steel", quantity_tonnes=1)) == "INSUFFICIENT_ALLOWANCES"
    power = (await position_of(morning, "power")).funds
    assert (power.available_fen, power.received_unsettled_fen, power.withdrawable_fen) == (480_000, 480_000, 0)
    await morning.ask(POWER, order(side=types.SIDE_BUY, price_fen=4_800, quantity_tonnes=1))

    await morning.at("15:00")
    morning.day = MONDAY
    await morning.at("09:00")
    assert await refusal(morning, ANN, pb.OpenDayRequest(day=MONDAY)) == "EARLIER_DAY_NOT_SETTLED"
    obstacles = (await day_of(morning, MONDAY)).obstacles
    assert [(one.reason, dict(one.facts)) for one in obstacles] == [
        ("EARLIER_DAY_NOT_SETTLED", {"day": MONDAY, "earlier_day": FRIDAY})
    ]
    morning.day = FRIDAY
    await morning.settle()
    settled_day = await day_of(morning, FRIDAY)
    assert (settled_day.settled, settled_day.books_agreed, settled_day.trades) == (True, True, 1)
    assert (await position_of(morning, "power")).funds.withdrawable_fen == 480_000
    assert (await position_of(morning, "steel")).units[0].bought_tonnes == 100

    await open_day(morning, MONDAY)
    assert (await position_of(morning, "steel")).units[0].available_tonnes == 100
    await morning.ask(STEEL, order("steel", quantity_tonnes=100))
    trade = (
        await morning.see(STEEL, query.GetTradeRequest(trade_id=trade_id, min_position=await morning.head()))
    ).trade
    assert trade.state == query.TRADE_STATE_RELEASED


async def test_a_trade_that_two_people_took_out_stays_blocked(morning: Venue) -> None:
    await open_day(morning, FRIDAY)
    trade_id = await sell_to_steel(morning, 100)
    await morning.at("15:00")
    morning.clearing.write(
        clearing.TradeExcluded(trade_id=trade_id, run_id=1, day=FRIDAY, blocked_fen=300_000),
        clearing.SettlementDayCompleted(day=FRIDAY, run_id=1),
        clearing.BooksReconciled(day=FRIDAY, agreed=True),
    )
    await morning.hear()
    await open_day(morning, MONDAY)
    power, steel = await position_of(morning, "power"), await position_of(morning, "steel")
    assert (power.units[0].blocked_tonnes, power.funds.available_fen) == (100, 0)
    assert (steel.funds.blocked_fen, steel.funds.withdrawable_fen) == (300_000, 1_000_000_000 - 300_000)
    stated = await morning.see(CLEARING, query.GetAllPositionsRequest())
    of_power = next(one for one in stated.units if one.account == "power")
    assert (of_power.total_tonnes, of_power.sold_unsettled_tonnes) == (300_000, 0)
    assert of_power.blocked_tonnes == 100


async def test_a_close_that_fell_due_while_the_process_was_down_is_made_up_for_and_its_run_is_judged(
    morning: Venue,
) -> None:
    """The clock of a rehearsal does not move while nobody runs, so the process dies between the move and its answer."""
    await open_day(morning, FRIDAY)
    await sell_to_steel(morning, 100)
    await sell_to_steel(morning, 50)
    await morning.service.restart()
    assert (await day_of(morning, "")).phase == types.DAY_PHASE_OPEN
    await morning.at("20:00")
    await morning.service.restart()
    closed = await day_of(morning, FRIDAY)
    assert (closed.phase, closed.closed_ms) == (types.DAY_PHASE_CLOSED, moment(FRIDAY, "15:00"))
    assert await refusal(morning, ANN, pb.CloseDayRequest(day=FRIDAY)) == "DAY_NOT_OPEN"

    total = types.MethodTotal(
        instrument="CEA", method=types.TRADE_METHOD_LISTED, trades=2, quantity_tonnes=150, value_fen=720_000
    )
    run = pb.ConfirmClearingRunRequest(
        run_id=1, day=FRIDAY, attempt=1, trades=2, quantity_tonnes=150, value_fen=720_000, totals=[total]
    )
    assert (await morning.ask(CLEARING, run)).WhichOneof("outcome") == "confirmed"
    run.trades = 1
    disputed = (await morning.ask(CLEARING, run)).disputed
    assert disputed.reason == "TOTALS_DIFFER"
    assert (disputed.facts["whole.trades"], disputed.facts["whole.trades_clearing"]) == ("2", "1")


async def test_what_cannot_be_applied_is_set_aside_and_two_people_open_the_next_day_nevertheless(
    morning: Venue,
) -> None:
    await open_day(morning, FRIDAY)
    trade_id = await sell_to_steel(morning, 100)
    await morning.at("15:00")
    trade = (
        await morning.see(AUDITOR, query.GetTradeRequest(trade_id=trade_id, min_position=await morning.head()))
    ).trade
    wrong = settled(trade)
    wrong.value_fen += 1
    morning.clearing.write(wrong)
    status = await morning.hear()
    assert [(one.source_log_id, one.reason) for one in status.set_aside] == [("clearing", "TRADE_DIFFERS")]
    await morning.settle()
    morning.day = MONDAY
    await morning.at("09:00")
    assert [one.reason for one in (await day_of(morning, MONDAY)).obstacles] == ["SET_ASIDE_PENDING"]
    assert await refusal(morning, ANN, pb.OpenDayRequest(day=MONDAY)) == "SET_ASIDE_PENDING"

    override = pb.OverrideOpeningRequest(day=MONDAY, ground="clearing is away")
    assert await refusal(morning, ANN, override) == "APPROVAL_REQUIRED"
    answer = await morning.service.ask_by_two(ANN, BOB, override)
    assert list(answer.events) == ["carbonmarket.trading.v1.OpeningOverridden"]
    await open_day(morning, MONDAY)
    await morning.service.restart()
    monday = await day_of(morning, MONDAY)
    assert (monday.override_proposed_by, monday.override_approved_by) == (ANN, BOB)
