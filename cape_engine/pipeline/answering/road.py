"""The road of the loop: files in, claims matched, states moved, lists written, all in one transaction."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

import cape_engine
from cape_engine import rules
from cape_engine.claim_portal.answers import FAILED, UPDATED, Answer, meant_rules, read_answers
from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger, Status
from cape_engine.outputs.files import MANIFEST, refuse_other_results, sha256_of
from cape_engine.outputs.progress import Progress, Silent
from cape_engine.outputs.result_hash import result_hash
from cape_engine.pipeline.answering.matching import Match, matched
from cape_engine.pipeline.answering.request import AnswersRequest, AnswersResult
from cape_engine.pipeline.answering.writing import write_answers
from cape_engine.pipeline.packing.recording import ledger_name
from cape_engine.rules.rows import FailureRoute
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


@dataclass
class Work:
    """What grows while the answers are read."""

    request: AnswersRequest
    ruleset: rules.Ruleset
    ledger: Ledger
    findings: Findings = field(default_factory=Findings)
    answers: list[dict[str, Any]] = field(default_factory=list)
    routed: list[dict[str, Any]] = field(default_factory=list)
    histories: int = 0

    @cached_property
    def routes(self) -> dict[str, FailureRoute]:
        """The way on by rule."""
        return {route.rule_id: route for route in self.ruleset.failure_routes}


def execute_answers(request: AnswersRequest, *, progress: Progress | None = None) -> AnswersResult:
    """Carry out a reading of answers; see `answers`."""
    if not request.files:
        raise UsageError("no file given; name Claim Details or Validation Result files of CBP")
    refuse_other_results(request.out, "answers")
    Ledger.look(request.ledger)  # what cannot be recorded is said before the work
    watcher = progress or Silent()
    watcher.stage("reading answers")
    ruleset = rules.load(request.rules)
    findings = Findings()
    files = [
        read_answers(path, ruleset=ruleset, settings=request.settings, findings=findings) for path in request.files
    ]
    watcher.stage("moving entries", len(files))
    with (
        Ledger.open(request.ledger, create=False) as ledger,
        ledger.transaction(request.received_at),
    ):
        work = Work(request, ruleset, ledger, findings)
        for file in files:
            found = matched(ledger, file, request.declaration, findings)
            for match in found:
                if match.whole_file:
                    _refuse_file(work, match)
            for part in _apart([match for match in found if match.declaration is not None and not match.whole_file]):
                _take(work, part)
            watcher.advance()
        return _result(work)


def _apart(matches: Sequence[Match]) -> Iterator[list[Match]]:
    """The matches in order, in parts in which no declaration and no answered entry stands twice."""
    part: list[Match] = []
    seen: set[object] = set()
    for match in matches:
        own = {match.number, *(answer.entry_number for answer in match.answers)}
        if not seen.isdisjoint(own):
            yield part
            part, seen = [], set()
        part.append(match)
        seen |= own
    if part:
        yield part


def _take(work: Work, matches: Sequence[Match]) -> None:
    """The answers of claims: states move by what CBP says, the declarations get number and status."""
    going = _going(work, matches)
    refused: dict[str, str] = {}
    for state, answers in going.items():
        if answers:
            refused |= _move(work, answers, state)
    _note_all(work, matches, refused)
    moved = {a.entry_number: state for state, some in going.items() for a, _ in some if a.entry_number not in refused}
    statuses = []
    for match in matches:
        after = [moved.get(entry, state) for entry, state in match.states.items()]
        statuses.append(_status(work, match, after))
        waiting = after.count(DECLARED)
        if waiting:
            work.findings.add("ANSWER_MISSING", source=match.source, value=waiting, declaration=match.number)
    work.ledger.set_statuses(statuses, on_day=work.request.as_of, who=WHO)


def _going(work: Work, matches: Sequence[Match]) -> dict[str, list[tuple[Answer, int]]]:
    """The answers that move an entry, with its declaration, by the state it goes to."""
    order = {state.state: place for place, state in enumerate(work.ruleset.entry_states)}
    going: dict[str, list[tuple[Answer, int]]] = {STRIPPED: [], ENTRY_FAILED: []}
    for match in matches:
        for answer in match.answers:
            updated = answer.status == UPDATED
            further = updated and order[match.states[answer.entry_number]] > order[STRIPPED]
            if not further:
                going[STRIPPED if updated else ENTRY_FAILED].append((answer, match.number))
    return going


def _note_all(work: Work, matches: Sequence[Match], refused: dict[str, str]) -> None:
    """The rows of all answers, and the way on for each entry that failed."""
    meanings: dict[tuple[str, dt.date], tuple[str, ...]] = {}
    rows = []
    for match in matches:
        for answer in match.answers:
            key = (answer.message, match.filed_on)
            if key not in meanings:
                meanings[key] = meant_rules(*key, work.ruleset) if answer.message else ()
            rows.append((match, answer, meanings[key]))
    attempts = _attempts(work, [answer.entry_number for _, answer, meant in rows if _may_clear(answer, meant)])
    for match, answer, meant in rows:
        _note(work, match, answer, meant, refused.get(answer.entry_number))
        if answer.status == FAILED and answer.entry_number not in refused:
            _route(work, match, answer, meant, attempts.get(answer.entry_number, 0))


def _move(work: Work, answers: Sequence[tuple[Answer, int]], state: str) -> dict[str, str]:
    """Move entries, each on its declaration, to a state; why not, by entry number, for those that may not go there."""
    moved = work.ledger.move(
        pa.array([answer.entry_number for answer, _ in answers], pa.string()),
        state,
        on_day=work.request.as_of,
        who=WHO,
        reason=pa.array([answer.message for answer, _ in answers], pa.string()),
        declaration=pa.array([declaration for _, declaration in answers], pa.int64()),
        by_road=True,
    )
    rows = {answer.entry_number: answer for answer, _ in answers}
    found = {}
    for one in moved.refused.to_pylist():
        entry, why = one[str(ENTRY_NUMBER)], one[str(l.REASON)]
        found[entry] = why
        work.findings.add("ANSWER_REFUSED", row=rows[entry].row, value=rows[entry].status, entry=entry, why=why)
    return found


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


def _may_clear(answer: Answer, meant: tuple[str, ...]) -> bool:
    """Whether an answer is one of those of which some cleared without any change."""
    return answer.status == FAILED and bool(meant) and meant[0] in RETRIED


def _route(work: Work, match: Match, answer: Answer, meant: tuple[str, ...], attempts: int) -> None:
    """The way on for an entry that CBP failed."""
    if not meant:
        work.findings.add(
            "ANSWER_MESSAGE_UNKNOWN",
            source=match.source,
            row=answer.row,
            value=answer.message,
            entry=answer.entry_number,
        )
    route = work.routes[meant[0] if meant else _MESSAGE_UNKNOWN]
    again = _may_clear(answer, meant) and attempts <= 1
    work.routed.append(
        {
            ENTRY_NUMBER: answer.entry_number,
            FILER_CODE: answer.entry_number[:3],
            l.CLAIM_NUMBER: match.claim_number or None,
            r.MESSAGE: answer.message or None,
            p.MEANT_RULES: "; ".join(one.upper() for one in meant) or None,
            c.ROUTE: route.route,
            c.WHAT_TO_DO: route.remedy,
            p.HOLD: not again,
        }
    )


def _attempts(work: Work, entries: Sequence[str]) -> dict[str, int]:
    """On how many declarations each entry stood so far."""
    if not entries:
        return {}
    return Counter(work.ledger.claims(entry_numbers=pa.array(entries)).column(str(ENTRY_NUMBER)).to_pylist())


def _status(work: Work, match: Match, after: Sequence[str]) -> Status:
    """Status and claim number of the declaration, from what became of its entries."""
    failed = after.count(ENTRY_FAILED)
    status = _ACCEPTED if not failed else _WITH_ERRORS
    if failed == len(after):
        status = work.request.settings.text("claim.all_failed_status")
    had = None if match.declaration is None else match.declaration[str(l.CLAIM_NUMBER)]
    return Status(match.number, status, None if had is not None else match.claim_number or None)


def _refuse_file(work: Work, match: Match) -> None:
    """A file that CBP refused: all its entries go back to where they were, and may be declared again."""
    words = "; ".join(dict.fromkeys(answer.message for answer in match.answers if answer.message))
    entries = [Answer(0, number, "", FAILED, words) for number in sorted(match.states)]
    refused = _move(work, [(answer, match.number) for answer in entries], FILE_REJECTED) if entries else {}
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
