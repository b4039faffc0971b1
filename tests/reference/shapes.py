"""Lines by shape, slowly: one line after the other, from plain lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = -1


@dataclass(frozen=True)
class Line:
    """A line as it is told.

    Attributes:
        words: country of origin, programme, set indicator, FTZ status; None or "" unknown.
        numbers: tariff numbers with their dollars, None where there are none.
        day: privileged status date as a day number, None without one.
    """

    words: tuple[str | None, str | None, str | None, str | None]
    numbers: tuple[tuple[str, int | None], ...]
    day: int | None = None


@dataclass(frozen=True)
class Shape:
    """What lines of one shape have in common."""

    words: tuple[str | None, ...]
    size: int
    before: tuple[str, ...]
    valued: bool


@dataclass(frozen=True)
class Shaped:
    """The lines by shape, all by words instead of places.

    Attributes:
        shapes: in the order in which they come.
        shape: of each line.
        last: last number of each line, None without any.
        value: dollars beside it, `NOTHING` missing.
        filler: what numbers before the last have unless `beside` says more.
        beside: place among all numbers, and dollars.
        dated: place among all lines, and day.
    """

    shapes: list[Shape]
    shape: list[int]
    last: list[str | None]
    value: list[int]
    filler: int
    beside: list[tuple[int, int]]
    dated: list[tuple[int, int]]


def shaped(lines: Sequence[Line]) -> Shaped:
    """The lines by shape."""
    earlier = [_dollars(value) for line in lines for _number, value in line.numbers[:-1]]
    filler = NOTHING if earlier.count(NOTHING) > earlier.count(0) else 0
    found = Shaped([], [], [], [], filler, [], [])
    tariff = 0
    for place, line in enumerate(lines):
        others = line.numbers[:-1]
        own = [(tariff + step, _dollars(value)) for step, (_number, value) in enumerate(others)]
        own = [(at, value) for at, value in own if value != filler]
        shape = Shape(
            tuple(word or None for word in line.words),
            len(line.numbers),
            tuple(number for number, _ in others),
            bool(own),
        )
        if shape not in found.shapes:
            found.shapes.append(shape)
        found.shape.append(found.shapes.index(shape))
        found.last.append(line.numbers[-1][0] if line.numbers else None)
        found.value.append(_dollars(line.numbers[-1][1]) if line.numbers else NOTHING)
        found.beside.extend(own)
        if line.day is not None:
            found.dated.append((place, line.day))
        tariff += len(line.numbers)
    return found


def _dollars(value: int | None) -> int:
    return NOTHING if value is None else value
