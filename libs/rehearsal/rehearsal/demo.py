"""`make demo`: one market day through the real services, and what it left in the books.

It starts everything in a new folder, tells the day (rehearsal.story), and ends with the bulletin, a statement, the
reconciliation and the way of one trade. It fails if any book disagrees. Spans and logs stay in the folder; the data
does not.
"""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

from rich.text import Text

from carbonmarket_client.errors import MarketError
from carbonmarket_client.screens.days import bulletin_screens
from carbonmarket_client.screens.funds import statement_screens
from carbonmarket_client.screens.reconciliations import reconciliation_screens
from carbonmarket_client.screens.traces import tree_screens
from carbonmarket_client.spans import SpansUnreadable, TraceTree, read_trace, trace_tree
from carbonmarket_client.statement import read_statement
from rehearsal import opening
from rehearsal.books import books_screens, compare_books
from rehearsal.folder import FolderRefused, alone, begin, one_line, remove
from rehearsal.opening import NEXT_DAY
from rehearsal.people import CLEARING_OPERATOR, EXCHANGE_OPERATOR, People, china_ms
from rehearsal.processes import ChildFailed
from rehearsal.settled import NotSettled
from rehearsal.stack import SERVICES, Stack, Start, ThenFailed
from rehearsal.story import DAY, WHITE_CLOUD, Story, StoryBroken
from rehearsal.telling import Telling, console

LAST_STEP = "AllowancesReleased"
SPANS_S_MAX = 10.0
SPANS_PAUSE_S = 0.1


async def play(folder: Path, then: str = "") -> bool:
    """Play the day in a folder; return whether all books agree. `then` is run before the services stop."""
    telling = Telling(console())
    began = time.monotonic()
    telling.out.print("Starting PostgreSQL, a broker, and registry, trading and clearing as processes of their own …")
    async with Stack(folder, Start(clock=opening.CLOCK_START)) as stack, People(stack.addresses) as people:
        telling.say(", ".join(f"{service} at {address}" for service, address in stack.addresses.items()))
        story = Story(people, telling)
        for scene in (
            story.day_before,
            story.morning,
            story.listed_agreement,
            story.block_agreement,
            story.close,
            story.payout,
            story.next_morning,
        ):
            await scene()
        agree = await show_what_it_left(people, story, telling, stack)
        if then:
            await stack.then(then)
    verdict = "All books agree" if agree else "THE BOOKS DO NOT AGREE"
    result = f"{verdict}. {telling.refusals} refusals changed nothing. {time.monotonic() - began:.0f} s in all."
    telling.out.print(Text(f"\n{result}", style="bold"))
    telling.out.print(f"Spans stay in {stack.spans}/, logs in {stack.logs}/.")
    telling.out.print("`make market` keeps such a market running, for you to try.")
    return agree


async def show_what_it_left(people: People, story: Story, telling: Telling, stack: Stack) -> bool:
    """Show the bulletin, a statement, the books and a trace; return whether the books agree."""
    exchange = people.acting_as(EXCHANGE_OPERATOR).trading
    clearing = people.acting_as(CLEARING_OPERATOR).clearing
    trading_head, clearing_head = await people.head("trading"), await people.head("clearing")
    telling.scene("What the day left: the bulletin", china_ms(NEXT_DAY, opening.MORNING))
    telling.show(*bulletin_screens(await exchange.get_bulletin(DAY, min_position=trading_head)))

    telling.scene(f"The statement of {WHITE_CLOUD}", china_ms(NEXT_DAY, opening.MORNING))
    white_cloud = people.participant(WHITE_CLOUD)
    statement = await read_statement(white_cloud, WHITE_CLOUD, DAY, min_position=clearing_head)
    telling.show(*statement_screens(statement))

    telling.scene("The three books, reconciled", china_ms(NEXT_DAY, opening.MORNING))
    reconciliation = await clearing.get_reconciliation(DAY, min_position=clearing_head)
    telling.show(*reconciliation_screens(reconciliation))
    books = await compare_books(people)
    telling.show(*books_screens(books))

    telling.scene(f"The way of trade {story.traced}", china_ms(NEXT_DAY, opening.MORNING))
    trace_id = (await exchange.get_trade(story.traced, min_position=trading_head)).trade.trace_id
    telling.show(*tree_screens(await whole_tree(stack.spans, trace_id)))
    return reconciliation.reconciliation.agreed and books.agree


async def whole_tree(spans: Path, trace_id: str) -> TraceTree:
    """The tree of a trace, once all services have written their part of it. Raises StoryBroken."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SPANS_S_MAX):
            while True:
                await asyncio.sleep(SPANS_PAUSE_S)
                with contextlib.suppress(SpansUnreadable):
                    tree = trace_tree(read_trace(spans, trace_id), trace_id)
                    if tree is not None and is_whole(tree):
                        return tree
    raise StoryBroken(f"the spans of trace {trace_id} do not reach from trading over clearing and registry back")


def is_whole(tree: TraceTree) -> bool:
    """Whether every service has written its part, up to the units' release on the next morning."""
    return set(tree.services) == set(SERVICES) and any(line.span.name == LAST_STEP for line in tree.lines)


def run(folder: Path, then: str) -> int:
    """Play the demo; return the exit code. `then` is a shell command that runs before the services stop, with their
    addresses in its environment.
    """
    try:
        with alone(folder):
            begin(folder)
            try:
                return 0 if asyncio.run(play(folder, then)) else 1
            finally:
                remove(folder / "postgres")
    except (ChildFailed, MarketError, NotSettled, StoryBroken, ThenFailed, TimeoutError) as failure:
        print(f"\nThe demo ended early: {failure!r}\nWhat the processes printed is in {folder}/log/.", file=sys.stderr)
    except FolderRefused as failure:
        print(failure, file=sys.stderr)
    except OSError as failure:
        print(f"No demo in {folder}/: {one_line(failure)}", file=sys.stderr)
    return 1
