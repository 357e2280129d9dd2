"""What trading does on hearing the registry and clearing.

The registry decides who has an account and which allowances are transferred to trading; clearing decides how much money
an account has and which trades are settled. Each heard event becomes one command.
"""

from collections.abc import Mapping

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from carbonmarket.registry.v1 import registry_events_pb2 as registry
from chassis.core.decider import merged
from chassis.core.reaction import Heard, Reactions, hears
from trading.domain import accounts, custody, instruments, restriction, settlement

# The registry


def on_account_opened(event: registry.AccountOpened, heard: Heard) -> accounts.OpenTradingAccount:
    return accounts.OpenTradingAccount(account=event.account, eligible_to_trade=event.eligible_to_trade)


def on_account_restricted(event: registry.AccountRestricted, heard: Heard) -> restriction.StopTradingAccount:
    return restriction.StopTradingAccount(
        account=event.account, ground=event.ground, restriction_number=event.restriction_number
    )


def on_account_restriction_lifted(
    event: registry.AccountRestrictionLifted, heard: Heard
) -> restriction.ResumeTradingAccount:
    return restriction.ResumeTradingAccount(account=event.account)


def on_account_closed(event: registry.AccountClosed, heard: Heard) -> restriction.CloseTradingAccount:
    return restriction.CloseTradingAccount(account=event.account)


def on_vintage_created(event: registry.VintageCreated, heard: Heard) -> instruments.NoteVintage:
    return instruments.NoteVintage(instrument=event.vintage)


def on_transferred_to_trading(event: registry.TransferredToTrading, heard: Heard) -> custody.CreditAllowances:
    return custody.CreditAllowances(
        account=event.account,
        instrument=event.vintage,
        quantity_tonnes=event.quantity_tonnes,
        registry_position=heard.position,
    )


def on_returned_from_trading(event: registry.ReturnedFromTrading, heard: Heard) -> custody.AcknowledgeReturn:
    return custody.AcknowledgeReturn(
        return_id=event.return_id,
        account=event.account,
        instrument=event.vintage,
        quantity_tonnes=event.quantity_tonnes,
        registry_position=heard.position,
    )


# Clearing


def on_funds_deposited(event: clearing.FundsDeposited, heard: Heard) -> custody.CreditFunds:
    return custody.CreditFunds(
        account=event.account,
        amount_fen=event.amount_fen,
        entry_number=event.entry_number,
        clearing_position=heard.position,
    )


def on_funds_restored(event: clearing.FundsRestored, heard: Heard) -> custody.CreditFunds:
    """The bank returned a payout, so the account has the money again."""
    return custody.CreditFunds(
        account=event.account,
        amount_fen=event.amount_fen,
        entry_number=event.entry_number,
        clearing_position=heard.position,
    )


def on_payout_requested(event: clearing.PayoutRequested, heard: Heard) -> custody.AcknowledgeRelease:
    return custody.AcknowledgeRelease(
        release_id=event.release_id, account=event.account, amount_fen=event.amount_fen, entry_number=event.entry_number
    )


def on_trade_settled(event: clearing.TradeSettled, heard: Heard) -> settlement.MarkTradeSettled:
    return settlement.MarkTradeSettled(
        trade_id=event.trade_id,
        buyer=event.buyer,
        seller=event.seller,
        instrument=event.instrument,
        quantity_tonnes=event.quantity_tonnes,
        value_fen=event.value_fen,
    )


def on_trade_excluded(event: clearing.TradeExcluded, heard: Heard) -> settlement.BlockTrade:
    return settlement.BlockTrade(trade_id=event.trade_id, blocked_fen=event.blocked_fen)


def on_settlement_day_completed(event: clearing.SettlementDayCompleted, heard: Heard) -> settlement.NoteSettlementDay:
    return settlement.NoteSettlementDay(day=event.day)


def on_books_reconciled(event: clearing.BooksReconciled, heard: Heard) -> settlement.NoteBooksAgreement:
    return settlement.NoteBooksAgreement(day=event.day, agreed=event.agreed, disagreement=event.disagreement)


REACTIONS: Mapping[str, Reactions] = {
    "registry": merged(
        hears(registry.AccountOpened, on_account_opened),
        hears(registry.AccountRestricted, on_account_restricted),
        hears(registry.AccountRestrictionLifted, on_account_restriction_lifted),
        hears(registry.AccountClosed, on_account_closed),
        hears(registry.VintageCreated, on_vintage_created),
        hears(registry.TransferredToTrading, on_transferred_to_trading),
        hears(registry.ReturnedFromTrading, on_returned_from_trading),
    ),
    "clearing": merged(
        hears(clearing.FundsDeposited, on_funds_deposited),
        hears(clearing.FundsRestored, on_funds_restored),
        hears(clearing.PayoutRequested, on_payout_requested),
        hears(clearing.TradeSettled, on_trade_settled),
        hears(clearing.TradeExcluded, on_trade_excluded),
        hears(clearing.SettlementDayCompleted, on_settlement_day_completed),
        hears(clearing.BooksReconciled, on_books_reconciled),
    ),
}
