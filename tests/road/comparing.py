"""Comparing a run with an answer known from elsewhere: column by column, entry by entry, to the cent."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.schema import facts as f
from cape_engine.schema import results as r

KNOWN_COLUMNS = (
    r.DISPOSITION,
    r.REASON_CODES,
    r.FILED_DUTY_CENTS,
    r.REMOVED_IEEPA_CENTS,
    r.RESTORED_COLUMN1_CENTS,
    r.RECALCULATED_DUTY_CENTS,
    r.PRINCIPAL_CENTS,
    r.BILL_CENTS,
    r.INTEREST_CENTS,
    r.ACTION,
    r.RESULT_LIQUIDATION_DATE,
    r.RECIPIENT,
)
ZERO_IF_REJECTED = (r.REMOVED_IEEPA_CENTS, r.RESTORED_COLUMN1_CENTS)
"""Nothing is removed from an entry that is not accepted; the known answer leaves these empty then."""
REFUND_COLUMNS = (r.RECIPIENT, r.RESULT_LIQUIDATION_DATE, r.PRINCIPAL_CENTS, r.INTEREST_CENTS, r.AMOUNT_CENTS)


def by_entry(table: pa.Table) -> pa.Table:
    """`table` in the order of entry numbers."""
    return table.sort_by(str(f.ENTRY_NUMBER)).combine_chunks()


def plain(column: pa.ChunkedArray) -> pa.Array:
    """A column without dictionaries, in one piece; lists as texts."""
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], column.type)
    if pa.types.is_dictionary(values.type):
        values = values.cast(pa.string())
    if pa.types.is_list(values.type):
        values = pc.binary_join(values.cast(pa.list_(pa.string())), " ")
    return values.cast(pa.int64()) if pa.types.is_integer(values.type) else values


def differences(ours: pa.Table, known: pa.Table, columns: tuple[str, ...], key: str) -> list[str]:
    """What differs, in words, with the first example of each column; empty when all is equal."""
    if ours.num_rows != known.num_rows:
        return [f"{ours.num_rows} rows, known {known.num_rows}"]
    found = []
    keys = plain(ours.column(key))
    if not keys.equals(plain(known.column(key))):
        return [f"the values of {key} differ"]
    for name in columns:
        mine, theirs = plain(ours.column(str(name))), plain(known.column(str(name)))
        if name in ZERO_IF_REJECTED:
            theirs = pc.fill_null(theirs, 0)
        same = pc.or_kleene(
            pc.fill_null(pc.equal(mine, theirs), fill_value=False), pc.and_(pc.is_null(mine), pc.is_null(theirs))
        )
        wrong = pc.indices_nonzero(pc.invert(same))
        if len(wrong):
            place = wrong[0].as_py()
            found.append(f"{name}: {len(wrong)} differ, first {keys[place]}: {mine[place]} is not {theirs[place]}")
    return found


def entry_differences(ours: pa.Table, known: pa.Table, columns: tuple[str, ...] = KNOWN_COLUMNS) -> list[str]:
    """Differences between the entries of a run and the known ones."""
    return differences(by_entry(ours), by_entry(known), columns, str(f.ENTRY_NUMBER))


def refund_differences(ours: pa.Table, known: pa.Table) -> list[str]:
    """Differences between the refunds of a run and the known ones."""
    order = [(str(r.RECIPIENT), "ascending"), (str(r.RESULT_LIQUIDATION_DATE), "ascending")]
    decoded = [
        pa.table({str(name): plain(table.column(str(name))) for name in REFUND_COLUMNS}).sort_by(order)
        for table in (ours, known)
    ]
    return differences(decoded[0], decoded[1], REFUND_COLUMNS, str(r.RECIPIENT))
