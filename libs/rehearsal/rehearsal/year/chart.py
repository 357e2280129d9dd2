"""year.png: the close of every day as a line over the day's volumes, as the services' bulletins have them."""

from collections.abc import Sequence
from datetime import date
from itertools import cycle
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carbonmarket_client.values import amount
from rehearsal.year.compare import Bulletins

DAYS_LABELLED_MAX = 25
TICKS_MAX = 12
BAR_WIDTH = 1.0
INK, LISTED, BLOCK, QUIET = "#1f2933", "#2f6f8f", "#b9cfd9", "#8a949e"
COLOURS = (LISTED, "#c07b2c", "#5b8c5a", "#8c5a86", "#4d4d4d")
SIZE_INCHES = (12, 6.75)
DOTS_PER_INCH = 150


def draw(bulletins: Bulletins, path: Path) -> None:
    """Draw the chart into a PNG file; trading days follow each other without gaps for other days."""
    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK, "axes.labelcolor": INK})
    figure, (prices, volumes) = plt.subplots(
        2, 1, sharex=True, figsize=SIZE_INCHES, gridspec_kw={"height_ratios": (3, 2), "hspace": 0.08}
    )
    count = len(bulletins.days)
    for (instrument, closes_fen), colour in zip(bulletins.closes_fen.items(), cycle(COLOURS)):
        first = count - len(closes_fen)
        closes = [close_fen / 100 for close_fen in closes_fen]
        prices.plot(range(first, count), closes, color=colour, linewidth=1.6, label=instrument)
    prices.set_ylabel("close, CNY per tonne")
    if len(bulletins.closes_fen) > 1:
        prices.legend(frameon=False, loc="upper left")
    listed = [quantity_tonnes / 1e6 for quantity_tonnes in bulletins.listed_tonnes]
    block = [quantity_tonnes / 1e6 for quantity_tonnes in bulletins.block_tonnes]
    volumes.bar(range(count), block, bottom=listed, width=BAR_WIDTH, color=BLOCK, label="block agreement")
    volumes.bar(range(count), listed, width=BAR_WIDTH, color=LISTED, label="listed agreement")
    volumes.set_ylabel("traded, million tonnes")
    volumes.legend(frameon=False, loc="upper right")
    for axes in (prices, volumes):
        _calm(axes)
    places = tick_places(bulletins.days)
    volumes.set_xticks(places, [tick_label(bulletins.days[place], count) for place in places])
    _title(figure, bulletins)
    figure.savefig(path, dpi=DOTS_PER_INCH, bbox_inches="tight", facecolor="white")
    plt.close(figure)


def tick_places(days: Sequence[str]) -> list[int]:
    """Where the axis is labelled: at the first trading day of months, or at single days where there are few."""
    places = list(range(len(days)))
    if len(days) > DAYS_LABELLED_MAX:
        places = [place for place in places if place == 0 or days[place][:7] != days[place - 1][:7]]
    return places[:: 1 + (len(places) - 1) // TICKS_MAX]


def tick_label(day: str, count: int) -> str:
    """`Jul 2021`, or `07-16` where single days are labelled."""
    return f"{date.fromisoformat(day):%b %Y}" if count > DAYS_LABELLED_MAX else day[5:]


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
