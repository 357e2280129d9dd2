"""Accounts, restrictions and suspensions: domain values and their messages, field by field."""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from trading.domain import accounts, restriction, suspension


def trading_account_opened(event: accounts.TradingAccountOpened) -> pb.TradingAccountOpened:
    return pb.TradingAccountOpened(
        account=event.account,
        eligible_to_trade=event.eligible_to_trade,
    )


def to_trading_account_opened(message: pb.TradingAccountOpened) -> accounts.TradingAccountOpened:
    return accounts.TradingAccountOpened(
        account=message.account,
        eligible_to_trade=message.eligible_to_trade,
    )


def trading_account_stopped(event: restriction.TradingAccountStopped) -> pb.TradingAccountStopped:
    return pb.TradingAccountStopped(
        account=event.account,
        ground=event.ground,
        restriction=event.restriction,
    )


def to_trading_account_stopped(message: pb.TradingAccountStopped) -> restriction.TradingAccountStopped:
    return restriction.TradingAccountStopped(
        account=message.account,
        ground=message.ground,
        restriction=message.restriction,
    )


def trading_account_wound_up(event: restriction.TradingAccountWoundUp) -> pb.TradingAccountWoundUp:
    return pb.TradingAccountWoundUp(
        account=event.account,
        restriction=event.restriction,
    )


def to_trading_account_wound_up(message: pb.TradingAccountWoundUp) -> restriction.TradingAccountWoundUp:
    return restriction.TradingAccountWoundUp(
        account=message.account,
        restriction=message.restriction,
    )


def trading_account_resumed(event: restriction.TradingAccountResumed) -> pb.TradingAccountResumed:
    return pb.TradingAccountResumed(
        account=event.account,
    )


def to_trading_account_resumed(message: pb.TradingAccountResumed) -> restriction.TradingAccountResumed:
    return restriction.TradingAccountResumed(
        account=message.account,
    )


def trading_account_closed(event: restriction.TradingAccountClosed) -> pb.TradingAccountClosed:
    return pb.TradingAccountClosed(
        account=event.account,
    )


def to_trading_account_closed(message: pb.TradingAccountClosed) -> restriction.TradingAccountClosed:
    return restriction.TradingAccountClosed(
        account=message.account,
    )


def trading_suspended(event: suspension.TradingSuspended) -> pb.TradingSuspended:
    return pb.TradingSuspended(
        instrument=event.instrument,
        ground=event.ground,
    )


def to_trading_suspended(message: pb.TradingSuspended) -> suspension.TradingSuspended:
    return suspension.TradingSuspended(
        instrument=message.instrument,
        ground=message.ground,
    )


def trading_resumed(event: suspension.TradingResumed) -> pb.TradingResumed:
    return pb.TradingResumed(
        instrument=event.instrument,
    )


def to_trading_resumed(message: pb.TradingResumed) -> suspension.TradingResumed:
    return suspension.TradingResumed(
        instrument=message.instrument,
    )
