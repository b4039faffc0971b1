"""Manual review (handbook 6.4): entries that wait for an officer, assignments, decisions."""

from cape_engine.pipeline.reviewing.api import ReviewResult, review_assign, review_decide, review_list

__all__ = ["ReviewResult", "review_assign", "review_decide", "review_list"]
