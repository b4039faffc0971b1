"""What officers do: assign entries, release them, lower the principal, reject the claim; each act is chained."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.pipeline.reviewing.files import Decision
from cape_engine.pipeline.reviewing.queue import CLOSED, Waiting
from cape_engine.schema import life
from cape_engine.schema import review as c
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import DECLARATION, REASON, SINCE, STATE
from cape_engine.schema.results import PRINCIPAL_CENTS
from cape_engine.settings import Settings

FAILED = "ENTRY_FAILED"
REJECTED = "REVIEW_REJECTED"
_ONE_DAY = dt.timedelta(days=1)
Act = tuple[str, int | None, str, str]
"""What a decision says: act, new principal, reason, officer."""
_ASKED = [str(column) for column in (DECLARATION, PRINCIPAL_CENTS, SINCE, c.OFFICER, c.DECIDE_BY_DATE, c.DECIDED)]


@dataclass(slots=True)
class Done:
    """What was recorded.

    Attributes:
        counts: entries by `assigned`, `released`, `changed`, `rejected`, `unchanged` and `refused`.
        findings: what did not count, and what a person should know.
    """

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("assigned", "released", "changed", "rejected", "unchanged", "refused"), 0
        )
    )
    findings: Findings = field(default_factory=Findings)


def assign(ledger: Ledger, numbers: Sequence[str], officer: str, on: dt.date, here: Waiting, done: Done) -> None:
    """Give entries in review to an officer; who has them already keeps them.

    Args:
        ledger: inside a transaction.
        numbers: entry numbers.
        officer: who looks at them.
        on: day.
        here: the entries in review.
        done: grows.

    Raises:
        UsageError: no officer is named.
    """
    if not officer.strip():
        raise UsageError("name the officer the entries are assigned to")
    names = [str(column) for column in (ENTRY_NUMBER, DECLARATION, c.OFFICER)]
    rows = {row[names[0]]: row for row in here.queue.select(names).to_pylist()}
    made = []
    for entry in dict.fromkeys(numbers):
        row = rows.get(entry)
        if row is None:
            _not_waiting(ledger, done, Decision(0, entry, c.ASSIGN, None, "", officer))
        elif row[str(c.OFFICER)] == officer:
            done.counts["unchanged"] += 1
        else:
            made.append(_review(row[str(DECLARATION)], Decision(0, entry, c.ASSIGN, None, "", officer), on, None))
    done.counts["assigned"] += len(made)
    ledger.record_reviews(_table(made), on_day=on)


def decide(
    ledger: Ledger, decisions: Sequence[Decision], on: dt.date, here: Waiting, settings: Settings, done: Done
) -> None:
    """Record decisions: a release or change closes the review on the next day to be played, a rejection ends the claim.

    Args:
        ledger: inside a transaction.
        decisions: each entry once.
        on: day of the decisions.
        here: the entries in review on that day.
        settings: `refund.deposit_allocation` says which deposits a lowered principal keeps.
        done: grows.
    """
    last = ledger.last_day()
    received = on if last is None or on > last else last + _ONE_DAY
    places = {entry: place for place, entry in enumerate(here.queue.column(ENTRY_NUMBER).to_pylist())}
    rows = here.queue.select(_ASKED).to_pylist()
    known = _last_acts(ledger)
    good: list[tuple[int, int, Decision]] = []
    for one in decisions:
        place = places.get(one.entry_number, -1)
        row = rows[place] if place >= 0 else None
        repeated = _same(known.get(one.entry_number), one)
        if row is None:
            if repeated:
                done.counts["unchanged"] += 1
            else:
                _not_waiting(ledger, done, one)
        elif row[str(c.DECIDED)] is not None and repeated:
            done.counts["unchanged"] += 1
        elif _counts(one, row, done, on, received):
            good.append((place, row[str(DECLARATION)], one))
    if good and received != on:
        done.findings.add("REVIEW_PLAYED_LATER", value=on, limit=last)
    _write(ledger, good, on, received, here, settings, done)


def _counts(one: Decision, row: dict[str, Any], done: Done, on: dt.date, received: dt.date) -> bool:
    """Whether a decision about an entry in review counts; what a person should know about it."""
    at: dict[str, Any] = {"source": one.source or None, "row": one.row or None, "entry": one.entry_number}
    limit = row[str(PRINCIPAL_CENTS)]
    refusal: dict[str, Any] | None = None
    if row[str(c.DECIDED)] is not None:
        refusal = {"code": "REVIEW_DECIDED_ALREADY", "decision": row[str(c.DECIDED)]}
    elif on < row[str(SINCE)]:
        refusal = {"code": "REVIEW_TOO_EARLY", "value": on, "since": row[str(SINCE)]}
    elif one.act != c.CHANGE and one.principal_cents not in {None, limit}:
        column = str(c.NEW_PRINCIPAL)
        refusal = {"code": "REVIEW_AMOUNT_UNUSED", "column": column, "value": one.principal_cents, "decision": one.act}
    elif one.act == c.CHANGE and (one.principal_cents or 0) > (limit or 0):
        column = str(c.NEW_PRINCIPAL)
        refusal = {
            "code": "REVIEW_AMOUNT_TOO_HIGH",
            "column": column,
            "value": one.principal_cents,
            "limit": limit or 0,
        }
    if refusal is not None:
        done.findings.add(refusal.pop("code"), **at, **refusal)
        done.counts["refused"] += 1
        return False
    officer = row[str(c.OFFICER)]
    if officer is not None and officer != one.officer:
        done.findings.add("REVIEW_OTHER_OFFICER", value=one.officer, other=officer, **at)
    decide_by = row[str(c.DECIDE_BY_DATE)]
    if one.act != c.REJECT and decide_by is not None and received > decide_by:
        done.findings.add("REVIEW_TOO_LATE", limit=decide_by, **at)
    return True


def _write(
    ledger: Ledger,
    good: list[tuple[int, int, Decision]],
    on: dt.date,
    received: dt.date,
    here: Waiting,
    settings: Settings,
    done: Done,
) -> None:
    """The acts, new facts of changed entries, closed reviews, and the steps of rejected ones."""
    cents = here.queue.column(PRINCIPAL_CENTS).to_pylist()
    ledger.record_reviews(_table([_review(home, one, on, cents[place]) for place, home, one in good]), on_day=on)
    changed = [(place, home, one) for place, home, one in good if one.act == c.CHANGE]
    for home in sorted({home for _, home, _ in changed}):
        parts = [(place, one.principal_cents or 0) for place, at, one in changed if at == home]
        ledger.record_facts(home, _lowered(here.facts, parts, settings), on_day=on)
    closed = [one for _, _, one in good if one.act != c.REJECT]
    for officer in sorted({one.officer for one in closed}):
        events = _events([one for one in closed if one.officer == officer], on, received)
        ledger.record_occurrences(events, who=officer, on_day=on)
    rejected = [one for _, _, one in good if one.act == c.REJECT]
    for officer in sorted({one.officer for one in rejected}):
        his = [one for one in rejected if one.officer == officer]
        reasons = pa.array([f"{REJECTED}: {one.reason}" for one in his], pa.string())
        numbers = pa.array([one.entry_number for one in his], pa.string())
        ledger.move(numbers, FAILED, on_day=received, who=officer, reason=reasons)
    words = {c.RELEASE: "released", c.CHANGE: "changed", c.REJECT: "rejected"}
    for _, _, one in good:
        done.counts[words[one.act]] += 1


def _not_waiting(ledger: Ledger, done: Done, one: Decision) -> None:
    """Refuse an act about an entry that is not in review."""
    held = ledger.live(pa.array([one.entry_number], pa.string())).to_pylist()
    state = f" but {held[0][str(STATE)]}" if held else "; no live claim of this ledger holds it"
    at: dict[str, Any] = {"source": one.source or None, "row": one.row or None, "entry": one.entry_number}
    done.findings.add("REVIEW_NOT_WAITING", value=held[0][str(STATE)] if held else None, state=state, **at)
    done.counts["refused"] += 1


def _last_acts(ledger: Ledger) -> dict[str, Act]:
    """The last decision about each entry."""
    rows = ledger.reviews()
    rows = rows.filter(pc.field(c.ACT) != c.ASSIGN)
    words = (rows.column(name).to_pylist() for name in (c.ACT, c.NEW_PRINCIPAL, REASON, c.OFFICER))
    return dict(zip(rows.column(ENTRY_NUMBER).to_pylist(), zip(*words, strict=True), strict=True))


def _same(stands: Act | None, one: Decision) -> bool:
    """Whether a decision is the one that stands in the ledger."""
    return stands == (one.act, one.principal_cents if one.act == c.CHANGE else None, one.reason, one.officer)


def _review(declaration: int, one: Decision, on: dt.date, before: int | None) -> tuple[object, ...]:
    """One row of `schema.review.REVIEWS`."""
    cents = (before or 0, one.principal_cents) if one.act == c.CHANGE else (None, None)
    return (declaration, one.entry_number, one.act, on, one.officer, one.reason, *cents, one.source, one.row)


def _table(rows: list[tuple[object, ...]]) -> pa.Table:
    """Rows of `schema.review.REVIEWS`."""
    if not rows:
        return c.REVIEWS_SCHEMA.empty_table()
    plain = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in c.REVIEWS_SCHEMA]
    columns = [pa.array(cells, type_) for cells, type_ in zip(zip(*rows, strict=True), plain, strict=True)]
    return pa.table(columns, names=c.REVIEWS_SCHEMA.names).cast(c.REVIEWS_SCHEMA)


def _events(decisions: list[Decision], on: dt.date, received: dt.date) -> pa.Table:
    """Reviews that closed, as `cape advance` plays them."""
    columns = {
        ENTRY_NUMBER: [one.entry_number for one in decisions],
        life.EVENT_KIND: [CLOSED] * len(decisions),
        life.EFFECTIVE_DATE: [on] * len(decisions),
        life.EVENT_LIQUIDATION_DATE: pa.nulls(len(decisions), pa.date32()),
        life.NOTE: [one.reason for one in decisions],
        life.RECEIVED_DATE: [received] * len(decisions),
        life.EVENT_SOURCE: [one.source for one in decisions],
        life.EVENT_ROW: [one.row for one in decisions],
    }
    return pa.table({str(name): values for name, values in columns.items()})


def _lowered(facts: pa.Table, parts: list[tuple[int, int]], settings: Settings) -> pa.Table:
    """Facts of changed entries with their new principal, and the deposits that it comes from."""
    rows = facts.take(pa.array([place for place, _ in parts])).select(life.FACTS_SCHEMA.names)
    last_first = settings.text("refund.deposit_allocation") == "last_first"
    slices = [
        kept(list(zip(days or [], cents or [], strict=True)), wanted, last_first=last_first)
        for days, cents, (_, wanted) in zip(
            rows.column(life.DEPOSIT_DATES).to_pylist(),
            rows.column(life.DEPOSIT_AMOUNTS).to_pylist(),
            parts,
            strict=True,
        )
    ]
    new = {
        str(PRINCIPAL_CENTS): pa.array([wanted for _, wanted in parts], pa.int64()),
        str(life.DEPOSIT_DATES): pa.array([[day for day, _ in one] for one in slices], life.DEPOSIT_DATES.type),
        str(life.DEPOSIT_AMOUNTS): pa.array([[cents for _, cents in one] for one in slices], life.DEPOSIT_AMOUNTS.type),
    }
    columns = [new.get(name, rows.column(name)) for name in rows.column_names]
    return pa.table(columns, schema=life.FACTS_SCHEMA)


def kept(slices: list[tuple[dt.date, int]], wanted: int, *, last_first: bool) -> list[tuple[dt.date, int]]:
    """The slices of deposits that a lowered principal still consumes, in the order given (`refund.deposit_allocation`).

    Args:
        slices: day and cents of each deposit that the principal came from.
        wanted: the new principal in cents, not above their sum.
        last_first: the latest deposit is consumed first, not the earliest.
    """
    order = sorted(range(len(slices)), key=lambda place: slices[place][0], reverse=last_first)
    taken = dict.fromkeys(range(len(slices)), 0)
    for place in order:
        taken[place] = min(slices[place][1], wanted)
        wanted -= taken[place]
    return [(day, taken[place]) for place, (day, _) in enumerate(slices) if taken[place]]
