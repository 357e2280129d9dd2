"""One suite for every service's commands: a bad one is refused by its rule and changes nothing, a repeat is recognised.

A service's module keeps two tables, subclasses the suite with them, and gives the running service as the fixture
`service`, one for all tests. The lines run in their order: the refused first, because they rest on the books that the
fixture leaves; the accepted last, because they go on from one another and may end the day.
"""

import re
from collections.abc import Iterator, Sequence, Set
from functools import reduce
from typing import Any, ClassVar

import grpc
import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message_factory import GetMessageClass

from chassis.core.call import Refused
from chassis.core.roles import EVERY_ROLE, roles_of
from support.processes.one_service import OneService, RefusedAt, with_id

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
FORBIDDEN = grpc.StatusCode.PERMISSION_DENIED
REFUSED = grpc.StatusCode.FAILED_PRECONDITION
REUSED = grpc.StatusCode.ALREADY_EXISTS

Refusal = tuple[str, Any, grpc.StatusCode, str]
"""Who asks for what, and how it is refused."""

Acceptance = tuple[str, Any, Any]
"""Who asks for what is accepted, and another body, which must be refused under the same request id."""


def named(value: Any) -> str:
    """What a test's id says of a cell: of a request its command."""
    return command(value) if hasattr(value, "DESCRIPTOR") else str(value)


def command(request: Any) -> str:
    return type(request).__name__.removesuffix("Request")


MISTAKABLE = ("r1 ", " r1", "r  1", "r\u200b1", "ｒ1", "r\u0430", "e\u0301", "\u202er1", "r\n1", "\0")
"""Each is shown like a text that it is not, or not at all."""

OPAQUE = frozenset({"traceparent"})
"""What a service passes on, or leaves out, as it came."""


def texts_replaced(request: Any, by: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """For each text of a request, at any depth: its path, and the request with another text there."""
    for path in paths(request):
        *above, name = re.split(r"[.](?=[^.]*$)", path)
        for text in by:
            changed = type(request)()
            changed.CopyFrom(request)
            holder = reduce(step, above[0].split(".") if above else [], changed)
            bare, _, index = name.rstrip("]").partition("[")
            value = getattr(holder, bare)
            if bare in OPAQUE or not isinstance(value[int(index)] if index else value, str):
                break
            if index:
                value[int(index)] = text
            else:
                setattr(holder, bare, text)
            yield path, changed


def step(message: Any, name: str) -> Any:
    bare, _, index = name.rstrip("]").partition("[")
    value = getattr(message, bare)
    return value[int(index)] if index else value


def paths(message: Any, before: str = "") -> set[str]:
    """Every field of a message and of its parts, as a refusal names it."""
    found = set()
    for field in message.DESCRIPTOR.fields:
        path = f"{before}{field.name}"
        found.add(path)
        value = getattr(message, field.name)
        parts = (
            [(f"{path}[{number}]", part) for number, part in enumerate(value)] if field.is_repeated else [(path, value)]
        )
        found |= {name for name, _ in parts}
        if field.message_type is not None:
            found |= {deeper for name, part in parts for deeper in paths(part, f"{name}.")}
    return found


class CommandSuite:
    """A subclass is a service: its tables, and one command more that is accepted and is in neither."""

    api: ClassVar[FileDescriptor]
    refusals: ClassVar[Sequence[Refusal]]
    accepted: ClassVar[Sequence[Acceptance]]
    never_accepted: ClassVar[Set[str]] = frozenset()
    one_more: ClassVar[tuple[str, Any]]
    many_by: ClassVar[str]
    many: ClassVar[Sequence[tuple[Any, str]]]
    """What one message holds, all by one actor: commands, each with the reason it is refused for, if it is."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test that takes the columns of a table runs for each of its lines."""
        for columns, table in (
            (("actor", "request_", "code", "reason"), self.refusals),
            (("actor", "request_", "other"), self.accepted),
        ):
            if set(columns) <= set(metafunc.fixturenames):
                metafunc.parametrize(columns, table, ids=named)

    @pytest.fixture
    def due(self) -> None:
        """What has to happen before `request_`, a line of the accepted, can be; a service with days says what."""

    async def end(self, service: OneService, actor: str) -> int:
        """Where the log ends; of a service that goes on by itself, the last that the actor caused."""
        return await service.head()

    def test_every_command_stands_in_the_tables_here(self) -> None:
        assert {command(request) for _, request, _, _ in self.refusals} == self.commands()
        assert {command(request) for _, request, _ in self.accepted} == self.commands() - self.never_accepted

    async def test_a_role_that_may_not_call_a_command_is_refused_whatever_it_asks(self, service: OneService) -> None:
        before = await service.head()
        (commands,) = self.api.services_by_name.values()
        for method in commands.methods:
            for role in sorted(EVERY_ROLE - roles_of(method)):
                with pytest.raises(Refused) as refused:
                    await service.ask(f"{role}:somebody", GetMessageClass(method.input_type)())
                assert (refused.value.code, refused.value.reason) == (FORBIDDEN, "ROLE_NOT_ALLOWED"), (
                    method.name,
                    role,
                )
        assert await service.head() == before

    async def test_a_bad_request_is_refused_by_its_rule_and_changes_nothing(
        self, service: OneService, actor: str, request_: Any, code: grpc.StatusCode, reason: str
    ) -> None:
        before = await service.head()
        with pytest.raises(Refused) as refused:
            await service.ask(actor, request_)
        assert (refused.value.code, refused.value.reason) == (code, reason)
        field = getattr(refused.value, "field", "")
        assert (code is INVALID) == (field in paths(request_))
        assert all(len(fact) <= 100 for fact in refused.value.facts.values())
        assert await service.head() == before

    async def test_a_text_that_could_pass_for_another_is_refused_in_every_field(
        self, service: OneService, actor: str, request_: Any, other: Any
    ) -> None:
        """Whatever an rpc takes as text; `other` is not asked here."""
        for field, ask in texts_replaced(with_id(request_, service.new_id()), MISTAKABLE):
            with pytest.raises(RefusedAt) as refused:
                await service.call(actor, ask)
            assert (refused.value.code, refused.value.field) == (INVALID, field)

    async def test_a_caller_without_a_name_is_turned_away(self, service: OneService) -> None:
        actor, request = self.one_more
        role, name = actor.split(":")
        for nobody in ("", name, f"{role}:"):
            with pytest.raises(Refused) as refused:
                await service.ask(nobody, request)
            assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED

    async def test_a_repeat_is_recognised_after_the_process_was_killed(self, service: OneService) -> None:
        actor, request = self.one_more
        request = with_id(request, service.new_id())
        first = await service.call(actor, request)
        await service.restart()
        assert await service.call(actor, request) == first

    async def test_many_commands_in_one_message_are_each_answered_by_their_own_outcome(
        self, service: OneService
    ) -> None:
        bulk: Any = GetMessageClass(self.api.message_types_by_name["SubmitManyRequest"])()
        empty = bulk.commands.add()
        fields = {field.message_type.name: field.name for field in empty.DESCRIPTOR.fields}
        outcomes = [("refusal", "COMMAND_MISSING")]
        for request, reason in self.many:
            field = fields[type(request).__name__]
            getattr(bulk.commands.add(), field).CopyFrom(with_id(request, service.new_id()))
            outcomes.append(("refusal", reason) if reason else (field, ""))
        answer = await service.submit_many(self.many_by, bulk)
        assert [(one.WhichOneof("outcome"), one.refusal.reason) for one in answer.outcomes] == outcomes
        accepted = [
            getattr(one, field) for one, (field, reason) in zip(answer.outcomes, outcomes, strict=True) if not reason
        ]
        assert accepted
        assert all(one.position > 0 for one in accepted)

    @pytest.mark.usefixtures("due")
    async def test_a_repeat_gets_the_first_answer_and_its_id_stands_for_no_other_command(
        self, service: OneService, actor: str, request_: Any, other: Any
    ) -> None:
        request_id = service.new_id()
        for bad_id, reason in (("", "REQUEST_ID_MISSING"), ("i" * 101, "REQUEST_ID_MALFORMED")):
            with pytest.raises(Refused) as refused:
                await service.call(actor, with_id(request_, bad_id))
            assert (refused.value.code, refused.value.reason) == (INVALID, reason)
        first = await service.call(actor, with_id(request_, request_id))
        after = await self.end(service, actor)
        assert first.position == after
        assert await service.call(actor, with_id(request_, request_id)) == first
        with pytest.raises(Refused) as refused:
            await service.call(actor, with_id(other, request_id))
        assert (refused.value.code, refused.value.reason) == (REUSED, "REQUEST_ID_REUSED")
        assert await self.end(service, actor) == after

    def commands(self) -> set[str]:
        """Every rpc of the service but the bulk entry, which has no request id of its own."""
        (service,) = self.api.services_by_name.values()
        return {method.name for method in service.methods} - {"SubmitMany"}
