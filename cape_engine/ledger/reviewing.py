"""The part of the ledger that knows manual review: who waits for an officer, who was assigned, what was decided."""

from __future__ import annotations

import datetime as dt
from abc import ABC

import pyarrow as pa

from cape_engine.ledger import review_rows
from cape_engine.ledger.living import Living


class Reviewing(Living, ABC):
    """What a ledger keeps of manual review; tables are those of `schema.review`."""

    def in_review(self) -> pa.Table:
        """Live claims in the state IN_REVIEW, sorted by entry number.

        Returns:
            Columns `entry_number`, `declaration`, `since` (day of the step into review) and `reason` of that step.
        """
        with self._reading() as database:
            return review_rows.in_review(database, self._life)

    def record_reviews(self, reviews: pa.Table, *, on_day: dt.date) -> int:
        """Record assignments and decisions of officers.

        Args:
            reviews: columns `schema.review.REVIEWS`.
            on_day: day for the time of the link, where the transaction has none yet.

        Returns:
            Rows written (entries with the same act, officer, reason and amounts share one).
        """
        with self._writing() as writer:
            return review_rows.record_reviews(writer, reviews, on_day)

    def reviews(self) -> pa.Table:
        """Assignments and decisions in the order in which they were recorded: columns `schema.review.REVIEWS`."""
        with self._reading() as database:
            return review_rows.reviews(database)
