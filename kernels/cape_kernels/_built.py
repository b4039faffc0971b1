"""Machine code that travels with the package, so that not even the first run needs a compiler.

`python -m cape_kernels._built` writes it beside the sources, for x86-64 processors of level 3 (2015 and later: AVX2,
BMI2, FMA). It counts only for exactly these sources, this system and processors that can do as much; everywhere else,
and for code with bounds checks, kernels are compiled into the user's cache as ever.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent / "built"
KEY_FILE = "KEY"
LEVEL = "x86-64-v3"
FEATURES = ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt", "sse4.2")
_MACHINES = {"x86_64", "AMD64"}
_CODE = """from cape_kernels import _jit, ahead
ahead.compile_all(seldom=True)
print(_jit.code_folder())
"""


@functools.cache
def key() -> str:
    """What the code is for: all sources here whatever the release of Python, the system, the level."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{digest.hexdigest()} {sys.platform} {LEVEL}"


@functools.cache
def folder() -> Path | None:
    """The folder of the code, if there is one and this process can run it."""
    try:
        made_for = (FOLDER / KEY_FILE).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    if made_for != key() or platform.machine() not in _MACHINES:
        return None
    from cape_kernels import _machine

    return FOLDER if _machine.able(FEATURES) else None


def write() -> bool:
    """Compile all kernels into `FOLDER`, unless they are there; whether this process had to, and could."""
    if folder() is not None or platform.machine() not in _MACHINES:
        return False
    shutil.rmtree(FOLDER, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="cape-kernels-") as cache:
        features = ",".join(f"+{feature}" for feature in FEATURES)
        wanted = {"CAPE_CACHE_DIR": cache, "NUMBA_CPU_NAME": LEVEL, "NUMBA_CPU_FEATURES": features}
        paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        without = {name: text for name, text in os.environ.items() if not name.startswith("NUMBA_")}
        done = subprocess.run(  # noqa: S603 - this very interpreter and our own text
            [sys.executable, "-P", "-c", _CODE],
            env=without | paths | wanted,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        made = FOLDER.with_name("built.part")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        for file in sorted(Path(done.stdout.strip().splitlines()[-1]).glob("*.o")):
            shutil.copyfile(file, made / file.name)
            (made / file.name).chmod(0o644)  # the cache is its owner's alone, the package is everybody's
        # The key stands last, and the folder appears whole: who looks meanwhile finds nothing and compiles.
        (made / KEY_FILE).write_text(key(), encoding="ascii")
        made.replace(FOLDER)
    folder.cache_clear()
    return True


if __name__ == "__main__":
    write()
