"""Facts, plans, events, decisions, refunds and days: into their tables and out again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import UsageError
from cape_engine.ledger import chain, reading
from cape_engine.ledger.blobs import digest_of, packed_table, unpacked_table
from cape_engine.ledger.chain import Row
from cape_engine.ledger.database import Database
from cape_engine.ledger.writing import Writer, plain
from cape_engine.schema import life as columns
from cape_engine.schema.column import arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import DECLARATION, WHO

_AT_ONCE = 1 << 17
"""Entries of one cell at most: some megabytes."""
_FACTS_WITH_HOME = pa.schema([DECLARATION.field, *columns.FACTS_SCHEMA])
_TEXT = pa.string()

head = reading.head


def shaped(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of a schema, in its order and types.

    Raises:
        UsageError: one is missing.
    """
    missing = [name for name in schema.names if name not in rows.column_names]
    if missing:
        raise UsageError(f"column {missing[0]} is missing; the columns are {', '.join(schema.names)}")
    return rows.select(schema.names).cast(schema)


def record_facts(writer: Writer, declaration: int, facts: pa.Table, on_day: dt.date) -> int:
    """Facts of entries of a declaration; the number of their part."""
    rows = shaped(facts, columns.FACTS_SCHEMA).sort_by(ENTRY_NUMBER)
    fixed = chain.entry_bytes(rows.column(ENTRY_NUMBER).combine_chunks())
    if not len(fixed):
        raise UsageError("there are no facts to record; give at least one entry")
    twice = np.flatnonzero(fixed[1:] == fixed[:-1])
    if len(twice):
        raise UsageError(f"entry {fixed[twice[0]].decode()} stands twice; give each entry once")
    writer.note_time(on_day)
    sql = "SELECT max(part) FROM facts WHERE declaration = ?"
    part = int(writer.database.rows(sql, (declaration,))[0][0] or 0) + 1
    row = (declaration, part, writer.link, rows.num_rows, digest_of(rows))
    writer.add_packed("facts", [row], [packed_table(rows)])
    return part


def facts(database: Database, numbers: pa.Array | None) -> pa.Table:
    """The latest facts of entries under live claims."""
    rows = database.rows("SELECT declaration, content FROM facts ORDER BY declaration, part")
    tables = [_FACTS_WITH_HOME.empty_table()]
    for declaration, content in rows:
        found = unpacked_table(content, columns.FACTS_SCHEMA)
        home = pa.array(np.full(found.num_rows, declaration, np.int64))
        tables.append(pa.table([home, *found.columns], schema=_FACTS_WITH_HOME))
    whole = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    live = reading.live_rows(database, numbers)
    return whole.take(_latest(whole, live))


def _latest(whole: pa.Table, live: pa.Table) -> pa.Array:
    """Places of the last row of each live claim, in the order of entry numbers."""
    entry = chain.entry_bytes(whole.column(ENTRY_NUMBER).combine_chunks())
    home = whole.column(DECLARATION).to_numpy()
    order = np.lexsort((np.arange(len(entry)), entry))
    held = chain.entry_bytes(live.column(ENTRY_NUMBER).combine_chunks())
    by_number = np.argsort(held)
    held, holder = held[by_number], live.column(DECLARATION).to_numpy()[by_number]
    if not len(order) or not len(held):
        return pa.array([], pa.int64())
    place = np.minimum(np.searchsorted(held, entry[order]), len(held) - 1)
    order = order[(held[place] == entry[order]) & (holder[place] == home[order])]
    last = np.append(entry[order][1:] != entry[order][:-1], values=True) if len(order) else np.zeros(0, np.bool_)
    return pa.array(order[last])


def groups(rows: pa.Table, names: Sequence[str]) -> list[tuple[dict[str, object], npt.NDArray[np.int64]]]:
    """Rows that agree in some columns, in the order in which such a group first appears; places in order of entries."""
    codes = []
    for name in names:
        column = rows.column(name).combine_chunks()
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes.append(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False))
    entry = chain.entry_bytes(rows.column(ENTRY_NUMBER).combine_chunks())
    order = np.lexsort((np.arange(len(entry)), entry, *reversed(codes)))
    keys = np.stack([code[order] for code in codes])
    edges = np.flatnonzero(np.any(keys[:, 1:] != keys[:, :-1], axis=0)) + 1
    parts = [order[low:high] for low, high in pairwise([0, *edges.tolist(), len(order)])] if len(order) else []
    told = rows.select(list(names)).take(pa.array([int(places[0]) for places in parts], pa.int64())).to_pylist()
    return sorted(zip(told, parts, strict=True), key=lambda group: int(group[1].min()))


def _iso(day: object) -> str | None:
    """A day as the ledger keeps it."""
    return day.isoformat() if isinstance(day, dt.date) else None


def _numbers(rows: pa.Table, places: npt.NDArray[np.int64]) -> str:
    """Entry numbers at some places, one after the other."""
    return chain.packed(rows.column(ENTRY_NUMBER).combine_chunks().take(pa.array(places)))


_PLAN_GROUP = [str(column) for column in columns.PLANS if column != ENTRY_NUMBER]


def record_plans(writer: Writer, plans: pa.Table, on_day: dt.date) -> int:
    """Plans, entries of one declaration with the same plan in one row; rows written."""
    rows = shaped(plans, columns.PLANS_SCHEMA)
    if not rows.num_rows:
        return 0
    writer.note_time(on_day)
    first = writer.next("plans", "plan")
    made: list[Row] = []
    for number, (plan, places) in enumerate(groups(rows, _PLAN_GROUP), first):
        days = [_iso(plan[name]) for name in ("liquidation_date", "basis_date", "limit_date")]
        about = (days[0], str(plan["action"]), days[1], days[2], plain(str(plan["reason"])))
        home = int(str(plan["declaration"]))
        made.append((number, writer.link, home, *about, len(places), _numbers(rows, places)))
    writer.add("plans", made)
    return len(made)


def _days(values: Sequence[str | None]) -> pa.Array:
    """ISO text as days."""
    return pa.array(values, pa.string()).cast(pa.date32())


def _repeated(values: pa.Array, counts: Sequence[int]) -> pa.Array:
    """Each value as often as its row has entries."""
    return values.take(pa.array(np.repeat(np.arange(len(counts)), counts)))


UNTIL = " WHERE link IN (SELECT link FROM links WHERE substr(recorded_at, 1, 10) <= ?)"
"""Rows that were written up to a day: that of the link, as its caller gave it."""


def plans(database: Database, until: dt.date | None = None) -> pa.Table:
    """Every plan of every entry, oldest first; all of them, or those written up to a day."""
    where, parameters = ("", ()) if until is None else (UNTIL, (until.isoformat(),))
    rows = database.rows(
        "SELECT declaration, entry_numbers, liquidation_date, action, basis_date, limit_date, reason, entries "  # noqa: S608 - our own words
        f"FROM plans{where} ORDER BY plan",
        parameters,
    )
    if not rows:
        return columns.PLANS_SCHEMA.empty_table()
    homes, numbers, planned, actions, bases, limits, reasons, counts = zip(*rows, strict=True)
    made = [
        _repeated(pa.array(homes, pa.int64()), counts),
        chain.unpacked("".join(numbers)),
        _repeated(_days(planned), counts),
        _repeated(pa.array(actions, pa.string()).dictionary_encode(), counts),
        _repeated(_days(bases), counts),
        _repeated(_days(limits), counts),
        _repeated(pa.array(reasons, pa.string()), counts),
    ]
    return pa.table(made, schema=columns.PLANS_SCHEMA)


_SAME = [str(column) for column in (ENTRY_NUMBER, columns.EVENT_KIND, columns.EFFECTIVE_DATE)]
_EVENT_GROUP = [
    str(column) for column in columns.OCCURRENCES if column not in (ENTRY_NUMBER, columns.EVENT_ROW)
]  # fmt: skip


def record_occurrences(writer: Writer, events: pa.Table, who: str, on_day: dt.date) -> pa.Table:
    """Events that do not stand there yet; those that were new."""
    given = events
    if str(WHO) not in given.column_names:
        given = given.append_column(WHO.field, pa.array([plain(who)] * given.num_rows, _TEXT))
    rows = shaped(given, columns.OCCURRENCES_SCHEMA)
    rows = rows.take(pa.array(_new(rows, occurrences(writer.database, None))))
    if not rows.num_rows:
        return rows
    writer.note_time(on_day)
    first = writer.next("occurrences", "occurrence")
    lines = rows.column(columns.EVENT_ROW).to_numpy()
    made: list[Row] = []
    for number, (event, places) in enumerate(groups(rows, _EVENT_GROUP), first):
        days = [_iso(event[name]) for name in ("effective_date", "liquidation_date", "received_date")]
        words = [plain(str(event[name])) for name in ("who", "note", "source")]
        listed = ",".join(map(str, lines[places].tolist()))
        about = (str(event["kind"]), *days, *words, listed)
        made.append((number, writer.link, *about, len(places), _numbers(rows, places)))
    writer.add("occurrences", made)
    return rows


def _new(rows: pa.Table, known: pa.Table) -> npt.NDArray[np.int64]:
    """Places of the first of each event that is not known yet."""
    keys = pc.binary_join_element_wise(
        *(_words(table.column(name)) for table in (pa.concat_tables([known, rows]).unify_dictionaries(),)
          for name in (*_SAME, str(columns.EVENT_LIQUIDATION_DATE))), "|",
    )  # fmt: skip
    codes = keys.combine_chunks().dictionary_encode().indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    first = np.sort(first)
    found: npt.NDArray[np.int64] = first[first >= known.num_rows] - known.num_rows
    return found


def _words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as text, null as nothing."""
    plain_ = column.cast(pa.int32()).cast(_TEXT) if pa.types.is_date32(column.type) else column.cast(_TEXT)
    return pc.fill_null(plain_, "")


def occurrences(database: Database, received: dt.date | None) -> pa.Table:
    """Events in the order in which they were recorded."""
    where, parameters = ("", ()) if received is None else (" WHERE received_date = ?", (received.isoformat(),))
    rows = database.rows(
        "SELECT entry_numbers, kind, effective_date, liquidation_date, note, received_date, who, source, source_rows, "  # noqa: S608 - our own words
        f"entries FROM occurrences{where} ORDER BY occurrence",
        parameters,
    )
    if not rows:
        return columns.OCCURRENCES_SCHEMA.empty_table()
    numbers, kinds, effective, given, notes, days, who, sources, lines, counts = zip(*rows, strict=True)
    made = [
        chain.unpacked("".join(numbers)),
        _repeated(pa.array(kinds, _TEXT).dictionary_encode(), counts),
        _repeated(_days(effective), counts),
        _repeated(_days(given), counts),
        _repeated(pa.array(notes, _TEXT), counts),
        _repeated(_days(days), counts),
        _repeated(pa.array(who, _TEXT), counts),
        _repeated(pa.array(sources, _TEXT).dictionary_encode(), counts),
        pa.array(np.fromstring(",".join(lines), np.int64, sep=",")),
    ]
    return pa.table(made, schema=columns.OCCURRENCES_SCHEMA)


def record_decisions(writer: Writer, decisions: pa.Table, on_day: dt.date) -> None:
    """Decisions of a day."""
    rows = shaped(decisions, columns.DECISIONS_SCHEMA)
    writer.note_time(on_day)
    number = writer.next("decisions", "decision")
    for start in range(0, rows.num_rows, _AT_ONCE):
        part = rows.slice(start, _AT_ONCE)
        cents = [int(pc.sum(part.column(name), min_count=0).as_py()) for name in ("principal_cents", "interest_cents")]
        row = (number, writer.link, on_day.isoformat(), part.num_rows, *cents, digest_of(part))
        writer.add_packed("decisions", [row], [packed_table(part)])
        number += 1


def decisions(database: Database, on_day: dt.date | None) -> pa.Table:
    """Decisions in the order in which they were recorded."""
    where, parameters = ("", ()) if on_day is None else (" WHERE on_day = ?", (on_day.isoformat(),))
    rows = database.rows(f"SELECT content FROM decisions{where} ORDER BY decision", parameters)  # noqa: S608 - our own words
    tables = [unpacked_table(content, columns.DECISIONS_SCHEMA) for (content,) in rows]
    return pa.concat_tables([columns.DECISIONS_SCHEMA.empty_table(), *tables]).unify_dictionaries().combine_chunks()


def record_refunds(writer: Writer, refunds: pa.Table, payments: pa.Table, on_day: dt.date) -> None:
    """Refunds with their payments."""
    writer.note_time(on_day)
    made: list[Row] = []
    for row in shaped(refunds, columns.COHORTS_SCHEMA).to_pylist():
        day, counts = _iso(row["liquidation_date"]), (row["version"], row["entries"])
        cents = (row["principal_cents"], row["interest_cents"], row["amount_cents"])
        made.append((row["refund"], writer.link, row["recipient"], day, *counts, *cents))
    writer.add("refunds", made)
    names, parts = columns.PAYMENTS_SCHEMA.names, shaped(payments, columns.PAYMENTS_SCHEMA)
    listed = zip(*(parts.column(name).to_pylist() for name in names), strict=True)
    writer.add("payments", [(key, writer.link, *rest, None, None) for key, *rest in listed])


def refunds(database: Database, day: dt.date | None) -> pa.Table:
    """Refunds, sorted by key."""
    raw = _raw(columns.COHORTS_SCHEMA)
    if day is None:
        return database.whole("refunds", raw).sort_by("refund").cast(columns.COHORTS_SCHEMA)
    listed = ", ".join(column for column in columns.COHORTS_SCHEMA.names)
    sql = f"SELECT {listed} FROM refunds WHERE liquidation_date = ? ORDER BY refund"  # noqa: S608 - our own words
    return database.table(sql, raw, (day.isoformat(),)).cast(columns.COHORTS_SCHEMA)


def payments(database: Database) -> pa.Table:
    """Payments, sorted by key."""
    listed = ", ".join(columns.PAYMENTS_SCHEMA.names)
    sql = f"SELECT {listed} FROM payments ORDER BY payment"  # noqa: S608 - our own words
    return database.table(sql, _raw(columns.PAYMENTS_SCHEMA)).cast(columns.PAYMENTS_SCHEMA)


def _raw(schema: pa.Schema) -> pa.Schema:
    """What a database gives: whole numbers and text."""
    return pa.schema([(field.name, field.type if field.type == pa.int64() else _TEXT) for field in schema])


def record_day(writer: Writer, day: dt.date, run_day: bool, counts: Mapping[str, int], result_hash: str) -> None:  # noqa: FBT001 - one row
    """A day that was played."""
    last = last_day(writer.database)
    if last is not None and day <= last:
        raise UsageError(f"{day} was played already; the last day is {last}")
    writer.note_time(day)
    told = json.dumps(dict(sorted(counts.items())), separators=(",", ":"))
    writer.add("days", [(day.isoformat(), writer.link, int(run_day), told, result_hash)])


def days(database: Database) -> pa.Table:
    """Days that were played."""
    rows = database.rows("SELECT played_day, link, run_day, counts, result_hash FROM days ORDER BY played_day")
    schema = arrow_schema(columns.DAYS)
    if not rows:
        return schema.empty_table()
    played, links, runs, counts, hashes = zip(*rows, strict=True)
    made = [_days(played), pa.array(links, pa.int64()), pa.array([bool(run) for run in runs]), counts, hashes]
    return pa.table([pa.array(column) if isinstance(column, tuple) else column for column in made], schema=schema)


def last_day(database: Database) -> dt.date | None:
    """The last day that was played."""
    found = database.rows("SELECT max(played_day) FROM days")[0][0]
    return None if found is None else dt.date.fromisoformat(found)
