"""Why an accepted entry waits: which kind of hold, and so which event lets it go (handbook 6.3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.liquidation.life import HOLDS
from cape_engine.liquidation.standings import WAREHOUSE_TYPES
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema.codes import Standing
from cape_engine.schema.column import Column

ADCVD_TYPES = frozenset({"03", "07"})
NO_HOLD = -1
_OF_WORDS = {"Extended": "extended", "Suspended": "suspended", "Under Review": "under_review"}
_OF_CODES = {"extension": "extended", "suspension": "suspended"}


def holds(entries: pa.Table, standing: Standing, *, ruleset: Ruleset) -> npt.NDArray[np.int8]:
    """The hold of each entry: by its type (warehouse, AD/CVD), else by its code, else by its status.

    Args:
        entries: entries of the store, n rows.
        standing: their standing at acceptance.
        ruleset: hold codes and status words.

    Returns:
        int8[n], place in `life.HOLDS`; -1 for entries that are not held.
    """
    found = np.full(entries.num_rows, NO_HOLD, np.int8)
    _mark(found, entries, f.LIQUIDATION_STATUS, lambda word: _OF_WORDS.get(_accepted(ruleset, word)))
    kinds = {row.code: _OF_CODES[row.kind] for row in ruleset.hold_code_rows}
    _mark(found, entries, f.EXTENSION_SUSPENSION_CODE, lambda word: kinds.get(word.strip().upper()))
    _mark(found, entries, f.ENTRY_TYPE, _of_type)
    found[~standing.held] = NO_HOLD
    return found


def _accepted(ruleset: Ruleset, word: str) -> str:
    """A liquidation status as the engine knows it."""
    return ruleset.status_word(str(f.LIQUIDATION_STATUS), word) or ""


def _of_type(word: str) -> str | None:
    """The hold that an entry type means while the entry is not liquidated."""
    code = word.strip().upper()
    return "warehouse" if code in WAREHOUSE_TYPES else "adcvd" if code in ADCVD_TYPES else None


def _mark(found: npt.NDArray[np.int8], entries: pa.Table, column: Column, hold_of: Callable[[str], str | None]) -> None:
    """Give entries the hold of their word."""
    codes, vocabulary = bridge.codes(entries, column)
    words = [hold_of(word) for word in vocabulary]
    table = np.array([NO_HOLD if word is None else HOLDS.index(word) for word in words] + [NO_HOLD], np.int8)
    told = table[codes]
    np.copyto(found, told, where=told != NO_HOLD)
