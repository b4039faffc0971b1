"""The numbers of a run: one place for each, one spelling, the facts of the importers file; threads side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.refund import Register, key_of
from cape_engine.refund.register import importers_by_key
from cape_engine.schema.column import arrow_schema
from cape_engine.schema.facts import IMPORTERS_FILE
from cape_kernels.parties import TOGETHER
from reference.refund import table

WORDS = st.lists(
    st.one_of(st.none(), st.text("1aB- \t\x1f\u00a0éß", max_size=4), st.sampled_from(["12-345678900", "12345678900"])),
    max_size=2 * TOGETHER + 10,
)


def spelled(words: list[str | None]) -> dict[str, str]:
    """The smallest spelling of each number by a plain loop."""
    smallest: dict[str, str] = {}
    for word in words:
        if word is not None and key_of(word):
            smallest[key_of(word)] = min(word, smallest.get(key_of(word), word))
    return smallest


@given(WORDS, WORDS)
def test_learn__equals_a_dictionary(first: list[str | None], second: list[str | None]) -> None:
    """Equal numbers have one place, shown in their smallest spelling; null and blank are nobody."""
    register = Register()
    places = [*register.learn(first), *register.learn(pa.array(second, pa.string()))]
    words = [*first, *second]
    smallest = spelled(words)
    numbers = np.array(places, np.int32)
    assert register.keys(numbers).to_pylist() == [key_of(word) for word in words]
    assert register.shown(numbers, "nobody").to_pylist() == [smallest.get(key_of(word), "nobody") for word in words]
    assert len(register) == len(smallest) + 1
    assert len(set(places)) == len({key_of(word) for word in words})


def test_learn__many_numbers() -> None:
    """Tens of thousands of numbers, in growing tables and in slices of arrays, keep their places."""
    words = [f"{number % 97:02d}-{number:09d}" for number in range(50_000)]
    register = Register()
    whole = register.learn(words)
    assert np.array_equal(np.sort(whole), np.arange(1, 50_001))
    assert np.array_equal(register.learn(pa.array(words).slice(49_000)), whole[49_000:])
    assert register.shown(whole[::9973]).to_pylist() == words[::9973]


def test_learn__threads_share_a_register() -> None:
    """Whoever comes first, equal numbers get equal places."""
    words = [[f"12-{(start * 37 + number) % 5000:09d}" for number in range(3000)] for start in range(16)]
    register = Register()
    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(register.learn, words))
    assert len(register) == len({word for some in words for word in some}) + 1
    for some, numbers in zip(words, places, strict=True):
        assert register.shown(numbers).to_pylist() == some


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "importer_number": st.sampled_from(["12-1", "121", "12 1", "AB2", "ab-2", "99", " ", None]),
            "importer_kind": st.sampled_from(["corporate", "noncorporate", None]),
            "ach_enrolled": st.sampled_from([True, False, None]),
        }
    ),
    max_size=8,
)


@given(ROWS)
def test_register__importers_file(rows: list[dict[str, object]]) -> None:
    """Spelling, kind and enrolment are those of the importers file, repeated rows settled in any order."""
    importers = table(arrow_schema(IMPORTERS_FILE), rows)
    register = Register(importers)
    words = ["12 1", "12-1", "AB2", "ab2", "99", "unheard"]
    places = register.learn(words)
    known = importers_by_key(importers)
    shown, kinds, enrolled = register.shown(places).to_pylist(), register.kinds(), register.enrolled()
    for word, place, spelling in zip(words, places, shown, strict=True):
        fact = known.get(key_of(word))
        if fact is None:
            assert (kinds[place], enrolled[place]) == (-1, -1)
            assert spelling == spelled(list(words))[key_of(word)]
        else:
            assert spelling == fact.spelling
            assert kinds[place] == (-1 if fact.kind is None else fact.kind)
            assert enrolled[place] == (-1 if fact.ach_enrolled is None else fact.ach_enrolled)


def test_digest__only_of_spellings_with_a_choice() -> None:
    """More numbers leave the digest as it is, another spelling of a known one does not; order does not matter."""
    first, second = Register(), Register()
    first.learn(["12-1", "12-2"])
    second.learn(["12-2"])
    second.learn(["12-3", "12-1"])
    assert first.digest() == second.digest()
    first.learn(["121"])
    assert first.digest() != second.digest()
    second.learn(["121", "12-1"])
    assert first.digest() == second.digest()
