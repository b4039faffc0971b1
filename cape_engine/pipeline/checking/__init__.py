"""A check of declarations: files in, the portal's answer for every entry out, each remembered by the ledger."""

from cape_engine.pipeline.checking.api import CheckOptions, check, check_request
from cape_engine.pipeline.checking.request import CheckRequest, CheckResult
from cape_engine.pipeline.checking.road import execute_check

__all__ = ["CheckOptions", "CheckRequest", "CheckResult", "check", "check_request", "execute_check"]
