"""Declarations in the order of filing: each answered in the light of those before it, and recorded together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cape_engine.claim_portal import Declaration
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.outputs.files import sha256_of
from cape_engine.pipeline.checking import answering, recording
from cape_engine.pipeline.checking.answering import Answer
from cape_engine.pipeline.checking.judging import Bench, Judged, judge
from cape_engine.pipeline.checking.recording import Earlier
from cape_engine.schema import ledger as led


class Filing:
    """The declarations of one call.

    An answer may hang on the one before it only by a shared entry or as the same file; until one does, answers wait and
    are recorded in one go.
    """

    def __init__(
        self, judged: Judged, bench: Bench, ledger: Ledger | None, declarations: Sequence[Declaration]
    ) -> None:
        """Begin.

        Args:
            judged: every listed entry on the filing day.
            bench: law, settings, account.
            ledger: inside a transaction; without one nothing is remembered.
            declarations: what will be filed.
        """
        self.answers: list[Answer] = []
        self._judged, self._bench, self._ledger = judged, bench, ledger
        numbers = recording.first_reading(declarations)
        self._live = {} if ledger is None else recording.live_claims(ledger, numbers)
        self._held = {number: claim for number, (_holder, claim) in self._live.items()}
        self._known = _known(ledger, len(declarations))
        self._given: dict[str, int] = {}
        self._waiting: list[int] = []
        self._promised: set[str] = set()

    def file(self, path: Path, one: Declaration) -> None:
        """Answer the next declaration.

        Args:
            path: its file.
            one: as read, and tested for the account.
        """
        sha256, size = one.sha256 or sha256_of(path), path.stat().st_size
        if sha256 in self._given or not self._promised.isdisjoint(one.entry_numbers):
            self.settle()
        if sha256 in self._given:
            self.answers.append(_again(self.answers[self._given[sha256]], one))
            return
        self._given[sha256] = len(self.answers)
        filed = recording.recordable_file(one, self._bench)
        before = None
        if self._ledger is not None and filed:
            before = recording.earlier(self._rows(sha256), self._bench, self._bench.request.as_of, self._live)
        if self._ledger is not None and before is not None:
            self.answers.append(self._known_answer(self._ledger, before, one, sha256, size))
            return
        answer = answering.answered(one, sha256, size, judged=self._judged, bench=self._bench, live=self._held)
        self.answers.append(answer)
        claims = answering.claims_made([answer])
        if self._ledger is not None and filed:
            self._waiting.append(len(self.answers) - 1)
            self._promised.update(claims)
        else:
            self._held.update(claims)

    def settle(self) -> None:
        """Record the answers that wait; their claim numbers are the ledger's."""
        if self._ledger is None or not self._waiting:
            return
        waiting = [self.answers[place] for place in self._waiting]
        for place, answer in zip(self._waiting, recording.recorded(waiting, self._ledger, self._bench), strict=True):
            self.answers[place] = answer
            self._held.update(answering.claims_made([answer]))
        self._waiting.clear()
        self._promised.clear()

    def _known_answer(self, ledger: Ledger, before: Earlier, one: Declaration, sha256: str, size: int) -> Answer:
        """The answer to a file that the ledger has: as it was given, or, for a packed one, as it would be."""
        day, judged = self._bench.request.as_of, self._judged
        if before.filed_on != day and not before.packed:
            judged = judge(self._bench, list(one.entry_numbers), before.filed_on, before.filed_on)
        foreign = {number: claim for number, (holder, claim) in self._live.items() if holder != before.declaration}
        answer = answering.answered(one, sha256, size, judged=judged, bench=self._bench, live=foreign)
        if before.packed:
            return recording.as_packed(answer, before)
        return recording.as_it_was(answer, before, ledger, self._bench)

    def _rows(self, sha256: str) -> Sequence[Mapping[str, Any]]:
        """What the ledger knows of a file, oldest first."""
        if self._known is not None:
            return self._known.get(sha256, ())
        rows: list[dict[str, Any]] = [] if self._ledger is None else self._ledger.declared(sha256).to_pylist()
        return rows


_ONE_BY_ONE = 20
"""Up to so many files the ledger is asked for each; above, all declarations are read at once."""


def _known(ledger: Ledger | None, files: int) -> dict[str, list[dict[str, Any]]] | None:
    """Every declaration of the ledger by the hash of its file, where many are asked for."""
    if ledger is None or files <= _ONE_BY_ONE:
        return None
    found: dict[str, list[dict[str, Any]]] = {}
    for row in ledger.declared().to_pylist():
        found.setdefault(row[led.FILE_SHA256], []).append(row)
    return found


def _again(first: Answer, one: Declaration) -> Answer:
    """The answer to a file that was given under another name in the same call: the same one, and nothing else."""
    named = replace(first.declaration, name=one.name, findings=Findings())
    for row in first.declaration.findings.rows:
        named.findings.rows.append(replace(row, source=one.name))
    named.findings.add("DECLARATION_ALREADY_FILED", source=one.name, value=first.judged.as_of)
    recorded = "already_recorded" if first.recorded == "recorded" else first.recorded
    return replace(first, declaration=named, recorded=recorded, findings=named.findings)
