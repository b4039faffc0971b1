"""Rows about tariff numbers and duty rates: rates in billionths, days as dates, words as the files print them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cape_engine.rules.dated import Dated

LEGAL_DIGITS = 8
"""Digits of a legal tariff number; the two statistical digits behind them decide no rate."""


@dataclass(frozen=True, slots=True)
class IeepaRow(Dated):
    """One of the 166 numbers in one period.

    Attributes:
        kind: additional, replacement or exempt: what removal does (handbook 5.1).
        rate_e9: billionths of the value; 0 for exempt numbers; None where no rate was in force (suspended).
        rate_rule: fixed, topup_15, exempt, exempt_col1_ge_15 or suspended.
        column1_basis: blank, general or general_or_special: column 1 rate of the 15 % test.
    """

    hts_number: str
    program: str
    kind: str
    rate_e9: int | None
    rate_rule: str
    column1_basis: str
    countries: tuple[str, ...]
    countries_excluded: tuple[str, ...]
    effective_from: dt.date
    effective_to: dt.date | None
    authority: str
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class OtherRow(Dated):
    """A chapter 98 or 99 number that CAPE never removes, in one period.

    Attributes:
        kind: additional, replacement, exempt, partial_value, column2_replacement or other.
        rate_e9: billionths; 0 for exempt numbers; None where the file gives none.
        value_basis: what the rate applies to (full_value, steel_content, repair_value ...).
    """

    hts_number: str
    family: str
    kind: str
    rate_e9: int | None
    rate_rule: str
    value_basis: str
    column1_basis: str
    countries: tuple[str, ...]
    countries_excluded: tuple[str, ...]
    effective_from: dt.date | None
    effective_to: dt.date | None
    ieepa_reciprocal: str
    ieepa_fentanyl: str
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class Rate:
    """A duty rate by computation code: P1 specific, P2 ad valorem, P3 other (CATAIR Appendix F).

    Attributes:
        code: computation code 0-7, 9, A-F, J, K, X.
        specific_e9: P1, billionths of a dollar per `specific_unit`; 0 where the code does not use it.
        specific_unit: ACE unit code of P1; blank where unused.
        ad_valorem_e9: P2, billionths of the value (code K: of a dollar per unit and degree); 0 where unused.
        other_e9: P3, billionths of a dollar per `other_unit`; 0 where unused.
        other_unit: ACE unit code of P3; blank where unused.
        basis: special basis of the quantity (drained weight, lead content ...), blank for none.
        text: the printed rate; blank for codes 0 and 7.
        x_reason: why there is no formula (code X).
    """

    code: str
    specific_e9: int
    specific_unit: str
    ad_valorem_e9: int
    other_e9: int
    other_unit: str
    basis: str
    text: str
    x_reason: str


@dataclass(frozen=True, slots=True)
class BaseRow(Dated):
    """A number of chapters 1-97 in one period.

    Attributes:
        general: column 1 General.
        column2: column 2 (BY, CU, KP, RU).
        units: reporting unit codes of quantities 1, 2 and 3, blank where there is none.
        specials: programmes at Free, as printed (`A`, `A*`, `A+`, `E*`, `KR` ...).
        specials_not_free: the rest of the special column, as printed.
    """

    hts8: str
    effective_from: dt.date | None
    effective_to: dt.date | None
    general: Rate
    column2: Rate
    units: tuple[str, str, str]
    units_hts: str
    units_note: str
    specials: tuple[str, ...]
    specials_not_free: str
    period_basis: str
    source: str

    def free_for(self, spi: str) -> bool:
        """Whether the number is free under that programme.

        `*` and `+` in the special column narrow the countries, not the claim: a filer claims `E` where `E*` is
        printed (HTS general note 3(c)). Whether the programme is in force is the row of `Ruleset.spi`.
        """
        if spi in self.specials or f"{spi}*" in self.specials:
            return True
        return spi in {"A", "J"} and f"{spi}+" in self.specials


@dataclass(frozen=True, slots=True)
class SpecialRow(Dated):
    """One programme of the special column that is not simply Free, for one number and period.

    Attributes:
        spi: programme as printed.
        rate: the special rate; code X when it cannot be read.
        readable: whether `rate` may be computed ("See 98220405" is not).
    """

    hts8: str
    effective_from: dt.date | None
    effective_to: dt.date | None
    spi: str
    rate: Rate
    readable: bool
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class SpiRow:
    """A special programme indicator.

    Attributes:
        starts: first day of the programme where the file says so.
        lapsed_from: first day without the programme; None when it is in force.
        lapsed_to: last day without it; None when it did not come back.
    """

    spi: str
    programme: str
    status_note: str
    status_confidence: str
    starts: dt.date | None
    lapsed_from: dt.date | None
    lapsed_to: dt.date | None
    rows_free: int
    rows_not_free: int
    source: str
    confidence: str

    def in_force(self, on: dt.date) -> bool:
        """Whether the programme may be claimed on that rate date."""
        if self.starts is not None and on < self.starts:
            return False
        if self.lapsed_from is None or on < self.lapsed_from:
            return True
        return self.lapsed_to is not None and on > self.lapsed_to


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A computation code: its formula, and whether it can be computed from rate, quantities and value alone."""

    code: str
    name: str
    formula: str
    rates_used: tuple[str, ...]
    inputs_used: tuple[str, ...]
    computable: bool
    rows_column1: int
    rows_column2: int
    note: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class SlotsRow:
    """Which quantity each part of a computation code takes.

    Attributes:
        p1_quantity: 1, 2 or 3 when P1 multiplies that quantity, whose unit must be `specific_unit`; 0 when unused.
        p3_quantity: the same for P3 and `other_unit`; 0 when P3 is unused or scales something else.
        factor_quantity: quantity that is a factor or a degree and has no unit to match (A, B, F, J, K); 0 for none.
        value: whether the value of the line is needed.
    """

    code: str
    p1_quantity: int
    p3_quantity: int
    factor_quantity: int
    value: bool
    computable: bool
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """An HTS unit abbreviation and the ACE unit code it is reported under (blank where ACE has none)."""

    hts_abbreviation: str
    ace_code: str
    component: str
    rows: int | None
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class RateUnit:
    """A unit as rate texts print it, and a reporting unit it may be counted in, the preferred one first.

    Attributes:
        printed: the text behind the slash, such as `kg on drained weight`.
        divisor: printed units are this many reporting units ("$4/1000" is counted by the piece: 1000).
        basis: special basis of the quantity; blank for none.
    """

    printed: str
    ace_code: str
    divisor: int
    basis: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class DisplacedRow(Dated):
    """Chapters on which an IEEPA program displaced a section 232 duty (handbook 5.7)."""

    program: str
    effective_from: dt.date
    effective_to: dt.date | None
    chapters: tuple[str, ...]
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Column2Country(Dated):
    """A country whose goods take the column 2 rates."""

    country: str
    name: str
    effective_from: dt.date | None
    effective_to: dt.date | None
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class NumberBlock:
    """A block of chapter 99: every number with the prefix belongs to the family.

    Attributes:
        closed: whether a number of the block that no table knows never existed (INVALID HTS, handbook 5.1).
    """

    prefix: str
    family: str
    closed: bool
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class BorderlineNumber:
    """A civil aircraft number that also lifts 232 duty; `inside` the IEEPA blocks or outside (handbook 5.1)."""

    hts_number: str
    inside: bool
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class CollectionPeriod:
    """First and last day on which a program's duty was charged, by entry date."""

    program: str
    first_day: dt.date
    last_day: dt.date
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class RateDateRule:
    """Which dates give the rate date of a line, first present first (CATAIR AE note (j)).

    Attributes:
        entry_types: types it holds for; none for all others.
        ftz_status: FTZ status it holds for; blank for any.
        dates: date fields in order.
    """

    rule: str
    entry_types: tuple[str, ...]
    ftz_status: str
    dates: tuple[str, ...]
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class WholeUnitFact:
    """A fact of the whole-unit rule: `kind` is limit_e9, exempt_chapter or exempt_unit (19 CFR 159.3(b))."""

    kind: str
    value: str
    source: str
    confidence: str
