"""Text eight bytes at a time: words of a cell, the first byte of a kind in a word, eight digits to a number.

Plain arithmetic on unsigned 64-bit words, the first byte lowest; the compiler makes one load of the eight (looked at in
its assembly), so that no special instruction is asked for and the functions run with the compiler off too.
"""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, wrapping_helper

ONES = np.uint64(0x0101010101010101)
HIGHS = np.uint64(0x8080808080808080)
ZEROS = np.uint64(0x3030303030303030)
NO_BYTE = np.uint64(0)

_EIGHT = np.uint64(8)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES = np.uint64(0x0606060606060606)
_THREES = np.uint64(0x3333333333333333)
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio, odd


@helper
def _byte(data, place, step):  # type: ignore[no-untyped-def]  # compiled: types are in the signature of the caller
    """Byte `step` of the word at `place`, in its position."""
    at = np.uint64(place) + np.uint64(step)  # unsigned: a signed place would be tested for counting from the end
    return np.uint64(data[at]) << np.uint64(8 * step)


@helper
def word_at(data, place):  # type: ignore[no-untyped-def]
    """The eight bytes from `place` on as one word; bytes behind the end are 0."""
    if place + 8 <= len(data):
        low = _byte(data, place, 0) | _byte(data, place, 1) | _byte(data, place, 2) | _byte(data, place, 3)
        return low | _byte(data, place, 4) | _byte(data, place, 5) | _byte(data, place, 6) | _byte(data, place, 7)
    word = np.uint64(0)
    for step in range(len(data) - place):
        word |= _byte(data, place, step)
    return word


@helper
def first_bytes(word, count):  # type: ignore[no-untyped-def]
    """The word with all but its first `count` bytes (0 to 8) made 0."""
    if count <= 0:
        return np.uint64(0)
    if count >= 8:
        return word
    return word & (_ALL >> np.uint64(64 - 8 * count))


@wrapping_helper
def repeated(byte):  # type: ignore[no-untyped-def]
    """A word of eight times `byte`."""
    return np.uint64(byte) * ONES


@wrapping_helper
def marks(word, pattern):  # type: ignore[no-untyped-def]
    """A word whose lowest set bit stands in the first byte of `word` that equals that of `pattern`; 0 for none.

    Bits above the lowest one may be wrong (a borrow travels upwards), so only the first is good.
    """
    other = word ^ pattern
    return (other - ONES) & ~other & HIGHS


@wrapping_helper
def first_mark(found):  # type: ignore[no-untyped-def]
    """The byte (0 to 7) in which the lowest set bit of `found` stands; `found` has bits at 0x80 only and is not 0."""
    below = (found & (~found + np.uint64(1))) - np.uint64(1)
    return np.int64(((below & ONES) * ONES) >> np.uint64(56)) - 1


@wrapping_helper
def all_digits(word):  # type: ignore[no-untyped-def]
    """Whether all eight bytes are 0-9."""
    return ((word & _NIBBLES) | (((word + _SIXES) & _NIBBLES) >> np.uint64(4))) == _THREES


@wrapping_helper
def digits_value(word):  # type: ignore[no-untyped-def]
    """The number that eight digits are, the first byte the highest digit."""
    value = word & np.uint64(0x0F0F0F0F0F0F0F0F)
    value = (value * np.uint64(2561)) >> _EIGHT  # pairs: 10 x 256 + 1
    value = ((value & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)  # 100 x 65536 + 1
    value = ((value & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)) >> np.uint64(32)  # 10^4 x 2^32 + 1
    return np.int64(value)


@helper
def parities(bits):  # type: ignore[no-untyped-def]
    """A word whose bit i says whether an odd number of the bits 0 to i is set."""
    bits ^= bits << np.uint64(1)
    bits ^= bits << np.uint64(2)
    bits ^= bits << np.uint64(4)
    bits ^= bits << np.uint64(8)
    bits ^= bits << np.uint64(16)
    return bits ^ (bits << np.uint64(32))


@helper
def right_aligned(data, start, end):  # type: ignore[no-untyped-def]
    """The last eight bytes before `end`, those before `start` made the digit 0; for cells of up to eight bytes all."""
    if end - start >= 8:
        return word_at(data, end - 8)
    if end == start:
        return ZEROS
    blank = np.uint64(8 * (8 - (end - start)))
    return (word_at(data, start) << blank) | (ZEROS >> (np.uint64(64) - blank))


@wrapping_helper
def mixed(low, high, length):  # type: ignore[no-untyped-def]
    """A number of 64 bits in which every bit of the three counts, the upper ones most."""
    found = (low ^ np.uint64(length)) * _MIX
    found = ((found ^ (found >> np.uint64(32))) + high) * _MIX
    return found ^ (found >> np.uint64(29))
