"""What does not depend on the filing day: trial removal, flags and principal of every entry, computed or kept.

They are computed from lines and tariff numbers, which takes as long as a run. A file keeps them for the next question
about the same entries; the results of a finished run give them too (`of_run`).
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine import bridge, mass_processing, rules
from cape_engine.bridge import Int64s, Partition
from cape_engine.errors import InputError, OutputError, UsageError
from cape_engine.outputs.files import sha256_of
from cape_engine.pipeline.outlook.request import OutlookRequest
from cape_engine.schema.column import Column
from cape_engine.schema.results import PRINCIPAL_CENTS
from cape_engine.store import Store

UInt32s = npt.NDArray[np.uint32]

TRIAL = Column("trial", pa.uint32(), "what the trial removal found, as bits")
FLAG_BITS = Column("flag_bits", pa.uint32(), "flags of the entry, as bits")
FACTS = (TRIAL, FLAG_BITS, PRINCIPAL_CENTS)
METADATA_KEY = b"cape.outlook"
"""Where the file says what it was made from."""
_SETTINGS = ("mass.", "refund.netting")
"""Settings that the principal depends on."""


class Known(NamedTuple):
    """What does not depend on the filing day, one value per entry.

    Attributes:
        trial: `codes.Trial` bits.
        flags: `codes.Flag` bits of mass processing.
        principal_cents: duty to give back.
    """

    trial: UInt32s
    flags: UInt32s
    principal_cents: Int64s


class Provider(Protocol):
    """Gives what is known of the entries of a partition; threads ask for several at a time."""

    @property
    def source(self) -> str:
        """Where it comes from, in a word for the manifest."""

    def of(self, place: int, partition: Partition) -> Known:
        """What is known of the entries of one partition, in their order.

        Args:
            place: number of the partition in the store.
            partition: header files laid over.
        """

    def finish(self) -> None:
        """Called when every partition was asked for."""


@dataclass(slots=True)
class Computed:
    """Computes what is asked for from lines and tariff numbers, and keeps it in a file if the request names one."""

    request: OutlookRequest
    ruleset: rules.Ruleset
    store: Store
    column1: mass_processing.Column1Table | None
    source: str = "computed"
    _kept: dict[int, Known] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, place: int, partition: Partition) -> Known:
        """Through mass processing."""
        found = computed(partition, self.request, self.ruleset, self.column1)
        if self.request.facts is not None:
            with self._lock:
                self._kept[place] = found
        return found

    def finish(self) -> None:
        """Write the file.

        Raises:
            OutputError: it cannot be written.
        """
        if self.request.facts is None:
            return
        key = key_text(key_of(self.request, self.ruleset, self.store))
        schema = pa.schema([column.field for column in FACTS], metadata={METADATA_KEY: key})
        path, beside = self.request.facts, self.request.facts.with_name(self.request.facts.name + ".part")
        try:
            with pq.ParquetWriter(beside, schema, compression="lz4", use_dictionary=False) as writer:
                for place in range(len(self.store.partitions)):
                    columns = [pa.array(values) for values in self._kept.pop(place)]
                    writer.write_table(pa.table(columns, schema=schema))
            with beside.open("rb") as stream:
                os.fsync(stream.fileno())
            beside.replace(path)
        except OSError as error:
            raise OutputError(
                f"{path} could not be written ({error.strerror or error}); free the disk or choose another --facts"
            ) from error


def computed(
    partition: Partition, request: OutlookRequest, ruleset: rules.Ruleset, column1: mass_processing.Column1Table | None
) -> Known:
    """What mass processing says of the entries of a partition."""
    mass = mass_processing.process(
        partition, ruleset=ruleset, settings=request.settings, as_of=request.first, column1=column1, detail=False
    )
    return Known(mass.trial, mass.flags, mass.principal_cents)


def key_of(request: OutlookRequest, ruleset: rules.Ruleset, store: Store) -> dict[str, Any]:
    """Everything that trial removal and principal depend on."""
    digest = hashlib.sha256()
    for record in store.manifest["partitions"]:
        digest.update(str(record["content_sha256"]).encode())
    return {
        "store": digest.hexdigest(),
        "entries": [record["entries"] for record in store.manifest["partitions"]],
        "rules": ruleset.hash,
        "settings": {name: value for name, value in request.settings.in_force().items() if name.startswith(_SETTINGS)},
        "headers": [sha256_of(file) for path in request.headers for file in files_below(path)],
        "column1": None if request.column1 is None else sha256_of(request.column1),
    }


def key_text(key: dict[str, Any]) -> bytes:
    """A key as the file carries it."""
    return json.dumps(key, sort_keys=True).encode()


def files_below(path: Path) -> Iterator[Path]:
    """A file itself, or the files in a folder."""
    yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


class Kept:
    """Takes what is asked for from a file that `Computed` wrote.

    Args:
        path: the file.
        key: what it must have been made from.

    Raises:
        InputError: it cannot be read.
        UsageError: it belongs to other entries, rules, settings or header files.
    """

    source = "facts file"

    def __init__(self, path: Path, key: dict[str, Any]) -> None:
        self._path = path
        try:
            metadata = pq.read_schema(path).metadata or {}
            made_from = json.loads(metadata[METADATA_KEY])
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise InputError(f"{path} is not a file of facts ({error}); remove it, or name another --facts") from error
        differing = sorted(name for name in key if made_from.get(name) != key[name])
        if differing:
            raise UsageError(f"{path} was made from other {', '.join(differing)}; remove it, or name another --facts")

    def of(self, place: int, partition: Partition) -> Known:
        """The row group of the partition."""
        del partition
        try:
            with pq.ParquetFile(self._path, memory_map=True) as file:
                table = file.read_row_group(place, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{self._path} cannot be read ({error}); remove it and ask again") from error
        return Known(*(bridge.single(table, column).to_numpy(zero_copy_only=False) for column in FACTS))

    def finish(self) -> None:
        """Nothing is left to do."""
