"""Rows of manual review: entries that wait for an officer, assignments and decisions, packed like steps."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from cape_engine.errors import UsageError
from cape_engine.ledger import chain
from cape_engine.ledger.chain import Row
from cape_engine.ledger.database import Database
from cape_engine.ledger.life_rows import groups, shaped
from cape_engine.ledger.states import Life
from cape_engine.ledger.writing import Writer, plain
from cape_engine.schema import review as columns
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import DECLARATION, REASON, SINCE
from cape_engine.schema.life import EVENT_ROW

IN_REVIEW = "IN_REVIEW"
_TEXT = pa.string()
_RAW = pa.schema(
    [(str(ENTRY_NUMBER), _TEXT), (str(DECLARATION), pa.int64()), (str(SINCE), _TEXT), (str(REASON), _TEXT)]
)
_GROUP = [str(column) for column in columns.REVIEWS if column not in (ENTRY_NUMBER, EVENT_ROW)]


def in_review(database: Database, life: Life) -> pa.Table:
    """Live claims in review, with the step that brought them there."""
    rows = database.table(
        "SELECT c.entry_number, c.declaration, p.on_day AS since, p.reason FROM claim_entries c "
        "JOIN steps p ON p.step = c.step WHERE c.live = 1 AND c.state = ? ORDER BY c.entry_number",
        _RAW,
        (life.code(IN_REVIEW),),
    )
    place = rows.column_names.index(SINCE)
    return rows.set_column(place, SINCE.field, rows.column(SINCE).cast(pa.date32()))


def record_reviews(writer: Writer, reviews: pa.Table, on_day: dt.date) -> int:
    """Assignments and decisions, entries of one declaration with the same words in one row; rows written."""
    rows = shaped(reviews, columns.REVIEWS_SCHEMA)
    if not rows.num_rows:
        return 0
    writer.note_time(on_day)
    first = writer.next("reviews", "review")
    entry, lines = rows.column(ENTRY_NUMBER).combine_chunks(), rows.column(EVENT_ROW).to_numpy()
    made: list[Row] = []
    for number, (act, places) in enumerate(groups(rows, _GROUP), first):
        officer, reason, source = (plain(str(act[name])) for name in ("officer", "reason", "source"))
        if not officer:
            raise UsageError("an assignment or decision names its officer")
        cents = [None if act[name] is None else int(str(act[name])) for name in ("before_cents", "principal_cents")]
        listed = ",".join(map(str, lines[places].tolist()))
        about = (str(act["act"]), str(act["on_day"]), officer, reason, *cents, source, listed)
        packed = chain.packed(entry.take(pa.array(places)))
        made.append((number, writer.link, int(str(act["declaration"])), *about, len(places), packed))
    writer.add("reviews", made)
    return len(made)


def reviews(database: Database) -> pa.Table:
    """Assignments and decisions in the order in which they were recorded."""
    rows = database.rows(
        "SELECT declaration, entry_numbers, act, on_day, officer, reason, before_cents, principal_cents, source, "
        "source_rows, entries FROM reviews ORDER BY review"
    )
    if not rows:
        return columns.REVIEWS_SCHEMA.empty_table()
    homes, numbers, *words, lines, counts = zip(*rows, strict=True)
    places = pa.array(np.repeat(np.arange(len(counts)), counts))
    told = [pa.array(values).take(places) for values in words]
    made = [
        pa.array(homes, pa.int64()).take(places),
        chain.unpacked("".join(numbers)),
        *told,
        pa.array(np.array(",".join(lines).split(","), np.int64)),
    ]
    return pa.table(made, names=columns.REVIEWS_SCHEMA.names).cast(columns.REVIEWS_SCHEMA)
