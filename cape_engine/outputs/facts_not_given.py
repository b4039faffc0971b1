"""Facts that no input gives: one finding per column, with the default that stands in for it (clarification 10)."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from cape_engine.bridge import stored
from cape_engine.findings import Findings
from cape_engine.schema import facts as f
from cape_engine.schema.column import Column

_DEFAULTS: dict[Column, str] = {
    f.ENTRY_TYPE: "type 01",
    f.ENTRY_DATE: "no test against the year of 19 USC 1504(a)",
    f.SUMMARY_STATUS: "Accepted",
    f.CONTROL_STATUS: "CBP",
    f.STATEMENT_COMPLETE: "complete",
    f.LIQUIDATION_STATUS: "unliquidated, unless a liquidation date is given",
    f.RECONCILIATION_FLAG: "no flag",
    f.RECONCILIATION_ENTRY_FILED: "no type 09 on file",
    f.DRAWBACK_FLAG: "not designated",
    f.PROTEST_STATUS: "no protest",
    f.ADCVD_PENDING: "not pending",
    f.NOTIFY_PARTY: "the importer is paid",
    f.NOTIFY_PARTY_ON_PROFILE: "the importer is paid",
    f.SURETY_PAID: "not paid by the surety",
    f.PRIOR_REFUND_CENTS: "none",
    f.PAID_DUTY_CENTS: "the filed duty",
    f.EXTENSION_SUSPENSION_CODE: "none",
    f.VERSION: "00100",
    f.INBOND_DATE: "the entry date is the rate date",
    f.SCHEDULED_LIQUIDATION_DATE: "none scheduled",
    f.LAST_WITHDRAWAL_DATE: "the year runs from the entry date",
    f.FEE_496_CENTS: "no fee edge is checked",
    f.FEE_501_CENTS: "no fee edge is checked",
}


def unknown(entries: pa.Table) -> dict[str, int]:
    """How many entries lack each fact, and under "" how many entries there are; adds up over partitions.

    Args:
        entries: entries of a partition (`schema.rows.STORE_ENTRIES`).
    """
    found = {"": entries.num_rows}
    for column in _DEFAULTS:
        values = stored(entries, column)
        missing = entries.num_rows if values is None else values.null_count
        if missing:
            found[str(column)] = missing
    return found


def report(counted: Mapping[str, int], findings: Findings) -> dict[str, int]:
    """Add a finding for each fact that is unknown on every entry.

    Args:
        counted: the sum of `unknown` over all partitions.
        findings: added to.

    Returns:
        For each fact with a documented default, the number of entries that took it.
    """
    total = counted.get("", 0)
    taken = {str(column): counted[str(column)] for column in _DEFAULTS if counted.get(str(column))}
    for column, default in _DEFAULTS.items():
        if total and taken.get(str(column)) == total:
            findings.add("FACT_NOT_GIVEN", column=str(column), value=total, default=default)
    return taken
