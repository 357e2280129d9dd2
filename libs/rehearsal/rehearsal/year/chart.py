"""year.png: the close of every day as a line over the day's volumes, as the services' bulletins have them."""

from datetime import date
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import dates as mdates
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from carbonmarket_client.values import amount
from rehearsal.year.compare import Bulletins

INK, LISTED, BLOCK, QUIET = "#1f2933", "#2f6f8f", "#b9cfd9", "#8a949e"
SIZE_INCHES = (12, 6.75)
DOTS_PER_INCH = 150


def draw(bulletins: Bulletins, path: Path) -> None:
    """Draw the chart into a PNG file."""
    days = [date.fromisoformat(day) for day in bulletins.days]
    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK, "axes.labelcolor": INK})
    figure, (prices, volumes) = plt.subplots(
        2, 1, sharex=True, figsize=SIZE_INCHES, gridspec_kw={"height_ratios": (3, 2), "hspace": 0.08}
    )
    for instrument, closes_fen in bulletins.closes_fen.items():
        first = len(days) - len(closes_fen)
        line = [close_fen / 100 for close_fen in closes_fen]
        prices.plot(days[first:], line, color=LISTED if first == 0 else None, linewidth=1.6, label=instrument)
    prices.set_ylabel("close, CNY per tonne")
    if len(bulletins.closes_fen) > 1:
        prices.legend(frameon=False, loc="upper left")
    listed = [quantity_tonnes / 1e6 for quantity_tonnes in bulletins.listed_tonnes]
    block = [quantity_tonnes / 1e6 for quantity_tonnes in bulletins.block_tonnes]
    volumes.bar(days, block, bottom=listed, width=1.0, color=BLOCK, label="block agreement")
    volumes.bar(days, listed, width=1.0, color=LISTED, label="listed agreement")
    volumes.set_ylabel("traded, million tonnes")
    volumes.legend(frameon=False, loc="upper right")
    for axes in (prices, volumes):
        _calm(axes)
    volumes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    locator = mdates.AutoDateLocator(minticks=4, maxticks=12)
    volumes.xaxis.set_major_locator(locator)
    volumes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    _title(figure, bulletins)
    figure.savefig(path, dpi=DOTS_PER_INCH, bbox_inches="tight", facecolor="white")
    plt.close(figure)


def _calm(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.tick_params(colors=QUIET, length=0)
    axes.grid(axis="y", color="#e6eaed", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)


def _title(figure: Figure, bulletins: Bulletins) -> None:
    traded_tonnes = sum(bulletins.listed_tonnes) + sum(bulletins.block_tonnes)
    value_fen = sum(bulletins.value_fen)
    figure.text(
        0.125,
        0.945,
        f"{len(bulletins.days)} trading days, {bulletins.days[0]} to {bulletins.days[-1]}",
        fontsize=15,
        fontweight="bold",
    )
    figure.text(
        0.125,
        0.905,
        f"{bulletins.trades:,} trades, {traded_tonnes:,} tonnes, CNY {amount(value_fen)},"
        " as the services' bulletins have them",
        color=QUIET,
    )
