"""The road of the loop: files in, claims matched, states moved, lists written, all in one transaction."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

import cape_engine
from cape_engine import rules
from cape_engine.claim_portal.answers import FAILED, UPDATED, Answer, meant_rules, read_answers
from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.outputs.files import MANIFEST, refuse_other_results, sha256_of
from cape_engine.outputs.result_hash import result_hash
from cape_engine.pipeline.answering.matching import Match, matched
from cape_engine.pipeline.answering.request import AnswersRequest, AnswersResult
from cape_engine.pipeline.answering.writing import write_answers
from cape_engine.pipeline.packing.recording import ledger_name
from cape_engine.schema import claims as c
from cape_engine.schema import ledger as l
from cape_engine.schema import packing as p
from cape_engine.schema import results as r
from cape_engine.schema.facts import ENTRY_NUMBER, FILER_CODE

STRIPPED, ENTRY_FAILED, FILE_REJECTED, DECLARED = "STRIPPED", "ENTRY_FAILED", "FILE_REJECTED", "DECLARED"
ACCEPTED = "accepted"
WHO = "cbp"
RETRIED = frozenset({"unable_to_calculate", "invalid_hts", "hts_relationship"})
"""Failures of which some cleared on retry without any change (handbook 5.9): once they go again by themselves."""
MOST_HISTORIES = 2_000
_MESSAGE_UNKNOWN = "message_unknown"
_REJECTED_FILE = "Rejected by batch validation"
_ACCEPTED, _WITH_ERRORS = c.CLAIMS[0], c.CLAIMS[1]


@dataclass(slots=True)
class Work:
    """What grows while the answers are read."""

    request: AnswersRequest
    ruleset: rules.Ruleset
    ledger: Ledger
    findings: Findings = field(default_factory=Findings)
    answers: list[dict[str, Any]] = field(default_factory=list)
    routed: list[dict[str, Any]] = field(default_factory=list)
    histories: int = 0


def execute_answers(request: AnswersRequest) -> AnswersResult:
    """Carry out a reading of answers; see `answers`."""
    if not request.files:
        raise UsageError("no file given; name Claim Details or Validation Result files of CBP")
    refuse_other_results(request.out, "answers")
    ruleset = rules.load(request.rules)
    findings = Findings()
    files = [
        read_answers(path, ruleset=ruleset, settings=request.settings, findings=findings) for path in request.files
    ]
    with (
        Ledger.open(request.ledger, create=False) as ledger,
        ledger.transaction(request.received_at),
    ):
        work = Work(request, ruleset, ledger, findings)
        for file in files:
            for match in matched(ledger, file, request.declaration, findings):
                if match.whole_file:
                    _refuse_file(work, match)
                elif match.declaration is not None:
                    _take(work, match)
        return _result(work)


def _take(work: Work, match: Match) -> None:
    """The answers of one claim: states move by what CBP says, the declaration gets number and status."""
    number, states = match.number, match.states
    filed_on = match.declaration[str(l.FILED_ON)] if match.declaration else work.request.as_of
    assert isinstance(filed_on, dt.date)  # noqa: S101 - as the schema says
    order = {state.state: place for place, state in enumerate(work.ruleset.entry_states)}
    going: dict[str, list[Answer]] = {STRIPPED: [], ENTRY_FAILED: []}
    for answer in match.answers:
        updated = answer.status == UPDATED
        further = updated and order[states[answer.entry_number]] > order[STRIPPED]
        if not further:
            going[STRIPPED if updated else ENTRY_FAILED].append(answer)
    refused: dict[str, str] = {}
    for state, answers in going.items():
        if answers:
            refused |= _move(work, answers, state, number)
    meanings: dict[str, tuple[str, ...]] = {}
    for answer in match.answers:
        if answer.message not in meanings:
            meanings[answer.message] = meant_rules(answer.message, filed_on, work.ruleset) if answer.message else ()
        _note(work, match, answer, meanings[answer.message], refused.get(answer.entry_number))
    after = _after(states, going, refused)
    _set_status(work, match, after)
    waiting = sum(state == DECLARED for state in after.values())
    if waiting:
        work.findings.add("ANSWER_MISSING", source=match.source, value=waiting, declaration=number)


def _move(work: Work, answers: list[Answer], state: str, declaration: int) -> dict[str, str]:
    """Move entries to a state; why not, by entry number, for those that may not go there."""
    moved = work.ledger.move(
        pa.array([answer.entry_number for answer in answers], pa.string()),
        state,
        on_day=work.request.as_of,
        who=WHO,
        reason=pa.array([answer.message for answer in answers], pa.string()),
        declaration=declaration,
        by_road=True,
    )
    rows = {answer.entry_number: answer for answer in answers}
    found = {}
    for one in moved.refused.to_pylist():
        entry, why = one[str(ENTRY_NUMBER)], one[str(l.REASON)]
        found[entry] = why
        work.findings.add("ANSWER_REFUSED", row=rows[entry].row, value=rows[entry].status, entry=entry, why=why)
    return found


def _after(states: dict[str, str], going: dict[str, list[Answer]], refused: dict[str, str]) -> dict[str, str]:
    """The states of a declaration's entries after the moves."""
    after = dict(states)
    for state, answers in going.items():
        after.update({a.entry_number: state for a in answers if a.entry_number not in refused})
    return after


def _note(work: Work, match: Match, answer: Answer, meant: tuple[str, ...], refused: str | None) -> None:
    """One row of the answers, and one of the routed entries if it failed."""
    before = match.states[answer.entry_number]
    failed = answer.status == FAILED
    target = ENTRY_FAILED if failed else STRIPPED
    expected = _expected(work, answer.entry_number, before)
    rule = meant[0].upper() if meant else ""
    agrees = expected == ACCEPTED if not failed else expected in {rule, answer.message, ENTRY_FAILED}
    work.answers.append(
        {
            ENTRY_NUMBER: answer.entry_number,
            l.CLAIM_NUMBER: match.claim_number or None,
            l.DECLARATION: match.number,
            p.CBP_STATUS: answer.status,
            r.MESSAGE: answer.message or None,
            p.MEANT_RULES: "; ".join(one.upper() for one in meant) or None,
            p.STATE_BEFORE: before,
            l.STATE: before if refused else target,
            p.EXPECTED: expected,
            p.AGREES: agrees,
        }
    )
    if failed and not refused:
        if not meant:
            work.findings.add(
                "ANSWER_MESSAGE_UNKNOWN",
                source=match.source,
                row=answer.row,
                value=answer.message,
                entry=answer.entry_number,
            )
        _route(work, answer, meant, match.claim_number)


def _expected(work: Work, entry: str, before: str) -> str:
    """What we had expected of an entry: accepted, or the reason for which our own check had failed it."""
    if before != ENTRY_FAILED:
        return ACCEPTED
    if work.histories >= MOST_HISTORIES:
        return ENTRY_FAILED
    work.histories += 1
    steps = [
        one
        for one in work.ledger.history(entry).to_pylist()
        if one[str(l.TO_STATE)] == ENTRY_FAILED and one[str(l.WHO)] != WHO
    ]
    return str(steps[-1][str(l.REASON)]) if steps else ENTRY_FAILED


def _route(work: Work, answer: Answer, meant: tuple[str, ...], claim: str) -> None:
    """The way on for an entry that CBP failed."""
    routes = {route.rule_id: route for route in work.ruleset.failure_routes}
    route = routes[meant[0] if meant else _MESSAGE_UNKNOWN]
    again = bool(meant) and meant[0] in RETRIED and _attempts(work, answer.entry_number) <= 1
    work.routed.append(
        {
            ENTRY_NUMBER: answer.entry_number,
            FILER_CODE: answer.entry_number[:3],
            l.CLAIM_NUMBER: claim or None,
            r.MESSAGE: answer.message or None,
            p.MEANT_RULES: "; ".join(one.upper() for one in meant) or None,
            c.ROUTE: route.route,
            c.WHAT_TO_DO: route.remedy,
            p.HOLD: not again,
        }
    )


def _attempts(work: Work, entry: str) -> int:
    """On how many declarations an entry stood so far."""
    return int(work.ledger.claims(entry_numbers=pa.array([entry])).num_rows)


def _set_status(work: Work, match: Match, after: dict[str, str]) -> None:
    """Status and claim number of the declaration, from what became of its entries."""
    failed = sum(state == ENTRY_FAILED for state in after.values())
    status = _ACCEPTED if not failed else _WITH_ERRORS
    if failed == len(after):
        status = work.request.settings.text("claim.all_failed_status")
    had = None if match.declaration is None else match.declaration[str(l.CLAIM_NUMBER)]
    work.ledger.set_status(
        match.number,
        status,
        on_day=work.request.as_of,
        who=WHO,
        claim_number=None if had is not None else match.claim_number or None,
    )


def _refuse_file(work: Work, match: Match) -> None:
    """A file that CBP refused: all its entries go back to where they were, and may be declared again."""
    words = "; ".join(dict.fromkeys(answer.message for answer in match.answers if answer.message))
    entries = [Answer(0, number, "", FAILED, words) for number in sorted(match.states)]
    refused = _move(work, entries, FILE_REJECTED, match.number) if entries else {}
    if len(refused) < len(entries) or not entries:
        work.ledger.set_status(match.number, _REJECTED_FILE, on_day=work.request.as_of, who=WHO, reason=words)
    for answer in entries:
        before = match.states[answer.entry_number]
        stopped = answer.entry_number in refused
        work.answers.append(
            {
                ENTRY_NUMBER: answer.entry_number,
                l.CLAIM_NUMBER: None,
                l.DECLARATION: match.number,
                p.CBP_STATUS: FAILED,
                r.MESSAGE: words or None,
                p.MEANT_RULES: None,
                p.STATE_BEFORE: before,
                l.STATE: before if stopped else FILE_REJECTED,
                p.EXPECTED: ACCEPTED,
                p.AGREES: False,
            }
        )


def _result(work: Work) -> AnswersResult:
    """Tables, manifest, and what is written in the transaction."""
    request = work.request
    pairs: dict[tuple[str, str], list[str]] = {}
    for one in work.answers:
        if not one[p.AGREES]:
            failed = one[p.CBP_STATUS] == FAILED
            theirs = (one[p.MEANT_RULES] or one[r.MESSAGE] or FAILED) if failed else ACCEPTED
            pairs.setdefault((one[p.EXPECTED], theirs), []).append(one[ENTRY_NUMBER])
    differences: list[dict[str, Any]] = [
        {p.OUR_RULE: ours, p.CBP_RULE: theirs, p.DIFFERING_ENTRIES: len(entries), p.EXAMPLE: min(entries)}
        for (ours, theirs), entries in sorted(pairs.items())
    ]
    made = {
        "answers": _table(
            sorted(work.answers, key=lambda one: (one[ENTRY_NUMBER], one[l.DECLARATION])), p.ANSWERS_SCHEMA
        ),
        "routed": _table(sorted(work.routed, key=lambda one: one[ENTRY_NUMBER]), p.ROUTED_SCHEMA),
        "differences": _table(differences, p.DIFFERENCES_SCHEMA),
        "findings": work.findings.to_table(),
    }
    severities = Counter(made["findings"].column(str(r.SEVERITY)).to_pylist())
    statuses = Counter(one[p.CBP_STATUS] for one in work.answers)
    manifest: dict[str, Any] = {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "as_of": request.as_of.isoformat(),
        "ledger": ledger_name(request.ledger),
        "settings": request.settings.in_force(),
        "inputs": [{"name": path.name, "sha256": sha256_of(path)} for path in request.files],
        "ruleset_hash": work.ruleset.hash,
        "counts": {
            "answers": len(work.answers),
            "updated": statuses.get(UPDATED, 0),
            "failed": statuses.get(FAILED, 0),
            "differences": sum(one[p.DIFFERING_ENTRIES] for one in differences),
            "findings_by_severity": dict(sorted(severities.items())),
            "findings_by_code": dict(sorted(Counter(made["findings"].column(str(r.CODE)).to_pylist()).items())),
        },
        "result_hash": result_hash({name: table for name, table in made.items() if name != "findings"}),
    }
    if request.out is None:
        return AnswersResult(manifest, made)
    manifest = write_answers(request.out, made, manifest)
    work.ledger.register_run(
        request.out,
        kind="answers",
        result_hash=manifest["result_hash"],
        manifest_sha256=sha256_of(request.out / MANIFEST),
        totals={name: manifest["counts"][name] for name in ("answers", "updated", "failed")},
        on_day=request.as_of,
    )
    return AnswersResult(manifest, made, request.out)


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of a schema."""
    columns = [pa.array([row[name] for row in rows], _plain(schema.field(name).type)) for name in schema.names]
    return pa.table([column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type in which Python values become a column."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind
