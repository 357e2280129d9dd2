"""Messages as plain values for `--json`: the protos' own field names, integers as integers, enumerations as words."""

import json
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from carbonmarket_client.feed import Record
from carbonmarket_client.words import word_of

# Facts travel as text. These are text even where they look like a number.
TEXT_FACTS = frozenset({"account", "actor", "bank", "bank_reference", "counterparty", "ground", "name", "page_token"})
_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)


def plain(message: Message) -> dict[str, Any]:
    """Every field of a message, unset ones too (an unset message is None), so that the keys never change."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def plain_record(record: Record) -> dict[str, Any]:
    """A record of a log or feed."""
    return {
        "service": record.service,
        "position": record.position,
        "sequence": record.sequence,
        "type": record.type,
        "recorded_ms": record.recorded_ms,
        "subject": record.subject,
        "role": record.role,
        "account": record.account,
        "approval": record.approval,
        "request_id": record.request_id,
        "traceparent": record.traceparent,
        "event": plain(record.event),
    }


def plain_facts(facts: Mapping[str, str]) -> dict[str, int | str]:
    """The facts of a refusal, integers as integers."""
    return {
        name: int(text) if name not in TEXT_FACTS and _INTEGER.fullmatch(text) else text
        for name, text in sorted(facts.items())
    }


def as_json(value: object, *, one_line: bool = False) -> str:
    return json.dumps(value, ensure_ascii=False, indent=None if one_line else 2)


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return dict(sorted(value.items()))
    if field.is_repeated:
        return [_value(field, item) for item in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return plain(value)
    if field.enum_type is not None:
        return word_of(field.enum_type, value)
    if isinstance(value, bytes):
        return value.hex()
    return value
