"""Draws the figures of `make bench-peers` as a chart: `python benchmarks/chart.py docs/charts/peers.json`.

The picture stands beside the figures, as SVG with the same name; the same figures give the same bytes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = {"cape": "#1b6e53", "store": "#8aa1b4", "best": "#c2a878"}
"""Ours, and the opponents by the layout they read."""
LABELS = {"store": "same Parquet files", "best": "flat rows made for them"}


def chart(measurements: list[dict[str, Any]]) -> Figure:
    """One panel per size: a bar per engine and layout, millions of tariff rows a second.

    Args:
        measurements: as `make bench-peers` writes them.
    """
    sizes = sorted({int(one["rows"]) for one in measurements})
    figure = Figure(figsize=(9, 1.1 + 2.6 * len(sizes)), layout="constrained")
    for place, size in enumerate(sizes, start=1):
        axes = figure.add_subplot(len(sizes), 1, place)
        own = sorted((one for one in measurements if one["rows"] == size), key=lambda one: one["rows_per_second"])
        for at, one in enumerate(own):
            ours = one["engine"] == "cape"
            speed = one["rows_per_second"] / 1e6
            axes.barh(at, speed, color=COLOURS["cape" if ours else one["layout"]])
            behind = "" if ours else f"  ({one['ratio']:.1f} times our time)"
            axes.text(speed, at, f" {speed:.2f}{behind}", va="center", fontsize=8)
        names = [
            one["engine"] if one["engine"] == "cape" else f"{one['engine']}, {LABELS[one['layout']]}" for one in own
        ]
        axes.set_yticks(range(len(own)), names, fontsize=8)
        axes.set_xlim(0, max(one["rows_per_second"] for one in own) / 1e6 * 1.1)
        axes.set_title(f"{size / 1e6:,.0f} million tariff rows", loc="left", fontsize=10)
        axes.set_xlabel("million tariff rows a second", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    """Draw one file of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", type=Path, help="JSON that `make bench-peers` wrote")
    given = parser.parse_args()
    record = json.loads(given.figures.read_text(encoding="utf-8"))
    # Without these the file would carry the day and random names, and differ each time.
    mpl.rcParams["svg.hashsalt"] = "cape_engine"
    mpl.rcParams["svg.fonttype"] = "none"
    chart(record["measurements"]).savefig(given.figures.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
