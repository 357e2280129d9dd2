"""Funds and payouts and their stored form, field by field."""

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from clearing.domain import funds, payouts


def fund_account_opened(event: funds.FundAccountOpened) -> pb.FundAccountOpened:
    return pb.FundAccountOpened(
        account=event.account,
    )


def to_fund_account_opened(message: pb.FundAccountOpened) -> funds.FundAccountOpened:
    return funds.FundAccountOpened(
        account=message.account,
    )


def fund_account_restricted(event: funds.FundAccountRestricted) -> pb.FundAccountRestricted:
    return pb.FundAccountRestricted(
        account=event.account,
        ground=event.ground,
    )


def to_fund_account_restricted(message: pb.FundAccountRestricted) -> funds.FundAccountRestricted:
    return funds.FundAccountRestricted(
        account=message.account,
        ground=message.ground,
    )


def fund_account_restriction_lifted(event: funds.FundAccountRestrictionLifted) -> pb.FundAccountRestrictionLifted:
    return pb.FundAccountRestrictionLifted(
        account=event.account,
    )


def to_fund_account_restriction_lifted(message: pb.FundAccountRestrictionLifted) -> funds.FundAccountRestrictionLifted:
    return funds.FundAccountRestrictionLifted(
        account=message.account,
    )


def fund_account_closed(event: funds.FundAccountClosed) -> pb.FundAccountClosed:
    return pb.FundAccountClosed(
        account=event.account,
    )


def to_fund_account_closed(message: pb.FundAccountClosed) -> funds.FundAccountClosed:
    return funds.FundAccountClosed(
        account=message.account,
    )


def funds_deposited(event: funds.FundsDeposited) -> pb.FundsDeposited:
    return pb.FundsDeposited(
        account=event.account,
        amount_fen=event.amount_fen,
        bank=event.bank,
        bank_reference=event.bank_reference,
        entry=event.entry,
    )


def to_funds_deposited(message: pb.FundsDeposited) -> funds.FundsDeposited:
    return funds.FundsDeposited(
        account=message.account,
        amount_fen=message.amount_fen,
        bank=message.bank,
        bank_reference=message.bank_reference,
        entry=message.entry,
    )


def payout_requested(event: payouts.PayoutRequested) -> pb.PayoutRequested:
    return pb.PayoutRequested(
        payout_id=event.payout_id,
        account=event.account,
        amount_fen=event.amount_fen,
        release_id=event.release_id,
        entry=event.entry,
    )


def to_payout_requested(message: pb.PayoutRequested) -> payouts.PayoutRequested:
    return payouts.PayoutRequested(
        payout_id=message.payout_id,
        account=message.account,
        amount_fen=message.amount_fen,
        release_id=message.release_id,
        entry=message.entry,
    )


def payout_instructed(event: payouts.PayoutInstructed) -> pb.PayoutInstructed:
    return pb.PayoutInstructed(
        payout_id=event.payout_id,
        account=event.account,
        bank=event.bank,
    )


def to_payout_instructed(message: pb.PayoutInstructed) -> payouts.PayoutInstructed:
    return payouts.PayoutInstructed(
        payout_id=message.payout_id,
        account=message.account,
        bank=message.bank,
    )


def payout_paid(event: payouts.PayoutPaid) -> pb.PayoutPaid:
    return pb.PayoutPaid(
        payout_id=event.payout_id,
        account=event.account,
        bank=event.bank,
        bank_reference=event.bank_reference,
    )


def to_payout_paid(message: pb.PayoutPaid) -> payouts.PayoutPaid:
    return payouts.PayoutPaid(
        payout_id=message.payout_id,
        account=message.account,
        bank=message.bank,
        bank_reference=message.bank_reference,
    )


def payout_returned(event: payouts.PayoutReturned) -> pb.PayoutReturned:
    return pb.PayoutReturned(
        payout_id=event.payout_id,
        account=event.account,
        ground=event.ground,
    )


def to_payout_returned(message: pb.PayoutReturned) -> payouts.PayoutReturned:
    return payouts.PayoutReturned(
        payout_id=message.payout_id,
        account=message.account,
        ground=message.ground,
    )


def funds_restored(event: payouts.FundsRestored) -> pb.FundsRestored:
    return pb.FundsRestored(
        account=event.account,
        amount_fen=event.amount_fen,
        payout_id=event.payout_id,
        entry=event.entry,
    )


def to_funds_restored(message: pb.FundsRestored) -> payouts.FundsRestored:
    return payouts.FundsRestored(
        account=message.account,
        amount_fen=message.amount_fen,
        payout_id=message.payout_id,
        entry=message.entry,
    )
