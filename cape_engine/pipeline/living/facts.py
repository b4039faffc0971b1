"""What the life must know of entries, taken from the store and from what the run decided about them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge, liquidation, refund, rules
from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.findings import Findings
from cape_engine.liquidation.days import year_ends
from cape_engine.liquidation.holds import holds
from cape_engine.liquidation.life import HOLDS
from cape_engine.pipeline.request import Request
from cape_engine.refund.deposits import slices
from cape_engine.refund.rates import KINDS
from cape_engine.refund.recipients import kinds, parties
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import results as r
from cape_engine.schema.codes import Action, Flag, Standing
from cape_engine.settings import Settings

_BITS = {flag.name: int(flag) for flag in Flag}
_ACTIONS = [action.name.lower() for action in Action]


@dataclass(frozen=True, slots=True)
class Beside:
    """Everything beside the store that facts need."""

    ruleset: rules.Ruleset
    settings: Settings
    headers: pa.Table | None
    deposits: pa.Table | None
    register: refund.Register


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Entries with their place in the schedule.

    Attributes:
        facts: columns `schema.life.FACTS`.
        plans: columns `schema.life.PLANS`, row by row the same entries.
        states: the state each comes to.
    """

    facts: pa.Table
    plans: pa.Table
    states: pa.Array


def scheduled(
    entries: pa.Table, wanted: pa.Table, request: Request, beside: Beside, findings: Findings
) -> list[Scheduled]:
    """The entries of a partition that are to be scheduled, one group for each day of acceptance.

    Args:
        entries: entries of the partition.
        wanted: rows of the run with declaration and acceptance day.
        request: filing and acceptance day of the run.
        beside: everything else.
        findings: those of the schedule are added.
    """
    numbers = bridge.single(entries, f.ENTRY_NUMBER).cast(pa.string())
    place = pc.index_in(bridge.single(wanted, f.ENTRY_NUMBER).cast(pa.string()), value_set=numbers)
    here = pc.is_valid(place)
    rows = wanted.filter(here)
    if not rows.num_rows:
        return []
    whole = entries.take(place.filter(here))
    days = rows.column(str(life.ACCEPTED_DATE)).combine_chunks()
    found = []
    for day in sorted(days.unique().to_pylist()):
        mask = pc.equal(days, day)
        found.append(_of_day(whole.filter(mask), rows.filter(mask), day, request, beside, findings))
    return found


def _of_day(
    entries: pa.Table, rows: pa.Table, day: dt.date, request: Request, beside: Beside, findings: Findings
) -> Scheduled:
    """Entries accepted on one day; where that is the filing day of the run, its acceptance day counts."""
    ruleset, settings = beside.ruleset, beside.settings
    accepted_on = request.accepted_on if day == request.as_of else day
    standing, _ = liquidation.standing(entries, ruleset=ruleset, settings=settings, as_of=day, accepted_on=accepted_on)
    flags = _flag_bits(bridge.single(rows, r.FLAGS))
    principal = bridge.integers(rows, r.PRINCIPAL_CENTS, 0)
    plan = liquidation.plan(
        entries,
        standing,
        accepted=np.ones(entries.num_rows, np.bool_),
        flags=flags,
        principal_cents=principal,
        ruleset=ruleset,
        settings=settings,
        accepted_on=accepted_on,
    )
    findings.extend(plan.findings)
    state = _states(plan)
    known = np.array([bool(word) for word in state], np.bool_)  # the calendar ends before the others' day
    facts = _facts(entries, rows, standing, plan, accepted_on, beside)
    plans = pa.table(
        {
            str(led.DECLARATION): rows.column(str(led.DECLARATION)),
            str(f.ENTRY_NUMBER): rows.column(str(f.ENTRY_NUMBER)).cast(pa.string()),
            str(r.RESULT_LIQUIDATION_DATE): _dates(plan.liquidation_day),
            str(r.ACTION): bridge.words(plan.action.astype(np.int32), _ACTIONS),
            str(life.BASIS_DATE): pa.nulls(len(state), pa.date32()),
            str(life.LIMIT_DATE): pa.nulls(len(state), pa.date32()),
            str(led.REASON): pa.array(_reasons(plan, facts)),
        }
    )
    keep = pa.array(known)
    return Scheduled(facts.filter(keep), plans.filter(keep), pa.array(state).filter(keep))


def _flag_bits(flags: pa.Array) -> npt.NDArray[np.uint32]:
    """Flags of the results, which are lists of words, as bits."""
    words = flags.flatten()
    encoded = (words if pa.types.is_dictionary(words.type) else words.dictionary_encode()) if len(words) else None
    bits = np.zeros(len(flags), np.uint32)
    if encoded is not None:
        table = np.array([_BITS.get(word, 0) for word in encoded.dictionary.to_pylist()], np.uint32)
        row = np.repeat(np.arange(len(flags)), pc.fill_null(pc.list_value_length(flags), 0).to_numpy())
        np.bitwise_or.at(bits, row, table[encoded.indices.to_numpy()])
    return bits


def _states(plan: liquidation.Plan) -> list[str]:
    """The state each entry comes to; blank where the calendar ends before its day. A hold goes before a review."""
    state = np.full(len(plan.action), "", object)
    state[plan.payable] = "SCHEDULED"
    for flag, word in (
        (Flag.IN_REVIEW, "IN_REVIEW"),
        (Flag.HELD, "STRIPPED_WAITING"),
        (Flag.WINDOW_MISSED, "WINDOW_MISSED"),
    ):
        state[(plan.flags & np.uint32(flag)) != 0] = word
    words: list[str] = state.tolist()
    return words


def _reasons(plan: liquidation.Plan, facts: pa.Table) -> list[str]:
    """Why an entry has its place: its hold, its review, or the law that moved it."""
    reason = np.full(len(plan.action), "", object)
    for flag in (Flag.DEEMED_LIMIT, Flag.SCHEDULED_LIQUIDATION, Flag.IN_REVIEW, Flag.WINDOW_MISSED):
        reason[(plan.flags & np.uint32(flag)) != 0] = str(flag.name)
    hold = facts.column(str(life.HOLD)).to_pylist()
    words: list[str] = [told if held is None else held for told, held in zip(reason.tolist(), hold, strict=True)]
    return words


def _dates(days: Int32s) -> pa.Array:
    """Days as dates, null where there is none."""
    return bridge.known_only(days, days != NO_DAY, pa.date32())


def _facts(
    entries: pa.Table,
    rows: pa.Table,
    standing: Standing,
    plan: liquidation.Plan,
    accepted_on: dt.date,
    beside: Beside,
) -> pa.Table:
    """Columns `schema.life.FACTS`."""
    count, principal = entries.num_rows, bridge.integers(rows, r.PRINCIPAL_CENTS, 0)
    year = year_ends(entries)
    booked = bridge.days(entries, f.SCHEDULED_LIQUIDATION_DATE)
    basis = standing.liquidated_day.copy()
    for flag, day in ((Flag.DEEMED_LIMIT, year), (Flag.SCHEDULED_LIQUIDATION, booked)):
        ended = (basis == NO_DAY) & ((plan.flags & np.uint32(flag)) != 0)
        basis[ended] = day[ended]
    who = parties(entries, beside.register)
    kind, assumed = kinds(entries, who, beside.settings)
    hold = holds(entries, standing, ruleset=beside.ruleset).astype(np.int32)
    dates, amounts = _deposits(entries, principal, beside)
    flags = pc.binary_join(bridge.single(rows, r.FLAGS).cast(pa.list_(pa.string())), ";")
    columns = {
        f.ENTRY_NUMBER: rows.column(str(f.ENTRY_NUMBER)),
        f.IMPORTER_NUMBER: bridge.single(entries, f.IMPORTER_NUMBER),
        r.RECIPIENT: rows.column(str(r.RECIPIENT)),
        f.FILER_CODE: bridge.single(entries, f.FILER_CODE),
        f.ENTRY_TYPE: bridge.single(entries, f.ENTRY_TYPE),
        f.ENTRY_DATE: _dates(bridge.days(entries, f.ENTRY_DATE)),
        f.IMPORTER_KIND: bridge.words(np.where(assumed, -1, kind).astype(np.int32), list(KINDS)),
        life.ACCEPTED_DATE: pa.array([accepted_on] * count, pa.date32()),
        life.YEAR_END: _dates(year),
        life.BASIS_DATE: _dates(basis),
        f.SCHEDULED_LIQUIDATION_DATE: _dates(booked),
        life.HOLD: bridge.words(hold, list(HOLDS)),
        life.DEPOSIT_DATES: dates,
        life.DEPOSIT_AMOUNTS: amounts,
        r.PRINCIPAL_CENTS: pa.array(principal),
        r.BILL_CENTS: rows.column(str(r.BILL_CENTS)),
        life.FLAG_WORDS: pc.fill_null(flags, "").dictionary_encode(),
        r.NEW_VERSION: rows.column(str(r.NEW_VERSION)),
        life.PICKED: pa.array((plan.flags & np.uint32(Flag.IN_REVIEW)) != 0),
    }
    made = [column.cast(field.type) for column, field in zip(columns.values(), life.FACTS_SCHEMA, strict=True)]
    return pa.table(made, schema=life.FACTS_SCHEMA)


def _deposits(entries: pa.Table, principal: npt.NDArray[np.int64], beside: Beside) -> tuple[pa.Array, pa.Array]:
    """The deposits that each principal comes from, as lists."""
    found = slices(entries, principal, principal > 0, deposits=beside.deposits, settings=beside.settings)
    ends = np.searchsorted(found.entry, np.arange(entries.num_rows + 1)).astype(np.int32)
    offsets = pa.array(ends)
    dates = pa.ListArray.from_arrays(offsets, pa.array(found.day).cast(pa.date32()))
    return dates, pa.ListArray.from_arrays(offsets, pa.array(found.amount_cents))
