"""Delivery: a clearing run's allowances change hands, all legs or none.

A run may be as large as a day of trading, so its legs are staged first, page by page (staging.py). Then the run is
ordered with its sums and the digest of its legs, and one event moves everything that was staged. The sums per account
and vintage are added up while the pages arrive, so the event's cost depends on the number of accounts, not of legs.
Afterwards each leg gets a record of its own for the feeds of its accounts (AllowancesDelivered), page by page, by a
timer that is due at once; those records move nothing.

If a delivery is not possible, DeliveryRefused is recorded with the reason and is a normal answer: the attempt is void
on both sides, and clearing may make another. Only that record makes an attempt void. It says nothing of other runs and
attempts: what is accepted next depends on what was delivered alone, so that no refused order, whatever numbers it
gives, prevents a right one. For the same reason an order may not run far ahead of what was delivered (RUNS_AHEAD_MAX,
TRADES_AHEAD_MAX). A run that is ordered again after it was delivered is answered as delivered, if the legs are the
same. If they are not, or an earlier run or trade is ordered again, the two logs contradict each other: that is refused
without a record, so that clearing does not take it for an answer and operators look into it. A restriction prevents no
delivery: trades already made still settle. Every sold tonne must have been in the seller's trading holding before the
run, because units bought on a day cannot be sold on it (T+1); so the order of the legs does not matter. Source:
rulebook R12 and 3.

Invariants, asserted in `evolve` and held by the properties in tests/property/registry:
- a run is delivered at most once, whole;
- a trade is delivered at most once: trade ids rise, within a run and from run to run, so one number remembers them all;
- an attempt that was refused stays void. VOID_ATTEMPTS_MAX are remembered, of runs not delivered yet. Beyond them an
  attempt of a later run is forgotten: clearing orders no run before the one ahead of it is delivered, so that attempt
  was not clearing's. Where there is none, an order that cannot be delivered is refused without a record, and its
  attempt is not void: the same order is delivered once its obstacle is gone.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass

from chassis.core.decider import (
    Context,
    Decide,
    Evolve,
    Facts,
    Malformed,
    Rejected,
    Timer,
    applies,
    as_facts,
    check_no_doubts,
    handles,
    merged,
)
from chassis.core.shapes import check_day
from registry.domain.holdings import deliver, holding_of
from registry.domain.staging import LEGS_MAX, LEGS_PER_PAGE_MAX, check_attempt_shape, check_is_clearing
from registry.domain.state import AccountState, Delivered, LastDelivery, Leg, Registry, Staged

DIGEST_BYTES = 32
VOID_ATTEMPTS_MAX = 1_000
RUNS_AHEAD_MAX = 10_000
"""A run is a trading day's; these are forty years."""
TRADES_AHEAD_MAX = RUNS_AHEAD_MAX * LEGS_MAX


# Commands


@dataclass(frozen=True, slots=True)
class DeliverAllowances:
    run_id: int
    attempt: int
    day: str
    legs: int
    quantity_tonnes: int
    legs_digest: bytes


@dataclass(frozen=True, slots=True)
class ReportDelivered:
    """Due at once while delivered legs have no record of their own yet."""

    run_id: int
    trade_id: int


# Events


@dataclass(frozen=True, slots=True)
class DeliveryCompleted:
    """Every leg that was staged is delivered by this event."""

    run_id: int
    attempt: int
    day: str
    legs: int
    quantity_tonnes: int
    legs_digest: bytes


@dataclass(frozen=True, slots=True)
class AllowancesDelivered:
    """One delivered leg, for the feeds of its accounts. It moves nothing."""

    run_id: int
    attempt: int
    trade_id: int
    vintage: str
    quantity_tonnes: int
    seller: str
    buyer: str
    day: str


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


# The delivery


def deliver_allowances(registry: Registry, command: DeliverAllowances, context: Context) -> list[object]:
    check_attempt_shape(command.run_id, command.attempt)
    check_day(command.day)
    if not 1 <= command.legs <= LEGS_MAX:
        raise Malformed("LEGS_OUT_OF_RANGE", "legs", legs=command.legs, legs_max=LEGS_MAX)
    if len(command.legs_digest) != DIGEST_BYTES:
        raise Malformed("DIGEST_MALFORMED", "legs_digest", bytes=len(command.legs_digest))
    check_is_clearing(context)
    last, staged = registry.last_delivery, registry.staged
    check_not_delivered_otherwise(last, staged, command)
    if command.run_id == last.run_id:
        return [
            DeliveryRepeated(
                command.run_id, command.attempt, command.day, last.attempt, last.legs, last.quantity_tonnes
            )
        ]
    check_not_far_ahead(last, staged, command)
    try:
        check_attempt(registry, command)
        check_staged(staged, command)
        check_no_doubts(context)
        check_names(registry, staged)
        check_sellers(registry, staged)
    except Rejected as refusal:
        check_room_for_void(registry, command, refusal.reason)
        facts = as_facts(**refusal.facts)
        return [DeliveryRefused(command.run_id, command.attempt, command.day, refusal.reason, facts)]

    # With this event every leg is delivered.
    return [
        DeliveryCompleted(
            run_id=command.run_id,
            attempt=command.attempt,
            day=command.day,
            legs=command.legs,
            quantity_tonnes=command.quantity_tonnes,
            legs_digest=command.legs_digest,
        )
    ]


def check_not_delivered_otherwise(last: LastDelivery, staged: Staged, command: DeliverAllowances) -> None:
    """What was delivered stays delivered. An order that contradicts it is not recorded as refused: that would say that
    its trades were not delivered.
    """
    if command.run_id < last.run_id:
        raise Rejected("RUN_OUT_OF_ORDER", run_id=command.run_id, last_run_id=last.run_id)
    if command.run_id == last.run_id:
        if command.legs_digest != last.legs_digest:
            raise Rejected(
                "RUN_ALREADY_DELIVERED",
                run_id=command.run_id,
                delivered_attempt=last.attempt,
                legs=command.legs,
                delivered_legs=last.legs,
            )
    elif staged.legs and is_of(staged, command) and staged.legs[0].trade_id <= last.trade_id:
        raise Rejected("TRADE_OUT_OF_ORDER", trade_id=staged.legs[0].trade_id, last_trade_id=last.trade_id)


def is_of(staged: Staged, command: DeliverAllowances) -> bool:
    """Whether what is staged is of the order's attempt, and not of an earlier one."""
    return (staged.run_id, staged.attempt) == (command.run_id, command.attempt)


def check_not_far_ahead(last: LastDelivery, staged: Staged, command: DeliverAllowances) -> None:
    """Nothing could be delivered any more after a run, or a trade, with a number that the market never reaches."""
    run_id_max, trade_id_max = last.run_id + RUNS_AHEAD_MAX, last.trade_id + TRADES_AHEAD_MAX
    if command.run_id > run_id_max:
        raise Rejected("RUN_TOO_FAR_AHEAD", run_id=command.run_id, run_id_max=run_id_max)
    if staged.legs and is_of(staged, command) and staged.legs[-1].trade_id > trade_id_max:
        raise Rejected("TRADE_TOO_FAR_AHEAD", trade_id=staged.legs[-1].trade_id, trade_id_max=trade_id_max)


def check_attempt(registry: Registry, command: DeliverAllowances) -> None:
    if (command.run_id, command.attempt) in registry.void_attempts:
        last_attempt = max(attempt for run_id, attempt in registry.void_attempts if run_id == command.run_id)
        raise Rejected(
            "ATTEMPT_OUT_OF_ORDER", run_id=command.run_id, attempt=command.attempt, last_attempt=last_attempt
        )


def check_room_for_void(registry: Registry, command: DeliverAllowances, obstacle: str) -> None:
    """An attempt that was refused by a record must be remembered as void."""
    void = registry.void_attempts
    if (command.run_id, command.attempt) not in void and is_full_up_to(void, command.run_id):
        raise Rejected(
            "TOO_MANY_VOID_ATTEMPTS",
            run_id=command.run_id,
            attempt=command.attempt,
            attempts_max=VOID_ATTEMPTS_MAX,
            obstacle=obstacle,
        )


def is_full_up_to(void_attempts: list[tuple[int, int]], run_id: int) -> bool:
    """Whether no attempt of a later run can be forgotten for one of this run."""
    return len(void_attempts) >= VOID_ATTEMPTS_MAX and void_attempts[-1][0] <= run_id


def check_staged(staged: Staged, command: DeliverAllowances) -> None:
    """The pages are those of this order, all of them and as it counts them."""
    are = (staged.run_id, staged.attempt, len(staged.legs), staged.quantity_tonnes, staged.legs_digest)
    if are != (command.run_id, command.attempt, command.legs, command.quantity_tonnes, command.legs_digest):
        raise Rejected(
            "STAGED_LEGS_DIFFER",
            run_id=command.run_id,
            attempt=command.attempt,
            legs=command.legs,
            quantity_tonnes=command.quantity_tonnes,
            staged_run_id=staged.run_id,
            staged_attempt=staged.attempt,
            staged_legs=len(staged.legs),
            staged_tonnes=staged.quantity_tonnes,
        )


def check_names(registry: Registry, staged: Staged) -> None:
    for name, vintage in staged.moves:
        if vintage not in registry.vintages:
            raise Rejected("VINTAGE_UNKNOWN", trade_id=first_trade(staged, name, vintage), vintage=vintage)
        account = registry.accounts.get(name)
        if account is None:
            raise Rejected("ACCOUNT_UNKNOWN", trade_id=first_trade(staged, name, vintage), account=name)
        if account.state is AccountState.CLOSED:
            raise Rejected("ACCOUNT_CLOSED", trade_id=first_trade(staged, name, vintage), account=name)


def first_trade(staged: Staged, account: str, vintage: str) -> int:
    """For people: the first leg that the refusal is about."""
    return next(leg.trade_id for leg in staged.legs if account in (leg.seller, leg.buyer) and leg.vintage == vintage)


def check_sellers(registry: Registry, staged: Staged) -> None:
    for (seller, vintage), move in staged.moves.items():
        trading_tonnes = holding_of(registry, seller, vintage).trading_tonnes
        if move.sold_tonnes > trading_tonnes:
            raise Rejected(
                "INSUFFICIENT_ALLOWANCES",
                account=seller,
                vintage=vintage,
                quantity_tonnes=move.sold_tonnes,
                trading_tonnes=trading_tonnes,
            )


# A record for each leg


def report_delivered(registry: Registry, command: ReportDelivered, context: Context) -> list[object]:
    delivered = registry.unreported[0]
    legs = next_legs(delivered)
    assert legs[0].trade_id == command.trade_id
    return [
        AllowancesDelivered(
            run_id=delivered.run_id,
            attempt=delivered.attempt,
            trade_id=leg.trade_id,
            vintage=leg.vintage,
            quantity_tonnes=leg.quantity_tonnes,
            seller=leg.seller,
            buyer=leg.buyer,
            day=delivered.day,
        )
        for leg in legs
    ]


def next_legs(delivered: Delivered) -> list[Leg]:
    return delivered.legs[delivered.reported : delivered.reported + LEGS_PER_PAGE_MAX]


def due(registry: Registry) -> Timer | None:
    if not registry.unreported:
        return None
    delivered = registry.unreported[0]
    legs = next_legs(delivered)
    run_id, trade_id = delivered.run_id, legs[0].trade_id
    return Timer(
        0,
        f"report-delivered/{run_id}/{trade_id}",
        ReportDelivered(run_id, trade_id),
        traces={f"trade/{leg.trade_id}": leg.traceparent for leg in legs},
    )


# Changes


def on_delivery_completed(registry: Registry, event: DeliveryCompleted) -> None:
    last, staged = registry.last_delivery, registry.staged
    assert event.run_id > last.run_id and (event.run_id, event.attempt) not in registry.void_attempts
    assert (staged.run_id, staged.attempt) == (event.run_id, event.attempt)
    assert (len(staged.legs), staged.legs_digest) == (event.legs, event.legs_digest)
    assert staged.legs[0].trade_id > last.trade_id
    deliver(registry, staged.moves)
    last.run_id, last.attempt = event.run_id, event.attempt
    del registry.void_attempts[: bisect_right(registry.void_attempts, event.run_id, key=lambda void: void[0])]
    last.trade_id = staged.legs[-1].trade_id
    last.legs, last.quantity_tonnes, last.legs_digest = event.legs, event.quantity_tonnes, event.legs_digest
    registry.unreported.append(Delivered(event.run_id, event.attempt, event.day, staged.legs))
    registry.staged = Staged()


def on_allowances_delivered(registry: Registry, event: AllowancesDelivered) -> None:
    assert registry.unreported, "only what was delivered gets records"
    delivered = registry.unreported[0]
    assert (delivered.run_id, delivered.legs[delivered.reported].trade_id) == (event.run_id, event.trade_id)
    delivered.reported += 1
    if delivered.reported == len(delivered.legs):
        registry.unreported.pop(0)


def on_delivery_repeated(registry: Registry, event: DeliveryRepeated) -> None:
    last = registry.last_delivery
    assert (last.run_id, last.attempt) == (event.run_id, event.delivered_attempt)
    registry.staged = Staged()


def on_delivery_refused(registry: Registry, event: DeliveryRefused) -> None:
    assert event.run_id > registry.last_delivery.run_id
    attempt = (event.run_id, event.attempt)
    if attempt not in registry.void_attempts:
        insort(registry.void_attempts, attempt)
        del registry.void_attempts[VOID_ATTEMPTS_MAX:]
    registry.staged = Staged()


DECIDE: Decide[Registry] = merged(
    handles(DeliverAllowances, deliver_allowances),
    handles(ReportDelivered, report_delivered),
)

EVOLVE: Evolve[Registry] = merged(
    applies(DeliveryCompleted, on_delivery_completed),
    applies(AllowancesDelivered, on_allowances_delivered),
    applies(DeliveryRepeated, on_delivery_repeated),
    applies(DeliveryRefused, on_delivery_refused),
)
