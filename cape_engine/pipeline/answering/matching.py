"""Answers meet the ledger: which declaration a claim of CBP is, and which of its entries an answer speaks of."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
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

    @property
    def filed_on(self) -> dt.date:
        """Filing day of the declaration."""
        assert self.declaration is not None  # noqa: S101 - as above
        found = self.declaration[str(l.FILED_ON)]
        assert isinstance(found, dt.date)  # noqa: S101 - as above
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
    numbers = {claim: known[claim] for claim in by_claim if claim in known}
    strange = {claim: answers for claim, answers in by_claim.items() if claim not in known}
    numbers |= _homes(ledger, {claim: [one.entry_number for one in answers] for claim, answers in strange.items()})
    every = _states(ledger, sorted(set(numbers.values())))
    found = []
    for claim, answers in sorted(by_claim.items()):
        number = numbers.get(claim)
        row = None if number is None else declared[number]
        states = {} if number is None else every[number]
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
    named = {row[str(l.FILE_NAME)]: at for at, row in sorted(declared.items())}
    numbers = {wanted: named[wanted] for wanted in by_file if wanted in named}
    strange = {wanted: answers for wanted, answers in by_file.items() if wanted not in named}
    numbers |= _homes(
        ledger, {wanted: [a.entry_number for a in answers if a.entry_number] for wanted, answers in strange.items()}
    )
    every = _states(ledger, sorted(set(numbers.values())))
    found = []
    for wanted, answers in sorted(by_file.items()):
        number = numbers.get(wanted)
        if number is None:
            findings.add("ANSWER_FILE_UNKNOWN", source=file.name, value=wanted or None)
            continue
        found.append(Match(file.name, declared[number], "", tuple(answers), every[number], whole_file=True))
    return found


def _homes(ledger: Ledger, listed: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """For each list of entries the declaration that holds most of them, the latest of several.

    Claims that hold entries count; only where none does, those that ended.
    """
    found: dict[str, int] = {}
    for alive in (True, False):
        open_lists = {name: numbers for name, numbers in listed.items() if name not in found and numbers}
        if not open_lists:
            break
        asked = pa.array(sorted({number for numbers in open_lists.values() for number in numbers}), pa.string())
        table = ledger.live(asked) if alive else ledger.claims(entry_numbers=asked)
        homes: dict[str, list[int]] = {}
        for entry, home in zip(*(table.column(str(c)).to_pylist() for c in (ENTRY_NUMBER, l.DECLARATION)), strict=True):
            homes.setdefault(entry, []).append(home)
        for name, numbers in open_lists.items():
            counted = Counter(home for number in set(numbers) for home in homes.get(number, ()))
            if counted:
                found[name] = max(counted, key=lambda home: (counted[home], home))
    return found


def _states(ledger: Ledger, declarations: Sequence[int]) -> dict[int, dict[str, str]]:
    """The state of each entry of some declarations."""
    rows = ledger.claims(declaration=declarations)
    found: dict[int, dict[str, str]] = {number: {} for number in declarations}
    states = rows.column(str(l.STATE)).cast(pa.string()).to_pylist()
    numbers, homes = (rows.column(str(column)).to_pylist() for column in (ENTRY_NUMBER, l.DECLARATION))
    for entry, home, state in zip(numbers, homes, states, strict=True):
        found[home][entry] = state
    return found
