"""Books of numbers, shared by the partitions and threads of a run."""

from __future__ import annotations

import datetime as dt
import threading

from cape_engine.mass_processing.column1 import Column1Table
from cape_engine.mass_processing.numbers import Book
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings

_BOOKS: list[Book] = []
_BOOKS_LOCK = threading.Lock()
_MOST_BOOKS = 4


def shared_book(ruleset: Ruleset, settings: Settings, column1: Column1Table | None, as_of: dt.date) -> Book:
    """The book of these rules, made once and shared by the partitions of a run and by its threads."""
    with _BOOKS_LOCK:
        for book in _BOOKS:
            same = book.ruleset is ruleset and book.column1 is column1 and book.as_of == as_of
            if same and book.settings == settings:
                return book
        book = Book(ruleset, settings, column1, as_of)
        _BOOKS.append(book)
        del _BOOKS[:-_MOST_BOOKS]
        return book
