"""The road of `cape advance`: every day is one transaction, played on arrays of all that is alive."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from cape_engine import rules
from cape_engine.dates import date_of, day_number
from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.liquidation.policy import in_force
from cape_engine.pipeline.living import events as reading
from cape_engine.pipeline.living.day import Setting, play_day
from cape_engine.pipeline.living.request import AdvanceRequest, AdvanceResult
from cape_engine.pipeline.living.world import World, load
from cape_engine.schema import life
from cape_engine.settings import Settings

FROM_PYTHON = "python"
"""Name of the source of events that came as a table."""


@dataclass(slots=True)
class _Held:
    """What is alive, with the link of the ledger at which it was read or last changed by us."""

    world: World
    link: int
    counts: Counter[str] = field(default_factory=Counter)


def execute_advance(request: AdvanceRequest) -> AdvanceResult:
    """Play the days; see `advance`."""
    settings = Settings.build(request.changes, request.settings_file)
    ruleset = rules.load(request.rules)
    findings = Findings()
    with Ledger.open(request.ledger, create=False) as ledger:
        with ledger.transaction():
            held = _Held(load(ledger, ruleset), ledger.head()[0])
            first = _first(ledger, request, held.world)
            calendar = in_force(ruleset, settings, first).runs.last
            if day_number(request.to) > calendar:
                raise UsageError(
                    f"the calendar ends on {date_of(calendar)}, and {request.to} lies after it; play days up to then, "
                    "or use a version of the engine whose calendar of holidays reaches further"
                )
            bounds = reading.Bounds(first, calendar)
            if _take_events(ledger, request, held.world, ruleset, bounds, findings):
                held.link += 1
        setting = Setting(ruleset, settings, request.notices)
        day = first
        while day <= request.to:
            _one_day(ledger, held, day, setting, findings)
            day += dt.timedelta(days=1)
        days = ledger.days()
    return _result(held, days, first, findings)


def _first(ledger: Ledger, request: AdvanceRequest, world: World) -> dt.date:
    """The first day that was not played yet.

    Raises:
        UsageError: nothing was scheduled yet, or another day was asked for.
    """
    last = ledger.last_day()
    if last is not None:
        following = last + dt.timedelta(days=1)
        if request.start is not None and request.start > following:
            raise UsageError(f"days up to {last} were played; the next one is {following}, not {request.start}")
        return following
    if request.start is not None:
        return request.start
    if not len(world.alive.accepted):
        raise UsageError(f"{request.ledger}: no entry is scheduled there. Schedule a run first (`cape schedule`).")
    return date_of(int(world.alive.accepted.min()))


def _take_events(
    ledger: Ledger,
    request: AdvanceRequest,
    world: World,
    ruleset: rules.Ruleset,
    bounds: reading.Bounds,
    findings: Findings,
) -> bool:
    """Record the events that are new; whether there were any."""
    sources = reading.read_files(request.events, findings)
    if request.event_table is not None:
        sources.append((FROM_PYTHON, reading.as_text(request.event_table, FROM_PYTHON, findings)))
    good = [reading.tested(name, rows, world, ruleset, bounds, findings) for name, rows in sources]
    good = [rows for rows in good if rows.num_rows]
    if not good:
        return False
    new = ledger.record_occurrences(pa.concat_tables(good), who=request.who, on_day=bounds.first)
    return bool(new.num_rows)


def _one_day(ledger: Ledger, held: _Held, day: dt.date, setting: Setting, findings: Findings) -> None:
    """One day, in one transaction; what another writer did since the day before is read again."""
    with ledger.transaction():
        link = ledger.head()[0]
        if link != held.link:
            held.world = load(ledger, setting.ruleset)
        last = ledger.last_day()
        if last is not None and day <= last:  # another process played it in between
            held.link = link
            return
        held.counts.update(play_day(ledger, held.world, day, setting, findings))
        held.link = link + 1


def _result(held: _Held, days: pa.Table, first: dt.date, findings: Findings) -> AdvanceResult:
    """What all days did together."""
    played = days.column(str(life.PLAYED_DAY)).to_pylist()
    begin = next(itertools.chain((place for place, day in enumerate(played) if day >= first), (len(played),)))
    waiting = len(held.world.undecided())
    if waiting:
        findings.add("INTEREST_WAITS", value=waiting)
    return AdvanceResult(
        dict(sorted(held.counts.items())),
        days.slice(begin),
        findings.to_table(),
        first if begin < len(played) else None,
        played[-1] if played else None,
    )
