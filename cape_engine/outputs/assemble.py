"""The promised tables (design, section 4) from the arrays of the components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s
from cape_engine.listed import Lists, distinct
from cape_engine.outputs.cells import known, plain
from cape_engine.outputs.changes import NumberOutcome, changes_table
from cape_engine.rules.practice_rows import EligibilityRule
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema.codes import Action, Flag

__all__ = ["EntryOutcome", "NumberOutcome", "absent_entries", "changes_table", "entries_table", "flag_lists"]

_ACTIONS = [action.name.lower() for action in Action]
_DISPOSITIONS = list(r.DISPOSITION.words)
_ACCEPTED, _REJECTED, _NOT_CLAIMED = range(3)


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """What a run decided for each entry of a partition; arrays of one value per entry.

    Money is int64 cents, days are int32 (bridge.NO_DAY where there is none), masks are bool.
    """

    claimed: Bools
    accepted: Bools
    reasons: Lists
    messages: Lists
    flags: Lists
    filed_duty_cents: Int64s
    removed_ieepa_cents: Int64s
    restored_column1_cents: Int64s
    recalculated_duty_cents: Int64s
    recomputed_duty_cents: Int64s
    recomputed_known: Bools
    principal_cents: Int64s
    bill_cents: Int64s
    interest_cents: Int64s
    interest_known: Bools
    interest_from: Int32s
    interest_to: Int32s
    action: Int8s
    liquidation_day: Int32s
    recipient: pa.DictionaryArray
    new_version: pa.DictionaryArray

    @property
    def lists(self) -> dict[str, Lists]:
        """The columns of lists by name, for those who count and hash them."""
        return {r.REASON_CODES: self.reasons, r.MESSAGES: self.messages, r.FLAGS: self.flags}


def flag_lists(flags: npt.NDArray[np.uint32]) -> Lists:
    """Flag masks as lists of words, sorted by name; each distinct mask is spelt once."""
    masks, which = distinct(flags)
    return Lists.of(which, [_spelt(mask) for mask in masks])


@lru_cache(maxsize=1 << 16)
def _spelt(mask: int) -> tuple[str, ...]:
    """The words of a flag mask, sorted."""
    return tuple(sorted(flag.name or "" for flag in Flag if mask & flag))


def entries_table(entries: pa.Table, outcome: EntryOutcome, payment_id: pa.Array, *, words: bool = False) -> pa.Table:
    """One row per entry (`RESULT_ENTRIES`); an entry that is not accepted has no new figures (clarification 12).

    Args:
        entries: entries of the store.
        outcome: what was decided for them.
        payment_id: key of part 1 of the payment of each entry, as text or as words; null where nothing is paid.
        words: leave texts that repeat (reasons, messages, flags, and keys that came so) as words into a dictionary,
            which a file of the promised schema takes as they are.
    """
    accepted = outcome.accepted
    not_accepted = bridge.either(outcome.claimed, _REJECTED, _NOT_CLAIMED)

    def money(values: Int64s) -> pa.Array:
        return pa.array(values * accepted)

    def day(days: Int32s) -> pa.Array:
        return bridge.known_only(days, accepted & (days != NO_DAY), pa.date32())

    columns = {
        f.ENTRY_NUMBER: bridge.single(entries, f.ENTRY_NUMBER),
        f.IMPORTER_NUMBER: bridge.single(entries, f.IMPORTER_NUMBER),
        f.FILER_CODE: bridge.single(entries, f.FILER_CODE),
        f.ENTRY_TYPE: bridge.single(entries, f.ENTRY_TYPE),
        f.ENTRY_DATE: bridge.single(entries, f.ENTRY_DATE),
        r.DISPOSITION: _coded(bridge.either(accepted, _ACCEPTED, not_accepted), _DISPOSITIONS),
        r.REASON_CODES: outcome.reasons.array(),
        r.MESSAGES: outcome.messages.array(),
        r.FLAGS: outcome.flags.array(),
        r.FILED_DUTY_CENTS: pa.array(outcome.filed_duty_cents),
        r.REMOVED_IEEPA_CENTS: money(outcome.removed_ieepa_cents),
        r.RESTORED_COLUMN1_CENTS: money(outcome.restored_column1_cents),
        r.RECALCULATED_DUTY_CENTS: bridge.known_only(outcome.recalculated_duty_cents, accepted, pa.int64()),
        r.RECOMPUTED_DUTY_CENTS: bridge.known_only(
            outcome.recomputed_duty_cents, accepted & outcome.recomputed_known, pa.int64()
        ),
        r.PRINCIPAL_CENTS: money(outcome.principal_cents),
        r.BILL_CENTS: money(outcome.bill_cents),
        r.INTEREST_CENTS: bridge.known_only(
            outcome.interest_cents * accepted, outcome.interest_known | ~accepted, pa.int64()
        ),
        r.INTEREST_FROM: day(outcome.interest_from),
        r.INTEREST_TO: day(outcome.interest_to),
        r.ACTION: _coded((outcome.action * accepted).astype(np.int32), _ACTIONS),
        r.RESULT_LIQUIDATION_DATE: day(outcome.liquidation_day),
        r.RECIPIENT: _masked_words(outcome.recipient, accepted),
        r.PAYMENT_ID: _payment_ids(payment_id, accepted, words=words),
        r.NEW_VERSION: _masked_words(outcome.new_version, accepted),
    }
    arrays = [columns[column] for column in r.RESULT_ENTRIES]
    if not words:
        arrays = [array.cast(field.type) for array, field in zip(arrays, r.RESULT_ENTRIES_SCHEMA, strict=True)]
    fields = [field.with_type(array.type) for array, field in zip(arrays, r.RESULT_ENTRIES_SCHEMA, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields))


def _coded(codes: Int32s, vocabulary: list[str]) -> pa.DictionaryArray:
    """Codes that are all known as a word column."""
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(vocabulary, pa.string()), safe=False)


def _masked_words(values: pa.DictionaryArray, keep: Bools) -> pa.DictionaryArray:
    """A word column with nulls where `keep` is false."""
    if values.null_count:
        keep = keep & known(values).view(np.bool_)
    masked = bridge.known_only(plain(values.indices, pa.int32()), keep, pa.int32())
    return pa.DictionaryArray.from_arrays(masked, values.dictionary.cast(pa.string()), safe=False)


def _payment_ids(keys: pa.Array, accepted: Bools, *, words: bool) -> pa.Array:
    """Payment keys of accepted entries, as text unless they came as words and may stay so."""
    if pa.types.is_dictionary(keys.type) and words:
        return _masked_words(keys, accepted)
    texts = keys.cast(pa.string())
    if not (texts.is_valid().to_numpy(zero_copy_only=False) & ~accepted).any():
        return texts  # nothing is paid for an entry that is not accepted
    return pc.if_else(pa.array(accepted), texts, pa.nulls(len(texts), pa.string()))


def absent_entries(numbers: Sequence[str], rule: EligibilityRule) -> pa.Table:
    """Rows of `RESULT_ENTRIES` for declared entries that no source knows: rejected by `rule`, nothing else known."""
    count = len(numbers)
    columns: dict[str, pa.Array] = {str(column): pa.nulls(count, column.type) for column in r.RESULT_ENTRIES}
    for column in r.RESULT_ENTRIES:
        if pa.types.is_int64(column.type) and not column.nullable:
            columns[str(column)] = pa.array([0] * count, pa.int64())
    texts: dict[str, list[Any]] = {
        f.ENTRY_NUMBER: list(numbers),
        r.DISPOSITION: [_DISPOSITIONS[_REJECTED]] * count,
        r.REASON_CODES: [[rule.reason_code]] * count,
        r.MESSAGES: [[rule.words]] * count,
        r.FLAGS: [[]] * count,
        r.ACTION: [Action.NONE.name.lower()] * count,
    }
    for name, values in texts.items():
        columns[str(name)] = pa.array(values, r.RESULT_ENTRIES_SCHEMA.field(str(name)).type)
    columns[str(r.INTEREST_CENTS)] = pa.array([0] * count, pa.int64())
    return pa.table([columns[str(column)] for column in r.RESULT_ENTRIES], schema=r.RESULT_ENTRIES_SCHEMA)
