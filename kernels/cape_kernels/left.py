"""Lines that the short road leaves: ordinary ones by what they lack, all others on the general way."""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, routine
from cape_kernels.general import tell, treat_generally
from cape_kernels.ordinary import (
    CUSTOMARY_TARIFFS,
    Plain,
    ieepa_duty_of,
    plain_line,
    sum_long,
    sum_short,
    write_beside,
)
from cape_kernels.programs import key_at, place_among
from cape_kernels.scan import Facts
from cape_kernels.short import write_last
from cape_kernels.tables import (
    ORDINARY_BITS,
    ORIGIN_COLUMN2,
    ORIGIN_DISPLACED,
    SHAPE_COMPONENT,
    SHAPE_PRIVILEGED,
    SHAPE_VALUED,
    WEIGHT_BASE,
    WEIGHT_BITS,
    WEIGHT_REPLACES,
    WIDE,
)
from cape_kernels.work import (
    AT_ROADS,
    BLOCK_ENTRY,
    BLOCK_FIRST,
    BLOCK_LINES,
    BLOCK_PROGRAM,
    BLOCK_ROADS,
    BLOCK_RULING,
    ROAD_LEFT,
)

_at = np.uint64
_LARGEST_INT32 = 2**31 - 1


@helper
def facts_of(line, first, entry, program, entries, lines, shapes, policy):  # type: ignore[no-untyped-def]
    """All that a line says of itself."""
    key = key_at(lines, line)
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
def treat_left(line, entries, lines, data, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Add the lines that the short roads left of a block to their entries.

    Args:
        line: the first line of the block.
        entries: see `tables`.
        lines: see `tables`.
        data: shapes, numbers and quantities.
        law: see `tables`.
        policy: see `tables`.
        work: see `tables`.
        outs: see `tables`.
    """
    shapes, out = data[0], outs[0]
    block = work.block
    for place in range(work.at[AT_ROADS + ROAD_LEFT]):
        each = block[BLOCK_ROADS + ROAD_LEFT * BLOCK_LINES + place]
        entry, base_at = block[BLOCK_ENTRY + each], block[BLOCK_RULING + each]
        program = work.programs[block[BLOCK_PROGRAM + each]]
        facts = facts_of(line + each, block[BLOCK_FIRST + each], entry, program, entries, lines, shapes, policy)
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
