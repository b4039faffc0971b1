"""Recomputes everything a ledger claims: hashes, roads of every entry, present states, live claims and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools
from cape_engine.ledger import chain, tables
from cape_engine.ledger.database import Database
from cape_engine.ledger.records import Report
from cape_engine.ledger.states import BEGIN, Life

_MOST = 20
"""Problems of one kind that are named; the rest are counted."""
Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Problems:
    """Sentences about what does not agree."""

    said: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """One problem."""
        self.said.append(sentence)

    def each(self, mask: Bools, name: Any, why: str) -> None:
        """One problem for each marked place, the first ones named by `name(place)`."""
        places = np.flatnonzero(mask)
        for place in places[:_MOST]:
            self.add(f"{name(int(place))}: {why}")
        if len(places) > _MOST:
            self.add(f"and {len(places) - _MOST:,} more: {why}")


@dataclass(frozen=True, slots=True)
class _Steps:
    """The steps by number: declaration and state of each, 0 for a number that does not exist."""

    declaration: Numbers
    to_state: Numbers

    def known(self, steps: Numbers) -> Bools:
        """Which step numbers exist."""
        inside = (steps > 0) & (steps < len(self.declaration))
        return inside & (self.declaration[np.where(inside, steps, 0)] > 0)


def verify(database: Database, life: Life) -> Report:
    """Recompute a ledger inside one snapshot."""
    problems = _Problems()
    damage = database.complaint()
    if damage is not None:
        return Report(0, 0, 0, "", (damage,))
    small = {table: database.rows(tables.select(table)) for table in ("links", *chain.CHAINED)}
    head = _check_links(small, problems)
    steps = _steps(small["steps"])
    events = _check_events(database, life, small["steps"], steps, problems)
    claims = _check_claims(database, life, small["declarations"], events, problems)
    _check_sums(small, problems)
    return Report(len(small["links"]), events.count, claims, head, tuple(problems.said))


def _by_link(table: str, rows: list[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    """Rows of a table by the link they were written with."""
    place = chain.CHAINED[table].index("link")
    ordered = sorted(rows, key=itemgetter(place))
    return {link: list(found) for link, found in groupby(ordered, key=itemgetter(place))}


def _check_links(small: Mapping[str, list[tuple[Any, ...]]], problems: _Problems) -> str:
    """The chain from its first link to its last; the hash of the last."""
    by_link = {table: _by_link(table, small[table]) for table in chain.CHAINED}
    before, known = chain.START, set()
    for expected, (link, recorded_at, engine, hash_) in enumerate(small["links"], 1):
        known.add(link)
        if link != expected:
            problems.add(f"link {expected}: missing; the next one is {link}")
        rows = {table: found.get(link, []) for table, found in by_link.items()}
        if chain.link_hash(before, link, recorded_at, engine, rows) != hash_:
            problems.add(f"link {link}: its rows, or the link before, are not those it was made from")
        before = hash_
    for table, found in by_link.items():
        for link in sorted(set(found) - known):
            problems.add(f"{table}: {len(found[link])} rows name link {link}, which does not exist")
    return before if small["links"] else ""


def _steps(rows: list[tuple[Any, ...]]) -> _Steps:
    """The steps by number."""
    size = max((row[0] for row in rows), default=0) + 1
    found = _Steps(np.zeros(size, np.int64), np.zeros(size, np.int64))
    for row in rows:
        found.declaration[row[0]], found.to_state[row[0]] = row[2], row[3]
    return found


@dataclass(frozen=True, slots=True)
class _Ends:
    """The last event of each entry on each declaration, sorted by declaration and entry number."""

    count: int
    entry: npt.NDArray[np.bytes_]
    declaration: Numbers
    state: Numbers
    step: Numbers


def _check_events(
    database: Database, life: Life, rows: list[tuple[Any, ...]], steps: _Steps, problems: _Problems
) -> _Ends:
    """Digests of all steps, and the road of every entry."""
    table = database.table(tables.select("events"), tables.schema("events"))
    entry = _bytes(table.column("entry_number"), problems)
    step, before = (table.column(name).to_numpy() for name in ("step", "from_state"))
    unknown = ~steps.known(step)
    problems.each(unknown, lambda place: f"entry {_word(entry[place])}", "its event names a step that does not exist")
    if unknown.any():
        entry, step, before = entry[~unknown], step[~unknown], before[~unknown]
    _check_digests(rows, entry, step, before, problems)
    declaration, after = steps.declaration[step], steps.to_state[step]
    run = np.cumsum(np.concatenate([[False], entry[1:] != entry[:-1]])) if len(entry) else np.zeros(0, np.int64)
    order = np.lexsort((step, run, declaration))
    entry, step, before, declaration, after = (values[order] for values in (entry, step, before, declaration, after))
    first = np.ones(len(entry), np.bool_)
    if len(entry):
        first[1:] = (entry[1:] != entry[:-1]) | (declaration[1:] != declaration[:-1])
    wanted = np.where(first, life.codes[BEGIN], np.roll(after, 1))
    name = lambda place: f"entry {_word(entry[place])}, step {step[place]}"  # noqa: E731 - one line in two places
    problems.each(before != wanted, name, "it begins in another state than the one before ended in")
    allowed = life.allowed()
    inside = (before < len(allowed)) & (after < len(allowed)) & (before >= 0)
    legal = inside & allowed[np.where(inside, before, 0), np.where(inside, after, 0)]
    problems.each(~legal, name, "no such step is allowed by state_transitions.csv")
    last = np.roll(first, -1)
    return _Ends(table.num_rows, entry[last], declaration[last], after[last], step[last])


def _check_digests(
    rows: list[tuple[Any, ...]],
    entry: npt.NDArray[np.bytes_],
    step: Numbers,
    before: Numbers,
    problems: _Problems,
) -> None:
    """The events of each step against its count and digest."""
    order = np.argsort(step, kind="stable")
    ordered = step[order]
    numbers = np.array([row[0] for row in rows], np.int64)
    starts, ends = np.searchsorted(ordered, numbers), np.searchsorted(ordered, numbers, side="right")
    entry, before = entry[order], before[order]
    for row, start, end in zip(rows, starts.tolist(), ends.tolist(), strict=True):
        count, digest = row[7], row[8]
        if end - start != count:
            problems.add(f"step {row[0]}: {end - start:,} events where {count:,} were written")
        elif chain.events_digest(entry[start:end], before[start:end]) != digest:
            problems.add(f"step {row[0]}: its events are not those that were written")


def _check_claims(
    database: Database, life: Life, declarations: list[tuple[Any, ...]], ends: _Ends, problems: _Problems
) -> int:
    """Every claim against its declaration, its last event, and every other claim of the entry."""
    table = database.table(tables.select("claim_entries"), tables.schema("claim_entries"))
    entry = _bytes(table.column("entry_number"), problems)
    declaration, state, live, step = (
        table.column(name).to_numpy() for name in ("declaration", "state", "live", "step")
    )
    _check_declarations(table, declarations, declaration, problems)
    name = lambda place: f"entry {_word(entry[place])}, declaration {declaration[place]}"  # noqa: E731 - several places
    if (
        len(entry) == len(ends.entry)
        and np.array_equal(entry, ends.entry)
        and np.array_equal(declaration, ends.declaration)
    ):
        wrong = (state != ends.state) | (step != ends.step)
        problems.each(wrong, name, "its state is not that of its last event")
    else:
        ours = {(int(home), bytes(number)) for home, number in zip(declaration, entry, strict=True)}
        theirs = {(int(home), bytes(number)) for home, number in zip(ends.declaration, ends.entry, strict=True)}
        for home, number in sorted(ours ^ theirs)[:_MOST]:
            what = "a claim without events" if (home, number) in ours else "events without a claim"
            problems.add(f"entry {number.decode()}, declaration {home}: {what}")
    codes = life.live_codes()
    known = (state >= 0) & (state < len(codes))
    wrong = ~known | (codes[np.where(known, state, 0)] != (live == 1))
    problems.each(wrong, name, "whether it is live does not follow from its state")
    held = np.flatnonzero(live == 1)
    numbers = np.sort(entry[held])
    twice = numbers[1:][numbers[1:] == numbers[:-1]]
    problems.each(
        np.ones(len(twice), np.bool_), lambda place: f"entry {_word(twice[place])}", "two live claims hold it"
    )
    return len(entry)


def _check_declarations(
    table: pa.Table, declarations: list[tuple[Any, ...]], home: Numbers, problems: _Problems
) -> None:
    """The entries of each declaration against its count, sum and digest."""
    numbers = np.array([row[0] for row in declarations], np.int64)
    starts, ends = np.searchsorted(home, numbers), np.searchsorted(home, numbers, side="right")
    if not np.isin(home, numbers).all():
        problems.add("claim_entries: rows name a declaration that does not exist")
    columns = [table.column(name).combine_chunks() for name in ("entry_number", "importer_number", "principal_cents")]
    for row, start, end in zip(declarations, starts.tolist(), ends.tolist(), strict=True):
        parts = [column.slice(start, end - start) for column in columns]
        if end - start != row[9]:
            problems.add(f"declaration {row[0]}: {end - start:,} entries where {row[9]:,} were declared")
        elif pc.sum(parts[2], min_count=0).as_py() != row[10]:
            problems.add(f"declaration {row[0]}: its principal does not add up to {row[10]:,} cents")
        elif chain.entries_digest(*parts) != row[11]:
            problems.add(f"declaration {row[0]}: its entries are not those that were declared")


def _check_sums(small: Mapping[str, list[tuple[Any, ...]]], problems: _Problems) -> None:
    """Refunds against their parts, payments that replace others aside."""
    replaced = {row[7] for row in small["payments"] if row[7] is not None}
    paid: dict[str, int] = {}
    for row in small["payments"]:
        if row[0] not in replaced:
            paid[row[2]] = paid.get(row[2], 0) + row[5]
    for row in small["refunds"]:
        if row[8] != row[6] + row[7]:
            problems.add(f"refund {row[0]}: {row[8]:,} cents are not its principal and interest")
        if row[0] in paid and paid[row[0]] != row[8]:
            problems.add(f"refund {row[0]}: its payments add up to {paid[row[0]]:,} cents, not {row[8]:,}")


def _bytes(column: pa.ChunkedArray, problems: _Problems) -> npt.NDArray[np.bytes_]:
    """Entry numbers as fixed bytes; one of another length is a problem of its own."""
    numbers = column.combine_chunks()
    odd = pc.not_equal(pc.binary_length(numbers), chain.ENTRY_BYTES)
    if pc.any(odd, min_count=0).as_py():
        problems.add(f"entry {numbers.filter(odd)[0].as_py()!r}: not 11 characters")
        numbers = pc.utf8_slice_codeunits(pc.utf8_rpad(numbers, chain.ENTRY_BYTES, "?"), 0, chain.ENTRY_BYTES)
    found: npt.NDArray[np.bytes_] = chain.entry_bytes(numbers)
    return found


def _word(number: np.bytes_) -> str:
    """An entry number for people."""
    return bytes(number).decode("utf-8", "replace")
