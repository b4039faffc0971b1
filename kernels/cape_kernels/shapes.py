"""Lines by shape: what a line says beside its last number, its value and its duties, found once for all lines alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, routine, types
from cape_kernels.words64 import mixed

NO_NUMBER = -1
LINE, TARIFF, SHAPES, BEFORE, BESIDE, ENTERED = 0, 1, 2, 3, 4, 5
"""In the state: lines and numbers that are done; shapes, numbers of shapes and values beside; slots of the table."""
STATE_LENGTH = 6
WORDS_ONE, WORDS_TWO, FORM, HASH = 0, 1, 2, 3
"""What a shape says: country and programme, set and zone status, twice its size plus whether it is valued; its hash."""
SAID = 4

_CODES = types.Array(types.int32, 1, "C", readonly=True)
_NARROW = types.Array(types.int32, 1, "C", readonly=True)
_WIDE = types.Array(types.int64, 1, "C", readonly=True)
_LOW = np.int64(0xFFFFFFFF)
_TAG = np.uint64(0xFFFFFFFF00000000)
_PLACE = np.uint64(0x00000000FFFFFFFF)


class Facts(NamedTuple):
    """What lines say by words, and how many numbers they have.

    Attributes:
        country, programme, part, zone: int32 code of each line, -1 unknown; empty where no line has a word.
        countries, programmes, parts, zones: int32 code that counts for each of these, that of -1 before the first.
        sizes: int32 numbers of each line.
    """

    country: npt.NDArray[np.int32]
    programme: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]
    zone: npt.NDArray[np.int32]
    countries: npt.NDArray[np.int32]
    programmes: npt.NDArray[np.int32]
    parts: npt.NDArray[np.int32]
    zones: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]


class Numbers(NamedTuple):
    """The tariff numbers of all lines.

    Attributes:
        code: int32 code of each, -1 none.
        place: int32 place in the vocabulary for each of these, that of -1 before the first.
    """

    code: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]


class Shapes(NamedTuple):
    """Shapes that are known, with room for more.

    Attributes:
        said: int64[k, 4], what each says.
        start: int32[k], where its numbers before the last begin.
        before: int32, places of these numbers in the vocabulary.
        table: uint64[2^n], at least twice as many as `said` has room for: upper half of the hash, shape plus one.
    """

    said: npt.NDArray[np.int64]
    start: npt.NDArray[np.int32]
    before: npt.NDArray[np.int32]
    table: npt.NDArray[np.uint64]


class Beside(NamedTuple):
    """Values of numbers before the last of their line, other than the filler.

    Attributes:
        tariff: int32 places of the numbers, ascending.
        value: int64.
    """

    tariff: npt.NDArray[np.int32]
    value: npt.NDArray[np.int64]


class How(NamedTuple):
    """What is the same for all lines.

    Attributes:
        filler: value that numbers before the last have without saying so.
        bits: low bits of a key.
    """

    filler: int
    bits: int


FACTS = types.NamedUniTuple(_CODES, 9, Facts)
NUMBERS = types.NamedUniTuple(_CODES, 2, Numbers)
SHAPES_ROOM = types.NamedTuple(
    [types.int64[:, ::1], types.int32[::1], types.int32[::1], types.uint64[::1]],
    Shapes,
)
HOW = types.NamedUniTuple(types.int64, 2, How)
BESIDE_ROOM = types.NamedTuple([types.int32[::1], types.int64[::1]], Beside)


@helper
def _code(codes, ranks, line):  # type: ignore[no-untyped-def]  # compiled: types are in the caller
    """The code that counts for the word of a line."""
    if len(codes) == 0:
        return np.int64(NO_NUMBER)
    return np.int64(ranks[np.uint64(codes[np.uint64(line)] + 1)])


@helper
def _place(numbers, tariff):  # type: ignore[no-untyped-def]
    """The place of a number in the vocabulary."""
    return numbers.place[np.uint64(numbers.code[np.uint64(tariff)] + 1)]


@routine
def _enter_all(shapes, count):  # type: ignore[no-untyped-def]
    """Fill an empty table with the shapes that are known."""
    mask = np.uint64(len(shapes.table) - 1)
    for shape in range(count):
        word = np.uint64(shapes.said[shape, HASH])
        slot = word & mask
        while shapes.table[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        shapes.table[slot] = (word & _TAG) | np.uint64(shape + 1)


@helper
def _same_numbers(shapes, shape, numbers, tariff, before):  # type: ignore[no-untyped-def]
    """Whether the numbers of a line before its last are those of a shape."""
    start = shapes.start[np.uint64(shape)]
    for step in range(before):  # noqa: SIM110 - compiled code has no generators
        if shapes.before[np.uint64(start + step)] != _place(numbers, tariff + step):
            return False
    return True


@helper
def _new_shape(shapes, state, said, numbers, tariff, before):  # type: ignore[no-untyped-def]
    """Note a shape that comes for the first time; which it is."""
    shape = state[SHAPES]
    for fact in range(SAID):
        shapes.said[shape, fact] = said[fact]
    start = state[BEFORE]
    shapes.start[shape] = start
    for step in range(before):
        shapes.before[start + step] = _place(numbers, tariff + step)
    state[SHAPES] = shape + 1
    state[BEFORE] = start + before
    return shape


@helper
def _shape_of(shapes, state, words, form, numbers, tariff, before):  # type: ignore[no-untyped-def]
    """The shape of a line; a hash only says where to look, what is said is compared."""
    hashed = mixed(np.uint64(words[0]), np.uint64(words[1]), form)
    for step in range(before):
        hashed = mixed(hashed, np.uint64(_place(numbers, tariff + step)), step)
    mask = np.uint64(len(shapes.table) - 1)
    slot = hashed & mask
    while True:
        held = shapes.table[slot]
        if held == 0:
            said = (words[0], words[1], form, np.int64(hashed))
            shape = _new_shape(shapes, state, said, numbers, tariff, before)
            shapes.table[slot] = (hashed & _TAG) | np.uint64(shape + 1)
            return shape
        if (held ^ hashed) & _TAG == 0:
            place = (held & _PLACE) - np.uint64(1)
            said_so = (
                shapes.said[place, FORM] == form
                and shapes.said[place, WORDS_ONE] == words[0]
                and shapes.said[place, WORDS_TWO] == words[1]
            )
            if said_so and _same_numbers(shapes, place, numbers, tariff, before):
                return np.int64(place)
        slot = (slot + np.uint64(1)) & mask


@helper
def _note_beside(values, tariff, before, filler, beside, state):  # type: ignore[no-untyped-def]
    """Note the values of numbers before the last that are not the filler; whether there is one."""
    at = first = state[BESIDE]
    for step in range(before):
        value = np.int64(values[np.uint64(tariff + step)])
        if value != filler:
            beside.tariff[at] = tariff + step
            beside.value[at] = value
            at += 1
    state[BESIDE] = at
    return np.int64(at != first)


@helper
def _walked(facts, numbers, values, shapes, beside, key, value, how, state):  # type: ignore[no-untyped-def]
    """The body of both kernels: they differ in the width of values."""
    filler, bits = how
    if state[ENTERED] != len(shapes.table):
        _enter_all(shapes, state[SHAPES])
        state[ENTERED] = len(shapes.table)
    tariff = state[TARIFF]
    line = state[LINE]
    while line < len(facts.sizes):
        size = np.int64(facts.sizes[line])
        before = max(size - 1, np.int64(0))
        room = (
            state[SHAPES] < len(shapes.said)
            and state[BEFORE] + before <= len(shapes.before)
            and state[BESIDE] + before <= len(beside.tariff)
        )
        if not room or size < 0 or tariff + size > len(numbers.code):
            break
        valued = _note_beside(values, tariff, before, filler, beside, state)
        words = (
            _code(facts.country, facts.countries, line) << 32 | _code(facts.programme, facts.programmes, line) & _LOW,
            _code(facts.part, facts.parts, line) << 32 | _code(facts.zone, facts.zones, line) & _LOW,
        )
        shape = _shape_of(shapes, state, words, 2 * size + valued, numbers, tariff, before)
        tariff += size
        if size > 0:
            key[line] = shape << bits | _place(numbers, tariff - 1)
            value[line] = values[np.uint64(tariff - 1)]
        else:
            key[line] = shape << bits
            value[line] = NO_NUMBER
        line += 1
    state[LINE] = line
    state[TARIFF] = tariff


@kernel(
    types.void(
        FACTS, NUMBERS, _NARROW, SHAPES_ROOM, BESIDE_ROOM, types.int64[::1], types.int32[::1], HOW, types.int64[::1]
    )
)
def shapes_of_lines(facts, numbers, values, shapes, beside, key, value, how, state):  # type: ignore[no-untyped-def]
    """Write shape and last number of each line, and each different shape once, in the order in which they come.

    Goes on where the call before ended, and ends early where room is short: with no room for another shape, or for the
    numbers or values that the next line may have. It also ends where counts and numbers do not fit each other.

    Args:
        facts: of n lines.
        numbers: of these lines, in order.
        values: dollars beside each number, `NO_NUMBER` missing.
        shapes: in and out; with a table of another size, an empty one.
        beside: in and out.
        key: n out, shape << bits | place of the last number.
        value: n out, dollars beside the last number.
        how: filler and bits.
        state: what is done, in and out; all 0 at first.
    """
    _walked(facts, numbers, values, shapes, beside, key, value, how, state)


@kernel(
    types.void(
        FACTS, NUMBERS, _WIDE, SHAPES_ROOM, BESIDE_ROOM, types.int64[::1], types.int64[::1], HOW, types.int64[::1]
    )
)
def shapes_of_wide_lines(facts, numbers, values, shapes, beside, key, value, how, state):  # type: ignore[no-untyped-def]
    """`shapes_of_lines` for values of 64 bits."""
    _walked(facts, numbers, values, shapes, beside, key, value, how, state)


@helper
def _counted(count, values, found):  # type: ignore[no-untyped-def]
    """The body of both counting kernels."""
    tariff = np.int64(0)
    for line in range(len(count)):
        for step in range(tariff, min(tariff + count[line] - 1, len(values))):
            if values[step] == 0:
                found[0] += 1
            elif values[step] == NO_NUMBER:
                found[1] += 1
        tariff += max(count[line], 0)


@kernel(types.void(_CODES, _NARROW, types.int64[::1]))
def count_fillers(count, values, found):  # type: ignore[no-untyped-def]
    """Count the numbers before the last of their line whose value is 0, and those that have none.

    Args:
        count: numbers of each line.
        values: dollars beside each number, `NO_NUMBER` missing.
        found: both counts out, 0 before.
    """
    _counted(count, values, found)


@kernel(types.void(_CODES, _WIDE, types.int64[::1]))
def count_wide_fillers(count, values, found):  # type: ignore[no-untyped-def]
    """`count_fillers` for values of 64 bits."""
    _counted(count, values, found)


@kernel(types.void(_NARROW, types.int64, types.int64[::1]))
def key_bounds(keys, mask, most):  # type: ignore[no-untyped-def]
    """Write between which bounds keys of 32 bits lie.

    Args:
        keys: n keys.
        mask: the low bits of a key, which count the vocabulary.
        most: out: the least key or 0, the greatest or 0, the greatest place.
    """
    least = last = place = np.int32(0)
    low = np.int32(mask)
    for line in range(len(keys)):
        word = keys[line]
        least = min(least, word)
        last = max(last, word)
        place = max(place, np.int32(word & low))
    most[0] = least
    most[1] = last
    most[2] = place
