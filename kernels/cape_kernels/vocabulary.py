"""Codes of words: which words of a vocabulary are in use, and their codes in another order."""

from __future__ import annotations

from cape_kernels._jit import kernel, types

_CODES = types.Array(types.int32, 1, "C", readonly=True)
_CODES_OUT = types.Array(types.int32, 1, "C")
_MARKS_OUT = types.Array(types.uint8, 1, "C")


@kernel(types.void(_CODES, _MARKS_OUT))
def mark_used(codes, used):
    """Set `used` to 1 at every code; rows without a word set its last place.

    Args:
        codes: n codes, below the length of `used` less one; negative where there is no word.
        used: one mark a word and one behind, zero beforehand.
    """
    last = len(used) - 1
    for row in range(len(codes)):
        code = codes[row]
        used[code if code >= 0 else last] = 1


@kernel(types.void(_CODES, _CODES, _CODES_OUT))
def recode(codes, ranks, recoded):
    """Write the rank of every code; 0 where there is no word.

    Args:
        codes: n codes, below the length of `ranks`; negative where there is no word.
        ranks: the new code of each word.
        recoded: n new codes out.
    """
    for row in range(len(codes)):
        code = codes[row]
        recoded[row] = ranks[code] if code >= 0 else 0
