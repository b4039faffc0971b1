"""Numbers of importers and 4811 parties as small whole numbers: one hash table of all that a run has met."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, types, wrapping_helper
from cape_kernels.lanes import soon

NOBODY = 0
"""Place of the empty number: nothing is known."""
BEYOND_ASCII = -1
"""Instead of a place: the text has letters that only Python folds to capitals."""
ONE_FORM, SEVERAL_FORMS, FIXED = 0, 1, 2
"""How a number was written so far: always the same, in several ways, or as the importers file wants it."""
EMPTY = -1
"""A slot of a hash table that nobody has taken."""
TOGETHER = 32
"""Texts that are looked up together: what they need of the book comes from memory at the same time."""
BEGIN, LENGTH, TAG, SLOT = 0, 1, 2, 3
"""Columns of the room for them: where its letters stand, how many, and its hash in two parts."""
ROOM_WORDS = 4

_START = np.uint64(0xCBF29CE484222325)
_0 = np.uint64(0)
_TIMES = np.uint64(0xD1B54A32D192ED03)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_8 = np.uint64(8)
_29 = np.uint64(29)
_32 = np.uint64(32)
_TAG = np.uint64(0x7FFFFFFF)

_STARTS = types.Array(types.int32, 1, "C", readonly=True)
_DATA = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.int32, 1, "C", readonly=True)
_FIRSTS = types.Array(types.int64, 1, "C", readonly=True)


class Book(NamedTuple):
    """All numbers met so far, as they are compared; arrays have room for more.

    Attributes:
        slots: int64, a power of two of them, `EMPTY` or 31 bits of the hash above 32 bits of the place.
        starts: int64, number p is data[starts[p]:starts[p + 1]].
        data: uint8, their letters.
        known: int64[1], how many there are, the empty one included.
    """

    slots: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]
    known: npt.NDArray[np.int64]


class Spelled(NamedTuple):
    """How each number is shown; texts that were replaced stay where they are.

    Attributes:
        first: int64, where the text of a place begins.
        length: int32, its length; -1 when none is known.
        state: int8, `ONE_FORM`, `SEVERAL_FORMS` or `FIXED`.
        data: uint8, all texts.
        end: int64[1], bytes in use.
    """

    first: npt.NDArray[np.int64]
    length: npt.NDArray[np.int32]
    state: npt.NDArray[np.int8]
    data: npt.NDArray[np.uint8]
    end: npt.NDArray[np.int64]


@wrapping_helper
def _behind(word, letter):  # type: ignore[no-untyped-def]
    """The last eight letters as one word."""
    return np.uint64(np.uint64(word << _8) | np.uint64(letter))


@wrapping_helper
def _mixed(state, word):  # type: ignore[no-untyped-def]
    """The hash state after eight letters more: a multiplication each letter took twice as long."""
    mixed = np.uint64((state ^ word) * _SPREAD)
    return np.uint64(mixed ^ (mixed >> _29))


@wrapping_helper
def _spread(state):  # type: ignore[no-untyped-def]
    """All bits of a hash in its upper half."""
    return np.uint64((state ^ (state >> _32)) * _TIMES)


@helper
def _left_out(letter):  # type: ignore[no-untyped-def]
    """Whether a letter does not count in a comparison: a dash, or what Python takes for a blank."""
    return letter == 32 or letter == 45 or 9 <= letter <= 13 or 28 <= letter <= 31


@helper
def _found(book, begin, length, tag, first_slot):  # type: ignore[no-untyped-def]
    """The place of the number written at `begin`, which becomes a new one if there was none like it."""
    mask = np.int64(book.slots.shape[0] - 1)
    slot = first_slot
    while book.slots[slot] != EMPTY:
        place = book.slots[slot] & 0xFFFFFFFF
        first = book.starts[place]
        if book.slots[slot] >> 32 == tag and book.starts[place + 1] - first == length:
            same = np.int64(0)
            while same < length and book.data[first + same] == book.data[begin + same]:
                same += 1
            if same == length:
                return place
        slot = (slot + 1) & mask
    place = book.known[0]
    end = book.starts[place]
    for letter in range(length):  # numbers before it that were found have left a gap
        book.data[end + letter] = book.data[begin + letter]
    book.slots[slot] = tag << 32 | place
    book.starts[place + 1] = end + length
    book.known[0] = place + 1
    return place


@helper
def _written(starts, data, i, folded, book, begin, room):  # type: ignore[no-untyped-def]
    """Write a number as it is compared, and where it is to be looked for; where it ends.

    Letters that only Python folds leave `BEYOND_ASCII` for a length.
    """
    at = begin
    state = _START
    word = _0
    for place in range(starts[i], starts[i + 1]):
        letter = data[place]
        if not folded:
            if letter >= 128:
                room[BEGIN], room[LENGTH], room[SLOT] = begin, BEYOND_ASCII, 0
                return begin
            if _left_out(letter):
                continue
            if 97 <= letter <= 122:
                letter = np.uint8(letter - 32)
        book.data[at] = letter
        at += 1
        word = _behind(word, letter)
        if (at - begin) & 7 == 0:
            state = _mixed(state, word)
    spread = _spread(_mixed(state, word))
    room[BEGIN], room[LENGTH] = begin, at - begin
    room[TAG] = np.int64(spread & _TAG)
    room[SLOT] = np.int64(spread >> _32) & np.int64(book.slots.shape[0] - 1)
    return at


_BOOK = types.NamedTuple([types.int64[::1], types.int64[::1], types.uint8[::1], types.int64[::1]], Book)
_SPELLED = types.NamedTuple(
    [types.int64[::1], types.int32[::1], types.int8[::1], types.uint8[::1], types.int64[::1]], Spelled
)


@kernel(types.void(_STARTS, _DATA, types.boolean, _BOOK, types.int64[:, ::1], types.int32[::1]))
def number_texts(starts, data, folded, book, room, places):  # type: ignore[no-untyped-def]
    """Write the place of each number in the book; new ones are added (clarification 15).

    Args:
        starts: int32[n + 1], text i is data[starts[i]:starts[i + 1]].
        data: uint8, the texts.
        folded: the texts are as they are compared already; else dashes and blanks are left out and letters made
            capitals here.
        book: all numbers, with room for n more and for their letters.
        room: int64[TOGETHER, ROOM_WORDS], scratch.
        places: int32[n], out: place, `NOBODY` for nothing, `BEYOND_ASCII` where Python has to fold.
    """
    for begin in range(0, places.shape[0], TOGETHER):
        count = min(places.shape[0] - begin, TOGETHER)
        at = book.starts[book.known[0]]
        for each in range(count):
            at = _written(starts, data, begin + each, folded, book, at, room[each])
            soon(book.slots, room[each, SLOT])
        for each in range(count):
            soon(book.starts, max(book.slots[room[each, SLOT]], 0) & 0xFFFFFFFF)
        for each in range(count):
            soon(book.data, book.starts[max(book.slots[room[each, SLOT]], 0) & 0xFFFFFFFF])
        for each in range(count):
            length = room[each, LENGTH]
            if length <= 0:
                places[begin + each] = length  # nothing is nobody, the other is said already
            else:
                row = room[each]
                places[begin + each] = _found(book, row[BEGIN], length, row[TAG], row[SLOT])


@kernel(types.void(types.int64[::1], types.int64[::1], _DATA, types.int64))
def fill_slots(slots, starts, data, count):  # type: ignore[no-untyped-def]
    """Write the slots of all numbers into a larger table.

    Args:
        slots: int64, a power of two of `EMPTY` slots, out.
        starts: int64[count + 1].
        data: uint8, letters of the numbers.
        count: how many numbers there are, the empty one included.
    """
    mask = np.int64(slots.shape[0] - 1)
    for place in range(1, count):
        state = _START
        word = _0
        for at in range(starts[place], starts[place + 1]):
            word = _behind(word, data[at])
            if (at + 1 - starts[place]) & 7 == 0:
                state = _mixed(state, word)
        spread = _spread(_mixed(state, word))
        slot = np.int64(spread >> _32) & mask
        while slots[slot] != EMPTY:
            slot = (slot + 1) & mask
        slots[slot] = np.int64(spread & _TAG) << 32 | place


@helper
def _compared(data, first, last, other, begin, end):  # type: ignore[no-untyped-def]
    """Below 0 where a text stands before another one, 0 where they are equal; bytes of UTF-8 follow code points."""
    while first < last and begin < end:
        if data[first] != other[begin]:
            return np.int64(data[first]) - np.int64(other[begin])
        first += 1
        begin += 1
    return (last - first) - (end - begin)


@kernel(types.void(_STARTS, _DATA, _PLACES, _SPELLED))
def spell(starts, data, places, spelled):  # type: ignore[no-untyped-def]
    """Keep the smallest text of each number, unless the importers file has said how it is written.

    Args:
        starts: int32[n + 1], text i is data[starts[i]:starts[i + 1]].
        data: uint8, the texts.
        places: int32[n], place of each; `NOBODY` is not spelled.
        spelled: in and out, with room for all texts.
    """
    for i in range(places.shape[0]):
        place = places[i]
        if place <= NOBODY or spelled.state[place] == FIXED:
            continue
        first = spelled.first[place]
        known = np.int64(spelled.length[place])
        if known >= 0:
            order = _compared(data, np.int64(starts[i]), np.int64(starts[i + 1]), spelled.data, first, first + known)
            if order != 0:
                spelled.state[place] = SEVERAL_FORMS
            if order >= 0:
                continue
        end = spelled.end[0]
        length = starts[i + 1] - starts[i]
        for at in range(length):
            spelled.data[end + at] = data[starts[i] + at]
        spelled.first[place] = end
        spelled.length[place] = length
        spelled.end[0] = end + length


@kernel(types.void(_FIRSTS, _DATA, _FIRSTS, types.uint8[::1]))
def copy_texts(first, data, offsets, out):  # type: ignore[no-untyped-def]
    """Write texts end to end.

    Args:
        first: int64[n], where each text begins.
        data: uint8, all texts.
        offsets: int64[n + 1], where each text stands in `out`; its length with it.
        out: uint8[offsets[n]], out.
    """
    for i in range(first.shape[0]):
        start = offsets[i]
        for at in range(offsets[i + 1] - start):
            out[start + at] = data[first[i] + at]
