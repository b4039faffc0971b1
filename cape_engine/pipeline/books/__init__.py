"""Books of refunds: what was earned in which period, what each importer is owed, and when the money comes."""

from cape_engine.pipeline.books.api import BooksOptions, accrual, statement
from cape_engine.pipeline.books.forecast_api import forecast
from cape_engine.pipeline.books.request import BooksRequest, BooksResult

__all__ = ["BooksOptions", "BooksRequest", "BooksResult", "accrual", "forecast", "statement"]
