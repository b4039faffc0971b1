"""What one partition gives to a run: its rows of the promised tables, and its share of everything that is added up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cape_engine import mass_processing, refund
from cape_engine.errors import OutputError
from cape_engine.outputs import manifest, result_hash
from cape_engine.settings import Settings

Nested = dict[str, Any]
"""Whole numbers by name, in groups by name."""
_SHARE = b"cape.share"


@dataclass(frozen=True, slots=True)
class Share:
    """What a partition adds to the totals of a run; shares add up in any order.

    Attributes:
        sums: refunds by recipient, importer and day.
        priced: what pricing noticed.
        numbers: what mass processing noticed about numbers and words.
        counts: rows, dispositions, findings and money totals (`outputs.manifest`).
        hash_words: the sums of the entries table's row hashes, and its rows.
        unknown: entries that lack a fact, by fact, and all entries under "".
    """

    sums: refund.Sums
    priced: refund.Tally
    numbers: mass_processing.Tallies
    counts: Nested
    hash_words: list[int]
    unknown: dict[str, int]

    def note(self) -> Nested:
        """Everything but the sums, as JSON can say it, and what the sums come to."""
        return {
            "priced": {
                "counts": [[*key, count] for key, count in self.priced.counts.items()],
                "entries": self.priced.entries,
                "deposits_known": self.priced.deposits_known,
            },
            "numbers": [[*key, *value] for key, value in self.numbers.seen.items()],
            "counts": self.counts,
            "hash_words": self.hash_words,
            "unknown": self.unknown,
            "paid": self.sums.totals(),
        }

    def to_bytes(self) -> bytes:
        """The share as the journal of a run keeps it."""
        record = self.note()
        table = self.sums.to_table().replace_schema_metadata({_SHARE: json.dumps(record).encode()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        data: bytes = sink.getvalue().to_pybytes()
        return data

    @classmethod
    def from_bytes(cls, data: bytes, register: refund.Register) -> Share:
        """The share that `to_bytes` wrote.

        Args:
            data: what `to_bytes` gave.
            register: the importer numbers of the run.

        Raises:
            OutputError: the bytes are not those of a share.
        """
        try:
            table = pa.ipc.open_stream(data).read_all()
            record = json.loads(table.schema.metadata[_SHARE])
        except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
            raise OutputError(
                f"the record of an earlier run cannot be read ({error}); run again with --full"
            ) from error
        return cls.of_note(record, refund.Sums.from_table(table, register))

    @classmethod
    def of_note(cls, note: Nested, sums: refund.Sums) -> Share:
        """The share that `note` speaks of, with sums."""
        priced = refund.Tally(
            Counter({(code, value): count for code, value, count in note["priced"]["counts"]}),
            note["priced"]["entries"],
            note["priced"]["deposits_known"],
        )
        numbers = mass_processing.Tallies(
            {(a, b, c, d): (count, entry) for a, b, c, d, count, entry in note["numbers"]}
        )
        return cls(sums, priced, numbers, note["counts"], note["hash_words"], note["unknown"])


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one partition in the promised tables, by name, and its share of the totals."""

    tables: Mapping[str, pa.Table]
    share: Share


class Totals:
    """Shares added up as they come; nothing is kept of a partition but what it adds.

    Args:
        register: the importer numbers of the run.
        settings: in force.

    Attributes:
        refunds: sums of refunds, and what pricing noticed.
        numbers, counts, unknown: see `Share`.
        hash_words: those of every part.
    """

    def __init__(self, register: refund.Register, settings: Settings) -> None:
        self.refunds = refund.Accumulator(register, settings)
        self.numbers: list[mass_processing.Tallies] = []
        # Groups that must stand in the manifest even if no partition has a number for them.
        self.counts: Nested = {name: {} for name in manifest.GROUPS}
        self.hash_words: list[list[int]] = []
        self.unknown: Counter[str] = Counter()

    def add(self, share: Share) -> None:
        """Add the share of a partition."""
        self.refunds.add(share.sums)
        self.refunds.add_tally(share.priced)
        if share.numbers.seen:
            self.numbers.append(share.numbers)
        add_nested(self.counts, share.counts)
        self.hash_words.append(share.hash_words)
        self.unknown.update(share.unknown)


def add_nested(total: Nested, more: Mapping[str, Any]) -> None:
    """Add the numbers of `more` to those of `total`, name by name."""
    for name, value in more.items():
        if isinstance(value, Mapping):
            add_nested(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def hash_of(entries: list[list[int]], refunds: pa.Table, payments: pa.Table) -> str:
    """The result hash of a run from the parts of its entries, its refunds and its payments."""
    return result_hash.combined(
        {"entries": entries, "refunds": [result_hash.partial(refunds)], "payments": [result_hash.partial(payments)]}
    )
