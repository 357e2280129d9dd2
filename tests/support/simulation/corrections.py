"""What two operators do about the shell's own books: each proposes, another approves."""

import random
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from carbonmarket.log.v1 import log_service_pb2 as log
from chassis.core.record import Record
from support.days.calls import Refused
from support.days.day import EXCHANGE_OPERATOR, SECOND_EXCHANGE_OPERATOR
from support.simulation.market import SimulatedMarket

EXPIRED = "proposal expired"
REFUSED_FOR_NAME = ("REQUEST_ID_REUSED", "LEGS_NOT_ASCENDING", "PAGE_OUT_OF_ORDER")
"""Reasons for which an order is sent under another name (docs/runbook.md)."""


class Operators:
    def __init__(self, market: SimulatedMarket, draw: random.Random) -> None:
        self._market = market
        self._draw = draw
        self._given = 0

    async def give(self, service: str, command: Message) -> None:
        """One operator proposes, another approves; now and then the first proposal is rejected, and made again."""
        port = self._market.port
        while True:
            number, proposal = await self.propose(service, command)
            if self._draw.random() < 0.7:
                break
            reject = log.RejectProposalRequest(proposal_id=proposal, ground="one more look")
            reject.request_id = f"{number} rejected"
            await port.call_log(service, SECOND_EXCHANGE_OPERATOR, reject, log.RejectProposalResponse)
        approve = log.ApproveProposalRequest(request_id=f"{number} approved", proposal_id=proposal)
        await port.call_log(service, SECOND_EXCHANGE_OPERATOR, approve, log.ApproveProposalResponse)
        self._market.chance.counts[command.DESCRIPTOR.name.removesuffix("Request")] += 1

    async def propose(self, service: str, command: Message) -> tuple[str, int]:
        """The name of what is given, and the number of its proposal."""
        self._given += 1
        number = f"correction {self._given}"
        propose = log.ProposeCommandRequest(request_id=f"{number} proposed", type=command.DESCRIPTOR.full_name)
        propose.data = command.SerializeToString()
        proposed = await self._market.port.call_log(service, EXCHANGE_OPERATOR, propose, log.ProposeCommandResponse)
        return number, proposed.proposal_id

    async def let_expire(self, service: str, command: Message, move_on: Callable[[], Awaitable[None]]) -> None:
        """Nobody approves it in time, and then nobody can."""
        port = self._market.port
        number, proposal = await self.propose(service, command)
        await move_on()

        async def is_gone() -> bool:
            return not (await port.status(service)).proposals

        await self._market.until(is_gone, "a proposal to expire")
        approve = log.ApproveProposalRequest(request_id=f"{number} approved", proposal_id=proposal)
        reason = "none: it was approved"
        try:
            await port.call_log(service, SECOND_EXCHANGE_OPERATOR, approve, log.ApproveProposalResponse)
        except Refused as refused:
            reason = refused.reason
        assert reason == "PROPOSAL_UNKNOWN", reason
        self._market.chance.counts[EXPIRED] += 1

    async def resume(self, service: str, last: Record, source: str) -> None:
        """Once a service has stopped hearing a source that forked: it goes on from the last record that both have."""

        async def is_halted() -> bool:
            sources = (await self._market.port.status(service)).sources
            return any(each.halted_because for each in sources if each.log_id == source)

        await self._market.until(is_halted, f"{service} to stop hearing {source}")
        resume = log.ResumeHearingRequest(
            source_log_id=source, source_position=last.position, ground="records were lost"
        )
        resume.source_digest = last.digest
        await self.give(service, resume)

    async def set_aside(self, service: str) -> int:
        """The position of what is set aside, as soon as it is."""

        async def is_set_aside() -> bool:
            return bool((await self._market.port.status(service)).set_aside)

        await self._market.until(is_set_aside, f"{service} to set an event aside")
        (waiting,) = (await self._market.port.status(service)).set_aside
        return waiting.position

    async def drop_set_aside(self, service: str) -> None:
        drop = log.DropSetAsideRequest(set_aside_position=await self.set_aside(service), ground="it was heard before")
        await self.give(service, drop)

    async def drop_all_set_aside(self, service: str) -> int:
        """As far as it is set aside by now, one by one or all of a cause together; how many events."""
        dropped = 0
        while causes := (await self._market.port.status(service)).set_aside_causes:
            cause = causes[0]
            drop = log.DropSetAsideRequest(set_aside_position=cause.first_position, ground="it was heard before")
            if together := self._draw.random() < 0.5:
                drop.through_position = cause.last_position
            await self.give(service, drop)
            dropped += cause.count if together else 1
        return dropped

    async def decide_set_aside_again(self, service: str) -> None:
        again = log.DecideSetAsideAgainRequest(ground="it was given again")
        again.set_aside_position = await self.set_aside(service)
        again.through_position = self._draw.choice([0, again.set_aside_position])
        await self.give(service, again)

    async def refused_orders(self) -> list[int]:
        """The positions of clearing's orders that are refused for their name instead of answered."""
        refused = (await self._market.port.status("clearing")).refused_orders
        return [each.position for each in refused if each.reason in REFUSED_FOR_NAME]

    async def rename_refused_order(self) -> None:
        """Once an order of clearing is refused because its receiver knows another command by its name."""

        async def is_refused() -> bool:
            return bool(await self.refused_orders())

        await self._market.until(is_refused, "an order to be refused for its name")
        position, *_ = await self.refused_orders()
        await self.give("clearing", log.RenameOrderRequest(order_position=position, ground="its name is known"))

        async def is_answered() -> bool:
            return position not in (await self._market.port.status("clearing")).unanswered_positions

        await self._market.until(is_answered, "a renamed order to be answered")
