"""What a Python process that a test starts needs in its environment."""

from __future__ import annotations

import os
import sys

# How Python writes its output is what commands decide, and no setting of this machine, which would hide what a buffer
# still holds at the end.
_OWN = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
IMPORTING_LABGLOSS = {**_OWN, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
