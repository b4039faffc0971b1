"""Lines that the short road leaves: ordinary ones by what they lack, all others on the general way."""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.general import tell, treat_generally
from cape_kernels.ordinary import (
    CUSTOMARY_TARIFFS,
    Plain,
    half_up_cents,
    ieepa_duty_of,
    is_free,
    plain_line,
    replaced_line,
    sum_long,
    sum_short,
    write_beside,
)
from cape_kernels.scan import Facts
from cape_kernels.tables import (
    BLOCK_ENTRY,
    BLOCK_FIRST,
    BLOCK_PROGRAM,
    BLOCK_REST,
    BLOCK_RULING,
    ORDINARY_BITS,
    ORIGIN_COLUMN2,
    ORIGIN_DISPLACED,
    ROAD_COMPONENT,
    ROAD_LEFT,
    ROAD_PLAIN,
    ROAD_REPLACED,
    SHAPE_COMPONENT,
    SHAPE_PRIVILEGED,
    SHAPE_VALUED,
    SPI_NONE,
    WEIGHT_BASE,
    WEIGHT_BITS,
    WEIGHT_REPLACES,
    WIDE,
)

_at = np.uint64
_LARGEST_INT32 = 2**31 - 1


@helper
def place_among(lines, line):  # type: ignore[no-untyped-def]
    """Place of a line among ascending ones, which the number of all lines closes; -1 if it is not there."""
    low, high = np.int64(0), np.int64(len(lines) - 1)
    while low < high:
        middle = (low + high) // 2
        if lines[middle] < line:
            low = middle + 1
        else:
            high = middle
    return low if lines[low] == line else np.int64(-1)


@helper
def facts_of(line, first, entry, program, entries, lines, shapes, policy):  # type: ignore[no-untyped-def]
    """All that a line says of itself."""
    key = lines.key[line]
    shape = key >> policy.bits
    day = np.int64(entries.day[entry])
    if program["shape_marks"] & SHAPE_PRIVILEGED:
        dated = place_among(lines.dated_line, line)
        if dated >= 0:
            day = np.int64(lines.dated_day[dated])
    text = place_among(lines.text_line, line) if len(lines.text_row) > 0 else np.int64(-1)
    value = np.int64(lines.value[line])
    return Facts(
        line,
        first,
        np.int64(program["before"]) + 1,
        np.int64(shapes.start[shape]),
        key & ((np.int64(1) << policy.bits) - 1),
        lines.wide_value[line] if value == WIDE else value,
        np.int64(program["shape_marks"] & SHAPE_VALUED != 0),
        (np.int64(program["tag"]) - 1) % policy.periods,
        day,
        np.int64(program["shape_marks"] & SHAPE_COMPONENT != 0),
        np.int64(program["spi"]),
        np.int64(program["origin"] & ORIGIN_COLUMN2),
        np.int64(lines.text_row[text]) if text >= 0 else np.int64(-1),
        np.int64(program["origin"] & ORIGIN_DISPLACED != 0),
    )


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


@helper
def write_ordinary(facts, found, data, law, outs):  # type: ignore[no-untyped-def]
    """What detail asks for of an ordinary line."""
    shapes, tariffs, _ = data
    write_beside(facts.first, facts.size - 1, facts.start, facts.period, shapes, tariffs, law, outs[2])
    last = facts.first + facts.size - 1
    write_last(facts.line, last, np.int64(tariffs.duty[last]), found, outs)


@helper
def of_gap(gap, ordinary):  # type: ignore[no-untyped-def]
    """A line of which nothing but its gap is to be said."""
    none = np.int64(0)
    return Plain(ordinary, none, gap, np.int64(1), none, none, np.int64(s.OK), none, np.int64(s.RULE_NONE))


@helper
def treat_ordinary(facts, program, base_at, data, law, policy, work):  # type: ignore[no-untyped-def]
    """(sums, both modes) of a line, whose `ordinary` says whether it is one.

    An ordinary line has one chapter 1-97 number at its end, the value on it, before it nothing but chapter 99 numbers
    our tables know, at most one of them a replacement, and no IEEPA number that carries more than its rate. The general
    way gives the same answer for ordinary lines.

    Args:
        facts: the line.
        program: of its shape.
        base_at: place of the ruling on its last number.
        data: shapes, numbers and quantities.
        law: see `tables`.
        policy: see `tables`.
        work: see `tables`.
    """
    shapes, tariffs, _ = data
    base = law.rulings[base_at]
    weights = np.int64(program["weights"]) + np.int64(base["weights"])
    if program["road"] != ROAD_LEFT:
        sums = sum_short(facts.first, facts.value, program, base, tariffs.duty, policy.tolerance_cents)
    else:
        sums = sum_long(facts, shapes, tariffs, law, policy.tolerance_cents)
    found = of_gap(np.int64(0), np.int64(0))
    if sums.odd == 0 and weights & ORDINARY_BITS == WEIGHT_BASE:
        if facts.component == 1:
            # A component carries no duty: what it keeps is what mode A and mode B differ by.
            kept = sums.filed - sums.removed
            done = weights & (WEIGHT_BITS * WEIGHT_REPLACES) == 0 and facts.displaced == 0
            found = of_gap(kept, np.int64(done and abs(kept) <= policy.tolerance_cents))
        elif facts.column2 == 0:
            found = plain_line(facts, base_at, weights, sums.gap, data, law, policy, work)
    return sums, found


@helper
def add_ordinary(entry, facts, sums, found, data, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add an ordinary line to its entry."""
    out, told = outs[0], outs[3]
    out.filed[entry] += sums.filed
    out.removed[entry] += sums.removed
    out.restored[entry] += found.restored
    out.recomputed[entry] += found.gap
    out.known[entry] &= found.known
    work.notes[entry] |= found.notes
    if policy.apart == 1:
        work.ieepa_duty[entry] += ieepa_duty_of(facts, data[0], data[1], law)
    if found.notes & s.NOTES_TOLD:
        tell(told, entry, facts.line, found.notes, s.OK)
    if policy.detail == 1:
        write_ordinary(facts, found, data, law, outs)


@routine
def treat_short(left, line, value, tariffs, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add lines of few numbers and a percentage to their entries; how many lines are left then.

    Args:
        left: how many lines were left before.
        line: the first line of the block.
        value: of each line.
        tariffs: see `tables`.
        law: see `tables`.
        policy: see `tables`.
        work: see `tables`.
        outs: see `tables`.
    """
    out, told = outs[0], outs[3]
    block, tolerance = work.block, policy.tolerance_cents
    kept = np.int64(0)
    for place in range(left):
        each = block[BLOCK_REST, _at(place)]
        block[BLOCK_REST, _at(kept)] = each
        kept += 1
        program = work.programs[_at(block[BLOCK_PROGRAM, _at(each)])]
        road, spi = np.int64(program["road"]), np.int64(program["spi"])
        if road == ROAD_LEFT:
            continue
        base = law.rulings[_at(block[BLOCK_RULING, _at(each)])]
        weights, entry = np.int64(base["weights"]), block[BLOCK_ENTRY, _at(each)]
        first, worth = block[BLOCK_FIRST, _at(each)], np.int64(value[_at(line + each)])
        sums = sum_short(first, worth, program, base, tariffs.duty, tolerance)
        gap = sums.gap
        if road == ROAD_COMPONENT:
            # A component carries no duty: what it keeps is what mode A and mode B differ by.
            gap = sums.filed - sums.removed
            weights &= ORDINARY_BITS
        odd = (weights ^ WEIGHT_BASE) | (np.int64(base["marks"]) & np.int64(program["watched"]))
        if sums.odd | odd != 0:
            continue
        if road >= ROAD_REPLACED:
            filed = np.int64(tariffs.duty[_at(first + program["before"])])
            replaced = np.int64(tariffs.duty[_at(first + road - ROAD_REPLACED)])
            found = replaced_line(worth, filed, replaced, gap, base, tolerance)
            out.restored[_at(entry)] += found.restored
            gap = found.gap
            work.notes[_at(entry)] |= found.notes
            if found.notes & s.NOTES_TOLD:
                tell(told, entry, line + each, found.notes, s.OK)
            if policy.detail == 1:
                write_last(line + each, first + program["before"], filed, found, outs)
        else:
            if spi != SPI_NONE and road == ROAD_PLAIN:
                if is_free(law.rates, base["row"], spi) == 0:
                    continue
                gap += half_up_cents(worth * base["rate_e9"])
            if abs(gap) > tolerance:
                continue
            if policy.detail == 1:
                outs[1].gap[line + each] = gap
        out.filed[_at(entry)] += sums.filed
        out.removed[_at(entry)] += sums.removed
        out.recomputed[_at(entry)] += gap
        kept -= 1
    return kept


@routine
def treat_left(left, line, entries, lines, data, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add the lines that the short road left of a block to their entries.

    Args:
        left: how many.
        line: the first line of the block.
        entries: see `tables`.
        lines: see `tables`.
        data: shapes, numbers and quantities.
        law: see `tables`.
        policy: see `tables`.
        work: see `tables`.
        outs: see `tables`.
    """
    shapes, tariffs, _ = data
    out = outs[0]
    for place in range(left):
        each = work.block[BLOCK_REST, place]
        entry = work.block[BLOCK_ENTRY, each]
        program = work.programs[work.block[BLOCK_PROGRAM, each]]
        base_at = work.block[BLOCK_RULING, each]
        facts = facts_of(line + each, work.block[BLOCK_FIRST, each], entry, program, entries, lines, shapes, policy)
        ordinary = 0 < facts.size <= CUSTOMARY_TARIFFS and 0 < facts.value <= _LARGEST_INT32 and facts.valued == 0
        ordinary = ordinary and law.rulings[base_at]["base"] != 0 and facts.text_row < 0
        if ordinary and policy.duties == 0 and policy.prices == 0:
            sums, found = treat_ordinary(facts, program, base_at, data, law, policy, work)
            if found.ordinary == 1:
                add_ordinary(entry, facts, sums, found, data, law, policy, work, outs)
                continue
        if facts.size > CUSTOMARY_TARIFFS:
            out.flags[entry] |= s.FLAG_MANY_TARIFFS_ON_LINE
        added = treat_generally(entry, facts, data, law, policy, work, outs)
        out.filed[entry] += added.filed
        out.removed[entry] += added.removed
        out.restored[entry] += added.restored
        out.recomputed[entry] += added.gap
        out.known[entry] &= added.known
        out.trial[entry] |= added.trial
        work.notes[entry] |= added.notes
        work.ieepa_duty[entry] += added.ieepa_duty
