"""What a check writes for each declaration: Claim Details, Validation Result and a page; all files appear together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cape_engine import bridge, claim_portal
from cape_engine.outputs import claim_files
from cape_engine.outputs import files as out
from cape_engine.outputs.files import staged
from cape_engine.pipeline.checking.answering import Answer
from cape_engine.pipeline.checking.request import CheckRequest
from cape_engine.report.claim_page import claim_page
from cape_engine.rules import Ruleset
from cape_engine.schema import claims as c
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema.ledger import CLAIM_NUMBER, FILED_ON

DETAILS, VALIDATION, PAGE = ".claim-details.csv", ".validation.csv", ".html"
_REPORT = "Claim Details"
_SAID_AGAIN = frozenset({"NOT_IN_ACE", "CLAIMED_ALREADY", "DECLARATION_SUBMITTER_MISMATCH"})
"""Findings of listed entries that stand among the entry's reasons as well."""


def stems(answers: Sequence[Answer]) -> list[str]:
    """Names of the files of each declaration: its own without the ending; a second one of that name is numbered."""
    taken: set[str] = set()
    found = []
    for answer in answers:
        stem = Path(answer.declaration.name).stem or "declaration"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        found.append(name)
    return found


def details_text(answer: Answer, ruleset: Ruleset, request: CheckRequest) -> bytes:
    """The Claim Details file: one row per entry of the claim; no row without a claim.

    Args:
        answer: of one declaration.
        ruleset: the columns of the report.
        request: guards, line ends, and how many messages are printed.
    """
    head = [row.source_column for row in ruleset.report_columns if row.report == _REPORT]
    rows = []
    if answer.passed:
        guard = claim_files.guarded if request.text_guards else str
        every = request.settings.text("claim.report_errors") == "all"
        number = guard(answer.claim_number or "")
        masks, which = bridge.distinct(answer.failed)
        lists = claim_portal.reason_lists(np.array(masks, np.uint64), ruleset)[1].to_pylist()
        said = [
            (c.ENTRIES[mask > 0], "; ".join(words if every else words[:1]))
            for mask, words in zip(masks, lists, strict=True)
        ]
        listed = answer.declaration.entry_numbers
        rows = [(guard(entry), number, *said[at]) for entry, at in zip(listed, which.tolist(), strict=True)]
    return claim_files.csv_text(head, rows, request.settings.text("claim.newline"))


def validation_text(answer: Answer, entries: pa.Table, request: CheckRequest) -> bytes:
    """The Validation Result File in our form: faults of the file and its rows, every reason of every failed entry."""
    rows = []
    findings = answer.declaration.findings.to_table()
    names = (r.ROW, r.FINDING_ENTRY, r.CODE, r.MESSAGE, r.REMEDY)
    for row, entry, code, message, remedy in zip(*(findings.column(str(n)).to_pylist() for n in names), strict=True):
        if answer.passed and code in _SAID_AGAIN:
            continue
        level = c.LEVEL.words[0 if row is None else 1]
        rows.append((level, "" if row is None else str(row), entry or "", code, message, remedy, ""))
    if answer.passed:
        entries = entries.filter(pa.array(answer.failed != 0))
        columns = (c.FILE_ROW, f.ENTRY_NUMBER, r.REASON_CODES, r.MESSAGES, c.WHAT_TO_DO, c.DO_BY)
        for row, entry, codes, messages, what, day in zip(
            *(entries.column(str(column)).to_pylist() for column in columns), strict=True
        ):
            for code, message in zip(codes, messages, strict=True):
                rows.append((c.LEVEL.words[2], str(row), entry, code, message, what or "", str(day or "")))
    head = [str(column) for column in c.VALIDATION]
    return claim_files.csv_text(head, rows, request.settings.text("claim.newline"))


def written(
    answers: Sequence[Answer],
    tables: Mapping[str, pa.Table],
    manifest: dict[str, Any],
    *,
    ruleset: Ruleset,
    request: CheckRequest,
) -> dict[str, Any]:
    """Write all answers into the folder of the request, the manifest last; files of an earlier check are replaced.

    Returns:
        The manifest as written.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    folder = request.out
    if folder is None:
        return manifest
    texts: dict[str, bytes] = {}
    begin = 0
    for answer, stem in zip(answers, stems(answers), strict=True):
        entries = tables["claimed_entries"].slice(begin, len(answer.failed))
        begin += len(answer.failed)
        texts[stem + DETAILS] = details_text(answer, ruleset, request)
        texts[stem + VALIDATION] = validation_text(answer, entries, request)
        page = claim_page(_facts(answer, request), answer.declaration.findings.to_table(), entries)
        texts[stem + PAGE] = page.encode()
    return _placed(folder, tables, texts, manifest)


def _facts(answer: Answer, request: CheckRequest) -> dict[str, Any]:
    """What the page says of the file itself."""
    return {
        "name": answer.declaration.name,
        str(FILED_ON): answer.judged.as_of,
        "account": request.account.kind,
        "submitter": request.account.submitter,
        "upload": answer.upload,
        "status": answer.status,
        str(CLAIM_NUMBER): answer.claim_number,
        "reasons": list(zip(answer.declaration.reason_codes, answer.declaration.messages, strict=True)),
        "recorded": answer.recorded,
    }


def _placed(
    folder: Path, tables: Mapping[str, pa.Table], texts: Mapping[str, bytes], manifest: dict[str, Any]
) -> dict[str, Any]:
    """Write beside, then move into place, the manifest last; what an earlier check left is removed first."""
    with staged(folder) as staging:
        files = out.write_tables(staging, tables)
        for name, text in texts.items():
            files[name] = out.write_bytes(staging / name, text)
        whole = {**manifest, "files": files}
        out.write_json(staging / out.MANIFEST, whole)
        out.replace_results(staging, folder, files, manifest["command"])
    return whole
