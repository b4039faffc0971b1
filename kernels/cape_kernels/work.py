"""What the mass processing kernel works with: programs of shapes, the lines of a block, how far the walk has come."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cape_kernels._jit import types

# What a shape means in a period (`PROGRAM`): how its lines are treated.
ROAD_LEFT = 0  # each line is looked at
ROAD_SINGLE = 1  # one number before the last, removed or kept without a duty of its own, and no programme
ROAD_PLAIN = 2  # numbers that are removed or charge a percentage
ROAD_FREE = 3  # the same with a programme, as far as that is at Free
ROAD_COMPONENT = 4  # the same on a component of a set
ROAD_REPLACED = 5  # one number replaces column 1
ROADS = 6
SHORT_ROAD = 3  # so many numbers before the last one
PROGRAMS = 1 << 14  # programmes of shapes and periods that are kept at a time

PROGRAM = np.dtype(
    [
        ("tag", np.int64),  # shape and period, counted from 1
        ("rate_1", np.int64),  # billionths of the first, second and third number before the last; 0 where there is none
        ("rate_2", np.int64),
        ("rate_3", np.int64),
        ("marks", np.int32),  # of all numbers before the last
        ("weights", np.int32),
        ("before", np.int32),  # how many numbers
        ("rules", np.int16),  # why each of the first three is removed, `RULE_WIDTH` bits each
        # -1 or 0, as in `RULING`.
        ("removed_1", np.int8),
        ("removed_2", np.int8),
        ("removed_3", np.int8),
        ("compared_1", np.int8),
        ("compared_2", np.int8),
        ("compared_3", np.int8),
        ("charged_1", np.int8),
        ("charged_2", np.int8),
        ("charged_3", np.int8),
        ("there_1", np.int8),  # -1 where there is such a number
        ("there_2", np.int8),
        ("there_3", np.int8),
        ("watches", np.int8),  # -1 where base numbers of metal need a look
        ("replaces", np.int8),  # which of them replaces column 1, from 0
        ("road", np.int8),
        ("spi", np.int8),
        ("origin", np.int8),
        ("shape_marks", np.int8),
    ],
    align=True,
)
"""What a shape means in a period, worked out at its first line there; one cache line."""

# Rows of the work sheet on which a line that is not ordinary is laid out; one column per number.
WORK_AT = 0  # ruling
WORK_VALUE = 1
WORK_DUTY = 2
WORK_CENTS = 3  # mode B
WORK_QUANTITIES = 4  # three amounts, three units
WORK_ROWS = 10

BLOCK_LINES = 512  # so many lines go from pass to pass at a time: what is known of them stays in the cache
# Where what is known of the lines of a block begins: constants, so that one register holds all their addresses.
BLOCK_PROGRAM = 0  # place of its program
BLOCK_RULING = BLOCK_LINES  # place of the ruling on its last number
BLOCK_FIRST = 2 * BLOCK_LINES  # its first tariff
BLOCK_ENTRY = 3 * BLOCK_LINES
BLOCK_ROADS = 4 * BLOCK_LINES  # for each road its lines
BLOCK_WORDS = BLOCK_ROADS + ROADS * BLOCK_LINES
# The walk from block to block.
AT_QUANTITY = 0  # quantities at which it has arrived
AT_LINE = 1
AT_ENTRY = 2
AT_REST = 3  # lines of that entry that are still to come
AT_TARIFF = 4
AT_ROADS = 5  # for each road how many lines of the block take it
AT_WORDS = AT_ROADS + ROADS


class Work(NamedTuple):
    """Room to work in.

    Attributes:
        sheet: int64, `WORK_ROWS` rows, a column for each number of the longest line. programs: `PROGRAM`, `PROGRAMS` of
        them, their tags 0. block: int64, `BLOCK_WORDS` elements. at: int64, `AT_WORDS` elements, 0. kinds: int64
        for each shape the first that means the same. table: int64, a power of two above twice the shapes, 0.
        seen, notes, ieepa_duty: int64 for each entry, 0: marks of its numbers, notes on its lines, and, where what is
        removed are not just the IEEPA numbers, cents on those.
    """

    sheet: Any
    programs: Any
    block: Any
    at: Any
    kinds: Any
    table: Any
    seen: Any
    notes: Any
    ieepa_duty: Any


_SHEET_TYPE = types.Array(types.int64, 2, "C")
_ROOM_TYPE = types.Array(types.int64, 1, "C")
_PROGRAMS_TYPE = types.Array(types.from_dtype(PROGRAM), 1, "C")
WORK_TYPE = types.NamedTuple([_SHEET_TYPE, _PROGRAMS_TYPE, *[_ROOM_TYPE] * 7], Work)
