"""Screens of an account's money: funds, entries, payouts and the day's statement."""

from rich.console import RenderableType

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as clearing
from carbonmarket.trading.v1 import trading_query_service_pb2 as trading
from carbonmarket_client.screens.layout import (
    Screen,
    card,
    change,
    more,
    numbers,
    said,
    words,
)
from carbonmarket_client.values import amount, clock, moment, signed, tonnes


def funds_screens(held: clearing.GetFundsResponse, usable: trading.GetPositionResponse) -> list[RenderableType]:
    state = "closed" if held.closed else "restricted" if held.restricted else ""
    balance = card(
        f"Clearing's book of {held.account}, CNY{f' ({state})' if state else ''}",
        [
            ("balance", amount(held.balance_fen)),
            ("to pay for unsettled trades", amount(held.unsettled_out_fen)),
            ("to receive for unsettled trades", amount(held.unsettled_in_fen)),
            ("payouts under way, no longer in the balance", amount(held.payouts_open_fen)),
        ],
        right=True,
    )
    money_now = usable.funds
    view = [
        ("available for orders", amount(money_now.buying_power_fen)),
        ("locked behind orders and blocks", amount(money_now.locked_fen)),
        ("of sales not yet settled, part of what is available", amount(money_now.unsettled_fen)),
        ("may be withdrawn", amount(money_now.withdrawable_fen)),
    ]
    if money_now.blocked_fen:
        view.append(("blocked by trades taken out of their run", amount(money_now.blocked_fen)))
    if money_now.owed_fen:
        view.append(("owed for a sale taken out of its run", amount(money_now.owed_fen)))
    stopped = f" (stopped: {usable.stopped_ground})" if usable.stopped_ground else ""
    units = Screen(
        "Allowances in trading, tonnes",
        [
            words("instrument"),
            numbers("available"),
            numbers("locked"),
            numbers("bought today"),
            numbers("blocked", spare=True),
        ],
        [
            (
                unit.instrument,
                tonnes(unit.available_tonnes),
                tonnes(unit.locked_tonnes),
                tonnes(unit.bought_today_tonnes),
                tonnes(unit.blocked_tonnes),
            )
            for unit in usable.units
        ],
        "None: `carbonmarket holdings transfer --help` shows how to make some over to trading.",
    )
    return [balance, card(f"Trading's view, CNY{stopped}", view, right=True), units]


def entries_screen(account: str, answer: clearing.ListEntriesResponse) -> Screen:
    return Screen(
        more(f"Entries of {account}", answer.next_page_token),
        [
            numbers("position"),
            words("day"),
            words("recorded", spare=True),
            words("what"),
            numbers("CNY"),
            numbers("trade"),
            numbers("payout"),
            words("bank"),
            words("reference"),
        ],
        [
            (
                f"{entry.log_position:,}",
                entry.day,
                moment(entry.recorded_ms),
                said(entry, "kind"),
                signed(entry.amount_fen),
                str(entry.trade_id or ""),
                str(entry.payout_id or ""),
                entry.bank,
                entry.bank_reference,
            )
            for entry in answer.entries
        ],
        "Nothing has changed the balance yet.",
    )


def deposits_screen(account: str, answer: clearing.ListEntriesResponse) -> Screen:
    return Screen(
        f"Deposits of {account}",
        [numbers("entry"), words("recorded"), numbers("CNY"), words("bank"), words("reference")],
        [
            (
                str(entry.entry),
                moment(entry.recorded_ms),
                amount(entry.amount_fen),
                entry.bank,
                entry.bank_reference,
            )
            for entry in answer.entries
        ],
        "No money was paid in yet: a settlement bank records it by `carbonmarket deposits record`.",
    )


def payouts_screen(answer: clearing.ListPayoutsResponse) -> Screen:
    return Screen(
        more("Payouts", answer.next_page_token),
        [
            numbers("payout"),
            words("account"),
            numbers("CNY"),
            words("state"),
            words("requested"),
            words("bank"),
            words("reference", spare=True),
            words("ground", spare=True, wraps=True),
        ],
        [
            (
                str(payout.payout_id),
                payout.account,
                amount(payout.amount_fen),
                said(payout, "state"),
                moment(payout.requested_ms),
                payout.bank,
                payout.bank_reference,
                payout.ground,
            )
            for payout in answer.payouts
        ],
        "There are no such payouts: `carbonmarket funds release --help` shows how one begins.",
    )


def statement_screens(answer: clearing.GetStatementResponse) -> list[RenderableType]:
    until = f"Objections are due before {answer.objection_before_day} opens; silence is acceptance."
    cash = card(
        f"Statement of {answer.account} for {answer.day}, CNY",
        [
            ("opening balance", amount(answer.opening_fen)),
            ("deposits", signed(answer.deposits_fen)),
            ("payouts", amount(-answer.payouts_fen)),
            ("bought", amount(-answer.bought_fen)),
            ("sold", signed(answer.sold_fen)),
            ("fees", amount(-answer.fees_fen)),
            ("closing balance", amount(answer.closing_fen)),
            ("waiting for settlement", amount(answer.unsettled_fen)),
        ],
        right=True,
    )
    lines = Screen(
        "Trades",
        [
            numbers("trade"),
            words("time"),
            words("instrument"),
            words("method"),
            words("side"),
            numbers("CNY/t"),
            numbers("tonnes"),
            numbers("value CNY"),
            numbers("fee CNY", spare=True),
            words("with"),
            words("state", spare=True),
        ],
        [
            (
                str(line.trade_id),
                clock(line.executed_ms),
                line.instrument,
                said(line, "method"),
                said(line, "side"),
                amount(line.price_fen),
                tonnes(line.quantity_tonnes),
                amount(line.value_fen),
                amount(line.fee_fen),
                line.counter_account,
                said(line, "state"),
            )
            for line in answer.lines
        ],
        "No trade on this day.",
    )
    screens: list[RenderableType] = [cash, lines]
    if answer.instruments:
        rows = [(unit.instrument, change(unit.bought_tonnes), change(-unit.sold_tonnes)) for unit in answer.instruments]
        screens.append(Screen("Allowances, tonnes", [words("instrument"), numbers("bought"), numbers("sold")], rows))
    if answer.objection_before_day:
        screens.append(until)
    return screens
