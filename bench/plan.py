"""P1's list of commands: everything that participants, operators and the bank ask for in the published year.

It comes from the plan alone, in the plan's order, whatever the driver does side by side. What a service numbers
(orders, blocks) is numbered here as it comes, so that the list can be made without a market. The moves of the
rehearsal's clock are not in it: no market has them.

DIGEST is fixed: a year with other commands is another benchmark, and its figures are not to be compared.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count

from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket.trading.v1 import trading_service_pb2 as trading
from carbonmarket.trading.v1 import trading_types_pb2 as trading_types
from rehearsal.opening import PROVINCE, rules_of_2021
from rehearsal.people import BANK, EXCHANGE_OPERATOR, REGISTRY_OPERATOR, SETTLEMENT_BANK
from rehearsal.plan import Action, Block, CancelListing, PlaceListing, Plan, Side, TakeListing

DIGEST = "2ba4e48cb8ab2cfce5dbaf4399c929494c2bbbd823a60c9f50f7b1bd56444599"
"""Of the commands of the published year: SHA-256, as `digest` makes it."""
SIDES = {Side.BUY: trading_types.SIDE_BUY, Side.SELL: trading_types.SIDE_SELL}


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, who gives it, and the service that it is given to."""

    service: str
    actor: str
    request: Message


def digest(commands: Iterator[Asked]) -> str:
    """Of every command in order, each part with its length."""
    found = hashlib.sha256()
    for asked in commands:
        name, data = asked.request.DESCRIPTOR.full_name, asked.request.SerializeToString(deterministic=True)
        for part in (asked.service.encode(), asked.actor.encode(), name.encode(), data):
            found.update(len(part).to_bytes(4))
            found.update(part)
    return found.hexdigest()


def commands_of(plan: Plan) -> Iterator[Asked]:
    yield from _accounts(plan)
    yield from _allowances(plan)
    yield from _rules_and_money(plan)
    listed = _Numbers()
    for day in plan.stream():
        yield Asked("trading", EXCHANGE_OPERATOR, trading.OpenDayRequest(day=day.day.isoformat()))
        for action in day.actions:
            yield from listed.asked(action)


def _accounts(plan: Plan) -> Iterator[Asked]:
    province = registry.OpenAccountRequest(account=PROVINCE, kind=registry_types.ACCOUNT_KIND_PROVINCE, name=PROVINCE)
    yield Asked("registry", REGISTRY_OPERATOR, province)
    for account in plan.accounts:
        entity = registry.OpenAccountRequest(
            account=account,
            kind=registry_types.ACCOUNT_KIND_KEY_EMITTING_ENTITY,
            name=account,
            province=PROVINCE,
            eligible_to_trade=True,
        )
        yield Asked("registry", REGISTRY_OPERATOR, entity)


def _allowances(plan: Plan) -> Iterator[Asked]:
    operator, province = REGISTRY_OPERATOR, f"province:{PROVINCE}"
    for instrument in plan.instruments:
        code = instrument.code
        tonnes = sum(allocated.get(code, 0) for allocated in plan.allocations.values())
        yield Asked("registry", operator, registry.CreateVintageRequest(vintage=code, compliance_year=2020))
        issue = registry.IssueAllowancesRequest(vintage=code, account=PROVINCE, quantity_tonnes=tonnes, basis="plan")
        yield Asked("registry", operator, issue)
    for account, allocated in plan.allocations.items():
        for code, tonnes in allocated.items():
            allocate = registry.AllocateAllowancesRequest(
                vintage=code, from_account=PROVINCE, account=account, quantity_tonnes=tonnes, basis="plan"
            )
            yield Asked("registry", province, allocate)
            transfer = registry.TransferToTradingRequest(account=account, vintage=code, quantity_tonnes=tonnes)
            yield Asked("registry", f"participant:{account}", transfer)


def _rules_and_money(plan: Plan) -> Iterator[Asked]:
    first_day = plan.days[0]
    days = [day.isoformat() for day in plan.days]
    yield Asked("trading", EXCHANGE_OPERATOR, trading.AnnounceTradingDaysRequest(days=days))
    rules = trading.SetTradingRulesRequest(rules=rules_of_2021(first_day))
    yield Asked("trading", EXCHANGE_OPERATOR, rules)
    for instrument in plan.instruments:
        admit = trading.AdmitInstrumentRequest(
            instrument=instrument.code,
            day=instrument.first_day.isoformat(),
            reference_price_fen=instrument.reference_fen,
        )
        yield Asked("trading", EXCHANGE_OPERATOR, admit)
    banks = clearing.SetSettlementBanksRequest(valid_from_day=_before(first_day), banks=[BANK], source="plan")
    yield Asked("clearing", REGISTRY_OPERATOR, banks)
    for number, (account, fen) in enumerate(plan.deposits.items(), 1):
        deposit = clearing.RecordDepositRequest(bank_reference=f"{BANK}-{number:05d}", account=account, amount_fen=fen)
        yield Asked("clearing", SETTLEMENT_BANK, deposit)


def _before(day: date) -> str:
    return (day - timedelta(days=1)).isoformat()


@dataclass(slots=True)
class _Numbers:
    """Orders and blocks by the numbers that they get when they come one after another."""

    orders: dict[str, int] = field(default_factory=dict)
    next_order: Iterator[int] = field(default_factory=lambda: count(1))
    next_block: Iterator[int] = field(default_factory=lambda: count(1))

    def asked(self, action: Action) -> Iterator[Asked]:
        """An action as its participants send it."""
        match action:
            case PlaceListing():
                self.orders[action.id] = next(self.next_order)
                yield _by(action.account, _listing(action))
            case TakeListing():
                yield _by(action.account, self._pick(action))
            case CancelListing():
                cancel = trading.CancelOrderRequest(request_id=action.id, order_id=self.orders[action.listing_id])
                yield _by(action.account, cancel)
            case Block():
                yield _by(action.initiator, _offer(action))
                yield _by(action.counterparty, _confirm(action, next(self.next_block)))

    def _pick(self, action: TakeListing) -> Message:
        return trading.TakeListingRequest(
            request_id=action.id,
            account=action.account,
            order_id=self.orders[action.listing_id],
            quantity_tonnes=action.quantity_tonnes,
            price_fen=action.price_fen,
        )


def _by(account: str, request: Message) -> Asked:
    return Asked("trading", f"participant:{account}", request)


def _listing(action: PlaceListing) -> Message:
    return trading.PlaceOrderRequest(
        request_id=action.id,
        account=action.account,
        instrument=action.instrument,
        side=SIDES[action.side],
        price_fen=action.price_fen,
        quantity_tonnes=action.quantity_tonnes,
    )


def _offer(action: Block) -> Message:
    return trading.OfferBlockRequest(
        request_id=f"{action.id}-offer",
        account=action.initiator,
        counterparty=action.counterparty,
        instrument=action.instrument,
        side=SIDES[action.side],
        price_fen=action.price_fen,
        quantity_tonnes=action.quantity_tonnes,
    )


def _confirm(action: Block, block_id: int) -> Message:
    return trading.ConfirmBlockRequest(
        request_id=f"{action.id}-confirm",
        block_id=block_id,
        price_fen=action.price_fen,
        quantity_tonnes=action.quantity_tonnes,
    )
