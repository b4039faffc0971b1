"""The tables of `cape refund compare-interest`: interest of every entry by every named convention."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from cape_engine.schema.column import CENTS, TEXT, WORD, Column
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_KIND
from cape_engine.schema.results import INTEREST_CENTS, INTEREST_FROM, INTEREST_TO, PRINCIPAL_CENTS

_COUNT = pa.int64()
CONVENTION = Column("convention", WORD, "name of the convention; see docs/interest.md")
CONVENTION_CAUSE = Column(
    "would_be_cause", WORD, "cause code of a reconciliation when CBP's figure is this one", source="handbook 7.6"
)
COMPUTED = Column("computed_entries", _COUNT, "entries whose interest the convention gives", low=0)
NOT_COMPUTED = Column("uncomputed_entries", _COUNT, "entries with a day that is not known or has no rate", low=0)
UNEQUAL = Column("unequal_entries", _COUNT, "entries to which it gives another amount than the run", low=0)
BESIDE_RUN_CENTS = Column("beside_run_cents", CENTS, "its sum less the run's, over the entries it gives an amount for")
CONVENTION_WORDS = Column("convention_words", TEXT, "what the convention does")

COMPARED_CONVENTIONS: tuple[Column, ...] = (
    CONVENTION,
    CONVENTION_CAUSE,
    COMPUTED,
    NOT_COMPUTED,
    UNEQUAL,
    INTEREST_CENTS,
    BESIDE_RUN_CENTS,
    CONVENTION_WORDS,
)
"""One row per convention: its sum over all entries with interest, beside that of the run."""
COMPARED_ENTRIES: tuple[Column, ...] = (
    ENTRY_NUMBER,
    IMPORTER_KIND,
    PRINCIPAL_CENTS,
    INTEREST_FROM,
    INTEREST_TO,
    INTEREST_CENTS,
)
"""One row per entry with interest; behind these columns `by_<convention>_cents` for each convention."""


def compared_entries(names: Iterable[str]) -> tuple[Column, ...]:
    """The columns of the entries, with one for each convention (null where it gives nothing)."""
    each = (Column(f"by_{name}_cents", CENTS, f"interest by the convention {name}", nullable=True) for name in names)
    return (*COMPARED_ENTRIES, *each)
