"""Mode A of a line: its IEEPA numbers removed, column 1 restored where they stood instead of it, the rest kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.duty import E9, percent_cents
from cape_kernels.recompute import price_line
from cape_kernels.scan import scan_line
from cape_kernels.tables import (
    MARK_CHAPTER98,
    MARK_CHARGING,
    MARK_COMPARED,
    MARK_IEEPA,
    MARK_METAL,
    MARK_REMAINS,
)
from cape_kernels.work import (
    WORK_AT,
    WORK_DUTY,
)

ALL_IN_E9 = np.int64(150_000_000)  # the 15 % of the replacement numbers (CSMS 66319804)
_SMALL_VALUE = 1 << 32
CENTS_E9 = 10_000_000  # value in dollars x rate in billionths is so many times the duty in cents
_PLACEMENT = s.NOTE_MOVED | s.NOTE_DOUBLE | s.NOTE_NOT_PLACED
_RATE_NOTES = s.NOTE_SPI_IGNORED | s.NOTE_RATE_BASIS


class Outcome(NamedTuple):
    """Both modes of one line (int64): what it adds to its entry, what it says of itself, what detail wants."""

    restored: int
    gap: int
    known: int
    trial: int
    notes: int
    status: int
    value: int
    column1: int
    column1_status: int
    base: int
    new_base: int
    rule: int


@helper
def trial_of(scan, component, policy):  # type: ignore[no-untyped-def]
    """Trial bits of one line (handbook 5.9, clarifications 24 and 25)."""
    trial = scan.trial
    ieepa = scan.seen & MARK_IEEPA
    chapter98 = scan.seen & MARK_CHAPTER98
    if scan.value_ieepa > 0:
        trial |= s.TRIAL_VALUE_ON_IEEPA
    if ieepa and scan.bases > 0 and scan.value_base + scan.value_98 == 0:
        trial |= s.TRIAL_VALUE_MISSING_BASE
    if scan.bases == 0 and not chapter98 and (ieepa or scan.seen & MARK_REMAINS):
        trial |= s.TRIAL_PARTNER_MISSING
    replacing = scan.replacements > 0 and policy.restore == 1 and not chapter98 and component == 0
    if replacing and scan.bases == 0:
        trial |= s.TRIAL_PARTNER_MISSING
    return trial


@helper
def above_rate(filed, rate_e9, value, tolerance):  # type: ignore[no-untyped-def]
    """Whether an IEEPA number carries more than rate x value by more than the tolerance (handbook 5.7)."""
    if filed <= tolerance:
        return False
    # A test without division first: rounding moves the duty by half a cent at most.
    if value < _SMALL_VALUE and rate_e9 < 2 * E9 and (filed - tolerance + 1) * CENTS_E9 <= value * rate_e9:
        return False
    charged = percent_cents(value, rate_e9)
    return charged >= 0 and filed - charged > tolerance


@helper
def charge_notes(facts, rulings, work, value, owed, tolerance):  # type: ignore[no-untyped-def]
    """Notes on additional and exempt numbers that carry more than their rate, and on duty bundled in them."""
    for column in range(facts.size):
        ruling = rulings[work[WORK_AT, column]]
        if ruling["marks"] & MARK_COMPARED and above_rate(work[WORK_DUTY, column], ruling["rate_e9"], value, tolerance):
            return s.NOTE_ABOVE_RATE | s.NOTE_BUNDLED if owed == 1 else s.NOTE_ABOVE_RATE
    return 0


@helper
def restored_base(filed, replaced, column1, all_in, tolerance):  # type: ignore[no-untyped-def]
    """(new duty of the base number, rule, notes) of a line with one replacement number (5.3, clarification 22)."""
    if filed <= tolerance and abs(replaced - all_in) <= tolerance:
        return column1, s.RULE_RESTORED_FULL, 0
    if abs(filed - column1) <= tolerance and abs(replaced - (all_in - column1)) <= tolerance:
        return filed, s.RULE_KEPT_SPLIT, 0
    return column1, s.RULE_RESTORED_UNKNOWN, s.NOTE_LAYOUT


@helper
def restore(scan, filed, price, policy):  # type: ignore[no-untyped-def]
    """(new duty of the base number, rule, notes, status) of a replacement line (handbook 5.3, clarifications 21-24)."""
    if scan.bases != 1:
        return filed, s.RULE_NONE, 0, np.int64(s.NO_BASE if scan.bases == 0 else s.TWO_BASES)
    if price.value <= 0:
        return filed, s.RULE_NONE, 0, np.int64(s.NO_VALUE)
    if price.status != s.OK:
        return filed, s.RULE_NONE, 0, price.status
    base, rule, notes = price.column1, s.RULE_RESTORED_UNKNOWN, s.NOTE_LAYOUT
    if scan.replacements == 1:
        all_in = percent_cents(price.value, ALL_IN_E9)
        base, rule, notes = restored_base(filed, scan.replacement_duty, price.column1, all_in, policy.tolerance_cents)
    return base, rule, notes | s.NOTE_AVE if price.at_15 == 1 else notes, np.int64(s.OK)


@helper
def displaced(base_marks, seen, ieepa_duty, policy):  # type: ignore[no-untyped-def]
    """Whether IEEPA displaced section 232 on a line of CA or MX: metals, 2025-03-04 to 06-03 (handbook 5.7)."""
    charged = seen & (MARK_CHARGING | MARK_REMAINS) == MARK_CHARGING
    return policy.displaced == 1 and charged and ieepa_duty > 0 and base_marks & MARK_METAL != 0


@helper
def treat_line(scan, filed, facts, rulings, policy, price, work):  # type: ignore[no-untyped-def]
    """(new base duty, rule, notes, status) of one line with at least one IEEPA number."""
    priced = price.notes
    notes = priced & _PLACEMENT
    base = filed
    rule = np.int64(s.RULE_NONE)
    status = np.int64(s.OK)
    component = facts.component == 1
    if scan.replacements > 0 and component:
        rule = np.int64(s.RULE_KEPT_SET)
    elif scan.replacements > 0 and scan.seen & MARK_CHAPTER98:
        rule = np.int64(s.RULE_KEPT_98)
    elif scan.replacements > 0 and policy.restore == 0:
        rule = np.int64(s.RULE_NOT_RESTORED)
    elif scan.replacements > 0:
        base, rule, more, status = restore(scan, filed, price, policy)
        notes |= more
        if status != s.OK:
            notes |= s.NOTE_UNABLE
        else:
            notes |= priced & _RATE_NOTES
            if base != filed:
                notes |= s.NOTE_RESTORED
    elif notes & s.NOTE_MOVED:
        rule = np.int64(s.RULE_MOVED_KEPT)
        if price.status == s.OK:
            rule = np.int64(s.RULE_MOVED)
            base = price.column1
            notes |= priced & _RATE_NOTES
        else:
            notes |= s.NOTE_MOVED_UNCOMPUTED
    if price.value > 0 and not component and scan.ieepa_duty > scan.replacement_duty:
        notes |= charge_notes(facts, rulings, work, price.value, price.owed, policy.tolerance_cents)
    if facts.displaced == 1 and scan.base >= 0:
        base_marks = rulings[work[WORK_AT, scan.base]]["marks"]
        if displaced(base_marks, scan.seen, scan.ieepa_duty, policy):
            notes |= s.NOTE_DISPLACED
    return base, rule, notes, status


@routine
def general_line(facts, rulings, numbers, rates, policy, work):  # type: ignore[no-untyped-def]
    """Both modes of a line laid out on the work sheet, whatever stands on it.

    Filed - removed + restored = new duty on every line (clarification 13). ACE accepts exactly the tolerance (ED 624).
    """
    scan = scan_line(facts, rulings, work)
    price = price_line(facts, scan, rulings, numbers, rates, policy, work)
    filed = work[WORK_DUTY, scan.base] if scan.base >= 0 else np.int64(0)
    base = filed
    rule = notes = status = gap = np.int64(0)
    if scan.seen & MARK_IEEPA:
        base, rule, notes, status = treat_line(scan, filed, facts, rulings, policy, price, work)
    trial = trial_of(scan, facts.component, policy)
    if status != s.OK:
        trial |= s.TRIAL_UNABLE
    if price.known == 1:
        gap = scan.filed - scan.removed + base - filed - price.duty
        if abs(gap) > policy.tolerance_cents:
            notes |= s.NOTE_GAP
    return Outcome(
        base - filed,
        gap,
        price.known,
        trial,
        notes,
        status,
        price.value,
        price.column1,
        price.status,
        scan.base,
        base,
        rule,
    )
