"""Payments into the files of each format asked for, and into the table that says where each of them stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int32s
from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.pipeline.paying.request import NACHA, PAIN, FilesRequest
from cape_engine.refund.payment_files import Accounts, PaymentInstructions, nacha, nacha_records, pain
from cape_engine.refund.payment_files import names as spelling
from cape_engine.refund.payment_files.bank_file import WrittenFile
from cape_engine.refund.payment_files.originator import Originator
from cape_engine.refund.payment_files.shown import Shown, read_key
from cape_engine.schema import payment_files as p
from cape_engine.schema.facts import NAME

_STYLES = {NACHA: spelling.NACHA, PAIN: spelling.PAIN}


class Writers:
    """Writes instructions into every format asked for.

    Args:
        request: what is asked.
        folder: where files are made.
        accounts: of the recipients.
        originator: who pays.
        effective: day on which the money is to arrive.

    Raises:
        UsageError: the originator's facts for a format are missing.
    """

    def __init__(
        self, request: FilesRequest, folder: Path, accounts: Accounts, originator: Originator, effective: dt.date
    ) -> None:
        self.paid = np.zeros(len(accounts), np.bool_)
        self._accounts = accounts
        self._names = {name: spelling.spelt(accounts.names, _STYLES[name]) for name in request.formats}
        self._shown = Shown(accounts, request.settings.text("refund.account_numbers"), read_key(request.account_key))
        self._nacha: nacha.NachaWriter | None = None
        self._pain: pain.PainWriter | None = None
        days: Any = {"on": request.on, "effective": effective}
        if NACHA in request.formats:
            if originator.nacha is None:
                raise UsageError(f"{request.originator}: NACHA files need the table [nacha]")
            cells = nacha_records.cells(accounts, self._named(NACHA))
            self._nacha = nacha.NachaWriter(
                folder,
                originator.nacha,
                cells,
                first_trace=request.first_trace,
                first_file=request.first_file,
                **days,
            )
        if PAIN in request.formats:
            if originator.pain is None:
                raise UsageError(f"{request.originator}: pain.001 files need the table [pain]")
            self._pain = pain.PainWriter(
                folder,
                originator.pain,
                self._named(PAIN),
                version=request.settings.text("refund.pain_version"),
                most=request.settings.number("refund.pain_transactions"),
                **days,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._nacha is not None:
            self._nacha.give_up()

    def _named(self, format_: str) -> pa.Array:
        """Names as the format takes them; the importer's number where there is none."""
        texts = self._names[format_].texts
        return pc.if_else(pc.equal(texts, ""), self._accounts.numbers, texts)

    def add(self, payments: PaymentInstructions) -> pa.Table:
        """Write payments; where each of them stands: columns `schema.payment_files.WRITTEN`."""
        self.paid[payments.place] = True
        found = {str(name): payments.table.column(name) for name in p.INSTRUCTIONS}
        found |= {str(name): pa.nulls(len(payments), name.type) for name in p.WRITTEN if name not in p.INSTRUCTIONS}
        if self._nacha is not None:
            placed = self._nacha.add(payments)
            found[p.TRACE] = placed.texts()
            found[p.NACHA_FILE] = _named(placed.file, self._nacha.name)
        if self._pain is not None:
            found[p.END_TO_END_ID] = pain.end_to_end_ids(payments.table)
            found[p.PAIN_FILE] = _named(self._pain.add(payments), self._pain.name)
        found[p.SHOWN_ROUTING], found[p.SHOWN_ACCOUNT] = self._shown.take(payments.place)
        return pa.table([found[name] for name in p.WRITTEN], schema=p.WRITTEN_SCHEMA)

    def prenotes(self, place: Int32s) -> None:
        """Write prenotes for accounts."""
        self.paid[place] = True
        if self._nacha is not None:
            self._nacha.prenotes(place)

    def finish(self) -> dict[str, list[WrittenFile]]:
        """Close all files; by format."""
        return {
            name: writer.finish() for name, writer in ((NACHA, self._nacha), (PAIN, self._pain)) if writer is not None
        }

    def tell_names(self, findings: Findings) -> None:
        """A finding for each name of a paid account that does not stand as it was given."""
        for name, spelt in self._names.items():
            _tell(findings, self._accounts, spelt, self.paid, name)


def _named(file: Int32s, name: Callable[[int], str]) -> pa.DictionaryArray:
    """Numbers of files as their names."""
    numbers, codes = np.unique(file, return_inverse=True)
    words = pa.array([name(number) for number in numbers.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), words)


def _tell(findings: Findings, accounts: Accounts, spelt: spelling.Spelt, paid: Bools, format_: str) -> None:
    """What became of names; the names themselves are not shown."""
    empty = pc.equal(spelt.texts, "").to_numpy(zero_copy_only=False)
    lost = np.zeros(len(paid), np.bool_)
    lost[list(spelt.lost)] = True
    kinds = (
        ("PAYMENT_NAME_MISSING", empty),
        ("PAYMENT_NAME_LETTERS", lost),
        ("PAYMENT_NAME_SPELT", spelt.spelt & ~lost),
        ("PAYMENT_NAME_CUT", spelt.cut),
    )
    for code, hit in kinds:
        at = np.flatnonzero(hit & paid)
        rows = pa.array(at)
        add_rows(
            findings,
            code,
            len(at),
            source=accounts.source.take(rows),
            row=accounts.row.take(rows).to_numpy(zero_copy_only=False),
            column=str(NAME),
            value=pa.array([spelt.lost[place] for place in at.tolist()]) if code == "PAYMENT_NAME_LETTERS" else None,
            importer=accounts.numbers.take(rows),
            format=format_,
            most=_STYLES[format_].most,
        )
