"""How column 1 was found on the lines where it is restored: rate, formula, value and quantities, in words."""

from __future__ import annotations

import datetime as dt

from cape_engine import bridge
from cape_engine.bridge import Partition
from cape_engine.dates import NO_DAY, date_of
from cape_engine.mass_processing import lines
from cape_engine.mass_processing.column1 import Column1Table
from cape_engine.mass_processing.numbers import Book
from cape_engine.mass_processing.result import Tallies
from cape_engine.mass_processing.stage import kernel_inputs, run_kernel
from cape_engine.money import cents_text, rate_text
from cape_engine.rules import Ruleset
from cape_engine.rules.rows import BaseRow, Rate
from cape_engine.schema import rows as t
from cape_engine.settings import Settings

FREE = Rate("0", 0, "", 0, 0, "", "", "Free", "")
"""Column 1 of a programme that is listed at Free."""


def explain_column1(
    partition: Partition,
    *,
    ruleset: Ruleset,
    settings: Settings,
    as_of: dt.date,
    column1: Column1Table | None = None,
) -> dict[tuple[int, int], list[str]]:
    """Sentences about the base number of every line that carries a replacement number, by (line number, ordinal).

    Args:
        partition: the entries to explain; a few, for a person reads the answer.
        ruleset: the law as dated data.
        settings: as given to `process`.
        as_of: filing day.
        column1: the user's own rates, if any.

    Source: handbook 5.3 and 5.5; clarifications 19-23.
    """
    book = Book(ruleset, settings, column1, as_of)
    inputs = kernel_inputs(partition, book, Tallies(), prices=True)
    prices = run_kernel(inputs).lines
    days = lines.days_of(inputs.entries, inputs.lines, inputs.shapes, inputs.policy.bits)
    offsets = bridge.offsets(partition.lines, t.TARIFF_COUNT)
    codes, vocabulary = bridge.codes(partition.tariffs, t.HTS_NUMBER)
    replacing = {number for number in vocabulary if any(row.kind == "replacement" for row in ruleset.ieepa(number))}
    programmes = partition.lines.column(str(t.SPI_CODE)).to_pylist()
    line_numbers = bridge.integers(partition.lines, t.LINE_NUMBER)
    ordinals = bridge.integers(partition.tariffs, t.ORDINAL)
    told: dict[tuple[int, int], list[str]] = {}
    for line, day_of_line in enumerate(days.tolist()):
        places = range(int(offsets[line]), int(offsets[line + 1]))
        if not any(vocabulary[codes[place]] in replacing for place in places):
            continue
        day = as_of if day_of_line == NO_DAY else date_of(day_of_line)
        for place in places:
            rows = [row for row in ruleset.base(vocabulary[codes[place]]) if row.applies(day)]
            if not rows:
                continue
            name, rate, source = _claimed(rows[0], ruleset, programmes[line], day)
            answer = "It cannot be computed from what the line says."
            if prices.status[line] == 0:
                amounts = _quantities(partition, place, rate, ruleset, settings)
                answer = (
                    f"On the line's value of ${int(prices.value[line]):,}{amounts} "
                    f"that is {cents_text(int(prices.column1[line]))}, half up to cents."
                )
            told[int(line_numbers[line]), int(ordinals[place])] = [
                f"Column 1 of {vocabulary[codes[place]]} on {day}, {name}: {_formula(rate)}; source: {source}.",
                answer,
            ]
    return told


def _claimed(base: BaseRow, ruleset: Ruleset, programme: str | None, day: dt.date) -> tuple[str, Rate, str]:
    """Name, rate and source of the column 1 rate that the line claims."""
    known = None if not programme else ruleset.spi(programme)
    if programme and known is not None and known.in_force(day):
        if base.free_for(programme):
            return f"Special rate of programme {programme}", FREE, base.source
        for row in ruleset.specials(base.hts8, programme):
            if row.readable and row.applies(day):
                return f"Special rate of programme {programme}", row.rate, base.source
    return "General rate", base.general, base.source


def _formula(rate: Rate) -> str:
    """A rate as its parts."""
    parts = []
    if rate.specific_e9:
        parts.append(f"${rate_text(rate.specific_e9)} per {rate.specific_unit}")
    if rate.other_e9:
        parts.append(f"${rate_text(rate.other_e9)} per {rate.other_unit}")
    if rate.ad_valorem_e9:
        parts.append(f"{rate_text(rate.ad_valorem_e9 * 100)} % of the value")
    return f"{' + '.join(parts) or 'Free'} (computation code {rate.code})"


def _quantities(partition: Partition, place: int, rate: Rate, ruleset: Ruleset, settings: Settings) -> str:
    """The quantities of a number as words, with the whole units that cheap rates count (19 CFR 159.3(b))."""
    if not (rate.specific_e9 or rate.other_e9):
        return ""
    hts = partition.tariffs.column(str(t.HTS_NUMBER))[place].as_py()
    cheap = {
        unit
        for part_e9, unit in ((rate.specific_e9, rate.specific_unit), (rate.other_e9, rate.other_unit))
        if 0 < part_e9 <= ruleset.whole_unit_limit_e9 and unit not in ruleset.whole_unit_exempt_units
    }
    if not settings.switch("mass.whole_units") or hts[:2] in ruleset.whole_unit_exempt_chapters:
        cheap = set()
    said = []
    for amount, unit_column in zip(t.QUANTITIES_E2, t.UOMS, strict=True):
        quantity = partition.tariffs.column(str(amount))[place].as_py()
        unit = partition.tariffs.column(str(unit_column))[place].as_py()
        if quantity is None:
            continue
        whole = f" (counted as {(quantity + 50) // 100:,}, whole units)" if unit in cheap and quantity % 100 else ""
        said.append(f"{quantity // 100:,}.{quantity % 100:02d} {unit}{whole}")
    return f" and {', '.join(said)}" if said else ""
