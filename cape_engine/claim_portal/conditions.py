"""What each entry rule of the claim portal tests: one condition over columns for every rule id, without its dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools
from cape_engine.dates import day_number
from cape_engine.schema import facts as f
from cape_engine.schema.codes import Standing, Trial
from cape_engine.schema.column import Column
from cape_engine.settings import Settings

UInt32s = npt.NDArray[np.uint32]

ASSUMED_TYPE = "01"
"""Type of an entry for which no input gives one (`ENTRY_TYPE_ASSUMED`)."""
RECON_TYPES = frozenset({"01", "02", "06"})
"""Types that Phase 2 accepts with a reconciliation flag (CSMS 69035485)."""
OPEN_PROTESTS = frozenset({"OPEN", "SUSPENDED"})

PRESENCE = {"kind_duty": Trial.NO_CHARGING_NUMBER, "any": Trial.NO_IEEPA_NUMBER, "amount": Trial.NO_IEEPA_AMOUNT}
"""What the trial removal finds on an entry that fails `claim.presence_rule`."""


@dataclass(frozen=True, slots=True)
class Case:
    """The entries as the conditions see them, n rows.

    Attributes:
        entries: entries of the store.
        trial: `codes.Trial` bits; 0 for entries whose lines intake refused.
        standing: where they stand.
        refused_by: for each rule id of the entry type table, which entries it refuses by their type.
        settings: settings in force.
        as_of: filing day.
        accepted_on: day of acceptance.
        accept_window: days after a liquidation in which an entry is accepted.
    """

    entries: pa.Table
    trial: UInt32s
    standing: Standing
    refused_by: Mapping[str, Bools]
    settings: Settings
    as_of: dt.date
    accepted_on: dt.date
    accept_window: int

    def nobody(self) -> Bools:
        """No entry at all; always the same array, so that it is known without looking."""
        return _nobody(self.entries.num_rows)

    def has(self, bits: Trial) -> Bools:
        """Entries on which the trial removal found any of `bits`."""
        result: Bools = (self.trial & np.uint32(bits)) != 0
        return result

    def says(self, column: Column, *, yes: bool = True) -> Bools:
        """Entries whose yes/no fact is known and has this value (an unknown fact passes, clarification 17)."""
        found = bridge.said(self.entries, column, yes=yes)
        return self.nobody() if found is None else found

    def word_in(self, column: Column, wanted: frozenset[str], unknown: str | None = None) -> Bools:
        """Entries whose word, in capitals, is one of `wanted`; `unknown` stands in where there is none."""
        return self._where_word(column, lambda word: word in wanted, unknown)

    def word_not_in(self, column: Column, wanted: frozenset[str], unknown: str | None = None) -> Bools:
        """Entries whose word, in capitals, is known (or `unknown` given in its stead) and none of `wanted`."""
        return self._where_word(column, lambda word: word is not None and word not in wanted, unknown)

    def _where_word(self, column: Column, test: Callable[[str | None], bool], unknown: str | None) -> Bools:
        """Entries whose word passes a test, which is asked once for each word of the column."""
        codes, vocabulary = bridge.codes(self.entries, column)
        chosen = np.array([test(_plain(word)) for word in [*vocabulary, unknown]], np.bool_)
        if not chosen.any():
            return self.nobody()
        result: Bools = chosen[codes.astype(np.int64)]  # the code -1 takes the last one
        return result


@lru_cache(maxsize=8)
def _nobody(count: int) -> Bools:
    """No row of `count`."""
    return bridge.readonly(np.zeros(count, np.bool_))


Condition = Callable[[Case], Bools]


def _plain(word: str | None) -> str | None:
    """A word in capitals without needless spaces (clarification 6)."""
    return None if word is None else " ".join(word.split()).upper()


def past_window(case: Case, counted: dt.date) -> Bools:
    """Entries (re)liquidated more than the window before the day `counted` (handbook 4.4, "80 days")."""
    day = case.standing.liquidated_day
    inclusive = case.settings.switch("claim.accept_window_inclusive")
    reach = case.accept_window if inclusive else case.accept_window - 1
    result: Bools = (day != NO_DAY) & (day < day_number(counted) - reach)
    return result


def _final(case: Case) -> Bools:
    """Finally liquidated on the day the window is counted from."""
    basis = case.settings.text("claim.accept_window_basis")
    return past_window(case, case.as_of if basis == "filing" else case.accepted_on)


def phase_3(settings: Settings, as_of: dt.date) -> bool:
    """Whether Phase 3 is live on the filing day: only by setting (handbook 4.4)."""
    return settings.switch("phase.3_enabled") and as_of >= settings.day("phase.3_start")


def _lifted(case: Case) -> Bools:
    """Entries of importers whom Phase 3 frees from the 80 days; dashes and case do not matter (clarification 15)."""
    named = case.says(f.CIT_PLAINTIFF)
    listed = {_number(number) for number in case.settings.words("phase.3_importers")}
    if not listed:
        return named
    codes, vocabulary = bridge.codes(case.entries, f.IMPORTER_NUMBER)
    chosen = np.array([_number(number) in listed for number in vocabulary] + [False], np.bool_)
    result: Bools = chosen[codes] | named
    return result


def _number(number: str) -> str:
    """An importer number as it is compared."""
    return number.replace("-", "").strip().upper()


def _recon_not_phase2(case: Case) -> Bools:
    """Flag on a type outside Phase 2, or a type 09 on file (which only a flagged entry has)."""
    other_type = case.word_not_in(f.ENTRY_TYPE, RECON_TYPES, ASSUMED_TYPE)
    filed = case.says(f.RECONCILIATION_ENTRY_FILED) & ~case.says(f.RECONCILIATION_FLAG, yes=False)
    return (case.says(f.RECONCILIATION_FLAG) & other_type) | filed


def _inactive(case: Case) -> Bools:
    """A number outside its dates, among those that `mass.invalid_hts_scope` tests (handbook 5.9)."""
    every = case.settings.text("mass.invalid_hts_scope") == "all"
    return case.has(Trial.NUMBER_INACTIVE | (Trial.IEEPA_INACTIVE if every else Trial(0)))


def _never(case: Case) -> Bools:
    """No entry: the rule is tested elsewhere, or by the entry type alone."""
    return case.nobody()


def _under_review(case: Case) -> Bools:
    """Status Under Review, for those who read the message that way (`claim.under_review_message`)."""
    return case.word_in(f.LIQUIDATION_STATUS, frozenset({"UNDER REVIEW"}))


CONDITIONS: Mapping[str, Condition] = {
    "not_in_ace": _never,  # by entry type here; unknown numbers when declarations meet the sources
    "duplicate_claim": _never,  # when declarations meet
    "summary_not_accepted": lambda c: c.word_not_in(f.SUMMARY_STATUS, frozenset({"ACCEPTED"})),
    "control_status_not_cbp": lambda c: c.word_not_in(f.CONTROL_STATUS, frozenset({"CBP"})),
    "statement_not_complete": lambda c: c.says(f.STATEMENT_COMPLETE, yes=False),
    "entry_type_not_allowed": _never,  # by entry type
    "warehouse_types_refused": _never,  # by entry type
    "recon_flagged": lambda c: c.says(f.RECONCILIATION_FLAG),
    "recon_not_phase2": _recon_not_phase2,
    "on_drawback": lambda c: c.says(f.DRAWBACK_FLAG),
    "protest_open": lambda c: c.word_in(f.PROTEST_STATUS, OPEN_PROTESTS),
    "adcvd_pending": lambda c: c.says(f.ADCVD_PENDING),
    "no_liquidation_status": lambda c: c.standing.no_status,
    "final_liquidation": _final,
    "final_liquidation_phase3": lambda c: _final(c) & ~_lifted(c),
    "no_ieepa_hts": lambda c: c.has(PRESENCE[c.settings.text("claim.presence_rule")]),
    "section_122_only": lambda c: c.has(Trial.SECTION_122_ONLY),
    "surety_paid": lambda c: c.says(f.SURETY_PAID),
    "summary_under_review": _under_review,
    "hts_relationship_sequence": lambda c: _inactive(c) | c.has(Trial.ORDER_BROKEN | Trial.PARTNER_MISSING),
    "goods_value_missing_base": lambda c: c.has(Trial.VALUE_MISSING_BASE),
    "goods_value_on_ieepa": lambda c: c.has(Trial.VALUE_ON_IEEPA),
    "invalid_hts": _inactive,
    "hts_relationship": lambda c: c.has(Trial.PARTNER_MISSING),
    "unable_to_calculate": lambda c: c.has(Trial.UNABLE),
}
"""Condition of each entry rule, by the rule ids of the eligibility table (handbook 4.4)."""
