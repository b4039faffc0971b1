"""Columns of a large SQLite table without a Python object a cell: SQLite puts them together, Arrow reads them."""

from __future__ import annotations

import sqlite3

import pyarrow as pa
import pyarrow.csv as pacsv

_AT_ONCE = 1 << 22
"""Rows of one text: far below what SQLite allows a text to be."""
_NULL = "\x1e"


def whole_table(connection: sqlite3.Connection, table: str, schema: pa.Schema) -> pa.Table:
    """Some columns of every row of a table, in no order.

    Args:
        connection: inside a transaction.
        table: with row numbers (not CLUSTERED).
        schema: the columns, whole numbers and text.
    """
    last = int(connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0)  # noqa: S608 - our own name
    parts = [_part(connection, table, schema, low) for low in range(0, last, _AT_ONCE)]
    return pa.concat_tables([schema.empty_table(), *parts])


def _part(connection: sqlite3.Connection, table: str, schema: pa.Schema, low: int) -> pa.Table:
    """Rows after one number, up to so many later."""
    put = ", ".join(f"group_concat(coalesce({name}, char(30)), char(10))" for name in schema.names)
    where = f"FROM {table} WHERE rowid > {low} AND rowid <= {low + _AT_ONCE}"
    texts = connection.execute(f"SELECT count(*), {put} {where}").fetchone()
    if not texts[0]:
        return schema.empty_table()
    try:
        columns = [_column(text, field) for text, field in zip(texts[1:], schema, strict=True)]
    except pa.ArrowInvalid:
        columns = []
    if [len(column) for column in columns] != [texts[0]] * len(schema):  # a text holds a line feed itself
        rows = connection.execute(f"SELECT {', '.join(schema.names)} {where}").fetchall()
        columns = [pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), schema, strict=True)]
    return pa.table(columns, schema=schema)


def _column(text: str, field: pa.Field) -> pa.ChunkedArray:
    """Cells that stand on a line each."""
    read = pacsv.ReadOptions(column_names=[field.name], block_size=1 << 24)
    parse = pacsv.ParseOptions(delimiter="\x1f", quote_char=False, ignore_empty_lines=False)
    convert = pacsv.ConvertOptions(
        column_types={field.name: field.type},
        null_values=[_NULL],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    return pacsv.read_csv(pa.BufferReader(text.encode()), read, parse, convert).column(0)
