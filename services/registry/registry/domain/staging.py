"""Staging: the legs of a run before clearing orders its delivery, page by page. It moves nothing and decides nothing.

A first page discards whatever was staged before. The sums of the legs, and their digest, are computed while the pages
arrive, so the cost of the order (delivery.py) depends on the number of accounts, not of legs.
"""

from dataclasses import dataclass, replace

from chassis.core.decider import (
    Context,
    Decide,
    Evolve,
    Malformed,
    NotPermitted,
    Rejected,
    applies,
    digest_with,
    handles,
)
from chassis.core.shapes import check_account
from chassis.say.traceparent import well_formed
from registry.domain.state import Leg, Registry, Staged
from registry.domain.values import check_quantity, check_vintage

CLEARING = "service:clearing"
"""The service that may ask."""

LEGS_MAX = 200_000
"""Of one run: what trading takes in a day (rulebook 3.2)."""
LEGS_PER_PAGE_MAX = 500


# Commands


@dataclass(frozen=True, slots=True)
class StageDeliveryLegs:
    run_id: int
    attempt: int
    page: int
    legs: tuple[Leg, ...]


# Events


@dataclass(frozen=True, slots=True)
class DeliveryLegsStaged:
    run_id: int
    attempt: int
    page: int
    legs: tuple[Leg, ...]


# Decisions


def stage_delivery_legs(registry: Registry, command: StageDeliveryLegs, context: Context) -> list[object]:
    check_attempt_shape(command.run_id, command.attempt)
    if command.page < 1:
        raise Malformed("PAGE_OUT_OF_RANGE", "page", page=command.page)
    if not 1 <= len(command.legs) <= LEGS_PER_PAGE_MAX:
        raise Malformed("LEGS_OUT_OF_RANGE", "legs", legs=len(command.legs), legs_max=LEGS_PER_PAGE_MAX)
    check_legs(command.legs)
    check_is_clearing(context)
    # A first page begins anew, whatever an earlier order had staged.
    staged = registry.staged if command.page > 1 else Staged(command.run_id, command.attempt)
    if (staged.run_id, staged.attempt, staged.pages) != (command.run_id, command.attempt, command.page - 1):
        raise Rejected(
            "PAGE_OUT_OF_ORDER",
            page=command.page,
            staged_run_id=staged.run_id,
            staged_attempt=staged.attempt,
            staged_pages=staged.pages,
        )
    if staged.legs and command.legs[0].trade_id <= staged.legs[-1].trade_id:
        raise Malformed(
            "LEGS_NOT_ASCENDING",
            "legs[0].trade_id",
            trade_id=command.legs[0].trade_id,
            last_trade_id=staged.legs[-1].trade_id,
        )
    legs = len(staged.legs) + len(command.legs)
    if legs > LEGS_MAX:
        raise Malformed("LEGS_OUT_OF_RANGE", "legs", legs=legs, legs_max=LEGS_MAX)

    return [DeliveryLegsStaged(command.run_id, command.attempt, command.page, with_traces_kept(command.legs))]


def with_traces_kept(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    return tuple(replace(leg, traceparent=well_formed(leg.traceparent)) for leg in legs)


def check_legs(legs: tuple[Leg, ...]) -> None:
    last_trade_id = 0
    for number, leg in enumerate(legs):
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


def check_attempt_shape(run_id: int, attempt: int) -> None:
    if run_id < 1:
        raise Malformed("RUN_ID_OUT_OF_RANGE", "run_id", run_id=run_id)
    if attempt < 1:
        raise Malformed("ATTEMPT_OUT_OF_RANGE", "attempt", attempt=attempt)


def check_is_clearing(context: Context) -> None:
    if context.subject != CLEARING:
        raise NotPermitted("NOT_THE_CLEARING_SERVICE", actor=str(context.actor))


# Changes


def on_delivery_legs_staged(registry: Registry, event: DeliveryLegsStaged) -> None:
    if event.page == 1:
        registry.staged = Staged(event.run_id, event.attempt)
    staged = registry.staged
    assert (staged.run_id, staged.attempt, staged.pages) == (event.run_id, event.attempt, event.page - 1)
    staged.pages = event.page
    for leg in event.legs:
        staged.add(leg)
        staged.legs_digest = digest_with(
            staged.legs_digest, leg.trade_id, leg.vintage, leg.quantity_tonnes, leg.seller, leg.buyer
        )


DECIDE: Decide[Registry] = handles(StageDeliveryLegs, stage_delivery_legs)

EVOLVE: Evolve[Registry] = applies(DeliveryLegsStaged, on_delivery_legs_staged)
