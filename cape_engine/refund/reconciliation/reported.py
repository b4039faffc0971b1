"""What reports say of each entry: its rows added up, claims told apart, one report chosen where several speak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cape_engine.bridge import Bools, Int64s
from cape_engine.findings import Findings
from cape_engine.refund.reconciliation.expected import Entries
from cape_engine.refund.reconciliation.rows import NONE, Rows
from cape_engine.schema import reconciliation as c
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import CLAIM_NUMBER

RANKED = ("es022", "rev615", "es701")
"""Reports with amounts of entries; of an entry that several name, the first one counts."""
_RANKS = 4


@dataclass(frozen=True, slots=True)
class Reported:
    """What reports say, one row an entry, ascending by key.

    Attributes:
        key: int64[m].
        principal, interest: int64[m], cents; `NONE` where they are not told apart.
        total: int64[m], cents, all claims together.
        other: int64[m], cents of it that were paid under another claim than ours.
        own: bool[m], whether our own claim (or one that cannot be told from it) was paid at all.
        refunds: int64[m], different refund numbers under our own claim.
        refund, claim, recipient: int64[m], codes of the row that counts, `NONE` where not said.
        date: int64[m], (re)liquidation day that the report gives, `NO_DAY` where none.
        prior, netted: int64[m], cents that the report says were given back before or set off; 0 where not said.
        report: int64[m], place in `RANKED`.
        row: int64[m], line of the row that counts.
    """

    key: Int64s
    principal: Int64s
    interest: Int64s
    total: Int64s
    other: Int64s
    own: Bools
    refunds: Int64s
    refund: Int64s
    claim: Int64s
    recipient: Int64s
    date: Int64s
    prior: Int64s
    netted: Int64s
    report: Int64s
    row: Int64s

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of entry reports, ascending by entry and report: the amounts in whole, and what they belong to."""

    key: Int64s
    rank: Int64s
    principal: Int64s
    interest: Int64s
    total: Int64s
    claim: Int64s
    refund: Int64s
    recipient: Int64s
    date: Int64s
    prior: Int64s
    netted: Int64s
    row: Int64s

    def take(self, places: Int64s | Bools) -> Lines:
        """Some of the rows."""
        return Lines(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


def amounts(rows: Rows) -> tuple[Int64s, Int64s, Int64s]:
    """(principal, interest, both together) of rows, cents; the first two `NONE` where they are not told apart."""
    principal, interest, total = (rows.get(column) for column in c.MONEY[:3])
    neither = total < 0
    principal = np.where(neither & (principal < 0), 0, principal)
    interest = np.where(neither & (interest < 0), 0, interest)
    rest = np.where((principal >= 0) & (interest < 0), total - principal, interest)
    principal = np.where((principal < 0) & (interest >= 0), total - interest, principal)
    apart = (principal >= 0) & (rest >= 0)
    together = np.where(apart, principal + rest, total)
    return np.where(apart, principal, NONE), np.where(apart, rest, NONE), together


def lines_of(reports: Sequence[Rows]) -> Lines:
    """The rows of all entry reports, ascending by entry, report and row.

    Args:
        reports: rows of kinds in `RANKED`.
    """
    parts: list[tuple[Int64s, ...]] = []
    for rows in reports:
        principal, interest, total = amounts(rows)
        parts.append(
            (
                rows.get(ENTRY_NUMBER),
                np.full(len(rows), RANKED.index(rows.report), np.int64),
                principal,
                interest,
                total,
                rows.get(CLAIM_NUMBER),
                rows.get(c.REFUND_NUMBER),
                rows.get(c.REPORT_RECIPIENT),
                rows.get(c.REFUND_DATE),
                np.maximum(rows.get(c.PRIOR_REFUND), 0),
                np.maximum(rows.get(c.NETTED_AMOUNT), 0),
                rows.row,
            )
        )
    empty = np.empty(0, np.int64)
    columns = [np.concatenate([empty, *(part[place] for part in parts)]) for place in range(12)]
    key, rank = columns[0], columns[1]
    sort = key * _RANKS + rank
    if len(sort) and not (np.diff(sort) >= 0).all():
        order = np.argsort(sort, kind="stable")
        columns = [column[order] for column in columns]
    return Lines(*columns)


def chosen(lines: Lines, findings: Findings) -> Lines:
    """Of every entry the rows of the first report that names it; where another one disagrees, it is said."""
    if not len(lines.key):
        return lines
    starts = _starts(lines.key)
    first = np.repeat(lines.rank[starts], np.diff(np.append(starts, len(lines.key))))
    keep = lines.rank == first
    if keep.all():
        return lines
    both = lines.key * _RANKS + lines.rank
    groups = _starts(both)
    sums = np.add.reduceat(lines.total, groups)
    key, rank = lines.key[groups], lines.rank[groups]
    leader = np.repeat(sums[_starts(key)], np.diff(np.append(_starts(key), len(key))))
    leading = np.repeat(rank[_starts(key)], np.diff(np.append(_starts(key), len(key))))
    for ours in range(len(RANKED)):
        for theirs in range(ours + 1, len(RANKED)):
            count = int(((leading == ours) & (rank == theirs) & (sums != leader)).sum())
            if count:
                names = [c.REPORTS[RANKED[place]].title for place in (ours, theirs)]
                findings.add("REPORTS_DISAGREE", value=count, first=names[0], other=names[1])
    return lines.take(keep)


def by_entry(lines: Lines, place: Int64s, entries: Entries) -> Reported:
    """Rows added up by entry.

    Args:
        lines: of one report for each entry.
        place: int64[lines], place of the entry of each among ours, `NONE` where it is not ours.
        entries: ours, whose claims and amounts tell which of several claims is ours.
    """
    starts = _starts(lines.key)
    counts = np.diff(np.append(starts, len(lines.key)))
    ours = np.append(entries.claim.astype(np.int64), NONE)[place]
    if len(starts) < len(lines.key):
        ours = _guessed_claims(
            lines, starts, counts, ours, np.append(entries.principal + entries.interest, NONE)[place]
        )
    foreign = (lines.claim >= 0) & (ours >= 0) & (lines.claim != ours)
    own = ~foreign
    lead = starts.copy()
    several = counts > 1
    if several.any():
        # The first row under our own claim speaks for the entry; the first row where there is none.
        rank = np.where(foreign, len(lines.key), 0) + np.arange(len(lines.key))
        best = np.minimum.reduceat(rank, starts)
        lead = np.where(best >= len(lines.key), starts, best)
    paid = _summed(lines.total, starts)
    other = _summed(np.where(foreign, lines.total, 0), starts)
    has_own = _summed(own.astype(np.int64), starts) > 0
    counted = own | ~np.repeat(has_own, counts)
    apart = _summed(((lines.principal < 0) & counted).astype(np.int64), starts) == 0
    return Reported(
        lines.key[starts],
        np.where(apart, _summed(np.where(counted, lines.principal, 0), starts), NONE),
        np.where(apart, _summed(np.where(counted, lines.interest, 0), starts), NONE),
        paid,
        other,
        has_own,
        _distinct(np.where(counted, lines.refund, NONE), starts, counts),
        lines.refund[lead],
        lines.claim[lead],
        lines.recipient[lead],
        lines.date[lead],
        _summed(np.where(counted, lines.prior, 0), starts),
        _summed(np.where(counted, lines.netted, 0), starts),
        lines.rank[lead],
        lines.row[lead],
    )


def _guessed_claims(lines: Lines, starts: Int64s, counts: Int64s, ours: Int64s, wanted: Int64s) -> Int64s:
    """Our claim of every row, where we do not know it: the one whose rows come to what we expect, else the first one.

    Args:
        lines: rows, ascending by entry.
        starts: first row of each entry.
        counts: rows of each entry.
        ours: code of our claim of each row, `NONE` where unknown.
        wanted: cents that we expect of the entry of each row.
    """
    group = np.repeat(np.arange(len(starts)), counts)
    open_rows = np.flatnonzero((counts > 1)[group] & (ours < 0) & (lines.claim >= 0))
    if not len(open_rows):
        return ours
    order = open_rows[np.lexsort((open_rows, lines.claim[open_rows], group[open_rows]))]
    edge = np.flatnonzero(
        np.append(True, (group[order][1:] != group[order][:-1]) | (lines.claim[order][1:] != lines.claim[order][:-1]))
    )
    sums = np.add.reduceat(lines.total[order], edge)
    first_row = np.minimum.reduceat(order, edge)
    of_group, claim = group[order][edge], lines.claim[order][edge]
    best = np.lexsort((first_row, sums != wanted[order][edge], of_group))
    top = best[np.append(True, of_group[best][1:] != of_group[best][:-1])]
    found = np.full(len(starts), NONE, np.int64)
    found[of_group[top]] = claim[top]
    return np.where(ours >= 0, ours, found[group])


def _starts(key: Int64s) -> Int64s:
    """First row of each run of equal keys."""
    return np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])


def _summed(values: Int64s, starts: Int64s) -> Int64s:
    """Sums of runs."""
    if len(starts) == len(values):
        return values
    return np.add.reduceat(values, starts) if len(starts) else values


def places_of(known: Int64s, wanted: Int64s) -> Int64s:
    """Place of each wanted key among ascending known ones, `NONE` where it is not there."""
    if not len(known):
        return np.full(len(wanted), NONE, np.int64)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, place, NONE)


def _distinct(codes: Int64s, starts: Int64s, counts: Int64s) -> Int64s:
    """How many different codes other than `NONE` each run holds."""
    found = (codes[starts] >= 0).astype(np.int64)
    several = np.flatnonzero(counts > 1)
    if len(several):
        group = np.repeat(several, counts[several])
        rows = np.flatnonzero(np.repeat(counts > 1, counts))
        order = np.lexsort((codes[rows], group))
        code, of = codes[rows][order], group[order]
        fresh = np.append(True, (code[1:] != code[:-1]) | (of[1:] != of[:-1])) & (code >= 0)
        found[several] = np.bincount(of[fresh], minlength=len(starts))[several]
    return found
