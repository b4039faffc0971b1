"""Answers meet the ledger: which declaration a claim of CBP is, and which of its entries an answer speaks of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from cape_engine.claim_portal.answers import VALIDATION_RESULT, Answer, AnswerFile
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.schema import ledger as l
from cape_engine.schema.facts import ENTRY_NUMBER


@dataclass(frozen=True, slots=True)
class Match:
    """Answers of one claim and the declaration they belong to.

    Attributes:
        source: file of the answers.
        declaration: its row in the ledger (`schema.ledger.DECLARED`); None where no declaration fits.
        claim_number: number that CBP gives to the claim, blank for none.
        answers: those of entries on the declaration.
        states: state of each entry of the declaration, by entry number.
        whole_file: whether CBP refused the whole file (a Validation Result File).
    """

    source: str
    declaration: dict[str, object] | None
    claim_number: str
    answers: tuple[Answer, ...]
    states: dict[str, str]
    whole_file: bool = False

    @property
    def number(self) -> int:
        """Number of the declaration in the ledger."""
        assert self.declaration is not None  # noqa: S101 - asked of matched ones only
        found = self.declaration[str(l.DECLARATION)]
        assert isinstance(found, int)  # noqa: S101 - as the schema says
        return found


def matched(ledger: Ledger, file: AnswerFile, name: str | None, findings: Findings) -> list[Match]:
    """The declarations that a file of CBP answers.

    A claim is the declaration with its number; else, for a number that the ledger does not know yet, the declaration
    that holds most of its entries.

    Args:
        ledger: inside a transaction.
        file: CBP's file.
        name: file name of the declaration, for a Validation Result File that does not say.
        findings: grows by what fits nowhere.
    """
    declared = {row[str(l.DECLARATION)]: row for row in ledger.declared().to_pylist()}
    if file.kind == VALIDATION_RESULT:
        return _refused_files(ledger, file, name, declared, findings)
    by_claim: dict[str, list[Answer]] = {}
    for answer in file.answers:
        by_claim.setdefault(answer.claim_number, []).append(answer)
    known = {row[str(l.CLAIM_NUMBER)]: number for number, row in declared.items() if row[str(l.CLAIM_NUMBER)]}
    found = []
    for claim, answers in sorted(by_claim.items()):
        number = known.get(claim) if claim else None
        if number is None:
            number = _home(ledger, [answer.entry_number for answer in answers])
        row = None if number is None else declared[number]
        states = {} if number is None else _states(ledger, number)
        there = tuple(answer for answer in answers if answer.entry_number in states)
        for answer in answers:
            if answer.entry_number not in states:
                findings.add(
                    "ANSWER_NOT_DECLARED",
                    source=file.name,
                    row=answer.row,
                    value=claim or None,
                    entry=answer.entry_number,
                )
        if row is not None and claim and row[str(l.CLAIM_NUMBER)] not in {None, claim}:
            findings.add(
                "ANSWER_CLAIM_DIFFERS",
                source=file.name,
                value=claim,
                known=row[str(l.CLAIM_NUMBER)],
                declaration=number,
            )
        found.append(Match(file.name, row, claim, there, states))
    return found


def _refused_files(
    ledger: Ledger, file: AnswerFile, name: str | None, declared: dict[int, dict[str, object]], findings: Findings
) -> list[Match]:
    """The declarations that a Validation Result File refuses: one failure refuses the whole file (handbook 4.3)."""
    by_file: dict[str, list[Answer]] = {}
    for answer in file.answers:
        by_file.setdefault(answer.file_name or name or "", []).append(answer)
    found = []
    for wanted, answers in sorted(by_file.items()):
        number = max((at for at, row in declared.items() if row[str(l.FILE_NAME)] == wanted), default=None)
        if number is None:
            number = _home(ledger, [answer.entry_number for answer in answers if answer.entry_number])
        if number is None:
            findings.add("ANSWER_FILE_UNKNOWN", source=file.name, value=wanted or None)
            continue
        found.append(Match(file.name, declared[number], "", tuple(answers), _states(ledger, number), whole_file=True))
    return found


def _home(ledger: Ledger, numbers: Sequence[str]) -> int | None:
    """The declaration that holds most of some entries; the latest of several."""
    if not numbers:
        return None
    wanted = pa.array(sorted(set(numbers)), pa.string())
    rows = ledger.live(wanted)
    if rows.num_rows == 0:
        rows = ledger.claims(entry_numbers=wanted)
    counted = Counter(rows.column(str(l.DECLARATION)).to_pylist())
    return max(counted, key=lambda number: (counted[number], number), default=None)


def _states(ledger: Ledger, declaration: int) -> dict[str, str]:
    """The state of each entry of a declaration."""
    rows = ledger.claims(declaration=declaration)
    states = rows.column(str(l.STATE)).cast(pa.string()).to_pylist()
    return dict(zip(rows.column(str(ENTRY_NUMBER)).to_pylist(), states, strict=True))
