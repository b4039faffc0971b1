"""The rows of a large rule file by tariff number, none of them cut into cells before somebody asks for its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cape_engine.rules.read import Raw, cut


class ByNumber:
    """Rows by the number that each begins with."""

    def __init__(self, lines: Sequence[int], rows: list[Raw]) -> None:
        numbers = [row[: row.index(",")] if isinstance(row, str) else row[0] for row in rows]
        self._lines, self._rows = lines, rows
        # Nearly every number has one row: one pass that keeps the last of each, and one over what is left over.
        self._last = dict(zip(numbers, range(len(rows)), strict=True))
        self._before: dict[str, list[int]] = {}
        if len(self._last) < len(rows):
            for place, number in enumerate(numbers):
                if self._last[number] != place:
                    self._before.setdefault(number, []).append(place)

    @property
    def repeated(self) -> Sequence[str]:
        """Numbers with more than one row, in the order of their first."""
        return tuple(self._before)

    def __iter__(self) -> Iterator[str]:
        """Every number once, in the order of its first row."""
        return iter(self._last)

    def __contains__(self, number: str) -> bool:
        """Whether a number has a row."""
        return number in self._last

    def get(self, number: str) -> list[tuple[int, Sequence[str]]]:
        """Line and cells of each row of a number, in the order of the file; none for a number that is not there."""
        last = self._last.get(number)
        if last is None:
            return []
        return [(self._lines[place], cut(self._rows[place])) for place in (*self._before.get(number, ()), last)]
