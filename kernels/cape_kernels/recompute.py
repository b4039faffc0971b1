"""What a line should carry: its value, column 1 duty of its base number, and (mode B) every remaining number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper
from cape_kernels.duty import NO_DAY, find_row, row_duty
from cape_kernels.scan import placed_value
from cape_kernels.tables import (
    BASE,
    KIND,
    MARK_CHAPTER98,
    MARK_FREE98,
    MARK_REMOVED,
    MARK_SPECIAL_COUNTS,
    MARK_TOPUP,
    MARK_UNKNOWN,
    NO_SPI,
    SPI_NONE,
    USE_COLUMN2,
    USE_GENERAL,
    USE_SPECIAL,
)
from cape_kernels.units import Measures
from cape_kernels.work import (
    WORK_AT,
    WORK_CENTS,
    WORK_DUTY,
    WORK_QUANTITIES,
    WORK_VALUE,
)

CENTS_AT_15 = 15  # 15 % of a dollar
_FREE = -2  # stands for a row: the programme claimed is Free
_COMPUTE, _ZERO, _UNKNOWN = 0, 1, 2
_GENERAL, _SPECIAL, _COLUMN2 = 0, 1, 2


class Price(NamedTuple):
    """What a line should carry, found before anything is removed (int64).

    Attributes:
        value: dollars of the line, after an IEEPA record's value is placed. column1: cents of its base number at the
        rate claimed. status: why not. at_15: 1 if column 1 is 15 % of the value or more. owed: 1 if a number that
        should carry duty was filed with 0. duty: cents of the line, mode B. known: 1 if mode B could be computed.
        notes: placement of the value, programme, basis.
    """

    value: int
    column1: int
    status: int
    at_15: int
    owed: int
    duty: int
    known: int
    notes: int


@helper
def claimed_row(ruling, numbers, rates, facts, policy, rate):  # type: ignore[no-untyped-def]
    """Rate row of a chapter 1-97 number: General, Special of the programme on the line, or Column 2; -1 if none.

    Base rates are constant over the IEEPA period (handbook 5.5), so an unknown rate date takes the as-of day's row. The
    export's column 1 text is the present rate: it counts where our tables do not know the number, or first if the
    setting says so.
    """
    day = facts.day
    if day == NO_DAY:
        day = policy.as_of
    if rate == _GENERAL and policy.text_first == 1 and facts.text_row >= 0:
        return facts.text_row
    start, count = np.int64(numbers[ruling["number"]]["start"]), np.int64(numbers[ruling["number"]]["count"])
    row = find_row(rates, start, count, USE_COLUMN2 if rate == _COLUMN2 else USE_GENERAL, NO_SPI, day)
    if rate == _SPECIAL:
        if row >= 0 and (rates[row]["free_spis"] >> facts.spi) & 1 == 1:
            return np.int64(_FREE)
        return find_row(rates, start, count, USE_SPECIAL, facts.spi, day)
    if rate == _GENERAL and row < 0 and ruling["marks"] & MARK_UNKNOWN:
        return facts.text_row
    return row


@helper
def base_duty(ruling, numbers, rates, facts, policy, measures, value):  # type: ignore[no-untyped-def]
    """(cents, cents cut off, cents cut off at General or -1, status, notes) of a chapter 1-97 number.

    Column 2 for BY, CU, KP and RU; else Special if the programme on the line is listed and computable; else General
    (clarification 21). General is computed beside Special, because most headings compare it with 15 %.
    """
    cents = floor = general = np.int64(-1)
    status = np.int64(s.NO_ROW)
    notes = np.int64(0)
    for rate in (_SPECIAL, _GENERAL, _COLUMN2):
        if (rate == _SPECIAL and facts.spi == SPI_NONE) or (rate == _COLUMN2) != (facts.column2 == 1):
            continue
        row = claimed_row(ruling, numbers, rates, facts, policy, rate)
        found = found_floor = np.int64(0)
        outcome = np.int64(s.NO_ROW)
        if row == _FREE:
            outcome = np.int64(s.OK)
        elif row >= 0:
            found, found_floor, outcome = row_duty(rates, row, measures, value)
        if rate == _SPECIAL and outcome != s.OK:
            notes |= s.NOTE_SPI_IGNORED
        if rate == _GENERAL and outcome == s.OK:
            general = found_floor
        if status != s.OK:
            status = outcome
            cents = found
            floor = found_floor
            if row >= 0 and rates[row]["on_basis"] == 1:
                notes |= s.NOTE_RATE_BASIS
    return cents, floor, general, status, notes


@helper
def verdict_of(scan, component):  # type: ignore[no-untyped-def]
    """What to do with a line: V components carry no duty; a chapter 98 number leaves nothing or has its own basis."""
    if component == 1 or scan.seen & MARK_FREE98:
        return _ZERO
    return _UNKNOWN if scan.seen & MARK_CHAPTER98 else _COMPUTE


@helper
def price_line(facts, scan, rulings, numbers, rates, policy, work):  # type: ignore[no-untyped-def]
    """The price of one line; mode B of each number goes on the work sheet.

    Value of a line = sum of its records 50 (CSMS 18-000657), after the value of an IEEPA record is placed. Mode B needs
    the rate date, a value and the data of each formula; where one is missing the line is not known (clarification 28).
    """
    value, notes = placed_value(scan, facts.component, policy)
    verdict = verdict_of(scan, facts.component)
    known = verdict == _ZERO or (verdict == _COMPUTE and scan.bases > 0 and value > 0)
    column1 = total = np.int64(0)
    column1_status = np.int64(s.NO_BASE)
    at_15 = owed = False
    for column in range(facts.size):
        ruling = rulings[work[WORK_AT, column]]
        measures = Measures(
            work[WORK_QUANTITIES, column],
            work[WORK_QUANTITIES + 1, column],
            work[WORK_QUANTITIES + 2, column],
            work[WORK_QUANTITIES + 3, column],
            work[WORK_QUANTITIES + 4, column],
            work[WORK_QUANTITIES + 5, column],
        )
        cents = np.int64(0)
        status = np.int64(s.OK)
        if ruling["marks"] & KIND == BASE:
            # Two chapter 1-97 numbers on a line: each on the value of its own record.
            own = value if scan.bases == 1 else work[WORK_VALUE, column]
            column1, floor, general, status, more = base_duty(ruling, numbers, rates, facts, policy, measures, own)
            column1_status = status
            notes |= more
            if scan.replacements > 0 and status == s.OK:
                compared = floor if general < 0 or scan.seen & MARK_SPECIAL_COUNTS else general
                at_15 = compared >= CENTS_AT_15 * value
            if scan.seen & MARK_TOPUP:
                status = np.int64(s.OK)
            elif status == s.OK:
                cents = column1
        elif ruling["marks"] & MARK_REMOVED == 0 and verdict == _COMPUTE:
            status = np.int64(s.NO_ROW)
            if ruling["row"] >= 0:
                cents, _, status = row_duty(rates, np.int64(ruling["row"]), measures, value)
        if cents > 0 and work[WORK_DUTY, column] == 0 and status == s.OK:
            owed = True
        if verdict != _COMPUTE:
            cents = np.int64(0)
        elif status != s.OK:
            known = False
            cents = np.int64(0)
        total += cents
        work[WORK_CENTS, column] = cents
    return Price(
        value,
        column1,
        column1_status,
        np.int64(at_15),
        np.int64(owed),
        total if known else np.int64(0),
        np.int64(known),
        np.int64(notes),
    )
