"""One day inside its transaction: played, settled, written, told."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.dates import day_number
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger, Stepped
from cape_engine.ledger.blobs import digest_of
from cape_engine.liquidation.life import LIQUIDATED, RELIQUIDATED, STATES, Events, Played, Rules, play
from cape_engine.liquidation.policy import BEYOND, in_force
from cape_engine.liquidation.releasing import NEVER
from cape_engine.pipeline.living.events import events_of
from cape_engine.pipeline.living.notices import write_notice
from cape_engine.pipeline.living.settling import Settled, settle
from cape_engine.pipeline.living.world import DECIDED, World
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import results as r
from cape_engine.settings import Settings

CONSOLIDATED, ZERO_REFUND = "CONSOLIDATED", "ZERO_REFUND"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all days share: law, settings, and the folder of the notices."""

    ruleset: Ruleset
    settings: Settings
    notices: Path | None


def play_day(ledger: Ledger, world: World, day: dt.date, setting: Setting, findings: Findings) -> dict[str, int]:
    """Play a day and write it; entries and cents by name.

    Args:
        ledger: inside a transaction.
        world: what is alive; changed.
        day: the day.
        setting: what all days share.
        findings: events that do not fit are added.
    """
    number, settings = day_number(day), setting.settings
    policy = in_force(setting.ruleset, settings, day)
    latest = settings.text("schedule.reliq_basis") == "latest"
    rules = Rules(policy, setting.ruleset.event_kinds, settings.number("schedule.daily_capacity"), latest)
    occurrences = ledger.occurrences(day)
    events = events_of(occurrences, world, setting.ruleset)
    before = world.alive.state.copy()
    there = np.flatnonzero(events.place >= 0)
    played = play(world.alive, number, events.at(there), rules)
    played.misfits.extend(np.flatnonzero(events.place < 0).tolist())
    _tell(played, occurrences, events, before, setting.ruleset, day, findings)
    _write_plans(ledger, world, played, day)
    for move in played.moves:
        if move.road[-1] not in (LIQUIDATED, RELIQUIDATED):
            _step(ledger, world, move.places, [move.road], np.zeros(len(move.places), np.int64), day, move.reason)
    settled = _settled(ledger, world, played, setting, day)
    counts = _counts(played, settled)
    result = _hash(played, settled, world)
    if setting.notices is not None and len(played.executed):
        write_notice(ledger, setting.notices, _notice(world, played, settled), day, counts, result)
    run_day = bool(policy.from_day(np.array([number]))[0] == number)
    ledger.record_day(day, run_day=run_day, counts=counts, result_hash=result)
    return counts


def _tell(
    played: Played,
    occurrences: pa.Table,
    events: Events,
    before: npt.NDArray[np.int8],
    ruleset: Ruleset,
    day: dt.date,
    findings: Findings,
) -> None:
    """Findings about events that changed nothing, with the file and the line they came from."""
    kinds = {kind.kind: kind for kind in ruleset.event_kinds}
    for code, rows in (("EVENT_DOES_NOT_FIT", played.misfits), ("EVENT_BEYOND_CALENDAR", played.beyond)):
        rows.sort()
        for row, told in zip(rows, occurrences.take(pa.array(rows, pa.int64())).to_pylist(), strict=True):
            kind, place = kinds[told[life.EVENT_KIND]], int(events.place[row])
            state = STATES[before[place]] if place >= 0 and before[place] != DECIDED else "decided already"
            findings.add(
                code,
                source=told[life.EVENT_SOURCE],
                row=told[life.EVENT_ROW],
                column=str(life.EVENT_KIND),
                value=kind.kind,
                entry=told[f.ENTRY_NUMBER],
                states=" or ".join(kind.from_states),
                holds=f" with the hold {' or '.join(kind.holds)}" if kind.holds else "",
                state=state,
                day=day,
            )


def _dates(days: Int32s) -> pa.Array:
    """Days as dates; what lies beyond the calendar has none."""
    return bridge.known_only(days, (days != NO_DAY) & (days != BEYOND), pa.date32())


def _write_plans(ledger: Ledger, world: World, played: Played, day: dt.date) -> None:
    """The new plans of a day."""
    made = []
    for plan in played.replans:
        basis = np.where(plan.basis == NO_DAY, world.alive.basis[plan.places], plan.basis)
        dated = (plan.day != NO_DAY) & (plan.day != BEYOND)
        action = np.where(dated, np.where(basis == NO_DAY, 0, 1), 2).astype(np.int32)
        limit = np.minimum(plan.limit, np.int32(NEVER))
        columns = {
            led.DECLARATION: pa.array(world.declaration[plan.places]),
            f.ENTRY_NUMBER: world.facts.column(str(f.ENTRY_NUMBER)).take(pa.array(plan.places)),
            r.RESULT_LIQUIDATION_DATE: _dates(plan.day),
            r.ACTION: bridge.words(action, ["liquidate", "reliquidate", "wait"]),
            life.BASIS_DATE: _dates(plan.basis),
            life.LIMIT_DATE: _dates(limit),
            led.REASON: pa.array([plan.reason] * len(plan.places)),
        }
        made.append(pa.table({str(name): values for name, values in columns.items()}).cast(life.PLANS_SCHEMA))
    if made:
        ledger.record_plans(pa.concat_tables(made).unify_dictionaries(), on_day=day)


def _step(
    ledger: Ledger,
    world: World,
    places: npt.NDArray[np.int64],
    roads: list[tuple[str, ...]],
    road: npt.NDArray[np.int64],
    day: dt.date,
    reason: str,
) -> None:
    """Take entries along their roads."""
    numbers = bridge.single(world.facts, f.ENTRY_NUMBER).take(pa.array(places))
    zeros = np.zeros(len(places), np.int64)
    steps = Stepped(numbers, world.declaration[places], world.code[places], road, zeros, tuple(roads), (reason,))
    ledger.step_known(steps, on_day=day)
    ends = np.array([world.codes[one[-1]] if one else 0 for one in roads], np.int64)
    world.code[places] = ends[road]


def _settled(ledger: Ledger, world: World, played: Played, setting: Setting, day: dt.date) -> Settled | None:
    """Today's decisions and those that waited for a rate, as money; None where there are none."""
    waiting = np.setdiff1d(world.undecided(), played.executed)
    if not len(played.executed) and not len(waiting):
        return None
    places = np.union1d(played.executed, waiting)
    found = settle(ledger, world, places, setting.ruleset, setting.settings)
    fresh = np.isin(places, played.executed)
    ready = fresh | found.known
    if not ready.any():
        return None
    again = (world.alive.state[places] == STATES.index(RELIQUIDATED)).astype(np.int64)
    end = np.where(~found.known, 0, np.where(found.paid, 1, 2))
    decided = [(LIQUIDATED,), (RELIQUIDATED,)]
    for own, first in ((fresh & ready, True), (~fresh & ready, False)):
        here = np.flatnonzero(own)
        if not len(here):
            continue
        ends: list[tuple[str, ...]] = [(), (CONSOLIDATED,), (ZERO_REFUND,)]
        roads = [(*(one if first else ()), *rest) for one in decided for rest in ends]
        _step(ledger, world, places[here], roads, (again * len(ends) + end)[here], day, "")
    ledger.record_refunds(found.refunds, found.payments, on_day=day)
    decisions = found.decisions.filter(pa.array(ready))
    ledger.record_decisions(decisions, on_day=day)
    world.alive.state[places[found.known]] = DECIDED
    return Settled(places[ready], decisions, found.refunds, found.payments, found.paid[ready], found.known[ready])


def _counts(played: Played, settled: Settled | None) -> dict[str, int]:
    """Entries and cents of a day by name; what is nothing is left out."""
    counts = dict(played.counts)
    counts["events_refused"] = len(played.misfits) + len(played.beyond)
    if settled is not None:
        counts["consolidated"] = int(settled.paid.sum())
        counts["zero_refund"] = int((settled.known & ~settled.paid).sum())
        counts["interest_waits"] = int((~settled.known).sum())
        counts["refunds"], counts["payments"] = settled.refunds.num_rows, settled.payments.num_rows
        for column in (r.PRINCIPAL_CENTS, r.INTEREST_CENTS):
            counts[str(column)] = int(pc.sum(settled.refunds.column(str(column)), min_count=0).as_py())
    return {name: count for name, count in counts.items() if count}


def _hash(played: Played, settled: Settled | None, world: World) -> str:
    """The hash of everything that a day decided."""
    digest = hashlib.sha256()
    for move in played.moves:
        digest.update(f"{'>'.join(move.road)}|{move.reason}\n".encode() + world.alive.number[move.places].tobytes())
    for plan in played.replans:
        digest.update(f"{plan.reason}\n".encode() + world.alive.number[plan.places].tobytes())
        digest.update(np.stack([plan.day, plan.basis, plan.limit]).astype("<i4").tobytes())
    if settled is not None:
        for table in (settled.decisions, settled.refunds, settled.payments):
            digest.update(digest_of(table).encode())
    return digest.hexdigest()


def _notice(world: World, played: Played, settled: Settled | None) -> pa.Table:
    """Rows of the bulletin notice: what was decided today, in order of entry number."""
    facts = world.facts.take(pa.array(played.executed))
    decisions = settled.decisions if settled is not None else life.DECISIONS_SCHEMA.empty_table()
    own = pc.is_in(bridge.single(decisions, f.ENTRY_NUMBER), value_set=bridge.single(facts, f.ENTRY_NUMBER))
    today = decisions.filter(own)
    names = (f.ENTRY_NUMBER, f.IMPORTER_NUMBER, f.FILER_CODE, f.ENTRY_TYPE, f.ENTRY_DATE)
    decided = {r.RESULT_LIQUIDATION_DATE: led.ON_DAY, r.ACTION: r.ACTION, life.REASON_CODE: life.REASON_CODE,
               r.NEW_VERSION: r.NEW_VERSION}  # fmt: skip
    columns = {str(name): facts.column(str(name)) for name in names}
    columns |= {str(name): today.column(str(column)) for name, column in decided.items()}
    return pa.table(columns)
