"""What all tests share: one derandomized hypothesis profile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything below `tests/kernels` as calling compiled code, so that it runs in the other two modes too."""
    kernels = Path(__file__).parent / "kernels"
    for item in items:
        if kernels in item.path.parents:
            item.add_marker(pytest.mark.kernel)
