"""The service as it runs in the image: a copy of the package, with the release parsed when it was made."""

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


def as_in_the_image(folder: Path) -> Mapping[str, str]:
    """The environment in which such a copy, made in a folder, is what runs. Raises RuntimeError without a release."""
    copy = folder / "lib" / "labgloss"
    shutil.copytree(_HOME, copy, ignore=shutil.ignore_patterns("__pycache__"))
    paths = (str(copy.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    environment = {"PYTHONPATH": os.pathsep.join(paths)}
    command = (sys.executable, "-m", "labgloss.parsed")
    subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
    if not (copy / PLACE.relative_to(_HOME)).exists():
        raise RuntimeError("the release was not parsed for the copy of the package")
    return environment
