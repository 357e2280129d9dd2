"""How a story of the market is printed in 100 columns: scenes, who did what, and refusals that show a rule."""

import sys
from dataclasses import replace

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from carbonmarket_client.errors import Refused
from carbonmarket_client.screens.layout import WIDTH, Screen, fact, label
from carbonmarket_client.values import moment

ACTOR_WIDTH = 26
INDENT = 2


def console() -> Console:
    """Standard output, at most WIDTH wide."""
    wide = Console(highlight=False)
    return wide if sys.stdout.isatty() and wide.width <= WIDTH else Console(width=WIDTH, highlight=False)


class Telling:
    """Prints a story. No meaning depends on colour alone."""

    def __init__(self, out: Console) -> None:
        self.out = out
        self.refusals = 0

    def scene(self, title: str, now_ms: int) -> None:
        """Begin a part of the story, at a time of the market."""
        heading = Table.grid(expand=True)
        heading.add_column()
        heading.add_column(justify="right")
        heading.add_row(Text(title, style="bold"), Text(moment(now_ms)[:-3], style="dim"))
        self.out.print()
        self.out.print(heading)
        self.out.print(Rule(style="dim", characters="─"))

    def tell(self, actor: str, sentence: str) -> None:
        """Say who did what."""
        self._line(Text(actor, style="cyan"), Text(sentence))

    def refuse(self, actor: str, attempt: str, refusal: Refused) -> None:
        """Say what somebody tried, which rule said no, its facts, and how to fix it."""
        self.refusals += 1
        facts = ", ".join(f"{label(name)} {fact(name, value)}" for name, value in sorted(refusal.facts.items()))
        self._line(Text(actor, style="cyan"), Text(attempt))
        self._line(Text(), Text.assemble("✗ ", (refusal.reason, "red"), f"  {facts}" if facts else ""))
        self._line(Text(), Text(refusal.fix, style="dim"))

    def show(self, *screens: RenderableType) -> None:
        """Show tables or cards, set in a little."""
        for screen in screens:
            if isinstance(screen, Screen):
                screen = replace(screen, elsewhere="a wider terminal shows it")
            self.out.print()
            self.out.print(Padding(screen, (0, 0, 0, INDENT)))

    def say(self, sentence: str) -> None:
        """Say something as the narrator."""
        self.out.print(Padding(Text(sentence, style="dim"), (0, 0, 0, INDENT)))

    def _line(self, actor: Text, sentence: Text) -> None:
        line = Table.grid(padding=(0, 1, 0, 0), expand=True)
        line.add_column(width=ACTOR_WIDTH, no_wrap=True)
        line.add_column(ratio=1, overflow="fold")
        line.add_row(actor, sentence)
        self.out.print(Padding(line, (0, 0, 0, INDENT)))
