"""`python -m rehearsal`: the plays of the Makefile, `demo`, `market`, `reset`, `year` and `verify`."""

import argparse
import os
import sys
from pathlib import Path

VAR = Path("var")
BUILD = Path("build")
INTERRUPTED = 130
OUTPUT_CLOSED = 141


def main() -> None:
    """Read the command line, play, and exit with how it went."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description="Play the market on this machine.")
    plays = parser.add_subparsers(dest="play", required=True, metavar="PLAY")
    demo = plays.add_parser("demo", help="play one market day and show what it left in the books")
    demo.add_argument(
        "--folder", type=Path, default=BUILD / "demo", help="what it leaves behind (default: %(default)s)"
    )
    for name, does in (
        ("market", "keep a market running until Ctrl-C"),
        ("reset", "clear the data of that market"),
        ("verify", "check the digest chain of that market's logs, and what others heard of them"),
    ):
        kept = plays.add_parser(name, help=does)
        kept.add_argument("--folder", type=Path, default=VAR, help="the market's data (default: %(default)s)")
    year = plays.add_parser("year", help="play the market's first 356 trading days")
    year.add_argument("--plan", type=Path, help="play the daily rows of this CSV file instead")
    year.add_argument(
        "--previous-close",
        type=previous_close,
        action="append",
        default=[],
        metavar="CEA=55.00",
        help="an instrument's close in CNY before its first day in the file (default: nearest to its open)",
    )
    year.add_argument("--months", type=whole_months, help="play only the first so many months")
    year.add_argument("--folder", type=Path, default=BUILD, help="where its results go (default: %(default)s)")
    for audited in (demo, year):
        audited.add_argument(
            "--then", default="", help="a shell command to run before the services stop; it must succeed"
        )
    chosen = parser.parse_args()
    try:
        sys.exit(play(chosen))
    except KeyboardInterrupt:
        print("Stopped; every process it started has ended.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read has had enough; every process has ended. What still waits in the buffer is not written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(OUTPUT_CLOSED)


def whole_months(text: str) -> int:
    """Read a number of months. Raises ArgumentTypeError."""
    # Imported where it is needed, as the plays are.
    from carbonmarket_client.values import NotANumber, number_of

    try:
        return number_of(text, 1)
    except NotANumber as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of months: write 1 or more") from error


def previous_close(text: str) -> tuple[str, int]:
    """Read an instrument and its close. Raises ArgumentTypeError."""
    instrument, equals, price = text.partition("=")
    if not instrument or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not a previous close: write it like CEA=55.00")
    # Imported where it is needed, as the plays are.
    from carbonmarket_client.values import fen_of

    try:
        return instrument, fen_of(price)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a previous close: {error}") from error


def play(chosen: argparse.Namespace) -> int:
    """Each play is imported when it is chosen: none waits for what another needs."""
    match chosen.play:
        case "demo":
            from rehearsal import demo

            return demo.run(chosen.folder, chosen.then)
        case "year":
            from rehearsal.year import main as year

            return year.run(chosen.folder, chosen.plan, chosen.months, dict(chosen.previous_close), chosen.then)
        case "verify":
            from rehearsal import verify

            return verify.run(chosen.folder)
        case "reset":
            from rehearsal import market

            return market.reset(chosen.folder)
        case _:
            from rehearsal import market

            return market.run(chosen.folder)


if __name__ == "__main__":
    main()
