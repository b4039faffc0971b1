"""A chart of money by day as one SVG picture, without outside parts; the same figures give the same bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from cape_engine.money import cents_text

COLOURS = ("#1b6e53", "#c2a878", "#8aa1b4")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 960, 320, 150, 40, 50
_GRID = 4


def day_chart(title: str, days: Sequence[dt.date], series: Mapping[str, Sequence[int]]) -> str:
    """Bars by day, the series of a day on top of each other.

    Args:
        title: stands above it.
        days: in ascending order.
        series: cents of each day by name, at least 0; at most three of them.
    """
    top = max((sum(values) for values in zip(*series.values(), strict=True)), default=0)
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    parts += _grid(top)
    parts += _bars(days, series, top)
    for place, name in enumerate(series):
        x = _LEFT + 120 * place
        parts.append(f'<rect x="{x}" y="{_HEIGHT - 14}" width="10" height="10" fill="{COLOURS[place]}"/>')
        parts.append(f'<text x="{x + 15}" y="{_HEIGHT - 5}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _grid(top: int) -> list[str]:
    """Lines with the dollars that they stand for."""
    height = _HEIGHT - _TOP - _BOTTOM
    parts = []
    for step in range(_GRID + 1):
        y = _TOP + height - height * step // _GRID
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - 10}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{cents_text(top * step // _GRID)}</text>')
    return parts


def _bars(days: Sequence[dt.date], series: Mapping[str, Sequence[int]], top: int) -> list[str]:
    """The bars with a title each, and a date below some of them."""
    if not days or not top:
        return []
    height, begin = _HEIGHT - _TOP - _BOTTOM, days[0].toordinal()
    span = days[-1].toordinal() - begin + 1
    step = (_WIDTH - _LEFT - 10) / span
    parts, written = [], -1.0
    for place, day in enumerate(days):
        x, bottom = _LEFT + (day.toordinal() - begin) * step, float(_TOP + height)
        for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
            size = height * values[place] / top
            bottom -= size
            words = f"{day}: {name} {cents_text(values[place])}"
            parts.append(
                f'<rect x="{x:.1f}" y="{bottom:.1f}" width="{max(step - 1, 0.5):.1f}" height="{size:.1f}" '
                f'fill="{colour}"><title>{escape(words)}</title></rect>'
            )
        if x >= written:
            parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 34}">{day:%m-%d}</text>')
            written = x + 48
    return parts
