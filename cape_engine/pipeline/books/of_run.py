"""Positions of a finished run: what its tables say, and the deposits that its interest comes from."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cape_engine import bridge, intake, rules
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.dates import day_number
from cape_engine.errors import InputError
from cape_engine.findings import Findings
from cape_engine.outputs.files import MANIFEST
from cape_engine.outputs.result_groups import table_path
from cape_engine.pipeline.books.positions import DECIDED, NOTHING, PLANNED, WAITING, Positions
from cape_engine.refund.deposits import Slices, slices
from cape_engine.refund.many import interest_of_slices
from cape_engine.refund.rates import KINDS, RateTable, table_in_force
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.settings import Settings

_READ = (
    f.ENTRY_NUMBER,
    f.IMPORTER_NUMBER,
    r.DISPOSITION,
    r.FLAGS,
    r.PRINCIPAL_CENTS,
    r.INTEREST_CENTS,
    r.INTEREST_FROM,
    r.ACTION,
    r.RESULT_LIQUIDATION_DATE,
    r.RECIPIENT,
    r.PAYMENT_ID,
)
_WHY = ("IN_REVIEW", "HELD", "WINDOW_MISSED", "SMALL_DIFFERENCE")
"""Flags that say why an entry has no day, or is not paid on it."""


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a run.

    Raises:
        InputError: the folder holds no run.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if {"as_of", "settings", "result_hash"} <= found.keys():
            return dict(found)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{folder} holds no results of a run ({error}); give the --out of `cape run`") from error
    raise InputError(f"{folder} holds no results of a run; give the --out of `cape run`")


def of_run(
    folder: Path, as_of: dt.date, deposits: tuple[Path, ...], ruleset: Ruleset, findings: Findings
) -> tuple[Positions, pa.Table]:
    """Positions of a run on a day, and its refunds.

    Args:
        folder: of the run.
        as_of: day of the report: what is liquidated up to it counts as decided.
        deposits: deposits files of the run, where entries have several deposits.
        ruleset: the interest rates.
        findings: entries whose interest cannot be rebuilt are added.

    Raises:
        InputError: a table is missing or damaged.
    """
    manifest = manifest_of(folder)
    settings = Settings.build(manifest["settings"])
    entries, refunds = _tables(folder)
    listed = None
    if deposits:
        listed, found = intake.read_deposits(deposits)
        findings.extend(found)
    principal = bridge.integers(entries, r.PRINCIPAL_CENTS)
    day = bridge.days(entries, r.RESULT_LIQUIDATION_DATE)
    payment = bridge.single(entries, r.PAYMENT_ID).cast(pa.string())
    paid = pc.is_valid(payment).to_numpy(zero_copy_only=False)
    interest = bridge.integers(entries, r.INTEREST_CENTS, -1)
    table = table_in_force(ruleset, settings)
    parts = _slices(entries, principal, paid, listed, settings)
    kind, rebuilt = _kinds(parts, day, interest, paid, table, settings)
    _tell(entries, paid & (interest >= 0) & ~rebuilt, findings)
    standing = np.where(day <= day_number(as_of), DECIDED, PLANNED).astype(np.int8)
    action, words = bridge.codes(entries, r.ACTION)
    waits = np.array([word == "wait" for word in words] + [False])[action]
    standing = np.where(paid, standing, np.where(waits, WAITING, NOTHING)).astype(np.int8)
    accepted = manifest.get("accepted_on") or manifest["as_of"]
    positions = Positions(
        number=bridge.single(entries, f.ENTRY_NUMBER).cast(pa.string()),
        importer=_words(entries, f.IMPORTER_NUMBER),
        recipient=_words(entries, r.RECIPIENT),
        payment=payment,
        standing=standing,
        state=_states(entries, refunds, paid),
        principal_cents=principal,
        interest_cents=np.where(paid & (interest >= 0), interest, 0),
        known=paid & (interest >= 0),
        day=np.where(paid, day, NO_DAY).astype(np.int32),
        accepted=np.full(len(principal), day_number(dt.date.fromisoformat(accepted)), np.int32),
        again=np.array([word == "reliquidate" for word in words] + [False])[action],
        kind=kind,
        slices=parts,
        rebuilt=rebuilt,
        table=table,
        rounding=settings.text("refund.interest_rounding"),
    )
    return positions, refunds


def _tables(folder: Path) -> tuple[pa.Table, pa.Table]:
    """Entries with duty to give back, by number, and refunds."""
    try:
        accepted = (pc.field(r.DISPOSITION) == "accepted") & (pc.field(r.PRINCIPAL_CENTS) > 0)
        path = table_path(folder, "entries")
        entries = pq.read_table(path, columns=[str(column) for column in _READ], filters=accepted)
        refunds = pq.read_table(folder / "refunds.parquet")
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{folder}: the tables of the run cannot be read ({error}); run it again") from error
    numbers = entries.column(str(f.ENTRY_NUMBER)).cast(pa.string())
    return entries.take(pc.sort_indices(numbers)).unify_dictionaries().combine_chunks(), refunds


def _words(entries: pa.Table, column: str) -> pa.DictionaryArray:
    """A word column in one piece."""
    values = bridge.single(entries, column)  # type: ignore[arg-type]
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()


def _slices(entries: pa.Table, principal: Int64s, paid: Bools, deposits: pa.Table | None, settings: Settings) -> Slices:
    """Principals by deposit: those of the deposits file, else the one day that the run names."""
    count = entries.num_rows
    known = pa.table(
        {
            str(f.ENTRY_NUMBER): bridge.single(entries, f.ENTRY_NUMBER),
            str(f.DEPOSIT_DATE): bridge.single(entries, r.INTEREST_FROM),
            str(f.ENTRY_DATE): pa.nulls(count, pa.date32()),
            str(f.PRIOR_REFUND_CENTS): pa.nulls(count, pa.int64()),
        }
    )
    return slices(known, principal, paid, deposits=deposits, settings=settings)


def _kinds(
    parts: Slices, day: Int32s, interest: Int64s, paid: Bools, table: RateTable, settings: Settings
) -> tuple[Int8s, Bools]:
    """The kind of importer that gives the interest of the run to the cent, and whether one does.

    A run does not write the kind. The default kind is tried first; where both give the same cents it does not matter.
    """
    default = KINDS.index(settings.text("refund.default_importer_kind"))
    count = len(interest)
    kind, rebuilt = np.full(count, default, np.int8), np.zeros(count, np.bool_)
    for place in (default, 1 - default):
        kinds = readonly(np.full(count, place, np.int8))
        cents, known = np.zeros(count, np.int64), np.ones(count, np.bool_)
        if len(parts.entry):
            amounts, sure = interest_of_slices(
                parts, kinds, readonly(day), table, settings.text("refund.interest_rounding")
            )
            np.add.at(cents, parts.entry, amounts)
            known[parts.entry[~sure]] = False
        fits = paid & known & (cents == interest) & ~rebuilt
        kind[fits], rebuilt[fits] = place, True
    return kind, rebuilt


def _tell(entries: pa.Table, other: Bools, findings: Findings) -> None:
    """Name entries whose interest is not that of the deposits that are known."""
    rows = np.flatnonzero(other)
    if not len(rows):
        return
    first = bridge.single(entries, f.ENTRY_NUMBER)[int(rows[0])].as_py()
    findings.add("BOOKS_NOT_REBUILT", entry=first, value=len(rows))


def _states(entries: pa.Table, refunds: pa.Table, paid: Bools) -> pa.DictionaryArray:
    """Status of the refund of each paid entry, else why there is none."""
    flags = bridge.single(entries, r.FLAGS)
    state = np.full(entries.num_rows, "no_day", object)
    listed = pc.binary_join(flags.cast(pa.list_(pa.string())), ";")
    for word in reversed(_WHY):
        state[pc.match_substring(listed, word).to_numpy(zero_copy_only=False)] = word.lower()
    status = _key(refunds, refunds.column(str(r.STATUS)).cast(pa.string()).to_pylist())
    rows = np.flatnonzero(paid)
    days = bridge.days(entries, r.RESULT_LIQUIDATION_DATE)[rows]
    code, words = bridge.codes(entries, r.RECIPIENT)
    names = [*words, "UNKNOWN"]
    pairs, which = np.unique(code[rows].astype(np.int64) << 32 | days, return_inverse=True)
    found = [status.get((names[pair >> 32], pair & 0xFFFFFFFF), "ready") for pair in pairs.tolist()]
    if found:
        state[rows] = np.array(found, object)[which]
    return pa.array(state, pa.string()).dictionary_encode()


def _key(refunds: pa.Table, values: list[str]) -> dict[tuple[str, int], str]:
    """Values of refunds by recipient and day."""
    recipients = refunds.column(str(r.RECIPIENT)).cast(pa.string()).to_pylist()
    days = refunds.column(str(r.RESULT_LIQUIDATION_DATE)).cast(pa.int32()).to_pylist()
    return dict(zip(zip(recipients, days, strict=True), values, strict=True))


def load_rules(folder: Path | None) -> Ruleset:
    """The rules in force."""
    return rules.load(folder)
