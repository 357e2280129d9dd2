"""How a story is printed where the terminal is narrow."""

import io

from rich.console import Console

from carbonmarket_client.screens.layout import Screen, words
from rehearsal.telling import Telling


def test_a_story_names_no_option_that_it_does_not_have() -> None:
    out = Console(width=20, file=io.StringIO(), record=True, highlight=False)
    columns = [words("step"), words("service", spare=1)]
    Telling(out).show(Screen("Trace", columns, [("hear TradeExecuted", "clearing")]))
    told = " ".join(out.export_text().split())
    assert "left out: service; a wider terminal shows it" in told
    assert "--json" not in told
