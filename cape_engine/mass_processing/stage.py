"""The stage: arrays out of a partition, through both modes, and on to principal, bill, flags and findings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cape_engine import bridge
from cape_engine.bridge import Bools, Int64s, Partition, readonly
from cape_engine.dates import day_number
from cape_engine.findings import Findings
from cape_engine.mass_processing import export_text, lines, report
from cape_engine.mass_processing.column1 import Column1Table
from cape_engine.mass_processing.numbers import Book
from cape_engine.mass_processing.result import MassResult, Tallies
from cape_engine.mass_processing.versions import new_versions
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.schema.codes import Change, Flag, Trial
from cape_engine.settings import Settings
from cape_kernels import status as s
from cape_kernels import tables as k
from cape_kernels.recompute import price_lines
from cape_kernels.removal import remove_ieepa

_HMF_DE_MINIMIS_CENTS = 300  # CATAIR AE (o), ED 602


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Arrays of a partition, as the kernels take them."""

    entry_offsets: Int64s
    of_entry: Int64s
    lines: k.Lines
    tariffs: k.Tariffs
    quantities: k.Quantities
    numbers: npt.NDArray[Any]
    rates: npt.NDArray[Any]
    policy: k.Policy


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
        detail: also give change, rule and new duty of each tariff number.

    Source: handbook chapter 5; clarifications 12, 13, 19-29.
    """
    findings, tallies = Findings(), Tallies()
    mode_b = settings.text("mass.mode") == "B"
    inputs, missing = kernel_inputs(partition, Book(ruleset, settings, column1), as_of, detail=detail, tallies=tallies)
    report.privileged_findings(findings, partition, inputs.of_entry, missing)
    out = _run(inputs, detail=detail)
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
    report.line_findings(findings, partition, inputs.of_entry, out.lines.notes, out.lines.status)
    report.entry_findings(findings, partition, flags)
    return MassResult(
        filed_duty_cents=entries.filed,
        removed_ieepa_cents=entries.removed,
        restored_column1_cents=entries.restored,
        recalculated_duty_cents=recalculated,
        recomputed_duty_cents=entries.recomputed,
        recomputed_known=entries.known.astype(np.bool_),
        principal_cents=principal,
        bill_cents=bill,
        trial=trial,
        flags=flags,
        new_version=versions,
        gap_cents=out.lines.gap,
        gap_known=out.prices.known.astype(np.bool_),
        change=out.tariffs.change,
        recalculated_number_cents=out.tariffs.duty,
        rule=out.tariffs.rule,
        findings=findings,
        tallies=tallies,
    )


def kernel_inputs(
    partition: Partition, book: Book, as_of: dt.date, *, detail: bool, tallies: Tallies
) -> tuple[_Inputs, Bools]:
    """Arrays for the kernels, and the privileged lines without their date."""
    line_offsets = bridge.offsets(partition.entries, t.LINE_COUNT)
    tariff_offsets = bridge.offsets(partition.lines, t.TARIFF_COUNT)
    of_entry = lines.entry_of_lines(line_offsets)
    days, missing = lines.rate_days(partition, book.ruleset, of_entry)
    origin = lines.origins(partition)
    numbers = bridge.codes(partition.tariffs, t.HTS_NUMBER)
    records = book.number_rows(numbers[1])
    report.unknown_numbers(
        tallies, partition, numbers, records["known"].astype(np.bool_), (line_offsets, tariff_offsets)
    )
    line_arrays = k.Lines(
        offsets=tariff_offsets,
        day=days,
        component=lines.components(partition),
        spi=lines.programmes(partition, book.ruleset, book.spis, days),
        column2=lines.column2(book.ruleset, origin, days),
        text_row=export_text.text_rows(partition, book, numbers, tariff_offsets, tallies),
        displaced=lines.displaced(book.ruleset, origin, days),
    )
    tariffs = k.Tariffs(
        number=numbers[0],
        value=bridge.integers(partition.tariffs, t.VALUE_DOLLARS),
        duty=bridge.integers(partition.tariffs, t.DUTY_CENTS, 0),
    )
    policy = _policy(book.settings, as_of, detail=detail)
    quantities = _quantities(partition, book)
    return _Inputs(line_offsets, of_entry, line_arrays, tariffs, quantities, records, book.rate_rows(), policy), missing


def _quantities(partition: Partition, book: Book) -> k.Quantities:
    """Quantities with their units as small numbers."""
    amounts = [bridge.integers(partition.tariffs, column) for column in t.QUANTITIES_E2]
    units = [bridge.codes(partition.tariffs, column) for column in t.UOMS]
    return k.Quantities(*amounts, *(codes for codes, _ in units), *(book.units.of_words(words) for _, words in units))


def _policy(settings: Settings, as_of: dt.date, *, detail: bool) -> k.Policy:
    """Settings as whole numbers."""
    return k.Policy(
        tolerance_cents=settings.number("mass.tolerance_cents"),
        summary_inclusive=int(settings.switch("mass.tolerance_summary_inclusive")),
        restore=int(settings.text("mass.replacement_base") == "restore"),
        move=int(settings.text("mass.value_on_ieepa") == "move"),
        text_first=int(settings.text("mass.column1_source") == "export"),
        displaced=int(settings.text("mass.displaced_232") == "flag"),
        as_of=day_number(as_of),
        detail=int(detail),
    )


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What the kernels wrote."""

    prices: k.Prices
    entries: k.EntryOut
    lines: k.LineOut
    tariffs: k.TariffOut
    duties: Int64s


def _run(inputs: _Inputs, *, detail: bool) -> _Outputs:
    """Both kernels, one after the other."""
    n, m = len(inputs.entry_offsets) - 1, len(inputs.of_entry)
    size = len(inputs.tariffs.number) if detail else 0
    prices = k.Prices(*(np.zeros(m, kind) for kind in ("q", "q", "b", "b", "b", "q", "b", "i4")))
    duties = np.zeros(size, np.int64)
    price_lines(
        inputs.lines, inputs.tariffs, inputs.quantities, inputs.numbers, inputs.rates, inputs.policy, prices, duties
    )
    entries = k.EntryOut(*(np.zeros(n, kind) for kind in ("q", "q", "q", "q", "b", "i4", "i4")))
    per_line = k.LineOut(*(np.zeros(m, kind) for kind in ("q", "q", "i4", "b")))
    per_tariff = k.TariffOut(*(np.zeros(size, kind) for kind in ("b", "b", "q")))
    remove_ieepa(
        inputs.entry_offsets,
        inputs.lines,
        inputs.tariffs,
        inputs.numbers,
        inputs.rates,
        inputs.policy,
        k.Prices(*(readonly(array) for array in prices)),
        (entries, per_line, per_tariff),
    )
    return _Outputs(prices, entries, per_line, per_tariff, duties)


def _take_mode_b(out: _Outputs, inputs: _Inputs) -> None:
    """Let the recomputed duty count (mass.mode = B): where it is not known the entry cannot be calculated."""
    entries = out.entries
    known = entries.known == 1
    entries.restored[:] = np.where(known, entries.recomputed - entries.filed + entries.removed, entries.restored)
    entries.trial[~known] |= np.int32(Trial.UNABLE)
    if len(out.duties) == 0:
        return
    of_line = np.repeat(np.arange(len(inputs.of_entry)), np.diff(inputs.lines.offsets))
    changed = known[inputs.of_entry[of_line]] & (out.tariffs.duty != out.duties)
    out.tariffs.duty[changed] = out.duties[changed]
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
    other = sum((bridge.integers(table, column, 0) for column in others), np.zeros(len(filed), np.int64))
    flags[emptied & (mail > 0)] |= np.uint32(Flag.MAIL_FEE_496_NO_LONGER_ALLOWED)
    small = (hmf > 0) & (hmf <= _HMF_DE_MINIMIS_CENTS) & (other == 0)
    flags[emptied & small] |= np.uint32(Flag.HMF_DE_MINIMIS_AFTER_REMOVAL)
    return flags
