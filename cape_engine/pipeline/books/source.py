"""Positions and refunds of whatever a report is made from: the folder of a run, or a ledger on a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cape_engine import rules
from cape_engine.errors import InputError, UsageError
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.ledger.known import REACHED_SCHEMA
from cape_engine.outputs.files import sha256_of
from cape_engine.pipeline.books.of_ledger import of_ledger
from cape_engine.pipeline.books.of_run import manifest_of, of_run
from cape_engine.pipeline.books.paid import Paid, paid_of
from cape_engine.pipeline.books.positions import Positions
from cape_engine.pipeline.books.request import BooksRequest
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings

STEPS = ("ACCEPTED", "LIQUIDATED", "RELIQUIDATED", "ISSUED", "SETTLED")
"""States whose days make a history."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a report is made from.

    Attributes:
        positions: of entries.
        refunds: of the run or the ledger.
        as_of: day of the report.
        ruleset: the rules in force.
        settings: in force.
        reached: steps of the ledger into `STEPS`, columns `ledger.known.REACHED`; empty for a run.
        paid: payments by importer, for a statement of a ledger.
        record: for the manifest.
        named: in words, for a page.
    """

    positions: Positions
    refunds: pa.Table
    as_of: dt.date
    ruleset: Ruleset
    settings: Settings
    reached: pa.Table
    paid: Paid | None
    record: dict[str, Any]
    named: str


def opened(request: BooksRequest, findings: Findings) -> Source:
    """Read what a report is made from.

    Args:
        request: names a run or a ledger, not both.
        findings: what could not be rebuilt is added.

    Raises:
        UsageError: none or both are named, or the day lies before the run.
        InputError: the run cannot be read, or no day of the ledger was played and none is given.
    """
    if (request.results is None) == (request.ledger is None):
        raise UsageError("give the folder of a run with --results, or a ledger with --ledger")
    ruleset = rules.load(request.rules)
    return _of_run(request, ruleset, findings) if request.results else _of_ledger(request, ruleset, findings)


def _of_run(request: BooksRequest, ruleset: Ruleset, findings: Findings) -> Source:
    """A run on its day, or a later one."""
    assert request.results is not None  # noqa: S101 - asked by the caller
    manifest = manifest_of(request.results)
    first = dt.date.fromisoformat(manifest["as_of"])
    as_of = request.as_of or first
    if as_of < first:
        raise UsageError(f"the run in {request.results} was made as of {first} and knows no earlier day, not {as_of}")
    positions, refunds = of_run(request.results, as_of, request.deposits, ruleset, findings)
    record = {
        "kind": "run",
        "result_hash": manifest["result_hash"],
        "deposits": [{"name": path.name, "sha256": sha256_of(path)} for path in request.deposits if path.is_file()],
    }
    settings = Settings.build({**manifest["settings"], **request.settings})
    named = f"the run as of {first}, result {manifest['result_hash'][:12]}"
    return Source(positions, refunds, as_of, ruleset, settings, REACHED_SCHEMA.empty_table(), None, record, named)


def _of_ledger(request: BooksRequest, ruleset: Ruleset, findings: Findings) -> Source:
    """A ledger at the end of a day."""
    assert request.ledger is not None  # noqa: S101 - asked by the caller
    if request.deposits:
        raise UsageError("a ledger knows the deposits of its entries; leave --deposits away")
    settings = Settings.build(request.settings, request.settings_file)
    with Ledger.open(request.ledger, create=False, read_only=True) as ledger:
        as_of = request.as_of or ledger.last_day()
        if as_of is None:
            raise InputError(f"no day of {request.ledger} was played yet; name the day with --as-of")
        positions = of_ledger(ledger, as_of, ruleset, settings, findings)
        refunds = ledger.known(as_of).refunds
        reached = ledger.reached(STEPS, as_of)
        paid = paid_of(ledger, as_of) if request.command == "statement" else None
        link, head = ledger.head()
    record = {"kind": "ledger", "link": link, "head": head}
    named = f"the ledger at link {link}, {head[:12]}"
    return Source(positions, refunds, as_of, ruleset, settings, reached, paid, record, named)
