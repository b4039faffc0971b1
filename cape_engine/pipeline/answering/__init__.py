"""The loop: CBP's answers come back in, statuses move, what failed is routed, differences are counted by rule."""

from cape_engine.pipeline.answering.api import AnswerOptions, answers, answers_request
from cape_engine.pipeline.answering.request import AnswersRequest, AnswersResult
from cape_engine.pipeline.answering.road import execute_answers

__all__ = ["AnswerOptions", "AnswersRequest", "AnswersResult", "answers", "answers_request", "execute_answers"]
