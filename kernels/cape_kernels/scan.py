"""One walk over the numbers of a line: what it counts and sums, and where its goods value belongs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper
from cape_kernels.duty import NO_DAY
from cape_kernels.status import TRIAL_NUMBER_INACTIVE, TRIAL_ORDER_BROKEN
from cape_kernels.tables import ADDITIONAL, BASE, CHAPTER98, EXEMPT, NEVER, REPLACEMENT, SECTION122


class Facts(NamedTuple):
    """One row of `tables.Lines` as whole numbers (int64); its numbers are [first, last)."""

    first: int
    last: int
    day: int
    component: int
    spi: int
    column2: int
    text_row: int
    displaced: int


@helper
def facts_of(lines, line):  # type: ignore[no-untyped-def]
    """The facts of one line; loaded once, since every helper needs some of them."""
    return Facts(
        lines.offsets[line],
        lines.offsets[line + 1],
        np.int64(lines.day[line]),
        np.int64(lines.component[line]),
        np.int64(lines.spi[line]),
        np.int64(lines.column2[line]),
        np.int64(lines.text_row[line]),
        np.int64(lines.displaced[line]),
    )


class Scan(NamedTuple):
    """What one walk over the numbers of a line counts and sums (int64); `base` is its last chapter 1-97 number."""

    filed: int
    removed: int
    ieepa_duty: int
    replacement_duty: int
    value: int
    value_ieepa: int
    value_base: int
    value_98: int
    ieepa: int
    charging: int
    replacements: int
    ieepa_valued: int
    bases: int
    base: int
    chapter98: int
    remaining99: int
    section122: int
    trial: int
    outside: int


@helper
def own_dates(numbers, rates, number, day):  # type: ignore[no-untyped-def]
    """Whether a chapter 98 or 99 number of our tables has a row on this day (true without a day or without rows)."""
    if day == NO_DAY or numbers[number]["count"] == 0:
        return True
    for row in range(numbers[number]["start"], numbers[number]["start"] + numbers[number]["count"]):
        if rates[row]["valid_from"] <= day <= rates[row]["valid_to"]:
            return True
    return False


@helper
def scan_line(facts, tariffs, numbers, rates):  # type: ignore[no-untyped-def]
    """Walk the numbers of one line once."""
    filed = removed = ieepa_duty = replacement_duty = np.int64(0)
    value = value_ieepa = value_base = value_98 = np.int64(0)
    ieepa = charging = replacements = ieepa_valued = bases = chapter98 = remaining99 = section122 = np.int64(0)
    base = np.int64(-1)
    trial = outside = np.int64(0)
    rank = np.int64(-1)
    order_broken = False
    for tariff in range(facts.first, facts.last):
        number = tariffs.number[tariff]
        kind = numbers[number]["kind"]
        duty = tariffs.duty[tariff]
        worth = max(tariffs.value[tariff], np.int64(0))
        filed += duty
        value += worth
        if numbers[number]["rank"] >= 0:
            if numbers[number]["rank"] < rank:
                order_broken = True
            rank = np.int64(numbers[number]["rank"])
        if numbers[number]["removed"] == 1:
            removed += duty
        if kind == BASE:
            bases += 1
            base = np.int64(tariff)
            value_base += worth
        elif ADDITIONAL <= kind <= EXEMPT:
            ieepa += 1
            ieepa_duty += duty
            value_ieepa += worth
            if worth > 0:
                ieepa_valued += 1
            if kind != EXEMPT:
                charging += 1
            if kind == REPLACEMENT:
                replacements += 1
                replacement_duty += duty
            if not own_dates(numbers, rates, number, facts.day):
                outside += 1
            if numbers[number]["removed"] == 0:
                remaining99 += 1
        elif numbers[number]["rank"] >= 0:
            if kind == CHAPTER98:
                chapter98 += 1
                value_98 += worth
            elif numbers[number]["removed"] == 0:
                remaining99 += 1
            if kind == SECTION122:
                section122 += 1
            if kind == NEVER or (numbers[number]["removed"] == 0 and not own_dates(numbers, rates, number, facts.day)):
                trial |= TRIAL_NUMBER_INACTIVE
    # ACE tests 98 -> 99 -> 1-97 only (ED 852), and not when two chapter 98 numbers stand on the line (handbook 5.8).
    if order_broken and chapter98 < 2:
        trial |= TRIAL_ORDER_BROKEN
    sums = (filed, removed, ieepa_duty, replacement_duty, value, value_ieepa, value_base, value_98)
    counts = (ieepa, charging, replacements, ieepa_valued, bases, base, chapter98, remaining99, section122)
    return Scan(*(sums + counts + (trial, outside)))


@helper
def placed_value(scan, component, policy):  # type: ignore[no-untyped-def]
    """(value of the line in dollars, note) once goods value on an IEEPA record is placed (5.7, clarification 26).

    The components of a set carry no duty and are left alone, and beside a chapter 98 number nothing is repaired.
    """
    if scan.ieepa == 0 or component == 1:
        return scan.value, 0
    if scan.value == scan.value_ieepa and (scan.value == 0 or scan.chapter98 > 0):
        return scan.value, s.NOTE_NOT_PLACED
    if scan.ieepa_valued == 0 or scan.chapter98 > 0:
        return scan.value, 0
    if scan.value_base > 0:
        return scan.value - scan.value_ieepa, s.NOTE_DOUBLE
    if policy.move == 1 and scan.ieepa_valued == 1 and scan.value == scan.value_ieepa and scan.bases == 1:
        return scan.value, s.NOTE_MOVED
    return scan.value, s.NOTE_NOT_PLACED
