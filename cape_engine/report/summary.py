"""The figures of a run that people look at first, computed once for every way of showing them."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass

import pyarrow as pa

from cape_engine.schema import results as r

_RANK = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Week:
    """Refunds whose liquidation lies in one week; money in cents."""

    monday: dt.date
    payments: int
    principal_cents: int
    interest_cents: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class FindingKind:
    """All findings of one code, with the first of them as an example."""

    severity: str
    code: str
    count: int
    message: str
    remedy: str


def weeks(refunds: pa.Table) -> list[Week]:
    """Refunds by week of liquidation, in order.

    Args:
        refunds: `RESULT_REFUNDS`.
    """
    sums: dict[dt.date, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    columns = (r.RESULT_LIQUIDATION_DATE, r.PARTS, r.PRINCIPAL_CENTS, r.INTEREST_CENTS, r.AMOUNT_CENTS)
    for day, *figures in zip(*(refunds.column(str(column)).to_pylist() for column in columns), strict=True):
        week = sums[day - dt.timedelta(days=day.weekday())]
        for place, figure in enumerate(figures):
            week[place] += figure or 0
    return [Week(monday, *figures) for monday, figures in sorted(sums.items())]


def finding_kinds(findings: pa.Table) -> list[FindingKind]:
    """Findings by code, the serious and frequent ones first.

    Args:
        findings: `RESULT_FINDINGS`.
    """
    columns = (r.CODE, r.SEVERITY, r.MESSAGE, r.REMEDY)
    tally: Counter[str] = Counter()
    first: dict[str, tuple[str, str, str]] = {}
    for code, *words in zip(*(findings.column(str(column)).to_pylist() for column in columns), strict=True):
        tally[code] += 1
        first.setdefault(code, (words[0], words[1], words[2]))
    kinds = [FindingKind(severity, code, tally[code], said, do) for code, (severity, said, do) in first.items()]
    return sorted(kinds, key=lambda kind: (_RANK[kind.severity], -kind.count, kind.code))
