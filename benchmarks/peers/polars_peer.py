"""The job in Polars: lazy frames, collected by the streaming engine, piece by piece."""

from __future__ import annotations

import datetime as dt

import polars as pl

from benchmarks.peers import law as of
from benchmarks.peers.answer import Answer, tidy
from benchmarks.peers.inputs import ENTRY_TYPES, Input, Piece, importers_table
from benchmarks.peers.polars_entries import decide, refunds
from benchmarks.peers.polars_lines import column_one, line_facts, oddities
from benchmarks.peers.store_rows import flat_rows, numbered_entries, sparse_quantities

KINDS: dict[str, pl.DataType] = {
    "VARCHAR": pl.String(),
    "BIGINT": pl.Int64(),
    "INTEGER": pl.Int32(),
    "DATE": pl.Int32(),
    "BOOLEAN": pl.Boolean(),
}


def run(given: Input, as_of: dt.date, accepted_on: dt.date, threads: int = 2) -> Answer:
    """Every entry and refund of an input.

    Args:
        given: the files.
        as_of: filing day.
        accepted_on: acceptance day.
        threads: told to readers; Polars itself reads POLARS_MAX_THREADS when it is imported.
    """
    law = of.law(as_of, accepted_on)
    tables = {name: _frame(table) for name, table in of.plain_tables(law).items()}
    people = _frame(importers_table(given.importers))
    parts = [_piece(piece, tables, threads) for piece in given.pieces]
    facts, sums, odd = (pl.concat([part[place] for part in parts]) for place in range(3))
    decided = decide(facts, sums, odd, people, law, tables["calendar"])
    entries, paid = refunds(decided, people)
    return tidy(entries.to_arrow(), paid.to_arrow())


def _frame(table: object) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def _facts(piece: Piece) -> pl.DataFrame:
    """The facts of the entries, days as numbers; columns that the file lacks are null."""
    found = pl.scan_parquet(piece.entries) if piece.lines is None else _frame(numbered_entries(piece)).lazy()
    had = found.collect_schema().names()
    year = [("entry_date", "year_after_entry"), ("last_withdrawal_date", "year_after_withdrawal")]
    return found.select(
        pl.col("entry").alias("e"),
        *(
            pl.col(name).cast(KINDS[kind]) if name in had else pl.lit(None, KINDS[kind]).alias(name)
            for name, kind in ENTRY_TYPES.items()
            if name not in ("entry_number", "line_count")
        ),
        *(
            pl.col(name).dt.offset_by("1y").cast(pl.Int32).alias(title)
            if name in had
            else pl.lit(None, pl.Int32).alias(title)
            for name, title in year
        ),
    ).collect()


def _rows(piece: Piece, threads: int) -> pl.LazyFrame:
    """The tariff rows under short names."""
    found = pl.scan_parquet(piece.rows) if piece.lines is None else _frame(flat_rows(piece, threads)).lazy()
    more = ["row"]
    if piece.lines is None:
        more = [f"{name}_{slot}{end}" for slot in (1, 2, 3) for name, end in (("quantity", "_e2"), ("uom", ""))]
    return found.select(
        pl.col("entry").alias("e"),
        pl.col("line").alias("l"),
        pl.col("ordinal").cast(pl.Int16).alias("o"),
        pl.col("on_line").cast(pl.Int16).alias("n"),
        pl.col("hts8").alias("h"),
        pl.col("value_dollars").cast(pl.Int64).fill_null(0).alias("v"),
        pl.col("duty_cents").cast(pl.Int64).alias("d"),
        pl.col("country_of_origin").alias("origin"),
        pl.col("spi_code").alias("spi"),
        pl.col("set_indicator").alias("set_mark"),
        "ftz_status",
        pl.col("privileged_date").cast(pl.Int32),
        *more,
    )


def _marked(rows: pl.LazyFrame, numbers: pl.DataFrame) -> pl.LazyFrame:
    """The rows with what the law says of their number."""
    return rows.join(numbers.lazy(), on="h", how="left").with_columns(
        pl.col("cls").fill_null(0),
        pl.col("marks").fill_null(0),
        is_base=pl.col("h") < 98_000_000,
        is98=(pl.col("h") >= 98_000_000) & (pl.col("h") < 99_000_000),
        is99=pl.col("h") >= 99_000_000,
    )


def _has_programme() -> pl.Expr:
    return pl.col("spi").is_not_null() & (pl.col("spi") != "")


def _odd_row() -> pl.Expr:
    """Whether a row shows that its line has to be looked at as a whole."""
    owes = (pl.col("d") == 0) & ((pl.col("marks") & of.CAN_OWE) > 0) & ~(_has_programme() & pl.col("is_base"))
    metal = (
        pl.col("is_base") & ((pl.col("marks") & of.METAL) > 0) & pl.col("origin").cast(pl.String).is_in(["CA", "MX"])
    )
    return (
        (pl.col("is_base") != (pl.col("o") == pl.col("n")))
        | (pl.col("is98") & (pl.col("o") > 1))
        | (pl.col("is_base") & (pl.col("v") == 0))
        | ((pl.col("cls") > 0) & (pl.col("v") > 0))
        | (pl.col("cls") == of.REPLACEMENT)
        | pl.col("privileged_date").is_not_null()
        | owes
        | metal.fill_null(value=False)
    )


def _sums(marked: pl.LazyFrame) -> pl.LazyFrame:
    """What every entry adds up to."""
    stays = (pl.col("cls") == 0) & pl.col("privileged_date").is_null()
    block = pl.col("h") // 100
    return marked.group_by("e").agg(
        filed=pl.col("d").sum(),
        removed=pl.when(pl.col("cls") > 0).then("d").otherwise(0).sum(),
        charging=pl.col("cls").is_in([of.ADDITIONAL, of.REPLACEMENT]).any(),
        section_122=(block == 990303).any(),
        never_existed=((pl.col("cls") == 0) & ((block == 990301) | (block == 990302))).any(),
        first_day=pl.when(stays).then("first_day").max(),
        last_day=pl.when(stays).then("last_day").min(),
    )


def _piece(
    piece: Piece, tables: dict[str, pl.DataFrame], threads: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Facts, sums and oddities of the entries of a piece."""
    facts = _facts(piece)
    given = _rows(piece, threads)
    marked = _marked(given, tables["number"])
    odd_lines = marked.filter(_odd_row()).select("l").unique()
    # Collected together, so that both share one pass over the rows and one join.
    sums, lines = pl.collect_all([_sums(marked), odd_lines], engine="streaming")
    # A plain test of membership goes down into the reader, which a semi join does not.
    chosen = given.filter(pl.col("l").is_in(lines["l"].implode()))
    rows = _marked(chosen, tables["number"]).collect(engine="streaming")
    if piece.lines is not None:
        places = rows.filter(pl.col("is_base") & ((pl.col("marks") & of.SPECIFIC) > 0)).select("row")
        quantities = _frame(sparse_quantities(piece, threads)).join(
            places, left_on="tariff", right_on="row", how="semi"
        )
        rows = rows.join(quantities, left_on="row", right_on="tariff", how="left")
    rows = rows.with_columns(
        pl.col("origin", "spi", "set_mark", "ftz_status", "uom_1", "uom_2", "uom_3").cast(pl.String)
    )
    by_line = line_facts(rows, facts)
    return facts, sums, oddities(rows, by_line, column_one(rows, by_line, tables["rate"]), tables)
