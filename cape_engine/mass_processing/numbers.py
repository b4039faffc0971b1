"""Tariff numbers looked up once each in a run: class, rulings by period and rate rows as arrays for the kernel."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import Int32s, readonly
from cape_engine.dates import OPEN_END, OPEN_START, day_number
from cape_engine.mass_processing.column1 import Column1Row, Column1Table
from cape_engine.mass_processing.growing import Growing
from cape_engine.mass_processing.periods import Periods
from cape_engine.mass_processing.records import percent_row, ruling
from cape_engine.mass_processing.unit_numbers import Units
from cape_engine.rules import Ruleset
from cape_engine.rules.rate_text import resolve
from cape_engine.rules.rows import LEGAL_DIGITS, BaseRow, IeepaRow, OtherRow, Rate
from cape_engine.settings import Settings
from cape_kernels import status as s
from cape_kernels import tables as k
from cape_kernels.duty import CODE_TOPUP

_HIGHEST_E9 = 10**13  # dollars ten thousand a unit: above it the kernels' bounds do not hold, and no tariff has it
_PLAIN_E9 = 2**31  # below it a percentage times a value of int32 fits 63 bits
_FACTOR_CODES = frozenset("ABF")  # P3 scales a quantity that has no unit to match (computation_slots.csv)
_FORMULA_CODES = frozenset(map(ord, "123456ABDEFJK"))  # take a quantity
_PERCENT_CODES = frozenset({ord("7"), CODE_TOPUP})
_FREE_CODE = ord("0")
_KINDS = {"additional": k.ADDITIONAL, "replacement": k.REPLACEMENT, "exempt": k.EXEMPT}
_BASE_CHAPTERS = range(1, 98)
_GENERAL, _COLUMN2 = int(k.USE_GENERAL), int(k.USE_COLUMN2)
_SPECIAL = int(k.USE_SPECIAL)
_FIELDS = k.RATE.names or ()
_CODE, _ON_BASIS, _FROM, _TO, _P2 = (
    _FIELDS.index(name) for name in ("code", "on_basis", "valid_from", "valid_to", "p2_e9")
)
_NO_ROW = -1
_ALWAYS = OPEN_START, OPEN_END


@dataclass(frozen=True, slots=True)
class _Number:
    """What a number is on every day.

    Attributes:
        kind: class of `tables`. place: of its rate rows. removed: whether it is removed. start, count: its rate rows.
        highest_e9: highest rate of an IEEPA number.
    """

    kind: int
    place: int
    removed: bool
    start: int
    count: int
    highest_e9: int


@dataclass(slots=True)
class Book:
    """Looks numbers up in the ruleset and writes them down as arrays that only grow; threads may share it.

    Attributes:
        ruleset: the law as dated data.
        settings: removal of exempt and borderline numbers, whole units.
        column1: the user's own column 1 rates.
        as_of: filing day, whose column 1 rates hold where the rate date is unknown.
        periods: days between which no ruling changes.
        units: unit codes met so far.
    """

    ruleset: Ruleset
    settings: Settings
    column1: Column1Table | None
    as_of: dt.date
    periods: Periods = field(init=False)
    units: Units = field(default_factory=Units)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[str, int] = field(default_factory=dict)
    _measured: set[str] = field(default_factory=set)
    _texts: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    _frees: dict[Collection[str], int] = field(default_factory=dict)
    _rates: list[tuple[int, ...]] = field(default_factory=list)
    _rate_array: Growing = field(default_factory=lambda: Growing(k.RATE))
    _numbers: Growing = field(default_factory=lambda: Growing(k.NUMBER))
    _rulings: Growing = field(default_factory=lambda: Growing(k.RULING))
    _metals: frozenset[str] = field(init=False)
    _remove_exempt: bool = field(init=False)
    _whole_units: bool = field(init=False)
    _kept: frozenset[str] = field(init=False)
    _dropped: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.periods = Periods(self.ruleset, self.column1)
        self._metals = frozenset(chapter for row in self.ruleset.displaced_232 for chapter in row.chapters)
        choice = self.settings.text("mass.borderline_numbers")
        inside = frozenset(row.hts_number for row in self.ruleset.borderline if row.inside)
        outside = frozenset(row.hts_number for row in self.ruleset.borderline if not row.inside)
        self._kept = inside if choice == "none" else frozenset()
        self._dropped = outside if choice == "all" else frozenset()
        self._remove_exempt = self.settings.switch("mass.remove_exempt")
        self._whole_units = self.settings.switch("mass.whole_units")
        self._place_of("")  # ruling 0 is that of no number

    @property
    def apart(self) -> bool:
        """Whether what is removed are not just the IEEPA numbers, all of them."""
        return bool(self._kept or self._dropped) or not self.settings.switch("mass.remove_exempt")

    def places(self, vocabulary: Sequence[str]) -> tuple[Int32s, Int32s]:
        """(`tables.Law.place` of each number, a missing one at the end; those of which a rate takes a quantity).

        Args:
            vocabulary: tariff numbers; new ones are looked up.
        """
        with self._lock:
            found = list(map(self._known.get, vocabulary))
            if None in found:
                found = [self._number(number) for number in vocabulary]
        known = np.array([*found, 0], np.int32)
        return readonly(known >> 1), readonly(np.flatnonzero(known & 1).astype(np.int32))

    def tables(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """All rows of `tables.RULING`, `tables.NUMBER` and `tables.RATE` so far."""
        with self._lock:
            self._rate_array.extend(self._rates[len(self._rate_array) :])
            arrays = self._rulings.rows(), self._numbers.rows(), self._rate_array.rows()
        rulings, numbers, rates = map(readonly, arrays)
        return rulings, numbers, rates

    def unit_numbers(self, words: Sequence[str]) -> npt.NDArray[np.int16]:
        """See `Units.of_words`."""
        with self._lock:
            return self.units.of_words(words)

    def text_row(self, number: str, text: str, read: Any) -> tuple[int, str]:
        """(rate row of an export's text for a number or -1, finding about it or nothing), worked out once.

        Args:
            number: tariff number.
            text: column 1 rate as the export prints it.
            read: gives the rate, or None, and the finding.
        """
        with self._lock:
            found = self._texts.get((number, text))
            if found is None:
                rate, finding = read(self, number, text)
                row = _NO_ROW
                if rate is not None:
                    row = len(self._rates)
                    self._rates.append(self._rate_row(_GENERAL, 0, (0, 0), rate, number[:2]))
                found = self._texts[number, text] = row, finding
            return found

    def _number(self, number: str) -> int:
        """Twice the place of a number, and one more if a rate of it takes a quantity."""
        known = self._known.get(number)
        if known is None:
            place = self._place_of(number)
            known = self._known[number] = 2 * place + (number in self._measured)
        return known

    # --- one number ---------------------------------------------------------------------------------------------------

    def _place_of(self, number: str) -> int:
        """Write the rulings of a new number; its place."""
        start = len(self._rates)
        kind, known = self._look_up(number)
        count = len(self._rates) - start
        legal = number[:LEGAL_DIGITS]
        remove_exempt = self._remove_exempt
        removed = k.ADDITIONAL <= kind <= k.EXEMPT and (kind != k.EXEMPT or remove_exempt)
        removed = (removed and legal not in self._kept) or (remove_exempt and legal in self._dropped)
        ieepa = () if kind == k.BASE else self.ruleset.ieepa(number)
        highest = max((row.rate_e9 or 0 for row in ieepa), default=0)
        place = self._numbers.extend([(start, count)])
        facts = _Number(kind, place, removed, start, count, highest)
        marks = kind | (k.MARK_UNKNOWN if not known else 0)
        if kind == k.REPLACEMENT and any(row.column1_basis == "general_or_special" for row in ieepa):
            marks |= k.MARK_SPECIAL_COUNTS
        if kind == k.BASE:
            marks |= k.MARK_METAL if number[:2] in self._metals else 0
            rows = self._always(facts) or self._general_rows(facts)
            made = {row: self._base_ruling(facts, marks, row) for row in set(rows)}
        else:
            rows = self._own_rows(facts)
            made = {row: self._other_ruling(facts, marks, row) for row in set(rows)}
            if made and count and rows[0] == _NO_ROW:  # without a day no number is outside its own dates
                undated = self._other_ruling(facts, marks, _NO_ROW, dated=False)
                return self._write([undated, *(made[row] for row in rows[1:])])
        if not _FORMULA_CODES.isdisjoint([row[_CODE] for row in self._rates[start:]]):
            self._measured.add(number)
        return self._write([made[row] for row in rows])

    def _write(self, by_period: Sequence[tuple[int, ...]]) -> int:
        """Keep the rulings of a number, one if they are all the same."""
        if len(by_period) == 1 or len(set(by_period)) == 1:
            place = self._rulings.extend(by_period[:1])
        else:
            place = -self._rulings.extend(by_period) - 1
        return place

    def _look_up(self, number: str) -> tuple[int, bool]:
        """(class, whether our tables know it) of one number; its rate rows are added."""
        digits = number.isascii() and number.isdigit() and len(number) in {LEGAL_DIGITS, LEGAL_DIGITS + 2}
        if not digits or number[:2] == "00":
            return k.UNKNOWN, False
        if int(number[:2]) in _BASE_CHAPTERS:
            before = len(self._rates)
            self._base_rows(number)
            return k.BASE, len(self._rates) > before
        ieepa, other = self.ruleset.ieepa(number), self.ruleset.other(number)
        if ieepa:
            self._rates.extend(self._ieepa_row(row) for row in ieepa)
            return _KINDS[ieepa[0].kind], True
        self._rates.extend(self._other_row(row) for row in other)
        if number[:2] == "98":
            return k.CHAPTER98, bool(other)
        if self.ruleset.never_existed(number):
            return k.NEVER, False
        block = self.ruleset.block(number)
        charges = any(row.kind == "additional" for row in other)
        if charges and block is not None and block.family == "section_122":
            return k.SECTION122, True
        return k.OTHER99, bool(other)

    # --- rulings ------------------------------------------------------------------------------------------------------

    def _own_rows(self, facts: _Number) -> list[int]:
        """Rate row in force in each period; without a day the only row, if there is just one."""
        spans = [self._span(row) for row in range(facts.start, facts.start + facts.count)]
        rows = self.periods.chosen(spans, facts.start)
        rows[0] = facts.start if facts.count == 1 else _NO_ROW
        return rows

    def _always(self, facts: _Number) -> list[int] | None:
        """The general row alone where it holds on every day, as it does for nearly all numbers."""
        own = [row for row, rate in enumerate(self._rates[facts.start :], facts.start) if rate[0] == _GENERAL]
        return own if len(own) == 1 and self._span(own[0]) == _ALWAYS else None

    def _general_rows(self, facts: _Number) -> list[int]:
        """General row in force in each period, without a day that of the filing day; none where days must be compared.

        The table's own periods are not among ours: a number that has them is looked up by day on each line.
        """
        own = [row for row in range(facts.start, facts.start + facts.count) if self._rates[row][0] == _GENERAL]
        spans = [self._span(row) for row in own]
        if not own or (not self.periods.cover(spans)):
            return [_NO_ROW]
        rows = [own[place] if place >= 0 else _NO_ROW for place in self.periods.chosen(spans, 0)]
        rows[0] = rows[self.periods.of_day(day_number(self.as_of))]
        return rows

    def _span(self, row: int) -> tuple[int, int]:
        """Period of a rate row."""
        return self._rates[row][_FROM], self._rates[row][_TO]

    def _base_ruling(self, facts: _Number, marks: int, row: int) -> tuple[int, ...]:
        """`tables.RULING` of a chapter 1-97 number at a General row."""
        rate_e9 = 0
        if row != _NO_ROW:
            code, rate_e9 = self._rates[row][_CODE], self._rates[row][_P2]
            marks |= k.MARK_ON_BASIS if self._rates[row][_ON_BASIS] else 0
            if code in _FORMULA_CODES or (code in _PERCENT_CODES and rate_e9 >= _PLAIN_E9):
                marks |= k.MARK_FORMULA
            elif code in _PERCENT_CODES:
                marks |= k.MARK_CHARGED
            elif code != _FREE_CODE:
                marks |= k.MARK_UNPRICED
            if not marks & k.MARK_CHARGED:
                rate_e9 = 0
        weights = k.WEIGHT_BASE | (k.WEIGHT_BAD if row == _NO_ROW else 0)
        weights |= k.WEIGHT_ROW if marks & (k.MARK_FORMULA | k.MARK_UNPRICED) else 0
        return ruling(marks | k.MARK_BASE, weights, rate_e9, row, facts.place)

    def _other_ruling(self, facts: _Number, marks: int, row: int, *, dated: bool = True) -> tuple[int, ...]:
        """`tables.RULING` of any other number at its own row."""
        kind, removed = facts.kind, facts.removed
        code = self._rates[row][_CODE] if row != _NO_ROW else 0
        rate_e9 = self._rates[row][_P2] if code in _PERCENT_CODES else 0
        outside = dated and facts.count > 0 and row == _NO_ROW
        if k.ADDITIONAL <= kind <= k.EXEMPT:
            marks |= k.MARK_IEEPA | (k.MARK_OUTSIDE if outside else 0)
            marks |= k.MARK_CHARGING if kind != k.EXEMPT else 0
            marks |= k.MARK_REPLACES if kind == k.REPLACEMENT else k.MARK_COMPARED
            if row == _NO_ROW or code == ord("X"):  # suspended: no rate in force
                rate_e9 = facts.highest_e9
        elif kind == k.NEVER or (kind != k.UNKNOWN and not removed and outside):
            marks |= k.MARK_INACTIVE
        if kind == k.CHAPTER98:
            marks |= k.MARK_CHAPTER98 | (k.MARK_FREE98 if code == _FREE_CODE else 0)
        elif kind != k.UNKNOWN and not removed:
            marks |= k.MARK_REMAINS | (k.MARK_TOPUP if code == CODE_TOPUP else 0)
            marks |= k.MARK_CHARGED if code in _PERCENT_CODES or code == _FREE_CODE else k.MARK_UNPRICED
        if kind == k.SECTION122:
            marks |= k.MARK_SECTION122
        beside = kind not in {k.UNKNOWN, k.CHAPTER98} and not marks & k.MARK_UNKNOWN and rate_e9 < _PLAIN_E9
        weights = 0 if beside else k.WEIGHT_BAD
        weights |= k.WEIGHT_REPLACES if marks & k.MARK_REPLACES else 0
        weights |= k.WEIGHT_TOPUP if marks & k.MARK_TOPUP else 0
        weights |= k.WEIGHT_UNPRICED if marks & k.MARK_UNPRICED else 0
        if removed:
            rule = s.RULE_REPLACEMENT if kind == k.REPLACEMENT else s.RULE_EXEMPT
            rule = s.RULE_ADDITIONAL if kind == k.ADDITIONAL else rule
            marks |= k.MARK_REMOVED | rule << k.RULE_SHIFT
        return ruling(marks, weights, rate_e9, row, facts.place)

    # --- rate rows ----------------------------------------------------------------------------------------------------
    def _base_rows(self, number: str) -> None:
        """Rows of a chapter 1-97 number: the user's rates before the table's, then special rates and column 2."""
        rows = self.ruleset.base(number)
        own = self.column1.of(number) if self.column1 is not None else ()
        chapter = number[:2]
        for row in rows:
            span = row.from_day, row.to_day
            if not own:
                self._rates.append(self._rate_row(_GENERAL, 0, span, row.general, chapter, self._free(row)))
            self._rates.append(self._rate_row(_COLUMN2, 0, span, row.column2, chapter))
        for mine in own:
            held = [row for row in rows if row.from_day <= mine.to_day and mine.from_day <= row.to_day] or rows[:1]
            rate = self._own_rate(mine, held)
            free = self._free(held[0]) if held else 0
            self._rates.append(self._rate_row(_GENERAL, 0, (mine.from_day, mine.to_day), rate, chapter, free))
        for special in self.ruleset.special_rates(number):
            for claimed in sorted({special.spi, special.spi.rstrip("*")} & self.periods.programmes.keys()):
                if special.readable:
                    span = special.from_day, special.to_day
                    self._rates.append(
                        self._rate_row(_SPECIAL, self.periods.programmes[claimed], span, special.rate, chapter)
                    )

    def _free(self, row: BaseRow) -> int:
        """A bit for each programme at Free."""
        found = self._frees.get(row.specials)
        if found is None:
            found = sum(1 << place for spi, place in self.periods.programmes.items() if row.free_for(spi))
            self._frees[row.specials] = found
        return found

    def _own_rate(self, mine: Column1Row, held: Sequence[BaseRow]) -> Rate:
        """The user's rate; a text whose units do not fit the number has no formula."""
        if mine.rate is not None:
            return mine.rate
        assert mine.parts is not None  # noqa: S101 - a row has one of the two
        units = held[0].units if held else ("", "", "")
        return resolve(mine.parts, units, self.ruleset) or Rate("X", 0, "", 0, 0, "", "", mine.parts.text, "units")

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
            self._whole_units
            and rate_e9 <= self.ruleset.whole_unit_limit_e9
            and chapter not in self.ruleset.whole_unit_exempt_chapters
            and unit not in self.ruleset.whole_unit_exempt_units
        )

    def _ieepa_row(self, row: IeepaRow) -> tuple[int, ...]:
        """Rate row of an IEEPA number: percentage of the value, zero, or none in force."""
        rate = 0 if row.kind == "exempt" else row.rate_e9
        return percent_row("X" if rate is None else "7" if rate else "0", rate or 0, row.from_day, row.to_day)

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
        return percent_row(code, row.rate_e9 or 0, row.from_day, row.to_day)
