"""The rows of a store's partition as one flat Arrow table: its counts become keys, by `numpy.repeat`, in memory.

A store keeps no keys on its tariff rows, only counts. Other ways to give DuckDB keys: unnested ranges with a
positional join cost a little more, an ASOF join three times as much, a running sum gives lines but no entries. This way
suits every opponent, since all of them take Arrow.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.peers.inputs import ENTRY_TYPES, Piece, columns

LINE_FACTS = ("country_of_origin", "spi_code", "set_indicator", "ftz_status", "privileged_date")
QUANTITIES = tuple(f"{name}_{slot}{end}" for name, end in (("quantity", "_e2"), ("uom", "")) for slot in (1, 2, 3))
_WORDS = frozenset({*LINE_FACTS[:-1], "hts_number", "uom_1", "uom_2", "uom_3"})


def flat_rows(piece: Piece, threads: int = 2) -> pa.Table:
    """The rows of a partition with `entry`, `line`, `on_line`, `hts8`, `row` and the facts of their line.

    `row` counts the rows of the partition (quantities are found by it), `line` its lines; facts that the partition does
    not know are columns of nulls.
    """
    assert piece.lines is not None
    counts = _read(piece.entries, ("line_count",), threads)["line_count"].to_numpy()
    lines = _read(piece.lines, ("tariff_count", *LINE_FACTS), threads)
    tariffs = _read(piece.rows, ("ordinal", "hts_number", "value_dollars", "duty_cents"), threads)
    on_line = lines["tariff_count"].to_numpy()
    of_line = np.repeat(np.arange(len(on_line), dtype=np.int32), on_line)
    entry = np.repeat(np.arange(piece.first, piece.first + len(counts), dtype=np.int32), counts)
    places = pa.array(of_line)
    facts = {}
    for name in LINE_FACTS:
        if name in lines.column_names:
            facts[name] = _one(lines[name]).take(places)
        else:
            facts[name] = pa.nulls(len(of_line), pa.date32() if name == "privileged_date" else pa.string())
    return pa.table(
        {
            "entry": np.repeat(entry, on_line),
            "line": places,
            "ordinal": tariffs["ordinal"],
            "on_line": np.repeat(on_line, on_line),
            "hts8": _legal(_one(tariffs["hts_number"])),
            "value_dollars": tariffs["value_dollars"],
            "duty_cents": tariffs["duty_cents"],
            "row": np.arange(len(of_line), dtype=np.int32),
            **facts,
        }
    )


def numbered_entries(piece: Piece) -> pa.Table:
    """The entries of a partition with `entry`."""
    found = pq.read_table(piece.entries, columns=[name for name in ENTRY_TYPES if name in columns(piece.entries)])
    return found.append_column("entry", pa.array(np.arange(found.num_rows, dtype=np.int32) + np.int32(piece.first)))


def sparse_quantities(piece: Piece, threads: int = 2) -> pa.Table:
    """Quantities and units of the rows that have any, by `tariff`, the row of the partition."""
    path = piece.quantities
    if path is None:
        found = _read(piece.rows, QUANTITIES, threads)
        had = [name for name in QUANTITIES if name in found.column_names]
        known = np.zeros(found.num_rows, np.bool_)
        for name in had:
            known |= found[name].is_valid().to_numpy()
        places = pa.array(np.flatnonzero(known).astype(np.int32))
        found = found.take(places).append_column("tariff", places)
    else:
        found = _read(path, ("tariff", *QUANTITIES), threads)
    for name in QUANTITIES:
        if name not in found.column_names:
            kind = pa.string() if name.startswith("uom") else pa.int64()
            found = found.append_column(name, pa.nulls(found.num_rows, kind))
    return found


def _read(path: Path, names: tuple[str, ...], threads: int) -> pa.Table:
    """Those of the columns that the file has."""
    had = columns(path)
    wanted = [name for name in names if name in had]
    words = [name for name in wanted if name in _WORDS]
    return pq.read_table(path, columns=wanted, read_dictionary=words, use_threads=threads > 1)


def _one(values: pa.ChunkedArray) -> pa.Array:
    """One array; dictionaries of several chunks are made one."""
    if pa.types.is_dictionary(values.type):
        values = values.unify_dictionaries()
    return values.chunk(0) if values.num_chunks == 1 else pa.concat_arrays(values.chunks)


def _legal(numbers: pa.DictionaryArray) -> pa.Array:
    """The first eight digits as a whole number, worked out once for each word of the dictionary."""
    return pc.utf8_slice_codeunits(numbers.dictionary, 0, 8).cast(pa.int32()).take(numbers.indices)
