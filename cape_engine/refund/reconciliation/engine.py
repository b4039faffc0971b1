"""Reports, bank files and what we expect brought together: the order of the steps of a reconciliation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int64s
from cape_engine.findings import Findings
from cape_engine.refund.reconciliation import tables as t
from cape_engine.refund.reconciliation.bank_causes import bank_causes
from cape_engine.refund.reconciliation.case import Verdicts, at, case_of
from cape_engine.refund.reconciliation.cohort_causes import cohort_causes, sides_of
from cape_engine.refund.reconciliation.entry_causes import World, entry_causes
from cape_engine.refund.reconciliation.expected import Expected, with_claims
from cape_engine.refund.reconciliation.linking import Linker
from cape_engine.refund.reconciliation.refund_numbers import refunds_of
from cape_engine.refund.reconciliation.reported import RANKED, by_entry, chosen, lines_of, places_of
from cape_engine.refund.reconciliation.rows import Rows, Vocabularies, joined
from cape_engine.rules import Ruleset
from cape_engine.schema import reconciliation as c
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import CLAIM_NUMBER
from cape_engine.settings import Settings

_UPDATED, _FAILED = "ENTRY SUMMARY UPDATED", "FAILED"
_NOTHING_PAID = frozenset({"HELD_NO_ACH", "RETURNED", "FUNDS_DIVERTED", "NOT_YET", "MISSING_IN_REPORT"})


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The answer.

    Attributes:
        entries, cohorts, bank, summary: tables of `schema.reconciliation`.
    """

    entries: pa.Table
    cohorts: pa.Table
    bank: pa.Table
    summary: pa.Table


def reconcile(
    expected: Expected,
    reports: Mapping[str, Rows],
    words: Vocabularies,
    *,
    under: tuple[Int64s, Int64s],
    as_of: dt.date,
    ruleset: Ruleset,
    settings: Settings,
    findings: Findings,
) -> Reconciled:
    """Give every entry, refund and deposit its one cause (handbook 7.6).

    Args:
        expected: what we expect.
        reports: rows by kind of report.
        words: their vocabularies.
        under: (entry keys ascending, cents) of duty that lines were underpaid by.
        as_of: day of the reconciliation.
        ruleset: interest rates and cause codes.
        settings: `reports.*`.
        findings: takes what is noticed.
    """
    given = {name: reports.get(name) or joined(name, []) for name in c.REPORTS}
    expected = _claims(expected, given["claim_details"], words, findings)
    causes = ruleset.cause_codes
    lines = chosen(lines_of([given[name] for name in RANKED]), findings)
    mine = places_of(expected.entries.key, lines.key)
    with ThreadPoolExecutor(1) as pool:
        summing = pool.submit(by_entry, lines, mine, expected.entries)
        refunds = refunds_of(given["rev603"], given["rev613"], given["rev615"], lines, mine, expected)
        bank, noticed = given["bank"], Findings()
        reported = summing.result()
        linker = Linker(bank, expected, refunds, words, settings.number("reports.deposit_days"), noticed)
        linking = pool.submit(linker.links)
        case = case_of(expected, reported, refunds, under, as_of, ruleset)
        world = World(case, reported, refunds, expected, settings.number("reports.rounding_tolerance_cents"))
        entries = entry_causes(world, causes)
        links = linking.result()
        findings.extend(noticed)
        sides = sides_of(
            world,
            entries,
            links,
            causes,
            with_bank="bank" in reports,
            settlement=settings.number("reports.settlement_days"),
        )
        cohorts = cohort_causes(sides, causes, world.tolerance)
        if not len(reported):
            entries = _by_refund(world, cohorts, [one.cause for one in causes])
            findings.add("NO_ENTRY_REPORT", value=len(case.key))
        of_entries = pool.submit(t.entries_table, world, entries, causes, words)
        deposits = bank_causes(bank.get(c.DEPOSIT_AMOUNT), links, sides, cohorts, causes)
        unexplained = np.flatnonzero(entries.cause == [one.cause for one in causes].index("UNEXPLAINED"))
        lost = int(case.fits.unknown(unexplained).sum()) if len(unexplained) else 0
        if lost:
            findings.add("INTEREST_NOT_COMPARED", value=lost)
        levels = [("entries", case.expected, entries), ("cohorts", sides.expected, cohorts)]
        if len(bank):
            levels.append(("bank", deposits.expected, deposits.verdicts))
        summary = t.summary_table(levels, causes)
        of_cohorts = t.cohorts_table(world, sides, cohorts, causes, words)
        of_bank = t.bank_table(world, bank, links, deposits, causes, words)
        return Reconciled(of_entries.result(), of_cohorts, of_bank, summary)


def _claims(expected: Expected, details: Rows, words: Vocabularies, findings: Findings) -> Expected:
    """Claim numbers from Claim Details where the ledger knows none; entries that CBP failed are said."""
    if not len(details):
        return expected
    vocabulary = words.of(c.CLAIM_STATUS_SAID).words
    plain = pc.utf8_upper(pa.concat_arrays([vocabulary, pa.array([""])])).to_pylist()
    status = np.array(plain, object)[details.get(c.CLAIM_STATUS_SAID)]
    key, claim = details.get(ENTRY_NUMBER), details.get(CLAIM_NUMBER)
    updated = (status == _UPDATED) & (claim >= 0)
    failed = np.setdiff1d(key[status == _FAILED], key[updated])
    count = int(np.isin(expected.entries.key, failed).sum())
    if count:
        findings.add("CLAIM_FAILED_AT_CBP", value=count)
    return with_claims(expected, key[updated], claim[updated])


def _by_refund(world: World, cohorts: Verdicts, causes: list[str]) -> Verdicts:
    """The causes of entries that no report names: those of their refunds; differences are shown there only."""
    case = world.case
    verdicts = Verdicts.open(case.expected)
    every = np.arange(len(case.key))
    number = at(cohorts.cause, case.cohort, causes.index("NOT_YET"))
    nothing = (case.cohort < 0) & (case.expected == 0)
    number[nothing] = causes.index("MATCH")
    verdicts.give(every, 0, 0, "as its refund: no report names entries")
    verdicts.cause[:] = number
    gone = np.isin(number, [causes.index(name) for name in sorted(_NOTHING_PAID)])
    verdicts.paid[gone] = 0
    explained = gone & (number != causes.index("MISSING_IN_REPORT"))
    verdicts.explained[explained] = -case.expected[explained]
    return verdicts
