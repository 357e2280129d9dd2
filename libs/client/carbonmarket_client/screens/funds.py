"""Screens of an account's money: funds, entries, payouts and the day's statement."""

from collections.abc import Sequence

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
from carbonmarket_client.statement import Statement, VintageLine
from carbonmarket_client.values import amount, clock, moment, signed, tonnes

VINTAGES_ABREAST_MAX = 4
"""So many columns of tonnes are shown on one screen."""


def funds_screens(held: clearing.GetFundsResponse, usable: trading.GetPositionResponse) -> list[RenderableType]:
    state = "closed" if held.closed else "restricted" if held.restricted else ""
    balance = card(
        f"Clearing's book of {held.account}, CNY{f' ({state})' if state else ''}",
        [
            ("balance", amount(held.balance_fen)),
            ("to pay for unsettled trades", amount(held.unsettled_out_fen)),
            ("to receive for unsettled trades", amount(held.unsettled_in_fen)),
            ("blocked by trades taken out of their run", amount(held.blocked_fen)),
            ("payouts under way, no longer in the balance", amount(held.payouts_open_fen)),
        ],
        right=True,
    )
    money_now = usable.funds
    view = [
        ("available for orders", amount(money_now.buying_power_fen)),
        ("locked behind orders and blocks", amount(money_now.locked_fen)),
        ("of sales not yet settled, part of what is available", amount(money_now.received_unsettled_fen)),
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
            numbers("blocked", spare=1),
        ],
        [
            (
                unit.instrument,
                tonnes(unit.available_tonnes),
                tonnes(unit.locked_tonnes),
                tonnes(unit.bought_tonnes),
                tonnes(unit.blocked_tonnes),
            )
            for unit in usable.units
        ],
        "None: `carbonmarket holdings transfer --help` shows how to transfer some to trading.",
    )
    return [balance, card(f"Trading's view, CNY{stopped}", view, right=True), units]


def entries_screen(account: str, answer: clearing.ListEntriesResponse) -> Screen:
    return Screen(
        more(f"Entries of {account}", answer.next_page_token),
        [
            numbers("position"),
            words("day"),
            words("recorded", spare=2),
            words("what"),
            numbers("CNY"),
            numbers("trade"),
            numbers("payout", spare=1),
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
                str(entry.entry_number),
                moment(entry.recorded_ms),
                amount(entry.amount_fen),
                entry.bank,
                entry.bank_reference,
            )
            for entry in answer.entries
        ],
        "No money was paid in yet: a settlement bank records it by `carbonmarket deposits record`.",
    )


def banks_screen(answer: clearing.GetSettlementBanksResponse) -> Screen:
    return Screen(
        "Settlement banks",
        [words("from"), words("banks", spare=1, wraps=True), words("source", spare=1, wraps=True)],
        [(valid.valid_from_day, ", ".join(valid.banks), valid.source) for valid in answer.lists],
        "None are set: `carbonmarket banks set --help`.",
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
            words("reference", spare=1),
            words("ground", spare=1, wraps=True),
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


def statement_screens(statement: Statement) -> list[RenderableType]:
    answer = statement.clearing
    screens = [cash_card(answer), lines_screen(answer), *allowances_screens(statement)]
    standing = standing_of(answer)
    return [*screens, standing] if standing else screens


def standing_of(answer: clearing.GetStatementResponse) -> str:
    """Whether a statement may still change, and else until when it may be objected to."""
    if not answer.registry_position:
        return f"Provisional: {answer.day} is not settled, its books have not agreed yet. Figures may still change."
    if not answer.objection_before_day:
        return ""
    return (
        f"Final. Objections are due before {answer.objection_before_day} opens, if it was final by then; "
        "silence is acceptance."
    )


def cash_card(answer: clearing.GetStatementResponse) -> RenderableType:
    rows = [
        ("opening balance", amount(answer.opening_fen)),
        ("deposits", signed(answer.deposits_fen)),
        ("payouts", amount(-answer.payouts_fen)),
        ("bought", amount(-answer.bought_fen)),
        ("sold", signed(answer.sold_fen)),
        ("fees", amount(-answer.fees_fen)),
        ("closing balance", amount(answer.closing_fen)),
        ("waiting for settlement", amount(answer.unsettled_fen)),
    ]
    if answer.blocked_fen:
        rows.append(("blocked for excluded purchases", amount(answer.blocked_fen)))
    return card(f"Statement of {answer.account} for {answer.day}, CNY", rows, right=True)


def lines_screen(answer: clearing.GetStatementResponse) -> Screen:
    return Screen(
        "Trades",
        [
            numbers("trade"),
            words("time", spare=1),
            words("instrument"),
            words("method", spare=3),
            words("side"),
            numbers("CNY/t"),
            numbers("tonnes"),
            numbers("value CNY"),
            numbers("fee CNY", spare=2),
            words("with"),
            words("state", spare=1),
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
                line.counterparty,
                said(line, "state"),
            )
            for line in answer.lines
        ],
        "No trade on this day.",
    )


def allowances_screens(statement: Statement) -> list[Screen]:
    """A column per vintage, a line per figure, as money is stated; lines that most accounts never have are left out
    where they are zero.
    """
    answer = statement.clearing
    if not answer.registry_position:
        title = "Allowances, tonnes (what the account holds follows when the day's books have agreed)"
        traded = [
            (unit.instrument, change(unit.bought_tonnes), change(-unit.sold_tonnes))
            for unit in answer.instruments
            if unit.bought_tonnes or unit.sold_tonnes
        ]
        columns = [words("vintage"), numbers("bought"), numbers("sold")]
        return [Screen(title, columns, traded, "None bought or sold on this day.")]
    title = f"Allowances, tonnes, at position {answer.registry_position:,} of the registry's log"
    lines = statement.vintages
    if not lines:
        return [Screen(title, [], [], "The account holds none.")]
    return [
        Screen(
            title,
            [words("vintage"), *(numbers(line.vintage) for line in some)],
            [(label, *figures) for label, figures in figures_of(some)],
        )
        for some in (lines[at : at + VINTAGES_ABREAST_MAX] for at in range(0, len(lines), VINTAGES_ABREAST_MAX))
    ]


def figures_of(lines: Sequence[VintageLine]) -> list[tuple[str, list[str]]]:
    """Label and figures of each line; what the closing holding consists of is indented below it."""
    rows = [
        ("opening", [tonnes(line.opening_tonnes) for line in lines]),
        ("issued", [change(line.issued_tonnes) for line in lines]),
        ("allocated", [change(line.allocated_tonnes) or "0" for line in lines]),
        ("bought", [change(line.bought_tonnes) or "0" for line in lines]),
        ("sold", [change(-line.sold_tonnes) or "0" for line in lines]),
        ("closing", [tonnes(line.closing_tonnes) for line in lines]),
        ("  in the registry", [tonnes(line.registry_available_tonnes) for line in lines]),
        ("  in trading", [tonnes(line.trading_tonnes) for line in lines]),
        ("  blocked by excluded trades", [change(-line.blocked_tonnes) for line in lines]),
        ("  sellable on the next day", [tonnes(line.sellable_next_day_tonnes) for line in lines]),
        ("transferred to trading", [change(line.transferred_to_trading_tonnes) for line in lines]),
        ("returned from trading", [change(line.returned_from_trading_tonnes) for line in lines]),
    ]
    return [(label, figures) for label, figures in rows if any(figures)]
