"""Delivery: a clearing run's allowances change hands, all legs or none.

A delivery that cannot be is recorded as DeliveryRefused with its reason and is a normal answer, so that the attempt
is void on both sides and clearing may make another. Only that record voids an attempt. A run that is ordered again
after it was delivered is answered by what was delivered, if the legs are the same; where they are not, or an earlier
run or trade is ordered again, the two logs contradict each other: that is refused without a record, so that clearing
takes it for no answer and people look. A restriction does not stand in the way: trades already made
still settle. Every tonne sold must have been in the seller's trading holding before the run, for what is bought on
a day cannot be sold on it (T+1): the order of the legs therefore decides nothing. Source: rulebook R12 and 3;
design, who owns what.

Invariants, asserted in `evolve` and held by the properties in tests/property/registry:
- a run is delivered at most once, whole;
- a trade is delivered at most once: trade ids rise, within a run and from run to run, so one number remembers them all;
- an attempt that was refused stays void.
"""

from collections import Counter
from dataclasses import dataclass

from chassis.core.decider import (
    NO_ITEMS,
    Context,
    Decide,
    Evolve,
    Facts,
    Malformed,
    NotPermitted,
    Rejected,
    as_facts,
    digest_with,
    doubts,
)
from chassis.core.shapes import check_account, check_day
from registry.domain.holdings import assert_conserved, change_holding, holding_of
from registry.domain.state import AccountState, LastDelivery, Registry
from registry.domain.values import check_quantity, check_vintage

CLEARING = "service:clearing"
"""The service that may ask."""

LEGS_MAX = 20_000
"""Of one run: seven times the trades of the national market's busiest days, and still one message."""


# Commands


@dataclass(frozen=True, slots=True)
class Leg:
    trade_id: int
    vintage: str
    quantity_tonnes: int
    seller: str
    buyer: str


@dataclass(frozen=True, slots=True)
class DeliverAllowances:
    run_id: int
    attempt: int
    day: str
    legs: tuple[Leg, ...]


# Events


@dataclass(frozen=True, slots=True)
class AllowancesDelivered:
    run_id: int
    attempt: int
    trade_id: int
    vintage: str
    quantity_tonnes: int
    seller: str
    buyer: str
    day: str


@dataclass(frozen=True, slots=True)
class DeliveryCompleted:
    run_id: int
    attempt: int
    day: str
    legs: int
    quantity_tonnes: int
    legs_digest: bytes


@dataclass(frozen=True, slots=True)
class DeliveryRepeated:
    """The run was ordered again with the same legs after it had been delivered: nothing moves, and it is completed."""

    run_id: int
    attempt: int
    day: str
    delivered_attempt: int
    legs: int
    quantity_tonnes: int


@dataclass(frozen=True, slots=True)
class DeliveryRefused:
    run_id: int
    attempt: int
    day: str
    reason: str
    facts: Facts


# Decisions


def deliver_allowances(registry: Registry, command: DeliverAllowances, context: Context) -> list[object]:
    check_shape(command)
    if context.subject != CLEARING:
        raise NotPermitted("NOT_THE_CLEARING_SERVICE", actor=str(context.actor))
    digest = digest_of(command.legs)
    last = registry.last_delivery
    check_not_delivered_otherwise(last, command, digest)
    if command.run_id == last.run_id and last.completed:
        return [
            DeliveryRepeated(
                command.run_id, command.attempt, command.day, last.attempt, last.legs, last.quantity_tonnes
            )
        ]
    try:
        check_attempt(last, command)
        check_no_doubts(context)
        check_names(registry, command.legs)
        check_sellers(registry, command.legs)
    except Rejected as refusal:
        facts = as_facts(**refusal.facts)
        return [DeliveryRefused(command.run_id, command.attempt, command.day, refusal.reason, facts)]

    # From here on every leg is delivered.
    delivered: list[object] = [
        AllowancesDelivered(
            run_id=command.run_id,
            attempt=command.attempt,
            trade_id=leg.trade_id,
            vintage=leg.vintage,
            quantity_tonnes=leg.quantity_tonnes,
            seller=leg.seller,
            buyer=leg.buyer,
            day=command.day,
        )
        for leg in command.legs
    ]
    completed = DeliveryCompleted(
        run_id=command.run_id,
        attempt=command.attempt,
        day=command.day,
        legs=len(command.legs),
        quantity_tonnes=sum(leg.quantity_tonnes for leg in command.legs),
        legs_digest=digest,
    )
    return [*delivered, completed]


def check_no_doubts(context: Context) -> None:
    """What trading gave back or stopped may be missing here: no run is delivered from books that may be wrong."""
    for doubt in doubts(context):
        raise doubt


def check_shape(command: DeliverAllowances) -> None:
    if command.run_id < 1:
        raise Malformed("RUN_ID_OUT_OF_RANGE", "run_id", run_id=command.run_id)
    if command.attempt < 1:
        raise Malformed("ATTEMPT_OUT_OF_RANGE", "attempt", attempt=command.attempt)
    check_day(command.day)
    if not 1 <= len(command.legs) <= LEGS_MAX:
        raise Malformed("LEGS_OUT_OF_RANGE", "legs", legs=len(command.legs), legs_max=LEGS_MAX)
    last_trade_id = 0
    for number, leg in enumerate(command.legs):
        try:
            check_leg(leg, last_trade_id)
        except Malformed as fault:
            raise fault.within(f"legs[{number}]") from None
        last_trade_id = leg.trade_id


def check_leg(leg: Leg, last_trade_id: int) -> None:
    if leg.trade_id < 1:
        raise Malformed("TRADE_ID_OUT_OF_RANGE", "trade_id", trade_id=leg.trade_id)
    if leg.trade_id <= last_trade_id:
        raise Malformed("LEGS_NOT_ASCENDING", "trade_id", trade_id=leg.trade_id, last_trade_id=last_trade_id)
    check_vintage(leg.vintage)
    check_account(leg.seller, "seller")
    check_account(leg.buyer, "buyer")
    check_quantity(leg.quantity_tonnes)
    if leg.seller == leg.buyer:
        raise Malformed("SELLER_IS_BUYER", "buyer", trade_id=leg.trade_id, account=leg.seller)


def digest_of(legs: tuple[Leg, ...]) -> bytes:
    digest = NO_ITEMS
    for leg in legs:
        digest = digest_with(digest, leg.trade_id, leg.vintage, leg.quantity_tonnes, leg.seller, leg.buyer)
    return digest


def check_not_delivered_otherwise(last: LastDelivery, command: DeliverAllowances, digest: bytes) -> None:
    """What was delivered stays delivered. An order that contradicts it is not recorded as refused: that would say that
    its trades were not delivered.
    """
    if command.run_id < last.run_id:
        raise Rejected("RUN_OUT_OF_ORDER", run_id=command.run_id, last_run_id=last.run_id)
    if command.run_id == last.run_id and last.completed:
        if digest != last.legs_digest:
            raise Rejected(
                "RUN_ALREADY_DELIVERED",
                run_id=command.run_id,
                delivered_attempt=last.attempt,
                legs=len(command.legs),
                delivered_legs=last.legs,
            )
    elif command.legs[0].trade_id <= last.trade_id:
        raise Rejected("TRADE_OUT_OF_ORDER", trade_id=command.legs[0].trade_id, last_trade_id=last.trade_id)


def check_attempt(last: LastDelivery, command: DeliverAllowances) -> None:
    if command.run_id == last.run_id and command.attempt <= last.attempt:
        raise Rejected(
            "ATTEMPT_OUT_OF_ORDER", run_id=command.run_id, attempt=command.attempt, last_attempt=last.attempt
        )


def check_names(registry: Registry, legs: tuple[Leg, ...]) -> None:
    for leg in legs:
        if leg.vintage not in registry.vintages:
            raise Rejected("VINTAGE_UNKNOWN", trade_id=leg.trade_id, vintage=leg.vintage)
        for name in (leg.seller, leg.buyer):
            account = registry.accounts.get(name)
            if account is None:
                raise Rejected("ACCOUNT_UNKNOWN", trade_id=leg.trade_id, account=name)
            if account.state is AccountState.CLOSED:
                raise Rejected("ACCOUNT_CLOSED", trade_id=leg.trade_id, account=name)


def check_sellers(registry: Registry, legs: tuple[Leg, ...]) -> None:
    sold_tonnes: Counter[tuple[str, str]] = Counter()
    for leg in legs:
        sold_tonnes[leg.seller, leg.vintage] += leg.quantity_tonnes
    for (seller, vintage), quantity_tonnes in sold_tonnes.items():
        trading_tonnes = holding_of(registry, seller, vintage).trading_tonnes
        if quantity_tonnes > trading_tonnes:
            raise Rejected(
                "INSUFFICIENT_ALLOWANCES",
                account=seller,
                vintage=vintage,
                quantity_tonnes=quantity_tonnes,
                trading_tonnes=trading_tonnes,
            )


# Changes


def on_allowances_delivered(registry: Registry, event: AllowancesDelivered) -> None:
    last = registry.last_delivery
    assert event.trade_id > last.trade_id
    last.trade_id = event.trade_id
    change_holding(registry, event.seller, event.vintage, trading_tonnes=-event.quantity_tonnes)
    change_holding(registry, event.buyer, event.vintage, trading_tonnes=event.quantity_tonnes)
    assert_conserved(registry, event.vintage)


def on_delivery_completed(registry: Registry, event: DeliveryCompleted) -> None:
    last = registry.last_delivery
    assert is_later(last, event.run_id, event.attempt)
    last.run_id, last.attempt, last.completed = event.run_id, event.attempt, True
    last.legs, last.quantity_tonnes, last.legs_digest = event.legs, event.quantity_tonnes, event.legs_digest


def on_delivery_repeated(registry: Registry, event: DeliveryRepeated) -> None:
    last = registry.last_delivery
    assert (last.run_id, last.attempt, last.completed) == (event.run_id, event.delivered_attempt, True)


def on_delivery_refused(registry: Registry, event: DeliveryRefused) -> None:
    last = registry.last_delivery
    # A refused attempt that is not later than the last does not put the order back.
    if is_later(last, event.run_id, event.attempt):
        last.run_id, last.attempt, last.completed = event.run_id, event.attempt, False


def is_later(last: LastDelivery, run_id: int, attempt: int) -> bool:
    """Whether an attempt comes after the last one: of a later run, or the next of a run not yet delivered."""
    return run_id > last.run_id or (run_id == last.run_id and not last.completed and attempt > last.attempt)


DECIDE: Decide = {DeliverAllowances: deliver_allowances}

EVOLVE: Evolve = {
    AllowancesDelivered: on_allowances_delivered,
    DeliveryCompleted: on_delivery_completed,
    DeliveryRepeated: on_delivery_repeated,
    DeliveryRefused: on_delivery_refused,
}
