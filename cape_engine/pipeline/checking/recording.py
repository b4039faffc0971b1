"""The ledger in a check: which claims hold entries already, which files were filed before, and what is recorded now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from cape_engine.claim_portal import Declaration
from cape_engine.ledger import Ledger, Submission
from cape_engine.pipeline.checking.answering import Answer, bit, with_status
from cape_engine.pipeline.checking.judging import Bench
from cape_engine.pipeline.checking.tables import principal
from cape_engine.schema import claims as c
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led

NOT_STARTED = "not started"
"""Status of a declaration that was packed and that CBP has not answered."""
_ACCEPTED, _FAILED, _REFUSED = "ACCEPTED", "ENTRY_FAILED", "FILE_REJECTED"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The same file of the same submitter and account, as the ledger has it.

    Attributes:
        declaration: its number.
        filed_on: its filing day.
        claim_number: of its claim, if it became one.
        packed: whether it was only packed, for `account`: CBP has not answered it, and perhaps never saw it.
        account: kind of account and submitter of the packing.
    """

    declaration: int
    filed_on: dt.date
    claim_number: str | None
    packed: bool = False
    account: str = ""


def live_claims(ledger: Ledger, numbers: Sequence[str]) -> dict[str, tuple[int, str]]:
    """The declaration and the claim number that hold entries already, by entry number."""
    table = ledger.live(pa.array(list(numbers), pa.string()))
    columns = [table.column(str(name)).to_pylist() for name in (f.ENTRY_NUMBER, led.DECLARATION, led.CLAIM_NUMBER)]
    return {entry: (number, claim or f"declaration {number}") for entry, number, claim in zip(*columns, strict=True)}


def earlier(
    known: Sequence[Mapping[str, Any]], bench: Bench, as_of: dt.date, live: Mapping[str, tuple[int, str]]
) -> Earlier | None:
    """The earlier filing that makes this one a repetition, or the packing it comes from; None for a new attempt.

    A file whose claim holds no entry any more counts as a new attempt on a later day. A packed file that CBP has not
    answered is the same declaration for every account, since nobody filed it yet.

    Args:
        known: the declarations of this file (`schema.ledger.DECLARED`), oldest first.
        bench: who files.
        as_of: filing day.
        live: declaration and claim number that hold an entry already.
    """
    account = bench.request.account
    for row in reversed(known):
        number, filed_on = row[led.DECLARATION], row[led.FILED_ON]
        if row[led.DECLARATION_STATUS] == NOT_STARTED:
            return Earlier(number, filed_on, None, packed=True, account=f"{row[led.ACCOUNT]} {row[led.SUBMITTER]}")
        if (row[led.ACCOUNT], row[led.SUBMITTER]) != (account.kind, account.submitter):
            continue
        if as_of > filed_on and all(holder != number for holder, _claim in live.values()):
            return None
        return Earlier(number, filed_on, row[led.CLAIM_NUMBER])
    return None


def as_packed(answer: Answer, before: Earlier) -> Answer:
    """The answer to a packed file: what CBP would say on the filing day; only CBP's own answer moves its entries."""
    answer.findings.add(
        "DECLARATION_PACKED",
        source=answer.declaration.name,
        value=before.filed_on,
        declaration=before.declaration,
        account=before.account,
    )
    return replace(answer, recorded="packed")


def as_it_was(answer: Answer, before: Earlier, ledger: Ledger, bench: Bench) -> Answer:
    """The answer to a repeated file: the ledger's claim number, and duplicates as they were found then."""
    claims = ledger.claims(declaration=before.declaration)
    states = dict(
        zip(claims.column(str(f.ENTRY_NUMBER)).to_pylist(), claims.column(str(led.STATE)).to_pylist(), strict=True)
    )
    numbers = answer.declaration.entry_numbers[: len(answer.failed)]
    lost = [states.get(number) == _FAILED and number in answer.live_claims for number in numbers]
    duplicate = bit(bench.ruleset, "duplicate_claim")
    failed = np.where(np.array(lost, np.bool_), answer.failed | duplicate, answer.failed & ~duplicate)
    held = {number: answer.live_claims[number] for number, one in zip(numbers, lost, strict=True) if one}
    found = replace(
        answer,
        failed=failed.astype(np.uint64),
        live_claims=held,
        claim_number=before.claim_number if answer.passed else answer.claim_number,
        recorded="already_recorded",
    )
    answer.findings.add("DECLARATION_ALREADY_FILED", source=answer.declaration.name, value=before.filed_on)
    if not found.passed:
        return found
    return with_status(found, bench.request.settings.text("claim.all_failed_status"))


def recordable_file(declaration: Declaration, bench: Bench) -> bool:
    """Whether CBP would have taken the upload at all: no workbook, and from an account that may file."""
    return not declaration.workbook and bench.request.account.may_file


def recorded(answers: Sequence[Answer], ledger: Ledger, bench: Bench) -> list[Answer]:
    """Record declarations with what became of their entries; their claim numbers are the ledger's."""
    request = bench.request
    results = ledger.record_many(
        [
            Submission(
                file_name=answer.declaration.name,
                file_sha256=answer.sha256,
                account=request.account.kind,
                submitter=request.account.submitter,
                filed_on=answer.judged.as_of,
                received_at=request.received_at,
                status=answer.status or answer.upload,
                entries=_submitted(answer, bench),
                claim_number=None if answer.passed else answer.claim_number,
            )
            for answer in answers
        ]
    )
    return [
        replace(answer, claim_number=result.claim_number or answer.claim_number, recorded="recorded")
        for answer, result in zip(answers, results, strict=True)
    ]


def _submitted(answer: Answer, bench: Bench) -> pa.Table:
    """The entries of an answer with the state they come to (`schema.ledger.SUBMITTED`)."""
    numbers = answer.declaration.entry_numbers[: len(answer.failed)]
    accepted = answer.accepted.tolist()
    states = [_REFUSED if not answer.passed else _ACCEPTED if one else _FAILED for one in accepted]
    rules = bench.ruleset.eligibility
    words = {0: ""}
    for mask in np.unique(answer.failed).tolist():
        first = next((rule.reason_code for place, rule in enumerate(rules) if mask >> place & 1), "")
        words[mask] = first or ("INPUT_REFUSED" if mask >> 63 else "HOLD_NOT_IN_PHASE" if mask else "")
    place = answer.place
    importers = answer.judged.entries.column(str(f.IMPORTER_NUMBER)).take(pa.array(place, mask=place < 0))
    return pa.table(
        {
            str(f.ENTRY_NUMBER): pa.array(numbers, pa.string()),
            str(led.STATE): pa.array(states, pa.string()),
            str(led.REASON): pa.array([words[mask] for mask in answer.failed.tolist()], pa.string()),
            str(f.IMPORTER_NUMBER): importers.cast(pa.string()),
            str(c.ASKED_CENTS): pa.array(principal(answer)),
        }
    )


def first_reading(declarations: Sequence[Declaration]) -> list[str]:
    """Every number of the accepted declarations once."""
    return list(dict.fromkeys(number for one in declarations for number in one.entry_numbers))
