"""What people and other systems write is read by one parser: Python's own take what nobody means."""

import re

import pytest

from support.source.repository import Module, modules

PARSERS = ("libs/client/carbonmarket_client/values.py", "libs/chassis/chassis/core/shapes.py")
FOLDERS = ("libs/chassis/", "libs/client/", "libs/rehearsal/", "services/")
LENIENT = re.compile(
    r"click\.(?:IntRange|FloatRange|INT|FLOAT)\b|type=(?:int|float)\b|\.(?:isdecimal|isdigit|isnumeric)\(\)|strptime\("
    r"|\bfloat\(\w*text|fromisoformat\("
)
CHECKED_BEFORE = {
    "libs/chassis/chassis/process/configuration.py": "an address's port and the clock's start, by a form of digits",
    "libs/client/carbonmarket_client/screens/layout.py": "a fact of a refusal, to be shown",
    "libs/rehearsal/rehearsal/broker.py": "a port that the rehearsal itself gives its broker",
    "libs/rehearsal/rehearsal/plan/rows.py": "a row's day, by the same form",
    "libs/rehearsal/rehearsal/welcome.py": "a day that the market answered with",
    "libs/rehearsal/rehearsal/year/chart.py": "a day that the market answered with",
    "libs/rehearsal/rehearsal/year/main.py": "a day of the calendar's own",
    "libs/chassis/chassis/core/days.py": "a day that its command's check has read",
}
"""Where Python's own parser reads what cannot be anything else."""

OURS = [module for module in modules() if module.path.startswith(FOLDERS) and module.path not in PARSERS]


@pytest.mark.parametrize("module", OURS, ids=lambda module: module.path)
def test_no_lenient_parser_reads_what_others_write(module: Module) -> None:
    found = LENIENT.findall(module.text)
    assert not found or module.path in CHECKED_BEFORE


def test_what_is_excepted_is_there() -> None:
    assert {module.path for module in OURS if LENIENT.search(module.text)} == set(CHECKED_BEFORE)
