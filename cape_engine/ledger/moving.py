"""Entries from one state to the next: by an allowed step, or step by step along a road; the rest is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools
from cape_engine.errors import UsageError
from cape_engine.ledger import reading
from cape_engine.ledger.database import Database, Goal
from cape_engine.ledger.records import Moved
from cape_engine.ledger.states import Life, state_words
from cape_engine.ledger.submitting import checked_numbers, in_order, one
from cape_engine.ledger.writing import Group, Places, Writer
from cape_engine.schema import ledger as columns
from cape_engine.schema.facts import ENTRY_NUMBER

NO_CLAIM = "no live claim holds the entry"
NOT_DECLARED = "the entry is not on this declaration"
HELD = "another live claim holds the entry"
_ABSENT = 0
_FEW = 20_000
"""Up to so many entries their live claims are looked up one by one; above, all live claims are read at once."""
_FEW_OF_ONE = 16


@dataclass(frozen=True, slots=True)
class Move:
    """Where entries go, when, by whom, and whether the steps between may be taken too."""

    to_state: str
    on_day: dt.date
    who: str
    declaration: int | pa.Array | None
    by_road: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """The entries to move with the claims they stand on, by place.

    Attributes:
        numbers: sorted entry numbers.
        state: code of the present state, 0 where no claim was found.
        declaration: 0 where none was found.
        reason: place of the reason among the distinct ones.
    """

    numbers: pa.Array
    state: npt.NDArray[np.int64]
    declaration: npt.NDArray[np.int64]
    reason: npt.NDArray[np.int32]


def move(writer: Writer, numbers: pa.Array, reasons: str | pa.Array, how: Move) -> Moved:
    """Move entries inside the open transaction."""
    life = writer.life
    goal = life.code(how.to_state)
    found, texts = _found(writer, numbers, reasons, how.declaration)
    refused, roads = _refusals(life, found, how)
    present = found.state != _ABSENT
    unchanged = present & (found.state == goal)
    going = present & ~unchanged & ~_marked(refused, len(found.numbers))
    if how.to_state in life.live:
        blocked = _blocked(writer, found, going)
        refused.extend((int(place), HELD) for place in np.flatnonzero(blocked))
        going &= ~blocked
    if going.any():
        writer.note_time(how.on_day)
        _write(writer, found, going, roads, texts, how)
    return Moved(int(going.sum()), int(unchanged.sum()), _refused(life, found, refused))


def _found(
    writer: Writer, numbers: pa.Array, reasons: str | pa.Array, declaration: int | pa.Array | None
) -> tuple[_Found, list[str]]:
    """The claims of the entries."""
    given = checked_numbers(numbers)
    if isinstance(reasons, str):
        told = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(given), np.int32)), pa.array([reasons]))
    elif len(reasons) == len(given):
        told = pc.fill_null(reading.text(reasons), "").dictionary_encode()
    else:
        raise UsageError(f"{len(reasons)} reasons for {len(given)} entries; give one for each, or one text for all")
    entries, order = in_order(given)
    homes = declaration
    if isinstance(homes, pa.Array | pa.ChunkedArray):
        if len(homes) != len(given):
            raise UsageError(f"{len(homes)} declarations for {len(given)} entries; give one for each, or one for all")
        homes = reading.whole(homes).cast(pa.int64())
        homes = homes if order is None else homes.take(pa.array(order))
    claims = _claims(writer.database, entries, homes)
    state, home = claims[1:]
    if not claims.numbers.equals(entries):
        places = pc.index_in(entries, value_set=claims.numbers)
        state, home = (pc.fill_null(pa.array(values).take(places), _ABSENT).to_numpy() for values in claims[1:])
    reason = told.indices.to_numpy()
    return _Found(entries, state, home, reason if order is None else reason[order]), told.dictionary.to_pylist()


class _Claims(NamedTuple):
    """Claims as columns."""

    numbers: pa.Array
    state: npt.NDArray[np.int64]
    declaration: npt.NDArray[np.int64]


def _claims(database: Database, entries: pa.Array, declaration: int | pa.Array | None) -> _Claims:
    """The claims of one declaration, the live ones of the entries, or those on the declaration given for each."""
    if isinstance(declaration, pa.Array):
        rows = reading.packed_of(database, pc.unique(declaration).to_pylist(), ("entry_number", "state"))
        found = _Claims(*reading.unpacked_claims(rows))
        place = pc.index_in(found.numbers, value_set=entries)
        meant = pc.fill_null(pc.equal(declaration.take(place), pa.array(found.declaration)), fill_value=False)
        kept = meant.to_numpy(zero_copy_only=False)
        return _Claims(found.numbers.filter(meant), found.state[kept], found.declaration[kept])
    if declaration is None and len(entries) <= _FEW:
        rows = reading.live_rows(database, entries)
        state, home = (one(rows, name).to_numpy() for name in (columns.STATE, columns.DECLARATION))
        return _Claims(one(rows, ENTRY_NUMBER), state, home)
    where, parameters = ("+live = 1", ()) if declaration is None else ("declaration = ?", (declaration,))
    rows = database.packed(("entry_number", "state"), where, parameters)
    return _Claims(*reading.unpacked_claims(rows))


def _refusals(life: Life, found: _Found, how: Move) -> tuple[list[tuple[int, str]], dict[int, tuple[str, ...]]]:
    """Entries without a claim or without an allowed step; and the road from each present state."""
    refused: list[tuple[int, str]] = []
    roads: dict[int, tuple[str, ...]] = {}
    for code in np.unique(found.state):
        places = np.flatnonzero(found.state == code)
        if code == _ABSENT:
            refused.extend((int(place), NO_CLAIM if how.declaration is None else NOT_DECLARED) for place in places)
            continue
        before = life.names[int(code)]
        if how.by_road:
            roads[int(code)] = life.road(before, how.to_state)
        elif (before, how.to_state) in life.guards:
            roads[int(code)] = (how.to_state,)
        if not roads.get(int(code)) and before != how.to_state:
            why = life.refusal(before, how.to_state)
            refused.extend((int(place), why) for place in places)
    return refused, roads


def _marked(refused: list[tuple[int, str]], size: int) -> Bools:
    """Places of the refused entries as a mask."""
    mask = np.zeros(size, np.bool_)
    mask[[place for place, _ in refused]] = True
    return mask


def _blocked(writer: Writer, found: _Found, going: Bools) -> Bools:
    """Entries that would come to life while another claim holds them."""
    waking = going & ~writer.life.live_codes()[found.state]
    blocked = np.zeros(len(going), np.bool_)
    places = np.flatnonzero(waking)
    if len(places):
        numbers = found.numbers.take(pa.array(places))
        held = reading.live_rows(writer.database, numbers)
        blocked[places] = pc.is_in(numbers, value_set=one(held, ENTRY_NUMBER)).to_numpy(zero_copy_only=False)
    return blocked


def _write(
    writer: Writer, found: _Found, going: Bools, roads: dict[int, tuple[str, ...]], texts: list[str], how: Move
) -> None:
    """The steps of all that go, and where they stand now."""
    places = np.flatnonzero(going)
    keys = np.stack([found.declaration[places], found.state[places], found.reason[places]])
    order = np.lexsort((places, keys[2], keys[1], keys[0]))
    places, keys = places[order], keys[:, order]
    edges = np.flatnonzero(np.any(keys[:, 1:] != keys[:, :-1], axis=0)) + 1
    groups: list[Group] = []
    last: list[tuple[int, Places]] = []
    for part in np.split(np.arange(len(places)), edges):
        declaration, code, reason = (int(value) for value in keys[:, part[0]])
        here, before = places[part], code
        for state in roads[code]:
            after = writer.life.code(state)
            told = texts[reason] if state == how.to_state else ""
            groups.append(Group(declaration, before, after, told, here))
            before = after
        last.append((len(groups) - 1, here))
    numbers = writer.steps(found.numbers, groups, how.on_day, how.who)
    _update(writer, found, how.to_state, [(numbers[index], here) for index, here in last])


def _update(writer: Writer, found: _Found, to_state: str, last: list[tuple[int, Places]]) -> None:
    """Where the entries stand now: a declaration's entries of one state by one statement where all of them moved."""
    state, live = writer.life.code(to_state), int(to_state in writer.life.live)
    was_live = writer.life.live_codes()
    for step, here in last:
        declaration, before = int(found.declaration[here[0]]), int(found.state[here[0]])
        goal = Goal(state, step, None if was_live[before] == live else live)
        sql = "SELECT count(*) FROM claim_entries WHERE declaration = ? AND state = ?"
        if len(here) < _FEW_OF_ONE or writer.database.rows(sql, (declaration, before))[0][0] != len(here):
            writer.database.update_claims(declaration, found.numbers.take(pa.array(here)), goal)
            continue
        change = "" if goal.live is None else f", live = {goal.live}"
        writer.database.run(
            f"UPDATE claim_entries SET state = ?, step = ?{change} WHERE declaration = ? AND state = ?",  # noqa: S608 - a digit
            (state, step, declaration, before),
        )


def _refused(life: Life, found: _Found, refused: list[tuple[int, str]]) -> pa.Table:
    """The refused entries as a table, in the order of their numbers."""
    if not refused:
        return columns.REFUSED_SCHEMA.empty_table()
    refused.sort()
    places = pa.array([place for place, _ in refused])
    states = pa.array(found.state).take(places)
    homes = pa.array(found.declaration).take(places)
    return pa.table(
        [
            found.numbers.take(places),
            pc.if_else(pc.equal(homes, _ABSENT), None, homes),
            state_words(life, states),
            pa.array([why for _, why in refused]),
        ],
        schema=columns.REFUSED_SCHEMA,
    )
