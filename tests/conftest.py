"""What all tests share: one derandomized hypothesis profile, and a PostgreSQL server for those that want one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["ledger.server"]

# Every run tries the same examples, so that a red test is red for everybody; CAPE_EXAMPLES asks for more of them.
# No deadline: the first call of a kernel may wait for the compiler.
settings.register_profile(
    "cape",
    derandomize=True,
    deadline=None,
    max_examples=int(os.environ.get("CAPE_EXAMPLES", "100")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cape")

# Folders of tests that call kernels on few rows; whole runs over many rows (`road`) take too long without a compiler.
COMPILED = {"kernels", "mass", "refund", "claim_portal", "intake", "outputs"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of all that calls compiled code, so that they run with the compiler off too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.path.relative_to(here).parts[0] in COMPILED:
            item.add_marker(pytest.mark.kernel)
