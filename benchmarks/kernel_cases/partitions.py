"""Cases of the kernels that walk partitions and their tables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.kernel_cases.data import AMOUNTS, Case, Data, of_module
from cape_engine import bridge, rules
from cape_engine.bridge import NO_DAY, NO_NUMBER, Int32s, readonly
from cape_engine.intake.entries import string_buffers
from cape_engine.intake.stretch import order_of
from cape_engine.listed import Lists, distinct_words
from cape_engine.mass_processing.numbers import Book
from cape_engine.mass_processing.result import Tallies
from cape_engine.mass_processing.stage import kernel_inputs, outputs_for
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.settings import Settings
from cape_engine.store.shapes import derived
from cape_fixtures.consolidation_load import numbers
from cape_kernels import by_day, changes, counts, process, row_hash, shapes, vocabulary

_WORDS = 20_000


def _mass(data: Data, name: str) -> Case:
    """Mass processing of the first partition of the store, lines and numbers not written (detail none)."""
    book = Book(rules.load(), Settings.build(None, None), None, data.lots.as_of)
    inputs = kernel_inputs(data.partition, book, Tallies())
    outputs = outputs_for(inputs)

    def walk() -> None:
        outputs.told.count[:] = 0
        getattr(process, name)(*inputs.arguments(outputs))

    return len(inputs.tariffs.duty), walk, ()


def _counts(table: pa.Table, column: Column) -> Int32s:
    """How many rows of the table below each row of a table has."""
    return bridge.filled(bridge.single(table, column), np.int32, 0)


def _shaping(data: Data, name: str) -> Case:
    """The lines of the first partition of the store, or a million keys as a file has them."""
    if name == "key_bounds":
        keys = readonly(np.random.default_rng(2026).integers(0, 1 << 24, AMOUNTS).astype(np.int32))
        return AMOUNTS, shapes.key_bounds, (keys, (1 << 14) - 1, np.zeros(3, np.int64))
    lines, tariffs = data.partition.lines, data.partition.tariffs
    kind = np.int64 if "wide" in name else np.int32
    values = bridge.filled(bridge.single(tariffs, s.VALUE_DOLLARS), kind, NO_NUMBER)
    if name.startswith("count"):
        return len(values), getattr(shapes, name), (_counts(lines, s.TARIFF_COUNT), values, np.zeros(2, np.int64))
    place = tariffs.column_names.index(str(s.VALUE_DOLLARS))
    known = pa.array(values, mask=values == NO_NUMBER)
    return len(values), derived, (lines, tariffs.set_column(place, str(s.VALUE_DOLLARS), known))


def _changing(data: Data, name: str) -> Case:
    """The numbers of the first partition; a seventh changed, nine entries in ten accepted."""
    del name
    lines, tariffs = (_counts(data.partition.entries, s.LINE_COUNT), _counts(data.partition.lines, s.TARIFF_COUNT))
    rows, random = data.partition.tariffs.num_rows, np.random.default_rng(2026)
    change = (random.random(rows) < 1 / 7).astype(np.int8)
    outcome = changes.Outcome(
        accepted=readonly((random.random(len(lines)) < 0.9).astype(np.uint8)),
        gap=readonly(random.integers(0, 10**6, len(tariffs))),
        gap_known=readonly((random.random(len(tariffs)) < 0.9).astype(np.uint8)),
        change=readonly(change),
        rule=readonly(change * np.int8(3)),
        duty=readonly(random.integers(0, 10**6, rows)),
    )
    cells = changes.Cells(
        readonly(random.integers(0, 999, len(tariffs), np.int32)),
        *(readonly(random.integers(0, 10**6, rows, np.int32)) for _ in changes.Cells._fields[1:]),
    )
    picked = changes.Picked._make(np.empty(int(change.sum()) + 1, kind) for kind in changes.PICKED)
    return rows, changes.pick_changes, (lines, tariffs, outcome, cells, 9, 0, picked, np.zeros(1, np.int64))


def _masks(share: float) -> npt.NDArray[np.uint64]:
    """A million masks, of which a share is one of forty and the others are 0."""
    random = np.random.default_rng(2026)
    some = random.integers(1, 1 << 40, 40).astype(np.uint64)
    return np.where(random.random(AMOUNTS) < share, some[random.integers(0, len(some), AMOUNTS)], np.uint64(0))


def _counting(data: Data, name: str) -> Case:
    """A million masks of faults, the lists of words that they stand for, or amounts of which some are not known."""
    del data
    if name == "number_masks":
        return AMOUNTS, distinct_words, (_masks(0.05),)
    if name == "sum_exactly":
        random = np.random.default_rng(2026)
        amounts, known = random.integers(-(10**12), 10**12, AMOUNTS), random.random(AMOUNTS) < 0.9
        return AMOUNTS, counts.sum_exactly, (readonly(amounts), readonly(known.astype(np.uint8)), np.zeros(2, np.int64))
    values, which = distinct_words(_masks(0.05))
    return AMOUNTS, Lists.of, (which, [[f"WORD_{number}"] * (number % 4) for number in range(len(values))])


def _days(data: Data, name: str) -> Case:
    """A million days of a year, a few not known."""
    del data
    random = np.random.default_rng(2026)
    known = random.random(AMOUNTS) < 0.99
    days = readonly(np.where(known, random.integers(20_100, 20_500, AMOUNTS), NO_DAY).astype(np.int32))
    if name == "span":
        return AMOUNTS, by_day.span, (days, NO_DAY, np.empty(2, np.int32))
    table = readonly(np.arange(401, dtype=np.int32))
    return AMOUNTS, by_day.look_up, (days, NO_DAY, 20_100, table, np.empty(AMOUNTS, np.int32))


def _ordering(data: Data, name: str) -> Case:
    """A million rows of fourteen thousand entries in no order."""
    del data, name
    random = np.random.default_rng(2026)
    entry, place = random.integers(0, 14_000, AMOUNTS), random.integers(0, 1 << 17, AMOUNTS)
    return AMOUNTS, order_of, (entry.astype(np.int32), place.astype(np.int32))


def _coding(data: Data, name: str) -> Case:
    """A million codes of twenty thousand words, a hundredth without one."""
    del data
    random = np.random.default_rng(2026)
    words = random.integers(0, _WORDS, AMOUNTS)
    codes = readonly(np.where(random.random(AMOUNTS) < 0.99, words, NO_NUMBER).astype(np.int32))
    if name == "mark_used":
        return AMOUNTS, vocabulary.mark_used, (codes, np.zeros(_WORDS + 1, np.uint8))
    ranks = readonly(random.permutation(_WORDS).astype(np.int32))
    return AMOUNTS, vocabulary.recode, (codes, ranks, np.empty(AMOUNTS, np.int32))


def _texts_hashed(name: str) -> Case:
    """A hundred thousand importer numbers, or the same with words around, each too long to be its own word."""
    texts = numbers(AMOUNTS // 10)
    if name == "many_text_words":
        texts = [f"importer of record {text}, refunds to a 4811 party" for text in texts]
    starts, data = string_buffers(pa.array(texts, pa.string()))
    rows, lanes = len(texts), row_hash.LANES
    scratch = np.empty(24, np.uint64)
    room = row_hash.Room(
        np.empty(32 * lanes, np.uint64), np.empty((16, lanes), np.uint64), scratch, np.empty(lanes, np.int64)
    )
    space = scratch if name == "text_words" else room
    return (
        rows,
        getattr(row_hash, name),
        (row_hash.Texts(starts.view(np.uint32), data), space, np.empty(rows, np.uint64)),
    )


def _hashing(data: Data, name: str) -> Case:
    """A million cells of numbers, of codes or of lists of codes."""
    del data
    if name in {"text_words", "many_text_words"}:
        return _texts_hashed(name)
    random = np.random.default_rng(2026)
    salt, state = np.uint64(0x9E3779B97F4A7C15), np.ones((3, AMOUNTS), np.uint64)
    known = readonly((random.random(AMOUNTS) < 0.9).astype(np.uint8))
    if name == "mix_numbers":
        return AMOUNTS, row_hash.mix_numbers, (readonly(random.integers(0, 10**9, AMOUNTS)), known, salt, state)
    codes = readonly(random.integers(0, _WORDS, AMOUNTS).astype(np.int32))
    if name == "mix_codes":
        words = readonly(random.integers(0, 1 << 62, _WORDS).astype(np.uint64))
        return AMOUNTS, row_hash.mix_codes, (codes, known, words, salt, state)
    ends = np.concatenate([[0], np.cumsum(random.integers(0, 3, AMOUNTS))]).astype(np.uint32)
    members = readonly(random.integers(0, 12, int(ends[-1])).astype(np.int32))
    slots = np.empty(1 << AMOUNTS.bit_length(), np.int32)
    groups = np.empty(AMOUNTS, np.int32), np.empty(AMOUNTS, np.int32)

    def group() -> None:
        slots[:] = -1
        row_hash.group_lists(readonly(ends), members, slots, *groups)

    return AMOUNTS, group, ()


CASES = {
    **of_module("process", _mass, "process_lines"),
    **of_module("shapes", _shaping, "shapes_of_lines shapes_of_wide_lines count_fillers count_wide_fillers key_bounds"),
    **of_module("changes", _changing, "pick_changes"),
    **of_module("counts", _counting, "number_masks list_ends list_members sum_exactly"),
    **of_module("by_day", _days, "span look_up"),
    **of_module("order", _ordering, "sort_rows"),
    **of_module("vocabulary", _coding, "mark_used recode"),
    **of_module("row_hash", _hashing, "text_words many_text_words group_lists mix_numbers mix_codes"),
}
