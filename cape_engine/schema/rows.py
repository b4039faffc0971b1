"""Tariff rows: what an ES-003 export or a canonical file carries, and the three tables of the store."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_FACTS, ENTRY_NUMBER

MAX_VALUE_DOLLARS = 9_999_999_999  # CATAIR AE 50, positions 25-34
MAX_DUTY_CENTS = 99_999_999_99  # CATAIR AE 50, positions 14-23
MAX_QUANTITY_E2 = 999_999_999_999  # CATAIR AE 50, positions 36-47, two implied decimals
MAX_LINE_NUMBER = 99_999
MAX_ORDINAL = 999

LINE_NUMBER = Column(
    "line_number", pa.int32(), "line of the summary", source="CATAIR AE 40", low=1, high=MAX_LINE_NUMBER, required=True
)
ORDINAL = Column(
    "ordinal", pa.int16(), "position of the number on its line", source="ES-003", low=1, high=MAX_ORDINAL, required=True
)
HTS_NUMBER = Column("hts_number", WORD, "tariff number, 8 or 10 digits", source="CATAIR AE 50, 3-12", required=True)
VALUE_DOLLARS = Column(
    "value_dollars",
    pa.int64(),
    "entered value, whole dollars",
    source="19 CFR 159.3",
    nullable=True,
    low=0,
    high=MAX_VALUE_DOLLARS,
    required=True,
)
DUTY_CENTS = Column(
    "duty_cents",
    CENTS,
    "duty filed on the number",
    source="CATAIR AE 50, 14-23",
    low=0,
    high=MAX_DUTY_CENTS,
    required=True,
)
DUTY = Column("duty", TEXT, "duty as text in dollars, an input form of duty_cents", source="clarification 8")

COUNTRY_OF_ORIGIN = Column(
    "country_of_origin", WORD, "ISO country of origin", source="CATAIR AE 40, 9-10", nullable=True
)
COUNTRY_OF_EXPORT = Column(
    "country_of_export", WORD, "ISO country of export", source="CATAIR AE 40, 11-12", nullable=True
)
SPI_CODE = Column("spi_code", WORD, "special program indicator", source="CATAIR AE 40, 25-26", nullable=True)
SET_INDICATOR = Column(
    "set_indicator", WORD, "X header or V component of a set", source="CATAIR AE (k)", nullable=True, words=("X", "V")
)
FTZ_STATUS = Column(
    "ftz_status", WORD, "zone status P, N or D", source="CATAIR AE 41", nullable=True, words=("P", "N", "D")
)
PRIVILEGED_DATE = Column(
    "privileged_date", DAY, "day of privileged zone status", source="CATAIR AE 41, 4-9", nullable=True
)
COLUMN1_RATE_TEXT = Column(
    "column1_rate_text", WORD, "printed column 1 rate; a check, never money", source="ES-003", nullable=True
)

QUANTITIES_E2: tuple[Column, ...] = tuple(
    Column(
        f"quantity_{slot}_e2",
        pa.int64(),
        f"quantity {slot} in hundredths",
        source="CATAIR AE 50",
        nullable=True,
        low=0,
        high=MAX_QUANTITY_E2,
    )
    for slot in (1, 2, 3)
)
QUANTITIES: tuple[Column, ...] = tuple(
    Column(
        f"quantity_{slot}",
        TEXT,
        f"quantity {slot} as text, an input form of quantity_{slot}_e2",
        source="clarification 8",
        nullable=True,
    )
    for slot in (1, 2, 3)
)
UOMS: tuple[Column, ...] = tuple(
    Column(f"uom_{slot}", WORD, f"ACE unit code of quantity {slot}", source="CATAIR Appendix B", nullable=True)
    for slot in (1, 2, 3)
)

SOURCE_IDX = Column("source_idx", pa.int16(), "which of the store's source files the row came from")
SOURCE_ROW = Column("source_row", pa.int64(), "line of that file as an editor counts it", nullable=True)

LINE_COUNT = Column("line_count", pa.int32(), "lines of the entry: offsets of the lines table")
TARIFF_COUNT = Column("tariff_count", pa.int16(), "numbers of the line: offsets of the tariffs table")
INPUT_REFUSED = Column(
    "input_refused", pa.bool_(), "intake found contradicting or unreadable rows: the entry has no lines here"
)

LINE_FACTS: tuple[Column, ...] = (
    COUNTRY_OF_ORIGIN,
    COUNTRY_OF_EXPORT,
    SPI_CODE,
    SET_INDICATOR,
    FTZ_STATUS,
    PRIVILEGED_DATE,
    COLUMN1_RATE_TEXT,
)
TARIFF_FACTS: tuple[Column, ...] = (HTS_NUMBER, VALUE_DOLLARS, DUTY_CENTS, *QUANTITIES_E2, *UOMS)

CANONICAL_ROWS: tuple[Column, ...] = (
    ENTRY_NUMBER,
    LINE_NUMBER,
    ORDINAL,
    HTS_NUMBER,
    VALUE_DOLLARS,
    DUTY_CENTS,
    DUTY,
    *LINE_FACTS,
    *QUANTITIES,
    *UOMS,
    *ENTRY_FACTS,
)

STORE_ENTRIES: tuple[Column, ...] = (ENTRY_NUMBER, *ENTRY_FACTS, SOURCE_IDX, SOURCE_ROW, INPUT_REFUSED, LINE_COUNT)
STORE_LINES: tuple[Column, ...] = (LINE_NUMBER, *LINE_FACTS, TARIFF_COUNT)
STORE_TARIFFS: tuple[Column, ...] = (ORDINAL, *TARIFF_FACTS, SOURCE_IDX, SOURCE_ROW)

TARIFF = Column("tariff", pa.int32(), "row of the number in the partition's tariffs, from 0")
STORE_QUANTITIES: tuple[Column, ...] = (TARIFF, *QUANTITIES_E2, *UOMS)
"""One row for each number that has a quantity or a unit; inside a store they stand apart from the tariffs."""

SHAPE_KEY = Column("shape_key", pa.int64(), "shape of the line << bits | place of its last number in the vocabulary")
LAST_VALUE = Column(
    "last_value_dollars", pa.int64(), "entered value beside the last number of the line, -1 unknown", low=-1
)
STORE_SHAPES: tuple[Column, ...] = (SHAPE_KEY, LAST_VALUE)
"""One row for each line, and behind them pairs of numbers of what few lines say (`store.shape_files`)."""

STORE_ENTRIES_SCHEMA = arrow_schema(STORE_ENTRIES)
STORE_LINES_SCHEMA = arrow_schema(STORE_LINES)
STORE_TARIFFS_SCHEMA = arrow_schema(STORE_TARIFFS)
