"""Entry numbers: eleven letters and digits to and from one int64 that sorts as the text does, and their check digit.

The number is `FFF-NNNNNNN-C`: filer code, seven digits, check digit (CATAIR Appendix E). Read as eleven digits of
base 36 (0-9 before A-Z, as in ASCII) it is below 36^11 < 2^57, so that keys compare and sort as the texts do.
"""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, kernel, types
from cape_kernels.cells import trimmed

ENTRY_OK = 0
ENTRY_BLANK = 1
ENTRY_BAD_CHARACTER = 2
ENTRY_BAD_LENGTH = 3
ENTRY_LENGTH = 11
NO_KEY = -1

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_BYTES_OUT = types.Array(types.uint8, 1, "C")
_OFFSETS = types.Array(types.int32, 1, "C", readonly=True)
_KEYS = types.Array(types.int64, 1, "C", readonly=True)
_KEYS_OUT = types.Array(types.int64, 1, "C")


@helper
def base36(byte):  # type: ignore[no-untyped-def]  # compiled: types are in the signature of the caller
    """0-35 for a letter (either case) or digit; -1 for anything else."""
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    if 65 <= byte <= 90:
        return np.int64(byte) - 55
    if 97 <= byte <= 122:
        return np.int64(byte) - 87
    return np.int64(-1)


@helper
def digit_of(value):  # type: ignore[no-untyped-def]
    """Appendix E, step 1: A-I are 1-9, J-R are 1-9, S-Z are 2-9; a digit stays (argument 0-35)."""
    if value < 10:
        return value
    letter = value - 10
    if letter < 18:
        return letter % 9 + 1
    return letter - 16


@helper
def check_digit_of(key):  # type: ignore[no-untyped-def]
    """The digit that Appendix E asks for behind the first ten characters of `key`."""
    rest = key // 36
    total = np.int64(0)
    for place in range(10):
        product = digit_of(rest % 36) * (2 - place % 2)
        total += product // 10 + product % 10
        rest //= 36
    return (10 - total % 10) % 10


@kernel(types.void(_OFFSETS, _BYTES, _KEYS_OUT, _BYTES_OUT))
def entry_keys(offsets, data, keys, status):
    """Write the key of each text, what may stand around a cell, dashes and blanks left out.

    Args:
        offsets: n + 1 starts into `data` (Arrow string layout).
        data: UTF-8 bytes.
        keys: n keys out, `NO_KEY` where the text is not an entry number.
        status: n codes out (ENTRY_OK, ENTRY_BLANK, ENTRY_BAD_CHARACTER, ENTRY_BAD_LENGTH).
    """
    for row in range(len(keys)):
        key = np.int64(0)
        length = 0
        state = ENTRY_OK
        start, end = trimmed(data, offsets[row], offsets[row + 1])
        for place in range(start, end):
            byte = data[place]
            value = base36(byte)
            if value >= 0:
                if length < ENTRY_LENGTH:
                    key = key * 36 + value
                length += 1
            elif not (byte == 45 or byte == 32 or byte == 9 or byte == 61 or byte == 34 or byte == 39):  # - blank = " '
                state = ENTRY_BAD_CHARACTER
        if state == ENTRY_OK and length != ENTRY_LENGTH:
            state = ENTRY_BLANK if length == 0 else ENTRY_BAD_LENGTH
        keys[row] = key if state == ENTRY_OK else NO_KEY
        status[row] = state


@kernel(types.void(_KEYS, _BYTES_OUT))
def entry_texts(keys, data):
    """Write the eleven characters of each key (0 to 36^11 - 1) one after the other into `data` (11 n bytes)."""
    for row in range(len(keys)):
        rest = keys[row]
        for back in range(ENTRY_LENGTH):
            value = rest % 36
            rest //= 36
            data[row * ENTRY_LENGTH + ENTRY_LENGTH - 1 - back] = value + 48 if value < 10 else value + 55


@kernel(types.void(_KEYS, _BYTES_OUT))
def check_digits(keys, wanted):
    """Write the check digit (0-9) that Appendix E asks for each key; the key's own is `key % 36`."""
    for row in range(len(keys)):
        wanted[row] = check_digit_of(keys[row])
