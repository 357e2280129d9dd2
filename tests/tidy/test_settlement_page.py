"""docs/settlement.md names the code on every arrow: each name must be there."""

import importlib
import re

from support.source.repository import ROOT

ARROW = re.compile(r"^    \S+ --> \S+?: [^<\n]*((?:<br/>[^<\n]*)+)$", re.MULTILINE)
NAME = re.compile(r"\b([a-z_]+)\.([a-z_]+)\b")
NAMES_MIN = 20
"""There are more; fewer found means that the pattern no longer sees them."""


def test_every_function_on_an_arrow_of_the_settlement_page_exists() -> None:
    arrows = ARROW.findall((ROOT / "docs/settlement.md").read_text())
    named = {name for arrow in arrows for name in NAME.findall(arrow)}
    assert len(named) >= NAMES_MIN, named
    missing = [
        f"{module}.{function}"
        for module, function in sorted(named)
        if not callable(getattr(importlib.import_module(f"clearing.domain.{module}"), function, None))
    ]
    assert not missing
