"""One partition on the road: every component in its turn, and their arrays as one outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge, claim_portal, intake, liquidation, mass_processing, refund, rules
from cape_engine.findings import Findings
from cape_engine.outputs import assemble, changes, facts_not_given, manifest, result_hash
from cape_engine.pipeline.part import Part, Share
from cape_engine.pipeline.request import Request
from cape_engine.schema import facts as f
from cape_engine.schema import results as r


@dataclass(frozen=True, slots=True)
class Context:
    """What every partition of a run shares."""

    request: Request
    ruleset: rules.Ruleset
    column1: mass_processing.Column1Table | None
    headers: pa.Table | None
    importers: pa.Table | None
    deposits: pa.Table | None
    declared: pa.Array | None
    register: refund.Register
    ahead: dict[str, set[str]] = field(default_factory=dict)
    """Columns that earlier partitions asked for, by table: the next partition reads them at once."""

    def learn(self, partition: bridge.Partition) -> None:
        """Remember which columns a partition was asked for."""
        for name, table in (("entries", partition.entries), ("lines", partition.lines), ("tariffs", partition.tariffs)):
            if not isinstance(table, pa.Table):
                self.ahead[name] = self.ahead.get(name, set()) | table.asked


Lap = Callable[[str], None]
"""Told the name of each stage that ended."""


def _untimed(stage: str) -> None:
    """Nobody measures."""


def processed(partition: bridge.Partition, context: Context, lap: Lap = _untimed) -> Part:
    """One partition through mass processing, claim checks, liquidation and interest.

    Args:
        partition: entries whole, with lines and numbers.
        context: what all partitions share.
        lap: told when a stage ends, for those who measure.
    """
    request, ruleset, settings = context.request, context.ruleset, context.request.settings
    findings = Findings()
    if context.headers is not None:
        partition, found = intake.overlay_headers(partition, context.headers)
        findings.extend(found)
    entries = partition.entries
    mass = mass_processing.process(
        partition,
        ruleset=ruleset,
        settings=settings,
        as_of=request.as_of,
        column1=context.column1,
        detail=request.detail != "none",
    )
    findings.extend(mass.findings)
    lap("mass processing")
    claim, plan = _checked(entries, mass, context, findings)
    lap("checks and schedule")
    priced = refund.price(
        entries,
        principal_cents=mass.principal_cents,
        payable=plan.payable & claim.accepted,
        liquidation_day=plan.liquidation_day,
        ruleset=ruleset,
        settings=settings,
        deposits=context.deposits,
        register=context.register,
    )
    lap("interest and refunds")
    outcome = _outcome(mass, claim, plan, priced)
    tables = {
        "entries": assemble.entries_table(entries, outcome, priced.payment_id, words=True),
        "changes": _changes(partition, mass, claim, request.detail),
        "findings": findings.to_table(words=True),
    }
    lap("result tables")
    part = Part(tables, _share(entries, tables, outcome, mass, priced))
    lap("hash and counts")
    return part


def _checked(
    entries: pa.Table, mass: mass_processing.MassResult, context: Context, findings: Findings
) -> tuple[claim_portal.ClaimResult, liquidation.Plan]:
    """Where the entries stand, what the portal answers, and when the accepted ones are liquidated."""
    request, ruleset, settings = context.request, context.ruleset, context.request.settings
    standing, found = liquidation.standing(
        entries, ruleset=ruleset, settings=settings, as_of=request.as_of, accepted_on=request.accepted_on
    )
    claim = claim_portal.check(
        entries,
        mass.trial,
        standing,
        ruleset=ruleset,
        settings=settings,
        as_of=request.as_of,
        accepted_on=request.accepted_on,
        claimed=_claimed(entries, context),
    )
    plan = liquidation.plan(
        entries,
        standing,
        accepted=claim.accepted,
        flags=mass.flags,
        principal_cents=mass.principal_cents,
        ruleset=ruleset,
        settings=settings,
        accepted_on=request.accepted_on,
    )
    for more in (found, claim.findings, plan.findings):
        findings.extend(more)
    return claim, plan


def _share(
    entries: pa.Table,
    tables: dict[str, pa.Table],
    outcome: assemble.EntryOutcome,
    mass: mass_processing.MassResult,
    priced: refund.Priced,
) -> Share:
    """What a partition adds to the totals of the run."""
    return Share(
        sums=priced.sums,
        priced=priced.tally,
        numbers=mass.tallies,
        counts=manifest.partial(tables, outcome.lists),
        hash_words=result_hash.partial(tables["entries"], outcome.lists),
        unknown=facts_not_given.unknown(entries),
    )


def _claimed(entries: pa.Table, context: Context) -> bridge.Bools | None:
    """Which entries a declaration lists; None when there is no declaration, and every entry counts as claimed."""
    if context.declared is None:
        return None
    listed: bridge.Bools = pc.is_in(bridge.single(entries, f.ENTRY_NUMBER), context.declared).to_numpy(
        zero_copy_only=False
    )
    return listed


def _outcome(
    mass: mass_processing.MassResult,
    claim: claim_portal.ClaimResult,
    plan: liquidation.Plan,
    priced: refund.Priced,
) -> assemble.EntryOutcome:
    """The arrays of all components side by side; flags of schedule and interest are those of accepted entries."""
    return assemble.EntryOutcome(
        claimed=claim.claimed,
        accepted=claim.accepted,
        reasons=claim.reasons,
        messages=claim.messages,
        flags=assemble.flag_lists(mass.flags | (plan.flags | priced.flags) * claim.accepted),
        filed_duty_cents=mass.filed_duty_cents,
        removed_ieepa_cents=mass.removed_ieepa_cents,
        restored_column1_cents=mass.restored_column1_cents,
        recalculated_duty_cents=mass.recalculated_duty_cents,
        recomputed_duty_cents=mass.recomputed_duty_cents,
        recomputed_known=mass.recomputed_known,
        principal_cents=mass.principal_cents,
        bill_cents=mass.bill_cents,
        interest_cents=priced.interest_cents,
        interest_known=priced.interest_known,
        interest_from=priced.interest_from,
        interest_to=priced.interest_to,
        action=plan.action,
        liquidation_day=plan.liquidation_day,
        recipient=priced.recipient,
        new_version=mass.new_version,
    )


def _changes(
    partition: bridge.Partition, mass: mass_processing.MassResult, claim: claim_portal.ClaimResult, detail: str
) -> pa.Table:
    """The changed numbers of a partition, all of them with `full`, none with `none`."""
    if detail == "none":
        return r.RESULT_CHANGES_SCHEMA.empty_table()
    numbers = changes.NumberOutcome(
        mass.change,
        mass.recalculated_number_cents,
        mass.rule,
        mass_processing.RULES,
        mass.gap_cents,
        mass.gap_known,
    )
    return changes.changes_table(partition, numbers, claim.accepted, every_number=detail == "full", words=True)
