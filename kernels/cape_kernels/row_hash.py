"""Words of cells and states of rows for the result hash: 64-bit words mixed into two states a row, and BLAKE2b."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, types, wrapping_helper
from cape_kernels.words64 import first_bytes, word_at

NULL_WORD = np.uint64(0xA0761D6478BD642F)
"""Word of an unknown cell."""
PACKED_BYTES = 16
"""Texts up to this length are their own words; longer ones are hashed."""

LANES = 24
"""Texts hashed side by side: the compiler turns a loop over them into wide instructions."""

_PLACE = np.uint64(0x2545F4914F6CDD1D)  # keeps the two halves of a text apart: swapped, they give another word
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_BLOCK = 128
_ALL_BITS = np.uint64(2**64 - 1)
_ROUNDS = 12
_SHORT = np.uint64(0x01010008)  # no key, a digest of eight bytes
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


class Room(NamedTuple):
    """Scratch for texts side by side.

    Attributes:
        state: uint64[32 x LANES], sixteen words of each hash, and its block in the order of a round.
        blocks: uint64[16, LANES], the texts.
        longer: uint64[24], room for one hash.
        rows: int64[LANES], which texts they are.
    """

    state: npt.NDArray[np.uint64]
    blocks: npt.NDArray[np.uint64]
    longer: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]


_WORDS = types.Array(types.uint64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.uint32, 1, "C", readonly=True)
_CODES = types.Array(types.int32, 1, "C", readonly=True)
_TEXTS = types.NamedTuple([_PLACES, _BYTES], Texts)
_STATE = types.Array(types.uint64, 2, "C")
_ROOM = types.NamedTuple([types.uint64[::1], types.uint64[:, ::1], types.uint64[::1], types.int64[::1]], Room)


@wrapping_helper
def mixed(word):
    """The finalizer of splitmix64: every input bit reaches every output bit."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@helper
def _eight(data, at, end):
    """Bytes at to at + 8 as one little-endian word, zero from `end` on."""
    if at >= end:
        return np.uint64(0)
    return first_bytes(word_at(data, np.int64(at)), np.int64(end - at))


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
    chain[0] ^= _SHORT
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


@helper
def _open_lane(data, start, end, lane, room):
    """Write a text of one block into a lane, with the chain it starts from."""
    for k in range(16):
        room.blocks[k, lane] = _eight(data, start + np.uint64(8 * k), end)
    for k in range(8):
        room.state[k * LANES + lane] = _START[k]
        room.state[(8 + k) * LANES + lane] = _START[k]
    room.state[lane] ^= _SHORT
    room.state[12 * LANES + lane] ^= end - start
    room.state[14 * LANES + lane] ^= _ALL_BITS


@kernel(types.void(types.uint64[::1], types.uint64[:, ::1]))
def _compress_lanes(room, blocks):
    """All rounds of BLAKE2b for the blocks of all lanes, from the chains in the first sixteen rows of `room`.

    Words stand at distances that are constants, or the compiler would not know that lanes are apart.
    """
    for turn in range(_ROUNDS):
        for k in range(16):
            word = _ORDER[turn, k]
            for lane in range(blocks.shape[1]):  # a count the compiler knows would make it copy word by word
                room[(16 + k) * LANES + lane] = blocks[word, lane]
        for x in range(LANES):
            v0, v1, v2, v3 = room[x], room[LANES + x], room[2 * LANES + x], room[3 * LANES + x]
            v4, v5, v6, v7 = room[4 * LANES + x], room[5 * LANES + x], room[6 * LANES + x], room[7 * LANES + x]
            v8, v9, v10, v11 = room[8 * LANES + x], room[9 * LANES + x], room[10 * LANES + x], room[11 * LANES + x]
            v12, v13, v14, v15 = room[12 * LANES + x], room[13 * LANES + x], room[14 * LANES + x], room[15 * LANES + x]
            v0, v4, v8, v12 = _stirred(v0, v4, v8, v12, room[16 * LANES + x], room[17 * LANES + x])
            v1, v5, v9, v13 = _stirred(v1, v5, v9, v13, room[18 * LANES + x], room[19 * LANES + x])
            v2, v6, v10, v14 = _stirred(v2, v6, v10, v14, room[20 * LANES + x], room[21 * LANES + x])
            v3, v7, v11, v15 = _stirred(v3, v7, v11, v15, room[22 * LANES + x], room[23 * LANES + x])
            v0, v5, v10, v15 = _stirred(v0, v5, v10, v15, room[24 * LANES + x], room[25 * LANES + x])
            v1, v6, v11, v12 = _stirred(v1, v6, v11, v12, room[26 * LANES + x], room[27 * LANES + x])
            v2, v7, v8, v13 = _stirred(v2, v7, v8, v13, room[28 * LANES + x], room[29 * LANES + x])
            v3, v4, v9, v14 = _stirred(v3, v4, v9, v14, room[30 * LANES + x], room[31 * LANES + x])
            room[x], room[LANES + x], room[2 * LANES + x], room[3 * LANES + x] = v0, v1, v2, v3
            room[4 * LANES + x], room[5 * LANES + x], room[6 * LANES + x], room[7 * LANES + x] = v4, v5, v6, v7
            room[8 * LANES + x], room[9 * LANES + x], room[10 * LANES + x], room[11 * LANES + x] = v8, v9, v10, v11
            room[12 * LANES + x], room[13 * LANES + x], room[14 * LANES + x], room[15 * LANES + x] = v12, v13, v14, v15


@helper
def _close_lanes(room, lanes, words):
    """Hash the texts in the lanes and write the word of each to its row."""
    _compress_lanes(room.state, room.blocks)
    for lane in range(lanes):
        words[room.rows[lane]] = _START[0] ^ _SHORT ^ room.state[lane] ^ room.state[8 * LANES + lane]


@kernel(types.void(_TEXTS, _ROOM, types.uint64[::1]))
def many_text_words(texts, room, words):
    """Write what `text_words` writes, texts of one block side by side.

    Args:
        texts: n texts.
        room: scratch.
        words: uint64[n], out.
    """
    lanes = 0
    for i in range(len(words)):
        start, end = np.uint64(texts.starts[i]), np.uint64(texts.starts[i + 1])
        if end - start <= np.uint64(PACKED_BYTES):
            words[i] = _packed(
                _eight(texts.data, start, end), _eight(texts.data, start + np.uint64(8), end), end - start
            )
        elif end - start <= np.uint64(_BLOCK):
            _open_lane(texts.data, start, end, lanes, room)
            room.rows[lanes] = i
            lanes += 1
            if lanes == LANES:
                _close_lanes(room, lanes, words)
                lanes = 0
        else:
            words[i] = _blake2b(texts.data, start, end, room.longer)
    if lanes > 0:
        _close_lanes(room, lanes, words)


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
def _mix_into(first, second, i, cell, salt):
    """Mix the word of a cell into both states of its row."""
    word = cell + salt
    first[i] = mixed(first[i] ^ word)
    second[i] = mixed(second[i] ^ word)


@wrapping_helper
def _all_bits(known):
    """All bits where a cell is known, none where it is not."""
    return np.uint64(0) - np.uint64(known)


@kernel(types.void(types.Array(types.int64, 1, "C", readonly=True), _BYTES, types.uint64, _STATE))
def mix_numbers(values, known, salt, state):
    """Mix a column of whole numbers into the states of its rows.

    Args:
        values: int64[n].
        known: uint8[n], 1 where a cell is known, or empty where all are.
        salt: word of the column's name.
        state: uint64[3, n], in and out; the third row is scratch.
    """
    first, second = state[0], state[1]
    if len(known) == 0:
        for i in range(len(values)):
            _mix_into(first, second, i, np.uint64(values[i]), salt)
    else:
        for i in range(len(values)):
            # A mask and no branch: unknown cells come in no order that the processor could guess (0.3 ms became 0.1).
            bits = _all_bits(known[i])
            _mix_into(first, second, i, (np.uint64(values[i]) & bits) | (NULL_WORD & ~bits), salt)


@kernel(types.void(_CODES, _BYTES, _WORDS, types.uint64, _STATE))
def mix_codes(codes, known, words, salt, state):
    """Mix a column of codes into the states of its rows, as the words they stand for.

    Words are fetched first and mixed then: the mixing alone is done for many rows at a time (6 ns a row became 4).

    Args:
        codes: int32[n], places in `words`; anything where a cell is not known.
        known: uint8[n], 1 where a cell is known, or empty where all are.
        words: uint64, the word of each code, at least one.
        salt: word of the column's name.
        state: uint64[3, n], in and out; the third row is scratch.
    """
    first, second, cells = state[0], state[1], state[2]
    if len(known) == 0:
        for i in range(len(codes)):
            cells[i] = words[np.uint32(codes[i])]
    else:
        for i in range(len(codes)):
            bits = _all_bits(known[i])
            cells[i] = (words[np.uint32(codes[i]) * np.uint32(known[i])] & bits) | (NULL_WORD & ~bits)
    for i in range(len(codes)):
        _mix_into(first, second, i, cells[i], salt)
