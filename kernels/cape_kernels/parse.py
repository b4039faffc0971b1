"""Text cells to whole numbers, strictly: money, entered value, quantities, whole numbers, days, tariff numbers.

The grammar of amounts is that of `cape_engine.money`, and a test compares the two; what stands around a cell (blanks,
a no-break space, a carriage return, a spreadsheet guard such as `="..."`, an apostrophe) is taken off first.
A cell that is not one of the accepted forms gets a status and the value -1; nothing becomes zero by default.
"""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, kernel, types
from cape_kernels.cells import WIDEST, cell_of, digit_value, plain_cents, plain_digits, trimmed

OK = 0
BLANK = 1
NOT_A_NUMBER = 2
NEGATIVE = 3
TOO_MANY_DECIMALS = 4
OUT_OF_BOUNDS = 5
IMPOSSIBLE_DAY = 6
HAS_TIME = 7
BAD_LENGTH = 8
ROUNDED = 16
"""Statuses; `ROUNDED` alone stands beside a good value."""

NOTHING = -1
NO_DAY = -(2**31)
CENTS = 0
DOLLARS = 1
HUNDREDTHS = 2
WHOLE = 3
"""Forms of a number, for `parse_number`."""

HTS_SCALE = 10_000_000_000
"""A tariff number n of ten digits is n, one of eight digits is n + HTS_SCALE."""

FIRST_YEAR = 1900
LAST_YEAR = 2199


_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_BYTES_OUT = types.Array(types.uint8, 1, "C")
_SPANS = types.Array(types.int64, 1, "C", readonly=True)
_NUMBERS_OUT = types.Array(types.int64, 1, "C")
_DAYS_OUT = types.Array(types.int32, 1, "C")


@helper
def _is_free(data, start, end):  # type: ignore[no-untyped-def]
    """Whether the cell reads FREE in any case."""
    return (
        end - start == 4
        and (data[start] | 32) == 102
        and (data[start + 1] | 32) == 114
        and (data[start + 2] | 32) == 101
        and (data[start + 3] | 32) == 101
    )


@helper
def _amount(data, start, end):  # type: ignore[no-untyped-def]
    """(status, whole, hundredths, decimals, third decimal, anything but zero behind the second decimal)."""
    whole = np.int64(0)
    hundredths = np.int64(0)
    third = np.int64(0)
    more = False
    place, last = trimmed(data, start, end)
    if place < last and data[place] == 36:  # $
        place += 1
        while place < last and (data[place] == 32 or data[place] == 9):
            place += 1
    if place == last:
        return BLANK, whole, hundredths, 0, third, more
    if data[place] == 45 or data[place] == 40:  # - (
        return NEGATIVE, whole, hundredths, 0, third, more
    digits = 0
    run = 0
    commas = 0
    huge = False
    while place < last and data[place] != 46:
        value = digit_value(data[place])
        if value >= 0:
            whole = whole * 10 + value
            if whole > WIDEST // 10:
                huge = True
                whole = np.int64(0)
            digits += 1
            run += 1
        elif data[place] == 44:  # a comma: one to three digits before the first, exactly three between two
            if (commas == 0 and (run == 0 or run > 3)) or (commas > 0 and run != 3):
                return NOT_A_NUMBER, whole, hundredths, 0, third, more
            commas += 1
            run = 0
        else:
            return NOT_A_NUMBER, whole, hundredths, 0, third, more
        place += 1
    if digits == 0 or (commas > 0 and run != 3):
        return NOT_A_NUMBER, whole, hundredths, 0, third, more
    decimals = 0
    if place < last:
        place += 1
        while place < last:
            value = digit_value(data[place])
            if value < 0:
                return NOT_A_NUMBER, whole, hundredths, 0, third, more
            decimals += 1
            if decimals <= 2:
                hundredths = hundredths * 10 + value
            elif value > 0:
                more = True
            if decimals == 3:
                third = value
            place += 1
        if decimals == 0:
            return NOT_A_NUMBER, whole, hundredths, 0, third, more
        if decimals == 1:
            hundredths *= 10
    if huge:
        return OUT_OF_BOUNDS, whole, hundredths, decimals, third, more
    return OK, whole, hundredths, decimals, third, more


@kernel(types.void(_SPANS, _BYTES, types.int64, types.boolean, _NUMBERS_OUT, _BYTES_OUT))
def parse_cents(spans, data, high, free, out, status):
    """Dollars as text to cents, at most two decimals; `high` is the largest number of cents, `free` lets FREE be 0."""
    for row in range(len(out)):
        start, end = cell_of(spans, row)
        plain = plain_cents(data, start, end)
        if 0 <= plain <= high:
            out[row] = plain
            status[row] = OK
            continue
        if free:
            first, last = trimmed(data, start, end)
            if _is_free(data, first, last):
                out[row] = 0
                status[row] = OK
                continue
        state, whole, hundredths, decimals, _third, _more = _amount(data, start, end)
        if (state == OK or state == OUT_OF_BOUNDS) and decimals > 2:
            state = TOO_MANY_DECIMALS
        if state == OK and (whole > WIDEST // 100 or whole * 100 + hundredths > high):
            state = OUT_OF_BOUNDS
        out[row] = whole * 100 + hundredths if state == OK else NOTHING
        status[row] = state


@kernel(types.void(_SPANS, _BYTES, types.int64, _NUMBERS_OUT, _BYTES_OUT))
def parse_dollars(spans, data, high, out, status):
    """Entered value to whole dollars, at most two decimals, 50 cents and more counted as a dollar (19 CFR 159.3(a))."""
    for row in range(len(out)):
        start, end = cell_of(spans, row)
        plain = plain_cents(data, start, end)
        if plain >= 0 and plain % 100 == 0 and plain // 100 <= high:
            out[row] = plain // 100
            status[row] = OK
            continue
        state, whole, hundredths, decimals, _third, _more = _amount(data, start, end)
        if (state == OK or state == OUT_OF_BOUNDS) and decimals > 2:
            state = TOO_MANY_DECIMALS
        if state == OK:
            if hundredths > 0:
                state = ROUNDED
            if hundredths >= 50:
                whole += 1
            if whole > high:
                state = OUT_OF_BOUNDS
        out[row] = whole if state == OK or state == ROUNDED else NOTHING
        status[row] = state


@kernel(types.void(_SPANS, _BYTES, types.int64, _NUMBERS_OUT, _BYTES_OUT))
def parse_hundredths(spans, data, high, out, status):
    """A quantity to hundredths; further decimals are rounded half up (CATAIR AE 50 holds two implied decimals)."""
    for row in range(len(out)):
        start, end = cell_of(spans, row)
        if start == end:
            out[row] = NOTHING
            status[row] = BLANK
            continue
        plain = plain_cents(data, start, end)
        if 0 <= plain <= high:
            out[row] = plain
            status[row] = OK
            continue
        state, whole, hundredths, _decimals, third, more = _amount(data, start, end)
        value = np.int64(NOTHING)
        if state == OK:
            if whole > WIDEST // 100:
                state = OUT_OF_BOUNDS
            else:
                value = whole * 100 + hundredths
                if more:
                    state = ROUNDED
                if third >= 5:
                    value += 1
                if value > high:
                    state = OUT_OF_BOUNDS
                    value = np.int64(NOTHING)
        out[row] = value
        status[row] = state


@kernel(types.void(_SPANS, _BYTES, types.int64, types.int64, _NUMBERS_OUT, _BYTES_OUT))
def parse_whole(spans, data, low, high, out, status):
    """A whole number of plain digits between `low` and `high`."""
    for row in range(len(out)):
        start, end = cell_of(spans, row)
        plain = plain_digits(data, start, end)
        if low <= plain <= high and plain >= 0:
            out[row] = plain
            status[row] = OK
            continue
        place, last = trimmed(data, start, end)
        state = OK
        value = np.int64(0)
        if place == last:
            state = BLANK
        elif data[place] == 45 or data[place] == 40:
            state = NEGATIVE
        while state == OK and place < last:
            digit = digit_value(data[place])
            if digit < 0:
                state = NOT_A_NUMBER
            else:
                value = value * 10 + digit
                if value > WIDEST // 10:
                    value = WIDEST // 10  # stays outside every bound, and cannot overflow
            place += 1
        if state == OK and (value < low or value > high):
            state = OUT_OF_BOUNDS
        out[row] = value if state == OK else NOTHING
        status[row] = state


@kernel(types.void(_SPANS, _BYTES, types.int64, types.int64, types.int64, _NUMBERS_OUT, _BYTES_OUT))
def parse_number(spans, data, form, low, high, out, status):
    """Cells of one of the forms above, between `low` (of whole numbers only) and `high`."""
    if form == CENTS:
        parse_cents(spans, data, high, True, out, status)  # noqa: FBT003 - kernels take no names
    elif form == DOLLARS:
        parse_dollars(spans, data, high, out, status)
    elif form == HUNDREDTHS:
        parse_hundredths(spans, data, high, out, status)
    else:
        parse_whole(spans, data, low, high, out, status)


@helper
def _days_in_month(year, month):  # type: ignore[no-untyped-def]
    """Days of a month of the Gregorian calendar."""
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


@helper
def _day_number(year, month, day):  # type: ignore[no-untyped-def]
    """Days since 1970-01-01 (the civil calendar counted in eras of 400 years from 1 March of year 0)."""
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


@helper
def _number_at(data, place, last):  # type: ignore[no-untyped-def]
    """(value, digits read, place behind them) of up to four digits."""
    value = np.int64(0)
    digits = 0
    while place < last and digits < 4 and digit_value(data[place]) >= 0:
        value = value * 10 + digit_value(data[place])
        digits += 1
        place += 1
    return value, digits, place


@helper
def _time_state(data, place, last):  # type: ignore[no-untyped-def]
    """OK if what follows a day is nothing, or midnight; HAS_TIME for another time; NOT_A_NUMBER for anything else.

    Midnight is what a spreadsheet or database adds to a day; any other time could be another day in another zone.
    """
    if place == last:
        return OK
    if data[place] != 32 and data[place] != 84:  # blank or T
        return NOT_A_NUMBER
    hour, digits, place = _number_at(data, place + 1, last)
    if digits == 0 or digits > 2 or place == last or data[place] != 58:
        return NOT_A_NUMBER
    later = False
    while place < last and (data[place] == 58 or data[place] == 46 or digit_value(data[place]) >= 0):
        if 49 <= data[place] <= 57:
            later = True
        place += 1
    morning = False
    if last - place == 3 and data[place] == 32 and (data[place + 1] | 32) == 97 and (data[place + 2] | 32) == 109:
        morning = True
        place = last
    if place != last:
        return NOT_A_NUMBER if data[place] != 32 and data[place] != 43 and data[place] != 90 else HAS_TIME
    if later or not (hour == 0 or (hour == 12 and morning)):
        return HAS_TIME
    return OK


@kernel(types.void(_SPANS, _BYTES, _DAYS_OUT, _BYTES_OUT))
def parse_days(spans, data, out, status):
    """Days written M/D/YYYY, MM/DD/YYYY or YYYY-MM-DD (midnight may follow) to days since 1970-01-01."""
    for row in range(len(out)):
        out[row] = NO_DAY
        start, end = cell_of(spans, row)
        place, last = trimmed(data, start, end)
        if place == last:
            status[row] = BLANK
            continue
        first, first_digits, place = _number_at(data, place, last)
        mark = data[place] if place < last else 0
        second, second_digits, place = _number_at(data, place + 1, last)
        other_mark = data[place] if place < last else 0
        third, third_digits, place = _number_at(data, place + 1, last)
        if mark != other_mark or second_digits == 0 or second_digits > 2:
            status[row] = NOT_A_NUMBER
            continue
        if mark == 47 and 0 < first_digits <= 2 and third_digits == 4:
            year, month, day = third, first, second
        elif mark == 45 and first_digits == 4 and second_digits == 2 and third_digits == 2:
            year, month, day = first, second, third
        else:
            status[row] = NOT_A_NUMBER
            continue
        state = _time_state(data, place, last)
        if state == OK and (month < 1 or month > 12 or day < 1 or day > _days_in_month(year, month)):
            state = IMPOSSIBLE_DAY
        if state == OK and (year < FIRST_YEAR or year > LAST_YEAR):
            state = OUT_OF_BOUNDS
        if state == OK:
            out[row] = _day_number(year, month, day)
        status[row] = state


@kernel(types.void(_SPANS, _BYTES, _NUMBERS_OUT, _BYTES_OUT))
def parse_hts(spans, data, out, status):
    """Tariff numbers of 8 or 10 digits, dots and blanks left out, to one number each (see `HTS_SCALE`)."""
    for row in range(len(out)):
        start, end = cell_of(spans, row)
        place, last = trimmed(data, start, end)
        state = BLANK if place == last else OK
        value = np.int64(0)
        digits = 0
        while place < last:
            digit = digit_value(data[place])
            if digit >= 0:
                if digits < 10:
                    value = value * 10 + digit
                digits += 1
            elif data[place] != 46 and data[place] != 32:
                state = NOT_A_NUMBER
            place += 1
        if state == OK and digits != 8 and digits != 10:
            state = BAD_LENGTH
        out[row] = NOTHING
        if state == OK:
            out[row] = value if digits == 10 else value + HTS_SCALE
        status[row] = state
