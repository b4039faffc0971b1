"""The answer as tables: entries, refunds, deposits, and the summary whose sums tie to the cent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int64s, dates
from cape_engine.intake.entries import key_texts
from cape_engine.refund.reconciliation.bank_causes import Deposits
from cape_engine.refund.reconciliation.case import Verdicts, at
from cape_engine.refund.reconciliation.cohort_causes import Sides
from cape_engine.refund.reconciliation.entry_causes import World
from cape_engine.refund.reconciliation.linking import Links
from cape_engine.refund.reconciliation.reported import RANKED
from cape_engine.refund.reconciliation.rows import NONE, Rows, Vocabularies
from cape_engine.rules.rows import CauseCode
from cape_engine.schema import reconciliation as c
from cape_engine.schema.column import WORD, Column
from cape_engine.schema.ledger import CLAIM_NUMBER
from cape_engine.schema.results import RESULT_LIQUIDATION_DATE

_MOST_NUMBERS = 5


def _words(codes: npt.NDArray[np.integer], words: pa.Array | Sequence[str]) -> pa.DictionaryArray:
    """Codes as a word column, null where negative; only words in use are kept, in the order of their codes."""
    texts = words if isinstance(words, pa.Array) else pa.array(list(words), pa.string())
    known = codes >= 0
    used = np.zeros(len(texts), np.bool_)
    used[codes[known]] = True
    place = np.cumsum(used, dtype=np.int32) - np.int32(1)
    index = np.zeros(len(codes), np.int32)
    index[known] = place[codes[known]]
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=~known), texts.take(pa.array(np.flatnonzero(used))))


def _maybe(values: Int64s, known: npt.NDArray[np.bool_]) -> pa.Array:
    """Numbers, null where not known."""
    return pa.array(values, pa.int64(), mask=~known)


def _texts(codes: Int64s, words: pa.Array) -> pa.Array:
    """Codes as text, null where negative."""
    return _words(codes, words).cast(pa.string())


def _days(values: npt.NDArray[np.integer]) -> pa.Array:
    """Days, null where there is none."""
    return dates(values.astype(np.int32))


def _money(expected: Int64s, verdicts: Verdicts, causes: Sequence[CauseCode]) -> dict[Column, pa.Array]:
    """Paid, difference, explained, left, cause and detail."""
    difference = verdicts.paid - expected
    return {
        c.PAID: pa.array(verdicts.paid),
        c.DIFFERENCE: pa.array(difference),
        c.EXPLAINED: pa.array(verdicts.explained),
        c.LEFT: pa.array(difference - verdicts.explained),
        c.CAUSE: _words(verdicts.cause, [one.cause for one in causes]),
        c.DETAIL: _words(verdicts.detail, verdicts.details.words),
    }


def _table(columns: dict[Column, pa.Array], schema: pa.Schema) -> pa.Table:
    """Columns in the order of a schema."""
    by_name = {str(column): values for column, values in columns.items()}
    return pa.table([by_name[field.name] for field in schema], schema=schema)


def entries_table(world: World, verdicts: Verdicts, causes: Sequence[CauseCode], words: Vocabularies) -> pa.Table:
    """One row per entry (`RECONCILED_ENTRIES`)."""
    case, reported, expected = world.case, world.reported, world.expected
    named = case.theirs >= 0
    claim = at(reported.claim, case.theirs, NONE)
    claim = np.where(claim >= 0, claim, at(expected.entries.claim, case.ours, NONE))
    cohort = pa.array(np.where(case.cohort >= 0, case.cohort, 0), mask=case.cohort < 0)
    mine = case.ours >= 0
    recipient = np.where(mine, case.recipient, case.said_recipient)
    return _table(
        {
            c.RECONCILED_ENTRIES[0]: key_texts(case.key),
            CLAIM_NUMBER: _texts(claim, words.of(CLAIM_NUMBER).words),
            c.REFUND_NUMBER: _texts(at(reported.refund, case.theirs, NONE), words.of(c.REFUND_NUMBER).words),
            c.RECONCILED_RECIPIENT: _words(recipient, words.of(c.REPORT_RECIPIENT).words),
            RESULT_LIQUIDATION_DATE: _days(case.day),
            c.COHORT_KEY: expected.cohorts.key.take(cohort),
            c.EXPECTED_PRINCIPAL: pa.array(case.principal),
            c.EXPECTED_INTEREST: pa.array(case.interest),
            c.EXPECTED: pa.array(case.expected),
            c.REPORTED_PRINCIPAL: _maybe(case.reported_principal, case.reported_principal >= 0),
            c.REPORTED_INTEREST: _maybe(case.reported_interest, case.reported_interest >= 0),
            c.REPORTED: _maybe(case.reported, named),
            **_money(case.expected, verdicts, causes),
            c.REPORT_NAME: _words(at(reported.report, case.theirs, NONE), [c.REPORTS[name].title for name in RANKED]),
            c.REPORT_ROW: _maybe(at(reported.row, case.theirs, 0), named),
        },
        c.RECONCILED_ENTRIES_SCHEMA,
    )


def cohorts_table(
    world: World, sides: Sides, verdicts: Verdicts, causes: Sequence[CauseCode], words: Vocabularies
) -> pa.Table:
    """One row per refund (`RECONCILED_COHORTS`)."""
    cohorts, refunds = world.expected.cohorts, world.refunds
    strangers = sides.number
    size = len(sides.expected)
    counts = np.zeros(size, np.int64)
    case = world.case
    np.add.at(counts, case.cohort[case.cohort >= 0], 1)
    return _table(
        {
            c.COHORT_KEY: pa.concat_arrays([cohorts.key, pa.nulls(len(strangers), pa.string())]),
            c.RECONCILED_RECIPIENT: _words(
                np.concatenate([cohorts.recipient, refunds.recipient[strangers]]), words.of(c.REPORT_RECIPIENT).words
            ),
            RESULT_LIQUIDATION_DATE: _days(np.concatenate([cohorts.day, refunds.day[strangers]])),
            c.REFUND_NUMBERS: _numbers_of(world, sides, words),
            c.COHORT_ENTRIES: pa.array(counts),
            c.EXPECTED: pa.array(sides.expected),
            c.REPORTED: _maybe(sides.gross, sides.refunds > 0),
            **_money(sides.expected, verdicts, causes),
            c.PARTS_SEEN: pa.array(sides.parts),
            c.LINES_SEEN: pa.array(sides.lines),
        },
        c.RECONCILED_COHORTS_SCHEMA,
    )


def _numbers_of(world: World, sides: Sides, words: Vocabularies) -> pa.Array:
    """CBP's numbers of each refund, with blanks between, at most five."""
    refunds = world.refunds
    home = refunds.cohort.copy()
    home[sides.number] = sides.ours + np.arange(len(sides.number))
    order = np.argsort(home, kind="stable")
    home = home[order]
    first = np.append(True, home[1:] != home[:-1])[: len(home)]
    rank = np.arange(len(home)) - np.flatnonzero(first)[np.cumsum(first) - 1] if len(home) else home
    kept = rank < _MOST_NUMBERS
    counts = np.bincount(home[kept], minlength=len(sides.expected))
    offsets = np.append(0, np.cumsum(counts)).astype(np.int32)
    numbers = _texts(refunds.code[order][kept], words.of(c.REFUND_NUMBER).words)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), numbers), " ")
    return pc.if_else(pa.array(counts > 0), joined, pa.scalar(None, pa.string()))


def bank_table(
    world: World, bank: Rows, links: Links, deposits: Deposits, causes: Sequence[CauseCode], words: Vocabularies
) -> pa.Table:
    """One row per deposit (`RECONCILED_BANK`)."""
    amount = bank.get(c.DEPOSIT_AMOUNT)
    money = _money(deposits.expected, deposits.verdicts, causes)
    return _table(
        {
            c.BANK_FILE: _words(bank.source.astype(np.int64), bank.sources),
            c.BANK_ROW: pa.array(bank.row),
            c.VALUE_DATE: _days(bank.get(c.VALUE_DATE)),
            c.ACH_TRACE_NUMBER: _texts(bank.get(c.ACH_TRACE_NUMBER), words.of(c.ACH_TRACE_NUMBER).words),
            c.BANK_REFERENCE: _texts(bank.get(c.BANK_REFERENCE), words.of(c.BANK_REFERENCE).words),
            c.BANK_AMOUNT: pa.array(amount),
            c.EXPECTED: pa.array(deposits.expected),
            **money,
            c.HOW: _words(links.how.astype(np.int64), c.HOW.words),
            c.COHORTS_OF_LINE: _cohorts_of(world, links, len(amount)),
        },
        c.RECONCILED_BANK_SCHEMA,
    )


def _cohorts_of(world: World, links: Links, size: int) -> pa.Array:
    """Keys of the refunds that each deposit pays, + between."""
    keep = np.flatnonzero(links.cohort >= 0)
    keep = keep[np.lexsort((links.cohort[keep], links.line[keep]))]
    counts = np.bincount(links.line[keep], minlength=size)
    offsets = np.append(0, np.cumsum(counts)).astype(np.int32)
    keys = world.expected.cohorts.key.take(pa.array(links.cohort[keep]))
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), keys), "+")
    return pc.if_else(pa.array(counts > 0), joined, pa.scalar(None, pa.string()))


def summary_table(levels: Sequence[tuple[str, Int64s, Verdicts]], causes: Sequence[CauseCode]) -> pa.Table:
    """One row per level and cause that occurs, in the order of the cause codes (`RECONCILED_SUMMARY`).

    Args:
        levels: name, cents expected of each row, and the causes.
        causes: in order.
    """
    names = list(c.CAUSES)
    rows = []
    for level, expected, verdicts in levels:
        counts = np.bincount(verdicts.cause, minlength=len(causes))
        by_cause = np.zeros((3, len(causes)), np.int64)
        for total, cents in zip(by_cause, (expected, verdicts.paid, verdicts.explained), strict=True):
            np.add.at(total, verdicts.cause, cents)
        found = np.flatnonzero(counts).tolist()
        for cause in sorted(found, key=lambda number: names.index(causes[number].cause)):
            sums, one = by_cause[:, cause].tolist(), causes[cause]
            rows.append(
                {
                    c.LEVEL: level,
                    c.CAUSE: one.cause,
                    c.ITEMS: int(counts[cause]),
                    c.EXPECTED: sums[0],
                    c.PAID: sums[1],
                    c.DIFFERENCE: sums[1] - sums[0],
                    c.EXPLAINED: sums[2],
                    c.LEFT: sums[1] - sums[0] - sums[2],
                    c.WHO_ACTS: one.who_acts,
                    c.NEXT_STEP: one.next_step,
                }
            )
    arrays = []
    for field in c.RECONCILED_SUMMARY_SCHEMA:
        values = [row[field.name] for row in rows]
        arrays.append(
            pa.array(values, pa.string()).dictionary_encode() if field.type == WORD else pa.array(values, field.type)
        )
    return pa.table(arrays, schema=c.RECONCILED_SUMMARY_SCHEMA)
