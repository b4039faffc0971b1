"""Quantities as the kernel takes them: in the order of the tariffs, wherever a store keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cape_engine import bridge
from cape_engine.mass_processing.amounts import quantities_of
from cape_engine.mass_processing.books import shared_book
from cape_engine.schema import rows as t
from cape_engine.settings import Settings
from cape_engine.store import Source, StoreWriter
from mass.builders import AS_OF, entry, line, partition, ruleset, tariff

LOTS = 40
GARLIC, COMPUTER, FISH = "0703102000", "8471704065", "0302110010"
"""General by weight; Free under every programme; Free, but so much a kilogram in column 2."""


@pytest.mark.parametrize("wanted", [None, [GARLIC], [GARLIC, COMPUTER], [COMPUTER]])
def test_quantities_of__same_from_store_and_memory(tmp_path: Path, wanted: list[str] | None) -> None:
    """The quantities of the numbers asked for ascend by tariff, also where a store keeps them in two pieces."""
    numbers = [GARLIC, COMPUTER, FISH] * LOTS
    made = partition(entry(*(line(tariff(hts, 0, 1, [(at, "KG")])) for at, hts in enumerate(numbers))))
    writer = StoreWriter(tmp_path / "store")
    writer.write(made)
    store = writer.finish([Source("made.csv", "0" * 64, 1, len(numbers), "es003 csv")], [])
    book = shared_book(ruleset(), Settings.build({}), None, AS_OF)
    asked = set(numbers if wanted is None else wanted)
    for each in (made, store.opened(made.name)):
        _, vocabulary = bridge.codes(each.tariffs, t.HTS_NUMBER)
        places = None if wanted is None else np.array([vocabulary.index(word) for word in wanted], np.int32)
        found = quantities_of(each, book, vocabulary, places)
        tariffs = found.tariff.tolist()
        assert tariffs == sorted(tariffs)
        amounts = dict(
            zip(tariffs, (found.quantity_1 if len(found.quantity_1) else found.wide_1).tolist(), strict=True)
        )
        expected = {at: at for at, hts in enumerate(numbers) if hts in asked}
        assert expected.items() <= amounts.items()
        assert all(amounts[at] == at for at in amounts)
