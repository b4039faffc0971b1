"""The duty of one tariff number by its computation code (CATAIR Appendix F), exact, rounded half up once.

All products are sums of amounts in hundredths (value in cents, quantity in hundredths) times rates in billionths, so a
duty in cents is a sum divided by 10^9. Small amounts stay in int64; others go through 128 bits.
"""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.exact import divide_wide, multiply_wide
from cape_kernels.tables import USE_SPECIAL
from cape_kernels.units import ANY_UNIT, quantity_in, whole_units

NO_DAY = -(2**31)
E9 = np.int64(1_000_000_000)
E11 = np.int64(100_000_000_000)
NOTHING = np.int64(0)
_SLOT_1, _SLOT_2, _SLOT_3 = np.int64(1), np.int64(2), np.int64(3)
# Below these bounds three products of an amount and a rate, and their sum, fit int64 (3 x 2^61 < 2^63).
_SMALL_AMOUNT = 1 << 30
_SMALL_RATE = 1 << 31
_LARGEST_FACTOR = 1 << 62
_HUNDRED_DEGREES_E2 = 10_000

CODE_0, CODE_1, CODE_2, CODE_3, CODE_4, CODE_5, CODE_6, CODE_7 = 48, 49, 50, 51, 52, 53, 54, 55
CODE_A, CODE_B, CODE_D, CODE_E, CODE_F, CODE_J, CODE_K, CODE_X = 65, 66, 68, 69, 70, 74, 75, 88
CODE_TOPUP = 84  # ours, "T": all-in percentage of a chapter 99 number, with 0 on the base number


@routine
def cents_of_sum(amount_1, rate_1, amount_2, rate_2, amount_3, rate_3):  # type: ignore[no-untyped-def]
    """(cents half up, cents cut off) of a sum of three products amount_e2 x rate_e9; (-1, -1) if too large.

    All six are at least zero. One rounding for the sum of the products (CATAIR AE note (hh), clarification 19).
    """
    if (
        amount_1 < _SMALL_AMOUNT
        and amount_2 < _SMALL_AMOUNT
        and amount_3 < _SMALL_AMOUNT
        and rate_1 < _SMALL_RATE
        and rate_2 < _SMALL_RATE
        and rate_3 < _SMALL_RATE
    ):
        total = amount_1 * rate_1 + amount_2 * rate_2 + amount_3 * rate_3
        floor = total // E9
        rest = total - floor * E9
    else:
        floor = 0
        rest = 0
        for amount, rate in ((amount_1, rate_1), (amount_2, rate_2), (amount_3, rate_3)):
            whole, part = wide_division(amount, rate, E9)
            if whole < 0:
                return np.int64(-1), np.int64(-1)
            floor += whole
            rest += part
        carried = rest // E9
        floor += carried
        rest -= carried * E9
    rounded = floor + 1 if 2 * rest >= E9 else floor
    if rounded > s.LARGEST_DUTY_CENTS:
        return np.int64(-1), np.int64(-1)
    return rounded, floor


@routine
def wide_division(amount, rate, divisor):  # type: ignore[no-untyped-def]
    """(quotient, remainder) of amount x rate / divisor through 128 bits; (-1, 0) if the quotient is too large."""
    high, low = multiply_wide(np.uint64(amount), np.uint64(rate))
    if high >= np.uint64(divisor):
        return -1, 0
    quotient, remainder = divide_wide(high, low, np.uint64(divisor))
    if quotient > np.uint64(s.LARGEST_DUTY_CENTS):
        return -1, 0
    return np.int64(quotient), np.int64(remainder)


@helper
def percent_cents(value, rate_e9):  # type: ignore[no-untyped-def]
    """Rate x value in cents, half up (CSMS 18-000657, note (hh)); -1 if too large."""
    rounded, _ = cents_of_sum(value * 100, rate_e9, NOTHING, NOTHING, NOTHING, NOTHING)
    return rounded


@helper
def functional_factor(base_e9, per_unit_e9, quantity_e2):  # type: ignore[no-untyped-def]
    """Base + per_unit x quantity in 10^-11; -1 if too large."""
    if quantity_e2 > 0 and per_unit_e9 > _LARGEST_FACTOR // 2 // quantity_e2:
        return -1
    return base_e9 * 100 + per_unit_e9 * quantity_e2


@helper
def simple_duty(rate, measures, value):  # type: ignore[no-untyped-def]
    """(cents, cents cut off, status) of codes 1-7, D, E and T: P1 x Qa + P3 x Qb + P2 x V."""
    code = rate["code"]
    slot_1 = _SLOT_1
    slot_3 = NOTHING
    if code == CODE_7 or code == CODE_TOPUP:
        slot_1 = NOTHING
    elif code == CODE_2 or code == CODE_5 or code == CODE_E:
        slot_1 = _SLOT_2
    elif code == CODE_D:
        slot_1 = _SLOT_3
    if code == CODE_3 or code == CODE_6:
        slot_3 = _SLOT_2
    elif code == CODE_E:
        slot_3 = _SLOT_3
    amount_1 = amount_3 = np.int64(0)
    if slot_1 > 0:
        amount_1 = whole_units(quantity_in(measures, slot_1, rate["unit_1"]), rate["whole_1"])
    if slot_3 > 0:
        amount_3 = whole_units(quantity_in(measures, slot_3, rate["unit_3"]), rate["whole_3"])
    if amount_1 < 0 or amount_3 < 0:
        return np.int64(-1), np.int64(-1), s.NO_QUANTITY
    rate_2 = rate["p2_e9"]
    if CODE_1 <= code <= CODE_3:
        rate_2 = np.int64(0)
    cents, floor = cents_of_sum(amount_1, rate["p1_e9"], amount_3, rate["p3_e9"], value * 100, rate_2)
    return cents, floor, s.OK if cents >= 0 else s.TOO_LARGE


@helper
def sugar_factor(rate, measures):  # type: ignore[no-untyped-def]
    """(weight, its rate in 10^-11) of codes J and K: max(Q (P1 - P2 (100 - degrees)), P3 Q); weight -1 if missing."""
    unit = rate["unit_1"]
    if rate["code"] == CODE_J:
        weight = quantity_in(measures, _SLOT_2, unit)
        degrees = measures.quantity_3
    else:
        # Clarification 27: K goes by slot, so quantity 1 itself has to be in the unit of the rate.
        weight = measures.quantity_1 if unit == ANY_UNIT or measures.unit_1 == unit else np.int64(-1)
        degrees = measures.quantity_2
    weight = whole_units(weight, rate["whole_1"])
    if degrees < 0 or degrees > _HUNDRED_DEGREES_E2:
        return np.int64(-1), np.int64(0)
    factor = max(rate["p1_e9"] * 100 - rate["p2_e9"] * (_HUNDRED_DEGREES_E2 - degrees), rate["p3_e9"] * 100)
    return weight, factor


@helper
def functional_duty(rate, measures, value):  # type: ignore[no-untyped-def]
    """(cents, cents cut off, status) of codes A, B, F, J and K, whose rate itself depends on a quantity."""
    code = rate["code"]
    second = content = np.int64(0)
    if code == CODE_J or code == CODE_K:
        amount, factor = sugar_factor(rate, measures)
    else:
        if code == CODE_F:
            amount = whole_units(quantity_in(measures, _SLOT_1, rate["unit_1"]), rate["whole_1"])
            content = quantity_in(measures, _SLOT_2, rate["unit_3"])
            base = rate["p1_e9"]
        else:
            amount = value * 100
            content = quantity_in(measures, _SLOT_3, rate["unit_3"])
            if code == CODE_B:
                second = whole_units(quantity_in(measures, _SLOT_2, rate["unit_1"]), rate["whole_1"])
            base = rate["p2_e9"]
        factor = functional_factor(base, rate["p3_e9"], content)
    if amount < 0 or content < 0 or second < 0:
        return np.int64(-1), np.int64(-1), s.NO_QUANTITY
    return mixed_duty(second, rate["p1_e9"], amount, factor)


@helper
def mixed_duty(amount, rate_e9, factored, factor_e11):  # type: ignore[no-untyped-def]
    """(cents, cents cut off, status) of amount x rate + factored x factor, rounded once."""
    if factor_e11 < 0:
        return np.int64(-1), np.int64(-1), s.TOO_LARGE
    whole_1, rest_1 = wide_division(amount, rate_e9, E9)
    whole_2, rest_2 = wide_division(factored, factor_e11, E11)
    if whole_1 < 0 or whole_2 < 0:
        return np.int64(-1), np.int64(-1), s.TOO_LARGE
    rest = rest_1 * 100 + rest_2
    floor = whole_1 + whole_2 + rest // E11
    rest = rest % E11
    rounded = floor + 1 if 2 * rest >= E11 else floor
    if rounded > s.LARGEST_DUTY_CENTS:
        return np.int64(-1), np.int64(-1), s.TOO_LARGE
    return rounded, floor, s.OK


@routine
def row_duty(rates, row, measures, value):  # type: ignore[no-untyped-def]
    """(cents half up, cents cut off, status) of one number by one rate row, on a value in dollars (-1 missing)."""
    rate = rates[row]
    code = rate["code"]
    if code == CODE_0:
        return np.int64(0), np.int64(0), s.OK
    functional = code == CODE_A or code == CODE_B or code == CODE_F or code == CODE_J or code == CODE_K
    simple = CODE_1 <= code <= CODE_7 or code == CODE_D or code == CODE_E or code == CODE_TOPUP
    if not functional and not simple:
        return np.int64(-1), np.int64(-1), s.NO_FORMULA
    if value < 0:
        if not (CODE_1 <= code <= CODE_3 or code == CODE_F or code == CODE_J or code == CODE_K):
            return np.int64(-1), np.int64(-1), s.NO_VALUE
        value = np.int64(0)
    if simple:
        return simple_duty(rate, measures, value)
    return functional_duty(rate, measures, value)


@routine
def find_row(rates, start, count, use, spi, day):  # type: ignore[no-untyped-def]
    """Row for a use on a day among the `count` rows of a number from `start`, -1 if none."""
    for row in range(start, start + count):
        if (
            rates[row]["use"] == use
            and (use != USE_SPECIAL or rates[row]["spi"] == spi)
            and rates[row]["valid_from"] <= day <= rates[row]["valid_to"]
        ):
            return row
    return np.int64(-1)
