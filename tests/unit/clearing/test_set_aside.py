"""A trade that clearing set aside is decided again by two people after its cause is corrected; its day then settles."""

from google.protobuf.message import Message

from carbonmarket.trading.v1 import trading_events_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from chassis.core.engine import Done, Engine
from chassis.core.record import HeardUpTo
from chassis.core.set_aside import DecideSetAsideAgain, DropSetAside
from chassis.core.shell import OpenLog
from chassis.core.submission import DueTimer, HeardRecord
from chassis.say.tracing import Tracing
from clearing.__main__ import CLEARING
from clearing.domain.run import ClearingRunBlocked, ClearingRunComputed, RetryRun
from clearing.domain.state import State
from support.domains.clearing_books import ANN, BOB, FRIDAY, NOW_MS, POWER, STEEL
from support.shell.asking import asked
from support.shell.two_people import by_two, declared

GROUND = "the registry had not said that it opened the account, minutes 12"


class Clearing:
    """Clearing's engine, which hears trading."""

    def __init__(self) -> None:
        reactions = declared(reactions=CLEARING.reactions)
        self.engine: Engine[State] = Engine("clearing", CLEARING.decider, CLEARING.wire, Tracing(), declared=reactions)
        self.engine.decide(asked("service:clearing", "", OpenLog(True)), {}, NOW_MS)
        self.position = 0

    def hear(self, *events: Message) -> None:
        for event in events:
            self.position += 1
            name, data = event.DESCRIPTOR.full_name, event.SerializeToString()
            command = self.engine.declared.reactions["trading"].react(name, data, self.position)
            upto = HeardUpTo("trading", self.position, bytes(32))
            heard = self.engine.decide(HeardRecord(upto, name, command, data=data), {}, NOW_MS)
            assert isinstance(heard, Done), heard

    def retry(self) -> Done:
        done = self.engine.decide(asked(ANN, "", RetryRun(1)), {}, NOW_MS)
        assert isinstance(done, Done), done
        return done

    def list_legs(self) -> ClearingRunComputed:
        """Does what is due at once: the legs of the attempt that was begun are listed."""
        events: list[object] = []
        while (timer := self.engine.due()) is not None:
            done = self.engine.decide(DueTimer("clearing", timer), {}, NOW_MS)
            assert isinstance(done, Done), done
            events += done.events
        (computed,) = [event for event in events if isinstance(event, ClearingRunComputed)]
        return computed

    @property
    def blocked_because(self) -> str:
        return self.engine.state.runs.open[1].reason


def account(name: str) -> trading.TradingAccountOpened:
    return trading.TradingAccountOpened(account=name, eligible_to_trade=True)


def executed(trade_id: int, tonnes: int) -> trading.TradeExecuted:
    return trading.TradeExecuted(
        trade_id=trade_id,
        day=FRIDAY,
        instrument="CEA",
        method=trading_types.TRADE_METHOD_LISTED,
        price_fen=1,
        quantity_tonnes=tonnes,
        value_fen=tonnes,
        buyer=POWER if trade_id == 1 else STEEL,
        seller=STEEL if trade_id == 1 else "cement-0003",
    )


CLOSED = trading.TradingDayClosed(
    day=FRIDAY, trades=2, quantity_tonnes=50, value_fen=50, first_trade_id=1, last_trade_id=2
)


def with_a_trade_set_aside() -> tuple[Clearing, int]:
    """The first trade's buyer is not known; the second trade and the close of the day came after it."""
    clearing = Clearing()
    clearing.hear(account(STEEL), account("cement-0003"), executed(1, 10), executed(2, 40), CLOSED)
    (position,) = clearing.engine.shell.set_aside
    assert clearing.engine.shell.set_aside[position].reason == "ACCOUNT_UNKNOWN"
    assert clearing.blocked_because == "SET_ASIDE_PENDING"
    clearing.hear(account(POWER))
    return clearing, position


def test_a_trade_set_aside_is_decided_again_and_its_day_clears_with_the_right_totals() -> None:
    clearing, position = with_a_trade_set_aside()
    by_two(clearing.engine, DecideSetAsideAgain(position, GROUND), ANN, BOB, NOW_MS)
    clearing.retry()
    computed = clearing.list_legs()
    assert (computed.trades, computed.quantity_tonnes, computed.value_fen) == (2, 50, 50)
    assert list(clearing.engine.state.obligations.unsettled) == [1, 2]


def test_a_trade_that_people_dropped_leaves_a_day_that_differs_until_it_is_decided_again() -> None:
    clearing, position = with_a_trade_set_aside()
    by_two(clearing.engine, DropSetAside(position, GROUND), ANN, BOB, NOW_MS)
    assert clearing.retry().only(ClearingRunBlocked).reason == "TOTALS_DIFFER"
    by_two(clearing.engine, DecideSetAsideAgain(position, GROUND), ANN, BOB, NOW_MS)
    clearing.retry()
    assert clearing.list_legs().trades == 2
