"""Declarations into the ledger: who holds their entries already, and the steps of each of the others."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import UsageError
from cape_engine.ledger import reading, tables
from cape_engine.ledger.records import Recorded, Submission
from cape_engine.ledger.states import DECLARED, FAILED, FILE_REJECTED
from cape_engine.ledger.submitting import Entries, one
from cape_engine.ledger.writing import Group, Writer, moment, plain
from cape_engine.schema import ledger as columns
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER
from cape_engine.schema.results import PRINCIPAL_CENTS

DUPLICATE = "DUPLICATE_CLAIM"
"""Reason of an entry that another live claim holds (handbook 4.4)."""
FIRST_CLAIM = 100_000_000_000
"""Claim numbers of our own have 12 digits, as CBP's; declaration n gets this plus n, or the next free one."""
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CLAIM_NUMBER = re.compile(r"[0-9]{12}", re.ASCII)
_UNCLAIMED = frozenset({DECLARED, FILE_REJECTED})


def record(writer: Writer, submissions: Sequence[Submission]) -> list[Recorded]:
    """Record submissions inside the open transaction, as if one after the other."""
    for submission in submissions:
        _check(submission)
    return [done for part in _independent(submissions) for done in _record(writer, part)]


def _independent(submissions: Sequence[Submission]) -> Iterator[Sequence[Submission]]:
    """The submissions in parts none of which has a file or an entry twice, so that no answer hangs on another."""
    files = {(one.file_sha256, one.account, one.submitter) for one in submissions}
    alone = len(submissions) < 2 or len(files) < len(submissions)  # noqa: PLR2004 - two can share something
    if not alone:
        listed = [one.entries.column(ENTRY_NUMBER) for one in submissions if ENTRY_NUMBER in one.entries.column_names]
        numbers = pa.chunked_array([reading.text(column) for column in listed], pa.string())
        alone = pc.count_distinct(numbers).as_py() < len(numbers)
    if alone:
        yield from ([one] for one in submissions)
    else:
        yield submissions


def _record(writer: Writer, submissions: Sequence[Submission]) -> list[Recorded]:
    """Record submissions that have nothing in common."""
    known = _known(writer, submissions)
    fresh = [(one, found) for one, found in zip(submissions, known, strict=True) if isinstance(found, int)]
    if not fresh:
        return [found for found in known if isinstance(found, Recorded)]
    new = [one for one, _ in fresh]
    entries = Entries.of([one.entries for one in new], writer.life)
    entries, held = _with_duplicates(writer, entries)
    writer.note_time(new[0].received_at)
    first = writer.next("declarations", "declaration")
    numbers = range(first, first + len(new))
    claims = _claim_numbers(writer, new, numbers, entries)
    _add_declarations(writer, fresh, numbers, entries)
    writer.add(
        "statuses",
        [
            (number, 1, writer.link, one.status, claim, one.filed_on.isoformat(), one.who, "")
            for number, one, claim in zip(numbers, new, claims, strict=True)
        ],
    )
    _add_entries(writer, new, numbers, entries)
    sizes = np.diff(entries.bounds).tolist()
    made = iter(map(_made, numbers, new, claims, sizes, held))
    return [next(made) if isinstance(found, int) else found for found in known]


def _made(declaration: int, submission: Submission, claim_number: str | None, size: int, held: pa.Table) -> Recorded:
    """What recording a new declaration did."""
    words = f"declaration {declaration} recorded with {size:,} entries"
    if held.num_rows:
        words += f", {held.num_rows:,} of them held by another claim"
    return Recorded(declaration, True, submission.status, claim_number, size, held, words)  # noqa: FBT003 - fields of a record


def _check(submission: Submission) -> None:
    """Refuse what cannot be a declaration."""
    if submission.account not in columns.ACCOUNT.words:
        raise UsageError(f"account {submission.account!r} is not one of {', '.join(columns.ACCOUNT.words)}")
    if not _SHA256.fullmatch(submission.file_sha256):
        raise UsageError(f"{submission.file_name}: the hash is not 64 hexadecimal digits in lower case")
    if submission.claim_number is not None and not _CLAIM_NUMBER.fullmatch(submission.claim_number):
        raise UsageError(f"claim number {submission.claim_number!r} is not 12 digits")


def _known(writer: Writer, submissions: Sequence[Submission]) -> list[Recorded | int]:
    """Each declaration as it stands already, or the number of this attempt."""
    newest: dict[tuple[str, str, str], tuple[int, int, str, int]] = {}
    for start in range(0, len(submissions), reading.AT_ONCE):
        hashes = sorted({one.file_sha256 for one in submissions[start : start + reading.AT_ONCE]})
        found = writer.database.rows(
            "SELECT file_sha256, account, submitter, declaration, attempt, filed_on, entries FROM declarations "  # noqa: S608 - marks
            f"WHERE file_sha256 IN ({', '.join('?' * len(hashes))}) ORDER BY attempt",
            hashes,
        )
        newest |= {(row[0], row[1], row[2]): (row[3], row[4], row[5], row[6]) for row in found}
    known = (newest.get((one.file_sha256, one.account, one.submitter)) for one in submissions)
    return [1 if row is None else _as_it_stands(writer, one, *row) for one, row in zip(submissions, known, strict=True)]


def _as_it_stands(
    writer: Writer, submission: Submission, declaration: int, attempt: int, filed_on: str, entries: int
) -> Recorded | int:
    """A declaration that the ledger knows, or the number of another attempt."""
    alive = writer.database.rows(
        "SELECT 1 FROM claim_entries WHERE declaration = ? AND live = 1 LIMIT 1", (declaration,)
    )
    if not alive and submission.filed_on.isoformat() > filed_on:
        return int(attempt) + 1
    _, status, claim_number = present_statuses(writer, [declaration])[declaration]
    words = f"this file stands in the ledger as declaration {declaration}, filed {filed_on}; nothing changed"
    none = columns.LIVE_SCHEMA.empty_table()
    return Recorded(int(declaration), False, status, claim_number, int(entries), none, words)  # noqa: FBT003 - as above


def present_statuses(writer: Writer, declarations: Sequence[int]) -> dict[int, tuple[int, str, str | None]]:
    """How many statuses each declaration had, its status and its claim number.

    Raises:
        UsageError: there is no such declaration.
    """
    found: dict[int, tuple[int, str, str | None]] = {}
    for start in range(0, len(declarations), reading.AT_ONCE):
        part = declarations[start : start + reading.AT_ONCE]
        rows = writer.database.rows(
            "SELECT declaration, number, status, claim_number FROM statuses "  # noqa: S608 - marks
            f"WHERE declaration IN ({', '.join('?' * len(part))}) ORDER BY number",
            part,
        )
        found |= {int(home): (int(number), str(status), claim) for home, number, status, claim in rows}
    for declaration in declarations:
        if declaration not in found:
            raise UsageError(f"there is no declaration {declaration} in {writer.database.url}")
    return found


def _with_duplicates(writer: Writer, entries: Entries) -> tuple[Entries, list[pa.Table]]:
    """Entries that another claim holds fail, whatever else was found; the claims that hold them, by declaration."""
    wanted, numbers = entries.is_in(sorted(writer.life.live)), entries.column(ENTRY_NUMBER)
    held = reading.live_rows(writer.database, numbers.filter(pa.array(wanted)))
    found = reading.shown(writer.database, writer.life, held)
    count = len(entries.bounds) - 1
    if not found.num_rows:
        return entries, [found] * count
    holds = one(found, ENTRY_NUMBER)
    duplicate = pc.and_(pa.array(wanted), pc.is_in(numbers, value_set=holds))
    states = pc.if_else(duplicate, FAILED, entries.column(columns.STATE))
    reasons = pc.if_else(duplicate, DUPLICATE, entries.column(columns.REASON))
    homes = entries.homes[pc.index_in(holds, value_set=numbers).to_numpy()]
    return entries.restated(states, reasons), [found.filter(pa.array(homes == home)) for home in range(count)]


def _claim_numbers(
    writer: Writer, submissions: Sequence[Submission], declarations: Sequence[int], entries: Entries
) -> list[str | None]:
    """For each declaration the claim number given, or the next one of ours once an entry stands on a claim.

    Raises:
        UsageError: another declaration has the number given.
    """
    claimed = np.concatenate([[0], np.cumsum(~entries.is_in(sorted(_UNCLAIMED)))])[entries.bounds]
    taken: set[str | None] = set()
    found: list[str | None] = []
    for submission, declaration, count in zip(submissions, declarations, np.diff(claimed).tolist(), strict=True):
        number = submission.claim_number
        if number is not None:
            refuse_taken(writer, number, taken)
        elif count:
            number = _free(writer, FIRST_CLAIM + declaration, taken)
        taken.add(number)
        found.append(number)
    return found


def _free(writer: Writer, number: int, taken: Collection[str | None]) -> str:
    """The first claim number from one on that no declaration has."""
    while str(number) in taken or _is_taken(writer, str(number)):
        number += 1
    return str(number)


def _is_taken(writer: Writer, claim_number: str) -> bool:
    """Whether a declaration has this claim number."""
    return bool(writer.database.rows("SELECT 1 FROM statuses WHERE claim_number = ? LIMIT 1", (claim_number,)))


def refuse_taken(writer: Writer, claim_number: str, taken: Collection[str | None] = ()) -> None:
    """Refuse a claim number that another declaration has, or that this transaction is about to give."""
    if claim_number in taken or _is_taken(writer, claim_number):
        raise UsageError(f"claim number {claim_number} belongs to another declaration; `cape ledger show` lists them")


def _add_declarations(
    writer: Writer, fresh: Sequence[tuple[Submission, int]], declarations: Sequence[int], entries: Entries
) -> None:
    """The rows of the declarations."""
    sizes = np.diff(entries.bounds).tolist()
    about = zip(fresh, declarations, sizes, entries.sums(), entries.digests(), strict=True)
    writer.add(
        "declarations",
        [
            (
                declaration,
                writer.link,
                plain(one.file_name),
                one.file_sha256,
                one.account,
                plain(one.submitter),
                attempt,
                one.filed_on.isoformat(),
                moment(one.received_at),
                size,
                cents,
                digest,
            )
            for (one, attempt), declaration, size, cents, digest in about
        ],
    )


def _add_entries(
    writer: Writer, submissions: Sequence[Submission], declarations: Sequence[int], entries: Entries
) -> None:
    """The steps of every entry from `FILED` to where it stands, and the rows of the claims."""
    count = entries.table.num_rows
    if count == 0:
        return
    numbers, last = entries.column(ENTRY_NUMBER), np.zeros(count, np.int64)
    groups = zip(submissions, entries.groups(writer.life, declarations), strict=True)
    for (day, who), some in groupby(groups, lambda item: (item[0].filed_on, item[0].who)):
        listed: list[Group] = [group for _, own in some for group in own]
        for step, group in zip(writer.steps(numbers, listed, day, who), listed, strict=True):
            last[group.places] = step
    codes = np.array([writer.life.code(word) for word in entries.words], np.int64)[entries.state]
    rows = [
        pa.array(np.array(declarations, np.int64)[entries.homes]),
        numbers,
        codes,
        writer.life.live_codes()[codes].astype(np.int64),
        last,
        entries.column(IMPORTER_NUMBER),
        entries.column(PRINCIPAL_CENTS),
    ]
    writer.database.insert("claim_entries", pa.table(rows, schema=tables.schema("claim_entries")))
