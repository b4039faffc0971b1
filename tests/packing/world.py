"""A made-up CBP for tests of packing and the loop: entries, header facts, and answers to uploaded declarations."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import cape_engine
import cape_fixtures

AS_OF = dt.date(2026, 5, 4)


@dataclass(slots=True)
class World:
    """Files of made-up entries.

    Attributes:
        rows: the export.
        headers: the header file.
    """

    rows: tuple[Path, ...]
    headers: Path


def world(folder: Path, entries: int, *, seed: int = 5, mix: str = "realistic") -> World:
    """Entries with every fault the generator knows, as Parquet."""
    written = cape_fixtures.write(
        cape_fixtures.generate(entries, seed=seed, as_of=AS_OF, mix=mix), folder, format="parquet", layout="canonical"
    )
    return World(written.rows, written.headers)


@dataclass(slots=True)
class Portal:
    """CBP: answers declarations, and fails some entries for reasons of its own.

    Attributes:
        failures: message by entry number.
        claims: number of the next claim.
    """

    failures: dict[str, str] = field(default_factory=dict)
    claims: int = 100_000_000_000

    def answer(self, declarations: list[Path], path: Path) -> int:
        """Write Claim Details of uploaded declarations, text guards and all; the number of failures."""
        failed = 0
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["ENTRY_NUMBER", "CLAIM_NUMBER", "STATUS", "ERROR_DESCRIPTION"])
            for declaration in declarations:
                self.claims += 1
                heading, *numbers = declaration.read_bytes().decode().split("\r\n")[:-1]
                assert heading == "Entry Number"
                for number in numbers:
                    message = self.failures.get(number, "")
                    failed += bool(message)
                    status = "Failed" if message else "Entry Summary Updated"
                    writer.writerow([f'="{number}"', f'="{self.claims}"', status, message])
        return failed


def uploaded(folder: Path, result: cape_engine.PackResult) -> list[Path]:
    """The declarations that a packing wrote."""
    return [folder / "declarations" / name for name in result.declarations.column("file_name").to_pylist()]
