"""Recomputes everything a ledger claims: hashes, roads of every entry, present states, live claims and sums."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import Bools
from cape_engine.ledger import chain, reading, tables
from cape_engine.ledger.blobs import digest_of, unpacked_table
from cape_engine.ledger.database import Database, Packed
from cape_engine.ledger.records import Report
from cape_engine.ledger.states import BEGIN, Life
from cape_engine.ledger.verifying_payments import check_payments
from cape_engine.schema import life as columns
from cape_engine.schema.payments import ENROLMENTS_SCHEMA, PAYMENT_EVENTS_SCHEMA

_MOST = 20
"""Problems of one kind that are named; the rest are counted."""
Numbers = npt.NDArray[np.int64]
_STEP = {name: index for index, name in enumerate(chain.CHAINED["steps"])}
_COLUMNS: tuple[Packed, ...] = ("entry_number", "state", "live", "step", "principal_cents", "declared")
_ONE = ord("1")
GUARDS = frozenset(
    {"one_live_claim", "one_trace", "one_successor", *(f"{table}_stay" for table in (*tables.ALL, "schema_version"))}
)
"""Index and triggers that refuse what the engine would never do."""


@dataclass(slots=True)
class _Problems:
    """Sentences about what does not agree."""

    said: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """One problem."""
        self.said.append(sentence)

    def each(self, mask: Bools, name: str, entry: npt.NDArray[np.bytes_], why: str) -> None:
        """One problem for each marked entry, the first ones named."""
        places = np.flatnonzero(mask)
        for place in places[:_MOST]:
            self.add(f"{name}{entry[place].decode('ascii', 'replace')}: {why}")
        if len(places) > _MOST:
            self.add(f"and {len(places) - _MOST:,} more: {why}")


def verify(database: Database, life: Life) -> Report:
    """Recompute a ledger inside one snapshot."""
    problems = _Problems()
    damage = database.complaint()
    if damage is not None:
        return Report(0, 0, 0, "", (damage,))
    for guard in sorted(GUARDS - database.guards()):
        problems.add(f"{guard}: this guard of the database is gone, so that others than the engine could write")
    small = {table: database.rows(tables.select(table, chained=True)) for table in ("links", *chain.CHAINED)}
    head = _check_links(small, problems)
    events, claims = _check_claims(database, life, small, problems)
    check_payments(database, small, problems.add)
    _check_contents(database, small, problems)
    return Report(len(small["links"]), events, claims, head, tuple(problems.said))


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


def _check_claims(
    database: Database, life: Life, small: Mapping[str, list[tuple[Any, ...]]], problems: _Problems
) -> tuple[int, int]:
    """Every declaration with its entries replayed step by step, and no entry live twice; events and claims counted."""
    steps: dict[int, list[tuple[Any, ...]]] = {}
    for row in small["steps"]:
        steps.setdefault(row[_STEP["declaration"]], []).append(row)
    known = {row[0] for row in small["declarations"]}
    stored = {row[0] for row in database.rows("SELECT DISTINCT declaration FROM claim_entries")}
    for odd in sorted((stored | set(steps)) - known):
        problems.add(f"declaration {odd}: its entries or steps are there, it is not")
    claims = 0
    for row in small["declarations"]:
        claims += _check_declaration(database, life, row, steps.get(row[0], []), problems)
    twice = database.rows(
        "SELECT entry_number, count(*) FROM claim_entries WHERE live = 1 GROUP BY entry_number HAVING count(*) > 1"
    )
    for number, count in twice[:_MOST]:
        problems.add(f"entry {number}: {count} live claims hold it")
    return sum(row[_STEP["entries"]] for row in small["steps"]), claims


def _check_declaration(
    database: Database, life: Life, row: tuple[Any, ...], steps: list[tuple[Any, ...]], problems: _Problems
) -> int:
    """One declaration: its entries as declared, and where their steps led them; how many entries it has."""
    declaration = row[0]
    place = {name: index for index, name in enumerate(chain.CHAINED["declarations"])}
    name = f"declaration {declaration}"
    found = database.packed(_COLUMNS, "declaration = ?", (declaration,))
    count, text, state, live, step, cents, declared = found[0][1:] if found else (0, "", "", "", "", 0, "")
    if count != row[place["entries"]]:
        problems.add(f"{name}: {count:,} entries where {row[place['entries']]:,} were declared")
    elif hashlib.sha256(declared.encode()).hexdigest() != row[place["digest"]]:
        problems.add(f"{name}: its entries are not those that were declared")
    if cents != row[place["principal_cents"]]:
        problems.add(f"{name}: its principal adds up to {cents:,} cents, not {row[place['principal_cents']]:,}")
    if len(text.encode()) != chain.ENTRY_BYTES * count or len(state) != count:
        problems.add(f"{name}: an entry number has not 11 characters, or a state is none")
        return int(count)
    entry = np.frombuffer(text.encode(), f"S{chain.ENTRY_BYTES}")
    code, last = _replayed(life, entry, steps, problems)
    stored = reading.unpacked_states(state)
    lasts = np.array(step.split(",") if step else [], np.int64)
    named = f"{name}, entry "
    problems.each((stored != code) | (lasts != last), named, entry, "its state is not that of its last step")
    alive = np.frombuffer(live.encode(), np.uint8) == _ONE
    problems.each(alive != life.live_codes()[code], named, entry, "whether it is live does not follow from its steps")
    return int(count)


def _replayed(
    life: Life, entry: npt.NDArray[np.bytes_], steps: list[tuple[Any, ...]], problems: _Problems
) -> tuple[Numbers, Numbers]:
    """State and last step of each entry after all steps of its declaration."""
    code = np.full(len(entry), life.codes[BEGIN])
    last = np.zeros(len(entry), np.int64)
    for row in steps:
        step, before, after, text = (row[_STEP[name]] for name in ("step", "from_state", "to_state", "entry_numbers"))
        if (life.names.get(before), life.names.get(after)) not in life.guards:
            problems.add(f"step {step}: no such step is allowed by state_transitions.csv")
            continue
        data = text.encode()
        if len(data) != chain.ENTRY_BYTES * row[_STEP["entries"]]:
            problems.add(f"step {step}: {row[_STEP['entries']]:,} entries were written, others stand there")
            continue
        taken = np.frombuffer(data, entry.dtype)
        whole = len(taken) == len(entry) and np.array_equal(taken, entry)
        places: Any = slice(None) if whole else np.minimum(np.searchsorted(entry, taken), max(len(entry) - 1, 0))
        if not whole and (len(entry) == 0 or not np.array_equal(entry[places], taken)):
            problems.add(f"step {step}: an entry that is not on its declaration took it")
            continue
        wrong = code[places] != before
        problems.each(wrong, f"step {step}, entry ", taken, "it stood in another state when it took the step")
        code[places], last[places] = after, step
    return code, last


def _check_contents(database: Database, small: Mapping[str, list[tuple[Any, ...]]], problems: _Problems) -> None:
    """Tables inside cells against the digests that stand in the chain, one at a time."""
    schemas = {
        "facts": columns.FACTS_SCHEMA, "decisions": columns.DECISIONS_SCHEMA, "enrolments": ENROLMENTS_SCHEMA,
        "payment_events": PAYMENT_EVENTS_SCHEMA,
    }  # fmt: skip
    for table, key in tables.PACKED.items():
        names = key.split(", ")
        places = [chain.CHAINED[table].index(name) for name in names]
        sql = f"SELECT content FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in names)}"  # noqa: S608 - our own words
        for row in small[table]:
            where = f"{table} {' '.join(str(row[place]) for place in places)}"
            found = database.rows(sql, [row[place] for place in places])
            try:
                content = unpacked_table(found[0][0], schemas[table])
            except ValueError as error:
                problems.add(f"{where}: its table cannot be read ({error})")
                continue
            if digest_of(content) != row[-1]:
                problems.add(f"{where}: its table is not the one that was recorded")
