"""Domain events and their stored form: the only list of what trading publishes.

A listing's trace begins when it is placed and ends with its last event; a negotiation's likewise. A trade's trace
begins with the trade, which links its maker's listing or its negotiation, and ends here when its units are released
or it is blocked. An account's feed shows its own orders, blocks, trades and custody; what concerns everybody is in no
feed.
"""

from carbonmarket.trading.v1 import trading_events_pb2 as pb
from chassis.wire import EventKind, Wire
from trading.domain import (
    accounts,
    calendar,
    closing,
    confirmation,
    custody,
    instruments,
    listed,
    negotiations,
    opening,
    restriction,
    rules,
    settlement,
    suspension,
    trades,
)
from trading.encoding import accounts as on_accounts
from trading.encoding import blocks as on_blocks
from trading.encoding import custody as on_custody
from trading.encoding import days as on_days
from trading.encoding import orders as on_orders
from trading.encoding import rules as on_rules
from trading.encoding import settlements as on_settlements

OfAccount = (
    accounts.TradingAccountOpened
    | restriction.TradingAccountStopped
    | restriction.TradingAccountWoundUp
    | restriction.TradingAccountResumed
    | restriction.TradingAccountClosed
    | custody.AllowancesCredited
    | custody.FundsCredited
    | custody.AllowancesReturned
    | custody.ReturnAcknowledged
    | custody.FundsReleased
    | custody.ReleaseAcknowledged
    | listed.OrderPlaced
    | listed.OrderFilled
    | listed.OrderCancelled
    | listed.OrderExpired
    | settlement.AllowancesReleased
)
OfOrder = listed.OrderPlaced | listed.OrderFilled | listed.OrderCancelled | listed.OrderExpired
OfBlock = (
    negotiations.BlockOffered
    | negotiations.BlockQuoted
    | negotiations.BlockConfirmed
    | negotiations.BlockDeclined
    | negotiations.BlockWithdrawn
    | negotiations.BlockExpired
)
OfTrade = trades.TradeExecuted | settlement.TradeMarkedSettled | settlement.TradeBlocked | settlement.AllowancesReleased


def account(event: OfAccount) -> tuple[str]:
    return (event.account,)


def negotiators(event: OfBlock) -> tuple[str, str]:
    return (event.account, event.counterparty)


def parties(event: trades.TradeExecuted | settlement.TradeBlocked) -> tuple[str, str]:
    return (event.buyer, event.seller)


def order(event: OfOrder) -> str:
    return f"order/{event.order_id}"


def block(event: OfBlock) -> str:
    return f"block/{event.block_id}"


def trade(event: OfTrade) -> str:
    return f"trade/{event.trade_id}"


def maker(event: trades.TradeExecuted) -> tuple[str]:
    return (f"order/{event.maker_order_id}",) if event.maker_order_id else (f"block/{event.block_id}",)


WIRE = Wire(
    EventKind(
        calendar.TradingDaysAnnounced,
        pb.TradingDaysAnnounced,
        on_rules.trading_days_announced,
        on_rules.to_trading_days_announced,
    ),
    EventKind(rules.TradingRulesSet, pb.TradingRulesSet, on_rules.trading_rules_set, on_rules.to_trading_rules_set),
    EventKind(rules.FeesSet, pb.FeesSet, on_rules.fees_set, on_rules.to_fees_set),
    EventKind(
        rules.CompositeWeightsSet,
        pb.CompositeWeightsSet,
        on_rules.composite_weights_set,
        on_rules.to_composite_weights_set,
    ),
    EventKind(instruments.VintageNoted, pb.VintageNoted, on_rules.vintage_noted, on_rules.to_vintage_noted),
    EventKind(
        instruments.InstrumentListed, pb.InstrumentListed, on_rules.instrument_listed, on_rules.to_instrument_listed
    ),
    EventKind(
        accounts.TradingAccountOpened,
        pb.TradingAccountOpened,
        on_accounts.trading_account_opened,
        on_accounts.to_trading_account_opened,
        accounts=account,
    ),
    EventKind(
        restriction.TradingAccountStopped,
        pb.TradingAccountStopped,
        on_accounts.trading_account_stopped,
        on_accounts.to_trading_account_stopped,
        accounts=account,
    ),
    EventKind(
        restriction.TradingAccountWoundUp,
        pb.TradingAccountWoundUp,
        on_accounts.trading_account_wound_up,
        on_accounts.to_trading_account_wound_up,
        accounts=account,
    ),
    EventKind(
        restriction.TradingAccountResumed,
        pb.TradingAccountResumed,
        on_accounts.trading_account_resumed,
        on_accounts.to_trading_account_resumed,
        accounts=account,
    ),
    EventKind(
        restriction.TradingAccountClosed,
        pb.TradingAccountClosed,
        on_accounts.trading_account_closed,
        on_accounts.to_trading_account_closed,
        accounts=account,
    ),
    EventKind(
        suspension.TradingSuspended,
        pb.TradingSuspended,
        on_accounts.trading_suspended,
        on_accounts.to_trading_suspended,
        concern=lambda event: event.ground,
    ),
    EventKind(
        suspension.TradingResumed, pb.TradingResumed, on_accounts.trading_resumed, on_accounts.to_trading_resumed
    ),
    EventKind(
        custody.AllowancesCredited,
        pb.AllowancesCredited,
        on_custody.allowances_credited,
        on_custody.to_allowances_credited,
        accounts=account,
    ),
    EventKind(
        custody.FundsCredited,
        pb.FundsCredited,
        on_custody.funds_credited,
        on_custody.to_funds_credited,
        accounts=account,
    ),
    EventKind(
        custody.AllowancesReturned,
        pb.AllowancesReturned,
        on_custody.allowances_returned,
        on_custody.to_allowances_returned,
        accounts=account,
    ),
    EventKind(
        custody.ReturnAcknowledged,
        pb.ReturnAcknowledged,
        on_custody.return_acknowledged,
        on_custody.to_return_acknowledged,
        accounts=account,
    ),
    EventKind(
        custody.FundsReleased,
        pb.FundsReleased,
        on_custody.funds_released,
        on_custody.to_funds_released,
        accounts=account,
    ),
    EventKind(
        custody.ReleaseAcknowledged,
        pb.ReleaseAcknowledged,
        on_custody.release_acknowledged,
        on_custody.to_release_acknowledged,
        accounts=account,
    ),
    EventKind(
        listed.OrderPlaced,
        pb.OrderPlaced,
        on_orders.order_placed,
        on_orders.to_order_placed,
        accounts=account,
        subject=order,
    ),
    EventKind(
        listed.OrderFilled,
        pb.OrderFilled,
        on_orders.order_filled,
        on_orders.to_order_filled,
        accounts=account,
        subject=order,
        ends_subject=True,
    ),
    EventKind(
        listed.OrderCancelled,
        pb.OrderCancelled,
        on_orders.order_cancelled,
        on_orders.to_order_cancelled,
        accounts=account,
        subject=order,
        ends_subject=True,
    ),
    EventKind(
        listed.OrderExpired,
        pb.OrderExpired,
        on_orders.order_expired,
        on_orders.to_order_expired,
        accounts=account,
        subject=order,
        ends_subject=True,
    ),
    EventKind(
        trades.TradeExecuted,
        pb.TradeExecuted,
        on_orders.trade_executed,
        on_orders.to_trade_executed,
        accounts=parties,
        subject=trade,
        links=maker,
    ),
    EventKind(
        negotiations.BlockOffered,
        pb.BlockOffered,
        on_blocks.block_offered,
        on_blocks.to_block_offered,
        accounts=negotiators,
        subject=block,
    ),
    EventKind(
        negotiations.BlockQuoted,
        pb.BlockQuoted,
        on_blocks.block_quoted,
        on_blocks.to_block_quoted,
        accounts=negotiators,
        subject=block,
    ),
    EventKind(
        negotiations.BlockConfirmed,
        pb.BlockConfirmed,
        on_blocks.block_confirmed,
        on_blocks.to_block_confirmed,
        accounts=negotiators,
        subject=block,
        ends_subject=True,
    ),
    EventKind(
        negotiations.BlockDeclined,
        pb.BlockDeclined,
        on_blocks.block_declined,
        on_blocks.to_block_declined,
        accounts=negotiators,
        subject=block,
        ends_subject=True,
    ),
    EventKind(
        negotiations.BlockWithdrawn,
        pb.BlockWithdrawn,
        on_blocks.block_withdrawn,
        on_blocks.to_block_withdrawn,
        accounts=negotiators,
        subject=block,
        ends_subject=True,
    ),
    EventKind(
        negotiations.BlockExpired,
        pb.BlockExpired,
        on_blocks.block_expired,
        on_blocks.to_block_expired,
        accounts=negotiators,
        subject=block,
        ends_subject=True,
    ),
    EventKind(
        opening.OpeningOverrideProposed,
        pb.OpeningOverrideProposed,
        on_days.opening_override_proposed,
        on_days.to_opening_override_proposed,
    ),
    EventKind(
        opening.OpeningOverrideApproved,
        pb.OpeningOverrideApproved,
        on_days.opening_override_approved,
        on_days.to_opening_override_approved,
    ),
    EventKind(
        opening.DayOpened,
        pb.DayOpened,
        on_days.day_opened,
        on_days.to_day_opened,
        concern=lambda event: "DAY_OPENED_BY_OVERRIDE" if event.overridden_by else "",
    ),
    EventKind(
        closing.InstrumentDayClosed,
        pb.InstrumentDayClosed,
        on_days.instrument_day_closed,
        on_days.to_instrument_day_closed,
    ),
    EventKind(closing.CompositePriced, pb.CompositePriced, on_days.composite_priced, on_days.to_composite_priced),
    EventKind(closing.TradingDayClosed, pb.TradingDayClosed, on_days.trading_day_closed, on_days.to_trading_day_closed),
    EventKind(
        settlement.TradeMarkedSettled,
        pb.TradeMarkedSettled,
        on_settlements.trade_marked_settled,
        on_settlements.to_trade_marked_settled,
        subject=trade,
    ),
    EventKind(
        settlement.TradeBlocked,
        pb.TradeBlocked,
        on_settlements.trade_blocked,
        on_settlements.to_trade_blocked,
        accounts=parties,
        subject=trade,
        ends_subject=True,
        concern=lambda event: "TRADE_TAKEN_OUT",
    ),
    EventKind(
        settlement.SettlementDayNoted,
        pb.SettlementDayNoted,
        on_settlements.settlement_day_noted,
        on_settlements.to_settlement_day_noted,
    ),
    EventKind(
        settlement.BooksAgreementNoted,
        pb.BooksAgreementNoted,
        on_settlements.books_agreement_noted,
        on_settlements.to_books_agreement_noted,
    ),
    EventKind(
        settlement.AllowancesReleased,
        pb.AllowancesReleased,
        on_settlements.allowances_released,
        on_settlements.to_allowances_released,
        accounts=account,
        subject=trade,
        ends_subject=True,
    ),
    EventKind(
        confirmation.ClearingRunConfirmed,
        pb.ClearingRunConfirmed,
        on_settlements.clearing_run_confirmed,
        on_settlements.to_clearing_run_confirmed,
    ),
    EventKind(
        confirmation.ClearingRunDisputed,
        pb.ClearingRunDisputed,
        on_settlements.clearing_run_disputed,
        on_settlements.to_clearing_run_disputed,
        concern=lambda event: event.reason,
    ),
)
