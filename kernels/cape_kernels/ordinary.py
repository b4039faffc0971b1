"""The short road of ordinary lines: their sums without a branch, and what their base number adds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.duty import NO_DAY, find_row, row_duty
from cape_kernels.programs import ruling_of
from cape_kernels.recompute import CENTS_AT_15
from cape_kernels.removal import ALL_IN_E9, CENTS_E9, displaced, restored_base
from cape_kernels.scan import duty_at, number_of
from cape_kernels.tables import (
    MARK_CHARGED,
    MARK_FORMULA,
    MARK_IEEPA,
    MARK_METAL,
    MARK_ON_BASIS,
    MARK_REMOVED,
    MARK_REPLACES,
    MARK_SPECIAL_COUNTS,
    MARK_UNPRICED,
    RULE_BITS,
    RULE_SHIFT,
    SPI_NONE,
    USE_SPECIAL,
    WEIGHT_BITS,
    WEIGHT_REPLACES,
    WEIGHT_TOPUP,
    WEIGHT_UNPRICED,
)
from cape_kernels.units import measures_at, place_of

CUSTOMARY_TARIFFS = 16
_LARGE_CENTS = np.int64(1 << 31)  # no amount that fits int32 is larger
_at = np.uint64
_CENTS_E9 = np.uint64(CENTS_E9)
_HALF_E9 = np.uint64(CENTS_E9 // 2)


@helper
def half_up_cents(product_e9):  # type: ignore[no-untyped-def]
    """Dollars x billionths as cents, half up, for a product below 2^63: the compiler multiplies instead of dividing."""
    return np.int64((np.uint64(product_e9) + _HALF_E9) // _CENTS_E9)


class Short(NamedTuple):
    """What a line of few numbers adds up to (int64).

    `gap` is what stays of its duties less mode B, as far as that is a percentage; `odd` is -1 where a number carries
    more than its rate, there is no value, or an amount does not fit int32, else 0.
    """

    filed: int
    removed: int
    gap: int
    odd: int


@helper
def sum_short(first, worth, program, base, duty, tolerance):  # type: ignore[no-untyped-def]
    """Sum up a line of at most `SHORT_ROAD` numbers before the last one.

    Without a branch that depends on the data: a wrong guess of one costs as much as a number. Masks come from memory,
    because the compiler makes a branch of every test that it sees. Without division: an amount in cents is above a
    rounded one where it is above it before rounding.
    """
    there_1, there_2, there_3 = (
        np.int64(program["there_1"]),
        np.int64(program["there_2"]),
        np.int64(program["there_3"]),
    )
    base_cents = np.int64(duty[_at(first + program["before"])])
    cents_1 = np.int64(duty[_at(first)]) & there_1
    cents_2 = np.int64(duty[_at(first - there_2)]) & there_2
    cents_3 = np.int64(duty[_at(first - 2 * there_3)]) & there_3
    removed = cents_1 & np.int64(program["removed_1"])
    removed += cents_2 & np.int64(program["removed_2"])
    removed += cents_3 & np.int64(program["removed_3"])
    filed = cents_1 + cents_2 + cents_3 + base_cents
    limit = min(tolerance, _LARGE_CENTS) * CENTS_E9 + CENTS_E9 // 2
    product_1 = worth * program["rate_1"]
    product_2 = worth * program["rate_2"]
    product_3 = worth * program["rate_3"]
    odd = (product_1 + limit - cents_1 * CENTS_E9) & np.int64(program["compared_1"])
    odd |= (product_2 + limit - cents_2 * CENTS_E9) & np.int64(program["compared_2"])
    odd |= (product_3 + limit - cents_3 * CENTS_E9) & np.int64(program["compared_3"])
    odd |= cents_1 | cents_2 | cents_3 | base_cents | (worth - 1)
    gap = filed - removed
    gap -= half_up_cents(product_1) & np.int64(program["charged_1"])
    gap -= half_up_cents(product_2) & np.int64(program["charged_2"])
    gap -= half_up_cents(product_3) & np.int64(program["charged_3"])
    gap -= half_up_cents(worth * base["rate_e9"])
    return Short(filed, removed, gap, odd >> 63)


@helper
def sum_single(first, worth, program, base, duty, tolerance):  # type: ignore[no-untyped-def]
    """`sum_short` for `ROAD_SINGLE`; `odd` is -1 too where the gap is above the tolerance."""
    cents, base_cents = np.int64(duty[_at(first)]), np.int64(duty[_at(first + 1)])
    filed = cents + base_cents
    removed = cents & np.int64(program["removed_1"])
    gap = filed - removed - half_up_cents(worth * base["rate_e9"])
    limit = min(tolerance, _LARGE_CENTS) * CENTS_E9 + CENTS_E9 // 2
    odd = (worth * program["rate_1"] + limit - cents * CENTS_E9) & np.int64(program["compared_1"])
    odd |= cents | base_cents | (worth - 1) | (tolerance - abs(gap))
    return Short(filed, removed, gap, odd >> 63)


@routine
def sum_long(facts, shapes, tariffs, law, tolerance):  # type: ignore[no-untyped-def]
    """What a line of any number of numbers adds up to."""
    filed = removed = gap = np.int64(0)
    odd = np.int64(0)
    worth = max(facts.value, np.int64(0))
    for column in range(facts.size):
        ruling = law.rulings[ruling_of(law.place, number_of(facts, shapes, column), facts.period)]
        duty = np.int64(tariffs.duty[facts.first + column])
        cents = duty_at(tariffs, facts.first + column)
        marks = np.int64(ruling["marks"])
        gone = cents if marks & MARK_REMOVED else np.int64(0)
        filed += cents
        removed += gone
        gap += cents - gone
        if duty < 0:
            odd = np.int64(-1)
            continue
        if ruling["compared"] != 0:
            limit = min(tolerance, _LARGE_CENTS) * CENTS_E9 + CENTS_E9 // 2
            if worth * ruling["rate_e9"] + limit < cents * CENTS_E9:
                odd = np.int64(-1)
        if ruling["charged"] != 0:
            gap -= half_up_cents(worth * ruling["rate_e9"])
    return Short(filed, removed, gap, odd)


@routine
def ieepa_duty_of(facts, shapes, tariffs, law):  # type: ignore[no-untyped-def]
    """Cents filed on the IEEPA numbers of a line."""
    total = np.int64(0)
    for column in range(facts.size):
        at = ruling_of(law.place, number_of(facts, shapes, column), facts.period)
        if law.rulings[at]["marks"] & MARK_IEEPA:
            total += duty_at(tariffs, facts.first + column)
    return total


@helper
def write_beside(first, before, start, period, shapes, tariffs, law, out):  # type: ignore[no-untyped-def]
    """Before and after of the numbers before the last one of an ordinary line."""
    for column in range(before):
        tariff = first + column
        at = ruling_of(law.place, np.int64(shapes.before[start + column]), period)
        removed = np.int64(law.rulings[at]["removed"])
        out.change[tariff] = s.CHANGE_REMOVED & removed
        out.rule[tariff] = (law.rulings[at]["marks"] >> RULE_SHIFT) & RULE_BITS
        out.duty[tariff] = tariffs.duty[tariff] & ~removed


@helper
def is_free(rates, row, spi):  # type: ignore[no-untyped-def]
    """1 if a programme is at Free on the General rate row of a base number, else 0; row -1 stands for none."""
    return (rates[max(np.int64(row), np.int64(0))]["free_spis"] >> spi) & 1


class Plain(NamedTuple):
    """Both modes of an ordinary line (int64); `ordinary` is 0 if it turned out not to be one."""

    ordinary: int
    restored: int
    gap: int
    known: int
    notes: int
    column1: int
    status: int
    new_base: int
    rule: int


@helper
def column1_at(facts, base, replaces, data, law, policy, work):  # type: ignore[no-untyped-def]
    """(cents, cents cut off, status) of the base number of an ordinary line as far as that takes a rate row.

    General where it takes a quantity, and Special of the programme on the line where that is listed and not Free. A
    special rate that cannot be computed, or one on a replacement line, is not ordinary: status `NO_ROW`.
    """
    quantities = data[2]
    last = facts.first + facts.size - 1
    row = np.int64(base["row"])
    special = np.int64(-1)
    if facts.spi != SPI_NONE and is_free(law.rates, base["row"], facts.spi) == 0:
        if replaces != 0:
            return np.int64(0), np.int64(0), np.int64(s.NO_ROW)
        number = law.numbers[base["number"]]
        day = facts.day if facts.day != NO_DAY else policy.as_of
        special = find_row(law.rates, np.int64(number["start"]), np.int64(number["count"]), USE_SPECIAL, facts.spi, day)
        if special >= 0:
            row = special
    measures = measures_at(quantities, place_of(quantities, last, work.at))
    cents, floor, status = row_duty(law.rates, row, measures, facts.value)
    if special >= 0 and status != s.OK:
        status = s.NO_ROW
    return cents, floor, np.int64(status)


@helper
def replaced_line(worth, filed, replaced, gap, base, tolerance):  # type: ignore[no-untyped-def]
    """`plain_line` where a line has one General percentage, one replacement number, no programme, nothing displaced.

    Args:
        worth: dollars of the line.
        filed: cents on its base number.
        replaced: cents on its replacement number.
        gap: what stays of its duties less mode B.
        base: ruling on the base number.
        tolerance: cents.
    """
    column1 = half_up_cents(worth * base["rate_e9"])
    all_in = half_up_cents(worth * ALL_IN_E9)
    new_base, rule, notes = restored_base(filed, replaced, column1, all_in, tolerance)
    # What is cut off of a percentage of whole dollars is 15 cents a dollar or more where the percentage is.
    notes |= s.NOTE_AVE if base["rate_e9"] >= ALL_IN_E9 else 0
    notes |= s.NOTE_RESTORED if new_base != filed else 0
    gap += new_base - filed
    notes |= s.NOTE_GAP if abs(gap) > tolerance else 0
    one = np.int64(1)
    return Plain(one, new_base - filed, gap, one, np.int64(notes), column1, np.int64(s.OK), new_base, np.int64(rule))


@helper
def plain_line(facts, at, weights, gap, data, law, policy, work):  # type: ignore[no-untyped-def]
    """Both modes of a line that is ordinary but for its programme, its rate, or what stands before its base number.

    `gap` is what the line keeps less its mode B as far as that is a percentage; `data` is (shapes, numbers,
    quantities).
    """
    shapes, tariffs = data[0], data[1]
    base = law.rulings[at]
    marks = np.int64(base["marks"])
    worth = facts.value
    filed = np.int64(tariffs.duty[facts.first + facts.size - 1])
    replaces = weights & (WEIGHT_BITS * WEIGHT_REPLACES)
    product = worth * base["rate_e9"]
    column1, floor, status = half_up_cents(product), product // CENTS_E9, np.int64(s.OK)
    if marks & MARK_CHARGED:
        gap += column1  # put back: what is claimed is taken out below
    free = facts.spi != SPI_NONE and is_free(law.rates, base["row"], facts.spi) == 1
    ordinary = True
    if (marks & MARK_FORMULA and (not free or replaces != 0)) or (facts.spi != SPI_NONE and not free):
        column1, floor, status = column1_at(facts, base, replaces, data, law, policy, work)
        ordinary = status != s.NO_ROW
    elif marks & MARK_UNPRICED:
        status = np.int64(s.NO_FORMULA)
    general = status
    if free:
        column1, status = np.int64(0), np.int64(s.OK)
    new_base = filed
    notes = rule = np.int64(0)
    watched = facts.displaced == 1 and marks & MARK_METAL != 0
    if replaces != 0 or watched:
        replaced = ieepa_duty = seen = np.int64(0)
        for column in range(facts.size - 1):
            cents = np.int64(tariffs.duty[facts.first + column])
            number = np.int64(shapes.before[facts.start + column])
            beside = np.int64(law.rulings[ruling_of(law.place, number, facts.period)]["marks"])
            seen |= beside
            ieepa_duty += cents if beside & MARK_IEEPA else np.int64(0)
            replaced += cents if beside & MARK_REPLACES else np.int64(0)
        if watched and displaced(marks, seen, ieepa_duty, policy):
            notes |= s.NOTE_DISPLACED
        if replaces != 0:
            if free and (general != s.OK or seen & MARK_SPECIAL_COUNTS):
                floor = np.int64(0)
            ordinary = ordinary and replaces == WEIGHT_REPLACES and policy.restore == 1 and status == s.OK
            ordinary = ordinary and (free or marks & MARK_ON_BASIS == 0)
            all_in = half_up_cents(worth * ALL_IN_E9)
            new_base, rule, more = restored_base(filed, replaced, column1, all_in, policy.tolerance_cents)
            notes |= more
            if floor >= CENTS_AT_15 * worth:
                notes |= s.NOTE_AVE
            if new_base != filed:
                notes |= s.NOTE_RESTORED
    known = status == s.OK
    if weights & (WEIGHT_BITS * WEIGHT_TOPUP):
        known = True
    else:
        gap -= column1
    gap += new_base - filed
    if not known or weights & (WEIGHT_BITS * WEIGHT_UNPRICED):
        known = False
        gap = np.int64(0)
    if abs(gap) > policy.tolerance_cents:
        notes |= s.NOTE_GAP
    return Plain(
        np.int64(ordinary),
        new_base - filed,
        gap,
        np.int64(known),
        notes,
        column1,
        status,
        new_base,
        np.int64(rule),
    )
