"""What the registry does on hearing other services' events: it books what trading gives back, when a restriction
reached it, and when a restricted account's trades are all settled."""

from collections.abc import Mapping

from carbonmarket.trading.v1 import trading_events_pb2 as trading
from chassis.core.decider import merged
from chassis.core.reaction import Heard, Reactions, hears
from registry.domain import restrictions, transfers


def on_allowances_returned(event: trading.AllowancesReturned, heard: Heard) -> transfers.RecordReturnFromTrading:
    return transfers.RecordReturnFromTrading(
        account=event.account,
        vintage=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
        trading_position=heard.position,
        return_id=event.return_id,
    )


def on_trading_account_stopped(event: trading.TradingAccountStopped, heard: Heard) -> restrictions.RecordTradingStop:
    return restrictions.RecordTradingStop(
        account=event.account, restriction_number=event.restriction_number, trading_position=heard.position
    )


def on_trading_account_wound_up(event: trading.TradingAccountWoundUp, heard: Heard) -> restrictions.RecordWindingUp:
    return restrictions.RecordWindingUp(
        account=event.account, restriction_number=event.restriction_number, trading_position=heard.position
    )


REACTIONS: Mapping[str, Reactions] = {
    "trading": merged(
        hears(trading.AllowancesReturned, on_allowances_returned),
        hears(trading.TradingAccountStopped, on_trading_account_stopped),
        hears(trading.TradingAccountWoundUp, on_trading_account_wound_up),
    ),
}
