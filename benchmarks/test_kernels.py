"""Every public kernel on arrays of generated entries; a kernel without a case here fails."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import cape_kernels
from cape_engine import bridge, rules
from cape_engine.bridge import readonly
from cape_engine.intake.entries import keys_of_texts, string_buffers
from cape_engine.intake.texts import Repeats
from cape_engine.intake.texts import Texts as Cells
from cape_engine.mass_processing.numbers import Book
from cape_engine.mass_processing.result import Tallies
from cape_engine.mass_processing.stage import kernel_inputs, outputs_for
from cape_engine.refund import Register
from cape_engine.refund.accumulator import RunningSums
from cape_engine.refund.keys import payment_keys
from cape_engine.refund.rates import KINDS, SLACK, interest_table
from cape_engine.refund.sums import summed
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.settings import Settings
from cape_fixtures.consolidation_load import Load, numbers
from cape_kernels import (
    consolidation,
    delimited,
    distinct,
    entry_number,
    interest,
    parse,
    process,
    segments,
    splitting,
)

_HIGH = np.int64(99_999_999_999)
_AMOUNTS = 1_000_000
Case = tuple[int, Callable[..., Any], tuple[Any, ...]]
"""Rows, kernel and its arguments."""


def public_kernels() -> Iterator[str]:
    """`module.function` of every compiled entry point, read from the sources."""
    for file in sorted(Path(next(iter(cape_kernels.__path__))).glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                marks = (mark.func for mark in node.decorator_list if isinstance(mark, ast.Call))
                if any(isinstance(mark, ast.Name) and mark.id == "kernel" for mark in marks):
                    yield f"{file.stem}.{node.name}"


@dataclass(frozen=True, slots=True)
class Texts:
    """The CSV export as bytes, and its columns as text by the names of es003_columns.csv."""

    data: Any
    columns: dict[str, pa.Array]


@pytest.fixture(scope="session")
def texts(lots: Any) -> Texts:
    """A generated export before anything is parsed."""
    path = lots.csv.files.rows[0]
    names = {row.source_column: row.canonical for row in rules.load().es003_columns}
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().replace('"', "").split(",")
    options = pacsv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
    table = pacsv.read_csv(path, convert_options=options).combine_chunks()
    columns = {names[name]: table.column(name).chunk(0) for name in header}
    return Texts(readonly(np.fromfile(path, np.uint8)), columns)


def _parsing(texts: Texts, name: str) -> Case:
    """A kernel of `parse` on the column it is for."""
    column, kind, between = {
        "parse_cents": ("duty_amount", np.int64, (_HIGH, True)),
        "parse_dollars": ("goods_value", np.int64, (_HIGH,)),
        "parse_hundredths": (s.QUANTITIES[0], np.int64, (_HIGH,)),
        "parse_whole": (s.LINE_NUMBER, np.int64, (np.int64(1), _HIGH)),
        "parse_days": (f.ENTRY_DATE, np.int32, ()),
        "parse_hts": (s.HTS_NUMBER, np.int64, ()),
    }[name]
    cells = Cells.of(texts.columns[str(column)])
    out = np.empty(len(cells), kind), np.empty(len(cells), np.uint8)
    return len(cells), getattr(parse, name), (cells.spans, cells.data, *between, *out)


def _repeating(texts: Texts, name: str) -> Case:
    """A kernel of `distinct` on the importer numbers."""
    cells = Cells.of(texts.columns[str(f.IMPORTER_NUMBER)])
    rows = len(cells)
    if name == "copy_cells":
        out = np.empty(rows + 1, np.int32), np.empty(int(cells.lengths().sum()), np.uint8)
        return rows, distinct.copy_cells, (cells.spans, cells.data, readonly(np.arange(rows)), *out)
    memory, index = Repeats(), np.empty(rows, np.int32)

    def find() -> None:
        memory.clear()
        memory.add(cells, index)

    return rows, find, ()


def _splitting(texts: Texts, name: str) -> Case:
    """The cells of the whole export, all columns wanted; or the end of a line that is as long as the export."""
    rows, cells = len(texts.columns[str(f.ENTRY_NUMBER)]) + 1, len(texts.columns)
    state = np.zeros(splitting.STATE_LENGTH, np.int64)
    if name == "line_end":
        return rows, splitting.line_end, (readonly(texts.data[texts.data != ord("\n")]), np.int64(0), state)
    spans, tail = np.empty((cells, rows), np.int64), np.empty(splitting.TAIL, np.uint8)
    slots = readonly(np.arange(cells))

    def split() -> None:
        state[:] = 0
        splitting.split_records(texts.data, np.uint8(ord(",")), slots, spans, tail, state)

    return rows, split, ()


def _entry_numbers(texts: Texts, name: str) -> Case:
    """A kernel of `entry_number`."""
    cells = texts.columns[str(f.ENTRY_NUMBER)]
    keys, status = keys_of_texts(cells)
    arguments = {
        "entry_keys": (*string_buffers(cells), keys, status),
        "entry_texts": (readonly(keys), np.empty(len(keys) * entry_number.ENTRY_LENGTH, np.uint8)),
        "check_digits": (readonly(keys), np.empty(len(keys), np.uint8)),
    }[name]
    return len(cells), getattr(entry_number, name), arguments


def _scanning(texts: Texts, name: str) -> Case:
    """The records of the whole export."""
    rows = len(texts.columns[str(f.ENTRY_NUMBER)]) + 1
    state = np.zeros(delimited.STATE_LENGTH, np.int64)
    outs = [np.empty(rows + 1, kind) for kind in (np.int64, np.int64, np.int32, np.uint8)]
    cells = np.int32(len(texts.columns))

    def scan() -> None:
        state[:] = 0
        state[delimited.LINE] = 1
        getattr(delimited, name)(texts.data, len(texts.data), np.uint8(ord(",")), cells, *outs, state)

    return rows, scan, ()


def _grouping(texts: Texts, name: str) -> Case:
    """The entry date of each entry from all its rows."""
    keys, _status = keys_of_texts(texts.columns[str(f.ENTRY_NUMBER)])
    order = np.argsort(keys, kind="stable")
    starts = np.append(np.flatnonzero(np.diff(keys[order], prepend=-1)), len(keys))
    outs = np.empty(len(starts) - 1, np.int64), np.empty(len(starts) - 1, np.int64)
    return len(keys), getattr(segments, name), (readonly(starts), readonly(order), readonly(keys), np.int64(-1), *outs)


def _mass(lots: Any, name: str) -> Case:
    """Mass processing of the first partition of the store, lines and numbers not written (detail none)."""
    partition = lots.store.read(lots.store.partitions[0])
    book = Book(rules.load(), Settings.build(None, None), None, lots.as_of)
    inputs = kernel_inputs(partition, book, Tallies())
    outputs = outputs_for(inputs)

    def walk() -> None:
        outputs.told.count[:] = 0
        getattr(process, name)(*inputs.arguments(outputs))

    return len(inputs.tariffs.duty), walk, ()


def _interest(lots: Any, name: str) -> Case:
    """A million amounts, deposited and refunded on random days of the rate table."""
    table = interest_table(rules.load())
    random = np.random.default_rng(2026)
    amount = readonly(random.integers(0, 10**8, _AMOUNTS))
    first, last = bridge.days(lots.store.read(lots.store.partitions[0]).entries, f.ENTRY_DATE).max(), table.last
    start = readonly(random.integers(first - 400, first, _AMOUNTS).astype(np.int32))
    end = readonly(random.integers(first + 1, min(first + 150, last), _AMOUNTS).astype(np.int32))
    kind = readonly(random.integers(0, len(KINDS), _AMOUNTS).astype(np.int8))
    pair, status = np.empty(_AMOUNTS, np.int64), np.empty(_AMOUNTS, np.int8)
    finding = (start, end, kind, amount, table.origin, table.gaps, pair, status)
    if name == "find_pairs":
        return _AMOUNTS, interest.find_pairs, finding
    interest.find_pairs(*finding)
    out = np.zeros(_AMOUNTS, np.int64)
    if name == "apply_factors":
        factors = np.full(len(KINDS) * table.points * table.points, 14_680_663)
        return _AMOUNTS, interest.apply_factors, (amount, readonly(pair), readonly(factors), out)
    high, low, place = table.growth_of(readonly(pair))
    return _AMOUNTS, interest.apply_growth, (amount, place, high, low, np.uint64(SLACK), out, status)


def _cohorts(lots: Any, name: str) -> Case:
    """A million refunds of ten thousand recipients on sixty days; kernels that work together are measured together."""
    del lots
    load = Load(_AMOUNTS, 10_000, 60, seed=2026, chunk=_AMOUNTS)
    register = Register()
    places = register.learn(numbers(load.recipients))
    chunk = next(iter(load.generate()))
    who, yes = places[chunk.recipient], np.ones(_AMOUNTS, np.int8)
    refunds = consolidation.Refunds(who, who, chunk.day, chunk.principal_cents, chunk.interest_cents, yes, yes)
    if name == "sum_refunds":
        return _AMOUNTS, summed, (refunds, register)
    if name in {"deal_refunds", "totals_of_refunds"}:
        return _AMOUNTS, RunningSums(register).add_refunds, (refunds,)
    if name in {"add_sums", "collect", "order_sums", "merge_sums"}:  # the importers are somebody else
        refunds = refunds._replace(importer=np.roll(who, 1))
    sums, running = summed(refunds, register)[0], RunningSums(register)
    running.add(sums)
    if name in {"deal_sums", "add_sums", "totals"}:
        return len(sums), running.add, (sums,)

    def made() -> None:
        again = RunningSums(register)
        again.add(sums)
        for make in again.work("", apart=False):
            make()

    return len(sums), made, ()


def _parties(lots: Any, name: str) -> Case:
    """A hundred thousand importer numbers: found again, or written as they are shown."""
    del lots
    register, words = Register(), pa.array(numbers(100_000))
    places = register.learn(words)
    if name == "fill_slots":
        return len(words), lambda: Register().learn(words), ()
    call, argument = (register.shown, places) if name == "copy_texts" else (register.learn, words)
    return len(words), call, (argument,)


def _keys(lots: Any, name: str) -> Case:
    """A hundred thousand keys of payments."""
    del lots, name
    register = Register()
    places = register.learn(numbers(100_000))
    days = readonly((20_600 + places % 100).astype(np.int32))
    return len(places), payment_keys, (register, places, days, np.ones(len(places), np.int32))


_OF_TEXTS = {"parse": _parsing, "entry_number": _entry_numbers, "delimited": _scanning, "segments": _grouping}
_OF_TEXTS |= {"distinct": _repeating, "splitting": _splitting}
_OF_STORE = {"process": _mass, "interest": _interest, "consolidation": _cohorts}
_OF_STORE |= {"buckets": _cohorts, "packing": _cohorts, "cohorts": _cohorts, "parties": _parties, "payment_keys": _keys}


@pytest.mark.parametrize("kernel", sorted(public_kernels()))
def test_kernel(lots: Any, texts: Texts, measure: Callable[..., Any], kernel: str) -> None:
    """Rows a second of one kernel, one core, arrays in memory."""
    module, name = kernel.split(".")
    case = _OF_TEXTS[module](texts, name) if module in _OF_TEXTS else _OF_STORE[module](lots, name)
    rows, call, arguments = case
    measure(rows, call, *arguments)
