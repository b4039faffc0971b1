"""Mass processing: both modes of every line, block by block, added up entry by entry."""

from __future__ import annotations

import numpy as np

from cape_kernels import status as s
from cape_kernels._jit import helper, kernel, routine
from cape_kernels.left import treat_left
from cape_kernels.programs import find_kinds, find_programs
from cape_kernels.short import treat_components, treat_free, treat_plain, treat_replaced, treat_singles
from cape_kernels.tables import (
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
    QUANTITIES_TYPE,
    RULE_BITS,
    RULE_WIDTH,
    SHAPES_TYPE,
    TARIFFS_TYPE,
)
from cape_kernels.work import (
    AT_LINE,
    AT_REST,
    BLOCK_FIRST,
    BLOCK_LINES,
    BLOCK_PROGRAM,
    ROAD_LEFT,
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


@helper
def write_number(tariff, removed, rules, duty, out):  # type: ignore[no-untyped-def]
    """Before and after of a number before the last one; the lowest bits of `rules` are its own."""
    out.change[_at(tariff)] = s.CHANGE_REMOVED & removed
    out.rule[_at(tariff)] = rules & RULE_BITS
    out.duty[_at(tariff)] = np.int64(duty[_at(tariff)]) & ~np.int64(removed)


@routine
def write_lines(count, duty, work, line_out, out):  # type: ignore[no-untyped-def]
    """What detail asks for of the numbers of a block, as it is on the short roads; those write the gaps of lines.

    A number that a line does not have is written where its first one stands, and the first one after it: how many
    numbers a line has is nothing that the processor could guess.
    """
    for each in range(count):
        program = work.programs[_at(work.block[_at(BLOCK_PROGRAM + each)])]
        if program["road"] == ROAD_LEFT:
            continue
        first, rules = work.block[_at(BLOCK_FIRST + each)], np.int64(program["rules"])
        last = first + program["before"]
        write_number(first - 2 * program["there_3"], program["removed_3"], rules >> (2 * RULE_WIDTH), duty, out)
        write_number(first - program["there_2"], program["removed_2"], rules >> RULE_WIDTH, duty, out)
        write_number(first, program["removed_1"], rules, duty, out)
        write_number(last, 0, s.RULE_NONE, duty, out)
        line_out.known[_at(work.at[AT_LINE] + each)] = 1


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

    A block of lines goes from pass to pass: what their shapes mean (`find_programs`), the short roads of lines of one
    kind each (`short`), and what those leave (`left`). A pass has no branch that depends on the data but for rare
    cases, and few arrays, so that their addresses stay in registers. Sums stay in int64 because no duty is above
    `LARGEST_DUTY_CENTS`.
    """
    out, line_out, tariff_out, told = outs
    data = (shapes, tariffs, quantities)
    open_entries(out)
    find_kinds(shapes, work.kinds, work.table)
    work.at[AT_REST] = entries.lines[0] if len(entries.lines) > 0 else 0
    size = len(lines.value)
    while work.at[AT_LINE] < size:
        line = work.at[AT_LINE]
        count = min(np.int64(BLOCK_LINES), size - line)
        count = find_programs(count, len(tariffs.duty), entries, lines, shapes, law, policy, work, told)
        if count == 0:  # lines and numbers do not fit each other
            break
        if policy.detail == 1:
            write_lines(count, tariffs.duty, work, line_out, tariff_out)
        treat_singles(lines.value, tariffs.duty, law, policy, work, outs)
        treat_plain(lines.value, tariffs.duty, law, policy, work, outs)
        treat_free(lines.value, tariffs.duty, law, policy, work, outs)
        treat_components(lines.value, tariffs.duty, law, policy, work, outs)
        treat_replaced(lines.value, tariffs.duty, law, policy, work, outs)
        treat_left(line, entries, lines, data, law, policy, work, outs)
        work.at[AT_LINE] = line + count
    close_entries(policy, work, out)
