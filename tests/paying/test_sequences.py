"""No sequence of commands pays twice or loses a cent (issue 6, must show 3)."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from paying import lateness
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


class Late(lateness.LatePayments):
    """Late payments, with what they must bring."""

    checked = 0

    @invariant()
    def interest(self) -> None:
        """What is booked is what the twin says, once."""
        Late.checked = max(Late.checked, lateness.check(self.url))


def test_sequences__late() -> None:
    """The same with `refund.late_interest`, weeks between commands: each cent of it once, and none too few."""
    run_state_machine_as_test(Late, settings=SHORT)
    assert Late.checked > 2


@pytest.mark.heavy
def test_sequences__late_long() -> None:
    """The same, many more and longer ones."""
    run_state_machine_as_test(Late, settings=settings(SHORT, max_examples=STORIES, stateful_step_count=40))
