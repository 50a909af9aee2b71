"""The service as it runs in the image: a copy of the package, compiled, with the release parsed when it was made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import labgloss
from labgloss.parsed import PLACE

_HOME = Path(labgloss.__file__).parent


_COMPILE = (
    "import compileall, py_compile, sys; "
    "unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH; "
    "sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1, invalidation_mode=unchecked))"
)


def as_in_the_image(folder: Path) -> Mapping[str, str]:
    """The environment in which such a copy, made in a folder, is what runs. Raises RuntimeError without a release."""
    environment = compiled(folder / "image")
    run = (sys.executable, "-m", "labgloss.parsed")
    subprocess.run(run, env={**os.environ, **environment}, check=True, capture_output=True)
    if not (folder / "image" / "labgloss" / PLACE.relative_to(_HOME)).exists():
        raise RuntimeError("the release was not parsed for the copy of the package")
    return environment


def compiled(folder: Path) -> Mapping[str, str]:
    """The environment in which a copy without a parsed release is what runs.

    Compiled beforehand, as the image is: where Python is told to write no bytecode, a start would compile it all again.
    """
    copy = folder / "labgloss"
    left_out = shutil.ignore_patterns("__pycache__", PLACE.name)
    shutil.copytree(_HOME, copy, ignore=left_out)
    subprocess.run((sys.executable, "-c", _COMPILE, str(copy)), check=True, capture_output=True)
    return {
        "PYTHONPATH": os.pathsep.join((str(folder), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))))
    }
