"""Questions to the ledger: who holds an entry, what became of a declaration, the whole life of one entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.ledger import chain
from cape_engine.ledger.database import Database, Packed, Parameters, schema_version
from cape_engine.ledger.records import Summary
from cape_engine.ledger.states import Life, state_words
from cape_engine.schema import ledger as columns
from cape_engine.schema.column import WORD, Column
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER

_CLAIM = pa.schema(
    [
        ("entry_number", pa.string()),
        ("declaration", pa.int64()),
        ("state", pa.int64()),
        ("step", pa.int64()),
        ("importer_number", pa.string()),
    ]
)
_SHOWN: tuple[Packed, ...] = ("entry_number", "state", "step", "importer_number")
AT_ONCE = 90
"""So many keys stand in one statement."""
_PICK = "SELECT c.entry_number, c.declaration, c.state, c.step, c.importer_number FROM"
_FILER_CHARACTERS = 3
_SCAN_FROM = 20_000
_PACKED_STATE = 64
_NEWEST = "number = (SELECT max(number) FROM statuses n WHERE n.declaration = s.declaration)"


def text(numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Entry numbers as one plain array."""
    found = whole(numbers)
    return found if found.type == pa.string() else found.cast(pa.string())


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def live_rows(database: Database, numbers: pa.Array | None) -> pa.Table:
    """Live claims, raw, in no order; of some entries or of all."""
    if numbers is not None and len(numbers) > _SCAN_FROM:
        numbers = numbers.filter(pc.is_in(numbers, value_set=live_numbers(database)))
    if numbers is None or len(numbers) > _SCAN_FROM:
        found = _claims(database.packed(_SHOWN, "+live = 1"))
        return found if numbers is None else found.filter(pc.is_in(found.column(ENTRY_NUMBER), value_set=numbers))
    if len(numbers) == 0:
        return _CLAIM.empty_table()
    database.want(pc.unique(numbers))
    # CROSS JOIN keeps SQLite from walking all claims of the ledger instead of looking for these entries.
    sql = f"{_PICK} wanted w CROSS JOIN claim_entries c WHERE c.entry_number = w.entry_number AND c.live = 1"
    return database.table(sql, _CLAIM)


def _is_many(database: Database, numbers: int) -> bool:
    """Whether reading all claims is cheaper than looking for so many entries on each declaration."""
    declarations, entries = database.rows("SELECT count(*), sum(entries) FROM declarations")[0]
    return numbers > _SCAN_FROM or numbers * int(declarations) > int(entries or 0)


def _claims(rows: Sequence[Any]) -> pa.Table:
    """Claims raw, from packed ones."""
    if not rows:
        return _CLAIM.empty_table()
    numbers, states, homes = unpacked_claims(rows)
    steps = np.fromstring(",".join(row[4] for row in rows), np.int64, sep=",")
    told = pc.split_pattern(pa.array(["\x1f".join(row[5] for row in rows)], pa.large_string()), "\x1f").flatten()
    importers = pc.if_else(pc.equal(told, chain.NULL), None, told).cast(pa.string())
    return pa.table([numbers, homes, states, steps, importers], schema=_CLAIM)


def unpacked_states(text: str) -> npt.NDArray[np.int64]:
    """Codes of states from characters."""
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8).astype(np.int64) - _PACKED_STATE


def unpacked_claims(rows: Sequence[Any]) -> tuple[pa.Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Entry numbers, codes of states and declarations of packed claims."""
    homes = np.repeat(np.array([row[0] for row in rows], np.int64), [row[1] for row in rows])
    return chain.unpacked("".join(row[2] for row in rows)), unpacked_states("".join(row[3] for row in rows)), homes


def live_numbers(database: Database) -> pa.Array:
    """The entry numbers of all live claims, in no order."""
    return chain.unpacked(database.packed_live())


def packed_of(database: Database, declarations: Sequence[int], columns: Sequence[Packed]) -> list[tuple[Any, ...]]:
    """Claims of some declarations, as `Database.packed` gives them."""
    rows = []
    for start in range(0, len(declarations), AT_ONCE):
        part = declarations[start : start + AT_ONCE]
        rows += database.packed(columns, f"declaration IN ({', '.join('?' * len(part))})", part)
    return rows


def claim_rows(database: Database, declarations: Sequence[int] | None, numbers: pa.Array | None) -> pa.Table:
    """Every claim, dead ones too, raw."""
    if declarations is not None:
        found = _claims(packed_of(database, sorted(set(declarations)), _SHOWN))
    elif numbers is None or _is_many(database, len(numbers)):
        found = _claims(database.packed(_SHOWN, "1 = 1"))
    else:
        database.want(pc.unique(numbers))
        # One look at the key for each declaration: dead claims stand in no index of entries.
        sql = (
            f"{_PICK} wanted w CROSS JOIN declarations d CROSS JOIN claim_entries c "
            "WHERE c.declaration = d.declaration AND c.entry_number = w.entry_number"
        )
        return database.table(sql, _CLAIM)
    return found if numbers is None else found.filter(pc.is_in(found.column(ENTRY_NUMBER), value_set=numbers))


def shown(database: Database, life: Life, found: pa.Table) -> pa.Table:
    """Raw claims as callers see them, sorted by entry number and declaration."""
    if found.num_rows == 0:
        return columns.LIVE_SCHEMA.empty_table()
    fixed = chain.entry_bytes(found.column(ENTRY_NUMBER).combine_chunks())
    if not (fixed[1:] > fixed[:-1]).all():
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
            found.column(IMPORTER_NUMBER).cast(WORD),
            days.cast(pa.date32()),
        ],
        schema=columns.LIVE_SCHEMA,
    )


def _looked_up(database: Database, what: str, keys: pa.Array) -> pa.Array:
    """For each key the text that a small table gives it."""
    low, high = pc.min_max(keys).as_py().values()
    key = what.split(",", maxsplit=1)[0]
    schema = pa.schema([("key", pa.int64()), ("value", pa.string())])
    found = database.table(f"SELECT {what} AND {key} BETWEEN ? AND ?", schema, (low, high))
    places = pc.index_in(keys, value_set=found.column("key").combine_chunks())
    return found.column("value").combine_chunks().take(places)


def _raw(wanted: Sequence[Column]) -> pa.Schema:
    """What a database gives for columns: whole numbers, codes of states, and text."""
    whole = [column.type == pa.int64() or column in _STATES for column in wanted]
    return pa.schema(
        [(str(column), pa.int64() if is_whole else pa.string()) for column, is_whole in zip(wanted, whole, strict=True)]
    )


def declared(database: Database, where: str, parameters: Parameters) -> pa.Table:
    """Declarations with their present status."""
    raw = _raw(columns.DECLARED)
    found = database.table(
        "SELECT d.declaration, d.file_name, d.file_sha256, d.account, d.submitter, d.filed_on, s.status, "  # noqa: S608 - our own words
        "s.claim_number, d.entries FROM declarations d "
        f"JOIN statuses s ON s.declaration = d.declaration AND s.{_NEWEST} {where} ORDER BY d.declaration",
        raw,
        parameters,
    )
    return found.cast(columns.DECLARED_SCHEMA)


def history(database: Database, life: Life, entry_number: str) -> pa.Table:
    """Every step of one entry, oldest first."""
    raw = _raw(columns.HISTORY)
    if len(entry_number) != chain.ENTRY_BYTES or not entry_number.isascii():
        return columns.HISTORY_SCHEMA.empty_table()
    found = database.table(
        "SELECT p.step, p.link, k.recorded_at, p.entry_numbers, p.declaration, s.claim_number, p.from_state, "  # noqa: S608 - our own words
        "p.to_state, p.on_day, p.who, p.reason FROM declarations d "
        "JOIN claim_entries c ON c.declaration = d.declaration AND c.entry_number = ? "
        "JOIN steps p ON p.declaration = d.declaration JOIN links k ON k.link = p.link "
        f"LEFT JOIN statuses s ON s.declaration = p.declaration AND s.{_NEWEST} ORDER BY p.step",
        raw,
        (entry_number,),
    )
    taken = [_holds(packed.as_py(), entry_number) for packed in found.column(ENTRY_NUMBER)]
    found = found.filter(pa.array(taken, pa.bool_()))
    one = pa.array([entry_number] * found.num_rows, pa.string())
    found = found.set_column(found.column_names.index(ENTRY_NUMBER), ENTRY_NUMBER, one)
    made: Sequence[Any] = [
        state_words(life, found.column(column)) if column in _STATES else found.column(column).cast(column.type)
        for column in columns.HISTORY
    ]
    return pa.table(made, schema=columns.HISTORY_SCHEMA)


def _holds(packed: str, entry_number: str) -> bool:
    """Whether an entry is among numbers put together."""
    place = packed.find(entry_number)
    while place >= 0 and place % chain.ENTRY_BYTES:
        place = packed.find(entry_number, place + 1)
    return place >= 0


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
