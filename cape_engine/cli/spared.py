"""What the command's process does without: optional parts of libraries that nothing here uses."""

from __future__ import annotations

import os
import sys

REFUSED = frozenset(
    (
        "pandas",  # Arrow asks whether an argument is one of its frames: 0.4 s of a process of 1.6 s
        "cloudpickle",  # functions of users that Arrow would send to other processes
        "dateutil",  # Arrow asks whether a value is one of its periods
        "pyarrow._azurefs",  # stores of the cloud
        "pyarrow._gcsfs",
        "pyarrow._hdfs",
        "pyarrow._s3fs",
    )
)


class _Refusing:
    """Says of some modules that they are not installed, which their users are prepared for.

    A finder by its method alone: its base class in `importlib.abc` would load a third of what `cape --help` loads.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Say that a refused module is not there, and leave every other name to the finders behind."""
        del path, target
        if fullname in REFUSED:
            raise ModuleNotFoundError("the command line works without it", name=fullname)


def spare() -> None:
    """Make this process load less; before the first import of NumPy and Arrow."""
    # Nothing here multiplies matrices, and a waiting thread of theirs turns on a core for 0.1 s after it was made.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.meta_path.insert(0, _Refusing())
