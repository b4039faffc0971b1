"""Mass processing: both modes of every line, block by block, added up entry by entry."""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, kernel, routine
from cape_kernels.left import place_among, treat_left, treat_short
from cape_kernels.ordinary import sum_short, sum_single, write_beside
from cape_kernels.programs import make_program
from cape_kernels.tables import (
    AT_ENTRY,
    AT_LINE,
    AT_REST,
    AT_TARIFF,
    BLOCK_ENTRY,
    BLOCK_FIRST,
    BLOCK_LINES,
    BLOCK_PROGRAM,
    BLOCK_REST,
    BLOCK_RULING,
    BLOCK_SINGLE,
    ENTRIES_TYPE,
    LAW_TYPE,
    LINES_TYPE,
    MARK_CHAPTER98,
    MARK_CHARGING,
    MARK_IEEPA,
    MARK_INACTIVE,
    MARK_OUTSIDE,
    MARK_SECTION122,
    OUTS_TYPE,
    POLICY_TYPE,
    PROGRAMS,
    QUANTITIES_TYPE,
    ROAD_LEFT,
    ROAD_SINGLE,
    SHAPE_PRIVILEGED,
    SHAPES_TYPE,
    TARIFFS_TYPE,
    WEIGHT_BASE,
    WORK_TYPE,
)

_at = np.uint64


@helper
def flags_of(notes, seen, known):  # type: ignore[no-untyped-def]
    """Flags of an entry from the notes on its lines and the marks of its numbers."""
    flags = np.int64(0)
    if notes & s.NOTE_BUNDLED:
        flags |= s.FLAG_BUNDLED_DUTY
    if notes & s.NOTE_ABOVE_RATE:
        flags |= s.FLAG_IEEPA_ABOVE_RATE
    if notes & s.NOTE_AVE:
        flags |= s.FLAG_COLUMN1_AT_OR_ABOVE_15
    if notes & s.NOTE_RESTORED:
        flags |= s.FLAG_COLUMN1_RESTORED
    if notes & s.NOTE_LAYOUT:
        flags |= s.FLAG_REPLACEMENT_LAYOUT_UNKNOWN
    if notes & s.NOTE_MOVED:
        flags |= s.FLAG_VALUE_MOVED
    if notes & s.NOTE_DOUBLE:
        flags |= s.FLAG_VALUE_DOUBLE
    if notes & s.NOTE_NOT_PLACED:
        flags |= s.FLAG_VALUE_NOT_PLACED
    if notes & s.NOTE_DISPLACED:
        flags |= s.FLAG_DISPLACED_232
    if notes & s.NOTE_GAP:
        flags |= s.FLAG_MODE_GAP
    if seen & MARK_OUTSIDE:
        flags |= s.FLAG_OUTSIDE_OWN_DATES
    if seen & MARK_CHAPTER98:
        flags |= s.FLAG_CHAPTER_98
    if known == 0:
        flags |= s.FLAG_NOT_RECOMPUTABLE
    return flags


@helper
def trial_of_entry(seen, ieepa_duty):  # type: ignore[no-untyped-def]
    """Trial bits of an entry from the marks of its numbers (handbook 4.4 and 5.9)."""
    trial = np.int64(0)
    if seen & MARK_INACTIVE:
        trial |= s.TRIAL_NUMBER_INACTIVE
    if seen & MARK_OUTSIDE:
        trial |= s.TRIAL_IEEPA_INACTIVE
    if seen & MARK_CHARGING == 0:
        trial |= s.TRIAL_NO_CHARGING_NUMBER
        if seen & MARK_SECTION122:
            trial |= s.TRIAL_SECTION_122_ONLY
    if seen & MARK_IEEPA == 0:
        trial |= s.TRIAL_NO_IEEPA_NUMBER
    if ieepa_duty == 0:
        trial |= s.TRIAL_NO_IEEPA_AMOUNT
    return trial


@routine
def is_used(place, each, block):  # type: ignore[no-untyped-def]
    """Whether a line of the block before `each` has the program at a place."""
    for before in range(each):
        if block[BLOCK_PROGRAM, before] == place:
            return True
    return False


@helper
def program_at(each, shape, period, shapes, law, policy, work):  # type: ignore[no-untyped-def]
    """Place of the program of a shape in a period, made where it is not at hand; -1 if its place is not free now.

    Of two programs that fall on one place the later stays, so memory does not grow with the shapes; but not while the
    block still needs the first.
    """
    tag = shape * policy.periods + period + 1
    place = tag & (PROGRAMS - 1)
    if work.programs[_at(place)]["tag"] != tag:
        if work.programs[_at(place)]["tag"] != 0 and is_used(place, each, work.block):
            return np.int64(-1)
        make_program(place, tag, (shape, period), shapes, law, policy, work.programs)
    return place


@routine
def find_programs(count, entries, lines, shapes, law, policy, work, told):  # type: ignore[no-untyped-def]
    """(next lines, at most `count`; how many of them take `ROAD_SINGLE`): note what is known of each, and its road."""
    key, place, block, programs = lines.key, law.place, work.block, work.programs
    low_bits = (np.int64(1) << policy.bits) - 1
    line, entry, rest, first = work.at[AT_LINE], work.at[AT_ENTRY], work.at[AT_REST], work.at[AT_TARIFF]
    each = singles = np.int64(0)
    while each < count:
        period = np.int64(entries.period[_at(entry)])
        stop = min(each + rest, count)
        rest -= stop - each
        seen = np.int64(0)
        while each < stop:
            word = key[_at(line + each)]
            shape = word >> policy.bits
            at = program_at(each, shape, period, shapes, law, policy, work)
            own = period
            if at >= 0 and programs[_at(at)]["shape_marks"] & SHAPE_PRIVILEGED:
                dated = place_among(lines.dated_line, line + each)
                if dated >= 0:
                    own = np.int64(lines.dated_period[dated])
                    at = program_at(each, shape, own, shapes, law, policy, work)
                else:
                    told.undated[told.count[1]] = line + each
                    told.count[1] += 1
            if at < 0:
                rest += stop - each
                stop = count = each
                break
            program = programs[_at(at)]
            start = np.int64(place[_at(word & low_bits)])
            many = start >> 63
            ruling = (start ^ many) + (own & many)
            base = law.rulings[_at(ruling)]
            before = np.int64(program["before"])
            block[BLOCK_PROGRAM, _at(each)] = at
            block[BLOCK_RULING, _at(each)] = ruling
            block[BLOCK_FIRST, _at(each)] = first
            block[BLOCK_ENTRY, _at(each)] = entry
            first += before + 1
            marks = np.int64(base["marks"])
            seen |= np.int64(program["marks"]) | (marks & ~(before >> 63))
            odd = np.int64(program["road"]) ^ ROAD_SINGLE
            odd |= (np.int64(base["weights"]) ^ WEIGHT_BASE) | (marks & np.int64(program["watched"]))
            block[BLOCK_SINGLE, _at(singles)] = each
            block[BLOCK_REST, _at(each - singles)] = each
            singles += np.int64(odd == 0)
            each += 1
        work.seen[_at(entry)] |= seen
        if rest == 0:
            entry += 1
            rest = np.int64(entries.lines[entry]) if entry < len(entries.lines) else np.int64(0)
    work.at[AT_ENTRY], work.at[AT_REST], work.at[AT_TARIFF] = entry, rest, first
    return count, singles


@routine
def treat_singles(singles, rest, line, value, duty, law, policy, work, out):  # type: ignore[no-untyped-def]
    """Add the lines of `ROAD_SINGLE` to their entries; how many are not done then, with the `rest` that was noted."""
    block, programs, rulings = work.block, work.programs, law.rulings
    tolerance = policy.tolerance_cents
    for place in range(singles):
        each = block[BLOCK_SINGLE, _at(place)]
        program = programs[_at(block[BLOCK_PROGRAM, _at(each)])]
        base = rulings[_at(block[BLOCK_RULING, _at(each)])]
        entry = block[BLOCK_ENTRY, _at(each)]
        worth = np.int64(value[_at(line + each)])
        sums = sum_single(block[BLOCK_FIRST, _at(each)], worth, program, base, duty, tolerance)
        if sums.odd != 0:  # rare
            after = rest
            while after > 0 and block[BLOCK_REST, after - 1] > each:
                block[BLOCK_REST, after] = block[BLOCK_REST, after - 1]
                after -= 1
            block[BLOCK_REST, after] = each
            rest += 1
            continue
        out.filed[_at(entry)] += sums.filed
        out.removed[_at(entry)] += sums.removed
        out.recomputed[_at(entry)] += sums.gap
    return rest


@routine
def write_lines(count, lines, shapes, tariffs, law, policy, work, line_out, out):  # type: ignore[no-untyped-def]
    """What detail asks for of the lines of a block, as it is on the short road."""
    for each in range(count):
        program = work.programs[work.block[BLOCK_PROGRAM, each]]
        if program["road"] == ROAD_LEFT:
            continue
        line, first = work.at[AT_LINE] + each, work.block[BLOCK_FIRST, each]
        base = law.rulings[work.block[BLOCK_RULING, each]]
        worth = np.int64(lines.value[line])
        line_out.gap[line] = sum_short(first, worth, program, base, tariffs.duty, policy.tolerance_cents).gap
        line_out.known[line] = 1
        start = np.int64(shapes.start[lines.key[line] >> policy.bits])
        write_beside(first, program["before"], start, (program["tag"] - 1) % policy.periods, shapes, tariffs, law, out)
        last = first + program["before"]
        out.change[last] = s.CHANGE_KEPT
        out.rule[last] = s.RULE_NONE
        out.duty[last] = tariffs.duty[last]


@routine
def open_entries(out):  # type: ignore[no-untyped-def]
    """Nothing is added up yet."""
    for entry in range(len(out.filed)):
        out.filed[entry] = out.removed[entry] = out.restored[entry] = out.recomputed[entry] = 0
        out.known[entry] = 1
        out.trial[entry] = out.flags[entry] = 0


@routine
def close_entries(policy, work, out):  # type: ignore[no-untyped-def]
    """Write what follows for each entry from the sums over its lines."""
    for entry in range(len(out.filed)):
        known, flags = np.int64(out.known[entry]), np.int64(out.flags[entry])
        filed, removed, gaps = out.filed[entry], out.removed[entry], out.recomputed[entry]
        ieepa_duty = work.ieepa_duty[entry] if policy.apart == 1 else removed
        if known == 1 and (
            abs(gaps) > policy.tolerance_cents
            or (policy.summary_inclusive == 0 and abs(gaps) == policy.tolerance_cents)
        ):
            flags |= s.FLAG_MODE_GAP
        out.recomputed[entry] = filed - removed + out.restored[entry] - gaps if known == 1 else 0
        out.trial[entry] |= trial_of_entry(work.seen[entry], ieepa_duty)
        out.flags[entry] = flags | flags_of(work.notes[entry], work.seen[entry], known)


@kernel(
    (
        ENTRIES_TYPE,
        LINES_TYPE,
        SHAPES_TYPE,
        TARIFFS_TYPE,
        QUANTITIES_TYPE,
        LAW_TYPE,
        POLICY_TYPE,
        WORK_TYPE,
        OUTS_TYPE,
    )
)
def process_lines(entries, lines, shapes, tariffs, quantities, law, policy, work, outs):  # type: ignore[no-untyped-def]
    """Write the new version of every entry, its trial and flags, and what detail asks for of lines and numbers.

    Arguments: see `tables`.

    A block of lines goes from pass to pass: what their shapes mean (`find_programs`), lines of the commonest kind
    (`treat_singles`), other lines of few numbers (`treat_short`), and all others (`treat_left`). A pass has no branch
    that depends on the data but for rare cases, and few arrays, so that their addresses stay in registers. Sums stay in
    int64 because no duty is above `LARGEST_DUTY_CENTS`.
    """
    out, line_out, tariff_out, told = outs
    data = (shapes, tariffs, quantities)
    open_entries(out)
    work.at[AT_REST] = entries.lines[0] if len(entries.lines) > 0 else 0
    size = len(lines.key)
    while work.at[AT_LINE] < size:
        line = work.at[AT_LINE]
        count = min(np.int64(BLOCK_LINES), size - line)
        count, singles = find_programs(count, entries, lines, shapes, law, policy, work, told)
        if policy.detail == 1:
            write_lines(count, lines, shapes, tariffs, law, policy, work, line_out, tariff_out)
        rest = treat_singles(singles, count - singles, line, lines.value, tariffs.duty, law, policy, work, out)
        rest = treat_short(rest, line, lines.value, tariffs, law, policy, work, outs)
        treat_left(rest, line, entries, lines, data, law, policy, work, outs)
        work.at[AT_LINE] = line + count
    close_entries(policy, work, out)
