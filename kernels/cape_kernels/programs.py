"""What the shape of a line means in a period, worked out once for many lines; which road each line takes."""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, routine, wrapping_helper
from cape_kernels.tables import (
    MARK_CHARGED,
    MARK_COMPARED,
    MARK_METAL,
    MARK_REMOVED,
    MARK_REPLACES,
    ORIGIN_COLUMN2,
    ORIGIN_DISPLACED,
    RULE_BITS,
    RULE_SHIFT,
    RULE_WIDTH,
    SHAPE_COMPONENT,
    SHAPE_PRIVILEGED,
    SHAPE_VALUED,
    SPI_NONE,
    WEIGHT_BASE,
    WEIGHT_REPLACES,
)
from cape_kernels.work import (
    AT_ENTRY,
    AT_LINE,
    AT_REST,
    AT_ROADS,
    AT_TARIFF,
    BLOCK_ENTRY,
    BLOCK_FIRST,
    BLOCK_LINES,
    BLOCK_PROGRAM,
    BLOCK_ROADS,
    BLOCK_RULING,
    PROGRAMS,
    ROAD_COMPONENT,
    ROAD_FREE,
    ROAD_LEFT,
    ROAD_PLAIN,
    ROAD_REPLACED,
    ROAD_SINGLE,
    ROADS,
    SHORT_ROAD,
)

_at = np.uint64


@helper
def key_at(lines, line):  # type: ignore[no-untyped-def]
    """Key of a line; at most one of the arrays holds anything."""
    return np.int64(lines.key[_at(line)]) if len(lines.key) > 0 else lines.wide_key[_at(line)]


@helper
def ruling_of(places, number, period):  # type: ignore[no-untyped-def]
    """Place of the ruling on a number in a period."""
    place = np.int64(places[_at(number)])
    return place if place >= 0 else period - place - 1


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
def note_number(program, column, ruling):  # type: ignore[no-untyped-def]
    """Note what one of the first numbers of a line means."""
    marks = np.int64(ruling["marks"])
    removed = np.int8(-1) if marks & MARK_REMOVED else np.int8(0)
    compared = np.int8(-1) if marks & MARK_COMPARED else np.int8(0)
    charged = np.int8(-1) if marks & MARK_CHARGED else np.int8(0)
    if column == 0:
        program["rate_1"], program["removed_1"] = ruling["rate_e9"], removed
        program["compared_1"], program["charged_1"] = compared, charged
    elif column == 1:
        program["rate_2"], program["removed_2"] = ruling["rate_e9"], removed
        program["compared_2"], program["charged_2"] = compared, charged
    elif column == 2:
        program["rate_3"], program["removed_3"] = ruling["rate_e9"], removed
        program["compared_3"], program["charged_3"] = compared, charged


@helper
def road_of(program, policy):  # type: ignore[no-untyped-def]
    """The road of lines with a base number of one General percentage.

    Mode B of each number, the price of each line, texts that count first and what is removed beside the IEEPA numbers
    are looked at line by line.
    """
    weights, origin, spi = np.int64(program["weights"]), np.int64(program["origin"]), np.int64(program["spi"])
    shape_marks = np.int64(program["shape_marks"])
    left = policy.duties == 1 or policy.prices == 1 or policy.text_first == 1 or policy.apart == 1
    if left or not 0 <= program["before"] <= SHORT_ROAD or shape_marks & SHAPE_VALUED:
        return np.int64(ROAD_LEFT)
    if shape_marks & SHAPE_COMPONENT:
        return np.int64(ROAD_COMPONENT if weights == 0 and origin & ORIGIN_DISPLACED == 0 else ROAD_LEFT)
    if origin & ORIGIN_COLUMN2:
        return np.int64(ROAD_LEFT)
    if weights == WEIGHT_REPLACES and spi == SPI_NONE and origin & ORIGIN_DISPLACED == 0 and policy.restore == 1:
        return np.int64(ROAD_REPLACED)
    if weights != 0:
        return np.int64(ROAD_LEFT)
    if spi != SPI_NONE:
        return np.int64(ROAD_FREE)
    return np.int64(ROAD_SINGLE if program["before"] == 1 and program["charged_1"] == 0 else ROAD_PLAIN)


@routine
def make_program(place, tag, asked, shapes, law, policy, programs):  # type: ignore[no-untyped-def]
    """Write the program of a shape in a period; `asked` is (shape, period)."""
    shape, period = asked
    program = programs[place]
    before = np.int64(shapes.size[shape]) - 1
    marks = weights = replaces = rules = np.int64(0)
    program["rate_1"] = program["rate_2"] = program["rate_3"] = 0
    program["removed_1"] = program["removed_2"] = program["removed_3"] = 0
    program["compared_1"] = program["compared_2"] = program["compared_3"] = 0
    program["charged_1"] = program["charged_2"] = program["charged_3"] = 0
    for column in range(before):
        number = shapes.before[shapes.start[shape] + column]
        ruling = law.rulings[ruling_of(law.place, number, period)]
        marks |= np.int64(ruling["marks"])
        weights += np.int64(ruling["weights"])
        if ruling["marks"] & MARK_REPLACES:
            replaces = np.int64(column)
        if column < SHORT_ROAD:
            rules |= ((np.int64(ruling["marks"]) >> RULE_SHIFT) & RULE_BITS) << (RULE_WIDTH * column)
        note_number(program, column, ruling)
    origin = np.int64(law.origins[period * (len(law.origins) // policy.periods) + shapes.origin[shape]])
    program["marks"] = marks
    program["weights"] = weights
    program["watches"] = -1 if origin & ORIGIN_DISPLACED else 0
    program["before"] = before
    program["there_1"] = -1 if before > 0 else 0
    program["there_2"] = -1 if before > 1 else 0
    program["there_3"] = -1 if before > 2 else 0
    program["rules"] = rules
    program["replaces"] = replaces if replaces < SHORT_ROAD else 0
    program["spi"] = law.spis[period * (len(law.spis) // policy.periods) + shapes.spi[shape]]
    program["origin"] = origin
    program["shape_marks"] = shapes.marks[shape]
    program["road"] = road_of(program, policy)
    program["tag"] = tag


@helper
def same_kind(one, other, shapes):  # type: ignore[no-untyped-def]
    """Whether two shapes mean the same in every period."""
    same = shapes.size[one] == shapes.size[other] and shapes.marks[one] == shapes.marks[other]
    same = same and shapes.origin[one] == shapes.origin[other] and shapes.spi[one] == shapes.spi[other]
    if same:
        for column in range(shapes.size[one] - 1):
            if shapes.before[shapes.start[one] + column] != shapes.before[shapes.start[other] + column]:
                return False
    return same


@wrapping_helper
def kind_word(shape, shapes):  # type: ignore[no-untyped-def]
    """A word that is equal for shapes that mean the same, and seldom for others."""
    word = np.uint64(shapes.size[shape]) * np.uint64(31) + np.uint64(shapes.marks[shape])
    word = (word * np.uint64(131) + np.uint64(shapes.origin[shape])) * np.uint64(131) + np.uint64(shapes.spi[shape])
    for column in range(shapes.size[shape] - 1):
        word = word * np.uint64(1_000_003) + np.uint64(shapes.before[shapes.start[shape] + column])
    return word ^ (word >> np.uint64(29)) ^ (word >> np.uint64(13))


@routine
def find_kinds(shapes, kinds, table):  # type: ignore[no-untyped-def]
    """Note for each shape the first that means the same: of many countries no rule speaks, and programs stay few."""
    mask = len(table) - 1
    for shape in range(len(shapes.size)):
        place = np.int64(kind_word(shape, shapes) & np.uint64(mask))
        while table[place] != 0 and not same_kind(table[place] - 1, shape, shapes):
            place = (place + 1) & mask
        if table[place] == 0:
            table[place] = shape + 1
        kinds[shape] = table[place] - 1


@routine
def is_used(place, each, block):  # type: ignore[no-untyped-def]
    """Whether a line of the block before `each` has the program at a place."""
    for before in range(each):  # noqa: SIM110 - a kernel has no generators
        if block[_at(BLOCK_PROGRAM + before)] == place:
            return True
    return False


@helper
def program_at(each, kind, period, shapes, law, policy, work):  # type: ignore[no-untyped-def]
    """Place of the program of a kind of shape in a period, made where it is not at hand; -1 if its place is not free.

    Of two programs that fall on one place the later stays, so memory does not grow with the shapes; but not while the
    block still needs the first.
    """
    tag = kind * policy.periods + period + 1
    place = tag & (PROGRAMS - 1)
    if work.programs[_at(place)]["tag"] != tag:
        if work.programs[_at(place)]["tag"] != 0 and is_used(place, each, work.block):
            return np.int64(-1)
        make_program(place, tag, (kind, period), shapes, law, policy, work.programs)
    return place


@routine
def look_up(each, kind, period, lines, shapes, law, policy, work, told):  # type: ignore[no-untyped-def]
    """(place of its program or -1, its period) of a line whose program is not at hand or that may have its own day."""
    line = work.at[AT_LINE] + each
    mine = program_at(each, kind, period, shapes, law, policy, work)
    if mine >= 0 and work.programs[_at(mine)]["shape_marks"] & SHAPE_PRIVILEGED:
        dated = place_among(lines.dated_line, line)
        if dated >= 0:
            period = np.int64(lines.dated_period[dated])
            mine = program_at(each, kind, period, shapes, law, policy, work)
        else:
            told.undated[told.count[1]] = line
            told.count[1] += 1
    return mine, period


@routine
def find_programs(count, tariffs, entries, lines, shapes, law, policy, work, told):  # type: ignore[no-untyped-def]
    """Note what is known of each of the next lines, at most `count`, and its road; how many they are.

    None where the numbers of a line would lie behind the last of all `tariffs`.
    """
    place, block, programs, at, kinds = law.place, work.block, work.programs, work.at, work.kinds
    low_bits = (np.int64(1) << policy.bits) - 1
    line, entry, rest, first = at[AT_LINE], at[AT_ENTRY], at[AT_REST], at[AT_TARIFF]
    for taken in range(ROADS):
        at[_at(AT_ROADS + taken)] = 0
    each = np.int64(0)
    while each < count:
        period = np.int64(entries.period[_at(entry)])
        stop = min(each + rest, count)
        rest -= stop - each
        seen = np.int64(0)
        while each < stop:
            word = key_at(lines, line + each)
            kind = kinds[_at(word >> policy.bits)]
            tag = kind * policy.periods + period + 1
            mine, own = tag & (PROGRAMS - 1), period
            if programs[_at(mine)]["tag"] != tag or programs[_at(mine)]["shape_marks"] & SHAPE_PRIVILEGED:
                mine, own = look_up(each, kind, period, lines, shapes, law, policy, work, told)
                if mine < 0:
                    rest += stop - each
                    stop = count = each
                    break
            program = programs[_at(mine)]
            start = np.int64(place[_at(word & low_bits)])
            many = start >> 63
            ruling = (start ^ many) + (own & many)
            base = law.rulings[_at(ruling)]
            before = np.int64(program["before"])
            block[_at(BLOCK_PROGRAM + each)] = mine
            block[_at(BLOCK_RULING + each)] = ruling
            block[_at(BLOCK_FIRST + each)] = first
            block[_at(BLOCK_ENTRY + each)] = entry
            first += before + 1
            marks = np.int64(base["marks"])
            seen |= np.int64(program["marks"]) | (marks & ~(before >> 63))
            odd = (np.int64(base["weights"]) ^ WEIGHT_BASE) | (marks & MARK_METAL & np.int64(program["watches"]))
            road = np.int64(program["road"]) & -np.int64(odd == 0)
            there = at[_at(AT_ROADS + road)]
            block[_at(BLOCK_ROADS + road * BLOCK_LINES + there)] = each
            at[_at(AT_ROADS + road)] = there + 1
            each += 1
        work.seen[_at(entry)] |= seen
        if rest == 0:
            entry += 1
            rest = np.int64(entries.lines[entry]) if entry < len(entries.lines) else np.int64(0)
    if first > tariffs:
        return np.int64(0)
    at[AT_ENTRY], at[AT_REST], at[AT_TARIFF] = entry, rest, first
    return count
