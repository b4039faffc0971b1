"""The job in DuckDB: the SQL of `job.sql`, piece by piece, so that hash tables and memory stay small."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb

from benchmarks.peers import law as of
from benchmarks.peers.answer import Answer, tidy
from benchmarks.peers.inputs import Input, Piece, importers_table
from benchmarks.peers.sql import constants, facts, rows, statements
from benchmarks.peers.store_rows import flat_rows, sparse_quantities

DAY = "CAST({} - DATE '1970-01-01' AS INTEGER)"
WORDS = {
    "div": "//",
    "wide": "HUGEINT",
    "cents_of_e11": "(amount + 500000000) // 1000000000",
    "cents_of_e13": "(amount + 50000000000) // 100000000000",
    "grown": "CAST((CAST(principal AS HUGEINT) * g.growth_e25 + 5000000000000000000000000)"
    " // 10000000000000000000000000 AS BIGINT)",
}


def run(given: Input, as_of: dt.date, accepted_on: dt.date, threads: int = 2) -> Answer:
    """Every entry and refund of an input.

    Args:
        given: the files.
        as_of: filing day.
        accepted_on: acceptance day.
        threads: threads DuckDB may use.
    """
    law = of.law(as_of, accepted_on)
    values = constants(law) | WORDS
    connection = duckdb.connect(config={"threads": threads})
    try:
        _law_tables(connection, law, given)
        for place, piece in enumerate(given.pieces):
            values |= {"into": "INSERT INTO", "as": ""} if place else {"into": "CREATE TABLE", "as": " AS"}
            _piece(connection, piece, values, threads)
        _execute(connection, "decisions", values)
        pairs = connection.execute(statements("pairs", values)[0]).fetchall()
        connection.register("growth_in", of.growth(pairs))
        connection.execute(
            "CREATE TABLE growth AS SELECT * EXCLUDE (growth), CAST(growth AS HUGEINT) AS growth_e25 FROM growth_in"
        )
        _execute(connection, "results", values)
        entries = connection.sql(
            "SELECT accepted, principal AS principal_cents, interest AS interest_cents, day AS liquidation_date "
            "FROM entries ORDER BY e"
        )
        return tidy(entries.to_arrow_table(), connection.sql("FROM refunds").to_arrow_table())
    finally:
        connection.close()


def _execute(connection: Any, section: str, values: dict[str, str]) -> None:
    for statement in statements(section, values):
        connection.execute(statement)


def _law_tables(connection: Any, law: of.Law, given: Input) -> None:
    """The law and the importers as tables."""
    for name, table in (*of.plain_tables(law).items(), ("people", importers_table(given.importers))):
        connection.register("table_in", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM table_in")  # noqa: S608 - names of our own


def _piece(connection: Any, piece: Piece, values: dict[str, str], threads: int) -> None:
    """Facts, sums and odd lines of a piece."""
    key = "entry" if piece.lines is None else f"CAST(file_row_number + {piece.first} AS INTEGER)"
    query = facts(piece, f"read_parquet('{piece.entries}', file_row_number = true)", key, DAY)
    connection.execute(f"CREATE OR REPLACE TABLE piece_facts AS {query}")
    source = f"read_parquet('{piece.rows}')"
    if piece.lines is not None:
        connection.register("store_rows", flat_rows(piece, threads))
        connection.register("store_quantities", sparse_quantities(piece, threads))
        source = "store_rows"
    connection.execute(f"CREATE OR REPLACE VIEW numbers AS {rows(piece, source, DAY)}")
    odd = "odd_best" if piece.lines is None else "odd_store"
    for section in ("facts", "sums", odd, "lines", "bundled", "oddities"):
        _execute(connection, section, values)
