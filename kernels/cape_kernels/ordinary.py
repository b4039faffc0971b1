"""The short road of ordinary lines: one walk over their numbers without a branch, and what their base number adds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.duty import NO_DAY, find_row, row_duty
from cape_kernels.recompute import CENTS_AT_15
from cape_kernels.removal import ALL_IN_E9, CENTS_E9, displaced, restored_base
from cape_kernels.scan import ruling_of
from cape_kernels.tables import (
    MARK_CHARGED,
    MARK_FORMULA,
    MARK_IEEPA,
    MARK_METAL,
    MARK_ON_BASIS,
    MARK_REPLACES,
    MARK_SPECIAL_COUNTS,
    MARK_UNPRICED,
    ORIGIN_COLUMN2,
    ORIGIN_DISPLACED,
    REST_AT,
    REST_GAP,
    REST_LINE,
    REST_WEIGHTS,
    RULE_BITS,
    RULE_SHIFT,
    SPI_NONE,
    USE_SPECIAL,
    WEIGHT_BASE,
    WEIGHT_BITS,
    WEIGHT_REPLACES,
    WEIGHT_TOPUP,
    WEIGHT_UNPRICED,
)
from cape_kernels.units import measures_at, place_of

CUSTOMARY_TARIFFS = 16
_LARGEST_INT32 = 2**31 - 1
_LARGE_CENTS = np.int64(1 << 31)  # no amount that fits int32 is larger
_at = np.uint64
_CENTS_E9 = np.uint64(CENTS_E9)
_HALF_E9 = np.uint64(CENTS_E9 // 2)


@helper
def half_up_cents(product_e9):  # type: ignore[no-untyped-def]
    """Dollars x billionths as cents, half up, for a product below 2^63: the compiler multiplies instead of dividing."""
    return np.int64((np.uint64(product_e9) + _HALF_E9) // _CENTS_E9)


class Sums(NamedTuple):
    """What the numbers of some lines add up to (int64): cents filed and removed, and the OR of marks."""

    filed: int
    removed: int
    seen: int


@helper
def survey(first, last, period, tariffs, law, tolerance, room):  # type: ignore[no-untyped-def]
    """Sum up numbers [first, last), and note for each what it and all behind it keep less mode B, and weigh.

    Walked from the end, because the base number with the value stands behind the others. A line's own sums are then the
    difference of two of them. No branch depends on the data: a wrong guess of one costs as much as a number. Indices
    are unsigned, because others may count from the end, which takes three instructions each.
    """
    number, value, duty, place, rulings = tariffs.number, tariffs.value, tariffs.duty, law.place, law.rulings
    filed = kept = seen = gap = weights = worth = np.int64(0)
    limit = min(tolerance, _LARGE_CENTS) * CENTS_E9 + CENTS_E9 // 2
    room[_at(2 * (last - first))] = 0
    room[_at(2 * (last - first) + 1)] = 0
    for back in range(last - first):
        column = last - first - 1 - back
        tariff = _at(first + column)
        start = np.int64(place[_at(number[tariff])])
        many = start >> 63
        ruling = rulings[_at((start ^ many) + (period & many))]
        cents = np.int64(duty[tariff])
        dollars = np.int64(value[tariff])
        base = np.int64(ruling["base"])
        worth = (worth & ~base) | (max(dollars, np.int64(0)) & base)
        product = worth * ruling["rate_e9"]
        # Without division: an amount in cents is above a rounded one where it is above it before rounding.
        above = (product + limit - cents * CENTS_E9) >> 63
        beside = dollars & ~base
        valued = ((beside ^ (beside >> 63)) + _LARGEST_INT32) >> 31
        weights += np.int64(ruling["weights"]) + valued - (above & np.int64(ruling["compared"]))
        stays = cents & ~np.int64(ruling["removed"])
        filed += cents
        kept += stays
        gap += stays - (half_up_cents(product) & np.int64(ruling["charged"]))
        seen |= np.int64(ruling["marks"])
        room[_at(2 * column)] = gap
        room[_at(2 * column + 1)] = weights
    return Sums(filed, filed - kept, seen)


@routine
def ieepa_duty_of(first, last, period, number, duty, place, rulings):  # type: ignore[no-untyped-def]
    """Cents filed on the IEEPA numbers among [first, last)."""
    total = np.int64(0)
    for tariff in range(first, last):
        if rulings[ruling_of(place, number[tariff], period)]["marks"] & MARK_IEEPA:
            total += np.int64(duty[tariff])
    return total


@routine
def write_survey(first, last, period, tariffs, law, out):  # type: ignore[no-untyped-def]
    """Before and after of numbers [first, last) as on ordinary lines without a replacement number."""
    for place in range(first, last):
        tariff = _at(place)
        ruling = law.rulings[_at(ruling_of(law.place, _at(tariffs.number[tariff]), period))]
        removed = np.int64(ruling["removed"])
        out.change[tariff] = s.CHANGE_REMOVED & removed
        out.rule[tariff] = (ruling["marks"] >> RULE_SHIFT) & RULE_BITS
        out.duty[tariff] = tariffs.duty[tariff] & ~removed


@helper
def words_of(lines, law, policy, line, period):  # type: ignore[no-untyped-def]
    """(origin bits, programme) of a line."""
    origin, spi = np.int64(0), np.int64(SPI_NONE)
    if len(lines.origin) > 0:
        origin = np.int64(law.origins[_at(period * policy.origins + 1 + lines.origin[_at(line)])])
    if len(lines.spi) > 0:
        spi = np.int64(law.spis[_at(period * policy.spis + 1 + lines.spi[_at(line)])])
    return origin, spi


@helper
def sort_lines(span, period, tolerance, lines, tariffs, law, policy, work, out):  # type: ignore[no-untyped-def]
    """(how many lines of a survey are not done, gap of those that are): the others are noted in `work.rest`.

    `span` is (how many lines, the first of them). Done are lines with one General percentage or a programme at Free,
    within the tolerance, and nothing else to find.
    """
    count, line = span
    rest, ends, room = work.rest, work.ends, work.survey
    left = gaps = np.int64(0)
    stop = ends[0]
    for each in range(count):
        begin = stop
        stop = ends[_at(each + 1)]
        start, end = 2 * (begin - ends[0]), 2 * (stop - ends[0])
        gap = raw = room[_at(start)] - room[_at(end)]
        weights = room[_at(start + 1)] - room[_at(end + 1)]
        # All that a line weighs is its last number.
        odd = (weights ^ WEIGHT_BASE) | (room[_at(start + 1)] - room[_at(max(end - 1, start + 1))])
        odd |= (CUSTOMARY_TARIFFS - (stop - begin)) >> 63
        at = np.int64(0)
        if stop > begin:
            last = _at(stop - 1)
            worth = np.int64(tariffs.value[last])
            odd |= (worth - 1) >> 63
            at = ruling_of(law.place, tariffs.number[last], period)
            base = law.rulings[_at(at)]
            if len(lines.origin) > 0:
                origin = np.int64(law.origins[_at(period * policy.origins + 1 + lines.origin[_at(line + each)])])
                odd |= (origin & ORIGIN_COLUMN2) | (
                    (origin & ORIGIN_DISPLACED) * (np.int64(base["marks"]) & MARK_METAL)
                )
            if len(lines.spi) > 0:
                spi = np.int64(law.spis[_at(period * policy.spis + 1 + lines.spi[_at(line + each)])])
                if spi != SPI_NONE:
                    free = is_free(law.rates, base["row"], spi)
                    odd |= free - 1
                    if odd == 0:
                        gap = raw + half_up_cents(worth * base["rate_e9"]) & np.int64(base["charged"])
        odd |= (tolerance - abs(gap)) >> 63
        done = np.int64(odd == 0)
        rest[REST_LINE, _at(left)] = each
        rest[REST_GAP, _at(left)] = raw
        rest[REST_WEIGHTS, _at(left)] = weights
        rest[REST_AT, _at(left)] = at
        left += 1 - done
        gaps += gap & -done
        if policy.detail == 1:
            out.gap[_at(line + each)] = gap
            out.known[_at(line + each)] = 1
    return left, gaps


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
    tariffs, quantities = data
    last = facts.first + facts.size - 1
    worth = np.int64(tariffs.value[last])
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
    measures = measures_at(quantities, place_of(quantities, last, work.cursor))
    cents, floor, status = row_duty(law.rates, row, measures, worth)
    if special >= 0 and status != s.OK:
        status = s.NO_ROW
    return cents, floor, np.int64(status)


@helper
def replaced_line(facts, at, gap, tariffs, law, policy):  # type: ignore[no-untyped-def]
    """`plain_line` where a line has one General percentage, one replacement number, no programme, nothing displaced."""
    last = facts.first + facts.size - 1
    base = law.rulings[at]
    worth = np.int64(tariffs.value[last])
    filed = np.int64(tariffs.duty[last])
    column1 = half_up_cents(worth * base["rate_e9"])
    replaced = np.int64(0)
    for tariff in range(facts.first, last):
        beside = law.rulings[ruling_of(law.place, tariffs.number[tariff], facts.period)]["marks"]
        replaced += np.int64(tariffs.duty[tariff]) * np.int64(beside & MARK_REPLACES != 0)
    all_in = half_up_cents(worth * ALL_IN_E9)
    new_base, rule, notes = restored_base(filed, replaced, column1, all_in, policy.tolerance_cents)
    # What is cut off of a percentage of whole dollars is 15 cents a dollar or more where the percentage is.
    notes |= s.NOTE_AVE if base["rate_e9"] >= ALL_IN_E9 else 0
    notes |= s.NOTE_RESTORED if new_base != filed else 0
    gap += (column1 & np.int64(base["charged"])) - column1 + new_base - filed
    notes |= s.NOTE_GAP if abs(gap) > policy.tolerance_cents else 0
    one = np.int64(1)
    return Plain(one, new_base - filed, gap, one, np.int64(notes), column1, np.int64(s.OK), new_base, np.int64(rule))


@helper
def plain_line(facts, at, weights, gap, data, law, policy, work):  # type: ignore[no-untyped-def]
    """Both modes of a line that is ordinary but for its programme, its rate, or what stands before its base number.

    `gap` is what the line keeps less its mode B, as the survey found it.
    """
    tariffs = data[0]
    last = facts.first + facts.size - 1
    base = law.rulings[at]
    marks = np.int64(base["marks"])
    worth = np.int64(tariffs.value[last])
    filed = np.int64(tariffs.duty[last])
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
        for tariff in range(facts.first, last):
            beside = np.int64(law.rulings[ruling_of(law.place, tariffs.number[tariff], facts.period)]["marks"])
            seen |= beside
            ieepa_duty += np.int64(tariffs.duty[tariff]) if beside & MARK_IEEPA else np.int64(0)
            replaced += np.int64(tariffs.duty[tariff]) if beside & MARK_REPLACES else np.int64(0)
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
