"""Adding to a store: new and rewritten partitions beside, the manifest last; other partitions are left alone."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cape_engine.errors import OutputError
from cape_engine.store.claim import claim
from cape_engine.store.store import MANIFEST, Source, Store, source_record
from cape_engine.store.writer import STAGING, is_partition, sync, write_parties

_NUMBER = re.compile(r"part-(\d+)")
_COUNTS = ("entries", "lines", "tariffs")


class Addition:
    """One addition to a store; until `finish` swaps the manifest, the store is what it was.

    Args:
        folder: a store; what an interrupted addition left in it is cleared away.

    Raises:
        StoreError: it is not a store.
        OutputError: it cannot be written, or another process writes it.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Store.open(folder).folder
        try:
            self._claim = claim(self.folder)
            self.store = Store.open(folder)  # as whoever held it left it
            self.generation = int(self.store.manifest.get("generation", 0)) + 1
            self._clear(keep=self.store.partitions)
            self.staging.mkdir()
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error

    @property
    def staging(self) -> Path:
        """A folder for stores whose partitions will be taken over."""
        return self.folder / STAGING

    def _clear(self, keep: Iterable[str]) -> None:
        """Take away partitions that the manifest does not name, and the staging folder.

        Raises:
            OutputError: they cannot be taken away.
        """
        kept = set(keep)
        try:
            for item in self.folder.iterdir():
                left_over = item.name not in kept and _NUMBER.match(item.name) and is_partition(item)
                if left_over or item.name == STAGING:
                    shutil.rmtree(item)
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error

    def close(self) -> None:
        """Clear the staging folder and let others write the store; harmless after `finish`."""
        shutil.rmtree(self.staging, ignore_errors=True)
        self._claim.close()

    def finish(
        self,
        fresh: Sequence[tuple[Store, str]],
        rewritten: Mapping[str, tuple[Store, str] | None],
        sources: Sequence[Source],
        facts_given: Iterable[str],
    ) -> Store:
        """Take partitions over and swap the manifest.

        Args:
            fresh: partitions of new entries: a store in the staging folder, and the name in it.
            rewritten: for each partition that changes, its new form (None: nothing is left of it).
            sources: the files of the old store, then those that were added.
            facts_given: entry facts that some file gives.

        Returns:
            The store as it is now.

        Raises:
            OutputError: the disk does not take it.
        """
        old = {str(part["name"]): dict(part) for part in self.store.manifest["partitions"]}
        numbers = [int(found[1]) for name in old if (found := _NUMBER.match(name))]
        try:
            parts = [part for name, part in old.items() if name not in rewritten]
            for name, new in rewritten.items():
                if new is not None:
                    parts.append(self._adopted(*new, f"{name[:10]}-{self.generation:04d}"))
            for number, (store, name) in enumerate(fresh, max(numbers, default=-1) + 1):
                parts.append(self._adopted(store, name, f"part-{number:05d}"))
            parts.sort(key=lambda part: (str(part["first_entry"] or ""), str(part["name"])))
            adopted = {id(store): store for store, _name in [*fresh, *(new for new in rewritten.values() if new)]}
            words = {word for store in (self.store, *adopted.values()) for word in store.parties().to_pylist()}
            write_parties(self.folder, words)
            self._swap(
                {
                    **self.store.manifest,
                    "generation": self.generation,
                    "sources": [source_record(source) for source in sources],
                    "facts_given": sorted(str(fact) for fact in facts_given),
                    "totals": {key: sum(int(part[key]) for part in parts) for key in _COUNTS},
                    "partitions": parts,
                }
            )
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error
        now = Store.open(self.folder)
        self._clear(keep=now.partitions)
        return now

    def _adopted(self, store: Store, name: str, new_name: str) -> dict[str, Any]:
        """Move a partition of another store into this one; its record under the new name."""
        (record,) = [part for part in store.manifest["partitions"] if part["name"] == name]
        (store.folder / name).rename(self.folder / new_name)
        return {**record, "name": new_name}

    def _swap(self, manifest: Mapping[str, Any]) -> None:
        """Put a manifest in the place of the old one, everything it names being durable before."""
        sync(self.folder)
        part = self.folder / f"{MANIFEST}.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / MANIFEST)
        sync(self.folder)
