"""Rows of the life of payments: enrolments, debts, offsets, events, sendings and notices, into their tables and out."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import UsageError
from cape_engine.ledger import tables
from cape_engine.ledger.blobs import digest_of, packed_table, unpacked_table
from cape_engine.ledger.chain import Cell, Row
from cape_engine.ledger.database import Database
from cape_engine.ledger.life_rows import shaped
from cape_engine.ledger.writing import Writer, plain
from cape_engine.schema import payments as columns

SENDING = "payments"
"""What a sending is called among the registered results."""
_AT_ONCE = 1 << 17
"""Payments of one cell at most: some megabytes."""
_TEXT = pa.string()
EVENTS_SCHEMA = pa.schema(
    [pa.field("state", pa.int8()), pa.field("on_day", pa.date32()), *columns.PAYMENT_EVENTS_SCHEMA]
)
"""Events as they are read: code of the state (place in `PAYMENT_STATES`), day, and what the cell holds."""


def _parts(rows: pa.Table) -> list[pa.Table]:
    """Rows in cells of a bearable size."""
    return [rows.slice(start, _AT_ONCE) for start in range(0, rows.num_rows, _AT_ONCE)]


def record_enrolments(writer: Writer, rows: pa.Table, source: str, on_day: dt.date) -> None:
    """Who is enrolled since when."""
    number = writer.next("enrolments", "enrolment")
    writer.note_time(on_day)
    for part in _parts(shaped(rows, columns.ENROLMENTS_SCHEMA)):
        row = (number, writer.link, on_day.isoformat(), plain(source), part.num_rows, digest_of(part))
        writer.add_packed("enrolments", [row], [packed_table(part)])
        number += 1


def every_enrolment(database: Database) -> pa.Table:
    """All enrolments, in the order in which they were recorded."""
    found = [columns.ENROLMENTS_SCHEMA.empty_table()]
    for (content,) in database.rows("SELECT content FROM enrolments ORDER BY enrolment"):
        found.append(unpacked_table(content, columns.ENROLMENTS_SCHEMA))
    return pa.concat_tables(found).combine_chunks()


def enrolments(database: Database, until: dt.date | None) -> pa.Table:
    """The latest enrolment of each recipient that holds on a day, sorted by recipient."""
    whole = every_enrolment(database)
    if until is not None:
        whole = whole.filter(pc.less_equal(whole.column(columns.SINCE_DATE), pa.scalar(until)))
    keys = whole.column(columns.RECIPIENT_KEY).combine_chunks()
    codes = keys.dictionary_encode().indices.to_numpy()
    _, last = np.unique(codes[::-1], return_index=True)
    return whole.take(pa.array(len(codes) - 1 - last)).sort_by(columns.RECIPIENT_KEY)


def _simple(writer: Writer, table: str, rows: Sequence[Row], on_day: dt.date) -> None:
    """Rows that stand singly."""
    if rows:
        writer.note_time(on_day)
        writer.add(table, rows)


def _columns(rows: pa.Table) -> list[tuple[Cell, ...]]:
    """Rows of a small table as tuples, days as ISO text."""
    plain_ = [column.cast(_TEXT) if pa.types.is_date32(column.type) else column for column in rows.columns]
    return list(zip(*(column.to_pylist() for column in plain_), strict=True))


def record_debts(writer: Writer, rows: pa.Table, on_day: dt.date) -> None:
    """Debts that are new."""
    made = [(debt, writer.link, *rest) for debt, *rest in _columns(shaped(rows, columns.DEBTS_SCHEMA))]
    _simple(writer, "debts", made, on_day)


def debts(database: Database) -> pa.Table:
    """All debts, sorted by identity."""
    raw = pa.schema([(str(c), pa.int64() if c.type == pa.int64() else _TEXT) for c in columns.DEBTS])
    listed = "debt, recipient, creditor, debt_order, amount_cents, on_day, source, source_row"
    sql = f"SELECT {listed} FROM debts ORDER BY debt"  # noqa: S608 - our own words
    return database.table(sql, raw).cast(columns.DEBTS_SCHEMA)


def record_offsets(writer: Writer, rows: pa.Table, on_day: dt.date) -> None:
    """What was taken for debts."""
    made = [
        (debt, refund, writer.link, *rest) for debt, refund, *rest in _columns(shaped(rows, columns.OFFSETS_SCHEMA))
    ]
    _simple(writer, "offsets", made, on_day)


def offsets(database: Database) -> pa.Table:
    """What was taken, sorted by debt and refund."""
    raw = pa.schema([(str(c), pa.int64() if c.type == pa.int64() else _TEXT) for c in columns.OFFSETS])
    sql = "SELECT debt, refund, on_day, amount_cents FROM offsets ORDER BY debt, refund"
    return database.table(sql, raw).cast(columns.OFFSETS_SCHEMA)


def record_parts(writer: Writer, rows: pa.Table, on_day: dt.date) -> None:
    """Payments that take the place of others, or of none."""
    listed = shaped(rows, columns.PARTS_KEPT_SCHEMA)
    made = [(key, writer.link, *rest, None, replaces) for key, *rest, replaces in _columns(listed)]
    _simple(writer, "payments", made, on_day)


def parts(database: Database) -> pa.Table:
    """All payments with what they replace, sorted by key."""
    raw = pa.schema([(str(c), pa.int64() if c.type == pa.int64() else _TEXT) for c in columns.PARTS_KEPT])
    return database.whole("payments", raw).sort_by("payment")


def record_events(writer: Writer, state: str, rows: pa.Table, source: str, on_day: dt.date) -> None:
    """Payments that came to a state.

    Raises:
        UsageError: there is no such state of a payment.
    """
    if state not in columns.PAYMENT_STATES[1:]:
        raise UsageError(f"{state!r} is not a state of a payment; the states are {', '.join(columns.PAYMENT_STATES)}")
    number = writer.next("payment_events", "event")
    writer.note_time(on_day)
    for part in _parts(shaped(rows, columns.PAYMENT_EVENTS_SCHEMA)):
        cents = int(pc.sum(part.column("amount_cents")).as_py())
        about = (on_day.isoformat(), state, plain(source), part.num_rows, cents, digest_of(part))
        writer.add_packed("payment_events", [(number, writer.link, *about)], [packed_table(part)])
        number += 1


def events(database: Database, until: dt.date | None) -> pa.Table:
    """What happened to payments up to a day, in the order in which it was recorded: columns `EVENTS_SCHEMA`."""
    where, parameters = ("", ()) if until is None else (" WHERE on_day <= ?", (until.isoformat(),))
    sql = f"SELECT state, on_day, content FROM payment_events{where} ORDER BY event"  # noqa: S608 - our own words
    found = [EVENTS_SCHEMA.empty_table()]
    for state, day, content in database.rows(sql, parameters):
        part = unpacked_table(content, columns.PAYMENT_EVENTS_SCHEMA)
        code = pa.array(np.full(part.num_rows, columns.PAYMENT_STATES.index(state), np.int8))
        days = pa.array(np.full(part.num_rows, np.datetime64(day, "D")))
        found.append(pa.table([code, days, *part.columns], schema=EVENTS_SCHEMA))
    return pa.concat_tables(found).unify_dictionaries()


def record_sending(writer: Writer, payments: pa.Table, about: tuple[dt.date, dt.date, str], cents: int) -> int:
    """A sending and what it holds; its number.

    Args:
        writer: the open transaction.
        payments: columns `payment` and `trace`, both text.
        about: day of the sending, effective day, format of the files.
        cents: sum of the payments.

    Raises:
        LedgerError: a payment, or a trace, was sent before: the database refuses it.
    """
    on_day, effective, file_format = about
    number = writer.next("sendings", "sending")
    row = (number, writer.link, on_day.isoformat(), effective.isoformat(), file_format, payments.num_rows, cents)
    _simple(writer, "sendings", [row], on_day)
    home = pa.array(np.full(payments.num_rows, number, np.int64))
    rows = [payments.column("payment"), home, payments.column("trace")]
    writer.database.insert("sent_payments", pa.table(rows, schema=tables.schema("sent_payments")))
    return number


def sendings(database: Database) -> pa.Table:
    """All sendings, oldest first."""
    raw = pa.schema([(str(c), pa.int64() if c.type == pa.int64() else _TEXT) for c in columns.SENDINGS])
    sql = f"SELECT {', '.join(raw.names)} FROM sendings ORDER BY sending"  # noqa: S608 - our own words
    return database.table(sql, raw).cast(columns.SENDINGS_SCHEMA)


def record_notices(writer: Writer, rows: pa.Table, on_day: dt.date) -> None:
    """Notices of large payments."""
    first = writer.next("notices", "notice")
    listed = _columns(shaped(rows, columns.NOTICES_SCHEMA))
    _simple(writer, "notices", [(first + place, writer.link, *row) for place, row in enumerate(listed)], on_day)


def notices(database: Database) -> pa.Table:
    """All notices, oldest first."""
    raw = pa.schema([(str(c), pa.int64() if c.type == pa.int64() else _TEXT) for c in columns.NOTICES])
    sql = f"SELECT {', '.join(raw.names)} FROM notices ORDER BY notice"  # noqa: S608 - our own words
    return database.table(sql, raw).cast(columns.NOTICES_SCHEMA)


def record_late(writer: Writer, rows: pa.Table, on_day: dt.date) -> None:
    """Interest for late payment.

    Raises:
        LedgerError: that of a payment stands there already: the database refuses it.
    """
    made = [(payment, writer.link, *rest) for payment, *rest in _columns(shaped(rows, columns.LATE_SCHEMA))]
    _simple(writer, "late_interest", made, on_day)


def late_interest(database: Database) -> pa.Table:
    """Interest for late payment, sorted by payment."""
    raw = pa.schema([(str(c), pa.int64() if c.type == pa.int64() else _TEXT) for c in columns.LATE])
    sql = f"SELECT {', '.join(raw.names)} FROM late_interest ORDER BY payment"  # noqa: S608 - our own words
    return database.table(sql, raw).cast(columns.LATE_SCHEMA)


def sent_before(database: Database, on_day: dt.date) -> tuple[int, int]:
    """How many payments were sent so far, and how many NACHA files on a day."""
    rows = database.rows("SELECT files FROM runs WHERE kind = ? AND on_day = ?", (SENDING, on_day.isoformat()))
    files = sum(name.endswith(".ach") for (names,) in rows for name in json.loads(names))
    return int(database.rows("SELECT count(*) FROM sent_payments")[0][0]), files
