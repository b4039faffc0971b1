"""The stage: arrays out of a partition, through both modes, and on to principal, bill, flags and findings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cape_engine import bridge
from cape_engine.bridge import Int64s, LineShapes, Partition
from cape_engine.dates import day_number
from cape_engine.errors import StoreError
from cape_engine.findings import Findings
from cape_engine.mass_processing import amounts, export_text, lines, report
from cape_engine.mass_processing.books import shared_book
from cape_engine.mass_processing.column1 import Column1Table
from cape_engine.mass_processing.numbers import Book
from cape_engine.mass_processing.result import MassResult, Tallies
from cape_engine.mass_processing.versions import new_versions
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema.codes import Change, Flag, Trial
from cape_engine.settings import Settings
from cape_engine.store.shapes import shapes_of
from cape_kernels import status as s
from cape_kernels import tables as k
from cape_kernels import work as w
from cape_kernels.process import process_lines

_WORK = 7  # place of `work.Work` among the arguments of the kernel
_HMF_DE_MINIMIS_CENTS = 300  # CATAIR AE (o), ED 602


@dataclass(frozen=True, slots=True)
class Inputs:
    """Arrays of a partition, as the kernel takes them, and the words they count."""

    entries: k.Entries
    lines: k.Lines
    shapes: k.Shapes
    tariffs: k.Tariffs
    quantities: k.Quantities
    law: k.Law
    policy: k.Policy
    vocabulary: list[str]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Entries, lines, numbers."""
        return len(self.entries.lines), len(self.lines.value), len(self.tariffs.duty)

    def arguments(self, outputs: Outputs) -> tuple[Any, ...]:
        """What the kernel takes, with a fresh work sheet."""
        count = len(self.entries.lines)
        work = w.Work(
            np.empty((w.WORK_ROWS, int(self.shapes.size.max(initial=1))), np.int64),
            np.zeros(w.PROGRAMS, w.PROGRAM),
            np.empty(w.BLOCK_WORDS, np.int64),
            np.zeros(w.AT_WORDS, np.int64),
            np.empty(len(self.shapes.size), np.int64),
            np.zeros(2 << len(self.shapes.size).bit_length(), np.int64),
            *(np.zeros(count, np.int64) for _ in range(3)),
        )
        outs = outputs.entries, outputs.lines, outputs.tariffs, outputs.told
        data = self.entries, self.lines, self.shapes, self.tariffs, self.quantities
        return (*data, self.law, self.policy, work, outs)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the kernel wrote."""

    entries: k.EntryOut
    lines: k.LineOut
    tariffs: k.TariffOut
    told: k.Told


def process(
    partition: Partition,
    *,
    ruleset: Ruleset,
    settings: Settings,
    as_of: dt.date,
    column1: Column1Table | None = None,
    detail: bool = True,
) -> MassResult:
    """Remove the IEEPA numbers of every entry of a partition, restore column 1, and compare with a full recompute.

    Args:
        partition: entries whole, with lines and numbers.
        ruleset: the law as dated data.
        settings: the `mass.*` settings and `refund.netting`.
        as_of: filing day; column 1 rates of lines without a rate date are those of this day.
        column1: the user's own column 1 rates, which count before the built-in ones.
        detail: also give the gap of each line, and change, rule and new duty of each tariff number.

    Source: handbook chapter 5; clarifications 12, 13, 19-29.
    """
    findings, tallies = Findings(), Tallies()
    mode_b = settings.text("mass.mode") == "B"
    inputs = kernel_inputs(
        partition,
        shared_book(ruleset, settings, column1, as_of),
        tallies,
        detail=detail,
        duties=detail and mode_b,
    )
    out = run_kernel(inputs)
    undated = out.told.undated[: out.told.count[1]].astype(np.int64)
    report.privileged_findings(findings, partition, lines.entry_of(inputs.entries.lines, undated), undated)
    report.unknown_numbers(tallies, partition, inputs.vocabulary, out.told)
    if mode_b:
        _take_mode_b(out, inputs)
    entries = out.entries
    flags = entries.flags.view(np.uint32)
    trial = entries.trial.view(np.uint32)
    recalculated = entries.filed - entries.removed + entries.restored
    principal, bill = _principal(partition, settings, entries, recalculated)
    flags |= _entry_flags(partition, settings, entries.filed, recalculated)
    flags |= np.where(bill > 0, np.uint32(Flag.BILL_FLAG), np.uint32(0))
    flags |= np.where((principal == 0), np.uint32(Flag.ZERO_REFUND), np.uint32(0))
    versions, exhausted = new_versions(partition.entries)
    flags |= np.where(exhausted, np.uint32(Flag.VERSION_EXHAUSTED), np.uint32(0))
    report.line_findings(findings, partition, out.told)
    report.entry_findings(findings, partition, flags)
    return MassResult(
        filed_duty_cents=entries.filed,
        removed_ieepa_cents=entries.removed,
        restored_column1_cents=entries.restored,
        recalculated_duty_cents=recalculated,
        recomputed_duty_cents=entries.recomputed,
        recomputed_known=entries.known.view(np.bool_),
        principal_cents=principal,
        bill_cents=bill,
        trial=trial,
        flags=flags,
        new_version=versions,
        gap_cents=out.lines.gap,
        gap_known=out.lines.known.view(np.bool_),
        change=out.tariffs.change,
        recalculated_number_cents=out.tariffs.duty,
        rule=out.tariffs.rule,
        findings=findings,
        tallies=tallies,
    )


def kernel_inputs(
    partition: Partition,
    book: Book,
    tallies: Tallies,
    *,
    detail: bool = False,
    duties: bool = False,
    prices: bool = False,
) -> Inputs:
    """Arrays for the kernel.

    Args:
        partition: what to process.
        book: the law as arrays.
        tallies: grows by what is found about texts.
        detail: see `tables.Policy`.
        duties: as above.
        prices: as above.
    """
    found = shapes_of(partition)
    texts = export_text.text_rows(partition, book, tallies)
    entries = lines.entries_of(partition, book.ruleset, book.periods)
    line_arrays = lines.lines_of(found, book.periods, texts)
    places, measured = book.places(found.vocabulary)
    quantities = amounts.quantities_of(partition, book, found.vocabulary, None if len(texts[0]) else measured)
    rulings, rows, rates = book.tables()
    countries, programmes, _sets, _statuses = found.word_lists
    origins, origin_of = book.periods.origins(countries)
    spis, spi_of = book.periods.spis(programmes)
    law = k.Law(places, rulings, rows, rates, origins, spis)
    policy = _policy(book, found, detail=detail, duties=duties, prices=prices)
    tariffs = amounts.tariffs_of(partition)
    shapes = lines.shapes_for(found, book.ruleset, origin_of, spi_of)
    return Inputs(entries, line_arrays, shapes, tariffs, quantities, law, policy, found.vocabulary)


def _policy(book: Book, shapes: LineShapes, *, detail: bool, duties: bool, prices: bool) -> k.Policy:
    """Settings as whole numbers."""
    settings = book.settings
    return k.Policy(
        tolerance_cents=settings.number("mass.tolerance_cents"),
        summary_inclusive=int(settings.switch("mass.tolerance_summary_inclusive")),
        restore=int(settings.text("mass.replacement_base") == "restore"),
        move=int(settings.text("mass.value_on_ieepa") == "move"),
        text_first=int(settings.text("mass.column1_source") == "export"),
        displaced=int(settings.text("mass.displaced_232") == "flag"),
        as_of=day_number(book.as_of),
        apart=int(book.apart),
        detail=int(detail),
        duties=int(duties),
        prices=int(prices),
        periods=book.periods.count,
        bits=shapes.bits,
        filler=shapes.filler,
    )


def outputs_for(inputs: Inputs) -> Outputs:
    """Room for what the kernel writes; pages that it does not touch cost nothing."""
    n, m, size = inputs.sizes
    policy = inputs.policy
    detailed, priced = m * policy.detail, m * policy.prices
    numbers = size * policy.detail
    words = len(inputs.vocabulary) + 1
    return Outputs(
        k.EntryOut(*(np.empty(n, kind) for kind in ("q", "q", "q", "q", "b", "i4", "i4"))),
        k.LineOut(
            np.empty(detailed, "q"),
            np.empty(detailed, "b"),
            np.empty(priced, "q"),
            np.empty(priced, "q"),
            np.empty(priced, "b"),
        ),
        k.TariffOut(
            np.empty(numbers, "b"), np.empty(numbers, "b"), np.empty(numbers, "q"), np.zeros(size * policy.duties, "q")
        ),
        k.Told(
            np.zeros(2, "q"),
            np.empty(m, "i4"),
            np.empty(m, "i4"),
            np.empty(m, "i4"),
            np.empty(m, "b"),
            np.empty(m, "i4"),
            np.zeros(words, "q"),
            np.zeros(words, "i4"),
        ),
    )


def run_kernel(inputs: Inputs) -> Outputs:
    """One walk over all lines.

    Raises:
        StoreError: lines and numbers do not fit each other.
    """
    outputs = outputs_for(inputs)
    arguments = inputs.arguments(outputs)
    process_lines(*arguments)
    _, lines, tariffs = inputs.sizes
    walked = arguments[_WORK].at
    if (walked[w.AT_LINE], walked[w.AT_TARIFF]) != (lines, tariffs):
        raise StoreError("lines and numbers of a partition do not fit each other; import the sources again")
    _order(outputs.told)
    return outputs


def _order(told: k.Told) -> None:
    """Put the lines told in order: each road of a block tells its own."""
    count = int(told.count[0])
    lines = told.line[:count]
    if (lines[1:] < lines[:-1]).any():
        order = np.argsort(lines, kind="stable")
        for column in (told.entry, told.line, told.notes, told.status):
            column[:count] = column[order]


def _take_mode_b(out: Outputs, inputs: Inputs) -> None:
    """Let the recomputed duty count (mass.mode = B): where it is not known the entry cannot be calculated."""
    entries = out.entries
    known = entries.known == 1
    entries.restored[:] = np.where(known, entries.recomputed - entries.filed + entries.removed, entries.restored)
    entries.trial[~known] |= np.int32(Trial.UNABLE)
    duties = out.tariffs.recomputed
    if len(duties) == 0:
        return
    known_line = np.repeat(known, inputs.entries.lines)
    sizes = inputs.shapes.size[lines.keys_of(inputs.lines) >> inputs.policy.bits]
    changed = np.repeat(known_line, sizes) & (out.tariffs.duty != duties)
    out.tariffs.duty[changed] = duties[changed]
    out.tariffs.rule[changed] = s.RULE_RECOMPUTED
    kept = changed & (out.tariffs.change == Change.KEPT)
    out.tariffs.change[kept] = Change.RESTORED


def _principal(
    partition: Partition, settings: Settings, entries: k.EntryOut, recalculated: Int64s
) -> tuple[Int64s, Int64s]:
    """(principal, bill): duty still held less the new duty, clipped once, at the entry (handbook 5.10)."""
    paid = bridge.integers(partition.entries, f.PAID_DUTY_CENTS)
    held = np.where(paid >= 0, paid, entries.filed) - bridge.integers(partition.entries, f.PRIOR_REFUND_CENTS, 0)
    new = recalculated
    if settings.text("refund.netting") == "entry":
        new = np.where(entries.known == 1, entries.recomputed, recalculated)
    difference = held - new
    return np.maximum(difference, 0), np.maximum(-difference, 0)


def _entry_flags(
    partition: Partition, settings: Settings, filed: Int64s, recalculated: Int64s
) -> npt.NDArray[np.uint32]:
    """Fees that are allowed only beside duty, where the removal left none (handbook 5.7; nothing is refunded)."""
    flags = np.zeros(len(filed), np.uint32)
    if settings.text("mass.fee_edge") != "flag":
        return flags
    emptied = (filed > 0) & (recalculated == 0)
    table = partition.entries
    mail, hmf = (bridge.integers(table, column, 0) for column in (f.FEE_496_CENTS, f.FEE_501_CENTS))
    others = (f.FEE_496_CENTS, f.FEE_499_CENTS, f.AD_CENTS, f.CVD_CENTS, f.TAX_CENTS, f.OTHER_REVENUE_CENTS)
    given = (column for column in others if bridge.is_given(table, column))
    other = sum((bridge.integers(table, column, 0) for column in given), np.zeros(len(filed), np.int64))
    flags[emptied & (mail > 0)] |= np.uint32(Flag.MAIL_FEE_496_NO_LONGER_ALLOWED)
    small = (hmf > 0) & (hmf <= _HMF_DE_MINIMIS_CENTS) & (other == 0)
    flags[emptied & small] |= np.uint32(Flag.HMF_DE_MINIMIS_AFTER_REMOVAL)
    return flags
