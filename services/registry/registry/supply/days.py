"""Supply days: each day's supply, stated once, and proofs of holdings in it.

A day ends at midnight, China's time: its supply is that after the last record which was recorded before. So the log
alone says at which position a day's supply is. A day is over SETTLES_MS later: the writer's clock may be set back a
little, and a record that comes then must not belong to a day that was stated already.

It is stated when it is asked for first. What is stated is kept before it is given out, and the same is given out ever
after. Trees are not kept in the database: for a proof they are made again, from the same secret, and must have the
roots that were stated.
"""

from dataclasses import dataclass

from carbonmarket.registry.v1 import registry_query_service_pb2 as pb
from chassis.core.days import DAY_MS, MINUTE_MS, day_of, day_start_ms
from chassis.core.decider import NotFound, Rejected
from chassis.core.record import Head
from chassis.core.shapes import check_day
from chassis.edges.protocols import Reading
from chassis.followers.projections import Tables
from chassis.log.for_callers import for_a_caller
from chassis.log.seals import Attestation, Forked, Signer
from chassis.log.writer import Writer
from registry.domain.state import Registry
from registry.supply import rows, stated
from registry.supply.kept import SupplyTrees, Trees
from registry.supply.stated import PURPOSE
from registry.supply.tree import shares_of

SETTLES_MS = MINUTE_MS


@dataclass(frozen=True, slots=True)
class SupplyDays:
    """What days are stated from. Without a signer none is."""

    tables: Tables
    writer: Writer[Registry]
    signer: Signer | None
    trees: SupplyTrees


async def supply_of_day(days: SupplyDays, asked_day: str) -> tuple[Attestation, pb.GetSupplyResponse]:
    """What is stated of a day; an empty one asks for the last that is over. Raises Rejected."""
    if days.signer is None:
        raise NotFound("SUPPLY_NOT_SIGNED")
    day = await day_over(days.writer, asked_day)
    with for_a_caller():
        kept = await days.signer.kept_attestation(PURPOSE, day)
    made = kept or await attested(days, days.signer, day)
    with for_a_caller():
        kept, seal = await days.signer.seal_attestation(made, stated.in_lines, kept)
    return kept, pb.GetSupplyResponse(supply=pb.Supply.FromString(kept.body), seal=seal)


async def proof_of_account(days: SupplyDays, account: str, day: str) -> pb.GetHoldingProofResponse:
    """Raises Rejected."""
    kept, answer = await supply_of_day(days, day)
    supply = answer.supply
    # What is stated is durable, the tables are made again from the log: they may be behind after a crash.
    await days.tables.wait_for(supply.position)
    vintages = [line.vintage for line in supply.vintages]
    trees = await days.trees.of(supply.day, supply.position, kept.secret, vintages)
    differs = stated.vintage_that_differs(supply, trees)
    if differs:
        what = f"the root of {differs} is not the one stated"
        days.trees.report(supply.day, supply.position, kept.secret, what)
        raise Rejected("SUPPLY_NOT_PROVED", day=supply.day, vintage=differs)
    async with days.tables.reading() as reading:
        shares = await proved_shares(reading, trees, kept.secret, supply.position, account)
    return pb.GetHoldingProofResponse(supply=supply, seal=answer.seal, shares=shares)


async def day_over(writer: Writer[Registry], asked_day: str) -> str:
    if asked_day:
        check_day(asked_day)
    now_ms = (await writer.read(lambda _: writer.now_ms())).value
    last = day_of(now_ms - SETTLES_MS - DAY_MS)
    if asked_day > last:
        raise Rejected("DAY_NOT_OVER", day=asked_day, over_ms=day_start_ms(asked_day) + DAY_MS + SETTLES_MS)
    return asked_day or last


async def end_of(days: SupplyDays, day: str) -> Head:
    """The last record of a day that is over. The tables show it."""
    await days.tables.wait_for(days.writer.tail.position)
    end = await rows.last_before(days.tables, day_start_ms(day) + DAY_MS)
    if end is None:
        raise NotFound("DAY_BEFORE_LOG", day=day)
    return end


async def attested(days: SupplyDays, signer: Signer, day: str) -> Attestation:
    """What is so of a day that nothing is kept of."""
    end = await end_of(days, day)
    try:
        signer.check_is_the_log_signed(end.position)
    except Forked as error:
        raise Rejected("LOG_HAS_FORKED", signed_digest=error.signed_digest, digest=error.digest) from error
    secret = signer.secret_of(PURPOSE, day, end.digest.hex())
    issued = await rows.issued(days.tables, end.position)
    trees = await days.trees.of(day, end.position, secret, issued)
    supply = stated.supply_of(days.writer.engine.shell.log_id, day, end, issued, trees)
    wrong = stated.vintage_that_does_not_add_up(supply)
    if wrong:
        days.trees.report(day, end.position, secret, f"what is held of {wrong} is not what was issued")
        raise Rejected("SUPPLY_NOT_PROVED", day=day, vintage=wrong)
    return Attestation(PURPOSE, day, supply.SerializeToString(deterministic=True), secret)


async def proved_shares(
    reading: Reading, trees: Trees, secret: bytes, position: int, account: str
) -> list[pb.ProvedShare]:
    """All shares of an account, by vintage, state and place."""
    found = []
    for held in await rows.holdings_of(reading, position, account):
        for state, tonnes in held.tonnes.items():
            if tonnes:
                tree = trees[held.vintage, state]
                shares = [stated.proved(tree, share) for share in shares_of(tree.of, secret, account, tonnes)]
                found += sorted(shares, key=lambda share: share.leaf_number)
    return found
