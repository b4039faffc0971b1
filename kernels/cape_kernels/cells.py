"""Cells of text: where one stands, what may stand around it, and the plain numbers that nearly all of them are."""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper
from cape_kernels.words64 import all_digits, digits_value, right_aligned

WIDEST = np.int64(9 * 10**17)  # whole numbers above this are far outside every bound and would overflow


@helper
def _around(byte):  # type: ignore[no-untyped-def]  # compiled: types are in the signature of the caller
    """Whether a byte may stand around a cell: blank, tab, CR, LF, `=`, double quote, apostrophe."""
    return byte == 32 or byte == 9 or byte == 13 or byte == 10 or byte == 61 or byte == 34 or byte == 39


@helper
def trimmed(data, start, end):  # type: ignore[no-untyped-def]
    """(start, end) of the cell without what may stand around it."""
    while start < end:
        if _around(data[start]):
            start += 1
        elif data[start] == 0xC2 and start + 1 < end and data[start + 1] == 0xA0:
            start += 2
        else:
            break
    while end > start:
        if _around(data[end - 1]):
            end -= 1
        elif data[end - 1] == 0xA0 and end - 2 >= start and data[end - 2] == 0xC2:
            end -= 2
        else:
            break
    return start, end


@helper
def digit_value(byte):  # type: ignore[no-untyped-def]
    """0-9, or -1 for anything that is not an ASCII digit."""
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    return np.int64(-1)


@helper
def cell_of(spans, row):  # type: ignore[no-untyped-def]
    """(start, end) of the cell of a row: the place of its first byte, and its bytes times 2^32."""
    start = spans[row] & 0xFFFFFFFF
    return start, start + (spans[row] >> 32)


@helper
def plain_digits(data, start, end):  # type: ignore[no-untyped-def]
    """The number that a cell of one to sixteen digits is; -1 for any other cell."""
    if start == end or end - start > 16:
        return np.int64(-1)
    low = right_aligned(data, start, end)
    if not all_digits(low):
        return np.int64(-1)
    if end - start <= 8:
        return digits_value(low)
    high = right_aligned(data, start, end - 8)
    return digits_value(high) * 100_000_000 + digits_value(low) if all_digits(high) else np.int64(-1)


@helper
def plain_cents(data, start, end):  # type: ignore[no-untyped-def]
    """Hundredths of a cell of plain digits, up to sixteen bytes, with two decimals or none; -1 for any other cell.

    Nearly every cell of an export is such a one, and needs none of the questions of the full grammar (`parse`).
    """
    if end - start < 4 or data[end - 3] != 46:
        whole = plain_digits(data, start, end)
        return whole * 100 if 0 <= whole <= WIDEST // 100 else np.int64(-1)
    whole = plain_digits(data, start, end - 3)
    tens = digit_value(data[end - 2])
    ones = digit_value(data[end - 1])
    if whole < 0 or tens < 0 or ones < 0 or whole > WIDEST // 100:
        return np.int64(-1)
    return whole * 100 + tens * 10 + ones
