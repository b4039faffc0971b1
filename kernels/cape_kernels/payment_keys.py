"""Payment keys by the million: SHA-256 (FIPS 180-4) of short texts, thirty-two at a time, side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, types, wrapping_helper

LANES = 32
"""Texts hashed side by side: the compiler turns a loop over them into wide instructions."""
KEY_LETTERS = 20
"""Letters of a key: the first eighty bits of the hash as capital hex digits."""
BLOCK = 64
"""Bytes of a block; a text, one bit more and its length fill whole blocks."""

_LENGTH_BYTES = 8
_ROUNDS = np.frombuffer(
    bytes.fromhex(
        "428a2f9871374491b5c0fbcfe9b5dba53956c25b59f111f1923f82a4ab1c5ed5"
        "d807aa9812835b01243185be550c7dc372be5d7480deb1fe9bdc06a7c19bf174"
        "e49b69c1efbe47860fc19dc6240ca1cc2de92c6f4a7484aa5cb0a9dc76f988da"
        "983e5152a831c66db00327c8bf597fc7c6e00bf3d5a7914706ca635114292967"
        "27b70a852e1b21384d2c6dfc53380d13650a7354766a0abb81c2c92e92722c85"
        "a2bfe8a1a81a664bc24b8b70c76c51a3d192e819d6990624f40e3585106aa070"
        "19a4c1161e376c082748774c34b0bcb5391c0cb34ed8aa4a5b9cca4f682e6ff3"
        "748f82ee78a5636f84c878148cc7020890befffaa4506cebbef9a3f7c67178f2"
    ),
    ">u4",
).astype(np.uint32)
"""Of the cube roots of the first 64 primes (FIPS 180-4, section 4.2.2)."""
_START = np.frombuffer(bytes.fromhex("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"), ">u4").astype(
    np.uint32
)
"""Of the square roots of the first eight primes (section 5.3.3)."""
_BAR = np.uint8(ord("|"))
_PAIRS = np.frombuffer("".join(f"{byte:02X}" for byte in range(256)).encode(), np.uint16).copy()
"""Both hex digits of a byte, in the order of memory."""


class Names(NamedTuple):
    """Texts end to end.

    Attributes:
        starts: int64[n + 1], text i is data[starts[i]:starts[i + 1]].
        data: uint8, their bytes.
    """

    starts: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]


class Wanted(NamedTuple):
    """Which keys to write; one row each.

    Attributes:
        recipient: int32[n], place of the recipient in `Names`.
        importer: int32[n], place of the importer where importers are kept apart, else -1.
        day: int32[n], row of the liquidation day in the texts of days.
        part: int32[n], number of the part, at least 0.
    """

    recipient: npt.NDArray[np.int32]
    importer: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]


class Room(NamedTuple):
    """Scratch of one thread.

    Attributes:
        letters: uint8, the memory of `message` byte by byte.
        message: uint32[16 x blocks, LANES], words of the texts, one text a column; as many blocks as the longest needs.
        state: uint32[24, LANES], sixteen words of the message and eight of the hash.
        hashes: uint32[8, LANES], the hash before the block.
        blocks: int64[LANES], blocks of each text.
    """

    letters: npt.NDArray[np.uint8]
    message: npt.NDArray[np.uint32]
    state: npt.NDArray[np.uint32]
    hashes: npt.NDArray[np.uint32]
    blocks: npt.NDArray[np.int64]


@wrapping_helper
def _turned(word, places):  # type: ignore[no-untyped-def]
    """A word turned right."""
    return np.uint32((word >> np.uint32(places)) | np.uint32(word << np.uint32(32 - places)))


@wrapping_helper
def _scheduled(before, one, nine, fourteen):  # type: ignore[no-untyped-def]
    """The word of the message schedule sixteen steps after `before` (section 6.2.2, step 1)."""
    early = np.uint32(_turned(one, 7) ^ _turned(one, 18) ^ np.uint32(one >> np.uint32(3)))
    late = np.uint32(_turned(fourteen, 17) ^ _turned(fourteen, 19) ^ np.uint32(fourteen >> np.uint32(10)))
    return np.uint32(np.uint32(before + early) + np.uint32(nine + late))


@wrapping_helper
def _round(a, b, c, d, e, f, g, h, added):  # type: ignore[no-untyped-def]
    """The words that become d and h in one round (step 3)."""
    turned = np.uint32(_turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25))
    first = np.uint32(np.uint32(h + turned) + np.uint32(np.uint32(g ^ (e & (f ^ g))) + added))
    turned = np.uint32(_turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22))
    second = np.uint32(turned + np.uint32((a & b) | (c & (a | b))))
    return np.uint32(d + first), np.uint32(first + second)


@wrapping_helper
def _sum(one, other):  # type: ignore[no-untyped-def]
    """Two words added modulo 2^32."""
    return np.uint32(one + other)


@kernel(types.void(types.uint32[:, ::1]))
def _compress(state):  # type: ignore[no-untyped-def]
    """The 64 rounds of the block in `state`, for every lane, four rounds at a time.

    Measured for one text: one round at a time 94 ns, eight rounds 73 ns, four rounds and 32 lanes 55 ns.
    """
    for four in range(16):
        if four >= 4:
            for step in range(4):
                at = (4 * four + step) & 15
                for lane in range(LANES):
                    state[at, lane] = _scheduled(
                        state[at, lane],
                        state[(at + 1) & 15, lane],
                        state[(at + 9) & 15, lane],
                        state[(at + 14) & 15, lane],
                    )
        first = 4 * four
        at = first & 15
        for lane in range(LANES):
            a, b, c, d = state[16, lane], state[17, lane], state[18, lane], state[19, lane]
            e, f, g, h = state[20, lane], state[21, lane], state[22, lane], state[23, lane]
            d, h = _round(a, b, c, d, e, f, g, h, _sum(_ROUNDS[first], state[at, lane]))
            c, g = _round(h, a, b, c, d, e, f, g, _sum(_ROUNDS[first + 1], state[at + 1, lane]))
            b, f = _round(g, h, a, b, c, d, e, f, _sum(_ROUNDS[first + 2], state[at + 2, lane]))
            a, e = _round(f, g, h, a, b, c, d, e, _sum(_ROUNDS[first + 3], state[at + 3, lane]))
            state[16, lane] = e
            state[17, lane] = f
            state[18, lane] = g
            state[19, lane] = h
            state[20, lane] = a
            state[21, lane] = b
            state[22, lane] = c
            state[23, lane] = d


@helper
def _put(letters, lane, at, letter):  # type: ignore[no-untyped-def]
    """Write the letter at place `at` of a text; the first of four letters is the high byte of a word."""
    letters[(at >> 2) * (4 * LANES) + 4 * lane + 3 - (at & 3)] = letter


@helper
def _append(letters, lane, at, data, first, last):  # type: ignore[no-untyped-def]
    """Copy letters behind place `at`; the place after them."""
    for place in range(last - first):
        _put(letters, lane, at + place, data[first + place])
    return at + last - first


@helper
def _begin(room, lane, data, first, last):  # type: ignore[no-untyped-def]
    """Write the first letters of a text, a word at a time; how many they are."""
    word = np.uint32(0)
    for place in range(last - first):
        word = np.uint32(np.uint32(word << np.uint32(8)) | np.uint32(data[first + place]))
        if place & 3 == 3:
            room.message[place >> 2, lane] = word
    length = last - first
    if length & 3:
        room.message[length >> 2, lane] = np.uint32(word << np.uint32(8 * (4 - (length & 3))))
    return length


@helper
def _number(letters, lane, at, number):  # type: ignore[no-untyped-def]
    """Write a number of at least 0 in decimal digits; the place after them."""
    digits = 1
    rest = number // 10
    while rest > 0:
        digits += 1
        rest //= 10
    for place in range(digits):
        _put(letters, lane, at + digits - 1 - place, np.uint8(48 + number % 10))
        number //= 10
    return at + digits


@helper
def _end(room, lane, length):  # type: ignore[no-untyped-def]
    """Close a text with a bit and its length in bits (section 5.1.1); the number of its blocks."""
    _put(room.letters, lane, length, np.uint8(0x80))
    blocks = (length + _LENGTH_BYTES) // BLOCK + 1
    room.message[16 * blocks - 1, lane] = np.uint32(8 * length)
    return blocks


@helper
def _hash(room, lanes):  # type: ignore[no-untyped-def]
    """Hash the texts of `lanes` lanes; a lane whose text has ended keeps its hash."""
    state, hashes = room.state, room.hashes
    most = room.blocks[0]
    for lane in range(1, lanes):
        most = max(most, room.blocks[lane])
    for word in range(8):
        for lane in range(LANES):
            hashes[word, lane] = _START[word]
    for block in range(most):
        for word in range(16):
            for lane in range(LANES):
                state[word, lane] = room.message[16 * block + word, lane]
        for word in range(8):
            for lane in range(LANES):
                state[16 + word, lane] = hashes[word, lane]
        _compress(state)
        for word in range(8):
            for lane in range(LANES):
                if block < room.blocks[lane]:
                    hashes[word, lane] = _sum(hashes[word, lane], state[16 + word, lane])


_NAMES = types.NamedTuple(
    [types.Array(types.int64, 1, "C", readonly=True), types.Array(types.uint8, 1, "C", readonly=True)], Names
)
_WANTED = types.NamedUniTuple(types.Array(types.int32, 1, "C", readonly=True), 4, Wanted)
_ROOM = types.NamedTuple(
    [types.uint8[::1], types.uint32[:, ::1], types.uint32[:, ::1], types.uint32[:, ::1], types.int64[::1]], Room
)
_MIDDLES = types.Array(types.uint32, 3, "C", readonly=True)


@kernel(types.void(_NAMES, _WANTED, _MIDDLES, types.int64, _ROOM, types.uint16[:, ::1]))
def payment_keys(names, wanted, middles, width, room, keys):  # type: ignore[no-untyped-def]
    """Write the key of each payment: recipient, day and version, part and perhaps importer, hashed (handbook 7.4).

    Args:
        names: parties as they are compared, UTF-8.
        wanted: recipient, importer, day and part of each key.
        middles: uint32[4, days, words], what stands between recipient and part, as words of the message: behind no
            letter of the first word, behind one, two, three.
        width: letters of it.
        room: scratch with blocks enough for the longest text.
        keys: uint16[n, KEY_LETTERS / 2], out: pairs of capital hex digits, in the order of memory.
    """
    count = wanted.recipient.shape[0]
    for begin in range(0, count, LANES):
        lanes = min(LANES, count - begin)
        for word in range(room.message.shape[0]):
            for lane in range(LANES):
                room.message[word, lane] = np.uint32(0)
        for lane in range(lanes):
            row = begin + lane
            who = wanted.recipient[row]
            at = _begin(room, lane, names.data, names.starts[who], names.starts[who + 1])
            for word in range(middles.shape[2]):
                room.message[(at >> 2) + word, lane] |= middles[at & 3, wanted.day[row], word]
            at = _number(room.letters, lane, at + width, np.int64(wanted.part[row]))
            who = wanted.importer[row]
            if who >= 0:
                _put(room.letters, lane, at, _BAR)
                at = _append(room.letters, lane, at + 1, names.data, names.starts[who], names.starts[who + 1])
            room.blocks[lane] = _end(room, lane, at)
        _hash(room, lanes)
        for lane in range(lanes):
            for pair in range(KEY_LETTERS // 2):
                part = np.int64(room.hashes[pair // 4, lane]) >> (24 - 8 * (pair % 4))
                keys[begin + lane, pair] = _PAIRS[part & 255]
