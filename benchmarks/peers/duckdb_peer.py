"""The job in DuckDB: plain SQL in `duckdb_peer.sql`, piece by piece, so that hash tables and memory stay small."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb

from benchmarks.peers import law as of
from benchmarks.peers.answer import Answer, tidy
from benchmarks.peers.inputs import ENTRY_TYPES, Input, Piece, columns, importers_table
from benchmarks.peers.sql import constants, filled, sections
from benchmarks.peers.store_rows import flat_rows, sparse_quantities

SQL = "duckdb_peer"


def run(given: Input, as_of: dt.date, accepted_on: dt.date, threads: int = 2) -> Answer:
    """Every entry and refund of an input.

    Args:
        given: the files.
        as_of: filing day.
        accepted_on: acceptance day.
        threads: threads DuckDB may use.
    """
    law = of.law(as_of, accepted_on)
    values, parts = constants(law), sections(SQL)
    connection = duckdb.connect(config={"threads": threads, "preserve_insertion_order": True})
    try:
        _law_tables(connection, law, given)
        connection.execute(parts["start"])
        for place, piece in enumerate(given.pieces):
            connection.execute(facts(piece, "CREATE TABLE facts AS" if place == 0 else "INSERT INTO facts"))
            odd = view_of_rows(connection, piece, threads)
            for section in ("sums", odd, "lines", "bundled", "oddities"):
                connection.execute(filled(parts[section], values))
        connection.execute(filled(parts["decisions"], values))
        pairs = connection.execute(parts["pairs"]).fetchall()
        connection.register("growth_in", of.growth(pairs))
        connection.execute(
            "CREATE TABLE growth AS SELECT * EXCLUDE (growth), CAST(growth AS HUGEINT) AS growth_e25 FROM growth_in"
        )
        connection.execute(parts["results"])
        entries = connection.sql(
            "SELECT accepted, principal AS principal_cents, interest AS interest_cents, day AS liquidation_date "
            "FROM entries ORDER BY e"
        )
        return tidy(entries.to_arrow_table(), connection.sql("FROM refunds").to_arrow_table())
    finally:
        connection.close()


def _law_tables(connection: Any, law: of.Law, given: Input) -> None:
    """The law and the importers as tables."""
    people = importers_table(given.importers)
    tables = {
        "number": (law.numbers, "hts8 AS h, * EXCLUDE (hts8)"),
        "rate": (law.rates, "hts8 AS h, * EXCLUDE (hts8)"),
        "ieepa_rate": (law.ieepa_rates, "hts8 AS h, * EXCLUDE (hts8)"),
        "owing": (law.owing, "hts8 AS h, * EXCLUDE (hts8)"),
        "calendar": (law.calendar, "*"),
        "people": (people, "key, spelling, importer_kind AS kind"),
    }
    for name, (table, chosen) in tables.items():
        connection.register("table_in", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT {chosen} FROM table_in")  # noqa: S608 - names of our own
    for name, codes in (("refused_type", law.refused_types), ("hold_code", law.hold_codes)):
        connection.execute(f"CREATE TABLE {name} AS SELECT unnest(?::VARCHAR[]) AS code", [list(codes)])
    connection.execute("CREATE MACRO plain_key(number) AS upper(replace(replace(number, '-', ''), ' ', ''))")


def selected(types: dict[str, str], had: frozenset[str]) -> str:
    """A list of columns; those that the file lacks are null."""
    return ", ".join(name if name in had else f"CAST(NULL AS {kind}) AS {name}" for name, kind in types.items())


def facts(piece: Piece, into: str) -> str:
    """The facts of the entries of a piece, numbered."""
    needed = {name: kind for name, kind in ENTRY_TYPES.items() if name not in ("entry_number", "line_count")}
    had = columns(piece.entries)
    key = "entry" if "entry" in had else f"CAST(file_row_number + {piece.first} AS INTEGER)"
    source = f"read_parquet('{piece.entries}', file_row_number = true)"
    return f"{into} SELECT {key} AS e, {selected(needed, had)} FROM {source}"  # noqa: S608 - names of our own


def view_of_rows(connection: Any, piece: Piece, threads: int) -> str:
    """The tariff rows of a piece as the view `numbers`; the section that gives the odd ones their quantities."""
    if piece.lines is None:
        connection.execute(filled(sections(SQL)["rows_best"], {"rows": str(piece.rows)}))
        return "odd_best"
    connection.register("store_rows", flat_rows(piece, threads))
    connection.register("store_quantities", sparse_quantities(piece, threads))
    connection.execute(sections(SQL)["rows_store"])
    return "odd_store"
