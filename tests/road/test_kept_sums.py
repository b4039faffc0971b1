"""Sums that a run keeps for the next: taken up less those of parts that went, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from cape_engine import mass_processing, refund
from cape_engine.bridge import readonly
from cape_engine.errors import OutputError
from cape_engine.pipeline.kept_sums import NAME, KeptSums
from cape_engine.pipeline.part import Share
from cape_engine.settings import Settings
from cape_kernels import consolidation as kernels

SETTINGS = Settings.build(None, None)


def share(register: refund.Register, key: str) -> Share:
    """The share of a part: a refund of its own, and one that all parts have."""
    number = int(key)
    places = register.learn(["10-000000000", f"20-{number:09}"])
    day = np.array([20_600, 20_700 + number % 3], np.int64)
    rows = np.stack([day << 32 | places, [1, 2], [100 + number, 10], [number, 1]], axis=1).astype(np.int64)
    sums = refund.Sums(register, places, readonly(rows))
    tally = refund.Tally(Counter({("CODE", ""): number}), {"CODE": [key]}, number)
    numbers = mass_processing.Tallies({("CODE", "column", "value", ""): (number, key)})
    return Share(sums, tally, numbers, {"rows": {"entries": number}}, [number, 2, 1], {"": number})


def run(out: Path, keys: Sequence[str], before: Sequence[str] = ()) -> tuple[dict[str, list[int]], list[str]]:
    """What a run adds up by recipient and day, and the parts whose records were read; `before` was run last."""
    register, read = refund.Register(), []
    register.learn([f"9{len(keys)}-000000000"])  # places are others in every run
    records: Mapping[str, bytes] = {key: share(refund.Register(), key).to_bytes() for key in before}

    def record(key: str) -> bytes | None:
        read.append(key)
        return records.get(key)

    (out / ".run").mkdir(parents=True, exist_ok=True)
    kept = KeptSums(out, keys, register, records.__contains__, record)
    whole = refund.Accumulator(register, SETTINGS)
    unknown: Counter[str] = Counter()
    for key in keys:
        found = kept.share(key)
        assert (found is not None) == kept.holds(key)
        if found is None:
            data = record(key) if key in records else None
            found = share(register, key) if data is None else Share.from_bytes(data, register)
            kept.take(key, found)
        expected = share(register, key)
        assert (found.priced, found.numbers, found.counts) == (expected.priced, expected.numbers, expected.counts)
        assert (found.hash_words, found.unknown) == (expected.hash_words, expected.unknown)
        whole.add(found.sums)
        unknown.update(found.unknown)
    kept.write(whole.sums)
    kept.close()
    assert unknown[""] == sum(map(int, keys))
    rows = whole.finish().refunds.to_pylist()
    return {
        f"{row['recipient']} {row['liquidation_date']}": [row["entries"], row["principal_cents"]] for row in rows
    }, read


def test_kept_sums__what_came_and_went(tmp_path: Path) -> None:
    """Whatever came and went, sums are those of a run of its own, and only records of parts that went are read."""
    steps: list[tuple[list[str], list[str]]] = [
        (["1", "2", "3", "4", "5"], []),
        (["1", "2", "3", "4", "5"], []),  # nothing changed
        (["1", "2", "3", "4", "5", "6"], []),  # one came
        (["6", "1", "2", "3", "4", "5"], []),  # another order
        (["1", "2", "4", "5", "6"], ["3"]),  # one went
        (["1", "2", "4", "5", "6"], []),
        (["1", "7", "4", "5", "6"], ["2"]),  # one is another
        (["1", "7", "8", "9"], ["1", "7"]),  # most went: the others are read
        (["1", "7", "8", "9"], []),
        ([], []),
    ]
    before: list[str] = []
    for number, (keys, went) in enumerate(steps):
        found, read = run(tmp_path / "kept", keys, before)
        assert found == run(tmp_path / str(number), keys)[0]
        assert read == went, keys
        before = keys


def test_kept_sums__parts_of_the_same_content(tmp_path: Path) -> None:
    """Where two parts have one key nothing is kept, and nothing of an earlier run is taken up."""
    run(tmp_path, ["1", "2", "3"])
    before = (tmp_path / ".run" / NAME).read_bytes()
    found, read = run(tmp_path, ["1", "2", "2"], ["1", "2", "3"])
    assert read == ["1", "2", "2"]
    assert found == run(tmp_path / "fresh", ["1", "2", "2"])[0]
    assert not (tmp_path / "fresh" / ".run" / NAME).exists()
    assert (tmp_path / ".run" / NAME).read_bytes() == before


def test_kept_sums__not_held(tmp_path: Path) -> None:
    """Where the results of a part that stays are not there any more, its sums are not taken up."""
    run(tmp_path, ["1", "2", "3"])
    assert run(tmp_path, ["1", "2", "3"], ["1", "2"])[1] == ["1", "2"]
    run(tmp_path, ["1", "2", "3"])
    assert run(tmp_path, ["1", "2", "4"], ["1", "2"])[1] == ["3", "1", "2"]


def test_kept_sums__do_not_add_up(tmp_path: Path) -> None:
    """Records that are not those that were added end the run, and the message names the next step."""
    run(tmp_path, ["1", "2", "3"])
    register = refund.Register()
    other = share(register, "2").to_bytes()
    kept = KeptSums(tmp_path, ["1", "2"], register, {"1", "2"}.__contains__, lambda _key: other)
    assert kept.share("1") is not None
    with pytest.raises(OutputError, match="run again with --full"):
        kept.share("2")
    kept.close()
    assert kernels.KEY == 0


def test_kept_sums__spelling_of_what_went(tmp_path: Path) -> None:
    """How parts that went spelled a number is forgotten with them: the run spells it as its own parts do."""
    run(tmp_path, ["1", "2", "3"])
    register = refund.Register()
    records = {key: share(refund.Register(), key).to_bytes() for key in ("1", "2", "3")}
    kept = KeptSums(tmp_path, ["1", "2", "4"], register, {"1", "2"}.__contains__, records.get)
    left = kept.share("2")
    assert left is not None
    assert sorted(register.shown(left.sums.recipient).to_pylist()) == ["10-000000000", "20-000000001", "20-000000002"]
    assert register.shown(register.learn(["20000000003"])).to_pylist() == ["20000000003"]
    kept.close()


@pytest.mark.parametrize("place", range(12))
def test_kept_sums__damaged(tmp_path: Path, place: int) -> None:
    """A file of sums that is damaged anywhere, lengths among it, is not taken up; nor is any by `full`."""
    whole = run(tmp_path, ["1", "2", "3"])[0]
    path = tmp_path / ".run" / NAME
    content = bytearray(path.read_bytes())
    content[place] ^= 0x80
    path.write_bytes(content)
    assert run(tmp_path, ["1", "2", "3"], ["1", "2", "3"]) == (whole, ["1", "2", "3"])
    kept = KeptSums(tmp_path, ["1", "2", "3"], refund.Register(), {"1", "2", "3"}.__contains__, str.encode, full=True)
    assert not any(map(kept.holds, ("1", "2", "3")))
    kept.close()
