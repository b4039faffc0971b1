"""The job in pandas: whole columns, groupby and merge, piece by piece; one thread, as pandas has it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers import law as of
from benchmarks.peers.answer import Answer, tidy
from benchmarks.peers.inputs import ENTRY_TYPES, Input, Piece, importers_table
from benchmarks.peers.pandas_entries import decide, refunds
from benchmarks.peers.pandas_lines import column_one, line_facts, oddities
from benchmarks.peers.store_rows import flat_rows, numbered_entries, sparse_quantities

ROWS = {
    "entry": "e",
    "line": "l",
    "ordinal": "o",
    "on_line": "n",
    "hts8": "h",
    "value_dollars": "v",
    "duty_cents": "d",
    "country_of_origin": "origin",
    "spi_code": "spi",
    "set_indicator": "set_mark",
    "ftz_status": "ftz_status",
    "privileged_date": "privileged_date",
}
SLOTS = tuple(f"{name}_{slot}{end}" for slot in (1, 2, 3) for name, end in (("quantity", "_e2"), ("uom", "")))


def run(given: Input, as_of: dt.date, accepted_on: dt.date, threads: int = 2) -> Answer:
    """Every entry and refund of an input.

    Args:
        given: the files.
        as_of: filing day.
        accepted_on: acceptance day.
        threads: threads of the Parquet reader; the rest runs in one.
    """
    law = of.law(as_of, accepted_on)
    tables = {name: table.to_pandas() for name, table in of.plain_tables(law).items()}
    people = importers_table(given.importers).to_pandas()
    parts = [_piece(piece, tables, threads) for piece in given.pieces]
    facts, sums, odd = (pd.concat([part[place] for part in parts]) for place in range(3))
    decided = decide(facts, sums, odd, people, law, tables["calendar"])
    entries, paid = refunds(decided, people)
    return tidy(pa.Table.from_pandas(entries), pa.Table.from_pandas(paid))


def _frame(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame: words as categories, days as numbers, missing days as NaN."""
    for place, field in enumerate(table.schema):
        values = table.column(place)
        if pa.types.is_date(field.type):
            values = values.cast(pa.int32()).cast(pa.float64())
        elif pa.types.is_string(field.type):
            values = values.dictionary_encode()
        table = table.set_column(place, field.name, values)
    frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
    return frame


def _facts(piece: Piece) -> pd.DataFrame:
    """The facts of the entries by `entry`; columns that the file lacks are missing values."""
    found = pq.read_table(piece.entries) if piece.lines is None else numbered_entries(piece)
    wanted = [name for name in ENTRY_TYPES if name not in ("entry_number", "line_count")]
    had = [name for name in wanted if name in found.column_names]
    plain = _frame(found.select(["entry", *had])).set_index("entry")
    for name, title in (("entry_date", "year_after_entry"), ("last_withdrawal_date", "year_after_withdrawal")):
        if name in had:
            days = pd.Series(found[name].to_numpy(), index=plain.index)
            plain[title] = _day_numbers(pd.to_datetime(days) + pd.DateOffset(years=1))
    return plain.reindex(columns=[*wanted, "year_after_entry", "year_after_withdrawal"])


def _day_numbers(days: pd.Series) -> pd.Series:
    since = days - pd.Timestamp(0)
    return since.dt.days.astype(float)


def _marked(rows: pd.DataFrame, numbers: pd.DataFrame) -> pd.DataFrame:
    """The rows with what the law says of their number."""
    places = pd.Index(numbers["h"]).get_indexer(pd.Index(rows["h"]))
    known = places >= 0
    for name, missing in (("cls", 0), ("marks", 0), ("first_day", -(2**31)), ("last_day", 2**31 - 1)):
        rows[name] = np.where(known, numbers[name].to_numpy()[places], missing)
    rows["is_base"] = rows["h"] < 98_000_000
    rows["is98"] = ~rows["is_base"] & (rows["h"] < 99_000_000)
    rows["is99"] = rows["h"] >= 99_000_000
    return rows


def _odd_row(rows: pd.DataFrame) -> pd.Series:
    """Whether a row shows that its line has to be looked at as a whole."""
    base, marks = rows["is_base"], rows["marks"]
    has_programme = rows["spi"].notna() & (rows["spi"] != "")
    owes = (rows["d"] == 0) & ((marks & of.CAN_OWE) > 0) & ~(has_programme & base)
    metal = base & ((marks & of.METAL) > 0) & rows["origin"].isin(["CA", "MX"])
    odd: pd.Series = (
        (base != (rows["o"] == rows["n"]))
        | (rows["is98"] & (rows["o"] > 1))
        | (base & (rows["v"] == 0))
        | ((rows["cls"] > 0) & (rows["v"] > 0))
        | (rows["cls"] == of.REPLACEMENT)
        | rows["privileged_date"].notna()
        | owes
        | metal
    )
    return odd


def _sums(rows: pd.DataFrame) -> pd.DataFrame:
    """What every entry adds up to."""
    ieepa, block = rows["cls"] > 0, rows["h"] // 100
    stays = ~ieepa & rows["privileged_date"].isna()
    columns = pd.DataFrame(
        {
            "filed": rows["d"],
            "removed": rows["d"].where(ieepa, 0),
            "charging": ieepa & (rows["cls"] < of.EXEMPT),
            "section_122": block == 990303,
            "never_existed": ~ieepa & ((block == 990301) | (block == 990302)),
            "first_day": rows["first_day"].where(stays, -(2**31)),
            "last_day": rows["last_day"].where(stays, 2**31 - 1),
        }
    )
    kinds = dict.fromkeys(map(str, columns), "max") | {"filed": "sum", "removed": "sum", "last_day": "min"}
    return columns.groupby(rows["e"], sort=False).agg(kinds)


def _piece(
    piece: Piece, tables: dict[str, pd.DataFrame], threads: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Facts, sums and oddities of the entries of a piece."""
    facts = _facts(piece)
    slots: tuple[str, ...] = ()
    if piece.lines is None:
        given, slots = pq.read_table(piece.rows, columns=[*ROWS, *SLOTS], use_threads=threads > 1), SLOTS
    else:
        given, slots = flat_rows(piece, threads), ("row",)
    rows = _marked(_frame(given.select(list(ROWS)).rename_columns(list(ROWS.values()))), tables["number"])
    rows["v"] = rows["v"].fillna(0).astype(np.int64)
    rows["d"] = rows["d"].astype(np.int64)
    sums = _sums(rows)
    # Lines are numbered, so that a table of yes and no by line replaces a join.
    first = int(rows["l"].iloc[0]) if len(rows) else 0
    is_odd = np.zeros(int(rows["l"].iloc[-1]) - first + 1 if len(rows) else 0, np.bool_)
    is_odd[rows["l"].to_numpy()[_odd_row(rows).to_numpy()] - first] = True
    places = np.flatnonzero(is_odd[rows["l"].to_numpy() - first])
    odd = rows.iloc[places].reset_index(drop=True)
    odd = pd.concat([odd, _frame(given.select(list(slots)).take(pa.array(places)))], axis=1)
    if piece.lines is not None:
        quantities = _frame(sparse_quantities(piece, threads))
        odd = odd.merge(quantities, left_on="row", right_on="tariff", how="left")
    by_line = line_facts(odd, facts)
    return facts, sums, oddities(odd, by_line, column_one(odd, by_line, tables["rate"]), tables)
