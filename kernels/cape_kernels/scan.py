"""A line that is not ordinary, laid out on the work sheet: its numbers, what they sum to, where its value belongs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper
from cape_kernels.programs import ruling_of
from cape_kernels.tables import (
    BASE,
    CHAPTER98,
    KIND,
    MARK_BASE,
    MARK_CHAPTER98,
    MARK_IEEPA,
    MARK_REMOVED,
    MARK_REPLACES,
    UNKNOWN,
    WIDE,
)
from cape_kernels.units import measures_at, place_of
from cape_kernels.work import (
    WORK_AT,
    WORK_DUTY,
    WORK_QUANTITIES,
    WORK_VALUE,
)


class Facts(NamedTuple):
    """What a line says of itself, beside its numbers (int64).

    `first` is the first of its `size` tariffs; its numbers are those from `start` among the numbers of shapes, and then
    `number`, beside which stands `value` (dollars, -1 missing). `valued` is 1 if others have a value too.
    """

    line: int
    first: int
    size: int
    start: int
    number: int
    value: int
    valued: int
    period: int
    day: int
    component: int
    spi: int
    column2: int
    text_row: int
    displaced: int


class Scan(NamedTuple):
    """What the numbers of a line count and sum (int64).

    `base` is the column of its last chapter 1-97 number, `seen` the OR of all marks.
    """

    seen: int
    filed: int
    removed: int
    ieepa_duty: int
    replacement_duty: int
    value: int
    value_ieepa: int
    value_base: int
    value_98: int
    ieepa_valued: int
    replacements: int
    bases: int
    base: int
    trial: int


@helper
def number_of(facts, shapes, column):  # type: ignore[no-untyped-def]
    """Place in the vocabulary of a number of a line."""
    return facts.number if column == facts.size - 1 else np.int64(shapes.before[facts.start + column])


@helper
def value_beside(facts, shapes, column, filler):  # type: ignore[no-untyped-def]
    """Dollars beside a number of a line, -1 missing."""
    if column == facts.size - 1:
        return facts.value
    if facts.valued == 0:
        return filler
    tariff = facts.first + column
    low, high = np.int64(0), np.int64(len(shapes.beside_tariff))
    while low < high:
        middle = (low + high) // 2
        if shapes.beside_tariff[middle] < tariff:
            low = middle + 1
        else:
            high = middle
    there = low < len(shapes.beside_tariff) and shapes.beside_tariff[low] == tariff
    return shapes.beside_value[low] if there else filler


@helper
def duty_at(tariffs, tariff):  # type: ignore[no-untyped-def]
    """Cents of a tariff, however large."""
    duty = np.int64(tariffs.duty[tariff])
    return tariffs.wide_duty[tariff] if duty == WIDE else duty


@helper
def lay_out(facts, shapes, tariffs, quantities, law, policy, work):  # type: ignore[no-untyped-def]
    """Write the numbers of a line on the work sheet; quantities matter for base numbers only."""
    sheet = work.sheet
    for column in range(facts.size):
        tariff = facts.first + column
        at = ruling_of(law.place, number_of(facts, shapes, column), facts.period)
        sheet[WORK_AT, column] = at
        sheet[WORK_VALUE, column] = value_beside(facts, shapes, column, policy.filler)
        sheet[WORK_DUTY, column] = duty_at(tariffs, tariff)
        if law.rulings[at]["marks"] & MARK_BASE:
            measures = measures_at(quantities, place_of(quantities, tariff, work.at))
            for slot in range(6):
                sheet[WORK_QUANTITIES + slot, column] = measures[slot]


@helper
def scan_line(facts, rulings, work):  # type: ignore[no-untyped-def]
    """Walk the numbers of one line once."""
    seen = filed = removed = ieepa_duty = replacement_duty = np.int64(0)
    value = value_ieepa = value_base = value_98 = np.int64(0)
    ieepa_valued = replacements = bases = chapter98 = trial = np.int64(0)
    base = np.int64(-1)
    rank = np.int64(0)
    order_broken = np.int64(0)
    for column in range(facts.size):
        marks = np.int64(rulings[work[WORK_AT, column]]["marks"])
        kind = marks & KIND
        duty = work[WORK_DUTY, column]
        worth = max(work[WORK_VALUE, column], np.int64(0))
        seen |= marks
        filed += duty
        value += worth
        if kind != UNKNOWN:
            own = np.int64(0) if kind == CHAPTER98 else np.int64(2) if kind == BASE else np.int64(1)
            order_broken |= own < rank
            rank = own
        if marks & MARK_REMOVED:
            removed += duty
        if kind == BASE:
            bases += 1
            base = np.int64(column)
            value_base += worth
        if marks & MARK_CHAPTER98:
            chapter98 += 1
            value_98 += worth
        if marks & MARK_IEEPA:
            ieepa_duty += duty
            value_ieepa += worth
            ieepa_valued += worth > 0
        if marks & MARK_REPLACES:
            replacements += 1
            replacement_duty += duty
    # ACE tests 98 -> 99 -> 1-97 only (ED 852), and not when two chapter 98 numbers stand on the line (handbook 5.8).
    if order_broken == 1 and chapter98 < 2:
        trial |= s.TRIAL_ORDER_BROKEN
    return Scan(
        seen,
        filed,
        removed,
        ieepa_duty,
        replacement_duty,
        value,
        value_ieepa,
        value_base,
        value_98,
        ieepa_valued,
        replacements,
        bases,
        base,
        trial,
    )


@helper
def placed_value(scan, component, policy):  # type: ignore[no-untyped-def]
    """(value of the line in dollars, note) once goods value on an IEEPA record is placed (5.7, clarification 26).

    The components of a set carry no duty and are left alone, and beside a chapter 98 number nothing is repaired.
    """
    chapter98 = scan.seen & MARK_CHAPTER98
    if scan.seen & MARK_IEEPA == 0 or component == 1:
        return scan.value, 0
    if scan.value == scan.value_ieepa and (scan.value == 0 or chapter98):
        return scan.value, s.NOTE_NOT_PLACED
    if scan.ieepa_valued == 0 or chapter98:
        return scan.value, 0
    if scan.value_base > 0:
        return scan.value - scan.value_ieepa, s.NOTE_DOUBLE
    if policy.move == 1 and scan.ieepa_valued == 1 and scan.value == scan.value_ieepa and scan.bases == 1:
        return scan.value, s.NOTE_MOVED
    return scan.value, s.NOTE_NOT_PLACED
