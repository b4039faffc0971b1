"""The tariff numbers of a partition, looked up once each: class, rank, and rate rows as flat arrays for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import readonly
from cape_engine.mass_processing.column1 import Column1Row, Column1Table
from cape_engine.rules import Ruleset
from cape_engine.rules.rate_text import resolve
from cape_engine.rules.rows import LEGAL_DIGITS, BaseRow, IeepaRow, OtherRow, Rate
from cape_engine.settings import Settings
from cape_kernels import tables as k
from cape_kernels.duty import CODE_TOPUP

SPI_FILE = "spi_codes.csv"

_HIGHEST_E9 = 10**13  # dollars ten thousand a unit: above it the kernels' bounds do not hold, and no tariff has it
_FACTOR_CODES = frozenset("ABF")  # P3 scales a quantity that has no unit to match (computation_slots.csv)
_KINDS = {"additional": k.ADDITIONAL, "replacement": k.REPLACEMENT, "exempt": k.EXEMPT}
_RANKS = {k.UNKNOWN: -1, k.BASE: 2, k.CHAPTER98: 0}
_BASE_CHAPTERS = range(1, 98)
_GENERAL, _COLUMN2 = int(k.USE_GENERAL), int(k.USE_COLUMN2)
_SPECIAL, _OWN = int(k.USE_SPECIAL), int(k.USE_OWN)


@dataclass(slots=True)
class Units:
    """Unit codes as small whole numbers, given out as they appear."""

    index: dict[str, int] = field(default_factory=dict)

    def of(self, code: str) -> int:
        """Number of a unit code; -1 (any) for a blank one."""
        if not code:
            return -1
        return self.index.setdefault(code.upper(), len(self.index))

    def of_words(self, words: Sequence[str]) -> npt.NDArray[np.int16]:
        """Number of each word of a vocabulary, and -2 at the end for a missing unit."""
        return readonly(
            np.array([self.of(word.strip()) if word and word.strip() else -2 for word in words] + [-2], np.int16)
        )


@dataclass(slots=True)
class Book:
    """Looks numbers up in the ruleset and writes them down as arrays.

    Attributes:
        ruleset: the law as dated data.
        settings: removal of exempt and borderline numbers, whole units.
        column1: the user's own column 1 rates.
        units: unit codes met so far.
        rates: rate rows so far, in the order of `tables.RATE`.
    """

    ruleset: Ruleset
    settings: Settings
    column1: Column1Table | None
    units: Units = field(default_factory=Units)
    rates: list[tuple[int, ...]] = field(default_factory=list)
    spis: dict[str, int] = field(init=False)
    _metals: frozenset[str] = field(init=False)
    _kept: frozenset[str] = field(init=False)
    _dropped: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.spis = {row.spi: place for place, row in enumerate(self.ruleset.table(SPI_FILE))}
        self._metals = frozenset(chapter for row in self.ruleset.displaced_232 for chapter in row.chapters)
        choice = self.settings.text("mass.borderline_numbers")
        inside = frozenset(row.hts_number for row in self.ruleset.borderline if row.inside)
        outside = frozenset(row.hts_number for row in self.ruleset.borderline if not row.inside)
        self._kept = inside if choice == "none" else frozenset()
        self._dropped = outside if choice == "all" else frozenset()

    def number_rows(self, vocabulary: Sequence[str]) -> npt.NDArray[Any]:
        """One record of `tables.NUMBER` for each number of a vocabulary; its rate rows are added to the book."""
        records = np.zeros(len(vocabulary), k.NUMBER)
        remove_exempt = self.settings.switch("mass.remove_exempt")
        for place, number in enumerate(vocabulary):
            kind, known, start = self._look_up(number)
            legal = number[:LEGAL_DIGITS]
            removed = k.ADDITIONAL <= kind <= k.EXEMPT and (kind != k.EXEMPT or remove_exempt)
            removed = (removed and legal not in self._kept) or (remove_exempt and legal in self._dropped)
            ieepa = self.ruleset.ieepa(number)
            records[place] = (
                kind,
                _RANKS.get(kind, 1),
                removed,
                known,
                any(row.column1_basis == "general_or_special" for row in ieepa),
                kind == k.BASE and number[:2] in self._metals,
                start,
                len(self.rates) - start,
                max((row.rate_e9 or 0 for row in ieepa), default=0),
            )
        return readonly(records)

    def rate_rows(self) -> npt.NDArray[Any]:
        """All rate rows as records of `tables.RATE`; one row that nothing names stands at the end."""
        return readonly(np.array([*self.rates, (0,) * len(k.RATE.names or ())], k.RATE))

    def _look_up(self, number: str) -> tuple[int, bool, int]:
        """(class, whether our tables know it, first rate row) of one number."""
        start = len(self.rates)
        digits = number.isascii() and number.isdigit() and len(number) in {LEGAL_DIGITS, LEGAL_DIGITS + 2}
        if not digits or number[:2] == "00":
            return k.UNKNOWN, False, start
        ieepa, other = self.ruleset.ieepa(number), self.ruleset.other(number)
        if ieepa:
            self.rates.extend(self._ieepa_row(row) for row in ieepa)
            return _KINDS[ieepa[0].kind], True, start
        if int(number[:2]) in _BASE_CHAPTERS:
            self._base_rows(number)
            return k.BASE, len(self.rates) > start, start
        self.rates.extend(self._other_row(row) for row in other)
        if number[:2] == "98":
            return k.CHAPTER98, bool(other), start
        if self.ruleset.never_existed(number):
            return k.NEVER, False, start
        block = self.ruleset.block(number)
        charges = any(row.kind == "additional" for row in other)
        if charges and block is not None and block.family == "section_122":
            return k.SECTION122, True, start
        return k.OTHER99, bool(other), start

    def _base_rows(self, number: str) -> None:
        """Rows of a chapter 1-97 number: the user's rates before the table's, then special rates and column 2."""
        rows = self.ruleset.base(number)
        own = self.column1.of(number) if self.column1 is not None else ()
        chapter = number[:2]
        for row in rows:
            span = row.from_day, row.to_day
            if not own:
                self.rates.append(self._rate_row(_GENERAL, 0, span, row.general, chapter, self._free(row)))
            self.rates.append(self._rate_row(_COLUMN2, 0, span, row.column2, chapter))
        for mine in own:
            held = [row for row in rows if row.from_day <= mine.to_day and mine.from_day <= row.to_day] or rows[:1]
            rate = self._own_rate(mine, held)
            free = self._free(held[0]) if held else 0
            self.rates.append(self._rate_row(_GENERAL, 0, (mine.from_day, mine.to_day), rate, chapter, free))
        for special in self.ruleset.special_rates(number):
            for claimed in sorted({special.spi, special.spi.rstrip("*")} & self.spis.keys()):
                if special.readable:
                    span = special.from_day, special.to_day
                    self.rates.append(self._rate_row(_SPECIAL, self.spis[claimed], span, special.rate, chapter))

    def _free(self, row: BaseRow) -> int:
        """A bit for each programme at Free."""
        return sum(1 << place for spi, place in self.spis.items() if row.free_for(spi))

    def _own_rate(self, mine: Column1Row, held: Sequence[BaseRow]) -> Rate:
        """The user's rate; a text whose units do not fit the number has no formula."""
        if mine.rate is not None:
            return mine.rate
        assert mine.parts is not None  # noqa: S101 - a row has one of the two
        units = held[0].units if held else ("", "", "")
        return resolve(mine.parts, units, self.ruleset) or Rate("X", 0, "", 0, 0, "", "", mine.parts.text, "units")

    def text_row(self, rate: Rate, number: str) -> int:
        """Add a General rate read from the export; its place."""
        self.rates.append(self._rate_row(_GENERAL, 0, (0, 0), rate, number[:2]))
        return len(self.rates) - 1

    def _rate_row(
        self, use: int, spi: int, span: tuple[int, int], rate: Rate, chapter: str, free: int = 0
    ) -> tuple[int, ...]:
        """One record of `tables.RATE`."""
        code = rate.code
        if max(rate.specific_e9, rate.ad_valorem_e9, rate.other_e9) > _HIGHEST_E9:
            code = "X"
        return (
            use,
            spi,
            ord(code),
            self._whole(rate.specific_e9, rate.specific_unit, chapter),
            self._whole(rate.other_e9, rate.other_unit, chapter),
            bool(rate.basis) and code != "K",  # degrees are what code K is about
            self.units.of(rate.specific_unit),
            -1 if code in _FACTOR_CODES else self.units.of(rate.other_unit),
            *span,
            rate.specific_e9,
            rate.ad_valorem_e9,
            rate.other_e9,
            free,
        )

    def _whole(self, rate_e9: int, unit: str, chapter: str) -> bool:
        """Whether quantities at this rate are rounded to whole units (19 CFR 159.3(b), clarification 20)."""
        return (
            self.settings.switch("mass.whole_units")
            and rate_e9 <= self.ruleset.whole_unit_limit_e9
            and chapter not in self.ruleset.whole_unit_exempt_chapters
            and unit not in self.ruleset.whole_unit_exempt_units
        )

    def _ieepa_row(self, row: IeepaRow) -> tuple[int, ...]:
        """Rate row of an IEEPA number: percentage of the value, zero, or none in force."""
        rate = 0 if row.kind == "exempt" else row.rate_e9
        return self._percent_row("X" if rate is None else "7" if rate else "0", rate or 0, row.from_day, row.to_day)

    def _other_row(self, row: OtherRow) -> tuple[int, ...]:
        """Rate row of another chapter 98 or 99 number; only percentages of the whole value are computed."""
        rule = row.rate_rule
        code = "X"
        if rule in {"exempt", "exempt_col1_ge_15"}:
            code = "0"
        elif rule.startswith("topup_") and row.rate_e9 is not None:
            code = chr(CODE_TOPUP)
        elif rule == "fixed" and row.kind == "additional" and row.rate_e9 is not None and row.hts_number[:2] == "99":
            code = "7"
        return self._percent_row(code, row.rate_e9 or 0, row.from_day, row.to_day)

    @staticmethod
    def _percent_row(code: str, rate_e9: int, from_day: int, to_day: int) -> tuple[int, ...]:
        """A row of a chapter 98 or 99 number."""
        return (_OWN, 0, ord(code), 0, 0, 0, -1, -1, from_day, to_day, 0, rate_e9, 0, 0)
