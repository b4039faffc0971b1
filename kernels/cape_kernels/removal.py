"""Mode A: remove the IEEPA numbers of whole entries, restore column 1 where they stood instead of it, keep the rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cape_kernels import status as s
from cape_kernels._jit import helper, kernel
from cape_kernels.duty import CODE_X, E9, find_row, percent_cents
from cape_kernels.scan import facts_of, scan_line
from cape_kernels.tables import (
    ADDITIONAL,
    ENTRY_OUT_TYPE,
    EXEMPT,
    LINE_OUT_TYPE,
    LINES_TYPE,
    NO_SPI,
    NUMBERS_TYPE,
    OFFSETS_TYPE,
    POLICY_TYPE,
    PRICES_TYPE,
    RATES_TYPE,
    REPLACEMENT,
    TARIFF_OUT_TYPE,
    TARIFFS_TYPE,
    USE_OWN,
)

_CUSTOMARY_TARIFFS = 16
_ALL_IN_E9 = np.int64(150_000_000)  # the 15 % of the replacement numbers (CSMS 66319804)
_SMALL_VALUE = 1 << 32
_CENTS_E9 = 10_000_000  # value in dollars x rate in billionths is so many times the duty in cents
_PLACEMENT = s.NOTE_MOVED | s.NOTE_DOUBLE | s.NOTE_NOT_PLACED
_RATE_NOTES = s.NOTE_SPI_IGNORED | s.NOTE_RATE_BASIS


@helper
def trial_of(scan, component, policy):  # type: ignore[no-untyped-def]
    """Trial bits of one line (handbook 5.9, clarifications 24 and 25)."""
    trial = scan.trial
    if scan.outside > 0:
        trial |= s.TRIAL_IEEPA_INACTIVE
    if scan.value_ieepa > 0:
        trial |= s.TRIAL_VALUE_ON_IEEPA
    if scan.ieepa > 0 and scan.bases > 0 and scan.value_base + scan.value_98 == 0:
        trial |= s.TRIAL_VALUE_MISSING_BASE
    alone = scan.bases + scan.chapter98 == 0
    if alone and (scan.remaining99 > 0 or scan.ieepa > 0):
        trial |= s.TRIAL_PARTNER_MISSING
    replacing = scan.replacements > 0 and policy.restore == 1 and scan.chapter98 == 0 and component == 0
    if replacing and scan.bases == 0:
        trial |= s.TRIAL_PARTNER_MISSING
    return trial


@helper
def rate_of(numbers, rates, number, day):  # type: ignore[no-untyped-def]
    """Rate of an IEEPA number on its day; the highest it ever had outside its rows or where its row has none."""
    row = find_row(numbers, rates, number, USE_OWN, NO_SPI, np.int64(day))
    if row < 0 or rates[row]["code"] == CODE_X:  # suspended: no rate in force
        return numbers[number]["highest_e9"]
    return rates[row]["p2_e9"]


@helper
def above_rate(numbers, rates, tariffs, tariff, day, value, tolerance):  # type: ignore[no-untyped-def]
    """Whether an IEEPA number carries more than rate x value by more than the tolerance (handbook 5.7)."""
    filed = tariffs.duty[tariff]
    if filed <= tolerance:
        return False
    rate = rate_of(numbers, rates, tariffs.number[tariff], day)
    # A test without division first: rounding moves the duty by half a cent at most.
    if value < _SMALL_VALUE and rate < 2 * E9 and (filed - tolerance + 1) * _CENTS_E9 <= value * rate:
        return False
    charged = percent_cents(value, rate)
    return charged >= 0 and filed - charged > tolerance


class Price(NamedTuple):
    """One row of `tables.Prices` as whole numbers (int64)."""

    value: int
    column1: int
    status: int
    at_15: int
    owed: int
    duty: int
    known: int
    notes: int


@helper
def price_of(prices, line):  # type: ignore[no-untyped-def]
    """What one line should carry."""
    return Price(
        prices.value[line],
        prices.column1[line],
        np.int64(prices.status[line]),
        np.int64(prices.at_15[line]),
        np.int64(prices.owed[line]),
        prices.duty[line],
        np.int64(prices.known[line]),
        np.int64(prices.notes[line]),
    )


@helper
def charge_notes(facts, tariffs, numbers, rates, policy, value, owed):  # type: ignore[no-untyped-def]
    """Notes on additional and exempt numbers that carry more than their rate, and on duty bundled in them."""
    for tariff in range(facts.first, facts.last):
        kind = numbers[tariffs.number[tariff]]["kind"]
        if (kind == ADDITIONAL or kind == EXEMPT) and above_rate(
            numbers, rates, tariffs, tariff, facts.day, value, policy.tolerance_cents
        ):
            return s.NOTE_ABOVE_RATE | s.NOTE_BUNDLED if owed == 1 else s.NOTE_ABOVE_RATE
    return 0


@helper
def restored_base(scan, filed, price, policy):  # type: ignore[no-untyped-def]
    """(new duty of the base number, rule, notes, status) of a replacement line (handbook 5.3, clarifications 21-24)."""
    value = price.value
    if scan.bases != 1:
        return filed, s.RULE_NONE, 0, s.NO_BASE if scan.bases == 0 else s.TWO_BASES
    if value <= 0:
        return filed, s.RULE_NONE, 0, s.NO_VALUE
    if price.status != s.OK:
        return filed, s.RULE_NONE, 0, price.status
    column1 = price.column1
    all_in = percent_cents(value, _ALL_IN_E9)
    notes = s.NOTE_AVE if price.at_15 == 1 else 0
    tolerance = policy.tolerance_cents
    if scan.replacements == 1:
        if filed <= tolerance and abs(scan.replacement_duty - all_in) <= tolerance:
            return column1, s.RULE_RESTORED_FULL, notes, s.OK
        if abs(filed - column1) <= tolerance and abs(scan.replacement_duty - (all_in - column1)) <= tolerance:
            return filed, s.RULE_KEPT_SPLIT, notes, s.OK
    return column1, s.RULE_RESTORED_UNKNOWN, notes | s.NOTE_LAYOUT, s.OK


@helper
def displaced(scan, facts, tariffs, numbers, policy):  # type: ignore[no-untyped-def]
    """Whether IEEPA displaced section 232 on this line: metals of CA and MX, 2025-03-04 to 06-03 (handbook 5.7)."""
    if policy.displaced == 0 or facts.displaced == 0 or scan.bases == 0 or scan.charging == 0:
        return False
    return scan.ieepa_duty > 0 and scan.remaining99 == 0 and numbers[tariffs.number[scan.base]]["metal"] == 1


@helper
def flags_of(notes, scan, tariffs_on_line):  # type: ignore[no-untyped-def]
    """Flags of the entry that one line raises."""
    flags = np.int64(0)
    if notes & s.NOTE_BUNDLED:
        flags |= s.FLAG_BUNDLED_DUTY
    if notes & s.NOTE_ABOVE_RATE:
        flags |= s.FLAG_IEEPA_ABOVE_RATE
    if notes & s.NOTE_AVE:
        flags |= s.FLAG_COLUMN1_AT_OR_ABOVE_15
    if notes & s.NOTE_RESTORED:
        flags |= s.FLAG_COLUMN1_RESTORED
    if notes & s.NOTE_LAYOUT:
        flags |= s.FLAG_REPLACEMENT_LAYOUT_UNKNOWN
    if notes & s.NOTE_MOVED:
        flags |= s.FLAG_VALUE_MOVED
    if notes & s.NOTE_DOUBLE:
        flags |= s.FLAG_VALUE_DOUBLE
    if notes & s.NOTE_NOT_PLACED:
        flags |= s.FLAG_VALUE_NOT_PLACED
    if notes & s.NOTE_OUTSIDE:
        flags |= s.FLAG_OUTSIDE_OWN_DATES
    if notes & s.NOTE_DISPLACED:
        flags |= s.FLAG_DISPLACED_232
    if notes & s.NOTE_GAP:
        flags |= s.FLAG_MODE_GAP
    if notes & s.NOTE_NOT_RECOMPUTABLE:
        flags |= s.FLAG_NOT_RECOMPUTABLE
    if scan.chapter98 > 0:
        flags |= s.FLAG_CHAPTER_98
    if tariffs_on_line > _CUSTOMARY_TARIFFS:
        flags |= s.FLAG_MANY_TARIFFS_ON_LINE
    return flags


@helper
def write_tariffs(facts, tariffs, numbers, scan, new_base, rule, moved, out):  # type: ignore[no-untyped-def]
    """Before and after of each number of a line: change, rule, duty of the new version."""
    for tariff in range(facts.first, facts.last):
        number = tariffs.number[tariff]
        change = s.CHANGE_KEPT
        why = s.RULE_NONE
        duty = tariffs.duty[tariff]
        if numbers[number]["removed"] == 1:
            change = s.CHANGE_REMOVED
            duty = np.int64(0)
            why = s.RULE_ADDITIONAL
            if numbers[number]["kind"] == REPLACEMENT:
                why = s.RULE_REPLACEMENT
            elif numbers[number]["kind"] != ADDITIONAL:
                why = s.RULE_EXEMPT
        elif tariff == scan.base and rule != s.RULE_NONE:
            why = rule
            duty = new_base
            if moved:
                change = s.CHANGE_MOVED_VALUE
            elif new_base != tariffs.duty[tariff]:
                change = s.CHANGE_RESTORED
        out.change[tariff] = change
        out.rule[tariff] = why
        out.duty[tariff] = duty


@helper
def treat_line(scan, filed, facts, tariffs, numbers, rates, policy, price):  # type: ignore[no-untyped-def]
    """(new base duty, rule, notes, status) of one line with at least one IEEPA number."""
    priced = price.notes
    notes = priced & _PLACEMENT
    base = filed
    rule = np.int64(s.RULE_NONE)
    status = np.int64(s.OK)
    component = facts.component == 1
    if scan.outside > 0:
        notes |= s.NOTE_OUTSIDE
    if scan.replacements > 0 and component:
        rule = np.int64(s.RULE_KEPT_SET)
    elif scan.replacements > 0 and scan.chapter98 > 0:
        rule = np.int64(s.RULE_KEPT_98)
    elif scan.replacements > 0 and policy.restore == 0:
        rule = np.int64(s.RULE_NOT_RESTORED)
    elif scan.replacements > 0:
        base, rule, more, status = restored_base(scan, filed, price, policy)
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
        notes |= charge_notes(facts, tariffs, numbers, rates, policy, price.value, price.owed)
    if displaced(scan, facts, tariffs, numbers, policy):
        notes |= s.NOTE_DISPLACED
    return base, rule, notes, status


@helper
def compare_modes(price, duty, policy):  # type: ignore[no-untyped-def]
    """(gap of mode A to mode B in cents, note) of a line; ACE accepts exactly the tolerance (ED 624)."""
    if price.known == 0:
        return np.int64(0), s.NOTE_NOT_RECOMPUTABLE
    gap = duty - price.duty
    return gap, s.NOTE_GAP if abs(gap) > policy.tolerance_cents else 0


@helper
def write_presence(out, entry, charging, ieepa, ieepa_duty, section122):  # type: ignore[no-untyped-def]
    """Add to the trial of an entry what its presence of IEEPA numbers says (handbook 4.4)."""
    trial = np.int64(0)
    if charging == 0:
        trial |= s.TRIAL_NO_CHARGING_NUMBER
        if section122 > 0:
            trial |= s.TRIAL_SECTION_122_ONLY
    if ieepa == 0:
        trial |= s.TRIAL_NO_IEEPA_NUMBER
    if ieepa_duty == 0:
        trial |= s.TRIAL_NO_IEEPA_AMOUNT
    out.trial[entry] |= trial


@kernel(
    (
        OFFSETS_TYPE,
        LINES_TYPE,
        TARIFFS_TYPE,
        NUMBERS_TYPE,
        RATES_TYPE,
        POLICY_TYPE,
        PRICES_TYPE,
        types.Tuple((ENTRY_OUT_TYPE, LINE_OUT_TYPE, TARIFF_OUT_TYPE)),
    )
)
def remove_ieepa(offsets, lines, tariffs, numbers, rates, policy, prices, outs):  # type: ignore[no-untyped-def]
    """Write the new version of every entry (mode A), its trial and flags, and the gap of each line to mode B.

    offsets: int64 lines of each entry (n + 1); prices: what `price_lines` wrote; outs: results per entry, line and
    number; the rest: see `tables`. Sums stay in int64 because no duty is above `LARGEST_DUTY_CENTS`. Filed - removed +
    restored = new duty on every entry (clarification 13).
    """
    out, line_out, tariff_out = outs
    for entry in range(len(offsets) - 1):
        filed = removed = restored = recomputed = gaps = np.int64(0)
        ieepa_duty = ieepa = charging = section122 = np.int64(0)
        trial = flags = np.int64(0)
        known = True
        for line in range(offsets[entry], offsets[entry + 1]):
            facts = facts_of(lines, line)
            price = price_of(prices, line)
            scan = scan_line(facts, tariffs, numbers, rates)
            base_filed = tariffs.duty[scan.base] if scan.base >= 0 else np.int64(0)
            base = base_filed
            rule = notes = status = np.int64(0)
            if scan.ieepa > 0:
                base, rule, notes, status = treat_line(scan, base_filed, facts, tariffs, numbers, rates, policy, price)
            duty = scan.filed - scan.removed + base - base_filed
            gap, more = compare_modes(price, duty, policy)
            notes |= more
            trial |= trial_of(scan, facts.component, policy)
            if status != s.OK:
                trial |= s.TRIAL_UNABLE
            flags |= flags_of(notes, scan, facts.last - facts.first)
            filed += scan.filed
            removed += scan.removed
            restored += base - base_filed
            recomputed += price.duty
            gaps += gap
            known = known and price.known == 1
            ieepa_duty += scan.ieepa_duty
            ieepa += scan.ieepa
            charging += scan.charging
            section122 += scan.section122
            line_out.duty[line] = duty
            line_out.gap[line] = gap
            line_out.notes[line] = notes
            line_out.status[line] = status
            if policy.detail == 1:
                write_tariffs(facts, tariffs, numbers, scan, base, rule, notes & s.NOTE_MOVED != 0, tariff_out)
        if known and (
            abs(gaps) > policy.tolerance_cents
            or (policy.summary_inclusive == 0 and abs(gaps) == policy.tolerance_cents)
        ):
            flags |= s.FLAG_MODE_GAP
        out.filed[entry] = filed
        out.removed[entry] = removed
        out.restored[entry] = restored
        out.recomputed[entry] = recomputed if known else 0
        out.known[entry] = known
        out.trial[entry] = trial
        out.flags[entry] = flags
        write_presence(out, entry, charging, ieepa, ieepa_duty, section122)
