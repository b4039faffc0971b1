"""Questions to the ledger: who holds an entry, what became of a declaration, the whole life of one entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.ledger import tables
from cape_engine.ledger.database import Database, Parameters, schema_version
from cape_engine.ledger.records import Summary
from cape_engine.ledger.states import Life, state_words
from cape_engine.schema import ledger as columns
from cape_engine.schema.column import WORD
from cape_engine.schema.facts import ENTRY_NUMBER

_CLAIM = pa.schema(
    [
        ("entry_number", pa.string()),
        ("declaration", pa.int64()),
        ("state", pa.int64()),
        ("step", pa.int64()),
        ("importer_number", pa.string()),
    ]
)
_PICK = "SELECT c.entry_number, c.declaration, c.state, c.step, c.importer_number FROM claim_entries c"
_FILER_CHARACTERS = 3
_SCAN_FROM = 20_000
_SCAN_SHARE = 8
_NEWEST = "number = (SELECT max(number) FROM statuses n WHERE n.declaration = s.declaration)"


def text(numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Entry numbers as one plain array."""
    whole = numbers.combine_chunks() if isinstance(numbers, pa.ChunkedArray) else numbers
    return whole if whole.type == pa.string() else whole.cast(pa.string())


def live_rows(database: Database, numbers: pa.Array | None) -> pa.Table:
    """Live claims, raw, in no order; of some entries or of all."""
    if numbers is None or _is_cheaper_whole(database, len(numbers)):
        found = database.table(f"{_PICK} WHERE c.live = 1", _CLAIM)
        if numbers is None:
            return found
        return found.filter(pc.is_in(found.column(ENTRY_NUMBER), value_set=numbers))
    if len(numbers) == 0:
        return _CLAIM.empty_table()
    database.want(pc.unique(numbers))
    return database.table(f"{_PICK} JOIN wanted w ON w.entry_number = c.entry_number WHERE c.live = 1", _CLAIM)


def _is_cheaper_whole(database: Database, wanted: int) -> bool:
    """Whether a walk over all claims beats looking up so many entries one by one."""
    if wanted < _SCAN_FROM:
        return False
    total = database.rows("SELECT sum(entries) FROM declarations")[0][0] or 0
    return int(total) < _SCAN_SHARE * wanted


def claim_rows(database: Database, declaration: int | None, numbers: pa.Array | None) -> pa.Table:
    """Every claim, dead ones too, raw."""
    if declaration is not None:
        found = database.table(f"{_PICK} WHERE c.declaration = ? ORDER BY c.entry_number", _CLAIM, (declaration,))
        return found if numbers is None else found.filter(pc.is_in(found.column(ENTRY_NUMBER), value_set=numbers))
    if numbers is None:
        return database.table(_PICK, _CLAIM)
    database.want(pc.unique(numbers))
    # The claims of an entry are found by its events: a claim without an event does not exist.
    sql = (
        "SELECT DISTINCT e.entry_number, c.declaration, c.state, c.step, c.importer_number FROM wanted w "
        "JOIN events e ON e.entry_number = w.entry_number JOIN steps p ON p.step = e.step "
        "JOIN claim_entries c ON c.declaration = p.declaration AND c.entry_number = e.entry_number"
    )
    return database.table(sql, _CLAIM)


def shown(database: Database, life: Life, found: pa.Table) -> pa.Table:
    """Raw claims as callers see them, sorted by entry number and declaration."""
    if found.num_rows == 0:
        return columns.LIVE_SCHEMA.empty_table()
    found = found.sort_by([(ENTRY_NUMBER, "ascending"), (columns.DECLARATION, "ascending")])
    declarations = found.column(columns.DECLARATION).combine_chunks()
    steps = found.column(columns.STEP).combine_chunks()
    numbers = _looked_up(database, "declaration, claim_number FROM statuses s WHERE " + _NEWEST, declarations)
    days = _looked_up(database, "step, on_day FROM steps WHERE 1 = 1", steps)
    entries = found.column(ENTRY_NUMBER).combine_chunks()
    return pa.table(
        [
            entries,
            declarations,
            numbers,
            state_words(life, found.column(columns.STATE)),
            pc.utf8_slice_codeunits(entries, 0, _FILER_CHARACTERS).cast(WORD),
            found.column(columns.IMPORTER_NUMBER).cast(WORD),
            days.cast(pa.date32()),
        ],
        schema=columns.LIVE_SCHEMA,
    )


def _looked_up(database: Database, what: str, keys: pa.Array) -> pa.Array:
    """For each key the text that a small table gives it."""
    low, high = pc.min_max(keys).as_py().values()
    key = what.split(",", maxsplit=1)[0]
    schema = pa.schema([("key", pa.int64()), ("value", pa.string())])
    found = database.table(f"SELECT {what} AND {key} BETWEEN ? AND ?", schema, (low, high))  # noqa: S608 - our own words
    places = pc.index_in(keys, value_set=found.column("key").combine_chunks())
    return found.column("value").combine_chunks().take(places)


def declared(database: Database, where: str, parameters: Parameters) -> pa.Table:
    """Declarations with their present status."""
    raw = pa.schema(
        [(str(column), pa.int64() if column.type == pa.int64() else pa.string()) for column in columns.DECLARED]
    )
    found = database.table(
        "SELECT d.declaration, d.file_name, d.file_sha256, d.account, d.submitter, d.filed_on, s.status, "  # noqa: S608 - our own words
        f"s.claim_number, d.entries FROM declarations d JOIN statuses s ON s.declaration = d.declaration AND s.{_NEWEST} "
        f"{where} ORDER BY d.declaration",
        raw,
        parameters,
    )
    return found.cast(columns.DECLARED_SCHEMA)


def history(database: Database, life: Life, entry_number: str) -> pa.Table:
    """Every step of one entry, oldest first."""
    raw = pa.schema(
        [
            (str(column), pa.int64() if column.type == pa.int64() or column in _STATES else pa.string())
            for column in columns.HISTORY
        ]
    )
    found = database.table(
        "SELECT p.step, p.link, k.recorded_at, e.entry_number, p.declaration, s.claim_number, e.from_state, "  # noqa: S608 - our own words
        "p.to_state, p.on_day, p.who, p.reason FROM events e JOIN steps p ON p.step = e.step "
        "JOIN links k ON k.link = p.link "
        f"LEFT JOIN statuses s ON s.declaration = p.declaration AND s.{_NEWEST} "
        "WHERE e.entry_number = ? ORDER BY p.step",
        raw,
        (entry_number,),
    )
    made: Sequence[Any] = [
        state_words(life, found.column(column)) if column in _STATES else found.column(column).cast(column.type)
        for column in columns.HISTORY
    ]
    return pa.table(made, schema=columns.HISTORY_SCHEMA)


_STATES = (columns.FROM_STATE, columns.TO_STATE)


def head(database: Database) -> tuple[int, str]:
    """Number and hash of the last link."""
    found = database.rows("SELECT link, hash FROM links ORDER BY link DESC LIMIT 1")
    return (int(found[0][0]), str(found[0][1])) if found else (0, "")


def show(database: Database, life: Life) -> Summary:
    """What stands in the ledger."""
    links, hash_ = head(database)
    counts = database.rows(
        "SELECT state, live, count(*), sum(coalesce(principal_cents, 0)) FROM claim_entries GROUP BY state, live"
    )
    states = np.zeros(max(life.names) + 1, np.int64)
    for state, _live, count, _cents in counts:
        states[state] += count
    statuses = database.rows(
        f"SELECT s.status, count(*) FROM statuses s WHERE s.{_NEWEST} GROUP BY s.status ORDER BY s.status"  # noqa: S608 - our own words
    )
    count = {table: int(database.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in ("declarations", "runs")}  # noqa: S608 - our own names
    return Summary(
        database.url,
        database.kind,
        schema_version(database),
        links,
        hash_,
        count["declarations"],
        int(states.sum()),
        sum(int(row[2]) for row in counts if row[1]),
        int(database.rows("SELECT sum(entries) FROM steps")[0][0] or 0),
        {name: int(states[code]) for code, name in sorted(life.names.items()) if states[code]},
        {str(status): int(number) for status, number in statuses},
        count["runs"],
        sum(int(row[3] or 0) for row in counts if row[1]),
    )
