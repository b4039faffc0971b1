"""What each line should carry: its value, column 1 duty of its base number, and (mode B) every remaining number."""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, kernel
from cape_kernels.duty import CODE_0, CODE_TOPUP, NO_DAY, find_row, row_duty
from cape_kernels.scan import facts_of, placed_value, scan_line
from cape_kernels.tables import (
    BASE,
    CHAPTER98,
    DUTIES_OUT_TYPE,
    LINES_TYPE,
    NO_SPI,
    NUMBERS_TYPE,
    POLICY_TYPE,
    PRICES_OUT_TYPE,
    QUANTITIES_TYPE,
    RATES_TYPE,
    REPLACEMENT,
    SPI_NONE,
    TARIFFS_TYPE,
    USE_COLUMN2,
    USE_GENERAL,
    USE_OWN,
    USE_SPECIAL,
)

_CENTS_AT_15 = 15  # 15 % of a dollar
_FREE = -2  # stands for a row: the programme claimed is Free
_COMPUTE, _ZERO, _UNKNOWN = 0, 1, 2
_GENERAL, _SPECIAL, _COLUMN2 = 0, 1, 2


@helper
def claimed_row(numbers, rates, facts, policy, number, rate):  # type: ignore[no-untyped-def]
    """Rate row of a chapter 1-97 number: General, Special of the programme on the line, or Column 2; -1 if none.

    Base rates are constant over the IEEPA period (handbook 5.5), so an unknown rate date takes the as-of day's row. The
    export's column 1 text is the present rate: it counts where our tables do not know the number, or first if the
    setting says so.
    """
    day = facts.day
    if day == NO_DAY:
        day = policy.as_of
    text = facts.text_row
    if rate == _COLUMN2:
        return find_row(numbers, rates, number, USE_COLUMN2, NO_SPI, day)
    if rate == _GENERAL and policy.text_first == 1 and text >= 0:
        return np.int64(text)
    row = find_row(numbers, rates, number, USE_GENERAL, NO_SPI, day)
    if rate == _SPECIAL:
        if row >= 0 and (rates[row]["free_spis"] >> facts.spi) & 1 == 1:
            return np.int64(_FREE)
        return find_row(numbers, rates, number, USE_SPECIAL, facts.spi, day)
    if row < 0 and numbers[number]["known"] == 0:
        return np.int64(text)
    return row


@helper
def base_duty(numbers, rates, facts, policy, number, quantities, tariff, value):  # type: ignore[no-untyped-def]
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
        row = claimed_row(numbers, rates, facts, policy, number, rate)
        found = found_floor = np.int64(0)
        outcome = np.int64(s.NO_ROW)
        if row == _FREE:
            outcome = np.int64(s.OK)
        elif row >= 0:
            found, found_floor, outcome = row_duty(rates, row, quantities, tariff, value)
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
def line_kind(facts, tariffs, numbers, rates):  # type: ignore[no-untyped-def]
    """(what to do with a line, whether an all-in number that stays covers column 1).

    V components carry no duty; an exempt chapter 98 number leaves nothing to charge, another has its own basis.
    """
    verdict = _COMPUTE
    covered = False
    for tariff in range(facts.first, facts.last):
        number = tariffs.number[tariff]
        kind = numbers[number]["kind"]
        if kind == BASE or numbers[number]["removed"] == 1:
            continue
        row = find_row(numbers, rates, number, USE_OWN, NO_SPI, facts.day)
        code = rates[row]["code"] if row >= 0 else np.int8(0)
        if kind == CHAPTER98:
            if code == CODE_0:
                verdict = _ZERO
            elif verdict == _COMPUTE:
                verdict = _UNKNOWN
        elif code == CODE_TOPUP:
            covered = True
    if facts.component == 1:
        verdict = _ZERO
    return verdict, covered


@helper
def special_counts(facts, tariffs, numbers):  # type: ignore[no-untyped-def]
    """Whether the replacement number of a line compares Special with 15 % too (column1_basis, Korea)."""
    for tariff in range(facts.first, facts.last):
        number = tariffs.number[tariff]
        if numbers[number]["kind"] == REPLACEMENT and numbers[number]["special_counts"] == 1:
            return True
    return False


@kernel(
    (LINES_TYPE, TARIFFS_TYPE, QUANTITIES_TYPE, NUMBERS_TYPE, RATES_TYPE, POLICY_TYPE, PRICES_OUT_TYPE, DUTIES_OUT_TYPE)
)
def price_lines(lines, tariffs, quantities, numbers, rates, policy, out, duties):  # type: ignore[no-untyped-def]
    """Write value, column 1 and mode B duty of every line, and each number's mode B duty when detail is asked.

    Arguments: see `tables`; duties: int64 per number, or empty. Value of a line = sum of its records 50 (CSMS
    18-000657), after the value of an IEEPA record is placed. Mode B needs the rate date, a value and the data of each
    formula; where one is missing the line is not known (clarification 28).
    """
    for line in range(len(lines.offsets) - 1):
        facts = facts_of(lines, line)
        scan = scan_line(facts, tariffs, numbers, rates)
        value, notes = placed_value(scan, facts.component, policy)
        verdict, covered = line_kind(facts, tariffs, numbers, rates)
        known = verdict == _ZERO or (verdict == _COMPUTE and scan.bases > 0 and value > 0)
        column1 = total = np.int64(0)
        column1_status = np.int64(s.NO_BASE)
        at_15 = owed = False
        for tariff in range(facts.first, facts.last):
            number = tariffs.number[tariff]
            cents = np.int64(0)
            status = np.int64(s.OK)
            if numbers[number]["kind"] == BASE:
                # Two chapter 1-97 numbers on a line: each on the value of its own record.
                own = value if scan.bases == 1 else tariffs.value[tariff]
                column1, floor, general, status, more = base_duty(
                    numbers, rates, facts, policy, number, quantities, tariff, own
                )
                column1_status = status
                notes |= more
                if scan.replacements > 0 and status == s.OK:
                    compared = floor if general < 0 or special_counts(facts, tariffs, numbers) else general
                    at_15 = compared >= _CENTS_AT_15 * value
                if covered:
                    status = np.int64(s.OK)
                elif status == s.OK:
                    cents = column1
            elif numbers[number]["removed"] == 0 and verdict == _COMPUTE:
                row = find_row(numbers, rates, number, USE_OWN, NO_SPI, facts.day)
                status = np.int64(s.NO_ROW)
                if row >= 0:
                    cents, _, status = row_duty(rates, row, quantities, tariff, value)
            if cents > 0 and tariffs.duty[tariff] == 0 and status == s.OK:
                owed = True
            if verdict != _COMPUTE:
                cents = np.int64(0)
            elif status != s.OK:
                known = False
                cents = np.int64(0)
            total += cents
            if policy.detail == 1:
                duties[tariff] = cents
        out.value[line] = value
        out.column1[line] = column1
        out.status[line] = column1_status
        out.at_15[line] = at_15
        out.owed[line] = owed
        out.duty[line] = total if known else 0
        out.known[line] = known
        out.notes[line] = notes
