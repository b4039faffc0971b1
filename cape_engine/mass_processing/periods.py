"""The days on which a rule begins or ends, and what words of a line mean in each period between them."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from cape_engine.bridge import NO_DAY, Int8s, Int32s, readonly
from cape_engine.dates import OPEN_END, OPEN_START, date_of, day_number
from cape_engine.mass_processing.column1 import Column1Table
from cape_engine.rules import Ruleset
from cape_kernels import tables as k

SPI_FILE = "spi_codes.csv"
_UNDATED = 0  # period of a line without a rate date


class Periods:
    """Period 0 is that of no day; the others follow each other and together hold every day.

    Only the chapter 1-97 table has days that are not among ours: four of its eleven thousand numbers changed, and
    reading all of them for that would take longer than a small run.

    Attributes:
        count: how many there are.
        programmes: place of each special programme.
    """

    def __init__(self, ruleset: Ruleset, column1: Column1Table | None) -> None:
        self._ruleset = ruleset
        spans = [(row.from_day, row.to_day) for row in (*ruleset.ieepa_rows, *ruleset.other_rows)]
        spans += [(row.from_day, row.to_day) for row in (*ruleset.column2_countries, *ruleset.displaced_232)]
        if column1 is not None:
            spans += [(row.from_day, row.to_day) for rows in column1.rows.values() for row in rows]
        starts = {start for start, _ in spans} | {end + 1 for _, end in spans}
        programmes = ruleset.table(SPI_FILE)
        for row in programmes:
            starts |= {day_number(day) for day in (row.starts, row.lapsed_from) if day is not None}
            if row.lapsed_to is not None:
                starts.add(day_number(row.lapsed_to) + 1)
        self._starts = sorted(day for day in starts if OPEN_START < day <= OPEN_END)
        self.count = len(self._starts) + 2
        self.programmes = {row.spi: place for place, row in enumerate(programmes)}
        first, last = (self._starts[0], self._starts[-1]) if self._starts else (0, 0)
        self._day_before = first - 1
        days = np.arange(first - 1, last + 1)
        self._of_days = (np.searchsorted(self._starts, days, side="right") + 1).astype(np.int32)
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], Int8s] = {}

    def of_day(self, day: int) -> int:
        """Period of one day number."""
        return int(self.of_days(np.array([day], np.int32))[0])

    def of_days(self, days: Int32s) -> Int32s:
        """Period of each day number (int32), 0 for `NO_DAY`."""
        last = len(self._of_days) - 1
        places = np.clip(days.astype(np.int64) - self._day_before, 0, last)
        return readonly(np.where(days == NO_DAY, np.int32(_UNDATED), self._of_days[places]))

    def cover(self, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether all those spans begin and end where periods do."""
        ours = {*self._starts, OPEN_START, OPEN_END + 1}
        return all(start in ours and end + 1 in ours for start, end in spans)

    def chosen(self, spans: Sequence[tuple[int, int]], first: int) -> list[int]:
        """For each period `first` plus the place of the first span that holds it, -1 for none and for no day."""
        rows = [-1] * self.count
        for place in range(len(spans) - 1, -1, -1):
            start, end = spans[place]
            low = 1 + bisect_left(self._starts, start + 1) if start > OPEN_START else 1
            high = 2 + bisect_left(self._starts, end + 1) if end < OPEN_END else self.count
            rows[low:high] = [first + place] * (high - low)
        return rows

    # --- words of a line ----------------------------------------------------------------------------------------------

    def origins(self, words: Sequence[str]) -> tuple[Int8s, Int32s]:
        """(`tables.Law.origins`, what each country of a vocabulary is there; the last is what no country is)."""
        return self._table("origin", words, 0, self._origin)

    def spis(self, words: Sequence[str]) -> tuple[Int8s, Int32s]:
        """(`tables.Law.spis`, what each programme is there, as for `origins`).

        Unknown or not in force on the day: `SPI_UNKNOWN`.
        """
        return self._table("spi", words, k.SPI_NONE, self._programme)

    def _table(
        self, kind: str, words: Sequence[str], nothing: int, made: Callable[[str], Sequence[int]]
    ) -> tuple[Int8s, Int32s]:
        """(distinct rows side by side for each period, which of them each word and no word has)."""
        none = np.full(self.count, nothing, np.int8)
        rows, place = [none], {none.tobytes(): 0}
        which = []
        with self._lock:
            for word in words:
                row = self._rows.get((kind, word))
                if row is None:
                    row = self._rows[kind, word] = np.array(made(word.strip().upper()), np.int8)
                which.append(place.setdefault(row.tobytes(), len(rows)))
                if which[-1] == len(rows):
                    rows.append(row)
        return readonly(np.stack(rows, axis=1).reshape(-1)), readonly(np.array([*which, 0], np.int32))

    def _days(self) -> list[int]:
        """A day of each period: `NO_DAY`, the day before the first start, every start."""
        return [NO_DAY, self._day_before, *self._starts]

    def _origin(self, country: str) -> list[int]:
        """Column 2 (also without a day) and displaced 232 (handbook 5.7) of a country in each period."""
        column2 = [row for row in self._ruleset.column2_countries if row.country == country]
        displaced = []
        for row in self._ruleset.displaced_232:
            ieepa = (ieepa for ieepa in self._ruleset.ieepa_rows if ieepa.program == row.program)
            if any(country in each.countries for each in ieepa):
                displaced.append(row)
        bits = []
        for day in self._days():
            second = any(day == NO_DAY or row.from_day <= day <= row.to_day for row in column2)
            beside = any(row.from_day <= day <= row.to_day for row in displaced)
            bits.append(k.ORIGIN_COLUMN2 * second + k.ORIGIN_DISPLACED * beside)
        return bits

    def _programme(self, spi: str) -> list[int]:
        """Place of a programme in each period."""
        if not spi:
            return [k.SPI_NONE] * self.count
        place, row = self.programmes.get(spi, k.SPI_UNKNOWN), self._ruleset.spi(spi)
        if row is None or (row.starts is None and row.lapsed_from is None):
            return [place] * self.count
        return [place if day == NO_DAY or row.in_force(date_of(day)) else k.SPI_UNKNOWN for day in self._days()]
