"""What is seen while a plan is played: a line per month that is over, and a bar of days below them."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from carbonmarket_client.values import amount, tonnes
from rehearsal.year.compare import Bulletins

REFRESHES_PER_SECOND = 2
HEADING = f"{'month':<9}{'days':>5}{'listed t':>14}{'block t':>15}{'value CNY':>21}{'close':>9}"


class PlayProgress:
    """Shows how far the play is; used as a context manager around it."""

    def __init__(self, console: Console, days: int) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("days  {task.fields[trades]:>6} trades  {task.fields[rate]:>4}/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=REFRESHES_PER_SECOND,
        )
        self._task = self._progress.add_task("starting", total=days, trades="0", rate="0")
        self._month = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def step(self, what: str) -> None:
        """Say what is being done before the first day."""
        if not self._console.is_terminal:
            self._console.print(f"{what} …")
        self._progress.update(self._task, description=what)

    def begin_days(self) -> None:
        """Count time from here on, for the rate and the rest."""
        self._progress.reset(self._task, trades="0", rate="0")
        self._console.print(HEADING, style="dim")

    def day_over(self, bulletins: Bulletins) -> None:
        """Show a day more; when it was the first of a month, the month before it as well."""
        day = bulletins.days[-1]
        if self._month and not day.startswith(self._month):
            self.month_over(bulletins)
        self._month = day[:7]
        elapsed_s = self._progress.tasks[0].elapsed or 1.0
        self._progress.update(
            self._task,
            advance=1,
            description=day,
            trades=f"{bulletins.trades:,}",
            rate=f"{bulletins.trades / elapsed_s:,.0f}",
        )

    def month_over(self, bulletins: Bulletins) -> None:
        """Print the line of the month that is over."""
        figures = bulletins.month(self._month)
        self._console.print(
            f"{self._month:<9}{figures['days']:>5}{tonnes(figures['listed_tonnes']):>14}"
            f"{tonnes(figures['block_tonnes']):>15}{amount(figures['value_fen']):>21}"
            f"{amount(figures['close_fen']):>9}"
        )
