"""Reports and bank files read: every row is either used or named in a finding, never both and never neither."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s
from cape_engine.errors import CapeError, InputError
from cape_engine.findings import Findings
from cape_engine.intake import files
from cape_engine.intake.block import Block
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.headings import Layout
from cape_engine.intake.opening import open_table
from cape_engine.refund.reconciliation import cells as cell
from cape_engine.refund.reconciliation.mapping import Mapped, headings_of
from cape_engine.refund.reconciliation.rows import NONE, Rows, Vocabularies, joined
from cape_engine.schema import facts as f
from cape_engine.schema import reconciliation as c
from cape_engine.schema.column import Column

STATUSES = ("Sent to Treasury", "Treasury Issued", "Funds Diverted", "Check/ACH Returned")
"""Statuses of a refund (CSMS 68536553)."""
SENT, ISSUED, DIVERTED, RETURNED = range(len(STATUSES))
_STATUS_CODES = {word.upper(): place for place, word in enumerate(STATUSES)}
_BAD_RECORDS = frozenset({"ROW_CELLS", "ROW_NOT_DATA", "ROW_QUOTE_OPEN"})
_SHOWN = 60
_MIX = np.uint64(0x9E3779B97F4A7C15)


def read_reports(
    reports: Mapping[str, Sequence[Path]],
    mapped: Mapping[str, Mapped],
    words: Vocabularies,
    findings: Findings,
    done: Callable[[], None],
) -> dict[str, Rows]:
    """All files of all kinds; their parts are read side by side, and numbered and tested in order.

    Args:
        reports: files (CSV, .xlsx or Parquet) by kind, as in `schema.reconciliation.REPORTS`.
        mapped: by kind what each heading is.
        words: vocabularies of all reports.
        findings: takes every row that is not used.
        done: called after each kind.

    Raises:
        MappingError: a heading is not mapped.
        InputError: a file cannot be read.
    """
    found = {}
    pool = ThreadPoolExecutor(max(os.cpu_count() or 1, 1))
    try:
        opened = [
            (report, [_File(report, path, mapped.get(report), words, findings).open(pool) for path in paths])
            for report, paths in reports.items()
        ]
        for report, files_ in opened:
            found[report] = joined(report, [file.read() for file in files_])
            done()
    finally:
        pool.shutdown(cancel_futures=True)
    return found


class _Prepared(NamedTuple):
    """A part of a file, and its columns as far as they can be read without the parts before."""

    block: Block
    columns: Mapping[Column, cell.Read | cell.Worded]


def _prepare(read: Callable[[], Block]) -> _Prepared:
    """Read a part."""
    block = read()
    return _Prepared(block, {column: cell.prepare(column, cells) for column, cells in block.columns.items()})


class _File:
    """One file on its way to rows."""

    def __init__(self, report: str, path: Path, mapped: Mapped | None, words: Vocabularies, findings: Findings) -> None:
        self.report = report
        self.path = path
        self.source = str(path)
        self.mapped = mapped
        self.words = words
        self.findings = findings
        self.noticed = Findings()
        self.layout: Layout
        self.forms: dict[Column, dict[str, str]] = {}
        self.waiting: list[Future[_Prepared]] = []

    def open(self, pool: Executor) -> _File:
        """Begin to read its parts; what is wrong with it is said by `read`, after what is wrong with earlier files."""
        try:
            headings = headings_of(self.report, self.path, self.mapped)
            _kind, table = open_table(self.path, headings, self.noticed)
            self.layout = table.layout
            self.waiting.extend(pool.submit(_prepare, read) for read in table.blocks())
        except (CapeError, files.Unreadable) as trouble:
            self.waiting = [Future()]
            self.waiting[0].set_exception(trouble)
        return self

    def read(self) -> Rows:
        """Its good rows."""
        try:
            parts = [self._part(part.result()) for part in self.waiting]
        except files.Unreadable as trouble:
            raise InputError(trouble.sentence()) from trouble
        self.waiting.clear()
        bad = self._bad_records(self.noticed)
        rows = joined(self.report, [part for part, _count in parts])
        rows.sources = [self.source]
        rows.source = np.zeros(len(rows), np.int32)
        rows.read = bad + sum(count for _part, count in parts)
        rows = self._without_repeats(rows)
        self._forms()
        if not len(rows):
            self.findings.add("REPORT_EMPTY", source=self.source)
        return rows

    def _bad_records(self, noticed: Findings) -> int:
        """Rows with another number of cells; how many. What else the reader noticed is passed on."""
        whole = noticed.to_table()
        codes = np.array(whole.column("code").to_pylist(), object)
        bad = np.isin(codes, sorted(_BAD_RECORDS))
        if (~bad).any():
            self.findings.append_table(whole.filter(pa.array(~bad)))
        for one in whole.filter(pa.array(bad)).to_pylist():
            self.findings.add("REPORT_ROW_SHIFTED", source=self.source, row=one["row"], value=one["code"].lower())
        return int(bad.sum())

    def _part(self, prepared: _Prepared) -> tuple[Rows, int]:
        """The good rows of a part, and how many rows it had."""
        block = prepared.block
        found = {
            column: one.read(self.words.of(column)) if isinstance(one, cell.Worded) else one
            for column, one in prepared.columns.items()
        }
        good = np.ones(len(block.rows), np.bool_)
        for column, one in found.items():
            if column in c.DAYS:
                self.forms[column] = cell.forms_of(one) | self.forms.get(column, {})
        self._refuse_totals(block, found, good)
        self._refuse_keys(block, found, good)
        self._refuse_cells(block, found, good)
        self._refuse_words(block, found, good)
        self._test_sums(block, found, good)
        keep = np.flatnonzero(good)
        numbers = {column: one.values[keep] for column, one in found.items()}
        if c.REFUND_STATUS in numbers:
            numbers[c.REFUND_STATUS] = self._statuses()[numbers[c.REFUND_STATUS]]
        rows = Rows(self.report, numbers, np.zeros(len(keep), np.int32), block.rows[keep], [self.source])
        return rows, len(block.rows)

    def _statuses(self) -> Int64s:
        """Status of each word of the vocabulary; the last one stands for a blank cell."""
        words = self.words.of(c.REFUND_STATUS).words
        found = [_STATUS_CODES.get(" ".join(word.split()).upper(), NONE) for word in words.to_pylist()]
        return np.array([*found, NONE], np.int64)

    def _refuse(
        self, block: Block, good: Bools, where: Bools, code: str, column: Column | None, one: cell.Read | None
    ) -> None:
        """Leave rows out, each with a finding."""
        places = np.flatnonzero(where & good)
        if len(places):
            value = None if one is None else pc.utf8_slice_codeunits(one.text_at(places), 0, _SHOWN)
            heading = None if column is None else self.layout.heading(column)
            add_rows(
                self.findings,
                code,
                len(places),
                source=self.source,
                row=block.rows[places],
                column=heading,
                value=value,
            )
            good[places] = False

    def _refuse_totals(self, block: Block, found: dict[Column, cell.Read], good: Bools) -> None:
        """Rows that are labelled as totals."""
        labelled = np.zeros(len(good), np.bool_)
        for one in found.values():
            labelled |= one.labelled
        self._refuse(block, good, labelled, "REPORT_TOTALS_ROW", None, None)

    def _refuse_keys(self, block: Block, found: dict[Column, cell.Read], good: Bools) -> None:
        """Rows that name nothing: notes, totals without a label, shifted rows."""
        key = c.REPORTS[self.report].key
        one = found[key]
        if key in c.MONEY:
            self._refuse(block, good, one.blank, "REPORT_AMOUNT_MISSING", None, None)
            return
        nothing = one.blank
        alone, said = np.ones(len(good), np.bool_), np.zeros(len(good), np.bool_)
        for column, other in found.items():
            if column in c.MONEY:
                said |= other.values >= 0
            elif column != key:
                alone &= other.blank
        self._refuse(block, good, nothing & alone & said, "REPORT_TOTALS_ROW", None, None)
        self._refuse(block, good, nothing, "REPORT_KEY_MISSING", key, one)
        if key == f.ENTRY_NUMBER:
            self._refuse(block, good, one.status != cell.GOOD, "REPORT_ROW_SHIFTED", key, one)

    def _refuse_cells(self, block: Block, found: dict[Column, cell.Read], good: Bools) -> None:
        """Amounts and days that cannot be read."""
        for column, one in found.items():
            if column in c.MONEY:
                for status, code in (
                    (cell.NEGATIVE, "REPORT_NEGATIVE"),
                    (cell.CURRENCY, "REPORT_CURRENCY"),
                    (cell.UNREADABLE, "REPORT_AMOUNT_UNREADABLE"),
                ):
                    self._refuse(block, good, one.status == status, code, column, one)
            elif column in c.DAYS:
                self._refuse(block, good, one.status != cell.GOOD, "REPORT_DATE_UNREADABLE", column, one)

    def _refuse_words(self, block: Block, found: dict[Column, cell.Read], good: Bools) -> None:
        """Another currency, an unknown status, no amount at all, and other keys than the first that are none."""
        if c.CURRENCY in found:
            one = found[c.CURRENCY]
            dollars = self.words.of(c.CURRENCY).codes(pa.array(["USD", "US$", "$", "US DOLLAR"]))
            self._refuse(
                block, good, (one.values >= 0) & ~np.isin(one.values, dollars), "REPORT_CURRENCY", c.CURRENCY, one
            )
        if c.REFUND_STATUS in found:
            one = found[c.REFUND_STATUS]
            unknown = self._statuses()[one.values] < 0
            if self.report == "rev615":
                unknown &= one.values >= 0
            self._refuse(block, good, unknown, "REPORT_STATUS_UNKNOWN", c.REFUND_STATUS, one)
        if f.ENTRY_NUMBER in found and c.REPORTS[self.report].key != f.ENTRY_NUMBER:
            one = found[f.ENTRY_NUMBER]
            self._refuse(block, good, (one.status != cell.GOOD) & ~one.blank, "REPORT_ROW_SHIFTED", f.ENTRY_NUMBER, one)
        amounts = [found[column] for column in c.MONEY[:3] if column in found]
        if amounts and self.report != "rev613":
            blank = np.ones(len(good), np.bool_)
            for one in amounts:
                blank &= one.blank
            self._refuse(block, good, blank, "REPORT_AMOUNT_MISSING", None, None)

    def _test_sums(self, block: Block, found: dict[Column, cell.Read], good: Bools) -> None:
        """Rows whose principal and interest are not their amount: said, and used."""
        if not all(column in found for column in c.MONEY[:3]):
            return
        principal, interest, amount = (found[column].values for column in c.MONEY[:3])
        wrong = good & (principal >= 0) & (interest >= 0) & (amount >= 0) & (principal + interest != amount)
        places = np.flatnonzero(wrong)
        add_rows(
            self.findings,
            "REPORT_SUM_WRONG",
            len(places),
            source=self.source,
            row=block.rows[places],
            column=self.layout.heading(c.REFUND_AMOUNT),
            value=found[c.REFUND_AMOUNT].text_at(places),
        )

    def _forms(self) -> None:
        """Days that are written in several forms."""
        for column, forms in self.forms.items():
            if len(forms) > 1:
                heading, shown = self.layout.heading(column), ", ".join(sorted(forms.values()))
                self.findings.add("REPORT_DATE_FORMS", source=self.source, column=heading, value=shown)

    def _without_repeats(self, rows: Rows) -> Rows:
        """The rows without those that repeat an earlier one in every cell.

        Deposits of one day and amount without trace and reference are no repetitions: two refunds may be equal.
        """
        if not len(rows):
            return rows
        mixed = np.zeros(len(rows), np.uint64)
        for values in rows.numbers.values():
            mixed = (mixed ^ values.astype(np.int64).view(np.uint64)) * _MIX
            mixed ^= mixed >> np.uint64(29)
        ordered = np.sort(mixed)
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        if not len(again):
            return rows
        where = np.flatnonzero(np.isin(mixed, again))
        order = where[np.argsort(mixed[where], kind="stable")]
        near = np.flatnonzero(mixed[order][1:] == mixed[order][:-1])
        first, later = order[near], order[near + 1]
        same = np.ones(len(near), np.bool_)
        for values in rows.numbers.values():
            same &= values[first] == values[later]
        if self.report == "bank":
            same &= (rows.get(c.ACH_TRACE_NUMBER)[later] >= 0) | (rows.get(c.BANK_REFERENCE)[later] >= 0)
        first, later = first[same], later[same]
        add_rows(
            self.findings,
            "REPORT_ROW_REPEATED",
            len(later),
            source=self.source,
            row=rows.row[later],
            other_row=rows.row[first],
        )
        keep = np.ones(len(rows), np.bool_)
        keep[later] = False
        return rows.take(np.flatnonzero(keep))
