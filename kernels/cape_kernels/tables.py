"""The arrays that travel together through the mass processing kernel, and their types for its explicit signature."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cape_kernels._jit import types

# Classes of a tariff number, the four lowest bits of its marks.
UNKNOWN = 0
BASE = 1  # chapters 1-97
CHAPTER98 = 2
OTHER99 = 3
ADDITIONAL = 4
REPLACEMENT = 5
EXEMPT = 6
NEVER = 7  # 9903.01/.02 number that never existed
SECTION122 = 8  # a section 122 number that charges duty

# Marks: everything about a number on a day that does not depend on the line, so that a line is the OR of its numbers.
KIND = 15  # class above
MARK_REMOVED = 1 << 4
MARK_UNKNOWN = 1 << 5  # our tables do not have it
MARK_SPECIAL_COUNTS = 1 << 6  # the 15 % test may use Special
MARK_METAL = 1 << 7  # base number on which a section 232 duty that IEEPA displaced can lie
MARK_IEEPA = 1 << 8
MARK_CHARGING = 1 << 9  # additional or replacement
MARK_REPLACES = 1 << 10
MARK_REMAINS = 1 << 11  # chapter 99 number that stays on the line
MARK_OUTSIDE = 1 << 12  # IEEPA number outside its own dates
MARK_INACTIVE = 1 << 13  # number that stays, outside its dates, or one that never existed
MARK_CHARGED = 1 << 14  # `rate_e9` of the line's value is its duty (base number: at General)
MARK_UNPRICED = 1 << 15  # stays (or is the base number), and has no formula
MARK_COMPARED = 1 << 16  # carries at most `rate_e9` of the line's value (additional and exempt)
MARK_TOPUP = 1 << 17  # stays and covers column 1 (all-in headings that are not IEEPA)
MARK_SECTION122 = 1 << 18
MARK_FREE98 = 1 << 19  # chapter 98 number that leaves nothing to charge
MARK_CHAPTER98 = 1 << 20
MARK_ON_BASIS = 1 << 21  # rate on a special basis (drained weight, content ...)
MARK_FORMULA = 1 << 22  # base number whose General rate takes a quantity
MARK_BASE = 1 << 23  # chapters 1-97
RULE_SHIFT = 25  # why the number is removed, three bits; see `status.RULE_*`
RULE_BITS = 7
RULE_WIDTH = 3

# Weights: what the numbers of a line count, six bits each, so that one sum tells ordinary lines from others.
WEIGHT_BAD = 1  # a number that no ordinary line has
WEIGHT_BASE = 1 << 6
WEIGHT_REPLACES = 1 << 12
WEIGHT_TOPUP = 1 << 18
WEIGHT_UNPRICED = 1 << 24  # beside the base number
WEIGHT_ROW = 1 << 30  # base number whose General rate is more than a percentage
WEIGHT_BITS = 63
REPLACED_WEIGHTS = WEIGHT_BASE | WEIGHT_REPLACES  # one General percentage and one replacement number, nothing else
ORDINARY_BITS = WEIGHT_BITS * (WEIGHT_BAD | WEIGHT_BASE)

# What a rate row is for. Constants that helpers take as arguments are int64 and not plain numbers: Numba compiles a
# helper anew for every plain number it is called with (measured: 15 needless compilations).
USE_GENERAL = np.int64(0)
USE_COLUMN2 = np.int64(1)
USE_SPECIAL = np.int64(2)
USE_OWN = np.int64(3)  # chapter 98 and 99 numbers
NO_SPI = np.int64(0)  # argument where the use is not USE_SPECIAL

SPI_NONE = -1
SPI_UNKNOWN = 62  # a programme our table does not know: its bit is never set

ORIGIN_COLUMN2 = 1  # a country that takes column 2 in the period
ORIGIN_DISPLACED = 2  # a country where an IEEPA program displaced section 232 in the period

WIDE = -2  # a value or amount that does not fit int32: it stands in the wide array

SHAPE_COMPONENT = 1  # lines that are part of a set (CATAIR AE (k))
SHAPE_PRIVILEGED = 2  # lines of privileged goods (CATAIR AE note (j))
SHAPE_VALUED = 4  # a number before the last has a value of its own

RULING = np.dtype(
    [
        ("marks", np.int32),
        ("weights", np.int32),
        ("rate_e9", np.int64),  # percentage in billionths; of an IEEPA number without a row its highest
        ("row", np.int32),  # rate row in force: own one, or General of a base number; -1 none
        ("number", np.int32),  # place in `NUMBER`
        # The same as some marks, -1 or 0: the compiler makes a branch of every test, and guesses it wrong.
        ("base", np.int8),
        ("removed", np.int8),
        ("charged", np.int8),
        ("compared", np.int8),
    ],
    align=True,
)
"""A tariff number in a period: days between which nothing changes for any number. Two of them share a cache line."""

NUMBER = np.dtype([("start", np.int32), ("count", np.int32)], align=True)
"""Rate rows of a number: the first, and how many."""

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


class Entries(NamedTuple):
    """One row per entry: int32 lines, int32 rate date (smallest int32 if unknown), int32 its period (0 unknown)."""

    lines: Any
    day: Any
    period: Any


class Lines(NamedTuple):
    """One row per line, in order, and the few lines that need more than that.

    Attributes:
        key: int32 shape << `Policy.bits` | place of the last number in the vocabulary; empty where keys do not fit.
        wide_key: int64, the same; empty where they fit. value: int32 dollars beside the last number, -1 missing,
        `WIDE`. wide_value: int64, read where the value is `WIDE`; empty if it is nowhere.
        text_line: int32 ascending places of lines whose column 1 text counts, closed by the number of lines. text_row:
        their int32 rate rows. dated_line: int32 ascending places of lines with a privileged status date, closed by the
        number of lines. dated_day, dated_period: those int32 dates and their periods.
    """

    key: Any
    wide_key: Any
    value: Any
    wide_value: Any
    text_line: Any
    text_row: Any
    dated_line: Any
    dated_day: Any
    dated_period: Any


class Shapes(NamedTuple):
    """One row per shape: what lines say beside their last number, its value and their duties.

    Attributes:
        size: int32 numbers on a line, the last one too. start: int32 where its other numbers begin in `before`.
        before: int32 places in the vocabulary. origin, spi: int32 which of `Law`. marks: int8 `SHAPE_*`.
        beside_tariff: int32 ascending places of tariffs before the last of their line whose value is not the filler.
        beside_value: int64 those values.
    """

    size: Any
    start: Any
    before: Any
    origin: Any
    spi: Any
    marks: Any
    beside_tariff: Any
    beside_value: Any


class Tariffs(NamedTuple):
    """One row per number on a line, in order.

    Attributes:
        duty: int32 cents, `WIDE`. wide_duty: int64, read where the duty is `WIDE`; empty if it is nowhere.
    """

    duty: Any
    wide_duty: Any


class Quantities(NamedTuple):
    """Quantities and units of tariffs that have any, in the order of the tariffs.

    Attributes:
        tariff: int32 places of those tariffs, ascending. quantity_1 .. quantity_3: int32 hundredths, -1 missing;
        wide_1 .. wide_3: the same as int64 where they do not fit; the other of the two is empty, or both. uom_1 ..
        uom_3: int32 words, -1 missing; empty where nothing is known. unit_of_1 .. unit_of_3: int16 unit of each word;
        the last element is -2 (no unit).
    """

    tariff: Any
    quantity_1: Any
    quantity_2: Any
    quantity_3: Any
    wide_1: Any
    wide_2: Any
    wide_3: Any
    uom_1: Any
    uom_2: Any
    uom_3: Any
    unit_of_1: Any
    unit_of_2: Any
    unit_of_3: Any


class Law(NamedTuple):
    """Rules as arrays.

    Attributes:
        place: int32 of each word of the vocabulary: its ruling, or minus one less than the first of one per period.
        rulings: `RULING`. numbers: `NUMBER`. rates: `RATE`. origins: int8 `ORIGIN_*` bits of each period and what a
        country is. spis: int8 programme of each period and what a word is, -1 none; those of a period side by side.
    """

    place: Any
    rulings: Any
    numbers: Any
    rates: Any
    origins: Any
    spis: Any


class Policy(NamedTuple):
    """Settings and days as whole numbers.

    Attributes:
        tolerance_cents: largest difference ACE accepts. summary_inclusive: 1 if exactly that passes on a summary.
        restore: 1 if column 1 is restored. move: 1 if value is moved from an IEEPA record. text_first: 1 if the
        export's column 1 text counts before the table. displaced: 1 if displaced 232 is flagged. as_of: day used for
        column 1 where the rate date is unknown. apart: 1 if what is removed are not just the IEEPA numbers. detail: 1
        if the arrays of lines and numbers are written. duties: 1 if mode B of each number is written too. prices: 1 if
        value and column 1 of each line are. periods: how many there are. bits: of `Lines.key` that count the
        vocabulary. filler: dollars of a number before the last that has none of its own, 0 or -1.
    """

    tolerance_cents: int
    summary_inclusive: int
    restore: int
    move: int
    text_first: int
    displaced: int
    as_of: int
    apart: int
    detail: int
    duties: int
    prices: int
    periods: int
    bits: int
    filler: int


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


class LineOut(NamedTuple):
    """Results per line, empty unless asked for.

    Attributes:
        gap: int64 mode A less mode B, 0 where B is not known. known: int8. value: int64 dollars after an IEEPA record's
        value is placed. column1: int64 cents of its base number at the rate claimed. status: int8 why not.
    """

    gap: Any
    known: Any
    value: Any
    column1: Any
    status: Any


class TariffOut(NamedTuple):
    """Results per number, empty unless asked for: int8 change, int8 rule, int64 duty of the new version, mode B."""

    change: Any
    rule: Any
    duty: Any
    recomputed: Any


class Told(NamedTuple):
    """What a person should hear of; room for every line, and `count` of them used. Lines of a block are in any order.

    Attributes:
        count: int64, two elements: lines told, and privileged lines without their date. entry, line: int32 places.
        notes: int32. status: int8 of what has no answer. undated: int32 places of those privileged lines. unknown:
        int64 for each word of the vocabulary, how often a number our tables do not know was seen.
        unknown_entry: int32 the first entry with it.
    """

    count: Any
    entry: Any
    line: Any
    notes: Any
    status: Any
    undated: Any
    unknown: Any
    unknown_entry: Any


def _array(kind: Any, *, readonly: bool = True) -> Any:
    """Numba type of a one-dimensional array."""
    return types.Array(kind, 1, "C", readonly=readonly)


def _tuple(cls: Any, kinds: str, readonly: bool) -> Any:
    """Numba type of a NamedTuple of one-dimensional arrays; kinds: b int8, h int16, i int32, q int64."""
    scalar = {"b": types.int8, "h": types.int16, "i": types.int32, "q": types.int64}
    members = [_array(scalar[kind], readonly=readonly) for kind in kinds]
    if len(set(kinds)) == 1:
        return types.NamedUniTuple(members[0], len(members), cls)
    return types.NamedTuple(members, cls)


RULINGS_TYPE = _array(types.from_dtype(RULING))
NUMBERS_TYPE = _array(types.from_dtype(NUMBER))
RATES_TYPE = _array(types.from_dtype(RATE))
ENTRIES_TYPE = _tuple(Entries, "iii", readonly=True)
LINES_TYPE = _tuple(Lines, "iqiqiiiii", readonly=True)
SHAPES_TYPE = _tuple(Shapes, "iiiiibiq", readonly=True)
TARIFFS_TYPE = _tuple(Tariffs, "iq", readonly=True)
QUANTITIES_TYPE = _tuple(Quantities, "iiiiqqqiiihhh", readonly=True)
LAW_TYPE = types.NamedTuple(
    [_array(types.int32), RULINGS_TYPE, NUMBERS_TYPE, RATES_TYPE, _array(types.int8), _array(types.int8)], Law
)
POLICY_TYPE = types.NamedUniTuple(types.int64, len(Policy._fields), Policy)
ENTRY_OUT_TYPE = _tuple(EntryOut, "qqqqbii", readonly=False)
LINE_OUT_TYPE = _tuple(LineOut, "qbqqb", readonly=False)
TARIFF_OUT_TYPE = _tuple(TariffOut, "bbqq", readonly=False)
TOLD_TYPE = _tuple(Told, "qiiibiqi", readonly=False)
OUTS_TYPE = types.Tuple((ENTRY_OUT_TYPE, LINE_OUT_TYPE, TARIFF_OUT_TYPE, TOLD_TYPE))
