"""A declaration into the ledger: who holds its entries already, and the steps of each of the others."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import UsageError
from cape_engine.ledger import chain, reading, tables
from cape_engine.ledger.records import Recorded, Submission
from cape_engine.ledger.states import BEGIN, DECLARED, FAILED, FILE_REJECTED, Life
from cape_engine.ledger.writing import Group, Writer, moment, plain
from cape_engine.schema import ledger as columns
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER
from cape_engine.schema.results import PRINCIPAL_CENTS

DUPLICATE = "DUPLICATE_CLAIM"
"""Reason of an entry that another live claim holds (handbook 4.4)."""
FIRST_CLAIM = 100_000_000_000
"""Claim numbers of our own have 12 digits, as CBP's; declaration n gets this plus n, or the next free one."""
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ENTRY = r"^[0-9A-Z]{11}$"
_PLAIN = np.isin(np.arange(256), list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
_CLAIM_NUMBER = re.compile(r"[0-9]{12}", re.ASCII)
_UNCLAIMED = frozenset({DECLARED, FILE_REJECTED})


def checked_numbers(numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Entry numbers as the ledger keeps them; what stands twice is found by `in_order`.

    Raises:
        UsageError: one is not 11 characters A-Z and 0-9.
    """
    found = reading.text(numbers)
    same = pc.all(pc.equal(pc.binary_length(found), chain.ENTRY_BYTES), min_count=0).as_py() and not found.null_count
    if same and _PLAIN[chain.entry_bytes(found).view(np.uint8)].all():
        return found
    good = pc.fill_null(pc.match_substring_regex(found, _ENTRY), fill_value=False)
    odd = found.filter(pc.invert(good))[0].as_py()
    raise UsageError(f"{odd!r} is not an entry number of 11 characters A-Z and 0-9; leave it out")


def in_order(numbers: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64] | None]:
    """Entry numbers sorted, and where each stood; None where they stood in order.

    Raises:
        UsageError: one stands twice.
    """
    fixed = chain.entry_bytes(numbers)
    order = None
    if not (fixed[1:] > fixed[:-1]).all():
        order = pc.sort_indices(numbers).to_numpy().astype(np.int64)
        numbers, fixed = numbers.take(pa.array(order)), fixed[order]
        twice = np.flatnonzero(fixed[1:] == fixed[:-1])
        if len(twice):
            raise UsageError(f"entry {fixed[twice[0]].decode()} stands twice; give each entry once")
    return numbers, order


def record(writer: Writer, submission: Submission) -> Recorded:
    """Record a submission inside the open transaction."""
    _check(submission)
    known = _known(writer, submission)
    if isinstance(known, Recorded):
        return known
    entries = _entries(submission.entries, writer.life)
    numbers = entries.column(ENTRY_NUMBER).combine_chunks()
    states = entries.column(columns.STATE).combine_chunks().dictionary_encode()
    wanted = pc.is_in(states.cast(pa.string()), value_set=pa.array(sorted(writer.life.live)))
    held = reading.live_rows(writer.database, numbers.filter(wanted))
    duplicates = reading.shown(writer.database, writer.life, held)
    entries = _with_duplicates(entries, pc.and_(wanted, pc.is_in(numbers, value_set=duplicates.column(ENTRY_NUMBER))))
    writer.note_time(submission.received_at)
    declaration = writer.next("declarations", "declaration")
    claim_number = _claim_number(writer, submission, declaration, entries)
    _add_declaration(writer, submission, declaration, known, entries)
    row = (
        declaration,
        1,
        writer.link,
        submission.status,
        claim_number,
        submission.filed_on.isoformat(),
        submission.who,
        "",
    )
    writer.add("statuses", [row])
    _add_entries(writer, submission, declaration, entries)
    words = f"declaration {declaration} recorded with {len(numbers):,} entries"
    if duplicates.num_rows:
        words += f", {duplicates.num_rows:,} of them held by another claim"
    return Recorded(declaration, True, submission.status, claim_number, len(numbers), duplicates, words)  # noqa: FBT003 - fields of a record


def _check(submission: Submission) -> None:
    """Refuse what cannot be a declaration."""
    if submission.account not in columns.ACCOUNT.words:
        raise UsageError(f"account {submission.account!r} is not one of {', '.join(columns.ACCOUNT.words)}")
    if not _SHA256.fullmatch(submission.file_sha256):
        raise UsageError(f"{submission.file_name}: the hash is not 64 hexadecimal digits in lower case")
    if submission.claim_number is not None and not _CLAIM_NUMBER.fullmatch(submission.claim_number):
        raise UsageError(f"claim number {submission.claim_number!r} is not 12 digits")


def _known(writer: Writer, submission: Submission) -> Recorded | int:
    """The declaration as it stands already, or the number of this attempt."""
    found = writer.database.rows(
        "SELECT declaration, attempt, filed_on, entries FROM declarations "
        "WHERE file_sha256 = ? AND account = ? AND submitter = ? ORDER BY attempt DESC LIMIT 1",
        (submission.file_sha256, submission.account, submission.submitter),
    )
    if not found:
        return 1
    declaration, attempt, filed_on, entries = found[0]
    alive = writer.database.rows(
        "SELECT 1 FROM claim_entries WHERE declaration = ? AND live = 1 LIMIT 1", (declaration,)
    )
    if not alive and submission.filed_on.isoformat() > filed_on:
        return int(attempt) + 1
    status, claim_number = present_status(writer, declaration)
    words = f"this file stands in the ledger as declaration {declaration}, filed {filed_on}; nothing changed"
    none = columns.LIVE_SCHEMA.empty_table()
    return Recorded(int(declaration), False, status, claim_number, int(entries), none, words)  # noqa: FBT003 - as above


def present_status(writer: Writer, declaration: int) -> tuple[str, str | None]:
    """Status and claim number of a declaration."""
    sql = "SELECT status, claim_number FROM statuses WHERE declaration = ? ORDER BY number DESC LIMIT 1"
    found = writer.database.rows(sql, (declaration,))
    if not found:
        raise UsageError(f"there is no declaration {declaration} in {writer.database.url}")
    return str(found[0][0]), found[0][1]


def _entries(given: pa.Table, life: Life) -> pa.Table:
    """The entries with every column, sorted by number."""
    names = given.column_names
    for needed in (ENTRY_NUMBER, columns.STATE):
        if needed not in names and given.num_rows:
            raise UsageError(f"the entries of a submission need the column {needed}")
    unknown = sorted(set(names) - {str(column) for column in columns.SUBMITTED})
    if unknown:
        raise UsageError(f"unknown column {unknown[0]} of a submission; known are {', '.join(columns.SUBMITTED)}")
    none = pa.nulls(given.num_rows, pa.string())
    found = {str(column): given.column(column) if column in names else none for column in columns.SUBMITTED}
    found[ENTRY_NUMBER] = checked_numbers(found[ENTRY_NUMBER])
    for column in (columns.STATE, columns.REASON, IMPORTER_NUMBER):
        found[column] = found[column].cast(pa.string())
    found[columns.REASON] = pc.fill_null(found[columns.REASON], "")
    found[PRINCIPAL_CENTS] = found[PRINCIPAL_CENTS].cast(pa.int64())
    for column in (columns.REASON, IMPORTER_NUMBER):
        found[column] = pc.replace_substring_regex(found[column], r"[\x00-\x1f]+", " ")
    table = pa.table(found)
    for state in pc.unique(table.column(columns.STATE)).to_pylist():
        life.code(str(state))
        if not life.road(BEGIN, str(state)):
            raise UsageError(f"no road leads from {BEGIN} to {state}; a submission brings entries onto a claim")
    _, order = in_order(one(table, ENTRY_NUMBER))
    return table.combine_chunks() if order is None else table.take(pa.array(order)).combine_chunks()


def _with_duplicates(entries: pa.Table, duplicate: pa.Array) -> pa.Table:
    """Entries that another claim holds fail, whatever else was found."""
    state = pc.if_else(duplicate, FAILED, entries.column(columns.STATE))
    reason = pc.if_else(duplicate, DUPLICATE, entries.column(columns.REASON))
    place = entries.column_names.index
    entries = entries.set_column(place(columns.STATE), columns.STATE, state)
    return entries.set_column(place(columns.REASON), columns.REASON, reason)


def _claim_number(writer: Writer, submission: Submission, declaration: int, entries: pa.Table) -> str | None:
    """The claim number given, or the next one of ours once an entry stands on a claim.

    Raises:
        UsageError: another declaration has this number.
    """
    if submission.claim_number is not None:
        refuse_taken(writer, submission.claim_number)
        return submission.claim_number
    if set(pc.unique(entries.column(columns.STATE)).to_pylist()) <= _UNCLAIMED:
        return None
    number = FIRST_CLAIM + declaration
    while _is_taken(writer, str(number)):
        number += 1
    return str(number)


def _is_taken(writer: Writer, claim_number: str) -> bool:
    """Whether a declaration has this claim number."""
    return bool(writer.database.rows("SELECT 1 FROM statuses WHERE claim_number = ? LIMIT 1", (claim_number,)))


def refuse_taken(writer: Writer, claim_number: str) -> None:
    """Refuse a claim number that another declaration has."""
    if _is_taken(writer, claim_number):
        raise UsageError(f"claim number {claim_number} belongs to another declaration; `cape ledger show` lists them")


def _add_declaration(writer: Writer, submission: Submission, declaration: int, attempt: int, entries: pa.Table) -> None:
    """The row of the declaration."""
    principal = entries.column(PRINCIPAL_CENTS)
    writer.add(
        "declarations",
        [
            (
                declaration,
                writer.link,
                plain(submission.file_name),
                submission.file_sha256,
                submission.account,
                plain(submission.submitter),
                attempt,
                submission.filed_on.isoformat(),
                moment(submission.received_at),
                entries.num_rows,
                pc.sum(principal, min_count=0).as_py(),
                chain.entries_digest(
                    *(one(entries, name) for name in (ENTRY_NUMBER, IMPORTER_NUMBER, PRINCIPAL_CENTS))
                ),
            )
        ],
    )


def one(table: pa.Table, name: str) -> pa.Array:
    """A column as one array."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _add_entries(writer: Writer, submission: Submission, declaration: int, entries: pa.Table) -> None:
    """The steps of every entry from `FILED` to where it stands, and the rows of the claim."""
    if entries.num_rows == 0:
        return
    states = one(entries, columns.STATE).dictionary_encode()
    words = states.dictionary.to_pylist()
    place = states.indices.to_numpy()
    groups = _groups(writer.life, declaration, words, place, one(entries, columns.REASON))
    numbers = writer.steps(one(entries, ENTRY_NUMBER), groups, submission.filed_on, submission.who)
    last = np.zeros(entries.num_rows, np.int64)
    for number, group in zip(numbers, groups, strict=True):
        last[group.places] = number
    codes = np.array([writer.life.code(word) for word in words], np.int64)[place]
    rows = [
        pa.array(np.full(entries.num_rows, declaration)),
        one(entries, ENTRY_NUMBER),
        codes,
        writer.life.live_codes()[codes].astype(np.int64),
        last,
        one(entries, IMPORTER_NUMBER),
        one(entries, PRINCIPAL_CENTS),
    ]
    writer.database.insert("claim_entries", pa.table(rows, schema=tables.schema("claim_entries")))


def _groups(
    life: Life, declaration: int, words: list[str], place: npt.NDArray[np.int32], reasons: pa.Array
) -> list[Group]:
    """The steps of a submission: entries that walk the same way take each step together, reasons apart at the end."""
    roads = [(BEGIN, *life.road(BEGIN, word)) for word in words]
    told = reasons.dictionary_encode()
    reason_of = told.indices.to_numpy()
    texts = told.dictionary.to_pylist()
    groups = []
    ways = {road[:end] for road in roads for end in range(2, len(road) + 1)}
    for way in sorted(ways, key=lambda way: (len(way), way)):
        through = np.array([road[: len(way)] == way for road in roads])[place]
        ends = np.array([road == way for road in roads])[place]
        before, after = life.code(way[-2]), life.code(way[-1])
        kinds = np.where(ends, reason_of, -1)
        for kind in np.unique(kinds[through]):
            places = np.flatnonzero(through & (kinds == kind))
            groups.append(Group(declaration, before, after, "" if kind < 0 else texts[kind], places))
    return groups
