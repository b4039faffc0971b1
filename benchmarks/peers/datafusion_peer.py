"""The job in DataFusion: the SQL of `job.sql`, piece by piece."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from datafusion import SessionConfig, SessionContext

from benchmarks.peers import law as of
from benchmarks.peers.answer import Answer, tidy
from benchmarks.peers.inputs import Input, Piece, importers_table
from benchmarks.peers.sql import constants, facts, rows, statements
from benchmarks.peers.store_rows import flat_rows, numbered_entries, sparse_quantities

DAY = "CAST({} AS INTEGER)"
WORDS = {
    "div": "/",
    "wide": "DECIMAL(38, 0)",
    # A cast to fewer decimals rounds half up.
    "cents_of_e11": "CAST(CAST(amount * CAST(0.000000001 AS DECIMAL(9, 9)) AS DECIMAL(38, 0)) AS BIGINT)",
    "cents_of_e13": "CAST(CAST(amount * CAST(0.00000000001 AS DECIMAL(11, 11)) AS DECIMAL(38, 0)) AS BIGINT)",
    "grown": "CAST(CAST(CAST(principal AS DECIMAL(13, 0)) * g.growth AS DECIMAL(38, 0)) AS BIGINT)",
}


def run(given: Input, as_of: dt.date, accepted_on: dt.date, threads: int = 2) -> Answer:
    """Every entry and refund of an input.

    Args:
        given: the files.
        as_of: filing day.
        accepted_on: acceptance day.
        threads: partitions that DataFusion works on side by side.
    """
    law = of.law(as_of, accepted_on)
    values = constants(law) | WORDS
    context = SessionContext(
        SessionConfig({"datafusion.execution.parquet.pushdown_filters": "true"}).with_target_partitions(threads)
    )
    for name, table in (*of.plain_tables(law).items(), ("people", importers_table(given.importers))):
        _register(context, name, table)
    for place, piece in enumerate(given.pieces):
        values |= {"into": "INSERT INTO", "as": ""} if place else {"into": "CREATE TABLE", "as": " AS"}
        _piece(context, piece, values, threads)
    _execute(context, "decisions", values)
    pairs = context.sql(statements("pairs", values)[0]).to_arrow_table()
    growth = of.growth(zip(*(pairs.column(place).to_pylist() for place in range(3)), strict=True))
    digits = growth["growth"].cast(pa.decimal128(25, 0)).combine_chunks()
    scaled = pa.chunked_array([chunk.view(pa.decimal128(25, 25)) for chunk in pa.chunked_array(digits).chunks])
    _register(context, "growth", growth.set_column(3, "growth", scaled))
    _execute(context, "results", values)
    entries = context.sql(
        "SELECT accepted, principal AS principal_cents, interest AS interest_cents, day AS liquidation_date "
        "FROM entries ORDER BY e"
    )
    return tidy(entries.to_arrow_table(), context.table("refunds").to_arrow_table())


def _execute(context: Any, section: str, values: dict[str, str]) -> None:
    for statement in statements(section, values):
        context.sql(statement).collect()


def _register(context: Any, name: str, table: pa.Table, parts: int = 1) -> None:
    """An Arrow table as a table, in so many parts."""
    if context.table_exist(name):
        context.deregister_table(name)
    size = max(-(-table.num_rows // parts), 1)
    batches = [table.slice(first, size).to_batches(max_chunksize=1 << 16) for first in range(0, table.num_rows, size)]
    context.register_record_batches(name, batches or [pa.RecordBatch.from_pylist([], schema=table.schema)])


def _piece(context: Any, piece: Piece, values: dict[str, str], threads: int) -> None:
    """Facts, sums and odd lines of a piece."""
    if piece.lines is None:
        for name, path in (("entry_file", piece.entries), ("row_file", piece.rows)):
            if context.table_exist(name):
                context.deregister_table(name)
            context.register_parquet(name, str(path))
        query, source = facts(piece, "entry_file", "entry", DAY), "row_file"
    else:
        _register(context, "store_rows", flat_rows(piece, threads), threads)
        _register(context, "store_quantities", sparse_quantities(piece, threads), threads)
        _register(context, "store_entries", numbered_entries(piece), threads)
        query, source = facts(piece, "store_entries", "entry", DAY), "store_rows"
    context.sql(f"CREATE OR REPLACE TABLE piece_facts AS {query}").collect()
    context.sql(f"CREATE OR REPLACE VIEW numbers AS {rows(piece, source, DAY)}").collect()
    odd = "odd_best" if piece.lines is None else "odd_store"
    for section in ("facts", "sums", odd, "lines", "bundled", "oddities"):
        _execute(context, section, values)
