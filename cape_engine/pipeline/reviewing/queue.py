"""Entries that wait for an officer: why they were picked, how long their window is open, who looks at them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.dates import day_number
from cape_engine.ledger import Ledger
from cape_engine.liquidation import review
from cape_engine.liquidation.policy import in_force
from cape_engine.liquidation.releasing import Given
from cape_engine.liquidation.windows import windows
from cape_engine.rules import Ruleset
from cape_engine.schema import life
from cape_engine.schema import review as c
from cape_engine.schema.codes import Flag
from cape_engine.schema.column import Column
from cape_engine.schema.facts import ENTRY_DATE, ENTRY_NUMBER, FILER_CODE, IMPORTER_NUMBER, SCHEDULED_LIQUIDATION_DATE
from cape_engine.schema.ledger import DECLARATION, REASON, SINCE
from cape_engine.schema.results import PRINCIPAL_CENTS
from cape_engine.settings import Settings

CLOSED = "REVIEW_CLOSED"
"""The kind of event that releases an entry from review (event_kinds.csv)."""
NO_DECLARATION = 0
"""Declarations are numbered from 1."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Entries in review, in the order of their numbers.

    Attributes:
        queue: columns `schema.review.QUEUE`.
        facts: columns `schema.life.FACTS` with `declaration`, of the same entries.
    """

    queue: pa.Table
    facts: pa.Table


def waiting(ledger: Ledger, on: dt.date, ruleset: Ruleset, settings: Settings) -> Waiting:
    """Every entry in review, as it stands on a day; sorted by entry number.

    Entries that were never scheduled through this ledger have no facts and are left out.

    Args:
        ledger: open.
        on: the day asked for.
        ruleset: review rules, policies and calendar.
        settings: those the entries were scheduled with; `schedule.*` are read.

    Raises:
        UsageError: no policy holds on that day.
    """
    here = ledger.in_review()
    facts = ledger.facts(here.column(ENTRY_NUMBER).combine_chunks())
    here = here.take(pc.index_in(facts.column(ENTRY_NUMBER), value_set=here.column(ENTRY_NUMBER).combine_chunks()))
    numbers = bridge.single(facts, ENTRY_NUMBER)
    given = _present(ledger, facts)
    found = windows(given, day_number(on), in_force(ruleset, settings, on))
    left = np.where(found.decide_by == NO_DAY, 0, found.decide_by.astype(np.int64) - day_number(on))
    queue = {
        ENTRY_NUMBER: numbers,
        DECLARATION: facts.column(DECLARATION),
        IMPORTER_NUMBER: facts.column(IMPORTER_NUMBER),
        FILER_CODE: facts.column(FILER_CODE),
        PRINCIPAL_CENTS: facts.column(PRINCIPAL_CENTS),
        c.PICKED_BY: _picked_by(facts, here.column(REASON), ruleset, settings),
        SINCE: here.column(SINCE),
        c.OFFICER: _latest(ledger.reviews(), pc.field(c.ACT) == c.ASSIGN, numbers, c.OFFICER),
        life.BASIS_DATE: _days(given.basis),
        c.LAST_RUN_DATE: _days(found.last_run),
        c.DECIDE_BY_DATE: _days(found.decide_by),
        c.DAYS_LEFT: pa.array(left, mask=found.decide_by == NO_DAY),
        c.RELEASED_TO: _days(found.released_to),
        c.DECIDED: _decided(ledger, numbers),
    }
    columns = [_cast(queue[column], c.QUEUE_SCHEMA.field(column).type) for column in c.QUEUE]
    return Waiting(pa.table(columns, schema=c.QUEUE_SCHEMA), facts)


def urgent_first(queue: pa.Table) -> pa.Table:
    """By the last day for a decision, unlimited ones last; then the larger principal; then the entry number."""
    by = [(str(c.DECIDE_BY_DATE), "ascending"), (str(PRINCIPAL_CENTS), "descending"), (str(ENTRY_NUMBER), "ascending")]
    return queue.sort_by(by)  # nulls stand at the end


def _cast(column: pa.Array | pa.ChunkedArray, type_: pa.DataType) -> pa.Array:
    """A column as one array of a type."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole if whole.type == type_ else whole.cast(type_)


def _days(days: Int32s) -> pa.Array:
    """Day numbers as days."""
    return pa.array(days, mask=days == NO_DAY).cast(pa.date32())


def _latest(rows: pa.Table, which: pc.Expression, numbers: pa.Array, column: Column) -> pa.Array:
    """The value of a column in the last row of each entry among those chosen; null where there is none."""
    chosen = rows.filter(which)
    backward = chosen.take(pa.array(np.arange(chosen.num_rows - 1, -1, -1)))
    if not backward.num_rows:
        return pa.nulls(len(numbers), pa.string())
    place = pc.index_in(numbers, value_set=bridge.single(backward, ENTRY_NUMBER))
    return bridge.single(backward, column).cast(pa.string()).take(place)


def _present(ledger: Ledger, facts: pa.Table) -> Given:
    """The days that limit each entry today: its facts, and what later plans made of them."""
    wanted = (life.BASIS_DATE, life.YEAR_END, SCHEDULED_LIQUIDATION_DATE)
    basis, limit, booked = (bridge.days(facts, column).copy() for column in wanted)
    plans = ledger.plans()
    place = pc.index_in(plans.column(ENTRY_NUMBER), value_set=bridge.single(facts, ENTRY_NUMBER))
    at = pc.fill_null(place, -1).to_numpy()
    homes = np.append(facts.column(DECLARATION).to_numpy(), NO_DECLARATION)  # -1 finds the last one
    same = plans.column(DECLARATION).to_numpy() == homes[at]
    for days, column in ((basis, life.BASIS_DATE), (limit, life.LIMIT_DATE)):
        later = bridge.days(plans, column)
        says = same & (later != NO_DAY)
        days[at[says]] = later[says]  # plans stand oldest first, and the last value written counts
        if column == life.LIMIT_DATE:
            booked[at[says]] = NO_DAY  # a hold that ended took the ordinary liquidation with it
    count = facts.num_rows
    nothing = np.full(count, NO_DAY, np.int32)
    accepted, entered = bridge.days(facts, life.ACCEPTED_DATE), bridge.days(facts, ENTRY_DATE)
    return Given(nothing, nothing, np.zeros(count, np.bool_), accepted, entered, basis, limit, booked)


def _picked_by(facts: pa.Table, step_reasons: pa.ChunkedArray, ruleset: Ruleset, settings: Settings) -> pa.Array:
    """The review rules that fit each entry; where none does, what the step into review said."""
    words = bridge.single(facts, life.FLAG_WORDS).cast(pa.string()).dictionary_encode()
    bits = [_bits(text or "") for text in words.dictionary.to_pylist()]
    flags = np.array([*bits, 0], np.uint32)[pc.fill_null(words.indices, len(bits)).to_numpy(zero_copy_only=False)]
    cents = bridge.integers(facts, PRINCIPAL_CENTS, 0)
    rules = review.reasons(bridge.single(facts, ENTRY_NUMBER), flags, cents, ruleset, settings)
    steps = pc.fill_null(step_reasons.combine_chunks(), "")
    return pc.if_else(pc.equal(rules, ""), steps, rules)


def _bits(words: str) -> int:
    """Flags by their names; words that are none are left out."""
    result = Flag(0)
    for word in words.split(";"):
        result |= Flag.__members__.get(word, Flag(0))
    return int(result)


def _decided(ledger: Ledger, numbers: pa.Array) -> pa.Array:
    """The decision that stands and was not played yet."""
    last = ledger.last_day()
    events = ledger.occurrences()
    ahead = pc.field(life.EVENT_KIND) == CLOSED
    if last is not None:
        ahead &= pc.field(life.RECEIVED_DATE) > last
    closing = bridge.single(events.filter(ahead), ENTRY_NUMBER)
    acts = _latest(ledger.reviews(), pc.field(c.ACT) != c.ASSIGN, numbers, c.ACT)
    told = pc.fill_null(acts, c.RELEASE)  # closed by a file of events, without an officer of ours
    return pc.if_else(pc.is_in(numbers, value_set=closing), told, None)
