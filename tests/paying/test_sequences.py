"""No sequence of commands pays twice or loses a cent (issue 6, must show 3)."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from paying.machine import Payments

STORIES = int(os.environ.get("CAPE_TEST_STORIES", "120"))
SHORT = settings(max_examples=10, stateful_step_count=8, deadline=None, derandomize=True, database=None,
                 suppress_health_check=list(HealthCheck))  # fmt: skip


def test_sequences__short() -> None:
    """Enrol, release, send, bank, reissue and their repetitions in any order, with every invariant after each."""
    run_state_machine_as_test(Payments, settings=SHORT)


@pytest.mark.heavy
def test_sequences__long() -> None:
    """The same, many more and longer ones."""
    run_state_machine_as_test(Payments, settings=settings(SHORT, max_examples=STORIES, stateful_step_count=40))
