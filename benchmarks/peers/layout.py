"""From a store, the layout that users of the opponents would choose: flat tariff rows with integer keys, and entries.

Run as `python -m benchmarks.peers.layout STORE FOLDER`. Streamed: one partition in memory at a time.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.peers.inputs import ENTRY_TYPES, LINE_TYPES, ROW_TYPES, Input, Piece, open_best, open_store

ROW_GROUP = 1_000_000
FILE_ROWS = 8_000_000
ARROW = {
    "VARCHAR": pa.dictionary(pa.int32(), pa.string()),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "SMALLINT": pa.int16(),
    "DATE": pa.date32(),
    "BOOLEAN": pa.bool_(),
}
LINE_FACTS = ("country_of_origin", "spi_code", "set_indicator", "ftz_status", "privileged_date")


def write_layout(store: Path, folder: Path, importers: Path | None = None) -> Input:
    """Write the layout of a store into a new folder and open it.

    Rows: `entry` and `line` (counted over everything), `line_number`, `ordinal`, `on_line` (numbers on the line),
    `hts8` (the legal number), `suffix` (statistical digits, -1 without), value, duty, facts of the line, quantities and
    units; sorted; files of whole entries. `on_line` spares the opponents most work by line: it shows the last row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = open_store(store, importers)
    pieces: list[dict[str, Any]] = []
    waiting: list[tuple[Piece, pa.Table]] = []
    lines = total = 0
    for piece in source.pieces:
        table, count = _rows(piece, lines)
        lines, total = lines + count, total + table.num_rows
        waiting.append((piece, table))
        if sum(part.num_rows for _, part in waiting) >= FILE_ROWS:
            pieces.append(_write(folder, len(pieces), waiting))
            waiting = []
    if waiting:
        pieces.append(_write(folder, len(pieces), waiting))
    (folder / "layout.json").write_text(json.dumps({"rows": total, "pieces": pieces}, indent=1), encoding="utf-8")
    return open_best(folder, importers)


def _write(folder: Path, place: int, parts: list[tuple[Piece, pa.Table]]) -> dict[str, Any]:
    """One file of rows and one of entries."""
    first = parts[0][0].first
    names = {"entries": f"entries-{place:05}.parquet", "rows": f"rows-{place:05}.parquet"}
    rows = pa.concat_tables([table for _, table in parts]).unify_dictionaries()
    words = [field.name for field in rows.schema if pa.types.is_dictionary(field.type)]
    pq.write_table(
        rows,
        folder / names["rows"],
        row_group_size=ROW_GROUP,
        compression="lz4",
        use_dictionary=[*words, "hts8"],
    )
    entries = pa.concat_tables([_entries(piece) for piece, _ in parts]).unify_dictionaries()
    keys = pa.array(np.arange(first, first + entries.num_rows, dtype=np.int32))
    pq.write_table(entries.add_column(0, "entry", keys), folder / names["entries"], compression="lz4")
    return {"first": first, **names}


def _read(path: Path, types: dict[str, str]) -> pa.Table:
    """Columns of a file; those it lacks are null."""
    with pq.ParquetFile(path) as file:
        had = file.schema_arrow.names
        found = file.read(columns=[name for name in types if name in had])
    columns = {
        name: found[name].cast(ARROW[kind]) if name in had else _nulls(found.num_rows, ARROW[kind])
        for name, kind in types.items()
    }
    return pa.table(columns)


def _nulls(count: int, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(pa.nulls(count, pa.int32()), pa.array([], pa.string()))
    return pa.nulls(count, kind)


def _entries(piece: Piece) -> pa.Table:
    found = _read(piece.entries, ENTRY_TYPES)
    place = found.column_names.index("entry_number")
    return found.set_column(place, "entry_number", found["entry_number"].cast(pa.string()))


def _rows(piece: Piece, first_line: int) -> tuple[pa.Table, int]:
    """The flat rows of one partition, and how many lines they are on."""
    assert piece.lines is not None
    lines, tariffs = _read(piece.lines, LINE_TYPES), _read(piece.rows, ROW_TYPES)
    if piece.quantities is not None:
        tariffs = _with_quantities(tariffs, piece.quantities)
    counts = _read(piece.entries, {"line_count": "INTEGER"})["line_count"].to_numpy()
    counts_on_line = lines["tariff_count"].to_numpy()
    of_line = np.repeat(np.arange(lines.num_rows, dtype=np.int32), counts_on_line)
    entry = np.repeat(np.arange(piece.first, piece.first + len(counts), dtype=np.int32), counts)
    facts = lines.select(["line_number", *LINE_FACTS]).combine_chunks().take(pa.array(of_line))
    number = tariffs["hts_number"].combine_chunks()
    number = number.chunk(0) if isinstance(number, pa.ChunkedArray) else number
    words = number.dictionary
    legal = pc.utf8_slice_codeunits(words, 0, 8).cast(pa.int32()).take(number.indices)
    rest = pc.utf8_slice_codeunits(words, 8, 10)
    suffix = pc.if_else(pc.equal(rest, ""), "-1", rest).cast(pa.int8()).take(number.indices)
    table = pa.table(
        {
            "entry": pa.array(entry[of_line]),
            "line": pa.array(of_line + np.int32(first_line)),
            "line_number": facts["line_number"],
            "ordinal": tariffs["ordinal"],
            "on_line": pa.array(np.repeat(counts_on_line, counts_on_line)),
            "hts8": legal,
            "suffix": suffix,
            "value_dollars": tariffs["value_dollars"],
            "duty_cents": tariffs["duty_cents"],
            **{name: facts[name] for name in LINE_FACTS},
            **{name: tariffs[name] for name in ROW_TYPES if name.startswith(("quantity", "uom"))},
        }
    )
    return table, lines.num_rows


def _with_quantities(tariffs: pa.Table, path: Path) -> pa.Table:
    """Quantities that stand in a file of their own, spread over all rows."""
    types = {name: kind for name, kind in ROW_TYPES.items() if name.startswith(("quantity", "uom"))}
    sparse = _read(path, {"tariff": "INTEGER", **types})
    index = np.zeros(tariffs.num_rows, np.int64)
    known = np.zeros(tariffs.num_rows, np.bool_)
    at = sparse["tariff"].to_numpy()
    index[at] = np.arange(len(at))
    known[at] = True
    places = pa.array(index, mask=~known)
    for name in types:
        tariffs = tariffs.set_column(tariffs.column_names.index(name), name, sparse[name].combine_chunks().take(places))
    return tariffs


def main() -> None:
    """Command line: a store and the folder to write to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    found = write_layout(given.store, given.folder)
    print(f"{found.rows:,} rows in {len(found.pieces)} files")


if __name__ == "__main__":
    main()
