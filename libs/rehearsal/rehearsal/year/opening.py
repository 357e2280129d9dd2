"""What must be before the first planned day: accounts, vintages, allowances in trading, money and rules.

What one actor does many times goes over the bulk streams; what each participant must do itself goes call by call.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import time, timedelta

from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_service_pb2 as clearing
from carbonmarket.registry.v1 import registry_service_pb2 as registry
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket_client import Outcome
from rehearsal.opening import PROVINCE, rules_of_2021
from rehearsal.people import (
    BANK,
    EXCHANGE_OPERATOR,
    REGISTRY_OPERATOR,
    SETTLEMENT_BANK,
    People,
    china_ms,
    wait_until_heard,
)
from rehearsal.plan import Plan
from rehearsal.plan.composite import notices_of

IN_FLIGHT_MAX = 64
BASIS = "allocation plan"
COMPLIANCE_YEAR_OF_CEA = 2020

SubmitMany = Callable[[Iterable[Message]], AsyncIterator[Outcome]]
Step = Callable[[str], None]
"""Receives a sentence about what is being done."""


class OpeningRefused(Exception):
    """A service refused something that the plan needs before the first day."""


async def open_market(people: People, plan: Plan, composite: bool, step: Step) -> int:
    """Do everything; return how many commands it took. Raises OpeningRefused and MarketError.

    `composite` is whether a composite price is wanted even of one vintage.
    """
    await people.move_clocks(china_ms(plan.days[0] - timedelta(days=1), time(8)))
    step(f"opening {len(plan.accounts):,} accounts")
    commands = await _open_accounts(people, plan)
    step("issuing, allocating and transferring allowances")
    commands += await _issue(people, plan)
    commands += await _transfer(people, plan)
    await wait_until_heard(people, "trading", "registry")
    await wait_until_heard(people, "clearing", "trading")
    step("setting the rules, listing, paying in")
    commands += await _set_rules(people, plan, composite)
    commands += await _deposit(people, plan)
    await wait_until_heard(people, "trading", "clearing")
    return commands


async def _open_accounts(people: People, plan: Plan) -> int:
    province = registry.OpenAccountRequest(
        account=PROVINCE, kind=registry_types.ACCOUNT_KIND_PROVINCE, name="Hubei, ecology department"
    )
    entities = [
        registry.OpenAccountRequest(
            account=account,
            kind=registry_types.ACCOUNT_KIND_KEY_EMITTING_ENTITY,
            name=f"Power company {account}",
            province=PROVINCE,
            eligible_to_trade=True,
        )
        for account in plan.accounts
    ]
    return await _many(people.acting_as(REGISTRY_OPERATOR).registry.submit_many, [province, *entities])


async def _issue(people: People, plan: Plan) -> int:
    commands: list[Message] = []
    for instrument in plan.instruments:
        code = instrument.code
        issued_tonnes = sum(allocations.get(code, 0) for allocations in plan.allocations.values())
        commands.append(registry.CreateVintageRequest(vintage=code, compliance_year=compliance_year(code)))
        if issued_tonnes:
            issue = registry.IssueAllowancesRequest(
                vintage=code, account=PROVINCE, quantity_tonnes=issued_tonnes, basis=BASIS
            )
            commands.append(issue)
    sent = await _many(people.acting_as(REGISTRY_OPERATOR).registry.submit_many, commands)
    allocations = [
        registry.AllocateAllowancesRequest(
            vintage=code, from_account=PROVINCE, account=account, quantity_tonnes=quantity_tonnes, basis=BASIS
        )
        for account, allocated in plan.allocations.items()
        for code, quantity_tonnes in allocated.items()
    ]
    return sent + await _many(people.acting_as(f"province:{PROVINCE}").registry.submit_many, allocations)


async def _transfer(people: People, plan: Plan) -> int:
    return await at_most_in_flight(
        people.participant(account).registry.transfer_to_trading(account, code, quantity_tonnes)
        for account, allocated in plan.allocations.items()
        for code, quantity_tonnes in allocated.items()
    )


async def _set_rules(people: People, plan: Plan, composite: bool) -> int:
    exchange = people.acting_as(EXCHANGE_OPERATOR).trading
    first_day = plan.days[0].isoformat()
    commands: list[Awaitable[object]] = [exchange.set_trading_rules(rules_of_2021(plan.days[0]))]
    if composite or len(plan.instruments) > 1:
        # A vintage that is listed later begins at the composite's close of the day before (rulebook 3.3).
        codes = [instrument.code for instrument in plan.instruments]
        commands += [
            exchange.set_composite_weights(notice.valid_from.isoformat(), dict(notice.weights), source=notice.source)
            for notice in notices_of(codes, plan.days[0], plan.days[-1])
        ]
    commands += [
        exchange.admit_instrument(instrument.code, first_day, reference_price_fen=instrument.reference_fen)
        for instrument in plan.instruments
        if instrument.first_day == plan.days[0]
    ]
    for command in commands:
        await command
    return len(commands)


async def _deposit(people: People, plan: Plan) -> int:
    deposits = [
        clearing.RecordDepositRequest(bank_reference=f"{BANK}-{number:05d}", account=account, amount_fen=amount_fen)
        for number, (account, amount_fen) in enumerate(plan.deposits.items(), 1)
    ]
    # The clocks are set to the day before the first.
    since = plan.days[0] - timedelta(days=1)
    registry = people.acting_as(REGISTRY_OPERATOR).clearing
    await registry.set_settlement_banks(since.isoformat(), [BANK], "the registry's announcement")
    return 1 + await _many(people.acting_as(SETTLEMENT_BANK).clearing.submit_many, deposits)


async def _many(submit_many: SubmitMany, commands: Sequence[Message]) -> int:
    async for outcome in submit_many(commands):
        if outcome.refusal is not None:
            raise OpeningRefused(f"{outcome.command}: {outcome.refusal}")
    return len(commands)


async def at_most_in_flight(calls: Iterable[Awaitable[object]]) -> int:
    """Make all calls, at most IN_FLIGHT_MAX at a time; return how many they were. The first error ends it."""
    waiting = iter(calls)
    count = 0

    async def worker() -> None:
        nonlocal count
        for call in waiting:
            await call
            count += 1

    workers = [asyncio.create_task(worker()) for _ in range(IN_FLIGHT_MAX)]
    try:
        await asyncio.gather(*workers)
    finally:
        for one in workers:
            one.cancel()
    return count


def compliance_year(code: str) -> int:
    """The year that a vintage's code ends in; the first vintage, CEA, was made for 2019 and 2020 (rulebook 2)."""
    digits = re.fullmatch(r"[A-Z]+([0-9]{2})", code)
    return 2000 + int(digits[1]) if digits else COMPLIANCE_YEAR_OF_CEA
