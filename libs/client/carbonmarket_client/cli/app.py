"""The root of the command line: global options, how a command runs, what its exit code means."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Generic, TypeVar

import click
from click.core import ParameterSource
from google.protobuf.message import Message
from rich.console import Console, RenderableType
from rich.text import Text

from carbonmarket_client import values
from carbonmarket_client.cli.failures import DONE, exit_code, plain_error, worded
from carbonmarket_client.cli.output import OUTPUT_CLOSED, QuietConsole, forget_output
from carbonmarket_client.cli.plain import as_json, plain
from carbonmarket_client.cli.proposing import Proposed, ProposingLink
from carbonmarket_client.errors import MarketError, NotConfigured
from carbonmarket_client.link import DEADLINE_S, Link, new_request_id
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.screens.layout import WIDTH
from carbonmarket_client.screens.pending import another_approves
from carbonmarket_client.service import Page, pages
from carbonmarket_client.settings import ACTOR_VARIABLE, Settings, address_variable

INTERRUPTED = 130

EXAMPLES = """\
Examples:
  $ export CARBONMARKET_TRADING_ADDRESS=127.0.0.1:7002 CARBONMARKET_ACTOR=participant:power-0007
  $ carbonmarket book CEA --watch
  $ carbonmarket orders place CEA sell 1,000 51.23
  $ carbonmarket --json trades | jq '.trades[0].price_fen'
"""

EXIT_CODES = """\
Exit codes:
  0  done
  1  refused: nothing was changed
  2  the command line is wrong, or an address or the actor is missing
  3  no answer: the service is away or accepts no more at the moment
  4  refused: it does not exist
  5  refused: this actor may not do it
  6  an error of the service itself, or a log, feed or proof that does not hold
  130  interrupted before there was an answer
  141  the reader of the output closed it
"""

SENTENCE_MAX = 1_000
"""Characters of a command's first sentence in its group's help: all of it."""

HELP_WIDTH = min(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns)

ORDER = (
    *("status", "pending", "clock", "accounts", "vintages", "holdings", "funds", "deposits", "payouts", "banks"),
    *("instruments", "rules", "days", "book", "orders", "blocks", "trades", "bulletins"),
    *("obligations", "runs", "statements", "reconciliations", "events", "forks", "supply", "proof", "trace"),
)
"""The nouns as `--help` lists them: who and what there is, the market, settlement, and what happened."""

T = TypeVar("T")
P = TypeVar("P", bound=Page)
F = TypeVar("F", bound=Callable[..., Awaitable[None]])


@dataclass(slots=True)
class Session:
    """One run of the command line: who, where, and how to show it."""

    settings: Settings
    deadline_s: float = DEADLINE_S
    given_again: bool = False
    json: bool = False
    propose: bool = False
    """Whether the command is proposed instead of given."""
    endless: bool = False
    """Whether the command shows what happens until it is interrupted."""

    @property
    def console(self) -> Console:
        """Standard output, as wide as the terminal, or WIDTH where there is none."""
        return QuietConsole(width=None if sys.stdout.isatty() else WIDTH, highlight=False, soft_wrap=False)

    def show(self, answer: Message | dict[str, Any] | list[Any], *screens: RenderableType) -> None:
        """Print an answer: the message as JSON for programs, else the screens for people, a blank line between them."""
        if self.json:
            print(as_json(plain(answer) if isinstance(answer, Message) else answer))
            return
        for place, screen in enumerate(screens):
            if place:
                self.console.print()
            self.console.print(screen)

    def done(self, answer: Message, request_id: str, sentence: str) -> None:
        """Print what a command did."""
        self.show({"request_id": request_id, **plain(answer)}, Text(sentence))

    def account(self, account: str | None) -> str:
        """The account named, or the caller's own. Raises NotConfigured where there is no own one."""
        if account:
            return account
        role, _, name = self.settings.caller().partition(":")
        if role in ("participant", "province"):
            return name
        raise NotConfigured(f"name an ACCOUNT: {self.settings.actor} has none of its own")

    def own_or_all(self, account: str | None) -> str:
        """The account named, or a participant's own, or empty, which asks for everybody's."""
        role, _, name = self.settings.caller().partition(":")
        return account or (name if role in ("participant", "province") else "")

    def run(self, command: Callable[["CarbonMarket", "Session"], Awaitable[None]]) -> int:
        """Run a command against the market and return its exit code."""

        async def inside() -> None:
            link = ProposingLink if self.propose else Link
            connected = CarbonMarket(
                self.settings,
                deadline_s=self.deadline_s,
                begin_traces=True,
                given_again=self.given_again,
                link=link,
            )
            async with connected as market:
                await command(market, self)

        try:
            asyncio.run(inside())
        except Proposed as proposed:
            self.done(proposed.answer, proposed.request_id, another_approves(proposed.service, proposed.answer))
        except MarketError as error:
            self.explain(error)
            return exit_code(error)
        except KeyboardInterrupt:
            return DONE if self.endless else INTERRUPTED
        except BrokenPipeError:
            forget_output()
            return OUTPUT_CLOSED
        return DONE

    def explain(self, error: MarketError) -> None:
        """Say what went wrong and how to fix it: as JSON on standard output for programs, else in words on
        standard error.
        """
        if self.json:
            print(as_json({"error": plain_error(error)}))
            return
        Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH, highlight=False).print(worded(error))


# How what people type is read.


class _Read(click.ParamType[T], Generic[T]):
    """A parameter that `values` reads; what it cannot read is a wrong command line."""

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        self.name = name
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        if not isinstance(value, str):
            given: T = value
            return given
        try:
            return self.read(value)
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


def numbers_from(low: int, high: int) -> _Read[int]:
    return _Read("NUMBER", lambda text: values.number_of(text, low, high))


NUMBER = numbers_from(-(2**63), 2**63 - 1)
SMALL_NUMBER = numbers_from(-(2**31), 2**31 - 1)
"""What a message's field can carry; what the market makes of it is its own business."""
COUNT = numbers_from(0, 2**63 - 1)
SMALL_COUNT = numbers_from(0, 2**31 - 1)
PICTURES = numbers_from(1, 2**31 - 1)
DEADLINE_SECONDS = numbers_from(1, 600)
CNY = _Read("CNY", values.fen_of)
TONNES = _Read("TONNES", values.tonnes_of)
DAY = _Read("DAY", values.day_of)
TIME = _Read("TIME", values.ms_of)
SIDE = click.Choice(["buy", "sell"])


# How commands are declared.


class _NothingEmpty(click.Command):
    """A command that refuses an argument or option that is given and empty, as a variable of the shell is that was
    never set: taken as left out, `--account "$ACCOUNT"` would act for the caller, and `--request-id "$ID"` would be new
    each time.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            name = parameter.name or ""
            if ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
                continue
            given = ctx.params.get(name)
            if given == "" or (isinstance(given, tuple) and "" in given):
                raise click.BadParameter("it is empty; leave it out, or give a value.", ctx=ctx, param=parameter)
        return rest


class _WithExamples(_NothingEmpty):
    """A command whose help ends with examples, printed as they are."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            formatter.write("\nExamples:\n" + "".join(f"  $ {example}\n" for example in self.examples))


class _WithCommands(_NothingEmpty, click.Group):
    """A group whose help has the first sentence of each command whole, in as many lines as it takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed = [(name, self.commands[name].get_short_help_str(SENTENCE_MAX)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(listed)


class Noun(_WithCommands):
    """Commands about one noun. The noun alone, or followed by no known verb, is its first command: the one that
    shows.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        shows = self.commands[next(iter(self.commands))]
        takes_a_name = any(isinstance(parameter, click.Argument) for parameter in shows.params)
        first = args[0] if args else ""
        verb_follows = first in self.commands or first in ("--help", "-h")
        if not verb_follows and (not first or first.startswith("-") or takes_a_name):
            assert shows.name is not None
            args = [shows.name, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shows = next(iter(self.commands))
        examples = [
            example
            for command in self.commands.values()
            if isinstance(command, _WithExamples)
            for example in command.examples[:1]
        ]
        formatter.write(f"\nWithout a verb: {shows}.\n\nExamples:\n")
        formatter.write("".join(f"  $ {example}\n" for example in examples))


def _set_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        _session(ctx).json = True


def _set_propose(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        _session(ctx).propose = True


def _session(ctx: click.Context) -> Session:
    session = ctx.find_object(Session)
    assert session is not None, "the root command makes the session"
    return session


def command(group: click.Group, name: str, examples: Sequence[str]) -> Callable[[F], click.Command]:
    """Declare an async command `(market, session, **options)` of a group, with its examples."""

    def declare(function: F) -> click.Command:
        @wraps(function)
        def run(**options: Any) -> None:
            context = click.get_current_context()
            session = _session(context)
            code = session.run(lambda market, session: function(market, session, **options))
            if code == INTERRUPTED and "request_id" in options:
                again = f"Repeat it with --request-id {options['request_id']}: it is done once at most."
                click.echo(f"Interrupted before there was an answer. {again}", err=True)
            context.exit(code)

        with_json = click.option(
            "--json", is_flag=True, expose_value=False, is_eager=True, callback=_set_json, help="Print JSON."
        )
        declared: click.Command = group.command(name, cls=_WithExamples, examples=examples)(with_json(run))
        return declared

    return declare


def request_id_option(function: F) -> F:
    """The options of every command that changes something. A new id is made when none is given."""
    with_propose = click.option(
        "--propose",
        is_flag=True,
        expose_value=False,
        callback=_set_propose,
        help="Only propose it (commands of operators): another person approves it.",
    )(function)
    return click.option(
        "--request-id",
        default=new_request_id,
        show_default="a new one",
        help="Makes the command idempotent: repeated under the same id it is done once.",
    )(with_propose)


def limit_option(function: F) -> F:
    return click.option("--limit", type=COUNT, default=50, show_default=True, help="Rows at most; 0 for all.")(function)


ROWS_IN_A_PAGE = 1_000


async def gathered(read: Callable[[int, str], Awaitable[P]], field: str, limit: int) -> P:
    """An answer of so many rows (0: of all), put together from as many pages as it takes.

    `read` takes a page size and a page token. next_page_token stays set where rows were left out.
    """
    whole: P | None = None
    left = limit

    async def page_after(token: str) -> P:
        return await read(min(left or ROWS_IN_A_PAGE, ROWS_IN_A_PAGE), token)

    async for page in pages(page_after):
        if whole is None:
            whole = page
        else:
            getattr(whole, field).extend(getattr(page, field))
            whole.next_page_token = page.next_page_token
        left = limit - len(getattr(whole, field))
        if limit and left <= 0:
            break
    assert whole is not None
    return whole


class _Root(_WithCommands):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.commands, key=ORDER.index)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"\n{EXAMPLES}\n{EXIT_CODES}")


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "terminal_width": HELP_WIDTH})
@click.option("--registry", metavar="HOST:PORT", help=f"Where the registry is; else {address_variable('registry')}.")
@click.option("--trading", metavar="HOST:PORT", help=f"Where trading is; else {address_variable('trading')}.")
@click.option("--clearing", metavar="HOST:PORT", help=f"Where clearing is; else {address_variable('clearing')}.")
@click.option("--as", "actor", metavar="ROLE:NAME", help=f"Who is calling; else {ACTOR_VARIABLE}.")
@click.option("--deadline", type=DEADLINE_SECONDS, default=15, show_default=True, help="Seconds for each call.")
@click.option(
    "--given-again",
    is_flag=True,
    help="Sends a command again that was lost when the service was restored from an older backup.",
)
@click.option("--json", is_flag=True, help="Print JSON, for programs; every command takes it too.")
@click.pass_context
def cli(
    ctx: click.Context,
    registry: str | None,
    trading: str | None,
    clearing: str | None,
    actor: str | None,
    deadline: int,
    given_again: bool,
    json: bool,
) -> None:
    """See and use the carbon market: allowances, money, orders, trades, and how they settle.

    Money is CNY, written 51.23 or 1,051.23; quantities are whole tonnes, written 1000 or 1,000; days and times are
    China time.
    """
    settings = Settings.gathered(registry, trading, clearing, actor)
    ctx.obj = Session(settings, deadline_s=deadline, given_again=given_again, json=json)
