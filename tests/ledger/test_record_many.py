"""Many declarations at once: what they do one after the other, in one transaction, all or none."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.errors import UsageError
from cape_engine.ledger import Ledger, Recorded, Submission

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
STATES = ("DECLARED", "ACCEPTED", "ENTRY_FAILED", "FILE_REJECTED", "STRIPPED")
REASONS = ("", "PROTEST_OPEN", "ON_DRAWBACK")


def plain(done: Sequence[Recorded]) -> list[dict[str, object]]:
    """Records as values that can be compared."""
    return [{**dataclasses.asdict(one), "duplicates": one.duplicates.to_pylist()} for one in done]


def drawn(draw: random.Random, numbers: Numbers, submit: Submit, files: int, entries: int) -> list[Submission]:
    """Declarations of a small world: the smaller, the more files come again and the more entries stand twice."""
    pool = numbers(entries)
    made = []
    for _ in range(draw.randint(1, 6)):
        listed = draw.sample(pool, draw.randint(0, 5))
        one = submit(
            listed,
            [draw.choice(STATES) for _ in listed],
            file=f"f{draw.randrange(files)}",
            filer=draw.choice(["ABC", "XYZ"]),
            reasons=[draw.choice(REASONS) for _ in listed],
            cents=draw.choice([None, 5_00]),
        )
        day = one.filed_on.replace(day=draw.choice([4, 4, 4, 5]))
        shown = one.entries if draw.random() < 0.5 else one.entries.drop_columns(["reason"])
        made.append(dataclasses.replace(one, filed_on=day, who=draw.choice(["portal", "filer"]), entries=shown))
    return made


@pytest.mark.parametrize(("files", "entries"), [(3, 6), (40, 30), (10**6, 900)])
def test_record_many__as_one_by_one(tmp_path: Path, numbers: Numbers, submit: Submit, files: int, entries: int) -> None:
    """Answers, rows, order of the steps and the hash of the link are those of the declarations one after the other."""
    draw = random.Random(files)
    shared = 0
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "many.db") as many:
        for _ in range(60):
            submissions = drawn(draw, numbers, submit, files, entries)
            with one.transaction():
                expected = [one.record(submission) for submission in submissions]
            assert plain(many.record_many(submissions)) == plain(expected)
            shared += sum(bool(record.duplicates.num_rows or not record.new) for record in expected)
            before, after = one.show(), many.show()
            assert dataclasses.replace(after, url="") == dataclasses.replace(before, url="")
        assert many.verify().ok
    assert shared > 20 or files > 100


def test_record_many__one_link(url: str, numbers: Numbers, submit: Submit) -> None:
    """Five hundred declarations are one link of the chain; given again they change nothing."""
    entries = numbers(1000)
    submissions = [submit(entries[at : at + 2], "DECLARED", file=f"{at:04d}") for at in range(0, 1000, 2)]
    with Ledger.open(url) as ledger:
        done = ledger.record_many(submissions)
        assert [one.declaration for one in done] == list(range(1, 501))
        assert (ledger.show().links, ledger.show().live) == (1, 1000)
        head = ledger.show().head
        assert [one.new for one in ledger.record_many(submissions)] == [False] * 500
        assert ledger.show().head == head
        assert ledger.verify().ok
        assert ledger.record_many([]) == []


def test_record_many__all_or_none(url: str, numbers: Numbers, submit: Submit) -> None:
    """One declaration that cannot be recorded keeps all others out."""
    good = [submit([entry], file=str(place)) for place, entry in enumerate(numbers(20))]
    taken = dataclasses.replace(good[-1], file_sha256="f" * 64, claim_number="100000000003", entries=pa.table({}))
    with Ledger.open(url) as ledger:
        with pytest.raises(UsageError, match="claim number 100000000003 belongs to another declaration"):
            ledger.record_many([*good, taken])
        assert ledger.show().links == 0
        assert ledger.declared().num_rows == 0


def test_record_many__own_claim_numbers(url: str, numbers: Numbers, submit: Submit) -> None:
    """Numbers of our own step aside for one that CBP gave to an earlier declaration of the same call."""
    serial = count(1)
    listed = [submit([entry], file=f"f{next(serial)}") for entry in numbers(3)]
    listed[0] = dataclasses.replace(listed[0], claim_number="100000000002")
    with Ledger.open(url) as ledger:
        found = [one.claim_number for one in ledger.record_many(listed)]
        assert found == ["100000000002", "100000000003", "100000000004"]
