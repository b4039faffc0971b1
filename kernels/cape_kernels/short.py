"""The short roads: lines of few numbers and a percentage, those of each kind in a walk of their own."""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.general import tell
from cape_kernels.ordinary import half_up_cents, is_free, replaced_line, sum_short, sum_single
from cape_kernels.work import (
    AT_LINE,
    AT_ROADS,
    BLOCK_ENTRY,
    BLOCK_FIRST,
    BLOCK_LINES,
    BLOCK_PROGRAM,
    BLOCK_ROADS,
    BLOCK_RULING,
    ROAD_COMPONENT,
    ROAD_FREE,
    ROAD_LEFT,
    ROAD_PLAIN,
    ROAD_REPLACED,
    ROAD_SINGLE,
)

_at = np.uint64


@helper
def line_at(road, place, value, work):  # type: ignore[no-untyped-def]
    """(place in the block, dollars) of a line of a road."""
    each = work.block[_at(BLOCK_ROADS + road * BLOCK_LINES + place)]
    return each, np.int64(value[_at(work.at[AT_LINE] + each)])


@helper
def leave(each, work):  # type: ignore[no-untyped-def]
    """Leave a line to be looked at."""
    left = work.at[_at(AT_ROADS + ROAD_LEFT)]
    work.block[_at(BLOCK_ROADS + ROAD_LEFT * BLOCK_LINES + left)] = each
    work.at[_at(AT_ROADS + ROAD_LEFT)] = left + 1


@helper
def add_line(entry, sums, gap, out):  # type: ignore[no-untyped-def]
    """Add a line to its entry."""
    out.filed[_at(entry)] += sums.filed
    out.removed[_at(entry)] += sums.removed
    out.recomputed[_at(entry)] += gap


@helper
def write_last(line, last, filed, found, outs):  # type: ignore[no-untyped-def]
    """What detail asks for of an ordinary line and its last number."""
    line_out, tariff_out = outs[1], outs[2]
    line_out.gap[line] = found.gap
    line_out.known[line] = found.known
    tariff_out.change[last] = s.CHANGE_KEPT
    tariff_out.rule[last] = found.rule
    tariff_out.duty[last] = filed
    if found.rule != s.RULE_NONE:
        tariff_out.change[last] = s.CHANGE_RESTORED if found.restored != 0 else s.CHANGE_KEPT
        tariff_out.duty[last] = found.new_base


@routine
def treat_singles(value, duty, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add the lines of a block on `ROAD_SINGLE` to their entries."""
    for place in range(work.at[AT_ROADS + ROAD_SINGLE]):
        each, worth = line_at(ROAD_SINGLE, place, value, work)
        program = work.programs[_at(work.block[_at(BLOCK_PROGRAM + each)])]
        base = law.rulings[_at(work.block[_at(BLOCK_RULING + each)])]
        first, entry = work.block[_at(BLOCK_FIRST + each)], work.block[_at(BLOCK_ENTRY + each)]
        sums = sum_single(first, worth, program, base, duty, policy.tolerance_cents)
        if sums.odd == 0:
            add_line(entry, sums, sums.gap, outs[0])
            if policy.detail == 1:
                outs[1].gap[_at(work.at[AT_LINE] + each)] = sums.gap
        else:
            leave(each, work)


@routine
def treat_plain(value, duty, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add the lines of a block on `ROAD_PLAIN` to their entries."""
    for place in range(work.at[AT_ROADS + ROAD_PLAIN]):
        each, worth = line_at(ROAD_PLAIN, place, value, work)
        program = work.programs[_at(work.block[_at(BLOCK_PROGRAM + each)])]
        base = law.rulings[_at(work.block[_at(BLOCK_RULING + each)])]
        first, entry = work.block[_at(BLOCK_FIRST + each)], work.block[_at(BLOCK_ENTRY + each)]
        sums = sum_short(first, worth, program, base, duty, policy.tolerance_cents)
        if sums.odd | ((policy.tolerance_cents - abs(sums.gap)) >> 63) == 0:
            add_line(entry, sums, sums.gap, outs[0])
            if policy.detail == 1:
                outs[1].gap[_at(work.at[AT_LINE] + each)] = sums.gap
        else:
            leave(each, work)


@routine
def treat_free(value, duty, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add the lines of a block on `ROAD_FREE` to their entries: their base number is charged nothing."""
    for place in range(work.at[AT_ROADS + ROAD_FREE]):
        each, worth = line_at(ROAD_FREE, place, value, work)
        program = work.programs[_at(work.block[_at(BLOCK_PROGRAM + each)])]
        base = law.rulings[_at(work.block[_at(BLOCK_RULING + each)])]
        first, entry = work.block[_at(BLOCK_FIRST + each)], work.block[_at(BLOCK_ENTRY + each)]
        sums = sum_short(first, worth, program, base, duty, policy.tolerance_cents)
        gap = sums.gap + half_up_cents(worth * base["rate_e9"])
        free = is_free(law.rates, base["row"], np.int64(program["spi"]))
        if sums.odd | ((policy.tolerance_cents - abs(gap)) >> 63) | (free - 1) == 0:
            add_line(entry, sums, gap, outs[0])
            if policy.detail == 1:
                outs[1].gap[work.at[AT_LINE] + each] = gap
        else:
            leave(each, work)


@routine
def treat_components(value, duty, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add the lines of a block on `ROAD_COMPONENT` to their entries.

    A component carries no duty: what it keeps is what mode A and mode B differ by.
    """
    for place in range(work.at[AT_ROADS + ROAD_COMPONENT]):
        each, worth = line_at(ROAD_COMPONENT, place, value, work)
        program = work.programs[_at(work.block[_at(BLOCK_PROGRAM + each)])]
        base = law.rulings[_at(work.block[_at(BLOCK_RULING + each)])]
        first, entry = work.block[_at(BLOCK_FIRST + each)], work.block[_at(BLOCK_ENTRY + each)]
        sums = sum_short(first, worth, program, base, duty, policy.tolerance_cents)
        gap = sums.filed - sums.removed
        if sums.odd | ((policy.tolerance_cents - abs(gap)) >> 63) == 0:
            add_line(entry, sums, gap, outs[0])
            if policy.detail == 1:
                outs[1].gap[work.at[AT_LINE] + each] = gap
        else:
            leave(each, work)


@routine
def treat_replaced(value, duty, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add the lines of a block on `ROAD_REPLACED` to their entries, column 1 restored."""
    out, told = outs[0], outs[3]
    for place in range(work.at[AT_ROADS + ROAD_REPLACED]):
        each, worth = line_at(ROAD_REPLACED, place, value, work)
        program = work.programs[_at(work.block[_at(BLOCK_PROGRAM + each)])]
        base = law.rulings[_at(work.block[_at(BLOCK_RULING + each)])]
        first, entry = work.block[_at(BLOCK_FIRST + each)], work.block[_at(BLOCK_ENTRY + each)]
        sums = sum_short(first, worth, program, base, duty, policy.tolerance_cents)
        if sums.odd != 0:
            leave(each, work)
            continue
        last = first + program["before"]
        filed = np.int64(duty[_at(last)])
        replaced = np.int64(duty[_at(first + program["replaces"])])
        found = replaced_line(worth, filed, replaced, sums.gap, base, policy.tolerance_cents)
        add_line(entry, sums, found.gap, out)
        out.restored[_at(entry)] += found.restored
        work.notes[_at(entry)] |= found.notes
        if found.notes & s.NOTES_TOLD:
            tell(told, entry, work.at[AT_LINE] + each, found.notes, s.OK)
        if policy.detail == 1:
            write_last(work.at[AT_LINE] + each, last, filed, found, outs)
