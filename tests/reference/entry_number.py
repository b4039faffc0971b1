"""Exact twin of the entry number kernels, from CATAIR Appendix E in plain Python."""

from __future__ import annotations

_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", [*range(1, 10), *range(1, 10), *range(2, 10)], strict=True))
_ORDER = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def check_digit(first_ten: str) -> int:
    """The digit behind the first ten characters: weights 2, 1, 2, 1 from the right, digits of the products added."""
    total = 0
    for place, character in enumerate(reversed(first_ten)):
        digit = int(character) if character.isdigit() else _LETTERS[character]
        product = digit * (2 if place % 2 == 0 else 1)
        total += sum(int(part) for part in str(product))
    return (10 - total % 10) % 10


def key(number: str) -> int:
    """Eleven characters as one number of base 36."""
    return int(number, 36)


def text(number: int) -> str:
    """A key as eleven characters."""
    characters = ""
    for _place in range(11):
        number, rest = divmod(number, 36)
        characters = _ORDER[rest] + characters
    return characters


def read(cell: str) -> str:
    """`ok`, `blank`, `character` or `length` for a cell; dashes, blanks and guards do not count."""
    kept = [character for character in cell if character not in "- \t=\"'"]
    if any(not (character.isascii() and character.isalnum()) for character in kept):
        return "character"
    if not kept:
        return "blank"
    return "ok" if len(kept) == 11 else "length"
