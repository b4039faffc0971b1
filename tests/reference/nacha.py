"""A strict reader of NACHA CCD+ files, written from the handbook 7.5 position by position; it trusts no total."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

WIDTH, BLOCK = 94, 10


class Wrong(Exception):  # noqa: N818 - a file that breaks the format
    """The file is not as the format asks."""


def check(*, holds: bool, said: str) -> None:
    """Refuse the file unless something holds."""
    if not holds:
        raise Wrong(said)


@dataclass
class Entry:
    """Record 6 with its record 7."""

    code: str
    routing: str
    account: str
    cents: int
    number: str
    name: str
    trace: str
    addenda: str | None = None


@dataclass
class Batch:
    """Records 5 to 8."""

    company_id: str
    odfi: str
    effective: str
    status: str
    entries: list[Entry] = field(default_factory=list)


@dataclass
class File:
    """Records 1 to 9."""

    destination: str
    origin: str
    created: str
    modifier: str
    batches: list[Batch] = field(default_factory=list)

    def entries(self) -> list[Entry]:
        """Entries of all batches, in order."""
        return [entry for batch in self.batches for entry in batch.entries]


def at(line: str, first: int, last: int) -> str:
    """Positions of a record, counted from 1, both included."""
    return line[first - 1 : last]


def number(line: str, first: int, last: int) -> int:
    """A number filled with zeros."""
    text = at(line, first, last)
    check(holds=re.fullmatch(r"[0-9]+", text) is not None, said=f"{first}-{last} is no number: {text!r}")
    return int(text)


def read(content: bytes, end: bytes = b"\n") -> File:
    """A whole file, every control checked.

    Raises:
        Wrong: with what is wrong.
    """
    lines = records(content, end)
    check(holds=len(lines) % BLOCK == 0, said="the last block is not full")
    order = "".join(line[0] for line in lines)
    shape = re.fullmatch(r"1(?:5(?:67?)+8)+9(9*)", order)
    check(holds=shape is not None, said="records are not in the order 1-5-6-7-8-9")
    assert shape is not None
    fill = len(shape[1])
    check(holds=fill < BLOCK, said="more filling than a block")
    check(holds=all(line == "9" * WIDTH for line in lines[len(lines) - fill :]), said="filling is lines of 9")
    body = lines[: len(lines) - fill]
    found = header(body[0])
    counts: list[tuple[int, int, int]] = []
    begin = 1
    for place, line in enumerate(body):
        if line[0] == "8":
            counts.append(batch(body[begin : place + 1], found, len(counts) + 1))
            begin = place + 1
    control(body[-1], counts, len(lines) // BLOCK)
    traces = [entry.trace for entry in found.entries()]
    check(holds=traces == sorted(set(traces)), said="traces do not ascend")
    return found


def records(content: bytes, end: bytes) -> list[str]:
    """Lines of 94 characters, upper-case ASCII."""
    text = content.decode("ascii")
    wide = WIDTH + len(end)
    check(holds=len(text) % wide == 0, said="a record has not 94 characters")
    lines = [text[place : place + wide] for place in range(0, len(text), wide)]
    for line in lines:
        check(holds=line[WIDTH:].encode() == end, said="a record does not end where it should")
        check(holds=re.fullmatch(r"[ -`{-~]{94}", line[:WIDTH]) is not None, said=f"not upper-case ASCII: {line!r}")
    return [line[:WIDTH] for line in lines]


def header(line: str) -> File:
    """Record 1."""
    check(holds=at(line, 1, 3) == "101", said="record 1 begins with 101")
    check(holds=at(line, 35, 40) == "094101", said="record size 094, blocks of 10, format 1")
    check(holds=re.fullmatch(r"[A-Z0-9]", at(line, 34, 34)) is not None, said="the modifier is A-Z or 0-9")
    number(line, 24, 33)
    return File(at(line, 4, 13).strip(), at(line, 14, 23).strip(), at(line, 24, 33), at(line, 34, 34))


def batch(lines: list[str], file: File, expected: int) -> tuple[int, int, int]:
    """Records 5 to 8: (records, hash, credits)."""
    head, last = lines[0], lines[-1]
    check(holds=at(head, 2, 4) == "220" and at(last, 2, 4) == "220", said="the service class is 220")
    check(holds=at(head, 51, 53) == "CCD", said="the class is CCD")
    check(holds=number(head, 88, 94) == number(last, 88, 94) == expected, said="batches are not numbered in turn")
    check(holds=at(head, 41, 50) == at(last, 45, 54), said="the company differs")
    check(holds=at(head, 80, 87) == at(last, 80, 87), said="the originator's bank differs")
    made = Batch(at(head, 41, 50), at(head, 80, 87), at(head, 70, 75), at(head, 79, 79))
    for line in lines[1:-1]:
        if line[0] == "6":
            made.entries.append(entry(line, made.odfi))
        else:
            addenda(line, made.entries[-1])
    for one, line in zip(made.entries, (line for line in lines if line[0] == "6"), strict=True):
        check(holds=at(line, 79, 79) == ("0" if one.addenda is None else "1"), said="the addenda flag is wrong")
    hashed = sum(int(one.routing[:8]) for one in made.entries)
    cents = sum(one.cents for one in made.entries)
    check(holds=number(last, 5, 10) == len(lines) - 2, said="entries and addenda are not counted")
    check(holds=number(last, 11, 20) == hashed % 10**10, said="the entry hash of the batch is wrong")
    check(holds=number(last, 21, 32) == 0, said="there are no debits")
    check(holds=number(last, 33, 44) == cents, said="the credits of the batch are wrong")
    file.batches.append(made)
    return len(lines) - 2, hashed, cents


def entry(line: str, odfi: str) -> Entry:
    """Record 6."""
    made = Entry(
        at(line, 2, 3),
        at(line, 4, 12),
        at(line, 13, 29).rstrip(),
        number(line, 30, 39),
        at(line, 40, 54).rstrip(),
        at(line, 55, 76).rstrip(),
        at(line, 80, 94),
    )
    check(holds=made.code in {"22", "32", "23", "33"}, said=f"{made.code} is no code of a credit")
    check(holds=(made.cents == 0) == (made.code in {"23", "33"}), said="prenotes alone carry no money")
    number(line, 4, 12)
    weighed = sum(int(digit) * weight for digit, weight in zip(made.routing, (3, 7, 1) * 3, strict=True))
    check(holds=weighed % 10 == 0, said="a routing number fails its check digit")
    check(holds=made.account != "" and made.name != "", said="an entry without account or name")
    check(holds=made.trace[:8] == odfi and made.trace.isdigit(), said="a trace begins with the originator's bank")
    return made


def addenda(line: str, one: Entry) -> None:
    """Record 7: one at most."""
    check(holds=one.addenda is None, said="a second addenda record")
    check(holds=at(line, 1, 3) == "705" and at(line, 84, 87) == "0001", said="an addenda is 705, sequence 0001")
    check(holds=at(line, 88, 94) == one.trace[-7:], said="an addenda names another trace")
    one.addenda = at(line, 4, 83).rstrip()


def control(line: str, counts: list[tuple[int, int, int]], blocks: int) -> None:
    """Record 9."""
    check(holds=number(line, 2, 7) == len(counts), said="batches are not counted")
    check(holds=number(line, 8, 13) == blocks, said="blocks are not counted")
    check(holds=number(line, 14, 21) == sum(one[0] for one in counts), said="records are not counted")
    check(holds=number(line, 22, 31) == sum(one[1] for one in counts) % 10**10, said="the entry hash is wrong")
    check(holds=number(line, 32, 43) == 0, said="there are no debits")
    check(holds=number(line, 44, 55) == sum(one[2] for one in counts), said="the credits are wrong")
    check(holds=at(line, 56, 94).strip() == "", said="the rest of record 9 is blank")
