"""The public Python call `cape_engine.reconcile`: the options of `cape reconcile`, by name."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.reconciling.request import ReconcileRequest, ReconcileResult
from cape_engine.pipeline.reconciling.road import execute_reconcile
from cape_engine.schema.reconciliation import REPORTS
from cape_engine.settings import Settings


class ReconcileOptions(TypedDict, total=False):
    """The options of a reconciliation, each optional.

    Attributes:
        results: folder of a finished run.
        ledger: path (SQLite) or URL.
        es022, rev603, rev613, rev615, es701, claim_details, bank: files of each kind.
        columns: TOML with the headings of the reports.
        as_of: day of the reconciliation; today if not given.
        out: folder for tables, page and workbook.
        settings: settings by name.
        settings_file: settings as TOML.
        rules_folder: another folder of rule files than the built-in one.
    """

    results: PathLike | None
    ledger: PathLike | None
    es022: Sources | None
    rev603: Sources | None
    rev613: Sources | None
    rev615: Sources | None
    es701: Sources | None
    claim_details: Sources | None
    bank: Sources | None
    columns: PathLike | None
    as_of: dt.date | str | None
    out: PathLike | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    rules_folder: PathLike | None


def reconcile(*, progress: Progress | None = None, **options: Unpack[ReconcileOptions]) -> ReconcileResult:
    """Compare what CBP reports and the bank received with what a run or the ledger expects; one cause a difference.

    Args:
        progress: told where the work is.
        options: see `ReconcileOptions`; `results` or `ledger` is needed, and at least one report or bank file.

    Raises:
        CapeError: see `cape_engine.errors`; bad rows are findings instead.
    """
    return execute_reconcile(reconcile_request(**options), progress=progress)


def reconcile_request(**options: Unpack[ReconcileOptions]) -> ReconcileRequest:
    """The request that the options describe, every default made explicit.

    Raises:
        UsageError: an unknown option or setting, nothing to reconcile with, or a day that is none.
    """
    unknown = set(options) - set(ReconcileOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(ReconcileOptions.__annotations__)}")
    results, ledger = path_of(options.get("results")), options.get("ledger")
    if results is None and ledger is None:
        raise UsageError("nothing to reconcile with: give the folder of a run (--results) or a ledger (--ledger)")
    given: Mapping[str, Any] = options
    reports = {name: paths_of(given.get(name)) for name in REPORTS}
    reports = {name: paths for name, paths in reports.items() if paths}
    if not set(reports) - {"claim_details"}:
        beside = "; Claim Details go beside one of them" if reports else ""
        raise UsageError(f"nothing to reconcile: give ES-022, REV-603, REV-613, REV-615, ES-701 or a bank file{beside}")
    return ReconcileRequest(
        as_of=day_of(options.get("as_of")) or dt.datetime.now(tz=dt.UTC).date(),
        settings=Settings.build(options.get("settings"), path_of(options.get("settings_file"))),
        results=results,
        ledger=None if ledger is None else os.fspath(ledger),
        reports=reports,
        columns=path_of(options.get("columns")),
        out=path_of(options.get("out")),
        rules=path_of(options.get("rules_folder")),
    )
