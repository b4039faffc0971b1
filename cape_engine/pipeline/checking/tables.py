"""The answers as tables: declarations, and every listed entry with its reasons, route and days."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge, claim_portal
from cape_engine.bridge import NO_DAY
from cape_engine.pipeline.checking.answering import NOT_IN_SOURCES, Answer
from cape_engine.pipeline.checking.request import CheckRequest
from cape_engine.rules import Ruleset
from cape_engine.schema import claims as c
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema.codes import Action
from cape_engine.schema.ledger import CLAIM_NUMBER, FILE_NAME

_ACTIONS = [action.name.lower() for action in Action]
_DISPOSITIONS = list(c.CLAIMED_DISPOSITION.words)
_ACCEPTED, _REJECTED, _NOT_CLAIMED = range(3)


def declarations_table(answers: Sequence[Answer], request: CheckRequest) -> pa.Table:
    """One row per declaration, in the order of filing (`RESULT_DECLARATIONS`)."""
    account = request.account
    rows: list[tuple[object, ...]] = []
    for answer in answers:
        accepted = answer.accepted
        rows.append(
            (
                answer.declaration.name,
                answer.sha256,
                answer.size_bytes,
                account.kind,
                account.submitter,
                answer.judged.as_of,
                answer.upload,
                answer.status,
                answer.claim_number,
                len(answer.failed),
                int(np.count_nonzero(accepted)),
                int(np.count_nonzero(~accepted)) if answer.passed else 0,
                int(principal(answer).sum()),
                list(answer.declaration.reason_codes),
                list(answer.declaration.messages),
                answer.recorded,
            )
        )
    columns = [[row[place] for row in rows] for place in range(len(c.RESULT_DECLARATIONS))]
    arrays = [_array(values, column) for values, column in zip(columns, c.RESULT_DECLARATIONS, strict=True)]
    return pa.table(arrays, schema=c.RESULT_DECLARATIONS_SCHEMA)


def principal(answer: Answer) -> npt.NDArray[np.int64]:
    """Duty to give back on the accepted entries of an answer, 0 on all others (clarification 12)."""
    accepted = answer.accepted
    found = np.zeros(len(accepted), np.int64)
    found[accepted] = answer.judged.principal_cents[answer.place[accepted]]
    return found


def claimed_entries_table(answers: Sequence[Answer], ruleset: Ruleset) -> pa.Table:
    """One row per declaration and listed entry, in file order (`RESULT_CLAIMED_ENTRIES`)."""
    parts = [_entries_of(answer, ruleset) for answer in answers]
    if not parts:
        return c.RESULT_CLAIMED_ENTRIES_SCHEMA.empty_table()
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def _entries_of(answer: Answer, ruleset: Ruleset) -> pa.Table:
    """The listed entries of one answer."""
    one, judged, place = answer.declaration, answer.judged, answer.place
    count, known, accepted = len(place), place != NOT_IN_SOURCES, answer.accepted
    rows = pa.array(place, mask=~known)
    numbers = pa.array(one.entry_numbers[:count], pa.string())
    reasons, messages = claim_portal.reason_lists(answer.failed, ruleset)
    state = np.where(accepted, _ACCEPTED, _REJECTED if answer.passed else _NOT_CLAIMED).astype(np.int32)
    status = np.where(accepted, 0, 1).astype(np.int32) if answer.passed else np.full(count, -1, np.int32)
    action = _of(answer, judged.action, 0)
    arrays: dict[str, pa.Array] = {
        str(FILE_NAME): pa.array([one.name] * count, pa.string()),
        str(c.FILE_ROW): pa.array(one.rows[:count], pa.int64()),
        str(f.ENTRY_NUMBER): numbers,
        str(CLAIM_NUMBER): pa.array([answer.claim_number] * count, pa.string()),
        str(c.CLAIMED_DISPOSITION): bridge.words(state, _DISPOSITIONS),
        str(c.ENTRY_STATUS): bridge.words(status, list(c.ENTRIES)),
        str(r.REASON_CODES): reasons.array(),
        str(r.MESSAGES): messages.array(),
        str(c.LIVE_CLAIM): pa.array([answer.live_claims.get(n) for n in one.entry_numbers[:count]], pa.string()),
        str(c.ASKED_CENTS): pa.array(principal(answer)),
        str(r.ACTION): bridge.words(np.where(accepted, action, Action.NONE).astype(np.int32), _ACTIONS),
        str(r.RESULT_LIQUIDATION_DATE): bridge.dates(
            np.where(accepted, _of(answer, judged.liquidation_day, NO_DAY), NO_DAY).astype(np.int32)
        ),
        **_routes(answer, ruleset),
    }
    for column in (f.IMPORTER_NUMBER, f.ENTRY_TYPE, f.ENTRY_DATE, f.FILER_CODE):
        arrays[str(column)] = bridge.single(judged.entries, column).take(rows)
    prefixes = pc.utf8_slice_codeunits(numbers, 0, 3)
    arrays[str(f.FILER_CODE)] = pc.coalesce(arrays[str(f.FILER_CODE)].cast(pa.string()), prefixes)
    return pa.table(
        [_typed(arrays[str(column)], column) for column in c.RESULT_CLAIMED_ENTRIES],
        schema=c.RESULT_CLAIMED_ENTRIES_SCHEMA,
    )


def _routes(answer: Answer, ruleset: Ruleset) -> dict[str, pa.Array]:
    """Route, words and day of each entry that failed, and the days of every entry."""
    judged = answer.judged
    psc, window, protest, court = (
        _of(answer, judged.days.named(word), NO_DAY).astype(np.int32) for word in ("psc", "window", "protest", "court")
    )
    days = claim_portal.Deadlines(psc, window, protest, court)
    masks, which = bridge.distinct(answer.failed)
    lists = claim_portal.reason_lists(np.array(masks, np.uint64), ruleset)[0].to_pylist()
    route = claim_portal.routed(lists, which, days, ruleset=ruleset, as_of=judged.as_of)
    place = route.place.astype(np.int32)
    return {
        str(c.ROUTE): _words(place, [word for word, _ in route.words]),
        str(c.WHAT_TO_DO): _words(place, [words for _, words in route.words]),
        str(c.DO_BY): bridge.dates(route.by),
        str(c.PSC_UNTIL): bridge.dates(days.psc),
        str(c.WINDOW_UNTIL): bridge.dates(days.window),
        str(c.PROTEST_UNTIL): bridge.dates(days.protest),
        str(c.COURT_UNTIL): bridge.dates(days.court),
    }


def _words(place: npt.NDArray[np.int32], vocabulary: Sequence[str]) -> pa.DictionaryArray:
    """Words by their place in a vocabulary in which some stand several times; null for a negative place."""
    code = {word: number for number, word in enumerate(dict.fromkeys(vocabulary))}
    codes = np.array([*(code[word] for word in vocabulary), -1], np.int32)
    return bridge.words(codes[place], list(code))


def _of(answer: Answer, values: npt.NDArray[np.integer], missing: int) -> npt.NDArray[np.integer]:
    """Values of the judged entries for the listed ones, `missing` where no source holds the entry."""
    found = np.full(len(answer.place), missing, values.dtype)
    known = answer.place != NOT_IN_SOURCES
    found[known] = values[answer.place[known]]
    return found


def _array(values: list[object], column: pa.DataType) -> pa.Array:
    """Values as a column of the declared type."""
    if pa.types.is_dictionary(column.type):
        return pa.array(values, pa.string()).dictionary_encode().cast(column.type)
    if pa.types.is_list(column.type):
        return _typed(pa.array(values, pa.list_(pa.string())), column)
    return pa.array(values, column.type)


def _typed(values: pa.Array, column: pa.DataType) -> pa.Array:
    """A column of the declared type."""
    if values.type == column.type:
        return values
    if pa.types.is_list(column.type):
        inner = values.flatten().dictionary_encode().cast(column.type.value_type)
        return pa.ListArray.from_arrays(values.offsets, inner)
    if pa.types.is_dictionary(column.type) and not pa.types.is_dictionary(values.type):
        return values.dictionary_encode().cast(column.type)
    return values.cast(column.type)
