"""CBP's template as the workbook it is handed out in: its rows, as those of a CSV file."""

from __future__ import annotations

import io
import zipfile
from typing import Final

Row = tuple[int, str]

ENDINGS: Final = (".xlsx", ".xlsm")
_MOST_BYTES = 64 << 20
_ERROR = "#ERROR"


class NotReadableError(Exception):
    """The bytes are no workbook that can be read; the words say why."""


def sheet_rows(content: bytes) -> tuple[Row | None, list[Row]]:
    """The heading and the rows that say something, of the first sheet.

    Cells of further columns are joined to their row by a comma, so that the checks of a CSV file find them.

    Args:
        content: bytes of the workbook.

    Raises:
        NotReadableError: it is damaged, or unpacks to more than any declaration can hold.
    """
    import fastexcel  # noqa: PLC0415 - a check without a workbook does not load its reader (40 ms)

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > _MOST_BYTES:
            raise NotReadableError(f"it unpacks to {size:,} bytes")
        book = fastexcel.read_excel(content)
        sheet = book.load_sheet(0, header_row=None, skip_rows=0, dtypes="string")
        batch, errors = sheet.to_arrow_with_errors()
    except (zipfile.BadZipFile, fastexcel.FastExcelError, OSError, ValueError, IndexError) as error:
        raise NotReadableError(str(error).splitlines()[0] if str(error) else "not a workbook") from error
    columns = [column.to_pylist() for column in batch.columns]
    for fault in errors.errors if errors else ():
        row, place = fault.position
        columns[place][row] = _ERROR
    rows: list[Row] = []
    for number, cells in enumerate(zip(*columns, strict=True), 1):
        said = [(cell or "").strip() for cell in cells]
        while said and not said[-1]:
            said.pop()
        if not said:
            continue
        rows.append((number, ",".join(said)))
    return (rows[0], rows[1:]) if rows else (None, [])
