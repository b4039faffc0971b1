"""The arrays that travel together through the mass processing kernels, and their types for explicit signatures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types

# Classes of a tariff number. The order matters nowhere; the rank of the accepted order is an array of its own.
UNKNOWN = 0
BASE = 1  # chapters 1-97
CHAPTER98 = 2
OTHER99 = 3
ADDITIONAL = 4
REPLACEMENT = 5
EXEMPT = 6
NEVER = 7  # 9903.01/.02 number that never existed
SECTION122 = 8  # a section 122 number that charges duty

# What a rate row is for. Constants that helpers take as arguments are int64 and not plain numbers: Numba compiles a
# helper anew for every plain number it is called with (measured: 15 needless compilations).
USE_GENERAL = np.int64(0)
USE_COLUMN2 = np.int64(1)
USE_SPECIAL = np.int64(2)
USE_OWN = np.int64(3)  # chapter 98 and 99 numbers
NO_SPI = np.int64(0)  # argument where the use is not USE_SPECIAL

SPI_NONE = -1
SPI_UNKNOWN = 62  # a programme our table does not know: its bit is never set


NUMBER = np.dtype(
    [
        ("kind", np.int8),  # class above
        ("rank", np.int8),  # 0, 1, 2 for chapters 98, 99, 1-97; -1 unknown
        ("removed", np.int8),  # 1 if the number is removed
        ("known", np.int8),  # 1 if our tables have it
        ("special_counts", np.int8),  # 1 if the 15 % test may use Special
        ("metal", np.int8),  # 1 if a section 232 duty that IEEPA displaced can lie on it
        ("start", np.int32),  # first rate row
        ("count", np.int32),  # rate rows
        ("highest_e9", np.int64),  # highest rate of an IEEPA number
    ],
    align=True,
)
"""One row per tariff number of the partition's vocabulary."""

RATE = np.dtype(
    [
        ("use", np.int8),  # what the row is for, above
        ("spi", np.int8),  # programme of a USE_SPECIAL row
        ("code", np.int8),  # character of the computation code (CATAIR Appendix F)
        ("whole_1", np.int8),  # 1 if 19 CFR 159.3(b) applies to P1
        ("whole_3", np.int8),  # 1 if it applies to P3
        ("on_basis", np.int8),  # 1 if the quantity is on a special basis
        ("unit_1", np.int16),  # unit of P1, -1 any
        ("unit_3", np.int16),  # unit of P3, -1 any
        ("valid_from", np.int32),  # days, inclusive
        ("valid_to", np.int32),
        ("p1_e9", np.int64),  # billionths
        ("p2_e9", np.int64),
        ("p3_e9", np.int64),
        ("free_spis", np.int64),  # a bit for each programme at Free
    ],
    align=True,
)
"""Rate rows; the rows of a number stand together. Records, because both tables are small and read row by row."""


class Tariffs(NamedTuple):
    """One row per number on a line, in order: int32 index into the numbers, int64 dollars (-1 missing), int64 cents."""

    number: Any
    value: Any
    duty: Any


class Quantities(NamedTuple):
    """Quantities and units of the numbers on the lines.

    Attributes:
        quantity_1 .. quantity_3: int64 hundredths, -1 missing. uom_1 .. uom_3: int32 codes, -1 missing.
        unit_of_1 .. unit_of_3: int16 unit of each code; the last element, reached by -1, is -2 (no unit).
    """

    quantity_1: Any
    quantity_2: Any
    quantity_3: Any
    uom_1: Any
    uom_2: Any
    uom_3: Any
    unit_of_1: Any
    unit_of_2: Any
    unit_of_3: Any


class Lines(NamedTuple):
    """One row per line, in order.

    Attributes:
        offsets: int64, n + 1 values into the tariffs. day: int32 rate date, smallest int32 if unknown.
        component: int8 1 on a V line. spi: int8 programme claimed, -1 none. column2: int8 1 for BY, CU, KP, RU.
        text_row: int32 rate row read from the export's column 1 text, -1 none. displaced: int8 1 if origin and day
        allow a displaced 232.
    """

    offsets: Any
    day: Any
    component: Any
    spi: Any
    column2: Any
    text_row: Any
    displaced: Any


class Policy(NamedTuple):
    """Settings and days as whole numbers.

    Attributes:
        tolerance_cents: largest difference ACE accepts. summary_inclusive: 1 if exactly that passes on a summary.
        restore: 1 if column 1 is restored. move: 1 if value is moved from an IEEPA record. text_first: 1 if the
        export's column 1 text counts before the table. displaced: 1 if displaced 232 is flagged. as_of: day used for
        column 1 where the rate date is unknown. detail: 1 if the arrays of the numbers are written.
    """

    tolerance_cents: int
    summary_inclusive: int
    restore: int
    move: int
    text_first: int
    displaced: int
    as_of: int
    detail: int


class EntryOut(NamedTuple):
    """Results per entry: int64 filed, removed, restored cents (mode A), recomputed cents (mode B), int32 trial, flags.

    `known` is int8, 1 if mode B could be computed on all lines.
    """

    filed: Any
    removed: Any
    restored: Any
    recomputed: Any
    known: Any
    trial: Any
    flags: Any


class Prices(NamedTuple):
    """What a line should carry, found before anything is removed.

    Attributes:
        value: int64 dollars of the line, after an IEEPA record's value is placed. column1: int64 cents of its base
        number at the rate claimed. status: int8 why not. at_15: int8 1 if column 1 is 15 % of the value or more.
        owed: int8 1 if a number that should carry duty was filed with 0. duty: int64 cents of the line, mode B.
        known: int8 1 if mode B could be computed. notes: int32 (placement of the value, programme, basis).
    """

    value: Any
    column1: Any
    status: Any
    at_15: Any
    owed: Any
    duty: Any
    known: Any
    notes: Any


class LineOut(NamedTuple):
    """Results per line, mode A: int64 duty, int64 gap to mode B, int32 notes, int8 status of what has no answer."""

    duty: Any
    gap: Any
    notes: Any
    status: Any


class TariffOut(NamedTuple):
    """Results per number: int8 change, int8 rule, int64 duty of the new version."""

    change: Any
    rule: Any
    duty: Any


def _tuple(cls: Any, kinds: str, readonly: bool) -> Any:
    """Numba type of a NamedTuple of one-dimensional arrays; kinds: b int8, h int16, i int32, q int64."""
    scalar = {"b": types.int8, "h": types.int16, "i": types.int32, "q": types.int64}
    members = [types.Array(scalar[kind], 1, "C", readonly=readonly) for kind in kinds]
    if len(set(kinds)) == 1:
        return types.NamedUniTuple(members[0], len(members), cls)
    return types.NamedTuple(members, cls)


OFFSETS_TYPE = types.Array(types.int64, 1, "C", readonly=True)
NUMBERS_TYPE = types.Array(numba.from_dtype(NUMBER), 1, "C", readonly=True)
RATES_TYPE = types.Array(numba.from_dtype(RATE), 1, "C", readonly=True)
TARIFFS_TYPE = _tuple(Tariffs, "iqq", readonly=True)
QUANTITIES_TYPE = _tuple(Quantities, "qqqiiihhh", readonly=True)
LINES_TYPE = _tuple(Lines, "qibbbib", readonly=True)
POLICY_TYPE = types.NamedUniTuple(types.int64, len(Policy._fields), Policy)
ENTRY_OUT_TYPE = _tuple(EntryOut, "qqqqbii", readonly=False)
PRICES_TYPE = _tuple(Prices, "qqbbbqbi", readonly=True)
PRICES_OUT_TYPE = _tuple(Prices, "qqbbbqbi", readonly=False)
LINE_OUT_TYPE = _tuple(LineOut, "qqib", readonly=False)
TARIFF_OUT_TYPE = _tuple(TariffOut, "bbq", readonly=False)
DUTIES_OUT_TYPE = types.Array(types.int64, 1, "C")
