"""Entries from one state to the next: by an allowed step, or step by step along a road; the rest is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools
from cape_engine.errors import UsageError
from cape_engine.ledger import reading
from cape_engine.ledger.records import Moved
from cape_engine.ledger.recording import checked_numbers, one
from cape_engine.ledger.states import Life, state_words
from cape_engine.ledger.writing import Group, Places, Writer
from cape_engine.schema import ledger as columns
from cape_engine.schema.facts import ENTRY_NUMBER

NO_CLAIM = "no live claim holds the entry"
NOT_DECLARED = "the entry is not on this declaration"
HELD = "another live claim holds the entry"
_ABSENT = 0


@dataclass(frozen=True, slots=True)
class Move:
    """Where entries go, when, by whom, and whether the steps between may be taken too."""

    to_state: str
    on_day: dt.date
    who: str
    declaration: int | None
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
    writer: Writer, numbers: pa.Array, reasons: str | pa.Array, declaration: int | None
) -> tuple[_Found, list[str]]:
    """The claims of the entries."""
    given = checked_numbers(numbers)
    if isinstance(reasons, str):
        told = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(given), np.int32)), pa.array([reasons]))
    elif len(reasons) == len(given):
        told = pc.fill_null(reading.text(reasons), "").dictionary_encode()
    else:
        raise UsageError(f"{len(reasons)} reasons for {len(given)} entries; give one for each, or one text for all")
    order = pc.sort_indices(given)
    entries = given.take(order)
    rows = (
        reading.live_rows(writer.database, entries)
        if declaration is None
        else reading.claim_rows(writer.database, declaration, None)
    )
    places = pc.index_in(entries, value_set=one(rows, ENTRY_NUMBER))
    state, home = (
        pc.fill_null(one(rows, name).take(places), _ABSENT).to_numpy() for name in (columns.STATE, columns.DECLARATION)
    )
    return _Found(entries, state, home, told.indices.to_numpy()[order.to_numpy()]), told.dictionary.to_pylist()


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
        road = roads[code]
        for index, state in enumerate(road):
            ends = index == len(road) - 1
            before = code if index == 0 else writer.life.code(road[index - 1])
            here = places[part]
            told = texts[reason] if ends else ""
            groups.append(Group(declaration, writer.life.code(state), told, here, np.full(len(here), before)))
        last.append((len(groups) - 1, places[part]))
    numbers = writer.steps(found.numbers, groups, how.on_day, how.who)
    steps = np.zeros(len(found.numbers), np.int64)
    for group, here in last:
        steps[here] = numbers[group]
    here = np.sort(places)
    goal = writer.life.code(how.to_state)
    writer.database.update_claims(
        pa.table(
            {
                "declaration": found.declaration[here],
                "entry_number": found.numbers.take(pa.array(here)),
                "state": np.full(len(here), goal),
                "live": np.full(len(here), int(how.to_state in writer.life.live)),
                "step": steps[here],
            }
        )
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
