"""Files: folders made into lists, the kind of a file by its content, its hash, and what makes it unreadable."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from cape_engine.errors import InputError
from cape_engine.findings import Findings

CSV = "csv"
XLSX = "xlsx"
PARQUET = "parquet"

_ENDINGS = frozenset({".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".parquet"})
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Unreadable(Exception):  # noqa: N818 - a finding on its way: the file counts as bad data, not as an error of ours
    """A file that cannot be read; carries the finding that says so."""

    def __init__(self, code: str, source: str, **fields: object) -> None:
        super().__init__(code, source)
        self.code = code
        self.source = source
        self.fields = fields

    def add_to(self, findings: Findings) -> None:
        """Record it."""
        findings.add(self.code, source=self.source, **self.fields)  # type: ignore[arg-type]  # row, column and value by name

    def sentence(self) -> str:
        """What is wrong and what to do, in one line."""
        alone = Findings()
        self.add_to(alone)
        return f"{alone.rows[0].message}. {alone.rows[0].remedy}"


def nothing_readable(troubles: Iterable[Unreadable]) -> InputError:
    """The error for a run whose every source is unreadable."""
    sentences = [trouble.sentence() for trouble in troubles]
    return InputError("\n".join(sentences) or "no file was given, or the folder holds none that can be read")


def expand(sources: Iterable[Path | str], findings: Findings) -> list[Path]:
    """The files of `sources`, folders made into their files (sorted by path, hidden ones left out)."""
    files: list[Path] = []
    for source in sources:
        path = Path(source)
        if not path.is_dir():
            files.append(path)
            continue
        for item in sorted(path.rglob("*")):
            hidden = any(part.startswith((".", "~$")) for part in item.relative_to(path).parts)
            if hidden or not item.is_file():
                continue
            if item.suffix.lower() in _ENDINGS:
                files.append(item)
            else:
                findings.add("FILE_SKIPPED", source=str(item))
    return files


def kind_of(path: Path) -> str:
    """csv, xlsx or parquet, by the first bytes of the file.

    Raises:
        Unreadable: missing, empty, or of a kind that is not a table.
    """
    source = str(path)
    try:
        with path.open("rb") as file:
            start = file.read(8192)
    except FileNotFoundError as error:
        raise Unreadable("FILE_MISSING", source) from error
    except OSError as error:
        raise Unreadable("FILE_UNREADABLE", source, value=error.strerror or str(error)) from error
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        if path.stat().st_size <= len(start):
            raise Unreadable("FILE_EMPTY", source)
        raise Unreadable("FILE_NO_HEADER", source, value="50", found="")
    if start.startswith(b"PK"):
        _test_workbook(path)
        return XLSX
    if start.startswith(b"PAR1"):
        return PARQUET
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("FILE_OLD_EXCEL", source)
    if start.startswith(b"%PDF"):
        raise Unreadable("FILE_PDF", source)
    if b"\0" in start and not start.startswith(_UTF16):
        raise Unreadable("FILE_NOT_TEXT", source)
    return CSV


def _test_workbook(path: Path) -> None:
    """Whether a zip archive is whole and a workbook.

    Raises:
        Unreadable: cut off, or something else in a zip archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise Unreadable("FILE_TRUNCATED", str(path), value="the archive has no end") from error
    if not any(name.lower() == "xl/workbook.xml" for name in names):
        raise Unreadable("FILE_NOT_A_WORKBOOK", str(path))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes (hex).

    Raises:
        Unreadable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable("FILE_UNREADABLE", str(path), value=error.strerror or str(error)) from error
