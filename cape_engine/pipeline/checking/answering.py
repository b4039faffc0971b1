"""One answer per declaration: batch checks, claims that hold an entry already, statuses and claim number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import claim_portal
from cape_engine.claim_portal import Declaration
from cape_engine.errors import RuleFileError
from cape_engine.findings import Findings
from cape_engine.pipeline.checking.judging import Bench, Judged
from cape_engine.rules import Ruleset
from cape_engine.schema import claims as c
from cape_engine.schema import facts as f

UInt64s = npt.NDArray[np.uint64]

NOT_IN_SOURCES = -1
_LEAST_CLAIM = 10**11
_CLAIM_NUMBERS = 9 * 10**11


@dataclass(frozen=True, slots=True)
class Answer:
    """What the portal says of one declaration; arrays have one value per listed entry, in file order.

    Attributes:
        declaration: the file, with what its checks found; `accepted` tells whether it became a claim.
        sha256: hash of its bytes.
        size_bytes: its length.
        judged: the judgement that `place` counts; None for a file that failed initial validation.
        upload: status of the upload.
        status: status of the claim; None without one.
        claim_number: 12 digits; None without a claim.
        place: int64 place in `judged`, `NOT_IN_SOURCES` where no source holds the entry.
        failed: bits of the failed rules.
        live_claims: claim that holds an entry already, by entry number.
        recorded: word of `schema.claims.RECORDED`.
        findings: of this declaration.
    """

    declaration: Declaration
    sha256: str
    size_bytes: int
    judged: Judged
    upload: str
    status: str | None
    claim_number: str | None
    place: npt.NDArray[np.int64]
    failed: UInt64s
    live_claims: Mapping[str, str]
    recorded: str
    findings: Findings

    @property
    def passed(self) -> bool:
        """Whether the file became a claim."""
        return self.upload == c.PASSED

    @property
    def accepted(self) -> npt.NDArray[np.bool_]:
        """Which entries the claim holds."""
        found: npt.NDArray[np.bool_] = (self.failed == 0) & self.passed
        return found


def bit(ruleset: Ruleset, rule_id: str) -> np.uint64:
    """The bit of a rule in `failed`.

    Raises:
        RuleFileError: there is no such rule.
    """
    for place, rule in enumerate(ruleset.eligibility):
        if rule.rule_id == rule_id:
            return np.uint64(1 << place)
    raise RuleFileError(f"eligibility_rules.csv has no rule {rule_id}, which a check of declarations needs")


def claim_number(sha256: str, submitter: str, filed_on: object) -> str:
    """A claim number of 12 digits that depends on the file, who files it and when: the same check gives it again."""
    digest = hashlib.sha256(f"{sha256}\0{submitter}\0{filed_on}".encode()).digest()
    return str(_LEAST_CLAIM + int.from_bytes(digest[:8]) % _CLAIM_NUMBERS)


def access_checked(declaration: Declaration, bench: Bench) -> Declaration:
    """A declaration after the test of the account's kind, which stands before all others (handbook 4.1)."""
    account = bench.request.account
    if account.may_file:
        return declaration
    kind = account.kind if account.kind != "filer" else f"filer (Filer Type {account.filer_type})"
    return _refused(declaration, bench, "file_account_kind", "DECLARATION_ACCOUNT_KIND", value=kind)


def _refused(declaration: Declaration, bench: Bench, rule_id: str, code: str, value: object) -> Declaration:
    """A declaration refused for one more reason, the reasons in the order of the checks."""
    rule = bench.ruleset.rule(rule_id)
    words = "" if rule is None else rule.words
    declaration.findings.add(code, source=declaration.name, words=words, value=value)
    return _with_reason(declaration, bench, rule_id)


def _with_reason(declaration: Declaration, bench: Bench, rule_id: str) -> Declaration:
    """A declaration refused by one more rule, its reasons in the order of the checks."""
    failed = {*declaration.reason_codes, rule_id.upper()}
    rules = [rule for rule in bench.ruleset.eligibility if rule.reason_code in failed]
    return replace(
        declaration,
        accepted=False,
        reason_codes=tuple(rule.reason_code for rule in rules),
        messages=tuple(rule.words for rule in rules),
    )


def answered(
    declaration: Declaration,
    sha256: str,
    size_bytes: int,
    *,
    judged: Judged,
    bench: Bench,
    live: Mapping[str, str],
) -> Answer:
    """The answer to one declaration.

    Args:
        declaration: as read.
        sha256: hash of its bytes.
        size_bytes: its length.
        judged: the entries it lists, and perhaps others.
        bench: law, settings, account.
        live: claim that holds an entry already, by entry number.
    """
    ruleset, settings, account = bench.ruleset, bench.request.settings, bench.request.account
    findings = declaration.findings
    if not declaration.accepted:
        none = np.zeros(0, np.int64)
        return Answer(
            declaration, sha256, size_bytes, judged, c.FAILED_INITIAL, None, None, none, none.astype(np.uint64), {},
            "not_recorded", findings,
        )  # fmt: skip
    place = judged.places(declaration.entry_numbers)
    known = place != NOT_IN_SOURCES
    failed = np.where(known, judged.failed[place] if len(judged.failed) else 0, bit(ruleset, "not_in_ace"))
    failed = failed.astype(np.uint64)
    _not_found(declaration, known, findings)
    held = {number: live[number] for number in declaration.entry_numbers if number in live}
    failed |= np.where(_listed(declaration, held), bit(ruleset, "duplicate_claim"), np.uint64(0))
    _held(declaration, held, findings)
    mine = _mine(declaration, judged, account)
    number = claim_number(sha256, account.submitter, judged.as_of)
    early = number if settings.text("claim.number_assigned_at") == "validation" else None
    declaration = _batch_checked(declaration, judged, place, mine, bench)
    failed |= np.where(mine, np.uint64(0), bit(ruleset, "file_submitter_mismatch"))
    if not declaration.accepted:
        return Answer(
            declaration, sha256, size_bytes, judged, c.REJECTED_BATCH, None, early, place, failed, held,
            "not_recorded", findings,
        )  # fmt: skip
    answer = Answer(
        declaration, sha256, size_bytes, judged, c.PASSED, None, number, place, failed, held, "not_recorded", findings
    )
    return with_status(answer, settings.text("claim.all_failed_status"))


def with_status(answer: Answer, all_failed: str) -> Answer:
    """An answer with the claim status that its entries give (handbook 4.5).

    Args:
        answer: of a file that passed.
        all_failed: status of a claim of which no entry is accepted.
    """
    accepted = int(np.count_nonzero(answer.accepted))
    status = c.ACCEPTED if accepted == len(answer.failed) else c.ACCEPTED_WITH_ERRORS if accepted else all_failed
    return replace(answer, status=status)


def _listed(declaration: Declaration, numbers: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    """Which listed entries are among some."""
    return np.array([number in numbers for number in declaration.entry_numbers], np.bool_)


def _not_found(declaration: Declaration, known: npt.NDArray[np.bool_], findings: Findings) -> None:
    """A finding for each entry that no source holds."""
    for at in np.flatnonzero(~known).tolist():
        number, row = declaration.entry_numbers[at], declaration.rows[at]
        _add(findings, "NOT_IN_ACE", declaration, number, row, "")


def _held(declaration: Declaration, held: Mapping[str, str], findings: Findings) -> None:
    """A finding for each entry that another claim holds."""
    if not held:
        return
    for number, row in zip(declaration.entry_numbers, declaration.rows, strict=True):
        if number in held:
            _add(findings, "CLAIMED_ALREADY", declaration, number, row, held[number])


def _add(findings: Findings, code: str, one: Declaration, number: str, row: int, first: str) -> None:
    """One finding of a listed entry."""
    findings.add(code, source=one.name, row=row, column=claim_portal.HEADER, value=number, entry=number, first=first)


def _mine(declaration: Declaration, judged: Judged, account: claim_portal.Account) -> npt.NDArray[np.bool_]:
    """Which listed entries the account may declare; of one that no source holds only the number is known."""
    place = judged.places(declaration.entry_numbers)
    listed = pa.array(declaration.entry_numbers, pa.string())
    rows = pa.array(place, mask=place == NOT_IN_SOURCES)
    importers = judged.entries.column(str(f.IMPORTER_NUMBER)).take(rows)
    return claim_portal.may_declare(account, pa.table({str(f.IMPORTER_NUMBER): importers}), listed)


def _batch_checked(
    declaration: Declaration,
    judged: Judged,
    place: npt.NDArray[np.int64],
    mine: npt.NDArray[np.bool_],
    bench: Bench,
) -> Declaration:
    """A declaration after the checks that need its entries: the submitter (no. 8), and several importers."""
    settings = bench.request.settings
    known = place[place != NOT_IN_SOURCES]
    importers = judged.entries.column(str(f.IMPORTER_NUMBER)).take(pa.array(known))
    words = pc.unique(importers.cast(pa.string())).drop_null().to_pylist()
    count = len({claim_portal.plain_number(word) for word in words})
    if not mine.all():
        declaration = _strangers(declaration, judged, place, mine, bench)
    if count > 1:
        if settings.switch("claim.allow_mixed_importers"):
            rule = bench.ruleset.rule("file_mixed_importers")
            declaration.findings.add(
                "DECLARATION_MIXED_IMPORTERS",
                source=declaration.name,
                value=count,
                words="" if rule is None else rule.words,
            )
        else:
            code = "DECLARATION_MIXED_IMPORTERS_REFUSED"
            declaration = _refused(declaration, bench, "file_mixed_importers", code, value=count)
    return declaration


def _strangers(
    declaration: Declaration,
    judged: Judged,
    place: npt.NDArray[np.int64],
    mine: npt.NDArray[np.bool_],
    bench: Bench,
) -> Declaration:
    """A declaration with entries of others: a finding for each, and the file refused if the setting says so."""
    rule = bench.ruleset.rule("file_submitter_mismatch")
    words, account = "" if rule is None else rule.words, bench.request.account
    importers = judged.entries.column(str(f.IMPORTER_NUMBER))
    for at in np.flatnonzero(~mine).tolist():
        number = declaration.entry_numbers[at]
        owner = importers[int(place[at])].as_py() if place[at] != NOT_IN_SOURCES else None
        declaration.findings.add(
            "DECLARATION_SUBMITTER_MISMATCH",
            source=declaration.name,
            row=declaration.rows[at],
            column=claim_portal.HEADER,
            value=f"importer of record {owner or 'not known'}, filer code {number[:3]}",
            entry=number,
            words=words,
            submitter=account.submitter,
        )
    if bench.request.settings.text("claim.account_mismatch_level") == "entry":
        return declaration
    return _with_reason(declaration, bench, "file_submitter_mismatch")


def claims_made(answers: Sequence[Answer]) -> dict[str, str]:
    """Entries that some answers accepted, with their claim numbers; workbooks are never filed."""
    made: dict[str, str] = {}
    for answer in answers:
        if answer.passed and not answer.declaration.workbook:
            chosen = np.flatnonzero(answer.accepted).tolist()
            made.update((answer.declaration.entry_numbers[at], answer.claim_number or "") for at in chosen)
    return made
