"""What clearing does on hearing trading.

It hears no other log: nothing says which of two logs' records came first, and in trading's log an account comes before
its trades.
"""

from collections.abc import Mapping

from carbonmarket.trading.v1 import trading_events_pb2 as trading
from chassis.core.decider import merged
from chassis.core.reaction import Heard, Reactions, hears
from clearing.domain import funds, obligations, payouts, run
from clearing.domain.trades import Method, ObligationRecorded


def on_trading_account_opened(event: trading.TradingAccountOpened, heard: Heard) -> funds.OpenFundAccount:
    return funds.OpenFundAccount(account=event.account)


def on_trading_account_stopped(event: trading.TradingAccountStopped, heard: Heard) -> funds.RestrictFundAccount:
    return funds.RestrictFundAccount(account=event.account, ground=event.ground)


def on_trading_account_resumed(event: trading.TradingAccountResumed, heard: Heard) -> funds.LiftFundAccountRestriction:
    return funds.LiftFundAccountRestriction(account=event.account)


def on_trading_account_closed(event: trading.TradingAccountClosed, heard: Heard) -> funds.CloseFundAccount:
    return funds.CloseFundAccount(account=event.account)


def on_trading_days_announced(event: trading.TradingDaysAnnounced, heard: Heard) -> obligations.NoteTradingDays:
    return obligations.NoteTradingDays(days=tuple(event.days))


def on_trade_executed(event: trading.TradeExecuted, heard: Heard) -> obligations.RecordObligation:
    trade = ObligationRecorded(
        trade_id=event.trade_id,
        day=event.day,
        instrument=event.instrument,
        method=Method(event.method),
        price_fen=event.price_fen,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        buyer=event.buyer,
        seller=event.seller,
        buyer_fee_fen=event.buyer_fee_fen,
        seller_fee_fen=event.seller_fee_fen,
        trading_position=heard.position,
        executed_ms=event.executed_ms,
    )
    return obligations.RecordObligation(trade)


def on_funds_released(event: trading.FundsReleased, heard: Heard) -> payouts.RequestPayout:
    return payouts.RequestPayout(account=event.account, amount_fen=event.amount_fen, release_id=event.release_id)


def on_trading_day_closed(event: trading.TradingDayClosed, heard: Heard) -> run.OpenRun:
    return run.OpenRun(
        day=event.day,
        trades=event.trades,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
        first_trade_id=event.first_trade_id,
        last_trade_id=event.last_trade_id,
        trading_position=heard.position,
    )


REACTIONS: Mapping[str, Reactions] = {
    "trading": merged(
        hears(trading.TradingAccountOpened, on_trading_account_opened),
        hears(trading.TradingAccountStopped, on_trading_account_stopped),
        hears(trading.TradingAccountResumed, on_trading_account_resumed),
        hears(trading.TradingAccountClosed, on_trading_account_closed),
        hears(trading.TradingDaysAnnounced, on_trading_days_announced),
        hears(trading.TradeExecuted, on_trade_executed),
        hears(trading.FundsReleased, on_funds_released),
        hears(trading.TradingDayClosed, on_trading_day_closed),
    ),
}
