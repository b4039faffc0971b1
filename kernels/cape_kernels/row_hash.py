"""Words of cells and states of rows for the result hash: 64-bit words mixed into two states a row, and BLAKE2b."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, types, wrapping_helper

NULL_WORD = np.uint64(0xA0761D6478BD642F)
"""Word of an unknown cell."""
PACKED_BYTES = 16
"""Texts up to this length are their own words; longer ones are hashed."""

_PLACE = np.uint64(0x2545F4914F6CDD1D)  # keeps the two halves of a text apart: swapped, they give another word
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_BLOCK = 128
_ALL_BITS = np.uint64(2**64 - 1)
_ROUNDS = 12
_START = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_ORDER = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.uint64,
)


class Texts(NamedTuple):
    """Texts as Arrow keeps them.

    Attributes:
        starts: uint32, n + 1 places in `data`; text i is data[starts[i]:starts[i + 1]].
        data: uint8, the bytes of all texts.
    """

    starts: npt.NDArray[np.uint32]
    data: npt.NDArray[np.uint8]


_WORDS = types.Array(types.uint64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.uint32, 1, "C", readonly=True)
_CODES = types.Array(types.int32, 1, "C", readonly=True)
_TEXTS = types.NamedTuple([_PLACES, _BYTES], Texts)
_STATE = types.Array(types.uint64, 2, "C")


@wrapping_helper
def mixed(word):
    """The finalizer of splitmix64: every input bit reaches every output bit."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@helper
def _eight(data, at, end):
    """Bytes at to at + 8 as one little-endian word, zero from `end` on."""
    word = np.uint64(0)
    if at + np.uint64(8) <= end:
        for k in range(8):
            word |= np.uint64(data[at + np.uint64(k)]) << np.uint64(8 * k)
    elif at < end:
        for k in range(end - at):
            word |= np.uint64(data[at + np.uint64(k)]) << np.uint64(8 * k)
    return word


@wrapping_helper
def _packed(low, high, width):
    """Word of a text of at most sixteen bytes from its two halves and its length."""
    return mixed(low + width) + high * _PLACE


@helper
def _turned(word, bits):
    """A word turned right."""
    return (word >> np.uint64(bits)) | (word << np.uint64(64 - bits))


@wrapping_helper
def _stirred(a, b, c, d, x, y):
    """The mixing function G of BLAKE2b (RFC 7693, 3.1)."""
    a = a + b + x
    d = _turned(d ^ a, 32)
    c = c + d
    b = _turned(b ^ c, 24)
    a = a + b + y
    d = _turned(d ^ a, 16)
    c = c + d
    b = _turned(b ^ c, 63)
    return a, b, c, d


@helper
def _compress(chain, block, counter, last):
    """The compression of BLAKE2b (RFC 7693, 3.2) of one block into `chain`; sixteen names stay in registers."""
    v0, v1, v2, v3 = chain[0], chain[1], chain[2], chain[3]
    v4, v5, v6, v7 = chain[4], chain[5], chain[6], chain[7]
    v8, v9, v10, v11 = _START[0], _START[1], _START[2], _START[3]
    v12, v13, v14, v15 = _START[4] ^ counter, _START[5], _START[6] ^ last, _START[7]
    for turn in range(_ROUNDS):
        m = _ORDER[turn]
        v0, v4, v8, v12 = _stirred(v0, v4, v8, v12, block[m[0]], block[m[1]])
        v1, v5, v9, v13 = _stirred(v1, v5, v9, v13, block[m[2]], block[m[3]])
        v2, v6, v10, v14 = _stirred(v2, v6, v10, v14, block[m[4]], block[m[5]])
        v3, v7, v11, v15 = _stirred(v3, v7, v11, v15, block[m[6]], block[m[7]])
        v0, v5, v10, v15 = _stirred(v0, v5, v10, v15, block[m[8]], block[m[9]])
        v1, v6, v11, v12 = _stirred(v1, v6, v11, v12, block[m[10]], block[m[11]])
        v2, v7, v8, v13 = _stirred(v2, v7, v8, v13, block[m[12]], block[m[13]])
        v3, v4, v9, v14 = _stirred(v3, v4, v9, v14, block[m[14]], block[m[15]])
    chain[0] ^= v0 ^ v8
    chain[1] ^= v1 ^ v9
    chain[2] ^= v2 ^ v10
    chain[3] ^= v3 ^ v11
    chain[4] ^= v4 ^ v12
    chain[5] ^= v5 ^ v13
    chain[6] ^= v6 ^ v14
    chain[7] ^= v7 ^ v15


@wrapping_helper
def _blake2b(data, start, end, scratch):
    """BLAKE2b with a digest of eight bytes, as one little-endian word."""
    chain, block = scratch[:8], scratch[8:]
    for k in range(8):
        chain[k] = _START[k]
    chain[0] ^= np.uint64(0x01010008)  # no key, a digest of eight bytes
    at = start
    while True:
        for k in range(16):
            block[k] = _eight(data, at + np.uint64(8 * k), end)
        at += np.uint64(_BLOCK)
        if at >= end:
            break
        _compress(chain, block, at - start, np.uint64(0))
    _compress(chain, block, end - start, _ALL_BITS)
    return chain[0]


@kernel(types.void(_TEXTS, types.uint64[::1], types.uint64[::1]))
def text_words(texts, scratch, words):
    """Write one word for each text: short ones packed, longer ones hashed.

    Args:
        texts: n texts.
        scratch: uint64[24], room for one hash.
        words: uint64[n], out.
    """
    for i in range(len(words)):
        start, end = np.uint64(texts.starts[i]), np.uint64(texts.starts[i + 1])
        if end - start <= np.uint64(PACKED_BYTES):
            words[i] = _packed(
                _eight(texts.data, start, end), _eight(texts.data, start + np.uint64(8), end), end - start
            )
        else:
            words[i] = _blake2b(texts.data, start, end, scratch)


@wrapping_helper
def _print_of(codes, first, end):
    """A word that is equal for equal lists of codes, and seldom for others."""
    word = np.uint64(end - first)
    for k in range(first, end):
        word = (word ^ np.uint64(codes[k])) * _SPREAD
        word ^= word >> np.uint64(29)
    return word


@kernel(types.void(_PLACES, _CODES, types.int32[::1], types.int32[::1], types.int32[::1]))
def group_lists(rows, codes, slots, groups, firsts):
    """Number the distinct lists of codes of a column in the order in which they come.

    Args:
        rows: uint32[n + 1], row i is the list codes[rows[i]:rows[i + 1]].
        codes: int32, the members of all lists.
        slots: int32, a power of two above n, all -1; room for the hash table.
        groups: int32[n], out: number of each row's list.
        firsts: int32[n], out: the first row of each list, as many as there are distinct ones, then -1.
    """
    mask = np.uint64(len(slots) - 1)
    found = 0
    for i in range(len(groups)):
        firsts[i] = -1
    for i in range(len(groups)):
        first, end = np.int64(rows[i]), np.int64(rows[i + 1])
        place = _print_of(codes, first, end) & mask
        while True:
            group = slots[place]
            if group < 0:
                slots[place] = found
                firsts[found] = i
                groups[i] = found
                found += 1
                break
            other = np.int64(rows[firsts[group]])
            same = np.int64(rows[firsts[group] + 1]) - other == end - first
            if same:
                for k in range(end - first):
                    same = same and codes[first + k] == codes[other + k]
            if same:
                groups[i] = group
                break
            place = (place + np.uint64(1)) & mask


@wrapping_helper
def _mix_into(state, i, cell, known, salt):
    """Mix a cell, or the word of an unknown one (`known` is 0, else 1), into both states of its row."""
    # A mask and no branch: unknown cells come in no order that the processor could guess (0.3 ms became 0.1).
    bits = np.uint64(0) - np.uint64(known)
    word = ((cell & bits) | (NULL_WORD & ~bits)) + salt
    state[0, i] = mixed(state[0, i] ^ word)
    state[1, i] = mixed(state[1, i] ^ word)


@kernel(types.void(types.Array(types.int64, 1, "C", readonly=True), _BYTES, types.uint64, _STATE))
def mix_numbers(values, known, salt, state):
    """Mix a column of whole numbers into the states of its rows.

    Args:
        values: int64[n].
        known: uint8[n], 1 where a cell is known, or empty where all are.
        salt: word of the column's name.
        state: uint64[2, n], in and out.
    """
    if len(known) == 0:
        for i in range(len(values)):
            _mix_into(state, i, np.uint64(values[i]), np.uint8(1), salt)
    else:
        for i in range(len(values)):
            _mix_into(state, i, np.uint64(values[i]), known[i], salt)


@kernel(types.void(_CODES, _BYTES, _WORDS, types.uint64, _STATE))
def mix_codes(codes, known, words, salt, state):
    """Mix a column of codes into the states of its rows, as the words they stand for.

    Args:
        codes: int32[n], places in `words`; anything where a cell is not known.
        known: uint8[n], 1 where a cell is known, or empty where all are.
        words: uint64, the word of each code, at least one.
        salt: word of the column's name.
        state: uint64[2, n], in and out.
    """
    if len(known) == 0:
        for i in range(len(codes)):
            _mix_into(state, i, words[np.uint32(codes[i])], np.uint8(1), salt)
    else:
        for i in range(len(codes)):
            _mix_into(state, i, words[np.uint32(codes[i]) * np.uint32(known[i])], known[i], salt)
