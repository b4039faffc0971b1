"""What the commands of payments share: the surroundings of a call, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, Int64s
from cape_engine.findings import Findings
from cape_engine.pipeline.payments.working import Working
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings


@dataclass(slots=True)
class Call:
    """One call: settings, calendars and rules in, counts and findings out."""

    settings: Settings
    working: Working
    ruleset: Ruleset
    findings: Findings = field(default_factory=Findings)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, cents: Int64s, which: Bools | None = None) -> None:
        """Count payments and their cents under a name; nothing where there are none."""
        chosen = cents if which is None else cents[which]
        if len(chosen):
            self.counts[name] = self.counts.get(name, 0) + len(chosen)
            self.counts[f"{name}_cents"] = self.counts.get(f"{name}_cents", 0) + int(chosen.sum(dtype=np.int64))

    def result(self, **tables: pa.Table) -> RefundResult:
        """What the call did."""
        return RefundResult(dict(sorted(self.counts.items())), self.findings.to_table(), tables)


@dataclass(frozen=True)
class RefundResult:
    """What a command of payments did.

    Attributes:
        counts: refunds, payments and cents by name; what is nothing is left out.
        findings: columns `RESULT_FINDINGS`.
        tables: by name what the command tells beside: `notices` of `refund_release`.
    """

    counts: Mapping[str, int]
    findings: pa.Table
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """1 when findings above `info` exist, else 0 (clarification 10)."""
        return int(any(word != "info" for word in self.findings.column("severity").unique().to_pylist()))


@dataclass(frozen=True)
class PaymentsShown:
    """Where the money of refunds is.

    Attributes:
        refunds: columns `schema.payments.SHOWN_REFUNDS`.
        payments: columns `schema.payments.SHOWN_PAYMENTS`.
        shares: columns `schema.payments.SHOWN_SHARES`: what each importer has in a refund.
        balance: cents by name; paid, held, offset, returned and on the way add up to principal and interest. Of the
            interest, `late_interest` is that for late payment, where there is any.
        late: columns `schema.payments.LATE`: interest for late payment, and the refund that pays it.
    """

    refunds: pa.Table
    payments: pa.Table
    shares: pa.Table
    balance: Mapping[str, int]
    late: pa.Table

    @property
    def exit_code(self) -> int:
        """1 when the balance does not come out, else 0."""
        told = self.balance
        parts = ("paid", "held", "offset", "returned", "on_the_way")
        return int(sum(told[part] for part in parts) != told["principal"] + told["interest"])
