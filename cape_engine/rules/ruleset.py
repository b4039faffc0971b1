"""Answers what the law holds for a number, an entry type or a word on a day, from rows that were read strictly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cape_engine.rules import read, tables
from cape_engine.rules import rows as r
from cape_engine.rules.by_number import ByNumber
from cape_engine.rules.rows import LEGAL_DIGITS


def plain_word(text: str) -> str:
    """A status word without case and blanks, the form in which words are compared (clarification 6)."""
    return "".join(text.split()).casefold()


@dataclass(frozen=True)
class Ruleset:
    """All rule files of one folder; immutable, safe to share between threads and to pickle.

    Every lookup by tariff number takes 8 or 10 digits without dots and returns the rows of the legal (8-digit) number
    in order of date; an unknown number gives an empty tuple.

    Attributes:
        folder: where the files came from.
        files: sha256 of each file by name.
        hash: one sha256 over names and contents.
    """

    folder: str
    files: Mapping[str, str]
    hash: str
    _rows: Mapping[str, tuple[Any, ...]] = field(repr=False)
    _raw: Mapping[str, ByNumber] = field(repr=False)
    _made: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict, repr=False)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def ieepa(self, number: str) -> tuple[r.IeepaRow, ...]:
        """The periods of one of the 166 IEEPA numbers; empty for every other number."""
        return self._ieepa_index.get(number[:LEGAL_DIGITS], ())

    def other(self, number: str) -> tuple[r.OtherRow, ...]:
        """The periods of a chapter 98 or 99 number that CAPE never removes."""
        return self._other_index.get(number[:LEGAL_DIGITS], ())

    def base(self, number: str) -> tuple[r.BaseRow, ...]:
        """The periods of a number of chapters 1-97.

        Raises:
            RuleFileError: the row of that number breaks the contract of the file.
        """
        return self._lazy(tables.BASE, number)

    def special_rates(self, number: str) -> tuple[r.SpecialRow, ...]:
        """Every programme of a number that is not simply Free.

        Raises:
            RuleFileError: a row of that number breaks the contract of the file.
        """
        if number[:LEGAL_DIGITS] not in self._raw[tables.SPECIAL.file]:  # as of nearly all numbers
            return ()
        return self._lazy(tables.SPECIAL, number)

    def specials(self, number: str, spi: str) -> tuple[r.SpecialRow, ...]:
        """The special rates of a number under one programme that is not simply Free."""
        return tuple(row for row in self.special_rates(number) if row.spi in {spi, f"{spi}*"})

    @property
    def ieepa_rows(self) -> tuple[r.IeepaRow, ...]:
        """All rows of the 166 numbers, in file order."""
        return self._rows[tables.IEEPA.file]

    @property
    def other_rows(self) -> tuple[r.OtherRow, ...]:
        """All rows of the other chapter 98 and 99 numbers, in file order."""
        return self._rows[tables.OTHER.file]

    @cached_property
    def ieepa_numbers(self) -> tuple[str, ...]:
        """The 166 numbers, sorted."""
        return tuple(sorted(self._ieepa_index))

    @cached_property
    def base_numbers(self) -> tuple[str, ...]:
        """All numbers of chapters 1-97, sorted."""
        return tuple(sorted(self._raw[tables.BASE.file]))

    @property
    def blocks(self) -> tuple[r.NumberBlock, ...]:
        """Blocks of chapter 99 by prefix: 990301 and 990302 are IEEPA, 990303 is section 122."""
        return self._rows[tables.BLOCKS.file]

    def block(self, number: str) -> r.NumberBlock | None:
        """The block a number lies in, or None."""
        return next((block for block in self.blocks if number.startswith(block.prefix)), None)

    def never_existed(self, number: str) -> bool:
        """Whether a number lies in a closed block and no table knows it (handbook 5.1: `INVALID HTS`)."""
        block = self.block(number)
        return block is not None and block.closed and not self.ieepa(number) and not self.other(number)

    @property
    def borderline(self) -> tuple[r.BorderlineNumber, ...]:
        """The four civil aircraft numbers at the edge of the IEEPA blocks."""
        return self._rows[tables.BORDERLINE.file]

    @property
    def collection_periods(self) -> tuple[r.CollectionPeriod, ...]:
        """First and last chargeable day of each program."""
        return self._rows[tables.COLLECTION.file]

    @property
    def displaced_232(self) -> tuple[r.DisplacedRow, ...]:
        """Chapters on which an IEEPA program displaced a 232 duty."""
        return self._rows[tables.DISPLACED.file]

    def column2(self, country: str, on: dt.date) -> bool:
        """Whether goods of a country take column 2 on that day."""
        found: tuple[r.Column2Country, ...] = self._rows[tables.COLUMN2.file]
        return any(row.country == country and row.applies(on) for row in found)

    @property
    def column2_countries(self) -> tuple[r.Column2Country, ...]:
        """Countries of column 2."""
        return self._rows[tables.COLUMN2.file]

    # --- how duty is computed -----------------------------------------------------------------------------------------

    def spi(self, code: str) -> r.SpiRow | None:
        """A special programme indicator, or None."""
        return self._spi_index.get(code)

    @property
    def computation_codes(self) -> tuple[r.CodeRow, ...]:
        """The computation codes with their formulas."""
        return self._rows[tables.COMPUTATION.file]

    @cached_property
    def slots(self) -> Mapping[str, r.SlotsRow]:
        """For each computation code the quantities that its parts take."""
        return {row.code: row for row in self._rows[tables.SLOTS.file]}

    @property
    def units(self) -> tuple[r.UnitRow, ...]:
        """HTS unit abbreviations and ACE unit codes."""
        return self._rows[tables.UNITS.file]

    @cached_property
    def rate_units(self) -> Mapping[str, tuple[r.RateUnit, ...]]:
        """Units of rate texts in plain form (`plain_word`), with the reporting units they may be counted in."""
        index: dict[str, list[r.RateUnit]] = {}
        for row in self._rows[tables.RATE_UNITS.file]:
            index.setdefault(plain_word(row.printed), []).append(row)
        return {printed: tuple(found) for printed, found in index.items()}

    @property
    def rate_date_rules(self) -> tuple[r.RateDateRule, ...]:
        """Which dates give the rate date, most specific rule first."""
        return self._rows[tables.RATE_DATES.file]

    @cached_property
    def whole_unit_limit_e9(self) -> int:
        """Largest rate per unit (billionths of a dollar) whose quantity is rounded to whole units."""
        return max(int(value) for value in self._whole_unit_values("limit_e9"))

    @cached_property
    def whole_unit_exempt_chapters(self) -> frozenset[str]:
        """Chapters whose quantities are never rounded to whole units."""
        return self._whole_unit_values("exempt_chapter")

    @cached_property
    def whole_unit_exempt_units(self) -> frozenset[str]:
        """Units whose quantities are never rounded to whole units."""
        return self._whole_unit_values("exempt_unit")

    def _whole_unit_values(self, kind: str) -> frozenset[str]:
        """Values of one kind in whole_units.csv."""
        return frozenset(row.value for row in self._rows[tables.WHOLE_UNITS.file] if row.kind == kind)

    # --- claims, schedule, interest -----------------------------------------------------------------------------------

    @property
    def eligibility(self) -> tuple[r.EligibilityRule, ...]:
        """Every rule of the claim portal; the order is the order of the checks."""
        return self._rows[tables.ELIGIBILITY.file]

    def rule(self, rule_id: str) -> r.EligibilityRule | None:
        """One rule of the claim portal by its id, or None."""
        return next((rule for rule in self.eligibility if rule.rule_id == rule_id), None)

    @property
    def failure_routes(self) -> tuple[r.FailureRoute, ...]:
        """What to do about each refusal; the order decides between several of them."""
        return self._rows[tables.ROUTES.file]

    @property
    def cause_codes(self) -> tuple[r.CauseCode, ...]:
        """Causes of differences in a reconciliation, in the order in which they are tested."""
        return tuple(sorted(self._rows[tables.CAUSES.file], key=lambda row: row.place))

    def entry_types(self, code: str, on: dt.date) -> r.EntryTypeRow | None:
        """What CAPE does with an entry type on that day; None when no row covers it."""
        return next((row for row in self.all_entry_types if row.code == code and row.applies(on)), None)

    @property
    def all_entry_types(self) -> tuple[r.EntryTypeRow, ...]:
        """Every entry type in every period."""
        return self._rows[tables.ENTRY_TYPES.file]

    @property
    def interest(self) -> tuple[r.InterestQuarter, ...]:
        """Interest quarters in order, without gaps."""
        return self._rows[tables.INTEREST.file]

    @property
    def short_term_rates(self) -> tuple[r.ShortTermQuarter, ...]:
        """Federal short-term rates by quarter, with the rate for what a corporation is owed above $10,000."""
        return self._rows[tables.SHORT_TERM.file]

    @property
    def holidays(self) -> tuple[r.Holiday, ...]:
        """Statutory holidays as observed."""
        return self._rows[tables.HOLIDAYS.file]

    @property
    def closures(self) -> tuple[r.Closure, ...]:
        """One-off closures by executive order."""
        return self._rows[tables.CLOSURES.file]

    @property
    def policies(self) -> tuple[r.Policy, ...]:
        """Scheduling policies by phase."""
        return self._rows[tables.POLICIES.file]

    def policy(self, on: dt.date, *, phase_3: bool = False) -> r.Policy | None:
        """The policy of a day: that of the highest phase in force, phase 3 only where it is switched on."""
        found = [row for row in self.policies if row.applies(on) and (phase_3 or row.phase != "3")]
        return max(found, key=lambda row: row.phase, default=None)

    @cached_property
    def hold_codes(self) -> frozenset[str]:
        """Extension and suspension codes that hold an entry by themselves."""
        return frozenset(row.code for row in self._rows[tables.HOLD_CODES.file])

    @property
    def hold_code_rows(self) -> tuple[r.HoldCode, ...]:
        """Extension and suspension codes with kind and meaning."""
        return self._rows[tables.HOLD_CODES.file]

    @property
    def review_rules(self) -> tuple[r.ReviewRule, ...]:
        """What picks an accepted entry for review."""
        return self._rows[tables.REVIEW.file]

    @property
    def entry_states(self) -> tuple[r.EntryState, ...]:
        """The states in the life of an entry, in the order of the straight road."""
        return self._rows[tables.ENTRY_STATES.file]

    @property
    def transitions(self) -> tuple[r.StateTransition, ...]:
        """Every step that an entry may take from one state to the next."""
        return self._rows[tables.TRANSITIONS.file]

    @property
    def event_kinds(self) -> tuple[r.EventKind, ...]:
        """Events from outside in the order in which those of one day are played."""
        return self._rows[tables.EVENT_KINDS.file]

    @property
    def claim_report_columns(self) -> tuple[r.OtherReportColumn, ...]:
        """Columns of CBP's claim and refund reports, as far as they are known."""
        return self._rows[tables.CLAIM_DETAILS.file]

    # --- words and columns --------------------------------------------------------------------------------------------

    def status_word(self, column: str, text: str) -> str | None:
        """The accepted word for a status as reports print it; blank stays blank, None when nobody knows the word."""
        plain = plain_word(text)
        return self.status_words(column).get(plain) if plain else ""

    def status_words(self, column: str) -> Mapping[str, str]:
        """Every known word of a status column in plain form (`plain_word`), and the accepted word it stands for."""
        return self._status_index.get(str(column), {})

    @property
    def es003_columns(self) -> tuple[r.ReportColumn, ...]:
        """Columns of ES-003 and our names for them."""
        return self._rows[tables.ES003.file]

    @property
    def report_columns(self) -> tuple[r.OtherReportColumn, ...]:
        """Columns of CBP's other reports, as far as they are known."""
        return self._rows[tables.CLAIM_DETAILS.file]

    @property
    def fee_limits(self) -> tuple[r.FeeLimits, ...]:
        """Merchandise processing fee limits by fiscal year."""
        return self._rows[tables.FEE_LIMITS.file]

    @property
    def fee_classes(self) -> tuple[r.FeeClass, ...]:
        """Accounting class codes."""
        return self._rows[tables.FEE_CLASSES.file]

    def table(self, file: str) -> tuple[Any, ...]:
        """All rows of a file, the large ones included (which builds them all)."""
        if file in self._rows:
            return self._rows[file]
        spec = next(table for table in tables.LAZY if table.file == file)
        return tuple(row for number in self._raw[file] for row in self._lazy(spec, number))

    # --- indexes ------------------------------------------------------------------------------------------------------

    def _lazy(self, spec: read.Table, number: str) -> tuple[Any, ...]:
        """Rows of one number of a large table, built when first asked for."""
        key = (spec.file, number[:LEGAL_DIGITS])
        found = self._made.get(key)
        if found is None:
            raw = self._raw[spec.file].get(key[1])
            made = [read.parse_row(spec, line, row) for line, row in raw]
            found = tuple(sorted(made, key=lambda row: row.from_day))
            self._made[key] = found
        return found

    @cached_property
    def _ieepa_index(self) -> Mapping[str, tuple[r.IeepaRow, ...]]:
        return _by_number(self.ieepa_rows)

    @cached_property
    def _other_index(self) -> Mapping[str, tuple[r.OtherRow, ...]]:
        return _by_number(self.other_rows)

    @cached_property
    def _spi_index(self) -> Mapping[str, r.SpiRow]:
        return {row.spi: row for row in self._rows[tables.SPI.file]}

    @cached_property
    def _status_index(self) -> Mapping[str, Mapping[str, str]]:
        index: dict[str, dict[str, str]] = {}
        for row in self._rows[tables.STATUS_WORDS.file]:
            index.setdefault(row.column, {})[plain_word(row.seen)] = row.word
        return index


def _by_number(rows: tuple[Any, ...]) -> Mapping[str, tuple[Any, ...]]:
    """Rows by tariff number, each in order of date."""
    index: dict[str, list[Any]] = {}
    for row in rows:
        index.setdefault(row.hts_number, []).append(row)
    return {number: tuple(sorted(found, key=lambda row: row.from_day)) for number, found in index.items()}
