"""One suite for every list of every service: what may be asked for is the same everywhere.

The lists are found in the protos: an rpc whose request has a page size or whose answer has the token of a next page
is one, and so is one that is named as a list. A service's module gives for each a caller that may see all and the
request for all that it shows, and the running service as the fixture `service`; a list without a line fails.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor, MethodDescriptor

from chassis.serving.pages import PAGE_ROWS_MAX, PAGE_ROWS_USUAL
from support.processes.one_service import OneService, RefusedAt

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NAMED_AS_A_LIST = re.compile(r"List[A-Z]\w*s")
PAGES_MAX = 50
FAR_BEYOND = 2**62
NO_SUCH_ACCOUNT = "nobody-at-all"
NO_SUCH_NUMBER = 4_711
MALFORMED = {"account": "Nobody", "day": "2021-7-16"}

Asked = tuple[str, Any]
"""Who asks, and for what."""


def is_list(method: MethodDescriptor) -> bool:
    paged = "page_size" in method.input_type.fields_by_name or "next_page_token" in method.output_type.fields_by_name
    return paged or NAMED_AS_A_LIST.fullmatch(method.name) is not None


def with_(request: Any, **fields: Any) -> Any:
    """The same request with some fields set anew."""
    changed = type(request)()
    changed.CopyFrom(request)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


class ListSuite:
    """A subclass is a service: its lists, by rpc, and which repeated field is the list where an answer has several."""

    api: ClassVar[FileDescriptor]
    lists: ClassVar[Mapping[str, Asked]]
    of_one: ClassVar[frozenset[str]] = frozenset()
    """The lists of one account's or one run's things."""
    rows_in: ClassVar[Mapping[str, str]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test that takes a list runs for each."""
        if "rpc" in metafunc.fixturenames:
            metafunc.parametrize("rpc", sorted(self.lists))
        elif {"rpc_filtered", "field"} <= set(metafunc.fixturenames):
            filters = [(rpc, field.name) for rpc in sorted(self.lists) for field in self.filters(rpc)]
            metafunc.parametrize(("rpc_filtered", "field"), filters)

    def methods(self) -> dict[str, MethodDescriptor]:
        (service,) = self.api.services_by_name.values()
        return {method.name: method for method in service.methods if is_list(method)}

    def filters(self, rpc: str) -> list[FieldDescriptor]:
        """The fields of a list's request that say which rows it shows, as names, days or enumerations."""
        fields = self.methods()[rpc].input_type.fields
        texts = [field for field in fields if field.name in MALFORMED]
        return texts + [field for field in fields if field.enum_type is not None]

    def rows(self, rpc: str, answer: Any) -> list[Any]:
        repeated = [f.name for f in answer.DESCRIPTOR.fields if f.is_repeated and f.message_type is not None]
        name = self.rows_in.get(rpc) or repeated[0]
        assert rpc in self.rows_in or len(repeated) == 1, f"{rpc} has several repeated fields: say which is the list"
        return list(getattr(answer, name))

    async def all_rows(self, service: OneService, rpc: str, page_size: int) -> list[Any]:
        actor, request = self.lists[rpc]
        found, token = [], ""
        for _ in range(PAGES_MAX):
            answer = await service.call(actor, with_(request, page_size=page_size, page_token=token))
            rows = self.rows(rpc, answer)
            assert len(rows) <= (page_size or PAGE_ROWS_USUAL)
            found += rows
            token = answer.next_page_token
            if not token:
                return found
        raise AssertionError(f"{rpc} has more than {PAGES_MAX} pages")

    async def refusal(self, service: OneService, actor: str, request: Any) -> RefusedAt:
        with pytest.raises(RefusedAt) as refused:
            await service.call(actor, request)
        return refused.value

    def test_every_list_of_the_service_stands_in_the_table(self) -> None:
        assert set(self.lists) == set(self.methods())
        for rpc, (_, request) in self.lists.items():
            assert request.DESCRIPTOR is self.methods()[rpc].input_type

    def test_a_list_has_the_fields_of_every_list(self, rpc: str) -> None:
        method = self.methods()[rpc]
        asked = {field.name: field.type for field in method.input_type.fields}
        answered = {field.name: field.type for field in method.output_type.fields}
        assert asked["page_size"] == FieldDescriptor.TYPE_INT32
        assert asked["page_token"] == answered["next_page_token"] == FieldDescriptor.TYPE_STRING
        assert asked["min_position"] == answered["position"] == FieldDescriptor.TYPE_INT64

    async def test_page_by_page_a_list_shows_what_it_shows_at_once(self, service: OneService, rpc: str) -> None:
        at_once = await self.all_rows(service, rpc, 0)
        assert await self.all_rows(service, rpc, 1) == at_once
        assert await self.all_rows(service, rpc, PAGE_ROWS_MAX + 1) == at_once
        assert await self.all_rows(service, rpc, 2**31 - 1) == at_once

    async def test_a_negative_number_is_refused(self, service: OneService, rpc: str) -> None:
        actor, request = self.lists[rpc]
        for field in ("page_size", "min_position"):
            refused = await self.refusal(service, actor, with_(request, **{field: -1}))
            assert (refused.code, refused.reason, refused.field) == (INVALID, "NUMBER_NEGATIVE", field)

    async def test_a_position_beyond_the_log_is_refused_with_its_end(self, service: OneService, rpc: str) -> None:
        actor, request = self.lists[rpc]
        refused = await self.refusal(service, actor, with_(request, min_position=FAR_BEYOND))
        assert (refused.code, refused.reason) == (grpc.StatusCode.OUT_OF_RANGE, "POSITION_BEYOND_END")
        assert refused.field == "min_position"
        assert 0 < int(refused.facts["end_position"]) <= await service.head()

    async def test_a_token_is_taken_by_the_list_that_gave_it_alone(self, service: OneService, rpc: str) -> None:
        actor, request = self.lists[rpc]
        token = (await service.call(actor, with_(request, page_size=1))).next_page_token
        if not token:
            pytest.skip("one row, one page")
        for other in sorted(set(self.lists) - {rpc}):
            caller, asked = self.lists[other]
            refused = await self.refusal(service, caller, with_(asked, page_token=token))
            assert (refused.code, refused.reason, refused.field) == (INVALID, "PAGE_TOKEN_MADE_ELSEWHERE", "page_token")
            assert refused.facts == {"differs": "list", "list": rpc}
        role, _, _ = actor.partition(":")
        refused = await self.refusal(service, f"{role}:somebody-else", with_(request, page_token=token))
        assert (refused.reason, refused.facts["differs"]) == ("PAGE_TOKEN_MADE_ELSEWHERE", "caller")

    async def test_a_token_that_no_list_gave_is_refused(self, service: OneService, rpc: str) -> None:
        actor, request = self.lists[rpc]
        for token in ("x", "1", "-1", "'; DROP TABLE log", "A" * 100_000):
            refused = await self.refusal(service, actor, with_(request, page_token=token))
            assert (refused.code, refused.reason, refused.field) == (INVALID, "PAGE_TOKEN_MALFORMED", "page_token")

    async def test_a_filter_that_is_ill_written_or_names_nobody_is_refused(
        self, service: OneService, rpc_filtered: str, field: str
    ) -> None:
        actor, request = self.lists[rpc_filtered]
        ill_written = MALFORMED.get(field, NO_SUCH_NUMBER)
        refused = await self.refusal(service, actor, with_(request, **{field: ill_written}))
        assert (refused.code, refused.field) == (INVALID, field)
        if field == "account":
            refused = await self.refusal(service, actor, with_(request, account=NO_SUCH_ACCOUNT))
            assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN")

    async def test_a_filter_is_part_of_what_a_token_is_for(
        self, service: OneService, rpc_filtered: str, field: str
    ) -> None:
        actor, request = self.lists[rpc_filtered]
        token = (await service.call(actor, with_(request, page_size=1))).next_page_token
        if not token:
            pytest.skip("one row, one page")
        known = {"account": NO_SUCH_ACCOUNT, "day": "2021-07-20"}
        refused = await self.refusal(service, actor, with_(request, page_token=token, **{field: known.get(field, 1)}))
        assert (refused.reason, refused.facts.get("differs")) == ("PAGE_TOKEN_MADE_ELSEWHERE", "filter")

    def test_empty_fields_are_no_filter(self, rpc: str) -> None:
        """The table's request shows all: it names nothing but the one thing whose list it is."""
        _, request = self.lists[rpc]
        named = {field.name for field, _ in request.ListFields()}
        assert named <= self.owners(rpc)

    def owners(self, rpc: str) -> set[str]:
        """What a list belongs to: named in its request, it is no filter."""
        words = [word for word in ("account", "run_id") if word in self.methods()[rpc].input_type.fields_by_name]
        return set(words) if rpc in self.of_one else set()
